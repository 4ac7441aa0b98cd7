//! The scan at the beginning of a phase: which rules are to be asked, and about which values.

use std::sync::Mutex;

use crate::host::Host;
use crate::ruleset::PhaseRules;
use crate::ruleset::prefilter::{Candidate, Scan, Scratch};
use crate::transaction::{Scene, Transaction};
use crate::transformations::Env;

/// What the scan of a phase found, taken up rule by rule.
#[derive(Default)]
pub(super) struct Candidates {
    /// By rule, then layer, source and value.
    list: Vec<Candidate>,
    next: usize,
}

impl Candidates {
    /// The first rule from `at` on that has candidates.
    pub fn next_rule(&mut self, at: usize) -> Option<usize> {
        let rest = self.list.get(self.next..).unwrap_or_default();
        self.next += rest.partition_point(|candidate| candidate.rule() < at);
        self.list.get(self.next).map(Candidate::rule)
    }

    /// The candidates of a rule.
    pub fn of(&self, rule: usize) -> &[Candidate] {
        let rest = self.list.get(self.next..).unwrap_or_default();
        let end = rest.partition_point(|candidate| candidate.rule() <= rule);
        rest.get(..end).unwrap_or_default()
    }
}

/// Memory for scans, shared by the threads of a process.
static POOL: Mutex<Vec<Scratch>> = Mutex::new(Vec::new());

/// How many of them are kept. More scans than that at the same time are rare: a scan takes a fraction of a millisecond.
const KEPT_SCRATCHES: usize = 4;

impl Transaction {
    /// Scans the values of a phase. `None` where every rule is to be asked about everything.
    pub(super) fn scan(&self, rules: &PhaseRules, host: &dyn Host) -> Option<Candidates> {
        // Who reads along wants to see every rule.
        if !self.config.prefilter || self.debugs(4) || self.times_rules() {
            return None;
        }
        let scene = Scene { host, rule: None };
        let env = Env {
            unicode_map: self.config.unicode_map.as_deref(),
        };
        let mut list = Vec::new();
        let mut scratch = POOL
            .lock()
            .ok()
            .and_then(|mut pool| pool.pop())
            .unwrap_or_default();
        for (layer, part) in rules.scans().iter().enumerate() {
            let mut scan = Scan::new(part, layer, env, &mut scratch, &mut list);
            for (number, source) in part.prefilter.sources().iter().enumerate() {
                let mut at = 0;
                self.select(
                    source.variable,
                    &source.selector,
                    &scene,
                    &mut |key, value| {
                        self.add_work(1 + value.len());
                        scan.value(number, at, key.as_deref(), &value);
                        at += 1;
                    },
                );
            }
        }
        scratch.trim();
        if let Ok(mut pool) = POOL.lock()
            && pool.len() < KEPT_SCRATCHES
        {
            pool.push(scratch);
        }
        list.sort_unstable();
        list.dedup();
        Some(Candidates { list, next: 0 })
    }
}
