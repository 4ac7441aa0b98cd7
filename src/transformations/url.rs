//! Percent encoding.

use super::rewrite::{Output, rewrite};
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
    rewrite(input, &ENCODED, simple_escape)
}

/// `urlDecodeUni`: as [`decode`], and `%uHHHH` by way of the code page or else of [`fold`].
pub(super) fn decode_uni<'a>(input: &'a [u8], map: Option<&UnicodeMap>) -> Cow<'a, [u8]> {
    rewrite(input, &ENCODED, |rest, out| match rest {
        [b'%', b'u' | b'U', text @ ..] => {
            let (digits, tail) = text.split_at_checked(4)?;
            let code = hex::number(digits)?;
            out.push(
                map.and_then(|map| map.byte(code))
                    .unwrap_or_else(|| fold(code)),
            );
            Some(tail)
        }
        _ => simple_escape(rest, out),
    })
}

fn simple_escape<'a>(rest: &'a [u8], out: &mut Output<'a>) -> Option<&'a [u8]> {
    let (byte, tail) = match rest {
        [b'+', tail @ ..] => (b' ', tail),
        [b'%', high, low, tail @ ..] => (hex::pair(*high, *low)?, tail),
        _ => return None,
    };
    out.push(byte);
    Some(tail)
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
