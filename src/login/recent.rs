//! Credentials that come with every request: a login is told once, until it has been idle for some time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A login that goes on is told again when nothing was heard of it for this long.
pub const REPEAT_INTERVAL: Duration = Duration::from_secs(600);

/// How many logins are remembered. A newer one takes an older one's place where both fall on the same; then the older is told
/// again, and nothing is ever left out.
const SLOTS: usize = 1024;

/// Logins of late. Nothing but atomic numbers, so that all processes of a server can share one.
#[derive(Debug)]
pub struct Recent {
    /// The upper half of a login's number, and when it was last seen, in seconds.
    slots: [AtomicU64; SLOTS],
}

impl Default for Recent {
    fn default() -> Recent {
        Recent::new()
    }
}

impl Recent {
    /// None. All zero bytes mean the same.
    pub const fn new() -> Recent {
        Recent {
            slots: [const { AtomicU64::new(0) }; SLOTS],
        }
    }

    /// Remembers a login, by a number that is its own. Whether it is to be told: it is new, or has been idle.
    pub fn is_new(&self, login: u64, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()) & 0xffff_ffff;
        let place = usize::try_from(login % SLOTS as u64).unwrap_or(0);
        let Some(slot) = self.slots.get(place) else {
            return true;
        };
        let mine = login & !0xffff_ffff;
        let before = slot.swap(mine | now, Ordering::Relaxed);
        let (whose, seen) = (before & !0xffff_ffff, before & 0xffff_ffff);
        // A clock that was set back makes no login old.
        whose != mine || before == 0 || now.saturating_sub(seen) >= REPEAT_INTERVAL.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_told_once_until_it_has_been_idle() {
        let recent = Recent::new();
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds);
        let (one, same_slot, other) = (5 << 32, 6 << 32, (5 << 32) + 1);
        assert!(recent.is_new(one, at(0)));
        assert!(!recent.is_new(one, at(0)));
        assert!(!recent.is_new(one, at(599)), "it goes on");
        assert!(!recent.is_new(one, at(1198)), "and on");
        assert!(recent.is_new(one, at(1798)), "it was idle");
        assert!(recent.is_new(other, at(1798)));
        assert!(recent.is_new(same_slot, at(1798)));
        assert!(recent.is_new(one, at(1798)), "rather twice than never");
        assert!(!recent.is_new(one, at(0)), "a clock that goes back");
        assert!(recent.is_new(0, at(0)), "a number like any other");
    }
}
