//! Properties over random bodies: no panic, no result that depends on how the body is cut, nothing quadratic.

use super::*;

/// xorshift64*: the same sequence every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound.max(1)
    }

    fn pick<'a>(&mut self, from: &[&'a [u8]]) -> &'a [u8] {
        from[self.below(from.len())]
    }

    /// `seed` with one to four pieces cut out, doubled, overwritten or put in.
    fn mutate(&mut self, seed: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
        let mut body = seed.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(body.len() + 1);
            let end = (at + 1 + self.below(8)).min(body.len());
            match self.below(6) {
                0 => drop(body.drain(at..end)),
                1 => {
                    let copy = body[at..end].to_vec();
                    let to = self.below(body.len() + 1);
                    body.splice(to..to, copy);
                }
                2 if at < body.len() => body[at] = self.next() as u8,
                _ => drop(body.splice(at..at, self.pick(pieces).iter().copied())),
            }
        }
        body
    }
}

const MULTIPART_SEEDS: &[&[u8]] = &[
    b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\ntwo\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\nContent-Type: text/plain\r\n\r\nfile\r\n\r\n--b--\r\n",
    b"--b\nContent-Disposition: form-data;\n name='q'\n\n-x\n--\n--x\nx--b\r\n--b--",
];
const MULTIPART_PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"--b",
    b"--b\r\n",
    b"--b--",
    b"--",
    b"-",
    b"\"",
    b"'",
    b";",
    b":",
    b"=",
    b" ",
    b"\t",
    b"\x0b",
    b"\\",
    b"name=\"c\"",
    b"; filename=\"y\"",
    b"X: y\r\n",
    b"\r\n\r\n",
    b"\0",
    b"\xe9",
    b"--x\r\n",
    b"*",
];
const JSON_SEEDS: &[&[u8]] = &[
    br#"{"a":1,"b":[1.5e+2,-0,{"c":null}],"d":{"e":"x\u00e9\ud83d\ude00\n"},"t":true,"f":false}"#,
    b" [ [ [ ] , { } , \"\xC3\xA9\" ] ] ",
];
const JSON_PIECES: &[&[u8]] = &[
    b"{", b"}", b"[", b"]", b":", b",", b"\"", b"\\", b"\\u0041", b"\\ud83d", b"\\ude00", b"\\n",
    b"1", b"0", b"-", b".", b"e", b"E+", b"true", b"null", b" ", b"\n", b"/", b"\0", b"\x01",
    b"\xc3", b"\xa9", b"\xff", b"\"k\":", b"\"v\"",
];
const XML_SEEDS: &[&[u8]] = &[
    PING,
    b"<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?><!-- c --><a b='1\t' c=\"&lt;\">]]t\r\n<b>x</b><c/><![CDATA[]z]]]>&amp;&#65;&#x42;<?pi d?></a>\n",
    b"\xFF\xFE<\0a\0>\0=\xD8\0\xDE<\0/\0a\0>\0",
    b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>",
    b"<!DOCTYPE a PUBLIC 'x' \"y\"><a/>",
    b"<methodCall><methodName>m</methodName><params><param><value><struct><member><name>n</name><value><array><data><value><int>1</int></value></data></array></value></member></struct></value></param></params></methodCall>",
];
const XML_PIECES: &[&[u8]] = &[
    b"<",
    b">",
    b"/",
    b"&",
    b";",
    b"'",
    b"\"",
    b"=",
    b" ",
    b"\n",
    b"\r",
    b"]",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"-->",
    b"-",
    b"<?",
    b"?>",
    b"xml",
    b"&#0;",
    b"&#x10FFFF;",
    b"&x;",
    b"a",
    b"b='1'",
    b"<a>",
    b"</a>",
    b"<value>",
    b"</value>",
    b"<param>",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xa9",
    b"\xef\xbf\xbf",
    b"\xef\xbb\xbf",
    b"!",
    b"?",
    b"<!DOCTYPE a>",
    b"<!DOCTYPE a [",
    b"encoding='utf-16'",
];
const URLENCODED_SEEDS: &[&[u8]] = &[b"a=1&b=%41+x&c&=&%zz=%", b"x=1;y=2&&z=%u0041\0"];
const URLENCODED_PIECES: &[&[u8]] = &[
    b"&", b"=", b"%", b"+", b"%4", b"%41", b"%00", b";", b"\0", b"\xff",
];

