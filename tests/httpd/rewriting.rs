//! Bodies that rules rewrite, and what they put around a response: what arrives on the wire.

use std::process::Command;

use crate::harness::{Backend, Mpm, Response, Server, Setup, curl};

const REQUESTS: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecStreamInBodyInspection On
SecRequestBodyNoFilesLimit 10000000
SecAuditEngine On
SecAuditLog audit.log
SecAuditLogParts ABCZ
SecRule STREAM_INPUT_BODY "@rsub s/secret/**/" "id:1,phase:2,pass,nolog"
SecRule ARGS:late "@streq 1" "id:2,phase:3,deny,status:404"
"#;

const RESPONSES: &str = r#"
SecRuleEngine On
SecResponseBodyAccess On
SecStreamOutBodyInspection On
SecContentInjection On
SecResponseBodyLimit 10000000
SecRule STREAM_OUTPUT_BODY "@rsub s/secret/**/" "id:11,phase:4,pass,nolog"
SecRule ARGS:around "@streq 1" "id:12,phase:2,pass,nolog,prepend:'<i>%{ARGS.around}</i>',append:'</end>'"
SecRule ARGS:late "@streq 1" "id:13,phase:4,pass,nolog,prepend:'late '"
SecRule ARGS:deny "@streq 1" "id:14,phase:4,deny,status:404"
"#;

/// Text with many secrets in it, and what becomes of it.
fn text(length: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for number in 0.. {
        let line = format!("{number}: \u{0}\u{ff} a secret, a line\r\n");
        before.extend_from_slice(line.as_bytes());
        after.extend_from_slice(line.replace("secret", "**").as_bytes());
        if before.len() >= length {
            break;
        }
    }
    (before, after)
}

fn proxied(setup: Setup, backend: &Backend) -> Setup {
    setup
        .modules(&["proxy", "proxy_http"])
        .conf(&format!("ProxyPass /b/ http://127.0.0.1:{}/", backend.port))
}

#[test]
fn a_rewritten_request_body_is_what_the_backend_gets() {
    let (before, after) = text(3_000_000);
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let backend = Backend::start();
        let server = proxied(setup.mpm(mpm), &backend)
            .conf(REQUESTS)
            .file("index.html", "fine")
            .start();
        let mut client = server.client();
        for (number, chunked) in [(1, false), (2, true)] {
            match chunked {
                true => {
                    client.send(
                        "POST /b/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                    );
                    client.send_chunked(&before, 7919);
                }
                false => client.send_request("POST", "/b/echo", "", &before),
            }
            assert!(
                client.response().body == after,
                "{mpm:?} chunked: {chunked}"
            );
            let received = backend.requests(number);
            let request = received.last().expect("a request");
            assert_eq!(
                (
                    request.header("Content-Length"),
                    request.header("Transfer-Encoding")
                ),
                (Some(&*after.len().to_string()), None)
            );
            // The connection is still in step.
            client.send_request("GET", "/index.html", "", b"");
            assert_eq!(client.response().text(), "fine");
        }
        // What is not changed is not touched.
        client.send("POST /b/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send_chunked(b"open", 3);
        assert_eq!(client.response().text(), "open");
        // A body that is all taken away.
        client.send_request("POST", "/b/echo", "", b"secret");
        assert_eq!(client.response().text(), "**");
        client.send_request("POST", "/b/echo?late=1", "", b"secret");
        assert_eq!(client.response().status, 404);
        client.send_request("GET", "/index.html", "", b"");
        assert_eq!(client.response().text(), "fine");
        let records = server.audit_records(8);
        assert!(
            records[5].contains("-C--\nsecret\n"),
            "what came is in the record: {}",
            records[5]
        );
    }
}

#[test]
fn a_rewritten_beginning_is_followed_by_the_rest() {
    let (before, _) = text(300_000);
    for chunked in [false, true] {
        let Some(setup) = Setup::new() else { return };
        let backend = Backend::start();
        let server = proxied(setup, &backend)
            .conf(REQUESTS)
            .conf("SecRequestBodyLimit 100000\nSecRequestBodyLimitAction ProcessPartial")
            .start();
        let mut client = server.client();
        if chunked {
            client.send("POST /b/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
            client.send_chunked(&before, 10_007);
        } else {
            client.send_request("POST", "/b/echo", "", &before);
        }
        let body = client.response().body;
        let same = body
            .iter()
            .rev()
            .zip(before.iter().rev())
            .take_while(|(a, b)| a == b)
            .count();
        assert!(
            (100_000..=200_000).contains(&same),
            "{same} bytes of the rest, chunked: {chunked}"
        );
        let start = String::from_utf8_lossy(&body[..body.len() - same]).into_owned();
        let (count, _) = (
            start.matches("**").count(),
            assert!(!start.contains("secret")),
        );
        assert_eq!(body.len(), before.len() - count * 4, "chunked: {chunked}");
        assert_eq!(backend.requests(1)[0].body, body);
    }
}

#[test]
fn programs_read_the_rewritten_body() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .mpm(mpm)
            .modules(if mpm == Mpm::Prefork { &["cgi"] } else { &["cgid"] })
            .conf(if mpm == Mpm::Prefork { "" } else { "ScriptSock {ROOT}/cgisock" })
            .conf("<Directory {ROOT}/htdocs>\nOptions +ExecCGI\nSetHandler cgi-script\n</Directory>")
            .conf(REQUESTS)
            .program("echo", "#!/bin/sh\nbody=$(cat)\necho Content-Type: application/x-echo\necho\nprintf '%s %s' \"$CONTENT_LENGTH\" \"$body\"\n")
            .start();
        let response = server.request("POST", "/echo", "", b"a secret and a secret");
        assert_eq!(response.text(), "13 a ** and a **", "{mpm:?}");
    }
}

