//! What all processes of a server know together: who is fetching, how much was fetched lately, what came of it.
//!
//! Nothing but atomic numbers, all zero at first, so that it can lie in shared memory. It never grows, nobody waits for
//! anybody, and a process that dies leaves nothing behind that does not expire.

use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use siphasher::sip::SipHasher13;

use super::verify::Outcome;
use crate::limits;

/// Slots for hosts. Hosts that share one share its limit.
const HOSTS: usize = 1024;

/// Slots for results. A new result takes the place of an old one.
const RESULTS: usize = 1024;

/// Slots that a result may be in: so few questions of one server fall into the same that none of them is forgotten.
const SHELF: usize = 4;

/// The state that processes share.
pub struct Memory {
    /// Random, so that nobody outside can choose what falls into one slot.
    key: AtomicU64,
    /// Whether any source has ever been reached.
    reached: AtomicU64,
    /// Verifications that are going on.
    pub verifying: Slots,
    /// Deliveries that are going on.
    pub delivering: Slots,
    all: Rate,
    hosts: [Rate; HOSTS],
    results: [[AtomicU64; SHELF]; RESULTS / SHELF],
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::new()
    }
}

impl Memory {
    /// Nothing is known. All zero bytes mean the same.
    pub const fn new() -> Memory {
        Memory {
            key: AtomicU64::new(0),
            reached: AtomicU64::new(0),
            verifying: Slots([const { AtomicU64::new(0) }; _]),
            delivering: Slots([const { AtomicU64::new(0) }; _]),
            all: Rate(AtomicU64::new(0)),
            hosts: [const { Rate(AtomicU64::new(0)) }; HOSTS],
            results: [const { [const { AtomicU64::new(0) }; SHELF] }; RESULTS / SHELF],
        }
    }

    /// Whether one more page of this host may be fetched, which then counts.
    pub fn admit(&self, host: &str, per_host: u32, per_minute: u32, now: SystemTime) -> bool {
        let minute = seconds(now) / 60;
        let of_host = slot(&self.hosts, self.hash(&[b"host", host.as_bytes()]));
        of_host.is_none_or(|rate| rate.take(per_host, minute)) && self.all.take(per_minute, minute)
    }

    /// What is remembered of a question.
    pub fn recall(&self, question: &[&[u8]], now: SystemTime) -> Option<Outcome> {
        let hash = self.hash(question);
        let shelf = slot(&self.results, hash)?.iter();
        let mut entries = shelf.map(|slot| Entry(slot.load(Relaxed)));
        let is_it = |entry: &Entry| entry.tag() == tag(hash) && entry.left(seconds(now)).is_some();
        Outcome::from_code(entries.find(is_it)?.code())
    }

    /// Remembers the answer to a question for a while.
    pub fn remember(&self, question: &[&[u8]], outcome: Outcome, lasts: Duration, now: SystemTime) {
        let hash = self.hash(question);
        let now = seconds(now);
        let until = now + lasts.as_secs().min(limits::PINGBACK_RESULT_SECONDS);
        // In the place of what was known of it, of what does not hold any more, or of what holds for the shortest time.
        let left = |slot: &&AtomicU64| {
            let entry = Entry(slot.load(Relaxed));
            match entry.tag() == tag(hash) {
                true => None,
                false => Some(entry.left(now)),
            }
        };
        let shelf = slot(&self.results, hash);
        if let Some(slot) = shelf.and_then(|shelf| shelf.iter().min_by_key(left)) {
            slot.store(Entry::new(tag(hash), until, outcome.code()).0, Relaxed);
        }
    }

    /// Notes that a source has been reached: from here one gets outside.
    pub fn note_reached(&self) {
        if self.reached.load(Relaxed) == 0 {
            self.reached.store(1, Relaxed);
        }
    }

