//! Collections in the memory of one process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{Change, Id, Record, Store};
use crate::limits;
use crate::operators::atoi;

/// Records in memory, at most [`limits::COLLECTION_RECORDS_LIMIT`] of them; when they are all
/// taken, those that would expire first make room.
#[derive(Default)]
pub struct MemoryStore {
    records: Mutex<HashMap<Id, Record>>,
}

impl MemoryStore {
    /// The number of records, expired ones included.
    pub fn len(&self) -> usize {
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Store for MemoryStore {
    fn load(&self, id: &Id, now: i64) -> Option<Record> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let record = records.get_mut(id)?;
        if record.expires <= now {
            records.remove(id);
            return None;
        }
        record.drop_expired(now);
        Some(record.clone())
    }

    fn update(&self, id: &Id, change: &Change, now: i64) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= limits::COLLECTION_RECORDS_LIMIT && !records.contains_key(id) {
            make_room(&mut records, now);
        }
        let record = records.entry(id.clone()).or_default();
        if record.expires <= now {
            *record = Record::default();
        }
        record.apply(change);
    }
}

/// Forgets what has expired, and the tenth that would expire first: rarely, so that a flood of new keys stays cheap.
fn make_room(records: &mut HashMap<Id, Record>, now: i64) {
    records.retain(|_, record| record.expires > now);
    let excess = records.len() + limits::COLLECTION_RECORDS_LIMIT / 10;
    let mut surplus = excess.saturating_sub(limits::COLLECTION_RECORDS_LIMIT);
    if surplus == 0 {
        return;
    }
    let mut expiries: Vec<i64> = records.values().map(|record| record.expires).collect();
    let (_, &mut last, _) = expiries.select_nth_unstable(surplus - 1);
    records.retain(|_, record| {
        let goes = record.expires <= last && surplus > 0;
        surplus -= usize::from(goes);
        !goes
    });
}

impl Record {
    /// Takes out what has expired.
    pub(super) fn drop_expired(&mut self, now: i64) {
        let Record {
            values, expiries, ..
        } = self;
        expiries.retain(|(name, at)| {
            let alive = *at > now;
            if !alive {
                values.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            }
            alive
        });
    }

    /// Applies a change. Counters never fall below zero.
    pub(super) fn apply(&mut self, change: &Change) {
        let find = |values: &mut Vec<(Vec<u8>, Vec<u8>)>, name: &[u8]| {
            values
                .iter()
                .position(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        for name in &change.removed {
            self.values
                .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        }
        for (name, value) in &change.set {
            match find(&mut self.values, name).and_then(|at| self.values.get_mut(at)) {
                Some((_, old)) => old.clone_from(value),
                None => self.values.push((name.clone(), value.clone())),
            }
        }
        for (name, difference) in &change.add {
            match find(&mut self.values, name).and_then(|at| self.values.get_mut(at)) {
                Some((_, old)) => {
                    let sum = atoi(old).saturating_add(*difference).max(0);
                    *old = sum.to_string().into_bytes();
                }
                None => self
                    .values
                    .push((name.clone(), (*difference).max(0).to_string().into_bytes())),
            }
        }
        for (name, at) in &change.expiries {
            self.expiries
                .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            self.expiries.push((name.clone(), *at));
        }
        self.expires = change.expires;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collections::Live;

    fn id(key: &str) -> Id {
        Id {
            name: "ip".into(),
            key: key.as_bytes().to_vec(),
        }
    }

    fn text<'l>(live: &'l Live, name: &str) -> &'l str {
        std::str::from_utf8(live.get(name.as_bytes()).unwrap_or(b"-")).unwrap()
    }

    #[test]
    fn counters_merge_and_expire() {
        let store = MemoryStore::default();
        let mut first = Live::open(&store, id("a"), 100, 1000);
        assert_eq!((text(&first, "IS_NEW"), text(&first, "KEY")), ("1", "a"));
        first.set(b"hits", b"1".to_vec());
        first.store(&store, 1000);

        let mut one = Live::open(&store, id("a"), 100, 1060);
        let mut two = Live::open(&store, id("a"), 100, 1060);
        assert_eq!(
            (
                text(&one, "hits"),
                text(&one, "IS_NEW"),
                text(&one, "UPDATE_RATE")
            ),
            ("1", "-", "1")
        );
        one.set(b"hits", b"3".to_vec());
        two.set(b"HITS", b"2".to_vec());
        two.expire(b"hits", 1090);
        one.store(&store, 1060);
        two.store(&store, 1060);

        let merged = Live::open(&store, id("a"), 100, 1061);
        assert_eq!(
            (text(&merged, "hits"), text(&merged, "UPDATE_COUNTER")),
            ("4", "3")
        );
        assert_eq!(text(&Live::open(&store, id("a"), 100, 1091), "hits"), "-");
        assert_eq!(text(&Live::open(&store, id("a"), 100, 1200), "IS_NEW"), "1");
    }

    #[test]
    fn unchanged_collections_are_not_stored() {
        let store = MemoryStore::default();
        Live::open(&store, id("a"), 100, 1000).store(&store, 1000);
        assert!(store.is_empty());
    }

    #[test]
    fn counters_go_down_with_time() {
        let store = MemoryStore::default();
        let mut live = Live::open(&store, id("a"), 1000, 1000);
        live.set(b"score", b"50".to_vec());
        live.store(&store, 1000);
        let mut live = Live::open(&store, id("a"), 1000, 1125);
        live.deprecate(b"score", 10, 60, 1125);
        assert_eq!(text(&live, "score"), "30");
        live.deprecate(b"score", 1000, 60, 1125);
        assert_eq!(text(&live, "score"), "0");
    }

    #[test]
    fn the_number_of_records_is_bounded() {
        let store = MemoryStore::default();
        for number in 0..limits::COLLECTION_RECORDS_LIMIT + 10 {
            let mut live = Live::open(&store, id(&number.to_string()), 100, 1000);
            live.set(b"x", b"1".to_vec());
            live.store(&store, 1000);
        }
        let (least, most) = (
            limits::COLLECTION_RECORDS_LIMIT * 9 / 10,
            limits::COLLECTION_RECORDS_LIMIT,
        );
        assert!((least..=most).contains(&store.len()), "{}", store.len());
    }
}
