//! Rules, and exceptions to them.

use std::sync::Arc;

use super::{Arguments, Problem, Section};
use crate::actions::{self, IdRanges, RuleSelector};
use crate::operators::atoi;
use crate::operators::rx::{Limits, Options, Pattern};
use crate::ruleset::{Compiler, Part, Source};
use crate::seclang;
use crate::types::Phase;

type Outcome = Result<(), Problem>;

const RULE: &str = "Error creating rule: ";
const ACTIONS: &str = "Error parsing actions: ";

pub(super) fn rule(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    if arguments.bytes(1).is_empty() {
        return Err(arguments.wrong(1, "Error creating rule: Missing operator"));
    }
    let source = Source {
        targets: Some(arguments.bytes(0)),
        operator: Some(arguments.bytes(1)),
        actions: arguments.optional(2),
        ..Source::default()
    };
    add(section, arguments, &source, |part| match part {
        Part::Targets | Part::Script => 0,
        Part::Operator => 1,
        Part::Actions => 2,
    })
}

pub(super) fn action(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let source = Source {
        actions: Some(arguments.bytes(0)),
        ..Source::default()
    };
    add(section, arguments, &source, |_| 0)
}

/// `SecRuleScript file.lua [actions]`.
pub(super) fn script(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let source = Source {
        script: Some(arguments.bytes(0)),
        actions: arguments.optional(1),
        ..Source::default()
    };
    add(section, arguments, &source, |part| match part {
        Part::Actions => 1,
        _ => 0,
    })
}

fn add(
    section: &mut Section,
    arguments: &Arguments<'_>,
    source: &Source<'_>,
    word: impl Fn(Part) -> usize,
) -> Outcome {
    let compiler = Compiler {
        origin: arguments.place.origin.clone(),
        grammars: section.grammars,
        defaults: &section.defaults,
        default_phase: section.default_phase,
        pcre_match_limit: section.stated.pcre_match_limit.flatten(),
        pcre_match_limit_recursion: section.stated.pcre_match_limit_recursion.flatten(),
        notices: Default::default(),
    };
    let problem = |found: crate::ruleset::CompileError| {
        let heading = match found.part {
            Part::Actions => ACTIONS,
            // Compat: the sentence about a script has no other heading.
            Part::Script => "",
            Part::Targets | Part::Operator => RULE,
        };
        Problem::Argument(heading, word(found.part), found.error)
    };
    if let Some(phase) = section.rules.open_phase() {
        let (rule, more) = compiler.member(phase, source).map_err(problem)?;
        let notices = compiler.notices.take();
        section.rules.continue_chain(rule, more);
        note_all(section, arguments, &notices);
        return Ok(());
    }
    let chain = compiler.starter(source).map_err(problem)?;
    let notices = compiler.notices.take();
    // Compat: a script's rule needs no id, and may have one that is taken.
    let must_be_known = source.script.is_none();
    if must_be_known && chain.id() == 0 {
        let actions = word(Part::Actions);
        return Err(arguments.wrong(actions, "ModSecurity: No action id present within the rule"));
    }
    if must_be_known && section.rules.knows(chain.id()) {
        let actions = word(Part::Actions);
        let span = seclang::parse_actions(arguments.bytes(actions))
            .ok()
            .and_then(|list| list.into_iter().find(|action| action.name.value == "id"))
            .map_or(0..0, |action| action.name.span);
        let taken = seclang::Error::new("ModSecurity: Found another rule with the same id", span);
        return Err(Problem::Argument("", actions, taken));
    }
    section.rules.start(chain);
    note_all(section, arguments, &notices);
    Ok(())
}

fn note_all(section: &mut Section, arguments: &Arguments<'_>, notices: &[String]) {
    for notice in notices {
        arguments.note(section, notice);
    }
}

/// Compat: the name is read as the id of a rule is.
pub(super) fn marker(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let name = arguments.bytes(0);
    if name.is_empty()
        || name
            .iter()
            .any(|byte| matches!(byte, b',' | b'|') || byte.is_ascii_whitespace())
    {
        return Err(format!(
            "ModSecurity: Invalid name of a marker: {}",
            arguments.text(0)
        )
        .into());
    }
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
    let directory = arguments.directory();
    let list = actions::parse(&tree, actions::Context::Default, directory).map_err(in_word)?;
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
        let ids = by_id(section, arguments, at);
        section.rules.remove(ids);
    }
    Ok(())
}