    /// Whether any source has ever been reached.
    pub fn has_reached(&self) -> bool {
        self.reached.load(Relaxed) != 0
    }

    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key(), 0x9e37_79b9_7f4a_7c15);
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        hasher.finish()
    }

    /// The key of all processes: whoever is first chooses it.
    fn key(&self) -> u64 {
        let known = self.key.load(Relaxed);
        if known != 0 {
            return known;
        }
        let mut bytes = [0; 8];
        let random = getrandom::fill(&mut bytes).map_or(1, |()| u64::from_ne_bytes(bytes).max(1));
        let chosen = self.key.compare_exchange(0, random, Relaxed, Relaxed);
        chosen.map_or_else(|theirs| theirs, |_| random)
    }
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

fn slot<T>(slots: &[T], hash: u64) -> Option<&T> {
    let count = slots.len() as u64;
    slots.get(usize::try_from(hash.checked_rem(count)?).ok()?)
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// A result: 32 bits that say of what, 28 that say until when (seconds, which begin again after eight years), 4 that say
/// which.
struct Entry(u64);

const TIME_BITS: u64 = (1 << 28) - 1;

impl Entry {
    fn new(tag: u32, until: u64, code: u8) -> Entry {
        Entry(u64::from(tag) << 32 | (until & TIME_BITS) << 4 | u64::from(code & 15))
    }

    fn tag(&self) -> u32 {
        tag(self.0)
    }

    fn code(&self) -> u8 {
        (self.0 & 15) as u8
    }

    /// Seconds that it still holds. One that seems to hold for longer than any does was made before the clock was set back.
    fn left(&self, now: u64) -> Option<u64> {
        let left = (self.0 >> 4).wrapping_sub(now) & TIME_BITS;
        (1..=limits::PINGBACK_RESULT_SECONDS)
            .contains(&left)
            .then_some(left)
    }
}

/// Occurrences in a minute: the minute above, their number below.
struct Rate(AtomicU64);

impl Rate {
    /// Whether there is room for one more in this minute, which is then taken.
    fn take(&self, most: u32, minute: u64) -> bool {
        let minute = minute & u64::from(u32::MAX);
        let taken = self.0.fetch_update(Relaxed, Relaxed, |value| {
            let count = if value >> 32 == minute {
                value & u64::from(u32::MAX)
            } else {
                0
            };
            (count < u64::from(most)).then(|| minute << 32 | (count + 1))
        });
        taken.is_ok()
    }
}

/// So many workers may wait for others at once. A slot holds the time (in milliseconds) at which it is free again by itself:
/// whoever has it is done by then or dead.
pub struct Slots([AtomicU64; limits::PINGBACK_VERIFY_AT_ONCE_MAXIMUM]);

impl Slots {
    /// A slot among the first so many, if one is free; for at most this long.
    pub fn take(&self, at_once: usize, longest: Duration, now: SystemTime) -> Option<Held<'_>> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        // Rounded up, and never 0.
        let until = milliseconds(now + longest) + 1;
        // One that is taken for longer than anybody takes one was taken before the clock was set back.
        let farthest = milliseconds(now) + 2 * limits::PINGBACK_VERIFY_TIMEOUT_MAXIMUM;
        self.0.iter().take(at_once).find_map(|slot| {
            let before = slot.load(Relaxed);
            let free = before <= milliseconds(now) || before > farthest;
            let taken = free
                && slot
                    .compare_exchange(before, until, Relaxed, Relaxed)
                    .is_ok();
            // Not `then_some`: one that is made and not returned would give back what another has.
            taken.then(|| Held { slot, until })
        })
    }
}