/// Whether a response says anything about a body as its author made it.
fn is_described(response: &Response) -> bool {
    ["ETag", "Last-Modified", "Expires"]
        .iter()
        .any(|name| response.header(name).is_some())
}

#[test]
fn a_rewritten_response_is_what_the_client_gets() {
    let (before, after) = text(3_000_000);
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let backend = Backend::start();
        let server = proxied(setup.mpm(mpm), &backend)
            .conf(RESPONSES)
            .file("big.html", &before)
            .file("open.html", "nothing to hide")
            .start();
        let mut client = server.client();
        client.send_request("GET", "/big.html", "", b"");
        let response = client.response();
        assert!(response.body == after, "{mpm:?}");
        assert_eq!(
            response.header("Content-Length"),
            Some(&*after.len().to_string())
        );
        assert!(!is_described(&response));
        client.send_request("GET", "/b/html/asecretfile", "", b"");
        let response = client.response();
        assert_eq!(
            (response.text().as_str(), response.header("Content-Length")),
            ("a**file", Some("7"))
        );
        client.send_request("GET", "/open.html", "", b"");
        let response = client.response();
        assert_eq!(response.text(), "nothing to hide");
        assert!(is_described(&response), "what is not changed is as it was");
        client.send_request("GET", "/big.html?deny=1", "", b"");
        let response = client.response();
        assert_eq!(response.status, 404);
        assert!(!response.text().contains("**"));
    }
}

#[test]
fn a_response_over_its_limit_is_rewritten_up_to_there() {
    let (before, _) = text(300_000);
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .mpm(mpm)
            .conf(RESPONSES)
            .conf("SecResponseBodyLimit 100000\nSecResponseBodyLimitAction ProcessPartial")
            .file("big.html", &before)
            .file("next.html", "fine")
            .start();
        let mut client = server.client();
        client.send_request("GET", "/big.html?around=1", "", b"");
        let body = client.response().body;
        let body = body
            .strip_prefix(b"<i>1</i>")
            .expect("what comes before it");
        let body = body.strip_suffix(b"</end>").expect("what comes behind it");
        let expected = [
            String::from_utf8_lossy(&before[..100_000])
                .replace("secret", "**")
                .into_bytes(),
            String::from_utf8_lossy(&before[100_000..])
                .into_owned()
                .into_bytes(),
        ];
        assert!(
            String::from_utf8_lossy(body) == String::from_utf8_lossy(&expected.concat()),
            "{mpm:?}"
        );
        client.send_request("GET", "/next.html", "", b"");
        assert_eq!(client.response().text(), "fine");
    }
}

