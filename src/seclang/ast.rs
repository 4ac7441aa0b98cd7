//! The tree of a rule: faithful to the text, with spans, knowing no meaning.

use std::ops::Range;

use super::words::is_space;

/// A piece of text and where it stood in its word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The piece.
    pub value: T,
    /// Its bytes in the word it was read from.
    pub span: Range<usize>,
}

/// One target of a rule: `ARGS`, `!ARGS:x`, `&REQUEST_HEADERS:'/^x-/'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `!`: remove from what the targets before it gave.
    pub exclude: bool,
    /// `&`: the number of values instead of the values.
    pub count: bool,
    /// The variable's name as written.
    pub name: Spanned<String>,
    /// The text behind `:`, without quotes.
    pub selector: Option<Spanned<Vec<u8>>>,
}

/// The operator of a rule: `!@rx ^a`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// A leading `!`.
    pub negated: bool,
    /// The name behind `@`; `rx` where there was none.
    pub name: Spanned<String>,
    /// The rest of the word.
    pub argument: Spanned<Vec<u8>>,
}

/// One action: `deny`, `msg:'x'`, `t:lowercase`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The name as written.
    pub name: Spanned<String>,
    /// The text behind `:`, without quotes.
    pub argument: Option<Spanned<Vec<u8>>>,
}

/// The canonical spelling of a list of targets.
pub fn print_targets(targets: &[Target]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, target) in targets.iter().enumerate() {
        if at > 0 {
            out.push(b'|');
        }
        if target.exclude {
            out.push(b'!');
        }
        if target.count {
            out.push(b'&');
        }
        out.extend_from_slice(target.name.value.as_bytes());
        print_argument(&mut out, target.selector.as_ref());
    }
    out
}

/// The canonical spelling of an operator: `@rx` is left out where the blanks behind it would swallow those of the pattern.
pub fn print_operator(operator: &Operator) -> Vec<u8> {
    let mut out = Vec::new();
    let argument = &operator.argument.value;
    let begins_blank = argument.first().copied().is_some_and(is_space);
    if begins_blank && !operator.negated && operator.name.value == "rx" {
        return argument.clone();
    }
    if operator.negated {
        out.push(b'!');
    }
    out.push(b'@');
    out.extend_from_slice(operator.name.value.as_bytes());
    out.push(b' ');
    out.extend_from_slice(argument);
    out
}

/// The canonical spelling of a list of actions.
pub fn print_actions(actions: &[Action]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, action) in actions.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(action.name.value.as_bytes());
        print_argument(&mut out, action.argument.as_ref());
    }
    out
}

fn print_argument(out: &mut Vec<u8>, argument: Option<&Spanned<Vec<u8>>>) {
    let Some(argument) = argument else { return };
    out.push(b':');
    let plain = argument.value.iter().all(|&byte| {
        !byte.is_ascii_whitespace() && byte != 0x0b && !matches!(byte, b',' | b'|' | b'\'' | b'\\')
    });
    if plain && !argument.value.is_empty() {
        out.extend_from_slice(&argument.value);
        return;
    }
    out.push(b'\'');
    for &byte in &argument.value {
        if matches!(byte, b'\'' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'\'');
}
