//! Pages of the reference: one for each kind of name, an entry for each name.

use std::fmt::Write;

use super::examples::{Example, examples};
use super::{group, row, state, upper_first};
use crate::actions::{ACTIONS, CTL_OPTIONS, Known};
use crate::config::{DIRECTIVES, Directive, Scope, Support};
use crate::operators::Kind;
use crate::transformations::{Env, Transformation};
use crate::variables::{Shape, Variable};

/// A page of the reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Page {
    /// `docs/directives.md`
    Directives,
    /// `docs/variables.md`
    Variables,
    /// `docs/operators.md`
    Operators,
    /// `docs/transformations.md`
    Transformations,
    /// `docs/actions.md`
    Actions,
    /// `docs/ctl.md`
    Ctl,
}

/// What a page says of a name.
struct Entry {
    name: &'static str,
    about: String,
    /// Further sentences: labels and what they say.
    facts: Vec<(&'static str, String)>,
}

impl Page {
    /// Every page.
    pub const ALL: [Page; 6] = [
        Page::Directives,
        Page::Variables,
        Page::Operators,
        Page::Transformations,
        Page::Actions,
        Page::Ctl,
    ];

    /// Its file in `docs/`.
    pub fn file(self) -> &'static str {
        match self {
            Page::Directives => "directives.md",
            Page::Variables => "variables.md",
            Page::Operators => "operators.md",
            Page::Transformations => "transformations.md",
            Page::Actions => "actions.md",
            Page::Ctl => "ctl.md",
        }
    }

