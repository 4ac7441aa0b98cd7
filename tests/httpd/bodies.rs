//! Request bodies: read once for inspection, and whole for whoever handles the request.

use std::time::{Duration, Instant};

use crate::harness::{Backend, Mpm, Setup};

const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRule ARGS:early "@streq 1" "id:1,phase:1,deny,status:403"
SecRule REQUEST_BODY "@contains evilbody" "id:2,phase:2,deny,status:403"
"#;

/// Bytes that no filter can guess.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn proxied(setup: Setup, backend: &Backend) -> Setup {
    setup
        .modules(&["proxy", "proxy_http"])
        .conf(&format!("ProxyPass /b/ http://127.0.0.1:{}/", backend.port))
        .conf(ENGINE)
        .file("index.html", "fine")
}

#[test]
fn three_megabytes_reach_the_backend_byte_for_byte() {
    let body = noise(3_000_000);
    for mpm in Mpm::ALL {
        // In memory, and in a file.
        for memory in ["", "SecRequestBodyInMemoryLimit 4096"] {
            let Some(setup) = Setup::new() else { return };
            let backend = Backend::start();
            let server = proxied(setup, &backend)
                .mpm(mpm)
                .conf("SecRequestBodyNoFilesLimit 10000000")
                .conf(memory)
                .start();
            let headers = "Content-Type: application/octet-stream\r\n";
            assert_eq!(server.request("POST", "/b/one", headers, &body).status, 200);

            let mut client = server.client();
            client.send("POST /b/two HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n");
            client.send(format!("{headers}\r\n"));
            client.send_chunked(&body, 7919);
            assert_eq!(client.response().text(), body.len().to_string());
            // The connection is still in step.
            client.send_request("GET", "/index.html", "", b"");
            assert_eq!(client.response().text(), "fine");

            let received = backend.requests(2);
            for request in &received {
                assert!(
                    request.complete && request.body == body,
                    "{mpm:?} {}",
                    request.line
                );
            }
        }
    }
}

#[test]
fn every_size_around_the_buffers_is_served_whole() {
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = proxied(setup, &backend)
        .conf("SecRequestBodyInMemoryLimit 16384")
        .start();
    let sizes = [
        1, 2, 8191, 8192, 8193, 16383, 16384, 16385, 65535, 65536, 65537, 131_073,
    ];
    let mut client = server.client();
    for size in sizes {
        let body = noise(size);
        client.send_request("POST", "/b/echo", "Content-Type: application/x\r\n", &body);
        assert!(client.response().body == body, "{size} bytes");
    }
    client.send_request("POST", "/b/empty", "", b"");
    assert_eq!(client.response().text(), "0");
    assert!(
        backend
            .requests(sizes.len() + 1)
            .iter()
            .all(|request| request.complete)
    );
}

#[test]
fn beyond_the_limit_the_rest_streams_behind_what_was_read() {
    let body = noise(1_000_000);
    for chunked in [false, true] {
        let Some(setup) = Setup::new() else { return };
        let backend = Backend::start();
        let server = proxied(setup, &backend)
            .conf("SecRequestBodyLimit 100000\nSecRequestBodyLimitAction ProcessPartial")
            .start();
        let mut client = server.client();
        if chunked {
            client.send("POST /b/p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
            client.send_chunked(&body, 10_007);
        } else {
            client.send_request("POST", "/b/p", "Content-Type: application/x\r\n", &body);
        }
        assert_eq!(
            client.response().text(),
            body.len().to_string(),
            "chunked: {chunked}"
        );
        client.send_request("GET", "/index.html", "", b"");
        assert_eq!(client.response().text(), "fine");
        assert!(backend.requests(1)[0].body == body);
    }
}

#[test]
fn over_the_limit_is_refused_and_the_connection_closed() {
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = proxied(setup, &backend)
        .conf("SecRequestBodyLimit 100000")
        .start();
    let body = noise(1_000_000);
    let response = server.request("POST", "/b/x", "", &body);
    assert_eq!(response.status, 413);
    assert!(response.closes());
    let mut client = server.client();
    client.send("POST /b/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send_chunked(&body, 9973);
    let response = client.response();
    assert_eq!(response.status, 413);
    assert!(response.closes());
    assert_eq!(server.get("/b/after").status, 200);
    assert_eq!(backend.requests(1).len(), 1, "nothing refused came through");
}

#[test]
fn after_a_refused_body_the_connection_is_in_step_or_closed() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .mpm(mpm)
            .conf(ENGINE)
            .file("index.html", "fine")
            .start();

        // The body was read: the connection may go on, and must be in step.
        let mut client = server.client();
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        client.send_request("POST", "/index.html", form, b"a=evilbody");
        client.send_request("GET", "/index.html", "", b"");
        let response = client.response();
        assert_eq!(response.status, 403);
        if !response.closes() {
            assert_eq!(client.response().text(), "fine");
        }

        // The body was not read: it must not be taken for a request.
        let mut client = server.client();
        let smuggled = b"GET /index.html?smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
        client.send_request("POST", "/index.html?early=1", form, smuggled);
        let response = client.response();
        assert_eq!(response.status, 403);
        assert!(response.closes());
        assert_eq!(client.rest(), b"", "one answer");
        assert!(!server.read("access.log").contains("smuggled"));
    }
}

