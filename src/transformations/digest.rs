//! A value's length and digests.

use sha1::Digest;
use std::borrow::Cow;

/// `length`: the count of bytes, in decimal.
pub(super) fn length(input: &[u8]) -> Cow<'_, [u8]> {
    settled(input, input.len().to_string().into_bytes())
}

/// `md5`: 16 bytes, not their hexadecimal digits.
pub(super) fn md5(input: &[u8]) -> Cow<'_, [u8]> {
    settled(input, md5::Md5::digest(input).to_vec())
}

/// `sha1`: 20 bytes, not their hexadecimal digits.
pub(super) fn sha1(input: &[u8]) -> Cow<'_, [u8]> {
    settled(input, sha1::Sha1::digest(input).to_vec())
}

/// A one-digit value that is its own length (`1`) does exist; a value that is its own digest may.
fn settled(input: &[u8], result: Vec<u8>) -> Cow<'_, [u8]> {
    if result == input {
        Cow::Borrowed(input)
    } else {
        Cow::Owned(result)
    }
}
