//! Every way to refuse, in every phase: what the client gets, and what is written down.

use crate::harness::{Backend, Mpm, Setup};

const RULES: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecAuditEngine RelevantOnly
SecAuditLog audit.log
SecAuditLogParts ABCFHZ
SecRule ARGS:one "@streq 1" "id:1,phase:1,deny,status:401"
SecRule ARGS:two "@streq 1" "id:2,phase:2,deny,status:402"
SecRule ARGS:three "@streq 1" "id:3,phase:3,deny,status:406"
SecRule RESPONSE_BODY "@contains evilanswer" "id:4,phase:4,deny,status:404"
SecRule ARGS:nobody "@streq 1" "id:5,phase:4,deny,status:409"
SecRule ARGS:teapot "@streq 1" "id:6,phase:1,deny,status:418"
"#;

#[test]
fn a_denial_is_answered_in_every_phase_and_mpm() {
    for mpm in Mpm::ALL {
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .mpm(mpm)
            .conf(RULES)
            .file("index.html", "a fine answer")
            .file("bad.html", "an evilanswer")
            .file("picture.png", "an evilanswer")
            .start();
        for (target, status) in [
            ("/index.html", 200),
            ("/index.html?one=1", 401),
            ("/index.html?two=1", 402),
            ("/index.html?three=1", 406),
            ("/bad.html", 404),
            ("/picture.png", 200),
            ("/picture.png?nobody=1", 409),
            ("/missing.html?three=1", 406),
        ] {
            let response = server.get(target);
            assert_eq!(response.status, status, "{target} {mpm:?}");
            assert!(
                !response.text().contains("evilanswer") || status == 200,
                "{target} {mpm:?}"
            );
        }
        assert_eq!(server.audit_records(6).len(), 6);
    }
}

#[test]
fn a_status_without_words_is_sent_as_500_and_logged_as_asked() {
    let Some(setup) = Setup::new() else { return };
    let server = setup.conf(RULES).file("index.html", "fine").start();
    assert_eq!(server.get("/index.html?teapot=1").status, 500);
    assert_eq!(
        server.logged("Access denied with code 418 (phase 1)").len(),
        1
    );
}

#[test]
fn the_record_is_there_before_the_refusal_arrives() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .mpm(mpm)
            .conf(RULES)
            .file("index.html", "fine")
            .start();
        for number in 1..=20 {
            assert_eq!(
                server.get(&format!("/index.html?two=1&n={number}")).status,
                402
            );
            // No waiting: who has been refused is in the log.
            let log = server.read("audit.log");
            assert!(
                log.contains(&format!("&n={number} HTTP/1.1")),
                "request {number} is not in the log"
            );
        }
    }
}

