//! A rule's own words: the line that stands for it in part K of the audit log.

use std::sync::Arc;

use super::compile::Source;
use crate::actions::ActionList;
use crate::operators;
use crate::seclang::{self, ast};

/// The rule in one line, and what it is made of.
#[derive(Clone, Debug)]
pub(super) struct Wording {
    directive: &'static str,
    /// In their order: targets and operator, or a script, or nothing.
    words: Vec<Vec<u8>>,
    actions: Vec<ast::Action>,
}

impl Wording {
    /// Compat: the argument of the operator is escaped as in alerts; what the rule takes from the default list stands first.
    pub fn new(
        source: &Source<'_>,
        operator: &ast::Operator,
        actions: Vec<ast::Action>,
    ) -> Wording {
        let (directive, words) = match (source.targets, source.script) {
            (_, Some(script)) => ("SecRuleScript", vec![script.to_vec()]),
            (Some(targets), None) => {
                let mut shown = operator.clone();
                shown.argument.value = operators::escape(&operator.argument.value);
                let words = vec![targets.to_vec(), ast::print_operator(&shown)];
                ("SecRule", words)
            }
            (None, None) => ("SecAction", Vec::new()),
        };
        Wording {
            directive,
            words,
            actions,
        }
    }

    /// Other targets (`SecRuleUpdateTargetById` and its kin).
    pub fn retarget(&mut self, targets: &[u8]) {
        if self.directive == "SecRule"
            && let Some(first) = self.words.first_mut()
        {
            *first = targets.to_vec();
        }
    }

    /// Lays a later list over the actions (`SecRuleUpdateActionById`).
    ///
    /// Compat: in place of `block` stands the action of the default list.
    pub fn update(&mut self, own: &[ast::Action], default: Option<&ActionList>) {
        let built_in = built_in_default();
        let default = default.map_or(&built_in[..], |list| &list.tree);
        let disrupts = |action: &&ast::Action| {
            let name = action.name.value.to_ascii_lowercase();
            exclusive_group(&name) == Some(Group::Disruptive)
        };
        let resolve = |action: &ast::Action| match action.name.value.eq_ignore_ascii_case("block") {
            true => default.iter().rfind(disrupts).unwrap_or(action).clone(),
            false => action.clone(),
        };
        let own: Vec<_> = own.iter().map(resolve).collect();
        self.actions = merged_actions(&self.actions, &own);
    }

    /// The line.
    pub fn text(&self) -> Arc<[u8]> {
        let mut text = self.directive.as_bytes().to_vec();
        for word in &self.words {
            quote(&mut text, word);
        }
        if !self.actions.is_empty() {
            quote(&mut text, &print_actions(&self.actions));
        }
        text.into()
    }
}

fn quote(text: &mut Vec<u8>, word: &[u8]) {
    text.extend_from_slice(b" \"");
    text.extend_from_slice(word);
    text.push(b'"');
}

/// Compat: arguments are escaped as in alerts, and stand in quotes only where they are empty or hold white space: not
/// every such line could be read again.
fn print_actions(actions: &[ast::Action]) -> Vec<u8> {
    let print = |action: &ast::Action| {
        let mut text = action.name.value.clone().into_bytes();
        if let Some(argument) = &action.argument {
            let value = &argument.value;
            let space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
            let mark: &[u8] = match value.is_empty() || value.iter().any(space) {
                true => b"'",
                false => b"",
            };
            text.extend([b":", mark, &operators::escape(value), mark].concat());
        }
        text
    };
    let printed: Vec<_> = actions.iter().map(print).collect();
    printed.join(&b',')
}

/// A rule's actions laid over those of the default list: an action that can stand only once takes the place of the default
/// one, or of all that it excludes, and what stands many times is added.
pub(super) fn merged_actions(default: &[ast::Action], own: &[ast::Action]) -> Vec<ast::Action> {
    let mut merged = default.to_vec();
    for action in own {
        let name = action.name.value.to_ascii_lowercase();
        let same = |other: &ast::Action| other.name.value.eq_ignore_ascii_case(&name);
        match exclusive_group(&name) {
            Some(group) => {
                merged.retain(|other| {
                    let other = other.name.value.to_ascii_lowercase();
                    exclusive_group(&other) != Some(group)
                });
                merged.push(action.clone());
            }
            None if is_single(&name) && merged.iter().any(same) => {
                let known = merged.iter_mut().filter(|other| same(other));
                known.for_each(|other| *other = action.clone());
            }
            None => merged.push(action.clone()),
        }
    }
    merged
}

/// Actions of which a text has only the last one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Disruptive,
    Log,
    AuditLog,
}

/// Compat: to skip counts as a disruptive action.
fn exclusive_group(name: &str) -> Option<Group> {
    match name {
        "allow" | "block" | "deny" | "drop" | "pass" | "proxy" | "redirect" | "skip"
        | "skipafter" => Some(Group::Disruptive),
        "log" | "nolog" => Some(Group::Log),
        "auditlog" | "noauditlog" => Some(Group::AuditLog),
        _ => None,
    }
}

/// Whether an action stands at most once.
fn is_single(name: &str) -> bool {
    matches!(
        name,
        "accuracy"
            | "capture"
            | "chain"
            | "id"
            | "logdata"
            | "maturity"
            | "msg"
            | "multimatch"
            | "pause"
            | "phase"
            | "rev"
            | "severity"
            | "status"
            | "ver"
    )
}

/// What holds where no `SecDefaultAction` is said.
pub(super) fn built_in_default() -> Vec<ast::Action> {
    seclang::parse_actions(b"phase:2,log,auditlog,pass").unwrap_or_default()
}
