//! Failures, counted, and told at a bounded rate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// At most one line in this time about one kind of failure of one store of one process: whoever reads the log learns of
/// it, and a store that is gone for a night does not fill a disk.
const INTERVAL: Duration = Duration::from_secs(60);

/// One kind of failure.
#[derive(Default)]
pub(super) struct Complaints {
    count: AtomicU64,
    told: Mutex<Option<(Instant, u64)>>,
}

impl Complaints {
    /// Counts a failure, and logs it unless one was logged just now; the line says how many there were since.
    pub(super) fn note(&self, what: &str, why: &dyn std::fmt::Display) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(new) = self.due(count, Instant::now()) {
            log::error!("{what}: {why} ({new} times since this was last said)");
        }
    }

    /// Counts a failure that is a consequence of one that was told.
    pub(super) fn count(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    pub(super) fn total(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn due(&self, count: u64, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match *told {
            Some((at, _)) if now.saturating_duration_since(at) < INTERVAL => return None,
            Some((_, before)) => before,
            None => 0,
        };
        *told = Some((now, count));
        Some(count.saturating_sub(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_few_and_numbers_exact() {
        let complaints = Complaints::default();
        let start = Instant::now();
        assert_eq!(complaints.due(1, start), Some(1));
        assert_eq!(complaints.due(2, start + INTERVAL / 2), None);
        assert_eq!(complaints.due(9, start + INTERVAL), Some(8));
        assert_eq!(complaints.due(10, start + INTERVAL), None);
    }
}
