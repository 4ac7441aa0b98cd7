//! An expression's text to tokens.

use std::ops::Range;

use super::super::chars::{is_name_char, is_name_start};
use super::Error;
use super::number;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'s> {
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Dot,
    DotDot,
    At,
    Comma,
    ColonColon,
    Slash,
    SlashSlash,
    Pipe,
    Plus,
    Minus,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `*` between operands.
    Multiply,
    And,
    Or,
    Div,
    Mod,
    /// `*` as a node test.
    Wildcard,
    /// `prefix:*`
    PrefixWildcard(&'s str),
    /// A name: of a node, an axis, a function or a type.
    Name(Option<&'s str>, &'s str),
    Literal(&'s str),
    Number(f64),
}

/// The tokens, each with its place.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token<'_>, Range<usize>)>, Error> {
    let mut tokens: Vec<(Token<'_>, Range<usize>)> = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        at += blank;
        let rest = rest.get(blank..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(tokens);
        }
        let after_operand = tokens.last().is_some_and(|(token, _)| ends_operand(token));
        let (token, length) = token(rest, after_operand).map_err(|(message, length)| {
            let end = text.len().min(at + length);
            Error::new(message, at..end)
        })?;
        tokens.push((token, at..at + length));
        at += length;
    }
}

/// Whether what follows can only be an operator. XPath 1.0, section 3.7.
fn ends_operand(token: &Token<'_>) -> bool {
    matches!(
        token,
        Token::Close
            | Token::CloseBracket
            | Token::Dot
            | Token::DotDot
            | Token::Wildcard
            | Token::PrefixWildcard(_)
            | Token::Name(..)
            | Token::Literal(_)
            | Token::Number(_)
    )
}

type Found<'s> = Result<(Token<'s>, usize), (String, usize)>;

fn token(rest: &str, after_operand: bool) -> Found<'_> {
    use Token::*;
    let mut chars = rest.chars();
    let (first, second) = (chars.next().unwrap_or(' '), chars.next().unwrap_or(' '));
    Ok(match (first, second) {
        ('(', _) => (Open, 1),
        (')', _) => (Close, 1),
        ('[', _) => (OpenBracket, 1),
        (']', _) => (CloseBracket, 1),
        ('@', _) => (At, 1),
        (',', _) => (Comma, 1),
        (':', ':') => (ColonColon, 2),
        ('/', '/') => (SlashSlash, 2),
        ('/', _) => (Slash, 1),
        ('|', _) => (Pipe, 1),
        ('+', _) => (Plus, 1),
        ('-', _) => (Minus, 1),
        ('=', _) => (Equal, 1),
        ('!', '=') => (NotEqual, 2),
        ('<', '=') => (LessOrEqual, 2),
        ('<', _) => (Less, 1),
        ('>', '=') => (GreaterOrEqual, 2),
        ('>', _) => (Greater, 1),
        ('*', _) if after_operand => (Multiply, 1),
        ('*', _) => (Wildcard, 1),
        ('.', '.') => (DotDot, 2),
        ('.', '0'..='9') | ('0'..='9', _) => {
            let (value, length) = number::literal(rest);
            (Number(value), length)
        }
        ('.', _) => (Dot, 1),
        ('"' | '\'', _) => {
            let inner = rest.get(1..).unwrap_or_default();
            match inner.split_once(first) {
                Some((literal, _)) => (Literal(literal), literal.len() + 2),
                None => return Err(("The literal is not closed".to_owned(), rest.len())),
            }
        }
        ('$', _) => return Err(("There are no variables here".to_owned(), 1)),
        _ => return name(rest, after_operand),
    })
}

fn name(rest: &str, after_operand: bool) -> Found<'_> {
    let Some((name, length)) = simple_name(rest) else {
        let c = rest.chars().next().unwrap_or(' ');
        return Err((format!("Unexpected character \"{c}\""), c.len_utf8()));
    };
    if after_operand {
        let operator = match name {
            "and" => Some(Token::And),
            "or" => Some(Token::Or),
            "div" => Some(Token::Div),
            "mod" => Some(Token::Mod),
            _ => None,
        };
        return operator
            .map(|operator| (operator, length))
            .ok_or_else(|| (format!("An operator was expected, not \"{name}\""), length));
    }
    let behind = rest.get(length..).unwrap_or_default();
    let local = behind.strip_prefix(':').filter(|l| !l.starts_with(':'));
    Ok(match local {
        Some(wildcard) if wildcard.starts_with('*') => (Token::PrefixWildcard(name), length + 2),
        Some(local) => match simple_name(local) {
            Some((local, more)) => (Token::Name(Some(name), local), length + 1 + more),
            None => return Err(("A name was expected behind the prefix".to_owned(), length)),
        },
        None => (Token::Name(None, name), length),
    })
}

/// A name without a colon at the start of `text`, and its length.
fn simple_name(text: &str) -> Option<(&str, usize)> {
    let part = |c: char| c != ':' && is_name_char(c);
    let end = text.find(|c| !part(c)).unwrap_or(text.len());
    let name = text.get(..end)?;
    let starts = name.chars().next().is_some_and(is_name_start);
    starts.then_some((name, end))
}
