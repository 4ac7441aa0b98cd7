//! The end of a transaction: phase 5, then the audit record.

use std::time::{Instant, SystemTime};

use super::found;
use crate::actions::AuditEngine;
use crate::audit::{
    self, Body, Intercepted, Lost, MatchedChain, Record, Stopwatch, Upload, Uploads, Zone,
};
use crate::facts::Response;
use crate::host::{Host, LogLevel};
use crate::losses;
use crate::transaction::Transaction;
use crate::transformations::{Env, Transformation};
use crate::types::Phase;
use crate::variables::Variable;

/// Who writes the records.
const PRODUCER: &str = concat!(
    "Palisade/",
    env!("CARGO_PKG_VERSION"),
    " (ModSecurity 2.9 compatible)"
);

impl Transaction {
    /// Ends the transaction: phase 5 and the audit record. Does nothing when called again.
    ///
    /// For a denial the host calls this when the refusal's headers are about to leave, so that whoever got the refusal
    /// is in the log even if the process dies the next moment.
    pub fn finish(&mut self, response: Response, host: &mut dyn Host) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        self.response = Some(response);
        let begun = Instant::now();
        self.narrate_refusal();
        self.say(4, "Initialising logging.");
        self.run_rules(Phase::Logging, begun, host);
        self.store_collections(host);
        self.narrate_storing();
        self.spend(Phase::Logging, begun);
        let relevant = self.is_relevant();
        self.settle_uploads(relevant);
        self.flush_alerts(host);
        if self.wants_record() {
            self.debug(4, |_| b"Audit log: Logging this transaction.".to_vec());
            self.write_record(host);
        } else {
            self.debug(4, |_| {
                b"Audit log: Ignoring a non-relevant request.".to_vec()
            });
        }
        self.narrate_cleanup(relevant);
        self.tally(host.metrics());
    }

    /// Whether `SecGuardianLog` has a line to come.
    pub fn is_guarded(&self) -> bool {
        self.config.guardian.is_some()
    }

    /// Writes the line of `SecGuardianLog` once the response has been sent. `is_set` knows the request's environment.
    pub fn tell_guardian(
        &self,
        response: &Response,
        is_set: impl Fn(&[u8]) -> bool,
        host: &mut dyn Host,
    ) {
        let guardian = self.config.guardian.as_ref();
        let Some(guardian) = guardian.filter(|guardian| guardian.wants(is_set)) else {
            return;
        };
        let now = SystemTime::now();
        let masks = self.masks();
        let user = host.server_variable(Variable::RemoteUser);
        let mut record = self.bare_record(now);
        record.masks.request_line = &masks.request_line;
        record.remote_user = user.as_deref();
        record.response.status = response.status;
        record.response.bytes_sent = response.bytes_sent;
        let took = now.duration_since(self.request.time).unwrap_or_default();
        tell_losses(guardian.write(&record, took), host);
    }

    /// A record with what identifies the request.
    fn bare_record(&self, time: SystemTime) -> Record<'_> {
        let connection = &self.connection;
        let local = (connection.local_ip, connection.local_port);
        let id = &self.request.unique_id;
        let mut record = Record::new(time, Zone::local(), id, &connection.client, local);
        record.hostname = &self.request.hostname;
        record.request.line = &self.request.line;
        record.web_app.session = self.session.as_deref().unwrap_or_default();
        record
    }

    /// Whether an alert or the status asks for a record.
    fn is_relevant(&self) -> bool {
        let status = || {
            let status = self
                .response
                .as_ref()
                .map_or(0, |response| response.status)
                .to_string();
            let relevant = self.config.audit_relevant_status.as_ref();
            relevant.is_some_and(|pattern| pattern.is_match(status.as_bytes()).unwrap_or(true))
        };
        self.matches.relevant || status()
    }

    fn wants_record(&self) -> bool {
        match self
            .overrides
            .audit_engine
            .unwrap_or(self.config.audit_engine)
        {
            AuditEngine::Off => false,
            AuditEngine::On => !self.request.line.is_empty(),
            AuditEngine::RelevantOnly => !self.request.line.is_empty() && self.is_relevant(),
        }
    }

    fn write_record(&mut self, host: &mut dyn Host) {
        let outcome = self.write_record_to_logs(host);
        self.record_lost = outcome.is_err();
        let written = matches!(outcome, Ok(true));
        host.metrics().audit_written.add(u64::from(written));
        tell_losses(outcome.map(|_| ()), host);
    }

    /// Whether there is a log for it, and it is there.
    fn write_record_to_logs(&self, host: &dyn Host) -> Result<bool, Lost> {
        let user = match *self.config.audit_type {
            audit::LogType::Concurrent => host.process_user(),
            _ => Vec::new(),
        };
        let destination = self.config.audit_destination(&user);
        if !destination.is_anywhere() {
            return Ok(false);
        }
        let parts = self
            .overrides
            .audit_parts
            .unwrap_or(self.config.audit_parts);
        let masks = self.masks();
        let store = self.request_body();
        let head;
        let body = match store.memory() {
            _ if store.is_empty() => None,
            Some(bytes) => Some(Body::Memory(bytes)),
            None => {
                head = store.head(audit::BODY_LIMIT).unwrap_or_default();
                Some(Body::Start {
                    bytes: &head,
                    length: store.len(),
                })
            }
        };
        let client_address = self.connection.client.log_entry();
        let messages: Vec<&[u8]> = self
            .matches
            .messages
            .iter()
            .map(|message| &message.text[..])
            .collect();
        let server_errors: Vec<&[u8]> = self.server_errors.iter().map(Vec::as_slice).collect();
        let components: Vec<&[u8]> = self
            .config
            .component_signatures
            .iter()
            .map(|text| text.as_bytes())
            .collect();
        let (found, matches) = found::distinct(&self.matches);
        let (ids, tags) = (found::ids(&found), found::tags(&found));
        let rules = found::rules(&found, &ids, &tags);
        let described = found.iter().zip(&rules).map(|(found, rules)| MatchedChain {
            rules,
            full_match: found.matched == found.chain.rules.len(),
        });
        let described: Vec<MatchedChain<'_>> = described.collect();
        let chains = matches.iter().filter_map(|at| described.get(*at).copied());
        let chains: Vec<MatchedChain<'_>> = chains.collect();

        let slow_rules: Vec<(Vec<u8>, u64)> = self
            .times
            .rules
            .iter()
            .map(|(id, time)| (id.to_string().into_bytes(), *time))
            .collect();
        let slow_rules: Vec<(&[u8], u64)> = slow_rules
            .iter()
            .map(|(id, time)| (id.as_slice(), *time))
            .collect();
        // Compat: part A has the time of writing.
        let mut record = self.bare_record(SystemTime::now());
        let user = host.server_variable(Variable::RemoteUser);
        record.remote_user = user.as_deref();
        record.client_address = client_address.as_bytes();
        record.request.headers = &self.request.headers;
        record.request.body = body;
        let uploads = self.uploads();
        let compact = self.compact_body();
        if let Some(uploads) = &uploads {
            record.uploads = Some(Uploads {
                files: uploads,
                total: uploads.iter().map(|file| file.size).sum(),
            });
        }
        record.request.compact_body = compact.as_deref();
        if let Some(response) = &self.response {
            record.response.protocol = &response.protocol;
            record.response.status = response.status;
            record.response.status_line = &response.status_line;
            record.response.headers = &response.headers;
            record.response.body = self.response_body.visible().map(|body| &body[..]);
            record.response.dechunked = self.response_body.visible().is_some();
            record.response.bytes_sent = response.bytes_sent;
            record.handler = response.handler.as_deref();
        }
        record.messages = &messages;
        record.server_errors = &server_errors;
        record.interruption = self
            .matches
            .intercepted
            .as_ref()
            .map(|(phase, text)| Intercepted {
                phase: *phase,
                message: text,
            });
        record.stopwatch = self.stopwatch();
        record.slow_rules = &slow_rules;
        record.producer = PRODUCER.as_bytes();
        record.components = &components;
        let banner = host.server_banner();
        record.server = &banner;
        record.web_app.id = self.config.web_app_id.as_bytes();
        record.web_app.user = self.user.as_deref().unwrap_or_default();
        record.sensor_id = self.config.sensor_id.as_bytes();
        record.engine_mode = self.mode();
        record.matched_rules = &chains;
        record.sanitised.arguments = &masks.arguments;
        record.sanitised.request_headers = &masks.request_headers;
        record.sanitised.response_headers = &masks.response_headers;
        record.masks.request_line = &masks.request_line;
        record.masks.request_body = &masks.request_body;
        record.masks.secrets = &masks.secrets;

        destination.write(&record, &parts).map(|()| true)
    }

    /// The files of a multipart body, for part J.
    fn uploads(&self) -> Option<Vec<Upload<'_>>> {
        let multipart = self.body.parsed().multipart.as_ref()?;
        let parts = multipart.parts.iter().enumerate();
        let files = parts.filter_map(|(at, part)| {
            let file = part.file.as_ref()?;
            Some(Upload {
                part: u32::try_from(at + 1).unwrap_or(u32::MAX),
                size: file.size,
                name: &file.name,
                content_type: part.header("Content-Type"),
            })
        });
        Some(files.collect())
    }

    /// The fields of a multipart body as a form would have sent them, for part I.
    fn compact_body(&self) -> Option<Vec<u8>> {
        self.body.parsed().multipart.as_ref()?;
        let mut text = Vec::new();
        let env = Env { unicode_map: None };
        for argument in &self.body.parsed().args {
            if !text.is_empty() {
                text.push(b'&');
            }
            text.extend_from_slice(&Transformation::UrlEncode.apply(&argument.name, &env));
            text.push(b'=');
            text.extend_from_slice(&Transformation::UrlEncode.apply(&argument.value, &env));
        }
        Some(text)
    }

    fn stopwatch(&self) -> Stopwatch {
        let since_epoch = self
            .request
            .time
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Stopwatch {
            request_time: u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX),
            duration: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            combined: self.times.combined(),
            phases: self.times.phase_microseconds(),
            storage_read: self.times.reading / 1_000,
            storage_write: self.times.writing / 1_000,
            ..Stopwatch::default()
        }
    }
}

/// What is lost is counted, and told to the administrator, though not every time.
fn tell_losses(outcome: Result<(), Lost>, host: &mut dyn Host) {
    let losses = &host.metrics().audit_losses;
    if let Err(lost) = &outcome {
        losses.count(lost.records);
    }
    let total = losses.total();
    if let Some(number) = losses.complaint(SystemTime::now()) {
        let state = match outcome {
            Err(lost) => format!("{}: {}", lost.log, lost.error),
            Ok(()) => "the log can be written again".to_owned(),
        };
        let text = losses::complaint(losses::AUDIT_LOG, number, total, &state);
        host.error_log(LogLevel::Error, text.as_bytes());
    }
}
