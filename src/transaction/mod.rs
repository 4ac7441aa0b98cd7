//! The state of one request: what the host told us, what the parsers found, what rules wrote and matched.
//!
//! The parts are separate on purpose: [facts](crate::facts) come from the host and do not change; [`body`](Body) is filled by the
//! parsers; [`Collection`]s are written by rules; [`Matches`] is what the engine has found so far. The
//! engine drives all of it (`crate::engine`); logs only read it.

mod links;
mod matches;
mod request_body;
mod resolve;
mod response_body;
mod scalar;
mod store;
mod stream;
mod times;
mod uploads;
mod verdict;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::actions::{AuditEngine, Ctl, Sanitise};
use crate::audit::{FailurePolicy, Parts};
use crate::body::{Argument, Kind, XmlArguments, cookies, urlencoded};
use crate::client::ClientAddress;
use crate::collections::Live;
use crate::config::Config;
use crate::facts::{Connection, Header, Request, Response};
use crate::limits;
use crate::lookups::Location;
use crate::metrics::Asked;
use crate::pingback::answer::Fault;
use crate::types::{EngineMode, Phase};
use crate::values::Collection;
use crate::variables::Variable;

pub(crate) use matches::Matched;
pub(crate) use matches::PendingAlert;
pub use matches::{MatchedRule, Matches, Message, Said, Sighting};
pub use request_body::{Body, BodyStep, ReadError};
pub use resolve::{Scene, Value};
pub use response_body::{ResponseBody, ResponseStep};
pub use store::Store;
pub use stream::Injection;
pub(crate) use stream::Stream;
pub(crate) use times::{Times, since};
pub(crate) use uploads::Settled;
pub use verdict::{Interruption, InterruptionKind, Verdict};

/// One request on its way through the phases.
pub struct Transaction {
    pub(crate) config: Arc<Config>,
    /// What `ctl` changed for this transaction.
    pub(crate) overrides: Overrides,
    pub(crate) connection: Connection,
    pub(crate) request: Request,
    pub(crate) response: Option<Response>,
    pub(crate) started: Instant,
    /// The phase that runs or ran last.
    pub(crate) phase: Phase,

    pub(crate) query: urlencoded::Arguments,
    pub(crate) cookies: Vec<cookies::Cookie>,
    pub(crate) body: Body,
    pub(crate) response_body: ResponseBody,
    /// STREAM_INPUT_BODY and STREAM_OUTPUT_BODY.
    pub(crate) stream_input: Stream,
    pub(crate) stream_output: Stream,
    /// What rules add to the response.
    pub(crate) injection: Injection,
    /// TX.
    pub(crate) tx: Collection,
    /// Persistent collections that rules have opened.
    pub(crate) persistent: Vec<(Variable, Live)>,
    /// SESSIONID and USERID.
    pub(crate) session: Option<Vec<u8>>,
    pub(crate) user: Option<Vec<u8>>,
    /// GEO.
    pub(crate) geo: Collection,
    /// XMLRPC and PINGBACK.
    pub(crate) xmlrpc: Collection,
    pub(crate) pingback: Collection,
    /// What a refusal is answered with in place of its status.
    pub(crate) fault: Option<Fault>,

    /// An XPath expression took more than its limits allow, since this was last asked.
    pub(crate) path_over_limit: Cell<bool>,

    pub(crate) matches: Matches,
    pub(crate) interruption: Option<Interruption>,
    /// `allow`: phases up to this one are skipped.
    pub(crate) allowed_until: Option<Phase>,
    /// What the server wrote to its error log about this request.
    pub(crate) server_errors: Vec<Vec<u8>>,
    pub(crate) finished: bool,
    pub(crate) record_lost: bool,
    /// Alerts that wait to be handed to the server.
    pub(crate) pending_alerts: Vec<PendingAlert>,
    /// A rule of this phase could not be decided.
    pub(crate) rule_error: bool,
    /// How much of that rules have asked for (`pause`).
    pub(crate) paused: Duration,
    /// `SecRequestTimeBudget` is spent.
    pub(crate) out_of_time: bool,
    /// What has been done since somebody looked at the clock, in bytes.
    pub(crate) work: Cell<usize>,
    /// Counters of which the debug log has told what they were.
    pub(crate) told_originals: HashSet<Vec<u8>>,
    /// What time was spent on.
    pub(crate) times: Times,
    /// The phase that refused the request, and with which status.
    pub(crate) refused: Option<(Phase, u16)>,
    /// How often rules were asked.
    pub(crate) asked: Asked,
    /// Whether what the configuration [decided](crate::ruleset::Foregone) still holds.
    pub(crate) foreseen: Foreseen,
}

