//! The bytes of a request, read as httpd 2.4 reads them with its default settings.
//!
//! httpd refuses some requests before any module sees them, joins header fields of one name, and drops a length beside
//! a transfer encoding. Rules see what is left, so a trial has to do the same.

use bytes::Bytes;

pub use super::payload::{End, Payload};
use super::payload::{counted, dechunked};
use super::target::{authority, host_name, split_target};
use crate::facts::Header;

/// `LimitRequestLine`: the longest request line, in bytes.
const LINE_LIMIT: usize = 8190;
/// `LimitRequestFieldSize`: the longest header field, in bytes.
const FIELD_LIMIT: usize = 8190;
/// `LimitRequestFields`: the most header fields.
const FIELDS_LIMIT: usize = 100;
/// Empty lines that httpd passes over before a request line.
const BLANK_LINES: usize = 100;

impl Incoming {
    /// The path as httpd has decoded it by phase 2, or the status with which it refuses it.
    pub fn decoded_path(&self) -> Result<Vec<u8>, u16> {
        super::path::decoded(&self.path)
    }
}

/// A request as httpd has it when the first hook runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// The request line, its parts with one space between them.
    pub line: Bytes,
    /// The method.
    pub method: Bytes,
    /// The target as received.
    pub target: Bytes,
    /// The path of the target, as received.
    pub path: Bytes,
    /// The query of the target, without `?`.
    pub query: Option<Bytes>,
    /// `HTTP/1.1`, …
    pub protocol: Bytes,
    /// The header fields; those of one name are joined.
    pub headers: Vec<Header>,
    /// The host that was asked for, in lower case and without its port.
    pub host: Option<String>,
    /// The body.
    pub body: Payload,
    /// The status with which httpd refuses it before any rule runs.
    pub refused: Option<u16>,
    /// What was done to it, for people.
    pub notes: Vec<String>,
}

/// Reads a request as it comes over a connection: the bytes up to its end.
pub fn read(bytes: &[u8]) -> Incoming {
    let mut lines = Lines(bytes);
    let mut first = lines.next().unwrap_or_default();
    let head = bytes.get(..head_length(bytes)).unwrap_or_default();
    // Compat: httpd wants CR LF at every end.
    let strict = head.ends_with(b"\r\n")
        && !head
            .iter()
            .zip(std::iter::once(&0).chain(head))
            .any(|(byte, before)| *byte == b'\n' && *before != b'\r');
    for _ in 0..BLANK_LINES {
        if !first.is_empty() || lines.0.is_empty() {
            break;
        }
        first = lines.next().unwrap_or_default();
    }
    let mut incoming = Incoming::default();
    if first.len() > LINE_LIMIT {
        incoming.line = Bytes::copy_from_slice(first.get(..LINE_LIMIT).unwrap_or_default());
        incoming.protocol = Bytes::from_static(b"HTTP/1.0");
        incoming.refused = Some(414);
        return incoming;
    }
    let old = incoming.take_line(first);
    if !strict {
        incoming.refused = Some(400);
    }
    if incoming.refused.is_some() || old {
        return incoming;
    }
    if let Err(status) = incoming.take_fields(&mut lines) {
        incoming.refused = Some(status);
        return incoming;
    }
    incoming.refused = incoming.take_frame(lines.0).err();
    incoming
}

/// Reads a request from a file that a person wrote: as [`read`], but lines may end in LF, the empty line at the end of the header
/// may be missing, and a body without a length gets one.
pub fn read_file(bytes: &[u8]) -> Incoming {
    let (head, rest) = bytes.split_at(head_length(bytes));
    let mut wire = Vec::with_capacity(bytes.len() + 64);
    for line in Lines(head).filter(|line| !line.is_empty()) {
        wire.extend_from_slice(line);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"\r\n");
    wire.extend_from_slice(rest);
    let mut incoming = read(&wire);
    let framed = ["Content-Length", "Transfer-Encoding"]
        .iter()
        .any(|name| incoming.header(name).is_some());
    if incoming.refused.is_none() && !framed && !rest.is_empty() {
        // An editor's line end is hardly meant to be sent.
        let body = rest
            .strip_suffix(b"\r\n")
            .or_else(|| rest.strip_suffix(b"\n"))
            .unwrap_or(rest);
        if body.is_empty() {
            return incoming;
        }
        let length = body.len().to_string();
        incoming
            .notes
            .push(format!("Content-Length: {length} was added"));
        incoming.headers.push(Header {
            name: Bytes::from_static(b"Content-Length"),
            value: length.into(),
        });
        incoming.body = Payload {
            present: true,
            announced: Some(body.len() as u64),
            bytes: Bytes::copy_from_slice(body),
            end: End::Complete,
        };
    }
    incoming
}

/// How many bytes come before the body.
fn head_length(bytes: &[u8]) -> usize {
    let mut lines = Lines(bytes);
    let mut begun = false;
    for line in lines.by_ref() {
        if line.is_empty() && begun {
            break;
        }
        begun |= !line.is_empty();
    }
    bytes.len() - lines.0.len()
}

