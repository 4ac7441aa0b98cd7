//! `palisade audit` as its users call it, on logs of every kind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that panics has failed, which is what a test is for

#[path = "audit/fixture.rs"]
mod fixture;

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use fixture::Scratch;
use palisade::audit::*;
use serde_json::Value;

fn palisade(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    command
        .arg("audit")
        .args(arguments)
        .output()
        .expect("the tool")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// What it writes when all is well.
fn said(arguments: &[&str]) -> String {
    let output = palisade(arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// A record of somebody, in any format; refused if there is a rule.
fn record(format: Format, client: &str, id: &str, rule: Option<u32>) -> Vec<u8> {
    let address = palisade::client::ClientAddress::direct(client.parse().unwrap(), 4711);
    let message = rule.map(|rule| {
        format!(
            "Access denied with code 403 (phase 2). Pattern match \"x\" at ARGS:a. [file \"/r.conf\"] [line \"1\"] [id \"{rule}\"] [msg \"Rule {rule}\"] [severity \"CRITICAL\"] [tag \"attack-{}\"]",
            rule % 2
        )
    });
    let messages: Vec<&[u8]> = message.iter().map(String::as_bytes).collect();
    let mut record = Record {
        client: &address,
        unique_id: id.as_bytes(),
        messages: &messages,
        ..fixture::full()
    };
    let client_address = address.log_entry();
    record.client_address = client_address.as_bytes();
    record.masks = Masks::default();
    record.server_errors = &[];
    if rule.is_none() {
        record.interruption = None;
        record.response.status = 200;
        record.response.status_line = b"200 OK";
    }
    let mut bytes = render(&record, &Parts::parse("ABCFHKZ").unwrap(), format);
    if format == Format::Native {
        bytes.push(b'\n');
    }
    bytes
}

/// Four records in a format: two refusals of one client by one rule, one of another, one request that passed.
fn log(format: Format) -> Vec<u8> {
    [
        record(format, "198.51.100.7", "id1", Some(101)),
        record(format, "198.51.100.7", "id2", Some(101)),
        record(format, "2001:db8::66", "id3", Some(102)),
        record(format, "203.0.113.9", "id4", None),
    ]
    .concat()
}

const ANSWER: &str = "3 of 4 requests in the log were refused.\n\nrefused  client        rule  message\n      2  198.51.100.7  101   Rule 101\n      1  2001:db8::66  102   Rule 102\n";

fn file(scratch: &Scratch, name: &str, content: &[u8]) -> String {
    let path = scratch.0.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn who_was_refused_by_which_rule_how_often() {
    let scratch = Scratch::new("answer");
    for format in [Format::Native, Format::Json, Format::Ecs] {
        let path = file(&scratch, "audit.log", &log(format));
        assert_eq!(said(&[&path]), ANSWER, "{format:?}");
    }
}

#[test]
fn gzipped_mixed_and_from_standard_input() {
    let scratch = Scratch::new("mixed");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let [native, json, ecs] = [Format::Native, Format::Json, Format::Ecs].map(log);
    packed.write_all(&native).unwrap();
    let packed = file(&scratch, "audit.log.1.gz", &packed.finish().unwrap());
    let mixed = file(&scratch, "audit.log", &[&json[..], b"\n\n", &ecs].concat());
    let both = said(&[&packed, &mixed]);
    assert!(both.starts_with("9 of 12 requests"), "{both}");

    let mut child = Command::new(env!("CARGO_BIN_EXE_palisade"))
        .args(["audit", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&native).unwrap();
    assert_eq!(text(&child.wait_with_output().unwrap().stdout), ANSWER);
}

#[test]
fn what_mod_security2_wrote_is_read_too() {
    for (name, expected) in [
        ("modsecurity-2.9.7.native", "awOVUinN0IIa6Oa5vfH67AAAAAA"),
        ("modsecurity-2.9.7.json", "awOVVAkFeeleUB2_aaiBdQAAAEA"),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data/audit")
            .join(name);
        let line = said(&["--json", path.to_str().unwrap()]);
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["id"], expected);
        assert_eq!(event["refused"], true);
        assert_eq!(event["status"], 403);
        assert_eq!(event["uri"], "/");
        assert_eq!(event["alerts"][1]["id"], "101");
        assert_eq!(event["alerts"][0]["tags"], serde_json::json!(["a", "b"]));
    }
}

#[test]
fn all_formats_say_the_same() {
    let scratch = Scratch::new("same");
    let mut exports = Vec::new();
    for format in [Format::Native, Format::Json, Format::Ecs] {
        let path = file(&scratch, "audit.log", &log(format));
        let events: Vec<Value> = said(&["--json", &path])
            .lines()
            .map(|line| {
                let mut event: Value = serde_json::from_str(line).unwrap();
                let fields = event.as_object_mut().unwrap();
                // ECS writes another form of the time, and masks what carries credentials; the point in time is the same.
                fields.remove("time");
                fields.remove("headers");
                fields.remove("client_port");
                event
            })
            .collect();
        exports.push(events);
    }
    assert_eq!(exports[0].len(), 4);
    assert_eq!(exports[0], exports[1], "native and JSON");
    // A host that was asked for is in ECS what httpd took it for; here both are the same.
    assert_eq!(exports[0], exports[2], "native and ECS");
}

#[test]
fn filters() {
    let scratch = Scratch::new("filters");
    let path = file(&scratch, "audit.log", &log(Format::Native));
    let ids = |arguments: &[&str]| -> String {
        let mut all = vec!["--json", path.as_str()];
        all.extend(arguments);
        let events = said(&all);
        let ids: Vec<String> = events
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["id"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        ids.join(" ")
    };
    for (arguments, expected) in [
        (&["--client", "198.51.100.0/24"][..], "id1 id2"),
        (
            &["--client", "2001:db8::/32", "--client", "203.0.113.9"],
            "id3 id4",
        ),
        (&["--rule", "102"], "id3"),
        (&["--rule", "100-101"], "id1 id2"),
        (&["--status", "2xx"], "id4"),
        (&["--status", "403", "--rule", "102"], "id3"),
        (&["--status", "400-499"], "id1 id2 id3"),
        (&["--tag", "attack-1"], "id1 id2"),
        (&["--tag", "attack-*"], "id1 id2 id3"),
        (&["--tag", "attack"], ""),
        (&["--refused"], "id1 id2 id3"),
        (&["--id", "id4"], "id4"),
        (&["--since", "2026-11-22T11:37:59Z"], "id1 id2 id3 id4"),
        (&["--since", "2026-11-22T11:38:01Z"], ""),
        (&["--until", "2026-11-22T11:38:00Z"], ""),
        (
            &[
                "--since",
                "2026-11-22T11:38:00Z",
                "--until",
                "2026-11-22T11:39:00Z",
            ],
            "id1 id2 id3 id4",
        ),
    ] {
        assert_eq!(ids(arguments), expected, "{arguments:?}");
    }
    for wrong in [
        ["--client", "example"],
        ["--status", "4x"],
        ["--since", "then"],
        ["--count-by", "nonsense"],
        ["--rule", "x"],
    ] {
        let output = palisade(&[wrong[0], wrong[1], &path]);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn counting() {
    let scratch = Scratch::new("counting");
    let path = file(&scratch, "audit.log", &log(Format::Json));
    assert_eq!(
        said(&["--count-by", "status", &path]),
        "count  status\n    3  403\n    1  200\n"
    );
    assert_eq!(
        said(&["--count-by", "tag,client", "--top", "2", &path]),
        "count  tag       client\n    2  attack-1  198.51.100.7\n    1  -         203.0.113.9\n… and 1 rows more (--top 0 shows all)\n"
    );
    assert_eq!(
        said(&["--count-by", "header:Host", &path]),
        "count  header:Host\n    4  blog.example.org\n"
    );
    for field in palisade::audit::read::Event::FIELDS {
        assert!(
            said(&["--count-by", field, &path]).starts_with("count  "),
            "{field}"
        );
    }
}

#[test]
fn torn_and_foreign_records_are_skipped_and_told() {
    let scratch = Scratch::new("torn");
    let native = log(Format::Native);
    let json = record(Format::Json, "198.51.100.7", "id9", Some(101));
    let log = [
        b"not a log\n{\"json\":\"of another kind\"}\n".as_slice(),
        &json[..json.len() / 2],
        b"\n",
        &native[..native.len() / 4 - 40],
        b"\n",
        &native,
    ]
    .concat();
    let path = file(&scratch, "audit.log", &log);
    let output = palisade(&[&path]);
    assert!(output.status.success());
    assert!(
        text(&output.stdout).contains("2  198.51.100.7  101   Rule 101"),
        "{output:?}"
    );
    let told = text(&output.stderr);
    assert!(told.contains("2 torn records skipped\n"), "{told}");
    assert!(told.contains("2 foreign lines skipped\n"), "{told}");
    assert!(told.contains(" MB/s)"), "{told}");
    assert_eq!(text(&palisade(&["-q", &path]).stderr), "");

    let missing = palisade(&[&path, "/nowhere/at/all"]);
    assert_eq!(
        missing.status.code(),
        Some(1),
        "the rest is read all the same"
    );
    assert!(text(&missing.stdout).contains("Rule 101"));
    assert!(text(&missing.stderr).contains("/nowhere/at/all: No such file"));
}

#[test]
fn concurrent_logs_by_their_index_and_by_their_directory() {
    let scratch = Scratch::new("concurrent");
    let index_path = scratch.0.join("index.log");
    let target = fixture::target(&index_path);
    let index = Index {
        primary: &target,
        secondary: None,
    };
    let storage = Storage {
        directory: scratch.0.join("store"),
        user: "www-data".to_owned(),
        directory_mode: 0o750,
        file_mode: 0o640,
    };
    for format in [Format::Native, Format::Json] {
        let mut record = fixture::full();
        record.unique_id = if format == Format::Native {
            b"first"
        } else {
            b"second"
        };
        storage
            .write(&index, &record, &Parts::default(), format)
            .unwrap();
    }
    let (index, store) = (
        index_path.to_str().unwrap(),
        storage.directory.to_str().unwrap(),
    );
    for arguments in [&["--storage", store, index][..], &[store]] {
        let said = said(arguments);
        assert!(
            said.starts_with("2 of 2 requests in the log were refused."),
            "{said}"
        );
        assert!(said.contains("2  198.51.100.7  100"), "{said}");
    }
    // Without its files an index still tells who, what and when.
    let output = palisade(&["--count-by", "client,status", index]);
    assert!(
        text(&output.stdout).contains("2  198.51.100.7  403"),
        "{output:?}"
    );
    assert!(
        text(&output.stderr).contains("2 records whose file is not there"),
        "{output:?}"
    );
}

#[test]
fn what_a_log_holds_never_reaches_the_terminal_raw() {
    let scratch = Scratch::new("terminal");
    // As mod_security2 writes it: raw.
    let evil = "\u{1b}]0;title\u{7}\u{9b}2J\u{202e}";
    let native = format!(
        "--0a1b2c3d-A--\n[22/Nov/2026:12:38:00 +0100] id 198.51.100.7 1 203.0.113.10 80\n--0a1b2c3d-B--\nGET /{evil} HTTP/1.1\nHost: {evil}\n\n--0a1b2c3d-F--\nHTTP/1.1 403 Forbidden\n\n--0a1b2c3d-H--\nMessage: Access denied {evil} [id \"1\"] [msg \"{evil}\"]\nAction: Intercepted (phase 2)\n\n--0a1b2c3d-Z--\n\n"
    );
    let path = file(&scratch, "audit.log", native.as_bytes());
    for arguments in [
        &[path.as_str()][..],
        &["--list", &path],
        &["--json", &path],
        &["--count-by", "uri,host", &path],
    ] {
        let said = said(arguments);
        assert!(
            said.contains("198.51.100.7") || said.contains("title"),
            "{said}"
        );
        let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.contains(bad), "{arguments:?}: {said:?}");
    }
}

#[test]
fn following_a_log_across_its_rotation() {
    let scratch = Scratch::new("follow");
    let path = scratch.0.join("audit.log");
    fs::write(
        &path,
        record(Format::Native, "192.0.2.1", "before", Some(1)),
    )
    .unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_palisade"))
        .args(["audit", "-f", "--refused", "--json"])
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It has opened the file when it is among its descriptors; what comes after that is followed.
    let is_open = || {
        let open = fs::read_dir(format!("/proc/{}/fd", child.id()))
            .into_iter()
            .flatten()
            .flatten();
        open.filter_map(|fd| fs::read_link(fd.path()).ok())
            .any(|target| target == path)
    };
    while !is_open() {
        std::thread::yield_now();
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || {
        serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let append = |path: &PathBuf, bytes: &[u8]| {
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap()
            .write_all(bytes)
            .unwrap()
    };

    append(&path, &record(Format::Native, "192.0.2.1", "passed", None));
    let whole = record(Format::Native, "192.0.2.1", "first", Some(1));
    append(&path, &whole[..100]);
    append(&path, &whole[100..]);
    assert_eq!(next(), "first");
    let old = scratch.0.join("audit.log.1");
    fs::rename(&path, &old).unwrap();
    append(&path, &record(Format::Json, "192.0.2.1", "second", Some(1)));
    assert_eq!(next(), "second");
    append(&old, &record(Format::Native, "192.0.2.1", "late", Some(1)));
    assert_eq!(
        next(),
        "late",
        "httpd's old processes still write to the renamed file"
    );
    // copytruncate
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(0)
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    append(&path, &record(Format::Ecs, "192.0.2.1", "third", Some(1)));
    assert_eq!(next(), "third");
    child.kill().unwrap();
    child.wait().unwrap();
}
