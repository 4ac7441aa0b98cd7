//! The output filter: the response phases.
//!
//! Phase 3 runs when the first piece of a response arrives. A body is held back only where the transaction asks for it;
//! otherwise phase 4 runs at once, on no body, and this filter leaves the chain. So both phases can still refuse.
//!
//! A refusal is made with an error bucket: httpd throws the response away and makes one of its own, which comes here too.
//! That is the moment at which a refused transaction is finished: before the first byte leaves, its record is written.
//!
//! Compat: without a body to hold back, mod_security2 runs phase 4 at the end of the response, when nothing can be
//! refused any more; it sees the same either way. Pieces that are no bytes (flushes) keep their places; where a body is
//! held back they wait with it.

use bytes::Bytes;

use super::edits::{self, Edits};
use super::guard::{self, Answer, Filtered, Panicked};
use super::host::brigade::{Brigade, Kept, Kind, Status};
use super::host::filter::Filter;
use super::host::request::Request;
use super::state::{self, State};
use super::{facts, intervene, sys};
use crate::facts::Step;
use crate::transaction::{InterruptionKind, ResponseStep, Verdict};
use crate::types::Phase;

/// The answer to a request that must not be served without a record (`SecAuditLogFailure closed`): the fault is the server's,
/// and may pass.
const WITHOUT_RECORD: u16 = 503;

/// How far the response is.
#[derive(Default)]
pub(super) enum Stage {
    /// Nothing of it has come.
    #[default]
    Expected,
    /// Phase 3 has passed it, and its body is being held back.
    Held(Kept),
    /// Both phases have run, the body passes, and this comes behind it.
    Ending(Bytes),
    /// Both phases have run, or must not.
    Done,
}

/// The filter's function: a piece of the response is on its way to the client.
pub(super) unsafe extern "C" fn look(
    filter: *mut sys::ap_filter_t,
    brigade: *mut sys::apr_bucket_brigade,
) -> sys::apr_status_t {
    let run = |entry, work: fn(Filter<'_>, Brigade<'_>) -> Result<(), Status>| {
        // SAFETY: httpd calls with a filter of ours and a brigade; both are valid during the call, and one `work` is over
        // before the next begins.
        let (filter, piece) = unsafe { (Filter::from_raw(filter), Brigade::from_raw(brigade)) };
        let (Some(filter), Some(piece)) = (filter, piece) else {
            return Ok(Err(Status(sys::APR_EGENERAL)));
        };
        guard::catch(entry, Some(filter.request().server()), || {
            work(filter, piece)
        })
    };
    // A panic can only come before the piece is handed on: what lies behind that is not ours, or has a guard of its own.
    let result = run("output_filter", inspect)
        .or_else(|Panicked| run("output_filter after a panic", recover));
    match result {
        Ok(Ok(())) => sys::APR_SUCCESS,
        Ok(Err(Status(status))) => status,
        Err(Panicked) => Filtered::after_panic().raw(),
    }
}

fn inspect(filter: Filter<'_>, mut piece: Brigade<'_>) -> Result<(), Status> {
    let request = filter.request();
    guard::planted(request, "output_filter");
    let Some(state) = state::of(request) else {
        return filter.leave(piece);
    };
    state.restore_headers(request);
    if piece.is_empty() {
        return filter.pass(piece);
    }
    if !state.is_sound() {
        return recover(filter, piece);
    }
    if piece.kinds().any(|kind| kind == Kind::Error) {
        // Somebody else's refusal takes the place of this response, and will come here by itself.
        state.drop_held();
        return filter.leave(piece);
    }
    if state.look(|transaction| transaction.interruption().is_some()) == Some(true) {
        state.stage.replace(Stage::Done);
        finish(request, state);
        return filter.leave(piece);
    }
    let next = phases(request, state, &mut piece)?;
    let leaves = !matches!(next, Next::Wait | Next::Refuse(_) | Next::Drop);
    if leaves && owes_lost_record(request, state) {
        if let Next::Release(mut kept, _) = next {
            kept.clear();
        }
        return refuse(filter, piece, WITHOUT_RECORD);
    }
    match next {
        Next::Wait => Ok(()),
        Next::Leave => filter.leave(piece),
        Next::Pass => filter.pass(piece),
        Next::Send(edits) => send(filter, state, edits, piece),
        Next::Release(mut kept, mut edits) => {
            let at_once = kept.was_in_a_file();
            let mut whole = kept.brigade();
            edits.replace(request, &mut whole);
            whole.append(&mut piece);
            if at_once {
                whole.push_flush();
            }
            send(filter, state, edits, whole)
        }
        Next::Refuse(status) => refuse(filter, piece, status),
        Next::Drop => {
            piece.clear();
            Err(Status(sys::AP_FILTER_ERROR))
        }
    }
}

