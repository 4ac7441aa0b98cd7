//! `@validateHash`: whether a link is one that this site has made.

use std::borrow::Cow;

use super::evaluate::Hit;
use crate::host::Host;
use crate::links::{hash, is_right, split_hash};
use crate::operators::{Captures, Operator, Outcome, link_message, negated_message};
use crate::ruleset::{Argument, Chain, Rule};
use crate::transaction::Transaction;

impl Transaction {
    /// Asks about the proofs of the links among a rule's targets: those that `links` matches must have one.
    ///
    /// Compat: a link without a proof matches, and so does one with a wrong proof; the proof is the last parameter. With
    /// the engine or its enforcement switched off nothing matches.
    pub(super) fn validate_links(
        &mut self,
        chain: &Chain,
        rule: &Rule,
        links: &Operator,
        host: &dyn Host,
    ) -> Vec<Hit> {
        let enforces = self.overrides.hash_enforcement.unwrap_or(true);
        if !self.hashes_links() || !enforces {
            return Vec::new();
        }
        let scene = self.scene(chain, host);
        let pattern = match &rule.test.argument {
            Argument::Constant(text) => Cow::Borrowed(text.as_slice()),
            Argument::Template(template) => Cow::Owned(self.expand(template, &scene)),
        };
        let key = self.link_key();
        let mut hits = Vec::new();
        let mut failure = None;
        for subject in self.subjects(rule, &scene) {
            let message = match links.evaluate(&pattern, &subject.text, false) {
                Outcome::Error(error) => {
                    failure = Some(error);
                    continue;
                }
                Outcome::NoMatch => None,
                Outcome::Match(_) => match split_hash(&subject.text, &self.config.hash_parameter) {
                    None => Some(link_message(&pattern, &subject.name, None)),
                    Some((link, given)) if is_right(&key, link, given) => None,
                    Some((link, given)) => {
                        let right = hash(&key, link);
                        let proofs = Some((given, right.as_bytes()));
                        Some(link_message(&pattern, &subject.name, proofs))
                    }
                },
            };
            let message = match (message, rule.test.negated) {
                (Some(message), false) => message,
                (None, true) => {
                    let name = rule.test.name.as_bytes();
                    negated_message(name, &rule.test.written, &subject.name)
                }
                _ => continue,
            };
            hits.push(Hit {
                name: subject.name.into(),
                value: subject.text,
                message: message.into(),
                captures: Captures::None,
                location: None,
            });
        }
        if let Some(failure) = failure {
            self.operator_failed(chain, rule, &failure);
        }
        hits
    }
}
