//! One compiled rule, and the chain it belongs to.

use std::sync::Arc;

use super::text::Wording;
use crate::actions::{ActionList, Disruptive, Effect, Flow, Meta};
use crate::body::xml::xpath;
use crate::operators::Operator;
use crate::operators::rx::Pattern;
use crate::scripts::{Executable, Program, Script};
use crate::seclang::{self, ast};
use crate::template::Template;
use crate::transformations::Transformation;
use crate::types::{Origin, Phase};
use crate::variables::Variable;

/// A rule: what to look at, how to prepare it, what to test, and what to do for every value that matches.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Identity and wording. Members of a chain have only tags.
    pub meta: Meta,
    /// What to look at, in order: exclusions act on what stands before them.
    pub targets: Vec<Target>,
    /// How to prepare it.
    pub transformations: Vec<Transformation>,
    /// What to test.
    pub test: Test,
    /// `SecRuleScript`: a script that is asked once, instead of the test about targets.
    pub script: Option<Arc<Script>>,
    /// Test after every transformation that changed something, not only after the last.
    pub multi_match: bool,
    /// Store what matched in TX:0 to TX:9.
    pub capture: bool,
    /// What a match does besides refusing.
    pub effects: Vec<Effect>,
    /// Where it was read.
    pub origin: Origin,
    /// The rule in one line, for part K of the audit log.
    pub text: Arc<[u8]>,
    /// What that line is made of.
    pub(super) wording: Wording,
    /// Its targets as written.
    pub target_text: Vec<u8>,
    /// What the prefixes in its XPath expressions mean.
    pub namespaces: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Rule {
    /// Adds meanings of prefixes, and lets the targets know.
    fn declare(&mut self, namespaces: &[(Vec<u8>, Vec<u8>)]) {
        if namespaces.is_empty() {
            return;
        }
        self.namespaces.extend_from_slice(namespaces);
        for target in &mut self.targets {
            // What was declared before still is.
            if let Ok(bound) = target.bound(&self.namespaces) {
                *target = bound;
            }
        }
    }
}

impl Rule {
    /// Takes targets out; whether there were any of them.
    pub(super) fn drop_targets(&mut self, dropped: &[Target]) -> bool {
        let same = |a: &Target, b: &Target| a.variable == b.variable && a.same_selector(b);
        let kept: Vec<bool> = (self.targets.iter())
            .map(|target| !dropped.iter().any(|old| same(target, old)))
            .collect();
        let keeps = |at: usize| kept.get(at).copied().unwrap_or(true);
        if kept.iter().all(|keep| *keep) {
            return false;
        }
        let mut at = 0..;
        self.targets.retain(|_| at.next().is_some_and(keeps));
        let mut at = 0..;
        if let Ok(mut written) = seclang::parse_targets(&self.target_text) {
            written.retain(|_| at.next().is_some_and(keeps));
            self.target_text = ast::print_targets(&written);
        }
        true
    }

    /// Adds targets, which `text` says.
    pub(super) fn add_targets(
        &mut self,
        added: &[Target],
        text: &[u8],
    ) -> Result<(), xpath::Error> {
        for target in added {
            self.targets.push(target.bound(&self.namespaces)?);
        }
        if !self.target_text.is_empty() {
            self.target_text.push(b'|');
        }
        self.target_text.extend_from_slice(text);
        self.wording.retarget(&self.target_text);
        self.text = self.wording.text();
        Ok(())
    }

    /// The Lua scripts that it runs: in the place of a test, as its operator, as actions.
    pub fn scripts(&self) -> impl Iterator<Item = &Script> {
        let executables = self.executables().filter_map(|found| match found {
            Executable::Script(script) => Some(script),
            Executable::Program(_) => None,
        });
        self.script.as_deref().into_iter().chain(executables)
    }

    /// The programs that it runs: as its operator, as actions.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.executables().filter_map(|found| match found {
            Executable::Script(_) => None,
            Executable::Program(program) => Some(program),
        })
    }

    fn executables(&self) -> impl Iterator<Item = &Executable> {
        let operator = match &*self.test.operator {
            Operator::InspectFile(found) => Some(found),
            _ => None,
        };
        let actions = self.effects.iter().filter_map(|effect| match effect {
            Effect::Exec(found) => Some(&**found),
            _ => None,
        });
        operator.into_iter().chain(actions)
    }
}

/// One target.
#[derive(Clone, Debug)]
pub struct Target {
    /// The variable.
    pub variable: Variable,
    /// Its name as written, where that is not how it is spelled here.
    pub spelled: Option<Arc<str>>,
    /// Which of its values.
    pub selector: Selector,
    /// Their number instead of the values.
    pub count: bool,
    /// Take these out of what the targets before gave.
    pub exclude: bool,
}

/// Which values of a collection.
#[derive(Clone, Debug)]
pub enum Selector {
    /// All.
    All,
    /// Those of this key, compared without case.
    Key(Vec<u8>),
    /// Those whose key matches.
    Pattern(Arc<Pattern>),
    /// What an expression selects in the XML document of the body.
    Path(xpath::Expression),
}

