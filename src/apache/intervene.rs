//! From the engine's [`Interruption`] to what httpd does.

use super::guard::Outcome;
use super::host::request::Request;
use super::host::server;
use super::state::State;
use super::{answer, hooks, request_body};
use crate::transaction::{Interruption, InterruptionKind};

/// The source file name of mod_proxy.
const MOD_PROXY: &std::ffi::CStr = c"mod_proxy.c";

/// Interrupts a request before it has a response.
pub(super) fn refuse(request: Request<'_>, state: &State, interruption: &Interruption) -> Outcome {
    let outcome = match &interruption.kind {
        InterruptionKind::Proxy { url, verbatim } if server::is_linked(MOD_PROXY) => {
            if *verbatim {
                request.notes().set(c"proxy-nocanon", b"1");
            }
            request.proxy_to(url);
            return Outcome::Done;
        }
        InterruptionKind::Deny
            if let Some(fault) = state.look(|transaction| transaction.fault()).flatten() =>
        {
            leave_no_body_behind(request, state);
            // It sees the refusal, and finishes the transaction before the answer leaves.
            hooks::add_response_filter(request);
            return answer::send(request, 200, c"text/xml", fault.body().as_bytes());
        }
        _ => Outcome::Status(apply(request, interruption)),
    };
    leave_no_body_behind(request, state);
    outcome
}

/// Interrupts a response. The status is what takes its place, if the connection still takes anything.
pub(super) fn apply(request: Request<'_>, interruption: &Interruption) -> u16 {
    match &interruption.kind {
        InterruptionKind::Deny => final_status(interruption.status),
        InterruptionKind::Drop => {
            // Compat: mod_security2 closes the socket under httpd's feet, over HTTP/2 with all other streams on it. Here
            // httpd is told that the client has gone away: it sends nothing, and closes the connection or the stream.
            request.connection().abort();
            403
        }
        InterruptionKind::Redirect(url) => {
            request.headers_out().set(c"Location", &header_value(url));
            match interruption.status {
                status @ (301 | 302 | 303 | 307) => status,
                _ => 302,
            }
        }
        // There is no mod_proxy, or it is too late for it. The rule wanted the request kept from where it was going.
        InterruptionKind::Proxy { .. } => 500,
    }
}

/// Ends the connection after the refusal if a part of the request body is still to come: nobody will read it, and it must
/// not be taken for the next request.
pub(super) fn leave_no_body_behind(request: Request<'_>, state: &State) {
    if request_body::is_unread(request, state) {
        request.connection().close_after_response();
    }
}

/// A status that can end a response.
///
/// Compat: what httpd has no words for, as 418, it sends as 500; the log states what the rule asked for.
fn final_status(status: u16) -> u16 {
    if (200..=599).contains(&status) {
        status
    } else {
        500
    }
}

/// A URL as a header value. Rules may take it from the request, and the client must not be able to end the header in it.
fn header_value(url: &[u8]) -> Vec<u8> {
    url.iter()
        .fold(Vec::with_capacity(url.len()), |mut value, &byte| {
            match byte {
                0..b' ' | 0x7f => value.extend_from_slice(format!("%{byte:02X}").as_bytes()),
                _ => value.push(byte),
            }
            value
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_always_a_final_status() {
        assert_eq!([403, 200, 599, 418].map(final_status), [403, 200, 599, 418]);
        assert_eq!([0, 100, 199, 600, u16::MAX].map(final_status), [500; 5]);
    }

    #[test]
    fn a_location_stays_one_header() {
        assert_eq!(
            header_value(b"https://e.example/?a=b"),
            b"https://e.example/?a=b"
        );
        assert_eq!(
            header_value(b"/x\r\nSet-Cookie: a=\x00b"),
            b"/x%0D%0ASet-Cookie: a=%00b"
        );
    }
}
