//! What the configuration decides whatever the request is.
//!
//! A rule set begins with rules that give its TX variables their values, and asks these hundreds of times afterwards
//! (`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2" "…,skipAfter:…"`). As long as no rule that depends on the request may
//! have written such a variable, the answer is known when the configuration is: it is worked out here once, and a
//! request takes it as it stands.
//!
//! That holds while the phases run as they were foreseen: each to its end, one after the other, all of one rule set, and
//! without rules taken out by `ctl`. The engine sees to that, and asks the rules themselves otherwise.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::assemble::Entry;
use super::prefilter::Role;
use super::rule::{Chain, Rule};
use super::switch::Switch;
use crate::actions::{Assignment, Effect, Flow, SetVar};
use crate::operators::{Operator, atoi};
use crate::template::Template;
use crate::values::Collection;
use crate::variables::Variable;

/// What a rule comes to, or several that are asked one after the other.
#[derive(Debug, Default)]
pub struct Foregone {
    /// Where it goes on: an index into the phase, possibly behind its end.
    pub end: usize,
    /// Which of them match, in order.
    pub matched: Option<Arc<Settled>>,
    /// What they make of TX.
    pub sets: Vec<Set>,
    /// TX with these in it and nothing else, if nothing is removed.
    pub fresh: Option<Collection>,
    /// How many rules are passed by between them.
    pub passed_by: u64,
    /// How many of these have a regular expression.
    pub regexes: u64,
}

/// What becomes of a variable in TX: its name as it is to be spelled, and the value; `None` where it is removed.
pub type Set = (Bytes, Option<Bytes>);

/// The most rules that are put together.
const LONGEST_RUN: usize = 1_000;

/// Rules that match whatever the request is.
#[derive(Debug)]
pub struct Settled {
    /// The rules, each alone in its chain, in order.
    pub chains: Vec<Arc<Chain>>,
    /// What matched last.
    pub seen: Seen,
}

/// What a rule has matched: MATCHED_VAR.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A variable in TX.
    Variable {
        /// Its name.
        key: Bytes,
        /// Its value.
        value: Bytes,
    },
    /// How many there are of a variable in TX.
    Count {
        /// How the rule spells TX.
        spelled: Arc<str>,
        /// The number.
        number: Bytes,
    },
    /// The client's address, which is what `SecAction` looks at.
    Client,
}

impl Foregone {
    /// A rule that does not match.
    fn fails(at: usize) -> Foregone {
        Foregone {
            end: at + 1,
            ..Foregone::default()
        }
    }

    /// What the rules from a place on come to that are not asked about the request, if that is more than one rule. Those
    /// that are asked about what a scan finds are passed by: for who has found nothing for them.
    pub(super) fn run(entries: &[Entry], from: usize) -> Option<Foregone> {
        let mut run = Foregone {
            end: from,
            ..Foregone::default()
        };
        let (mut chains, mut seen, mut steps) = (Vec::new(), None, 0);
        while let Some(entry) = entries.get(run.end) {
            if entry.role == Role::Finds {
                run.end += 1;
                run.passed_by += 1;
                run.regexes += u64::from(entry.has_regex());
                continue;
            }
            let Some(step) = entry.foregone.as_ref().filter(|_| steps < LONGEST_RUN) else {
                break;
            };
            steps += 1;
            run.end = step.end;
            if let Some(matched) = &step.matched {
                seen = Some(matched.seen.clone());
                chains.extend_from_slice(&matched.chains);
            }
            step.sets.iter().for_each(|set| run.add(set));
        }
        run.matched = seen.map(|seen| Arc::new(Settled { chains, seen }));
        let pairs: Option<Vec<_>> = run
            .sets
            .iter()
            .cloned()
            .map(|(n, v)| Some((n, v?)))
            .collect();
        run.fresh = pairs.map(Collection::shared);
        (steps > 1).then_some(run)
    }

    /// Adds what is done to TX next. What is written over at once need not be written.
    fn add(&mut self, set: &Set) {
        let mut before = self.sets.iter_mut().rev();
        match before.find(|(name, _)| name.eq_ignore_ascii_case(&set.0)) {
            Some(known @ (_, Some(_))) if set.1.is_some() => *known = set.clone(),
            _ => self.sets.push(set.clone()),
        }
    }
}

/// A look ahead, from the first phase to the last.
#[derive(Debug, Default)]
pub(super) struct Foresight {
    /// What is known of TX: by name in lower case the spelling and the value. What is not here does not exist, unless it is
    /// open.
    tx: HashMap<Vec<u8>, (Bytes, Bytes)>,
    /// Beginnings of names that a request may write, and whole names; in lower case.
    open: Vec<(Vec<u8>, bool)>,
}

impl Foresight {
    /// What each rule of a phase comes to, where that is known.
    pub fn phase(&mut self, entries: &[Entry]) -> Vec<Option<Foregone>> {
        // Up to where nothing is reached, and up to where it may be.
        let (mut skipped, mut perhaps) = (0, 0);
        let mut look = |(at, entry): (usize, &Entry)| {
            if at < skipped {
                return None;
            }
            let certain = at >= perhaps;
            let answer = self.answer(entry);
            if let Answer::Fails = answer {
                return Some(Foregone::fails(at));
            }
            let chain = &*entry.chain;
            let single = match (answer, chain.rules.as_slice()) {
                (Answer::Holds(seen), [rule]) if chain.complete => Some((seen, rule)),
                _ => None,
            };
            let Some((seen, rule)) = single else {
                self.leave_open(chain);
                if chain.flow != Flow::Next {
                    perhaps = perhaps.max(entry.next);
                }
                return None;
            };
            let sets = match certain || rule.effects.is_empty() {
                true => self.perform(rule),
                false => {
                    self.leave_open(chain);
                    None
                }
            };
            match certain {
                true if chain.flow != Flow::Next => skipped = entry.next,
                true => {}
                false => perhaps = perhaps.max(entry.next),
            }
            Some(Foregone {
                end: entry.next,
                matched: Some(Arc::new(Settled {
                    chains: vec![Arc::clone(&entry.chain)],
                    seen,
                })),
                sets: sets.filter(|_| chain.only_sets_variables())?,
                ..Foregone::default()
            })
        };
        entries.iter().enumerate().map(&mut look).collect()
    }

