//! `server_rec`: the main server and the virtual hosts.

use std::ffi::{CStr, CString, c_char};
use std::marker::PhantomData;
use std::path::Path;
use std::ptr::NonNull;

use super::pool::Pool;
use super::request::Request;
use super::table::slice_of;
use super::text;
use crate::apache::{module, sys};

/// A server that lives at least as long as `'s`: until the configuration is dropped.
#[derive(Clone, Copy)]
pub(in crate::apache) struct Server<'s> {
    raw: NonNull<sys::server_rec>,
    life: PhantomData<&'s sys::server_rec>,
}

impl<'s> Server<'s> {
    /// # Safety
    /// `raw` is null or points to a server of the configuration in force, which is not dropped during `'s`.
    pub(in crate::apache) unsafe fn from_raw(raw: *mut sys::server_rec) -> Option<Server<'s>> {
        NonNull::new(raw).map(|raw| Server {
            raw,
            life: PhantomData,
        })
    }

    /// The main server; `None` while the configuration is being read for the first time.
    pub(in crate::apache) fn main() -> Option<Server<'s>> {
        // SAFETY: httpd sets this pointer at start, before there are threads, and it always points to the main server of
        // the configuration in force. The caller is a hook or a directive: the configuration stays while it runs.
        unsafe { Server::from_raw(sys::ap_server_conf) }
    }

    pub(in crate::apache) fn as_ptr(self) -> *const sys::server_rec {
        self.raw.as_ptr()
    }

    /// This server and those after it in httpd's list; from the main server on: all.
    pub(in crate::apache) fn chain(self) -> impl Iterator<Item = Server<'s>> {
        std::iter::successors(Some(self), |server| {
            // SAFETY: the servers of a configuration live equally long and are not changed once it is read.
            unsafe { Server::from_raw((*server.raw.as_ptr()).next) }
        })
    }

    /// The pool of the process: restarts leave it alone.
    pub(in crate::apache) fn process_pool(self) -> Option<Pool<'static>> {
        // SAFETY: the server is alive, and its process record as long as the process; so is the pool in it.
        unsafe {
            let process = (*self.raw.as_ptr()).process.as_ref()?;
            Pool::from_raw(process.pool)
        }
    }

    /// Whether it is a virtual host.
    pub(in crate::apache) fn is_virtual(self) -> bool {
        // SAFETY: the server is alive.
        unsafe { (*self.raw.as_ptr()).is_virtual != 0 }
    }

    /// `ServerName`, without port.
    pub(in crate::apache) fn name(self) -> &'s [u8] {
        // SAFETY: the server is alive, and so are its strings.
        unsafe { text((*self.raw.as_ptr()).server_hostname) }.unwrap_or_default()
    }

    /// The vector of per-directory configuration that holds outside all sections.
    pub(in crate::apache) fn lookup_defaults(self) -> *mut sys::ap_conf_vector_t {
        // SAFETY: the server is alive.
        unsafe { (*self.raw.as_ptr()).lookup_defaults }
    }

    /// The vectors of per-directory configuration of the `<Directory>`, `<Location>` and `<Files>` sections outside all
    /// others.
    pub(in crate::apache) fn sections(self) -> impl Iterator<Item = *mut sys::ap_conf_vector_t> {
        // SAFETY: the server is alive. httpd's core has a configuration for every server and every directory level, of
        // these types; its arrays hold pointers to vectors and no longer change after the configuration is read.
        let arrays: [&'s [*mut sys::ap_conf_vector_t]; 3] = unsafe {
            let server = &raw const *self.raw.as_ptr();
            let core = core_config::<sys::core_server_config>((*server).module_config);
            let directory = core_config::<sys::core_dir_config>((*server).lookup_defaults);
            [
                core.map_or(&[], |core| slice_of((*core.as_ptr()).sec_dir)),
                core.map_or(&[], |core| slice_of((*core.as_ptr()).sec_url)),
                directory.map_or(&[], |core| slice_of((*core.as_ptr()).sec_file)),
            ]
        };
        arrays.into_iter().flatten().copied()
    }

    /// The vectors of per-directory configuration of all its sections, also of those inside others.
    pub(in crate::apache) fn every_section(self) -> Vec<*mut sys::ap_conf_vector_t> {
        let mut found: Vec<_> = self.sections().collect();
        found.extend(inner_sections(self.lookup_defaults(), |core| core.sec_if));
        let mut looked_at = 0;
        while let Some(&section) = found.get(looked_at) {
            looked_at += 1;
            found.extend(inner_sections(section, |core| core.sec_file));
            found.extend(inner_sections(section, |core| core.sec_if));
        }
        found
    }

    /// Whether an `ErrorLogFormat` is configured.
    pub(in crate::apache) fn has_error_log_format(self) -> bool {
        // SAFETY: the server is alive; its core configuration, where there is one, is of this type.
        unsafe {
            core_config::<sys::core_server_config>((*self.raw.as_ptr()).module_config)
                .is_some_and(|core| !(*core.as_ptr()).error_log_format.is_null())
        }
    }

    /// The `LogLevel` that holds for this module.
    pub(in crate::apache) fn log_level(self) -> i32 {
        // SAFETY: the server is alive.
        unsafe { sys::ap_get_server_module_loglevel(self.raw.as_ptr(), module::index()) }
    }

    /// Whether it answers to this host name: `ServerName` or one of `ServerAlias`, with its wildcards.
    pub(in crate::apache) fn answers_to(self, host: &CStr) -> bool {
        if self.name().eq_ignore_ascii_case(host.to_bytes()) {
            return true;
        }
        // SAFETY: the server is alive; both arrays hold strings and no longer change after the configuration is read.
        let (names, patterns): (&[*const c_char], &[*const c_char]) = unsafe {
            let server = self.raw.as_ptr();
            (slice_of((*server).names), slice_of((*server).wild_names))
        };
        names.iter().any(|&name| {
            // SAFETY: see above.
            unsafe { text(name) }.is_some_and(|name| name.eq_ignore_ascii_case(host.to_bytes()))
        }) || patterns.iter().any(|&pattern| {
            // SAFETY: both are strings that end with a NUL; a null pattern is not looked at.
            !pattern.is_null() && unsafe { sys::ap_strcasecmp_match(host.as_ptr(), pattern) } == 0
        })
    }
}

