//! Directives of mod_security2 that do less here, or nothing: none of them is passed over in silence.

use super::{Arguments, Problem, Section};

type Outcome = Result<(), Problem>;

/// Accepted; a notice at start says what it does not do. The row's help is the reason.
pub(super) fn noticed(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let directive = arguments.directive;
    let text = format!(
        "{} is accepted without effect: {}.",
        directive.name, directive.help
    );
    section.note(text);
    Ok(())
}

/// As [`noticed`], but the first argument is On or Off.
pub(super) fn noticed_switch(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let value = arguments.bytes(0);
    if !["on", "off"]
        .iter()
        .any(|known| value.eq_ignore_ascii_case(known.as_bytes()))
    {
        let name = arguments.directive.name;
        return Err(format!(
            "ModSecurity: Invalid value for {name}: {}",
            arguments.text(0)
        )
        .into());
    }
    noticed(section, arguments)
}

/// As [`noticed`], but the argument is a number.
pub(super) fn noticed_number(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    arguments.number::<i64>(section, 1)?;
    noticed(section, arguments)
}

/// Refused.
pub(super) fn refused(_: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let directive = arguments.directive;
    let setting = arguments.text(0);
    Err(format!(
        "ModSecurity: {} {setting} is refused: {}",
        directive.name, directive.help
    )
    .into())
}