    /// The names that have an entry, in alphabetical order. Second names are told with the first.
    pub fn names(self) -> Vec<&'static str> {
        self.entries().iter().map(|entry| entry.name).collect()
    }

    /// How rules and configurations write a name.
    pub fn written(self, name: &str) -> String {
        match self {
            Page::Operators => format!("@{name}"),
            Page::Transformations => format!("t:{name}"),
            Page::Ctl => format!("ctl:{name}"),
            Page::Directives | Page::Variables | Page::Actions => name.to_owned(),
        }
    }

    /// A name that leads to its entry, for other pages.
    pub(super) fn link(self, name: &str) -> String {
        let anchor = self.written(name).to_lowercase();
        let anchor: String = anchor
            .chars()
            .filter(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        format!("[`{}`]({}#{anchor})", self.written(name), self.file())
    }

    /// The page. `differences` is the text in which rows tell what is different from mod_security2, by hand.
    pub fn text(self, differences: &str) -> String {
        let (title, introduction) = self.introduction();
        let mut text = format!("# {title}\n\n{introduction}\n\n");
        let entries = self.entries();
        let links = entries.iter().map(|entry| self.link(entry.name));
        let _ = writeln!(text, "{}", links.collect::<Vec<_>>().join(" ·\n"));
        let examples = examples(self);
        for entry in entries {
            let _ = writeln!(text, "\n## `{}`\n", self.written(entry.name));
            let _ = writeln!(text, "{}.", upper_first(&entry.about));
            let example = examples.iter().find(|it| it.names.contains(&entry.name));
            let mut facts = entry.facts;
            if let Some(example) = example {
                let _ = write!(text, "\n```apache\n{}```\n", example.text);
                facts.extend(self.shown(entry.name, example));
            }
            if !facts.is_empty() {
                text.push('\n');
            }
            for (label, fact) in &facts {
                let _ = writeln!(text, "- {label}: {fact}");
            }
            self.different(entry.name, differences, &mut text);
        }
        text
    }

    /// What follows from the values of an example: computed for transformations, tried by the tests for operators.
    fn shown(self, name: &str, example: &Example) -> Vec<(&'static str, String)> {
        let list = |values: &[Vec<u8>]| {
            let values = values.iter().map(|value| code(value));
            values.collect::<Vec<_>>().join(", ")
        };
        let mut facts = Vec::new();
        if !example.matches.is_empty() {
            facts.push(("Matches", list(&example.matches)));
        }
        if !example.passes.is_empty() {
            facts.push(("Does not match", list(&example.passes)));
        }
        let transformed = Transformation::lookup(name).filter(|_| self == Page::Transformations);
        if let Some(transformation) = transformed {
            let shown = example.inputs.iter().map(|input| {
                let output = transformation.apply(input, &Env::default());
                format!("{} becomes {}", code(input), code(&output))
            });
            facts.push(("Values", shown.collect::<Vec<_>>().join("; ")));
        }
        facts
    }

    /// The rows of a text that are about a name.
    fn different(self, name: &str, differences: &str, text: &mut String) {
        let is_about = |line: &&str| {
            let cells = line
                .strip_prefix("| ")
                .and_then(|rest| rest.split_once(" | "));
            cells.is_some_and(|(what, _)| {
                let spans = what.split('`').skip(1).step_by(2);
                spans.into_iter().any(|span| {
                    let first = span.split([' ', ':', ';']).next().unwrap_or_default();
                    first == name
                        || span == self.written(name)
                        || first == self.written(name)
                        || span
                            .strip_prefix("ctl:")
                            .is_some_and(|option| self == Page::Ctl && option == name)
                })
            })
        };
        let mut rows = differences.lines().filter(is_about).peekable();
        if rows.peek().is_some() {
            text.push('\n');
            row(text, &["Different", "mod_security2 2.9", "Palisade"]);
            text.push_str("|---|---|---|\n");
        }
        for line in rows {
            let _ = writeln!(text, "{}", away(line));
        }
    }

    fn introduction(self) -> (&'static str, &'static str) {
        match self {
            Page::Directives => (
                "Directives",
                "What configurations are made of, for `palisade check` as for httpd. *Where*: `anywhere` is the main server, virtual hosts, \
                 and sections such as `<Location>` and `<Directory>`, but not .htaccess; what an inner section does not say holds from the \
                 outer one. Sizes are in bytes, times in seconds, unless it says otherwise.",
            ),
            Page::Variables => (
                "Variables",
                "What rules look at: `SecRule ARGS|!ARGS:comment|&REQUEST_HEADERS:Host \"@operator …\" \"…\"`. `NAME:key` and `NAME:/regular \
                 expression/` choose from a collection, `!` takes out again, `&` counts. In texts of actions and in many operators \
                 `%{NAME}` and `%{NAME.key}` stand for a value. Names are the same in any case.",
            ),
            Page::Operators => (
                "Operators",
                "What rules ask of a value: `SecRule TARGETS \"@operator argument\" \"…\"`; `!@operator` matches where the operator does not. \
                 Without a name it is `@rx`. Each value of the targets is asked about, after the rule's transformations.",
            ),
            Page::Transformations => (
                "Transformations",
                "What becomes of a value before an operator sees it: `t:none,t:urlDecodeUni,t:lowercase`, one after the other, in the order \
                 of the list. `t:none` first forgets what SecDefaultAction has. Bytes that cannot be printed are shown as `\\xHH`.",
            ),
            Page::Actions => (
                "Actions",
                "What follows from a match, and what a rule is: the last argument of `SecRule`, the only one of `SecAction` and \
                 `SecDefaultAction`. Parted by commas; an argument with commas or blanks stands in single quotes. A rule has one *disruptive* \
                 action; the others come together as you like.",
            ),
            Page::Ctl => (
                "Options of ctl",
                "What the action `ctl` changes, for the one transaction in which the rule matches: `ctl:option=value`, as often as needed.",
            ),
        }
    }

    fn entries(self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = match self {
            Page::Directives => DIRECTIVES.iter().map(directive).collect(),
            Page::Variables => Variable::ALL.iter().map(|it| variable(*it)).collect(),
            Page::Operators => Kind::ALL.iter().map(|it| operator(*it)).collect(),
            Page::Transformations => Transformation::ALL
                .iter()
                .map(|it| transformation(*it))
                .collect(),
            Page::Actions => actions(ACTIONS, true),
            Page::Ctl => actions(CTL_OPTIONS, false),
        };
        entries.sort_by_key(|entry| entry.name.to_ascii_lowercase());
        entries
    }
}

