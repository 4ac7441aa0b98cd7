//! The request body: taken in chunk by chunk, within its limits, parsed on the way.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;

use super::{Interruption, InterruptionKind, Store, Transaction};
use crate::body::{self, Argument, Kind, Parsed, Parser, XmlArguments, urlencoded, xml};
use crate::config::LimitAction;
use crate::types::{EngineMode, Phase};

/// The request body and what it turned out to be.
#[derive(Default)]
pub struct Body {
    store: Store,
    /// Bytes of it that are looked at: all, or those up to the limit.
    seen: u64,
    parser: Intake,
    /// REQBODY_PROCESSOR: the name in force, also when there is no such processor.
    processor: Option<String>,
    pub(super) parsed: Parsed,
    /// REQBODY_ERROR_MSG, when the body is in error.
    error: Option<String>,
    /// INBOUND_DATA_ERROR: the body is larger than its limit.
    over_limit: bool,
    /// The body once it has ended, when rules may see it (REQUEST_BODY).
    visible: Option<Bytes>,
    /// A document that was recognised by its bytes although its Content-Type says otherwise.
    recognised: Option<xml::Document>,
    ended: bool,
    /// `SecParseXmlIntoArgs OnlyArgs`: `XML` has no document.
    hides_xml: bool,
}

/// Where chunks go besides the store.
#[derive(Default)]
enum Intake {
    /// No chunk has come yet.
    #[default]
    Waiting,
    /// A parser that takes chunks, and a second one that reads XML where the parser is another.
    Running {
        parser: Option<Parser>,
        xml: Option<Box<xml::Parser>>,
    },
    /// Nothing more is parsed.
    Stopped,
}

/// What the host does next with the body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyStep {
    /// Read on.
    Continue,
    /// Stop reading: what is left goes to the handler uninspected, behind what was read.
    Enough,
    /// Answer with this status and close the connection, for the rest of the body is unread.
    Refuse(u16),
}

/// Why a body could not be read to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadError {
    /// The client sent nothing for too long.
    Timeout,
    /// The client went away, or sent less than it announced.
    Truncated,
    /// httpd's own limit (`LimitRequestBody`).
    TooLarge,
    /// The framing is broken, e.g. a chunk size that is no number.
    Malformed,
    /// Anything else.
    Other,
}

impl ReadError {
    /// Compat: the statuses of mod_security2, but 400 where its framing error gave 500.
    fn status(self) -> u16 {
        match self {
            ReadError::Timeout => 408,
            ReadError::Truncated | ReadError::Malformed => 400,
            ReadError::TooLarge => 413,
            ReadError::Other => 500,
        }
    }

    fn message(self) -> &'static str {
        match self {
            ReadError::Timeout => {
                "Error reading request body: the client sent nothing for too long."
            }
            ReadError::Truncated => {
                "Error reading request body: Partial results are valid but processing is incomplete"
            }
            // Compat: httpd's errors of framing are taken for its error of size.
            ReadError::TooLarge | ReadError::Malformed => {
                "Error reading request body: HTTP Error 413 - Request entity too large. (Most likely.)"
            }
            ReadError::Other => "Error reading request body.",
        }
    }
}

impl Body {
    /// A body that a processor is chosen for.
    pub(super) fn with_processor(kind: Option<Kind>) -> Body {
        Body {
            processor: kind.map(|kind| kind.name().to_owned()),
            ..Body::default()
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn arguments(&self) -> &[Argument] {
        &self.parsed.args
    }

    /// REQUEST_BODY_LENGTH.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    pub(crate) fn parsed(&self) -> &Parsed {
        &self.parsed
    }

    pub(crate) fn processor(&self) -> Option<&str> {
        self.processor.as_deref()
    }

    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    pub(crate) fn over_limit(&self) -> bool {
        self.over_limit
    }

    pub(crate) fn visible(&self) -> Option<&Bytes> {
        self.visible.as_ref()
    }

    /// The document that `XML` means.
    pub(crate) fn xml(&self) -> Option<&xml::Document> {
        self.parsed.xml.as_ref().filter(|_| !self.hides_xml)
    }

    /// The XML document of the body, whatever its Content-Type says.
    pub(crate) fn document(&self) -> Option<&xml::Document> {
        self.parsed.xml.as_ref().or(self.recognised.as_ref())
    }

    /// `ctl:requestBodyProcessor`: without effect once the body has begun.
    pub(crate) fn choose(&mut self, processor: &Result<Kind, String>) {
        self.processor = Some(match processor {
            Ok(kind) => kind.name().to_owned(),
            Err(unknown) => unknown.clone(),
        });
    }

    fn fail(&mut self, message: impl Into<String>) {
        self.error.get_or_insert_with(|| message.into());
    }
}

impl Transaction {
    /// Whether the host is to hand over the body.
    pub fn wants_request_body(&self) -> bool {
        let access = self
            .overrides
            .request_body_access
            .unwrap_or(self.config.request_body_access);
        access && self.mode() != EngineMode::Off
    }