pub(super) fn remove_by_tag(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    if arguments.bytes(0).is_empty() {
        return Err("ModSecurity: Missing tag pattern".into());
    }
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
    let selector = by_id(section, arguments, 0);
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
        // Compat: what is no number is 0.
        Some((id, position)) => {
            let position = atoi(position.as_bytes());
            (id, usize::try_from(position).unwrap_or(usize::MAX))
        }
        None => (text.as_str(), 0),
    };
    let (ids, _) = IdRanges::parse(id);
    if ids.contains(0) {
        return Err(arguments.wrong(
            0,
            format!("ModSecurity: Invalid ID for update action: {text}"),
        ));
    }
    if arguments.bytes(1).is_empty() {
        return Err(arguments.wrong(1, "ModSecurity: Missing actions"));
    }
    let in_word = |error| Problem::Argument(ACTIONS, 1, error);
    let tree = seclang::parse_actions(arguments.bytes(1)).map_err(in_word)?;
    let context = if position == 0 {
        actions::Context::Rule
    } else {
        actions::Context::ChainMember
    };
    let list = match actions::parse(&tree, context, arguments.directory()) {
        Ok(list) => list,
        // Compat: what cannot be done to a member is no mistake as long as there is no such member.
        Err(_)
            if position > 0
                && !section
                    .rules
                    .has_member(&RuleSelector::Id(ids.clone()), position) =>
        {
            arguments.note(
                section,
                &format!("no rule above in this section is {text}: nothing is updated"),
            );
            return Ok(());
        }
        Err(error) => return Err(in_word(error)),
    };
    if list.has_id {
        let sentence = "ModSecurity: Rule IDs cannot be updated via SecRuleUpdateActionById.";
        return Err(arguments.wrong(1, sentence));
    }
    if list.switches.phase.is_some() {
        let sentence = "ModSecurity: Rule phases cannot be updated via SecRuleUpdateActionById.";
        return Err(arguments.wrong(1, sentence));
    }
    let selector = RuleSelector::Id(ids);
    let mut found = false;
    let defaults = &section.defaults;
    section
        .rules
        .update_rules(&selector, position, |chain, position| {
            found = true;
            chain.update(position, &list, defaults)
        });
    if !found {
        arguments.note(
            section,
            &format!("no rule above in this section is {text}: nothing is updated"),
        );
    }
    Ok(())
}

fn update(section: &mut Section, arguments: &Arguments<'_>, selector: &RuleSelector) -> Outcome {
    let targets = |at: usize| {
        Compiler::targets(arguments.bytes(at))
            .map_err(|error| Problem::Argument("Error updating target: ", at, error))
    };
    // Compat: targets are read for the rules that get them.
    if !section.rules.has_member(selector, 0) {
        arguments.note(
            section,
            "no rule above in this section is meant: nothing is updated",
        );
        return Ok(());
    }
    let added = targets(1)?;
    let replaced = arguments.optional(2).map(|_| targets(2)).transpose()?;
    let updated =
        section
            .rules
            .update_targets(selector, (&added, arguments.bytes(1)), replaced.as_deref());
    updated.map_err(|error| arguments.wrong(1, format!("Error updating target: {}", error.message)))
}

fn by_id(section: &mut Section, arguments: &Arguments<'_>, at: usize) -> RuleSelector {
    let text = arguments.text(at);
    let (ids, clean) = IdRanges::parse(&text);
    if !clean {
        arguments.note(section, &format!("{text} is hardly a list of rule ids"));
    }
    RuleSelector::Id(ids)
}

fn pattern(arguments: &Arguments<'_>, at: usize) -> Result<Arc<Pattern>, Problem> {
    Pattern::compile(arguments.bytes(at), Options::operator(Limits::default()))
        .map(Arc::new)
        .map_err(|error| {
            let text = arguments.text(at);
            let sentence = format!("ModSecurity: Invalid regular expression \"{text}\": {error}");
            arguments.wrong(at, sentence)
        })
}
