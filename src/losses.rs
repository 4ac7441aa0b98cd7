//! What was lost or could not be done: counted to the last one, told at a bounded rate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Losses are told at most this often: a full disk must not be filled further with complaints.
pub const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// Whose records are lost, in a [`complaint`]: the audit log's.
pub const AUDIT_LOG: &str = "Audit log";

/// The same: lines about logins.
pub const LOGIN_AUDIT: &str = "Login audit";

/// How many records were lost, or operations failed, and how many of them the administrator knows of.
///
/// Nothing but atomic numbers, so that all processes of a server can share one in shared memory: then the count is the
/// server's, and so is the rate of complaints.
#[derive(Debug, Default)]
pub struct Losses {
    lost: AtomicU64,
    told: AtomicU64,
    told_at: AtomicU64,
}

impl Losses {
    /// None lost. All zero bytes mean the same.
    pub const fn new() -> Losses {
        Losses {
            lost: AtomicU64::new(0),
            told: AtomicU64::new(0),
            told_at: AtomicU64::new(0),
        }
    }

    /// Counts records that a log does not have.
    pub fn count(&self, records: u64) {
        self.lost.fetch_add(records, Ordering::Relaxed);
    }

    /// All that were lost since the server started.
    pub fn total(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// How many were lost since the last complaint, if it is time for another: at most once every [`COMPLAINT_INTERVAL`],
    /// and never when none were lost. Whoever gets the number has to tell it.
    pub fn complaint(&self, now: SystemTime) -> Option<u64> {
        if self.total() == self.told.load(Ordering::Relaxed) {
            return None;
        }
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let last = self.told_at.load(Ordering::Relaxed);
        // A clock that was set back does not silence the complaints.
        let waited = now.checked_sub(last);
        if last != 0 && waited.is_some_and(|waited| waited < COMPLAINT_INTERVAL.as_secs()) {
            return None;
        }
        let won = self
            .told_at
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed);
        won.ok().and_then(|_| self.untold())
    }

    /// How many nobody was told of so far, whatever the time: for the end of a process.
    pub fn untold(&self) -> Option<u64> {
        let total = self.total();
        let before = self.told.fetch_max(total, Ordering::Relaxed);
        total.checked_sub(before).filter(|lost| *lost > 0)
    }
}

/// The complaint as the error log has it. `log` is whose records are lost, `state` what is known of it now.
pub fn complaint(log: &str, lost: u64, total: u64, state: &str) -> String {
    format!("ModSecurity: {log}: {lost} records lost ({total} since the start): {state}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1000 + seconds)
    }

    #[test]
    fn complaints_are_few_and_exact() {
        let losses = Losses::new();
        assert_eq!(losses.complaint(at(0)), None, "nothing lost yet");
        losses.count(3);
        assert_eq!(losses.complaint(at(0)), Some(3));
        losses.count(1);
        assert_eq!(losses.complaint(at(59)), None, "too soon");
        losses.count(1);
        assert_eq!(losses.complaint(at(60)), Some(2));
        assert_eq!(losses.complaint(at(600)), None, "all told");
        assert_eq!(losses.total(), 5);
        losses.count(7);
        assert_eq!(
            losses.untold(),
            Some(7),
            "the end of a process does not wait"
        );
        assert_eq!(losses.untold(), None);
    }

    #[test]
    fn a_clock_that_goes_back_silences_nobody() {
        let losses = Losses::new();
        losses.count(1);
        assert_eq!(losses.complaint(at(1_000_000)), Some(1));
        losses.count(1);
        assert_eq!(losses.complaint(at(0)), Some(1));
    }

    #[test]
    fn of_many_who_complain_the_sum_is_right() {
        let losses = Losses::new();
        let told = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for second in 0..1000 {
                        losses.count(1);
                        let number = losses.complaint(at(second * 60)).unwrap_or(0);
                        told.fetch_add(number, Ordering::Relaxed);
                    }
                });
            }
        });
        let rest = losses.untold().unwrap_or(0);
        assert_eq!(told.load(Ordering::Relaxed) + rest, 8000);
        assert_eq!(losses.total(), 8000);
    }
}
