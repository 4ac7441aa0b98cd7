//! What a transaction came to, in numbers for the whole server.

use std::time::SystemTime;

use crate::metrics::{Finished, Metrics};
use crate::pingback::{Reason, Verdict};
use crate::transaction::Transaction;

impl Transaction {
    /// Counts the transaction at its beginning.
    pub fn begun(&self, metrics: &Metrics) {
        if !self.is_wake_up_call() {
            metrics.begun();
        }
    }

    /// Whether httpd has sent this to itself, so that a process that waits for a request sees that it is to end.
    fn is_wake_up_call(&self) -> bool {
        let own = self
            .connection
            .client
            .is_on_this_machine(self.connection.local_ip);
        let mut agents = self.request_header("User-Agent");
        own && self.request.uri_raw == "*"
            && agents.any(|agent| agent.ends_with(b"(internal dummy connection)"))
    }

    /// Counts the transaction at its end.
    pub(super) fn tally(&self, metrics: &Metrics) {
        if self.is_wake_up_call() {
            return;
        }
        let now = SystemTime::now();
        let response = self.response_body.visible();
        let finished = Finished {
            client: self.connection.client.client,
            interruption: self.refused,
            nanoseconds: self.times.phases,
            request_bytes: self.body.seen(),
            response_bytes: response.map_or(0, |body| body.len() as u64),
            asked: self.asked,
        };
        metrics.finished(&finished, now);
        if let Some((verdict, reasons)) = self.pingback_finding() {
            metrics.pingback(verdict, &reasons, self.refused.is_some(), now);
        }
    }

    /// What PINGBACK says of the request, in types.
    fn pingback_finding(&self) -> Option<(Verdict, Vec<Reason>)> {
        let verdict = self.pingback.get(b"verdict")?;
        let verdict = Verdict::lookup(verdict)?;
        let reasons = self.pingback.named(b"reason");
        let reasons = reasons.filter_map(|(_, name)| Reason::lookup(name));
        Some((verdict, reasons.collect()))
    }
}
