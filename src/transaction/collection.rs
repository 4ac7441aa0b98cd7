//! An ordered collection of named values.

use bytes::Bytes;

/// Names and values in the order of their coming. Names compare without case; several values may share one.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    entries: Vec<(Bytes, Bytes)>,
}

impl Collection {
    /// The first value of a name.
    pub fn get(&self, name: &[u8]) -> Option<&Bytes> {
        self.entries
            .iter()
            .find(|(known, _)| same(known, name))
            .map(|(_, value)| value)
    }

    /// Replaces the values of a name by one.
    pub fn set(&mut self, name: &[u8], value: impl Into<Bytes>) {
        match self.entries.iter_mut().find(|(known, _)| same(known, name)) {
            Some((_, old)) => *old = value.into(),
            None => self.push(Bytes::copy_from_slice(name), value),
        }
    }

    /// Adds a value, whether or not the name has one.
    pub fn push(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.entries.push((name.into(), value.into()));
    }

    /// Removes all values of a name.
    pub fn remove(&mut self, name: &[u8]) {
        self.entries.retain(|(known, _)| !same(known, name));
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.entries.iter().map(|(name, value)| (name, value))
    }
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.eq_ignore_ascii_case(b)
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
    }
}
