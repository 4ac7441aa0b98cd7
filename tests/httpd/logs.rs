//! The error log: lines that unmodified tools read, for HTTP/1.1, HTTP/2, proxies and formats of one's own.

use std::process::Command;

use crate::harness::{Setup, curl, eventually};

const ENGINE: &str = r#"
SecRuleEngine On
SecAuditEngine RelevantOnly
SecAuditLog audit.log
SecAuditLogParts ABHZ
SecRule ARGS "@contains evilmarker" "id:1,phase:2,deny,status:403,msg:'marker'"
"#;

/// A client behind a proxy that httpd believes.
const BEHIND_PROXY: &str = "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1";

#[test]
fn the_line_names_the_client_behind_the_proxy_twice() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .modules(&["remoteip", "http2"])
        .conf("Protocols h2c http/1.1")
        .conf(BEHIND_PROXY)
        .conf(ENGINE)
        .file("index.html", "fine")
        .start();
    for address in ["198.51.100.7", "2001:db8::66"] {
        let header = format!("X-Forwarded-For: {address}\r\n");
        assert_eq!(
            server
                .request("GET", "/index.html?a=evilmarker", &header, b"")
                .status,
            403
        );
        let expected = format!(
            "] [client {address}] [client {address}] ModSecurity: Access denied with code 403"
        );
        let lines = server.logged(&expected);
        assert!(lines[0].contains("[security2:error] [pid "), "{}", lines[0]);
        if let Some(curl) = curl() {
            let status = Command::new(curl)
                .args([
                    "-s",
                    "-o",
                    "/dev/null",
                    "--http2-prior-knowledge",
                    "-H",
                    header.trim(),
                ])
                .arg(format!(
                    "http://127.0.0.1:{}/index.html?a=evilmarker",
                    server.port()
                ))
                .status();
            assert!(status.is_ok_and(|status| status.success()));
            assert_eq!(server.logged(&expected).len(), 2, "over HTTP/2 as well");
        }
    }
    let log = server.read("audit.log");
    assert!(log.contains(" 198.51.100.7 "), "part A:\n{log}");
    assert!(
        log.contains("X-Forwarded-For: 198.51.100.7"),
        "part B keeps what mod_remoteip takes away:\n{log}"
    );
    assert!(log.contains("Apache-Error: [file "), "part H:\n{log}");
}

#[test]
fn with_a_format_of_one_s_own_its_fields_are_filled() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .modules(&["remoteip"])
        .conf(BEHIND_PROXY)
        .conf("ErrorLogFormat \"[%m:%l] <%{c}a> id=%L [client %a] %M\"")
        .conf(ENGINE)
        .file("index.html", "fine")
        .start();
    let header = "X-Forwarded-For: 198.51.100.7\r\n";
    assert_eq!(
        server
            .request("GET", "/index.html?a=evilmarker", header, b"")
            .status,
        403
    );
    let line = server.logged("ModSecurity: Access denied").remove(0);
    assert!(line.starts_with("[security2:error] <127.0.0.1"), "{line}");
    assert!(line.contains("[client 198.51.100.7"), "{line}");
    assert_eq!(
        line.matches("[client ").count(),
        2,
        "the format's and ours, as in the default: {line}"
    );
    assert!(!line.contains("id=- "), "{line}");
    let records = server.audit_records(1);
    assert_eq!(
        records[0].matches("Apache-Error:").count(),
        1,
        "{}",
        records[0]
    );
}

#[test]
fn log_level_is_honoured() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf(ENGINE)
        .conf("LogLevel info security2:crit")
        .file("index.html", "fine")
        .start();
    assert_eq!(server.get("/index.html?a=evilmarker").status, 403);
    server.audit_records(1);
    assert!(!server.error_log().contains("Access denied"));
}

#[test]
fn what_httpd_says_about_a_request_is_in_its_record() {
    let Some(setup) = Setup::new() else { return };
    let server = setup.conf(ENGINE).conf("SecAuditEngine On").start();
    assert_eq!(server.get("/nothing-here").status, 404);
    let record = server.audit_records(1).remove(0);
    let heard = record
        .lines()
        .find(|line| line.starts_with("Apache-Error: "))
        .unwrap_or_default();
    assert!(heard.contains("[file \"core.c\"]"), "{record}");
    assert!(heard.contains("AH00128: File does not exist"), "{record}");
}

#[test]
fn numbers_are_unique_with_and_without_mod_unique_id() {
    for with in [true, false] {
        let Some(setup) = Setup::new() else { return };
        let setup = if with {
            setup
        } else {
            setup.without("unique_id")
        };
        let server = setup
            .conf(ENGINE)
            .conf("CustomLog ids.log \"%{UNIQUE_ID}e\"")
            .file("index.html", "fine")
            .start();
        for _ in 0..20 {
            server.get("/index.html?a=evilmarker");
        }
        let records = server.audit_records(20);
        let mut ids: Vec<String> = records
            .iter()
            .map(|record| {
                record
                    .lines()
                    .nth(1)
                    .and_then(|line| line.split(' ').nth(2))
                    .unwrap_or("")
                    .to_owned()
            })
            .collect();
        // The access log is written when the response has left.
        let mut logged = String::new();
        eventually(|| {
            logged = server.read("ids.log");
            logged.lines().count() == 20
        });
        assert!(
            ids.iter()
                .all(|id| id.len() == 27 && logged.contains(id.as_str())),
            "{ids:?}\n{logged}"
        );
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 20);
    }
}
