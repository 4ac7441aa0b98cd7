//! An ordered collection of named values.

use bytes::Bytes;

/// Names and values in the order of their coming. Names compare without case; several values may share one.
///
/// A rule set asks for its variables hundreds of times a request, so that names are found by their hashes.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    hashes: Vec<u32>,
    entries: Vec<(Bytes, Bytes)>,
}

impl Collection {
    /// The first value of a name.
    pub fn get(&self, name: &[u8]) -> Option<&Bytes> {
        self.named(name).next().map(|(_, value)| value)
    }

    /// All values of a name, with the name as it was given first.
    pub fn named(&self, name: &[u8]) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        let entries = self.places(name).filter_map(|at| self.entries.get(at));
        entries.map(|(name, value)| (name, value))
    }

    /// Replaces the value of a name; one that is known keeps its spelling.
    pub fn set(&mut self, name: &[u8], value: impl Into<Bytes>) {
        let place = self.places(name).next();
        match place.and_then(|at| self.entries.get_mut(at)) {
            Some((_, old)) => *old = value.into(),
            None => self.push(Bytes::copy_from_slice(name), value),
        }
    }

    /// As [`set`](Collection::set), but the name is spelled from now on as it is here.
    pub fn put(&mut self, name: Bytes, value: Bytes) {
        let place = self.places(&name).next();
        match place.and_then(|at| self.entries.get_mut(at)) {
            Some(known) => *known = (name, value),
            None => self.push(name, value),
        }
    }

    /// Adds a value, whether or not the name has one.
    pub fn push(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        let name = name.into();
        self.hashes.push(hash(&name));
        self.entries.push((name, value.into()));
    }

    /// Removes all values of a name.
    pub fn remove(&mut self, name: &[u8]) {
        while let Some(at) = { self.places(name).next() } {
            self.hashes.remove(at);
            self.entries.remove(at);
        }
    }

    /// Removes all values of the names that are `unwanted`.
    pub fn remove_where(&mut self, unwanted: impl Fn(&[u8]) -> bool) {
        let mut from = 0;
        loop {
            let mut rest = self.entries.iter().skip(from);
            let Some(found) = rest.position(|(name, _)| unwanted(name)) else {
                return;
            };
            from += found;
            self.hashes.remove(from);
            self.entries.remove(from);
        }
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.entries.iter().map(|(name, value)| (name, value))
    }

    fn places(&self, name: &[u8]) -> impl Iterator<Item = usize> {
        let wanted = hash(name);
        let mut from = 0;
        std::iter::from_fn(move || {
            loop {
                let rest = self.hashes.get(from..)?;
                let at = from + position(rest, wanted)?;
                from = at + 1;
                let (known, _) = self.entries.get(at)?;
                if known.eq_ignore_ascii_case(name) {
                    return Some(at);
                }
            }
        })
    }
}

/// Looks at many at a time: nearly all are others.
fn position(hashes: &[u32], wanted: u32) -> Option<usize> {
    const STEP: usize = 16;
    let (many, _) = hashes.as_chunks::<STEP>();
    let skipped = many
        .iter()
        .take_while(|step| {
            !step
                .iter()
                .fold(false, |found, hash| found | (*hash == wanted))
        })
        .count();
    let from = skipped * STEP;
    let rest = hashes.get(from..)?;
    Some(from + rest.iter().position(|hash| *hash == wanted)?)
}

/// The same for names that differ in case only (and for a few others).
fn hash(name: &[u8]) -> u32 {
    const CASE: u64 = 0x2020_2020_2020_2020;
    let mix = |hash: u64, word: u64| (hash ^ (word | CASE)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (words, rest) = name.as_chunks();
    let mut state = words.iter().fold(name.len() as u64, |state, word| {
        mix(state.rotate_left(23), u64::from_le_bytes(*word))
    });
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    state = mix(state.rotate_left(23), u64::from_le_bytes(last));
    (state >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_and_order_is_kept() {
        let mut tx = Collection::default();
        tx.set(b"Score", "1");
        tx.push("a", "x");
        tx.set(b"SCORE", "2");
        let all: Vec<_> = tx
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
            .collect();
        assert_eq!(all, [(&b"Score"[..], &b"2"[..]), (b"a", b"x")]);
        tx.remove(b"A");
        assert!(tx.get(b"a").is_none());
        tx.push("1", "x");
        tx.push("2", "x");
        tx.remove_where(|name| name.len() == 1);
        assert_eq!(tx.iter().count(), 1);
        assert!(tx.get(b"score").is_some());
    }

    #[test]
    fn several_values_of_one_name() {
        let mut headers = Collection::default();
        headers.push("set-cookie", "a");
        headers.push("date", "b");
        headers.push("Set-Cookie", "c");
        assert_eq!(headers.named(b"SET-COOKIE").count(), 2);
        headers.remove(b"set-Cookie");
        assert_eq!(headers.iter().count(), 1);
    }

    #[test]
    fn names_that_hash_alike_are_told_apart() {
        // A set bit for the case makes `@` and the backtick the same.
        assert_eq!(hash(b"a@"), hash(b"a`"));
        let mut tx = Collection::default();
        tx.set(b"a@", "1");
        assert!(tx.get(b"a`").is_none());
        assert_ne!(hash(b"anomaly_score_pl1"), hash(b"anomaly_score_pl2"));
    }
}