/// A call read from a document, if it is one, with all that can be asked of it.
fn describe_call(parsed: &Parsed) -> String {
    let Some(document) = &parsed.xml else {
        return String::new();
    };
    for element in document.elements() {
        let own: usize = element.own_text().map(<[u8]>::len).sum();
        let inner: usize = element.children().map(|child| child.text().len()).sum();
        assert_eq!(
            own + inner,
            element.text().len(),
            "text is either an element's own or a child's"
        );
    }
    match Call::from_document(document) {
        Ok(call) => {
            let calls: Vec<_> = call
                .calls()
                .map(|call| call.map(|c| (c.method, c.params.len())))
                .collect();
            let params: Vec<_> = call
                .params()
                .map(|p| (p.kind(), p.text().to_vec(), p.items().count()))
                .collect();
            format!("{:?} {params:?} {calls:?}", call.method())
        }
        Err(error) => error.name().to_string(),
    }
}

/// Feeds random bodies whole, in random pieces and byte by byte, and expects the same result each time.
fn check_random_bodies(kind: Kind, seeds: &[&[u8]], pieces: &[&[u8]], count: usize) {
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ kind as u64);
    for _ in 0..count {
        let seed = random.pick(seeds);
        let body = random.mutate(seed, pieces);
        let describe = |chunks: &[&[u8]]| {
            let parsed = parse_as(kind, MULTIPART, chunks);
            format!("{parsed:?} {}", describe_call(&parsed))
        };
        let whole = describe(&[&body]);
        let first = random.below(body.len() + 1);
        let second = first + random.below(body.len() + 1 - first);
        let cut = [&body[..first], &body[first..second], &body[second..]];
        assert_eq!(
            describe(&cut),
            whole,
            "{} at {first}, {second}",
            body.escape_ascii()
        );
        let single: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(
            describe(&single),
            whole,
            "{} byte by byte",
            body.escape_ascii()
        );
    }
}

#[test]
fn random_multipart_bodies_do_not_depend_on_their_chunks() {
    check_random_bodies(Kind::Multipart, MULTIPART_SEEDS, MULTIPART_PIECES, 20_000);
}

#[test]
fn random_json_bodies_do_not_depend_on_their_chunks() {
    check_random_bodies(Kind::Json, JSON_SEEDS, JSON_PIECES, 20_000);
}

#[test]
fn random_xml_bodies_do_not_depend_on_their_chunks() {
    check_random_bodies(Kind::Xml, XML_SEEDS, XML_PIECES, 20_000);
}

#[test]
fn random_urlencoded_bodies_do_not_depend_on_their_chunks() {
    check_random_bodies(
        Kind::Urlencoded,
        URLENCODED_SEEDS,
        URLENCODED_PIECES,
        20_000,
    );
}

#[test]
fn random_bytes_are_no_danger_to_any_parser() {
    let mut random = Random(42);
    for _ in 0..5_000 {
        let length = random.below(200);
        let body: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        for kind in [Kind::Urlencoded, Kind::Multipart, Kind::Json, Kind::Xml] {
            let counted = parse_as(kind, &body, &[&body]).no_files_length;
            match kind {
                // Without a boundary there is nothing but a preamble, which does not count.
                Kind::Multipart => assert_eq!(counted, 0),
                _ => assert_eq!(counted, body.len() as u64),
            }
        }
        let header = Bytes::from(body);
        for format in [Format::Netscape, Format::Rfc2109] {
            let cookies = cookies::parse(&header, format, None);
            assert!(cookies.len() <= header.len());
        }
        xml::looks_like_xml(&header);
    }
}

