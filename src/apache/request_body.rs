//! Reading the request body, once, before anybody else does.
//!
//! `Expect: 100-continue` needs no care: httpd answers it when the first byte is asked for, so that a request that is
//! refused before that sends its body to nobody.

use super::filter_in::Replay;
use super::guard::Outcome;
use super::hooks;
use super::host::brigade::{Brigade, Kind, Status};
use super::host::request::Request;
use super::state::State;
use super::sys;
use crate::transaction::{BodyStep, ReadError};

/// Bytes asked for at a time. httpd answers with what it has, rarely over 8 KiB: no reason for more, and enough to drain
/// a full socket buffer in a few rounds.
const READ_SIZE: usize = 64 * 1024;

/// How the end of the body is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Framing {
    /// `Content-Length`
    length: Option<u64>,
}

impl Framing {
    /// `None`: there is no body.
    ///
    /// By its headers a request has one if it states a length or is chunked. HTTP/2 has another way to end a body: there it
    /// is the stream that knows.
    fn of(request: Request<'_>) -> Option<Framing> {
        let encoding = request.headers_in().get(c"Transfer-Encoding");
        let length = request.headers_in().get(c"Content-Length");
        Framing::new(
            encoding,
            length,
            request.protocol_number() >= 2000 && !request.is_connect(),
        )
    }

    fn new(
        encoding: Option<&[u8]>,
        length: Option<&[u8]>,
        framed_by_stream: bool,
    ) -> Option<Framing> {
        if encoding.is_some() {
            // httpd has refused every transfer encoding that does not end in `chunked`.
            return Some(Framing { length: None });
        }
        match length {
            Some(text) => {
                let length = std::str::from_utf8(text)
                    .ok()
                    .and_then(|text| text.trim().parse().ok());
                (length != Some(0)).then_some(Framing { length })
            }
            None => framed_by_stream.then_some(Framing { length: None }),
        }
    }
}

/// Whether a part of the body is still to come from the client.
pub(super) fn is_unread(request: Request<'_>, state: &State) -> bool {
    let complete = state
        .replay
        .try_borrow()
        .is_ok_and(|replay| replay.is_complete());
    !complete && Framing::of(request).is_some()
}

/// Reads the body into the transaction where it wants it. `Err`: what to answer instead of going on.
pub(super) fn read(request: Request<'_>, state: &State) -> Result<(), Outcome> {
    let wanted = state
        .look(|transaction| transaction.wants_request_body())
        .unwrap_or(false);
    let Some(framing) = Framing::of(request).filter(|_| wanted) else {
        return Ok(());
    };
    let first = state.with(request, |transaction, _| {
        transaction.expect_body(framing.length)
    });
    if let Some(BodyStep::Refuse(status)) = first {
        return Err(refused(request, status));
    }
    hooks::add_decoders(request);
    let outcome = fetch(request, state);
    let stored = match &outcome {
        Err(Stop::AlreadyAnswered | Stop::Refused(_)) => 0,
        _ => state
            .with(request, |transaction, _| {
                transaction.end_request_body();
                transaction.request_body().len()
            })
            .unwrap_or(0),
    };
    match outcome {
        Ok(fetched) => {
            // Who decodes a body takes away the length that was stated. Programs and backends get the one that it has now.
            let headers = request.headers_in();
            let length = headers.get(c"Content-Length");
            if framing.length.is_some() && length.is_none() && fetched.complete {
                let length = stored + fetched.tail.len() as u64;
                headers.set(c"Content-Length", length.to_string().as_bytes());
            }
            state
                .replay
                .replace(Replay::new(stored, fetched.tail, fetched.complete));
            Ok(())
        }
        Err(Stop::Failed(status)) => {
            state.replay.replace(Replay::failed(stored, status));
            Ok(())
        }
        Err(Stop::Refused(status)) => Err(refused(request, status)),
        Err(Stop::AlreadyAnswered) => Err(Outcome::AlreadyAnswered),
    }
}

/// Puts the body that rules have made in the place of the one that came, and states its length.
///
/// Of a body that was read in part the rest follows as it comes. If it comes in chunks, nothing states a length.
pub(super) fn rewrite(request: Request<'_>, state: &State) {
    let changed = state.look(|transaction| transaction.changed_request_body().cloned());
    let Some(body) = changed.flatten() else {
        return;
    };
    let headers = request.headers_in();
    let announced = Framing::of(request).and_then(|framing| framing.length);
    let mut replay = state.replay.borrow_mut();
    let before = replay.left();
    replay.replace(body);
    let length = match (replay.is_complete(), announced) {
        (true, _) => Some(replay.left()),
        (false, Some(announced)) => Some(announced.saturating_sub(before) + replay.left()),
        (false, None) => None,
    };
    if let Some(length) = length {
        headers.unset(c"Transfer-Encoding");
        headers.set(c"Content-Length", length.to_string().as_bytes());
    }
}

