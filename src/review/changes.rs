//! What takes a rule out or changes it: directives behind it, and `ctl` in other rules.

use std::sync::Arc;

use crate::actions::{Ctl, Effect, IdRanges, Meta, RuleSelector};
use crate::config::{Statement, Tree};
use crate::operators::rx::{Limits, Options, Pattern};
use crate::ruleset::Chain;

/// A change of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it is said.
    pub place: String,
    /// What it says.
    pub text: String,
}

/// The changes that directives make.
pub fn by_directives(tree: &Tree, meta: &Meta) -> Vec<Change> {
    let concerns = |statement: &&Statement| {
        let name = statement.name.to_ascii_lowercase();
        let Some(kind) = name.strip_prefix("secruleremoveby") else {
            let Some(kind) = name
                .strip_prefix("secruleupdatetargetby")
                .or_else(|| name.strip_prefix("secruleupdateactionby"))
            else {
                return false;
            };
            let word = statement
                .words
                .first()
                .map(String::as_str)
                .unwrap_or_default();
            // A position in the chain may follow.
            let word = if kind == "id" {
                word.split(':').next().unwrap_or(word)
            } else {
                word
            };
            return selector(kind, word).is_some_and(|selector| selector.selects(meta));
        };
        let mut words = statement.words.iter();
        words.any(|word| selector(kind, word).is_some_and(|selector| selector.selects(meta)))
    };
    tree.statements
        .iter()
        .filter(concerns)
        .map(|statement| Change {
            place: format!("{}:{}", statement.origin.file, statement.origin.line),
            text: format!("{} {}", statement.name, statement.words.join(" ")),
        })
        .collect()
}

fn selector(kind: &str, word: &str) -> Option<RuleSelector> {
    let pattern = || {
        let options = Options::operator(Limits::default());
        Pattern::compile(word.as_bytes(), options)
            .ok()
            .map(Arc::new)
    };
    match kind {
        "id" => Some(RuleSelector::Id(IdRanges::parse(word).0)),
        "tag" => pattern().map(RuleSelector::Tag),
        "msg" => pattern().map(RuleSelector::Msg),
        _ => None,
    }
}

/// The changes that rules make when they match.
pub fn by_rules<'c>(chains: impl Iterator<Item = &'c Arc<Chain>>, meta: &Meta) -> Vec<Change> {
    let mut found = Vec::new();
    for chain in chains {
        for rule in &chain.rules {
            for effect in &rule.effects {
                let (selector, what) = match effect {
                    Effect::Ctl(Ctl::RemoveRules(selector)) => {
                        (selector, "takes it out".to_owned())
                    }
                    Effect::Ctl(Ctl::RemoveTarget(selector, targets)) => {
                        let targets: Vec<String> = targets
                            .iter()
                            .map(|target| match &target.key {
                                Some(key) => {
                                    format!(
                                        "{}:{}",
                                        target.variable.name(),
                                        String::from_utf8_lossy(key)
                                    )
                                }
                                None => target.variable.name().to_owned(),
                            })
                            .collect();
                        (
                            selector,
                            format!("takes {} out of its targets", targets.join(", ")),
                        )
                    }
                    _ => continue,
                };
                if selector.selects(meta) {
                    found.push(Change {
                        place: format!("{}:{}", rule.origin.file, rule.origin.line),
                        text: format!(
                            "rule {} in phase {}, where it matches, {what}",
                            chain.id(),
                            chain.phase
                        ),
                    });
                }
            }
        }
    }
    found
}
