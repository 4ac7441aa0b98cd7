//! Requests that try to be read in two ways, on the wire, in HTTP/1.1 and HTTP/2: with the recommended configuration each has the
//! answer that is right, by the rule that is right, and with `SecRuleEngine DetectionOnly` none is answered otherwise than without
//! a firewall.

mod core_rules;
mod http2;
mod mutated;
mod soak;

use std::collections::HashMap;
use std::hash::Hash;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::agreement_support::matched_by;
use crate::harness::{Backend, Mpm, PATIENCE, Server, Setup, connect_from, eventually, tool};
use crate::vector::Vector;

/// What no request may take longer than; on a busy machine it may try again.
const HANG: Duration = Duration::from_secs(1);
const TRIES: usize = 3;

/// Where rules look: a name, targets, and transformations. Whoever finds the marker first refuses.
const PROBES: [(&str, &str, &str); 17] = [
    ("ARGS", "ARGS", "none"),
    ("ARGS_NAMES", "ARGS_NAMES", "none"),
    ("FILES", "FILES", "none"),
    ("FILES_NAMES", "FILES_NAMES", "none"),
    ("CONTENT", "FILES_TMP_CONTENT", "none"),
    ("PART_HEADERS", "MULTIPART_PART_HEADERS", "none"),
    ("COOKIES", "REQUEST_COOKIES", "none"),
    ("COOKIES_NAMES", "REQUEST_COOKIES_NAMES", "none"),
    ("XML", "XML:/*", "none"),
    ("XML_ATTRIBUTES", "XML://@*", "none"),
    ("FILENAME", "REQUEST_FILENAME", "none"),
    ("ARGS_UNI", "ARGS|ARGS_NAMES", "urlDecodeUni"),
    ("FILENAME_UNI", "REQUEST_FILENAME", "urlDecodeUni"),
    ("URI", "REQUEST_URI_RAW", "none"),
    ("HEADERS", "REQUEST_HEADERS", "none"),
    ("METHOD", "REQUEST_METHOD", "lowercase"),
    ("BODY", "REQUEST_BODY", "none"),
];
/// The id of the first probe.
const FIRST: u64 = 9001;

/// The rules' configuration in one mode of the engine.
fn rules(mode: &str) -> String {
    let mut text = format!(
        "Include \"{}/apache-conf/recommended.conf\"\nSecRuleEngine {mode}\nSecAuditEngine On\nSecAuditLog audit.log\n\
         SecAuditLogFormat JSON\nSecAuditLogParts ABHKZ\n\
         SecTmpSaveUploadedFiles On\n",
        env!("CARGO_MANIFEST_DIR")
    );
    for ((_, targets, transformation), id) in PROBES.iter().zip(FIRST..) {
        text.push_str(&format!(
            "SecRule {targets} \"@contains evilmarker\" \"id:{id},phase:2,deny,status:403,t:{transformation}\"\n"
        ));
    }
    text
}

/// The rule that has to match, if one has.
fn rule(by: &str) -> Option<u64> {
    let probe = PROBES.iter().position(|(name, ..)| *name == by);
    match by {
        "" | "httpd" | "flag" => None,
        _ => Some(probe.map_or_else(
            || {
                by.parse()
                    .unwrap_or_else(|_| panic!("{by:?} is neither rule nor probe"))
            },
            |at| FIRST + at as u64,
        )),
    }
}

/// Whether a rule refuses, or only says how to read a body.
fn refuses(id: u64) -> bool {
    !matches!(id, 200_000 | 200_001 | 200_006)
}

/// An answer: all that came, but for the date.
struct Answer {
    status: u16,
    bytes: Vec<u8>,
    took: Duration,
}

/// An answer without its `Date` lines, which no two answers share.
fn undated(bytes: &[u8]) -> Vec<u8> {
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| {
            !line
                .get(..5)
                .is_some_and(|name| name.eq_ignore_ascii_case(b"date:"))
        })
        .flatten()
        .copied()
        .collect()
}

/// The client that sends the request of this number: an address of its own, by which its record is known. Ports come again.
fn client(number: usize) -> Ipv4Addr {
    let [.., high, low] = u32::try_from(number).expect("few").to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}

/// Sends bytes on a connection of their own, and reads to its end.
fn send(server: &Server, from: Ipv4Addr, wire: &[u8]) -> Answer {
    let begun = Instant::now();
    let mut stream = connect_from(from, server.port());
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut writer = stream.try_clone().expect("the other direction");
    let bytes = std::thread::scope(|scope| {
        // It may have heard enough before the end, and answer while we write.
        scope.spawn(move || {
            let _ = writer.write_all(wire);
            let _ = writer.shutdown(Shutdown::Write);
        });
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    });
    // An answer in between only says that the body is wanted.
    let text = String::from_utf8_lossy(&bytes);
    let final_answer = text.trim_start_matches("HTTP/1.1 100 Continue\r\n\r\n");
    let words = final_answer.strip_prefix("HTTP/1.");
    let status = words.and_then(|words| words.get(2..5)?.parse().ok());
    Answer {
        status: status.unwrap_or(0),
        bytes: undated(&bytes),
        took: begun.elapsed(),
    }
}

/// Sends it again where it took too long: only what is slow every time hangs.
fn send_patiently(way: &Way, server: &Server, from: Ipv4Addr, vector: &Vector) -> Answer {
    let mut answer = (way.send)(server, from, vector);
    for _ in 1..TRIES {
        if answer.took <= HANG {
            break;
        }
        answer = (way.send)(server, from, vector);
    }
    answer
}

