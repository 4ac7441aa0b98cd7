//! Seven-bit data with a parity bit on top.

use super::ByteSet;
use super::rewrite::map;
use std::borrow::Cow;

/// The bytes that `parityEven7bit` changes.
pub(super) const NOT_EVEN: ByteSet = {
    let mut set = ByteSet::EMPTY;
    let mut byte: u8 = 0;
    while byte < 0x80 {
        if byte.count_ones() % 2 == 1 {
            set.insert(byte);
            set.insert(byte | 0x80);
        }
        byte += 1;
    }
    set
};
/// The bytes that `parityOdd7bit` changes.
pub(super) const NOT_ODD: ByteSet = NOT_EVEN.complement();
/// The bytes that `parityZero7bit` changes.
pub(super) const EIGHTH_BIT: ByteSet = ByteSet::range(0x80, 0xFF);

/// `parityEven7bit`: sets the eighth bit of a seven-bit value that has an odd count of ones.
///
/// Compat: as 2.9, which counts the eighth bit of the input as well, so that a bit which is there and right is cleared.
pub(super) fn even(input: &[u8]) -> Cow<'_, [u8]> {
    map(input, |byte| {
        if NOT_EVEN.contains(byte) {
            byte ^ 0x80
        } else {
            byte
        }
    })
}

/// `parityOdd7bit`: sets the eighth bit of a seven-bit value that has an even count of ones. Compat: as [`even`].
pub(super) fn odd(input: &[u8]) -> Cow<'_, [u8]> {
    map(input, |byte| {
        if NOT_ODD.contains(byte) {
            byte ^ 0x80
        } else {
            byte
        }
    })
}

/// `parityZero7bit`: clears the eighth bit.
pub(super) fn zero(input: &[u8]) -> Cow<'_, [u8]> {
    map(input, |byte| byte & 0x7F)
}
