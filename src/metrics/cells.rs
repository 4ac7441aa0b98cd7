//! Numbers that any process may change at any time: atomic cells, no locks. All zero bytes mean "nothing counted".

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Zero.
    pub const fn new() -> Counter {
        Counter(AtomicU64::new(0))
    }

    /// Adds to it.
    pub fn add(&self, amount: u64) {
        if amount > 0 {
            self.0.fetch_add(amount, Ordering::Relaxed);
        }
    }

    /// What was added so far.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number for each of the last `N` spans of time (minutes, quarters of an hour), numbered from 1970.
///
/// A cell holds the low 24 bits of its span's number above 40 bits of amount, so that both change at once: whoever comes first
/// in a new span begins anew, and nobody's amount is lost. A span's number comes again after 31 years at the earliest.
#[derive(Debug)]
pub(super) struct Ring<const N: usize>([AtomicU64; N]);

/// Bits of a cell that hold the amount: microseconds of 12 days.
const AMOUNT_BITS: u32 = 40;
const AMOUNT_MASK: u64 = (1 << AMOUNT_BITS) - 1;

impl<const N: usize> Ring<N> {
    pub(super) const fn new() -> Ring<N> {
        Ring([const { AtomicU64::new(0) }; N])
    }

    fn cell(&self, span: u64) -> Option<&AtomicU64> {
        let at = span.checked_rem(N as u64)?;
        self.0.get(usize::try_from(at).ok()?)
    }

    /// Adds to a span, which is the present one or one just past.
    pub(super) fn add(&self, span: u64, amount: u64) {
        let Some(cell) = self.cell(span) else { return };
        let tag = span << AMOUNT_BITS;
        let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| {
            let before = match old & !AMOUNT_MASK == tag {
                true => old & AMOUNT_MASK,
                false => 0,
            };
            Some(tag | before.saturating_add(amount).min(AMOUNT_MASK))
        });
    }

    /// What was added in a span; 0 where that is too long ago.
    pub(super) fn amount(&self, span: u64) -> u64 {
        let cell = self
            .cell(span)
            .map_or(0, |cell| cell.load(Ordering::Relaxed));
        match cell & !AMOUNT_MASK == span << AMOUNT_BITS {
            true => cell & AMOUNT_MASK,
            false => 0,
        }
    }
}

/// Counters for keys that are not known before, in room for `SLOTS` keys: `COLUMNS` counters each. Keys that find no room are
/// counted together. A key is never given up.
#[derive(Debug)]
pub(super) struct Table<const SLOTS: usize, const COLUMNS: usize> {
    keys: [AtomicU64; SLOTS],
    counters: [[Counter; COLUMNS]; SLOTS],
    others: [Counter; COLUMNS],
}

/// How many places are tried for a key. A table that is three quarters full rarely needs ten.
const PROBES: usize = 32;

impl<const SLOTS: usize, const COLUMNS: usize> Table<SLOTS, COLUMNS> {
    pub(super) const fn new() -> Self {
        Table {
            keys: [const { AtomicU64::new(0) }; SLOTS],
            counters: [const { [const { Counter::new() }; COLUMNS] }; SLOTS],
            others: [const { Counter::new() }; COLUMNS],
        }
    }

    /// Where a key has its place; `None` where there is no room for it. 0 is no key.
    fn place(&self, key: u64) -> Option<usize> {
        let first = usize::try_from(spread(key)).unwrap_or(0);
        if key == 0 {
            return None;
        }
        (0..PROBES.min(SLOTS)).find_map(|step| {
            let at = first.wrapping_add(step).checked_rem(SLOTS)?;
            let cell = self.keys.get(at)?;
            let mut known = cell.load(Ordering::Relaxed);
            if known == 0 {
                let taken = cell.compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed);
                known = taken.map_or_else(|other| other, |_| key);
            }
            (known == key).then_some(at)
        })
    }

    /// A key's counters, and its place where it has one.
    pub(super) fn counters(&self, key: u64) -> (&[Counter; COLUMNS], Option<usize>) {
        let place = self.place(key);
        let own = place.and_then(|at| self.counters.get(at));
        (own.unwrap_or(&self.others), place)
    }

    /// All keys with their places and counters.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, u64, &[Counter; COLUMNS])> {
        let keys = self.keys.iter().map(|key| key.load(Ordering::Relaxed));
        let rows = keys.zip(&self.counters).enumerate();
        rows.filter(|(_, (key, _))| *key != 0)
            .map(|(place, (key, counters))| (place, key, counters))
    }

    /// What was counted for keys that found no room.
    pub(super) fn others(&self) -> &[Counter; COLUMNS] {
        &self.others
    }
}

