//! A host and a request for engine scenarios: everything a server would do, without a server.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use palisade::client::ClientAddress;
use palisade::config::{Config, DirConfig, read_text};
use palisade::facts::{Connection, Header, Request, Response};
use palisade::host::{Host, LogLevel};
use palisade::metrics::Metrics;
use palisade::transaction::{BodyStep, ResponseStep, Transaction, Verdict};
use palisade::types::Phase;
use palisade::variables::Variable;

/// A host that remembers what it was told.
#[derive(Default)]
pub struct TestHost {
    pub log: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub metrics: Box<Metrics>,
    pub linkbacks: palisade::linkback::Memory,
}

impl Host for TestHost {
    fn env(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.env
            .get(&String::from_utf8_lossy(name).into_owned())
            .map(|value| value.clone().into_bytes())
    }

    fn set_env(&mut self, name: &[u8], value: Option<&[u8]>) {
        let name = String::from_utf8_lossy(name).into_owned();
        match value {
            Some(value) => self
                .env
                .insert(name, String::from_utf8_lossy(value).into_owned()),
            None => self.env.remove(&name),
        };
    }

    fn server_variable(&self, variable: Variable) -> Option<Vec<u8>> {
        (variable == Variable::RemoteUser).then(|| b"alice".to_vec())
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

    fn linkbacks(&self) -> Option<&palisade::linkback::Memory> {
        Some(&self.linkbacks)
    }

    fn program_environment(&self) -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
        let pairs = self.env.iter();
        pairs
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    fn prepare_program(&self, _program: &mut std::process::Command) {}

    fn serves(&self, host: &str) -> bool {
        matches!(host, "blog.example" | "www.blog.example")
    }
}

/// Rules as a configuration.
pub fn config(rules: &str) -> Arc<Config> {
    let section = DirConfig::new();
    if let Err(error) = read_text("test.conf", rules, &section) {
        panic!("{error}");
    }
    section.resolved()
}

/// What came of a request.
pub struct Answer {
    pub status: u16,
    pub matched: Vec<u64>,
    pub log: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub tx: BTreeMap<String, String>,
    pub messages: Vec<String>,
}

/// A request to be sent through rules.
pub struct Scenario {
    head: String,
    body: Vec<u8>,
    chunk: usize,
    cuts: Vec<usize>,
    response: Response,
    response_body: Vec<u8>,
    client: ClientAddress,
}

/// A request from its head: request line and headers, one a line.
pub fn request(head: &str) -> Scenario {
    Scenario {
        head: head.to_owned(),
        body: Vec::new(),
        chunk: 4096,
        cuts: Vec::new(),
        response: Response {
            status: 200,
            status_line: "200 OK".into(),
            protocol: "HTTP/1.1".into(),
            content_type: Some("text/html; charset=utf-8".into()),
            headers: vec![Header {
                name: "Content-Type".into(),
                value: "text/html; charset=utf-8".into(),
            }],
            ..Response::default()
        },
        response_body: b"<p>hello</p>".to_vec(),
        client: ClientAddress::direct("192.0.2.7".parse().unwrap(), 40000),
    }
}

impl Scenario {
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Scenario {
        self.body = body.into();
        self
    }

    pub fn chunk(mut self, size: usize) -> Scenario {
        self.chunk = size;
        self
    }

    /// Where the body of the request is cut, besides.
    pub fn cut(mut self, at: &[usize]) -> Scenario {
        self.cuts = at.to_vec();
        self.cuts.sort_unstable();
        self
    }

    pub fn response(mut self, status: u16, body: &str) -> Scenario {
        self.response.status = status;
        self.response_body = body.as_bytes().to_vec();
        self
    }

    /// The type of the response, in place of HTML.
    pub fn response_type(mut self, media_type: &str) -> Scenario {
        let value = bytes::Bytes::copy_from_slice(media_type.as_bytes());
        self.response.content_type = Some(value.clone());
        self.response.headers[0].value = value;
        self
    }

    pub fn client(mut self, client: ClientAddress) -> Scenario {
        self.client = client;
        self
    }

