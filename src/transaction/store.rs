//! A body while the request lasts: in memory, and past a limit in a file that has no name.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};

/// The bytes of a body.
#[derive(Default)]
pub struct Store {
    place: Place,
    length: u64,
}

enum Place {
    Growing(BytesMut),
    Memory(Bytes),
    File(File),
}

impl Default for Place {
    fn default() -> Self {
        Place::Growing(BytesMut::new())
    }
}

impl Store {
    /// Bytes stored.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds to the end. Past `memory_limit` bytes everything moves to a file under `directory`.
    ///
    /// Errors: those of the file system; what was stored before is then still there.
    pub fn append(&mut self, chunk: &[u8], memory_limit: u64, directory: &Path) -> io::Result<()> {
        let length = self.length + chunk.len() as u64;
        match &mut self.place {
            Place::Growing(memory) if length <= memory_limit => memory.extend_from_slice(chunk),
            Place::Growing(memory) => {
                let file = nameless(directory)?;
                file.write_all_at(memory, 0)?;
                file.write_all_at(chunk, self.length)?;
                self.place = Place::File(file);
            }
            Place::File(file) => file.write_all_at(chunk, self.length)?,
            Place::Memory(_) => return Err(io::Error::other("the body has already ended")),
        }
        self.length = length;
        Ok(())
    }

    /// Takes back into memory what a file has: there is no room for more of it on the disk.
    ///
    /// Errors: what was written cannot be read.
    pub fn recall(&mut self) -> io::Result<()> {
        if matches!(self.place, Place::File(_)) {
            let bytes = self.head(usize::MAX)?;
            self.place = Place::Growing(BytesMut::from(&bytes[..]));
        }
        Ok(())
    }

    /// Ends the body: nothing can be added any more.
    pub fn end(&mut self) {
        if let Place::Growing(memory) = &mut self.place {
            self.place = Place::Memory(std::mem::take(memory).freeze());
        }
    }

    /// The whole body, when it is in memory and has ended.
    pub fn memory(&self) -> Option<&Bytes> {
        match &self.place {
            Place::Memory(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Copies bytes from `offset` on; 0 at the end.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let memory: &[u8] = match &self.place {
            Place::File(file) => return file.read_at(buffer, offset),
            Place::Growing(memory) => memory,
            Place::Memory(memory) => memory,
        };
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(memory.len());
        let rest = memory.get(start..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    /// The first bytes, at most `limit`.
    pub fn head(&self, limit: usize) -> io::Result<Vec<u8>> {
        let size = usize::try_from(self.length)
            .unwrap_or(usize::MAX)
            .min(limit);
        let mut bytes = vec![0; size];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read_at(filled as u64, rest)? {
                0 => break,
                count => filled += count,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

/// A file without a name: it is gone when it is closed, however the process ends.
fn nameless(directory: &Path) -> io::Result<File> {
    if let Ok(file) = unnamed(directory) {
        return Ok(file);
    }
    // Some file systems have no O_TMPFILE: take the name away at once.
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let path = directory.join(format!("palisade-body-{}-{serial}", std::process::id()));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// A file that has never had a name, where the file system has such files.
pub(super) fn unnamed(directory: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(libc::O_TMPFILE | libc::O_CLOEXEC)
        .open(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_file_read_the_same() {
        let body: Vec<u8> = (0..10_000u32).flat_map(u32::to_le_bytes).collect();
        for limit in [0, 1, 39_999, 40_000, 100_000] {
            let mut store = Store::default();
            for chunk in body.chunks(777) {
                store.append(chunk, limit, &std::env::temp_dir()).unwrap();
            }
            store.end();
            assert_eq!(store.memory().is_some(), limit >= 40_000, "limit {limit}");
            assert_eq!(store.head(usize::MAX).unwrap(), body);
            let mut middle = [0; 16];
            assert_eq!(store.read_at(39_996, &mut middle).unwrap(), 4);
            assert_eq!(store.read_at(40_000, &mut middle).unwrap(), 0);
            assert_eq!(store.read_at(u64::MAX, &mut middle).unwrap_or(0), 0);
        }
    }

    #[test]
    fn what_a_file_has_can_be_taken_back() {
        let mut store = Store::default();
        store.append(b"abc", 1, &std::env::temp_dir()).unwrap();
        store.recall().unwrap();
        store
            .append(b"def", u64::MAX, Path::new("/nonexistent"))
            .unwrap();
        store.end();
        assert_eq!(&store.memory().unwrap()[..], b"abcdef");
    }

    #[test]
    fn a_missing_directory_is_an_error_and_keeps_what_is_there() {
        let mut store = Store::default();
        store.append(b"abc", 3, Path::new("/nonexistent")).unwrap();
        assert!(store.append(b"d", 3, Path::new("/nonexistent")).is_err());
        assert_eq!(store.head(10).unwrap(), b"abc");
    }
}
