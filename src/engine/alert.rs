//! What the logs say about a match, in the words that tools expect.

use crate::audit::escape::{log_escape, log_escape_hex};
use crate::host::{Host, LogLevel};
use crate::limits;
use crate::ruleset::{Chain, Rule};
use crate::transaction::{Message, PendingAlert, Said, Transaction};

impl Transaction {
    /// `ACTION MATCH [file …] [line …] [id …] … [tag …]`: the text of part H, and the error log line but for its frame.
    pub(super) fn rule_alert(
        &self,
        chain: &Chain,
        rule: &Rule,
        message: &[u8],
        action: &[u8],
        host: &dyn Host,
    ) -> Vec<u8> {
        let scene = self.scene(chain, host);
        // Compat: with `nolog` only one of the two is written.
        let warns = action == b"Warning.";
        let mut text = Vec::with_capacity(256);
        if chain.log || !warns {
            text.extend_from_slice(action);
        }
        if chain.log {
            text.push(b' ');
        }
        if chain.log || warns {
            text.extend_from_slice(message);
        }
        let Some(starter) = chain.starter() else {
            return text;
        };
        let meta = &starter.meta;
        let mut field = |name: &str, value: &[u8]| {
            text.extend_from_slice(b" [");
            text.extend_from_slice(name.as_bytes());
            text.extend_from_slice(b" \"");
            text.extend_from_slice(value);
            text.extend_from_slice(b"\"]");
        };
        let escaped = |value: &[u8]| {
            let mut out = Vec::with_capacity(value.len());
            log_escape(&mut out, value);
            out
        };
        // Compat: place and identity are those of the starter.
        if !starter.origin.file.is_empty() {
            field("file", &escaped(starter.origin.file.as_bytes()));
            field("line", starter.origin.line.to_string().as_bytes());
        }
        if meta.id != 0 {
            field("id", meta.id.to_string().as_bytes());
        }
        if let Some(rev) = &meta.rev {
            field("rev", &escaped(rev.as_bytes()));
        }
        if let Some(msg) = &meta.msg {
            field("msg", &escaped(&self.expand(msg, &scene)));
        }
        if let Some(logdata) = rule.meta.logdata.as_ref().or(meta.logdata.as_ref()) {
            let mut data = Vec::new();
            log_escape_hex(&mut data, &self.expand(logdata, &scene));
            if data.len() > limits::LOGDATA_LIMIT {
                data.truncate(limits::LOGDATA_LIMIT - 3);
                data.extend_from_slice(b"...");
            }
            field("data", &data);
        }
        if let Some(severity) = meta.severity.and_then(|severity| severity.name()) {
            field("severity", severity.as_bytes());
        }
        if let Some(ver) = &meta.ver {
            field("ver", &escaped(ver.as_bytes()));
        }
        if let Some(maturity) = meta.maturity {
            field("maturity", maturity.to_string().as_bytes());
        }
        if let Some(accuracy) = meta.accuracy {
            field("accuracy", accuracy.to_string().as_bytes());
        }
        for tag in &meta.tags {
            field("tag", &escaped(&self.expand(tag, &scene)));
        }
        text
    }

    /// Keeps what a chain says of its match, where somebody asked for that.
    pub(super) fn keep_words(&mut self, chain: &Chain, rule: &Rule, host: &dyn Host) {
        let Some(starter) = chain.starter().filter(|_| self.matches.is_watched()) else {
            return;
        };
        let scene = self.scene(chain, host);
        let data = rule.meta.logdata.as_ref().or(starter.meta.logdata.as_ref());
        let said = Said {
            message: starter
                .meta
                .msg
                .as_ref()
                .map(|text| self.expand(text, &scene)),
            data: data.map(|text| self.expand(text, &scene)),
        };
        self.matches.say(said);
    }

