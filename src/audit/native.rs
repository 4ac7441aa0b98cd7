//! The native format: parts between boundaries, for people and for every parser that reads mod_security2's.

use super::boundary::Boundary;
use super::escape;
use super::mask::{self, Names, Secrets};
use super::parts::{Part, Parts};
use super::record::{Excerpt, MatchedChain, Record, Uploads};
use crate::facts::Header;
use crate::types::EngineMode;

/// A record in the native format, from `--boundary-A--` to `--boundary-Z--` and its line end.
///
/// Compat: what mod_security2 writes, in its order (A B C I F E H J K Z), except that
/// * bytes that could end a line, a part or a record, or drive a terminal, are escaped ([`escape`] says how and why);
/// * secrets are masked in parts H and K too;
/// * part H has a `Client-Address:` line before `Producer:`, and `Audit-Log-Truncated:` when a body was too long for the record.
pub fn render_native(record: &Record<'_>, parts: &Parts, boundary: &Boundary) -> Vec<u8> {
    let excerpts = Excerpts::new(record, parts);
    let mut writer = Writer {
        out: Vec::with_capacity(excerpts.capacity(record)),
        boundary,
        record,
        secrets: Secrets::of(record, record.masks.credentials),
    };
    writer.header();
    if parts.contains(Part::RequestHeaders) {
        writer.request_headers();
    }
    if let Some(body) = &excerpts.request {
        let masked = mask::ranges(body.bytes, record.masks.request_body);
        writer.body(Part::RequestBody, &masked);
    }
    if let Some(body) = &excerpts.compact {
        let masked = mask::ranges(body.bytes, record.masks.compact_body);
        writer.body(Part::CompactRequestBody, &masked);
    }
    if parts.contains(Part::ResponseHeaders) {
        writer.response_headers();
    }
    if let Some(body) = &excerpts.response {
        writer.body(Part::ResponseBody, body.bytes);
    }
    if parts.contains(Part::Trailer) {
        writer.trailer(&excerpts);
    }
    if let Some(uploads) = record.uploads.filter(|_| parts.contains(Part::Uploads)) {
        writer.uploads(&uploads);
    }
    if parts.contains(Part::MatchedRules) {
        writer.matched_rules();
    }
    writer.part(Part::End);
    writer.out
}

/// The bodies that a record is to hold.
pub(super) struct Excerpts<'a> {
    /// Part C, which is also what part I means for a body that is not multipart.
    pub request: Option<Excerpt<'a>>,
    /// Part I.
    pub compact: Option<Excerpt<'a>>,
    /// Part E.
    pub response: Option<Excerpt<'a>>,
}

impl<'a> Excerpts<'a> {
    pub fn new(record: &Record<'a>, parts: &Parts) -> Excerpts<'a> {
        use super::record::Body;
        let (request, response) = (&record.request, &record.response);
        let compact_wanted = parts.contains(Part::CompactRequestBody);
        let whole_wanted =
            parts.contains(Part::RequestBody) || (compact_wanted && request.compact_body.is_none());
        let memory = |body: Option<&'a [u8]>| body.map(|bytes| Body::Memory(bytes).excerpt());
        Excerpts {
            request: request
                .body
                .filter(|_| whole_wanted)
                .map(|body| body.excerpt()),
            compact: memory(request.compact_body.filter(|_| compact_wanted)),
            response: memory(response.body.filter(|_| parts.contains(Part::ResponseBody))),
        }
    }

    /// The bodies that did not fit, each with its name, what was kept and what there was.
    pub fn cut(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        [
            ("request-body", &self.request),
            ("compact-request-body", &self.compact),
            ("response-body", &self.response),
        ]
        .into_iter()
        .filter_map(|(name, excerpt)| Some((name, excerpt.as_ref()?)))
        .filter(|(_, excerpt)| excerpt.is_cut())
        .map(|(name, excerpt)| (name, excerpt.bytes.len() as u64, excerpt.whole_length))
    }

    /// A guess at the record's length, generous enough that the buffer seldom has to grow.
    pub fn capacity(&self, record: &Record<'_>) -> usize {
        let headers = |list: &[Header]| {
            list.iter()
                .map(|h| h.name.len() + h.value.len() + 4)
                .sum::<usize>()
        };
        let texts = |list: &[&[u8]]| list.iter().map(|text| text.len() + 16).sum::<usize>();
        let bodies = [&self.request, &self.compact, &self.response];
        let rules = record.matched_rules.iter().flat_map(|chain| chain.rules);
        1024 + record.request.line.len()
            + headers(record.request.headers)
            + headers(record.response.headers)
            + texts(record.messages)
            + texts(record.server_errors)
            + rules.map(|rule| rule.unparsed.len() + 2).sum::<usize>()
            + bodies
                .into_iter()
                .flatten()
                .map(|body| body.bytes.len() * 9 / 8)
                .sum::<usize>()
    }
}

struct Writer<'w, 'a> {
    out: Vec<u8>,
    boundary: &'w Boundary,
    record: &'w Record<'a>,
    secrets: Secrets,
}

impl Writer<'_, '_> {
    fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn number(&mut self, number: u64) {
        escape::decimal(&mut self.out, number);
    }

