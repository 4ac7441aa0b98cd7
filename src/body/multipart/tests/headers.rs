//! `Content-Type` and `Content-Disposition`.

use super::*;

#[test]
fn the_boundary_is_taken_from_plain_content_types_only() {
    let cases: &[(&str, &str, &str)] = &[
        ("multipart/form-data; boundary=b", "CRLF", ""),
        ("multipart/form-data;boundary=b", "CRLF", ""),
        ("Multipart/Form-Data; boundary=b", "CRLF", ""),
        ("multipart/form-data; boundary=\"b\"", "BQ,CRLF,SE", ""),
        ("multipart/form-data; boundary =b", "BW,CRLF,SE", ""),
        ("multipart/form-data boundary=b", "CRLF,SM,SE", ""),
        (
            "multipart/form-data; boundary= b",
            "BW,DB,SE,UB",
            "No boundaries found in payload.",
        ),
        (
            "multipart/form-data; boundary=b c",
            "DB,SE,UB",
            "No boundaries found in payload.",
        ),
        (
            "multipart/form-data; boundary=b,c",
            "DB,SE,UB",
            "No boundaries found in payload.",
        ),
        ("", "SE", "Content-Type header not available."),
        ("multipart/mixed; boundary=b", "SE", "Invalid MIME type."),
        ("multipart/form-data", "SE", "Boundary not found in C-T."),
        ("multipart/form-data;", "SE", "Boundary not found in C-T."),
        (
            "multipart/form-data; boundary",
            "SE",
            "Invalid boundary in C-T (malformed).",
        ),
        (
            "multipart/form-data, boundary=b",
            "SE",
            "Invalid boundary in C-T (malformed).",
        ),
        (
            "multipart/form-data;; boundary=b",
            "SE",
            "Invalid boundary in C-T (malformed).",
        ),
        (
            "multipart/form-datax; boundary=b",
            "SE",
            "Invalid boundary in C-T (malformed).",
        ),
        (
            "multipart/form-data; xboundary=b",
            "SE",
            "Invalid boundary in C-T (malformed).",
        ),
        (
            "multipart/form-data; charset=utf-8; boundary=b",
            "SE",
            "Invalid boundary in C-T (malformed).",
        ),
        (
            "multipart/form-data; boundary=b; charset=utf-8",
            "SE",
            "Invalid boundary in C-T (characters).",
        ),
        (
            "multipart/form-data; boundary=b;",
            "SE",
            "Invalid boundary in C-T (characters).",
        ),
        (
            "multipart/form-data; boundary=%b",
            "SE",
            "Invalid boundary in C-T (characters).",
        ),
        (
            "multipart/form-data; boundary=b\x01",
            "SE",
            "Invalid boundary in C-T (characters).",
        ),
        (
            "multipart/form-data; boundary=b ",
            "SE",
            "Invalid boundary in C-T (characters).",
        ),
        (
            "multipart/form-data; BOUNDARY=b",
            "SE",
            "Invalid boundary in C-T (case sensitivity).",
        ),
        (
            "multipart/form-data; boundary=",
            "SE",
            "Invalid boundary in C-T (empty).",
        ),
        (
            "multipart/form-data; boundary=\"\"",
            "BQ,SE",
            "Invalid boundary in C-T (empty).",
        ),
        (
            "multipart/form-data; boundary=\"b",
            "SE",
            "Invalid boundary in C-T (quote).",
        ),
        (
            "multipart/form-data; boundary=b\"",
            "SE",
            "Invalid boundary in C-T (quote).",
        ),
        (
            "multipart/form-data; boundary=\"",
            "SE",
            "Invalid boundary in C-T (quote).",
        ),
        (
            "multipart/form-data; boundary=b\"b",
            "SE",
            "Invalid boundary in C-T (characters).",
        ),
        (
            "multipart/form-data; boundary*0=b",
            "SE",
            "Invalid boundary in C-T (parameter name).",
        ),
        (
            "multipart/form-data; boundary=b; boundary=c",
            "SE",
            "Multiple boundary parameters in C-T.",
        ),
        (
            "multipart/form-data; boundary=b; Boundary=c",
            "SE",
            "Multiple boundary parameters in C-T.",
        ),
    ];
    for &(content_type, expected, message) in cases {
        let parsed = read_as(content_type.as_bytes(), &lines(FIELD));
        assert_eq!(
            (flags(&parsed).as_str(), error(&parsed)),
            (expected, message),
            "{content_type}"
        );
        assert_eq!(
            args(&parsed).is_empty(),
            !message.is_empty(),
            "{content_type}"
        );
    }
}