fn refused(request: Request<'_>, status: u16) -> Outcome {
    request.connection().close_after_response();
    Outcome::Status(status)
}

/// What came of reading the body.
#[derive(Default)]
struct Fetched {
    /// What had been read already when the transaction had enough.
    tail: Vec<u8>,
    /// Whether the end of the body has come.
    complete: bool,
}

/// Why the reading ended before the body did.
enum Stop {
    /// With an answer.
    Refused(u16),
    /// With an answer that httpd has sent while we were asking for bytes.
    AlreadyAnswered,
    /// With an error that the transaction has noted; the request goes on.
    Failed(Status),
}

/// Reads until the end, or until the transaction has enough.
///
/// The transaction must not be borrowed while httpd reads: a malformed body makes httpd answer at once, through our own
/// filters.
fn fetch(request: Request<'_>, state: &State) -> Result<Fetched, Stop> {
    let mut brigade = Brigade::new(request).ok_or(Stop::Refused(500))?;
    let mut fetched = Fetched::default();
    let mut enough = false;
    while !fetched.complete && !enough {
        request
            .read_body(&mut brigade, READ_SIZE)
            .map_err(|status| failed(request, state, status))?;
        while let Some(mut bucket) = brigade.front() {
            match bucket.kind() {
                Kind::EndOfStream => fetched.complete = true,
                Kind::Data => {
                    let bytes = bucket
                        .read()
                        .map_err(|status| failed(request, state, status))?;
                    if enough {
                        fetched.tail.extend_from_slice(bytes);
                    } else {
                        match state.with(request, |transaction, _| {
                            transaction.append_request_body(bytes)
                        }) {
                            Some(BodyStep::Continue) => (),
                            Some(BodyStep::Enough) => enough = true,
                            Some(BodyStep::Refuse(status)) => return Err(Stop::Refused(status)),
                            None => return Err(Stop::Refused(500)),
                        }
                    }
                }
                Kind::Metadata | Kind::Error => (),
            }
            bucket.discard();
        }
    }
    Ok(fetched)
}

/// Tells the transaction that the body cannot be read, and hears what is to be done.
fn failed(request: Request<'_>, state: &State, status: Status) -> Stop {
    let error = read_error(status);
    let step = state.with(request, |transaction, _| {
        transaction.request_body_failed(error)
    });
    match (status.0, step) {
        (sys::AP_FILTER_ERROR, _) => Stop::AlreadyAnswered,
        (_, Some(BodyStep::Refuse(status))) => Stop::Refused(status),
        (_, Some(_)) => Stop::Failed(status),
        (_, None) => Stop::Refused(500),
    }
}

/// Compat: a timeout is answered 408, as in mod_security2.
fn read_error(status: Status) -> ReadError {
    match status.0 {
        sys::APR_TIMEUP | libc::ETIMEDOUT => ReadError::Timeout,
        sys::APR_EOF
        | sys::APR_INCOMPLETE
        | libc::ECONNRESET
        | libc::ECONNABORTED
        | libc::EPIPE => ReadError::Truncated,
        sys::APR_ENOSPC => ReadError::TooLarge,
        sys::APR_EGENERAL | sys::AP_FILTER_ERROR | libc::EINVAL => ReadError::Malformed,
        _ => ReadError::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_told_by_its_framing() {
        let framing = |encoding: Option<&str>, length: Option<&str>, stream| {
            Framing::new(
                encoding.map(str::as_bytes),
                length.map(str::as_bytes),
                stream,
            )
        };
        assert_eq!(framing(None, None, false), None);
        assert_eq!(framing(None, Some("0"), false), None);
        assert_eq!(framing(None, Some("0"), true), None);
        assert_eq!(
            framing(None, Some("7"), false),
            Some(Framing { length: Some(7) })
        );
        assert_eq!(
            framing(Some("chunked"), None, false),
            Some(Framing { length: None })
        );
        assert_eq!(framing(None, None, true), Some(Framing { length: None }));
        // httpd has refused it; if it had not, it would be wise to look.
        assert_eq!(
            framing(None, Some("x"), false),
            Some(Framing { length: None })
        );
    }

    #[test]
    fn errors_of_httpd_have_their_kinds() {
        assert_eq!(read_error(Status(sys::APR_TIMEUP)), ReadError::Timeout);
        assert_eq!(
            read_error(Status(sys::APR_INCOMPLETE)),
            ReadError::Truncated
        );
        assert_eq!(read_error(Status(sys::APR_ENOSPC)), ReadError::TooLarge);
        assert_eq!(
            read_error(Status(sys::AP_FILTER_ERROR)),
            ReadError::Malformed
        );
        assert_eq!(read_error(Status(12345)), ReadError::Other);
    }
}
