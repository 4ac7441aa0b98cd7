//! The phases, as httpd's hooks run them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::host::Bench;
use super::outcome::{Action, Decision, Outcome, text};
use super::path;
use super::wire::{End, Incoming};
use crate::client::{self, Forwarding};
use crate::collections::Collections;
use crate::config::{Config, KeepFiles, Plan, Tree};
use crate::facts::{Connection, Header, Request, Response};
use crate::transaction::{
    BodyStep, InterruptionKind, ReadError, ResponseStep, Transaction, Verdict,
};
use crate::types::{EngineMode, Phase};

/// Bytes of a body that are handed over at a time: what httpd reads at most.
const CHUNK: usize = 8192;

/// What a trial supposes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// The address the server was reached at.
    pub local: SocketAddr,
    /// The engine's mode, whatever the configuration says.
    pub engine: Option<EngineMode>,
    /// Whether bodies of requests are looked at, whatever the configuration says.
    pub request_body: Option<bool>,
    /// The server's name; `None`: that of the host that a request names.
    pub server_name: Option<String>,
    /// Host names that are served here, besides that one.
    pub names: Vec<String>,
    /// Whether the programs that rules name are started.
    pub programs: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            peer: SocketAddr::from(([192, 0, 2, 7], 40_000)),
            local: SocketAddr::from(([192, 0, 2, 1], 80)),
            engine: None,
            request_body: None,
            server_name: None,
            names: Vec::new(),
            programs: false,
        }
    }
}

/// Rules that requests are tried on.
pub struct Trial {
    options: Options,
}

/// What holds for a request in a configuration.
pub fn plan(tree: &Tree, request: &Incoming) -> Plan {
    let path = path::decoded(&request.path).unwrap_or_default();
    tree.plan(request.host.as_deref(), &path)
}

/// How far a request came.
enum Way {
    /// To its handler.
    Through,
    /// An answer was decided on before.
    Ended(Decision),
    /// httpd has answered without asking anybody.
    Aside,
}

impl Trial {
    /// A trial under these suppositions.
    pub fn new(options: Options) -> Trial {
        Trial { options }
    }

    /// Runs a request through the rules that hold for it, and through those for its response.
    pub fn run(
        &self,
        plan: &Plan,
        request: &Incoming,
        response: Option<&(Response, Bytes)>,
    ) -> Outcome {
        let (server, place) = (self.adjusted(&plan.server), self.adjusted(&plan.place));
        let mut host = Bench {
            names: self.names(request),
            programs: self.options.programs,
            ..Bench::default()
        };
        let mut notes = request.notes.clone();
        if request.refused.is_some() {
            notes.push("httpd refuses it before any rule but those of phase 5".to_owned());
        }
        let first = match server.active() {
            true => &server,
            false => &place,
        };
        if !first.active() {
            notes.push("SecRuleEngine is Off: no rule runs".to_owned());
        }
        let mut transaction = Transaction::new(
            Arc::clone(first),
            self.connection(first, request),
            self.facts(request),
        );
        transaction.watch();
        let mut answer = answer_of(response);
        if request.method == "HEAD" {
            answer.1 = Bytes::new();
        }
        let way = match request.refused {
            Some(status) => Way::Ended(Decision::of(Action::Httpd, status, None)),
            None => self.request(&mut transaction, &mut host, (&server, place), request),
        };
        let decision = match way {
            Way::Through => respond(&mut transaction, &mut host, &answer),
            Way::Ended(found) if found.action == Action::Httpd && request.refused.is_none() => {
                answer = error_page(found.status);
                let decision = respond(&mut transaction, &mut host, &answer);
                if decision.is_refused() {
                    decision
                } else {
                    found
                }
            }
            Way::Ended(found) => found,
            Way::Aside => Decision::pass(200),
        };
        answer.0.status = decision.status;
        if decision.is_refused() || request.refused.is_some() {
            answer = error_page(decision.status);
        }
        transaction.finish(answer.0, &mut host);
        notes.dedup();
        Outcome::of(&transaction, decision, host.log, notes)
    }

    /// Phases 1 and 2, and what httpd does between them.
    fn request(
        &self,
        transaction: &mut Transaction,
        host: &mut Bench,
        (server, place): (&Arc<Config>, Arc<Config>),
        request: &Incoming,
    ) -> Way {
        let decoded = path::decoded(&request.path);
        if server.active()
            && let Some(decision) = phase(transaction, host, Phase::RequestHeaders)
        {
            return Way::Ended(decision);
        }
        if request.path == "*" {
            return Way::Aside;
        }
        match decoded {
            Ok(path) => {
                transaction.set_config(place);
                transaction.set_path(path.into());
            }
            Err(status) => return Way::Ended(Decision::of(Action::Httpd, status, None)),
        }
        if let Some(decision) = read_body(transaction, request) {
            return Way::Ended(decision);
        }
        match phase(transaction, host, Phase::RequestBody) {
            Some(decision) => Way::Ended(decision),
            None => Way::Through,
        }
    }

    /// A configuration that touches nothing outside.
    fn adjusted(&self, config: &Config) -> Arc<Config> {
        config.with(|settings| {
            settings.engine = self.options.engine.unwrap_or(settings.engine);
            settings.request_body_access = self
                .options
                .request_body
                .unwrap_or(settings.request_body_access);
            settings.audit_log = None;
            settings.audit_log2 = None;
            settings.audit_storage_dir = None;
            settings.debug_log = None;
            settings.upload_keep_files = KeepFiles::Off;
            settings.collections = Collections::in_process();
        })
    }

    fn names(&self, request: &Incoming) -> Vec<String> {
        let mut names = self.options.names.clone();
        names.push(self.server_name(request));
        names
    }

