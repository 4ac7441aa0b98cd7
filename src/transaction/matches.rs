//! What rules have found.

use std::sync::Arc;

use crate::ruleset::Chain;
use crate::types::{Phase, Severity};

/// The findings of a transaction.
#[derive(Default)]
pub struct Matches {
    /// MATCHED_VARS: those of the chain that runs, name and value.
    pub(crate) vars: Vec<(Vec<u8>, Vec<u8>)>,
    /// The last of the chains before.
    last: Option<(Vec<u8>, Vec<u8>)>,
    /// HIGHEST_SEVERITY.
    pub(crate) highest_severity: Option<Severity>,
    /// Alerts, in order (part H).
    pub(crate) messages: Vec<Message>,
    /// Chains that matched to the end or in part (part K).
    pub(crate) rules: Vec<MatchedRule>,
    /// An alert asks for a record.
    pub(crate) relevant: bool,
    /// What the rule that interrupted the request found, and the phase.
    pub(crate) intercepted: Option<(Phase, Vec<u8>)>,
}

/// One alert.
#[derive(Clone, Debug)]
pub struct Message {
    /// The text as logs carry it, without the server's prefix.
    pub text: Vec<u8>,
    /// The id of the rule; 0 for the engine's own alerts.
    pub rule: u64,
}

/// An alert on its way to the server's error log.
pub(crate) struct PendingAlert {
    /// The text, without the server's frame.
    pub(crate) text: Vec<u8>,
    /// Whether it refuses the request, or says why it will be refused: then it names nobody who is not to blame.
    pub(crate) denial: bool,
}

/// A chain of which rules matched.
#[derive(Clone)]
pub struct MatchedRule {
    /// The chain.
    pub chain: Arc<Chain>,
    /// How many of its rules, from the first.
    pub matched: usize,
}

impl Matches {
    /// MATCHED_VAR_NAME and MATCHED_VAR: the last value that matched, as transformed.
    pub(crate) fn var(&self) -> Option<&(Vec<u8>, Vec<u8>)> {
        self.vars.last().or(self.last.as_ref())
    }

    /// The chain that ran has ended.
    pub(crate) fn end_chain(&mut self) {
        if let Some(last) = self.vars.pop() {
            self.last = Some(last);
            self.vars.clear();
        }
    }

    /// The alerts, in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The chains that matched to the end, in order.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Chain>> {
        self.rules
            .iter()
            .filter(|found| found.matched == found.chain.rules.len())
            .map(|found| &found.chain)
    }
}
