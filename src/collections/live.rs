//! A collection that a transaction works on.

use super::{Id, Record, Store};
use crate::operators::atoi;

/// The transaction's copy of a record, and what it was when it was opened.
#[derive(Clone, Debug)]
pub struct Live {
    id: Id,
    record: Record,
    original: Record,
    changed: bool,
}

/// What a transaction did to a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Values to set as they are.
    pub set: Vec<(Vec<u8>, Vec<u8>)>,
    /// Counters to add to.
    pub add: Vec<(Vec<u8>, i64)>,
    /// Values to remove.
    pub removed: Vec<Vec<u8>>,
    /// When values expire.
    pub expiries: Vec<(Vec<u8>, i64)>,
    /// When the record expires.
    pub expires: i64,
}

impl Live {
    /// Opens a collection; `timeout` in seconds is that of a new one.
    pub fn open(store: &dyn Store, id: Id, timeout: i64, now: i64) -> Live {
        let mut live = match store.load(&id, now) {
            Some(record) => Live {
                id,
                original: record.clone(),
                record,
                changed: false,
            },
            None => Live::new(id, timeout, now),
        };
        live.compute_rate(now);
        live
    }

    fn new(id: Id, timeout: i64, now: i64) -> Live {
        let text = |number: i64| number.to_string().into_bytes();
        let values = vec![
            (b"KEY".to_vec(), id.key.clone()),
            (b"TIMEOUT".to_vec(), text(timeout)),
            (b"CREATE_TIME".to_vec(), text(now)),
            (b"UPDATE_COUNTER".to_vec(), text(0)),
            (b"IS_NEW".to_vec(), text(1)),
        ];
        let record = Record {
            values,
            expiries: Vec::new(),
            expires: now.saturating_add(timeout),
        };
        Live {
            id,
            record,
            original: Record::default(),
            changed: false,
        }
    }

    /// `UPDATE_RATE`: updates a minute since the record was created.
    fn compute_rate(&mut self, now: i64) {
        let number = |name: &[u8]| self.get(name).map_or(0, atoi);
        let age = now.saturating_sub(number(b"CREATE_TIME"));
        let rate = if age > 0 {
            number(b"UPDATE_COUNTER").saturating_mul(60) / age
        } else {
            0
        };
        self.write(b"UPDATE_RATE", rate.to_string().into_bytes());
    }

    /// The first value of a name.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self
            .record
            .values
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.record
            .values
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// Sets a value. `TIMEOUT` also moves the expiry of the whole record.
    pub fn set(&mut self, name: &[u8], value: Vec<u8>) {
        self.write(name, value);
        self.changed = true;
    }

    /// Removes a value.
    pub fn remove(&mut self, name: &[u8]) {
        self.record
            .values
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.changed = true;
    }

    /// Lets a value expire at a time, in seconds since 1970.
    pub fn expire(&mut self, name: &[u8], at: i64) {
        self.record
            .expiries
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.record.expiries.push((name.to_vec(), at));
        self.changed = true;
    }

    /// `deprecatevar`: takes `amount` off for every `seconds` since the record was last stored, never below zero.
    pub fn deprecate(&mut self, name: &[u8], amount: i64, seconds: i64, now: i64) {
        let number = |value: &[u8]| atoi(value);
        let (Some(value), Some(last)) = (self.get(name), self.get(b"LAST_UPDATE_TIME")) else {
            return;
        };
        if seconds <= 0 {
            return;
        }
        let steps = now.saturating_sub(number(last)).max(0) / seconds;
        let lowered = number(value)
            .saturating_sub(steps.saturating_mul(amount))
            .max(0);
        if lowered != number(value) {
            self.set(name, lowered.to_string().into_bytes());
        }
    }

    fn write(&mut self, name: &[u8], value: Vec<u8>) {
        match self
            .record
            .values
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some((_, old)) => *old = value,
            None => self.record.values.push((name.to_vec(), value)),
        }
    }

    /// Hands the store what changed; nothing when nothing did.
    pub fn store(&self, store: &dyn Store, now: i64) {
        if !self.changed {
            return;
        }
        let computed = |name: &[u8]| {
            [
                &b"UPDATE_RATE"[..],
                b"IS_NEW",
                b"UPDATE_COUNTER",
                b"LAST_UPDATE_TIME",
            ]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
        };
        let before = |name: &[u8]| {
            let found = self
                .original
                .values
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value)
        };
        let mut change = Change {
            expiries: self.record.expiries.clone(),
            ..Change::default()
        };
        for (name, value) in self
            .record
            .values
            .iter()
            .filter(|(name, _)| !computed(name))
        {
            // What describes the record itself is no counter.
            let counts = ![&b"TIMEOUT"[..], b"CREATE_TIME", b"KEY"].contains(&name.as_slice());
            let is_number =
                |text: &[u8]| counts && !text.is_empty() && text.iter().all(u8::is_ascii_digit);
            match before(name) {
                // A counter that others may have changed meanwhile: only the difference is ours.
                Some(old) if is_number(old) && is_number(value) => {
                    let difference = atoi(value).saturating_sub(atoi(old));
                    change.add.push((name.clone(), difference));
                }
                None if is_number(value) => change.add.push((name.clone(), atoi(value))),
                Some(old) if old == value => {}
                _ => change.set.push((name.clone(), value.clone())),
            }
        }
        for (name, _) in &self.original.values {
            if self.get(name).is_none() {
                change.removed.push(name.clone());
            }
        }
        change.add.push((b"UPDATE_COUNTER".to_vec(), 1));
        change
            .set
            .push((b"LAST_UPDATE_TIME".to_vec(), now.to_string().into_bytes()));
        let timeout = self.get(b"TIMEOUT").map_or(0, atoi);
        change.expires = now.saturating_add(timeout);
        store.update(&self.id, &change, now);
    }
}
