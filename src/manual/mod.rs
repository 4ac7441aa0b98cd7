//! What there is to write in a configuration, for the documentation: tables of all names, and pages with an entry and an example
//! for each. The rows are those that the code itself works with: what they say of a name stands beside it there. What is
//! different from mod_security2 is taken from docs/compatibility.md.

mod examples;
mod page;

use std::fmt::Write;

use crate::actions::{ACTIONS, CTL_OPTIONS, Group, Known};
use crate::config::{DIRECTIVES, Scope, Support};
use crate::operators::Kind;
use crate::transformations::Transformation;
use crate::variables::{Shape, Variable};

pub use examples::{Example, examples};
pub use page::Page;

/// The sections of `docs/compatibility.md` that are made from the code, from the first heading to the last row.
pub fn compatibility() -> String {
    let mut text = String::new();
    section(
        &mut text,
        "Directives",
        "`yes`: works. `no effect`: accepted, a notice at start says why nothing follows. `refused`: httpd does not start, and says \
         why. Nothing is passed over in silence.",
    );
    directives(&mut text, false);
    paragraph(&mut text, "Palisade's own:");
    directives(&mut text, true);

    section(&mut text, "Operators", "");
    heading(&mut text, &["Operator", "State", "Matches where"]);
    for (kind, name) in Kind::names() {
        let state = match kind.is_supported() {
            true => "yes",
            false => "refused",
        };
        let about = match kind.name() == name {
            true => kind.about().to_owned(),
            false => format!("as `@{}`", kind.name()),
        };
        let name = match kind.name() == name {
            true => Page::Operators.link(name),
            false => format!("`@{name}`"),
        };
        row(&mut text, &[&name, state, &about]);
    }

    section(&mut text, "Transformations", "");
    heading(&mut text, &["Transformation", "State", "What it does"]);
    for (name, transformation) in Transformation::names() {
        let about = match transformation.name() == name {
            true => transformation.about().to_owned(),
            false => format!("as `t:{}`", transformation.name()),
        };
        let name = match transformation.name() == name {
            true => Page::Transformations.link(name),
            false => format!("`t:{name}`"),
        };
        row(&mut text, &[&name, "yes", &about]);
    }

    section(
        &mut text,
        "Actions",
        "`marker` is what `SecMarker` makes, and cannot be written in a list.",
    );
    heading(&mut text, &["Action", "Argument", "Kind", "What it does"]);
    for known in ACTIONS {
        row(
            &mut text,
            &[
                &match known.about.starts_with("as `") {
                    true => format!("`{}`", known.name),
                    false => Page::Actions.link(known.name),
                },
                known.argument,
                group(known.group),
                known.about,
            ],
        );
    }
    paragraph(&mut text, "Options of `ctl`:");
    heading(&mut text, &["Option", "Value", "What it does"]);
    for Known {
        name,
        argument,
        about,
        ..
    } in CTL_OPTIONS
    {
        row(&mut text, &[&Page::Ctl.link(name), argument, about]);
    }

    section(
        &mut text,
        "Variables",
        "`:key` and `:/regular expression/` choose from a collection.",
    );
    variables(&mut text, false);
    paragraph(&mut text, "Palisade's own:");
    variables(&mut text, true);
    text
}

fn directives(text: &mut String, own: bool) {
    heading(
        text,
        &["Directive", "State", "Where", "Default", "What it is for"],
    );
    for directive in DIRECTIVES
        .iter()
        .filter(|directive| directive.is_own == own)
    {
        let about = match directive.remark {
            "" => directive.about.to_owned(),
            remark => format!("{}. {}", directive.about, upper_first(remark)),
        };
        let default = match directive.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        row(
            text,
            &[
                &Page::Directives.link(directive.name),
                state(directive.support),
                match directive.scope {
                    Scope::Server => "servers",
                    Scope::MainServer => "main server",
                    Scope::Anywhere => "anywhere",
                },
                &default,
                &about,
            ],
        );
    }
}

fn variables(text: &mut String, own: bool) {
    heading(
        text,
        &["Variable", "From phase", "Selector", "What it holds"],
    );
    let wanted = Variable::ALL
        .iter()
        .filter(|variable| variable.is_own() == own);
    for variable in wanted {
        row(
            text,
            &[
                &Page::Variables.link(variable.name()),
                &variable.available_from().to_string(),
                match variable.shape() {
                    Shape::Scalar => "",
                    Shape::Collection => "may have one",
                    Shape::KeyedCollection => "must have one",
                },
                variable.about(),
            ],
        );
    }
}

fn state(support: Support) -> &'static str {
    match support {
        Support::Full => "yes",
        Support::NoEffect => "no effect",
        Support::Refused => "refused",
    }
}

fn group(group: Group) -> &'static str {
    match group {
        Group::Disruptive => "disruptive",
        Group::Flow => "flow",
        Group::Metadata => "metadata",
        Group::Logs => "logs",
        Group::Matching => "matching",
        Group::Effect => "effect",
    }
}

fn section(text: &mut String, title: &str, introduction: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "## {title}\n");
    if !introduction.is_empty() {
        let _ = writeln!(text, "{introduction}\n");
    }
}

fn paragraph(text: &mut String, line: &str) {
    let _ = writeln!(text, "\n{line}\n");
}

fn heading(text: &mut String, cells: &[&str]) {
    row(text, cells);
    let _ = writeln!(text, "|{}", "---|".repeat(cells.len()));
}

fn row(text: &mut String, cells: &[&str]) {
    for cell in cells {
        let _ = write!(text, "| {} ", cell.replace('|', "\\|"));
    }
    text.push_str("|\n");
}

/// A sentence begins with a capital, unless it begins with a name or a link.
fn upper_first(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