/// How far a request has come as the configuration foresaw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Foreseen {
    /// This many phases have run so, from the first, each to its end.
    Phases(usize),
    /// It has taken a way of its own.
    No,
}

/// What `ctl` changed.
#[derive(Default)]
pub(crate) struct Overrides {
    pub(crate) engine: Option<EngineMode>,
    pub(crate) request_body_access: Option<bool>,
    pub(crate) request_body_limit: Option<u64>,
    pub(crate) force_request_body: bool,
    pub(crate) xml_arguments: Option<XmlArguments>,
    pub(crate) response_body_access: Option<bool>,
    pub(crate) response_body_limit: Option<u64>,
    pub(crate) audit_engine: Option<AuditEngine>,
    pub(crate) audit_parts: Option<Parts>,
    pub(crate) debug_level: Option<u8>,
    pub(crate) hash_engine: Option<bool>,
    pub(crate) hash_enforcement: Option<bool>,
    /// Rules and targets that `ctl:ruleRemove…` took out.
    pub(crate) removals: Vec<Ctl>,
    pub(crate) sanitise: Vec<Sanitise>,
    /// Values that `sanitiseMatched` wants hidden.
    pub(crate) secrets: Vec<Vec<u8>>,
    /// Values of which `sanitiseMatchedBytes` wants these bytes hidden where they are arguments.
    pub(crate) secret_bytes: SecretBytes,
}

/// By value: the name of an argument that has had it, and which of its bytes are not to be shown.
pub(crate) type SecretBytes = HashMap<Vec<u8>, (Vec<u8>, Range<usize>)>;

impl Transaction {
    /// Begins a transaction: parses the query string and the cookies. No rule has run yet.
    pub fn new(config: Arc<Config>, connection: Connection, request: Request) -> Transaction {
        let empty = Bytes::new();
        let query = request.query.as_ref().unwrap_or(&empty);
        let query = urlencoded::parse(query, config.argument_separator, config.arguments_limit);
        let (format, separator) = (config.cookie_format, config.cookie_v0_separator);
        let cookies = header_values(&request.headers, "Cookie");
        let cookies = cookies
            .flat_map(|header| cookies::parse(header, format, separator))
            .collect();
        // Compat: known from the start, so that phase 1 can tell a form from what has no processor.
        let content_type = header_values(&request.headers, "Content-Type").next();
        let kind = content_type.and_then(|content_type| Kind::from_content_type(content_type));
        Transaction {
            overrides: Overrides::default(),
            connection,
            started: Instant::now(),
            phase: Phase::RequestHeaders,
            query,
            cookies,
            body: Body::with_processor(kind),
            response_body: ResponseBody::default(),
            stream_input: Stream::default(),
            stream_output: Stream::default(),
            injection: Injection::default(),
            tx: Collection::default(),
            persistent: Vec::new(),
            session: None,
            user: None,
            geo: Collection::default(),
            xmlrpc: Collection::default(),
            pingback: Collection::default(),
            fault: None,
            path_over_limit: Cell::new(false),
            matches: Matches::default(),
            interruption: None,
            allowed_until: None,
            server_errors: Vec::new(),
            finished: false,
            record_lost: false,
            pending_alerts: Vec::new(),
            rule_error: false,
            paused: Duration::ZERO,
            out_of_time: false,
            work: Cell::default(),
            told_originals: HashSet::new(),
            times: Times::default(),
            refused: None,
            asked: Asked::default(),
            foreseen: Foreseen::Phases(0),
            response: None,
            config,
            request,
        }
    }

    /// The configuration in force.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Who sent the request.
    pub fn client(&self) -> &ClientAddress {
        &self.connection.client
    }

