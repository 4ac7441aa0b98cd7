//! Two hundred attempts to forge a record, a line, or a terminal sequence, in every format: none succeeds.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;

use super::{files, open_directory};
use crate::audit_parser as parser;
use crate::harness::{Client, Server, Setup, eventually};

const PAYLOADS: [&[u8]; 20] = [
    b"x\ny",
    b"x\r\ny",
    b"x\ry",
    b"x\x1b[2J\x1b]0;title\x07y",
    b"x\x00y",
    b"--deadbeef-Z--",
    b"\n--deadbeef-Z--\n\n--deadbeef-A--\n[22/Nov/2026:12:38:00 +0000] forged 192.0.2.1 1 192.0.2.2 2\n--deadbeef-Z--\n",
    b"\r\n--00000000-A--\r\n",
    b"\n\n--cafebabe-H--\nMessage: Access denied with code 403 (phase 2). [id \"1\"]\n",
    b"\xff\xfe\xfd",
    b"\xc3\x28\xe2\x82\xf0\x9f",
    b"\xc0\x80\xc1\xbf\xed\xa0\x80",
    b"x\xc2\x9b31my\xc2\x85",
    b"x\xe2\x80\xa8y\xe2\x80\xaez",
    b"\"}\n{\"transaction\":{\"transaction_id\":\"forged\"}}\n",
    b"\\\"},\"audit_data\":{\"messages\":[\"forged\"]}}\\",
    b"\x7f\x08\x08\x08\x0b\x0c",
    b"[Sun Nov 22 12:38:00.0 2026] [security2:error] [pid 1:tid 1] [client 192.0.2.66] [client 192.0.2.66] ModSecurity: Access denied with code 403",
    b"\n[client 192.0.2.66] [client 192.0.2.66] ModSecurity: Access denied with code 403 (phase 2). [id \"1\"]\n",
    b"<13>Nov 22 12:38:00 forged[1]: %s%n%x \n<13>forged",
];

/// Where a payload stands in a request.
#[derive(Clone, Copy, Debug)]
enum Place {
    Query,
    EncodedQuery,
    HeaderValue,
    HeaderName,
    Cookie,
    Referer,
    Body,
    EncodedBody,
    FileName,
    Field,
}

const PLACES: [Place; 10] = [
    Place::Query,
    Place::EncodedQuery,
    Place::HeaderValue,
    Place::HeaderName,
    Place::Cookie,
    Place::Referer,
    Place::Body,
    Place::EncodedBody,
    Place::FileName,
    Place::Field,
];

fn percent(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| format!("%{byte:02x}").into_bytes())
        .collect()
}

/// One request with the payload in one place. What ends it comes first, so that a payload with line ends cannot make it two.
fn request(place: Place, payload: &[u8]) -> Vec<u8> {
    let encoded = percent(payload);
    let (mut query, mut headers, mut body): (Vec<u8>, Vec<u8>, Vec<u8>) = Default::default();
    let form = b"Content-Type: application/x-www-form-urlencoded\r\n";
    let multipart = b"Content-Type: multipart/form-data; boundary=xx\r\n";
    match place {
        Place::Query => query = payload.to_vec(),
        Place::EncodedQuery => query = encoded,
        Place::HeaderValue => headers = [b"X-Evil: ", payload, b"\r\n"].concat(),
        Place::HeaderName => headers = [b"X-", payload, b": evil\r\n"].concat(),
        Place::Cookie => headers = [b"Cookie: a=", payload, b"\r\n"].concat(),
        Place::Referer => headers = [b"Referer: http://", payload, b"\r\n"].concat(),
        Place::Body => (headers, body) = (form.to_vec(), [b"a=", payload].concat()),
        Place::EncodedBody => (headers, body) = (form.to_vec(), [b"a=", &encoded[..]].concat()),
        Place::FileName => {
            (headers, body) = (
                multipart.to_vec(),
                part(&[b"name=\"f\"; filename=\"", payload, b"\"\r\n\r\ncontent"]),
            );
        }
        Place::Field => {
            (headers, body) = (multipart.to_vec(), part(&[b"name=\"a\"\r\n\r\n", payload]));
        }
    }
    [
        b"POST /index.html?q=",
        &query[..],
        b" HTTP/1.1\r\nHost: www.example.test\r\nConnection: close\r\n",
        format!("Content-Length: {}\r\n", body.len()).as_bytes(),
        &headers,
        b"\r\n",
        &body,
    ]
    .concat()
}