/// The core's part of a configuration vector.
///
/// # Safety
/// `vector` is null or a vector in which the core's configuration has the type `T`.
unsafe fn core_config<T>(vector: *mut sys::ap_conf_vector_t) -> Option<NonNull<T>> {
    if vector.is_null() {
        return None;
    }
    // SAFETY: the vector is valid (caller), and the core's module record is httpd's own.
    NonNull::new(unsafe { sys::ap_get_module_config(vector, &raw const sys::core_module) }.cast())
}

/// What `SetInputFilter` names where a request is, one filter after the other.
pub(in crate::apache) fn input_filters<'r>(request: Request<'r>) -> impl Iterator<Item = &'r [u8]> {
    // SAFETY: the vector is the request's, in which the core's configuration has this type; its string is null or ends with
    // a NUL, and lives as long as the configuration.
    let names = unsafe {
        core_config::<sys::core_dir_config>(request.per_dir_config())
            .and_then(|core| text((*core.as_ptr()).input_filters))
    };
    names
        .unwrap_or_default()
        .split(|byte| *byte == b';')
        .filter(|name| !name.is_empty())
}

/// The sections of one kind that stand directly in a section. The vector is null or one of the configuration's.
fn inner_sections<'s>(
    vector: *mut sys::ap_conf_vector_t,
    kind: fn(&sys::core_dir_config) -> *mut sys::apr_array_header_t,
) -> &'s [*mut sys::ap_conf_vector_t] {
    // SAFETY: the core's configuration in such a vector has this type; its arrays hold pointers to vectors and no longer
    // change after the configuration is read.
    unsafe {
        core_config::<sys::core_dir_config>(vector)
            .map_or(&[], |core| slice_of(kind(&*core.as_ptr())))
    }
}