    /// Announces a body before it is read: an early refusal costs nothing.
    pub fn expect_body(&mut self, content_length: Option<u64>) -> BodyStep {
        let limit = self.request_body_limit();
        if content_length.is_none_or(|length| length <= limit) {
            return BodyStep::Continue;
        }
        let message =
            format!("Request body (Content-Length) is larger than the configured limit ({limit}).");
        if self.refuses_over_limit() {
            return self.refuse_body(413, &message);
        }
        // Compat: it is said twice, and the flag is set here only: not when a body turns out to be too large on the way.
        self.body.over_limit = true;
        self.engine_alert(message.as_bytes());
        self.engine_alert(message.as_bytes());
        BodyStep::Continue
    }

    /// Takes the next bytes of the body.
    pub fn append_request_body(&mut self, chunk: &[u8]) -> BodyStep {
        if matches!(self.body.parser, Intake::Waiting) {
            self.begin_body();
        }
        let limit = self.request_body_limit();
        let room = limit.saturating_sub(self.body.store.len());
        let over = chunk.len() as u64 > room;
        let seen = chunk
            .get(..usize::try_from(room).unwrap_or(usize::MAX))
            .filter(|_| over)
            .unwrap_or(chunk);
        if over && self.refuses_over_limit() {
            self.body.over_limit = true;
            let message = format!("Request body is larger than the configured limit ({limit}).");
            return self.refuse_body(413, &message);
        }
        let begun = Instant::now();
        let step = self.parse_chunk(seen);
        self.spend(Phase::RequestBody, begun);
        self.body.seen += seen.len() as u64;
        if step != BodyStep::Continue {
            return step;
        }
        // What was read must be served again, so all of it is kept, also where it is not looked at.
        if let Err(error) = self.store_chunk(chunk, self.body_memory_limit()) {
            let message = format!(
                "Failed to store the request body in {}: {error}",
                self.config.tmp_dir
            );
            // DetectionOnly changes no response as long as memory can hold what the disk does not take.
            let recalled = self.mode() != EngineMode::On
                && self.body.store.recall().is_ok()
                && self.store_chunk(chunk, u64::MAX).is_ok();
            if !recalled {
                return self.refuse_body(500, &message);
            }
            self.engine_alert(message.as_bytes());
        }
        match over {
            true => BodyStep::Enough,
            false => BodyStep::Continue,
        }
    }

    /// The body could not be read to its end. In DetectionOnly the request goes on with what there is.
    pub fn request_body_failed(&mut self, error: ReadError) -> BodyStep {
        self.body.fail(error.message());
        if self.mode() != EngineMode::On {
            return BodyStep::Continue;
        }
        self.refuse_body(error.status(), error.message())
    }

