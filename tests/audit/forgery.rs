//! Whatever a client puts into whatever field: one record, with that field's bytes in it, and nothing that drives a terminal.

use std::sync::LazyLock;

use bytes::Bytes;
use palisade::audit::*;
use palisade::facts::Header;
use regex::bytes::Regex;

use crate::fixture;
use crate::parser::{self, decode};

const BOUNDARY: u32 = 0x0a1b_2c3d;

/// Each one begins and ends with a visible character, so that it can be found again.
fn payloads() -> Vec<Vec<u8>> {
    let mut list: Vec<Vec<u8>> = [
        b"plain".as_slice(),
        // The record's own boundary, as if it could be known.
        b"x\n--0a1b2c3d-Z--\n\n--deadbeef-A--\n[22/Nov/2026:11:38:00.123456 +0000] forged 192.0.2.1 1 192.0.2.2 80\n--deadbeef-Z--\n\ny",
        b"x\r\n--0a1b2c3d-Z--\r\n\r\n--deadbeef-A--\r\ny",
        b"x\r--0a1b2c3d-A--\ry",
        b"x--0a1b2c3d-H--y",
        b"x---0a1b2c3d-H---y",
        b"--0a1b2c3d-B--",
        b"--0a1b2c3d-K--\nx",
        b"x\n--0A1B2C3D-A--\ny",
        b"x\n--abcdef-A--\n--abc_def_gh-Z--\ny",
        b"x\nMessage: Access denied with code 403 (phase 2). [id \"1\"]\nAction: Intercepted (phase 2)\ny",
        b"x\r\nHost: forged.example\r\n\r\nbody y",
        b"\x1b]0;title\x07 \x1b[2J\x1b[31m y",
        b"x\x00y",
        b"x\x08\x0b\x0c\x7fy",
        b"caf\xe9 \xff\xfe \xc3 \xf0\x9f\x98y",
        "x\u{9b}31m \u{85} \u{2028} \u{2029} \u{202e}txt.exe \u{2066}y".as_bytes(),
        b"x\\n \\x0a \\x0A \\\\x0a \\\"y",
        b"\"},{\"transaction\":{\"transaction_id\":\"forged\"}}",
        b"x\", \"y",
        b"'<script>alert(1)</script>%s%n%00",
        b"x: y; z",
        b"x\t y",
        b"x\n\n\n\ny",
        b"\r\n",
        b"\n",
        b" ",
    ]
    .into_iter()
    .map(<[u8]>::to_vec)
    .collect();
    list.push((0..=255).collect());
    list.push(
        (0..4000u32)
            .flat_map(|n| [(n % 251) as u8, b'-', b'-', b'\n'])
            .collect(),
    );
    list
}

/// A field of a record, and how to fill it.
type Fill = for<'r> fn(&mut Record<'r>, &'r Payload);

struct Payload {
    bytes: Vec<u8>,
    headers: Vec<Header>,
    named: Vec<Header>,
}

impl Payload {
    fn new(bytes: Vec<u8>) -> Payload {
        let header = |name: &[u8], value: &[u8]| Header {
            name: Bytes::copy_from_slice(name),
            value: Bytes::copy_from_slice(value),
        };
        Payload {
            headers: vec![header(b"X-Field", &bytes), header(b"X-After", b"after")],
            named: vec![header(&bytes, b"value"), header(b"X-After", b"after")],
            bytes,
        }
    }
}

/// The bytes that a part C, E or I holds, from a part's text.
fn whole(part: &str) -> Vec<u8> {
    decode(part)
}

/// The value of the line with this label.
fn labelled(part: &str, label: &str) -> Vec<u8> {
    let mut found = part.split('\n').filter_map(|line| line.strip_prefix(label));
    let value = decode(
        found
            .next()
            .unwrap_or_else(|| panic!("no {label} in {part}")),
    );
    assert_eq!(found.next(), None, "two lines {label}");
    value
}

fn line(part: &str, number: usize) -> Vec<u8> {
    decode(part.split('\n').nth(number).unwrap())
}

/// How the field reads in a native record's parts: the part's letter, and a function that finds the bytes.
type Find = fn(&str) -> Vec<u8>;

