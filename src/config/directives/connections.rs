//! How many connections an address may hold.

use std::sync::Arc;

use super::{Arguments, Problem, Section};
use crate::config::connections::Limit;
use crate::operators::{CompileContext, Kind, Operator, compile};
use crate::types::EngineMode;

type Outcome = Result<(), Problem>;

pub(super) fn engine(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let text = arguments.text(0);
    let mode = EngineMode::lookup(&text)
        .ok_or_else(|| format!("ModSecurity: Invalid value for SecConnEngine: {text}"))?;
    section.stated.connection_engine = Some(mode);
    Ok(())
}

pub(super) fn reading(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let limit = limit(section, arguments)?;
    let stated = section.stated.connections_reading.get_or_insert_default();
    Arc::make_mut(stated).add(&limit);
    Ok(())
}

pub(super) fn writing(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let limit = limit(section, arguments)?;
    let stated = section.stated.connections_writing.get_or_insert_default();
    Arc::make_mut(stated).add(&limit);
    Ok(())
}

/// `SecReadStateLimit`
pub(super) fn reading_by_its_older_name(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Outcome {
    arguments.note(
        section,
        "SecReadStateLimit is deprecated, use SecConnReadStateLimit instead",
    );
    reading(section, arguments)
}

/// `SecWriteStateLimit`
pub(super) fn writing_by_its_older_name(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Outcome {
    arguments.note(
        section,
        "SecWriteStateLimit is deprecated, use SecConnWriteStateLimit instead",
    );
    writing(section, arguments)
}

/// `NUMBER ["[!]@ipMatch LIST"]`
fn limit(section: &mut Section, arguments: &Arguments<'_>) -> Result<Limit, Problem> {
    let mut limit = Limit {
        most: arguments.number(section, 1)?,
        ..Limit::default()
    };
    let text = arguments.text(1);
    if text.is_empty() {
        return Ok(limit);
    }
    let name = arguments.directive.name;
    let (operator, argument) = text.split_once(' ').ok_or_else(|| {
        let state = name.trim_start_matches("Sec");
        let sentence = format!("ModSecurity: Space character between operator and parameter not found with {state}: {text}");
        arguments.wrong(1, sentence)
    })?;
    let (spares, operator) = match operator.strip_prefix('!') {
        Some(operator) => (true, operator),
        None => (false, operator),
    };
    let kind = operator.strip_prefix('@').and_then(Kind::lookup);
    let kind = kind.filter(|kind| matches!(kind, Kind::IpMatch | Kind::IpMatchFromFile));
    let kind = kind.ok_or_else(|| {
        let sentence = format!(
            "ModSecurity: Invalid operator for {name}: {text}, expected operators: @ipMatch, @ipMatchF or @ipMatchFromFile with \
             or without !"
        );
        arguments.wrong(1, sentence)
    })?;
    let context = CompileContext {
        config_dir: arguments.directory(),
        pcre_match_limit: None,
        pcre_match_limit_recursion: None,
        file: &|path| std::fs::read(path),
        grammars: section.grammars,
    };
    let failed = |reason| {
        let sentence = format!("ModSecurity: failed to load IPs from: {argument} {reason}");
        arguments.wrong(1, sentence)
    };
    let compiled = compile(kind, argument.as_bytes(), &context);
    match compiled.map_err(|error| failed(error.message))? {
        Operator::IpMatch(set) | Operator::IpMatchFromFile(set) => {
            let list = match spares {
                true => &mut limit.spared,
                false => &mut limit.suspects,
            };
            list.push(Arc::new(set));
            Ok(limit)
        }
        _ => Err(failed("it is no list of addresses".to_owned())),
    }
}
