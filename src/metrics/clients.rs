//! The clients that come most often, in bounded memory.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use super::cells::spread;
use crate::limits;

/// Clients of one bucket: as many keys as a line of memory has.
const WAYS: usize = 8;
const BUCKETS: usize = limits::METRICS_CLIENTS / WAYS;
const SECONDS_OF_A_DAY: u64 = 86_400;

/// How often clients came, yesterday and today (UTC), by address; of IPv6 by network of 64 bits, which one client has for
/// itself as a rule.
///
/// The algorithm is "space-saving" (Metwally and others, 2005), in buckets so that one look at a line of memory is enough: who
/// is new in a full bucket takes the place of who came least often, with that one's count as the error. So a frequent
/// client is never lost among many rare ones; what is told is a lower bound, exact for those who were never displaced.
#[derive(Debug)]
pub(super) struct Clients {
    days: [Day; 2],
}

#[derive(Debug)]
struct Day {
    /// The day's number from 1970.
    number: AtomicU64,
    buckets: [Bucket; BUCKETS],
}

#[derive(Debug)]
#[repr(align(64))]
struct Bucket {
    keys: [AtomicU64; WAYS],
    counts: [AtomicU64; WAYS],
    errors: [AtomicU64; WAYS],
}

impl Clients {
    pub(super) const fn new() -> Clients {
        Clients {
            days: [const { Day::new() }; 2],
        }
    }

    /// Counts a client. `now` is in seconds since 1970.
    pub(super) fn add(&self, client: IpAddr, now: u64) {
        let number = now / SECONDS_OF_A_DAY;
        let Some(day) = self.days.get((number & 1) as usize) else {
            return;
        };
        day.begin(number);
        let key = key(client);
        if let Some(bucket) = day.buckets.get((spread(key) >> 32) as usize % BUCKETS) {
            bucket.add(key);
        }
    }

