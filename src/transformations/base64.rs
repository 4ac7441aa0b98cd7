//! Base64, written once and read in two ways.

use std::borrow::Cow;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `base64Encode`: the standard alphabet with padding.
pub(super) fn encode(input: &[u8]) -> Cow<'_, [u8]> {
    if input.is_empty() {
        return Cow::Borrowed(input);
    }
    let mut out = Vec::with_capacity(input.len().div_ceil(3) * 4);
    for group in input.chunks(3) {
        let bits = group
            .iter()
            .zip([16, 8, 0])
            .fold(0, |bits, (byte, shift)| bits | u32::from(*byte) << shift);
        let characters = [18, 12, 6, 0].map(|shift| ALPHABET[(bits >> shift & 0x3F) as usize]);
        let written = group.len() + 1;
        out.extend(characters.iter().take(written));
        out.extend(b"==".iter().skip(group.len() - 1));
    }
    Cow::Owned(out)
}

/// `base64Decode`: as far as the standard alphabet goes. The first other character, padding included, is the end.
pub(super) fn decode(input: &[u8]) -> Cow<'_, [u8]> {
    unpack(input, input.iter().map_while(|byte| standard(*byte)))
}

/// `base64DecodeExt`: whatever belongs to the standard or the URL alphabet; everything else is passed over.
///
/// Compat: 2.9 does not know `-` and `_`, ends at a zero byte, and gives nothing at all for some misplaced padding; each
/// of these let a value through that a lenient decoder behind it still reads.
pub(super) fn decode_ext(input: &[u8]) -> Cow<'_, [u8]> {
    unpack(
        input,
        input.iter().filter_map(|byte| match byte {
            b'-' => Some(62),
            b'_' => Some(63),
            _ => standard(*byte),
        }),
    )
}

/// By byte: its place in the alphabet.
const VALUES: [Option<u8>; 256] = {
    let mut values = [None; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = Some(value as u8);
        value += 1;
    }
    values
};

fn standard(byte: u8) -> Option<u32> {
    VALUES[usize::from(byte)].map(u32::from)
}

/// Joins groups of six bits to bytes; bits that do not fill a last byte are dropped.
fn unpack(input: &[u8], sextets: impl Iterator<Item = u32>) -> Cow<'_, [u8]> {
    if input.is_empty() {
        return Cow::Borrowed(input);
    }
    let mut out = Vec::with_capacity(input.len() / 4 * 3 + 2);
    let mut bits: u32 = 0;
    let mut pending = 0;
    for sextet in sextets {
        bits = bits << 6 | sextet;
        pending += 6;
        if pending >= 8 {
            pending -= 8;
            let [.., byte] = (bits >> pending).to_be_bytes();
            out.push(byte);
        }
    }
    Cow::Owned(out)
}
