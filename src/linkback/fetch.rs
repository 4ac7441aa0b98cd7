//! One request to a web server whose addresses are known already.
//!
//! Nothing here decides where to: no name is looked up, no redirection followed, no proxy of the environment used, and the
//! connection ends with the answer.

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use rustls::crypto::ring;
use ureq::http::{HeaderMap, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector,
};
use ureq::{Agent, Body, Error, RequestBuilder};
use url::Url;

use crate::limits;

/// What is asked, of whom, and within which bounds.
pub(super) struct Request<'a> {
    pub(super) url: &'a Url,
    /// Where the connection goes: to the first that takes it.
    pub(super) addresses: &'a [SocketAddr],
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) deadline: Instant,
    /// Most bytes of the body as it comes over the wire.
    pub(super) bytes: usize,
    /// What is posted; without it the page is got.
    pub(super) form: Option<&'a str>,
    /// Whether the server is this one, which need not prove who it is.
    pub(super) any_certificate: bool,
}

/// What the server said.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// Unpacked; what came before the end, the limit or the deadline.
    pub(super) body: Vec<u8>,
    pub(super) end: End,
}

/// Where a body ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// At its end.
    Whole,
    /// At the limit.
    Limit,
    /// Where the server, or the time, ended.
    Broken,
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// Nobody listens there.
    Closed,
    /// Nothing came back at all.
    Silent,
    /// There is somebody, who did not answer in time.
    Late,
    /// It has no valid certificate, or does not speak TLS.
    Tls,
    /// What came is no HTTP.
    Broken,
    /// Here is something wrong: no network, no certificates, no descriptors.
    Ours,
}

impl Response {
    /// A header field's value as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends a request and reads the answer.
pub(super) fn send(request: &Request<'_>) -> Result<Response, Failure> {
    let left = request.deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Failure::Late);
    }
    let connected = Arc::new(AtomicBool::new(false));
    let agent = agent(request, left, &connected)?;
    let url = request.url.as_str();
    let response = match request.form {
        None => headed(agent.get(url), request).call(),
        Some(form) => headed(agent.post(url), request).send(form),
    };
    let (parts, body) = response
        .map_err(|error| failure(&error, connected.load(Relaxed)))?
        .into_parts();
    let (body, end) = read(body, &parts.headers, request.bytes);
    Ok(Response {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
        end,
    })
}

fn headed<B>(call: RequestBuilder<B>, request: &Request<'_>) -> RequestBuilder<B> {
    let headers = request.headers.iter();
    headers.fold(call, |call, (name, value)| call.header(*name, *value))
}

fn agent(
    request: &Request<'_>,
    left: Duration,
    connected: &Arc<AtomicBool>,
) -> Result<Agent, Failure> {
    let mut config = Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(left))
        .max_response_header_size(limits::PINGBACK_VERIFY_HEADER)
        .max_idle_connections(0);
    if request.url.scheme() == "https" {
        let tls = match request.any_certificate {
            true => Some(unproved()),
            false => proved(),
        };
        config = config.tls_config(tls.ok_or(Failure::Ours)?);
    }
    let dial = Dial {
        tcp: TcpConnector::default(),
        connected: Arc::clone(connected),
    };
    let connector = dial.chain(RustlsConnector::default());
    let known = Known(request.addresses.to_vec());
    Ok(Agent::with_parts(config.build(), connector, known))
}

/// TLS with the system's certificates, which are read once.
fn proved() -> Option<TlsConfig> {
    static SYSTEM: OnceLock<Option<TlsConfig>> = OnceLock::new();
    let read = || {
        let found = rustls_native_certs::load_native_certs().certs;
        let owned =
            |der: &rustls::pki_types::CertificateDer<'_>| Certificate::from_der(der).to_owned();
        let certificates: Vec<_> = found.iter().map(owned).collect();
        let config = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&certificates))
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()));
        (!certificates.is_empty()).then(|| config.build())
    };
    SYSTEM.get_or_init(read).clone()
}

/// TLS with this server itself, at an address that nobody else has.
fn unproved() -> TlsConfig {
    TlsConfig::builder()
        .disable_verification(true)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build()
}

/// The addresses that were looked at, whatever the name says by now.
#[derive(Debug)]
struct Known(Vec<SocketAddr>);

impl Resolver for Known {
    fn resolve(
        &self,
        _: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        for address in self.0.iter().take(MOST_ADDRESSES) {
            addresses.push(*address);
        }
        Ok(addresses)
    }
}

/// Most addresses that are tried: each gets half of the time of the one before.
const MOST_ADDRESSES: usize = 4;

/// Connects, and remembers that it has.
#[derive(Debug)]
struct Dial {
    tcp: TcpConnector,
    connected: Arc<AtomicBool>,
}

impl Connector<()> for Dial {
    type Out = <TcpConnector as Connector<()>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let connection = self.tcp.connect(details, chained)?;
        self.connected.store(true, Relaxed);
        Ok(connection)
    }
}

fn failure(error: &Error, connected: bool) -> Failure {
    match error {
        Error::Timeout(_) if connected => Failure::Late,
        Error::Timeout(_) => Failure::Silent,
        Error::Rustls(_) | Error::Tls(_) => Failure::Tls,
        Error::Io(error) if !connected => match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Failure::Closed,
            ErrorKind::TimedOut => Failure::Silent,
            _ => Failure::Ours,
        },
        // rustls speaks through the connection.
        Error::Io(error) if error.kind() == ErrorKind::InvalidData => Failure::Tls,
        _ => Failure::Broken,
    }
}

/// Reads the body as far as it may be read, and unpacks it.
fn read(body: Body, headers: &HeaderMap, most: usize) -> (Vec<u8>, End) {
    let mut reader = body.into_reader();
    let (raw, end) = fill(&mut reader, most);
    let packed = headers
        .get("content-encoding")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"gzip"));
    if !packed {
        return (raw, end);
    }
    let mut unpacker = MultiGzDecoder::new(&raw[..]);
    match fill(
        &mut unpacker,
        most.saturating_mul(limits::PINGBACK_VERIFY_EXPANSION),
    ) {
        (page, End::Limit) => (page, End::Limit),
        // What is broken because it was cut was cut.
        (page, End::Broken) if end == End::Whole => (page, End::Broken),
        (page, _) => (page, end),
    }
}

fn fill(reader: &mut impl Read, most: usize) -> (Vec<u8>, End) {
    let mut bytes = Vec::new();
    let mut reader = reader.take(most as u64 + 1);
    let result = reader.read_to_end(&mut bytes);
    let end = match result {
        _ if bytes.len() > most => End::Limit,
        Ok(_) => End::Whole,
        Err(_) => End::Broken,
    };
    bytes.truncate(most);
    (bytes, end)
}
