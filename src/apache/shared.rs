//! Memory that all of httpd's processes share, for as long as httpd lives.

use std::sync::OnceLock;
use std::time::SystemTime;

use super::host::log::{self, Level};
use super::host::pool::Pool;
use super::host::server::Server;
use super::sys;
use crate::bans::Board;
use crate::linkback::Memory;
use crate::login::Recent;
use crate::losses::Losses;
use crate::metrics::Metrics;

/// What is in the shared memory: only numbers that any process may change at any time, all zero at first. Its size is fixed.
struct Shared {
    metrics: Metrics,
    login_losses: Losses,
    recent_logins: Recent,
    linkbacks: Memory,
    bans: Board,
}

/// Made before the first child is forked, and never given back: restarts keep counting.
static SHARED: OnceLock<&'static Shared> = OnceLock::new();

/// For the time before, and where there is no shared memory to be had: this process's own.
static OWN: Shared = Shared {
    metrics: Metrics::new(),
    login_losses: Losses::new(),
    recent_logins: Recent::new(),
    linkbacks: Memory::new(),
    bans: Board::new(),
};

/// Asks the system for the memory, once in the life of httpd. Without it every process would count for itself, and say so.
pub(super) fn create(main: Server<'_>) {
    let shared = SHARED.get_or_init(|| {
        allocate(main.process_pool()).unwrap_or_else(|| {
            let line =
                "ModSecurity: there is no shared memory to be had: every process counts for itself";
            log::write(Some(main), Level::Error, line.as_bytes());
            &OWN
        })
    });
    shared.metrics.start(SystemTime::now());
}

fn allocate(pool: Option<Pool<'_>>) -> Option<&'static Shared> {
    let mut memory = std::ptr::null_mut();
    // SAFETY: the pool is that of the process: it goes when the process ends, and the memory with it. On success the memory is
    // at least as large as asked for and all zero; moved on to the next place that is aligned, which is less than an alignment
    // away, it still has room for a `Shared`, which zero bytes are. Nothing but the atomic numbers in it is ever written to.
    unsafe {
        let status = sys::apr_shm_create(
            &raw mut memory,
            size_of::<Shared>() + align_of::<Shared>(),
            std::ptr::null(),
            pool?.as_ptr(),
        );
        if status != sys::APR_SUCCESS {
            return None;
        }
        // APR keeps a word of its own before the memory, so that it is not aligned to more than that.
        let base = sys::apr_shm_baseaddr_get(memory).cast::<u8>();
        let offset = base.align_offset(align_of::<Shared>());
        if base.is_null() || offset >= align_of::<Shared>() {
            return None;
        }
        base.add(offset).cast::<Shared>().as_ref()
    }
}

fn shared() -> &'static Shared {
    SHARED.get().copied().unwrap_or(&OWN)
}

/// What the server has counted since its start.
pub(super) fn metrics() -> &'static Metrics {
    &shared().metrics
}

/// Lines about logins that it has lost.
pub(super) fn login_losses() -> &'static Losses {
    &shared().login_losses
}

/// Logins that go on.
pub(super) fn recent_logins() -> &'static Recent {
    &shared().recent_logins
}

/// What is known of pages fetched for pings.
pub(super) fn linkbacks() -> &'static Memory {
    &shared().linkbacks
}

/// What the processes tell each other about bans.
pub(super) fn bans() -> &'static Board {
    &shared().bans
}
