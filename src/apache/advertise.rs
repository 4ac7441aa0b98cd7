//! `SecPingbackAdvertise`: pages say where pings go (`X-Pingback`), unless they say so themselves.

use super::guard::{self, Answer, Filtered, Panicked};
use super::host::brigade::{Brigade, Status};
use super::host::filter::Filter;
use super::host::request::Request;
use super::{dirconf, hooks, sys};

/// The header of Pingback 1.0, section 2.1.
const HEADER: &std::ffi::CStr = c"X-Pingback";

/// `insert_filter`: puts the filter into the chain of a request whose location wants it.
pub(super) unsafe extern "C" fn insert(request: *mut sys::request_rec) {
    // SAFETY: httpd hands the hook a request that is alive and that only this thread works on until the hook returns.
    let Some(request) = (unsafe { Request::from_raw(request) }) else {
        return;
    };
    guard::enter("advertise", || {
        let config = dirconf::of_request(request).map(|config| config.resolved());
        let wanted = config.is_some_and(|config| config.pingback_advertise.is_some());
        if wanted && !request.is_subrequest() {
            hooks::add_advertise_filter(request);
        }
    });
}

/// The filter's function: the response begins.
pub(super) unsafe extern "C" fn look(
    filter: *mut sys::ap_filter_t,
    brigade: *mut sys::apr_bucket_brigade,
) -> sys::apr_status_t {
    // SAFETY: httpd calls with a filter of ours and a brigade; both are valid during the call.
    let (filter, piece) = unsafe { (Filter::from_raw(filter), Brigade::from_raw(brigade)) };
    let (Some(filter), Some(piece)) = (filter, piece) else {
        return sys::APR_EGENERAL;
    };
    let server = filter.request().server();
    let passed = guard::catch("advertise_filter", Some(server), || {
        advertise(filter.request());
        filter.leave(piece)
    });
    match passed {
        Ok(Ok(())) => sys::APR_SUCCESS,
        Ok(Err(Status(status))) => status,
        Err(Panicked) => Filtered::after_panic().raw(),
    }
}

fn advertise(request: Request<'_>) {
    let config = dirconf::of_request(request).map(|config| config.resolved());
    let address = config.and_then(|config| config.pingback_advertise.clone());
    let tables = [request.headers_out(), request.error_headers_out()];
    let says_so = tables.iter().any(|table| table.get(HEADER).is_some());
    let is_page = || {
        let media_type = request.content_type().unwrap_or_default();
        let media_type = media_type
            .split(|&byte| byte == b';')
            .next()
            .unwrap_or_default();
        [&b"text/html"[..], b"application/xhtml+xml"]
            .iter()
            .any(|known| media_type.trim_ascii().eq_ignore_ascii_case(known))
    };
    if let Some(address) = address
        && matches!(request.method(), Some(b"GET" | b"HEAD"))
        && request.status() == 200
        && !says_so
        && is_page()
    {
        request.headers_out().set(HEADER, address.as_bytes());
    }
}
