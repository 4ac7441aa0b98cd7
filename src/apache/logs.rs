//! Opens the logs that the configuration names: files and programs, as root, when all of it has been read.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::host::log::{self, Level};
use super::host::pool::Pool;
use super::host::server::{self, Server};
use super::{dirconf, shared, sys};
use crate::audit::{AuditLog, Place, Target};
use crate::losses::{AUDIT_LOG, LOGIN_AUDIT, complaint};

/// Opens every log, each distinct file or program once. `pool` is that of the configuration: programs end with it.
///
/// A log that cannot be opened stops the start. A server that runs already goes on without: records are lost and counted, and
/// a file is tried again by whoever has a record for it.
pub(super) fn open(main: Server<'_>, pool: Pool<'_>) -> Result<(), ()> {
    let mut opened: BTreeMap<Place, Arc<AuditLog>> = BTreeMap::new();
    let mut programs = Programs::default();
    let mut outcome = Ok(());
    for target in main
        .chain()
        .flat_map(dirconf::everywhere)
        .flat_map(|config| config.logs())
    {
        if let Some(log) = opened.get(&target.place) {
            target.set(Arc::clone(log));
            continue;
        }
        let log = match &target.place {
            Place::File(path) => {
                AuditLog::open(path, target.mode).map_err(|error| target.problem(&error.reason()))
            }
            Place::Program(command) => programs
                .start(command, pool)
                .map(|pipe| AuditLog::piped(&target.name(), pipe))
                .map_err(|error| target.problem(&error)),
        };
        match log {
            Ok(log) => {
                let log = Arc::new(log);
                target.set(Arc::clone(&log));
                opened.insert(target.place.clone(), log);
            }
            Err(error) => {
                report(main, &target, &error);
                if !server::is_restart() {
                    outcome = Err(());
                }
            }
        }
    }
    PROGRAMS.store(
        (&raw const *pool.keep(programs)).cast_mut(),
        Ordering::Relaxed,
    );
    outcome
}

fn report(main: Server<'_>, target: &Target, error: &str) {
    let origin = &target.origin;
    let line = format!("{error} ({}:{})", origin.file, origin.line);
    log::write(Some(main), Level::Error, line.as_bytes());
    if !server::is_restart() {
        log::tell_starter(&line);
    }
}

/// The programs of the configuration in force. Null before there is one.
static PROGRAMS: AtomicPtr<Programs> = AtomicPtr::new(null_mut());

/// Programs that logs are written to.
#[derive(Default)]
struct Programs(Vec<*mut sys::piped_log>);

impl Drop for Programs {
    fn drop(&mut self) {
        PROGRAMS.store(null_mut(), Ordering::Relaxed);
    }
}

impl Programs {
    /// Starts a program, which httpd starts anew when it ends, and returns the pipe to it.
    fn start(&mut self, command: &str, pool: Pool<'_>) -> io::Result<File> {
        // Compat: as for `CustomLog`: `|program` and `||program` are run directly, `|$command` by a shell.
        let (command, kind) = match command.strip_prefix('$') {
            Some(command) => (command, sys::apr_cmdtype_e_APR_SHELLCMD_ENV),
            None => (
                command.strip_prefix('|').unwrap_or(command),
                sys::apr_cmdtype_e_APR_PROGRAM_ENV,
            ),
        };
        let program = CString::new(command)?;
        // SAFETY: the pool is the configuration's, and the string ends with a NUL. What is returned lives in the pool.
        let piped = unsafe { sys::ap_open_piped_log_ex(pool.as_ptr(), program.as_ptr(), kind) };
        if piped.is_null() {
            return Err(io::Error::other("the program could not be started"));
        }
        self.0.push(piped);
        // SAFETY: the pipe is open. A timeout of 0 means that writing never blocks: writers have their own patience.
        // The descriptor is borrowed only while it is copied.
        unsafe {
            let end = sys::ap_piped_log_write_fd(piped);
            sys::apr_file_pipe_timeout_set(end, 0);
            let mut descriptor = -1;
            if sys::apr_os_file_get(&raw mut descriptor, end) != sys::APR_SUCCESS || descriptor < 0
            {
                return Err(io::Error::other("there is no pipe to it"));
            }
            let copy = BorrowedFd::borrow_raw(descriptor).try_clone_to_owned();
            copy.map(File::from)
        }
    }

    /// Closes this process's copies of the programs' ends: when a program is gone for good, writing to it must fail and not
    /// fill a pipe that nobody reads.
    fn leave_reading_to_them(&self) {
        for &piped in &self.0 {
            // SAFETY: the pipes live in the configuration's pool. Each is closed once: a child is initialised once.
            unsafe {
                sys::apr_file_close(sys::ap_piped_log_read_fd(piped));
            }
        }
    }
}

/// What a child process does about logs when it begins: `pool` is the child's own.
pub(super) fn enter_child(main: Server<'_>, pool: Pool<'_>) {
    // SAFETY: null, or in the pool of the configuration in force, which a child never drops while it begins.
    if let Some(programs) = unsafe { PROGRAMS.load(Ordering::Relaxed).as_ref() } {
        programs.leave_reading_to_them();
    }
    pool.keep(LastWord(main.as_ptr()));
}

/// At the end of a process, tells of the losses that it was too early to tell.
struct LastWord(*const sys::server_rec);

impl Drop for LastWord {
    fn drop(&mut self) {
        // SAFETY: a child's pool goes before the configuration that it was forked with.
        let main = unsafe { Server::from_raw(self.0.cast_mut()) };
        for (name, losses) in [
            (AUDIT_LOG, &shared::metrics().audit_losses),
            (LOGIN_AUDIT, shared::login_losses()),
        ] {
            if let Some(number) = losses.untold() {
                let text = complaint(name, number, losses.total(), "a server process ends");
                log::write(main, Level::Error, text.as_bytes());
            }
        }
    }
}
