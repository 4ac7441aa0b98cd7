//! The boundary that no panic crosses. Every function that httpd calls enters through [`enter`] or [`catch`].
//!
//! A panic that unwound into C would abort the child process and with it every request it serves. Here it ends at the
//! entry: one line is written to the error log, and the type of the entry's answer says what httpd is told.

use std::any::Any;
use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use super::host::log::{self, Level};
use super::host::server::Server;
use super::sys;

/// What an entry answers to httpd, and what it answers when it panicked.
pub(super) trait Answer {
    /// What C wants.
    type Raw;

    /// The answer for C.
    fn raw(self) -> Self::Raw;

    /// The answer after a panic.
    fn after_panic() -> Self;
}

/// What a request hook tells httpd.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Go on.
    Declined,
    /// Go on; this hook has seen to it.
    Done,
    /// Answer with this status.
    Status(u16),
    /// This hook has answered: go to the end of the request.
    Answered,
    /// A filter has answered already: say nothing more.
    AlreadyAnswered,
}

impl Answer for Outcome {
    type Raw = c_int;

    fn raw(self) -> c_int {
        match self {
            Outcome::Declined => sys::DECLINED,
            Outcome::Done => sys::OK,
            Outcome::Status(status) => c_int::from(status),
            Outcome::Answered => sys::DONE,
            Outcome::AlreadyAnswered => sys::AP_FILTER_ERROR,
        }
    }

    fn after_panic() -> Outcome {
        Outcome::Status(500)
    }
}

/// What a hook says that only looks on: there is nothing it could refuse.
pub(super) struct Observed;

impl Answer for Observed {
    type Raw = c_int;

    fn raw(self) -> c_int {
        sys::DECLINED
    }

    fn after_panic() -> Observed {
        Observed
    }
}

/// What a start-up hook says. `Err` stops httpd; the reason has been logged.
pub(super) type Started = Result<(), ()>;

impl Answer for Started {
    type Raw = c_int;

    fn raw(self) -> c_int {
        match self {
            Ok(()) => sys::OK,
            Err(()) => sys::HTTP_INTERNAL_SERVER_ERROR,
        }
    }

    fn after_panic() -> Started {
        Err(())
    }
}

/// What a directive says: null, or what is wrong, in memory that outlives the reading of the configuration.
pub(super) struct Complaint(pub(super) *const c_char);

impl Answer for Complaint {
    type Raw = *const c_char;

    fn raw(self) -> *const c_char {
        self.0
    }

    fn after_panic() -> Complaint {
        Complaint(
            c"ModSecurity: internal error in reading this directive; the line before says where"
                .as_ptr(),
        )
    }
}

/// What a filter says: `APR_SUCCESS` or an error.
pub(super) struct Filtered(pub(super) sys::apr_status_t);

impl Answer for Filtered {
    type Raw = sys::apr_status_t;

    fn raw(self) -> sys::apr_status_t {
        self.0
    }

    /// httpd answers 500 to this if nothing has been sent, and closes the connection otherwise.
    fn after_panic() -> Filtered {
        Filtered(sys::AP_FILTER_ERROR)
    }
}

impl Answer for () {
    type Raw = ();

    fn raw(self) {}

    fn after_panic() {}
}

/// Runs the body of an entry; after a panic, httpd is told what the type of the answer says.
pub(super) fn enter<A: Answer>(entry: &'static str, body: impl FnOnce() -> A) -> A::Raw {
    catch(entry, None, body)
        .unwrap_or_else(|Panicked| A::after_panic())
        .raw()
}

/// An entry panicked. The error log has the line.
pub(super) struct Panicked;

/// Runs the body of an entry and catches its panic. The line about it goes to the error log of `server` where there is
/// one, otherwise to that of the main server.
pub(super) fn catch<T>(
    entry: &'static str,
    server: Option<Server<'_>>,
    body: impl FnOnce() -> T,
) -> Result<T, Panicked> {
    let inside = Inside {
        entry,
        server: server.map_or(std::ptr::null(), |server| server.as_ptr()),
    };
    let outer = INSIDE.replace(Some(inside));
    // What the body leaves half done is either never looked at again (the request's transaction is marked as broken) or
    // consistent after every step (httpd's own records).
    let outcome = catch_unwind(AssertUnwindSafe(body));
    INSIDE.set(outer);
    outcome.map_err(|_| Panicked)
}

/// The entry that this thread is in.
#[derive(Clone, Copy)]
struct Inside {
    entry: &'static str,
    server: *const sys::server_rec,
}

thread_local! {
    // `const` and without a destructor: nothing is registered to run when one of httpd's threads ends.
    static INSIDE: Cell<Option<Inside>> = const { Cell::new(None) };
}

/// Sends the report of a panic to the error log, in one line and without a backtrace, instead of to standard error. Once
/// for the life of the process: the library stays loaded over restarts.
pub(super) fn install_panic_report() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| std::panic::set_hook(Box::new(report)));
}

fn report(panic: &PanicHookInfo<'_>) {
    let inside = INSIDE.try_with(Cell::get).ok().flatten();
    let entry = inside.map_or("a thread", |inside| inside.entry);
    // SAFETY: a server pointer in `INSIDE` was taken from a `Server` that lives as long as the entry, and the entry is
    // still running: this is its panic.
    let server = inside.and_then(|inside| unsafe { Server::from_raw(inside.server.cast_mut()) });
    let place = panic.location().map_or(String::new(), |at| {
        format!(" at {}:{}", at.file(), at.line())
    });
    let line = format!(
        "ModSecurity: internal error (panic) in {entry}{place}: {}",
        message(panic.payload())
    );
    log::write(
        server.or_else(Server::main),
        Level::Critical,
        line.as_bytes(),
    );
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

/// In builds for tests only: panics where the request's header `X-Palisade-Panic` names the entry.
#[cfg(feature = "planted-panic")]
#[expect(clippy::panic, reason = "that is its purpose")]
pub(super) fn planted(request: super::host::request::Request<'_>, entry: &str) {
    if request.headers_in().get(c"X-Palisade-Panic") == Some(entry.as_bytes()) {
        panic!("planted in {entry}");
    }
}

/// In builds for use: nothing.
#[cfg(not(feature = "planted-panic"))]
pub(super) fn planted(_: super::host::request::Request<'_>, _: &str) {}
