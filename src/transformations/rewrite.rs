//! How a transformation writes its result: forwards only, and into memory of its own only once it differs.
//!
//! Erasing in place is what made several transformations of other engines quadratic (CVE-2023-38285); nothing here moves
//! a byte twice. [`Output`] compares while it is written to, so that "borrowed if and only if unchanged" holds for every
//! transformation without a second pass, and an unchanged value costs no allocation.

use super::ByteSet;
use std::borrow::Cow;

/// The result of a transformation while it is written.
///
/// As long as all that was written equals the beginning of the input, only its length is kept. The first byte that
/// differs ends that for good, for nothing is ever taken back.
pub(super) struct Output<'a> {
    input: &'a [u8],
    /// Length of the prefix of `input` that was written; of no meaning once `own` is there.
    same: usize,
    /// All that was written, from the first difference on.
    own: Option<Vec<u8>>,
}

impl<'a> Output<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            same: 0,
            own: None,
        }
    }

    pub(super) fn push(&mut self, byte: u8) {
        match &mut self.own {
            Some(own) => own.push(byte),
            None if self.input.get(self.same) == Some(&byte) => self.same += 1,
            None => self.diverge().push(byte),
        }
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let (_, ahead) = self.input.split_at(self.same);
        match &mut self.own {
            Some(own) => own.extend_from_slice(bytes),
            None if ahead.starts_with(bytes) => self.same += bytes.len(),
            None => bytes.iter().for_each(|byte| self.push(*byte)),
        }
    }

    pub(super) fn finish(self) -> Cow<'a, [u8]> {
        match self.own {
            Some(own) => Cow::Owned(own),
            None => shortened(self.input, self.input.split_at(self.same).0),
        }
    }

    #[cold]
    fn diverge(&mut self) -> &mut Vec<u8> {
        let mut own = Vec::with_capacity(self.input.len());
        own.extend_from_slice(self.input.split_at(self.same).0);
        self.own.insert(own)
    }
}

/// Offers the text from each byte of `starts` on to `step`, which either writes what it makes of the beginning of it and
/// returns the (shorter) rest, or returns `None` to have one byte copied. Other bytes are copied in runs.
pub(super) fn rewrite<'a>(
    input: &'a [u8],
    starts: &ByteSet,
    step: impl Fn(&'a [u8], &mut Output<'a>) -> Option<&'a [u8]>,
) -> Cow<'a, [u8]> {
    let mut out = Output::new(input);
    let mut rest = input;
    let starts = starts.search();
    while let Some(at) = starts.find(rest) {
        let (plain, special) = rest.split_at(at);
        out.extend(plain);
        rest = special;
        let [byte, after_one @ ..] = rest else {
            break;
        };
        let after = step(rest, &mut out);
        debug_assert!(
            after.is_none_or(|after| after.len() < rest.len()),
            "a step must consume"
        );
        rest = after.unwrap_or_else(|| {
            out.push(*byte);
            after_one
        });
    }
    out.extend(rest);
    out.finish()
}

/// Whether a byte and the one behind it (0 behind the last) are `sought` anywhere. Asked of many at a time, by vectors.
#[inline(always)]
pub(super) fn any_pair(input: &[u8], sought: impl Fn(u8, u8) -> bool) -> bool {
    const BLOCK: usize = 256;
    let Some((last, behind)) = input.last().zip(input.get(1..)) else {
        return false;
    };
    let mut blocks = input.chunks(BLOCK).zip(behind.chunks(BLOCK));
    // No branch for each, or it would be one by one.
    let is_in = |(block, behind): (&[u8], &[u8])| {
        let pairs = block.iter().zip(behind);
        pairs.fold(0, |any, (byte, next)| any | u8::from(sought(*byte, *next))) != 0
    };
    sought(*last, 0) || blocks.any(is_in)
}

/// Replaces each byte by one other.
pub(super) fn map(input: &[u8], byte: impl Fn(u8) -> u8) -> Cow<'_, [u8]> {
    if input.iter().all(|old| byte(*old) == *old) {
        return Cow::Borrowed(input);
    }
    Cow::Owned(input.iter().map(|old| byte(*old)).collect())
}

/// Leaves out the bytes of a set, of which the [table](ByteSet::table) is there, too: to make it costs more than a short
/// value does.
pub(super) fn without<'a>(
    input: &'a [u8],
    set: &ByteSet,
    unwanted: &'static [bool; 256],
) -> Cow<'a, [u8]> {
    let Some(first) = set.find(input) else {
        return Cow::Borrowed(input);
    };
    let (before, behind) = input.split_at(first);
    let mut rest = vec![0; behind.len()];
    let mut length = 0;
    let (groups, tail) = behind.as_chunks::<8>();
    // Each byte is written, and the next one over it where it is unwanted: no branch that is hard to foresee.
    for group in groups {
        let Some(places) = rest.get_mut(length..).and_then(<[u8]>::first_chunk_mut) else {
            break;
        };
        let places: &mut [u8; 8] = places;
        let mut kept = 0;
        for byte in *group {
            places[kept & 7] = byte;
            kept += usize::from(!unwanted[usize::from(byte)]);
        }
        length += kept;
    }
    for byte in tail {
        if let Some(place) = rest.get_mut(length) {
            *place = *byte;
        }
        length += usize::from(!unwanted[usize::from(*byte)]);
    }
    rest.truncate(length);
    Cow::Owned(match before {
        [] => rest,
        _ => [before, &rest].concat(),
    })
}

/// The result that is a part of the input.
pub(super) fn shortened<'a>(input: &'a [u8], part: &[u8]) -> Cow<'a, [u8]> {
    if part.len() == input.len() {
        Cow::Borrowed(input)
    } else {
        Cow::Owned(part.to_vec())
    }
}

/// Splits behind the longest run of bytes that are `wanted`, at most `longest` of them.
pub(super) fn run(text: &[u8], longest: usize, wanted: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let length = text
        .iter()
        .take(longest)
        .take_while(|byte| wanted(**byte))
        .count();
    text.split_at(length)
}
