//! How long the rules of one request may take: `SecRequestTimeBudget`.
//!
//! Patterns are searched for in linear time, and scripts, look-ups and pauses have limits of their own; what is left is
//! many rules and much to read. When the budget is spent, only [rules about TX](Entry::is_about_tx) are still asked:
//! those that add up scores and decide, and those that look for the flag.
//!
//! Difference to mod_security2: it has no such limit.

use std::time::Instant;

use crate::ruleset::Entry;
use crate::transaction::Transaction;

impl Transaction {
    /// Whether the rule is passed by because the request has had its time. `begun` is when the phase was.
    ///
    /// Compat: as other limits, it is told once, in both logs, and by a variable in TX.
    pub(super) fn is_out_of_time(&mut self, entry: &Entry, begun: Instant) -> bool {
        if !self.out_of_time {
            let before: u64 = self.times.phases.iter().sum();
            let now = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let spent = before.saturating_add(now);
            if u128::from(spent) <= (self.config.time_budget + self.paused).as_nanos() {
                return false;
            }
            self.out_of_time = true;
            self.tx.set(b"MSC_TIME_BUDGET_EXCEEDED", "1");
            let text = format!(
                "Time budget of {} ms exceeded before rule [id \"{}\"]: rules that look at the request are not asked any more",
                self.config.time_budget.as_millis(),
                entry.chain.id()
            );
            self.engine_alert(text.as_bytes());
        }
        !entry.is_about_tx()
    }
}
