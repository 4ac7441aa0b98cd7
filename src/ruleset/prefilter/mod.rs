//! One scan for all rules: which rules of a phase can match at all, and on which values.
//!
//! A rule set has hundreds of rules that look at the same values, and hardly any matches. What each of them
//! [needs](crate::operators::needs) is gathered here when a configuration section ends:
//!
//! ```text
//! rules that look at the same values ── Class ── one search for all their literals
//!        their transformations ── Tree ── each prefix once, and skipped where the bytes of a value prove it idle
//! ```
//!
//! When a phase begins, every value is prepared once for each transformation that can change it, each distinct text is
//! scanned once, and what comes out are [`Candidate`]s: a rule, and a value on which it may match. The engine asks
//! these rules about these values, in the order of the rules and as ever; the others it passes by.
//!
//! The invariant: a value on which a rule matches is a candidate of that rule. The scan may say too much, never too
//! little, so results do not depend on it (`SecRulePrefilter Off` shows it). Only rules are scanned for whose values stay
//! the same while the phase runs and whose test is a constant; all others are asked as if there were no scan.

mod class;
mod finder;
mod grams;
mod lists;
mod scan;
mod sparse;
mod tree;

use std::sync::Arc;

use super::rule::{Argument, Chain, Rule, Selector, Target};
use crate::operators::Operator;
use crate::variables::Variable;
use class::{Class, Member};
pub use scan::{Candidate, Scan, Scratch};
use tree::Tree;

/// What the rules of one phase of one section look for, in a form that is scanned for at once.
#[derive(Debug, Default)]
pub struct Prefilter {
    /// By the position of a rule: what the scan is to it.
    roles: Vec<Role>,
    sources: Vec<Source>,
    classes: Vec<Arc<Class>>,
    tree: Tree,
}

/// What the scan is to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing: the rule is asked about every value.
    None,
    /// The rule is asked about candidates only.
    Finds,
    /// The rule is negated, and its operator matches none of the values where the scan has found no candidate.
    Clears,
}

/// A variable that the scan reads.
#[derive(Debug)]
pub struct Source {
    /// The variable.
    pub variable: Variable,
    /// All its values, or those of one XPath expression, which are found anew for each.
    pub selector: Selector,
    /// The class of values with a key that no rule names.
    usual: Option<usize>,
    /// The classes of keys that rules name.
    keyed: Vec<(Box<[u8]>, Option<usize>)>,
}

impl Source {
    fn class(&self, key: Option<&[u8]>) -> Option<usize> {
        let named = key.and_then(|key| {
            self.keyed
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(key))
        });
        named.map_or(self.usual, |(_, class)| *class)
    }

    /// Whether a target's values are among those of this source.
    pub fn serves(&self, target: &Target) -> bool {
        self.variable == target.variable
            && match (&self.selector, &target.selector) {
                (Selector::Path(path), Selector::Path(wanted)) => path.source() == wanted.source(),
                (Selector::Path(_), _) => false,
                _ => true,
            }
    }
}

impl Prefilter {
    /// Gathers what those rules of a phase need that are `wanted`, by position.
    pub fn build(chains: &[Arc<Chain>], wanted: &[bool]) -> Prefilter {
        let mut prefilter = Prefilter::default();
        let mut members = Vec::new();
        for (position, chain) in chains.iter().enumerate() {
            let wanted = wanted.get(position).copied().unwrap_or(false);
            let member = chain
                .starter()
                .filter(|_| wanted)
                .and_then(|rule| Some((rule, prefilter.member(position, rule)?)));
            prefilter.roles.push(match &member {
                None => Role::None,
                Some((rule, _)) if rule.test.negated => Role::Clears,
                Some(_) => Role::Finds,
            });
            members.extend(member);
        }
        for (rule, _) in &members {
            for target in rule.targets.iter().filter(|target| !target.exclude) {
                if !prefilter.sources.iter().any(|source| source.serves(target)) {
                    prefilter.sources.push(Source::new(target));
                }
            }
        }
        let mut sources = std::mem::take(&mut prefilter.sources);
        for source in &mut sources {
            let mut keys: Vec<Box<[u8]>> = members
                .iter()
                .flat_map(|(rule, _)| &rule.targets)
                .filter(|target| target.variable == source.variable)
                .filter_map(|target| match &target.selector {
                    Selector::Key(key) => Some(key.to_ascii_lowercase().into()),
                    _ => None,
                })
                .collect();
            keys.sort_unstable();
            keys.dedup();
            source.usual = prefilter.class(&members, source, None);
            for key in keys {
                let class = prefilter.class(&members, source, Some(&key));
                source.keyed.push((key, class));
            }
        }
        prefilter.sources = sources;
        prefilter
    }

