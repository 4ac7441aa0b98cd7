//! What is stored under one key, and what time and changes do to it: the same in every store.

use super::Change;
use crate::limits;
use crate::operators::atoi;

/// A stored record. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Names and values, in order.
    pub values: Vec<(Vec<u8>, Vec<u8>)>,
    /// When single values expire.
    pub expiries: Vec<(Vec<u8>, i64)>,
    /// When the record expires.
    pub expires: i64,
    /// When it was last updated.
    pub updated: i64,
}

/// Whether a record lives at a time.
///
/// One from the future was written before the clock was set back. It is believed as long as it has not been ahead for more
/// than its own life: so none lives longer than twice its time, whatever the clock did.
pub(super) fn is_alive(updated: i64, expires: i64, now: i64) -> bool {
    let ahead = updated.saturating_sub(now);
    now < expires && ahead <= expires.saturating_sub(updated)
}

impl Record {
    /// The value of a name.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.values.iter().find(|(known, _)| same(known, name));
        found.map(|(_, value)| value.as_slice())
    }

    /// Sets a value.
    pub(super) fn write(&mut self, name: &[u8], value: Vec<u8>) {
        match self.values.iter_mut().find(|(known, _)| same(known, name)) {
            Some(known) => *known = (name.to_vec(), value),
            None => self.values.push((name.to_vec(), value)),
        }
    }

    /// A name as it was spelled when it was set last.
    pub(super) fn spelled<'r>(&'r self, name: &'r [u8]) -> &'r [u8] {
        let known = self.values.iter().find(|(known, _)| same(known, name));
        known.map_or(name, |(known, _)| known)
    }

    /// Removes a value.
    pub(super) fn erase(&mut self, name: &[u8]) {
        self.values.retain(|(known, _)| !same(known, name));
    }

    /// Lets a value expire.
    pub(super) fn expire(&mut self, name: &[u8], at: i64) {
        match self
            .expiries
            .iter_mut()
            .find(|(known, _)| same(known, name))
        {
            Some((_, old)) => *old = at,
            None => self.expiries.push((name.to_vec(), at)),
        }
    }

    /// Takes out what has expired. False when that is the record itself.
    pub fn settle(&mut self, now: i64) -> bool {
        if !is_alive(self.updated, self.expires, now) {
            return false;
        }
        let ahead = self.updated.saturating_sub(now).max(0);
        let Record {
            values, expiries, ..
        } = self;
        expiries.retain_mut(|(name, at)| {
            *at = at.saturating_sub(ahead);
            let alive = *at > now;
            if !alive {
                values.retain(|(known, _)| !same(known, name));
            }
            alive
        });
        true
    }

    /// What becomes of a record, or of none, by a change. Counters never fall below zero.
    pub(super) fn changed(before: Option<Record>, change: &Change, now: i64) -> Record {
        let mut record = before
            .and_then(|mut record| record.settle(now).then_some(record))
            .unwrap_or_else(|| Record {
                values: change.initial.clone(),
                ..Record::default()
            });
        for name in &change.removed {
            record.erase(name);
        }
        for (name, value) in &change.set {
            record.write(name, value.clone());
        }
        for (name, difference) in &change.add {
            let before = record.get(name).map_or(0, atoi);
            let sum = before.saturating_add(*difference).max(0);
            record.write(name, sum.to_string().into_bytes());
        }
        for (name, at) in &change.expiries {
            record.expire(name, *at);
        }
        record.updated = now;
        record.expires = change.expires;
        record.fit();
        record
    }

    /// The most bytes that it takes in a file, without its key.
    pub(super) fn size(&self) -> usize {
        let values = self.values.iter();
        let expiries = self.expiries.iter();
        values
            .map(|(name, value)| name.len() + value.len() + 5)
            .chain(expiries.map(|(name, _)| name.len() + 11))
            .sum()
    }

    /// Makes it as small as a store takes: the longest values go first, so what a client makes long costs no counter.
    /// Returns the names that went.
    ///
    /// Limit: [`limits::COLLECTION_RECORD_LIMIT`].
    pub(super) fn fit(&mut self) -> Vec<Vec<u8>> {
        let mut gone = Vec::new();
        while self.size() > limits::COLLECTION_RECORD_LIMIT {
            let lengths = self.values.iter().enumerate();
            let longest = lengths.max_by_key(|(_, (name, value))| name.len() + value.len());
            let Some((at, _)) = longest else {
                self.expiries.clear();
                return gone;
            };
            let (name, _) = self.values.remove(at);
            self.expiries.retain(|(known, _)| !same(known, &name));
            gone.push(name);
        }
        gone
    }
}