/// What happens to a piece of a response.
enum Next {
    /// It is held back.
    Wait,
    /// It and all that follow pass.
    Leave,
    /// It passes.
    Pass,
    /// It passes with changes.
    Send(Edits),
    /// What was held back goes before it, and then as `Send`.
    Release(Kept, Edits),
    /// Another response takes its place.
    Refuse(u16),
    /// The client gets nothing.
    Drop,
}

/// Sends the first piece of a response with the changes that rules made to it.
fn send(
    filter: Filter<'_>,
    state: &State,
    edits: Edits,
    mut first: Brigade<'_>,
) -> Result<(), Status> {
    let stage = edits.make(filter.request(), &mut first);
    let goes_on = matches!(stage, Stage::Ending(_));
    state.stage.replace(stage);
    match goes_on {
        true => filter.pass(first),
        false => filter.leave(first),
    }
}

/// Runs the response phases, as far as the response has come. Nothing leaves here, so nothing of httpd's runs meanwhile.
fn phases(request: Request<'_>, state: &State, piece: &mut Brigade<'_>) -> Result<Next, Status> {
    let mut stage = state.stage.borrow_mut();
    if let Stage::Expected = *stage {
        let verdict = state.with(request, |transaction, host| {
            transaction.response_headers(facts::response(request, facts::Ends::Later));
            transaction.run(Phase::ResponseHeaders, host)
        });
        if let Some(next) = interrupted(request, state, verdict) {
            *stage = Stage::Done;
            return Ok(next);
        }
        edits::sign_location(request, state);
        let wanted = state.look(|transaction| transaction.wants_response_body()) == Some(true);
        *stage = match Kept::new(request) {
            Some(kept) if wanted => Stage::Held(kept),
            _ => Stage::Done,
        };
        if let Stage::Done = *stage {
            // Compat: what phase 4 adds is not added where there is no body to look at.
            let edits = Edits::passing(state);
            return Ok(run_response_body(request, state).unwrap_or(Next::Send(edits)));
        }
    }
    if let Stage::Ending(behind) = &*stage {
        if !piece.push_bytes_before_end(behind) {
            return Ok(Next::Pass);
        }
        *stage = Stage::Done;
    }
    let Stage::Held(kept) = &mut *stage else {
        return Ok(Next::Leave);
    };
    match hold_back(request, state, piece, kept)? {
        Held::More => Ok(Next::Wait),
        Held::Refuse(status) => {
            kept.clear();
            *stage = Stage::Done;
            Ok(Next::Refuse(status))
        }
        Held::Enough => {
            let next = run_response_body(request, state);
            match (next, std::mem::replace(&mut *stage, Stage::Done)) {
                (Some(next), Stage::Held(mut kept)) => {
                    kept.clear();
                    Ok(next)
                }
                (None, Stage::Held(kept)) => Ok(Next::Release(kept, Edits::held(state))),
                (next, _) => Ok(next.unwrap_or(Next::Leave)),
            }
        }
    }
}

/// What came of holding back a piece.
enum Held {
    /// The response goes on.
    More,
    /// It has ended, or as much of it is here as is looked at.
    Enough,
    /// It is over the limit.
    Refuse(u16),
}

