//! Safe wrappers for httpd's records.
//!
//! A wrapper is a pointer with a lifetime: the time of the hook that httpd handed it to. It is neither `Send` nor
//! `'static`, so nothing of httpd's can be kept beyond the hook by accident; what must be kept is copied, or given to a
//! [`pool`]. Records are read and written field by field through the pointer, never borrowed whole: httpd and other
//! modules write to them while we hold the wrapper.

pub(super) mod brigade;
pub(super) mod connection;
pub(super) mod filter;
pub(super) mod log;
pub(super) mod pool;
pub(super) mod process;
pub(super) mod request;
pub(super) mod scoreboard;
pub(super) mod server;
pub(super) mod table;

use std::ffi::{CStr, c_char};

/// A C string as bytes; `None` for a null pointer.
///
/// # Safety
/// `text` is null or points to a string that ends with a NUL and is not changed or freed during `'t`.
pub(super) unsafe fn text<'t>(text: *const c_char) -> Option<&'t [u8]> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and for the rest the caller vouches.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes())
}
