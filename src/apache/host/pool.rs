//! APR pools: memory that lives as long as a request, a connection or a configuration.

use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::apache::{guard, sys};

/// A pool that lives at least as long as `'p`.
#[derive(Clone, Copy)]
pub(in crate::apache) struct Pool<'p> {
    raw: NonNull<sys::apr_pool_t>,
    life: PhantomData<&'p sys::apr_pool_t>,
}

impl<'p> Pool<'p> {
    /// # Safety
    /// `raw` is null or points to a pool that is not destroyed or cleared during `'p`, and that no other thread uses
    /// meanwhile.
    pub(in crate::apache) unsafe fn from_raw(raw: *mut sys::apr_pool_t) -> Option<Pool<'p>> {
        NonNull::new(raw).map(|raw| Pool {
            raw,
            life: PhantomData,
        })
    }

    pub(in crate::apache) fn as_ptr(self) -> *mut sys::apr_pool_t {
        self.raw.as_ptr()
    }

    /// A copy for C: ends with a NUL. What follows a NUL inside is invisible to C and left out.
    pub(in crate::apache) fn string(self, bytes: &[u8]) -> *const c_char {
        let bytes = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        // SAFETY: the pool is alive; that many bytes are read from the slice, and the copy gets its own NUL.
        unsafe { sys::apr_pstrmemdup(self.as_ptr(), bytes.as_ptr().cast(), bytes.len()) }
    }

    /// Moves a value into the pool. It is dropped when the pool is.
    pub(in crate::apache) fn keep<T: 'static>(self, value: T) -> &'p T {
        let kept: *mut T = Box::into_raw(Box::new(value));
        // SAFETY: the pool is alive, and `release::<T>` is what the pointer wants: it came from a box of `T` and nobody
        // else frees it. A process that is about to exec has no use for our values: nothing is run there.
        unsafe {
            sys::apr_pool_cleanup_register(
                self.as_ptr(),
                kept.cast(),
                Some(release::<T>),
                Some(sys::apr_pool_cleanup_null),
            );
        }
        // SAFETY: freshly made, and freed only when the pool is destroyed, which is not during `'p`.
        unsafe { &*kept }
    }
}

/// The cleanup of a pool that keeps a `T`.
unsafe extern "C" fn release<T>(kept: *mut c_void) -> sys::apr_status_t {
    guard::enter("a pool cleanup", || {
        // SAFETY: `keep` registered this function for this pointer, which came from a `Box<T>`; APR runs a cleanup once.
        drop(unsafe { Box::from_raw(kept.cast::<T>()) });
    });
    sys::APR_SUCCESS
}
