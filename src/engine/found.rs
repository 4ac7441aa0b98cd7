//! The chains that matched, as records describe them: each once, however often it matched.

use std::collections::HashMap;
use std::sync::Arc;

use crate::audit::MatchedRule;
use crate::ruleset::Rule;
use crate::transaction::{MatchedRule as Found, Matches};

/// The chains that matched, each with as many of its rules as that were; and of each match which of them it is.
pub(super) fn distinct(matches: &Matches) -> (Vec<Found<'_>>, Vec<usize>) {
    let mut found: Vec<Found<'_>> = Vec::new();
    let mut known = HashMap::new();
    let matches = matches.recorded().map(|this| {
        *known
            .entry((Arc::as_ptr(this.chain), this.matched))
            .or_insert_with(|| {
                found.push(this);
                found.len() - 1
            })
    });
    let matches = matches.collect();
    (found, matches)
}

/// Their ids as text.
pub(super) fn ids(found: &[Found<'_>]) -> Vec<String> {
    found
        .iter()
        .map(|found| found.chain.id().to_string())
        .collect()
}

/// The tags of each of their rules.
pub(super) fn tags<'t>(found: &[Found<'t>]) -> Vec<Vec<Vec<&'t [u8]>>> {
    fn tags(rule: &Rule) -> Vec<&[u8]> {
        rule.meta.tag_texts.iter().map(Vec::as_slice).collect()
    }
    found
        .iter()
        .map(|found| found.chain.rules.iter().map(tags).collect())
        .collect()
}

/// Their rules.
pub(super) fn rules<'t>(
    found: &[Found<'t>],
    ids: &'t [String],
    tags: &'t [Vec<Vec<&'t [u8]>>],
) -> Vec<Vec<MatchedRule<'t>>> {
    let chains = found.iter().zip(ids).zip(tags);
    chains
        .map(|((found, id), tags)| {
            let chained = found.chain.rules.len() > 1;
            let rules = found.chain.rules.iter().enumerate();
            rules
                .map(|(position, rule)| MatchedRule {
                    unparsed: &rule.text,
                    is_matched: position < found.matched,
                    id: (position == 0 && found.chain.id() != 0).then_some(id.as_bytes()),
                    revision: rule.meta.rev.as_deref().map(str::as_bytes),
                    version: rule.meta.ver.as_deref().map(str::as_bytes),
                    severity: rule.meta.severity.map(|severity| severity.number()),
                    accuracy: rule.meta.accuracy,
                    maturity: rule.meta.maturity,
                    phase: Some(found.chain.phase),
                    is_chained: chained,
                    chain_starter: chained && position == 0,
                    tags: tags.get(position).map_or(&[], Vec::as_slice),
                    message: rule.meta.msg_text.as_deref(),
                    operator: Some(rule.test.operator.kind().name().as_bytes()),
                    operator_argument: &rule.test.written,
                    target: &rule.target_text,
                    negated: rule.test.negated,
                    file: rule.origin.file.as_bytes(),
                    line: rule.origin.line,
                    ..MatchedRule::default()
                })
                .collect()
        })
        .collect()
}