fn hold_back(
    request: Request<'_>,
    state: &State,
    piece: &mut Brigade<'_>,
    kept: &mut Kept,
) -> Result<Held, Status> {
    let pool = request.initial().pool();
    while let Some(mut bucket) = piece.front() {
        let mut enough = false;
        kept.note(&bucket);
        match bucket.kind() {
            Kind::EndOfStream => enough = true,
            Kind::Data => {
                let bytes = bucket.read()?;
                match state.with(request, |transaction, _| {
                    transaction.append_response_body(bytes)
                }) {
                    Some(ResponseStep::Buffer) => (),
                    Some(ResponseStep::PassThrough) | None => enough = true,
                    Some(ResponseStep::Refuse(status)) => return Ok(Held::Refuse(status)),
                }
                bucket.set_aside(pool)?;
            }
            // Pieces that are no bytes and cannot be set aside need not be.
            Kind::Metadata | Kind::Error => bucket.set_aside(pool).unwrap_or(()),
        }
        bucket.move_to(&mut kept.brigade());
        if enough {
            return Ok(Held::Enough);
        }
    }
    Ok(Held::More)
}

fn run_response_body(request: Request<'_>, state: &State) -> Option<Next> {
    let verdict = state.with(request, |transaction, host| {
        transaction.end_response_body();
        transaction.run(Phase::ResponseBody, host)
    });
    interrupted(request, state, verdict)
}

fn interrupted(request: Request<'_>, state: &State, verdict: Option<Verdict>) -> Option<Next> {
    let Some(Verdict::Interrupt(interruption)) = verdict else {
        return None;
    };
    let status = intervene::apply(request, &interruption);
    intervene::leave_no_body_behind(request, state);
    if interruption.kind == InterruptionKind::Drop {
        // No response will come by to finish the transaction at.
        finish(request, state);
        return Some(Next::Drop);
    }
    Some(Next::Refuse(status))
}

/// Puts httpd's answer for a status in the place of this response.
fn refuse(filter: Filter<'_>, mut piece: Brigade<'_>, status: u16) -> Result<(), Status> {
    let request = filter.request();
    piece.clear();
    piece.push_error(status, request.pool());
    piece.push_end();
    // What a backend called its status does not fit the new one.
    request.forget_status_line();
    filter.leave(piece)
}

/// After a panic: no phase runs any more. Fails closed where the engine is on; otherwise what was held back goes its way.
fn recover(filter: Filter<'_>, mut piece: Brigade<'_>) -> Result<(), Status> {
    let request = filter.request();
    state::broken(request);
    let Some(state) = state::of(request) else {
        return filter.leave(piece);
    };
    match (state.stage.replace(Stage::Done), state.fails_closed()) {
        (Stage::Expected, true) => refuse(filter, piece, 500),
        (Stage::Held(mut kept), true) => {
            kept.clear();
            refuse(filter, piece, 500)
        }
        (Stage::Held(mut kept), false) => {
            let mut whole = kept.brigade();
            whole.append(&mut piece);
            filter.leave(whole)
        }
        _ => filter.leave(piece),
    }
}

/// Finishes the transaction before its response leaves, where there must be no response without a record. Whether that is so
/// and the record is lost.
fn owes_lost_record(request: Request<'_>, state: &State) -> bool {
    if state.look(|transaction| transaction.owes_record()) != Some(true) {
        return false;
    }
    finish(request, state);
    state.look(|transaction| transaction.record_lost()) == Some(true)
}

/// Phase 5 and the audit record, before the response leaves.
fn finish(request: Request<'_>, state: &State) {
    let meant = state.handler.borrow();
    let handler = match &*meant {
        Some(handler) => handler.as_deref(),
        None => request.handler(),
    };
    state.with(request, |transaction, host| {
        if !transaction.finished() {
            transaction.finish(
                facts::response(request, facts::Ends::Refused(handler)),
                host,
            );
        }
    });
}

impl State {
    /// Whether this filter has something to do with the next response.
    pub(super) fn wants_response(&self) -> bool {
        if !self.is_sound() {
            return false;
        }
        let expected = matches!(*self.stage.borrow(), Stage::Expected);
        let refused = self
            .look(|transaction| transaction.interruption().is_some() && !transaction.finished());
        refused.is_some_and(|refused| refused || expected)
    }

    /// Tells the debug log what happens to a body.
    pub(super) fn narrate(&self, step: Step) {
        self.look(|transaction| transaction.narrate_host(step));
    }

    /// Forgets what was held back: another response takes its place.
    pub(super) fn drop_held(&self) {
        let mut stage = self.stage.borrow_mut();
        if let Stage::Held(kept) = &mut *stage {
            kept.clear();
            *stage = Stage::Done;
        }
    }
}
