//! httpd's error log.

use std::ffi::{CStr, CString, c_int};

use super::request::Request;
use super::server::Server;
use crate::apache::{module, sys};

/// What entries carry as their source file, where C has `__FILE__`.
const SOURCE: &CStr = c"mod_palisade";

/// The level of an entry, as `LogLevel` names them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::apache) enum Level {
    /// `emerg`: httpd cannot start.
    Emergency,
    /// `crit`
    Critical,
    /// `error`
    Error,
    /// `warn`
    Warning,
    /// `notice`
    Notice,
    /// `info`
    Info,
    /// `debug`
    Debug,
    /// `trace1`
    Trace,
}

impl Level {
    /// httpd's number: the lower the more severe.
    pub(in crate::apache) fn number(self) -> c_int {
        match self {
            Level::Emergency => sys::APLOG_EMERG,
            Level::Critical => sys::APLOG_CRIT,
            Level::Error => sys::APLOG_ERR,
            Level::Warning => sys::APLOG_WARNING,
            Level::Notice => sys::APLOG_NOTICE,
            Level::Info => sys::APLOG_INFO,
            Level::Debug => sys::APLOG_DEBUG,
            Level::Trace => sys::APLOG_TRACE1,
        }
    }
}

/// Writes one entry to the error log of a server; to standard error while there is none. httpd adds time, module, level
/// and process, escapes what is not printable, and honours the server's `LogLevel`.
pub(in crate::apache) fn write(server: Option<Server<'_>>, level: Level, line: &[u8]) {
    emit(server, level.number(), line);
}

/// Writes one entry about a request, with what httpd or the `ErrorLogFormat` adds about it.
pub(in crate::apache) fn write_for(request: Request<'_>, level: Level, line: &[u8]) {
    let line = for_c(line);
    // SAFETY: as in `emit`; the request is alive.
    unsafe {
        sys::ap_log_rerror_(
            SOURCE.as_ptr(),
            0,
            module::index(),
            level.number(),
            sys::APR_SUCCESS,
            request.as_ptr(),
            c"%s".as_ptr(),
            line.as_ptr(),
        );
    }
}

/// Writes a line for whoever starts httpd: on the terminal, without time and module.
pub(in crate::apache) fn tell_starter(line: &str) {
    emit(None, sys::APLOG_STARTUP | sys::APLOG_CRIT, line.as_bytes());
}

fn emit(server: Option<Server<'_>>, level: c_int, line: &[u8]) {
    let line = for_c(line);
    // SAFETY: file name, format and line end with a NUL, and the format asks for exactly one string. A null server is
    // allowed, and httpd's logging may be called from any thread.
    unsafe {
        sys::ap_log_error_(
            SOURCE.as_ptr(),
            0,
            module::index(),
            level,
            sys::APR_SUCCESS,
            server.map_or(std::ptr::null(), Server::as_ptr),
            c"%s".as_ptr(),
            line.as_ptr(),
        );
    }
}

/// A line as a C string: a NUL inside becomes a blank, so that nothing after it is lost.
pub(in crate::apache) fn for_c(line: &[u8]) -> CString {
    let line = line
        .iter()
        .map(|&byte| if byte == 0 { b' ' } else { byte })
        .collect::<Vec<u8>>();
    CString::new(line).unwrap_or_default()
}
