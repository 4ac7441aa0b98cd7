//! A page: the records whose keys have one hash, those that were updated last at the end.
//!
//! ```text
//! u32 CRC-32 of the page's number and all that follows | u16 bytes in use | u16 0 | records | zeros
//! ```
//!
//! Pages stand alone: no page refers to another, so one that is damaged takes nothing with it. The checksum is over the
//! whole page, so that any damage of up to four bytes in a row is certain to be found, and larger damage but for once in
//! four thousand million. A page in a hole of the file is all zeros, and empty.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::super::{Id, Record};
use super::codec::{self, Outline};

/// Bytes of a page. As large as the system's pages: a process that is killed has written one or has not.
pub(super) const PAGE: usize = 4096;

const HEADER: usize = 8;

/// Most bytes of records in a page.
pub(super) const CAPACITY: usize = PAGE - HEADER;

/// A page in memory.
pub(super) struct Page([u8; PAGE]);

impl Page {
    pub(super) fn empty() -> Page {
        Page([0; PAGE])
    }

    /// Reads a page. What lies beyond the end of the file is zeros.
    pub(super) fn read(file: &File, number: u64) -> io::Result<Page> {
        let mut page = Page::empty();
        let mut filled = 0;
        let start = number.saturating_mul(PAGE as u64);
        while let Some(rest) = page.0.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, start + filled as u64) {
                Ok(0) => break,
                Ok(length) => filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(page)
    }

    /// Writes the page, with its checksum.
    pub(super) fn write(&mut self, file: &File, number: u64) -> io::Result<()> {
        let sum = self.checksum(number).to_le_bytes();
        for (byte, sum) in self.0.iter_mut().zip(sum) {
            *byte = sum;
        }
        file.write_all_at(&self.0, number.saturating_mul(PAGE as u64))
    }

    /// Whether the page is what was written as the page of that number, or a hole.
    pub(super) fn is_sound(&self, number: u64) -> bool {
        let sum = self.0.first_chunk().copied().map(u32::from_le_bytes);
        sum == Some(self.checksum(number)) || self.0.iter().all(|&byte| byte == 0)
    }

