//! Everything an audit record can hold, borrowed from the transaction that it is about.

use std::net::IpAddr;
use std::ops::Range;
use std::time::SystemTime;

use super::BODY_LIMIT;
use super::clock::Zone;
use crate::client::ClientAddress;
use crate::facts::Header;
use crate::types::{EngineMode, Phase};

/// One transaction, as the audit log sees it. All bytes are as they were received: the renderers escape and mask.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The time in part A. (mod_security2 takes the time of writing, not of receipt.)
    pub time: SystemTime,
    /// The zone that `time` is written in.
    pub zone: &'a Zone,
    /// The transaction's unique id.
    pub unique_id: &'a [u8],
    /// The client and the peer.
    pub client: &'a ClientAddress,
    /// The value of part H's `Client-Address:` line; empty: no line.
    pub client_address: &'a [u8],
    /// The port in part A.
    pub client_port: u16,
    /// The address the server was reached at.
    pub local_ip: IpAddr,
    /// The port the server was reached at.
    pub local_port: u16,
    /// The host name in the index of a concurrent log.
    pub hostname: &'a [u8],
    /// The remote log name (RFC 1413) in the index of a concurrent log.
    pub remote_logname: Option<&'a [u8]>,
    /// The authenticated user in the index of a concurrent log.
    pub remote_user: Option<&'a [u8]>,
    /// What was asked.
    pub request: RequestSide<'a>,
    /// What was answered.
    pub response: ResponseSide<'a>,
    /// The alerts, as complete `Message:` texts, already escaped.
    pub messages: &'a [&'a [u8]],
    /// What the server logged about the request, as complete `Apache-Error:` texts, already escaped.
    pub server_errors: &'a [&'a [u8]],
    /// How the request was interrupted; `None` when it was not.
    pub interruption: Option<Intercepted<'a>>,
    /// The handler that answered.
    pub handler: Option<&'a [u8]>,
    /// Where the time went.
    pub stopwatch: Stopwatch,
    /// Who writes this: name, version, compatibility.
    pub producer: &'a [u8],
    /// `SecComponentSignature`s, in order.
    pub components: &'a [&'a [u8]],
    /// The server's banner.
    pub server: &'a [u8],
    /// What rules had masked.
    pub sanitised: Sanitised<'a>,
    /// The application, its session, its user.
    pub web_app: WebApp<'a>,
    /// `SecSensorId`; empty or `default`: not written.
    pub sensor_id: &'a [u8],
    /// What the engine did with what it found.
    pub engine_mode: EngineMode,
    /// Rules that took longer than `SecRulePerfTime`: id and microseconds.
    pub slow_rules: &'a [(&'a [u8], u64)],
    /// The uploaded files; `None` when the request body was not multipart.
    pub uploads: Option<Uploads<'a>>,
    /// The rules that matched, whole chains, in the order of their matches.
    pub matched_rules: &'a [MatchedChain<'a>],
    /// What must not be legible.
    pub masks: Masks<'a>,
    /// The letters of parts that were to be written but had no room (syslog only).
    pub parts_omitted: &'a [u8],
}

impl<'a> Record<'a> {
    /// A record with the six things that part A cannot do without, and nothing else.
    pub fn new(
        time: SystemTime,
        zone: &'a Zone,
        unique_id: &'a [u8],
        client: &'a ClientAddress,
        local: (IpAddr, u16),
    ) -> Record<'a> {
        Record {
            time,
            zone,
            unique_id,
            client,
            client_address: b"",
            client_port: client.peer_port,
            local_ip: local.0,
            local_port: local.1,
            hostname: b"",
            remote_logname: None,
            remote_user: None,
            request: RequestSide::default(),
            response: ResponseSide::default(),
            messages: &[],
            server_errors: &[],
            interruption: None,
            handler: None,
            stopwatch: Stopwatch::default(),
            producer: b"",
            components: &[],
            server: b"",
            sanitised: Sanitised::default(),
            web_app: WebApp::default(),
            sensor_id: b"",
            engine_mode: EngineMode::On,
            slow_rules: &[],
            uploads: None,
            matched_rules: &[],
            masks: Masks::default(),
            parts_omitted: b"",
        }
    }
}

