//! mod_security2's collections, read from the SDBM files that it keeps them in, to be taken over.
//!
//! A `.pag` file is pages of 1024 bytes. A page begins with a number of offsets and the offsets, 16 bits each, little-endian:
//! of a key, of its value, of the next key and so on; the bytes fill the page from its end. Every pair is in some page, so
//! the `.dir` file, which says in which, is not needed. A value is `49 52 01`, then names and values in turn, each with its
//! length in 16 bits, big-endian, and a NUL at its end, which counts; a length of 0 is the end.
//!
//! Nothing in a file is believed: what does not fit is left out, and counted.

use super::record::same;
use super::{Change, Id, Record};
use crate::operators::atoi;

const PAGE: usize = 1024;

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The records, in no order.
    pub records: Vec<(Id, Record)>,
    /// Pairs that are no records.
    pub unreadable: usize,
}

/// Reads a `.pag` file.
pub fn read(file: &[u8]) -> Contents {
    let mut contents = Contents::default();
    for page in file.chunks(PAGE) {
        for value in values(page) {
            match value.and_then(unpack) {
                Some(record) => contents.records.push(record),
                None => contents.unreadable += 1,
            }
        }
    }
    contents
}

/// The values of a page; `None` for one whose offsets are not inside.
fn values(page: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let number = |at: usize| {
        let bytes = page.get(at * 2..)?.first_chunk()?;
        Some(usize::from(u16::from_le_bytes(*bytes)))
    };
    let pairs = number(0).unwrap_or(0).min(PAGE / 2) / 2;
    (0..pairs).map(move |pair| page.get(number(pair * 2 + 2)?..number(pair * 2 + 1)?))
}

/// A value as the record that it is.
fn unpack(value: &[u8]) -> Option<(Id, Record)> {
    let mut rest = value.strip_prefix(&[0x49, 0x52, 0x01])?;
    let mut take = || {
        let (length, behind) = rest.split_first_chunk()?;
        let (text, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        rest = behind;
        Some(text.strip_suffix(b"\0").unwrap_or(text))
    };
    let mut id = Id {
        name: String::new(),
        key: Vec::new(),
    };
    let mut record = Record::default();
    while let Some(name) = take().filter(|name| !name.is_empty()) {
        let value = take()?;
        if same(name, b"__name") {
            id.name = String::from_utf8_lossy(value).into_owned();
        } else if same(name, b"__key") {
            id.key = value.to_vec();
        } else if same(name, b"__expire_KEY") {
            record.expires = atoi(value);
        } else if let Some(name) = name.strip_prefix(b"__expire_") {
            record.expire(name, atoi(value));
        } else {
            record.write(name, value.to_vec());
        }
    }
    record.updated = record.get(b"LAST_UPDATE_TIME").map_or(0, atoi);
    (!id.name.is_empty() && record.expires > 0).then_some((id, record))
}

impl Change {
    /// Makes a record where there is none.
    pub fn whole(record: &Record) -> Change {
        Change {
            initial: record.values.clone(),
            expiries: record.expiries.clone(),
            expires: record.expires,
            ..Change::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page as mod_security2 2.9.7 wrote it, put together again.
    fn page(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut page = vec![0; PAGE];
        let (mut end, mut offsets) = (PAGE, Vec::new());
        for bytes in pairs.iter().flat_map(|(key, value)| [key, value]) {
            page[end - bytes.len()..end].copy_from_slice(bytes);
            end -= bytes.len();
            offsets.push(u16::try_from(end).unwrap());
        }
        offsets.insert(0, u16::try_from(offsets.len()).unwrap());
        for (at, offset) in offsets.iter().enumerate() {
            page[at * 2..at * 2 + 2].copy_from_slice(&offset.to_le_bytes());
        }
        page
    }

    fn value(pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut value = vec![0x49, 0x52, 0x01];
        for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
            let length = u16::try_from(text.len() + 1).unwrap();
            value.extend_from_slice(&length.to_be_bytes());
            value.extend_from_slice(text.as_bytes());
            value.push(0);
        }
        value.extend_from_slice(&[0, 0]);
        value
    }

    #[test]
    fn records_are_read_with_their_times() {
        let one = value(&[
            ("__expire_KEY", "1795409717"),
            ("KEY", "10.0.0.12"),
            ("TIMEOUT", "3600"),
            ("__key", "10.0.0.12"),
            ("__name", "ip"),
            ("hits", "1"),
            ("__expire_word", "1795407117"),
            ("LAST_UPDATE_TIME", "1795406117"),
        ]);
        let two = value(&[("__name", "ip"), ("__expire_KEY", "5"), ("__key", "b")]);
        let mut file = page(&[(b"10.0.0.12\0", &one), (b"b\0", &two)]);
        file.extend(page(&[]));
        file.extend(page(&[(b"x\0", b"noise")]));
        let contents = read(&file);
        assert_eq!((contents.records.len(), contents.unreadable), (2, 1));
        let (id, record) = &contents.records[0];
        assert_eq!((id.name.as_str(), &id.key[..]), ("ip", &b"10.0.0.12"[..]));
        assert_eq!(record.get(b"hits"), Some(&b"1"[..]));
        assert_eq!(record.expiries, [(b"word".to_vec(), 1_795_407_117)]);
        assert_eq!(
            (record.updated, record.expires),
            (1_795_406_117, 1_795_409_717)
        );
    }

    #[test]
    fn no_damage_is_more_than_a_record_left_out() {
        let one = value(&[("__name", "ip"), ("__expire_KEY", "5"), ("__key", "b")]);
        let file = page(&[(b"b\0", &one)]);
        for at in 0..PAGE {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut file = file.clone();
                file[at] = byte;
                let contents = read(&file);
                assert!(contents.records.len() <= 1, "{at} {byte}");
                assert!(contents.unreadable <= PAGE / 4, "{at} {byte}");
            }
        }
        for length in 0..PAGE {
            assert!(read(&file[..length]).records.len() <= 1);
        }
    }
}
