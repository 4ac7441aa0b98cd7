//! One record, one `write(2)`: whole records from any number of processes without a lock.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Sink;

/// A log file opened for appending. The kernel puts every write behind the last one, whole.
///
/// Compat: mod_security2 writes a record in many pieces under a mutex shared by all processes; without that mutex (other users,
/// other permissions) its records mix.
#[derive(Debug)]
pub struct AppendFile {
    file: File,
    ragged: AtomicBool,
}

impl AppendFile {
    /// Opens the log, creating it with `mode` (less the umask). To be called while the configuration is read: as root, before
    /// the server's processes give up their rights.
    pub fn open(path: &Path, mode: u32) -> io::Result<AppendFile> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(mode);
        Ok(AppendFile::from(options.open(path)?))
    }

    pub(super) fn into_file(self) -> File {
        self.file
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

impl From<File> for AppendFile {
    /// A descriptor that is open for appending already.
    fn from(file: File) -> AppendFile {
        AppendFile {
            file,
            ragged: AtomicBool::new(false),
        }
    }
}

impl Sink for AppendFile {
    fn write(&self, record: &[u8]) -> io::Result<()> {
        write_whole(&mut &self.file, &self.ragged, record)
    }
}

/// Writes the record in one piece. Should the system take only a part of it (the disk is full), the rest follows at once; if
/// that fails, `ragged` stays set, and the next record first ends the line that was left open, so that it is legible itself.
pub(super) fn write_whole(
    out: &mut impl Write,
    ragged: &AtomicBool,
    record: &[u8],
) -> io::Result<()> {
    let line_end: &[u8] = if ragged.load(Ordering::Relaxed) {
        b"\n\n"
    } else {
        b""
    };
    let mut pieces = [IoSlice::new(line_end), IoSlice::new(record)];
    let mut rest = pieces.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0);
    let mut left = line_end.len() + record.len();
    while left > 0 {
        let written = match *rest {
            [ref only] => out.write(only),
            ref several => out.write_vectored(several),
        };
        match written {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                left = left.saturating_sub(count);
                ragged.store(left > 0, Ordering::Relaxed);
                IoSlice::advance_slices(&mut rest, count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes what its plan says, a call at a time; a plan that is used up takes everything.
    #[derive(Default)]
    struct Planned {
        plan: Vec<Result<usize, io::ErrorKind>>,
        calls: Vec<usize>,
        taken: Vec<u8>,
    }

    impl Write for Planned {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.write_vectored(&[IoSlice::new(bytes)])
        }

        fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
            self.calls.push(all.len());
            let count = match self.plan.pop() {
                None => all.len(),
                Some(answer) => answer?.min(all.len()),
            };
            self.taken.extend_from_slice(&all[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn one_record_is_one_write() {
        let (mut out, ragged) = (Planned::default(), AtomicBool::new(false));
        assert!(write_whole(&mut out, &ragged, b"record\n").is_ok());
        assert_eq!(out.calls, [7]);
        assert!(write_whole(&mut out, &ragged, b"").is_ok());
        assert_eq!(out.taken, b"record\n");
    }

    #[test]
    fn interruptions_and_short_writes_are_finished() {
        let ragged = AtomicBool::new(false);
        let mut out = Planned {
            plan: vec![Ok(1), Ok(3), Err(io::ErrorKind::Interrupted)],
            ..Planned::default()
        };
        assert!(write_whole(&mut out, &ragged, b"record\n").is_ok());
        assert_eq!(out.calls, [7, 7, 4, 3]);
        assert_eq!(out.taken, b"record\n");
        assert!(!ragged.load(Ordering::Relaxed));
    }

    #[test]
    fn after_a_torn_record_the_next_one_begins_a_line() {
        let ragged = AtomicBool::new(false);
        let mut out = Planned {
            plan: vec![Err(io::ErrorKind::StorageFull), Ok(3)],
            ..Planned::default()
        };
        assert!(write_whole(&mut out, &ragged, b"record\n").is_err());
        assert!(ragged.load(Ordering::Relaxed));
        out.plan = vec![Ok(0)];
        assert!(
            write_whole(&mut out, &ragged, b"second\n").is_err(),
            "a write of nothing is a failure"
        );
        out.plan = vec![Err(io::ErrorKind::StorageFull)];
        assert!(write_whole(&mut out, &ragged, b"third\n").is_err());
        assert!(
            ragged.load(Ordering::Relaxed),
            "still in the middle of a line"
        );
        assert!(write_whole(&mut out, &ragged, b"fourth\n").is_ok());
        assert!(write_whole(&mut out, &ragged, b"fifth\n").is_ok());
        assert_eq!(out.taken, b"rec\n\nfourth\nfifth\n");
    }

    #[test]
    fn a_failure_before_the_first_byte_leaves_no_mark() {
        let ragged = AtomicBool::new(false);
        let mut out = Planned {
            plan: vec![Err(io::ErrorKind::StorageFull)],
            ..Planned::default()
        };
        assert!(write_whole(&mut out, &ragged, b"record\n").is_err());
        assert!(write_whole(&mut out, &ragged, b"second\n").is_ok());
        assert_eq!(out.taken, b"second\n");
    }
}
