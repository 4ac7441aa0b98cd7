//! File system paths.

use super::ByteSet;
use super::rewrite::any_pair;
use std::borrow::Cow;

/// What `normalizePath` looks for: without one of these the value is a single ordinary segment.
pub(super) const DOT_OR_SLASH: ByteSet = ByteSet::of(b"./");
/// What `normalizePathWin` looks for.
pub(super) const DOT_OR_SLASHES: ByteSet = ByteSet::of(b"./\\");

/// Which characters part the segments of a path. The result is always written with `/`.
#[derive(Clone, Copy)]
pub(super) enum Separator {
    Slash,
    SlashOrBackslash,
}

impl Separator {
    fn is(self, byte: &u8) -> bool {
        *byte == b'/' || (*byte == b'\\' && matches!(self, Self::SlashOrBackslash))
    }
}

/// `normalizePath`, `normalizePathWin`: no empty segments, no `.`, and each `..` takes away the segment before it.
///
/// Above the root of an absolute path there is nothing to take away; a relative one keeps such a `..`. A separator at the
/// end stays if something, or the root, is before it; a root reached by `..` alone leaves an empty value.
///
/// Compat: 2.9 walks the characters and guesses the segments, which hides some of a path: it deletes a segment that merely
/// ends in two dots (`/a.../b`), forgets a kept `..` when another follows later (`../a/../../b` becomes `b`), keeps a
/// resolvable one behind a name of one letter (`a/../b/..`), and on Windows leaves a backslash behind where several
/// separators meet. Here segments are segments.
pub(super) fn normalize(input: &[u8], separator: Separator) -> Cow<'_, [u8]> {
    if is_normal(input, separator) {
        return Cow::Borrowed(input);
    }
    let absolute = input.first().is_some_and(|byte| separator.is(byte));
    let trailing = input.last().is_some_and(|byte| separator.is(byte));
    let mut out: Vec<u8> = Vec::with_capacity(input.len());
    // Length of the leading `..` that were kept: nothing takes those away.
    let mut kept = 0;
    for segment in input.split(|byte| separator.is(byte)) {
        let up = segment == b"..";
        match segment {
            b"" | b"." => continue,
            b".." if out.len() > kept => {
                let parent = out.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                out.truncate(parent);
                continue;
            }
            b".." if absolute => continue,
            _ => {}
        }
        if absolute || !out.is_empty() {
            out.push(b'/');
        }
        out.extend_from_slice(segment);
        if up {
            kept = out.len();
        }
    }
    if trailing && (absolute || !out.is_empty()) {
        out.push(b'/');
    }
    if out == input {
        Cow::Borrowed(input)
    } else {
        Cow::Owned(out)
    }
}

/// Whether there is nothing to do, by a glance: no segment of dots, none empty but at the ends, no separator but `/`.
fn is_normal(input: &[u8], separator: Separator) -> bool {
    if matches!(separator, Separator::SlashOrBackslash) && memchr::memchr(b'\\', input).is_some() {
        return false;
    }
    // Behind the first, a segment that is empty or of dots is seen by two bytes.
    let suspicious = |byte: u8, next: u8| (byte == b'/') & ((next == b'/') | (next == b'.'));
    if input.first() != Some(&b'.') && !any_pair(input, suspicious) {
        return true;
    }
    let mut segments = input.split(|byte| separator.is(byte));
    let ends = [segments.next(), segments.next_back()];
    let dotted = ends
        .iter()
        .flatten()
        .any(|end| matches!(*end, b"." | b".."))
        || segments.any(|segment| matches!(segment, b"" | b"." | b".."));
    !dotted
}