    /// Ends the body: parsers come to their result. Phase 2 sees to it if nobody has.
    pub fn end_request_body(&mut self) {
        if std::mem::replace(&mut self.body.ended, true) {
            return;
        }
        // An empty multipart body is malformed, and so may its boundary be.
        let announced = self.announces_body();
        let multipart = self.body.processor.as_deref() == Some(Kind::Multipart.name());
        if matches!(self.body.parser, Intake::Waiting)
            && multipart
            && announced
            && self.wants_request_body()
        {
            self.begin_body();
        }
        self.body.store.end();
        let intake = std::mem::replace(&mut self.body.parser, Intake::Stopped);
        if let Intake::Running { parser, xml } = intake {
            if let Some(parser) = parser {
                self.body.parsed = parser.finish();
            }
            self.body.recognised = xml.map(|parser| parser.finish());
        }
        if self.config.stream_in_body_inspection
            && (announced || !self.body.store.is_empty())
            && let Some(bytes) = self
                .body
                .store
                .memory()
                .filter(|_| self.wants_request_body())
        {
            self.stream_input.begin(bytes.clone());
        }
        let wanted = self.wants_request_body();
        let form = self.body.processor.as_deref() == Some(Kind::Urlencoded.name());
        let seen = usize::try_from(self.body.seen).unwrap_or(usize::MAX);
        let memory = self
            .body
            .store
            .memory()
            .map(|bytes| bytes.slice(..seen.min(bytes.len())));
        if let Some(bytes) = memory
            .clone()
            .filter(|bytes| form && (announced && wanted || !bytes.is_empty()))
        {
            let room = self.arguments_room();
            self.body.parsed =
                urlencoded::parse(&bytes, self.config.argument_separator, room).into();
            self.body.visible = Some(bytes);
        } else if self.overrides.force_request_body && !self.body.store.is_empty() {
            self.body.visible = memory;
        }
        if self.query.limit_exceeded || self.body.parsed.arguments_limit_exceeded {
            self.body.fail("SecArgumentsLimit exceeded");
        }
        let multipart = self.body.parsed.multipart.as_ref();
        if multipart.is_some_and(|multipart| multipart.flags.file_limit_exceeded) {
            let limit = self.config.upload_file_limit;
            let message =
                format!("Multipart: Upload file limit exceeded SecUploadFileLimit {limit}.");
            self.report(message.as_bytes());
        }
        if let (Some(message), Some(processor)) =
            (self.body.parsed.error.clone(), self.body.processor.clone())
        {
            // Compat: the prefix names the processor as mod_security2 does.
            let (logged, shown) = match processor.as_str() {
                "XML" => (format!("XML parsing error: {message}"), None),
                // Compat: what is wrong with the Content-Type has a prefix in the logs only.
                "MULTIPART" if message.contains("C-T") || message.contains("MIME type") => (
                    format!("Multipart parsing error (init): {message}"),
                    Some(message),
                ),
                "MULTIPART" => (format!("Multipart parsing error: {message}"), None),
                // Compat: that it ends too early is found out by somebody else there.
                "JSON" if message.ends_with("premature EOF") => {
                    (format!("JSON parser error: {message}\n"), None)
                }
                // Compat: what mod_security2's parser says ends its line.
                "JSON" if message.starts_with("parse error") || message.starts_with("lexical") => {
                    (format!("JSON parsing error: {message}\n"), None)
                }
                "JSON" => (format!("JSON parsing error: {message}"), None),
                _ => (message, None),
            };
            // Compat: what parsers say is in the logs, whatever rules make of it.
            self.alert_at(2, logged.as_bytes());
            self.body.fail(shown.unwrap_or(logged));
        }
        let unknown = self
            .body
            .processor
            .as_deref()
            .filter(|name| Kind::from_name(name).is_none())
            .map(str::to_owned);
        if let Some(name) = unknown.filter(|_| !self.body.store.is_empty()) {
            let message = format!("Unknown request body processor: {name}");
            self.report(message.as_bytes());
            self.body.fail(message);
        }
    }

    /// Whether the headers say that there is a body.
    pub(crate) fn announces_body(&self) -> bool {
        let names = ["Content-Length", "Transfer-Encoding"];
        let mut names = names.iter();
        names.any(|name| self.request_header(name).next().is_some())
    }

    fn store_chunk(&mut self, chunk: &[u8], memory_limit: u64) -> std::io::Result<()> {
        self.body
            .store
            .append(chunk, memory_limit, Path::new(&*self.config.tmp_dir))
    }

    /// Refuses because of the body itself: an interruption like any other, so that its record is written before it leaves.
    fn refuse_body(&mut self, status: u16, message: &str) -> BodyStep {
        self.engine_alert(message.as_bytes());
        let kind = InterruptionKind::Deny;
        self.interrupt(Phase::RequestBody, Interruption { kind, status });
        BodyStep::Refuse(status)
    }

    fn request_body_limit(&self) -> u64 {
        self.overrides
            .request_body_limit
            .unwrap_or(self.config.request_body_limit)
    }

