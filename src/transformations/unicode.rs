//! Characters beyond one byte: UTF-8 to `%uHHHH`, and what is left of a code point in a single byte.

use super::rewrite::rewrite;
use super::{ByteSet, hex};
use std::borrow::Cow;

/// What `utf8toUnicode` looks for: the bytes that can begin a sequence longer than one byte.
pub(super) const LEAD: ByteSet = ByteSet::range(0xC2, 0xF4);

/// The one byte that stands for a code point where no code page says better: its lowest eight bits, but the full-width
/// forms U+FF01 to U+FF5E give the ASCII characters they look like.
pub(super) fn fold(code: u32) -> u8 {
    let [.., low] = code.to_be_bytes();
    match code {
        0xFF01..=0xFF5E => low.wrapping_add(0x20),
        _ => low,
    }
}

/// `utf8toUnicode`: each valid sequence of two to four bytes becomes `%u` and four lower-case digits.
///
/// Compat: as 2.9, five- and six-digit code points lose their last digits (U+1F600 gives `%u1f60`), up to the U+13FFFF
/// that four bytes starting with F4 can write. Unlike 2.9, which ends its result at a zero byte, zero bytes are copied.
pub(super) fn from_utf8(input: &[u8]) -> Cow<'_, [u8]> {
    rewrite(input, &LEAD, |rest, out| {
        let (code, tail) = code_point(rest)?;
        let shown = match code {
            0..=0xFFFF => code,
            0x1_0000..=0xF_FFFF => code >> 4,
            _ => code >> 8,
        };
        out.extend(b"%u");
        [12, 8, 4, 0]
            .iter()
            .for_each(|shift| out.push(hex::low_digit(shown >> shift)));
        Some(tail)
    })
}

/// The code point that `rest` begins with, if it takes more than one byte, is not overlong and no surrogate.
fn code_point(rest: &[u8]) -> Option<(u32, &[u8])> {
    let (width, lead_bits, least) = match rest.first()? {
        0xC2..=0xDF => (2, 0x1F, 0x80),
        0xE0..=0xEF => (3, 0x0F, 0x800),
        0xF0..=0xF4 => (4, 0x07, 0x1_0000),
        _ => return None,
    };
    let (sequence, tail) = rest.split_at_checked(width)?;
    let (lead, continuation) = sequence.split_first()?;
    let code = continuation
        .iter()
        .try_fold(u32::from(lead & lead_bits), |code, byte| {
            (byte & 0xC0 == 0x80).then(|| code << 6 | u32::from(byte & 0x3F))
        })?;
    (code >= least && !matches!(code, 0xD800..=0xDFFF)).then_some((code, tail))
}
