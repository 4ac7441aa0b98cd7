//! The lock of a store's file, waited for only so long.

use std::fs::{File, TryLockError};
use std::io;
use std::time::{Duration, Instant};

use crate::limits;

/// How long nobody tries after the lock could not be had: then a stopped process costs one wait in this time, not one a
/// request.
const PAUSE: Duration = Duration::from_secs(1);

/// Attempts that follow each other at once, before there are pauses between them.
const EAGER: u32 = 20;

/// Attempts that are made in any case. On a machine that has too much to do, time passes without any.
const LEAST_ATTEMPTS: u32 = 500;

/// One process's way to the lock.
#[derive(Default)]
pub(super) struct Lock {
    not_before: Option<Instant>,
}

impl Lock {
    /// Works while the lock is held. `None` when it is not even tried, because it could not be had a moment ago.
    ///
    /// Limit: [`limits::COLLECTION_LOCK_WAIT`]. Only a process that was stopped in the middle holds it for longer than it
    /// takes to read and write a page.
    pub(super) fn hold<T>(
        &mut self,
        file: &File,
        work: impl FnOnce(&File) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        let start = Instant::now();
        if self.not_before.is_some_and(|time| start < time) {
            return Ok(None);
        }
        self.not_before = None;
        let mut attempts = 0_u32;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) => {}
            }
            let late = start.elapsed() > Duration::from_millis(limits::COLLECTION_LOCK_WAIT);
            if late && attempts >= LEAST_ATTEMPTS {
                self.not_before = Some(Instant::now() + PAUSE);
                return Err(io::Error::other(
                    "another process holds the lock and does not let go",
                ));
            }
            match attempts.checked_sub(EAGER) {
                None => std::thread::yield_now(),
                Some(late) => std::thread::sleep(Duration::from_micros(20 << late.min(5))),
            }
            attempts += 1;
        }
        let result = work(file);
        file.unlock()?;
        result.map(Some)
    }
}