    /// Who came how often since the midnight before the last, most often first: at least that often.
    pub(super) fn ranking(&self, now: u64) -> Vec<(String, u64)> {
        let today = now / SECONDS_OF_A_DAY;
        let mut counts = std::collections::BTreeMap::<u64, u64>::new();
        for day in &self.days {
            let number = day.number.load(Ordering::Relaxed);
            if today.checked_sub(number).is_none_or(|age| age > 1) {
                continue;
            }
            for (key, count) in day.buckets.iter().flat_map(Bucket::iter) {
                let sum = counts.entry(key).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        let mut ranking: Vec<(u64, u64)> = counts.into_iter().collect();
        ranking.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        ranking
            .into_iter()
            .map(|(key, count)| (shown(key), count))
            .collect()
    }
}

impl Day {
    const fn new() -> Day {
        Day {
            number: AtomicU64::new(0),
            buckets: [const { Bucket::new() }; BUCKETS],
        }
    }

    /// Whoever comes first on a new day forgets the one before the last. Who comes in this very moment may be forgotten, too.
    fn begin(&self, number: u64) {
        let old = self.number.load(Ordering::Relaxed);
        let (order, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        let first = || {
            self.number
                .compare_exchange(old, number, order, failure)
                .is_ok()
        };
        if old != number && first() && old != 0 {
            for bucket in &self.buckets {
                bucket.clear();
            }
        }
    }
}

impl Bucket {
    const fn new() -> Bucket {
        Bucket {
            keys: [const { AtomicU64::new(0) }; WAYS],
            counts: [const { AtomicU64::new(0) }; WAYS],
            errors: [const { AtomicU64::new(0) }; WAYS],
        }
    }

    fn clear(&self) {
        for cell in self.keys.iter().chain(&self.counts).chain(&self.errors) {
            cell.store(0, Ordering::Relaxed);
        }
    }

    fn add(&self, key: u64) {
        let relaxed = Ordering::Relaxed;
        let (mut least, mut least_count) = (0, u64::MAX);
        for (at, (cell, count)) in self.keys.iter().zip(&self.counts).enumerate() {
            let mut known = cell.load(relaxed);
            if known == 0 {
                let taken = cell.compare_exchange(0, key, relaxed, relaxed);
                known = taken.map_or_else(|other| other, |_| key);
            }
            if known == key {
                count.fetch_add(1, relaxed);
                return;
            }
            let count = count.load(relaxed);
            if count < least_count {
                (least, least_count) = (at, count);
            }
        }
        let displaced = (
            self.keys.get(least),
            self.counts.get(least),
            self.errors.get(least),
        );
        if let (Some(cell), Some(count), Some(error)) = displaced {
            cell.store(key, relaxed);
            error.store(count.fetch_add(1, relaxed), relaxed);
        }
    }

    fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        let cells = self.keys.iter().zip(self.counts.iter().zip(&self.errors));
        cells.filter_map(|(key, (count, error))| {
            let key = key.load(Ordering::Relaxed);
            let sure = count
                .load(Ordering::Relaxed)
                .checked_sub(error.load(Ordering::Relaxed))?;
            (key != 0 && sure > 0).then_some((key, sure))
        })
    }
}

/// IPv4 addresses are under a prefix that no unicast address has (`ff00::/8` is multicast).
const IPV4: u64 = 0xffff_ffff_0000_0000;
/// The network of `::1`, whose bits are those of an empty cell.
const ZERO: u64 = 0xffff_fffe_0000_0000;

fn key(client: IpAddr) -> u64 {
    match client.to_canonical() {
        IpAddr::V4(address) => IPV4 | u64::from(address.to_bits()),
        IpAddr::V6(address) => match (address.to_bits() >> 64) as u64 {
            0 => ZERO,
            network => network,
        },
    }
}

fn shown(key: u64) -> String {
    match key {
        IPV4.. => Ipv4Addr::from_bits((key & !IPV4) as u32).to_string(),
        ZERO => "::/64".to_owned(),
        network => format!("{}/64", Ipv6Addr::from_bits(u128::from(network) << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 20_000 * SECONDS_OF_A_DAY + 43_200;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_come_back() {
        for (client, text) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("0.0.0.0", "0.0.0.0"),
            ("255.255.255.255", "255.255.255.255"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("::1", "::/64"),
            ("fe80::1", "fe80::/64"),
        ] {
            assert_eq!(shown(key(address(client))), text, "{client}");
        }
    }

    #[test]
    fn a_frequent_client_stands_out_of_a_crowd() {
        let clients = Clients::new();
        let frequent = address("2001:db8::7");
        for number in 0..100_000_u32 {
            clients.add(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number)), NOON);
            if number % 100 == 0 {
                clients.add(frequent, NOON);
            }
        }
        let ranking = clients.ranking(NOON);
        assert!(ranking.len() <= limits::METRICS_CLIENTS);
        let (first, count) = &ranking[0];
        assert_eq!(first, "2001:db8::/64");
        assert!((900..=1_000).contains(count), "{count} of 1,000");
        assert!(
            ranking[1].1 < 10,
            "nobody is blamed for others: {:?}",
            ranking[1]
        );
    }

    #[test]
    fn few_clients_are_counted_exactly_and_forgotten_after_two_days() {
        let clients = Clients::new();
        for (client, times) in [("192.0.2.1", 3), ("192.0.2.2", 5)] {
            for _ in 0..times {
                clients.add(address(client), NOON);
            }
        }
        let shown = |now| clients.ranking(now);
        let expected = [("192.0.2.2".to_owned(), 5), ("192.0.2.1".to_owned(), 3)];
        assert_eq!(shown(NOON), expected);
        assert_eq!(shown(NOON + SECONDS_OF_A_DAY), expected);
        clients.add(address("192.0.2.1"), NOON + SECONDS_OF_A_DAY);
        assert_eq!(shown(NOON + SECONDS_OF_A_DAY)[1].1, 4);
        assert_eq!(
            shown(NOON + 2 * SECONDS_OF_A_DAY),
            [("192.0.2.1".to_owned(), 1)]
        );
        clients.add(address("192.0.2.9"), NOON + 2 * SECONDS_OF_A_DAY);
        assert_eq!(shown(NOON + 2 * SECONDS_OF_A_DAY).len(), 2);
        assert_eq!(shown(NOON + 9 * SECONDS_OF_A_DAY), []);
        assert_eq!(shown(0), [], "the clock is wrong");
    }

    #[test]
    fn a_crowd_of_threads_agrees() {
        let clients = Clients::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for number in 0..10_000_u32 {
                        let address = Ipv4Addr::from_bits(number % 50);
                        clients.add(IpAddr::V4(address), NOON);
                    }
                });
            }
        });
        let ranking = clients.ranking(NOON);
        assert_eq!(ranking.len(), 50);
        assert!(ranking.iter().all(|(_, count)| *count == 1_600));
    }
}
