//! Classes of malformed bodies: what each must come to.

use super::*;

#[test]
fn class_boundary() {
    for content_type in [
        "multipart/form-data; boundary=\"b",
        "multipart/form-data; boundary=b\"",
        "multipart/form-data; boundary=",
        "multipart/form-data",
        "multipart/form-data; boundary=b; boundary=c",
        "multipart/form-data, boundary=b",
        "multipart/form-data; boundary*0=b",
        "multipart/form-data; boundary=b\x7f",
        "multipart/form-data; boundary=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ] {
        let parsed = parse_as(
            Kind::Multipart,
            content_type.as_bytes(),
            &[&part(FIELD, "v")],
        );
        assert!(parsed.error.is_some(), "{content_type}");
        assert!(
            parsed.multipart.is_some_and(|m| m.flags.strict_error()),
            "{content_type}"
        );
    }
    for content_type in [
        "multipart/form-data; boundary=\"b\"",
        "multipart/form-data; boundary =b",
        "multipart/form-data boundary=b",
    ] {
        let parsed = parse_as(
            Kind::Multipart,
            content_type.as_bytes(),
            &[&part(FIELD, "v")],
        );
        assert_eq!(args(&parsed), pairs(&[("a", "v")]), "{content_type}");
        assert!(
            parsed.multipart.is_some_and(|m| m.flags.strict_error()),
            "{content_type}"
        );
    }
}

#[test]
fn class_preamble_and_epilogue() {
    let body = part(FIELD, "v");
    let before = [b"text\r\n", &body[..]].concat();
    let after = [&body[..], b"text"].concat();
    let twice = [&body[..], &body[..]].concat();
    assert!(multipart(&before).1.flags.data_before);
    assert!(multipart(&after).1.flags.data_after);
    assert!(multipart(&twice).1.flags.data_after);
}

#[test]
fn class_line_endings() {
    let crlf = String::from_utf8(part(FIELD, "v")).unwrap();
    let (error, lf) = multipart(crlf.replace("\r\n", "\n").as_bytes());
    assert!(error.is_none() && lf.flags.lf_line && lf.flags.strict_error());
    let (error, mixed) = multipart(crlf.replacen("\r\n", "\n", 1).as_bytes());
    assert!(error.is_none() && mixed.flags.crlf_lf_lines());
    let (error, cr) = multipart(crlf.replace("\r\n", "\r").as_bytes());
    assert!(error.is_some() && cr.flags.strict_error());
}

#[test]
fn class_folded_part_headers() {
    let (_, folded) = multipart(&part("Content-Disposition: form-data;\r\n name=\"a\"", "v"));
    assert!(folded.flags.header_folding && !folded.flags.invalid_header_folding);
    let (_, form_feed) = multipart(&part(
        "Content-Disposition: form-data;\r\n\x0cname=\"a\"",
        "v",
    ));
    assert!(form_feed.flags.invalid_header_folding);
}

#[test]
fn class_duplicate_headers_and_parameters() {
    for header in [
        &format!("{FIELD}\r\n{FIELD}"),
        "Content-Disposition: form-data; name=\"a\"; name=\"b\"",
        "Content-Disposition: form-data; name=\"a\"; filename=\"f\"; filename=\"evilmarker\"",
        "Content-Disposition: form-data; name=\"a\"; filename=\"f\"; filename*=UTF-8''evilmarker",
        "Content-Disposition: form-data; name=\"a\"; filename*0=\"f\"",
        "Content-Disposition: attachment; name=\"a\"",
    ] {
        let (error, multipart) = multipart(&part(header, "v"));
        assert!(
            error.is_some() && multipart.flags.strict_error(),
            "{header}"
        );
        let lines: Vec<_> = multipart
            .parts
            .iter()
            .flat_map(|part| &part.headers)
            .collect();
        assert!(
            lines.iter().any(|line| header.as_bytes().ends_with(line)),
            "{header}"
        );
    }
}

#[test]
fn class_nul_in_part_headers() {
    for header in [
        "Content-Disposition: form-data; name=\"a\0b\"",
        "Content-Disposition: form-data; name=\"a\"; filename=\"a\0.php\"",
        "Content-Disposition: form-data; name=\"a\"\r\nX: \0",
    ] {
        assert!(multipart(&part(header, "v")).0.is_some());
    }
}

#[test]
fn class_unmatched_boundary() {
    assert!(
        multipart(&part(FIELD, "x\r\n--c"))
            .1
            .flags
            .unmatched_boundary
    );
    assert!(
        multipart(&part(FIELD, "x\r--b\r"))
            .1
            .flags
            .unmatched_boundary
    );
    assert!(!multipart(&part(FIELD, "x -- b")).1.flags.unmatched_boundary);
}