impl Selector {
    /// Whether it selects a value with this key.
    pub fn selects(&self, key: &[u8]) -> bool {
        match self {
            Selector::All => true,
            Selector::Key(wanted) => wanted.eq_ignore_ascii_case(key),
            Selector::Path(wanted) => wanted.source() == key,
            // A key that cannot be decided counts as selected: it is rather looked at once too often.
            Selector::Pattern(pattern) => pattern.is_match(key).unwrap_or(true),
        }
    }
}

impl Target {
    /// The target with the prefixes of its XPath expression, if it has one, bound to what they mean.
    pub fn bound(&self, namespaces: &[(Vec<u8>, Vec<u8>)]) -> Result<Target, xpath::Error> {
        let mut target = self.clone();
        if let Selector::Path(path) = &self.selector {
            target.selector = Selector::Path(path.bind(namespaces)?);
        }
        Ok(target)
    }
}

/// The operator of a rule with its argument.
#[derive(Clone, Debug)]
pub struct Test {
    /// `!`
    pub negated: bool,
    /// The operator's name as written.
    pub name: String,
    /// The operator.
    pub operator: Arc<Operator>,
    /// Its argument.
    pub argument: Argument,
    /// The argument as written, before macros are expanded.
    pub written: Vec<u8>,
}

/// An operator's argument.
#[derive(Clone, Debug)]
pub enum Argument {
    /// Known at load.
    Constant(Vec<u8>),
    /// Holds macros that are expanded once for every evaluation.
    Template(Template),
}

/// A rule and the rules chained to it.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The phase of all of them.
    pub phase: Phase,
    /// The rules: the starter, then the members. Never empty.
    pub rules: Vec<Rule>,
    /// What happens when the last has matched.
    pub disruptive: Disruptive,
    /// Milliseconds to wait before it happens.
    pub pause: Option<Template>,
    /// The status of a refusal.
    pub status: u16,
    /// Write an alert.
    pub log: bool,
    /// An alert makes the transaction relevant for the audit log.
    pub auditlog: bool,
    /// Where to go on.
    pub flow: Flow,
    /// False while the last rule still says `chain`.
    pub complete: bool,
}

impl Chain {
    /// Takes in an action list that was written for one of its rules later (`SecRuleUpdateActionById`); `defaults` are the
    /// default lists of the section, by phase.
    ///
    /// Compat: `block` is what the default list does, also where the rule did something else.
    pub fn update(&mut self, position: usize, list: &ActionList, defaults: &[Option<ActionList>]) {
        let default = defaults.get(self.phase.index()).and_then(Option::as_ref);
        let switches = &list.switches;
        if position == 0 {
            if let Some(disruptive) = &switches.disruptive {
                self.disruptive = disruptive.clone();
            } else if switches.block && self.phase != Phase::Logging {
                let inherited = default.and_then(|list| list.switches.disruptive.clone());
                self.disruptive = inherited.unwrap_or(Disruptive::Pass);
            }
            self.status = switches.status.unwrap_or(self.status);
            self.log = switches.log.unwrap_or(self.log);
            self.auditlog = switches.auditlog.unwrap_or(self.auditlog);
            self.pause = switches.pause.clone().or(self.pause.take());
            if let Some(flow) = &switches.flow {
                self.flow = flow.clone();
            }
        }
        let Some(rule) = self.rules.get_mut(position) else {
            return;
        };
        rule.wording.update(&list.tree, default);
        rule.text = rule.wording.text();
        rule.multi_match |= switches.multi_match;
        rule.capture |= switches.capture;
        for step in &list.transformations {
            step.apply(&mut rule.transformations);
        }
        rule.effects.extend(list.effects.iter().cloned());
        rule.declare(&list.namespaces);
        let (meta, new) = (&mut rule.meta, &list.meta);
        meta.msg = new.msg.clone().or(meta.msg.take());
        meta.msg_text = new.msg_text.clone().or(meta.msg_text.take());
        meta.logdata = new.logdata.clone().or(meta.logdata.take());
        meta.severity = new.severity.or(meta.severity);
        meta.rev = new.rev.clone().or(meta.rev.take());
        meta.ver = new.ver.clone().or(meta.ver.take());
        meta.maturity = new.maturity.or(meta.maturity);
        meta.accuracy = new.accuracy.or(meta.accuracy);
        meta.tags.extend(new.tags.iter().cloned());
        meta.tag_texts.extend(new.tag_texts.iter().cloned());
    }

    /// Whether a match is written anywhere or refuses the request, so that its wording matters.
    pub fn is_told(&self) -> bool {
        self.log || self.auditlog || !matches!(self.disruptive, Disruptive::Pass)
    }

    /// Whether a match does nothing but set variables and go on somewhere.
    pub fn only_sets_variables(&self) -> bool {
        let [rule] = self.rules.as_slice() else {
            return false;
        };
        let sets = |effect: &Effect| matches!(effect, Effect::SetVar(_));
        self.complete
            && !self.is_told()
            && self.pause.is_none()
            && rule.meta.severity.is_none()
            && rule.effects.iter().all(sets)
    }

    /// The rule that gives the chain its identity.
    pub fn starter(&self) -> Option<&Rule> {
        self.rules.first()
    }

    /// The id of the starter; 0 when it has none.
    pub fn id(&self) -> u64 {
        self.starter().map_or(0, |rule| rule.meta.id)
    }
}
