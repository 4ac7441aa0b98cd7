//! Directives of mod_security2 that do less here, or nothing: none of them is passed over in silence.

use std::sync::Arc;

use super::{Arguments, Problem, Section};

type Outcome = Result<(), Problem>;

/// Accepted; a notice at start says what it does not do. The row's help is the reason.
pub(super) fn noticed(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let directive = arguments.directive;
    let text = format!(
        "{} is accepted without effect: {}.",
        directive.name, directive.help
    );
    let notes = Arc::make_mut(section.stated.notes.get_or_insert_default());
    if !notes.contains(&text) {
        notes.push(text);
    }
    Ok(())
}

/// Accepted as long as it switches nothing on.
pub(super) fn off_only(_: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    match arguments.bytes(0).eq_ignore_ascii_case(b"off") {
        true => Ok(()),
        false => refuse(arguments),
    }
}

/// Refused.
pub(super) fn refused(_: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    refuse(arguments)
}

fn refuse(arguments: &Arguments<'_>) -> Outcome {
    let directive = arguments.directive;
    let setting = arguments.text(0);
    Err(format!(
        "ModSecurity: {} {setting} is refused: {}",
        directive.name, directive.help
    )
    .into())
}
