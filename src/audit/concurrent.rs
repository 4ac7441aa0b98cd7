//! `SecAuditLogType Concurrent`: a file for each record, and a line about it in an index that mlogc reads.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use super::clock::Civil;
use super::line::{self, LONGEST_ID};
use super::parts::Parts;
use super::record::Record;
use super::{Format, Lost, Target, escape, render};

/// So often a name with another number is tried when a file has the name already.
const MOST_NAMESAKES: u32 = 100;

/// The directory tree of a concurrent log.
#[derive(Clone, Debug)]
pub struct Storage {
    /// `SecAuditLogStorageDir`.
    pub directory: PathBuf,
    /// The name of the user the server runs as: the directory under the storage directory.
    pub user: String,
    /// `SecAuditLogDirMode`, less the umask.
    pub directory_mode: u32,
    /// `SecAuditLogFileMode`, less the umask.
    pub file_mode: u32,
}

/// The indexes of a concurrent log: `SecAuditLog` and `SecAuditLog2`.
#[derive(Clone, Copy, Debug)]
pub struct Index<'l> {
    /// The first one.
    pub primary: &'l Target,
    /// The second one.
    pub secondary: Option<&'l Target>,
}

impl Storage {
    /// Writes a record into a file of its own, then a line about it into the index.
    ///
    /// The file is `<directory>/<user>/YYYYMMDD/YYYYMMDD-HHMM/YYYYMMDD-HHMMSS-<unique id>`. It is always a new file: bytes of
    /// the unique id that have no place in a file name are replaced, and a name that is taken gets a number.
    ///
    /// Compat: mod_security2 uses the unique id as it is and overwrites.
    pub fn write(
        &self,
        index: &Index<'_>,
        record: &Record<'_>,
        parts: &Parts,
        format: Format,
    ) -> Result<(), Lost> {
        let rendered = render(record, parts, format);
        let civil = record.zone.civil(record.time);
        let stored = self.store(&civil, record.unique_id, &rendered);
        let place = stored.map_err(|error| Lost::one(self.directory.to_string_lossy(), error))?;
        let line = index_line(record, &place, &rendered);
        let first = index.primary.write_line(&line);
        let second = index.secondary.map_or(Ok(()), |log| log.write_line(&line));
        Lost::and(first, second)
    }

    /// Answers the place below the storage directory, beginning with `/`.
    fn store(&self, civil: &Civil, unique_id: &[u8], rendered: &[u8]) -> io::Result<Vec<u8>> {
        let mut place = vec![b'/'];
        file_name_part(&mut place, self.user.as_bytes());
        place.push(b'/');
        civil.write_day(&mut place);
        place.push(b'/');
        civil.write_minute(&mut place);
        let directory = self.path(&place);
        place.push(b'/');
        civil.write_second(&mut place);
        place.push(b'-');
        file_name_part(&mut place, unique_id);
        let mut file = self.create(&directory, &mut place)?;
        if let Err(error) = file.write_all(rendered) {
            // Half a record that no index names helps nobody, and a full disk least of all.
            let _ = std::fs::remove_file(self.path(&place));
            return Err(error);
        }
        Ok(place)
    }

    fn path(&self, place: &[u8]) -> PathBuf {
        use std::os::unix::ffi::OsStrExt;
        let below = place.strip_prefix(b"/").unwrap_or(place);
        self.directory.join(std::ffi::OsStr::from_bytes(below))
    }

    /// A new file at the place, or at the place with a number behind it. Directories are made when they are missing.
    fn create(&self, directory: &Path, place: &mut Vec<u8>) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(self.file_mode);
        let bare = place.len();
        let mut namesakes = 0;
        let mut made = false;
        loop {
            match options.open(self.path(place)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && !made => {
                    made = true;
                    let mut builder = DirBuilder::new();
                    builder
                        .recursive(true)
                        .mode(self.directory_mode)
                        .create(directory)?;
                }
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists
                        && namesakes < MOST_NAMESAKES =>
                {
                    namesakes += 1;
                    place.truncate(bare);
                    place.push(b'.');
                    escape::decimal(place, u64::from(namesakes));
                }
                outcome => return outcome,
            }
        }
    }
}

/// Letters, digits and `@ - _ .` as they are, `_` for everything else; no leading dot, never empty.
fn file_name_part(out: &mut Vec<u8>, name: &[u8]) {
    if name.is_empty() {
        out.push(b'_');
    }
    out.extend(
        name.iter()
            .take(LONGEST_ID)
            .enumerate()
            .map(|(place, byte)| match byte {
                b'.' if place == 0 => b'_',
                b'@' | b'-' | b'_' | b'.' => *byte,
                byte if byte.is_ascii_alphanumeric() => *byte,
                _ => b'_',
            }),
    );
}

/// `… /place 0 SIZE md5:HASH` behind what every line of such logs begins with.
///
/// Compat: mod_security2's line, which mlogc reads.
fn index_line(record: &Record<'_>, place: &[u8], rendered: &[u8]) -> Vec<u8> {
    let mut tail = place.to_vec();
    tail.extend_from_slice(b" 0 ");
    escape::decimal(&mut tail, rendered.len() as u64);
    tail.extend_from_slice(b" md5:");
    for byte in Md5::digest(rendered) {
        tail.push(escape::hex_digit(byte >> 4));
        tail.push(escape::hex_digit(byte));
    }
    line::render(record, &tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_stay_in_their_directory() {
        for (name, expected) in [
            ("ZbC@9-_xAAAAAQ", "ZbC@9-_xAAAAAQ"),
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("", "_"),
            (".", "_"),
            ("..", "_."),
            ("a b\n\0\u{e9}", "a_b____"),
        ] {
            let mut out = Vec::new();
            file_name_part(&mut out, name.as_bytes());
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
        for (length, expected) in [(127, 127), (128, 128), (129, 128), (5000, 128)] {
            let mut out = Vec::new();
            file_name_part(&mut out, &vec![b'a'; length]);
            assert_eq!(out.len(), expected);
        }
    }
}