    fn answer(&self, entry: &Entry) -> Answer {
        let Some(switch) = &entry.switch else {
            let always = entry.chain.starter().is_some_and(is_action);
            return if always {
                Answer::Holds(Seen::Client)
            } else {
                Answer::Open
            };
        };
        match self.value(&switch.key) {
            Value::Open => Answer::Open,
            Value::Known(value) => match decide(switch, value) {
                Some(seen) => Answer::Holds(seen),
                None => Answer::Fails,
            },
        }
    }

    /// What is known of a variable.
    fn value(&self, key: &[u8]) -> Value<'_> {
        let key = key.to_ascii_lowercase();
        // What is captured, and the engine's own flags.
        let of_engine = key.iter().all(u8::is_ascii_digit) || key.starts_with(b"msc_");
        let may_be = |(name, whole): &(Vec<u8>, bool)| match whole {
            true => *name == key,
            false => key.starts_with(name),
        };
        if of_engine || self.open.iter().any(may_be) {
            return Value::Open;
        }
        Value::Known(self.tx.get(&key))
    }

    /// Makes the effects of a rule that matches. What they are, where they are known.
    fn perform(&mut self, rule: &Rule) -> Option<Vec<Set>> {
        let mut sets = Some(Vec::new());
        for effect in &rule.effects {
            let made = match effect {
                Effect::SetVar(set) if set.collection == Some(Variable::Tx) => self.set(set),
                _ => None,
            };
            if made.is_none() {
                self.leave_effect_open(effect);
            }
            sets = sets.zip(made).map(|(mut sets, made)| {
                sets.push(made);
                sets
            });
        }
        sets
    }

    fn set(&mut self, set: &SetVar) -> Option<Set> {
        let name: Bytes = self.expand(&set.name)?.into();
        let key = name.to_ascii_lowercase();
        let Value::Known(before) = self.value(&key) else {
            return None;
        };
        let (name, value): (Bytes, Option<Bytes>) = match &set.assignment {
            Assignment::Unset => (name, None),
            Assignment::Set(value) => (name, Some(self.expand(value)?.into())),
            Assignment::Add(amount) => {
                let amount = atoi(&self.expand(amount)?);
                let (spelling, before) = match before {
                    Some((spelling, value)) => (spelling.clone(), atoi(value)),
                    None => (name, 0),
                };
                let sum = before.saturating_add(amount).max(0);
                (spelling, Some(sum.to_string().into()))
            }
        };
        match &value {
            Some(value) => self.tx.insert(key, (name.clone(), value.clone())),
            None => self.tx.remove(&key),
        };
        Some((name, value))
    }

    /// The text, if nothing in it depends on the request.
    fn expand(&self, template: &Template) -> Option<Vec<u8>> {
        let (mut text, mut known) = (Vec::new(), true);
        template.expand(&mut text, |found, out| match (found.variable, &found.key) {
            (Some(Variable::Tx), Some(key)) => match self.value(key) {
                Value::Known(Some((_, value))) => out.extend_from_slice(value),
                Value::Known(None) => {}
                Value::Open => known = false,
            },
            (None, _) => {}
            _ => known = false,
        });
        known.then_some(text)
    }

    /// From now on a request may have written what the rules of the chain write.
    fn leave_open(&mut self, chain: &Chain) {
        for rule in &chain.rules {
            if rule.scripts().next().is_some() {
                self.open.push((Vec::new(), false));
            }
            for effect in &rule.effects {
                self.leave_effect_open(effect);
            }
        }
    }

    fn leave_effect_open(&mut self, effect: &Effect) {
        let name = match effect {
            Effect::SetVar(set) if set.collection == Some(Variable::Tx) => set.name.beginning(),
            Effect::Exec(_) => (&[][..], false),
            _ => return,
        };
        self.open.push((name.0.to_ascii_lowercase(), name.1));
    }
}

/// What a chain's first rule comes to.
enum Answer {
    /// It depends on the request.
    Open,
    Fails,
    Holds(Seen),
}

/// Whether it is `SecAction`, or says the same in other words.
fn is_action(rule: &Rule) -> bool {
    let looks_at = |variable: Variable| match rule.targets.as_slice() {
        [target] => target.variable == variable && !target.count && !target.exclude,
        _ => false,
    };
    matches!(*rule.test.operator, Operator::UnconditionalMatch)
        && !rule.test.negated
        && looks_at(Variable::RemoteAddr)
        && rule.transformations.is_empty()
        && rule.script.is_none()
}

/// What is known of a variable.
enum Value<'f> {
    Open,
    Known(Option<&'f (Bytes, Bytes)>),
}

/// What a switch holds with, TX being so.
fn decide(switch: &Switch, value: Option<&(Bytes, Bytes)>) -> Option<Seen> {
    if switch.count {
        let number: Bytes = usize::from(value.is_some()).to_string().into();
        return switch.matches(&number).then(|| Seen::Count {
            spelled: switch.spelled(),
            number,
        });
    }
    let (key, value) = value?;
    switch.matches(value).then(|| Seen::Variable {
        key: key.clone(),
        value: value.clone(),
    })
}