/// A slot that is taken; given back when this is dropped.
pub struct Held<'s> {
    slot: &'s AtomicU64,
    until: u64,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Somebody else has it by now if it has expired.
        let _ = self.slot.compare_exchange(self.until, 0, Relaxed, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    const NOON: u64 = 1_764_000_000;

    #[test]
    fn a_host_and_all_hosts_have_their_share_of_a_minute() {
        let memory = Memory::new();
        for _ in 0..3 {
            assert!(memory.admit("a.example", 3, 5, at(NOON)));
        }
        assert!(!memory.admit("a.example", 3, 5, at(NOON + 10)));
        assert!(memory.admit("b.example", 3, 5, at(NOON + 10)));
        assert!(memory.admit("c.example", 3, 5, at(NOON + 10)));
        assert!(!memory.admit("d.example", 3, 5, at(NOON + 10)));
        assert!(memory.admit("a.example", 3, 5, at(NOON + 60)));
    }

    #[test]
    fn results_are_remembered_for_their_time_and_no_longer() {
        let memory = Memory::new();
        let question: &[&[u8]] = &[b"http://a.example/1", b"http://b.example/2"];
        assert_eq!(memory.recall(question, at(NOON)), None);
        let minute = Duration::from_secs(60);
        memory.remember(question, Outcome::NoLink, minute, at(NOON));
        assert_eq!(memory.recall(question, at(NOON)), Some(Outcome::NoLink));
        assert_eq!(
            memory.recall(question, at(NOON + 59)),
            Some(Outcome::NoLink)
        );
        assert_eq!(memory.recall(question, at(NOON + 60)), None);
        assert_eq!(
            memory.recall(&[question[1], question[0]], at(NOON)),
            None,
            "the other way round is another question"
        );
        // The clock by a day, both ways.
        assert_eq!(memory.recall(question, at(NOON + 86_400)), None);
        assert_eq!(memory.recall(question, at(NOON - 86_400)), None);
        // Longer than the longest is the longest.
        memory.remember(question, Outcome::Linked, Duration::MAX, at(NOON));
        let end = NOON + limits::PINGBACK_RESULT_SECONDS;
        assert_eq!(memory.recall(question, at(end - 1)), Some(Outcome::Linked));
        assert_eq!(memory.recall(question, at(end)), None);
    }

    #[test]
    fn a_few_questions_do_not_make_each_other_forgotten() {
        for _ in 0..50 {
            let memory = Memory::new();
            let texts: Vec<String> = (0..20).map(|number| number.to_string()).collect();
            let minute = Duration::from_secs(60);
            for text in &texts {
                memory.remember(&[text.as_bytes()], Outcome::NoLink, minute, at(NOON));
            }
            let known = |text: &&String| memory.recall(&[text.as_bytes()], at(NOON)).is_some();
            assert_eq!(texts.iter().filter(known).count(), texts.len());
        }
    }

    #[test]
    fn memory_is_bounded_whatever_is_asked() {
        let memory = Memory::new();
        let lasts = Duration::from_secs(600);
        for number in 0..100_000_u32 {
            let name = number.to_string();
            memory.admit(&name, 1, u32::MAX, at(NOON));
            memory.remember(&[name.as_bytes()], Outcome::Linked, lasts, at(NOON));
        }
        let known = (0..100_000_u32)
            .filter(|number| {
                memory
                    .recall(&[number.to_string().as_bytes()], at(NOON))
                    .is_some()
            })
            .count();
        assert!(known <= RESULTS && known > RESULTS / 2, "{known}");
        assert!(size_of::<Memory>() < 32_768);
    }

    #[test]
    fn slots_are_as_many_as_they_are_and_come_back() {
        let memory = Memory::new();
        let long = Duration::from_secs(3);
        let first = memory.verifying.take(2, long, at(NOON)).unwrap();
        let second = memory.verifying.take(2, long, at(NOON)).unwrap();
        assert!(memory.verifying.take(2, long, at(NOON)).is_none());
        assert!(memory.verifying.take(3, long, at(NOON)).is_some());
        drop(first);
        let third = memory.verifying.take(2, long, at(NOON + 1)).unwrap();
        // Whoever dies with a slot has it until its time is up; what is late gives nothing back that is another's.
        std::mem::forget(third);
        assert!(memory.verifying.take(2, long, at(NOON + 3)).is_none());
        let later = memory.verifying.take(2, long, at(NOON + 5)).unwrap();
        let last = memory.verifying.take(2, long, at(NOON + 5)).unwrap();
        drop(second);
        assert!(memory.verifying.take(2, long, at(NOON + 5)).is_none());
        drop((later, last));
        // A clock that is set back by a day blocks nobody.
        std::mem::forget(memory.verifying.take(1, long, at(NOON + 86_400)));
        assert!(memory.verifying.take(1, long, at(NOON)).is_some());
    }
}
