//! Fills the XMLRPC and PINGBACK collections, before phase 2.

use crate::config::PingbackResponse;
use crate::host::Host;
use crate::limits;
use crate::linkback::{Outcome, Verified, Verifier};
use crate::pingback::{self, Finding, Signals};
use crate::transaction::Transaction;
use crate::types::EngineMode;
use crate::values::Collection;

impl Transaction {
    /// Looks at a body that was read as XML, whatever its Content-Type says.
    pub(super) fn inspect_pingback(&mut self, host: &dyn Host) {
        if self.config.pingback_engine == EngineMode::Off || self.mode() == EngineMode::Off {
            return;
        }
        let Some(document) = self.body.document() else {
            return;
        };
        let start = self
            .request_body()
            .head(pingback::RECOGNITION_WINDOW)
            .unwrap_or_default();
        let headers = self
            .request
            .headers
            .iter()
            .map(|header| (&header.name[..], &header.value[..]));
        let mut signals = Signals::from_headers(headers);
        signals.server_address = Some(self.connection.local_ip);
        let mut inspection =
            pingback::inspect(document, &start, &signals, &|name: &str| host.serves(name));

        let outcome = self.verify(&inspection.finding, host);
        if outcome.is_some_and(|outcome| outcome.verified() == Verified::No) {
            inspection.finding.refute();
        }

        let mut xmlrpc = Collection::default();
        if let Some(call) = &inspection.call {
            xmlrpc.push("method", call.method().clone());
            xmlrpc.push("method_count", inspection.finding.method_count.to_string());
            for (at, param) in call.params().take(limits::XMLRPC_PARAMS_SHOWN).enumerate() {
                xmlrpc.push(format!("param.{}", at + 1), param.shared_text());
            }
        }
        let answers_faults = self.config.pingback_response == PingbackResponse::Fault;
        self.fault = inspection.finding.refusal().filter(|_| answers_faults);
        let mut found = Collection::default();
        for (name, value) in inspection.finding.variables() {
            found.push(name, value);
        }
        if let Some(outcome) = outcome {
            found.push("verified", outcome.verified().name());
            found.push("verification", outcome.name());
        }
        let looks_on = self.config.pingback_engine == EngineMode::DetectionOnly;
        if looks_on && inspection.finding.verdict != pingback::Verdict::NotAPing {
            found.push("mode", "DetectionOnly");
        }
        let verdict = inspection.finding.verdict.name();
        self.debug(4, |_| {
            format!("Pingback inspection: {verdict}.").into_bytes()
        });
        self.xmlrpc = xmlrpc;
        self.pingback = found;
    }

    /// Looks for the link, where that is wanted and nothing else stands against the ping.
    fn verify(&self, finding: &Finding, host: &dyn Host) -> Option<Outcome> {
        let options = match self.config.pingback_gateway {
            Some(_) => self.config.pingback_verify?.before_delivery(),
            None => self.config.pingback_verify?,
        };
        let (source, target) = (finding.source.as_ref()?, finding.target.as_ref()?);
        if !finding.is_open() {
            return None;
        }
        let memory = host.linkbacks()?;
        let connection = &self.connection;
        let verifier = Verifier::new(options, memory, &self.config.resolver);
        let outcome = verifier.verify(
            source,
            target,
            connection.client.client,
            connection.local_ip,
        );
        self.debug(4, |_| {
            format!("Pingback verification: {}.", outcome.name()).into_bytes()
        });
        Some(outcome)
    }
}
