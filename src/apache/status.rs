//! `SetHandler palisade-status`: the server's numbers as a page, as text, as JSON and for Prometheus; and a section in mod_status.
//!
//! The rules apply to the request as to any other; this is only who answers it.

use std::ffi::{CStr, c_char, c_int};
use std::mem::transmute;
use std::ptr::null;
use std::time::{SystemTime, UNIX_EPOCH};

use super::guard::{self, Answer, Outcome, Panicked};
use super::host::request::Request;
use super::host::server::Server;
use super::{dirconf, facts, shared, state, sys};
use crate::collections;
use crate::metrics::{self, Context, Metrics};

/// What `SetHandler` names.
const HANDLER: &[u8] = b"palisade-status";

/// Header fields that somebody adds who asks for somebody else. One that we do not know as a proxy may do that from this
/// very machine, so with any of them a request is not local.
const SIGNS_OF_A_PROXY: [&CStr; 7] = [
    c"X-Forwarded-For",
    c"X-Forwarded-Host",
    c"X-Forwarded-Proto",
    c"X-Forwarded-Server",
    c"X-Real-IP",
    c"Forwarded",
    c"Via",
];

/// The page has its own style sheet, and nothing else.
const PAGE_POLICY: &[u8] = b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The forms there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Page,
    Auto,
    Json,
    Prometheus,
}

impl Form {
    /// By the query string: the first word that names one. `None` for a format that there is not.
    fn of(query: &[u8]) -> Option<Form> {
        let mut words = query.split(|&byte| byte == b'&');
        let found = words.find_map(|word| match word {
            b"auto" | b"format=auto" => Some(Some(Form::Auto)),
            b"format=html" => Some(Some(Form::Page)),
            b"format=json" => Some(Some(Form::Json)),
            b"format=prometheus" => Some(Some(Form::Prometheus)),
            word if word.starts_with(b"format=") => Some(None),
            _ => None,
        });
        found.unwrap_or(Some(Form::Page))
    }

    fn media_type(self) -> &'static CStr {
        match self {
            Form::Page => c"text/html; charset=utf-8",
            Form::Auto => c"text/plain; charset=utf-8",
            Form::Json => c"application/json",
            Form::Prometheus => metrics::PROMETHEUS_TYPE,
        }
    }

    fn write(self, metrics: &Metrics, context: &Context) -> String {
        let families = || metrics.families(context);
        match self {
            Form::Page => metrics::page(metrics, context),
            Form::Auto => metrics::auto(&families()),
            Form::Json => metrics::json(metrics, &families(), context),
            Form::Prometheus => metrics::prometheus(&families()),
        }
    }
}

/// The handler.
pub(super) unsafe extern "C" fn handler(request: *mut sys::request_rec) -> c_int {
    // SAFETY: httpd hands the hook a request that is alive and that only this thread works on until the hook returns.
    let Some(request) = (unsafe { Request::from_raw(request) }) else {
        return sys::DECLINED;
    };
    if request.handler() != Some(HANDLER) {
        return sys::DECLINED;
    }
    let answered = guard::catch("handler", Some(request.server()), || {
        guard::planted(request, "handler");
        answer(request)
    });
    let outcome = answered.unwrap_or_else(|Panicked| Outcome::after_panic());
    outcome.raw()
}

fn answer(request: Request<'_>) -> Outcome {
    if !is_allowed(request) {
        return Outcome::Status(403);
    }
    match request.is_reading() {
        Ok(()) => {}
        Err(sys::OK) => return Outcome::Done,
        Err(status) => return Outcome::Status(u16::try_from(status).unwrap_or(405)),
    }
    let Some(form) = Form::of(request.query().unwrap_or_default()) else {
        return Outcome::Status(400);
    };
    let text = form.write(shared::metrics(), &context());
    let headers = request.headers_out();
    headers.set(c"Cache-Control", b"no-store");
    headers.set(c"X-Content-Type-Options", b"nosniff");
    headers.set(c"Referrer-Policy", b"no-referrer");
    if form == Form::Page {
        headers.set(c"Content-Security-Policy", PAGE_POLICY);
    }
    request.answer(form.media_type(), text.as_bytes());
    Outcome::Done
}

/// The time, and what is known of the collections.
fn context() -> Context {
    let config = Server::main().and_then(dirconf::of_server);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Context {
        now: now.map_or(0, |since| since.as_secs()),
        collections: config.map(|config| {
            let store = config.resolved();
            store.collections.store().statistics(collections::now())
        }),
    }
}

/// Whether the client may see it: one of this machine, or one of those that `SecStatusAccess` names.
fn is_allowed(request: Request<'_>) -> bool {
    let Some(config) = dirconf::of_request(request).map(|config| config.resolved()) else {
        return false;
    };
    let forwarding = state::of(request).map_or(&[][..], |state| &state.forwarding);
    let connection = facts::connection(request, &config, forwarding);
    let forwarded = SIGNS_OF_A_PROXY
        .iter()
        .any(|name| request.headers_in().get(name).is_some());
    let (client, own) = (&connection.client, connection.local_ip);
    !forwarded && client.is_on_this_machine(own) || config.status_access.admits(client)
}

/// Adds the section to mod_status' page. Where that module is not loaded, nobody calls it.
pub(super) fn register_section() {
    /// `status_hook` of mod_status.h.
    type Section = unsafe extern "C" fn(*mut sys::request_rec, c_int) -> c_int;
    // SAFETY: an optional hook is stored as a function without arguments, and mod_status calls it with the type above, which is
    // public and the same in all of httpd 2.4. The name is static, and there are no lists.
    unsafe {
        let function = transmute::<Section, unsafe extern "C" fn()>(section);
        sys::apr_optional_hook_add(
            c"status_hook".as_ptr(),
            Some(function),
            null::<*const c_char>(),
            null::<*const c_char>(),
            sys::APR_HOOK_MIDDLE,
        );
    }
}

/// The section.
unsafe extern "C" fn section(request: *mut sys::request_rec, flags: c_int) -> c_int {
    // SAFETY: as for `handler`.
    let Some(request) = (unsafe { Request::from_raw(request) }) else {
        return sys::OK;
    };
    let written = guard::catch("status_hook", Some(request.server()), || {
        let metrics = shared::metrics();
        let text = match flags & sys::AP_STATUS_SHORT {
            0 => metrics::section(metrics),
            _ => metrics::auto(&metrics.families(&Context {
                now: 0,
                collections: None,
            })),
        };
        request.write(text.as_bytes());
    });
    drop(written);
    sys::OK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_by_the_query_string() {
        for (query, form) in [
            ("", Some(Form::Page)),
            ("refresh=5", Some(Form::Page)),
            ("auto", Some(Form::Auto)),
            ("refresh=5&auto", Some(Form::Auto)),
            ("format=json", Some(Form::Json)),
            ("format=prometheus", Some(Form::Prometheus)),
            ("format=<script>", None),
        ] {
            assert_eq!(Form::of(query.as_bytes()), form, "{query}");
        }
    }
}
