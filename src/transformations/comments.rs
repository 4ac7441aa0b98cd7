//! Comments of SQL, of C and of HTML.

use super::ByteSet;
use super::rewrite::rewrite;
use std::borrow::Cow;

/// What `removeComments` and `removeCommentsChar` look for: a byte that each of their marks contains.
pub(super) const MARK: ByteSet = ByteSet::of(b"*-#");
/// What the marks of comments begin with.
const START: ByteSet = ByteSet::of(b"/<-*#");
/// What `replaceComments` looks for.
pub(super) const STAR: ByteSet = ByteSet::of(b"*");

/// `replaceComments`: each `/* … */`, closed or not, becomes one space.
pub(super) fn replace(input: &[u8]) -> Cow<'_, [u8]> {
    rewrite(input, &START, |rest, out| {
        let comment = rest.strip_prefix(b"/*")?;
        out.push(b' ');
        Some(behind(comment, &[b"*/"]).unwrap_or_default())
    })
}

/// `removeComments`: without `/* … */` and `<!-- … -->`; `--` and `#` end the value. An open comment leaves a space.
///
/// Compat: as 2.9, either end closes either comment, and one closed by the last byte of the value leaves a zero byte
/// (2.9 copies the terminator; its test suite counts on it). Unlike 2.9, the character behind a comment is looked at
/// like any other, so that a comment that follows directly is removed too.
pub(super) fn remove(input: &[u8]) -> Cow<'_, [u8]> {
    rewrite(input, &START, |rest, out| {
        if rest.starts_with(b"--") || rest.starts_with(b"#") {
            return Some(&[]);
        }
        let comment = rest
            .strip_prefix(b"/*")
            .or_else(|| rest.strip_prefix(b"<!--"))?;
        let tail = behind(comment, &[b"*/", b"-->"]);
        match tail {
            None => out.push(b' '),
            Some([]) => out.push(0),
            Some(_) => {}
        }
        Some(tail.unwrap_or_default())
    })
}

/// `removeCommentsChar`: without the marks themselves; what they enclose stays.
pub(super) fn remove_marks(input: &[u8]) -> Cow<'_, [u8]> {
    rewrite(input, &START, |rest, _| match rest {
        [b'<', b'!', b'-', b'-', tail @ ..]
        | [b'-', b'-', b'>', tail @ ..]
        | [b'-', b'-', tail @ ..]
        | [b'/', b'*', tail @ ..]
        | [b'*', b'/', tail @ ..]
        | [b'#', tail @ ..] => Some(tail),
        _ => None,
    })
}

/// The text behind the first of `ends` that occurs.
fn behind<'a>(text: &'a [u8], ends: &[&[u8]]) -> Option<&'a [u8]> {
    let mut rest = text;
    while let [_, next @ ..] = rest {
        let tail = ends.iter().find_map(|end| rest.strip_prefix(*end));
        if tail.is_some() {
            return tail;
        }
        rest = next;
    }
    None
}
