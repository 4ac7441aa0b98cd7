//! The input filter: serves the body that was read for inspection again, byte for byte, to whoever handles the request.
//!
//! The body is a stream and is consumed once, as without us: an internal redirect or a subrequest goes on where the one
//! before it stopped. Where only the beginning was looked at (`ProcessPartial`), the rest comes from the client, behind
//! what was read.

use bytes::Bytes;

use super::guard::{self, Filtered};
use super::host::brigade::{Brigade, Status};
use super::host::filter::{Filter, Wish};
use super::state::{self, State};
use super::sys;
use crate::facts::Step;

/// Most bytes served at a time: what handlers ask for is mostly 8 KiB; proxies gain from more.
const SERVE_SIZE: usize = 64 * 1024;

/// A request body that has been read, on its way to its reader.
#[derive(Default)]
pub(super) struct Replay {
    /// Bytes that the transaction holds.
    stored: u64,
    /// What is served in their place.
    replacement: Option<Bytes>,
    /// Bytes behind them that had been read when the transaction had enough.
    tail: Vec<u8>,
    /// Bytes served.
    offset: u64,
    /// Whether this is all; otherwise the rest is still to come from the client.
    complete: bool,
    /// What httpd said instead of more.
    failure: Option<Status>,
    /// Whether all of it has been served, or there is nothing to serve.
    served: bool,
}

impl Replay {
    pub(super) fn new(stored: u64, tail: Vec<u8>, complete: bool) -> Replay {
        // What is neither here nor complete needs no filter: the client's bytes come by themselves.
        let served = stored == 0 && tail.is_empty() && !complete;
        Replay {
            stored,
            replacement: None,
            tail,
            offset: 0,
            complete,
            failure: None,
            served,
        }
    }

    /// A body of which no more than this could be read. Whoever reads on hears the same: httpd, asked once more, may take what
    /// is behind a malformed end for a part of the body.
    pub(super) fn failed(stored: u64, failure: Status) -> Replay {
        Replay {
            stored,
            failure: Some(failure),
            ..Replay::default()
        }
    }

    /// Serves other bytes in the place of those that the transaction holds.
    pub(super) fn replace(&mut self, body: Bytes) {
        self.stored = body.len() as u64;
        self.replacement = Some(body);
        self.served = self.left() == 0 && !self.complete && self.failure.is_none();
    }

    /// Whether the whole body has come.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether there is something to serve.
    pub(super) fn is_pending(&self) -> bool {
        !self.served && (self.complete || self.failure.is_some() || self.left() > 0)
    }

    /// Bytes to be served from here.
    pub(super) fn left(&self) -> u64 {
        (self.stored + self.tail.len() as u64).saturating_sub(self.offset)
    }

    /// Reads what comes next without moving on. Empty at the end.
    fn peek(&self, most: usize, state: &State) -> Result<Vec<u8>, Status> {
        if let Some(behind) = self.offset.checked_sub(self.stored) {
            let behind = usize::try_from(behind).unwrap_or(usize::MAX);
            let rest = self.tail.get(behind..).unwrap_or_default();
            return Ok(rest.get(..most).unwrap_or(rest).to_vec());
        }
        let left = usize::try_from(self.stored - self.offset).unwrap_or(usize::MAX);
        if let Some(body) = &self.replacement {
            let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
            let rest = body.get(offset..).unwrap_or_default();
            return Ok(rest.get(..most).unwrap_or(rest).to_vec());
        }
        let mut piece = vec![0; left.min(most)];
        let read =
            state.look(|transaction| transaction.request_body().read_at(self.offset, &mut piece));
        match read {
            Some(Ok(length)) if length > 0 => {
                piece.truncate(length);
                Ok(piece)
            }
            // The store is shorter than it said, or cannot be read: an incomplete body must not look complete.
            Some(Err(error)) => {
                log::error!("the stored request body cannot be read: {error}");
                Err(Status(sys::APR_EGENERAL))
            }
            _ => Err(Status(sys::APR_EGENERAL)),
        }
    }
}

/// Cuts a piece after its first line.
fn first_line(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(at) = memchr::memchr(b'\n', &bytes) {
        bytes.truncate(at + 1);
    }
    bytes
}

/// The filter's function: httpd asks for bytes of the body.
pub(super) unsafe extern "C" fn serve(
    filter: *mut sys::ap_filter_t,
    brigade: *mut sys::apr_bucket_brigade,
    mode: sys::ap_input_mode_t,
    block: sys::apr_read_type_e,
    bytes: sys::apr_off_t,
) -> sys::apr_status_t {
    // SAFETY: what httpd calls an input filter with.
    unsafe {
        let wish = Wish { mode, block, bytes };
        enter("input_filter", filter, brigade, |filter, brigade| {
            guard::planted(filter.request(), "input_filter");
            answer(filter, brigade, wish)
        })
    }
}

