//! The only loop: phases, chains, skips, actions.
//!
//! The host creates a [`Transaction`], pushes facts into it and calls
//! `run(phase)`; the answer is a verdict. This room gives the transaction its behaviour:
//!
//! * `phases` run the chains of a phase in order (this file);
//! * `candidates` are what the scan at the beginning of a phase leaves to ask;
//! * `evaluate` asks one rule about its targets and changes nothing;
//! * `switch` decides the simplest rules;
//! * `budget` sees to it that they come to an end;
//! * `perform` does what the matching rule's actions say;
//! * `substitute` rewrites streams, `links` checks the proofs of signed links;
//! * `narrate` tells the debug log how it goes;
//! * `alert` words what the logs say of it;
//! * `scripts` runs Lua and programs where a rule asks for it;
//! * `persist` opens and stores persistent collections;
//! * `inspect` fills the XML-RPC and pingback collections;
//! * `uploads` keeps uploaded files or removes them;
//! * `lookup` asks databases and block lists;
//! * `finish` ends the transaction: phase 5, the audit record; `masks` knows what the record must not show;
//! * `tally` counts what it came to.

mod alert;
mod budget;
mod candidates;
mod debug;
mod documents;
mod evaluate;
mod finish;
mod found;
mod inspect;
mod links;
mod lookup;
mod masks;
mod narrate;
mod perform;
mod persist;
mod scripts;
mod substitute;
mod switch;
mod tally;
mod uploads;

use std::sync::Arc;
use std::time::Instant;

use crate::actions::Disruptive;
use crate::host::Host;
use crate::operators::Kind;
use crate::ruleset::prefilter::Role;
use crate::ruleset::{Chain, PhaseRules};
use crate::transaction::{Foreseen, Interruption, InterruptionKind, Transaction, Verdict};
use crate::types::{EngineMode, Phase};
use evaluate::{Known, Question};

impl Transaction {
    /// Runs the rules of a phase.
    ///
    /// After an interruption phases 2 to 4 are skipped. Phase 5 is not run from here but by
    /// [`Transaction::finish`].
    pub fn run(&mut self, phase: Phase, host: &mut dyn Host) -> Verdict {
        let begun = Instant::now();
        let verdict = self.run_once(phase, begun, host);
        self.spend(phase, begun);
        verdict
    }

    fn run_once(&mut self, phase: Phase, begun: Instant, host: &mut dyn Host) -> Verdict {
        match phase {
            Phase::RequestHeaders => self.narrate_head(),
            Phase::RequestBody => {
                self.end_request_body();
                self.narrate_body();
                self.inspect_pingback(host);
            }
            Phase::ResponseBody => {
                self.end_response_body();
                self.narrate_response();
            }
            _ => {}
        }
        let skipped =
            self.interruption.is_some() || self.allowed_until.is_some_and(|last| phase <= last);
        if skipped {
            self.narrate_skipped_phase(phase);
        } else if phase != Phase::Logging {
            self.run_rules(phase, begun, host);
        }
        self.flush_alerts(host);
        // Before the response leaves: a client that has it counts at its next request. A refusal is stored by `finish`.
        if phase == Phase::ResponseBody && self.interruption.is_none() {
            self.narrate_release();
            self.store_collections(host);
        }
        match (&self.interruption, skipped) {
            (Some(interruption), false) => Verdict::Interrupt(interruption.clone()),
            _ => Verdict::Pass,
        }
    }

    /// Runs the rules of a phase that began then.
    pub(super) fn run_rules(&mut self, phase: Phase, begun: Instant, host: &mut dyn Host) {
        self.phase = phase;
        self.matches.end_chain();
        let config = Arc::clone(&self.config);
        let rules = config.rules.phase(phase);
        self.narrate_phase(phase, rules);
        if let Some(rules) = rules {
            self.run_phase(rules, begun, host);
        }
    }

