//! A collection that a transaction works on.

use super::record::same;
use super::{Id, Record, Store};
use crate::operators::atoi;

/// The transaction's copy of a record, and what it did to it.
#[derive(Clone, Debug)]
pub struct Live {
    id: Id,
    record: Record,
    done: Vec<(Vec<u8>, Deed)>,
    expiries: Vec<(Vec<u8>, i64)>,
    /// The store has been told of this transaction.
    counted: bool,
}

/// What a transaction did to one value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Deed {
    Set,
    Added(i64),
    Removed,
}

/// What a transaction did to a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What a record begins with, where there is none by now.
    pub initial: Vec<(Vec<u8>, Vec<u8>)>,
    /// Values to remove.
    pub removed: Vec<Vec<u8>>,
    /// Values to set as they are.
    pub set: Vec<(Vec<u8>, Vec<u8>)>,
    /// Counters to add to.
    pub add: Vec<(Vec<u8>, i64)>,
    /// When values expire.
    pub expiries: Vec<(Vec<u8>, i64)>,
    /// When the record expires.
    pub expires: i64,
}

impl Live {
    /// Opens a collection; `timeout` in seconds is that of a new one.
    pub fn open(store: &dyn Store, id: Id, timeout: i64, now: i64) -> Live {
        let stored = store.load(&id, now);
        let known = stored.is_some();
        let mut live = Live {
            record: stored.unwrap_or_else(|| new_record(&id, timeout, now)),
            id,
            done: Vec::new(),
            expiries: Vec::new(),
            counted: false,
        };
        // Compat: a new record has no rate yet.
        if known {
            live.compute_rate(now);
        }
        live
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
        self.record
            .write(b"UPDATE_RATE", rate.to_string().into_bytes());
    }

    /// Which record of which collection it is.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// The first value of a name.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.record.get(name)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let values = self.record.values.iter();
        values.map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// Sets a value. `TIMEOUT` also moves the expiry of the whole record.
    pub fn set(&mut self, name: &[u8], value: Vec<u8>) {
        self.record.write(name, value);
        self.note(name, Deed::Set);
    }

    /// Adds to a counter, which never falls below zero.
    ///
    /// Compat: what the store adds is the difference that the transaction saw, which for one that stopped at zero is less
    /// than `amount`.
    pub fn add(&mut self, name: &[u8], amount: i64) {
        let name = &self.record.spelled(name).to_vec();
        let before = self.get(name).map_or(0, atoi);
        let sum = before.saturating_add(amount).max(0);
        self.record.write(name, sum.to_string().into_bytes());
        let difference = sum.saturating_sub(before);
        let deed = match self.done.iter().find(|(known, _)| same(known, name)) {
            Some((_, Deed::Added(sum))) => Deed::Added(sum.saturating_add(difference)),
            // The sum is counted from a value of this transaction's own.
            Some(_) => Deed::Set,
            None => Deed::Added(difference),
        };
        self.note(name, deed);
    }

    /// Removes a value.
    pub fn remove(&mut self, name: &[u8]) {
        self.record.erase(name);
        self.note(name, Deed::Removed);
    }

    /// Lets a value expire at a time, in seconds since 1970.
    pub fn expire(&mut self, name: &[u8], at: i64) {
        self.record.expire(name, at);
        self.expiries.retain(|(known, _)| !same(known, name));
        self.expiries.push((name.to_vec(), at));
    }

    /// `deprecatevar`: takes `amount` off for every `seconds` since the record was last stored, never below zero.
    pub fn deprecate(&mut self, name: &[u8], amount: i64, seconds: i64, now: i64) {
        let (Some(value), Some(last)) = (self.get(name), self.get(b"LAST_UPDATE_TIME")) else {
            return;
        };
        if seconds <= 0 {
            return;
        }
        let steps = now.saturating_sub(atoi(last)).max(0) / seconds;
        let less = steps.saturating_mul(amount).min(atoi(value));
        if less != 0 {
            self.add(name, less.saturating_neg());
        }
    }

    fn note(&mut self, name: &[u8], deed: Deed) {
        match self.done.iter_mut().find(|(known, _)| same(known, name)) {
            Some((_, old)) => *old = deed,
            None => self.done.push((name.to_vec(), deed)),
        }
    }

    /// What the store is to be told now, which is then done: what follows is another change of the same transaction.
    pub fn take_change(&mut self, now: i64) -> Option<(Id, Change)> {
        let change = self.change(now)?;
        self.done.clear();
        self.expiries.clear();
        self.counted = true;
        Some(change)
    }

    /// What the store is to be told; nothing when nothing was done.
    pub fn change(&self, now: i64) -> Option<(Id, Change)> {
        if self.done.is_empty() && self.expiries.is_empty() {
            return None;
        }
        let mut record = self.record.clone();
        let too_long = record.fit();
        let timeout = record.get(b"TIMEOUT").map_or(0, atoi);
        let initial = [&b"KEY"[..], b"TIMEOUT", b"CREATE_TIME"].into_iter();
        let mut change = Change {
            initial: initial
                .filter_map(|name| Some((name.to_vec(), record.get(name)?.to_vec())))
                .collect(),
            removed: too_long,
            expiries: self.expiries.clone(),
            expires: now.saturating_add(timeout),
            ..Change::default()
        };
        for (name, deed) in &self.done {
            match (deed, record.get(name)) {
                (Deed::Added(difference), Some(_)) => change.add.push((name.clone(), *difference)),
                (Deed::Set, Some(value)) => change.set.push((name.clone(), value.to_vec())),
                (Deed::Removed, _) => change.removed.push(name.clone()),
                // It was too long.
                (_, None) => {}
            }
        }
        if !self.counted {
            change.add.push((b"UPDATE_COUNTER".to_vec(), 1));
        }
        let last = (b"LAST_UPDATE_TIME".to_vec(), now.to_string().into_bytes());
        change.set.push(last);
        Some((self.id.clone(), change))
    }
}

/// What a collection begins with.
fn new_record(id: &Id, timeout: i64, now: i64) -> Record {
    let text = |number: i64| number.to_string().into_bytes();
    Record {
        values: vec![
            (b"KEY".to_vec(), id.key.clone()),
            (b"TIMEOUT".to_vec(), text(timeout)),
            (b"CREATE_TIME".to_vec(), text(now)),
            (b"UPDATE_COUNTER".to_vec(), text(0)),
            (b"IS_NEW".to_vec(), text(1)),
        ],
        expires: now.saturating_add(timeout),
        updated: now,
        ..Record::default()
    }
}
