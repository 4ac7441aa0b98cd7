//! Collections in the memory of one process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::is_alive;
use super::{Account, Change, Id, Record, Statistics, Store};
use crate::limits;

/// Records in memory, at most [`limits::COLLECTION_RECORDS_LIMIT`] of them; when they are all
/// taken, those that were updated longest ago make room.
#[derive(Default)]
pub struct MemoryStore {
    records: Mutex<HashMap<Id, Record>>,
    account: Account,
}

impl MemoryStore {
    /// One that counts together with others.
    pub fn counting(account: Account) -> MemoryStore {
        MemoryStore {
            account,
            ..MemoryStore::default()
        }
    }

    fn records(&self) -> MutexGuard<'_, HashMap<Id, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load(&self, id: &Id, now: i64) -> Option<Record> {
        let mut record = self.records().get(id)?.clone();
        record.settle(now).then_some(record)
    }

    fn update(&self, changes: &[(Id, Change)], now: i64) {
        let mut records = self.records();
        for (id, change) in changes {
            let before = records.remove(id);
            if before.is_none() && records.len() >= limits::COLLECTION_RECORDS_LIMIT {
                let evicted = make_room(&mut records, now);
                self.account.evict(evicted);
            }
            records.insert(id.clone(), Record::changed(before, change, now));
        }
    }

    fn visit(&self, now: i64, show: &mut dyn FnMut(&Id, &Record)) -> Result<(), String> {
        for (id, record) in &*self.records() {
            let mut record = record.clone();
            if record.settle(now) {
                show(id, &record);
            }
        }
        Ok(())
    }

    fn remove(&self, id: &Id) -> Result<bool, String> {
        Ok(self.records().remove(id).is_some())
    }

    fn statistics(&self, now: i64) -> Statistics {
        let records = self.records();
        let alive = records
            .iter()
            .filter(|(_, record)| is_alive(record.updated, record.expires, now));
        let mut statistics = Statistics {
            evicted: self.account.evicted(),
            reachable: true,
            ..Statistics::default()
        };
        for (id, record) in alive {
            statistics.entries += 1;
            let size = id.name.len() + id.key.len() + record.size();
            statistics.bytes += u64::try_from(size).unwrap_or(0);
        }
        statistics
    }
}

/// Forgets what has expired, and the tenth that is oldest: rarely, so that a flood of new keys stays cheap. Returns how
/// many went before their time.
fn make_room(records: &mut HashMap<Id, Record>, now: i64) -> u64 {
    records.retain(|_, record| is_alive(record.updated, record.expires, now));
    let excess = records.len() + limits::COLLECTION_RECORDS_LIMIT / 10;
    let mut surplus = excess.saturating_sub(limits::COLLECTION_RECORDS_LIMIT);
    if surplus == 0 {
        return 0;
    }
    let evicted = surplus;
    let mut times: Vec<i64> = records.values().map(|record| record.updated).collect();
    let (_, &mut last, _) = times.select_nth_unstable(surplus - 1);
    records.retain(|_, record| {
        let goes = record.updated <= last && surplus > 0;
        surplus -= usize::from(goes);
        !goes
    });
    u64::try_from(evicted).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collections::Live;

    #[test]
    fn the_number_of_records_is_bounded() {
        let store = MemoryStore::default();
        let id = |number: usize| Id {
            name: "ip".into(),
            key: number.to_string().into_bytes(),
        };
        let (limit, now) = (limits::COLLECTION_RECORDS_LIMIT, 1000);
        for number in 0..limit + 10 {
            let now = now + i64::from(number > limit / 2);
            let mut live = Live::open(&store, id(number), 100, now);
            live.set(b"x", b"1".to_vec());
            store.update(&[live.change(now).unwrap()], now);
        }
        let statistics = store.statistics(now + 1);
        let entries = usize::try_from(statistics.entries).unwrap();
        assert!((limit * 9 / 10..=limit).contains(&entries), "{entries}");
        assert!(statistics.evicted > 0);
        assert!(store.load(&id(limit + 9), now).is_some(), "the newest");
    }
}
