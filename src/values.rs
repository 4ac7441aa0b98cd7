//! An ordered collection of named values.

use std::sync::Arc;

use bytes::Bytes;

/// Names and values in the order of their coming. Names compare without case; several values may share one.
///
/// A rule set asks for its variables hundreds of times a request, so that names are found by a tag of one byte each. It gives most of
/// them the same values in every request: a collection may begin as one that all requests share, and has of its own what
/// differs.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    tags: Vec<u8>,
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
            tags: pairs.iter().map(|(name, _)| tag(name)).collect(),
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
        let place = self.places(name).next();
        let known = place.and_then(|at| self.pair(at));
        let known = known.map(|(name, _)| name.clone());
        match (known, place.and_then(|at| self.entries.get_mut(at))) {
            (Some(known), Some(entry)) => *entry = Entry::Own((known, value.into())),
            _ => self.push(Bytes::copy_from_slice(name), value),
        }
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
        self.tags.push(tag(&name));
        self.entries.push(Entry::Own((name, value.into())));
    }

    /// Removes all values of a name.
    pub fn remove(&mut self, name: &[u8]) {
        while let Some(at) = { self.places(name).next() } {
            self.tags.remove(at);
            self.entries.remove(at);
        }
    }

    /// Removes the values whose names are one digit of at least this value: what rules have captured.
    pub fn remove_digits(&mut self, least: usize) {
        let mut from = 0;
        while let Some(at) = self.next_digit(from) {
            let digit = self.pair(at).and_then(|(name, _)| name.first());
            if digit.is_some_and(|digit| usize::from(digit - b'0') >= least) {
                self.tags.remove(at);
                self.entries.remove(at);
            } else {
                from = at + 1;
            }
        }
    }

    fn next_digit(&self, from: usize) -> Option<usize> {
        Some(from + memchr::memchr(DIGIT, self.tags.get(from..)?)?)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        (0..self.entries.len()).filter_map(|at| self.pair(at))
    }

    #[inline]
    fn pair(&self, at: usize) -> Option<(&Bytes, &Bytes)> {
        let (name, value) = match self.entries.get(at)? {
            Entry::Own(pair) => pair,
            Entry::Shared(at) => self.shared.as_ref()?.get(*at as usize)?,
        };
        Some((name, value))
    }

    fn places(&self, name: &[u8]) -> impl Iterator<Item = usize> {
        let wanted = tag(name);
        let mut from = 0;
        std::iter::from_fn(move || {
            loop {
                let rest = self.tags.get(from..)?;
                let at = from + memchr::memchr(wanted, rest)?;
                from = at + 1;
                let (known, _) = self.pair(at)?;
                if known.eq_ignore_ascii_case(name) {
                    return Some(at);
                }
            }
        })
    }
}

/// The tag of a name that is one digit: what rules have captured.
const DIGIT: u8 = 0;

/// The same for names that differ in case only, and for one in 255 others.
fn tag(name: &[u8]) -> u8 {
    const CASE: u64 = 0x2020_2020_2020_2020;
    if let [b'0'..=b'9'] = name {
        return DIGIT;
    }
    let mix = |hash: u64, word: u64| (hash ^ (word | CASE)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (words, rest) = name.as_chunks();
    let mut state = words.iter().fold(name.len() as u64, |state, word| {
        mix(state.rotate_left(23), u64::from_le_bytes(*word))
    });
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    state = mix(state.rotate_left(23), u64::from_le_bytes(last));
    ((state >> 56) as u8).max(DIGIT + 1)
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
        tx.push("x", "x");
        tx.push("0", "x");
        tx.remove_digits(1);
        let names: Vec<_> = tx.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, [&b"Score"[..], b"x", b"0"]);
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
    fn names_of_one_tag_are_told_apart() {
        // A set bit for the case makes `@` and the backtick the same.
        assert_eq!(tag(b"a@"), tag(b"a`"));
        let mut tx = Collection::default();
        tx.set(b"a@", "1");
        assert!(tx.get(b"a`").is_none());
        let names = (0..1_000).map(|number| format!("name_{number}"));
        names.clone().for_each(|name| tx.push(name.clone(), name));
        for name in names {
            let found = tx.get(name.to_uppercase().as_bytes());
            assert_eq!(found.map(|value| &**value), Some(name.as_bytes()));
        }
    }
}
