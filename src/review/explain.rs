//! A rule in words.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::changes::{by_directives, by_rules};
use crate::actions::{ACTIONS, CTL_OPTIONS, Disruptive};
use crate::config::Tree;
use crate::operators::{Kind, Operator};
use crate::ruleset::{Argument, Chain, Rule, Selector, Target};
use crate::seclang::{self, ast};
use crate::types::Phase;

/// A configuration twice: as it holds, and with all its rules as they were written.
pub struct Definitions {
    /// As it holds.
    pub tree: Tree,
    /// Without what takes rules out or changes them.
    written: Tree,
}

/// Longest piece of a pattern that is shown, in characters.
const SHOWN: usize = 400;

/// Most literals of a scan that are shown.
const LITERALS: usize = 8;

impl Definitions {
    /// Reads files as [`Tree::read`] does; mistakes in them are its second answer.
    pub fn read(
        files: &[PathBuf],
        names: &[(String, String)],
        root: Option<&Path>,
    ) -> (Definitions, Vec<String>) {
        let (tree, errors) = Tree::read(files, names, root);
        let (written, _) = Tree::read_definitions(files, names, root);
        let errors = errors.iter().map(ToString::to_string).collect();
        (Definitions { tree, written }, errors)
    }

    /// The chains of an id, as written, with the section that each stands in.
    fn written(&self, id: u64) -> Vec<(usize, Arc<Chain>)> {
        let mut found: Vec<(usize, Arc<Chain>)> = Vec::new();
        for node in 0..self.written.nodes().len() {
            let config = self.written.resolved(node);
            for chain in config.rules.chains().filter(|chain| chain.id() == id) {
                if !found
                    .iter()
                    .any(|(_, known)| origin(known) == origin(chain))
                {
                    found.push((node, Arc::clone(chain)));
                }
            }
        }
        found
    }

    /// The rule as it holds in a section; `None` where it is out.
    fn in_force(&self, node: usize, id: u64) -> Option<Arc<Chain>> {
        let config = self.tree.resolved(node);
        config
            .rules
            .chains()
            .find(|chain| chain.id() == id)
            .cloned()
    }
}

fn origin(chain: &Chain) -> Option<&crate::types::Origin> {
    chain.starter().map(|rule| &rule.origin)
}

/// The rules of this id in words; `None` where there is none.
pub fn explain(definitions: &Definitions, id: u64) -> Option<String> {
    let found = definitions.written(id);
    let mut out = String::new();
    for (node, written) in &found {
        let now = definitions.in_force(*node, id);
        // Writing to a String cannot fail.
        let _ = chain(&mut out, definitions, *node, written, now.as_deref());
    }
    (!found.is_empty()).then_some(out)
}

fn chain(
    out: &mut String,
    definitions: &Definitions,
    node: usize,
    written: &Chain,
    now: Option<&Chain>,
) -> std::fmt::Result {
    let Some(starter) = written.starter() else {
        return Ok(());
    };
    let shown = now.unwrap_or(written);
    let place = &starter.origin;
    writeln!(out, "Rule {}, {}:{}", written.id(), place.file, place.line)?;
    let meta = &starter.meta;
    if let Some(message) = &meta.msg_text {
        write!(out, "  \"{}\"", String::from_utf8_lossy(message))?;
        if let Some(severity) = meta.severity.and_then(|severity| severity.name()) {
            write!(out, ", severity {severity}")?;
        }
        writeln!(out)?;
    }
    if let Some(section) = definitions.tree.nodes().get(node).filter(|_| node != 0) {
        writeln!(
            out,
            "  Holds inside <{} {}>.",
            section.kind,
            section.words.join(" ")
        )?;
    }
    writeln!(
        out,
        "  Runs in phase {}: {}.",
        shown.phase,
        moment(shown.phase)
    )?;
    let length = shown.rules.len();
    for (at, rule) in shown.rules.iter().enumerate() {
        if length > 1 {
            let which = match at {
                0 => "First condition".to_owned(),
                _ => format!("And then, condition {} of {length}", at + 1),
            };
            writeln!(out, "  {which}:")?;
        }
        condition(out, definitions, rule, at == 0)?;
    }
    outcome(out, shown)?;
    if let Some(tags) = tags(starter) {
        writeln!(out, "  Tags: {tags}.")?;
    }
    let mut changes = by_directives(&definitions.tree, meta);
    changes.extend(by_rules(
        definitions.tree.resolved(node).rules.chains(),
        meta,
    ));
    for change in &changes {
        writeln!(out, "  Changed at {}: {}.", change.place, change.text)?;
    }
    match now {
        None => writeln!(out, "  It does not run: what is above takes it out."),
        Some(_) if changes.is_empty() => writeln!(out, "  Nothing excludes or changes it."),
        Some(_) => Ok(()),
    }
}