/// `ServerRoot`.
pub(in crate::apache) fn server_root<'s>() -> &'s Path {
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: set at start and when the configuration is read, to a string that lives as long as the configuration; the
    // caller is reading it.
    let root = unsafe { text(sys::ap_server_root) }.unwrap_or(b"/");
    Path::new(std::ffi::OsStr::from_bytes(root))
}

/// The user and group that children will have, where httpd gives up its own.
pub(in crate::apache) fn user_of_children() -> Option<(u32, u32)> {
    // SAFETY: `geteuid` only returns a number. httpd fills the record while it reads the configuration, and only reads it
    // afterwards.
    unsafe {
        let unixd = &raw const sys::ap_unixd_config;
        (libc::geteuid() == 0).then(|| ((*unixd).user_id, (*unixd).group_id))
    }
}

/// What httpd calls itself, as far as `ServerTokens` lets it.
pub(in crate::apache) fn banner<'s>() -> &'s [u8] {
    // SAFETY: httpd returns a string of its configuration, which stays while the calling hook runs.
    unsafe { text(sys::ap_get_server_banner()) }.unwrap_or_default()
}

/// What httpd calls itself in full, whatever `ServerTokens` and [`change_banner`] say.
pub(in crate::apache) fn description<'s>() -> &'s [u8] {
    // SAFETY: as for `banner`.
    unsafe { text(sys::ap_get_server_description()) }.unwrap_or_default()
}

/// Writes another name over the one that httpd sends in its `Server` header: httpd has no other way. Whether there was
/// room.
///
/// # Safety
/// Called while the server starts, with one thread, after the core's `post_config`.
pub(in crate::apache) unsafe fn change_banner(name: &str) -> bool {
    // SAFETY: the core's `post_config` has put the banner into the configuration's pool, which is memory for writing; it
    // keeps its length, and its NUL moves only to the front. Nobody else reads or writes meanwhile (caller).
    unsafe {
        let banner = sys::ap_get_server_banner().cast_mut();
        let Some(room) = text(banner).map(<[u8]>::len) else {
            return false;
        };
        if name.len() > room || name.as_bytes().contains(&0) {
            return false;
        }
        std::ptr::copy_nonoverlapping(name.as_ptr().cast(), banner, name.len());
        *banner.add(name.len()) = 0;
    }
    true
}

/// Whether a module of this source file name is loaded.
pub(in crate::apache) fn is_linked(file: &CStr) -> bool {
    // SAFETY: the name ends with a NUL; httpd's list of modules changes only while the configuration is read.
    unsafe { !sys::ap_find_linked_module(file.as_ptr()).is_null() }
}

/// Adds a name for `<IfDefine>`, unless it is there.
pub(in crate::apache) fn define(name: &'static CStr) {
    // SAFETY: httpd makes the array before it reads the configuration, and it holds strings; only one thread runs while
    // modules register. The name is static, so it may stay there.
    unsafe {
        let defines = sys::ap_server_config_defines;
        if defines.is_null() {
            return;
        }
        let present = slice_of::<*const c_char>(defines)
            .iter()
            .any(|&known| text(known) == Some(name.to_bytes()));
        if !present {
            let slot = sys::apr_array_push(defines).cast::<*const c_char>();
            if !slot.is_null() {
                *slot = name.as_ptr();
            }
        }
    }
}

/// Whether this is the first of the two times that httpd reads its configuration at start, after which it throws
/// everything away: nothing that costs or lasts is done then.
pub(in crate::apache) fn is_rehearsal() -> bool {
    // SAFETY: only reads a variable of httpd's.
    unsafe { sys::ap_state_query(sys::AP_SQ_MAIN_STATE) == sys::AP_SQ_MS_CREATE_PRE_CONFIG }
}

/// Whether httpd has served before and reads its configuration anew.
pub(in crate::apache) fn is_restart() -> bool {
    // SAFETY: only reads a variable of httpd's: 0 in the rehearsal, 1 at the start.
    unsafe { sys::ap_state_query(sys::AP_SQ_CONFIG_GEN) > 1 }
}

/// A host name for [`Server::answers_to`]; `None` where it cannot be one.
pub(in crate::apache) fn host_name(host: &str) -> Option<CString> {
    CString::new(host).ok()
}
