//! `SecConnEngine`: a connection from an address that holds too many already is closed before anything is read from it.
//!
//! What the other connections are at is in httpd's scoreboard, which all of its processes share.

use std::ffi::c_int;
use std::net::IpAddr;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::guard::{self, Outcome};
use super::host::connection::{Connection, parse_address};
use super::host::log::{self, Level};
use super::host::pool::Pool;
use super::host::scoreboard;
use super::host::server::Server;
use super::{dirconf, sys};
use crate::client::{Forwarding, resolve};
use crate::config::ConnectionLimits;
use crate::types::EngineMode;

/// What the configuration in force says. Null before there is one, and where connections need not be counted.
static LIMITS: AtomicPtr<ConnectionLimits> = AtomicPtr::new(null_mut());

/// Keeps the limits with the configuration that they were read from.
struct Kept(ConnectionLimits);

impl Drop for Kept {
    fn drop(&mut self) {
        LIMITS.store(null_mut(), Ordering::Relaxed);
    }
}

/// Gathers what all sections say, when the whole configuration has been read.
///
/// The addresses in the scoreboard are written only with `ExtendedStatus`, which mod_status switches on: so do limits.
pub(super) fn gather(main: Server<'_>, pool: Pool<'_>) {
    let mut limits = ConnectionLimits::default();
    for section in main.chain().flat_map(dirconf::everywhere) {
        section.add_connection_limits(&mut limits);
    }
    if limits.active() {
        scoreboard::keep_addresses();
        let kept = &raw const pool.keep(Kept(limits)).0;
        LIMITS.store(kept.cast_mut(), Ordering::Relaxed);
    }
}

/// `process_connection`: a connection is about to be read from.
pub(super) unsafe extern "C" fn process_connection(connection: *mut sys::conn_rec) -> c_int {
    // SAFETY: null, or in the pool of the configuration in force, which lives while connections are served.
    let Some(limits) = (unsafe { LIMITS.load(Ordering::Relaxed).as_ref() }) else {
        return sys::DECLINED;
    };
    // SAFETY: httpd hands the hook a connection that is alive and that only this thread works on.
    let Some(connection) = NonNull::new(connection).map(|raw| unsafe { Connection::from_raw(raw) })
    else {
        return sys::DECLINED;
    };
    let judged = guard::catch("process_connection", None, || judge(limits, connection));
    match judged {
        Ok(Outcome::Done) => sys::OK,
        _ => sys::DECLINED,
    }
}

fn judge(limits: &ConnectionLimits, connection: Connection<'_>) -> Outcome {
    // The streams of HTTP/2 come on a connection that has been counted.
    if connection.is_stream() {
        return Outcome::Declined;
    }
    let (peer, peer_port) = connection.peer();
    connection.mark_as_reading();
    let (mut reading, mut writing) = (0, 0);
    scoreboard::each_worker(|state, address| {
        let same = || parse_address(address).is_some_and(|address: IpAddr| address == peer);
        match state {
            sys::SERVER_BUSY_READ if same() => reading += 1,
            sys::SERVER_BUSY_WRITE if same() => writing += 1,
            _ => {}
        }
    });
    let Some(sentence) = limits.judge(peer, reading, writing) else {
        return Outcome::Declined;
    };
    let main = Server::main();
    if let Some(config) = main.and_then(dirconf::of_server) {
        let client = resolve(
            &config.resolved().client_policy,
            &Forwarding {
                peer,
                peer_port,
                headers: &|_| Vec::new(),
                useragent: None,
            },
        );
        let line = client.log_frame(limits.engine == EngineMode::On) + &sentence;
        log::write(main, Level::Warning, line.as_bytes());
    }
    match limits.engine {
        EngineMode::On => Outcome::Done,
        EngineMode::Off | EngineMode::DetectionOnly => Outcome::Declined,
    }
}