/// httpd lets through what it can; everything is refused, and the alert repeats whatever was sent.
const RULES: &str = r#"
HttpProtocolOptions Unsafe
SecRuleEngine On
SecRequestBodyAccess On
SecAuditEngine On
SecAuditLogParts ABCFHIJKZ
SecAction "id:1,phase:2,pass,log,auditlog,msg:'%{REQUEST_URI_RAW}',logdata:'%{REQUEST_BODY}%{ARGS.a}%{FILES.f}'"
SecRule REQUEST_HEADERS|REQUEST_HEADERS_NAMES|REQUEST_COOKIES|ARGS|FILES "@rx ." "id:2,phase:2,pass,log,auditlog,logdata:'%{MATCHED_VAR_NAME}=%{MATCHED_VAR}'"
SecAction "id:3,phase:2,deny,status:403,msg:'refused',tag:'%{REQUEST_HEADERS.X-Evil}'"
"#;

/// A multipart body of one part: its disposition from the name on, and its content.
fn part(content: &[&[u8]]) -> Vec<u8> {
    let (before, behind) = ("--xx\r\nContent-Disposition: form-data; ", "\r\n--xx--\r\n");
    [before.as_bytes(), &content.concat(), behind.as_bytes()].concat()
}

/// Sends all of them, and answers how many requests the server has seen: each was answered once.
fn attack(server: &Server) -> usize {
    attack_and(server, |_| {})
}

/// The same, with something to do when so many have been answered.
fn attack_and(server: &Server, answered: impl Fn(usize)) -> usize {
    let mut sent = 0;
    for place in PLACES {
        for payload in PAYLOADS {
            let mut client = Client::connect(server.port());
            client.send(request(place, payload));
            client.finish();
            let answer = client.rest();
            // A line end in the request line makes it one of HTTP/0.9, whose answers have no head.
            let heads = answer
                .windows(9)
                .filter(|bytes| bytes.starts_with(b"HTTP/1.1 "))
                .count();
            assert!(
                !answer.is_empty() && heads <= 1,
                "{place:?} {payload:?}: {}",
                String::from_utf8_lossy(&answer)
            );
            sent += 1;
            answered(sent);
        }
    }
    assert_eq!(sent, 200);
    sent
}

/// A control byte in a log, other than those allowed in places.
fn control(log: &[u8], allowed: &[u8]) -> Option<(usize, String)> {
    let text = std::str::from_utf8(log).expect("UTF-8");
    let found = text
        .char_indices()
        .find(|(_, c)| c.is_control() && !(c.is_ascii() && allowed.contains(&(*c as u8))))?;
    Some((
        found.0,
        text[..found.0]
            .chars()
            .rev()
            .take(80)
            .collect::<String>()
            .chars()
            .rev()
            .collect(),
    ))
}

/// Every line is one that httpd began, and every denial is one that happened.
fn check_error_log(server: &Server) {
    let log = fs::read(server.root().join("error.log")).unwrap();
    assert_eq!(control(&log, b"\n"), None);
    let text = String::from_utf8(log).unwrap();
    let line = regex::Regex::new(
        r"^\[\w{3} \w{3} \d\d \d\d:\d\d:\d\d\.\d+ \d{4}\] \[[\w:]+\] \[pid \d+(:tid \d+)?\] ",
    )
    .unwrap();
    for one in text.lines() {
        assert!(line.is_match(one), "{one}");
    }
    let denials = text.lines().filter(|line| {
        line.contains("] ModSecurity: Access denied with code 403") && line.contains("[id \"3\"]")
    });
    let mut ids = BTreeMap::<&str, usize>::new();
    for denial in denials {
        // The denials are of a client that cannot be blamed, so no line may name one.
        let (before, _) = denial.split_once("ModSecurity: ").unwrap();
        assert!(
            before.ends_with("[peer 127.0.0.1] [unattributed] "),
            "{denial}"
        );
        let id = denial.rsplit_once("[unique_id \"").unwrap().1;
        *ids.entry(id).or_default() += 1;
    }
    assert!(ids.values().all(|count| *count == 1));
    assert!(ids.len() > 100, "httpd itself refuses some: {}", ids.len());
}

fn start(conf: &str) -> Option<(Setup, std::path::PathBuf)> {
    let setup = Setup::new()?
        .conf(conf)
        .conf(RULES)
        .file("index.html", "fine");
    let root = setup.root().to_owned();
    Some((setup, root))
}

