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

/// How much is done between two looks at the clock, each of which takes as long as a small rule: so many bytes are looked
/// at, or as many rules as [`OF_A_RULE`] makes of it. That is some microseconds.
const WORTH_A_LOOK: usize = 2048;

/// What a rule takes with each of its values, as so many bytes.
pub(super) const OF_A_RULE: usize = 128;

impl Transaction {
    /// Adds to what has been done since somebody looked at the clock, in bytes.
    pub(super) fn add_work(&self, bytes: usize) {
        self.work.set(self.work.get().saturating_add(bytes));
    }

    /// Something has been done of which nobody knows how long it takes: the clock will be looked at.
    pub(super) fn add_unknown_work(&self) {
        self.work.set(WORTH_A_LOOK);
    }

    /// Whether the rule is passed by because the request has had its time. `begun` is when the phase was.
    ///
    /// The clock is looked at when there has been something to do since it was last.
    ///
    /// Compat: as other limits, it is told once, in both logs, and by a variable in TX.
    pub(super) fn is_out_of_time(&mut self, entry: &Entry, begun: Instant) -> bool {
        if !self.out_of_time {
            if self.work.get() < WORTH_A_LOOK {
                return false;
            }
            self.work.set(0);
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
