//! A log program behind a pipe.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileTypeExt;
use std::time::{Duration, Instant};

use super::Sink;
use super::serial::write_whole;
use super::turns::{State, Turns};

/// A record waits no longer than this for a program that does not read. The requests behind it wait as well, so it is what a
/// busy disk may take, and no more; then records are dropped and counted until the program reads again.
pub const PIPE_PATIENCE: Duration = Duration::from_secs(1);

/// How often a writer looks whether there is room in the pipe again.
const BETWEEN_TRIES: Duration = Duration::from_millis(1);

/// The writing end of a pipe that several processes share.
///
/// The kernel keeps a write to a pipe whole only up to 4096 bytes, and audit records are longer. So writers take turns, and who
/// comes after one that was killed in the middle of a record ends the line that was left open.
///
/// Compat: mod_security2 used a mutex of the portable runtime, which other users and `chroot` could break, and waits for ever.
#[derive(Debug)]
pub struct Pipe {
    pipe: File,
    turns: Turns,
}

impl Pipe {
    /// Takes the writing end, which should not block: a program that hangs must not stop the server. To be called before
    /// processes are forked.
    pub fn new(pipe: File) -> Pipe {
        let turns = Turns::new(State::default());
        Pipe { pipe, turns }
    }

    /// A pipe whose writers take turns by locking `lock`; all of them have to inherit the same open file.
    pub fn with_lock(pipe: File, lock: File) -> Pipe {
        let turns = Turns::with_lock(Some(lock), State::default());
        Pipe { pipe, turns }
    }
}

impl Sink for Pipe {
    fn write(&self, record: &[u8]) -> io::Result<()> {
        let mut turn = self.turns.take();
        let before = turn.state();
        turn.leave(State {
            ragged: true,
            ..before
        });
        let mut patient = Patient {
            pipe: &self.pipe,
            until: match before.stuck {
                true => None,
                false => Instant::now().checked_add(PIPE_PATIENCE),
            },
        };
        let written = write_whole(&mut patient, before.ragged, record);
        turn.leave(match &written {
            Ok(()) => State::default(),
            Err((error, ragged)) => State {
                ragged: *ragged,
                stuck: error.kind() == io::ErrorKind::WouldBlock,
            },
        });
        written.map_err(|(error, _)| error)
    }
}

/// A pipe that is tried again while it is full, for some time.
struct Patient<'p> {
    pipe: &'p File,
    until: Option<Instant>,
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.pipe.write(bytes) {
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock
                        && self.until.is_some_and(|until| Instant::now() < until) =>
                {
                    std::thread::sleep(BETWEEN_TRIES);
                }
                outcome => return outcome,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether an open file is a pipe.
pub(super) fn is_pipe(file: &File) -> bool {
    file.metadata()
        .is_ok_and(|about| about.file_type().is_fifo())
}