    /// A boundary line; before every part but the first a line end.
    fn part(&mut self, part: Part) {
        if part != Part::Header {
            self.raw(b"\n");
        }
        self.raw(b"--");
        self.raw(self.boundary.as_bytes());
        self.raw(&[b'-', part.letter(), b'-', b'-', b'\n']);
    }

    fn header(&mut self) {
        let record = self.record;
        self.part(Part::Header);
        self.raw(b"[");
        record.zone.civil(record.time).write_log_time(&mut self.out);
        self.raw(b"] ");
        escape::token(&mut self.out, record.unique_id);
        self.address(record.client.client, record.client_port);
        self.address(record.local_ip, record.local_port);
    }

    fn address(&mut self, address: std::net::IpAddr, port: u16) {
        self.raw(b" ");
        escape::address(&mut self.out, address);
        self.raw(b" ");
        self.number(u64::from(port));
    }

    fn request_headers(&mut self) {
        let record = self.record;
        self.part(Part::RequestHeaders);
        let line = mask::ranges(record.request.line, record.masks.request_line);
        escape::field(&mut self.out, &line);
        self.raw(b"\n");
        self.headers(record.request.headers, record.sanitised.request_headers);
    }

    fn response_headers(&mut self) {
        let response = &self.record.response;
        self.part(Part::ResponseHeaders);
        if response.protocol == b"HTTP/0.9" {
            return;
        }
        escape::field(&mut self.out, response.protocol);
        self.raw(b" ");
        match response.status_line {
            b"" => self.number(u64::from(response.status)),
            line => escape::field(&mut self.out, line),
        }
        self.raw(b"\n");
        self.headers(response.headers, self.record.sanitised.response_headers);
    }

    fn headers(&mut self, headers: &[Header], sanitised: &[&[u8]]) {
        let masked = Names::new(sanitised, self.record.masks.credentials);
        for header in headers {
            escape::name(&mut self.out, &header.name);
            self.raw(b": ");
            escape::field(&mut self.out, &masked.value(&header.name, &header.value));
            self.raw(b"\n");
        }
    }

    fn body(&mut self, part: Part, bytes: &[u8]) {
        self.part(part);
        escape::body(&mut self.out, bytes);
    }

    fn trailer(&mut self, excerpts: &Excerpts<'_>) {
        let record = self.record;
        self.part(Part::Trailer);
        self.secret_lines(b"Message: ", record.messages);
        self.secret_lines(b"Apache-Error: ", record.server_errors);
        if let Some(interruption) = &record.interruption {
            self.raw(b"Action: Intercepted (phase ");
            self.number(u64::from(interruption.phase.number()));
            self.raw(b")\n");
        }
        if let Some(handler) = record.handler {
            self.line(b"Apache-Handler: ", handler);
        }
        self.stopwatch();
        if record.response.dechunked {
            self.raw(b"Response-Body-Transformed: Dechunked\n");
        }
        if !record.client_address.is_empty() {
            self.line(b"Client-Address: ", record.client_address);
        }
        self.truncations(excerpts);
        self.raw(b"Producer: ");
        escape::text(&mut self.out, record.producer);
        for component in record.components {
            self.raw(b"; ");
            escape::text(&mut self.out, component);
        }
        self.raw(b".\n");
        if !record.server.is_empty() {
            self.line(b"Server: ", record.server);
        }
        self.quoted_list(b"Sanitised-Args: ", record.sanitised.arguments);
        self.quoted_list(
            b"Sanitised-Request-Headers: ",
            record.sanitised.request_headers,
        );
        self.quoted_list(
            b"Sanitised-Response-Headers: ",
            record.sanitised.response_headers,
        );
        self.identities();
        // Compat: it says nothing of an engine that is off.
        if record.engine_mode != EngineMode::Off {
            self.raw(b"Engine-Mode: \"");
            self.raw(engine_mode(record.engine_mode));
            self.raw(b"\"\n");
        }
        self.slow_rules();
    }

