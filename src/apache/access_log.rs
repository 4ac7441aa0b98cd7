//! `%{VARIABLE}M` in `LogFormat` and `CustomLog`: any variable of the rule language, as in `%{TX.score}M` and `%{ARGS.a}M`.
//!
//! Compat: as in mod_security2. What a client sent is escaped, though, so that it ends neither a line nor a quoted field.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::null;

use super::host::pool::Pool;
use super::host::request::Request;
use super::{guard, state, sys};

/// `ap_log_handler_fn_t` of mod_log_config.h.
type Handler = unsafe extern "C" fn(*mut sys::request_rec, *mut c_char) -> *const c_char;

/// `ap_register_log_handler` there: pool, letter, handler, and whether the original request is meant by default.
type Register = unsafe extern "C" fn(*mut sys::apr_pool_t, *const c_char, Handler, c_int);

/// Tells mod_log_config of the letter, where that module is loaded. `LogFormat` is read later.
pub(super) fn register(pool: Pool<'_>) {
    // SAFETY: the name ends with a NUL. What is registered under it is that function of mod_log_config, whose type is
    // public and the same in all of httpd 2.x; APR hands it out as a function without arguments. The letter and
    // the handler stay as long as the process, the pool as long as the configuration.
    unsafe {
        let found = sys::apr_dynamic_fn_retrieve(c"ap_register_log_handler".as_ptr());
        if let Some(function) = found {
            let register: Register = std::mem::transmute(function);
            register(pool.as_ptr(), c"M".as_ptr(), variable, 0);
        }
    }
}

/// What stands in the braces, for the log; null, which is written as `-`, where it has no value.
unsafe extern "C" fn variable(request: *mut sys::request_rec, name: *mut c_char) -> *const c_char {
    // SAFETY: mod_log_config hands over the request that it logs, and what stood in the braces, or null.
    let (request, name) = unsafe {
        let Some(request) = Request::from_raw(request) else {
            return null();
        };
        if name.is_null() {
            return null();
        }
        (request, CStr::from_ptr(name).to_bytes())
    };
    guard::enter("the access log", || {
        let text = state::of(request)
            .and_then(|state| {
                state.with(request, |transaction, host| {
                    transaction.log_text(name, host)
                })
            })
            .filter(|text| !text.is_empty());
        Written(text.map_or(null(), |text| request.pool().string(&text)))
    })
}

/// A field of the access log, in the request's pool; or null.
struct Written(*const c_char);

impl guard::Answer for Written {
    type Raw = *const c_char;

    fn raw(self) -> *const c_char {
        self.0
    }

    fn after_panic() -> Written {
        Written(null())
    }
}