    fn run_phase(&mut self, rules: &PhaseRules, begun: Instant, host: &mut dyn Host) {
        if self.mode() == EngineMode::Off {
            return;
        }
        let mut candidates = self.scan(rules, host);
        let foreseen = std::mem::replace(&mut self.foreseen, Foreseen::No);
        let mut foreseen = foreseen == Foreseen::Phases(self.phase.index())
            && !self.matches.is_watched()
            && !self.removes_foreseen();
        let mut removals = self.overrides.removals.len();
        let mut at = 0;
        while let Some(entry) = rules.entries().get(at) {
            // Rules that the scan has nothing for are passed by.
            let mut known = Known::Nothing;
            if let Some(candidates) = &mut candidates {
                let scanned = candidates.next_rule(at);
                let next = scanned.map_or(entry.unscanned, |rule| rule.min(entry.unscanned));
                if next != at {
                    self.asked.passed_by += (next.min(rules.entries().len()) - at) as u64;
                    self.asked.regexes_saved += rules.regexes_between(at, next);
                    at = next;
                    continue;
                }
                if entry.role == Role::Clears {
                    if scanned != Some(at) {
                        known = Known::NoMatch;
                    }
                } else if scanned == Some(at) {
                    known = Known::Candidates(rules, candidates.of(at));
                } else if let Some(foregone) = entry.foregone.as_ref().filter(|_| foreseen) {
                    let run = entry.run.as_ref();
                    let run = run.filter(|run| scanned.is_none_or(|rule| rule >= run.end));
                    let foregone = run.unwrap_or(foregone);
                    self.take_foregone(foregone);
                    at = foregone.end;
                    continue;
                } else if let Some(holds) = self.switch(entry, &*host) {
                    at = if holds { entry.next } else { at + 1 };
                    continue;
                }
            }
            if self.is_out_of_time(entry, begun) {
                at += 1;
                continue;
            }
            at = match self.run_chain(&entry.chain, known, host) {
                Outcome::NoMatch => at + 1,
                Outcome::Match => {
                    if self.debugs(4) {
                        self.narrate_flow(rules, entry);
                    }
                    entry.next
                }
                Outcome::EndOfPhase => return,
            };
            if self.overrides.removals.len() != removals {
                removals = self.overrides.removals.len();
                foreseen &= !self.removes_foreseen();
            }
            if self.config.intercept_on_error && std::mem::take(&mut self.rule_error) {
                self.stop_on_error(self.phase);
                return;
            }
            if self.mode() == EngineMode::Off {
                return;
            }
        }
        if foreseen {
            self.foreseen = Foreseen::Phases(self.phase.index() + 1);
        }
    }

    /// Runs a chain: every rule must match for the next to be asked, and the last one's matches decide.
    fn run_chain(&mut self, chain: &Arc<Chain>, known: Known<'_>, host: &mut dyn Host) -> Outcome {
        if self.debugs(9) {
            self.narrate_removals(chain);
        }
        if self.is_removed(chain) {
            self.debug(5, |_| {
                let id = chain.id();
                format!("Not processing rule id=\"{id}\": removed by ctl action").into_bytes()
            });
            return Outcome::NoMatch;
        }
        let mut outcome = Outcome::NoMatch;
        let seen = self.matches.sightings().len();
        for (position, rule) in chain.rules.iter().enumerate() {
            self.asked.rules += 1;
            self.asked.regexes += u64::from(rule.test.operator.kind() == Kind::Rx);
            let last = position + 1 == chain.rules.len() && chain.complete;
            let question = Question {
                chain,
                rule,
                known: if position == 0 { known } else { Known::Nothing },
                first_only: last && self.would_interrupt(chain),
                last,
            };
            let begun = self.times_rules().then(Instant::now);
            let hits = self.evaluate(&question, host);
            if let Some(begun) = begun {
                self.spend_on_rule(chain.id(), begun);
            }
            if hits.is_empty() {
                self.narrate_outcome(false, position + 1 < chain.rules.len(), &chain.flow);
                if position > 0 {
                    self.matches.count(chain, position);
                }
                self.matches.unsee(seen);
                self.matches.end_chain();
                return Outcome::NoMatch;
            }
            for hit in hits {
                let message = self.perform(chain, rule, hit, host);
                self.matches.see(chain, position);
                if !last {
                    continue;
                }
                outcome = Outcome::Match;
                self.keep_words(chain, rule, host);
                // Compat: part K has a rule once for each of its matches.
                self.matches.count(chain, chain.rules.len());
                if self.conclude(chain, rule, message, host) {
                    outcome = Outcome::EndOfPhase;
                    break;
                }
            }
            if outcome != Outcome::EndOfPhase {
                self.narrate_outcome(true, !last, &chain.flow);
            }
        }
        self.matches.end_chain();
        outcome
    }

    /// `SecInterceptOnError`: the rest of the phase does not run.
    ///
    /// Compat: a request passes, a response is answered 500; but not in DetectionOnly, where mod_security2 does it, too.
    fn stop_on_error(&mut self, phase: Phase) {
        self.debug(4, |_| b"A rule failed: the phase ends here.".to_vec());
        let of_response = matches!(phase, Phase::ResponseHeaders | Phase::ResponseBody);
        if of_response && self.mode() == EngineMode::On && self.interruption.is_none() {
            let kind = InterruptionKind::Deny;
            self.interrupt(phase, Interruption { kind, status: 500 });
        }
    }

    /// Whether a match of the chain ends the request, so that one match is enough.
    fn would_interrupt(&self, chain: &Chain) -> bool {
        self.mode() == EngineMode::On && !matches!(chain.disruptive, Disruptive::Pass)
    }
}

/// What running a chain came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    NoMatch,
    Match,
    EndOfPhase,
}
