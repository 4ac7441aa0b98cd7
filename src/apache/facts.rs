//! httpd's records in the engine's terms.
//!
//! All texts of a request are copied into one buffer, of which the facts are slices: one allocation, however many
//! headers there are.

use std::ops::Range;

use bytes::Bytes;

use super::host::request::Request;
use crate::client::{self, Forwarding, Policy};
use crate::config::Config;
use crate::facts::{self, Connection, Header, Response};

/// Characters of a unique id. mod_unique_id's: 160 random bits are 27 of them, as many as its own ids have.
const UNIQUE_ID_ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@-";

/// The connection a request came in on, and who sent it.
pub(super) fn connection(
    request: Request<'_>,
    config: &Config,
    forwarding: &[Header],
) -> Connection {
    let (peer, peer_port) = request.connection().peer();
    let (local_ip, local_port) = request.connection().local();
    let instances = |name: &str| -> Vec<Vec<u8>> {
        let named = forwarding
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|header| header.value.to_vec()).collect()
    };
    let client = client::resolve(
        &config.client_policy,
        &Forwarding {
            peer,
            peer_port,
            headers: &instances,
            useragent: request.useragent(),
        },
    );
    Connection {
        client,
        local_ip,
        local_port,
    }
}

/// The headers that say who is behind a proxy, as they came.
pub(super) fn forwarding_headers(request: Request<'_>, policy: &Policy) -> Vec<Header> {
    let copy = Bytes::copy_from_slice;
    let wanted = |name: &[u8]| {
        policy
            .header_names()
            .any(|wanted| wanted.as_bytes().eq_ignore_ascii_case(name))
    };
    let headers = request.headers_in().iter().filter(|(name, _)| wanted(name));
    headers
        .map(|(name, value)| Header {
            name: copy(name),
            value: copy(value),
        })
        .collect()
}

/// The request line and headers.
pub(super) fn request(request: Request<'_>, forwarding: &[Header]) -> facts::Request {
    let mut texts = Texts::default();
    let unique_id = unique_id(request);
    let unique_id = texts.add(&unique_id);
    let line = texts.add(request.line().unwrap_or_default());
    let method = texts.add(request.method().unwrap_or_default());
    let uri_raw = texts.add(request.target().unwrap_or_default());
    // Compat: mod_security2's REQUEST_FILENAME is the path as httpd has it at the time: as received in phase 1, decoded
    // once the directory is known.
    let path = texts.add(
        request
            .parsed_path()
            .or_else(|| request.path())
            .unwrap_or_default(),
    );
    let query = request.query().map(|query| texts.add(query));
    let protocol = texts.add(request.protocol().unwrap_or_default());
    let server_name = texts.add(request.server().name());
    let hostname = texts.add(request.server_name());
    let headers = texts.add_headers(as_received(request, forwarding));
    let texts = texts.freeze();
    facts::Request {
        unique_id: texts.get(unique_id),
        time: request.time(),
        line: texts.get(line),
        method: texts.get(method),
        uri_raw: texts.get(uri_raw),
        path: texts.get(path),
        query: query.map(|query| texts.get(query)),
        protocol: texts.get(protocol),
        headers: texts.headers(headers),
        hostname: texts.get(hostname),
        server_name: texts.get(server_name),
        server_port: request.server_port(),
    }
}

/// How far a response is.
#[derive(Clone, Copy)]
pub(super) enum Ends<'r> {
    /// It is about to be looked at.
    Later,
    /// It is a refusal whose headers are about to leave. The handler is the one that was meant to answer: while one does
    /// without having been told to, httpd calls it by the media type, and forgets that again afterwards.
    Refused(Option<&'r [u8]>),
    /// It has been sent.
    Sent,
}

/// The response line and headers, as far as they are known.
pub(super) fn response(request: Request<'_>, ends: Ends<'_>) -> Response {
    let mut texts = Texts::default();
    let status_line = texts.add(request.status_line());
    let protocol = texts.add(response_protocol(request));
    let content_type = request
        .content_type()
        .map(|media_type| texts.add(media_type));
    let content_encoding = request
        .content_encoding()
        .map(|encoding| texts.add(encoding));
    let handler = match ends {
        Ends::Later | Ends::Sent => request.handler(),
        Ends::Refused(handler) => handler,
    };
    let handler = handler.map(|handler| texts.add(handler));
    let path = texts.add(request.initial().path().unwrap_or_default());
    let (regular, always) = (request.headers_out(), request.error_headers_out());
    // Compat: httpd adds the type to the headers only when it sends them, so that phases 3 and 4 see it only where a backend
    // or a script stated it. The record of a refusal is written before that, and has it all the same.
    let stated = regular
        .get(c"Content-Type")
        .or_else(|| always.get(c"Content-Type"))
        .is_some();
    let added = match stated || matches!(ends, Ends::Later) {
        true => None,
        false => request
            .content_type()
            .map(|value| (&b"Content-Type"[..], value)),
    };
    let headers = texts.add_headers(regular.iter().chain(always.iter()).chain(added));
    let texts = texts.freeze();
    Response {
        status: request.status(),
        status_line: texts.get(status_line),
        protocol: texts.get(protocol),
        content_type: content_type.map(|media_type| texts.get(media_type)),
        content_encoding: content_encoding.map(|encoding| texts.get(encoding)),
        headers: texts.headers(headers),
        bytes_sent: request.bytes_sent(),
        handler: handler.map(|handler| texts.get(handler)),
        path: texts.get(path),
    }
}

