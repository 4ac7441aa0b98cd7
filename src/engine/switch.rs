//! Switches: rules that compare a TX variable with a number and skip others.
//!
//! They are most of what a rule set runs for an ordinary request (`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2"
//! "…,nolog,skipAfter:…"`), so that they are decided here without the ceremony of other rules. What they do is the same.

use std::sync::Arc;

use crate::ruleset::{Chain, Rule, Switch};
use crate::transaction::{MatchedRule, Transaction, Value};
use crate::variables::Variable;

impl Transaction {
    /// Decides a chain that begins with a comparison of a TX variable: `Some(false)` when it does not hold, `Some(true)`
    /// when it holds and that is all there is to do. `None`: the chain is to be run.
    pub(super) fn switch(&mut self, chain: &Arc<Chain>) -> Option<bool> {
        let rule = chain.starter()?;
        let switch = Switch::of(rule)?;
        let mut values = self.tx.named(switch.key);
        let matched = if switch.count {
            let number = values.count().to_string().into_bytes();
            switch.matches(&number).then(|| (b"TX".to_vec(), number))
        } else {
            let found = values.find(|(_, value)| switch.matches(value));
            found.map(|(name, value)| (Value::name_in(Variable::Tx, name), value.to_vec()))
        };
        let Some(matched) = matched else {
            return Some(false);
        };
        if !is_bare(chain, rule) || !self.overrides.removals.is_empty() {
            return None;
        }
        self.matches.vars.push(matched);
        self.matches.end_chain();
        self.matches.rules.push(MatchedRule {
            chain: Arc::clone(chain),
            matched: 1,
        });
        Some(true)
    }
}

/// Whether a match of the chain does nothing but go on somewhere.
fn is_bare(chain: &Chain, rule: &Rule) -> bool {
    chain.rules.len() == 1
        && chain.complete
        && !chain.is_told()
        && chain.pause.is_none()
        && rule.effects.is_empty()
        && rule.meta.severity.is_none()
}
