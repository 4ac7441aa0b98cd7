//! Switches: rules that compare a TX variable with a number and skip others.
//!
//! They are most of what a rule set runs for an ordinary request (`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2"
//! "…,nolog,skipAfter:…"`, `SecRule &TX:blocking_paranoia_level "@eq 0" "…,nolog,setvar:…"`), so that they are decided
//! here without the ceremony of other rules. What they do is the same.

use std::sync::Arc;

use crate::actions::{Ctl, Effect};
use crate::host::Host;
use crate::ruleset::{Chain, Entry, Rule, Switch};
use crate::transaction::{MatchedRule, Transaction, Value};
use crate::variables::Variable;

impl Transaction {
    /// Decides a chain that begins with a comparison of a TX variable: `Some(false)` when it does not hold, `Some(true)`
    /// when it holds and that is all there is to do. `None`: the chain is to be run.
    pub(super) fn switch(&mut self, entry: &Entry, host: &dyn Host) -> Option<bool> {
        let matched = self.switch_value(entry.switch.as_ref()?);
        let Some(matched) = matched else {
            return Some(false);
        };
        let chain = &entry.chain;
        let rule = chain.starter()?;
        if !is_simple(chain, rule) || self.is_touched(chain, rule) {
            return None;
        }
        self.matches.vars.push(matched);
        for effect in &rule.effects {
            if let Effect::SetVar(set) = effect {
                self.set_variable(chain, set, host);
            }
        }
        self.matches.see(chain, 0);
        self.matches.end_chain();
        self.matches.rules.push(MatchedRule {
            chain: Arc::clone(chain),
            matched: 1,
        });
        Some(true)
    }

    /// The value with which it matches, and its name.
    fn switch_value(&self, switch: &Switch) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut values = self.tx.named(&switch.key);
        if switch.count {
            let number = values.count().to_string().into_bytes();
            let name = switch.spelled.as_deref().unwrap_or("TX");
            let name = name.as_bytes().to_vec();
            return switch.matches(&number).then_some((name, number));
        }
        let (name, value) = values.find(|(_, value)| switch.matches(value))?;
        Some((Value::name_in(Variable::Tx, name), value.to_vec()))
    }

    /// Whether `ctl` took the rule out, or a variable of TX out of it.
    fn is_touched(&self, chain: &Chain, rule: &Rule) -> bool {
        let removals = &self.overrides.removals;
        removals.iter().any(|removal| match removal {
            Ctl::RemoveTarget(selector, targets) => {
                let of_tx = targets.iter().any(|target| target.variable == Variable::Tx);
                of_tx && selector.selects(&rule.meta)
            }
            _ => false,
        }) || self.is_removed(chain)
    }
}

/// Whether a match of the chain does nothing but set variables and go on somewhere.
fn is_simple(chain: &Chain, rule: &Rule) -> bool {
    chain.rules.len() == 1
        && chain.complete
        && !chain.is_told()
        && chain.pause.is_none()
        && rule.meta.severity.is_none()
        && rule
            .effects
            .iter()
            .all(|effect| matches!(effect, Effect::SetVar(_)))
}
