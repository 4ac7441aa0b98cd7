//! Programs that are started for a request: what they are told, and what they do not inherit.

use std::ffi::{CStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::request::Request;
use super::table::Table;
use super::text;
use crate::apache::sys;

/// The first descriptor behind standard input, output and error.
const FIRST_OF_SERVER: libc::c_int = 3;

/// Where there is no `close_range`: how many descriptors are looked at at most. The servers of those days had fewer.
const DESCRIPTORS_LIMIT: libc::c_int = 65_536;

/// The environment of a CGI program that would answer this request. The request's own environment stays as it is.
///
/// Compat: `PATH_TRANSLATED` is left to the engine, which gives the program's path there, as 2.9 does.
pub(in crate::apache) fn environment(request: Request<'_>) -> Vec<(OsString, OsString)> {
    let raw = request.as_ptr();
    let pool = request.pool();
    // SAFETY: the request and its pool are alive, and only this thread works on them. httpd's function writes to the table
    // that the request names, so a copy takes its place during the call.
    let table = unsafe {
        let own = (*raw).subprocess_env;
        let copy = match own.is_null() {
            true => sys::apr_table_make(pool.as_ptr(), 32),
            false => sys::apr_table_copy(pool.as_ptr(), own),
        };
        (*raw).subprocess_env = copy;
        sys::ap_add_common_vars(raw);
        let filled = (*raw).subprocess_env;
        (*raw).subprocess_env = own;
        filled
    };
    // SAFETY: just made, in the request's pool.
    let variables = unsafe { Table::from_raw(table) };
    add_cgi_variables(request, variables);
    // SAFETY: the pool and the table are alive. The answer is an array of strings in the pool that a null pointer ends.
    let list = unsafe { sys::ap_create_environment(pool.as_ptr(), table) };
    let mut environment = Vec::new();
    for at in 0.. {
        // SAFETY: the array is read up to the null pointer that ends it, not beyond.
        let Some(entry) = (unsafe { text(*list.add(at)) }) else {
            break;
        };
        let Some(end) = memchr::memchr(b'=', entry) else {
            continue;
        };
        let (name, value) = entry.split_at(end);
        let value = value.get(1..).unwrap_or_default();
        let owned = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        environment.push((owned(name), owned(value)));
    }
    environment
}

/// What httpd's `ap_add_cgi_vars` adds. That function looks up a subrequest, which would come to us again.
fn add_cgi_variables(request: Request<'_>, variables: Table<'_>) {
    let set = |name: &CStr, value: Option<&[u8]>| variables.set(name, value.unwrap_or_default());
    let path = request.path().unwrap_or_default();
    let path_info = request.path_info().unwrap_or_default();
    set(c"GATEWAY_INTERFACE", Some(b"CGI/1.1"));
    set(c"SERVER_PROTOCOL", request.protocol());
    set(c"REQUEST_METHOD", request.method());
    set(c"QUERY_STRING", request.query());
    set(c"REQUEST_URI", request.initial().target());
    set(
        c"SCRIPT_NAME",
        Some(path.strip_suffix(path_info).unwrap_or(path)),
    );
    if !path_info.is_empty() {
        set(c"PATH_INFO", Some(path_info));
    }
}

/// Has the program begin without the server's descriptors: whatever other modules have left open for their own programs.
pub(in crate::apache) fn keep_descriptors(program: &mut Command) {
    // SAFETY: between fork and exec only system calls are made: nothing is allocated, no lock is taken.
    unsafe {
        program.pre_exec(|| {
            mark_descriptors();
            Ok(())
        });
    }
}

/// Marks the descriptors to be closed by exec: the one through which a failing exec is reported must live until then.
fn mark_descriptors() {
    // SAFETY: system calls about descriptors of this process, with plain numbers. A number that is no open descriptor is an
    // error without effect.
    unsafe {
        let marked = libc::syscall(
            libc::SYS_close_range,
            FIRST_OF_SERVER,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
        if marked == 0 {
            return;
        }
        // A kernel before 5.11.
        let open = libc::sysconf(libc::_SC_OPEN_MAX);
        let end = libc::c_int::try_from(open)
            .map_or(DESCRIPTORS_LIMIT, |open| open.min(DESCRIPTORS_LIMIT));
        for descriptor in FIRST_OF_SERVER..end {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_stay_behind() {
        // A number that `ls` does not come to by itself.
        const LEFT_OPEN: libc::c_int = 77;
        // SAFETY: a copy of standard error, which any process has; unlike what Rust opens it is inherited.
        assert_eq!(unsafe { libc::dup2(2, LEFT_OPEN) }, LEFT_OPEN);
        let inherits = |kept: bool| {
            let mut list = Command::new("ls");
            list.arg("/proc/self/fd");
            if kept {
                keep_descriptors(&mut list);
            }
            let seen = list.output().unwrap();
            assert!(seen.status.success());
            let seen = String::from_utf8(seen.stdout).unwrap();
            seen.lines().any(|line| line == LEFT_OPEN.to_string())
        };
        let (plainly, kept) = (inherits(false), inherits(true));
        // SAFETY: opened above.
        unsafe { libc::close(LEFT_OPEN) };
        assert!(plainly, "or this tests nothing");
        assert!(!kept);
    }

    #[test]
    fn a_program_that_is_not_there_is_still_an_error() {
        let mut none = Command::new("/nowhere/at/all");
        keep_descriptors(&mut none);
        assert_eq!(
            none.spawn().unwrap_err().kind(),
            std::io::ErrorKind::NotFound
        );
    }
}
