//! The scoreboard: what each of httpd's workers is at, in memory that all of its processes share.

use std::ffi::{c_char, c_int};
use std::sync::atomic::{AtomicU8, Ordering};

use crate::apache::sys;

/// Lets httpd write down whom each worker serves.
pub(in crate::apache) fn keep_addresses() {
    // SAFETY: a switch of httpd's, set while it starts with one thread.
    unsafe { sys::ap_extended_status = 1 };
}

/// Shows the state of every worker, and the address that it serves or has served last, as text.
pub(in crate::apache) fn each_worker(mut look: impl FnMut(c_int, &[u8])) {
    // SAFETY: httpd makes the scoreboard before it forks, and it stays for the life of a process.
    let Some((processes, threads)) = (unsafe {
        sys::ap_scoreboard_image
            .as_ref()
            .and_then(|image| image.global.as_ref())
            .map(|global| (global.server_limit, global.thread_limit))
    }) else {
        return;
    };
    for process in 0..processes {
        for thread in 0..threads {
            // SAFETY: the indexes are within the scoreboard's own bounds.
            let worker = unsafe { sys::ap_get_scoreboard_worker_from_indexes(process, thread) };
            if worker.is_null() {
                continue;
            }
            // SAFETY: the record is in the scoreboard. Other processes write to it at any time, without a lock, as httpd
            // has it: so single bytes are read, atomically, and a torn address is one that nobody has.
            unsafe {
                let state = AtomicU8::from_ptr((&raw mut (*worker).status).cast());
                let state = state.load(Ordering::Relaxed);
                let mut address = [0; 64];
                let written: *mut [c_char; 64] = &raw mut (*worker).client64;
                let mut length = 0;
                for (at, byte) in address.iter_mut().enumerate() {
                    let written = written.cast::<u8>().add(at);
                    *byte = AtomicU8::from_ptr(written).load(Ordering::Relaxed);
                    if *byte == 0 {
                        break;
                    }
                    length += 1;
                }
                look(c_int::from(state), &address[..length]);
            }
        }
    }
}