fn moment(phase: Phase) -> &'static str {
    match phase {
        Phase::RequestHeaders => "the request line and headers are known",
        Phase::RequestBody => "the body of the request has been read",
        Phase::ResponseHeaders => "the headers of the response are known",
        Phase::ResponseBody => "the body of the response is held back, where that was asked for",
        Phase::Logging => "the response has been sent, nothing can be refused",
    }
}

/// What one rule looks at and asks.
fn condition(
    out: &mut String,
    definitions: &Definitions,
    rule: &Rule,
    is_starter: bool,
) -> std::fmt::Result {
    let always = matches!(*rule.test.operator, Operator::UnconditionalMatch);
    if let Some(script) = &rule.script {
        writeln!(out, "    Asks the script {}.", script.path().display())?;
    } else if always {
        writeln!(out, "    Matches always.")?;
    } else {
        writeln!(out, "    Looks at")?;
        for target in &rule.targets {
            writeln!(out, "      {}", target_in_words(target))?;
        }
        for transformation in &rule.transformations {
            writeln!(
                out,
                "    after {}: {}",
                transformation.name(),
                transformation.about()
            )?;
        }
        if rule.multi_match {
            writeln!(
                out,
                "    and asks after every transformation that changed something"
            )?;
        }
        test(out, rule)?;
        scan(out, rule, is_starter)?;
    }
    for action in actions(definitions, rule) {
        writeln!(out, "    {action}")?;
    }
    Ok(())
}

fn target_in_words(target: &Target) -> String {
    let name = target.variable.name();
    let about = target.variable.about();
    let selector = match &target.selector {
        Selector::All => String::new(),
        Selector::Key(key) => format!(":{}", String::from_utf8_lossy(key)),
        Selector::Pattern(pattern) => {
            format!(":/{}/", String::from_utf8_lossy(pattern.as_bytes()))
        }
        Selector::Path(path) => format!(":{}", String::from_utf8_lossy(path.source())),
    };
    match (target.exclude, target.count) {
        (true, _) => format!("but not {name}{selector}"),
        (false, true) => format!("the number of {name}{selector}: {about}"),
        (false, false) => format!("{name}{selector}: {about}"),
    }
}

fn test(out: &mut String, rule: &Rule) -> std::fmt::Result {
    let operator = &rule.test.operator;
    let kind = operator.kind();
    let written: String = String::from_utf8_lossy(&rule.test.written)
        .chars()
        .take(SHOWN)
        .collect();
    let cut = if written.chars().count() == SHOWN {
        "…"
    } else {
        ""
    };
    let unless = if rule.test.negated {
        "Matches unless"
    } else {
        "Matches where"
    };
    let about = kind.about().trim_end_matches('.');
    let argument = if written.is_empty() {
        String::new()
    } else {
        format!(" {written}{cut}")
    };
    writeln!(out, "    {unless} {about}: @{}{argument}", kind.name())?;
    if matches!(rule.test.argument, Argument::Template(_)) {
        writeln!(
            out,
            "    (the argument holds macros, which are filled in for each request)"
        )?;
    }
    if let Some(pattern) = operator.pattern() {
        match pattern.not_linear_because() {
            None => writeln!(out, "    Time: linear in the length of the value.")?,
            Some(reason) => writeln!(
                out,
                "    Time: not linear, for {reason}; an engine that goes back runs it, within SecPcreMatchLimit ({:?}).",
                pattern.engine()
            )?,
        }
    } else if matches!(kind, Kind::Rx | Kind::Rsub) {
        writeln!(
            out,
            "    Time: the pattern is compiled when its macros are known."
        )?;
    }
    Ok(())
}

