//! How bytes that a client chose are written into a log so that they stay data.
//!
//! Two families. [`log_escape`] and its two variants are mod_security2's, byte for byte: they make the texts in `[brackets]`.
//! [`field`], [`body`], [`text`] and [`token`] frame the parts of a native record. They promise:
//!
//! * the output is valid UTF-8 and holds no control character but TAB and, from [`body`] only, LF and the CR of a CRLF;
//! * nothing in it reads as a part boundary, at the start of a line or anywhere else;
//! * from [`field`] and [`body`] the original bytes can be had back: `\x` and two lower-case hexadecimal digits stand for that
//!   byte, everything else for itself.
//!
//! Compat: mod_security2 writes headers and bodies raw, so that a body can hold a whole forged record. Text in UTF-8 and
//! everything printable looks the same here as there.

use std::io::Write;
use std::net::IpAddr;

use crate::byte_set::ByteSet;

/// The lower-case hexadecimal digit for the low four bits.
pub(super) fn hex_digit(number: u8) -> u8 {
    match number & 0xf {
        n @ 0..10 => b'0' + n,
        n => b'a' + n - 10,
    }
}

/// `\xhh`.
fn hex(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(&[b'\\', b'x', hex_digit(byte >> 4), hex_digit(byte)]);
}

/// Everything but printable ASCII.
const UNPRINTABLE: ByteSet = ByteSet::range(b' ', b'~').complement();

/// Copies clean runs whole and hands every special byte to `write`, with what follows it; `write` answers how many bytes it used.
#[inline]
pub(super) fn scan(
    out: &mut Vec<u8>,
    bytes: &[u8],
    special: &[bool; 256],
    mut write: impl FnMut(&mut Vec<u8>, u8, &[u8]) -> usize,
) {
    let mut rest = bytes;
    loop {
        let clean = rest.iter().position(|byte| special[usize::from(*byte)]);
        let (run, tail) = rest.split_at(clean.unwrap_or(rest.len()));
        out.extend_from_slice(run);
        let Some((byte, after)) = tail.split_first() else {
            return;
        };
        let used = write(out, *byte, after);
        rest = after.get(used..).unwrap_or_default();
    }
}

fn c_escape(out: &mut Vec<u8>, byte: u8) {
    match byte {
        0x08 => out.extend_from_slice(b"\\b"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x0b => out.extend_from_slice(b"\\v"),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'"' => out.extend_from_slice(b"\\\""),
        other => hex(out, other),
    }
}

/// What mod_security2 escapes in a text between quotation marks.
const QUOTED: [bool; 256] = UNPRINTABLE.union(ByteSet::of(b"\\\"")).table();

/// mod_security2's `log_escape`: `\b \n \r \t \v \\ \"`, and `\xhh` for every other byte below 0x20 or from 0x7f on.
pub fn log_escape(out: &mut Vec<u8>, bytes: &[u8]) {
    scan(out, bytes, &QUOTED, |out, byte, _| {
        c_escape(out, byte);
        0
    });
}

/// mod_security2's `log_escape_nq`: [`log_escape`] with quotation marks left alone.
pub fn log_escape_nq(out: &mut Vec<u8>, bytes: &[u8]) {
    const SPECIAL: [bool; 256] = UNPRINTABLE.union(ByteSet::of(b"\\")).table();
    scan(out, bytes, &SPECIAL, |out, byte, _| {
        c_escape(out, byte);
        0
    });
}

/// mod_security2's `log_escape_hex`, for `logdata`: `\xhh` for quotation marks, backslashes and every byte that is not printable ASCII.
pub fn log_escape_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    scan(out, bytes, &QUOTED, |out, byte, _| {
        hex(out, byte);
        0
    });
}

/// [`log_escape`] for a quoted value that stands in a record by itself: nothing in it reads as a part boundary.
pub(super) fn quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    const SPECIAL: [bool; 256] = UNPRINTABLE.union(ByteSet::of(b"\\\"-")).table();
    scan(out, bytes, &SPECIAL, |out, byte, after| {
        match byte {
            b'-' if opens_boundary(after) => hex(out, byte),
            b'-' => out.push(byte),
            other => c_escape(out, other),
        }
        0
    });
}

/// A header's name: [`field`], with colons escaped too.
pub(super) fn name(out: &mut Vec<u8>, bytes: &[u8]) {
    for (number, piece) in bytes.split(|b| *b == b':').enumerate() {
        if number > 0 {
            hex(out, b':');
        }
        field(out, piece);
    }
}

/// One word: `\xhh` for everything but visible ASCII, and for the backslash, so that a line keeps its fields. `-` where there is nothing.
pub fn token(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.is_empty() {
        out.push(b'-');
    }
    const SPECIAL: [bool; 256] = UNPRINTABLE.union(ByteSet::of(b" \\-")).table();
    scan(out, bytes, &SPECIAL, |out, byte, after| {
        match byte {
            b'-' if !opens_boundary(after) => out.push(b'-'),
            other => hex(out, other),
        }
        0
    });
}

/// One line of raw bytes: a request line, a header.
pub fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    frame(out, bytes, Source::Field);
}

/// Many lines of raw bytes: a request or response body. LF and CRLF are kept.
pub fn body(out: &mut Vec<u8>, bytes: &[u8]) {
    frame(out, bytes, Source::Body);
}

