//! Memory that all of httpd's processes share, for as long as httpd lives.

use std::sync::OnceLock;
use std::time::SystemTime;

use super::host::pool::Pool;
use super::host::server::Server;
use super::sys;
use crate::metrics::Metrics;

/// What is in the shared memory: only numbers that any process may change at any time, all zero at first. Its size is that
/// of [`Metrics`], whatever happens.
///
/// Made before the first child is forked, and never given back: restarts keep counting.
static SHARED: OnceLock<&'static Metrics> = OnceLock::new();

/// For the time before, and where there is no shared memory to be had: this process's own.
static OWN: Metrics = Metrics::new();

/// Asks the system for the memory, once in the life of httpd.
pub(super) fn create(main: Server<'_>) {
    SHARED
        .get_or_init(|| allocate(main.process_pool()).unwrap_or(&OWN))
        .start(SystemTime::now());
}

fn allocate(pool: Option<Pool<'_>>) -> Option<&'static Metrics> {
    let mut memory = std::ptr::null_mut();
    // SAFETY: the pool is that of the process: it goes when the process ends, and the memory with it. On success the memory is
    // at least as large as asked for, aligned to a page, and all zero; that is a valid `Metrics`, and nothing but the
    // atomic numbers in it is ever written to.
    unsafe {
        let status = sys::apr_shm_create(
            &raw mut memory,
            size_of::<Metrics>(),
            std::ptr::null(),
            pool?.as_ptr(),
        );
        if status != sys::APR_SUCCESS {
            return None;
        }
        let base = sys::apr_shm_baseaddr_get(memory).cast::<Metrics>();
        base.is_aligned().then_some(base.as_ref())?
    }
}

/// What the server has counted since its start.
pub(super) fn metrics() -> &'static Metrics {
    SHARED.get().copied().unwrap_or(&OWN)
}