#[test]
fn expect_100_continue_is_answered_only_when_the_body_is_wanted() {
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = proxied(setup, &backend).start();
    let head = |target: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let mut client = server.client();
    client.send(head("/b/go"));
    assert_eq!(client.response().status, 100);
    client.send("body");
    let response = client.response();
    assert_eq!((response.status, response.text().as_str()), (200, "4"));

    let mut client = server.client();
    client.send(head("/b/go?early=1"));
    let response = client.response();
    assert_eq!(response.status, 403, "without asking for the body");
    assert_eq!(client.rest(), b"");
    assert_eq!(backend.requests(1).len(), 1);
}

#[test]
fn broken_bodies_get_one_answer() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .modules(&["reqtimeout"])
        .conf("RequestReadTimeout body=1")
        .conf(ENGINE)
        .file("index.html", "fine")
        .start();
    let post = "POST /index.html HTTP/1.1\r\nHost: a\r\n";
    let cases = [
        (
            "a chunk that is none",
            format!("{post}Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n"),
            400,
            true,
        ),
        (
            "a negative chunk",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n"),
            400,
            true,
        ),
        (
            "a length that is none",
            format!("{post}Content-Length: x\r\n\r\nabc"),
            400,
            true,
        ),
        (
            "less than announced",
            format!("{post}Content-Length: 10\r\n\r\nabc"),
            400,
            true,
        ),
        (
            "nothing for too long",
            format!("{post}Content-Length: 10\r\n\r\nabc"),
            408,
            false,
        ),
    ];
    for (what, wire, status, finish) in cases {
        let mut client = server.client();
        client.send(wire);
        if finish {
            client.finish();
        }
        let begun = Instant::now();
        let answer = client.rest();
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{what}: {answer:?}"
        );
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: {answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
    }
    assert_eq!(server.get("/index.html").status, 200);
}

#[test]
fn without_body_access_bodies_stream_untouched() {
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = proxied(setup, &backend)
        .conf("SecRequestBodyAccess Off")
        .start();
    let body = [noise(200_000), b"evilbody".to_vec()].concat();
    assert_eq!(
        server.request("POST", "/b/x", "", &body).text(),
        body.len().to_string()
    );
    assert!(backend.requests(1)[0].body == body);
}

#[test]
fn programs_read_the_whole_body() {
    for mpm in Mpm::ALL {
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .mpm(mpm)
            .modules(if mpm == Mpm::Prefork {
                &["cgi"]
            } else {
                &["cgid"]
            })
            .conf(if mpm == Mpm::Prefork {
                ""
            } else {
                "ScriptSock {ROOT}/cgisock"
            })
            .conf(
                "<Directory {ROOT}/htdocs>\nOptions +ExecCGI\nSetHandler cgi-script\n</Directory>",
            )
            .conf(ENGINE)
            .conf("SecRequestBodyInMemoryLimit 65536")
            .program(
                "echo",
                // It must not answer while it reads: httpd reads nothing while it writes.
                "#!/bin/sh\nbody=$(mktemp)\ncat >\"$body\"\necho Content-Type: application/x-echo\necho\ncat \"$body\"\nrm \"$body\"\n",
            )
            .start();
        let body = noise(300_000);
        assert!(
            server.request("POST", "/echo", "", &body).body == body,
            "{mpm:?}"
        );
        assert_eq!(server.post("/echo", b"a=evilbody").status, 403, "{mpm:?}");
        let mut client = server.client();
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send_chunked(&body, 4099);
        assert!(client.response().body == body, "{mpm:?}");
    }
}

#[test]
fn a_connection_that_changes_its_protocol_is_left_alone() {
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = setup
        .modules(&["proxy", "proxy_http"])
        .conf(&format!(
            "ProxyPass /b/ http://127.0.0.1:{}/ upgrade=websocket",
            backend.port
        ))
        .conf(ENGINE)
        .conf("SecResponseBodyAccess On")
        .start();
    let head = |target: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
    };
    let mut client = server.client();
    client.send(head("/b/upgrade"));
    assert_eq!(client.response().status, 101);
    for message in ["one", "two", "evilbody"] {
        client.send(message);
        assert_eq!(client.some(100), message.as_bytes());
    }
    let mut client = server.client();
    client.send(head("/b/upgrade?early=1"));
    assert_eq!(client.response().status, 403);
}

#[test]
fn broken_bodies_are_answered_in_detection_as_without_inspection() {
    let broken = [
        "Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc",
        "Content-Length: 10\r\n\r\nabc",
        "Content-Length: 100000\r\n\r\nabc",
    ];
    let mut answers = Vec::new();
    for mode in ["Off", "DetectionOnly"] {
        let Some(setup) = Setup::new() else { return };
        let backend = Backend::start();
        let server = proxied(setup, &backend)
            .conf(&format!("SecRuleEngine {mode}\nLimitRequestBody 50000"))
            .start();
        for path in ["/index.html", "/b/x"] {
            for wire in broken {
                let mut client = server.client();
                client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\n{wire}"));
                client.finish();
                let answer = String::from_utf8_lossy(&client.rest()).into_owned();
                let status = answer.lines().next().unwrap_or("nothing").to_owned();
                answers.push((path, wire, status, answer.matches("HTTP/1.1 ").count()));
            }
        }
        assert_eq!(server.get("/index.html").text(), "fine");
    }
    let (off, detection) = answers.split_at(answers.len() / 2);
    assert_eq!(off, detection);
}
