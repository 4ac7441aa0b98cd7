//! Answers of our own: a constant text, in place of what the request asked for.

use std::ffi::CStr;

use super::guard::Outcome;
use super::host::brigade::Brigade;
use super::host::request::Request;

/// Sends a whole response. httpd's error documents have no part in it: they can be programs, and cost what was to be saved.
pub(super) fn send(
    request: Request<'_>,
    status: u16,
    media_type: &'static CStr,
    body: &[u8],
) -> Outcome {
    let Some(mut brigade) = Brigade::new(request) else {
        return Outcome::Status(status);
    };
    request.begin_answer(status, media_type, body.len());
    if !request.wants_no_body() {
        brigade.push_bytes(body);
    }
    brigade.push_end();
    // A client that has gone away is nobody's failure.
    let _ = request.send_piece(&mut brigade);
    Outcome::Answered
}