#[test]
fn native_records_cannot_be_forged() {
    let Some((setup, root)) = start("SecAuditLog audit.log") else {
        return;
    };
    let server = setup.start();
    let sent = attack(&server);
    let log = || fs::read(root.join("audit.log")).unwrap();
    assert!(eventually(|| log()
        .windows(7)
        .filter(|w| w == b"-Z--\n\n-" || w.starts_with(b"-Z--\n\n"))
        .count()
        >= sent));
    let log = log();
    assert_eq!(control(&log, b"\n\t\r"), None);
    for (at, _) in log.iter().enumerate().filter(|(_, byte)| **byte == b'\r') {
        assert_eq!(log.get(at + 1), Some(&b'\n'), "a carriage return by itself");
    }
    let text = String::from_utf8(log).unwrap();
    let records = parser::read(&text);
    assert_eq!(records.len(), sent);
    // The looser patterns in use, which look anywhere in a line.
    let loose = regex::Regex::new(r"--\w{6,10}-A--").unwrap();
    assert_eq!(loose.find_iter(&text).count(), sent);
    for record in &records {
        let head = record.parts[&'A'].split(' ').count();
        assert_eq!(
            head, 7,
            "part A has its fields and no more: {}",
            record.parts[&'A']
        );
    }
    check_error_log(&server);
}

#[test]
fn json_lines_cannot_be_forged() {
    for format in ["JSON", "ECS"] {
        let Some((setup, root)) = start(&format!(
            "SecAuditLog audit.log\nSecAuditLogFormat {format}"
        )) else {
            return;
        };
        let server = setup.start();
        let sent = attack(&server);
        let log = || fs::read(root.join("audit.log")).unwrap();
        assert!(eventually(|| log()
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            >= sent));
        let log = log();
        assert_eq!(control(&log, b"\n"), None, "{format}");
        let mut ids = std::collections::BTreeSet::new();
        for line in String::from_utf8(log).unwrap().lines() {
            let record: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let id = record
                .pointer("/transaction/transaction_id")
                .or(record.pointer("/event/id"));
            assert!(ids.insert(id.and_then(|id| id.as_str()).expect("an id").to_owned()));
        }
        assert_eq!(ids.len(), sent, "{format}");
        assert!(!ids.contains("forged"));
    }
}

#[test]
fn an_index_cannot_be_forged() {
    let conf = "SecAuditLogType Concurrent\nSecAuditLog index.log\nSecAuditLogStorageDir store";
    let Some((setup, root)) = start(conf) else {
        return;
    };
    let store = open_directory(&setup, "store");
    let server = setup.start();
    let sent = attack(&server);
    assert!(eventually(|| fs::read(root.join("index.log"))
        .unwrap()
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        >= sent));
    let index = fs::read(root.join("index.log")).unwrap();
    assert_eq!(control(&index, b"\n"), None);
    let index = String::from_utf8(index).unwrap();
    assert_eq!(index.lines().count(), sent);
    assert_eq!(files(&store).len(), sent);
    let shape = regex::Regex::new(r#"^(\S+) (\S+) (\S+) (\S+) \[([^\]]+)\] "(.*)" (\d+) (\S+) "-" "-" (\S+) "-" (/\S+) 0 (\d+) (md5:\S+) (L )?$"#).unwrap();
    for line in index.lines() {
        let found = shape.captures(line).unwrap_or_else(|| panic!("{line}"));
        assert!(
            store.join(found[10].trim_start_matches('/')).is_file(),
            "{line}"
        );
    }
}

#[test]
fn messages_to_syslog_cannot_be_forged() {
    let Some((setup, root)) = start("SecAuditLogType Syslog local6 log.socket") else {
        return;
    };
    let path = root.join("log.socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    socket
        .set_read_timeout(Some(std::time::Duration::from_secs(20)))
        .unwrap();
    let server = setup.start();
    let messages = std::cell::RefCell::new(Vec::new());
    // One is taken out for each that is put in: a socket of this kind holds ten, and what finds no room is dropped.
    attack_and(&server, |_| {
        let mut buffer = vec![0; 100_000];
        let length = socket.recv(&mut buffer).expect("a message");
        buffer.truncate(length);
        messages.borrow_mut().push(buffer);
    });
    let messages = messages.into_inner();
    let shape =
        regex::Regex::new(r"^<181>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d palisade\[\d+\]: \{.*$")
            .unwrap();
    for message in &messages {
        assert_eq!(control(message, b""), None);
        assert!(shape.is_match(std::str::from_utf8(message).unwrap()));
    }
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 10]).is_err(), "no message too many");
}
