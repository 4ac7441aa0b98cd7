//! What a process remembers of the clients that it has asked the collections about.

use std::sync::{Mutex, PoisonError};

use crate::limits;

/// A table of fixed size: whoever comes takes the place of whoever was there.
#[derive(Debug)]
pub struct Memory {
    slots: Vec<Mutex<Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    network: Box<str>,
    edition: u32,
    asked: i64,
    until: Option<i64>,
}

impl Default for Memory {
    fn default() -> Self {
        Memory {
            slots: std::iter::repeat_with(Mutex::default)
                .take(limits::BAN_CLIENTS_REMEMBERED)
                .collect(),
        }
    }
}

impl Memory {
    /// When the ban of a client ends: as remembered, or as `ask` says, where that is too old, of another edition, or forgotten.
    pub fn ask(
        &self,
        network: &str,
        edition: u32,
        now: i64,
        ask: impl FnOnce() -> Option<i64>,
    ) -> Option<i64> {
        let alive = |until: Option<i64>| until.filter(|until| now < *until);
        let Some(slot) = self.slots.get(self.place(network)) else {
            return alive(ask());
        };
        {
            let slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let is_fresh = slot.edition == edition
                && (0..limits::BAN_MEMORY).contains(&now.saturating_sub(slot.asked));
            if is_fresh && *slot.network == *network {
                return alive(slot.until);
            }
        }
        // Nobody waits for this one's answer.
        let until = ask();
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Slot {
            network: network.into(),
            edition,
            asked: now,
            until,
        };
        alive(until)
    }

    fn place(&self, network: &str) -> usize {
        let hash = network.bytes().fold(5381_usize, |hash, byte| {
            hash.wrapping_mul(33) ^ usize::from(byte)
        });
        hash % self.slots.len().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collections_are_asked_when_they_may_say_something_else() {
        let memory = Memory::default();
        let asked = std::cell::Cell::new(0);
        let ask = |network, edition, now, until| {
            memory.ask(network, edition, now, || {
                asked.set(asked.get() + 1);
                until
            })
        };
        assert_eq!(ask("192.0.2.1", 0, 1000, None), None);
        assert_eq!(
            ask("192.0.2.1", 0, 1000 + limits::BAN_MEMORY - 1, Some(9999)),
            None
        );
        assert_eq!(asked.get(), 1, "remembered");
        assert_eq!(
            ask("192.0.2.1", 1, 1001, Some(1010)),
            Some(1010),
            "another edition"
        );
        assert_eq!(ask("192.0.2.1", 1, 1002, None), Some(1010), "remembered");
        assert_eq!(asked.get(), 2);
        assert_eq!(
            ask("192.0.2.1", 1, 1001 + limits::BAN_MEMORY, None),
            None,
            "too old"
        );
        assert_eq!(
            ask("192.0.2.1", 1, 500, Some(600)),
            Some(600),
            "a clock that was set back"
        );
        assert_eq!(asked.get(), 4);
    }

    #[test]
    fn a_ban_that_is_over_is_over() {
        let memory = Memory::default();
        assert_eq!(memory.ask("192.0.2.1", 0, 1000, || Some(1001)), Some(1001));
        assert_eq!(memory.ask("192.0.2.1", 0, 1001, || Some(1001)), None);
    }

    #[test]
    fn clients_that_share_a_place_are_told_apart() {
        let memory = Memory::default();
        for host in 0..=255u8 {
            for net in 0..=255u8 {
                let network = format!("10.0.{net}.{host}");
                let until = Some(2000 + i64::from(host));
                assert_eq!(memory.ask(&network, 0, 1000, || until), until);
            }
        }
    }
}
