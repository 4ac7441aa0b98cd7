//! Every part in every format, byte for byte. `PALISADE_BLESS=1` writes the files anew: read the difference before keeping it.

use std::fs;
use std::path::PathBuf;

use palisade::audit::*;

use crate::fixture;

fn compare(name: &str, written: &[u8]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/audit")
        .join(name);
    if std::env::var_os("PALISADE_BLESS").is_some() {
        fs::write(&path, written).unwrap();
    }
    let golden = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(
        String::from_utf8_lossy(written),
        String::from_utf8_lossy(&golden),
        "{name}"
    );
    assert_eq!(written, golden);
}

const BOUNDARY: u32 = 0x0a1b_2c3d;

#[test]
fn native_parts() {
    for part in "ABCDEFGHIJKZ".chars() {
        let parts = Parts::parse(&part.to_string()).unwrap();
        let written = render_native(&fixture::full(), &parts, &Boundary::from(BOUNDARY));
        compare(&format!("part-{part}.native"), &written);
    }
}

#[test]
fn native_whole() {
    let parts = Parts::parse("ZKJIHGFEDCBA").unwrap();
    let written = render_native(&fixture::full(), &parts, &Boundary::from(BOUNDARY));
    compare("full.native", &written);
    let bare = render_native(&fixture::bare(), &parts, &Boundary::from(BOUNDARY));
    compare("bare.native", &bare);
}

#[test]
fn json_parts() {
    for part in "ABCDEFGHIJKZ".chars() {
        let parts = Parts::parse(&part.to_string()).unwrap();
        compare(
            &format!("part-{part}.json"),
            &render_json(&fixture::full(), &parts),
        );
    }
}

#[test]
fn json_whole() {
    let parts = Parts::parse("ABCDEFGHIJKZ").unwrap();
    compare("full.json", &render_json(&fixture::full(), &parts));
    compare("bare.json", &render_json(&fixture::bare(), &parts));
}

#[test]
fn ecs_whole() {
    let parts = Parts::parse("ABCDEFGHIJKZ").unwrap();
    compare("full.ecs.json", &render_ecs(&fixture::full(), &parts));
    compare("bare.ecs.json", &render_ecs(&fixture::bare(), &parts));
}

#[test]
fn ecs_masks_credentials_without_being_told() {
    let mut record = fixture::full();
    record.sanitised = Sanitised::default();
    let parts = Parts::parse("BF").unwrap();
    let ecs: serde_json::Value = serde_json::from_slice(&render_ecs(&record, &parts)).unwrap();
    let own = &ecs["palisade"];
    assert_eq!(own["request"]["headers"]["Authorization"], "**************");
    assert_eq!(own["response"]["headers"]["Set-Cookie"][1], "**********");
    assert_eq!(own["request"]["headers"]["Host"], "blog.example.org");
}

#[test]
fn part_i_is_the_body_itself_when_it_has_no_files() {
    let mut record = fixture::full();
    record.masks = Masks::default();
    record.request.compact_body = None;
    record.request.body = Some(Body::Memory(b"a=1&b=2"));
    let written = |parts: &str| {
        let parts = Parts::parse(parts).unwrap();
        let native = render_native(&record, &parts, &Boundary::from(BOUNDARY));
        let json: serde_json::Value =
            serde_json::from_slice(&render_json(&record, &parts)).unwrap();
        (String::from_utf8(native).unwrap(), json["request"].clone())
    };
    for parts in ["I", "C", "CI"] {
        let (native, json) = written(parts);
        assert!(
            native.contains("\n--0a1b2c3d-C--\na=1&b=2\n--0a1b2c3d-Z--\n"),
            "{parts}: {native}"
        );
        assert_eq!(json, serde_json::json!({"body": ["a=1&b=2"]}), "{parts}");
    }
    assert_eq!(written("B").1.get("body"), None);
}

