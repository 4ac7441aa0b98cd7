//! White space and zero bytes.

use super::ByteSet;
use super::rewrite::{map, rewrite, run, shortened, without};
use std::borrow::Cow;

/// White space at the ends of a value: `isspace` of C.
pub(super) const SPACE: ByteSet = ByteSet::of(b" \t\n\x0B\x0C\r");
/// White space within a value: that, and the no-break space of ISO 8859-1.
pub(super) const BLANK: ByteSet = SPACE.union(ByteSet::of(b"\xA0"));
/// The zero byte.
pub(super) const NUL: ByteSet = ByteSet::of(b"\0");

/// `compressWhitespace`: each run of white space becomes one space.
pub(super) fn compress(input: &[u8]) -> Cow<'_, [u8]> {
    rewrite(input, &BLANK, |rest, out| {
        let (blanks, tail) = run(rest, rest.len(), |byte| BLANK.contains(byte));
        if blanks.is_empty() {
            return None;
        }
        out.push(b' ');
        Some(tail)
    })
}

/// `removeWhitespace`.
pub(super) fn remove(input: &[u8]) -> Cow<'_, [u8]> {
    static TABLE: [bool; 256] = BLANK.table();
    without(input, &BLANK, &TABLE)
}

/// `trim`.
pub(super) fn trim(input: &[u8]) -> Cow<'_, [u8]> {
    shortened(input, left(right(input)))
}

/// `trimLeft`.
pub(super) fn trim_left(input: &[u8]) -> Cow<'_, [u8]> {
    shortened(input, left(input))
}

/// `trimRight`.
pub(super) fn trim_right(input: &[u8]) -> Cow<'_, [u8]> {
    shortened(input, right(input))
}

/// `removeNulls`.
pub(super) fn remove_nuls(input: &[u8]) -> Cow<'_, [u8]> {
    static TABLE: [bool; 256] = NUL.table();
    without(input, &NUL, &TABLE)
}

/// `replaceNulls`: by spaces.
pub(super) fn replace_nuls(input: &[u8]) -> Cow<'_, [u8]> {
    map(input, |byte| if byte == 0 { b' ' } else { byte })
}

fn left(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && SPACE.contains(*first)
    {
        text = rest;
    }
    text
}

fn right(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text
        && SPACE.contains(*last)
    {
        text = rest;
    }
    text
}