/// Does the work of one of our input filters.
///
/// # Safety
/// The arguments of httpd's call of it: they are valid during the call.
pub(super) unsafe fn enter(
    entry: &'static str,
    filter: *mut sys::ap_filter_t,
    brigade: *mut sys::apr_bucket_brigade,
    work: impl FnOnce(&Filter<'_>, &mut Brigade<'_>) -> Result<(), Status>,
) -> sys::apr_status_t {
    guard::enter(entry, || {
        // SAFETY: the caller's word.
        let (filter, brigade) = unsafe { (Filter::from_raw(filter), Brigade::from_raw(brigade)) };
        let (Some(filter), Some(mut brigade)) = (filter, brigade) else {
            return Filtered(sys::APR_EGENERAL);
        };
        let done = work(&filter, &mut brigade);
        Filtered(done.map_or_else(|Status(status)| status, |()| sys::APR_SUCCESS))
    })
}

fn answer(filter: &Filter<'_>, brigade: &mut Brigade<'_>, wish: Wish) -> Result<(), Status> {
    let most = match wish.mode {
        sys::ap_input_mode_t_AP_MODE_READBYTES | sys::ap_input_mode_t_AP_MODE_SPECULATIVE => {
            usize::try_from(wish.bytes)
                .unwrap_or(0)
                .clamp(1, SERVE_SIZE)
        }
        sys::ap_input_mode_t_AP_MODE_GETLINE | sys::ap_input_mode_t_AP_MODE_EXHAUSTIVE => {
            SERVE_SIZE
        }
        // They are about the connection, not about the body.
        _ => return filter.ask_next(brigade, wish),
    };
    let Some(state) = state::of(filter.request()) else {
        filter.remove_input();
        return filter.ask_next(brigade, wish);
    };
    let speculative = wish.mode == sys::ap_input_mode_t_AP_MODE_SPECULATIVE;
    let mut replay = state.replay.borrow_mut();
    let mut piece = replay.peek(most, state)?;
    if wish.mode == sys::ap_input_mode_t_AP_MODE_GETLINE {
        piece = first_line(piece);
    }
    if !piece.is_empty() {
        brigade.push_bytes(&piece);
        if speculative {
            return Ok(());
        }
        replay.offset += piece.len() as u64;
        state.narrate(Step::Served(piece.len() as u64));
    }
    if replay.left() > 0 {
        return Ok(());
    }
    if let Some(failure) = replay.failure {
        return match piece.is_empty() {
            true => Err(failure),
            false => Ok(()),
        };
    }
    replay.served = true;
    let complete = replay.complete;
    drop(replay);
    filter.remove_input();
    if complete {
        brigade.push_end();
        state.narrate(Step::ServedAll);
    } else if piece.is_empty() {
        return filter.ask_next(brigade, wish);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_pending_where_nothing_was_read() {
        assert!(!Replay::default().is_pending());
        assert!(!Replay::new(0, Vec::new(), false).is_pending());
        assert!(
            Replay::new(0, Vec::new(), true).is_pending(),
            "its end must be told"
        );
        assert!(Replay::new(5, Vec::new(), false).is_pending());
        assert!(Replay::new(0, vec![1], false).is_pending());
    }

    #[test]
    fn what_failed_is_pending_until_it_is_told() {
        let failure = Status(sys::APR_EGENERAL);
        let mut replay = Replay::failed(0, failure);
        assert!(replay.is_pending(), "nothing came, and the failure");
        assert!(!replay.is_complete());
        replay.replace(Bytes::new());
        assert!(replay.is_pending());
        assert_eq!(replay.failure, Some(failure));
    }

    #[test]
    fn a_tail_is_served_behind_the_store() {
        let state = State::default();
        let mut replay = Replay::new(0, b"line one\nrest".to_vec(), false);
        assert_eq!(replay.peek(4, &state).unwrap(), b"line");
        assert_eq!(first_line(replay.peek(100, &state).unwrap()), b"line one\n");
        replay.offset = 9;
        assert_eq!(replay.peek(100, &state).unwrap(), b"rest");
        replay.offset = 13;
        assert_eq!(replay.left(), 0);
        assert!(replay.peek(100, &state).unwrap().is_empty());
    }

    #[test]
    fn a_store_that_cannot_be_read_is_an_error_and_not_an_end() {
        let state = State::default();
        let replay = Replay::new(5, Vec::new(), true);
        assert!(replay.peek(10, &state).is_err());
    }
}
