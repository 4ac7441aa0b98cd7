//! From the birth of a child process to its end: what must not be shared with the parent is opened here.

use std::sync::Arc;

use super::host::pool::Pool;
use super::host::server::Server;
use super::{dirconf, guard, memory, shared, sys};
use crate::collections::Collections;

/// `child_init`: the child has its user, and no thread yet. Opens the collections: the lock of a file belongs to whoever
/// opened it, and a thread does not survive a fork.
pub(super) unsafe extern "C" fn child_init(pool: *mut sys::apr_pool_t, main: *mut sys::server_rec) {
    guard::enter("child_init", || {
        // SAFETY: httpd's main server and the pool of the child, which has one thread.
        let (pool, main) = unsafe { (Pool::from_raw(pool), Server::from_raw(main)) };
        let Some(config) = main.and_then(dirconf::of_server) else {
            return;
        };
        memory::hold();
        let collections = Arc::clone(&config.resolved().collections);
        collections.count_in(&shared::metrics().collections);
        without_signals(|| {
            collections.store();
        });
        if let Some(pool) = pool {
            pool.keep(CloseAtEnd(collections));
        }
    });
}

/// Lets go of the collections when the child ends: no thread of theirs may log when httpd's logs are gone.
struct CloseAtEnd(Arc<Collections>);

impl Drop for CloseAtEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Works with all signals blocked, so that threads made meanwhile never get one: signals are for httpd's own threads.
fn without_signals(work: impl FnOnce()) {
    // SAFETY: signal sets are plain data, which `sigfillset` fills and `pthread_sigmask` reads and writes; only the calling
    // thread's mask changes, and it is put back.
    let before = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        before
    };
    work();
    // SAFETY: as above.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
    }
}