/// Compat: as mod_security2 says it, which is what httpd sends, not what the client spoke.
fn response_protocol(request: Request<'_>) -> &[u8] {
    if request.protocol_number() >= 2000 {
        return request.protocol().unwrap_or(b"HTTP/2.0");
    }
    let asked_for = |name| request.environment().get(name).is_some();
    let old = request.protocol_number() == 1000 || asked_for(c"downgrade-1.0");
    if old && asked_for(c"force-response-1.0") {
        b"HTTP/1.0"
    } else {
        b"HTTP/1.1"
    }
}

/// The headers with those that mod_remoteip has taken away or shortened put back as they came.
fn as_received<'a>(
    request: Request<'a>,
    forwarding: &'a [Header],
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let kept = |name: &[u8]| {
        forwarding
            .iter()
            .any(|header| header.name.eq_ignore_ascii_case(name))
    };
    let others = request
        .headers_in()
        .iter()
        .filter(move |(name, _)| !kept(name));
    others.chain(
        forwarding
            .iter()
            .map(|header| (&*header.name, &*header.value)),
    )
}

/// The headers as they are by now, where that is not how they are known: a module may have said who the user is.
pub(super) fn changed_headers(
    request: Request<'_>,
    forwarding: &[Header],
    known: &[Header],
) -> Option<Vec<Header>> {
    let now = || as_received(request, forwarding);
    let then = known.iter();
    let then = then.map(|header| (&*header.name, &*header.value));
    if now().eq(then) {
        return None;
    }
    let mut texts = Texts::default();
    let headers = texts.add_headers(now());
    Some(texts.freeze().headers(headers))
}

/// mod_unique_id's number for the request, or one of our own, which other modules and the access log then see too.
fn unique_id(request: Request<'_>) -> Vec<u8> {
    let known = request
        .environment()
        .get(c"UNIQUE_ID")
        .or_else(|| request.notes().get(c"UNIQUE_ID"));
    if let Some(known) = known {
        return known.to_vec();
    }
    let mut random = [0; 20];
    if getrandom::fill(&mut random).is_err() {
        // No entropy at all happens only in the first seconds of a machine's life. A record without a number is better
        // than no record.
        return Vec::new();
    }
    let own = encode_unique_id(&random);
    request.environment().set(c"UNIQUE_ID", &own);
    own
}

/// 160 bits as 27 characters, six bits each; the last one carries four.
fn encode_unique_id(random: &[u8; 20]) -> Vec<u8> {
    let bit = |at: usize| {
        random
            .get(at / 8)
            .map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1))
    };
    let character = |at: usize| (0..6).fold(0, |value, offset| value << 1 | bit(6 * at + offset));
    (0..27)
        .filter_map(|at| UNIQUE_ID_ALPHABET.get(character(at)).copied())
        .collect()
}

/// The path as httpd has it by now: decoded, once the directory is known.
pub(super) fn path(request: Request<'_>) -> Bytes {
    let path = request.parsed_path().or_else(|| request.path());
    Bytes::copy_from_slice(path.unwrap_or_default())
}

/// Many texts in one buffer.
#[derive(Default)]
struct Texts(Vec<u8>);

impl Texts {
    fn add(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.0.len();
        self.0.extend_from_slice(text);
        start..self.0.len()
    }

    fn add_headers<'a>(
        &mut self,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Vec<(Range<usize>, Range<usize>)> {
        headers
            .map(|(name, value)| (self.add(name), self.add(value)))
            .collect()
    }

    fn freeze(self) -> Frozen {
        Frozen(Bytes::from(self.0))
    }
}

struct Frozen(Bytes);

impl Frozen {
    /// The text that `add` returned this range for.
    fn get(&self, range: Range<usize>) -> Bytes {
        self.0.slice(range)
    }

    fn headers(&self, ranges: Vec<(Range<usize>, Range<usize>)>) -> Vec<Header> {
        let header = |(name, value)| Header {
            name: self.get(name),
            value: self.get(value),
        };
        ranges.into_iter().map(header).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_ids_have_the_shape_of_mod_unique_id() {
        assert_eq!(encode_unique_id(&[0; 20]), b"A".repeat(27));
        let all_ones = encode_unique_id(&[0xff; 20]);
        assert_eq!(all_ones.len(), 27);
        assert_eq!(all_ones.first(), Some(&b'-'));
        // Four bits are left for the last: 111100.
        assert_eq!(all_ones.last(), Some(&b'8'));
        let one = encode_unique_id(&[
            0b0000_0100,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ]);
        assert_eq!(one.first(), Some(&b'B'));
    }

    #[test]
    fn facts_are_slices_of_one_buffer() {
        let mut texts = Texts::default();
        let first = texts.add(b"one");
        let none = texts.add(b"");
        let headers = texts.add_headers([(&b"Name"[..], &b"value"[..])].into_iter());
        let texts = texts.freeze();
        assert_eq!(texts.get(first), "one");
        assert_eq!(texts.get(none), "");
        let headers = texts.headers(headers);
        assert_eq!(
            headers,
            [Header {
                name: "Name".into(),
                value: "value".into()
            }]
        );
    }
}
