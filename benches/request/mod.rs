//! One request through the engine, as a server would put it through, at the least cost of its own.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use palisade::client::ClientAddress;
use palisade::config::Config;
use palisade::facts::{Connection, Header, Request, Response};
use palisade::host::{Host, LogLevel};
use palisade::linkback::Memory;
use palisade::metrics::Metrics;
use palisade::transaction::{BodyStep, ResponseStep, Transaction, Verdict};
use palisade::types::Phase;
use palisade::variables::Variable;

use super::workloads::{self, HOST, Workload};

/// Bytes that httpd reads from a connection at a time.
const READ: usize = 8000;

/// A host that has nothing to say and forgets what it is told.
struct Silent;

static METRICS: Metrics = Metrics::new();
static LINKBACKS: Memory = Memory::new();

impl Host for Silent {
    fn env(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn set_env(&mut self, _: &[u8], _: Option<&[u8]>) {}

    fn server_variable(&self, _: Variable) -> Option<Vec<u8>> {
        None
    }

    fn error_log(&mut self, _: LogLevel, line: &[u8]) {
        std::hint::black_box(line);
    }

    fn server_banner(&self) -> Vec<u8> {
        b"Apache".to_vec()
    }

    fn process_user(&self) -> Vec<u8> {
        Vec::new()
    }

    fn metrics(&self) -> &Metrics {
        &METRICS
    }

    fn linkbacks(&self) -> Option<&Memory> {
        Some(&LINKBACKS)
    }

    fn program_environment(&self) -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
        Vec::new()
    }

    fn prepare_program(&self, _program: &mut std::process::Command) {}

    fn serves(&self, host: &str) -> bool {
        host == HOST
    }
}

/// A workload as facts.
pub struct Prepared {
    connection: Connection,
    request: Request,
    body: Vec<u8>,
    response: Response,
    page: Vec<u8>,
}

/// What came of it.
pub struct Outcome {
    pub status: u16,
    /// Ids of the rules that matched.
    pub rules: Vec<u64>,
}

impl Prepared {
    pub fn new(workload: &Workload) -> Prepared {
        let (path, query) = match workload.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (workload.target.as_str(), None),
        };
        let known = workloads::files();
        let (_, media_type, page) = known
            .into_iter()
            .find(|(name, ..)| path.strip_prefix('/') == Some(name))
            .expect("a file that the server has");
        let header = |name: &str, value: &str| Header {
            name: bytes(name),
            value: bytes(value),
        };
        let stated = workload
            .headers
            .iter()
            .map(|(name, value)| header(name, value));
        let framing = workload.framing();
        Prepared {
            connection: Connection {
                client: ClientAddress::direct("127.0.0.1".parse().unwrap(), 40_000),
                local_ip: "127.0.0.1".parse().unwrap(),
                local_port: 80,
            },
            request: Request {
                unique_id: "Zxy0123456789012345678901".into(),
                time: SystemTime::now(),
                line: bytes(&format!("{} {} HTTP/1.1", workload.method, workload.target)),
                method: workload.method.into(),
                uri_raw: bytes(&workload.target),
                path: bytes(path),
                query: query.map(bytes),
                protocol: "HTTP/1.1".into(),
                headers: std::iter::once(header("Host", HOST))
                    .chain(stated)
                    .chain(framing.map(|(name, value)| header(name, &value)))
                    .collect(),
                hostname: HOST.into(),
                server_name: HOST.into(),
                server_port: 80,
            },
            body: workload.body.clone(),
            response: Response {
                status: 200,
                status_line: "200 OK".into(),
                protocol: "HTTP/1.1".into(),
                content_type: Some(media_type.into()),
                headers: vec![
                    header("Content-Length", &page.len().to_string()),
                    header("Content-Type", media_type),
                ],
                ..Response::default()
            },
            page,
        }
    }

    /// All phases, and the end. The facts are shared, not copied, so that next to nothing is measured but the engine.
    pub fn run(&self, config: &Arc<Config>) -> Outcome {
        let (connection, request) = (self.connection.clone(), self.request.clone());
        let mut tx = Transaction::new(Arc::clone(config), connection, request);
        let status = self.phases(&mut tx).err().unwrap_or(self.response.status);
        let response = Response {
            status,
            ..self.response.clone()
        };
        tx.finish(response, &mut Silent);
        let rules = tx.matches().rules().map(|chain| chain.id()).collect();
        Outcome { status, rules }
    }

    /// `Err`: the status that it was refused with.
    fn phases(&self, tx: &mut Transaction) -> Result<(), u16> {
        interrupted(tx.run(Phase::RequestHeaders, &mut Silent))?;
        if tx.wants_request_body() && !self.body.is_empty() {
            body_step(tx.expect_body(Some(self.body.len() as u64)))?;
            for chunk in self.body.chunks(READ) {
                body_step(tx.append_request_body(chunk))?;
            }
        }
        tx.end_request_body();
        interrupted(tx.run(Phase::RequestBody, &mut Silent))?;
        tx.response_headers(self.response.clone());
        interrupted(tx.run(Phase::ResponseHeaders, &mut Silent))?;
        if tx.wants_response_body() {
            for chunk in self.page.chunks(READ) {
                if let ResponseStep::Refuse(status) = tx.append_response_body(chunk) {
                    return Err(status);
                }
            }
            tx.end_response_body();
        }
        interrupted(tx.run(Phase::ResponseBody, &mut Silent))
    }
}

fn interrupted(verdict: Verdict) -> Result<(), u16> {
    match verdict {
        Verdict::Pass => Ok(()),
        Verdict::Interrupt(found) => Err(found.status),
    }
}

fn body_step(step: BodyStep) -> Result<(), u16> {
    match step {
        BodyStep::Refuse(status) => Err(status),
        BodyStep::Continue | BodyStep::Enough => Ok(()),
    }
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
