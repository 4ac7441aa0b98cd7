//! Fills the XMLRPC and PINGBACK collections, before phase 2.

use crate::host::Host;
use crate::limits;
use crate::pingback::{self, Signals};
use crate::transaction::{Collection, Transaction};
use crate::types::EngineMode;

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
        let inspection =
            pingback::inspect(document, &start, &signals, &|name: &str| host.serves(name));

        let mut xmlrpc = Collection::default();
        if let Some(call) = &inspection.call {
            xmlrpc.push("method", call.method().clone());
            xmlrpc.push("method_count", inspection.finding.method_count.to_string());
            for (at, param) in call.params().take(limits::XMLRPC_PARAMS_SHOWN).enumerate() {
                xmlrpc.push(format!("param.{}", at + 1), param.shared_text());
            }
        }
        let mut found = Collection::default();
        for (name, value) in inspection.finding.variables() {
            found.push(name, value);
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
}
