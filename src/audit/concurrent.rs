//! `SecAuditLogType Concurrent`: a file for each record, and a line about it in an index that mlogc reads.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use super::clock::Civil;
use super::parts::Parts;
use super::record::Record;
use super::{Format, Lost, Target, escape, mask, render};

/// An index line is no longer than this in bytes, its line end included.
pub(super) const LONGEST_LINE: usize = 3980;
/// The same for a pipe: mod_security2's limit for both lies below what a pipe keeps whole (4096).
pub(super) const LONGEST_PIPED_LINE: usize = LONGEST_LINE;
/// Host, remote log name and user are cut to this many bytes before the request line is.
const LONGEST_NAME: usize = 32;
/// A file name holds no more of the unique id: names of files may have 255 bytes.
const LONGEST_ID: usize = 128;
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
        let about = About {
            record,
            civil: &civil,
            place: &place,
            size: rendered.len(),
            md5: &Md5::digest(&rendered),
        };
        let first = about.write_to(index.primary);
        let second = index.secondary.map_or(Ok(()), |log| about.write_to(log));
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

/// What an index line tells.
struct About<'a> {
    record: &'a Record<'a>,
    civil: &'a Civil,
    place: &'a [u8],
    size: usize,
    md5: &'a [u8],
}

impl About<'_> {
    fn write_to(&self, target: &Target) -> Result<(), Lost> {
        let written = target
            .log()
            .and_then(|log| log.write_bytes(&self.line(log.longest_index_line)));
        written.map_err(|error| Lost::one(target.name(), error))
    }

    /// `HOST CLIENT LOGNAME USER [time] "request line" STATUS BYTES "-" "-" ID "SESSION" /place 0 SIZE md5:HASH`, a blank, and
    /// `L` if anything had to be cut for the line to fit.
    ///
    /// Compat: mod_security2's line, which mlogc reads; words are kept free of blanks whatever their bytes.
    fn line(&self, longest: usize) -> Vec<u8> {
        let record = self.record;
        let request = mask::ranges(record.request.line, record.masks.request_line);
        let mut request_line = Vec::with_capacity(request.len());
        escape::quoted(&mut request_line, &request);
        let whole = self.assemble(&request_line, usize::MAX);
        if whole.len() < longest {
            return ended(whole, b" \n");
        }
        let without_request = self.assemble(b"", LONGEST_NAME);
        let room = longest.saturating_sub(without_request.len() + b" L\n".len());
        ended(
            self.assemble(cut_escaped(&request_line, room), LONGEST_NAME),
            b" L\n",
        )
    }

    fn assemble(&self, request_line: &[u8], longest_name: usize) -> Vec<u8> {
        let record = self.record;
        let mut out = Vec::with_capacity(512 + request_line.len());
        word(&mut out, record.hostname, longest_name);
        escape::address(&mut out, record.client.client);
        out.push(b' ');
        word(
            &mut out,
            record.remote_logname.unwrap_or_default(),
            longest_name,
        );
        word(
            &mut out,
            record.remote_user.unwrap_or_default(),
            longest_name,
        );
        out.push(b'[');
        self.civil.write_log_time(&mut out);
        out.extend_from_slice(b"] \"");
        out.extend_from_slice(request_line);
        out.extend_from_slice(b"\" ");
        escape::decimal(&mut out, u64::from(record.response.status));
        out.push(b' ');
        escape::decimal(&mut out, record.response.bytes_sent);
        out.extend_from_slice(b" \"-\" \"-\" ");
        word(&mut out, record.unique_id, LONGEST_ID);
        out.push(b'"');
        match record.web_app.session {
            b"" => out.push(b'-'),
            session => {
                let mut escaped = Vec::new();
                escape::quoted(&mut escaped, session);
                out.extend_from_slice(cut_escaped(&escaped, longest_name.max(LONGEST_ID)));
            }
        }
        out.extend_from_slice(b"\" ");
        out.extend_from_slice(self.place);
        out.extend_from_slice(b" 0 ");
        escape::decimal(&mut out, self.size as u64);
        out.extend_from_slice(b" md5:");
        for byte in self.md5 {
            out.push(escape::hex_digit(byte >> 4));
            out.push(escape::hex_digit(*byte));
        }
        out
    }
}

/// A word and a blank.
fn word(out: &mut Vec<u8>, bytes: &[u8], longest: usize) {
    let mut escaped = Vec::new();
    escape::token(&mut escaped, bytes);
    out.extend_from_slice(cut_escaped(&escaped, longest));
    out.push(b' ');
}

fn ended(mut line: Vec<u8>, end: &[u8]) -> Vec<u8> {
    line.extend_from_slice(end);
    line
}

/// At most `longest` bytes of escaped text, without half an escape at its end.
fn cut_escaped(escaped: &[u8], longest: usize) -> &[u8] {
    let Some(cut) = escaped.get(..longest) else {
        return escaped;
    };
    let mut end = 0;
    while let Some(rest) = cut.get(end..).filter(|rest| !rest.is_empty()) {
        let length = match rest {
            [b'\\', b'x', ..] => 4,
            [b'\\', ..] => 2,
            _ => 1,
        };
        if length > rest.len() {
            break;
        }
        end += length;
    }
    cut.get(..end).unwrap_or_default()
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

    #[test]
    fn cutting_leaves_no_half_escapes() {
        for (longest, expected) in [
            (0, ""),
            (1, "a"),
            (2, "a"),
            (3, "a\\n"),
            (6, "a\\n"),
            (7, "a\\n\\x1b"),
            (8, "a\\n\\x1bb"),
            (99, "a\\n\\x1bb"),
        ] {
            assert_eq!(
                cut_escaped(b"a\\n\\x1bb", longest),
                expected.as_bytes(),
                "{longest}"
            );
        }
    }
}