#[test]
fn random_cookie_headers_lose_no_byte_of_a_name_or_value() {
    let pieces: &[&[u8]] = &[
        b";", b",", b" ", b"=", b"\"", b"$", b"a", b"bc", b"\0", b", ", b"; ",
    ];
    let mut random = Random(7);
    for _ in 0..20_000 {
        let header = Bytes::from(random.mutate(b"a=1; $Path=\"/\"; b", pieces));
        let netscape = cookies::parse(&header, Format::Netscape, Some(b';'));
        let kept: usize = netscape.iter().map(|c| c.name.len() + c.value.len()).sum();
        let skippable = header
            .iter()
            .filter(|b| matches!(b, b';' | b'=' | 0x0b) || b.is_ascii_whitespace())
            .count();
        assert!(
            kept + skippable >= header.len(),
            "{}",
            header.escape_ascii()
        );
        cookies::parse(&header, Format::Rfc2109, None);
    }
}

#[test]
fn query_strings_and_bodies_are_read_alike() {
    let mut random = Random(3);
    for _ in 0..2_000 {
        let text = random.mutate(URLENCODED_SEEDS[0], URLENCODED_PIECES);
        let query = urlencoded::parse(&Bytes::from(text.clone()), b'&', 1000);
        let body = parse(Kind::Urlencoded, &text);
        assert_eq!(query.args, body.args);
        assert_eq!(query.error, body.urlencoded_error);
    }
}

/// Bodies made to be expensive, one megabyte each. The bound is generous; what it catches is anything quadratic.
#[test]
fn a_megabyte_of_anything_is_read_in_time() {
    const SIZE: usize = 1 << 20;
    let fill = |pattern: &str| pattern.repeat(SIZE / pattern.len());
    let field = format!("--b\r\n{FIELD}\r\n\r\n");
    let bodies = [
        (Kind::Urlencoded, fill("a=%&")),
        (Kind::Urlencoded, fill("&")),
        (Kind::Urlencoded, "%".repeat(SIZE)),
        (Kind::Json, fill("[")),
        (Kind::Json, fill("[],").replacen("[]", "[[]", 1)),
        (Kind::Json, format!("\"{}", fill("\\ud83d"))),
        (Kind::Json, format!("{{\"{}\":[", fill("k")) + &fill("[],")),
        (Kind::Xml, fill("<a>")),
        (Kind::Xml, format!("<a>{}", fill("<b/>"))),
        (Kind::Xml, format!("<a>{}", fill("]"))),
        (Kind::Xml, format!("<a>{}", fill("\r"))),
        (Kind::Xml, format!("<a>{}", fill("&lt;"))),
        (Kind::Xml, format!("<a><![CDATA[{}", fill("]"))),
        (Kind::Xml, format!("<a {}", fill("b='1' "))),
        (Kind::Xml, format!("<!--{}", fill("- "))),
        (Kind::Xml, format!("<!DOCTYPE a {}", fill("'\""))),
        (Kind::Multipart, format!("{field}{}", fill("\r"))),
        (Kind::Multipart, format!("{field}{}", fill("\n"))),
        (Kind::Multipart, format!("{field}{}", fill("-\r\n"))),
        (Kind::Multipart, format!("{field}{}", fill("--x\r\n"))),
        (Kind::Multipart, format!("{field}{}", fill("--"))),
        (Kind::Multipart, fill(&format!("{field}v\r\n"))),
        (
            Kind::Multipart,
            format!("--b\r\nX: y\r\n{}", fill(" z\r\n")),
        ),
    ];
    for (kind, body) in &bodies {
        let chunks: Vec<&[u8]> = body.as_bytes().chunks(7).collect();
        within(Duration::from_secs(2), &body[..40], || {
            parse_as(*kind, MULTIPART, &chunks)
        });
    }
    for header in [fill("a=1; "), fill("; "), fill("$a"), fill("a=\"")] {
        let header = Bytes::from(header);
        within(Duration::from_secs(2), "cookies", || {
            cookies::parse(&header, Format::Netscape, None);
            cookies::parse(&header, Format::Rfc2109, None)
        });
    }
}