    /// Puts the transaction under the configuration of its directory. Changes by `ctl` stay in force.
    pub fn set_config(&mut self, config: Arc<Config>) {
        if !Arc::ptr_eq(&config.rules, &self.config.rules) {
            self.foreseen = Foreseen::No;
        }
        self.config = config;
    }

    /// Takes the path as httpd has it by now.
    ///
    /// Compat: in phase 1 it is as the client sent it, later httpd has decoded it, and so do variables and logs see it.
    pub fn set_path(&mut self, path: Bytes) {
        self.request.path = path;
    }

    /// Takes the header fields as they are by now: other modules have changed them.
    ///
    /// Compat: cookies are read once, before that.
    pub fn set_headers(&mut self, headers: Vec<Header>) {
        self.request.headers = headers;
    }

    /// What the engine does with what it finds, `ctl:ruleEngine` included.
    pub fn mode(&self) -> EngineMode {
        self.overrides.engine.unwrap_or(self.config.engine)
    }

    /// What a phase decided, when one interrupted the request.
    pub fn interruption(&self) -> Option<&Interruption> {
        self.interruption.as_ref()
    }

    /// The fault that a refusal of this request is to be answered with, where it is an XML-RPC call whose sender reads no status.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Interrupts the request, unless the response is too far on its way.
    pub(crate) fn interrupt(&mut self, phase: Phase, interruption: Interruption) {
        self.refused = Some((phase, interruption.status));
        self.interruption = Some(interruption);
    }

    /// Whether phase 5 has run and the record is written.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// Whether the response must wait for the record (`SecAuditLogFailure closed`). Only where the engine is on: otherwise
    /// nothing changes a response.
    pub fn owes_record(&self) -> bool {
        self.config.audit_failure == FailurePolicy::Closed
            && self.mode() == EngineMode::On
            && !self.finished
    }

    /// Whether the record was to be written and is not, or not in all its logs.
    pub fn record_lost(&self) -> bool {
        self.record_lost
    }

    /// The connection it came in on.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The request line and headers.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The response, once its headers are known.
    pub fn response(&self) -> Option<&Response> {
        self.response.as_ref()
    }

    /// What rules have found.
    pub fn matches(&self) -> &Matches {
        &self.matches
    }

    /// From now on every match is kept with its value: for whoever tries rules, never for a server.
    pub fn watch(&mut self) {
        self.matches.watch();
    }

    /// The TX collection.
    pub fn tx(&self) -> &Collection {
        &self.tx
    }

    /// The body as it was read.
    pub fn request_body(&self) -> &Store {
        self.body.store()
    }

    /// Takes the facts of the response, before phase 3.
    pub fn response_headers(&mut self, response: Response) {
        self.response = Some(response);
    }

    /// Remembers what the server wrote to its error log about this request (part H, WEBSERVER_ERROR_LOG).
    ///
    /// Limit: [`limits::SERVER_ERRORS_LIMIT`] entries; later ones are dropped, the error log itself has them.
    pub fn server_error_entry(&mut self, text: &[u8]) {
        if self.server_errors.len() < limits::SERVER_ERRORS_LIMIT {
            self.server_errors.push(text.to_vec());
        }
    }

    /// GEO becomes what was looked up last.
    pub(crate) fn set_geo(&mut self, location: Option<&Location>) {
        self.geo = Collection::default();
        for (name, value) in location.into_iter().flat_map(Location::fields) {
            self.geo.push(name, value.to_owned());
        }
    }

    /// A persistent collection, once a rule has opened it.
    pub(crate) fn live(&self, variable: Variable) -> Option<&Live> {
        self.persistent
            .iter()
            .find(|(known, _)| *known == variable)
            .map(|(_, live)| live)
    }

    /// All values of a request header.
    pub(crate) fn request_header<'t>(&'t self, name: &'t str) -> impl Iterator<Item = &'t Bytes> {
        header_values(&self.request.headers, name)
    }

    /// Arguments of the query string, then of the body.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Argument> {
        self.query.args.iter().chain(self.body.arguments())
    }
}

/// All values of a header field.
pub(crate) fn header_values<'t>(
    headers: &'t [Header],
    name: &'t str,
) -> impl Iterator<Item = &'t Bytes> {
    let wanted = headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name.as_bytes()));
    wanted.map(|header| &header.value)
}
