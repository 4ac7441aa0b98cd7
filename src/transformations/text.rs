//! Letters, and the quirks of command shells.

use super::ByteSet;
use super::rewrite::{Output, map};
use std::borrow::Cow;

/// What `lowercase` looks for.
pub(super) const UPPER: ByteSet = ByteSet::range(b'A', b'Z');
/// What `cmdLine` looks for; `/` and `(` matter to it only behind a space.
pub(super) const SHELL: ByteSet = UPPER.union(ByteSet::of(b"\"'\\^ ,;\t\r\n"));

/// `lowercase`: ASCII only.
pub(super) fn lowercase(input: &[u8]) -> Cow<'_, [u8]> {
    map(input, |byte| byte.to_ascii_lowercase())
}

/// `cmdLine`: a command as a shell would read it. Quotes, backslashes and carets go; runs of space, comma, semicolon, tab
/// and line ends become one space, none before `/` and `(`; letters become small.
///
/// Compat: 2.9 ends the value at a zero byte; here that is a character like any other.
pub(super) fn command_line(input: &[u8]) -> Cow<'_, [u8]> {
    const SPECIAL: [bool; 256] = SHELL.table();
    let mut out = Output::new(input);
    let mut space_due = false;
    let mut rest = input;
    loop {
        let plain = rest.iter().position(|byte| SPECIAL[usize::from(*byte)]);
        let (plain, behind) = rest.split_at(plain.unwrap_or(rest.len()));
        if let Some(first) = plain.first() {
            if std::mem::take(&mut space_due) && !matches!(first, b'/' | b'(') {
                out.push(b' ');
            }
            out.extend(plain);
        }
        let Some((byte, behind)) = behind.split_first() else {
            break;
        };
        match byte {
            b'"' | b'\'' | b'\\' | b'^' => {}
            b' ' | b',' | b';' | b'\t' | b'\r' | b'\n' => space_due = true,
            capital => {
                if std::mem::take(&mut space_due) {
                    out.push(b' ');
                }
                out.push(capital.to_ascii_lowercase());
            }
        }
        rest = behind;
    }
    if space_due {
        out.push(b' ');
    }
    out.finish()
}