    /// Takes an alert of a rule into the logs that its switches name.
    ///
    /// Limit: [`limits::ALERTS_LIMIT`]; beyond it only what refuses is taken, and that there was more is said once.
    ///
    /// Compat: `nolog,auditlog` shows it in part H only; `noauditlog` keeps it from making the transaction relevant.
    pub(super) fn record_alert(&mut self, chain: &Chain, mut text: Vec<u8>, denial: bool) {
        if chain.log || chain.auditlog {
            self.debug_alert(chain.log, &text);
        }
        self.matches.relevant |= chain.auditlog;
        if !denial && self.matches.messages.len() >= limits::ALERTS_LIMIT {
            if !std::mem::replace(&mut self.matches.withheld, true) {
                let limit = limits::ALERTS_LIMIT;
                self.report(
                    format!("More than {limit} alerts: further ones are not logged.").as_bytes(),
                );
            }
            return;
        }
        if chain.log {
            self.pending_alerts.push(PendingAlert {
                message: self.matches.messages.len(),
                behind: Box::default(),
                denial,
            });
        }
        if chain.log || chain.auditlog {
            // There may be many, and they are kept.
            text.shrink_to_fit();
            self.matches.messages.push(Message {
                text,
                rule: chain.id(),
            });
        }
    }

    /// Compat: level 1 is for what decides, 2 for warnings, 4 for what no other log has.
    pub(super) fn debug_alert(&self, logged: bool, text: &[u8]) {
        let warns = text.starts_with(b"Warning.");
        let level = match (logged, warns) {
            (true, false) => 1,
            (true, true) => 2,
            (false, _) => 4,
        };
        self.debug(level, |_| text.to_vec());
    }

    /// An alert of the engine itself: a limit, a body that cannot be read.
    pub(crate) fn engine_alert(&mut self, text: &[u8]) {
        self.alert_at(1, text);
    }

    /// An alert of the engine itself, at the level from 1 to 3 that it has in the debug log.
    pub(crate) fn alert_at(&mut self, level: u8, text: &[u8]) {
        self.matches.relevant = true;
        self.report_at(level, text);
    }

    /// A message of the engine that does not by itself ask for a record.
    pub(crate) fn report(&mut self, text: &[u8]) {
        self.report_at(1, text);
    }

    fn report_at(&mut self, level: u8, text: &[u8]) {
        let (shown, behind) = text.split_at(text.trim_ascii_end().len());
        self.debug(level, |_| text.to_vec());
        self.pending_alerts.push(PendingAlert {
            message: self.matches.messages.len(),
            behind: behind.into(),
            denial: true,
        });
        self.matches.messages.push(Message {
            text: shown.to_vec(),
            rule: 0,
        });
    }

    /// Hands the alerts to the server's error log.
    pub(super) fn flush_alerts(&mut self, host: &mut dyn Host) {
        for alert in std::mem::take(&mut self.pending_alerts) {
            let line = self.error_line(&alert);
            host.error_log(LogLevel::Error, &line);
        }
    }

    /// Where in the server this is about.
    ///
    /// Compat: once there is a response, it is the index of a directory, not the directory.
    pub(super) fn path(&self) -> &[u8] {
        match &self.response {
            Some(response) if !response.path.is_empty() => &response.path,
            _ => &self.request.path,
        }
    }

    /// `[client A] [client A] ModSecurity: TEXT [hostname …] [uri …] [unique_id …]`.
    fn error_line(&self, alert: &PendingAlert) -> Vec<u8> {
        let frame = self.connection.client.log_frame(alert.denial);
        let mut line = (frame + "ModSecurity: ").into_bytes();
        let message = self.matches.messages.get(alert.message);
        let text = message.map_or(&[][..], |message| &message.text);
        // Compat: the text before `[hostname` is cut here, but not in the audit log.
        let shown = text.iter().chain(&alert.behind);
        line.extend(shown.take(limits::ERROR_LOG_ALERT_LIMIT));
        for (name, value) in [
            (" [hostname \"", &self.request.hostname[..]),
            ("\"] [uri \"", self.path()),
            ("\"] [unique_id \"", &self.request.unique_id),
        ] {
            line.extend_from_slice(name.as_bytes());
            log_escape(&mut line, value);
        }
        line.extend_from_slice(b"\"]");
        line
    }
}

/// Text as logs show it.
pub(super) fn quoted(text: &[u8]) -> String {
    let mut out = Vec::new();
    log_escape(&mut out, text);
    String::from_utf8_lossy(&out).into_owned()
}