#[test]
fn what_is_put_around_a_response_is_counted() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let backend = Backend::start();
        let server = proxied(setup.mpm(mpm), &backend)
            .conf(RESPONSES)
            .file("page.html", "a secret page")
            .file("image.png", "not looked at")
            .start();
        let mut client = server.client();
        for (target, expected) in [
            ("/page.html?around=1", "<i>1</i>a ** page</end>"),
            ("/page.html?late=1", "late a ** page"),
            ("/image.png?around=1", "<i>1</i>not looked at</end>"),
            ("/image.png?late=1", "not looked at"),
            ("/b/html/open?around=1", "<i>1</i>open?around=1</end>"),
        ] {
            client.send_request("GET", target, "", b"");
            let response = client.response();
            assert_eq!(response.text(), expected, "{target} {mpm:?}");
            assert_eq!(
                response.header("Content-Length"),
                Some(&*expected.len().to_string())
            );
            assert_eq!(
                is_described(&response),
                target == "/image.png?late=1",
                "{target}"
            );
        }
        client.send_request("GET", "/page.html", "", b"");
        assert_eq!(client.response().text(), "a ** page", "in step");
    }
}

#[test]
fn streams_get_an_end_without_waiting() {
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = proxied(setup, &backend)
        .conf("SecRuleEngine On\nSecContentInjection On\nSecAction \"id:1,phase:3,pass,nolog,prepend:'one ',append:' three'\"")
        .start();
    let mut client = server.client();
    let begun = std::time::Instant::now();
    client.send_request("GET", "/b/slow", "", b"");
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("first") {
        answer.extend(client.some(4096));
    }
    assert!(
        begun.elapsed() < std::time::Duration::from_millis(900),
        "the first piece waited"
    );
    while !String::from_utf8_lossy(&answer).contains("three") {
        let piece = client.some(4096);
        assert!(!piece.is_empty(), "{answer:?}");
        answer.extend(piece);
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let order = ["one ", "first", "second", " three"].map(|piece| text.find(piece));
    assert!(order.is_sorted() && order[0].is_some(), "{text}");
    client.send_request("GET", "/nowhere", "", b"");
    assert_eq!(client.response().status, 404, "in step");
}

#[test]
fn heads_ranges_and_conditions() {
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = proxied(setup, &backend)
        .conf(RESPONSES)
        .file("page.html", "a secret page")
        .start();
    let mut client = server.client();
    let mut ask = |method: &str, target: &str, headers: &str| {
        client.send_request(method, target, headers, b"");
        client.response_to(method)
    };
    let whole = "<i>1</i>a ** page</end>";
    let head = ask("HEAD", "/page.html?around=1", "");
    assert_eq!(
        (head.status, head.header("Content-Length")),
        (200, Some(&*whole.len().to_string()))
    );
    assert!(!is_described(&head));
    // A backend says what its body would have been like; ours is not known.
    let head = ask("HEAD", "/b/html/asecret", "");
    assert_eq!((head.status, head.header("Content-Length")), (200, None));
    let part = ask("GET", "/page.html?around=1", "Range: bytes=3-11\r\n");
    assert_eq!((part.status, part.text().as_str()), (206, &whole[3..12]));
    assert_eq!(
        part.header("Content-Range"),
        Some(&*format!("bytes 3-11/{}", whole.len()))
    );
    let tagged = ask(
        "GET",
        "/page.html?around=1",
        "Range: bytes=3-11\r\nIf-Range: \"x\"\r\n",
    );
    assert_eq!((tagged.status, tagged.text().as_str()), (200, whole));
    let unchanged = ask("GET", "/page.html?around=1", "If-None-Match: *\r\n");
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    assert_eq!(
        ask("GET", "/page.html?around=1", "").text(),
        whole,
        "in step"
    );
    let missing = ask("GET", "/nowhere?around=1", "");
    assert_eq!(missing.status, 404);
    assert!(missing.text().starts_with("<i>1</i><!DOCTYPE") && missing.text().ends_with("</end>"));
}

#[test]
fn what_is_compressed_already_is_left_alone() {
    use std::io::{Read, Write};
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"a secret page").expect("memory");
    let compressed = encoder.finish().expect("memory");
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .modules(&["filter", "deflate"])
        .conf(RESPONSES)
        .conf("AddEncoding gzip .gz\n<Location /deflated>\nSetOutputFilter DEFLATE\n</Location>")
        .file("page.html.gz", &compressed)
        .file("deflated/page.html", "a secret page".repeat(20))
        .start();
    let response = server.get("/page.html.gz?around=1");
    assert_eq!(response.header("Content-Encoding"), Some("gzip"));
    assert!(response.body == compressed);
    assert!(is_described(&response));
    // httpd's own compression comes after us.
    let response = server.request(
        "GET",
        "/deflated/page.html?around=1",
        "Accept-Encoding: gzip\r\n",
        b"",
    );
    assert_eq!(response.header("Content-Encoding"), Some("gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&response.body[..])
        .read_to_string(&mut text)
        .expect("gzip");
    assert_eq!(text, format!("<i>1</i>{}</end>", "a ** page".repeat(20)));
}

#[test]
fn the_backend_is_kept_from_compressing() {
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = proxied(setup, &backend)
        .modules(&["filter", "deflate"])
        .conf("SetOutputFilter DEFLATE\nSecRuleEngine On\nSecDisableBackendCompression On")
        .conf("CustomLog encodings.log %{Accept-Encoding}i")
        .conf("SecRule REQUEST_HEADERS:Accept-Encoding \"@streq gzip\" \"id:1,phase:3,pass,log,msg:'rules see it'\"")
        .start();
    let headers = "Accept-Encoding: gzip\r\nTE: trailers\r\n";
    let response = server.request(
        "GET",
        &format!("/b/html/{}", "page".repeat(50)),
        headers,
        b"",
    );
    assert_eq!(
        response.header("Content-Encoding"),
        Some("gzip"),
        "compression is for httpd to do"
    );
    let request = &backend.requests(1)[0];
    assert_eq!(
        (request.header("Accept-Encoding"), request.header("TE")),
        (None, None)
    );
    server.logged("rules see it");
    assert!(crate::harness::eventually(
        || server.read("encodings.log") == "gzip\n"
    ));
}

#[test]
fn detection_changes_nothing() {
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = proxied(setup, &backend)
        .conf(REQUESTS)
        .conf("SecRuleEngine DetectionOnly\nSecContentInjection On\nSecResponseBodyAccess On\nSecStreamOutBodyInspection On")
        .conf("SecRule STREAM_OUTPUT_BODY \"@rsub s/page/x/\" \"id:8,phase:4,pass,append:x\"")
        .file("page.html", "a page")
        .start();
    assert_eq!(
        server.request("POST", "/b/echo", "", b"secret").text(),
        "secret"
    );
    let response = server.get("/page.html");
    assert_eq!(response.text(), "a page");
    assert!(is_described(&response));
}

/// Over HTTP/2: the body, with the length that was stated before it.
fn http2(server: &Server, target: &str, arguments: &[&str]) -> Option<(Vec<u8>, String)> {
    let output = Command::new(curl()?)
        .args([
            "-s",
            "--max-time",
            "20",
            "--http2-prior-knowledge",
            "-w",
            "\n%header{content-length}",
        ])
        .args(arguments)
        .arg(format!("http://127.0.0.1:{}{target}", server.port()))
        .output()
        .expect("curl");
    let end = output
        .stdout
        .iter()
        .rposition(|&byte| byte == b'\n')
        .expect("a last line");
    let (body, length) = output.stdout.split_at(end);
    Some((
        body.to_vec(),
        String::from_utf8_lossy(length).trim().to_owned(),
    ))
}

#[test]
fn lengths_are_right_over_http2() {
    let (before, after) = text(3_000_000);
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = proxied(setup, &backend)
        .modules(&["http2"])
        .conf("Protocols h2c http/1.1")
        .conf(REQUESTS)
        .conf(RESPONSES)
        .file("big.html", &before)
        .start();
    let Some((body, length)) = http2(&server, "/big.html", &[]) else {
        return;
    };
    assert!(body == after);
    assert_eq!(length, after.len().to_string());
    let file = server.root().join("body");
    std::fs::write(&file, &before).expect("a file to send");
    let data = format!("@{}", file.display());
    let arguments = [
        "-H",
        "Content-Type: application/x-noise",
        "--data-binary",
        &data,
    ];
    let Some((body, _)) = http2(&server, "/b/echo", &arguments) else {
        return;
    };
    assert!(body == after);
    let Some((body, length)) = http2(&server, "/b/html/open?around=1", &[]) else {
        return;
    };
    let expected = "<i>1</i>open?around=1</end>";
    assert_eq!(
        (String::from_utf8_lossy(&body).into_owned(), length),
        (expected.to_owned(), expected.len().to_string())
    );
    assert_eq!(backend.requests(2)[0].body, after);
}