    /// The transaction before its first phase.
    pub fn transaction(&self, config: &Arc<Config>) -> Transaction {
        let mut lines = self.head.lines();
        let line = lines.next().unwrap_or("GET / HTTP/1.1");
        let mut words = line.split(' ');
        let (method, uri) = (words.next().unwrap_or("GET"), words.next().unwrap_or("/"));
        let (path, query) = match uri.split_once('?') {
            Some((path, query)) => (path, Some(Bytes::copy_from_slice(query.as_bytes()))),
            None => (uri, None),
        };
        let headers: Vec<Header> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| Header {
                name: Bytes::copy_from_slice(name.as_bytes()),
                value: Bytes::copy_from_slice(value.as_bytes()),
            })
            .collect();
        let facts = Request {
            unique_id: "Zxy0123456789012345678901".into(),
            time: std::time::SystemTime::now(),
            line: Bytes::copy_from_slice(line.as_bytes()),
            method: Bytes::copy_from_slice(method.as_bytes()),
            uri_raw: Bytes::copy_from_slice(uri.as_bytes()),
            path: Bytes::copy_from_slice(path.as_bytes()),
            query,
            protocol: Bytes::copy_from_slice(words.next().unwrap_or("HTTP/1.1").as_bytes()),
            headers,
            hostname: "blog.example".into(),
            server_name: "blog.example".into(),
            server_port: 80,
        };
        let connection = Connection {
            client: self.client.clone(),
            local_ip: "192.0.2.1".parse().unwrap(),
            local_port: 80,
        };
        Transaction::new(Arc::clone(config), connection, facts)
    }

    /// Runs all phases as a server would.
    pub fn run(&self, config: &Arc<Config>) -> Answer {
        self.run_on(&mut TestHost::default(), config)
    }

    /// The same on a host that has seen other requests.
    pub fn run_on(&self, host: &mut TestHost, config: &Arc<Config>) -> Answer {
        self.run_in(host, config, config)
    }

    /// The same where the directory's configuration is another than the server's.
    pub fn run_in(
        &self,
        host: &mut TestHost,
        config: &Arc<Config>,
        directory: &Arc<Config>,
    ) -> Answer {
        let mut tx = self.transaction(config);
        let status = self.phases(&mut tx, host, directory);
        let mut response = self.response.clone();
        response.status = status;
        tx.finish(response, host);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Answer {
            status,
            matched: tx.matches().rules().map(|chain| chain.id()).collect(),
            tx: tx
                .tx()
                .iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            messages: tx
                .matches()
                .messages()
                .iter()
                .map(|message| text(&message.text))
                .collect(),
            log: std::mem::take(&mut host.log),
            env: std::mem::take(&mut host.env),
        }
    }

    fn phases(&self, tx: &mut Transaction, host: &mut TestHost, directory: &Arc<Config>) -> u16 {
        if let Verdict::Interrupt(found) = tx.run(Phase::RequestHeaders, host) {
            return found.status;
        }
        tx.set_config(Arc::clone(directory));
        if tx.wants_request_body() && !self.body.is_empty() {
            if let BodyStep::Refuse(status) = tx.expect_body(Some(self.body.len() as u64)) {
                return status;
            }
            let mut begin = 0;
            let ends = self.cuts.iter().copied().chain([self.body.len()]);
            let pieces = ends.map(|end| &self.body[std::mem::replace(&mut begin, end)..end]);
            for chunk in pieces.flat_map(|piece| piece.chunks(self.chunk)) {
                match tx.append_request_body(chunk) {
                    BodyStep::Continue => {}
                    BodyStep::Enough => break,
                    BodyStep::Refuse(status) => return status,
                }
            }
        }
        tx.end_request_body();
        if let Verdict::Interrupt(found) = tx.run(Phase::RequestBody, host) {
            return found.status;
        }
        tx.response_headers(self.response.clone());
        if let Verdict::Interrupt(found) = tx.run(Phase::ResponseHeaders, host) {
            return found.status;
        }
        if tx.wants_response_body() {
            for chunk in self.response_body.chunks(self.chunk) {
                match tx.append_response_body(chunk) {
                    ResponseStep::Buffer => {}
                    ResponseStep::PassThrough => break,
                    ResponseStep::Refuse(status) => return status,
                }
            }
            tx.end_response_body();
        }
        match tx.run(Phase::ResponseBody, host) {
            Verdict::Interrupt(found) => found.status,
            Verdict::Pass => self.response.status,
        }
    }
}
