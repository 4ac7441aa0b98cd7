//! An ordered collection of named values.

use std::sync::Arc;

use bytes::Bytes;

/// Names and values in the order of their coming. Names compare without case; several values may share one.
///
/// A rule set asks for its variables hundreds of times a request, so that names are found by their hashes. It gives most of
/// them the same values in every request: a collection may begin as one that all requests share, and has of its own what
/// differs.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    hashes: Vec<u32>,
    entries: Vec<Entry>,
    shared: Option<Arc<[Pair]>>,
}

type Pair = (Bytes, Bytes);

#[derive(Clone, Debug)]
enum Entry {
    Own(Pair),
    /// What is shared at this place.
    Shared(u32),
}

impl Collection {
    /// A collection to begin with: a copy of it costs the same however long its values are.
    pub fn shared(pairs: Vec<Pair>) -> Collection {
        Collection {
            hashes: pairs.iter().map(|(name, _)| hash(name)).collect(),
            entries: (0..).map(Entry::Shared).take(pairs.len()).collect(),
            shared: Some(pairs.into()),
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The first value of a name.
    pub fn get(&self, name: &[u8]) -> Option<&Bytes> {
        self.named(name).next().map(|(_, value)| value)
    }

    /// All values of a name, with the name as it was given first.
    pub fn named(&self, name: &[u8]) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.places(name).filter_map(|at| self.pair(at))
    }

    /// Replaces the value of a name; one that is known keeps its spelling.
    pub fn set(&mut self, name: &[u8], value: impl Into<Bytes>) {
        let known = self.named(name).next().map(|(name, _)| name.clone());
        self.put(
            known.unwrap_or_else(|| Bytes::copy_from_slice(name)),
            value.into(),
        );
    }

    /// As [`set`](Collection::set), but the name is spelled from now on as it is here.
    pub fn put(&mut self, name: Bytes, value: Bytes) {
        let place = self.places(&name).next();
        match place.and_then(|at| self.entries.get_mut(at)) {
            Some(known) => *known = Entry::Own((name, value)),
            None => self.push(name, value),
        }
    }

    /// Adds a value, whether or not the name has one.
    pub fn push(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        let name = name.into();
        self.hashes.push(hash(&name));
        self.entries.push(Entry::Own((name, value.into())));
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
            let found = self.iter().skip(from).position(|(name, _)| unwanted(name));
            let Some(found) = found else {
                return;
            };
            from += found;
            self.hashes.remove(from);
            self.entries.remove(from);
        }
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        (0..self.entries.len()).filter_map(|at| self.pair(at))
    }

    fn pair(&self, at: usize) -> Option<(&Bytes, &Bytes)> {
        let (name, value) = match self.entries.get(at)? {
            Entry::Own(pair) => pair,
            Entry::Shared(at) => self.shared.as_ref()?.get(*at as usize)?,
        };
        Some((name, value))
    }

    fn places(&self, name: &[u8]) -> impl Iterator<Item = usize> {
        let wanted = hash(name);
        let mut from = 0;
        std::iter::from_fn(move || {
            loop {
                let rest = self.hashes.get(from..)?;
                let at = from + position(rest, wanted)?;
                from = at + 1;
                let (known, _) = self.pair(at)?;
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
    fn what_is_shared_stays_as_it_is() {
        let pair = |name: &'static str, value: &'static str| (name.into(), value.into());
        let shared = Collection::shared(vec![pair("a", "1"), pair("b", "2"), pair("c", "3")]);
        let mut tx = shared.clone();
        tx.set(b"B", "5");
        tx.put("C".into(), "6".into());
        tx.remove(b"a");
        tx.push("d", "7");
        let written = |tx: &Collection| {
            let all = tx
                .iter()
                .map(|(name, value)| [name, &b"="[..], value].concat());
            all.collect::<Vec<_>>().join(&b' ')
        };
        assert_eq!(written(&tx), b"b=5 C=6 d=7");
        assert_eq!(written(&shared), b"a=1 b=2 c=3");
        assert!(!shared.is_empty() && Collection::default().is_empty());
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
