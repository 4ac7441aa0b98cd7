//! Characters beyond one byte: UTF-8 to `%uHHHH`, and what is left of a code point in a single byte.

use super::rewrite::rewrite;
use super::{ByteSet, hex};
use std::borrow::Cow;

/// What `utf8toUnicode` looks for: the bytes that can begin a sequence longer than one byte.
pub(super) const LEAD: ByteSet = ByteSet::range(0xC0, 0xF7);

/// The one byte that stands for a code point where no code page says better: its lowest eight bits, but the full-width
/// forms U+FF01 to U+FF5E give the ASCII characters they look like.
pub(super) fn fold(code: u32) -> u8 {
    let [.., low] = code.to_be_bytes();
    match code {
        0xFF01..=0xFF5E => low.wrapping_add(0x20),
        _ => low,
    }
}

/// `utf8toUnicode`: each sequence of two to four bytes becomes `%u` and at least four lower-case digits.
///
/// Compat: as 2.9, which decodes what no encoder writes, too, and marks it with the byte that it begins with: before the
/// digits what begins beyond Unicode, behind them what is overlong or a surrogate. Unlike 2.9, which drops the first byte
/// of a sequence that is cut short and ends its result at a zero byte, all else is copied.
pub(super) fn from_utf8(input: &[u8]) -> Cow<'_, [u8]> {
    rewrite(input, &LEAD, |rest, out| {
        let &lead = rest.first()?;
        let (code, least, tail) = code_point(rest)?;
        if lead > 0xF4 {
            out.push(lead);
        }
        out.extend(b"%u");
        let digits = (4..6).find(|digits| code >> (4 * digits) == 0).unwrap_or(6);
        for digit in (0..digits).rev() {
            out.push(hex::low_digit(code >> (4 * digit)));
        }
        if code < least || matches!(code, 0xD800..=0xDFFF) {
            out.push(lead);
        }
        Some(tail)
    })
}

/// The number that `rest` begins with, if it takes more than one byte; the least number that needs so many; the rest.
fn code_point(rest: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (width, lead_bits, least) = match rest.first()? {
        0xC0..=0xDF => (2, 0x1F, 0x80),
        0xE0..=0xEF => (3, 0x0F, 0x800),
        0xF0..=0xF7 => (4, 0x07, 0x1_0000),
        _ => return None,
    };
    let (sequence, tail) = rest.split_at_checked(width)?;
    let (lead, continuation) = sequence.split_first()?;
    let code = continuation
        .iter()
        .try_fold(u32::from(lead & lead_bits), |code, byte| {
            (byte & 0xC0 == 0x80).then(|| code << 6 | u32::from(byte & 0x3F))
        })?;
    Some((code, least, tail))
}
