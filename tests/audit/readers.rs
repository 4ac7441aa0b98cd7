//! The patterns by which log parsers in use find their way.

use palisade::audit::*;
use regex::Regex;

use crate::fixture;

fn native() -> String {
    let parts = Parts::parse("ABCDEFGHIJKZ").unwrap();
    String::from_utf8(render_native(&fixture::full(), &parts, &Boundary::random())).unwrap()
}

fn json() -> serde_json::Value {
    let parts = Parts::parse("ABDEFHIJZ").unwrap();
    serde_json::from_slice(&render_json(&fixture::full(), &parts)).unwrap()
}

/// modsecurity-parser: begins and ends of records, part A split at blanks, labels of part H.
#[test]
fn modsecurity_parser() {
    let log = native();
    let lines: Vec<&str> = log.lines().collect();
    let (begin, end) = (
        Regex::new(r"^--\w{6,10}-A--$").unwrap(),
        Regex::new(r"^--\w{6,10}-Z--$").unwrap(),
    );
    assert!(begin.is_match(lines[0]));
    assert!(end.is_match(lines[lines.len() - 1]));
    let fields: Vec<&str> = lines[1].split(' ').collect();
    assert_eq!(fields[0], "[22/Nov/2026:12:38:00.123456");
    assert_eq!(fields[1], "+0100]");
    assert_eq!(
        fields[2..],
        [
            "ZbC9xX8AAQEAAAZJ@dsAAAAA",
            "198.51.100.7",
            "47338",
            "203.0.113.10",
            "443"
        ]
    );
    for label in [
        r"(?m)^Message: Access denied with code 403",
        r"(?m)^Apache-Error: \[file",
        r"(?m)^Action: Intercepted \(phase (\d)\)$",
        r"(?m)^Apache-Handler: ",
        r"(?m)^Stopwatch: \d+ \d+ \(- - -\)$",
        r"(?m)^Stopwatch2: \d+ \d+; combined=\d+, p1=\d+, p2=\d+, p3=\d+, p4=\d+, p5=\d+, sr=\d+, sw=\d+, l=\d+, gc=\d+$",
        r"(?m)^Producer: .*\.$",
        r"(?m)^Server: ",
    ] {
        assert!(Regex::new(label).unwrap().is_match(&log), "{label}");
    }
}

/// logstash and filebeat set-ups: eight hexadecimal digits, Z last, `Key: value` in part H.
#[test]
fn logstash() {
    let log = native();
    let found: Vec<_> = Regex::new(r"(?m)^--([a-fA-F0-9]{8})-([A-Z])--$")
        .unwrap()
        .captures_iter(&log)
        .collect();
    let letters: String = found.iter().map(|c| c[2].to_owned()).collect();
    assert_eq!(letters, "ABCIFEHJKZ");
    assert!(found.iter().all(|c| c[1] == found[0][1]));
    let trailer = log
        .split("-H--\n")
        .nth(1)
        .unwrap()
        .split("\n--")
        .next()
        .unwrap();
    let key_value = Regex::new(r"^[A-Z][A-Za-z0-9-]*: .+$").unwrap();
    for line in trailer.lines().filter(|line| !line.is_empty()) {
        assert!(key_value.is_match(line), "{line}");
    }
}

/// Elastic's integration: the keys it reads, and its patterns for the time and the request line.
#[test]
fn elastic() {
    let json = json();
    let text = |path: &str| {
        json.pointer(path)
            .and_then(|v| v.as_str())
            .unwrap_or_else(|| panic!("{path}"))
            .to_owned()
    };
    let time =
        Regex::new(r"^\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2}(\.\d{6})? [+-]\d{4}$").unwrap();
    assert!(time.is_match(&text("/transaction/time")));
    for key in ["transaction_id", "remote_address", "local_address"] {
        text(&format!("/transaction/{key}"));
    }
    assert!(
        json.pointer("/transaction/remote_port")
            .is_some_and(|p| p.is_u64())
    );
    let request = Regex::new(r"^(\w+) (\S+) HTTP/(\d+(?:\.\d+)?)$").unwrap();
    assert!(request.is_match(&text("/request/request_line")));
    for header in ["Host", "User-Agent", "Content-Type"] {
        text(&format!("/request/headers/{header}"));
    }
    assert_eq!(
        json.pointer("/response/status").and_then(|s| s.as_u64()),
        Some(403)
    );
    assert!(
        json.pointer("/audit_data/messages/0")
            .is_some_and(|m| m.is_string())
    );
    assert_eq!(
        json.pointer("/request/headers/Accept").cloned(),
        Some(serde_json::json!(["*/*", "text/html"])),
        "a header that came twice is a list"
    );
}

#[test]
fn the_client_behind_a_proxy() {
    let json = json();
    let transaction = &json["transaction"];
    assert_eq!(transaction["remote_address"], "198.51.100.7");
    assert_eq!(transaction["client_address"], "198.51.100.7");
    assert_eq!(transaction["peer_address"], "127.0.0.1");
    assert_eq!(transaction["peer_port"], 47338);
    assert_eq!(transaction["client_via"], "X-Forwarded-For");
    assert_eq!(transaction["forwarded_for"], "192.0.2.66, 198.51.100.7");
    assert_eq!(
        transaction["forwarded_chain"],
        serde_json::json!(["192.0.2.66", "198.51.100.7"])
    );
    assert_eq!(transaction["client_trust"], "ok");
    let line = "Client-Address: 198.51.100.7; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"192.0.2.66, 198.51.100.7\"; trust=ok\nProducer: ";
    assert!(native().contains(line));
}