#[test]
fn class_truncated_anywhere() {
    let body = [
        &b"--b\r\n"[..],
        FIELD.as_bytes(),
        b"\r\n\r\nv\r\n",
        &part(FILE, "content"),
    ]
    .concat();
    let end = body.len() - 2;
    for length in 1..end {
        let (error, multipart) = multipart(&body[..length]);
        assert!(error.is_some(), "multipart of {length}");
        assert!(multipart.flags.strict_error(), "multipart of {length}");
    }
    assert_eq!(
        multipart(&body[..end]).0,
        None,
        "the last line ending may be missing"
    );

    let json = br#"{"a":[1,"x\u00e9",true,null,{"b":-1.5e3}]}"#;
    for length in 1..json.len() {
        assert!(
            parse(Kind::Json, &json[..length]).error.is_some(),
            "JSON of {length}"
        );
    }
    let document = b"<?xml version='1.0'?><a b='c'>x&lt;<![CDATA[y]]><!-- z --><d/></a>";
    for length in 1..document.len() {
        assert!(xml_error(&document[..length]).is_some(), "XML of {length}");
    }
}

#[test]
fn class_part_count_and_header_size() {
    let field =
        |i: usize| format!("--b\r\nContent-Disposition: form-data; name=\"{i}\"\r\n\r\nv\r\n");
    let body = (0..2000).map(field).collect::<String>() + "--b--\r\n";
    let parsed = parse(Kind::Multipart, body.as_bytes());
    assert!(parsed.arguments_limit_exceeded && parsed.error.is_some());
    assert_eq!(parsed.args.len(), 1000);
    let long = format!("{FIELD}\r\nX: {}", "y".repeat(5000));
    assert!(multipart(&part(&long, "v")).0.is_some());
}

#[test]
fn class_content_type() {
    let cases = [
        ("application/x-www-form-urlencoded", Some(Kind::Urlencoded)),
        ("Application/X-WWW-Form-Urlencoded", Some(Kind::Urlencoded)),
        (
            " application/x-www-form-urlencoded ; charset=UTF-8",
            Some(Kind::Urlencoded),
        ),
        (
            "application/x-www-form-urlencoded,text/plain",
            Some(Kind::Urlencoded),
        ),
        ("multipart/form-data; boundary=b", Some(Kind::Multipart)),
        ("MULTIPART/form-data boundary=b", Some(Kind::Multipart)),
        ("multipart/form-datax", Some(Kind::Multipart)),
        ("application/x-www-form-urlencodedx", Some(Kind::Urlencoded)),
        ("application/json", None),
        ("text/xml", None),
        ("", None),
        (";", None),
    ];
    for (content_type, kind) in cases {
        assert_eq!(
            Kind::from_content_type(content_type.as_bytes()),
            kind,
            "{content_type}"
        );
    }
    for kind in [Kind::Urlencoded, Kind::Multipart, Kind::Json, Kind::Xml] {
        assert_eq!(Kind::from_name(&kind.name().to_lowercase()), Some(kind));
    }
    assert_eq!(Kind::from_name("yaml"), None);
}

#[test]
fn class_charset_is_never_decoded_by_say_so() {
    let ebcdic = b"\x81=\xC1";
    let parsed = parse_as(
        Kind::Urlencoded,
        b"application/x-www-form-urlencoded; charset=ibm037",
        &[ebcdic],
    );
    assert_eq!(args(&parsed), pairs(&[("\\x81", "\\xc1")]));
    for label in [
        "utf-7",
        "ibm037",
        "utf-16",
        "utf-32",
        "gb18030",
        "x-unknown",
    ] {
        let document = format!("<?xml version='1.0' encoding='{label}'?><a>x</a>");
        assert_eq!(
            xml_error(document.as_bytes()),
            Some(ErrorKind::Encoding),
            "{label}"
        );
    }
}

#[test]
fn class_urlencoded() {
    let parsed = parse(
        Kind::Urlencoded,
        b"a=%&b=%4&c=%zz&d=x+y&e=1;f=2&=v&n&%00=%00&u=%u0041&&",
    );
    let expected = [
        ("a", "%"),
        ("b", "%4"),
        ("c", "%zz"),
        ("d", "x y"),
        ("e", "1;f=2"),
        ("", "v"),
        ("n", ""),
        ("\\x00", "\\x00"),
        ("u", "%u0041"),
        ("", ""),
    ];
    assert_eq!(args(&parsed), pairs(&expected));
    assert!(parsed.urlencoded_error);
    assert_eq!(parsed.error, None);
}

