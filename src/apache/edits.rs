//! What rules put around a response, or in its place.
//!
//! The length of such a response is httpd's to find out, and what told one version of it from another holds no longer.

use bytes::Bytes;

use super::filter_out::Stage;
use super::host::brigade::{Brigade, Kind};
use super::host::request::Request;
use super::state::State;
use crate::transaction::Injection;

/// Headers that describe the body as its author made it.
const DESCRIPTIONS: [&std::ffi::CStr; 8] = [
    c"Content-Length",
    c"Content-MD5",
    c"Content-Digest",
    c"Repr-Digest",
    c"Digest",
    c"ETag",
    c"Expires",
    c"Last-Modified",
];

/// The changes to one response.
#[derive(Default)]
pub(super) struct Edits {
    body: Option<Bytes>,
    around: Injection,
    /// The body may be changed, but there is none to see (HEAD): its length is not known.
    unknown: bool,
}

impl Edits {
    /// Those of a response that passes as it comes.
    pub(super) fn passing(state: &State) -> Edits {
        let around = state.look(|transaction| transaction.injection().cloned());
        Edits {
            around: around.flatten().unwrap_or_default(),
            ..Edits::default()
        }
    }

    /// Those of a response that was held back.
    pub(super) fn held(state: &State) -> Edits {
        let body = state.look(|transaction| transaction.changed_response_body());
        let unknown = state.look(|transaction| transaction.rewrites_response());
        Edits {
            body: body.flatten(),
            unknown: unknown.unwrap_or_default(),
            ..Edits::passing(state)
        }
    }

    /// Puts the new body in the place of what was held back.
    pub(super) fn replace(&mut self, request: Request<'_>, held: &mut Brigade<'_>) {
        if request.wants_no_body() && !held.kinds().any(|kind| kind == Kind::Data) {
            self.body = None;
            return;
        }
        self.unknown = false;
        if let Some(body) = &self.body {
            let has_ended = held.kinds().any(|kind| kind == Kind::EndOfStream);
            held.clear();
            held.push_bytes(body);
            if has_ended {
                held.push_end();
            }
        }
    }

    /// Makes the changes to what leaves first. What is to be added when the rest has left is the stage to go on in.
    pub(super) fn make(self, request: Request<'_>, first: &mut Brigade<'_>) -> Stage {
        if self.body.is_none() && self.around.is_empty() && !self.unknown {
            return Stage::Done;
        }
        for table in [request.headers_out(), request.error_headers_out()] {
            for name in DESCRIPTIONS {
                table.unset(name);
            }
        }
        // The answer to HEAD may come with a body, which httpd throws away; without one it must not get any.
        if request.wants_no_body() && !first.kinds().any(|kind| kind == Kind::Data) {
            return Stage::Done;
        }
        if let Some(before) = &self.around.prepend {
            first.push_bytes_front(before);
        }
        match self.around.append {
            Some(behind) if !first.push_bytes_before_end(&behind) => Stage::Ending(behind),
            _ => Stage::Done,
        }
    }
}

/// Puts the proof into the address of a redirection.
pub(super) fn sign_location(request: Request<'_>, state: &State) {
    let signed = state.look(|transaction| transaction.signed_location());
    if let Some(location) = signed.flatten() {
        for table in [request.headers_out(), request.error_headers_out()] {
            if table.get(c"Location").is_some() {
                table.set(c"Location", &location);
            }
        }
    }
}
