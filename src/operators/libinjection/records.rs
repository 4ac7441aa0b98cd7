//! Reads the data files at compile time: one record a line; lines that begin with `#` are for people.

/// How many records `text` has.
pub(super) const fn count(text: &[u8]) -> usize {
    let mut rest = text;
    let mut records = 0;
    while let Some((_, after)) = next(rest) {
        records += 1;
        rest = after;
    }
    records
}

/// The records of `text`, in order; `N` is their [`count`].
pub(super) const fn all<const N: usize>(text: &'static [u8]) -> [&'static [u8]; N] {
    let mut records: [&[u8]; N] = [&[]; N];
    let mut rest = text;
    let mut index = 0;
    while let Some((record, after)) = next(rest) {
        records[index] = record;
        index += 1;
        rest = after;
    }
    records
}

/// The first record of `text` and what follows it.
pub(super) const fn next(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = text;
    while let [first, ..] = rest {
        let mut end = 0;
        while end < rest.len() && rest[end] != b'\n' {
            end += 1;
        }
        let (line, after) = rest.split_at(end);
        rest = match after {
            [_, after @ ..] => after,
            [] => after,
        };
        if *first != b'#' {
            return Some((line, rest));
        }
    }
    None
}