#[test]
fn class_parameter_pollution() {
    let parsed = parse(Kind::Urlencoded, b"a=1&b=2&a=3&A=4");
    assert_eq!(
        args(&parsed),
        pairs(&[("a", "1"), ("b", "2"), ("a", "3"), ("A", "4")])
    );
    let parsed = parse(Kind::Json, br#"{"a":1,"b":2,"a":3}"#);
    assert_eq!(args(&parsed), pairs(&[("a", "1"), ("b", "2"), ("a", "3")]));
    let body = format!("--b\r\n{FIELD}\r\n\r\n1\r\n--b\r\n{FIELD}\r\n\r\n2\r\n--b--\r\n");
    let parsed = parse(Kind::Multipart, body.as_bytes());
    assert_eq!(args(&parsed), pairs(&[("a", "1"), ("a", "2")]));
}

#[test]
fn class_overlong_utf_8() {
    let parsed = parse(Kind::Urlencoded, b"a=%c0%af&b=\xc0\xaf");
    assert_eq!(
        args(&parsed),
        pairs(&[("a", "\\xc0\\xaf"), ("b", "\\xc0\\xaf")])
    );
    assert_eq!(xml_error(b"<a>\xC0\xAF</a>"), Some(ErrorKind::Encoding));
    assert!(parse(Kind::Json, b"{\"a\":\"\xC0\xAF\"}").error.is_some());
}

#[test]
fn class_json() {
    let malformed: &[&[u8]] = &[
        b"{\"a\":1 /* comment */}",
        b"{'a':1}",
        b"\xEF\xBB\xBF{}",
        b"\xFF\xFE{\0}\0",
        b"{\"a\":\0}",
        b"{\"a\":\"\0\"}",
        b"{\"a\":1} trailing",
        b"{\"a\":\"\xFF\"}",
        b"[1,]",
        b"{,}",
        b"{\"a\":undefined}",
        b"{\"a\":Infinity}",
        b"{\"a\":0x10}",
    ];
    for body in malformed {
        assert!(
            parse(Kind::Json, body).error.is_some(),
            "{}",
            body.escape_ascii()
        );
    }
    let scalars: &[(&[u8], &str)] = &[
        (b"1", "1"),
        (b"\"x\"", "x"),
        (b"true", "true"),
        (b"null", ""),
    ];
    for (body, value) in scalars {
        let parsed = parse(Kind::Json, body);
        assert_eq!(
            (parsed.error.clone(), args(&parsed)),
            (None, pairs(&[("", value)]))
        );
    }
    let huge = "9".repeat(10_000);
    let parsed = parse(Kind::Json, format!("{{\"a\":{huge}}}").as_bytes());
    assert_eq!(args(&parsed), pairs(&[("a", &huge)]));
    let parsed = parse(Kind::Json, b"{\"a\":\"evilmarker\",\"b\":oops}");
    assert!(parsed.error.is_some());
    assert_eq!(
        args(&parsed),
        pairs(&[("a", "evilmarker")]),
        "what precedes the error is kept"
    );
    assert_eq!(
        parse(Kind::Json, b"").error,
        None,
        "an empty body is no error"
    );
}

#[test]
fn class_xml() {
    assert_eq!(
        xml_text(b"<a>ev<![CDATA[ilma]]>rk<!-- -->e&#114;</a>"),
        "evilmarker"
    );
    let entity = b"<!DOCTYPE a [<!ENTITY e 'evilmarker'>]><a>&e;</a>";
    assert_eq!(xml_error(entity), Some(ErrorKind::InternalSubset));
    let external = b"<!DOCTYPE a SYSTEM 'http://127.0.0.1/evil.dtd'><a/>";
    assert_eq!(xml_error(external), Some(ErrorKind::ExternalSubset));
    let document = parse(Kind::Xml, entity).xml.unwrap();
    assert!(document.doctype());
    assert!(document.root_text().is_empty(), "nothing is expanded");
    assert_eq!(xml_error(b"<a>\0</a>"), Some(ErrorKind::Character));
    assert_eq!(xml_error(b"<a/>junk"), Some(ErrorKind::OutsideRoot));
    assert_eq!(
        xml_error("<a>".repeat(10_000).as_bytes()),
        Some(ErrorKind::TooDeep)
    );
    let document = parse(Kind::Xml, b"<a x='evilmarker'/>").xml.unwrap();
    assert!(
        document
            .attributes()
            .any(|attribute| attribute.value() == b"evilmarker")
    );
}

#[test]
fn class_xml_entity_bomb_costs_nothing() {
    let references = "&e;".repeat(28_000);
    let bomb = format!(
        "<!DOCTYPE a [<!ENTITY e '{}'>]><a>{references}</a>",
        "x".repeat(28_000)
    );
    let limit = Duration::from_millis(200);
    let error = within(limit, "entity bomb", || xml_error(bomb.as_bytes()));
    assert_eq!(error, Some(ErrorKind::InternalSubset));
}

#[test]
fn class_cookies() {
    let read = |header: &'static str, format| -> Vec<(String, String)> {
        let text = |bytes: &Bytes| bytes.escape_ascii().to_string();
        let cookies = cookies::parse(&Bytes::from(header), format, None);
        cookies
            .iter()
            .map(|c| (text(&c.name), text(&c.value)))
            .collect()
    };
    assert_eq!(
        read("=abc; a=1; a=2; b", Format::Netscape),
        pairs(&[("", "abc"), ("a", "1"), ("a", "2"), ("b", "")])
    );
    assert_eq!(
        read("\x01a\x02=\x03x", Format::Netscape),
        pairs(&[("\\x01a\\x02", "\\x03x")])
    );
    let quoted = "$Version=\"1\"; a=\"x;y\"; $Path=\"/\"";
    assert_eq!(
        read(quoted, Format::Rfc2109),
        pairs(&[("$Version", "1"), ("a", "x;y"), ("$a_Path", "/")])
    );
}
