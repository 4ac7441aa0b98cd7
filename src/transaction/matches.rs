//! What rules have found.

use std::sync::Arc;

use crate::limits;
use crate::ruleset::{Chain, Seen, Settled};
use crate::types::{Phase, Severity};

/// The findings of a transaction.
#[derive(Default)]
pub struct Matches {
    /// MATCHED_VARS: those of the chain that runs, name and value.
    pub(crate) vars: Vec<(Vec<u8>, Vec<u8>)>,
    /// The last of the chains before.
    last: Option<Last>,
    /// HIGHEST_SEVERITY.
    pub(crate) highest_severity: Option<Severity>,
    /// Alerts, in order (part H).
    pub(crate) messages: Vec<Message>,
    /// There were more alerts than are logged.
    pub(crate) withheld: bool,
    /// Chains that matched to the end or in part (part K).
    rules: Vec<Found>,
    /// How many they are.
    count: usize,
    /// An alert asks for a record.
    pub(crate) relevant: bool,
    /// What the rule that interrupted the request found, and the phase.
    pub(crate) intercepted: Option<(Phase, Vec<u8>)>,
    /// REFUSED_BY: the id of that rule.
    pub(crate) refused_by: Option<u64>,
    /// Every match of every rule with its value, where somebody asked for that.
    witness: Option<Vec<Sighting>>,
}

/// A match of one rule: which rule, and on what.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The chain.
    pub chain: Arc<Chain>,
    /// The rule's place in it.
    pub position: usize,
    /// The name of the variable; empty where the rule looks at none.
    pub name: Vec<u8>,
    /// Its value as transformed.
    pub value: Vec<u8>,
    /// What the chain says then, where this match completes it: `msg` and `logdata`, expanded.
    pub said: Option<Said>,
}

/// What a chain says of a match.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// `msg`.
    pub message: Option<Vec<u8>>,
    /// `logdata`.
    pub data: Option<Vec<u8>>,
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
    /// Its text: which of the messages.
    pub(crate) message: usize,
    /// White space behind it, which records do without.
    pub(crate) behind: Box<[u8]>,
    /// Whether it refuses the request, or says why it will be refused: then it names nobody who is not to blame.
    pub(crate) denial: bool,
}

/// A chain of which rules matched.
#[derive(Clone, Copy)]
pub struct MatchedRule<'m> {
    /// The chain.
    pub chain: &'m Arc<Chain>,
    /// How many of its rules, from the first.
    pub matched: usize,
}

/// Chains that matched.
enum Found {
    /// One, and how many of its rules.
    One(Arc<Chain>, usize),
    /// Chains of one rule, as the configuration decided.
    Foregone(Arc<Settled>),
}

/// The last match of a chain that has ended.
enum Last {
    /// Name and value.
    Found(Vec<u8>, Vec<u8>),
    /// As the configuration decided.
    Foregone(Arc<Settled>),
}

/// The value that matched last.
pub(crate) enum Matched<'m> {
    /// Name and value.
    Found(&'m [u8], &'m [u8]),
    /// As the configuration decided.
    Foregone(&'m Seen),
}

impl Matches {
    /// MATCHED_VAR_NAME and MATCHED_VAR: the last value that matched, as transformed.
    pub(crate) fn var(&self) -> Option<Matched<'_>> {
        if let Some((name, value)) = self.vars.last() {
            return Some(Matched::Found(name, value));
        }
        Some(match self.last.as_ref()? {
            Last::Found(name, value) => Matched::Found(name, value),
            Last::Foregone(settled) => Matched::Foregone(&settled.seen),
        })
    }

    /// The chain that ran has ended.
    pub(crate) fn end_chain(&mut self) {
        if let Some((name, value)) = self.vars.pop() {
            self.last = Some(Last::Found(name, value));
            self.vars.clear();
        }
    }

    /// From now on every match is kept with its value: for whoever tries rules, never for a server.
    pub fn watch(&mut self) {
        self.witness.get_or_insert_default();
    }

    /// Whether every match is kept.
    pub(crate) fn is_watched(&self) -> bool {
        self.witness.is_some()
    }

    /// What was kept since [`Matches::watch`]: the rules of chains that matched to their end.
    pub fn sightings(&self) -> &[Sighting] {
        self.witness.as_deref().unwrap_or_default()
    }

    /// Keeps a match of the rule at `position`.
    pub(crate) fn see(&mut self, chain: &Arc<Chain>, position: usize) {
        let Some(seen) = &mut self.witness else {
            return;
        };
        let (name, value) = self.vars.last().cloned().unwrap_or_default();
        seen.push(Sighting {
            chain: Arc::clone(chain),
            position,
            name,
            value,
            said: None,
        });
    }

    /// Keeps what the chain said of its last match.
    pub(crate) fn say(&mut self, said: Said) {
        if let Some(last) = self.witness.as_mut().and_then(|seen| seen.last_mut()) {
            last.said = Some(said);
        }
    }

    /// Forgets all but the first: the chain did not match to its end.
    pub(crate) fn unsee(&mut self, kept: usize) {
        if let Some(seen) = &mut self.witness {
            seen.truncate(kept);
        }
    }

    /// A chain has matched to the end, or that many of its rules.
    ///
    /// Beyond [`limits::ALERTS_LIMIT`] only the last of several matches of one chain is kept: no record has the others.
    pub(crate) fn count(&mut self, chain: &Arc<Chain>, matched: usize) {
        let many = self.count > limits::ALERTS_LIMIT;
        match self.rules.last_mut() {
            Some(Found::One(last, most)) if many && Arc::ptr_eq(last, chain) => *most = matched,
            _ => {
                self.rules.push(Found::One(Arc::clone(chain), matched));
                self.count += 1;
            }
        }
    }

    /// Rules have matched as the configuration decided.
    pub(crate) fn settle(&mut self, settled: &Arc<Settled>) {
        self.last = Some(Last::Foregone(Arc::clone(settled)));
        self.rules.push(Found::Foregone(Arc::clone(settled)));
        self.count += settled.chains.len();
    }

    /// All matches.
    fn all(&self) -> impl Iterator<Item = MatchedRule<'_>> {
        self.rules.iter().flat_map(|found| {
            let (chains, matched) = match found {
                Found::One(chain, matched) => (std::slice::from_ref(chain), *matched),
                Found::Foregone(settled) => (settled.chains.as_slice(), 1),
            };
            let found = move |chain| MatchedRule { chain, matched };
            chains.iter().map(found)
        })
    }

    /// The matches that a record has: all, or of very many the first ones and the last, which may have refused.
    ///
    /// Limit: [`limits::ALERTS_LIMIT`].
    pub(crate) fn recorded(&self) -> impl Iterator<Item = MatchedRule<'_>> {
        let most = match self.count > limits::ALERTS_LIMIT {
            true => limits::ALERTS_LIMIT - 1,
            false => self.count,
        };
        self.all().take(most).chain(self.all().skip(most).last())
    }

    /// The alerts, in order.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The chains that matched to the end, in order.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Chain>> {
        self.all()
            .filter(|found| found.matched == found.chain.rules.len())
            .map(|found| found.chain)
    }
}
