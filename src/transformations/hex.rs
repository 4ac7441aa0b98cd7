//! Hexadecimal digits: reading and writing them, and the transformations made of nothing else.

use super::ByteSet;
use super::rewrite::{rewrite, run};
use std::borrow::Cow;

/// What `sqlHexDecode` looks for: no `0x` without an `x`.
pub(super) const SQL_HEX: ByteSet = ByteSet::of(b"xX");

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The value of one hexadecimal digit.
pub(super) fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The byte written as two digits.
pub(super) fn pair(high: u8, low: u8) -> Option<u8> {
    Some(digit(high)? << 4 | digit(low)?)
}

/// The number written as up to eight digits, if all of them are digits.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, byte| {
        Some(number << 4 | u32::from(digit(*byte)?))
    })
}

/// The lower-case digit for the lowest four bits.
pub(super) fn low_digit(bits: u32) -> u8 {
    DIGITS[(bits & 0xf) as usize]
}

/// The two lower-case digits of a byte.
pub(super) fn digits(byte: u8) -> [u8; 2] {
    [low_digit(u32::from(byte >> 4)), low_digit(u32::from(byte))]
}

pub(super) fn encode(input: &[u8]) -> Cow<'_, [u8]> {
    if input.is_empty() {
        return Cow::Borrowed(input);
    }
    Cow::Owned(input.iter().flat_map(|byte| digits(*byte)).collect())
}

/// `hexDecode`: two characters make a byte, whatever they are; a last single one is dropped.
///
/// Compat: as 2.9, which does the sum without asking whether the characters are digits (`0z` gives `#`): rules see the
/// bytes they have always seen.
pub(super) fn decode(input: &[u8]) -> Cow<'_, [u8]> {
    fn value(byte: u8) -> u8 {
        if byte >= b'A' {
            (byte & 0xdf).wrapping_sub(b'A' - 10)
        } else {
            byte.wrapping_sub(b'0')
        }
    }
    if input.is_empty() {
        return Cow::Borrowed(input);
    }
    let (pairs, _) = input.as_chunks();
    Cow::Owned(
        pairs
            .iter()
            .map(|[high, low]| value(*high).wrapping_mul(16).wrapping_add(value(*low)))
            .collect(),
    )
}

/// `sqlHexDecode`: `0x414243` becomes `ABC`.
///
/// Compat: as 2.9, the character that follows the digits is copied without a look at it, so of two literals in direct
/// succession only the first is decoded. Unlike 2.9, which stops at a zero byte, written or decoded, zero bytes are data.
pub(super) fn sql_decode(input: &[u8]) -> Cow<'_, [u8]> {
    rewrite(input, &ByteSet::of(b"0"), |rest, out| {
        let [b'0', b'x' | b'X', text @ ..] = rest else {
            return None;
        };
        let (digits, _) = run(text, text.len(), |byte| digit(byte).is_some());
        let (digits, tail) = text.split_at(digits.len() & !1);
        if digits.is_empty() {
            return None;
        }
        let (pairs, _) = digits.as_chunks();
        pairs
            .iter()
            .filter_map(|[high, low]| pair(*high, *low))
            .for_each(|byte| out.push(byte));
        let [next, tail @ ..] = tail else {
            return Some(tail);
        };
        out.push(*next);
        Some(tail)
    })
}
