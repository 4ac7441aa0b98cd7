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
    const VALUES: [u8; 256] = values(END);
    unpack(input, &VALUES)
}

/// `base64DecodeExt`: whatever belongs to the standard or the URL alphabet; everything else is passed over.
///
/// Compat: 2.9 does not know `-` and `_`, ends at a zero byte, and gives nothing at all for some misplaced padding; each
/// of these let a value through that a lenient decoder behind it still reads.
pub(super) fn decode_ext(input: &[u8]) -> Cow<'_, [u8]> {
    const VALUES: [u8; 256] = {
        let mut values = values(OTHER);
        values[b'-' as usize] = 62;
        values[b'_' as usize] = 63;
        values
    };
    unpack(input, &VALUES)
}

/// What is greater than any value of six bits: a character that is passed over, and one that ends it all.
const OTHER: u8 = 0x80;
const END: u8 = 0x81;

/// By byte: its place in the alphabet, or what becomes of any other.
const fn values(other: u8) -> [u8; 256] {
    let mut values = [other; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
}

/// Joins groups of six bits to bytes; bits that do not fill a last byte are dropped.
fn unpack<'a>(input: &'a [u8], values: &[u8; 256]) -> Cow<'a, [u8]> {
    if input.is_empty() {
        return Cow::Borrowed(input);
    }
    let value = |byte: u8| values[usize::from(byte)];
    let mut out = vec![0; input.len() / 4 * 3 + 3];
    let (mut length, mut rest) = (0, input);
    'all: loop {
        // Four at a time, as long as they belong to it.
        let (groups, _) = rest.as_chunks();
        let (places, _) = out.get_mut(length..).unwrap_or_default().as_chunks_mut();
        let mut joined = 0;
        for ([a, b, c, d], place) in groups.iter().zip(places) {
            let (a, b, c, d) = (value(*a), value(*b), value(*c), value(*d));
            if (a | b | c | d) & OTHER != 0 {
                break;
            }
            *place = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
            joined += 1;
        }
        length += joined * 3;
        rest = rest.get(joined * 4..).unwrap_or_default();
        // One by one, until there are three bytes or the end.
        let (mut bits, mut pending) = (0u32, 0);
        loop {
            let Some((first, behind)) = rest.split_first() else {
                break 'all;
            };
            rest = behind;
            match value(*first) {
                END => break 'all,
                OTHER => continue,
                sextet => bits = bits << 6 | u32::from(sextet),
            }
            pending += 6;
            if pending >= 8 {
                pending -= 8;
                if let (Some(place), [.., byte]) =
                    (out.get_mut(length), (bits >> pending).to_be_bytes())
                {
                    *place = byte;
                }
                length += 1;
            }
            if pending == 0 {
                break;
            }
        }
    }
    out.truncate(length);
    Cow::Owned(out)
}