    fn server_name(&self, request: &Incoming) -> String {
        let stated = self.options.server_name.clone();
        let named = || request.host.clone().filter(|host| !host.is_empty());
        stated
            .or_else(named)
            .unwrap_or_else(|| "localhost".to_owned())
    }

    fn connection(&self, config: &Config, request: &Incoming) -> Connection {
        let instances = |name: &str| -> Vec<Vec<u8>> {
            request
                .header(name)
                .map(<[u8]>::to_vec)
                .into_iter()
                .collect()
        };
        let peer: IpAddr = self.options.peer.ip();
        Connection {
            client: client::resolve(
                &config.client_policy,
                &Forwarding {
                    peer,
                    peer_port: self.options.peer.port(),
                    headers: &instances,
                    useragent: None,
                },
            ),
            local_ip: self.options.local.ip(),
            local_port: self.options.local.port(),
        }
    }

    fn facts(&self, request: &Incoming) -> Request {
        let server_name = Bytes::from(self.server_name(request));
        let named = request.host.clone().filter(|host| !host.is_empty());
        Request {
            unique_id: Bytes::from_static(b"palisade-run"),
            time: SystemTime::now(),
            line: request.line.clone(),
            method: request.method.clone(),
            uri_raw: request.target.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            protocol: request.protocol.clone(),
            headers: request.headers.clone(),
            hostname: named.map_or_else(|| server_name.clone(), Bytes::from),
            server_name,
            server_port: self.options.local.port(),
        }
    }
}

/// Runs a phase; what it decides, if it does.
fn phase(transaction: &mut Transaction, host: &mut Bench, phase: Phase) -> Option<Decision> {
    let Verdict::Interrupt(found) = transaction.run(phase, host) else {
        return None;
    };
    let mut location = None;
    let (action, status) = match &found.kind {
        // Compat: what httpd has no words for it sends as 500.
        InterruptionKind::Deny if !has_words(found.status) => (Action::Deny, 500),
        InterruptionKind::Deny => (Action::Deny, found.status),
        InterruptionKind::Drop => (Action::Drop, 403),
        InterruptionKind::Redirect(url) => {
            location = Some(text(url));
            (Action::Redirect, found.status)
        }
        InterruptionKind::Proxy { url, .. } => {
            location = Some(text(url));
            (Action::Proxy, found.status)
        }
    };
    let last = transaction.matches().rules().last();
    Some(Decision {
        rule: last.map(|chain| chain.id()).filter(|id| *id != 0),
        location,
        ..Decision::of(action, status, Some(phase.number()))
    })
}

/// Whether httpd has words for a status.
fn has_words(status: u16) -> bool {
    matches!(status, 200..=208 | 226 | 300..=308 | 400..=417 | 421..=426 | 428 | 429 | 431 | 451 | 500..=508 | 510 | 511)
}

/// Reads the body where it is wanted; the answer, where that is the end.
fn read_body(transaction: &mut Transaction, request: &Incoming) -> Option<Decision> {
    let body = &request.body;
    if !body.present || !transaction.wants_request_body() {
        return None;
    }
    let refused = |status| Some(Decision::of(Action::Deny, status, Some(2)));
    if let BodyStep::Refuse(status) = transaction.expect_body(body.announced) {
        return refused(status);
    }
    for chunk in body.bytes.chunks(CHUNK) {
        match transaction.append_request_body(chunk) {
            BodyStep::Continue => {}
            BodyStep::Enough => {
                transaction.end_request_body();
                return None;
            }
            BodyStep::Refuse(status) => return refused(status),
        }
    }
    let step = match body.end {
        End::Complete => BodyStep::Continue,
        End::Truncated => transaction.request_body_failed(ReadError::Truncated),
        // httpd answers by itself, at once.
        End::Malformed => return Some(Decision::of(Action::Httpd, 400, None)),
    };
    transaction.end_request_body();
    match step {
        BodyStep::Refuse(status) => refused(status),
        BodyStep::Continue | BodyStep::Enough => None,
    }
}

/// Phases 3 and 4.
fn respond(
    transaction: &mut Transaction,
    host: &mut Bench,
    (response, body): &(Response, Bytes),
) -> Decision {
    transaction.response_headers(response.clone());
    if let Some(decision) = phase(transaction, host, Phase::ResponseHeaders) {
        return decision;
    }
    if transaction.wants_response_body() {
        for chunk in body.chunks(CHUNK) {
            match transaction.append_response_body(chunk) {
                ResponseStep::Buffer => {}
                ResponseStep::PassThrough => break,
                ResponseStep::Refuse(status) => {
                    return Decision::of(Action::Deny, status, Some(4));
                }
            }
        }
        transaction.end_response_body();
    }
    phase(transaction, host, Phase::ResponseBody).unwrap_or(Decision::pass(response.status))
}

/// The response that was given, or one that says nothing.
fn answer_of(response: Option<&(Response, Bytes)>) -> (Response, Bytes) {
    response.cloned().unwrap_or_else(|| {
        (
            page(200, "200 OK", "text/html; charset=utf-8"),
            Bytes::new(),
        )
    })
}

/// httpd's own page about a status.
fn error_page(status: u16) -> (Response, Bytes) {
    (
        page(status, &status.to_string(), "text/html; charset=iso-8859-1"),
        Bytes::new(),
    )
}

fn page(status: u16, line: &str, media_type: &str) -> Response {
    let media_type = Bytes::from(media_type.to_owned());
    Response {
        status,
        status_line: line.to_owned().into(),
        protocol: Bytes::from_static(b"HTTP/1.1"),
        headers: vec![Header {
            name: Bytes::from_static(b"Content-Type"),
            value: media_type.clone(),
        }],
        content_type: Some(media_type),
        ..Response::default()
    }
}
