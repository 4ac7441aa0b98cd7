//! Request bodies end to end: what every known way of confusing a body parser must come to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that panics has failed

use std::time::{Duration, Instant};

use bytes::Bytes;
use palisade::body::cookies::{self, Format};
use palisade::body::multipart::{Content, MemorySink, Multipart};
use palisade::body::xml::{self, ErrorKind};
use palisade::body::xmlrpc::{Call, CallError};
use palisade::body::{Kind, Parsed, Parser, Settings, urlencoded};

#[path = "body/classes.rs"]
mod classes;
#[path = "body/properties.rs"]
mod properties;
#[path = "body/vulnerabilities.rs"]
mod vulnerabilities;
#[path = "body/xmlrpc.rs"]
mod xmlrpc;

const MULTIPART: &[u8] = b"multipart/form-data; boundary=b";

fn parse_as(kind: Kind, content_type: &[u8], pieces: &[&[u8]]) -> Parsed {
    let settings = Settings::default();
    let sink = Box::new(MemorySink::default());
    let mut parser = Parser::with_files(kind, content_type, &settings, sink);
    pieces.iter().for_each(|piece| parser.feed(piece));
    parser.finish()
}

fn parse(kind: Kind, body: &[u8]) -> Parsed {
    parse_as(kind, MULTIPART, &[body])
}

fn args(parsed: &Parsed) -> Vec<(String, String)> {
    let text = |bytes: &Bytes| bytes.escape_ascii().to_string();
    parsed
        .args
        .iter()
        .map(|a| (text(&a.name), text(&a.value)))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(n, v)| (n.to_string(), v.to_string()))
        .collect()
}

/// A multipart body of one part with this header and content.
fn part(header: &str, content: &str) -> Vec<u8> {
    format!("--b\r\n{header}\r\n\r\n{content}\r\n--b--\r\n").into_bytes()
}

const FIELD: &str = "Content-Disposition: form-data; name=\"a\"";
const FILE: &str = "Content-Disposition: form-data; name=\"f\"; filename=\"x.txt\"";

fn multipart(body: &[u8]) -> (Option<String>, Multipart) {
    let parsed = parse(Kind::Multipart, body);
    (parsed.error, parsed.multipart.expect("a multipart body"))
}

fn xml_error(document: &[u8]) -> Option<ErrorKind> {
    let document = parse(Kind::Xml, document).xml.expect("an XML body");
    document.error().map(xml::Error::kind)
}

fn xml_text(document: &[u8]) -> String {
    let parsed = parse(Kind::Xml, document);
    assert_eq!(parsed.error, None, "{}", document.escape_ascii());
    parsed
        .xml
        .map(|d| d.root_text().escape_ascii().to_string())
        .unwrap_or_default()
}

/// Byte for byte what WordPress 6.1 sends.
const PING: &[u8] = b"<?xml version=\"1.0\"?>\n<methodCall>\n<methodName>pingback.ping</methodName>\n<params>\n\
<param><value><string>http://a.example/linker-47476/</string></value></param>\n\
<param><value><string>http://b.example/target-post/</string></value></param>\n</params></methodCall>";

/// Processor time of this thread in nanoseconds, where the system tells it.
fn processor_time() -> Option<u64> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let spent = statistics.split(' ').next()?.parse().ok()?;
    (spent > 0).then_some(spent)
}

/// Does `work` and expects it to take less than `limit`. Time that others had the processor does not count.
fn within<T>(limit: Duration, what: &str, work: impl FnOnce() -> T) -> T {
    let (start, before) = (Instant::now(), processor_time());
    let result = work();
    let used = match (before, processor_time()) {
        (Some(before), Some(after)) => Duration::from_nanos(after.saturating_sub(before)),
        _ => start.elapsed(),
    };
    assert!(used < limit, "{what} took {used:?}");
    result
}
