//! Rules, and exceptions to them.

use std::sync::Arc;

use super::{Arguments, Problem, Section};
use crate::actions::{self, IdRanges, RuleSelector};
use crate::operators::rx::{Limits, Options, Pattern};
use crate::ruleset::{Compiler, Part, Source};
use crate::seclang;
use crate::types::Phase;

type Outcome = Result<(), Problem>;

const RULE: &str = "Error creating rule: ";
const ACTIONS: &str = "Error parsing actions: ";

pub(super) fn rule(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let source = Source {
        targets: Some(arguments.bytes(0)),
        operator: Some(arguments.bytes(1)),
        actions: arguments.optional(2),
    };
    add(section, arguments, &source, |part| match part {
        Part::Targets => 0,
        Part::Operator => 1,
        Part::Actions => 2,
    })
}

pub(super) fn action(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let source = Source {
        targets: None,
        operator: None,
        actions: Some(arguments.bytes(0)),
    };
    add(section, arguments, &source, |_| 0)
}

fn add(
    section: &mut Section,
    arguments: &Arguments<'_>,
    source: &Source<'_>,
    word: impl Fn(Part) -> usize,
) -> Outcome {
    let compiler = Compiler {
        origin: arguments.place.origin.clone(),
        defaults: &section.defaults,
        default_phase: section.default_phase,
        pcre_match_limit: section.stated.pcre_match_limit.flatten(),
        pcre_match_limit_recursion: section.stated.pcre_match_limit_recursion.flatten(),
    };
    let problem = |found: crate::ruleset::CompileError| {
        let heading = if found.part == Part::Actions {
            ACTIONS
        } else {
            RULE
        };
        Problem::Argument(heading, word(found.part), found.error)
    };
    if section.rules.in_chain() {
        let (rule, more) = compiler.member(source).map_err(problem)?;
        section.rules.continue_chain(rule, more);
        return Ok(());
    }
    let chain = compiler.starter(source).map_err(problem)?;
    if chain.id() == 0 {
        return Err("ModSecurity: No action id present within the rule".into());
    }
    if section.rules.knows(chain.id()) {
        return Err("ModSecurity: Found another rule with the same id".into());
    }
    section.rules.start(chain);
    Ok(())
}

pub(super) fn marker(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.rules.mark(&arguments.text(0));
    Ok(())
}

pub(super) fn inheritance(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.rules.inherit(arguments.flag());
    Ok(())
}

/// Compat: the list must name a phase and a disruptive action. mod_security2 keeps one list for all phases; here each
/// phase has its own, and the last one read gives the phase of rules that name none.
pub(super) fn default_action(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let in_word = |error| Problem::Argument(ACTIONS, 0, error);
    let tree = seclang::parse_actions(arguments.bytes(0)).map_err(in_word)?;
    let list = actions::parse(&tree, actions::Context::Default).map_err(in_word)?;
    let phase = list
        .switches
        .phase
        .ok_or("SecDefaultAction must specify a phase")?;
    if list.switches.disruptive.is_none() {
        return Err("SecDefaultAction must specify a disruptive action".into());
    }
    if let Some(slot) = section.defaults.get_mut(Phase::index(phase)) {
        *slot = Some(list);
    }
    section.default_phase = phase;
    Ok(())
}

pub(super) fn remove_by_id(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    for at in 0..arguments.words.len() {
        section.rules.remove(by_id(arguments, at)?);
    }
    Ok(())
}

pub(super) fn remove_by_tag(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    for at in 0..arguments.words.len() {
        section
            .rules
            .remove(RuleSelector::Tag(pattern(arguments, at)?));
    }
    Ok(())
}

pub(super) fn remove_by_msg(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    for at in 0..arguments.words.len() {
        section
            .rules
            .remove(RuleSelector::Msg(pattern(arguments, at)?));
    }
    Ok(())
}

/// Compat: mod_security2 refuses the directive in a section that has no rules.
pub(super) fn update_target_by_id(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    if !section.rules.has_rules() {
        return Err("Updating target by ID with no ruleset in this context".into());
    }
    let selector = by_id(arguments, 0)?;
    update(section, arguments, &selector)
}

pub(super) fn update_target_by_tag(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let selector = RuleSelector::Tag(pattern(arguments, 0)?);
    update(section, arguments, &selector)
}

pub(super) fn update_target_by_msg(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let selector = RuleSelector::Msg(pattern(arguments, 0)?);
    update(section, arguments, &selector)
}

/// `SecRuleUpdateActionById id[:position] actions`: what the list names replaces what the rule had, the rest is added.
///
/// Compat: an id that no rule of this section has is no error; identity and phase cannot be changed.
pub(super) fn update_action_by_id(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let text = arguments.text(0);
    let (id, position) = match text.split_once(':') {
        Some((id, position)) => {
            let position = position
                .parse()
                .map_err(|_| format!("Invalid rule position: {text}"))?;
            (id, position)
        }
        None => (text.as_str(), 0),
    };
    let ids = IdRanges::parse(id)
        .ok_or_else(|| format!("ModSecurity: Invalid rule id or range: {id}"))?;
    let in_word = |error| Problem::Argument(ACTIONS, 1, error);
    let tree = seclang::parse_actions(arguments.bytes(1)).map_err(in_word)?;
    let context = if position == 0 {
        actions::Context::Rule
    } else {
        actions::Context::ChainMember
    };
    let list = actions::parse(&tree, context).map_err(in_word)?;
    if list.has_id {
        return Err("Rule id cannot be updated via SecRuleUpdateActionById".into());
    }
    if list.switches.phase.is_some() {
        return Err("Rule phase cannot be updated via SecRuleUpdateActionById".into());
    }
    let selector = RuleSelector::Id(ids);
    section
        .rules
        .update_rules(&selector, position, |chain, position| {
            chain.update(position, &list)
        });
    Ok(())
}

fn update(section: &mut Section, arguments: &Arguments<'_>, selector: &RuleSelector) -> Outcome {
    let targets = |at: usize| {
        Compiler::targets(arguments.bytes(at))
            .map_err(|error| Problem::Argument("Error updating target: ", at, error))
    };
    let added = targets(1)?;
    let replaced = arguments.optional(2).map(|_| targets(2)).transpose()?;
    section
        .rules
        .update_targets(selector, &added, replaced.as_deref());
    Ok(())
}

fn by_id(arguments: &Arguments<'_>, at: usize) -> Result<RuleSelector, Problem> {
    let text = arguments.text(at);
    let ids = IdRanges::parse(&text)
        .ok_or_else(|| format!("ModSecurity: Invalid rule id or range: {text}"))?;
    Ok(RuleSelector::Id(ids))
}

fn pattern(arguments: &Arguments<'_>, at: usize) -> Result<Arc<Pattern>, Problem> {
    Pattern::compile(arguments.bytes(at), Options::operator(Limits::default()))
        .map(Arc::new)
        .map_err(|error| {
            format!(
                "ModSecurity: Invalid regular expression \"{}\": {error}",
                arguments.text(at)
            )
            .into()
        })
}
