//! The module record: what `LoadModule` finds in the library.
//!
//! It is there under two names, `security2_module` for configurations that were written for mod_security2 and
//! `palisade_module`. `LoadModule` takes the one it is asked for, and httpd writes the module's index into that one;
//! [`record`] remembers which. Both call themselves `mod_security2.c`, so that `<IfModule mod_security2.c>` holds.

use std::ffi::{CStr, c_int};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::host::pool::Pool;
use super::host::server;
use super::{dirconf, directives, guard, hooks, logging, sys};

/// The source file name that httpd knows the module by. Compat: mod_security2's.
const NAME: &CStr = c"mod_security2.c";

/// The record for `LoadModule security2_module`. httpd writes to it: its index, its place in the list of modules.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
static mut security2_module: sys::module = new_record(register_as_security2);

/// The record for `LoadModule palisade_module`.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
static mut palisade_module: sys::module = new_record(register_as_palisade);

const fn new_record(register: unsafe extern "C" fn(*mut sys::apr_pool_t)) -> sys::module {
    sys::module {
        version: sys::MODULE_MAGIC_NUMBER_MAJOR,
        minor_version: sys::MODULE_MAGIC_NUMBER_MINOR,
        module_index: -1,
        name: NAME.as_ptr(),
        dynamic_load_handle: null_mut(),
        next: null_mut(),
        magic: sys::MODULE_MAGIC_COOKIE as std::ffi::c_ulong,
        rewrite_args: None,
        create_dir_config: Some(dirconf::create),
        merge_dir_config: Some(dirconf::merge),
        create_server_config: None,
        merge_server_config: None,
        cmds: directives::table(),
        register_hooks: Some(register),
        flags: 0,
    }
}

/// The record that is in use; null while none is.
static LOADED: AtomicPtr<sys::module> = AtomicPtr::new(null_mut());

/// Whether both names have been loaded.
static LOADED_TWICE: AtomicBool = AtomicBool::new(false);

/// The record that httpd knows us by; null before it has registered.
pub(super) fn record() -> *mut sys::module {
    LOADED.load(Ordering::Relaxed)
}

/// The module's index in httpd's vectors, and the tag of its log entries. -1, which is httpd's "no module", while none is
/// loaded.
pub(super) fn index() -> c_int {
    let record = record();
    if record.is_null() {
        return -1;
    }
    // SAFETY: one of the two statics above. httpd writes the index when it loads the module, before it calls anything
    // here and while there is only one thread.
    unsafe { (*record).module_index }
}

unsafe extern "C" fn register_as_security2(pool: *mut sys::apr_pool_t) {
    register(&raw mut security2_module, pool);
}

unsafe extern "C" fn register_as_palisade(pool: *mut sys::apr_pool_t) {
    register(&raw mut palisade_module, pool);
}

fn register(record: *mut sys::module, pool: *mut sys::apr_pool_t) {
    guard::enter("register_hooks", || {
        if !self::record().is_null() {
            LOADED_TWICE.store(true, Ordering::Relaxed);
            return;
        }
        LOADED.store(record, Ordering::Relaxed);
        // SAFETY: httpd registers modules with the configuration's pool, which lives until the next restart.
        if let Some(pool) = unsafe { Pool::from_raw(pool) } {
            pool.keep(Registration);
        }
        guard::install_panic_report();
        logging::install();
        for name in [c"MODSEC_2.5", c"MODSEC_2.9"] {
            server::define(name);
        }
        hooks::register();
    });
}

/// Lives in the configuration's pool: when the configuration goes, so does the registration. The statics do not go by
/// themselves, because the library stays mapped.
struct Registration;

impl Drop for Registration {
    fn drop(&mut self) {
        LOADED.store(null_mut(), Ordering::Relaxed);
        LOADED_TWICE.store(false, Ordering::Relaxed);
    }
}

/// What the administrator should know of the name that was chosen. `<IfModule>` asks mod_so for names, and mod_so tells
/// only the one of the `LoadModule` line.
pub(super) fn notice() -> Option<&'static str> {
    std::ptr::eq(record(), &raw const palisade_module).then_some(
        "Loaded as palisade_module: <IfModule security2_module> does not hold, and what stands in such a section was not \
         read. Load it as security2_module to have it read.",
    )
}

/// Why the module must not run beside what else is loaded, if so.
pub(super) fn conflict() -> Option<&'static str> {
    if LOADED_TWICE.load(Ordering::Relaxed) {
        return Some(
            "Palisade is loaded twice, as security2_module and as palisade_module. It is one module with two names: \
             remove one of the two LoadModule lines.",
        );
    }
    // SAFETY: httpd's list of modules changes only while it reads LoadModule lines, before it calls the hook that asks
    // this. It is linked by `next` and ends with null; every record has a name.
    let namesake = unsafe {
        let mut at: *const sys::module = sys::ap_top_module;
        while !at.is_null() && (std::ptr::eq(at, record()) || CStr::from_ptr((*at).name) != NAME) {
            at = (*at).next;
        }
        at
    };
    (!namesake.is_null()).then_some(
        "mod_security2 is loaded too. Palisade takes its place and reads the same directives, so only one of them can \
         run: remove the LoadModule line of mod_security2.so (on Debian: a2dismod security2), and load mod_palisade.so \
         in its place, as security2_module.",
    )
}
