//! Percent encoding.

use super::rewrite::Output;
use super::unicode::fold;
use super::{ByteSet, UnicodeMap, hex};
use std::borrow::Cow;

/// What the decoders look for.
pub(super) const ENCODED: ByteSet = ByteSet::of(b"%+");

/// What `urlEncode` leaves alone: letters, digits and `*`.
const PLAIN: ByteSet = ByteSet::range(b'0', b'9')
    .union(ByteSet::range(b'A', b'Z'))
    .union(ByteSet::range(b'a', b'z'))
    .union(ByteSet::of(b"*"));

/// What `urlEncode` encodes.
pub(super) const UNSAFE: ByteSet = PLAIN.complement();

/// `urlDecode`: `%HH` and `+`. An invalid escape stays as it is.
pub(super) fn decode(input: &[u8]) -> Cow<'_, [u8]> {
    rewrite_encoded(input, simple_escape)
}

/// `urlDecodeUni`: as [`decode`], and `%uHHHH` by way of the code page or else of [`fold`].
pub(super) fn decode_uni<'a>(input: &'a [u8], map: Option<&UnicodeMap>) -> Cow<'a, [u8]> {
    rewrite_encoded(input, |text| match text {
        [b'u' | b'U', text @ ..] => {
            let (digits, tail) = text.split_at_checked(4)?;
            let code = hex::number(digits)?;
            let byte = map.and_then(|map| map.byte(code));
            Some((byte.unwrap_or_else(|| fold(code)), tail))
        }
        _ => simple_escape(text),
    })
}

/// The byte that stands behind a `%`, and the text behind that.
fn simple_escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, tail) = text.split_first_chunk()?;
    let [high, low] = *digits;
    Some((hex::pair(high, low)?, tail))
}

/// Each `+` becomes a space, and `%` with what is behind it what `escape` makes of that; where it makes nothing, `%` stays.
fn rewrite_encoded<'a>(
    input: &'a [u8],
    escape: impl Fn(&'a [u8]) -> Option<(u8, &'a [u8])>,
) -> Cow<'a, [u8]> {
    let Some(first) = ENCODED.find(input) else {
        return Cow::Borrowed(input);
    };
    let (before, mut rest) = input.split_at(first);
    let mut out = Vec::with_capacity(input.len());
    out.extend_from_slice(before);
    loop {
        // Forms have a `+` between any two words: there is no stop at each.
        let plain = memchr::memchr(b'%', rest).unwrap_or(rest.len());
        let (plain, special) = rest.split_at(plain);
        out.extend(plain.iter().map(|byte| match byte {
            b'+' => b' ',
            other => *other,
        }));
        rest = special;
        // Where there is one escape there often is another.
        while let Some(text) = rest.strip_prefix(b"%") {
            let (byte, tail) = escape(text).unwrap_or((b'%', text));
            out.push(byte);
            rest = tail;
        }
        if rest.is_empty() {
            break;
        }
    }
    match out == input {
        true => Cow::Borrowed(input),
        false => Cow::Owned(out),
    }
}

/// `urlEncode`: space becomes `+`, everything but letters, digits and `*` becomes `%hh`.
pub(super) fn encode(input: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Output::new(input);
    for &byte in input {
        match byte {
            b' ' => out.push(b'+'),
            _ if PLAIN.contains(byte) => out.push(byte),
            _ => {
                out.push(b'%');
                out.extend(&hex::digits(byte));
            }
        }
    }
    out.finish()
}
