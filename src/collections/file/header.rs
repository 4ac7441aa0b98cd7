//! The first two pages of a store: what it is, twice, so that no damage to one of them is the end of it.
//!
//! ```text
//! "PALISADE" | u32 format | u32 bytes a page | u64 pages of records | 16 bytes of a secret | u32 CRC-32 of all that
//! ```

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use siphasher::sip::SipHasher13;

use super::super::Id;
use super::page::PAGE;

/// The format that is written and read.
const FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"PALISADE";

/// How many copies there are; records begin behind them.
pub(super) const COPIES: u64 = 2;

const LENGTH: usize = 44;

/// What a store is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Pages of records.
    pub(super) pages: u64,
    /// So that no client can choose keys that meet in one page.
    secret: [u8; 16],
}

/// What stands at the beginning of a file.
pub(super) enum Found {
    /// A store.
    Store(Header),
    /// One that has been damaged: nothing of it can be used.
    Damaged,
    /// Not for this version: why.
    NotOurs(String),
}

impl Header {
    /// A new store's. An error is the system's, which has no random numbers.
    pub(super) fn new(bytes: u64) -> io::Result<Header> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Header {
            pages: pages_of(bytes),
            secret,
        })
    }

    /// Reads the copies, and mends one that is damaged from the other.
    pub(super) fn read(file: &File) -> io::Result<Found> {
        let copies = [start_of(file, 0)?, start_of(file, PAGE as u64)?];
        let [first, second] = copies.each_ref().map(|bytes| decode(bytes));
        match (first, second) {
            (Some(header), Some(other)) if header == other => Ok(Found::Store(header)),
            (Some(header), _) | (None, Some(header)) => {
                log::warn!("the header of the collections' store was damaged and has been mended");
                header.write(file)?;
                Ok(Found::Store(header))
            }
            (None, None) => Ok(judge(&copies)),
        }
    }

    /// Writes the copies.
    pub(super) fn write(&self, file: &File) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&(PAGE as u32).to_le_bytes());
        bytes.extend_from_slice(&self.pages.to_le_bytes());
        bytes.extend_from_slice(&self.secret);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        for copy in 0..COPIES {
            file.write_all_at(&bytes, copy * PAGE as u64)?;
        }
        Ok(())
    }

    /// Bytes of the whole file.
    pub(super) fn bytes(&self) -> u64 {
        self.pages.saturating_add(COPIES) * PAGE as u64
    }

    /// The page in which a record is.
    pub(super) fn page_of(&self, id: &Id) -> u64 {
        let mut text = Vec::with_capacity(id.name.len() + id.key.len() + 1);
        text.extend_from_slice(id.name.as_bytes());
        text.push(0);
        text.extend_from_slice(&id.key);
        let hash = SipHasher13::new_with_key(&self.secret).hash(&text);
        COPIES + hash % self.pages.max(1)
    }
}

/// Pages of records in a file of that many bytes.
pub(super) fn pages_of(bytes: u64) -> u64 {
    (bytes / PAGE as u64).saturating_sub(COPIES).max(1)
}

fn start_of(file: &File, at: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; LENGTH];
    let length = file.read_at(&mut bytes, at)?;
    bytes.truncate(length);
    Ok(bytes)
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn decode(bytes: &[u8]) -> Option<Header> {
    let (body, sum) = bytes.split_at_checked(LENGTH - 4)?;
    let sound = sum == crc32fast::hash(body).to_le_bytes();
    let ours = body.starts_with(MAGIC)
        && number(body, 8) == Some(FORMAT.to_le_bytes())
        && number(body, 12) == Some((PAGE as u32).to_le_bytes());
    let header = Header {
        pages: u64::from_le_bytes(number(body, 16)?),
        secret: number(body, 24)?,
    };
    // More pages than a file can have are nobody's.
    (sound && ours && (1..=1 << 40).contains(&header.pages)).then_some(header)
}

/// What a file is in which neither copy can be read.
///
/// A newer format is told by both copies, so that damage to one never looks like it. Any other content is taken for damage
/// (it is kept, under another name), unless it is plainly something else, which nobody meant to be replaced.
fn judge(copies: &[Vec<u8>; 2]) -> Found {
    let formats = copies.each_ref().map(|bytes| {
        let ours = bytes.starts_with(MAGIC);
        number(bytes, 8).filter(|_| ours).map(u32::from_le_bytes)
    });
    match formats {
        [Some(format), Some(other)] if format == other && format != FORMAT => {
            return Found::NotOurs(format!(
                "it has format {format}, and this version reads format {FORMAT} only"
            ));
        }
        [None, None] => {}
        _ => return Found::Damaged,
    }
    let first = copies[0].as_slice();
    let text = !first.is_empty()
        && first
            .iter()
            .all(|&byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'));
    let foreign = KNOWN
        .iter()
        .find(|(_, at, magic)| first.get(*at..).is_some_and(|rest| rest.starts_with(magic)))
        .map(|(what, _, _)| *what)
        .or(text.then_some("a text"));
    match foreign {
        Some(what) => Found::NotOurs(format!("it is {what}")),
        None => Found::Damaged,
    }
}

/// What files that somebody might have put there begin with: what they are, where, and the bytes.
const KNOWN: &[(&str, usize, &[u8])] = &[
    ("an SQLite database", 0, b"SQLite format 3\0"),
    ("an LMDB environment", 16, &0xBEEF_C0DE_u32.to_le_bytes()),
    ("a Redis dump", 0, b"REDIS0"),
    ("a GDBM database", 0, &[0xcf, 0x9a, 0x57, 0x13]),
    ("a Berkeley DB", 12, &[0x61, 0x15, 0x06, 0x00]),
    ("a compressed file", 0, &[0x1f, 0x8b]),
    ("a program", 0, b"\x7fELF"),
];
