//! `@rsub`: the one operator that changes what it is asked about.

use std::ops::ControlFlow;
use std::time::Instant;

use super::evaluate::{Hit, each_step};
use crate::host::Host;
use crate::operators::{Captures, Substitution, negated_message};
use crate::ruleset::{Chain, Rule};
use crate::template::Template;
use crate::transaction::{Scene, Transaction};
use crate::transformations::{Env, apply_all};
use crate::variables::Variable;

/// A value that a rule is asked about.
pub(super) struct Subject {
    pub variable: Variable,
    pub name: Vec<u8>,
    pub text: Vec<u8>,
}

impl Transaction {
    /// Rewrites the streams among a rule's targets.
    ///
    /// Compat: what is rewritten is the value as the rule's transformations made it; the hit has the new value. A negated
    /// rule rewrites, too, and matches where there was nothing to rewrite.
    pub(super) fn substitute(
        &mut self,
        chain: &Chain,
        rule: &Rule,
        substitution: &Substitution,
        host: &dyn Host,
    ) -> Vec<Hit> {
        let scene = self.scene(chain, host);
        let pattern = self.expand_with(substitution.pattern_with_macros(), &scene, |value| {
            substitution.in_pattern(value).into_owned()
        });
        let replacement =
            self.expand_with(substitution.replacement_with_macros(), &scene, |value| {
                Substitution::in_replacement(value).into_owned()
            });
        let mut outcomes = Vec::new();
        let obstacle = self.response_obstacle();
        for subject in self.subjects(rule, &scene) {
            let outcome = match subject.variable {
                Variable::StreamOutputBody if obstacle.is_some() => {
                    let reason = obstacle.unwrap_or_default();
                    self.debug(3, |_| {
                        format!("Response body is not rewritten: {reason}.").into_bytes()
                    });
                    continue;
                }
                Variable::StreamInputBody | Variable::StreamOutputBody => {
                    let begun = Instant::now();
                    let outcome = substitution.replace(&pattern, &replacement, &subject.text);
                    self.narrate_completed(begun);
                    outcome
                }
                _ => Err(Substitution::no_stream()),
            };
            let failed = outcome.is_err();
            outcomes.push((subject, outcome));
            if failed {
                break;
            }
        }
        let mut hits = Vec::new();
        for (subject, outcome) in outcomes {
            let Subject {
                variable,
                name,
                text,
            } = subject;
            let replaced = match outcome {
                Ok(replaced) => replaced,
                Err(failure) => {
                    self.operator_failed(chain, rule, &failure);
                    continue;
                }
            };
            let message = match &replaced {
                Some(_) => b"Operator rsub succeeded.".to_vec(),
                None => negated_message(rule.test.name.as_bytes(), &rule.test.written, &name),
            };
            let is_hit = replaced.is_some() != rule.test.negated;
            let value = match replaced {
                Some(changed) => {
                    let stream = match variable {
                        Variable::StreamInputBody => &mut self.stream_input,
                        _ => &mut self.stream_output,
                    };
                    stream.replace(changed.clone().into());
                    changed
                }
                None => text,
            };
            if is_hit {
                hits.push(Hit {
                    name: name.into(),
                    value,
                    message: message.into(),
                    captures: Captures::None,
                    location: None,
                });
            }
        }
        hits
    }

    /// The values of a rule's targets as its transformations make them, but for those that a rule has taken out.
    pub(super) fn subjects(&self, rule: &Rule, scene: &Scene<'_>) -> Vec<Subject> {
        let env = Env {
            unicode_map: self.config.unicode_map.as_deref(),
        };
        let told = self.debugs(4);
        let mut subjects = Vec::new();
        self.each_value(&rule.targets, None, scene, &mut |value| {
            if !self.is_excluded(rule, &value) {
                if told {
                    self.narrate_transformations(rule, &value, &env, false);
                }
                let mut take = |_, text: &[u8], asks: bool| {
                    if asks {
                        if told {
                            self.narrate_question(rule, &value, text);
                        }
                        subjects.push(Subject {
                            variable: value.variable,
                            name: value.name(),
                            text: text.to_vec(),
                        });
                    }
                };
                match rule.multi_match {
                    true => each_step(&rule.transformations, &value.value, &env, &mut take),
                    false => take(
                        None,
                        &apply_all(&rule.transformations, &value.value, &env),
                        true,
                    ),
                }
            }
            ControlFlow::Continue(())
        });
        subjects
    }

    /// Expands the macros in a part of an argument, each value as `quote` puts it. Such parts are rare: they are not
    /// compiled in advance.
    fn expand_with(
        &self,
        text: Option<&[u8]>,
        scene: &Scene<'_>,
        quote: impl Fn(&[u8]) -> Vec<u8>,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        Template::parse(text.unwrap_or_default()).expand(&mut out, |found, out| {
            let value = found
                .variable
                .and_then(|variable| self.first_value(variable, found.key.as_deref(), scene));
            out.extend(quote(value.as_deref().unwrap_or_default()));
        });
        out
    }
}
