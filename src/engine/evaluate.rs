//! One rule and its targets: what matches, without changing anything.

use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::budget::OF_A_RULE;
use super::debug::sentence;
use super::lookup::{self, Answer};
use crate::actions::{Ctl, TargetExclusion};
use crate::audit::escape::log_escape;
use crate::host::Host;
use crate::limits;
use crate::lookups::Location;
use crate::operators::{Captures, Operator, Outcome, negated_message, rx};
use crate::ruleset::prefilter::Candidate;
use crate::ruleset::{Argument, Chain, PhaseRules, Rule};
use crate::template::Template;
use crate::transaction::{Scene, Transaction, Value};
use crate::transformations::{Env, Transformation, apply_all};

/// A value that matched, with all that actions and logs need of it.
pub(super) struct Hit {
    /// The value's name.
    pub name: Box<[u8]>,
    /// The value as the operator saw it.
    pub value: Vec<u8>,
    /// The sentence about the match; empty where nobody will read it.
    pub message: Box<[u8]>,
    /// What goes to TX:0 to TX:9.
    pub captures: Captures,
    /// The place that was looked up.
    pub location: Option<Box<Location>>,
}

/// What a rule is asked.
pub(super) struct Question<'q> {
    /// The chain it belongs to.
    pub chain: &'q Chain,
    /// The rule.
    pub rule: &'q Rule,
    /// What the scan of the phase has found out.
    pub known: Known<'q>,
    /// The first match is enough.
    pub first_only: bool,
    /// It is the last of its chain, whose matches are told.
    pub last: bool,
}

/// What is known before a rule is asked.
#[derive(Clone, Copy)]
pub(super) enum Known<'q> {
    /// Nothing: it is asked about all its values.
    Nothing,
    /// It can match on these values only.
    Candidates(&'q PhaseRules, &'q [Candidate]),
    /// Its operator matches none of its values. The rule is negated, or it would not be asked.
    NoMatch,
}

