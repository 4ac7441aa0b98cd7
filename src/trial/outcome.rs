//! What came of a trial.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::transaction::Transaction;

/// What came of a request.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The request line.
    pub request: String,
    /// Who the client is.
    pub client: String,
    /// What the client is answered.
    pub decision: Decision,
    /// The chains that matched to their end, in order.
    pub matched: Vec<Found>,
    /// The alerts, as logs have them.
    pub alerts: Vec<String>,
    /// The TX collection at the end, without captures.
    pub tx: BTreeMap<String, String>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What the client is answered, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What happens to the request.
    pub action: Action,
    /// The status of the answer.
    pub status: u16,
    /// The phase that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<u8>,
    /// The rule that decided; absent where a limit did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<u64>,
    /// Where a redirection leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It passes.
    Pass,
    /// A rule or a limit refuses it.
    Deny,
    /// The connection is closed without an answer.
    Drop,
    /// The client is sent elsewhere.
    Redirect,
    /// It is handed to mod_proxy.
    Proxy,
    /// httpd refuses it by itself.
    Httpd,
}

impl Decision {
    /// A request that passes, and what is answered to it.
    pub(super) fn pass(status: u16) -> Decision {
        Decision::of(Action::Pass, status, None)
    }

    pub(super) fn of(action: Action, status: u16, phase: Option<u8>) -> Decision {
        Decision {
            action,
            status,
            phase,
            rule: None,
            location: None,
        }
    }

    /// Whether rules keep the request from its handler, or its answer from the client.
    pub fn is_refused(&self) -> bool {
        !matches!(self.action, Action::Pass | Action::Httpd)
    }
}

/// A chain that matched.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Its id.
    pub id: u64,
    /// Its phase.
    pub phase: u8,
    /// Its message, with macros expanded when it matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its message as the rule has it: the same for all requests.
    #[serde(skip)]
    pub written: Option<String>,
    /// Whether a match of it goes to the logs.
    #[serde(skip)]
    pub logs: bool,
    /// Its `logdata`, expanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The name of its severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<&'static str>,
    /// Where it stands.
    pub file: String,
    /// The line.
    pub line: u32,
    /// What its rules matched on.
    pub on: Vec<Seen>,
}

/// A value that matched.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// The rule's place in its chain.
    pub rule: usize,
    /// The variable.
    pub name: String,
    /// The value as transformed.
    pub value: String,
}

impl Outcome {
    /// The ids of what matched, in order; a chain that matched several times stands there once.
    pub fn ids(&self) -> Vec<u64> {
        self.matched.iter().map(|found| found.id).collect()
    }

    pub(super) fn of(
        transaction: &Transaction,
        decision: Decision,
        alerts: Vec<String>,
        notes: Vec<String>,
    ) -> Outcome {
        let captures =
            |name: &str| name.len() == 1 && name.as_bytes().iter().all(u8::is_ascii_digit);
        let tx = transaction.tx().iter();
        Outcome {
            request: text(&transaction.request().line),
            client: transaction.connection().client.client.to_string(),
            decision,
            matched: matched(transaction),
            alerts,
            tx: tx
                .map(|(name, value)| (text(name), text(value)))
                .filter(|(name, _)| !captures(name))
                .collect(),
            notes,
        }
    }
}

/// The sightings of a transaction by chain.
fn matched(transaction: &Transaction) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut last = None;
    for sighting in transaction.matches().sightings() {
        let chain = std::sync::Arc::as_ptr(&sighting.chain);
        let Some(starter) = sighting.chain.starter() else {
            continue;
        };
        if last != Some(chain) {
            last = Some(chain);
            let meta = &starter.meta;
            found.push(Found {
                id: meta.id,
                phase: sighting.chain.phase.number(),
                message: None,
                written: meta.msg_text.as_deref().map(text),
                logs: sighting.chain.log,
                data: None,
                severity: meta.severity.and_then(|severity| severity.name()),
                file: starter.origin.file.to_string(),
                line: starter.origin.line,
                on: Vec::new(),
            });
        }
        if let Some(found) = found.last_mut() {
            // A chain that matched on several values says the first thing of all.
            if let Some(said) = &sighting.said {
                let first = |kept: &mut Option<String>, words: &Option<Vec<u8>>| {
                    *kept = kept.take().or_else(|| words.as_deref().map(text));
                };
                first(&mut found.message, &said.message);
                first(&mut found.data, &said.data);
            }
            found.on.push(Seen {
                rule: sighting.position,
                name: text(&sighting.name),
                value: text(&sighting.value),
            });
        }
    }
    found
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