/// What the scan of a phase needs to see in a value before the rule is asked.
fn scan(out: &mut String, rule: &Rule, is_starter: bool) -> std::fmt::Result {
    let Argument::Constant(argument) = &rule.test.argument else {
        return writeln!(out, "    Scan: none, it is asked each time.");
    };
    let included = || rule.targets.iter().filter(|target| !target.exclude);
    let scannable = is_starter
        && !rule.test.negated
        && included().all(|target| !target.count && target.variable.is_fixed_in_phase());
    if !scannable {
        return match is_starter {
            true => writeln!(out, "    Scan: none, it is asked each time."),
            false => Ok(()),
        };
    }
    let needs = rule.test.operator.needs(argument);
    let mut conditions = Vec::new();
    for clause in &needs.clauses {
        let mut pieces: Vec<String> = clause
            .literals
            .iter()
            .map(|literal| format!("\"{}\"", literal.escape_ascii()))
            .collect();
        let bytes: Vec<u8> = (0..=255)
            .filter(|byte| clause.bytes.contains(*byte))
            .collect();
        pieces.extend(
            bytes
                .iter()
                .map(|byte| format!("'{}'", byte.escape_ascii())),
        );
        let more = pieces.len().saturating_sub(LITERALS);
        pieces.truncate(LITERALS);
        let more = if more > 0 {
            format!(" or one of {more} others")
        } else {
            String::new()
        };
        conditions.push(format!("contain {}{more}", pieces.join(" or ")));
    }
    if needs.min_len > 1 {
        conditions.push(format!("have at least {} bytes", needs.min_len));
    }
    if let Some(most) = needs.max_len {
        conditions.push(format!("have at most {most} bytes"));
    }
    if needs.gate.is_some() {
        conditions.push("are more than one word or number of SQL".to_owned());
    }
    match conditions.is_empty() {
        true => writeln!(out, "    Scan: none, it is asked each time."),
        false => writeln!(
            out,
            "    Scan: it is asked about values only that {}.",
            conditions.join(" and ")
        ),
    }
}

/// Actions that are told elsewhere or say nothing of what happens.
const TOLD: [&str; 22] = [
    "id",
    "msg",
    "tag",
    "phase",
    "severity",
    "t",
    "chain",
    "ver",
    "rev",
    "deny",
    "block",
    "pass",
    "drop",
    "allow",
    "redirect",
    "proxy",
    "status",
    "log",
    "nolog",
    "auditlog",
    "noauditlog",
    "multimatch",
];

/// The actions of a rule as they are written, with what each is for.
fn actions(definitions: &Definitions, rule: &Rule) -> Vec<String> {
    let mut statements = definitions.tree.statements.iter();
    let Some(statement) = statements.find(|statement| statement.origin == rule.origin) else {
        return Vec::new();
    };
    let at = if statement.name.eq_ignore_ascii_case("SecAction") {
        0
    } else {
        2
    };
    let text = statement.words.get(at).cloned().unwrap_or_default();
    let tree = seclang::parse_actions(text.as_bytes()).unwrap_or_default();
    let told = |action: &&ast::Action| {
        let name = action.name.value.to_ascii_lowercase();
        !TOLD.contains(&name.as_str())
    };
    tree.iter()
        .filter(told)
        .map(|action| {
            let shown = ast::print_actions(std::slice::from_ref(action));
            format!("{}: {}", String::from_utf8_lossy(&shown), purpose(action))
        })
        .collect()
}

fn purpose(action: &ast::Action) -> &'static str {
    let name = &action.name.value;
    if name.eq_ignore_ascii_case("ctl") {
        let argument = action.argument.as_ref().map(|argument| &argument.value[..]);
        let option = String::from_utf8_lossy(argument.unwrap_or_default()).into_owned();
        let option = option.split('=').next().unwrap_or_default();
        let mut options = CTL_OPTIONS.iter();
        if let Some(known) = options.find(|known| known.name.eq_ignore_ascii_case(option)) {
            return known.about;
        }
    }
    let mut known = ACTIONS.iter();
    let known = known.find(|known| known.name.eq_ignore_ascii_case(name));
    known.map_or("", |known| known.about)
}

/// What a match of the whole chain leads to.
fn outcome(out: &mut String, chain: &Chain) -> std::fmt::Result {
    let status = chain.status;
    let what = match &chain.disruptive {
        Disruptive::Pass => "goes on".to_owned(),
        Disruptive::Deny => format!("refuses with {status}"),
        Disruptive::Drop => "closes the connection".to_owned(),
        Disruptive::Redirect(_) => "sends the client elsewhere".to_owned(),
        Disruptive::Proxy(_) => "hands the request to mod_proxy".to_owned(),
        Disruptive::Allow(_) => "lets the request pass without further rules".to_owned(),
    };
    let logs = match (chain.log, chain.auditlog) {
        (true, true) => "an alert in the error log and the audit log",
        (true, false) => "an alert in the error log",
        (false, true) => "a record in the audit log",
        (false, false) => "nothing in the logs",
    };
    writeln!(out, "  A match {what}, and leaves {logs}.")?;
    match &chain.flow {
        crate::actions::Flow::Next => Ok(()),
        crate::actions::Flow::Skip(count) => writeln!(out, "  It skips the next {count}."),
        crate::actions::Flow::SkipAfter(name) => writeln!(out, "  It goes on behind {name}."),
    }
}

fn tags(rule: &Rule) -> Option<String> {
    let tags: Vec<_> = rule
        .meta
        .tag_texts
        .iter()
        .map(|tag| String::from_utf8_lossy(tag))
        .collect();
    (!tags.is_empty()).then(|| tags.join(", "))
}