impl Transaction {
    /// Asks a rule about its targets.
    ///
    /// Compat: where there is no value the operator is not asked, so a negated one does not match either.
    pub(super) fn evaluate(&mut self, question: &Question<'_>, host: &dyn Host) -> Vec<Hit> {
        let (chain, rule) = (question.chain, question.rule);
        let scene = self.scene(chain, host);
        let told = self.debugs(4);
        if told {
            self.narrate_rule(chain, rule, &scene);
        }
        if let Operator::Rsub(substitution) = &*rule.test.operator {
            return self.substitute(chain, rule, substitution, host);
        }
        if let Operator::ValidateHash(links) = &*rule.test.operator {
            return self.validate_links(chain, rule, links, host);
        }
        self.add_work(OF_A_RULE);
        let argument = match &rule.test.argument {
            Argument::Constant(text) => Cow::Borrowed(text.as_slice()),
            Argument::Template(template) => {
                let expanded = Cow::Owned(self.expand(template, &scene));
                rule.test.operator.prepare(expanded)
            }
        };
        let env = Env {
            unicode_map: self.config.unicode_map.as_deref(),
        };
        if rule.script.is_some() || matches!(*rule.test.operator, Operator::InspectFile(_)) {
            self.add_unknown_work();
            return self.run_test(chain, rule, question.first_only, host);
        }
        let excludes = self.excludes_targets();
        let mut hits = Vec::new();
        let mut failure = None;
        // The rule has matched the value that it was asked about last.
        let mut matched = false;
        let mut reasons = Vec::new();
        let candidates = match question.known {
            Known::Candidates(rules, candidates) => Some((rules, candidates)),
            Known::Nothing | Known::NoMatch => None,
        };
        self.each_value(&rule.targets, candidates, &scene, &mut |value| {
            let excluded = excludes && self.is_excluded(rule, &value);
            if told {
                self.narrate_transformations(rule, &value, &env, matched);
                if excludes {
                    self.narrate_exclusion(rule, &value, excluded);
                }
            }
            if excluded {
                matched = false;
                return ControlFlow::Continue(());
            }
            let mut ask = |step: Option<Transformation>, subject: &[u8], asks: bool| {
                if let (true, Some(step)) = (told, step) {
                    self.narrate_step(step, subject, matched);
                }
                if !asks {
                    return;
                }
                if told {
                    self.narrate_question(rule, &value, subject);
                }
                let begun = told.then(Instant::now);
                match &*rule.test.operator {
                    Operator::Rbl => self.add_unknown_work(),
                    _ => self.add_work(OF_A_RULE + subject.len()),
                }
                let answer = match &*rule.test.operator {
                    _ if matches!(question.known, Known::NoMatch) => Answer {
                        outcome: Outcome::NoMatch,
                        location: None,
                    },
                    Operator::Validate(validation) => Answer {
                        outcome: self.judge(validation, &rule.test.written, &mut reasons),
                        location: None,
                    },
                    operator => lookup::ask(
                        &self.config,
                        operator,
                        &argument,
                        subject,
                        &value,
                        rule.capture,
                    ),
                };
                if let Some(begun) = begun {
                    self.narrate_answer(rule, &value, subject, &answer.outcome, begun);
                }
                let before = hits.len();
                // What nobody will log needs no words.
                let told =
                    (told || question.last && chain.is_told()) && before < limits::ALERTS_LIMIT;
                match test(rule, &argument, &value, subject, answer, told) {
                    Ok(Some(hit)) => hits.push(hit),
                    Ok(None) => {}
                    Err(error) => failure = Some(error),
                }
                matched = hits.len() > before;
            };
            match (rule.multi_match, rule.transformations.is_empty()) {
                (true, _) => each_step(&rule.transformations, &value.value, &env, &mut ask),
                (false, true) => ask(None, &value.value, true),
                (false, false) => ask(
                    None,
                    &apply_all(&rule.transformations, &value.value, &env),
                    true,
                ),
            }
            match question.first_only && !hits.is_empty() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        if matches!(*rule.test.operator, Operator::GeoLookup) {
            let location = hits.iter_mut().find_map(|hit| hit.location.take());
            self.set_geo(location.as_deref());
        }
        for reason in reasons {
            self.engine_alert(reason.as_bytes());
        }
        match (failure, &*rule.test.operator) {
            (None, _) => {}
            (Some(failure), Operator::Validate(_)) => {
                self.rule_error = true;
                self.engine_alert(failure.message.as_bytes());
                self.processing_failed(chain);
            }
            (Some(failure), _) => self.operator_failed(chain, rule, &failure),
        }
        if self.path_over_limit.take() {
            self.tx.set(b"MSC_XPATH_LIMITS_EXCEEDED", "1");
            self.rule_failed(chain, rule, &"an XPath expression went over its limits");
        }
        hits
    }

    /// Where a rule of this chain stands, for variables and macros.
    pub(super) fn scene<'s>(&self, chain: &'s Chain, host: &'s dyn Host) -> Scene<'s> {
        Scene {
            host,
            rule: chain.starter().map(|rule| &rule.meta),
        }
    }

    /// Expands the macros in a text.
    pub(super) fn expand(&self, template: &Template, scene: &Scene<'_>) -> Vec<u8> {
        let mut text = Vec::with_capacity(template.usual_length());
        template.expand(&mut text, |found, out| {
            let value = found
                .sound_variable()
                .and_then(|variable| self.first_value(variable, found.key.as_deref(), scene));
            if self.debugs(4) {
                self.narrate_macro(found, value.as_deref());
            }
            out.extend_from_slice(value.as_deref().unwrap_or_default());
        });
        text
    }

    /// As [`expand`](Transaction::expand); a text without macros is not copied.
    pub(super) fn expanded(&self, template: &Template, scene: &Scene<'_>) -> Bytes {
        let constant = template.constant();
        constant.unwrap_or_else(|| Bytes::copy_from_slice(&self.expand(template, scene)))
    }

    /// The value that a macro of this name stands for, escaped as for a log.
    pub fn log_text(&self, name: &[u8], host: &dyn Host) -> Vec<u8> {
        let template = Template::parse(&[b"%{", name, b"}"].concat());
        let value = self.expand(&template, &Scene { host, rule: None });
        let mut text = Vec::with_capacity(value.len());
        log_escape(&mut text, &value);
        text
    }

    /// Whether `ctl:ruleRemoveBy…` took the chain out.
    ///
    /// Compat: members have no id, but their tags count.
    pub(super) fn is_removed(&self, chain: &Chain) -> bool {
        self.overrides.removals.iter().any(|removal| match removal {
            Ctl::RemoveRules(selector) => {
                chain.rules.iter().any(|rule| selector.selects(&rule.meta))
            }
            _ => false,
        })
    }

    /// Whether `ctl:ruleRemoveTargetBy…` took anything out of any rule.
    fn excludes_targets(&self) -> bool {
        let removals = &self.overrides.removals;
        removals
            .iter()
            .any(|removal| matches!(removal, Ctl::RemoveTarget(..)))
    }

    /// Whether `ctl:ruleRemoveTargetBy…` took the value out of this rule. Compat: by id only out of a chain's starter.
    pub(super) fn is_excluded(&self, rule: &Rule, value: &Value<'_>) -> bool {
        self.overrides.removals.iter().any(|removal| match removal {
            Ctl::RemoveTarget(selector, targets) => {
                targets.iter().any(|target| means(target, value)) && selector.selects(&rule.meta)
            }
            _ => false,
        })
    }

    /// An operator could not decide: a flag that rules can read, and a line in the logs.
    pub(super) fn operator_failed(&mut self, chain: &Chain, rule: &Rule, failure: &rx::Failure) {
        match failure.limit_exceeded {
            true => self.tx.set(b"MSC_PCRE_LIMITS_EXCEEDED", "1"),
            // Compat: a limit is no error that SecInterceptOnError is about.
            false => self.rule_error = true,
        }
        self.rule_failed(chain, rule, failure);
    }

    /// A rule could not be decided, in mod_security2's words for what is no limit of a pattern.
    pub(super) fn processing_failed(&mut self, chain: &Chain) {
        let meta = chain.starter().map(|starter| &starter.meta);
        let id = meta.filter(|meta| meta.id != 0);
        let id = id.map(|meta| meta.id.to_string()).unwrap_or_default();
        let msg = meta.and_then(|meta| meta.msg_text.as_deref());
        let words = ["Rule processing failed (id=", ", msg=", ")."];
        let text = sentence(&words, &[id.as_bytes(), msg.unwrap_or_default()]);
        self.engine_alert(&text);
    }

    /// A rule could not be decided: a line in the logs.
    fn rule_failed(&mut self, chain: &Chain, rule: &Rule, failure: &dyn fmt::Display) {
        let (id, file, line) = (chain.id(), Arc::clone(&rule.origin.file), rule.origin.line);
        let text = format!(
            "Rule [id \"{id}\"][file \"{file}\"][line \"{line}\"] - Execution error - {failure}"
        );
        self.engine_alert(text.as_bytes());
    }
}

/// What the operator said of one prepared value, as the rule means it.
fn test(
    rule: &Rule,
    argument: &[u8],
    value: &Value<'_>,
    subject: &[u8],
    answer: Answer,
    told: bool,
) -> Result<Option<Hit>, rx::Failure> {
    let operator = &rule.test.operator;
    let found = match (answer.outcome, rule.test.negated) {
        (Outcome::Error(failure), _) => return Err(failure),
        (Outcome::Match(_), true) | (Outcome::NoMatch, false) => return Ok(None),
        (Outcome::Match(found), false) => Some(found),
        (Outcome::NoMatch, true) => None,
    };
    let name = value.name();
    let message = match &found {
        _ if !told => Vec::new(),
        Some(found) => operator.message(argument, found, &name),
        None => {
            let (operator, name) = (rule.test.name.as_bytes(), value.full_name());
            negated_message(operator, &rule.test.written, &name)
        }
    };
    let captures = found
        .map(|found| owned(found.captures, subject))
        .unwrap_or_default();
    Ok(Some(Hit {
        name: name.into(),
        value: subject.to_vec(),
        message: message.into(),
        captures,
        location: answer.location,
    }))
}

/// Captured text outlives the value it was captured from.
fn owned(captures: Captures, subject: &[u8]) -> Captures {
    use crate::operators::Piece;
    let own = |piece: Piece| Piece::Text(piece.bytes(subject).into());
    match captures {
        Captures::None => Captures::None,
        Captures::Replace(pieces) => Captures::Replace(pieces.into_iter().map(own).collect()),
        Captures::SetFirst(piece) => Captures::SetFirst(own(piece)),
    }
}

/// Whether a target that `ctl` has taken out is this value.
pub(super) fn means(target: &TargetExclusion, value: &Value<'_>) -> bool {
    target.variable == value.variable
        && match (&target.key, &value.key) {
            (None, _) => true,
            (Some(wanted), Some(key)) => wanted.eq_ignore_ascii_case(key),
            (Some(_), None) => false,
        }
}

/// Takes a step: the transformation, if it is not the value itself, what it has made of it, whether that is asked about.
type Ask<'a> = &'a mut dyn FnMut(Option<Transformation>, &[u8], bool);

/// `multiMatch`: the value itself, then what every transformation makes of it, and whether that is to be asked about.
pub(super) fn each_step(chain: &[Transformation], value: &[u8], env: &Env<'_>, ask: Ask<'_>) {
    ask(None, value, true);
    let mut current = Cow::Borrowed(value);
    for transformation in chain {
        let changed = match transformation.apply(&current, env) {
            Cow::Borrowed(_) => None,
            Cow::Owned(changed) => Some(changed),
        };
        let asks = changed.is_some() || transformation.always_claims_a_change();
        if let Some(changed) = changed {
            current = Cow::Owned(changed);
        }
        ask(Some(*transformation), &current, asks);
    }
}
