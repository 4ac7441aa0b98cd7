//! Rules that never run, or never match.

use std::sync::Arc;

use super::findings::{Finding, configs};
use crate::actions::{Disruptive, Flow};
use crate::config::{Config, Tree};
use crate::operators::Operator;
use crate::ruleset::{Argument, Chain, PhaseRules};
use crate::types::Phase;

pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for config in configs(tree) {
        for phase in Phase::ALL {
            if let Some(rules) = config.rules.phase(phase) {
                found.extend(unknown_markers(tree, rules));
                found.extend(skipped(rules));
            }
        }
        for chain in config.rules.chains() {
            found.extend(never_matches(&config, chain));
        }
    }
    found
}

fn place(chain: &Chain) -> Option<crate::types::Origin> {
    chain.starter().map(|rule| rule.origin.clone())
}

/// `skipAfter` to a place that does not come: the rest of the phase is skipped.
fn unknown_markers(tree: &Tree, rules: &PhaseRules) -> Vec<Finding> {
    let ends = rules
        .entries()
        .iter()
        .filter(|entry| entry.next == usize::MAX);
    ends.filter_map(|entry| match &entry.chain.flow {
        Flow::SkipAfter(name) => {
            let behind = match tree
                .all("SecMarker")
                .any(|marker| marker.words.first() == Some(name))
            {
                true => "stands before it",
                false => "does not exist",
            };
            Some(Finding::warning(
                place(&entry.chain),
                format!(
                    "rule {} skips to {name}, which {behind}: a match skips the rest of the phase",
                    entry.chain.id()
                ),
            ))
        }
        _ => None,
    })
    .collect()
}

/// Whether a chain matches whatever the request.
fn is_unconditional(chain: &Chain) -> bool {
    chain.complete
        && chain.rules.iter().all(|rule| {
            rule.script.is_none()
                && !rule.test.negated
                && matches!(*rule.test.operator, Operator::UnconditionalMatch)
        })
}

/// Rules behind one that always skips them or ends the phase.
fn skipped(rules: &PhaseRules) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(entry) = rules.entries().get(at) {
        let ends = is_unconditional(&entry.chain)
            && matches!(
                entry.chain.disruptive,
                Disruptive::Deny
                    | Disruptive::Drop
                    | Disruptive::Redirect(_)
                    | Disruptive::Allow(_)
            );
        let skips = is_unconditional(&entry.chain) && entry.next > at + 1;
        if ends || skips {
            let until = if ends { usize::MAX } else { entry.next };
            let passed = rules.entries().iter().take(until).skip(at + 1);
            let why = if ends { "ends the phase" } else { "skips it" };
            found.extend(passed.map(|passed| {
                Finding::warning(
                    place(&passed.chain),
                    format!(
                        "rule {} never runs: rule {} always matches and {why}",
                        passed.chain.id(),
                        entry.chain.id()
                    ),
                )
            }));
        }
        at = match ends {
            true => break,
            false if skips => entry.next,
            false => at + 1,
        };
    }
    found
}

/// Conditions that nothing meets.
fn never_matches(config: &Config, chain: &Arc<Chain>) -> Vec<Finding> {
    let mut found = Vec::new();
    let id = chain.id();
    let mut say = |rule: &crate::ruleset::Rule, text: String| {
        found.push(Finding::warning(Some(rule.origin.clone()), text));
    };
    if !chain.complete
        && let Some(rule) = chain.rules.last()
    {
        say(
            rule,
            format!(
                "the chain of rule {id} ends with `chain`: the rule that should follow is missing, and nothing is refused"
            ),
        );
    }
    for rule in &chain.rules {
        let included = || rule.targets.iter().filter(|target| !target.exclude);
        let late = included()
            .map(|target| target.variable.available_from())
            .min();
        if let Some(late) = late.filter(|late| *late > chain.phase) {
            let names: Vec<_> = included().map(|target| target.variable.name()).collect();
            say(
                rule,
                format!(
                    "rule {id} looks in phase {} at {}, of which there is nothing before phase {late}",
                    chain.phase,
                    names.join(", ")
                ),
            );
        }
        if rule.script.is_none() && included().next().is_none() {
            say(
                rule,
                format!("rule {id} looks at nothing: all its targets are exclusions"),
            );
        }
        if rule.script.is_none()
            && matches!(*rule.test.operator, Operator::NoMatch) != rule.test.negated
            && matches!(
                *rule.test.operator,
                Operator::NoMatch | Operator::UnconditionalMatch
            )
        {
            say(rule, format!("rule {id} never matches, by its operator"));
        }
        if let Some(reason) = impossible(rule) {
            say(rule, format!("rule {id} never matches: {reason}"));
        }
        let body = included()
            .all(|target| matches!(target.variable, crate::variables::Variable::ResponseBody));
        if body && included().next().is_some() && !config.response_body_access {
            say(
                rule,
                format!("rule {id} looks at RESPONSE_BODY, and SecResponseBodyAccess is Off"),
            );
        }
    }
    found
}

/// An argument that no transformed value equals.
fn impossible(rule: &crate::ruleset::Rule) -> Option<String> {
    use crate::transformations::Transformation as T;
    let Argument::Constant(argument) = &rule.test.argument else {
        return None;
    };
    let compares = matches!(
        *rule.test.operator,
        Operator::StrEq
            | Operator::Contains
            | Operator::ContainsWord
            | Operator::BeginsWith
            | Operator::EndsWith
    );
    if !compares || rule.test.negated || rule.multi_match {
        return None;
    }
    let counts = rule.targets.iter().any(|target| target.count);
    let last = |wanted: T| rule.transformations.last() == Some(&wanted) && !counts;
    let text = String::from_utf8_lossy(argument);
    if last(T::Lowercase) && argument.iter().any(u8::is_ascii_uppercase) {
        return Some(format!(
            "t:lowercase leaves no capital letters, and the operator wants {text}"
        ));
    }
    let spaced = argument.iter().any(u8::is_ascii_whitespace);
    if last(T::RemoveWhitespace) && spaced {
        return Some(format!(
            "t:removeWhitespace leaves no white space, and the operator wants {text}"
        ));
    }
    None
}
