//! SQL injection: the input is cut into tokens, these are folded to at most five, and their kinds looked up among
//! the fingerprints of attacks.

mod folding;
mod literals;
mod tables;
mod token;
mod tokeniser;

use super::{Fingerprint, scan};
use token::{Kind, Token};
use tokeniser::{Dialect, Tokeniser};

/// The fingerprint of the first reading of `input` that is an attack.
pub(super) fn detect(input: &[u8]) -> Option<Fingerprint> {
    if input.is_empty() {
        return None;
    }
    let within = |quote| scan::find(input, quote).map(|_| quote);
    read_in_both_dialects(input, None)
        .or_else(|| read_in_both_dialects(input, Some(within(b'\'')?)))
        .or_else(|| read(input, Some(within(b'"')?), Dialect::MySql).attack)
}

fn read_in_both_dialects(input: &[u8], quote: Option<u8>) -> Option<Fingerprint> {
    let reading = read(input, quote, Dialect::Ansi);
    match reading.attack {
        None if reading.is_ambiguous => read(input, quote, Dialect::MySql).attack,
        attack => attack,
    }
}

struct Reading {
    attack: Option<Fingerprint>,
    /// Whether the other dialect could read the input differently.
    is_ambiguous: bool,
}

/// Reads `input` as if `quote` stood before it.
fn read(input: &[u8], quote: Option<u8>, dialect: Dialect) -> Reading {
    let mut source = Tokeniser::new(input, quote, dialect);
    let folded = folding::fold(&mut source);
    let attack = attack(input, folded.tokens(), source.tokens);
    Reading {
        attack,
        is_ambiguous: source.is_ambiguous,
    }
}

/// The fingerprint of `tokens`, folded from `read` ones of `input`, if they are an attack.
fn attack(input: &[u8], tokens: &[Token<'_>], read: usize) -> Option<Fingerprint> {
    if tokens.iter().any(|token| token.kind == Kind::Evil) {
        return Some(Fingerprint::from_symbols([Kind::Evil.symbol()]));
    }
    let is_open_backtick = matches!(
        tokens,
        [
            _,
            _,
            ..,
            Token {
                kind: Kind::Bareword,
                value: [],
                open: Some(b'`'),
                close: None
            }
        ]
    );
    let (last, before) = tokens.split_last()?;
    // A backtick at the very end has the effect of a comment (MySQL through PHP).
    let last = if is_open_backtick {
        Kind::Comment
    } else {
        last.kind
    };
    let kinds = before.iter().map(|token| token.kind).chain([last]);
    let fingerprint = Fingerprint::from_symbols(kinds.map(Kind::symbol));
    let symbols = fingerprint.as_bytes();
    (tables::is_attack(symbols) && is_plausible(input, tokens, symbols, read))
        .then_some(fingerprint)
}

/// Whether input with an attack's fingerprint is no plain text after all.
fn is_plausible(input: &[u8], tokens: &[Token<'_>], symbols: &[u8], read: usize) -> bool {
    // SQL Server's audit log leaves out statements with this word.
    if let [_, .., b'c'] = symbols
        && scan::find_sequence(input, b"sp_password").is_some()
    {
        return true;
    }
    match tokens {
        [a, b] => is_plausible_pair(input, a, b, read),
        [a, b, c] => is_plausible_triple(a, b, c, symbols, read),
        _ => true,
    }
}

fn is_plausible_pair(input: &[u8], a: &Token<'_>, b: &Token<'_>, read: usize) -> bool {
    match (a.kind, b.kind, b.value) {
        // A word and `union` may be text; not if something was folded away.
        (_, Kind::Union, _) => read != 2,
        (_, _, [b'#', ..]) => false,
        (Kind::Bareword | Kind::Number, Kind::Comment, [b'/', ..]) => true,
        (Kind::Bareword, Kind::Comment, _) => false,
        // White space or the comment must follow the number. The C library looks where the number would end if the
        // input began with it, and compares a signed byte with the space: from 0x80 on they pass for white.
        (Kind::Number, Kind::Comment, _) => {
            read > 2
                || matches!(
                    scan::tail(input, a.value.len()),
                    [] | [0..=b' ' | 0x80..=0xff, ..] | [b'/', b'*', ..] | [b'-', b'-', ..]
                )
        }
        // Many write `--` in text; it must end the input.
        (_, _, [b'-', _, _, ..]) => false,
        _ => true,
    }
}

fn is_plausible_triple(
    a: &Token<'_>,
    b: &Token<'_>,
    c: &Token<'_>,
    symbols: &[u8],
    read: usize,
) -> bool {
    match symbols {
        // `…foo' + 'bar…`: the outer quotes are the application's, the inner ones match.
        b"sos" | b"s&s" => a.open.is_none() && c.close.is_none() && a.close == c.open,
        // `sexy and 17` is text, `sexy and 17<18` is not.
        b"s&n" | b"n&1" | b"1&1" | b"1&v" | b"1&s" => read != 3,
        // Of keywords only INTO OUTFILE and INTO DUMPFILE.
        _ if b.kind == Kind::Keyword => b.value.len() > 4 && b.begins_with("INTO"),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
