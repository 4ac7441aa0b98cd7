//! What the debug log tells of one rule: that its turn has come, about which values it is asked, and what it answers.

use std::ops::ControlFlow;
use std::time::Instant;

use super::super::debug::sentence;
use super::super::evaluate::means;
use crate::actions::{Ctl, RuleSelector, TargetExclusion};
use crate::operators::{Captures, Kind, Operator, Outcome};
use crate::ruleset::{Chain, Rule};
use crate::transaction::{Scene, Transaction, Value};
use crate::transformations::{Env, Transformation};

/// An address of memory, as the log shows it: it tells one rule from another.
pub(in crate::engine) fn place<T>(of: &T) -> String {
    let place = format!("{:p}", std::ptr::from_ref(of));
    place.trim_start_matches("0x").to_owned()
}

impl Transaction {
    /// A rule's turn has come.
    #[cold]
    pub(in crate::engine) fn narrate_rule(&self, chain: &Chain, rule: &Rule, scene: &Scene<'_>) {
        self.debug(4, |_| {
            let (file, line) = (rule.origin.file.as_bytes(), rule.origin.line.to_string());
            let start = format!("Recipe: Invoking rule {}; [file \"", place(rule));
            let end = match (rule.meta.id, chain.id()) {
                (0, chain_id) if chain_id != 0 => "\"].".to_owned(),
                (_, id) => format!("\"] [id \"{id}\"]."),
            };
            sentence(&[&start, "\"] [line \"", &end], &[file, line.as_bytes()])
        });
        self.debug(5, |_| {
            let mut line = format!("Rule {}: ", place(rule)).into_bytes();
            line.extend_from_slice(&rule.text);
            line
        });
        self.debug_namespaces(rule);
        if rule.script.is_none() {
            self.narrate_targets(rule, scene);
        }
    }

    /// Which values the targets have given, where there are several.
    fn narrate_targets(&self, rule: &Rule, scene: &Scene<'_>) {
        let mut names = Vec::new();
        self.each_value(&rule.targets, None, scene, &mut |value| {
            names.push(value.full_name());
            ControlFlow::Continue(())
        });
        if names.len() > 1 {
            let words = ["Expanded \"", "\" to \"", "\"."];
            self.debug(4, |_| {
                sentence(&words, &[&rule.target_text, &names.join(&b'|')])
            });
        }
    }

    /// What the transformations make of a value. `matched`: the rule has matched its previous value.
    ///
    /// Compat: the number does not say whether the value has changed.
    #[cold]
    pub(in crate::engine) fn narrate_transformations(
        &self,
        rule: &Rule,
        value: &Value<'_>,
        env: &Env<'_>,
        matched: bool,
    ) {
        let begun = Instant::now();
        // With multiMatch each step is told where it is taken.
        if !rule.multi_match && self.debugs(9) {
            let mut current = value.value.to_vec();
            for transformation in &rule.transformations {
                current = transformation.apply(&current, env).into_owned();
                self.narrate_step(*transformation, &current, matched);
            }
        }
        if !rule.multi_match {
            self.debug(4, |_| completed("Transformation", begun));
        }
    }

    /// What one transformation has made of a value.
    #[cold]
    pub(in crate::engine) fn narrate_step(
        &self,
        transformation: Transformation,
        value: &[u8],
        matched: bool,
    ) {
        let flag = if matched { "T (1) " } else { "T (0) " };
        let values = [transformation.name().as_bytes(), value];
        self.debug(9, |_| sentence(&[flag, ": \"", "\""], &values));
    }

    /// The operator is about to look at a value.
    #[cold]
    pub(in crate::engine) fn narrate_question(
        &self,
        rule: &Rule,
        value: &Value<'_>,
        subject: &[u8],
    ) {
        if rule.multi_match {
            self.debug(4, |_| completed("Transformation", Instant::now()));
        }
        self.debug(4, |_| executing(rule, value, "."));
        self.debug(9, |_| sentence(&["Target value: \"", "\""], &[subject]));
    }

    /// The operator has looked at a value.
    pub(in crate::engine) fn narrate_completed(&self, begun: Instant) {
        self.debug(4, |_| completed("Operator", begun));
    }

    /// What the operator has said of a value.
    #[cold]
    pub(in crate::engine) fn narrate_answer(
        &self,
        rule: &Rule,
        value: &Value<'_>,
        subject: &[u8],
        outcome: &Outcome,
        begun: Instant,
    ) {
        let kind = rule.test.operator.kind();
        let found = match outcome {
            Outcome::Match(found) => Some(found),
            Outcome::NoMatch | Outcome::Error(_) => None,
        };
        let line = |words: &[&str], values: &[&[u8]]| self.debug(9, |_| sentence(words, values));
        match (kind, found) {
            (Kind::DetectSqli, Some(found)) => line(
                &[
                    "ISSQL: libinjection fingerprint '",
                    "' matched input '",
                    "'",
                ],
                &[found.fingerprint().unwrap_or_default(), subject],
            ),
            (Kind::DetectSqli, None) => line(
                &[
                    "ISSQL: not sqli, no libinjection sqli fingerprint matched input '",
                    "'",
                ],
                &[subject],
            ),
            (Kind::DetectXss, Some(_)) => line(&["IS_XSS: libinjection detected XSS."], &[]),
            (Kind::DetectXss, None) => line(
                &["IS_XSS: not XSS, libinjection was not able to find any XSS."],
                &[],
            ),
            (Kind::ValidateByteRange, Some(_)) => self.narrate_bytes(rule, value, subject),
            _ => {}
        }
        if let Some(found) = found {
            let phrases = matches!(kind, Kind::Pm | Kind::PmFromFile);
            self.narrate_captures(&found.captures, subject, phrases);
        }
        self.debug(4, |_| completed("Operator", begun));
    }