#[test]
fn http_0_9_has_no_response_headers() {
    let mut record = fixture::full();
    record.response.protocol = b"HTTP/0.9";
    let parts = Parts::parse("F").unwrap();
    let written = render_native(&record, &parts, &Boundary::from(BOUNDARY));
    assert!(written.ends_with(b"\n--0a1b2c3d-F--\n\n--0a1b2c3d-Z--\n"));
    record.response.protocol = b"HTTP/1.1";
    record.response.status_line = b"";
    let written = render_native(&record, &parts, &Boundary::from(BOUNDARY));
    assert!(
        String::from_utf8(written)
            .unwrap()
            .contains("-F--\nHTTP/1.1 403\nContent-Type: ")
    );
}

#[test]
fn a_body_over_the_limit_is_cut_and_says_so() {
    let body = vec![b'a'; BODY_LIMIT + 1];
    let mut record = fixture::bare();
    let parts = Parts::parse("ABCH").unwrap();
    let note = "Audit-Log-Truncated: ";
    for (length, cut) in [(BODY_LIMIT, false), (BODY_LIMIT + 1, true)] {
        record.request.body = Some(Body::Memory(&body[..length]));
        let native = render_native(&record, &parts, &Boundary::from(BOUNDARY));
        let native = String::from_utf8(native).unwrap();
        assert_eq!(native.contains(note), cut);
        assert!(native.len() < BODY_LIMIT + 1000);
        let json = render_json(&record, &parts);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["audit_data"].get("truncated").is_some(), cut);
        assert_eq!(
            json["request"]["body"][0].as_str().map(str::len),
            Some(BODY_LIMIT)
        );
    }
    record.request.body = Some(Body::Start {
        bytes: b"start",
        length: 1 << 40,
    });
    let native = render_native(&record, &parts, &Boundary::from(BOUNDARY));
    let native = String::from_utf8(native).unwrap();
    assert!(
        native.contains("\nAudit-Log-Truncated: request-body=5/1099511627776\n"),
        "{native}"
    );
    assert!(native.contains("-C--\nstart\n--"));
}

#[test]
fn secrets_stand_nowhere() {
    let parts = Parts::parse("ABCDEFGHIJKZ").unwrap();
    let record = fixture::full();
    for written in [
        render_native(&record, &parts, &Boundary::from(BOUNDARY)),
        render_json(&record, &parts),
        render_ecs(&record, &parts),
    ] {
        let text = String::from_utf8(written).unwrap();
        for secret in ["hunter2", "c2VjcmV0", "s3cr3t-token"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[test]
fn the_reader_reads_what_the_writer_wrote() {
    let theirs = include_bytes!("../data/audit/modsecurity-2.9.7.native");
    let entries: Vec<Entry> = Reader::new(theirs.as_slice()).map(Result::unwrap).collect();
    assert_eq!(entries.len(), 1);
    assert!(entries[0].is_whole);
    assert_eq!(entries[0].status(), Some(403));
    assert_eq!(entries[0].trailer("Message").count(), 2);

    let parts = Parts::parse("ABCDEFGHIJKZ").unwrap();
    let mut record = fixture::full();
    record.masks = Masks::default();
    let mut log = Vec::new();
    for _ in 0..3 {
        log.extend_from_slice(&render_native(&record, &parts, &Boundary::random()));
        log.push(b'\n');
    }
    let entries: Vec<Entry> = Reader::new(log.as_slice()).map(Result::unwrap).collect();
    assert_eq!(entries.len(), 3);
    for entry in &entries {
        assert!(entry.is_whole);
        assert_eq!(entry.heading().unwrap().client, "198.51.100.7");
        assert_eq!(entry.request_line().as_deref(), Some(record.request.line));
        let agent = entry.request_header("user-agent").unwrap();
        assert_eq!(agent, record.request.headers[1].value);
        assert_eq!(entry.intercepted_in_phase(), Some(2));
        let address: Vec<&[u8]> = entry.trailer("Client-Address").collect();
        assert_eq!(address, [record.client_address]);
    }
}