#[test]
fn a_boundary_in_quotes_must_not_be_quoted_in_the_body() {
    let parsed = read_as(b"multipart/form-data; boundary=\"b\"", b"--\"b\"\r\n");
    assert_eq!(error(&parsed), "Invalid boundary (quotes).");
}

#[test]
fn boundaries_and_content_types_have_limits() {
    for (length, expected) in [
        (69, ""),
        (70, ""),
        (71, "Invalid boundary in C-T (length)."),
    ] {
        let boundary = "x".repeat(length);
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let body = format!("--{boundary}--\r\n");
        assert_eq!(
            error(&read_as(content_type.as_bytes(), body.as_bytes())),
            expected,
            "{length}"
        );
    }
    let limit = MULTIPART_CONTENT_TYPE_LIMIT;
    for (length, expected) in [
        (limit, ""),
        (limit + 1, "Invalid boundary in C-T (length)."),
    ] {
        let blanks = " ".repeat(length - CT.len());
        let content_type = format!("multipart/form-data; {blanks}boundary=b");
        assert_eq!(
            error(&read_as(content_type.as_bytes(), b"--b--\r\n")),
            expected,
            "{length}"
        );
    }
}

/// `Content-Disposition`, code of the error, flags, name and file name.
#[test]
fn dispositions_are_read_as_mod_security_reads_them() {
    type Case = (
        &'static str,
        &'static str,
        &'static str,
        Option<&'static str>,
        Option<&'static str>,
    );
    let cases: &[Case] = &[
        ("form-data; name=\"a\"", "", "CRLF", Some("a"), None),
        ("form-data; name=a", "", "CRLF", Some("a"), None),
        (
            "form-data;name=a;filename=x.txt",
            "",
            "CRLF",
            Some("a"),
            Some("x.txt"),
        ),
        ("form-data ; name = \"a\"", "", "CRLF", Some("a"), None),
        ("form-data; name=\"a\";", "", "CRLF", Some("a"), None),
        ("form-data; name=\"a'b\"", "", "CRLF", Some("a'b"), None),
        ("form-data; name='a'", "", "CRLF,IQ,SE", Some("a"), None),
        (
            "form-data; name='a\"b'",
            "",
            "CRLF,IQ,SE",
            Some("a\"b"),
            None,
        ),
        ("form-data; name=a'b", "", "CRLF,IQ,SE", Some("a'b"), None),
        (
            "form-data; name=x';filename=\"';name=y\"",
            "",
            "CRLF,IQ,SE",
            Some("x'"),
            Some("';name=y"),
        ),
        (
            "form-data; name=\"a\\\"b\\\\c\\d\"",
            "",
            "CRLF",
            Some("a\"b\\c\\d"),
            None,
        ),
        ("form-data; name=\"\"", "", "CRLF", Some(""), None),
        ("form-data; name=;", "", "CRLF", Some(""), None),
        (
            "form-data; name=\"a\"; filename=\"\"",
            "",
            "CRLF",
            Some("a"),
            Some(""),
        ),
        (
            "form-data; name=\"a\"; filename=\"C:\\dir\\x\"",
            "",
            "CRLF",
            Some("a"),
            Some("C:\\dir\\x"),
        ),
        (
            "form-data; name=\"\u{e9}\"",
            "",
            "CRLF",
            Some("\u{e9}"),
            None,
        ),
        ("attachment; name=\"a\"", "-1", "CRLF,SE", None, None),
        ("Form-Data; name=\"a\"", "-1", "CRLF,SE", None, None),
        ("form-data, name=\"a\"", "-2", "CRLF,SE", None, None),
        ("form-data; ", "-3", "CRLF,SE", None, None),
        ("form-data; name=\"a\"; ", "-3", "CRLF,SE", Some("a"), None),
        ("form-data; name", "-4", "CRLF,SE", None, None),
        ("form-data; name ", "-5", "CRLF,SE", None, None),
        ("form-data; name=", "-6", "CRLF,SE", None, None),
        ("form-data; name=\"", "-7", "CRLF,SE", None, None),
        ("form-data; name=\"a\\", "-8", "CRLF,SE", None, None),
        ("form-data; name=\"a", "-10", "CRLF,SE", None, None),
        (
            "form-data; name=\"a\"; x=y",
            "-11",
            "CRLF,SE",
            Some("a"),
            None,
        ),
        ("form-data; NAME=\"a\"", "-11", "CRLF,SE", None, None),
        (
            "form-data; name=\"a\"; filename*=UTF-8''x",
            "-11",
            "CRLF,SE",
            Some("a"),
            None,
        ),
        (
            "form-data; name=\"a\"; filename=\"f\"; filename*=UTF-8''g",
            "-11",
            "CRLF,SE",
            Some("a"),
            Some("f"),
        ),
        (
            "form-data; name=\"a\"; filename*0=\"f\"",
            "-11",
            "CRLF,SE",
            Some("a"),
            None,
        ),
        ("form-data; name=a b", "-12", "CRLF,SE", Some("a"), None),
        (
            "form-data; name=\"a\"b",
            "-12",
            "CRLF,IQ,SE",
            Some("a"),
            None,
        ),
        ("form-data; name=\"a\" b", "-12", "CRLF,SE", Some("a"), None),
        ("form-data; name x", "-13", "CRLF,SE", None, None),
        (
            "form-data; name=\"a\"; name=\"b\"",
            "-14",
            "CRLF,SE",
            Some("b"),
            None,
        ),
        (
            "form-data; name=\"a\"; filename=\"f\"; filename=\"g\"",
            "-15",
            "CRLF,SE",
            Some("a"),
            Some("g"),
        ),
        ("form-data", "missing name field", "CRLF,SE", None, None),
        ("form-data;", "missing name field", "CRLF,SE", None, None),
        (
            "form-data; filename=\"x\"",
            "missing name field",
            "CRLF,SE",
            None,
            Some("x"),
        ),
        (
            "form-data; name=\"a\"; filename = \"x\"",
            "header (filename)",
            "CRLF,SE",
            Some("a"),
            Some("x"),
        ),
    ];
    for &(value, message, expected, name, filename) in cases {
        let body = format!("--b\r\nContent-Disposition: {value}\r\n\r\nv\r\n--b--\r\n");
        let parsed = read(body.as_bytes());
        let message = match message.starts_with('-') {
            true => format!("Invalid Content-Disposition header ({message}): "),
            false => message.to_string(),
        };
        assert!(
            error(&parsed).contains(&message),
            "{value}: {}",
            error(&parsed)
        );
        assert_eq!(parsed.error.is_some(), !message.is_empty(), "{value}");
        assert_eq!(flags(&parsed), expected, "{value}");
        let multipart = parsed.multipart.unwrap();
        let text = |bytes: Option<Bytes>| bytes.map(|b| String::from_utf8(b.to_vec()).unwrap());
        assert_eq!(text(multipart.name).as_deref(), name, "{value}");
        assert_eq!(text(multipart.filename).as_deref(), filename, "{value}");
    }
}
