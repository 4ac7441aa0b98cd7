//! A server without a network: runs a case through the engine under the shipped configuration.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use palisade::client::ClientAddress;
use palisade::config::{Config, DirConfig, read_text};
use palisade::facts::{Connection, Header, Request, Response};
use palisade::host::{Host, LogLevel};
use palisade::linkback::Memory;
use palisade::metrics::Metrics;
use palisade::transaction::{BodyStep, Transaction, Verdict};
use palisade::types::Phase;
use palisade::variables::Variable;

use super::corpus::{self, Case};

/// The server: remembers its error log.
#[derive(Default)]
struct Server {
    log: Vec<String>,
    metrics: Box<Metrics>,
    linkbacks: Memory,
}

impl Host for Server {
    fn env(&self, _name: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn set_env(&mut self, _name: &[u8], _value: Option<&[u8]>) {}

    fn server_variable(&self, _variable: Variable) -> Option<Vec<u8>> {
        None
    }

    fn error_log(&mut self, _level: LogLevel, line: &[u8]) {
        self.log.push(String::from_utf8_lossy(line).into_owned());
    }

    fn server_banner(&self) -> Vec<u8> {
        b"Apache".to_vec()
    }

    fn process_user(&self) -> Vec<u8> {
        b"www-data".to_vec()
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn linkbacks(&self) -> Option<&Memory> {
        Some(&self.linkbacks)
    }

    fn program_environment(&self) -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
        Vec::new()
    }

    fn prepare_program(&self, _program: &mut std::process::Command) {}

    fn serves(&self, host: &str) -> bool {
        corpus::is_served(host)
    }
}

/// Whether a rule only counts, or passes others by.
fn counts(id: u64) -> bool {
    (8_505_400..8_505_410).contains(&id) || (8_505_500..8_505_610).contains(&id)
}

/// A client that has sent nothing yet: what one has sent before counts.
fn new_client() -> ClientAddress {
    static CLIENTS: AtomicU32 = AtomicU32::new(0);
    let [_, a, b, c] = CLIENTS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    ClientAddress::direct([203, a, b, c].into(), 40_000)
}

/// What became of a case.
pub struct Answer {
    pub client: IpAddr,
    pub status: u16,
    /// The rules that matched but for those that count, the last one being the one that refused.
    pub matched: Vec<u64>,
    pub log: Vec<String>,
}

/// The shipped configuration between what an administrator writes before and after the `Include`s.
pub fn config(before: &str, after: &str) -> Arc<Config> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("apache-conf");
    let directory = directory.display();
    let section = DirConfig::new();
    // Collections of its own: what one configuration counts is nothing to another.
    let text = format!(
        "SecCollectionStore memory\n{before}\nInclude {directory}/recommended.conf\nInclude {directory}/rules/pingback.conf\n{after}\n"
    );
    if let Err(error) = read_text("test.conf", &text, &section) {
        panic!("{error}");
    }
    section.resolved()
}

/// Sends a case, its body in chunks of this size.
pub fn send(case: &Case, config: &Arc<Config>, chunk: usize) -> Answer {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let (path, query) = match case.target.split_once('?') {
        Some((path, query)) => (path, Some(bytes(query))),
        None => (case.target.as_str(), None),
    };
    let headers = case.headers.iter();
    let request = Request {
        unique_id: "Zxy0123456789012345678901".into(),
        time: std::time::SystemTime::now(),
        line: bytes(&format!("{} {} HTTP/1.1", case.method, case.target)),
        method: bytes(&case.method),
        uri_raw: bytes(&case.target),
        path: bytes(path),
        query,
        protocol: "HTTP/1.1".into(),
        headers: headers
            .map(|(name, value)| Header {
                name: bytes(name),
                value: bytes(value),
            })
            .collect(),
        hostname: "b.example".into(),
        server_name: "b.example".into(),
        server_port: 80,
    };
    let client = new_client();
    let connection = Connection {
        client: client.clone(),
        local_ip: corpus::SERVER,
        local_port: 80,
    };
    let mut server = Server::default();
    let mut tx = Transaction::new(Arc::clone(config), connection, request);
    let status = phases(case, &mut tx, &mut server, chunk);
    let response = Response {
        status,
        ..Response::default()
    };
    tx.finish(response, &mut server);
    Answer {
        client: client.client,
        status,
        matched: tx
            .matches()
            .rules()
            .map(|chain| chain.id())
            .filter(|id| !counts(*id))
            .collect(),
        log: server.log,
    }
}

fn phases(case: &Case, tx: &mut Transaction, server: &mut Server, chunk: usize) -> u16 {
    if let Verdict::Interrupt(found) = tx.run(Phase::RequestHeaders, server) {
        return found.status;
    }
    if tx.wants_request_body() && !case.body.is_empty() {
        for chunk in case.body.chunks(chunk) {
            match tx.append_request_body(chunk) {
                BodyStep::Continue => {}
                BodyStep::Enough => break,
                BodyStep::Refuse(status) => return status,
            }
        }
    }
    tx.end_request_body();
    match tx.run(Phase::RequestBody, server) {
        Verdict::Interrupt(found) => found.status,
        Verdict::Pass => 200,
    }
}
