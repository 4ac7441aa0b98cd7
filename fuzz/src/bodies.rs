//! What requests carry: bodies and cookies.

use bytes::Bytes;
use palisade::body::cookies::{self as cookie, Format};
use palisade::body::multipart::MemorySink;
use palisade::body::{
    Kind, Parsed, Parser, Settings, XmlArguments, xml as document, xmlrpc as call,
};
use palisade::limits::COOKIE_ATTRIBUTE_PREFIX_LIMIT;
use palisade::pingback::{Signals, inspect};

/// Cookies are parts of their header; an attribute may have its cookie's name before it, as long as that is short.
pub fn cookies(data: &[u8]) {
    let header = Bytes::copy_from_slice(data);
    let prefix = COOKIE_ATTRIBUTE_PREFIX_LIMIT + "$_".len();
    for (format, prefix) in [(Format::Netscape, 0), (Format::Rfc2109, prefix)] {
        let found = cookie::parse(&header, format, None);
        let bytes: usize = found
            .iter()
            .map(|cookie| cookie.name.len() + cookie.value.len())
            .sum();
        let most = data.len() + found.len() * prefix;
        assert!(bytes <= most, "{format:?} {bytes}");
    }
}

fn parse(kind: Kind, pieces: &[&[u8]]) -> Parsed {
    let settings = Settings {
        xml_arguments: XmlArguments::On,
        ..Settings::default()
    };
    let sink = Box::new(MemorySink::default());
    let mut parser = Parser::with_files(kind, b"multipart/form-data; boundary=b", &settings, sink);
    pieces.iter().for_each(|piece| parser.feed(piece));
    parser.finish()
}

/// What rules see of an XML document: names, texts and why it is malformed.
type Text<'p> = (Vec<(&'p [u8], Vec<u8>)>, Option<document::ErrorKind>);

/// Insists that rules see the same of both: arguments, the error, flags, the document.
fn assert_same(whole: &Parsed, cut: &Parsed, at: usize) {
    assert_eq!(whole.error, cut.error, "cut at {at}");
    assert_eq!(whole.args, cut.args, "cut at {at}");
    assert_eq!(whole.urlencoded_error, cut.urlencoded_error, "cut at {at}");
    assert_eq!(whole.no_files_length, cut.no_files_length, "cut at {at}");
    if let (Some(one), Some(other)) = (&whole.multipart, &cut.multipart) {
        assert_eq!(one.flags, other.flags, "cut at {at}");
        assert_eq!(one.parts.len(), other.parts.len(), "cut at {at}");
    }
    if let (Some(one), Some(other)) = (&whole.xml, &cut.xml) {
        assert_eq!(text(one), text(other), "cut at {at}");
    }
}

fn text(document: &document::Document) -> Text<'_> {
    let texts = document
        .elements()
        .map(|element| (element.name(), element.text().to_vec()));
    (texts.collect(), document.error().map(document::Error::kind))
}

/// However a body is cut, rules see the same.
fn body(kind: Kind, data: &[u8]) -> Parsed {
    let whole = parse(kind, &[data]);
    let at = data.first().map_or(0, |byte| usize::from(*byte)) % (data.len() + 1);
    let (before, behind) = data.split_at(at);
    // One byte, which is where a state machine has its doubts; then the rest.
    let (byte, rest) = behind.split_at(behind.len().min(1));
    assert_same(&whole, &parse(kind, &[before, byte, rest]), at);
    whole
}

/// A form.
pub fn urlencoded(data: &[u8]) {
    body(Kind::Urlencoded, data);
}

/// A form with parts between `--b`.
pub fn multipart(data: &[u8]) {
    body(Kind::Multipart, data);
}

/// What we accept, a strict reader accepts.
pub fn json(data: &[u8]) {
    let parsed = body(Kind::Json, data);
    if parsed.error.is_none() && !data.is_empty() {
        let mut reader = serde_json::Deserializer::from_slice(data);
        let read: Result<serde::de::IgnoredAny, _> = serde::Deserialize::deserialize(&mut reader);
        let beyond = read.as_ref().err().is_some_and(|error| {
            let text = error.to_string();
            // Its own bound, and numbers that it could not hold.
            text.contains("recursion limit") || text.contains("number out of range")
        });
        assert!(read.is_ok() || beyond, "{read:?}");
    }
}

/// A document.
pub fn xml(data: &[u8]) {
    body(Kind::Xml, data);
}

/// An XML-RPC call: as many calls as are told, and values that can be looked at.
pub fn xmlrpc(data: &[u8]) {
    let document = document::parse(data, document::Options::default());
    let Ok(call) = call::Call::from_document(&document) else {
        return;
    };
    assert!(!call.method().is_empty());
    for value in call.params() {
        let _ = (value.kind(), value.string(), value.integer());
        let _ = (value.boolean(), value.double(), value.items().count());
    }
    assert!(call.calls().count() <= data.len());
}

/// What is thought of a call that may be a ping.
pub fn pingback(data: &[u8]) {
    let document = document::parse(data, document::Options::default());
    let headers: [(&[u8], &[u8]); 1] = [(b"User-Agent", b"WordPress/6.1; http://a.example")];
    let serves = |host: &str| host == "blog.example";
    let inspection = inspect(&document, data, &Signals::from_headers(headers), &serves);
    for (name, _) in inspection.finding.variables() {
        assert!(!name.is_empty());
    }
}