    /// Which bytes are outside of their range.
    fn narrate_bytes(&self, rule: &Rule, value: &Value<'_>, subject: &[u8]) {
        let Operator::ValidateByteRange(set) = &*rule.test.operator else {
            return;
        };
        for byte in subject.iter().filter(|byte| !set.contains(**byte)) {
            let start = format!("Value {byte} in ");
            let values = [&value.full_name()[..], &rule.test.written];
            self.debug(9, |_| sentence(&[&start, " outside range: ", ""], &values));
        }
    }

    fn narrate_captures(&self, captures: &Captures, subject: &[u8], phrases: bool) {
        let what = match phrases {
            true => "Added phrase match to TX.",
            false => "Added regex subexpression to TX.",
        };
        let pieces = match captures {
            Captures::Replace(pieces) => pieces.as_slice(),
            Captures::None | Captures::SetFirst(_) => &[],
        };
        for (at, piece) in pieces.iter().enumerate() {
            let start = format!("{what}{at}: ");
            self.debug(9, |_| sentence(&[&start, ""], &[piece.bytes(subject)]));
        }
    }

    /// A rule that could be among those that `ctl:ruleRemoveBy…` has taken out.
    #[cold]
    pub(in crate::engine) fn narrate_removals(&self, chain: &Chain) {
        let Some(starter) = chain.starter() else {
            return;
        };
        let meta = &starter.meta;
        let selectors = || {
            let removals = self.overrides.removals.iter();
            removals.filter_map(|removal| match removal {
                Ctl::RemoveRules(selector) => Some(selector),
                _ => None,
            })
        };
        let words = ["Checking removal of rule ", "=\"", "\" against: ", ""];
        let line = |values: [&[u8]; 3]| self.debug(9, |_| sentence(&words, &values));
        // Compat: in this order, whatever comes of it.
        for selector in selectors() {
            if let (RuleSelector::Msg(pattern), Some(msg)) = (selector, &meta.msg_text) {
                line([b"msg", msg, pattern.as_bytes()]);
            }
        }
        for selector in selectors() {
            if let RuleSelector::Id(ids) = selector
                && meta.id != 0
            {
                let id = meta.id.to_string();
                line([b"id", id.as_bytes(), ids.to_string().as_bytes()]);
            }
        }
        for selector in selectors() {
            if let RuleSelector::Tag(pattern) = selector {
                for tag in &meta.tag_texts {
                    line([b"tag", tag, pattern.as_bytes()]);
                }
            }
        }
    }

    /// A value that `ctl:ruleRemoveTargetBy…` could have taken out; `excluded`: has taken out.
    #[cold]
    pub(in crate::engine) fn narrate_exclusion(
        &self,
        rule: &Rule,
        value: &Value<'_>,
        excluded: bool,
    ) {
        let id = rule.meta.id.to_string();
        for removal in &self.overrides.removals {
            let Ctl::RemoveTarget(selector, targets) = removal else {
                continue;
            };
            if !selector.selects(&rule.meta) {
                continue;
            }
            let words = [
                "fetch_target_exception: Found exception target list [",
                "] for rule id ",
                "",
            ];
            let all = exclusions(targets);
            self.debug(9, |_| sentence(&words, &[&all, id.as_bytes()]));
            if let Some(target) = targets.iter().find(|target| means(target, value)) {
                let words = ["fetch_target_exception: Target ", " will not be processed."];
                let target = exclusions(std::slice::from_ref(target));
                self.debug(9, |_| sentence(&words, &[&target]));
            }
        }
        if excluded {
            self.debug(4, |_| executing(rule, value, " skipped."));
        }
    }
}

/// Targets as `ctl` has them.
pub(super) fn exclusions(targets: &[TargetExclusion]) -> Vec<u8> {
    let text = |target: &TargetExclusion| {
        let mut text = target.variable.name().as_bytes().to_vec();
        if let Some(key) = &target.key {
            text.push(b':');
            text.extend_from_slice(key);
        }
        text
    };
    let texts: Vec<_> = targets.iter().map(text).collect();
    texts.join(&b',')
}

/// `Operator completed in 7 usec.`
fn completed(what: &str, begun: Instant) -> Vec<u8> {
    format!("{what} completed in {} usec.", begun.elapsed().as_micros()).into_bytes()
}

/// `Executing operator "!rx" with param "…" against ARGS:x.`
fn executing(rule: &Rule, value: &Value<'_>, end: &str) -> Vec<u8> {
    let negated = if rule.test.negated {
        "Executing operator \"!"
    } else {
        "Executing operator \""
    };
    let words = [negated, "\" with param \"", "\" against ", end];
    sentence(
        &words,
        &[
            rule.test.name.as_bytes(),
            &rule.test.written,
            &value.full_name(),
        ],
    )
}