/// Fields whose bytes can be had back from a native record.
fn reversible() -> Vec<(&'static str, Fill, char, Find)> {
    vec![
        (
            "request line",
            |r, p| r.request.line = &p.bytes,
            'B',
            |part| line(part, 0),
        ),
        (
            "request header",
            |r, p| r.request.headers = &p.headers,
            'B',
            |part| labelled(part, "X-Field: "),
        ),
        (
            "request header name",
            |r, p| r.request.headers = &p.named,
            'B',
            |part| {
                let text = String::from_utf8(part.split('\n').nth(1).unwrap().into()).unwrap();
                decode(text.strip_suffix(": value").unwrap())
            },
        ),
        (
            "request body",
            |r, p| r.request.body = Some(Body::Memory(&p.bytes)),
            'C',
            whole,
        ),
        (
            "compact body",
            |r, p| r.request.compact_body = Some(&p.bytes),
            'I',
            whole,
        ),
        (
            "response body",
            |r, p| r.response.body = Some(&p.bytes),
            'E',
            whole,
        ),
        (
            "protocol",
            |r, p| r.response.protocol = &p.bytes,
            'F',
            |part| {
                decode(
                    part.split('\n')
                        .next()
                        .unwrap()
                        .strip_suffix(" 403 Forbidden")
                        .unwrap(),
                )
            },
        ),
        (
            "status line",
            |r, p| r.response.status_line = &p.bytes,
            'F',
            |part| labelled(part, "HTTP/1.1 "),
        ),
        (
            "response header",
            |r, p| r.response.headers = &p.headers,
            'F',
            |part| labelled(part, "X-Field: "),
        ),
        (
            "unique id",
            |r, p| r.unique_id = &p.bytes,
            'A',
            |part| {
                let fields: Vec<&str> = part.split(' ').collect();
                assert_eq!(fields.len(), 7, "part A keeps its fields: {part}");
                decode(fields[2])
            },
        ),
    ]
}

fn text(payload: &Payload) -> &'static [&'static [u8]] {
    let bytes: &'static [u8] = payload.bytes.clone().leak();
    vec![bytes].leak()
}

/// Fields that are written as text: escaped for good.
fn texts() -> Vec<(&'static str, Fill)> {
    vec![
        ("message", |r, p| r.messages = text(p)),
        ("server error", |r, p| r.server_errors = text(p)),
        ("interruption", |r, p| {
            r.interruption = Some(Intercepted {
                phase: palisade::types::Phase::RequestHeaders,
                message: &p.bytes,
            });
        }),
        ("handler", |r, p| r.handler = Some(&p.bytes)),
        ("client address", |r, p| r.client_address = &p.bytes),
        ("producer", |r, p| r.producer = &p.bytes),
        ("component", |r, p| r.components = text(p)),
        ("server", |r, p| r.server = &p.bytes),
        ("sanitised argument", |r, p| r.sanitised.arguments = text(p)),
        ("sanitised request header", |r, p| {
            r.sanitised.request_headers = text(p)
        }),
        ("sanitised response header", |r, p| {
            r.sanitised.response_headers = text(p)
        }),
        ("application", |r, p| r.web_app.id = &p.bytes),
        ("session", |r, p| r.web_app.session = &p.bytes),
        ("user", |r, p| r.web_app.user = &p.bytes),
        ("sensor", |r, p| r.sensor_id = &p.bytes),
        ("slow rule", |r, p| {
            r.slow_rules = vec![(p.bytes.as_slice(), 7)].leak()
        }),
        ("file name", |r, p| {
            let upload = Upload {
                part: 1,
                size: 1,
                name: &p.bytes,
                content_type: Some(&p.bytes),
            };
            r.uploads = Some(Uploads {
                files: vec![upload].leak(),
                total: 1,
            });
        }),
        ("rule", |r, p| {
            let rule = MatchedRule {
                unparsed: &p.bytes,
                id: Some(&p.bytes),
                message: Some(&p.bytes),
                data: Some(&p.bytes),
                tags: text(p),
                operator: Some(&p.bytes),
                operator_argument: &p.bytes,
                target: &p.bytes,
                file: &p.bytes,
                ..MatchedRule::default()
            };
            r.matched_rules = vec![MatchedChain {
                rules: vec![rule].leak(),
                full_match: true,
            }]
            .leak();
        }),
    ]
}

const PARTS: &str = "ABCEFHIJKZ";
const ORDER: &str = "ABCIFEHJKZ";

fn native(record: &Record<'_>) -> String {
    let parts = Parts::parse(PARTS).unwrap();
    let written = render_native(record, &parts, &Boundary::from(BOUNDARY));
    String::from_utf8(written).expect("native records are UTF-8")
}

/// What careless parsers take for a boundary, anywhere in a line.
static LOOSE: LazyLock<[Regex; 2]> = LazyLock::new(|| {
    [r"--[a-fA-F0-9]{8}-[A-Z]--", r"(?-u)--\w{6,10}-[A-Za-z]--"]
        .map(|loose| Regex::new(loose).unwrap())
});

/// One record, all its parts, each boundary where it belongs, and no character that does something.
fn check(written: &str, what: &str) -> parser::Read {
    let mut records = parser::read(written);
    assert_eq!(records.len(), 1, "{what}");
    let record = records.remove(0);
    assert_eq!(record.order, ORDER, "{what}");
    for loose in LOOSE.iter() {
        let count = loose.find_iter(written.as_bytes()).count();
        assert_eq!(count, ORDER.len(), "{what}: boundaries by {loose}");
    }
    let mut after_cr = false;
    for character in written.chars() {
        assert!(!after_cr || character == '\n', "{what}: CR alone");
        after_cr = character == '\r';
        let allowed = matches!(character, '\n' | '\t' | '\r');
        assert!(allowed || !character.is_control(), "{what}: {character:?}");
        let turns = matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!turns, "{what}: {character:?}");
    }
    for (part, text) in &record.parts {
        let body = matches!(part, 'C' | 'E' | 'I');
        assert!(body || !text.contains('\r'), "{what}: CR in part {part}");
    }
    record
}

