//! Backslash escapes of JavaScript, of C and of CSS.

use super::rewrite::{rewrite, run};
use super::unicode::fold;
use super::{ByteSet, hex};
use std::borrow::Cow;

/// What all three decoders look for.
pub(super) const BACKSLASH: ByteSet = ByteSet::of(b"\\");

/// One decoded byte and the text behind its escape.
type Decoded<'a> = Option<(u8, &'a [u8])>;

/// `jsDecode`: `\uHHHH` (see [`fold`]), `\xHH`, octal up to `\377`, the letters of C, and any other character for itself.
/// A backslash at the very end stays.
pub(super) fn js_decode(input: &[u8]) -> Cow<'_, [u8]> {
    rewrite(input, &BACKSLASH, |rest, out| {
        let text = rest.strip_prefix(b"\\")?;
        let (byte, tail) = hexadecimal(text, b'u', 4)
            .or_else(|| hexadecimal(text, b'x', 2))
            .or_else(|| js_octal(text))
            .or_else(|| character(text))?;
        out.push(byte);
        Some(tail)
    })
}

/// `escapeSeqDecode`: `\xHH` or `\XHH`, one to three octal digits (their lowest eight bits), the letters of C, and any
/// other character for itself. A backslash at the very end stays.
pub(super) fn c_decode(input: &[u8]) -> Cow<'_, [u8]> {
    rewrite(input, &BACKSLASH, |rest, out| {
        let text = rest.strip_prefix(b"\\")?;
        let (byte, tail) = hexadecimal(text, b'x', 2)
            .or_else(|| hexadecimal(text, b'X', 2))
            .or_else(|| octal(text, 3))
            .or_else(|| character(text))?;
        out.push(byte);
        Some(tail)
    })
}

/// `cssDecode`: one to six hexadecimal digits (see [`fold`]) with one white space behind them, nothing for an escaped line
/// feed or a backslash at the very end, any other character for itself.
pub(super) fn css_decode(input: &[u8]) -> Cow<'_, [u8]> {
    rewrite(input, &BACKSLASH, |rest, out| {
        let text = rest.strip_prefix(b"\\")?;
        let (digits, behind) = run(text, 6, |byte| byte.is_ascii_hexdigit());
        if !digits.is_empty() {
            out.push(fold(hex::number(digits)?));
            return Some(match behind {
                [b' ' | b'\t'..=b'\r', tail @ ..] => tail,
                _ => behind,
            });
        }
        match text {
            [] => Some(text),
            [b'\n', tail @ ..] => Some(tail),
            [byte, tail @ ..] => {
                out.push(*byte);
                Some(tail)
            }
        }
    })
}

/// A letter and exactly `count` hexadecimal digits.
fn hexadecimal(text: &[u8], letter: u8, count: usize) -> Decoded<'_> {
    let (digits, tail) = text.strip_prefix(&[letter])?.split_at_checked(count)?;
    Some((fold(hex::number(digits)?), tail))
}

/// Up to `longest` octal digits.
fn octal(text: &[u8], longest: usize) -> Decoded<'_> {
    let (digits, tail) = run(text, longest, |byte| matches!(byte, b'0'..=b'7'));
    let byte = digits
        .iter()
        .map(|digit| digit - b'0')
        .reduce(|byte, digit| byte << 3 | digit)?;
    Some((byte, tail))
}

/// Up to three octal digits, but not a third one that would not fit into a byte.
fn js_octal(text: &[u8]) -> Decoded<'_> {
    octal(
        text,
        if matches!(text.first(), Some(b'4'..=b'7')) {
            2
        } else {
            3
        },
    )
}

/// A single character: a control character for its letter, else itself.
fn character(text: &[u8]) -> Decoded<'_> {
    let (letter, tail) = text.split_first()?;
    let byte = match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 0x0B,
        b'f' => 0x0C,
        b'r' => b'\r',
        other => *other,
    };
    Some((byte, tail))
}
