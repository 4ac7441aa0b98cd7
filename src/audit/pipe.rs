//! A log program behind a pipe.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use super::Sink;
use super::serial::write_whole;

/// The writing end of a pipe that several processes share.
///
/// The kernel keeps a write to a pipe whole only up to 4096 bytes, and audit records are longer. So writers take turns: the
/// threads of a process by a mutex, processes by a lock on an unnamed file that they all inherit. The lock goes with its holder:
/// a child that is killed in the middle of a record leaves no lock behind.
///
/// Compat: mod_security2 used a mutex of the portable runtime, which other users and `chroot` could break. Where the lock file
/// cannot be made or reached, records are written without turns.
#[derive(Debug)]
pub struct Pipe {
    pipe: File,
    lock: Option<File>,
    turn: Mutex<Turn>,
    ragged: AtomicBool,
}

/// This process's own handle on the lock file: a lock belongs to an open file, and forked processes share theirs.
#[derive(Debug, Default)]
struct Turn {
    process: u32,
    handle: Option<File>,
}

impl Pipe {
    /// Takes the writing end. To be called while the configuration is read, before processes are forked.
    pub fn new(pipe: File) -> io::Result<Pipe> {
        Ok(Pipe::with_lock(pipe, unnamed_file().ok()))
    }

    /// A pipe whose writers take turns by locking `lock`; all of them have to inherit the same open file.
    pub fn with_lock(pipe: File, lock: Option<File>) -> Pipe {
        Pipe {
            pipe,
            lock,
            turn: Mutex::default(),
            ragged: AtomicBool::new(false),
        }
    }
}

impl Sink for Pipe {
    fn write(&self, record: &[u8]) -> io::Result<()> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        turn.reopen_after_fork(self.lock.as_ref());
        let _held = turn.handle.as_ref().and_then(Held::take);
        write_whole(&mut &self.pipe, &self.ragged, record)
    }
}

impl Turn {
    fn reopen_after_fork(&mut self, lock: Option<&File>) {
        let process = std::process::id();
        if self.process != process {
            self.process = process;
            self.handle = lock
                .and_then(|file| File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).ok());
        }
    }
}

/// A lock, held until dropped.
struct Held<'f>(&'f File);

impl Held<'_> {
    fn take(file: &File) -> Option<Held<'_>> {
        loop {
            match file.lock() {
                Ok(()) => return Some(Held(file)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // A lock that cannot be given back goes when the process ends.
        let _ = self.0.unlock();
    }
}

/// A file without a name. Only those who inherit it can reach it, so all of them may: the processes give up root after this.
fn unnamed_file() -> io::Result<File> {
    let name = format!("palisade-audit-{}", super::Boundary::random());
    let path = std::env::temp_dir().join(name);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    fs::remove_file(&path)?;
    file.set_permissions(fs::Permissions::from_mode(0o666))?;
    Ok(file)
}

/// Whether an open file is a pipe.
pub(super) fn is_pipe(file: &File) -> bool {
    file.metadata()
        .is_ok_and(|about| about.file_type().is_fifo())
}
