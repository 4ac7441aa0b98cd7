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

use bytes::Bytes;

use super::assemble::Entry;
use super::rule::{Chain, Rule};
use super::switch::Switch;
use crate::actions::{Assignment, Effect, Flow, SetVar};
use crate::operators::{Operator, atoi};
use crate::template::Template;
use crate::variables::Variable;

/// What a rule comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Foregone {
    /// It does not match.
    Fails,
    /// It matches.
    Holds {
        /// The variable's name in TX; `None` where it is counted.
        key: Option<Bytes>,
        /// The value.
        value: Bytes,
        /// What it makes of TX: names as they are to be spelled, and `None` for what is removed.
        sets: Vec<(Bytes, Option<Bytes>)>,
    },
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
                return Some(Foregone::Fails);
            }
            let chain = &*entry.chain;
            let single = match (answer, chain.rules.as_slice()) {
                (Answer::Holds(found), [rule]) if chain.complete => Some((found, rule)),
                _ => None,
            };
            let Some((found, rule)) = single else {
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
            let (key, value) = found?;
            let sets = sets.filter(|_| chain.only_sets_variables())?;
            Some(Foregone::Holds { key, value, sets })
        };
        entries.iter().enumerate().map(&mut look).collect()
    }

    fn answer(&self, entry: &Entry) -> Answer {
        let Some(switch) = &entry.switch else {
            let rule = entry.chain.starter();
            let always = rule.is_some_and(|rule| {
                rule.script.is_none() && matches!(*rule.test.operator, Operator::UnconditionalMatch)
            });
            return if always {
                Answer::Holds(None)
            } else {
                Answer::Open
            };
        };
        match self.value(&switch.key) {
            Value::Open => Answer::Open,
            Value::Known(value) => match decide(switch, value) {
                Some(found) => Answer::Holds(Some(found)),
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
    fn perform(&mut self, rule: &Rule) -> Option<Vec<(Bytes, Option<Bytes>)>> {
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

    fn set(&mut self, set: &SetVar) -> Option<(Bytes, Option<Bytes>)> {
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
    /// With this variable and its value, where it looks at one.
    Holds(Option<Found>),
}

/// The name of a variable in TX, unless it is counted, and its value.
type Found = (Option<Bytes>, Bytes);

/// What is known of a variable.
enum Value<'f> {
    Open,
    Known(Option<&'f (Bytes, Bytes)>),
}

/// What a switch holds with, TX being so.
fn decide(switch: &Switch, value: Option<&(Bytes, Bytes)>) -> Option<Found> {
    let found = match value {
        value if switch.count => (None, usize::from(value.is_some()).to_string().into()),
        Some((name, value)) => (Some(name.clone()), value.clone()),
        None => return None,
    };
    switch.matches(&found.1).then_some(found)
}