impl Incoming {
    /// The value of a header field.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut named = self
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name.as_bytes()));
        named.next().map(|header| &header.value[..])
    }

    /// Takes the request line apart. True where it is of the time before headers: then nothing follows it.
    fn take_line(&mut self, line: &[u8]) -> bool {
        let copy = Bytes::copy_from_slice;
        let words: Vec<&[u8]> = line
            .split(|byte| is_space(*byte))
            .filter(|word| !word.is_empty())
            .collect();
        let word = |at: usize| words.get(at).copied().unwrap_or_default();
        let (method, target, protocol) = (word(0), word(1), word(2));
        let spaced = line
            .split(|byte| *byte == b' ')
            .take(4)
            .collect::<Vec<_>>()
            .concat()
            .len();
        let spaces = line.len() - spaced;
        // One space between the parts, and nothing else around them.
        let neat =
            words.len() <= 3 && spaces + 1 == words.len() && !line.first().is_some_and(is_space_at);
        self.method = copy(method);
        self.target = copy(target);
        let legible = is_version(protocol);
        let (path, query) = split_target(target);
        self.path = path;
        self.query = query;
        self.line = Bytes::from(
            words
                .get(..words.len().min(3))
                .unwrap_or_default()
                .join(&b' '),
        );
        let sound = neat
            && method.iter().all(|byte| is_token(*byte))
            && !target.is_empty()
            && target.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
            && !target.contains(&b'#')
            && (matches!(self.path.first(), None | Some(b'/'))
                || method == b"CONNECT"
                || is_star(method, target));
        let old = protocol.is_empty();
        if !sound || !(old || legible) || old && method != b"GET" {
            self.protocol = Bytes::from_static(b"HTTP/1.0");
            self.refused = Some(400);
            return old;
        }
        self.protocol = match old {
            true => Bytes::from_static(b"HTTP/0.9"),
            false => copy(protocol),
        };
        old
    }

    /// Reads the header fields up to the empty line.
    fn take_fields(&mut self, lines: &mut Lines<'_>) -> Result<(), u16> {
        let mut fields: Vec<Vec<u8>> = Vec::new();
        let mut ended = false;
        for line in lines.by_ref() {
            if line.is_empty() {
                ended = true;
                break;
            }
            if line.len() > FIELD_LIMIT {
                return Err(400);
            }
            let folded = line
                .first()
                .is_some_and(|byte| matches!(byte, b' ' | b'\t'));
            match fields.last_mut() {
                Some(last) if folded => {
                    while last.last().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
                        last.pop();
                    }
                    last.push(b' ');
                    last.extend_from_slice(line.trim_ascii_start());
                    if last.len() > FIELD_LIMIT {
                        return Err(400);
                    }
                }
                None if folded => return Err(400),
                _ => fields.push(line.to_vec()),
            }
        }
        if !ended {
            return Err(400);
        }
        if fields.len() > FIELDS_LIMIT {
            return Err(400);
        }
        for field in fields {
            let colon = field.iter().position(|byte| *byte == b':').ok_or(400_u16)?;
            let (name, value) = field.split_at(colon);
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            let legible = |byte: &u8| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f;
            if name.is_empty()
                || !name.iter().all(|byte| is_token(*byte))
                || !value.iter().all(legible)
            {
                return Err(400);
            }
            self.add(name, value);
        }
        Ok(())
    }

    /// Adds a field; one of a name that is there already is joined to it.
    fn add(&mut self, name: &[u8], value: &[u8]) {
        let known = self
            .headers
            .iter_mut()
            .find(|header| header.name.eq_ignore_ascii_case(name));
        match known {
            Some(known) => known.value = [&known.value[..], b", ", value].concat().into(),
            None => self.headers.push(Header {
                name: Bytes::copy_from_slice(name),
                value: Bytes::copy_from_slice(value),
            }),
        }
    }

    /// What httpd checks once it has the header, and the body without its framing.
    fn take_frame(&mut self, rest: &[u8]) -> Result<(), u16> {
        let version = self.protocol.get(5..).unwrap_or_default().to_vec();
        let host = match self.header("Host") {
            Some(host) => Some(host_name(host).ok_or(400_u16)?),
            None => None,
        };
        if host.is_none() && version.as_slice() >= &b"1.1"[..] {
            return Err(400);
        }
        if host.as_deref() == Some("") && version.as_slice() >= &b"1.1"[..] {
            return Err(400);
        }
        // The name in the target wins.
        let named = authority(&self.target).and_then(|authority| {
            // Compat: a port that is none there is nobody's business.
            let port = authority.iter().rposition(|byte| *byte == b':');
            let name = port.and_then(|at| authority.get(..at));
            host_name(name.unwrap_or(authority))
        });
        self.host = named.or(host);
        if let Some(encoding) = self.header("Transfer-Encoding") {
            let last = encoding
                .rsplit(|byte| *byte == b',')
                .next()
                .unwrap_or_default();
            if !last.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err(400);
            }
            self.headers
                .retain(|header| !header.name.eq_ignore_ascii_case(b"Content-Length"));
            self.body = dechunked(rest);
        } else if let Some(length) = self.header("Content-Length") {
            let digits = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(length)
                .ok()
                .filter(|_| digits)
                .and_then(|length| length.parse::<i64>().ok())
                .ok_or(400_u16)?;
            let length = u64::try_from(length).map_err(|_| 400_u16)?;
            self.body = counted(rest, length);
        }
        let expectation = self.header("Expect").map(<[u8]>::to_ascii_lowercase);
        match expectation {
            Some(expectation) if expectation != b"100-continue" => Err(417),
            _ => Ok(()),
        }
    }
}

