//! What an ordinary request reaches.
//!
//! Which rules run is mostly decided by the configuration: `SecAction`s set TX variables, and [switches](Switch) skip
//! what they exclude, such as the rules of higher paranoia levels. A rehearsal follows these alone, phase after phase,
//! as if no other rule matched. The rules that it passes by are not scanned for: a request that reaches them after all
//! has them asked one by one. So the scan is smaller, and no result depends on a guess.

use std::collections::HashMap;

use super::assemble::Entry;
use super::rule::{Chain, Rule};
use super::switch::Switch;
use crate::actions::{Assignment, Effect, SetVar};
use crate::operators::{Operator, atoi};
use crate::template::Template;
use crate::variables::Variable;

/// TX as the configuration alone makes it. Names are in lower case.
#[derive(Debug, Default)]
pub(super) struct Rehearsal {
    tx: HashMap<Vec<u8>, Vec<u8>>,
}

impl Rehearsal {
    /// Runs a phase; tells of each rule whether it is reached.
    pub fn run(&mut self, entries: &[Entry]) -> Vec<bool> {
        let mut reached = vec![false; entries.len()];
        let mut at = 0;
        while let Some(entry) = entries.get(at) {
            if let Some(reached) = reached.get_mut(at) {
                *reached = true;
            }
            let matched = self.matches(&entry.chain);
            at = if matched { entry.next } else { at + 1 };
        }
        reached
    }

    /// Whether the chain matches whatever the request; then its effects on TX are taken in.
    fn matches(&mut self, chain: &Chain) -> bool {
        let [rule] = chain.rules.as_slice() else {
            return false;
        };
        let holds = match Switch::of(rule) {
            Some(switch) => self.holds(&switch),
            None => {
                rule.script.is_none() && matches!(*rule.test.operator, Operator::UnconditionalMatch)
            }
        };
        if holds && chain.complete {
            self.perform(rule);
        }
        holds && chain.complete
    }

    fn holds(&self, switch: &Switch) -> bool {
        let value = self.tx.get(&switch.key.to_ascii_lowercase());
        match (switch.count, value) {
            (true, value) => switch.matches(if value.is_some() { b"1" } else { b"0" }),
            (false, value) => value.is_some_and(|value| switch.matches(value)),
        }
    }

    fn perform(&mut self, rule: &Rule) {
        for effect in &rule.effects {
            if let Effect::SetVar(set) = effect
                && set.collection == Some(Variable::Tx)
            {
                self.set(set);
            }
        }
    }

    fn set(&mut self, set: &SetVar) {
        let name = self.expand(&set.name).to_ascii_lowercase();
        match &set.assignment {
            Assignment::Unset => {
                self.tx.remove(&name);
            }
            Assignment::Set(value) => {
                let value = self.expand(value);
                self.tx.insert(name, value);
            }
            Assignment::Add(value) => {
                let before = self.tx.get(&name).map_or(0, |value| atoi(value));
                let sum = before.saturating_add(atoi(&self.expand(value))).max(0);
                self.tx.insert(name, sum.to_string().into_bytes());
            }
        }
    }

    /// Macros of TX are known; what depends on the request is left empty.
    fn expand(&self, template: &Template) -> Vec<u8> {
        let mut text = Vec::new();
        template.expand(&mut text, |found, out| {
            if let (Some(Variable::Tx), Some(key)) = (found.variable, &found.key)
                && let Some(value) = self.tx.get(&key.to_ascii_lowercase())
            {
                out.extend_from_slice(value);
            }
        });
        text
    }
}
