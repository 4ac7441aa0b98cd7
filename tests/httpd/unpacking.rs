//! Bodies that come compressed: what httpd is told to unpack (`SetInputFilter DEFLATE`) is inspected as the application gets
//! it, and the application gets what httpd alone would have handed it.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::harness::{Backend, Mpm, Server, Setup};

const ENGINE: &str = r#"
SecRequestBodyAccess On
SecRequestBodyInMemoryLimit 65536
SecRequestBodyLimit 1000000
SecRequestBodyNoFilesLimit 1000000
SecRule ARGS "@contains evilmarker" "id:1,phase:2,deny,status:403"
"#;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\nContent-Encoding: gzip\r\n";

/// A form of this length, with all values of a byte in it.
fn form(length: u32) -> Vec<u8> {
    let noise = (2..length).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8);
    b"a=".iter().copied().chain(noise).collect()
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

/// An httpd that unpacks below `/unpacked`, with rules or alone.
fn start(mpm: Mpm, backend: &Backend, rules: Option<&str>) -> Option<Server> {
    let setup = match rules {
        Some(rules) => Setup::new()?.conf(ENGINE).conf(rules),
        None => Setup::new()?.load_as(&[]),
    };
    let port = backend.port;
    let server = setup
        .mpm(mpm)
        .modules(&["proxy", "proxy_http", "filter", "deflate"])
        .conf("DeflateInflateLimitRequestBody 100000000\nDeflateInflateRatioLimit 2000\nDeflateInflateRatioBurst 100000")
        .conf("<Location /unpacked>\nSetInputFilter DEFLATE\n</Location>")
        .conf(&format!("ProxyPass /unpacked http://127.0.0.1:{port}/echo"))
        .conf(&format!("ProxyPass /packed http://127.0.0.1:{port}/echo"))
        .start();
    Some(server)
}

#[test]
fn a_backend_gets_what_httpd_alone_would_have_unpacked_for_it() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let modes = [
            None,
            Some("SecRuleEngine On"),
            Some("SecRuleEngine DetectionOnly"),
            Some("SecRuleEngine On\nSecRequestBodyAccess Off"),
            // The beginning is looked at, and the rest comes through the same filters.
            Some(
                "SecRuleEngine On\nSecRequestBodyLimit 30000\nSecRequestBodyLimitAction ProcessPartial",
            ),
        ];
        for rules in modes {
            let backend = Backend::start();
            let Some(server) = start(mpm, &backend, rules) else {
                return;
            };
            for body in [form(20), form(5_000), form(50_000), form(300_000)] {
                let packed = compressed(&body);
                let response = server.request("POST", "/unpacked", FORM, &packed);
                let found = (response.status, response.body.len());
                assert_eq!(found, (200, body.len()), "{mpm:?} {rules:?}");
                assert!(response.body == body, "{mpm:?} {rules:?}");
                let mut client = server.client();
                client.send(format!(
                    "POST /unpacked HTTP/1.1\r\nHost: www.example.test\r\nConnection: close\r\n{FORM}Transfer-Encoding: chunked\r\n\r\n"
                ));
                client.send_chunked(&packed, 1000);
                assert!(client.response().body == body, "{mpm:?} {rules:?} chunks");
                // Nobody unpacks it, and it arrives as it came.
                let response = server.request("POST", "/packed", FORM, &packed);
                assert!(response.body == packed, "{mpm:?} {rules:?} packed");
            }
            for received in backend.requests(1) {
                // httpd alone says of what it has unpacked that it is packed: it reads the header before the body.
                let says_packed = received.header("Content-Encoding").is_some();
                let is_read = rules.is_some_and(|rules| !rules.contains("Access Off"));
                let is_packed = !received.body.starts_with(b"a=");
                assert!(!is_read || says_packed == is_packed, "{rules:?}");
                if let Some(length) = received.header("Content-Length") {
                    assert_eq!(length, received.body.len().to_string(), "{rules:?}");
                }
            }
        }
    }
}

#[test]
fn what_httpd_unpacks_is_inspected_unpacked_and_within_the_limit() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let backend = Backend::start();
        let Some(server) = start(mpm, &backend, Some("SecRuleEngine On")) else {
            return;
        };
        let status = |target, body: &[u8]| server.request("POST", target, FORM, body).status;
        let evil = compressed(b"a=evilmarker");
        assert_eq!(status("/unpacked", &evil), 403);
        // Nobody unpacks it, so nobody here can look into it: a rule may refuse what is packed.
        assert_eq!(status("/packed", &evil), 200);
        // A small one that is large: the limit is about what it becomes.
        let bomb = compressed(&vec![b'x'; 50_000_000]);
        assert!(bomb.len() < 100_000);
        assert_eq!(status("/unpacked", &bomb), 413, "{mpm:?}");
        // What is not packed at all although it says so, and what ends too soon.
        assert_eq!(status("/unpacked", b"a=evilmarker"), 400);
        let good = compressed(&form(50_000));
        assert_eq!(status("/unpacked", &good[..good.len() / 2]), 400);
    }
}