/// The request in a record.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestSide<'a> {
    /// The request line as received.
    pub line: &'a [u8],
    /// The header fields in order of receipt.
    pub headers: &'a [Header],
    /// The body, when it was read.
    pub body: Option<Body<'a>>,
    /// For a multipart body: its fields without its files as `name=value&…` (part I). `None` for any other body, for which
    /// part I means the body itself.
    pub compact_body: Option<&'a [u8]>,
}

/// The response in a record.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResponseSide<'a> {
    /// `HTTP/1.1`, …; `HTTP/0.9` has neither a status line nor headers.
    pub protocol: &'a [u8],
    /// The status code.
    pub status: u16,
    /// The status line after the protocol, e.g. `403 Forbidden`; empty: the code alone is written.
    pub status_line: &'a [u8],
    /// The header fields as they left.
    pub headers: &'a [Header],
    /// The body as it was inspected, when it was buffered.
    pub body: Option<&'a [u8]>,
    /// Whether `body` was put together from chunks.
    pub dechunked: bool,
    /// Bytes of body sent, for the index of a concurrent log.
    pub bytes_sent: u64,
}

/// A request body.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// All of it.
    Memory(&'a [u8]),
    /// Its first bytes, when the rest is not worth reading: no more than [`BODY_LIMIT`] of them are used.
    Start {
        /// The first bytes.
        bytes: &'a [u8],
        /// The length of the whole body in bytes.
        length: u64,
    },
}

/// As much of a body as a record takes.
#[derive(Clone, Copy)]
pub(super) struct Excerpt<'a> {
    pub bytes: &'a [u8],
    pub whole_length: u64,
}

impl Excerpt<'_> {
    /// Whether there is more of the body than the record holds.
    pub fn is_cut(&self) -> bool {
        (self.bytes.len() as u64) < self.whole_length
    }
}

impl<'a> Body<'a> {
    /// The body's first [`BODY_LIMIT`] bytes.
    pub(super) fn excerpt(self) -> Excerpt<'a> {
        let (bytes, whole_length) = match self {
            Body::Memory(bytes) => (bytes, bytes.len() as u64),
            Body::Start { bytes, length } => (bytes, length),
        };
        Excerpt {
            bytes: bytes.get(..BODY_LIMIT).unwrap_or(bytes),
            whole_length,
        }
    }
}

/// An interruption in a record.
#[derive(Clone, Copy, Debug)]
pub struct Intercepted<'a> {
    /// The phase it happened in.
    pub phase: Phase,
    /// What the rule's operator found, already escaped: the alert without `Access denied …` and without its `[brackets]`
    /// (JSON only).
    pub message: &'a [u8],
}

/// Durations in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stopwatch {
    /// When the request was received: microseconds since 1970.
    pub request_time: u64,
    /// From receipt to the record.
    pub duration: u64,
    /// All that the engine used.
    pub combined: u64,
    /// Phases 1 to 5.
    pub phases: [u64; 5],
    /// Reading persistent collections.
    pub storage_read: u64,
    /// Writing persistent collections.
    pub storage_write: u64,
    /// Writing logs.
    pub logging: u64,
    /// Removing stale collections.
    pub garbage_collection: u64,
}

/// The names of what rules had masked (`sanitiseArg`, `sanitiseMatched`, …).
#[derive(Clone, Copy, Debug, Default)]
pub struct Sanitised<'a> {
    /// Arguments. Their values are masked where [`Masks`] says they are.
    pub arguments: &'a [&'a [u8]],
    /// Request headers: their values are masked wherever the record has them.
    pub request_headers: &'a [&'a [u8]],
    /// Response headers: their values are masked wherever the record has them.
    pub response_headers: &'a [&'a [u8]],
}