    fn checksum(&self, number: u64) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&number.to_le_bytes());
        hasher.update(self.0.get(4..).unwrap_or_default());
        hasher.finalize()
    }

    fn used(&self) -> &[u8] {
        let length = match self.0 {
            [_, _, _, _, low, high, ..] => usize::from(u16::from_le_bytes([low, high])),
        };
        self.0.get(HEADER..HEADER + length).unwrap_or_default()
    }

    /// The bytes of each record.
    pub(super) fn records(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.used();
        std::iter::from_fn(move || {
            let length = rest.first_chunk().copied().map(u16::from_le_bytes)?;
            let (record, behind) = rest.split_at_checked(usize::from(length).max(2))?;
            rest = behind;
            Some(record)
        })
    }

    /// The record of an id, expired or not.
    pub(super) fn find(&self, id: &Id) -> Option<Record> {
        let bytes = self
            .records()
            .find(|bytes| Outline::of(bytes).is_some_and(|outline| outline.is(id)))?;
        codec::decode(bytes).map(|(_, record)| record)
    }

    /// Puts a record in place of the one of its id. What has expired goes, and then the oldest until there is room;
    /// returns how many went before their time. `None` when the record is too long for any page.
    pub(super) fn put(&mut self, id: &Id, record: &Record, now: i64) -> Option<u64> {
        let new = codec::encode(id, record).filter(|bytes| bytes.len() <= CAPACITY)?;
        let kept = self.records().filter(|bytes| {
            Outline::of(bytes).is_some_and(|outline| !outline.is(id) && outline.is_alive(now))
        });
        let mut kept: Vec<&[u8]> = kept.collect();
        let mut room = CAPACITY.saturating_sub(new.len());
        let mut fits = 0;
        for bytes in kept.iter().rev() {
            let Some(left) = room.checked_sub(bytes.len()) else {
                break;
            };
            (room, fits) = (left, fits + 1);
        }
        let evicted = kept.len() - fits;
        kept.drain(..evicted);
        kept.push(&new);
        *self = Page::of(&kept);
        Some(evicted as u64)
    }

    /// Takes out the record of an id; whether there was one.
    pub(super) fn remove(&mut self, id: &Id) -> bool {
        let kept: Vec<&[u8]> = self
            .records()
            .filter(|bytes| Outline::of(bytes).is_none_or(|outline| !outline.is(id)))
            .collect();
        let found = kept.len() < self.records().count();
        *self = Page::of(&kept);
        found
    }

    /// A page of these records, which fit.
    fn of(records: &[&[u8]]) -> Page {
        let mut page = Page::empty();
        let mut used = 0;
        for bytes in records {
            let end = used + bytes.len();
            if let Some(place) = page.0.get_mut(HEADER + used..HEADER + end) {
                place.copy_from_slice(bytes);
                used = end;
            }
        }
        if let (Some(place), Ok(used)) = (page.0.get_mut(4..6), u16::try_from(used)) {
            place.copy_from_slice(&used.to_le_bytes());
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Id {
        Id {
            name: "ip".into(),
            key: number.to_string().into_bytes(),
        }
    }

    fn record(length: usize, updated: i64, expires: i64) -> Record {
        Record {
            values: vec![(b"x".to_vec(), vec![b'v'; length])],
            updated,
            expires,
            ..Record::default()
        }
    }

    #[test]
    fn the_oldest_make_room_and_the_expired_first() {
        let mut page = Page::empty();
        // Each of them a fifth of a page.
        let length = CAPACITY / 5 - 24 - 3 - 6;
        assert_eq!(page.put(&id(0), &record(length, 0, 50), 0), Some(0));
        for number in 1..5 {
            assert_eq!(page.put(&id(number), &record(length, 1, 900), 1), Some(0));
        }
        assert_eq!(page.records().count(), 5);
        assert_eq!(page.put(&id(5), &record(length, 60, 900), 60), Some(0));
        assert_eq!(page.find(&id(0)), None, "it had expired");
        assert_eq!(page.put(&id(1), &record(length, 61, 900), 61), Some(0));
        assert_eq!(page.put(&id(6), &record(length, 62, 900), 62), Some(1));
        assert_eq!(page.find(&id(2)), None, "the oldest");
        assert!(page.find(&id(1)).is_some(), "updated again");
        assert!(page.remove(&id(1)) && !page.remove(&id(1)));
    }

    #[test]
    fn a_record_as_long_as_a_page_fits_and_no_longer_one() {
        let mut page = Page::empty();
        let most = CAPACITY - 24 - 3 - 6;
        assert_eq!(page.put(&id(1), &record(most + 1, 0, 9), 0), None);
        assert_eq!(page.put(&id(1), &record(most, 0, 9), 0), Some(0));
        assert_eq!(page.find(&id(1)), Some(record(most, 0, 9)));
    }

    #[test]
    fn any_changed_byte_is_found() {
        let path = std::env::temp_dir().join(format!("palisade-page-{}", std::process::id()));
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        let mut page = Page::empty();
        page.put(&id(1), &record(100, 0, 9), 0).unwrap();
        page.write(&file, 3).unwrap();
        assert!(Page::read(&file, 3).unwrap().is_sound(3));
        assert!(!Page::read(&file, 3).unwrap().is_sound(4), "misplaced");
        assert!(Page::read(&file, 9).unwrap().is_sound(9), "past the end");
        for at in 0..PAGE {
            let mut page = Page::read(&file, 3).unwrap();
            page.0[at] ^= 1 << (at % 8);
            assert!(!page.is_sound(3), "{at}");
            // Whoever believed it would still not be led astray.
            let _ = (page.find(&id(1)), page.records().count());
        }
    }
}
