//! What an administrator should know of a configuration that starts.

use std::collections::HashMap;
use std::sync::Arc;

use super::{reach, settings};
use crate::config::{Config, Tree};
use crate::ruleset::Rule;
use crate::types::Origin;

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Weight {
    /// Worth knowing.
    Note,
    /// Something does less, or something else, than it seems to.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// Where it is, where it has a place.
    pub origin: Option<Origin>,
    /// A sentence.
    pub text: String,
}

impl Finding {
    pub(super) fn warning(origin: Option<Origin>, text: impl Into<String>) -> Finding {
        Finding {
            weight: Weight::Warning,
            origin,
            text: text.into(),
        }
    }

    pub(super) fn note(origin: Option<Origin>, text: impl Into<String>) -> Finding {
        Finding {
            weight: Weight::Note,
            origin,
            text: text.into(),
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{}:{}: ", origin.file, origin.line)?;
        }
        let weight = match self.weight {
            Weight::Warning => "warning",
            Weight::Note => "note",
        };
        write!(f, "{weight}: {}", self.text)
    }
}

/// How rules run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Rules, members of chains included.
    pub rules: usize,
    /// Regular expressions among them.
    pub patterns: usize,
    /// Those that run in linear time.
    pub linear: usize,
}

/// Counts the rules of all sections, each once.
pub fn census(tree: &Tree) -> Census {
    let mut census = Census::default();
    for rule in rules(tree) {
        census.rules += 1;
        if let Some(pattern) = rule.1.test.operator.pattern() {
            census.patterns += 1;
            census.linear += usize::from(pattern.is_linear());
        }
    }
    census
}

/// Every rule of every section once, with the id of its chain.
pub(super) fn rules(tree: &Tree) -> Vec<(u64, Rule)> {
    let mut seen = std::collections::HashSet::new();
    let mut found = Vec::new();
    for config in configs(tree) {
        for chain in config.rules.chains() {
            for rule in &chain.rules {
                if seen.insert((Arc::clone(&rule.origin.file), rule.origin.line)) {
                    found.push((chain.id(), rule.clone()));
                }
            }
        }
    }
    found
}

/// What holds in each section.
pub(super) fn configs(tree: &Tree) -> Vec<Arc<Config>> {
    (0..tree.nodes().len())
        .map(|node| tree.resolved(node))
        .collect()
}

/// All that there is to say, in the order of the configuration.
pub fn findings(tree: &Tree) -> Vec<Finding> {
    let mut found = slow(tree);
    found.extend(reach::findings(tree));
    found.extend(settings::findings(tree));
    found.sort_by_key(|finding| finding.origin.is_some());
    let mut seen = std::collections::HashSet::new();
    found.retain(|finding| seen.insert(finding.to_string()));
    together(found)
}

/// What is the same of several rules is said once, at the first of them.
fn together(found: Vec<Finding>) -> Vec<Finding> {
    /// How many of the others are named.
    const NAMED: usize = 5;
    let mut kept: Vec<(Finding, Vec<String>)> = Vec::new();
    let mut places: HashMap<(Weight, String), usize> = HashMap::new();
    for finding in found {
        let of_rule = finding.text.strip_prefix("rule ");
        let Some((id, what)) = of_rule.and_then(|text| text.split_once(' ')) else {
            kept.push((finding, Vec::new()));
            continue;
        };
        let next = kept.len();
        let place = *places
            .entry((finding.weight, what.to_owned()))
            .or_insert(next);
        match kept.get_mut(place) {
            Some((_, others)) => others.push(id.to_owned()),
            None => kept.push((finding, Vec::new())),
        }
    }
    let said = kept.into_iter().map(|(mut finding, others)| {
        if !others.is_empty() {
            let named: Vec<&str> = others.iter().take(NAMED).map(String::as_str).collect();
            let more = match others.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            finding.text = format!("{}; so of {}{more}", finding.text, named.join(", "));
        }
        finding
    });
    said.collect()
}

/// Regular expressions that are not run in linear time.
fn slow(tree: &Tree) -> Vec<Finding> {
    rules(tree)
        .iter()
        .filter_map(|(id, rule)| {
            let pattern = rule.test.operator.pattern()?;
            let reason = pattern.not_linear_because()?;
            Some(Finding::note(
                Some(rule.origin.clone()),
                format!(
                    "the regular expression of rule {id} is slow: {reason}; SecPcreMatchLimit bounds it"
                ),
            ))
        })
        .collect()
}