/// Spreads keys that lie close together over all bits.
pub(super) fn spread(key: u64) -> u64 {
    let mixed = (key ^ (key >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// Counters for names that are not known before. A name is cut at [`LABEL_LENGTH`] bytes.
#[derive(Debug)]
pub(super) struct Labelled<const SLOTS: usize, const COLUMNS: usize> {
    table: Table<SLOTS, COLUMNS>,
    names: [[AtomicU64; LABEL_WORDS]; SLOTS],
}

/// Longest name of a counter in bytes: what an administrator may call an application.
pub const LABEL_LENGTH: usize = LABEL_WORDS * 8;
const LABEL_WORDS: usize = 4;

impl<const SLOTS: usize, const COLUMNS: usize> Labelled<SLOTS, COLUMNS> {
    pub(super) const fn new() -> Self {
        Labelled {
            table: Table::new(),
            names: [const { [const { AtomicU64::new(0) }; LABEL_WORDS] }; SLOTS],
        }
    }

    /// A name's counters.
    pub(super) fn counters(&self, name: &str) -> &[Counter; COLUMNS] {
        let mut bytes = [0; LABEL_LENGTH];
        let cut = name.floor_char_boundary(LABEL_LENGTH);
        bytes
            .iter_mut()
            .zip(name.as_bytes().iter().take(cut))
            .for_each(|(to, from)| *to = *from);
        let (words, _) = bytes.as_chunks::<8>();
        let key = words.iter().fold(1, |key: u64, word| {
            spread(key.rotate_left(17) ^ u64::from_le_bytes(*word))
        });
        let (counters, place) = self.table.counters(key.max(1));
        // Everybody writes the same, so that it is whole whoever dies; the first word comes last.
        if let Some(cells) = place.and_then(|at| self.names.get(at))
            && cells
                .first()
                .is_some_and(|cell| cell.load(Ordering::Relaxed) == 0)
        {
            for (cell, word) in cells.iter().zip(words).rev() {
                cell.store(u64::from_le_bytes(*word), Ordering::Release);
            }
        }
        counters
    }

    /// All names with their counters.
    pub(super) fn iter(&self) -> impl Iterator<Item = (String, &[Counter; COLUMNS])> {
        self.table.iter().filter_map(|(place, _, counters)| {
            let cells = self.names.get(place)?;
            let words = cells.iter().map(|cell| cell.load(Ordering::Acquire));
            let bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
            let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
            let name = String::from_utf8_lossy(name).into_owned();
            (!name.is_empty()).then_some((name, counters))
        })
    }

    /// What was counted for names that found no room.
    pub(super) fn others(&self) -> &[Counter; COLUMNS] {
        self.table.others()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_begins_anew_where_its_spans_end() {
        let ring: Ring<60> = Ring::new();
        ring.add(29_000_000, 5);
        ring.add(29_000_000, 2);
        ring.add(29_000_059, 1);
        assert_eq!(ring.amount(29_000_000), 7);
        assert_eq!(ring.amount(29_000_060), 0, "not yet");
        ring.add(29_000_060, 3);
        assert_eq!(ring.amount(29_000_060), 3);
        assert_eq!(ring.amount(29_000_000), 0, "gone");
        assert_eq!(ring.amount(29_000_059), 1);
        // A clock that is set back begins anew, and one that is set forth again, too.
        ring.add(28_999_940, 4);
        assert_eq!(ring.amount(28_999_940), 4);
        ring.add(29_000_060, 6);
        assert_eq!(ring.amount(29_000_060), 6);
        ring.add(29_000_060, u64::MAX);
        assert_eq!(ring.amount(29_000_060), AMOUNT_MASK, "full, not over");
    }

    #[test]
    fn a_ring_loses_nothing_in_a_crowd() {
        let ring: Ring<60> = Ring::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for number in 0..10_000_u64 {
                        ring.add(1_000 + number / 1_000, 1);
                    }
                });
            }
        });
        let sums: Vec<u64> = (1_000..1_010).map(|span| ring.amount(span)).collect();
        assert_eq!(sums, [8_000; 10]);
    }

    #[test]
    fn a_full_table_counts_the_rest_together() {
        let table: Table<64, 1> = Table::new();
        for key in 0..1_000 {
            table.counters(key).0[0].add(1);
            table.counters(key).0[0].add(1);
        }
        let kept: Vec<u64> = table
            .iter()
            .map(|(.., counters)| counters[0].total())
            .collect();
        assert!(kept.len() <= 64 && kept.len() > 32, "{}", kept.len());
        assert!(kept.iter().all(|count| *count == 2));
        let others = table.others()[0].total();
        assert_eq!(others, 2 * (1_000 - kept.len() as u64));
    }

    #[test]
    fn a_crowd_takes_one_place_for_one_key() {
        let table: Table<4096, 2> = Table::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for key in 0..2_000 {
                        table.counters(911_000 + key).0[1].add(1);
                    }
                });
            }
        });
        assert_eq!(table.iter().count(), 2_000);
        assert!(table.iter().all(|(.., counters)| counters[1].total() == 8));
    }

    #[test]
    fn names_come_back_whole_and_cut_at_their_limit() {
        let names: Labelled<8, 1> = Labelled::new();
        let long = "ü".repeat(20);
        for name in ["wordpress", "w", &long, "wordpress"] {
            names.counters(name)[0].add(1);
        }
        let mut found: Vec<(String, u64)> = names
            .iter()
            .map(|(name, counters)| (name, counters[0].total()))
            .collect();
        found.sort();
        let cut = "ü".repeat(16);
        assert_eq!(
            found,
            [("w".to_owned(), 1), ("wordpress".to_owned(), 2), (cut, 1)]
        );
    }
}
