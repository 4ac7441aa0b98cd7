//! Switches: rules that compare a TX variable with a number and skip others.
//!
//! They are most of what a rule set runs for an ordinary request (`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2"
//! "…,nolog,skipAfter:…"`, `SecRule &TX:blocking_paranoia_level "@eq 0" "…,nolog,setvar:…"`), so that they are decided
//! here without the ceremony of other rules. What they do is the same.

use crate::actions::{Ctl, Effect, TargetExclusion};
use crate::host::Host;
use crate::ruleset::{Chain, Entry, Foregone, Rule, Set, Switch};
use crate::transaction::{Transaction, Value};
use crate::variables::Variable;

impl Transaction {
    /// Takes what the configuration decides about rules.
    pub(super) fn take_foregone(&mut self, foregone: &Foregone) {
        match &foregone.fresh {
            Some(fresh) if self.tx.is_empty() => self.tx = fresh.clone(),
            _ => self.change_tx(&foregone.sets),
        }
        if let Some(settled) = &foregone.matched {
            self.matches.settle(settled);
        }
        self.asked.passed_by += foregone.passed_by;
        self.asked.regexes_saved += foregone.regexes;
    }

    fn change_tx(&mut self, sets: &[Set]) {
        for (name, value) in sets {
            match value {
                Some(value) => self.tx.put(name.clone(), value.clone()),
                None => self.tx.remove(name),
            }
        }
    }

    /// Decides a chain that begins with a comparison of a TX variable: `Some(false)` when it does not hold, `Some(true)`
    /// when it holds and that is all there is to do. `None`: the chain is to be run.
    pub(super) fn switch(&mut self, entry: &Entry, host: &dyn Host) -> Option<bool> {
        let matched = self.switch_value(entry.switch.as_ref()?);
        let Some(matched) = matched else {
            return Some(false);
        };
        let chain = &entry.chain;
        let rule = chain.starter()?;
        if !chain.only_sets_variables() || self.is_touched(chain, rule) {
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
        self.matches.count(chain, 1);
        Some(true)
    }

    /// The value with which it matches, and its name.
    fn switch_value(&self, switch: &Switch) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut values = self.tx.named(&switch.key);
        if switch.count {
            let number = values.count().to_string().into_bytes();
            return switch
                .matches(&number)
                .then(|| (switch.spelled().as_bytes().to_vec(), number));
        }
        let (name, value) = values.find(|(_, value)| switch.matches(value))?;
        Some((Value::name_in(Variable::Tx, name), value.to_vec()))
    }

    /// Whether `ctl` took out anything that the configuration may have decided about.
    pub(super) fn removes_foreseen(&self) -> bool {
        self.overrides.removals.iter().any(|removal| match removal {
            Ctl::RemoveTarget(_, targets) => is_of_tx(targets),
            _ => true,
        })
    }

    /// Whether `ctl` took the rule out, or a variable of TX out of it.
    fn is_touched(&self, chain: &Chain, rule: &Rule) -> bool {
        let removals = &self.overrides.removals;
        removals.iter().any(|removal| match removal {
            Ctl::RemoveTarget(selector, targets) => {
                is_of_tx(targets) && selector.selects(&rule.meta)
            }
            _ => false,
        }) || self.is_removed(chain)
    }
}

fn is_of_tx(targets: &[TargetExclusion]) -> bool {
    targets.iter().any(|target| target.variable == Variable::Tx)
}