/// A way to send a request, on a connection of its own.
struct Way {
    mpm: Mpm,
    /// What it needs besides.
    modules: &'static [&'static str],
    /// What is configured besides.
    conf: &'static str,
    /// What starts httpd.
    starter: &'static [&'static str],
    send: fn(&Server, Ipv4Addr, &Vector) -> Answer,
}

/// An httpd before the backend, with rules or without a firewall.
fn start(way: &Way, backend: &Backend, mode: Option<&str>) -> Option<Server> {
    let setup = match mode {
        Some(mode) => Setup::new()?.conf(&rules(mode)),
        None => Setup::new()?.load_as(&[]),
    };
    let server = setup
        .mpm(way.mpm)
        .modules(&["proxy", "proxy_http"])
        .modules(way.modules)
        .conf(way.conf)
        .under(way.starter)
        // The backend forgets a connection whose request was cut off.
        .conf(&format!(
            "ProxyPass / http://127.0.0.1:{}/ nocanon disablereuse=on",
            backend.port
        ))
        .start();
    Some(server)
}

/// What is wrong with an answer, if something is.
fn fault(vector: &Vector, answer: &Answer, ids: &[u64], refusing: bool) -> Option<String> {
    let refused: Vec<u64> = ids.iter().copied().filter(|id| refuses(*id)).collect();
    let found = match rule(&vector.by) {
        Some(rule) => refused.contains(&rule),
        // What httpd refuses for its body's sake, rules have read as far as it came.
        None => {
            refused.is_empty()
                || !refusing && vector.by == "httpd"
                || !refusing && vector.by == "flag"
        }
    };
    if refusing && answer.status != vector.status || !found {
        return Some(format!(
            "{} instead of {} {}, by {refused:?}",
            answer.status, vector.status, vector.by
        ));
    }
    (answer.took > HANG).then(|| format!("took {:?}", answer.took))
}

/// The records of rules, waiting for the last of them.
fn records<K: Hash + Eq>(
    server: &Server,
    key: impl Fn(&Value) -> Option<K>,
    last: &K,
) -> HashMap<K, Vec<u64>> {
    let log = server.root().join("audit.log");
    eventually(|| matched_by(&log, &key).contains_key(last));
    matched_by(&log, &key)
}

/// Sends each in every mode, and says what was answered otherwise than is right.
fn hold(what: &str, way: &Way, vectors: &[Vector]) {
    let backend = Backend::start();
    assert!(vectors.len() >= 200);
    let Some(plain) = start(way, &backend, None) else {
        return;
    };
    let unguarded: Vec<Answer> = vectors
        .iter()
        .map(|vector| (way.send)(&plain, Ipv4Addr::LOCALHOST, vector))
        .collect();
    let mut faults = Vec::new();
    for mode in ["On", "DetectionOnly"] {
        let Some(server) = start(way, &backend, Some(mode)) else {
            return;
        };
        let numbered = vectors.iter().enumerate();
        let answers: Vec<Answer> = numbered
            .map(|(number, vector)| send_patiently(way, &server, client(number), vector))
            .collect();
        // When the record of an everyday request behind all others is there, all are.
        let last = client(vectors.len());
        (way.send)(&server, last, &Vector::everyday());
        let address = |record: &Value| {
            let address = record["transaction"]["remote_address"].as_str();
            address.and_then(|address| address.parse().ok())
        };
        let records = records(&server, address, &last);
        let sent = vectors.iter().zip(&answers).zip(&unguarded);
        for (number, ((vector, answer), unguarded)) in sent.enumerate() {
            let ids = records.get(&client(number)).cloned().unwrap_or_default();
            if let Some(fault) = fault(vector, answer, &ids, mode == "On") {
                faults.push(format!("{mode} {}: {fault}", vector.name));
            }
            if mode == "DetectionOnly" && answer.bytes != unguarded.bytes {
                faults.push(format!(
                    "{mode} {}: {:?} instead of {:?}",
                    vector.name,
                    String::from_utf8_lossy(&answer.bytes),
                    String::from_utf8_lossy(&unguarded.bytes)
                ));
            }
        }
    }
    report(what, vectors.len(), &faults);
}

/// Says how many answers were right, and fails where one was not.
fn report(what: &str, number: usize, faults: &[String]) {
    // `scripts/reliability.sh` reads this line.
    println!(
        "hostile vectors, {what}: {number} in two modes, {} wrong",
        faults.len()
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Each on an HTTP/1.1 connection.
fn over_http1(what: &str, mpm: Mpm, conf: &'static str, starter: &'static [&'static str]) {
    let way = Way {
        mpm,
        modules: &[],
        conf,
        starter,
        send: |server, from, vector| send(server, from, &vector.wire()),
    };
    let vectors = crate::vector::for_http1();
    hold(&format!("HTTP/1.1 {mpm:?}{what}"), &way, &vectors);
}

#[test]
fn every_answer_is_right_with_event() {
    over_http1("", Mpm::Event, "", &[]);
}

#[test]
fn every_answer_is_right_with_prefork() {
    over_http1("", Mpm::Prefork, "", &[]);
}

#[test]
fn every_answer_is_right_on_small_stacks() {
    over_http1(", small stacks", Mpm::Event, "ThreadStackSize 131072", &[]);
}

#[test]
fn every_answer_is_right_with_few_descriptors() {
    if tool("prlimit") {
        let starter = &["prlimit", "--nofile=256"];
        over_http1(", 256 descriptors", Mpm::Event, "", starter);
    }
}

/// A process of prefork with the module takes some 150 MB of addresses; whoever took much more than its request is in trouble.
#[test]
fn every_answer_is_right_with_little_memory() {
    if tool("prlimit") {
        let starter = &["prlimit", "--as=268435456"];
        over_http1(", 256 MB of addresses", Mpm::Prefork, "", starter);
    }
}