#[test]
fn what_went_in_comes_out_of_a_native_record() {
    for bytes in payloads() {
        let payload = Payload::new(bytes);
        for (name, fill, part, find) in reversible() {
            let mut record = fixture::full();
            record.masks = Masks::default();
            fill(&mut record, &payload);
            let what = format!("{name}: {:?}", String::from_utf8_lossy(&payload.bytes));
            let read = check(&native(&record), &what);
            assert_eq!(find(&read.parts[&part]), payload.bytes, "{what}");
        }
    }
}

#[test]
fn texts_stay_on_their_lines() {
    let usual = check(&native(&fixture::full()), "the fixture");
    let lines = |read: &parser::Read, part: char| read.parts[&part].split('\n').count();
    for bytes in payloads() {
        let payload = Payload::new(bytes);
        for (name, fill) in texts() {
            let (mut plain, mut hostile) = (fixture::full(), fixture::full());
            let harmless = Payload::new(b"harmless".to_vec());
            fill(&mut plain, &harmless);
            fill(&mut hostile, &payload);
            let what = format!("{name}: {:?}", String::from_utf8_lossy(&payload.bytes));
            let plain = check(&native(&plain), "harmless");
            let hostile = check(&native(&hostile), &what);
            for part in ['A', 'B', 'F', 'H', 'J', 'K'] {
                assert_eq!(
                    lines(&plain, part),
                    lines(&hostile, part),
                    "{what}: part {part}"
                );
            }
            for label in [
                "Message: ",
                "Action: ",
                "Apache-Error: ",
                "Producer: ",
                "Client-Address: ",
            ] {
                let count = |read: &parser::Read| {
                    read.parts[&'H']
                        .split('\n')
                        .filter(|line| line.starts_with(label))
                        .count()
                };
                assert_eq!(count(&plain), count(&hostile), "{what}: {label}");
            }
            assert_eq!(usual.parts[&'C'], hostile.parts[&'C']);
        }
    }
}

/// What a JSON reader gets for bytes: text in UTF-8 as it is, every other byte as the character of the same number.
fn as_json_text(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|b| char::from(*b)));
    }
    out
}

const ECS_KEYS: [&str; 17] = [
    "@timestamp",
    "client",
    "ecs",
    "event",
    "file",
    "http",
    "message",
    "network",
    "observer",
    "palisade",
    "related",
    "rule",
    "server",
    "source",
    "url",
    "user",
    "user_agent",
];

/// The value of a line of JSON in which no character does something.
fn one_line(written: Vec<u8>, what: &str) -> serde_json::Value {
    let written = String::from_utf8(written).expect("JSON is UTF-8");
    let line = written.strip_suffix('\n').expect("a line");
    assert!(!line.contains(char::is_control), "{what}");
    serde_json::from_str(line).expect(what)
}

#[test]
fn json_is_one_valid_line_whatever_is_in_it() {
    let parts = Parts::parse(PARTS).unwrap();
    for bytes in payloads() {
        let payload = Payload::new(bytes);
        let fields = reversible()
            .into_iter()
            .map(|(name, fill, ..)| (name, fill))
            .chain(texts());
        for (name, fill) in fields {
            let mut record = fixture::full();
            record.masks = Masks::default();
            fill(&mut record, &payload);
            let what = format!("{name}: {:?}", String::from_utf8_lossy(&payload.bytes));
            let ecs = one_line(render_ecs(&record, &parts), &what);
            for key in ecs.as_object().unwrap().keys() {
                assert!(ECS_KEYS.contains(&key.as_str()), "{what}: {key}");
            }
            let json = one_line(render_json(&record, &parts), &what);
            let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
            assert_eq!(
                keys,
                [
                    "audit_data",
                    "matched_rules",
                    "request",
                    "response",
                    "transaction",
                    "uploads"
                ],
                "{what}"
            );
            let found = match name {
                "request line" => &json["request"]["request_line"],
                "request header" => &json["request"]["headers"]["X-Field"],
                "request body" => &json["request"]["body"][0],
                "compact body" => &json["request"]["fake_body"],
                "response body" => &json["response"]["body"],
                "unique id" => &json["transaction"]["transaction_id"],
                "message" => &json["audit_data"]["messages"][0],
                "server error" => &json["audit_data"]["error_messages"][0],
                "file name" => &json["uploads"]["info"][0]["file_name"],
                "rule" => &json["matched_rules"][0]["rules"][0]["unparsed"],
                _ => continue,
            };
            assert_eq!(
                found.as_str(),
                Some(as_json_text(&payload.bytes).as_str()),
                "{what}"
            );
        }
    }
}