    fn line(&mut self, label: &[u8], text: &[u8]) {
        self.raw(label);
        escape::text(&mut self.out, text);
        self.raw(b"\n");
    }

    fn secret_lines(&mut self, label: &[u8], texts: &[&[u8]]) {
        for text in texts {
            let masked = self.secrets.text(text).into_owned();
            self.line(label, &masked);
        }
    }

    fn stopwatch(&mut self) {
        let watch = &self.record.stopwatch;
        for (label, after) in [
            (b"Stopwatch: ".as_slice(), b" (- - -)\n".as_slice()),
            (b"Stopwatch2: ", b"; "),
        ] {
            self.raw(label);
            self.number(watch.request_time);
            self.raw(b" ");
            self.number(watch.duration);
            self.raw(after);
        }
        self.raw(b"combined=");
        self.number(watch.combined);
        for (number, time) in (1..).zip(watch.phases) {
            self.raw(b", p");
            self.number(number);
            self.raw(b"=");
            self.number(time);
        }
        for (label, time) in [
            (b", sr=", watch.storage_read),
            (b", sw=", watch.storage_write),
        ] {
            self.raw(label);
            self.number(time);
        }
        self.raw(b", l=");
        self.number(watch.logging);
        self.raw(b", gc=");
        self.number(watch.garbage_collection);
        self.raw(b"\n");
    }

    fn truncations(&mut self, excerpts: &Excerpts<'_>) {
        let mut before: &[u8] = b"Audit-Log-Truncated: ";
        for (name, kept, whole) in excerpts.cut() {
            self.raw(before);
            self.raw(name.as_bytes());
            self.raw(b"=");
            self.number(kept);
            self.raw(b"/");
            self.number(whole);
            before = b", ";
        }
        if before == b", " {
            self.raw(b"\n");
        }
    }

    /// `Label: "a", "b".`, or nothing at all.
    fn quoted_list(&mut self, label: &[u8], names: &[&[u8]]) {
        let mut before = label;
        for name in names {
            self.raw(before);
            self.quoted(name);
            before = b", ";
        }
        if !names.is_empty() {
            self.raw(b".\n");
        }
    }

    /// A raw value as mod_security2 quotes it.
    fn quoted(&mut self, value: &[u8]) {
        self.raw(b"\"");
        escape::quoted(&mut self.out, value);
        self.raw(b"\"");
    }

    fn identities(&mut self) {
        let record = self.record;
        if record.web_app.is_known() {
            let app = &record.web_app;
            self.raw(b"WebApp-Info:");
            for value in [app.id, app.session, app.user] {
                self.raw(b" ");
                self.quoted(if value.is_empty() { b"-" } else { value });
            }
            self.raw(b"\n");
        }
        if !matches!(record.sensor_id, b"" | b"default") {
            self.raw(b"Sensor-Id: ");
            self.quoted(record.sensor_id);
            self.raw(b"\n");
        }
    }

    fn slow_rules(&mut self) {
        let mut before: &[u8] = b"Rules-Performance-Info: ";
        for (id, micros) in self.record.slow_rules {
            self.raw(before);
            self.raw(b"\"");
            escape::quoted(&mut self.out, id);
            self.raw(b"=");
            self.number(*micros);
            self.raw(b"\"");
            before = b", ";
        }
        if !self.record.slow_rules.is_empty() {
            self.raw(b".\n");
        }
    }

    fn uploads(&mut self, uploads: &Uploads<'_>) {
        self.part(Part::Uploads);
        for file in uploads.files {
            self.number(u64::from(file.part));
            self.raw(b",");
            self.number(file.size);
            self.raw(b",");
            self.quoted(file.name);
            self.raw(b",");
            self.quoted(file.content_type.unwrap_or(b"<Unknown ContentType>"));
            self.raw(b"\n");
        }
        self.raw(b"Total,");
        self.number(uploads.total);
        self.raw(b"\n");
    }

    fn matched_rules(&mut self) {
        self.part(Part::MatchedRules);
        for MatchedChain { rules, .. } in self.record.matched_rules {
            for rule in *rules {
                if !rule.is_matched {
                    self.raw(b"#");
                }
                let masked = self.secrets.text(rule.unparsed).into_owned();
                self.line(b"", &masked);
            }
            self.raw(b"\n");
        }
    }
}

/// Compat: mod_security2 calls an engine that is off `ENABLED`.
pub(super) fn engine_mode(mode: EngineMode) -> &'static [u8] {
    match mode {
        EngineMode::Off => b"DISABLED",
        EngineMode::DetectionOnly => b"DETECTION_ONLY",
        EngineMode::On => b"ENABLED",
    }
}
