//! Responses: what is inspected waits, everything else streams.

use std::time::{Duration, Instant};

use crate::harness::{Backend, Mpm, Setup};

const ENGINE: &str = r#"
SecRuleEngine On
SecResponseBodyAccess On
SecRule RESPONSE_BODY "@contains evilanswer" "id:1,phase:4,deny,status:403"
SecRule RESPONSE_HEADERS:Content-Type "@contains x-secret" "id:2,phase:3,deny,status:403"
"#;

fn proxied(setup: Setup, backend: &Backend) -> Setup {
    setup
        .modules(&["proxy", "proxy_http"])
        .conf(&format!("ProxyPass /b/ http://127.0.0.1:{}/", backend.port))
        .conf(ENGINE)
}

#[test]
fn what_is_not_inspected_streams() {
    for mpm in Mpm::ALL {
        let Some(setup) = Setup::new() else { return };
        let backend = Backend::start();
        let server = proxied(setup, &backend).mpm(mpm).start();
        let mut client = server.client();
        let begun = Instant::now();
        client.send_request("GET", "/b/slow", "", b"");
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains("first") {
            let piece = client.some(4096);
            assert!(!piece.is_empty(), "{mpm:?}: {answer:?}");
            answer.extend(piece);
        }
        assert!(
            begun.elapsed() < Duration::from_millis(900),
            "{mpm:?}: the first event waited for the second"
        );
        assert!(!String::from_utf8_lossy(&answer).contains("second"));
    }
}

#[test]
fn a_backend_s_answer_is_inspected() {
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = proxied(setup, &backend).start();
    let mut client = server.client();
    for (target, status) in [
        ("/b/html/good", 200),
        ("/b/html/evilanswer", 403),
        ("/b/html/good", 200),
    ] {
        client.send_request("GET", target, "", b"");
        let response = client.response();
        assert_eq!(response.status, status, "{target}");
        assert!(!response.text().contains("evilanswer"));
    }
    client.send_request("HEAD", "/b/html/good", "", b"");
    assert_eq!(client.response_to("HEAD").status, 200);
    client.send_request("GET", "/b/html/good", "", b"");
    assert_eq!(client.response().text(), "good", "in step after HEAD");
}

#[test]
fn large_responses_arrive_whole() {
    let text: String = (0..40_000)
        .map(|number| format!("line {number}\n"))
        .collect();
    for (limits, status) in [
        ("SecResponseBodyLimit 10000000", 200),
        (
            "SecResponseBodyLimit 10000\nSecResponseBodyLimitAction ProcessPartial",
            200,
        ),
        (
            "SecResponseBodyLimit 10000\nSecResponseBodyLimitAction Reject",
            500,
        ),
    ] {
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .conf(ENGINE)
            .conf(limits)
            .file("big.txt", &text)
            .start();
        let response = server.get("/big.txt");
        assert_eq!(response.status, status, "{limits}");
        if status == 200 {
            assert!(response.text() == text, "{limits}");
        }
    }
}

#[test]
fn a_backend_that_is_down_is_a_plain_error() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .modules(&["proxy", "proxy_http"])
        .conf("ProxyPass /b/ http://127.0.0.1:1/")
        .conf(ENGINE)
        .conf("SecRule RESPONSE_STATUS \"@streq 503\" \"id:9,phase:3,pass,log,msg:'backend is down'\"")
        .start();
    assert_eq!(server.get("/b/x").status, 503);
    assert_eq!(
        server.logged("backend is down").len(),
        1,
        "errors of others are inspected, once"
    );
}

#[test]
fn compression_comes_after_inspection() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .modules(&["filter", "deflate"])
        .conf("SetOutputFilter DEFLATE")
        .conf(ENGINE)
        .file("good.html", "x".repeat(5000))
        .file("bad.html", "an evilanswer".repeat(500))
        .start();
    let gzip = "Accept-Encoding: gzip\r\n";
    let good = server.request("GET", "/good.html", gzip, b"");
    assert_eq!(
        (good.status, good.header("Content-Encoding")),
        (200, Some("gzip"))
    );
    assert_eq!(server.request("GET", "/bad.html", gzip, b"").status, 403);
}

#[test]
fn conditions_ranges_and_heads_are_answered_as_without_inspection() {
    let Some(setup) = Setup::new() else { return };
    let server = setup.conf(ENGINE).file("page.html", "0123456789").start();
    let whole = server.get("/page.html");
    let tag = whole.header("ETag").expect("a tag").to_owned();
    let mut client = server.client();
    let mut ask = |method: &str, headers: &str| {
        client.send_request(method, "/page.html", headers, b"");
        client.response_to(method)
    };
    let unchanged = ask("GET", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    let part = ask("GET", "Range: bytes=2-4\r\n");
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    assert_eq!(part.header("Content-Range"), Some("bytes 2-4/10"));
    let head = ask("HEAD", "");
    assert_eq!(
        (head.status, head.header("Content-Length")),
        (200, Some("10"))
    );
    assert_eq!(ask("GET", "").text(), "0123456789", "in step");
    assert_eq!(ask("OPTIONS", "").status, 200);
    assert_eq!(ask("GET", "").text(), "0123456789", "in step");
}
