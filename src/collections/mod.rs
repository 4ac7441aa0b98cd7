//! Persistent collections: where rules remember, across transactions.
//!
//! A transaction opens a collection ([`Live`]) from a [`Store`], works on its copy, and at its end hands the store what it
//! changed, all collections at once. What rules count is merged as differences, so that no concurrent transaction's
//! increment is lost; what they set is set.
//!
//! Three stores, which give the same values: [`MemoryStore`] in one process, [`FileStore`] for all processes of one
//! machine, [`RedisStore`] for a fleet. [`Collections`] is which one a configuration asks for, opened by each process for
//! itself.
//!
//! Invariant: a store never fails its caller. What it cannot do is counted ([`Statistics`]), logged at a bounded rate, and
//! costs the transaction its memory, not its answer. No entry is eternal, whatever the clock does ([`Record::settle`]), and
//! no store grows without end.
//!
//! Compat: names and computed values are mod_security2's: `KEY`, `TIMEOUT`, `CREATE_TIME`, `UPDATE_COUNTER`, `UPDATE_RATE`,
//! `LAST_UPDATE_TIME`, `IS_NEW`. Different: a variable that is set (`setvar:ip.x=1`), not added to, is not summed up with
//! what a concurrent transaction sets.

use std::time::{SystemTime, UNIX_EPOCH};

mod choice;
mod file;
mod live;
mod memory;
mod record;
mod redis;
pub mod sdbm;
mod troubles;

pub use choice::{Collections, Place};
pub use file::{FileStore, Unusable};
pub use live::{Change, Live};
pub use memory::MemoryStore;
pub use record::Record;
pub use redis::{Fallback, Options as RedisOptions, RedisStore};
pub use troubles::{Account, Troubles};

/// Which record of which collection.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Id {
    /// The collection's name, with the application's id where the collection belongs to one.
    pub name: String,
    /// The key that the rule gave.
    pub key: Vec<u8>,
}

/// A place where records live. Times are seconds since 1970.
pub trait Store: Send + Sync {
    /// The record, unless there is none or it has expired. Expired values are left out.
    fn load(&self, id: &Id, now: i64) -> Option<Record>;

    /// Applies what one transaction changed to what the store has by now.
    fn update(&self, changes: &[(Id, Change)], now: i64);

    /// Shows every record that has not expired, in no order.
    fn visit(&self, now: i64, show: &mut dyn FnMut(&Id, &Record)) -> Result<(), String>;

    /// Forgets a record; whether there was one.
    fn remove(&self, id: &Id) -> Result<bool, String>;

    /// How large the store is, and what it could not do. May read the whole store: for those who ask, not for requests.
    fn statistics(&self, now: i64) -> Statistics;

    /// Ends what the store does by itself, before the process ends.
    fn close(&self) {}
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// How large a store is, and what it and those that count with it ([`Account`]) could not do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Records that have not expired.
    pub entries: u64,
    /// Bytes that the records take, where the store knows.
    pub bytes: u64,
    /// Bytes that the store will never exceed; 0 where somebody else sees to that.
    pub capacity: u64,
    /// Records that made room for others before they expired.
    pub evicted: u64,
    /// Pages that were not what had been written, and were emptied.
    pub corrupt: u64,
    /// Operations that failed, or were not tried because the one before had failed.
    pub failures: u64,
    /// It could be read just now.
    pub reachable: bool,
}
