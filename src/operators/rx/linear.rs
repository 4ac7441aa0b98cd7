//! Translation to the syntax of the `regex` crate, which matches in time linear
//! in the value, whatever the pattern.

use regex_syntax::hir::{Hir, HirKind, Look};

use super::syntax::{AtMost, Class, End, Item, Piece, Token};

/// Most nested groups a pattern may have to be translated.  The checks below
/// and the compiler recurse this deep.  PCRE2 has the same default.
pub(in crate::operators) const MAX_NESTING: u32 = 250;

/// Why a pattern is not run by the linear engine.
pub(super) type Reason = String;

/// Writes the pattern in the syntax of the `regex` crate.  Every construct is
/// written in the one form whose meaning does not depend on options there,
/// except case sensitivity.
pub(super) fn translate(pieces: &[Piece]) -> Result<String, Reason> {
    let mut out = String::new();
    for piece in pieces {
        if let Token::Opaque { what, .. } = piece.token {
            return Err(what.to_owned());
        }
        push(&mut out, &piece.token);
    }
    check(pieces, &out)?;
    Ok(out)
}

/// A pattern that matches whenever this one does, and perhaps more often:
/// assertions hold, back-references match anything, nothing is atomic.
pub(super) fn relax(pieces: &[Piece]) -> Option<String> {
    let mut out = String::new();
    // Groups open inside of an assertion, itself included.
    let mut skipped = 0usize;
    for Piece { token, .. } in pieces {
        let opens = match token {
            Token::Open { .. } => true,
            Token::Opaque { at_most, .. } => match at_most {
                AtMost::Unknown => return None,
                AtMost::Assertion | AtMost::Group => true,
                _ => false,
            },
            _ => false,
        };
        if skipped > 0
            || matches!(
                token,
                Token::Opaque {
                    at_most: AtMost::Assertion,
                    ..
                }
            )
        {
            skipped += usize::from(opens);
            if matches!(token, Token::Close) {
                skipped -= 1;
                if skipped == 0 {
                    out.push_str("(?:)");
                }
            }
            continue;
        }
        push(&mut out, token);
    }
    Some(out)
}

/// Writes one token; an opaque one as what it matches at most.
fn push(out: &mut String, token: &Token) {
    match token {
        Token::Blank(_) => {}
        Token::Byte(byte) => push_byte(out, *byte),
        Token::Any { newline: true } => out.push_str("(?s:.)"),
        Token::Any { newline: false } => out.push_str(r"[^\n]"),
        Token::Class(class) => push_class(out, class),
        Token::Start { multi_line: true } => out.push_str("(?m:^)"),
        Token::Start { multi_line: false } => out.push_str(r"\A"),
        Token::End(End::Line) => out.push_str("(?m:$)"),
        Token::End(End::Value | End::Written) => out.push_str(r"\z"),
        Token::WordBoundary { negated: false } => out.push_str(r"\b"),
        Token::WordBoundary { negated: true } => out.push_str(r"\B"),
        Token::Alternate => out.push('|'),
        Token::Open { captures: true, .. } => out.push('('),
        Token::Open { caseless: true, .. } => out.push_str("(?i:"),
        Token::Open {
            caseless: false, ..
        } => out.push_str("(?-i:"),
        Token::Close => out.push(')'),
        Token::Caseless(true) => out.push_str("(?i)"),
        Token::Caseless(false) => out.push_str("(?-i)"),
        Token::Quantifier { min, max, lazy } => push_quantifier(out, *min, *max, *lazy),
        Token::Opaque { at_most, .. } => match at_most {
            AtMost::Empty => out.push_str("(?:)"),
            AtMost::Group => out.push_str("(?:"),
            AtMost::Quantifier { min, max } => push_quantifier(out, *min, *max, false),
            AtMost::LineBreak => out.push_str(r"(?:\r\n|[\n-\r\x85])"),
            AtMost::Text | AtMost::Assertion | AtMost::Unknown => out.push_str("(?:(?s:.)*)"),
        },
    }
}

fn push_byte(out: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() {
        out.push(char::from(byte));
    } else {
        out.push_str(&format!(r"\x{byte:02X}"));
    }
}

fn push_class(out: &mut String, class: &Class) {
    if let (false, [Item::Escape(letter @ (b'd' | b'D' | b'w' | b'W' | b's' | b'S'))]) =
        (class.negated, &*class.items)
    {
        out.push('\\');
        out.push(char::from(*letter));
        return;
    }
    out.push_str(if class.negated { "[^" } else { "[" });
    for item in &class.items {
        match item {
            Item::Range(low, high) => {
                push_byte(out, *low);
                if low < high {
                    out.push('-');
                    push_byte(out, *high);
                }
            }
            Item::Escape(b'h') => out.push_str(r"\x09\x20\xA0"),
            Item::Escape(b'H') => out.push_str(r"[^\x09\x20\xA0]"),
            Item::Escape(b'v') => out.push_str(r"\x0A-\x0D\x85"),
            Item::Escape(b'V') => out.push_str(r"[^\x0A-\x0D\x85]"),
            Item::Escape(letter) => {
                out.push('\\');
                out.push(char::from(*letter));
            }
            Item::Posix { name, negated } => {
                let not = if *negated { "^" } else { "" };
                out.push_str(&format!("[:{not}{name}:]"));
            }
        }
    }
    out.push(']');
}

fn push_quantifier(out: &mut String, min: u32, max: Option<u32>, lazy: bool) {
    match (min, max) {
        (0, None) => out.push('*'),
        (1, None) => out.push('+'),
        (0, Some(1)) => out.push('?'),
        (min, None) => out.push_str(&format!("{{{min},}}")),
        (min, Some(max)) => out.push_str(&format!("{{{min},{max}}}")),
    }
    if lazy {
        out.push('?');
    }
}

/// Whether the translated pattern means the same to both engines, where that
/// cannot be seen piece by piece: at a multi-line `^`.
fn check(pieces: &[Piece], translated: &str) -> Result<(), Reason> {
    let at_lines = |piece: &Piece| matches!(piece.token, Token::Start { multi_line: true });
    if !pieces.iter().any(at_lines) {
        return Ok(());
    }
    let hir = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .nest_limit(MAX_NESTING)
        .build()
        .parse(translated)
        .map_err(|e| e.to_string())?;
    match line_starts_before_something(&hir, 0) {
        true => Ok(()),
        false => Err("^ in multi-line mode with nothing after it".to_owned()),
    }
}

/// PCRE's multi-line `^` does not match at the very end, behind a final LF; the
/// linear engine's does.  That is one and the same where at least one byte has
/// to follow.  `after` is how many must follow this part of the pattern.
fn line_starts_before_something(hir: &Hir, after: usize) -> bool {
    match hir.kind() {
        HirKind::Look(Look::StartLF) => after > 0,
        HirKind::Concat(parts) => {
            let mut after = after;
            parts.iter().rev().all(|part| {
                let fine = line_starts_before_something(part, after);
                after = after.saturating_add(part.properties().minimum_len().unwrap_or(0));
                fine
            })
        }
        HirKind::Alternation(parts) => parts
            .iter()
            .all(|part| line_starts_before_something(part, after)),
        HirKind::Repetition(repetition) => line_starts_before_something(&repetition.sub, after),
        HirKind::Capture(capture) => line_starts_before_something(&capture.sub, after),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => true,
    }
}
