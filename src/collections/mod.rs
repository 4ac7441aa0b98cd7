//! Persistent collections: where rules remember, across transactions.
//!
//! A transaction opens a collection ([`Live`]) from a [`Store`], works on its copy, and at its end hands the store what it
//! changed. Counters are merged as differences, so that no concurrent transaction's increment is lost.
//!
//! Compat: names and computed values are mod_security2's: `KEY`, `TIMEOUT`, `CREATE_TIME`, `UPDATE_COUNTER`, `UPDATE_RATE`,
//! `LAST_UPDATE_TIME`, `IS_NEW`.

mod live;
mod memory;

pub use live::{Change, Live};
pub use memory::MemoryStore;

/// Which record of which collection.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Id {
    /// The collection's name, with the application's id where the collection belongs to one.
    pub name: String,
    /// The key that the rule gave.
    pub key: Vec<u8>,
}

/// A stored record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Names and values, in order.
    pub values: Vec<(Vec<u8>, Vec<u8>)>,
    /// When single values expire, in seconds since 1970.
    pub expiries: Vec<(Vec<u8>, i64)>,
    /// When the record expires, in seconds since 1970.
    pub expires: i64,
}

/// A place where records live.
pub trait Store: Send + Sync {
    /// The record, unless there is none or it has expired. Expired values are left out. `now` is in seconds since 1970.
    fn load(&self, id: &Id, now: i64) -> Option<Record>;

    /// Applies what a transaction changed to what the store has by now.
    fn update(&self, id: &Id, change: &Change, now: i64);
}