    fn refuses_over_limit(&self) -> bool {
        self.mode() == EngineMode::On
            && self.config.request_body_limit_action == LimitAction::Reject
    }

    /// Forms are looked at as a whole, and so are what a rule forced into REQUEST_BODY and STREAM_INPUT_BODY: they stay in
    /// memory.
    fn body_memory_limit(&self) -> u64 {
        let form = self.body.processor.as_deref() == Some(Kind::Urlencoded.name());
        let whole =
            form || self.overrides.force_request_body || self.config.stream_in_body_inspection;
        match whole {
            true => u64::MAX,
            false => self.config.request_body_in_memory_limit,
        }
    }

    fn arguments_room(&self) -> usize {
        self.config
            .arguments_limit
            .saturating_sub(self.query.args.len())
    }

    /// Chooses the processor: a rule's choice, or that of the Content-Type.
    fn begin_body(&mut self) {
        let content_type = self
            .request_header("Content-Type")
            .next()
            .cloned()
            .unwrap_or_default();
        // Compat: mod_security2 takes the first, and what the second would have said passes unread.
        let headers = self.request_header("Content-Type").count();
        if headers > 1 || body::states_several_types(&content_type) {
            let message = "Request has more than one Content-Type.";
            self.report(message.as_bytes());
            self.body.fail(message);
        }
        let xml_arguments = self.overrides.xml_arguments;
        let xml_arguments = xml_arguments.unwrap_or(self.config.xml_arguments);
        self.body.hides_xml = xml_arguments == XmlArguments::OnlyArgs;
        let settings = body::Settings {
            argument_separator: self.config.argument_separator,
            arguments_limit: self.arguments_room(),
            json_depth_limit: self.config.json_depth_limit,
            upload_file_limit: self.config.upload_file_limit,
            xml_external_entity: self.config.xml_external_entity,
            xml_arguments,
        };
        let kind = self.body.processor.as_deref().and_then(Kind::from_name);
        // A form is parsed at its end, straight from the store: one copy less of every body.
        let parser =
            kind.filter(|kind| *kind != Kind::Urlencoded)
                .map(|kind| match self.upload_sink() {
                    Some(sink) if kind == Kind::Multipart => {
                        Parser::with_files(kind, &content_type, &settings, sink)
                    }
                    _ => Parser::new(kind, &content_type, &settings),
                });
        // Without sniffing: XML-RPC is recognised by what it is, however it is labelled and cut. What is no XML fails at its
        // first byte.
        let inspects = self.config.pingback_engine != EngineMode::Off && kind != Some(Kind::Xml);
        let xml = inspects.then(|| Box::new(xml::Parser::new(xml::Options::default())));
        self.body.parser = Intake::Running { parser, xml };
    }

    fn parse_chunk(&mut self, chunk: &[u8]) -> BodyStep {
        let Intake::Running { parser, xml } = &mut self.body.parser else {
            return BodyStep::Continue;
        };
        if let Some(xml) = xml {
            xml.feed(chunk);
        }
        if let Some(parser) = parser {
            parser.feed(chunk);
        }
        // Compat: the limit is about bodies that have a processor; files in a multipart body do not count.
        let counted = match (&parser, self.body.processor.as_deref()) {
            (Some(parser), _) => parser.no_files_length(),
            (None, Some("URLENCODED")) => self.body.store.len() + chunk.len() as u64,
            _ => return BodyStep::Continue,
        };
        // Compat: a body that is exactly as long as the limit is over it.
        let limit = self.config.request_body_no_files_limit;
        if counted < limit {
            return BodyStep::Continue;
        }
        let message = format!(
            "Request body no files data length is larger than the configured limit ({limit})."
        );
        // Compat: SecRequestBodyLimitAction is not about this limit. But DetectionOnly refuses nothing.
        if self.mode() == EngineMode::On {
            return self.refuse_body(413, &message);
        }
        self.body.fail(message);
        self.body.over_limit = true;
        let stopped = std::mem::replace(&mut self.body.parser, Intake::Stopped);
        if let Intake::Running {
            parser: Some(parser),
            ..
        } = stopped
        {
            self.body.parsed = parser.finish();
        }
        BodyStep::Continue
    }
}