/// One line of text that was escaped when it was made: its backslashes are left alone.
pub fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    frame(out, bytes, Source::Text);
}

#[derive(Clone, Copy, PartialEq)]
enum Source {
    Field,
    Body,
    Text,
}

fn frame(out: &mut Vec<u8>, bytes: &[u8], source: Source) {
    if is_clean(bytes, source) {
        return out.extend_from_slice(bytes);
    }
    each_utf8(out, bytes, |out, valid| frame_utf8(out, valid, source), hex);
}

/// Whether nothing in it can be special, as in nearly all that is written: rules, header fields. It is found out for many
/// bytes at a time.
fn is_clean(bytes: &[u8], source: Source) -> bool {
    let behind = bytes.get(1..).unwrap_or_default();
    let dashes = bytes
        .iter()
        .zip(behind)
        .fold(false, |found, pair| found | (pair == (&b'-', &b'-')));
    let clean = |byte: &u8| (0x20..0x7f).contains(byte);
    !dashes
        && bytes.iter().fold(true, |so_far, byte| so_far & clean(byte))
        && (source == Source::Text || memchr::memchr(b'\\', bytes).is_none())
}

/// Splits bytes into valid UTF-8 and single bytes that are not part of any.
pub(super) fn each_utf8(
    out: &mut Vec<u8>,
    bytes: &[u8],
    mut valid: impl FnMut(&mut Vec<u8>, &[u8]),
    mut invalid: impl FnMut(&mut Vec<u8>, u8),
) {
    let mut rest = bytes;
    loop {
        let Err(error) = std::str::from_utf8(rest) else {
            return valid(out, rest);
        };
        let (good, bad) = rest.split_at(error.valid_up_to());
        valid(out, good);
        let (bad, after) = bad.split_at(error.error_len().unwrap_or(bad.len()));
        bad.iter().for_each(|byte| invalid(out, *byte));
        rest = after;
    }
}

fn frame_utf8(out: &mut Vec<u8>, valid: &[u8], source: Source) {
    const SPECIAL: [bool; 256] = ByteSet::range(0, 0x1f)
        .union(ByteSet::of(b"\x7f\\-\xc2\xe2"))
        .table();
    scan(out, valid, &SPECIAL, |out, byte, after| {
        match byte {
            b'\t' => out.push(byte),
            b'\n' if source == Source::Body => out.push(byte),
            b'\r' if source == Source::Body && after.first() == Some(&b'\n') => out.push(byte),
            b'\\' if source == Source::Text || !reads_as_escape(after) => out.push(byte),
            b'-' if !opens_boundary(after) => out.push(byte),
            0xc2 | 0xe2 => {
                let length = unsafe_character(byte, after);
                match length {
                    0 => out.push(byte),
                    _ => std::iter::once(&byte)
                        .chain(after.iter().take(length))
                        .for_each(|b| hex(out, *b)),
                }
                return length;
            }
            other => hex(out, other),
        }
        0
    });
}

/// Whether a backslash before these bytes would be taken for an escape of ours.
fn reads_as_escape(after: &[u8]) -> bool {
    let digit = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
    matches!(after, [b'x', high, low, ..] if digit(high) && digit(low))
}

/// Whether a dash before these bytes opens something that a parser could take for a part boundary: `--`, six to ten word
/// characters, `-`, a letter, `--`. (The parsers in use look for eight hexadecimal digits or for `\w{6,10}`, some of them
/// anywhere in a line.)
fn opens_boundary(after: &[u8]) -> bool {
    let [b'-', after @ ..] = after else {
        return false;
    };
    let word = after
        .iter()
        .take(11)
        .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
        .count();
    (6..=10).contains(&word)
        && matches!(after.get(word..), Some([b'-', letter, b'-', b'-', ..]) if letter.is_ascii_alphabetic())
}

/// For the first byte of a two- or three-byte character and what follows: how many bytes more belong to it if it is one that
/// moves the cursor, breaks the line or turns the direction of text (U+0080–U+009F, U+2028–U+202E, U+2066–U+2069); else 0.
pub(super) fn unsafe_character(first: u8, after: &[u8]) -> usize {
    match (first, after) {
        (0xc2, [0x80..=0x9f, ..]) => 1,
        (0xe2, [0x80, 0xa8..=0xae, ..]) | (0xe2, [0x81, 0xa6..=0xa9, ..]) => 2,
        _ => 0,
    }
}

/// An IP address.
pub(super) fn address(out: &mut Vec<u8>, address: IpAddr) {
    // Writing into a vector cannot fail.
    let _ = write!(out, "{address}");
}

/// A number in decimal.
pub(super) fn decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    let mut rest = number;
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
        first = place;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

/// What [`field`] or [`body`] wrote, turned back into the bytes it was made from.
pub fn unescape(written: &[u8]) -> Vec<u8> {
    let value = |b: u8| (b as char).to_digit(16).map_or(0, |n| n as u8);
    let mut out = Vec::with_capacity(written.len());
    scan(
        &mut out,
        written,
        &ByteSet::of(b"\\").table(),
        |out, byte, after| match after {
            [b'x', high, low, ..] if reads_as_escape(after) => {
                out.push(value(*high) << 4 | value(*low));
                3
            }
            _ => {
                out.push(byte);
                0
            }
        },
    );
    out
}

#[cfg(test)]
mod tests;