/// `HTTP/1.1` and its kin.
fn is_version(protocol: &[u8]) -> bool {
    matches!(protocol, [b'H', b'T', b'T', b'P', b'/', major @ b'1'..=b'9', b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit())
}

fn is_star(method: &[u8], target: &[u8]) -> bool {
    target == b"*" && method == b"OPTIONS"
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn is_space_at(byte: &u8) -> bool {
    is_space(*byte)
}

/// A character of a token, by RFC 9110.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Lines with CR LF or LF at their ends; what is left of the bytes.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|byte| *byte == b'\n');
        let (line, rest) = match end {
            Some(end) => (self.0.get(..end)?, self.0.get(end + 1..)?),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(head: &str) -> Incoming {
        read(format!("{head}\r\n\r\n").as_bytes())
    }

    #[test]
    fn a_request_is_taken_apart() {
        let found = read(b"POST http://User@Blog.Example:8080/a%20b?x=1?2 HTTP/1.1\r\nHost: other\r\nA: 1\r\na: 2\r\nContent-Length: 3\r\n\r\nabcd");
        assert_eq!(found.refused, None);
        assert_eq!(found.path, "/a%20b");
        assert_eq!(found.query.as_deref(), Some(&b"x=1?2"[..]));
        assert_eq!(found.host.as_deref(), Some("blog.example"));
        assert_eq!(found.header("A"), Some(&b"1, 2"[..]));
        assert_eq!(found.body.bytes, "abc");
        assert_eq!(found.body.end, End::Complete);
    }

    #[test]
    fn httpd_refuses_what_is_malformed() {
        for wrong in [
            "GET  / HTTP/1.1\r\nHost: a",
            "GET / HTTP/1.1",
            "G(T / HTTP/1.1\r\nHost: a",
            "GET / HTTP/0.9\r\nHost: a",
            "GET / http/1.1\r\nHost: a",
            "GET / HTTP/1.1 x\r\nHost: a",
            "GET x HTTP/1.1\r\nHost: a",
            "GET / HTTP/1.1\r\nHost: a b",
            "GET / HTTP/1.1\r\nHost: a\r\nX : y",
            "GET / HTTP/1.1\r\nHost: a\r\nX",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \u{1}",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1",
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip",
            "POST /",
            " GET / HTTP/1.1\r\nHost: a",
        ] {
            assert_eq!(head(wrong).refused, Some(400), "{wrong:?}");
        }
        let long = "x".repeat(9000);
        assert_eq!(head(&format!("GET /{long} HTTP/1.1")).refused, Some(414));
        for (sound, protocol) in [
            ("GET /", "HTTP/0.9"),
            ("GET / HTTP/1.0", "HTTP/1.0"),
            ("\r\nOPTIONS * HTTP/1.1\r\nHost: a", "HTTP/1.1"),
        ] {
            let found = head(sound);
            assert_eq!(
                (found.refused, &found.protocol[..]),
                (None, protocol.as_bytes()),
                "{sound:?}"
            );
        }
    }

    #[test]
    fn bodies_lose_their_framing() {
        let chunked = |body: &str| {
            let text = format!(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
            );
            let found = read(text.as_bytes());
            assert_eq!(found.header("Content-Length"), None);
            (
                String::from_utf8_lossy(&found.body.bytes).into_owned(),
                found.body.end,
            )
        };
        assert_eq!(
            chunked("3;x=y\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"),
            ("abcd".into(), End::Complete)
        );
        assert_eq!(chunked("3\r\nab"), ("ab".into(), End::Truncated));
        assert_eq!(chunked("zz\r\nab"), ("".into(), End::Malformed));
        assert_eq!(
            chunked("1\r\nabc\r\n0\r\n\r\n"),
            ("a".into(), End::Malformed)
        );
        let short = read(b"POST / HTTP/1.0\r\nContent-Length: 9\r\n\r\nabc");
        assert_eq!(short.body.end, End::Truncated);
    }

    #[test]
    fn a_file_may_leave_out_the_length() {
        let found = read_file(b"POST / HTTP/1.1\nHost: a\n\nx=1\n");
        assert_eq!(found.body.bytes, "x=1");
        assert_eq!(found.header("content-length"), Some(&b"3"[..]));
        assert_eq!(found.notes, ["Content-Length: 3 was added"]);
        let none = read_file(b"GET / HTTP/1.1\nHost: a\n\n");
        assert!(!none.body.present && none.notes.is_empty());
    }
}
