//! Published vulnerabilities of engines like this, one test each.

use super::*;

#[test]
fn cve_2007_1359_nul_does_not_end_a_body() {
    let parsed = parse(Kind::Urlencoded, b"a=1\x00&q=evilmarker");
    assert_eq!(
        args(&parsed),
        pairs(&[("a", "1\\x00"), ("q", "evilmarker")])
    );
}

#[test]
fn cve_2009_1902_header_without_a_name() {
    assert!(multipart(&part(": nameless", "v")).0.is_some());
    assert!(
        multipart(&part("Content-Disposition: form-data", "v"))
            .0
            .is_some()
    );
}

#[test]
fn cve_2009_5031_and_2012_2751_single_quotes() {
    let (error, quoted) = multipart(&part(
        "Content-Disposition: form-data; name='q'",
        "evilmarker",
    ));
    assert!(error.is_none() && quoted.flags.invalid_quoting && quoted.flags.strict_error());
    let header = "Content-Disposition: form-data; name=x';filename=\"';name=evilmarker\"";
    let (_, split) = multipart(&part(header, "v"));
    assert!(split.flags.invalid_quoting && split.flags.strict_error());
}

#[test]
fn cve_2012_4528_part_without_a_blank_line() {
    let body = format!("--b\r\n{FIELD}\r\n--b\r\n{FIELD}\r\n\r\nevilmarker\r\n--b--\r\n");
    assert!(multipart(body.as_bytes()).1.flags.invalid_part);
}

#[test]
fn cve_2013_1915_external_entities() {
    let document = b"<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>";
    assert_eq!(xml_error(document), Some(ErrorKind::InternalSubset));
}

#[test]
fn cve_2019_19886_and_25043_nameless_cookies() {
    let header = "=1; ".repeat(300);
    let cookies = cookies::parse(&Bytes::from(header), Format::Netscape, None);
    assert_eq!(cookies.len(), 300);
    assert!(
        cookies
            .iter()
            .all(|cookie| cookie.name.is_empty() && cookie.value == "1")
    );
}

#[test]
fn cve_2021_42717_deep_json() {
    for body in ["[".repeat(200_000), "{\"a\":".repeat(600_000)] {
        let limit = Duration::from_millis(500);
        let parsed = within(limit, "deep JSON", || parse(Kind::Json, body.as_bytes()));
        assert!(parsed.error.is_some());
    }
}

#[test]
fn cve_2022_48279_odd_part_headers() {
    assert!(
        multipart(&part("Content-Disposition : form-data; name=\"a\"", "v"))
            .0
            .is_some()
    );
    assert!(
        multipart(&part("Content-Disposition: form-data name=\"a\"", "v"))
            .0
            .is_some()
    );
}

#[test]
fn cve_2023_24021_nul_in_an_upload() {
    let (_, multipart) = multipart(&part(FILE, "abc\0evilmarker"));
    let content = multipart
        .files()
        .next()
        .map(|(_, file)| file.content.clone());
    assert_eq!(
        content,
        Some(Content::Memory(Bytes::from_static(b"abc\0evilmarker")))
    );
}

#[test]
fn cve_2024_46292_long_name() {
    let name = "n".repeat(100_000);
    let parsed = parse(Kind::Urlencoded, format!("{name}=1").as_bytes());
    assert_eq!(parsed.args[0].name, name);
    let header = format!("Content-Disposition: form-data; name=\"{name}\"");
    assert!(multipart(&part(&header, "v")).0.is_some());
}

#[test]
fn cve_2025_47947_and_48866_many_equal_arguments() {
    let array = format!("[{}1]", "1,".repeat(8_999));
    let parsed = parse(Kind::Json, array.as_bytes());
    assert!(parsed.arguments_limit_exceeded);
    assert_eq!(parsed.error.as_deref(), Some("More than 1000 JSON keys"));
    let same = "p=1&".repeat(30_000);
    let parsed = parse(Kind::Urlencoded, same.as_bytes());
    assert_eq!(parsed.args.len(), 1000);
    assert_eq!(parsed.error.as_deref(), Some("SecArgumentsLimit exceeded"));
    assert!(parsed.args.iter().all(|argument| argument.source.is_some()));
}

#[test]
fn cve_2025_52891_empty_tags() {
    let document = parse(Kind::Xml, b"<r><foo></foo><bar/></r>").xml.unwrap();
    let texts: Vec<_> = document.elements().map(|element| element.text()).collect();
    assert_eq!(texts, [b"", b"", b""]);
}

#[test]
fn cve_2026_41508_truncated_multipart_is_a_strict_error() {
    let body = part(FIELD, "v");
    for cut in [4, 8, 12, 30] {
        let (error, multipart) = multipart(&body[..body.len() - cut]);
        assert!(error.is_some() && multipart.flags.strict_error(), "{cut}");
    }
}

#[test]
fn cve_2026_52747_line_endings_in_values_are_kept() {
    let parsed = parse(Kind::Multipart, &part(FIELD, "a\r\nevil\nmarker\rx\r\n"));
    assert_eq!(
        args(&parsed),
        pairs(&[("a", "a\\r\\nevil\\nmarker\\rx\\r\\n")])
    );
}

#[test]
fn cve_2026_104269_extended_file_names() {
    let header = "Content-Disposition: form-data; name=\"f\"; filename=\"safe.gif\"; filename*=UTF-8''evilmarker.php";
    let (error, multipart) = multipart(&part(header, "v"));
    assert!(error.is_some() && multipart.flags.strict_error());
    assert!(
        multipart.parts[0].headers[0].ends_with(b"evilmarker.php"),
        "rules can see it"
    );
}

#[test]
fn ghsa_3ww9_long_keys_do_not_multiply() {
    let body = format!("{{\"{}\":[{}1]}}", "k".repeat(34_000), "1,".repeat(500));
    let parsed = parse(Kind::Json, body.as_bytes());
    assert!(parsed.error.is_some());
    let names: usize = parsed.args.iter().map(|argument| argument.name.len()).sum();
    assert!(names <= 1 << 20, "{names}");
}

#[test]
fn ghsa_6gcq_depth_after_the_argument_limit() {
    let body = format!("[{}{}", "1,".repeat(1001), "[".repeat(1_000_000));
    assert!(parse(Kind::Json, body.as_bytes()).error.is_some());
}

#[test]
fn ghsa_5gj4_colliding_names_are_both_kept() {
    let parsed = parse(Kind::Json, br#"{"a":{"b":"x"},"a.b":"y"}"#);
    assert_eq!(args(&parsed), pairs(&[("a.b", "x"), ("a.b", "y")]));
}

#[test]
fn ghsa_w253_a_charset_parameter_changes_nothing() {
    let kind = Kind::from_content_type(b"application/x-www-form-urlencoded; charset=UTF-8");
    assert_eq!(kind, Some(Kind::Urlencoded));
}