/// Compat: names are the same in any case.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(updated: i64, expires: i64) -> Record {
        Record {
            values: vec![(b"blocked".to_vec(), b"1".to_vec())],
            expiries: vec![(b"Blocked".to_vec(), updated + 60)],
            expires,
            updated,
        }
    }

    #[test]
    fn nothing_is_eternal_whatever_the_clock_does() {
        const DAY: i64 = 86_400;
        let cases = [
            // Seconds since the update, life of the record, whether it lives.
            (0, 3600, true),
            (3599, 3600, true),
            (3600, 3600, false),
            (DAY, 3600, false),
            (-1, 3600, true),
            (-3600, 3600, true),
            (-3601, 3600, false),
            (-DAY, 3600, false),
            (-DAY, 2 * DAY, true),
            (0, 0, false),
        ];
        for (passed, life, lives) in cases {
            let mut record = record(1_000_000, 1_000_000 + life);
            assert_eq!(record.settle(1_000_000 + passed), lives, "{passed} {life}");
        }
    }

    #[test]
    fn a_value_s_time_moves_with_a_clock_that_is_set_back() {
        let mut record = record(1_000_000, 1_090_000);
        assert!(record.settle(990_000));
        assert_eq!(record.expiries, [(b"Blocked".to_vec(), 990_060)]);
        assert!(record.get(b"BLOCKED").is_some());
        let change = Change {
            expires: 1_080_000,
            ..Change::default()
        };
        let mut record = Record::changed(Some(record), &change, 990_000);
        assert!(record.settle(990_060));
        assert_eq!(record.get(b"blocked"), None);
    }

    #[test]
    fn counters_saturate_and_stop_at_zero() {
        let cases: [(&[u8], i64, &[u8]); 6] = [
            (b"5", -7, b"0"),
            (b"5", 2, b"7"),
            (b"abc", 2, b"2"),
            (b" 12abc", 2, b"14"),
            (b"9223372036854775807", 1, b"9223372036854775807"),
            (b"99999999999999999999", 0, b"9223372036854775807"),
        ];
        for (before, difference, after) in cases {
            let record = Record {
                values: vec![(b"n".to_vec(), before.to_vec())],
                expires: 100,
                ..Record::default()
            };
            let change = Change {
                add: vec![(b"N".to_vec(), difference)],
                expires: 100,
                ..Change::default()
            };
            let record = Record::changed(Some(record), &change, 50);
            assert_eq!(record.get(b"n"), Some(after), "{difference}");
        }
    }

    #[test]
    fn what_is_too_long_goes_and_counters_stay() {
        let limit = limits::COLLECTION_RECORD_LIMIT;
        let with = |length: usize| {
            let change = Change {
                set: vec![(b"agent".to_vec(), vec![b'x'; length])],
                add: vec![(b"hits".to_vec(), 1)],
                expires: 100,
                ..Change::default()
            };
            Record::changed(None, &change, 0)
        };
        // 10 for "hits" and its value, 5 + 5 for "agent".
        let most = limit - 10 - 10;
        assert_eq!(with(most).get(b"agent").map(<[u8]>::len), Some(most));
        let record = with(most + 1);
        assert_eq!(record.get(b"agent"), None);
        assert_eq!(record.get(b"hits"), Some(&b"1"[..]));
    }
}
