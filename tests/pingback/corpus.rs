//! Reads `tests/data/pingback/*.txt`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// The address the server was reached at.
pub const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 20));

/// The names the server has.
pub fn is_served(host: &str) -> bool {
    ["b.example", "www.b.example", "xn--bcher-kva.example"].contains(&host)
}

/// One call and what is to become of it.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub verdict: String,
    pub status: u16,
    /// Separated by commas.
    pub reasons: String,
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Case {
    /// Whether rule 200000 takes the Content-Type for XML.
    pub fn is_xml(&self) -> bool {
        let content_type = self.headers.iter().find(|(name, _)| name == "Content-Type");
        content_type.is_some_and(|(_, value)| {
            let media_type = value.split(';').next().unwrap_or_default();
            media_type == "text/xml"
                || media_type == "application/xml"
                || media_type.ends_with("+xml")
        })
    }

    /// Whether the body is nothing, or well-formed XML.
    pub fn is_well_formed(&self) -> bool {
        let options = palisade::body::xml::Options::default();
        palisade::body::xml::parse(&self.body, options)
            .error()
            .is_none()
    }
}

/// The sets of header fields that `like:` names.
fn sender(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "wordpress" => &[
            ("Host", "b.example"),
            (
                "User-Agent",
                "The Incutio XML-RPC PHP Library -- WordPress/6.1.9",
            ),
            ("Accept", "*/*"),
            ("Accept-Encoding", "deflate, gzip, br, zstd"),
            ("Referer", "http://b.example/xmlrpc.php"),
            ("Content-Type", "text/xml"),
            ("Connection", "close"),
        ],
        "mention-client" => &[
            ("Host", "b.example"),
            ("Accept", "*/*"),
            ("Content-Type", "application/xml"),
        ],
        "spammer" => &[
            ("Host", "b.example"),
            ("User-Agent", "PHP/5.2.10"),
            ("Content-Type", "text/xml"),
            ("Transfer-Encoding", "chunked"),
        ],
        "mobile" => &[
            ("Host", "b.example"),
            ("User-Agent", "wp-iphone/25.5 (iPhone; iOS 18.1) WordPress"),
            ("Content-Type", "text/xml"),
            ("Accept", "*/*"),
            ("Accept-Language", "de-DE"),
        ],
        "marsedit" => &[
            ("Host", "b.example"),
            ("User-Agent", "MarsEdit/5.2.4 (Macintosh; Mac OS X 14.5)"),
            ("Content-Type", "text/xml; charset=utf-8"),
        ],
        "nobody" => &[("Host", "b.example")],
        _ => panic!("unknown sender {name}"),
    }
}

/// All cases.
pub fn read() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pingback");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .expect("the corpus")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    let text = files
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("a text file"));
    text.flat_map(|text| text.split("\n=== ").skip(1).map(case).collect::<Vec<_>>())
        .collect()
}

/// The case of this name.
pub fn named(name: &str) -> Case {
    let mut cases = read().into_iter();
    cases
        .find(|case| case.name == name)
        .expect("a case of this name")
}

fn case(text: &str) -> Case {
    let (name, text) = text.split_once('\n').expect("a name");
    let (fields, body) = text
        .split_once("\n\n")
        .unwrap_or((text.trim_end_matches('\n'), ""));
    let (mut expect, mut request, mut encode) = (None, "POST /xmlrpc.php", "");
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut body = unescape(body.strip_suffix('\n').unwrap_or(body));
    let mut length = true;
    for field in fields.lines() {
        let (key, value) = field
            .split_once(':')
            .unwrap_or_else(|| panic!("{name}: {field}"));
        let value = value.trim();
        match key {
            "expect" => expect = Some(value),
            "like" => {
                headers = sender(value)
                    .iter()
                    .map(|&(n, v)| (n.to_owned(), v.to_owned()))
                    .collect()
            }
            "request" => request = value,
            "encode" => encode = value,
            "ping" => {
                let (source, target) = value.split_once(' ').expect("source and target");
                let ping = format!(
                    "<?xml version=\"1.0\"?>\n<methodCall>\n<methodName>pingback.ping</methodName>\n<params>\n\
                     <param><value><string>{source}</string></value></param>\n<param><value><string>{target}</string></value></param>\n\
                     </params></methodCall>"
                );
                body = unescape(&ping);
            }
            "Content-Length" if value.is_empty() => length = false,
            _ => {
                headers.retain(|(name, _)| name != key);
                headers.extend((!value.is_empty()).then(|| (key.to_owned(), value.to_owned())));
            }
        }
    }
    body = encoded(body, encode);
    if length && !headers.iter().any(|(name, _)| name == "Transfer-Encoding") {
        headers.push(("Content-Length".to_owned(), body.len().to_string()));
    }
    let mut expect = expect
        .unwrap_or_else(|| panic!("{name}: no expect"))
        .split(' ');
    let (method, target) = request.split_once(' ').expect("method and target");
    Case {
        name: name.to_owned(),
        verdict: expect.next().unwrap_or_default().to_owned(),
        status: expect
            .next()
            .and_then(|status| status.parse().ok())
            .expect("a status"),
        reasons: expect.next().unwrap_or_default().to_owned(),
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body,
    }
}

fn encoded(body: Vec<u8>, encoding: &str) -> Vec<u8> {
    let text = || String::from_utf8(body.clone()).expect("text");
    let mark = if encoding.ends_with("-bom") {
        "\u{feff}"
    } else {
        ""
    };
    let units = || {
        format!("{mark}{}", text())
            .encode_utf16()
            .collect::<Vec<u16>>()
    };
    match encoding.trim_end_matches("-bom") {
        "utf-16le" => units().into_iter().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => units().into_iter().flat_map(u16::to_be_bytes).collect(),
        _ => body,
    }
}

/// Undoes escapes and repetitions.
fn unescape(text: &str) -> Vec<u8> {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        match line.strip_prefix('@').and_then(|line| line.split_once(' ')) {
            Some((times, line)) => {
                let times: usize = times.parse().expect("a number");
                lines.extend(
                    (1..=times).map(|n| unescape_line(&line.replace("{n}", &n.to_string()))),
                );
            }
            None => lines.push(unescape_line(line)),
        }
    }
    lines.join(&b'\n')
}

fn unescape_line(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (byte, length) = match after.as_bytes() {
            [b'r', ..] => (b'\r', 1),
            [b't', ..] => (b'\t', 1),
            [b'\\', ..] => (b'\\', 1),
            [b'x', ..] => {
                let digits = after.get(1..3).expect("two digits");
                (
                    u8::from_str_radix(digits, 16).expect("hexadecimal digits"),
                    3,
                )
            }
            _ => panic!("not an escape: {after}"),
        };
        bytes.push(byte);
        rest = after.get(length..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
