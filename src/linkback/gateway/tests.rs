//! What endpoints answer and where they stand; how they are asked is seen in `tests/httpd/gateway.rs`.

use super::*;

#[test]
fn answers_become_faults() {
    let table: &[(u16, &str, Option<i32>)] = &[
        (200, "", None),
        (201, "", None),
        (202, "{\"result\":\"queued\"}", None),
        (400, "{\"error\":\"source_not_found\"}", Some(16)),
        (
            400,
            "{\"error\":\"no_link_found\",\"error_text\":\"x\"}",
            Some(17),
        ),
        (400, "{\"error\":\"target_not_found\"}", Some(32)),
        (400, "{\"error\":\"target_not_supported\"}", Some(33)),
        (400, "{\"error\":\"invalid_target\"}", Some(33)),
        (400, "{\"error\":\"source_not_supported\"}", Some(49)),
        (400, "{\"error\":\"already_registered\"}", Some(48)),
        (400, "{\"error\":\"unknown_error\"}", Some(0)),
        (400, "{\"error\":17}", Some(0)),
        (400, "[]", Some(0)),
        (400, "no JSON", Some(0)),
        (401, "", Some(49)),
        (403, "", Some(49)),
        (404, "", Some(32)),
        (405, "", Some(0)),
        (409, "", Some(48)),
        (429, "", Some(49)),
        (302, "", Some(50)),
        (500, "{\"error\":\"no_link_found\"}", Some(50)),
        (503, "", Some(50)),
    ];
    for (status, body, expected) in table {
        let found = fault(*status, body.as_bytes()).map(|fault| fault.0);
        assert_eq!(found, *expected, "{status} {body}");
    }
}

#[test]
fn endpoints_stand_in_headers_and_pages() {
    for (line, expected) in [
        (
            "<http://b.example/wm>; rel=\"webmention\"",
            Some("http://b.example/wm"),
        ),
        ("</wm>; rel=webmention", Some("/wm")),
        (
            "<wm?a,b>;title=\"x, y; rel=no\" ; REL = \"other WebMention\"",
            Some("wm?a,b"),
        ),
        (
            "</a>; rel=alternate, </wm>; rel=\"webmention\"",
            Some("/wm"),
        ),
        (
            "</a>; title=\"<x>; rel=webmention\", </wm>; rel=webmention",
            Some("/wm"),
        ),
        ("</wm>; rel=\"http://webmention.org/\"", Some("/wm")),
        ("<>; rel=webmention", Some("")),
        ("</wm>; rel=\"not-webmention\"", None),
        ("</wm>", None),
        ("/wm; rel=webmention", None),
        ("</wm", None),
        ("", None),
    ] {
        assert_eq!(in_link(line).as_deref(), expected, "{line}");
    }
    for (html, expected) in [
        ("<link rel=webmention href=/wm>", Some("/wm")),
        (
            "<a href=/x>x</a><a rel='nofollow webmention' href='/wm?a&amp;b'>",
            Some("/wm?a&b"),
        ),
        (
            "<link rel=webmention><link rel=webmention href=''>",
            Some(""),
        ),
        (
            "<!-- <link rel=webmention href=/no> --><LINK REL=WEBMENTION HREF=/wm>",
            Some("/wm"),
        ),
        (
            "<link rel=pingback href=/x><script><link rel=webmention href=/no></script>",
            None,
        ),
        ("<p rel=webmention href=/no>", None),
    ] {
        assert_eq!(in_page(html.as_bytes()).as_deref(), expected, "{html}");
    }
}

#[test]
fn an_endpoint_is_an_absolute_url_or_to_be_discovered() {
    assert_eq!(Endpoint::parse("Discover"), Ok(Endpoint::Discovered));
    assert!(matches!(
        Endpoint::parse("http://127.0.0.1:8080/wm"),
        Ok(Endpoint::At(_))
    ));
    for wrong in [
        "/webmention/",
        "webmention",
        "ftp://a.example/",
        "http://",
        "",
    ] {
        assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
    }
}
