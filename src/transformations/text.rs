//! Letters, and the quirks of command shells.

use super::ByteSet;
use super::rewrite::{any_pair, map};
use std::borrow::Cow;

/// What `lowercase` looks for.
pub(super) const UPPER: ByteSet = ByteSet::range(b'A', b'Z');
/// What `cmdLine` looks for; `/` and `(` matter to it only behind a space.
pub(super) const SHELL: ByteSet = UPPER.union(ByteSet::of(b"\"'\\^ ,;\t\r\n"));

/// What `cmdLine` leaves no trace of, but for a space.
pub(super) const DROPPED: ByteSet = ByteSet::of(b"\"'\\^,;\t\r\n");

/// `lowercase`: ASCII only.
pub(super) fn lowercase(input: &[u8]) -> Cow<'_, [u8]> {
    map(input, |byte| byte.to_ascii_lowercase())
}

/// `cmdLine`: a command as a shell would read it. Quotes, backslashes and carets go; runs of space, comma, semicolon, tab
/// and line ends become one space, none before `/` and `(`; letters become small.
///
/// Compat: 2.9 ends the value at a zero byte; here that is a character like any other.
pub(super) fn command_line(input: &[u8]) -> Cow<'_, [u8]> {
    // Of ordinary words none but single spaces are special.
    let special = |byte: u8, next: u8| {
        let closed = (next == b' ') | (next == b'/') | (next == b'(');
        is_special(byte) & ((byte != b' ') | closed)
    };
    if !any_pair(input, special) {
        return Cow::Borrowed(input);
    }
    let mut out = vec![0; input.len()];
    let (mut length, mut after_blank) = (0, false);
    // Each byte is written, and the next one over it where it does not count: no branch that is hard to foresee.
    for byte in input {
        let kind = KINDS[usize::from(*byte)];
        length -= usize::from(after_blank && kind.ends_blank);
        if let Some(place) = out.get_mut(length) {
            *place = kind.becomes;
        }
        length += usize::from(!(kind.goes || kind.blank && after_blank));
        after_blank = kind.blank || kind.goes && after_blank;
    }
    out.truncate(length);
    match out == input {
        true => Cow::Borrowed(input),
        false => Cow::Owned(out),
    }
}

/// What a shell makes of a byte.
#[derive(Clone, Copy)]
struct Kind {
    becomes: u8,
    /// It leaves nothing behind.
    goes: bool,
    /// One of a run that becomes a space.
    blank: bool,
    /// The space before it goes.
    ends_blank: bool,
}

/// By byte.
const KINDS: [Kind; 256] = {
    let mut kinds = [Kind {
        becomes: 0,
        goes: false,
        blank: false,
        ends_blank: false,
    }; 256];
    let mut byte = 0;
    while byte < kinds.len() {
        let this = byte as u8;
        kinds[byte].goes = matches!(this, b'"' | b'\'' | b'\\' | b'^');
        kinds[byte].blank = matches!(this, b' ' | b',' | b';' | b'\t' | b'\r' | b'\n');
        kinds[byte].ends_blank = matches!(this, b'/' | b'(');
        kinds[byte].becomes = match kinds[byte].blank {
            true => b' ',
            false => this.to_ascii_lowercase(),
        };
        byte += 1;
    }
    kinds
};

/// Whether a byte is one of [`SHELL`], without a branch: vectors can tell.
#[inline(always)]
fn is_special(byte: u8) -> bool {
    let goes = (byte == b'"') | (byte == b'\'') | (byte == b'\\') | (byte == b'^');
    let blank = (byte == b' ') | (byte == b'\t') | (byte == b'\r') | (byte == b'\n');
    let capital = byte.wrapping_sub(b'A') < 26;
    goes | blank | capital | (byte == b',') | (byte == b';')
}

#[cfg(test)]
mod tests {
    use super::{SHELL, is_special};

    #[test]
    fn both_say_what_is_special() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_special(byte), SHELL.contains(byte), "{byte}");
        }
    }
}
