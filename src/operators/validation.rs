//! Operators that match what is *not* well-formed: byte ranges, URL encoding,
//! UTF-8.

use std::ops::Range;

use super::compile::{CompileError, fields};
use super::numbers::atoi;
use crate::byte_set::ByteSet;

/// Reads `1-5,10,32-126`.  Each bound is read by `atoi` and must be 0–255.
///
/// Compat: an empty list is an empty set, as in mod_security2, so that any
/// byte is outside.
pub(super) fn byte_ranges(list: &[u8]) -> Result<ByteSet, CompileError> {
    let mut set = ByteSet::EMPTY;
    for (span, field) in fields(list, |b| b == b',') {
        match memchr::memchr(b'-', field) {
            None => set.insert(bound(field, &span, "Invalid range value")?),
            Some(0) => {
                let message = "Invalid range start value";
                return Err(CompileError::at(span, message));
            }
            Some(dash) => {
                let (low, high) = field.split_at(dash);
                let low = bound(low, &span, "Invalid range start value")?;
                let high = bound(
                    high.get(1..).unwrap_or_default(),
                    &span,
                    "Invalid range end value",
                )?;
                if low > high {
                    return Err(CompileError::at(
                        span,
                        format!("Invalid range: {low}-{high}"),
                    ));
                }
                set = set.union(ByteSet::range(low, high));
            }
        }
    }
    Ok(set)
}

/// How many bytes of the value are not in the set.
pub(super) fn bytes_outside(set: &ByteSet, value: &[u8]) -> usize {
    value.iter().filter(|b| !set.contains(**b)).count()
}

fn bound(text: &[u8], span: &Range<usize>, complaint: &str) -> Result<u8, CompileError> {
    let number = atoi(text);
    u8::try_from(number)
        .map_err(|_| CompileError::at(span.clone(), format!("{complaint}: {number}")))
}

/// What is wrong with a URL encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UrlFault {
    /// `%` followed by something else than two hexadecimal digits.
    NotHexadecimal,
    /// `%` less than two bytes before the end.
    Truncated,
}

impl UrlFault {
    pub(super) fn text(self) -> &'static str {
        match self {
            UrlFault::NotHexadecimal => "Non-hexadecimal digits used",
            UrlFault::Truncated => "Not enough characters at the end of input",
        }
    }
}

/// The first fault of `%XX` encoding in the value.
pub(super) fn url_encoding_fault(value: &[u8]) -> Option<UrlFault> {
    memchr::memchr_iter(b'%', value).find_map(|at| match value.get(at + 1..at + 3) {
        None => Some(UrlFault::Truncated),
        Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => None,
        Some(_) => Some(UrlFault::NotHexadecimal),
    })
}

/// What is wrong with a UTF-8 character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Utf8Fault {
    /// The value ends inside of the character.
    Missing,
    /// A byte that cannot stand here.
    Invalid,
    /// More bytes than the code point needs.
    Overlong,
    /// A surrogate, or above U+10FFFF.
    Restricted,
}

impl Utf8Fault {
    pub(super) fn text(self) -> &'static str {
        match self {
            Utf8Fault::Missing => "not enough bytes in character",
            Utf8Fault::Invalid => "invalid byte value in character",
            Utf8Fault::Overlong => "overlong character detected",
            Utf8Fault::Restricted => "use of restricted character",
        }
    }
}

/// The first character that is not UTF-8 (RFC 3629), with its offset.
///
/// Compat: mod_security2 takes U+110000 to U+13FFFF (`F4 90 80 80` and up) for
/// valid.
pub(super) fn utf8_fault(value: &[u8]) -> Option<(Utf8Fault, usize)> {
    // The standard library finds the place fast; the reason is worked out there only.
    let offset = std::str::from_utf8(value).err()?.valid_up_to();
    let fault = character_fault(value.get(offset..).unwrap_or_default());
    Some((fault, offset))
}

/// Why the bytes do not start with a valid character.  The order of the checks
/// is mod_security2's: it decides which of several faults is named.
fn character_fault(bytes: &[u8]) -> Utf8Fault {
    let Some((&lead, rest)) = bytes.split_first() else {
        return Utf8Fault::Missing;
    };
    let (length, lead_bits) = match lead {
        0xC0..=0xDF => (2, lead & 0x1F),
        0xE0..=0xEF => (3, lead & 0x0F),
        0xF0..=0xF4 => (4, lead & 0x07),
        0xF5..=0xF7 => return Utf8Fault::Restricted,
        _ => return Utf8Fault::Invalid,
    };
    let Some(tail) = rest.get(..length - 1) else {
        return Utf8Fault::Missing;
    };
    if tail.iter().any(|b| b & 0xC0 != 0x80) {
        return Utf8Fault::Invalid;
    }
    let code_point = tail
        .iter()
        .fold(u32::from(lead_bits), |n, b| n << 6 | u32::from(b & 0x3F));
    let least = match length {
        2 => 0x80,
        3 => 0x800,
        _ => 0x1_0000,
    };
    if code_point < least && !(0xD800..=0xDFFF).contains(&code_point) {
        Utf8Fault::Overlong
    } else {
        Utf8Fault::Restricted
    }
}
