//! What stores could not do, and what they gave up: counted, and told at a bounded rate.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use crate::losses::Losses;

/// The numbers. Nothing but atomic cells, so that all processes of a server can share them: then a line is written for the
/// first of them that meets a failure, and a store that is gone for a night does not fill a disk. Zero bytes are fresh ones.
#[derive(Debug, Default)]
pub struct Troubles {
    evicted: AtomicU64,
    damaged: Losses,
    failures: Losses,
    unanswered: Losses,
    /// The log says that a server does not answer.
    gone: AtomicBool,
}

impl Troubles {
    /// None. All zero bytes mean the same.
    pub const fn new() -> Troubles {
        Troubles {
            evicted: AtomicU64::new(0),
            damaged: Losses::new(),
            failures: Losses::new(),
            unanswered: Losses::new(),
            gone: AtomicBool::new(false),
        }
    }

    /// Records that made room for others before they expired.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Pages that were not what had been written, and were emptied.
    pub fn damaged(&self) -> u64 {
        self.damaged.total()
    }

    /// Operations on a file that failed, or were not tried because the one before had failed.
    pub fn failures(&self) -> u64 {
        self.failures.total()
    }

    /// The same on a server.
    pub fn unanswered(&self) -> u64 {
        self.unanswered.total()
    }

    pub(crate) fn evict(&self, records: u64) {
        // Where nothing is counted, no other process's copy of these numbers becomes stale.
        if records > 0 {
            self.evicted.fetch_add(records, Ordering::Relaxed);
        }
    }

    pub(super) fn damage(&self, place: &str) {
        let what = "a page is not what was written; its records are forgotten";
        note(&self.damaged, place, &what);
    }

    pub(super) fn fail(&self, place: &str, why: &dyn std::fmt::Display) {
        note(&self.failures, place, why);
    }

    /// Counts a failure that is a consequence of one that was told.
    pub(super) fn fail_again(&self) {
        self.failures.count(1);
    }

    pub(super) fn get_no_answer(&self, place: &str, why: &dyn std::fmt::Display) {
        if note(&self.unanswered, place, why) {
            self.gone.store(true, Ordering::Relaxed);
        }
    }

    /// Counts what was not even asked.
    pub(super) fn not_ask(&self) {
        self.unanswered.count(1);
    }

    /// The server answers again: said once, if it was said that it does not.
    pub(super) fn get_answer_again(&self, place: &str) {
        if self.gone.swap(false, Ordering::Relaxed) {
            let more = self.unanswered.untold().unwrap_or(0);
            log::warn!("collections {place}: the server answers again ({more} more had no answer)");
        }
    }
}

/// Counts a failure, and logs it unless one was logged just now; whether it did. The line says how many there were since.
fn note(losses: &Losses, place: &str, why: &dyn std::fmt::Display) -> bool {
    losses.count(1);
    let new = losses.complaint(SystemTime::now());
    if let Some(new) = new {
        log::error!("collections {place}: {why} ({new} times since this was last said)");
    }
    new.is_some()
}

/// Where a store counts.
#[derive(Clone, Debug)]
pub enum Account {
    /// By itself.
    Own(Arc<Troubles>),
    /// Together with others.
    Shared(&'static Troubles),
}

impl Default for Account {
    fn default() -> Account {
        Account::Own(Arc::default())
    }
}

impl Deref for Account {
    type Target = Troubles;

    fn deref(&self) -> &Troubles {
        match self {
            Account::Own(troubles) => troubles,
            Account::Shared(troubles) => troubles,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_comes_and_goes_is_told_of_in_pairs() {
        let troubles = Troubles::new();
        assert!(!troubles.gone.load(Ordering::Relaxed));
        troubles.get_no_answer("here", &"gone");
        assert!(troubles.gone.load(Ordering::Relaxed), "said");
        troubles.get_answer_again("here");
        troubles.get_no_answer("here", &"gone");
        assert!(
            !troubles.gone.load(Ordering::Relaxed),
            "not again within a minute, so its end will not be said either"
        );
        troubles.not_ask();
        assert_eq!(troubles.unanswered(), 3);
        assert_eq!((troubles.failures(), troubles.damaged()), (0, 0));
    }

    #[test]
    fn stores_count_by_themselves_or_together() {
        static ALL: Troubles = Troubles::new();
        let (own, copy) = (Account::default(), Account::default());
        own.evict(2);
        own.clone().evict(1);
        Account::Shared(&ALL).evict(4);
        assert_eq!((own.evicted(), copy.evicted(), ALL.evicted()), (3, 0, 4));
    }
}
