//! A server without a network: runs a case through the engine under the shipped configuration.

use std::path::Path;
use std::sync::Arc;

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

/// What became of a case.
pub struct Answer {
    pub status: u16,
    /// The rules that matched, the last one being the one that refused.
    pub matched: Vec<u64>,
    pub log: Vec<String>,
}

/// The shipped configuration between what an administrator writes before and after the `Include`s.
pub fn config(before: &str, after: &str) -> Arc<Config> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("apache-conf");
    let directory = directory.display();
    let section = DirConfig::new();
    let text = format!(
        "{before}\nInclude {directory}/recommended.conf\nInclude {directory}/rules/pingback.conf\n{after}\n"
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
    let connection = Connection {
        client: ClientAddress::direct([203, 0, 113, 66].into(), 40_000),
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
        status,
        matched: tx.matches().rules().map(|chain| chain.id()).collect(),
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