    /// What the scan is to the rule at this position.
    pub fn role(&self, position: usize) -> Role {
        self.roles.get(position).copied().unwrap_or(Role::None)
    }

    /// The variables to read, in order.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What to scan for on behalf of a rule, if that can be known.
    fn member(&mut self, position: usize, rule: &Rule) -> Option<Member> {
        let Argument::Constant(argument) = &rule.test.argument else {
            return None;
        };
        let included = || rule.targets.iter().filter(|target| !target.exclude);
        let fixed = included().next().is_some()
            && included().all(|target| {
                !target.count
                    && target.variable.is_fixed_in_phase()
                    && (target.variable != Variable::Xml || is_whole_document(&target.selector))
            });
        // Where a rule is negated its operator matches most values, but for a list of phrases that are not to be missed.
        let rare = matches!(
            &*rule.test.operator,
            Operator::Pm(_) | Operator::PmFromFile(_)
        );
        if rule.test.negated && !rare || !fixed {
            return None;
        }
        let needs = rule.test.operator.needs(argument);
        if needs.clauses.is_empty() && needs.gate.is_none() && needs.max_len.is_none() {
            return None;
        }
        let texts = self.tree.add(&rule.transformations, rule.multi_match)?;
        Some(Member::new(position, texts, &needs))
    }

    /// The class of a source's values with this key: that of the rules that look at them.
    fn class(
        &mut self,
        members: &[(&Rule, Member)],
        source: &Source,
        key: Option<&[u8]>,
    ) -> Option<usize> {
        let looking: Vec<&Member> = members
            .iter()
            .filter(|(rule, _)| may_look(&rule.targets, source, key))
            .map(|(_, member)| member)
            .collect();
        if looking.is_empty() {
            return None;
        }
        let known = self.classes.iter().position(|class| class.is_of(&looking));
        Some(known.unwrap_or_else(|| {
            self.classes.push(Class::shared(&looking, &self.tree));
            self.classes.len() - 1
        }))
    }
}

impl Source {
    fn new(target: &Target) -> Source {
        let selector = match (&target.selector, target.variable) {
            (Selector::Path(path), Variable::Xml) => Selector::Path(path.clone()),
            _ => Selector::All,
        };
        Source {
            variable: target.variable,
            selector,
            usual: None,
            keyed: Vec::new(),
        }
    }
}

/// Whether it is one of the two expressions that cost no search: the text of the document, and all attributes.
fn is_whole_document(selector: &Selector) -> bool {
    matches!(selector, Selector::Path(path) if matches!(path.source(), b"/*" | b"//@*"))
}

/// Whether targets may give the source's values with this key (`None`: a key that no target names). Patterns are not
/// asked: what they would select is, what they would take out is not counted.
fn may_look(targets: &[Target], source: &Source, key: Option<&[u8]>) -> bool {
    let named = |selector: &Selector| match (selector, key) {
        (Selector::All, _) => Some(true),
        (Selector::Key(name), Some(key)) => Some(name.eq_ignore_ascii_case(key)),
        (Selector::Key(_), None) => Some(false),
        (Selector::Pattern(_) | Selector::Path(_), _) => None,
    };
    targets.iter().fold(false, |given, target| {
        if target.exclude {
            let taken = target.variable == source.variable && named(&target.selector) == Some(true);
            given && !taken
        } else {
            given || (source.serves(target) && named(&target.selector).unwrap_or(true))
        }
    })
}

#[cfg(test)]
mod tests;
