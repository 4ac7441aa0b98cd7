//! The order of hooks and filters, as data with its reasons.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::host::request::Request;
use super::host::server::input_filters;
use super::{
    advertise, child, connections, filter_in, filter_out, gateway, login, phases, startup, status,
    sys,
};

/// A list of modules, by source file name. httpd keeps the pointer, so it must be static; it ends with a null.
struct Modules<const N: usize>([*const c_char; N]);

// SAFETY: the pointers are to static strings, and nobody writes to them.
unsafe impl<const N: usize> Sync for Modules<N> {}

const fn modules<const N: usize, const M: usize>(names: [&'static CStr; N]) -> Modules<M> {
    assert!(M == N + 1, "one more for the null at the end");
    let mut list = [null(); M];
    let mut at = 0;
    while at < N {
        list[at] = names[at].as_ptr();
        at += 1;
    }
    Modules(list)
}

impl<const N: usize> Modules<N> {
    const fn list(&'static self) -> *const *const c_char {
        self.0.as_ptr()
    }
}

/// They take the forwarding headers away, or change them.
static TAKERS_OF_FORWARDING_HEADERS: Modules<6> = modules([
    c"mod_remoteip.c",
    c"mod_rpaf.c",
    c"mod_rpaf-2.0.c",
    c"mod_extract_forwarded.c",
    c"mod_extract_forwarded2.c",
]);

/// They must have had their say before the transaction begins: who the client is, which number the request has; and
/// mod_http2 sets up the filters that a refusal has to go through.
static BEFORE_THE_TRANSACTION: Modules<10> = modules([
    c"mod_http2.c",
    c"mod_remoteip.c",
    c"mod_rpaf.c",
    c"mod_rpaf-2.0.c",
    c"mod_extract_forwarded.c",
    c"mod_extract_forwarded2.c",
    c"mod_custom_header.c",
    c"mod_breach_realip.c",
    c"mod_unique_id.c",
]);

/// It writes down the request as it came, so it must come after a request's number is known, but it does not answer it.
static AFTER_THE_TRANSACTION: Modules<2> = modules([c"mod_log_forensic.c"]);

/// `ENV:` in phase 2 shows what `SetEnv` has set.
static BEFORE_THE_BODY: Modules<2> = modules([c"mod_env.c"]);

/// Denials and audit records are there before the access log is written, and `%{…}e` shows what rules have set.
static AFTER_THE_RECORD: Modules<2> = modules([c"mod_log_config.c"]);

/// Children that these fork themselves inherit what has been opened until then.
static AFTER_THE_START: Modules<3> = modules([c"mod_fcgid.c", c"mod_cgid.c"]);

/// They log and add to the environment what the start needs.
static BEFORE_THE_START: Modules<3> = modules([c"mod_unique_id.c", c"mod_ssl.c"]);

/// The handle of the filter that serves a stored request body again. httpd makes a new one at every start and restart.
static REQUEST_BODY_FILTER: AtomicPtr<sys::ap_filter_rec_t> = AtomicPtr::new(null_mut());

/// The type of that filter. Those that `SetInputFilter` names and that are of a higher one stand between it and the client.
const ABOVE_DECODERS: sys::ap_filter_type = sys::ap_filter_type_AP_FTYPE_CONTENT_SET - 1;

/// The handle of the filter that looks at responses.
static RESPONSE_FILTER: AtomicPtr<sys::ap_filter_rec_t> = AtomicPtr::new(null_mut());

/// The handles of the filters that watch logins.
static LOGIN_BODY_FILTER: AtomicPtr<sys::ap_filter_rec_t> = AtomicPtr::new(null_mut());
static LOGIN_ANSWER_FILTER: AtomicPtr<sys::ap_filter_rec_t> = AtomicPtr::new(null_mut());
/// The handle of the filter that says where pings go.
static ADVERTISE_FILTER: AtomicPtr<sys::ap_filter_rec_t> = AtomicPtr::new(null_mut());

/// Registers everything.
pub(super) fn register() {
    let (nobody, first, middle): (*const *const c_char, c_int, c_int) =
        (null(), sys::APR_HOOK_FIRST, sys::APR_HOOK_MIDDLE);
    // SAFETY: httpd calls this while it loads modules, with one thread. Every function has the type that its hook asks
    // for (the compiler sees to it), stays mapped as long as the process, and every list is static.
    unsafe {
        // Before anything else, so that a configuration with two such modules fails here and not by chance.
        sys::ap_hook_pre_config(
            Some(startup::pre_config),
            nobody,
            nobody,
            sys::APR_HOOK_REALLY_FIRST,
        );
        // When all others have opened and checked what they need.
        sys::ap_hook_post_config(
            Some(startup::post_config),
            BEFORE_THE_START.list(),
            AFTER_THE_START.list(),
            sys::APR_HOOK_REALLY_LAST,
        );
        sys::ap_hook_child_init(Some(startup::child_init), nobody, nobody, middle);

        sys::ap_hook_child_init(Some(child::child_init), nobody, nobody, middle);

        // Before a byte is read, TLS included.
        sys::ap_hook_process_connection(
            Some(connections::process_connection),
            nobody,
            nobody,
            first,
        );
        // Twice. Before mod_remoteip, to keep the headers that it takes away; after it, to know its answer.
        sys::ap_hook_post_read_request(
            Some(phases::snapshot),
            nobody,
            TAKERS_OF_FORWARDING_HEADERS.list(),
            sys::APR_HOOK_REALLY_FIRST,
        );
        sys::ap_hook_post_read_request(
            Some(phases::post_read_request),
            BEFORE_THE_TRANSACTION.list(),
            AFTER_THE_TRANSACTION.list(),
            sys::APR_HOOK_REALLY_FIRST,
        );
        // The first moment at which the request's directory is known and access has been granted, and before any module
        // acts on the request.
        sys::ap_hook_fixups(
            Some(phases::fixups),
            BEFORE_THE_BODY.list(),
            nobody,
            sys::APR_HOOK_REALLY_FIRST,
        );
        sys::ap_hook_handler(Some(status::handler), nobody, nobody, middle);
        // Where it is to answer, nobody else is: not mod_proxy, and nobody who looks for a file.
        sys::ap_hook_handler(
            Some(gateway::handler),
            nobody,
            nobody,
            sys::APR_HOOK_REALLY_FIRST,
        );
        sys::ap_hook_insert_filter(Some(advertise::insert), nobody, nobody, first);
        sys::ap_hook_insert_filter(Some(phases::insert_filter), nobody, nobody, first);
        sys::ap_hook_insert_error_filter(Some(phases::insert_error_filter), nobody, nobody, first);
        sys::ap_hook_error_log(Some(phases::error_log), nobody, nobody, middle);
        sys::ap_hook_log_transaction(
            Some(phases::log_transaction),
            nobody,
            AFTER_THE_RECORD.list(),
            middle,
        );

        status::register_section();

        // The body is read through the filters that decode it (mod_deflate's) and served above them: what was decoded once
        // is not decoded again.
        let handle = sys::ap_register_input_filter(
            c"PALISADE_REQUEST_BODY".as_ptr(),
            Some(filter_in::serve),
            None,
            ABOVE_DECODERS,
        );
        REQUEST_BODY_FILTER.store(handle, Ordering::Relaxed);
        // Before mod_expires (-2), mod_cache and mod_deflate (-1) and mod_headers (0): the response as its author made it.
        let handle = sys::ap_register_output_filter(
            c"PALISADE_RESPONSE".as_ptr(),
            Some(filter_out::look),
            None,
            sys::ap_filter_type_AP_FTYPE_CONTENT_SET - 3,
        );
        RESPONSE_FILTER.store(handle, Ordering::Relaxed);

        // Next to the application: what it reads, decoded by all others; what it answers, before anybody changes it.
        let handle = sys::ap_register_input_filter(
            c"PALISADE_LOGIN_BODY".as_ptr(),
            Some(login::watch_body),
            None,
            sys::ap_filter_type_AP_FTYPE_RESOURCE,
        );
        LOGIN_BODY_FILTER.store(handle, Ordering::Relaxed);
        let handle = sys::ap_register_output_filter(
            c"PALISADE_LOGIN_ANSWER".as_ptr(),
            Some(login::watch_answer),
            None,
            sys::ap_filter_type_AP_FTYPE_RESOURCE,
        );
        LOGIN_ANSWER_FILTER.store(handle, Ordering::Relaxed);

        // Before that one: rules and records see the header.
        let handle = sys::ap_register_output_filter(
            c"PALISADE_ADVERTISE".as_ptr(),
            Some(advertise::look),
            None,
            sys::ap_filter_type_AP_FTYPE_CONTENT_SET - 4,
        );
        ADVERTISE_FILTER.store(handle, Ordering::Relaxed);
    }
}

/// Puts the filter that serves the stored body into the request's chain.
pub(super) fn add_request_body_filter(request: Request<'_>) {
    add_input_filter(&REQUEST_BODY_FILTER, request);
}

/// Puts the filters that decode a body into the request's chain: those of `SetInputFilter`, which httpd adds only when
/// a handler is about to read. It will add them again then, below the filter that serves the decoded body, where nobody asks
/// them; only of a body that was read in part the rest passes through them, and mod_deflate's sees that there is nothing left
/// for it to do.
pub(super) fn add_decoders(request: Request<'_>) {
    for name in input_filters(request) {
        let Ok(name) = CString::new(name.to_ascii_lowercase()) else {
            continue;
        };
        // SAFETY: the name ends with a NUL, and httpd only reads it. What it finds is a registration in force, or null; the
        // request and its connection are alive.
        unsafe {
            let filter = sys::ap_get_input_filter_handle(name.as_ptr());
            if !filter.is_null() && (*filter).ftype > ABOVE_DECODERS {
                let connection = request.connection().as_ptr();
                sys::ap_add_input_filter_handle(filter, null_mut(), request.as_ptr(), connection);
            }
        }
    }
}

/// Puts the filter that looks at the response into the request's chain.
pub(super) fn add_response_filter(request: Request<'_>) {
    add_output_filter(&RESPONSE_FILTER, request);
}

/// Puts the filter that watches the body of a login into the request's chain.
pub(super) fn add_login_body_filter(request: Request<'_>) {
    add_input_filter(&LOGIN_BODY_FILTER, request);
}

/// Puts the filter that watches the answer to a login into the request's chain.
pub(super) fn add_login_answer_filter(request: Request<'_>) {
    add_output_filter(&LOGIN_ANSWER_FILTER, request);
}

fn add_input_filter(handle: &AtomicPtr<sys::ap_filter_rec_t>, request: Request<'_>) {
    // SAFETY: the handle is from the registration in force; the request and its connection are alive.
    unsafe {
        sys::ap_add_input_filter_handle(
            handle.load(Ordering::Relaxed),
            null_mut(),
            request.as_ptr(),
            request.connection().as_ptr(),
        );
    }
}

/// Puts the filter that says where pings go into the request's chain.
pub(super) fn add_advertise_filter(request: Request<'_>) {
    add_output_filter(&ADVERTISE_FILTER, request);
}

fn add_output_filter(handle: &AtomicPtr<sys::ap_filter_rec_t>, request: Request<'_>) {
    // SAFETY: as above.
    unsafe {
        sys::ap_add_output_filter_handle(
            handle.load(Ordering::Relaxed),
            null_mut(),
            request.as_ptr(),
            request.connection().as_ptr(),
        );
    }
}