/// The application as rules named it.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebApp<'a> {
    /// `SecWebAppId`; empty or `default`: none.
    pub id: &'a [u8],
    /// `setsid`; empty: none.
    pub session: &'a [u8],
    /// `setuid`; empty: none.
    pub user: &'a [u8],
}

impl WebApp<'_> {
    /// Whether there is anything to tell.
    pub fn is_known(&self) -> bool {
        !(self.id.is_empty() || self.id == b"default")
            || !self.session.is_empty()
            || !self.user.is_empty()
    }
}

/// The files of a multipart body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uploads<'a> {
    /// One entry a file, in order.
    pub files: &'a [Upload<'a>],
    /// The size of them all in bytes.
    pub total: u64,
}

/// One uploaded file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Upload<'a> {
    /// Its place among the parts of the body, fields included, from 1.
    pub part: u32,
    /// Its size in bytes.
    pub size: u64,
    /// The name the client gave it.
    pub name: &'a [u8],
    /// The type the client gave it, if any.
    pub content_type: Option<&'a [u8]>,
}

/// A chain of which at least the first rule matched; a lone rule is a chain of one.
#[derive(Clone, Copy, Debug, Default)]
pub struct MatchedChain<'a> {
    /// The rules in order, to the end of the chain, matched or not.
    pub rules: &'a [MatchedRule<'a>],
    /// Whether the last one matched too.
    pub full_match: bool,
}

/// A rule in a record. What is absent is not written.
#[derive(Clone, Copy, Debug, Default)]
pub struct MatchedRule<'a> {
    /// The rule as one line of configuration.
    pub unparsed: &'a [u8],
    /// Whether it matched.
    pub is_matched: bool,
    /// `id:`
    pub id: Option<&'a [u8]>,
    /// `rev:`
    pub revision: Option<&'a [u8]>,
    /// `ver:`
    pub version: Option<&'a [u8]>,
    /// `severity:`, 0 to 7.
    pub severity: Option<u8>,
    /// `accuracy:`
    pub accuracy: Option<u32>,
    /// `maturity:`
    pub maturity: Option<u32>,
    /// `phase:`
    pub phase: Option<Phase>,
    /// Whether the rule belongs to a chain of more than one.
    pub is_chained: bool,
    /// Whether the rule begins that chain.
    pub chain_starter: bool,
    /// `tag:`s, macros expanded.
    pub tags: &'a [&'a [u8]],
    /// `msg:`, macros expanded.
    pub message: Option<&'a [u8]>,
    /// `logdata:`, macros expanded.
    pub data: Option<&'a [u8]>,
    /// The operator's name; `unconditionalMatch` for `SecAction`.
    pub operator: Option<&'a [u8]>,
    /// The operator's argument as written.
    pub operator_argument: &'a [u8],
    /// The targets as written.
    pub target: &'a [u8],
    /// Whether the operator is negated.
    pub negated: bool,
    /// The configuration file the rule stands in; empty: unknown.
    pub file: &'a [u8],
    /// The line it stands on, from 1.
    pub line: u32,
}

/// What must not be legible in any part, and where it is known to stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Masks<'a> {
    /// Byte ranges of the request line.
    pub request_line: &'a [Range<usize>],
    /// Byte ranges of the request body.
    pub request_body: &'a [Range<usize>],
    /// Byte ranges of the compact request body (part I).
    pub compact_body: &'a [Range<usize>],
    /// Values that are masked wherever messages, server errors or matched rules repeat them, plain or escaped.
    ///
    /// Compat: mod_security2 leaves them legible there.
    pub secrets: &'a [&'a [u8]],
    /// Whether headers that carry credentials are masked as if rules had asked for it. The formats that are ours do that
    /// anyway.
    pub credentials: bool,
}
