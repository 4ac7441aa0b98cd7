//! One record, one `write(2)`: whole records from any number of processes without a lock.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use super::Sink;
use super::turns::{State, Turns};

/// How often, and at what intervals, it is looked whether the last line of a log that is opened gets an end.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A log file opened for appending. The kernel puts every write behind the last one, whole, whoever else writes.
///
/// Two things can still leave a record without its end: a disk that is full, and a process that is killed in the middle of a
/// write of many pages. Then whoever writes next first ends that line, and is legible itself. For that, nobody may be waiting to
/// write right behind the one who is killed: writers take turns, by a lock that goes with its holder.
///
/// Compat: mod_security2 writes a record in many pieces under a mutex shared by all processes; without that mutex (other users,
/// other permissions) its records mix, and a child that is killed tears them.
#[derive(Debug)]
pub struct AppendFile {
    file: File,
    turns: Turns,
}

impl AppendFile {
    /// Opens the log, creating it with `mode` (less the umask). To be called after the configuration is read: as root, before
    /// the server's processes give up their rights.
    ///
    /// A path that leads to a pipe without a reader is an error rather than a wait.
    pub fn open(path: &Path, mode: u32) -> io::Result<AppendFile> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(mode);
        options.custom_flags(libc::O_NONBLOCK);
        let file = options.open(path)?;
        // Whoever wrote here before us may have been cut off. Or somebody is writing, and ends the line in a moment.
        let ends = || ends_in_a_line(path).unwrap_or(false);
        let mut ragged = ends();
        for _ in 0..LOOKS {
            if !ragged {
                break;
            }
            std::thread::sleep(BETWEEN_LOOKS);
            ragged = ends();
        }
        Ok(AppendFile {
            file,
            turns: Turns::new(State {
                ragged,
                stuck: false,
            }),
        })
    }

    pub(super) fn into_file(self) -> File {
        self.file
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

/// Whether a file's last line has no end.
fn ends_in_a_line(path: &Path) -> io::Result<bool> {
    let about = std::fs::metadata(path)?;
    let Some(last) = about.len().checked_sub(1).filter(|_| about.is_file()) else {
        return Ok(false);
    };
    let mut byte = [b'\n'];
    File::open(path)?.read_exact_at(&mut byte, last)?;
    Ok(byte != *b"\n")
}

impl Sink for AppendFile {
    fn write(&self, record: &[u8]) -> io::Result<()> {
        let mut turn = self.turns.take();
        let ragged = |ragged| State {
            ragged,
            stuck: false,
        };
        let before = turn.state();
        turn.leave(ragged(true));
        let written = write_whole(&mut &self.file, before.ragged, record);
        turn.leave(ragged(matches!(written, Err((_, true)))));
        written.map_err(|(error, _)| error)
    }
}

/// Writes the record in one piece, after a line end where a line was left open. Should the system take only a part of it (the
/// disk is full), the rest follows at once. The error says, too, whether the last line is now without its end.
pub(super) fn write_whole(
    out: &mut impl Write,
    ends_in_a_line: bool,
    record: &[u8],
) -> Result<(), (io::Error, bool)> {
    let line_end: &[u8] = if ends_in_a_line { b"\n" } else { b"" };
    let mut pieces = [IoSlice::new(line_end), IoSlice::new(record)];
    let mut rest = pieces.as_mut_slice();
    IoSlice::advance_slices(&mut rest, 0);
    let whole = line_end.len() + record.len();
    let mut left = whole;
    while left > 0 {
        let written = match *rest {
            [ref only] => out.write(only),
            ref several => out.write_vectored(several),
        };
        let error = match written {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(count) => {
                left = left.saturating_sub(count);
                IoSlice::advance_slices(&mut rest, count);
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        let ends_in_a_line = match whole - left {
            0 => ends_in_a_line,
            // The line end alone has left.
            count => count > line_end.len(),
        };
        return Err((error, ends_in_a_line));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes what its plan says, a call at a time; a plan that is used up takes everything.
    #[derive(Default, Debug)]
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
        let mut out = Planned::default();
        assert!(write_whole(&mut out, false, b"record\n").is_ok());
        assert_eq!(out.calls, [7]);
        assert!(write_whole(&mut out, false, b"").is_ok());
        assert_eq!(out.taken, b"record\n");
        assert!(write_whole(&mut out, true, b"next\n").is_ok());
        assert_eq!(out.calls, [7, 6], "with a line end before it as well");
        assert_eq!(out.taken, b"record\n\nnext\n");
    }

    #[test]
    fn interruptions_and_short_writes_are_finished() {
        let mut out = Planned {
            plan: vec![Ok(1), Ok(3), Err(io::ErrorKind::Interrupted)],
            ..Planned::default()
        };
        assert!(write_whole(&mut out, false, b"record\n").is_ok());
        assert_eq!(out.calls, [7, 7, 4, 3]);
        assert_eq!(out.taken, b"record\n");
    }

    #[test]
    fn a_failure_says_whether_a_line_was_left_open() {
        let full = || Err(io::ErrorKind::StorageFull);
        for (open_before, plan, open_after) in [
            (false, vec![full()], false),
            (false, vec![full(), Ok(3)], true),
            (false, vec![Ok(0)], false),
            (true, vec![full()], true),
            (true, vec![full(), Ok(1)], false),
            (true, vec![full(), Ok(2)], true),
        ] {
            let mut out = Planned {
                plan,
                ..Planned::default()
            };
            let failed = write_whole(&mut out, open_before, b"record\n");
            assert_eq!(failed.map_err(|(_, open)| open), Err(open_after), "{out:?}");
        }
    }

    /// A file with this content, opened as a log.
    fn log(name: &str, content: &str) -> (std::path::PathBuf, AppendFile) {
        let path = std::env::temp_dir().join(format!("palisade-{name}-{}", std::process::id()));
        std::fs::write(&path, content).expect("a file");
        let log = AppendFile::open(&path, 0o600).expect("a log");
        (path, log)
    }

    #[test]
    fn a_line_that_somebody_left_open_is_ended_first() {
        for (before, after) in [
            ("", "record\n"),
            ("whole\n", "whole\nrecord\n"),
            ("torn", "torn\nrecord\n"),
        ] {
            let (path, log) = log("left-open", before);
            log.write(b"record\n").expect("written");
            let content = std::fs::read_to_string(&path).expect("content");
            std::fs::remove_file(&path).expect("removed");
            assert_eq!(content, after);
        }
    }

    #[test]
    fn a_failure_of_one_is_made_good_by_the_next() {
        let (path, log) = log("made-good", "");
        log.turns.take().leave(State {
            ragged: true,
            stuck: false,
        });
        log.write(b"record\n").expect("written");
        log.write(b"second\n").expect("written");
        let content = std::fs::read_to_string(&path).expect("content");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(content, "\nrecord\nsecond\n");
    }
}
