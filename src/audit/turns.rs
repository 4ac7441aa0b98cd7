//! Writers that take turns: the threads of a process by a mutex, processes by a lock that goes with its holder.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Boundary;

/// Turns at something that several processes write to. A process that is killed in its turn leaves no lock behind, and the next
/// one learns of it.
///
/// The lock is on a file without a name that all of them inherit, and what one leaves to the next stands in that file. Where it
/// cannot be made or reached, only the threads of one process take turns.
#[derive(Debug)]
pub(super) struct Turns {
    lock: Option<File>,
    own: Mutex<Own>,
}

/// This process's own handle on the lock file: a lock belongs to an open file, and forked processes share theirs.
#[derive(Debug, Default)]
struct Own {
    process: u32,
    handle: Option<File>,
    /// What is known where there is no lock file.
    state: State,
}

/// What one writer leaves to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct State {
    /// The last record may not be whole.
    pub ragged: bool,
    /// The other side did not read for too long: nobody waits for it again until it does.
    pub stuck: bool,
}

/// A turn, until dropped.
pub(super) struct Turn<'t>(MutexGuard<'t, Own>);

impl Turns {
    /// To be called before processes are forked.
    pub fn new(state: State) -> Turns {
        Turns::with_lock(unnamed_file().ok(), state)
    }

    /// Turns by locking this file, of which all writers have to inherit the same open file.
    pub fn with_lock(lock: Option<File>, state: State) -> Turns {
        state.store(lock.as_ref());
        Turns {
            lock,
            own: Mutex::new(Own {
                state,
                ..Own::default()
            }),
        }
    }

    /// Waits for a turn.
    pub fn take(&self) -> Turn<'_> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.reopen_after_fork(self.lock.as_ref());
        if let Some(file) = &own.handle {
            while let Err(error) = file.lock()
                && error.kind() == io::ErrorKind::Interrupted
            {}
        }
        Turn(own)
    }
}

impl Turn<'_> {
    /// What the turn before left.
    pub fn state(&self) -> State {
        State::load(self.0.handle.as_ref()).unwrap_or(self.0.state)
    }

    /// Leaves something to the next turn: at its end, or in case this process is killed on the way.
    pub fn leave(&mut self, state: State) {
        state.store(self.0.handle.as_ref());
        self.0.state = state;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // A lock that cannot be given back goes when the process ends.
        let _ = self.0.handle.as_ref().map(File::unlock);
    }
}

impl State {
    fn load(file: Option<&File>) -> Option<State> {
        let mut bytes = [0; 2];
        file?.read_exact_at(&mut bytes, 0).ok()?;
        let [ragged, stuck] = bytes.map(|byte| byte != 0);
        Some(State { ragged, stuck })
    }

    fn store(self, file: Option<&File>) {
        let bytes = [u8::from(self.ragged), u8::from(self.stuck)];
        // What cannot be noted is known to this process alone.
        let _ = file.map(|file| file.write_all_at(&bytes, 0));
    }
}

impl Own {
    fn reopen_after_fork(&mut self, lock: Option<&File>) {
        let process = std::process::id();
        if self.process != process {
            self.process = process;
            let own = |file: &File| {
                let path = format!("/proc/self/fd/{}", file.as_raw_fd());
                OpenOptions::new().read(true).write(true).open(path).ok()
            };
            self.handle = lock.and_then(own);
        }
    }
}

/// A file without a name, in memory if possible. Only those who inherit it can reach it, so all of them may: the processes give
/// up root after this.
fn unnamed_file() -> io::Result<File> {
    let name = format!("palisade-audit-{}", Boundary::random());
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let open = |directory: PathBuf| {
        let path = directory.join(&name);
        let file = options.open(&path)?;
        fs::remove_file(&path)?;
        file.set_permissions(fs::Permissions::from_mode(0o666))?;
        Ok(file)
    };
    open(PathBuf::from("/dev/shm")).or_else(|_: io::Error| open(std::env::temp_dir()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_turn_leaves_word_for_the_next() {
        let ragged = State {
            ragged: true,
            stuck: false,
        };
        for turns in [Turns::new(ragged), Turns::with_lock(None, ragged)] {
            let mut turn = turns.take();
            assert_eq!(turn.state(), ragged);
            let stuck = State {
                stuck: true,
                ..State::default()
            };
            turn.leave(stuck);
            drop(turn);
            assert_eq!(turns.take().state(), stuck);
        }
    }

    #[test]
    fn threads_take_turns() {
        let turns = Turns::new(State::default());
        let inside = Mutex::new(());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let _turn = turns.take();
                        let alone = inside.try_lock();
                        assert!(alone.is_ok());
                        std::thread::yield_now();
                    }
                });
            }
        });
    }
}
