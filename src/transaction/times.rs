//! What the transaction has spent its time on.

use std::time::Instant;

use super::Transaction;
use crate::types::Phase;

/// Nanoseconds, and the rules over `SecRulePerfTime`.
#[derive(Default)]
pub(crate) struct Times {
    /// In each phase.
    pub(crate) phases: [u64; 5],
    /// Opening collections.
    pub(crate) reading: u64,
    /// Storing them.
    pub(crate) writing: u64,
    /// Rule ids with microseconds, in the order of their first evaluation that took so long.
    pub(crate) rules: Vec<(u64, u64)>,
}

/// Nanoseconds since then.
pub(crate) fn since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl Times {
    /// Microseconds in each phase.
    pub(crate) fn phase_microseconds(&self) -> [u64; 5] {
        self.phases.map(|nanoseconds| nanoseconds / 1_000)
    }

    /// Microseconds in all.
    ///
    /// Compat: collections are opened by rules, so that time is within a phase.
    pub(crate) fn combined(&self) -> u64 {
        self.phase_microseconds().iter().sum::<u64>() + self.writing / 1_000
    }

    /// Adds to what a rule took.
    fn add_rule(&mut self, id: u64, microseconds: u64) {
        match self.rules.iter_mut().rfind(|(known, _)| *known == id) {
            Some((_, total)) => *total = total.saturating_add(microseconds),
            None => self.rules.push((id, microseconds)),
        }
    }

    /// PERF_ALL.
    pub(super) fn summary(&self) -> String {
        let [p1, p2, p3, p4, p5] = self.phase_microseconds();
        let (combined, sr, sw) = (self.combined(), self.reading / 1_000, self.writing / 1_000);
        format!(
            "combined={combined}, p1={p1}, p2={p2}, p3={p3}, p4={p4}, p5={p5}, sr={sr}, sw={sw}, l=0, gc=0"
        )
    }
}

impl Transaction {
    /// Adds the time since then to a phase's.
    pub(crate) fn spend(&mut self, phase: Phase, start: Instant) {
        if let Some(total) = self.times.phases.get_mut(phase.index()) {
            *total = total.saturating_add(since(start));
        }
    }

    /// Whether each rule's time is taken (`SecRulePerfTime`).
    pub(crate) fn times_rules(&self) -> bool {
        self.config.rule_perf_time > 0
    }

    /// Takes note of an evaluation of a rule that took as long as `SecRulePerfTime` says.
    pub(crate) fn spend_on_rule(&mut self, id: u64, start: Instant) {
        let microseconds = since(start) / 1_000;
        if microseconds >= self.config.rule_perf_time {
            self.times.add_rule(id, microseconds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_adds_up() {
        let mut times = Times {
            phases: [1_999, 2_000, 0, 0, 5_000],
            reading: 1_000,
            writing: 3_500,
            rules: Vec::new(),
        };
        times.add_rule(7, 10);
        times.add_rule(8, 1);
        times.add_rule(7, 5);
        assert_eq!(times.rules, [(7, 15), (8, 1)]);
        assert_eq!(times.combined(), 1 + 2 + 5 + 3);
        assert_eq!(
            times.summary(),
            "combined=11, p1=1, p2=2, p3=0, p4=0, p5=5, sr=1, sw=3, l=0, gc=0"
        );
    }
}
