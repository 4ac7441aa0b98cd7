//! A record as bytes. Numbers are little-endian.
//!
//! ```text
//! u16 length of all | i64 updated | i64 expires | u16 length, name | u16 length, key | u16 how many values, each:
//!     u8 what there is: 1 a value, 2 an expiry | u16 length, name | u16 length, value | i64 expiry
//! ```

use super::super::record::{Record, same};
use super::super::{Id, record};

const HAS_VALUE: u8 = 1;
const HAS_EXPIRY: u8 = 2;

/// The bytes of a record; `None` when it is too long for its lengths.
pub(super) fn encode(id: &Id, record: &Record) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 2];
    bytes.extend_from_slice(&record.updated.to_le_bytes());
    bytes.extend_from_slice(&record.expires.to_le_bytes());
    put(&mut bytes, id.name.as_bytes())?;
    put(&mut bytes, &id.key)?;
    let expiry_of = |name: &[u8]| record.expiries.iter().find(|(known, _)| same(known, name));
    let lonely = record.expiries.iter();
    let lonely: Vec<_> = lonely
        .filter(|(name, _)| record.get(name).is_none())
        .collect();
    let count = u16::try_from(record.values.len() + lonely.len()).ok()?;
    bytes.extend_from_slice(&count.to_le_bytes());
    for (name, value) in &record.values {
        let expiry = expiry_of(name);
        bytes.push(HAS_VALUE | if expiry.is_some() { HAS_EXPIRY } else { 0 });
        put(&mut bytes, name)?;
        put(&mut bytes, value)?;
        if let Some((_, at)) = expiry {
            bytes.extend_from_slice(&at.to_le_bytes());
        }
    }
    for (name, at) in lonely {
        bytes.push(HAS_EXPIRY);
        put(&mut bytes, name)?;
        bytes.extend_from_slice(&at.to_le_bytes());
    }
    let length = u16::try_from(bytes.len()).ok()?;
    bytes.get_mut(..2)?.copy_from_slice(&length.to_le_bytes());
    Some(bytes)
}

fn put(bytes: &mut Vec<u8>, text: &[u8]) -> Option<()> {
    let length = u16::try_from(text.len()).ok()?;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(text);
    Some(())
}

/// The record whose bytes these are; `None` for bytes that nobody here wrote.
pub(super) fn decode(bytes: &[u8]) -> Option<(Id, Record)> {
    let mut reader = Reader(bytes.get(2..)?);
    let mut record = Record {
        updated: reader.long()?,
        expires: reader.long()?,
        ..Record::default()
    };
    let id = Id {
        name: String::from_utf8_lossy(reader.text()?).into_owned(),
        key: reader.text()?.to_vec(),
    };
    for _ in 0..reader.short()? {
        let what = reader.byte()?;
        let name = reader.text()?;
        if what & HAS_VALUE != 0 {
            record.values.push((name.to_vec(), reader.text()?.to_vec()));
        }
        if what & HAS_EXPIRY != 0 {
            record.expiries.push((name.to_vec(), reader.long()?));
        }
    }
    Some((id, record))
}

/// What a page must know of a record without decoding it.
pub(super) struct Outline<'b> {
    pub(super) updated: i64,
    pub(super) expires: i64,
    name: &'b [u8],
    key: &'b [u8],
}

impl<'b> Outline<'b> {
    /// Reads the beginning of a record's bytes.
    pub(super) fn of(bytes: &'b [u8]) -> Option<Outline<'b>> {
        let mut reader = Reader(bytes.get(2..)?);
        Some(Outline {
            updated: reader.long()?,
            expires: reader.long()?,
            name: reader.text()?,
            key: reader.text()?,
        })
    }

    /// Whether it is the record of an id.
    pub(super) fn is(&self, id: &Id) -> bool {
        self.key == id.key && self.name == id.name.as_bytes()
    }

    /// Whether it lives.
    pub(super) fn is_alive(&self, now: i64) -> bool {
        record::is_alive(self.updated, self.expires, now)
    }
}

/// Takes values off the front of bytes.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (front, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(front)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn short(&mut self) -> Option<usize> {
        let bytes = self.take(2)?.try_into().ok()?;
        Some(usize::from(u16::from_le_bytes(bytes)))
    }

    fn long(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<&'b [u8]> {
        let length = self.short()?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> Id {
        Id {
            name: "ip".into(),
            key: b"192.0.2.1".to_vec(),
        }
    }

    #[test]
    fn records_come_back_as_they_went() {
        let pair = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
        let record = Record {
            values: vec![
                pair(b"hits", b"7"),
                pair(b"agent", b"\0\xff\r\n"),
                pair(b"", b""),
            ],
            expiries: vec![(b"hits".to_vec(), -1), (b"gone".to_vec(), i64::MAX)],
            updated: 12,
            expires: i64::MIN,
        };
        let bytes = encode(&id(), &record).unwrap();
        assert_eq!(decode(&bytes), Some((id(), record.clone())));
        // The size that limits are about counts the name of a value that expires twice.
        let most = 2 + 16 + 2 + 2 + 2 + 9 + 2 + record.size();
        assert_eq!(bytes.len(), most - "hits".len() - 3);
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None, "{length}");
        }
        let outline = Outline::of(&bytes).unwrap();
        assert!(outline.is(&id()) && outline.updated == 12);
    }
}
