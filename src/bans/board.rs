//! What the processes of one machine tell each other about bans: numbers in memory that all of them share.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::limits;

/// How many clients share a place on the board. A ban makes every process ask the collections again about all who share its
/// place: a thousandth of the clients.
const PLACES: usize = 1024;

/// Nothing but atomic numbers, so that it can be in shared memory; all zero at first.
#[derive(Debug)]
pub struct Board {
    editions: [AtomicU32; PLACES],
    /// Who was written to the error log last, and when: the upper half of a client's hash, and a second.
    told: [AtomicU64; PLACES],
    /// The hash of what was complained about last.
    complaint: AtomicU64,
}

impl Default for Board {
    fn default() -> Self {
        Board::new()
    }
}

impl Board {
    /// Nobody banned, nothing told. All zero bytes mean the same.
    pub const fn new() -> Board {
        Board {
            editions: [const { AtomicU32::new(0) }; PLACES],
            told: [const { AtomicU64::new(0) }; PLACES],
            complaint: AtomicU64::new(0),
        }
    }

    /// A number that changes when a client is banned on this machine.
    pub fn edition(&self, network: &str) -> u32 {
        let (place, _) = place(network);
        self.editions
            .get(place)
            .map_or(0, |edition| edition.load(Ordering::Acquire))
    }

    /// A client has been banned: the collections have it.
    pub fn announce(&self, network: &str) {
        let (place, _) = place(network);
        if let Some(edition) = self.editions.get(place) {
            edition.fetch_add(1, Ordering::Release);
        }
    }

    /// Whether these complaints are not those that were told last, by any process. Whoever is told so has to tell them.
    pub fn is_new_complaint(&self, complaints: &[String]) -> bool {
        let hash = hash(complaints.concat().bytes());
        self.complaint.swap(hash, Ordering::Relaxed) != hash
    }

    /// Whether it is time for a line about this client: at most one every [`limits::BAN_LINE_INTERVAL`] seconds, from all processes
    /// together. `now` is in seconds since 1970. Whoever is told so has to write it.
    pub fn is_news(&self, network: &str, now: i64) -> bool {
        let (place, hash) = place(network);
        let Some(slot) = self.told.get(place) else {
            return true;
        };
        let now = u64::try_from(now).unwrap_or(0) & SECONDS;
        let last = slot.load(Ordering::Relaxed);
        let waited = now.abs_diff(last & SECONDS);
        if last & !SECONDS == hash & !SECONDS && waited < limits::BAN_LINE_INTERVAL {
            return false;
        }
        slot.compare_exchange(
            last,
            hash & !SECONDS | now,
            Ordering::Relaxed,
            Ordering::Relaxed,
        )
        .is_ok()
    }
}

/// The half of a slot that holds a time.
const SECONDS: u64 = u32::MAX as u64;

/// A client's place, and its hash. Who shares a place is nobody's secret: the worst of it is a line or a question more.
fn place(network: &str) -> (usize, u64) {
    let hash = hash(network.bytes());
    (usize::try_from(hash % PLACES as u64).unwrap_or(0), hash)
}

/// FNV-1a, its halves mixed.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^ hash >> 32 ^ hash << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_is_news_to_everybody_and_a_line_is_written_once_a_minute() {
        let board = Board::new();
        let before = board.edition("198.51.100.7");
        board.announce("198.51.100.7");
        assert_ne!(board.edition("198.51.100.7"), before);

        let interval = i64::try_from(limits::BAN_LINE_INTERVAL).unwrap();
        assert!(board.is_news("198.51.100.7", 1000));
        assert!(!board.is_news("198.51.100.7", 1000));
        assert!(!board.is_news("198.51.100.7", 1000 + interval - 1));
        assert!(board.is_news("198.51.100.7", 1000 + interval));
        // A clock that is set back far silences nobody.
        assert!(board.is_news("198.51.100.7", 5));
    }

    #[test]
    fn clients_that_share_a_place_do_not_hide_each_other() {
        let board = Board::new();
        let (mine, _) = place("198.51.100.7");
        let other = (0..100_000u32)
            .map(|number| format!("2001:db8:{:x}:{:x}::/64", number >> 16, number & 0xffff))
            .find(|network| place(network).0 == mine)
            .unwrap();
        assert!(board.is_news("198.51.100.7", 1000));
        assert!(board.is_news(&other, 1000));
    }

    #[test]
    fn clients_spread_over_the_board() {
        let mut used = vec![0u32; PLACES];
        for host in 0..=255u8 {
            for net in 0..16u8 {
                used[place(&format!("198.51.{net}.{host}")).0] += 1;
            }
        }
        assert!(
            used.iter().all(|count| *count < 30),
            "{:?}",
            used.iter().max()
        );
    }
}