fn directive(directive: &Directive) -> Entry {
    let mut facts = Vec::new();
    if directive.support != Support::Full {
        let reason = directive.remark;
        facts.push(("State", format!("{}; {reason}", state(directive.support))));
    } else {
        if !directive.help.is_empty() {
            facts.push(("Argument", directive.help.replace('|', "`|`")));
        }
        if !directive.remark.is_empty() {
            let label = if directive.remark.starts_with('[') {
                "More"
            } else {
                "Note"
            };
            facts.push((label, away(directive.remark)));
        }
    }
    facts.push(("Where", scope(directive.scope).to_owned()));
    if !directive.default.is_empty() {
        facts.push(("Default", format!("`{}`", directive.default)));
    }
    own(directive.is_own, &mut facts);
    Entry {
        name: directive.name,
        about: directive.about.to_owned(),
        facts,
    }
}

fn variable(variable: Variable) -> Entry {
    let selector = match variable.shape() {
        Shape::Scalar => "one value, no selector",
        Shape::Collection => "a collection, with or without a selector",
        Shape::KeyedCollection => "a collection that must have a selector",
    };
    let mut facts = vec![
        ("From phase", variable.available_from().to_string()),
        ("Holds", selector.to_owned()),
    ];
    own(variable.is_own(), &mut facts);
    Entry {
        name: variable.name(),
        about: variable.about().to_owned(),
        facts,
    }
}

fn operator(kind: Kind) -> Entry {
    let mut facts = Vec::new();
    let all = examples(Page::Operators);
    let example = all.iter().find(|it| it.names.contains(&kind.name()));
    let argument = example.map_or("", |it| it.argument);
    if !argument.is_empty() {
        let macros = match kind.expands_macros() {
            true => ", in which `%{…}` is expanded",
            false => "",
        };
        facts.push(("Argument", format!("{argument}{macros}")));
    }
    let others = Kind::names().filter(|(other, name)| *other == kind && *name != kind.name());
    facts.extend(others.map(|(_, name)| ("Also", format!("`@{name}`"))));
    let about = match kind {
        Kind::NoMatch | Kind::UnconditionalMatch => kind.about().to_owned(),
        _ => format!("matches where {}", kind.about()),
    };
    if !kind.is_supported() {
        let reason = "refused; the service behind it has ended";
        facts.push(("State", reason.to_owned()));
    }
    Entry {
        name: kind.name(),
        about,
        facts,
    }
}

fn transformation(transformation: Transformation) -> Entry {
    let names = Transformation::names();
    let others = names.filter(|(name, it)| *it == transformation && *name != it.name());
    Entry {
        name: transformation.name(),
        about: transformation.about().to_owned(),
        facts: others
            .map(|(name, _)| ("Also", format!("`t:{name}`")))
            .collect(),
    }
}

/// Actions, or options of `ctl`; those that are only other names for one are told with it.
fn actions(all: &'static [Known], with_kind: bool) -> Vec<Entry> {
    let is_other = |known: &Known| known.about.starts_with("as `");
    let entries = all.iter().filter(|known| !is_other(known)).map(|known| {
        let mut facts = Vec::new();
        if !known.argument.is_empty() {
            facts.push(("Argument", format!("`{}`", known.argument)));
        }
        if with_kind {
            facts.push(("Kind", group(known.group).to_owned()));
        }
        let other = format!("as `{}`", known.name);
        let others = all.iter().filter(|it| it.about == other);
        facts.extend(others.map(|it| ("Also", format!("`{}`", it.name))));
        Entry {
            name: known.name,
            about: known.about.to_owned(),
            facts,
        }
    });
    entries.collect()
}

fn own(is_own: bool, facts: &mut Vec<(&'static str, String)>) {
    if is_own {
        facts.push(("In mod_security2", "there is none".to_owned()));
    }
}

fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Server => "the main server and virtual hosts",
        Scope::MainServer => "the main server",
        Scope::Anywhere => "anywhere",
    }
}

/// A sentence of docs/compatibility.md for another page: its links to itself lead back there.
fn away(sentence: &str) -> String {
    sentence.replace("](#", "](compatibility.md#")
}

/// A value as code; what cannot be printed is escaped.
fn code(value: &[u8]) -> String {
    let printable = |text: &str| !text.chars().any(char::is_control);
    match str::from_utf8(value).ok().filter(|text| printable(text)) {
        Some(text) => format!("`{text}`"),
        None => format!("`{}`", value.escape_ascii()),
    }
}