#[test]
fn redirects_drops_and_proxies() {
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = setup
        .modules(&["proxy", "proxy_http"])
        .file("index.html", "fine")
        .conf("SecRuleEngine On\nSecRequestBodyAccess On")
        .conf(r#"SecRule ARGS:r "@streq 1" "id:1,phase:1,redirect:'https://elsewhere.example/%{ARGS.to}'""#)
        .conf(r#"SecRule ARGS:r "@streq 2" "id:2,phase:2,status:301,redirect:'https://elsewhere.example/two'""#)
        .conf(r#"SecRule ARGS:r "@streq 3" "id:3,phase:3,status:308,redirect:'https://elsewhere.example/three'""#)
        .conf(r#"SecRule ARGS:d "@streq 1" "id:4,phase:1,drop""#)
        .conf(r#"SecRule ARGS:d "@streq 2" "id:5,phase:2,drop""#)
        .conf(r#"SecRule ARGS:d "@streq 3" "id:6,phase:3,drop""#)
        .conf(&format!(r#"SecRule ARGS:p "@streq 1" "id:7,phase:1,proxy:http://127.0.0.1:{}/one""#, backend.port))
        .conf(&format!(r#"SecRule ARGS:p "@streq 2" "id:8,phase:2,proxy:http://127.0.0.1:{}/two""#, backend.port))
        .start();

    let response = server.get("/index.html?r=1&to=a");
    assert_eq!(
        (response.status, response.header("Location")),
        (302, Some("https://elsewhere.example/a"))
    );
    let response = server.get("/index.html?r=2");
    assert_eq!(
        (response.status, response.header("Location")),
        (301, Some("https://elsewhere.example/two"))
    );
    let response = server.get("/index.html?r=3");
    assert_eq!(
        (response.status, response.header("Location")),
        (302, Some("https://elsewhere.example/three"))
    );
    // A client that is quoted in the Location must not be able to end it.
    let response = server.get("/index.html?r=1&to=a%0d%0aX-Forged:%20yes");
    assert_eq!(response.status, 302);
    assert_eq!(response.header("X-Forged"), None);

    for phase in 1..=3 {
        let mut client = server.client();
        client.send_request("GET", &format!("/index.html?d={phase}"), "", b"");
        assert_eq!(client.rest(), b"", "dropped in phase {phase}");
    }
    assert_eq!(
        server.logged("Access denied with connection close").len(),
        3
    );

    assert_eq!(server.get("/index.html?p=1").status, 200);
    assert_eq!(server.post("/index.html", b"p=2").status, 200);
    let received = backend.requests(2);
    assert!(
        received[0].line.starts_with("GET /one"),
        "{:?}",
        received[0]
    );
    assert!(
        received[1].line.starts_with("POST /two"),
        "{:?}",
        received[1]
    );
    assert_eq!(received[1].body, b"p=2");
    assert_eq!(server.get("/index.html").status, 200);
}

#[test]
fn detection_only_changes_nothing() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf(RULES)
        .conf("SecRuleEngine DetectionOnly\nSecRequestBodyLimit 10\nSecResponseBodyLimit 5")
        .file("index.html", "an evilanswer")
        .start();
    for target in ["/index.html?one=1&two=1&three=1", "/index.html?teapot=1"] {
        let response = server.get(target);
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "an evilanswer")
        );
    }
    let response = server.post("/index.html", b"two=1&three=1&a=beyond+the+limit");
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "an evilanswer")
    );
    assert!(!server.error_log().contains("Access denied"));
}

#[test]
fn what_httpd_refuses_itself_is_written_down() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf(RULES)
        .conf("SecAuditEngine On")
        .file("index.html", "fine")
        .start();
    for wire in [
        "GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "rubbish\r\n\r\n",
    ] {
        let mut client = server.client();
        client.send(wire);
        client.finish();
        let answer = client.rest();
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.contains("400") || answer.contains("404"),
            "{wire:?}: {answer:?}"
        );
        assert_eq!(
            answer.matches("HTTP/1.1 ").count().max(1),
            1,
            "{wire:?}: {answer:?}"
        );
    }
    // A connection on which nothing comes is no request.
    server.client().finish();
    assert_eq!(server.get("/index.html").status, 200);
    assert_eq!(server.audit_records(4).len(), 4);
}

#[test]
fn odd_requests_are_inspected_and_answered() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf(RULES)
        .conf("TraceEnable On")
        .conf(r#"SecRule REQUEST_URI|REQUEST_LINE|REQUEST_HEADERS "@contains evilmarker" "id:9,phase:1,deny,status:403""#)
        .file("index.html", "fine")
        .start();
    let long = "x".repeat(8000);
    let many: String = (0..99)
        .map(|number| format!("X-Long-{number}: {}\r\n", &long[..100]))
        .collect();
    for (wire, status) in [
        ("GET /index.html\r\n".to_owned(), None),
        (
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            Some(200),
        ),
        (
            "TRACE /index.html HTTP/1.1\r\nHost: a\r\nX: evilmarker\r\n\r\n".to_owned(),
            Some(403),
        ),
        (
            "CONNECT evilmarker:443 HTTP/1.1\r\nHost: evilmarker:443\r\n\r\n".to_owned(),
            Some(403),
        ),
        (
            "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n".to_owned(),
            Some(405),
        ),
        (
            "GET http://a/index.html?evilmarker HTTP/1.1\r\nHost: b\r\n\r\n".to_owned(),
            Some(403),
        ),
        (
            "GET http://a/index.html HTTP/1.1\r\nHost: b\r\n\r\n".to_owned(),
            Some(200),
        ),
        ("GET //index.html HTTP/1.0\r\n\r\n".to_owned(), Some(200)),
        (
            "BREW /index.html HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            Some(501),
        ),
        (
            format!(
                "GET /index.html?{} HTTP/1.1\r\nHost: a\r\n\r\n",
                &long[..7000]
            ),
            Some(200),
        ),
        (
            format!("GET /index.html HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
            Some(200),
        ),
        (
            format!("GET /index.html HTTP/1.1\r\nHost: a\r\n{many}X: evilmarker\r\n\r\n"),
            Some(400),
        ),
    ] {
        let what = &wire[..wire.len().min(60)];
        let mut client = server.client();
        client.send(&wire);
        client.finish();
        let answer = String::from_utf8_lossy(&client.rest()).into_owned();
        match status {
            Some(status) => {
                assert!(
                    answer.starts_with(&format!("HTTP/1.1 {status} ")),
                    "{what:?}: {answer}"
                );
            }
            None => assert_eq!(answer, "fine", "{what:?}"),
        }
    }
}
