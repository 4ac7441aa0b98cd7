//! The per-directory configuration: one [`DirConfig`] for every server and section, in httpd's pools.
//!
//! httpd merges sections for every request that enters them, on the request's pool: [`DirConfig::merge`] remembers its
//! results, so that this costs a reference count.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::host::pool::Pool;
use super::host::request::Request;
use super::host::server::Server;
use super::{guard, module, sys};
use crate::config::DirConfig;
use crate::operators::GrammarLoader;

/// httpd's pointer to a section's configuration: to an `Arc` that its pool keeps, or null after a panic.
pub(super) struct Kept(*mut c_void);

impl guard::Answer for Kept {
    type Raw = *mut c_void;

    fn raw(self) -> *mut c_void {
        self.0
    }

    fn after_panic() -> Kept {
        Kept(std::ptr::null_mut())
    }
}

fn keep(pool: *mut sys::apr_pool_t, config: Arc<DirConfig>) -> Kept {
    // SAFETY: httpd's pool for what it asked us to make; it lives as long as the vector that the pointer goes into.
    let pool = unsafe { Pool::from_raw(pool) };
    Kept(pool.map_or(std::ptr::null_mut(), |pool| {
        (&raw const *pool.keep(config)).cast_mut().cast()
    }))
}

/// What reads the grammars of `@validateSchema` and `@validateDTD`.
const GRAMMARS: &dyn GrammarLoader = {
    #[cfg(feature = "libxml2")]
    {
        &super::libxml::Libxml
    }
    #[cfg(not(feature = "libxml2"))]
    {
        &crate::operators::NoGrammars
    }
};

/// Makes the configuration of a section.
pub(super) unsafe extern "C" fn create(pool: *mut sys::apr_pool_t, _: *mut c_char) -> *mut c_void {
    guard::enter("create_dir_config", || {
        keep(pool, DirConfig::with_grammars(GRAMMARS))
    })
}

/// Merges a section into the one around it.
pub(super) unsafe extern "C" fn merge(
    pool: *mut sys::apr_pool_t,
    outer: *mut c_void,
    inner: *mut c_void,
) -> *mut c_void {
    guard::enter("merge_dir_config", || {
        // SAFETY: httpd hands back pointers that `create` and `merge` gave it, from pools that are alive.
        match unsafe { (from_raw(outer), from_raw(inner)) } {
            (Some(outer), Some(inner)) => keep(pool, DirConfig::merge(outer, inner)),
            (Some(only), None) | (None, Some(only)) => keep(pool, Arc::clone(only)),
            (None, None) => Kept(std::ptr::null_mut()),
        }
    })
}

/// # Safety
/// `pointer` is null or came from [`keep`], and its pool is not destroyed during `'c`.
pub(super) unsafe fn from_raw<'c>(pointer: *const c_void) -> Option<&'c Arc<DirConfig>> {
    // SAFETY: `keep` made it from a reference to an `Arc<DirConfig>`; the rest is the caller's word.
    unsafe { pointer.cast::<Arc<DirConfig>>().as_ref() }
}

/// Our part of a vector of per-directory configuration.
///
/// # Safety
/// `vector` is null or a vector of per-directory configuration that is not destroyed during `'c`.
unsafe fn of_vector<'c>(vector: *const sys::ap_conf_vector_t) -> Option<&'c Arc<DirConfig>> {
    if vector.is_null() || module::record().is_null() {
        return None;
    }
    // SAFETY: the vector is valid (caller); the record is the loaded one, so the slot is ours and holds what `create` or
    // `merge` returned.
    unsafe { from_raw(sys::ap_get_module_config(vector, module::record())) }
}

/// What holds for a request: outside all sections until httpd has looked up its directory.
pub(super) fn of_request(request: Request<'_>) -> Option<&Arc<DirConfig>> {
    // SAFETY: a request's vector lives as long as the request.
    unsafe { of_vector(request.per_dir_config()) }
}

/// What holds in a server outside all sections.
pub(super) fn of_server(server: Server<'_>) -> Option<&Arc<DirConfig>> {
    // SAFETY: a server's vector lives as long as the server.
    unsafe { of_vector(server.lookup_defaults()) }
}

/// What a server's outermost sections say, those that say something to us.
pub(super) fn of_sections(server: Server<'_>) -> impl Iterator<Item = &Arc<DirConfig>> {
    // SAFETY: as for `of_server`.
    server
        .sections()
        .filter_map(|vector| unsafe { of_vector(vector) })
}

/// What a server says outside all sections, and what every section of it says, also inside others.
pub(super) fn everywhere(server: Server<'_>) -> impl Iterator<Item = &Arc<DirConfig>> {
    // SAFETY: as for `of_server`.
    let sections = server
        .every_section()
        .into_iter()
        .filter_map(|vector| unsafe { of_vector(vector) });
    of_server(server).into_iter().chain(sections)
}
