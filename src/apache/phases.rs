//! The bodies of the request hooks, in the order in which a request meets them.

use std::ffi::{c_char, c_int};
use std::sync::Arc;

use super::guard::{self, Answer, Observed, Outcome, Panicked};
use super::host::request::Request;
use super::state::{self, Admission, State};
use super::{cut_off, dirconf, facts, hooks, intervene, logging, login, request_body, sys};
use crate::config::Config;
use crate::facts::Step;
use crate::transaction::Verdict;
use crate::types::{EngineMode, Phase};

/// Runs the body of a hook that may refuse the request.
fn request_hook(
    entry: &'static str,
    request: *mut sys::request_rec,
    body: impl FnOnce(Request<'_>) -> Outcome,
) -> c_int {
    // SAFETY: httpd hands the hook a request that is alive and that only this thread works on until the hook returns.
    let Some(request) = (unsafe { Request::from_raw(request) }) else {
        return sys::DECLINED;
    };
    guard::catch(entry, Some(request.server()), || {
        guard::planted(request, entry);
        body(request)
    })
    .unwrap_or_else(|Panicked| state::broken(request))
    .raw()
}

/// `post_read_request`, before mod_remoteip: keeps what says who the client is.
pub(super) unsafe extern "C" fn snapshot(request: *mut sys::request_rec) -> c_int {
    request_hook("snapshot", request, |request| {
        if !request.is_initial() {
            return Outcome::Declined;
        }
        if let Some(config) = dirconf::of_request(request) {
            let forwarding = facts::forwarding_headers(request, &config.resolved().client_policy);
            // Kept even if nothing runs outside all sections: the request's own section may want it.
            if !forwarding.is_empty() {
                state::attach(request, forwarding);
            }
        }
        Outcome::Declined
    })
}

/// `post_read_request`, after mod_remoteip: begins the transaction and runs phase 1, under what holds outside all sections.
pub(super) unsafe extern "C" fn post_read_request(request: *mut sys::request_rec) -> c_int {
    request_hook("post_read_request", request, |request| {
        if !request.is_initial() {
            return Outcome::Declined;
        }
        let Some((state, config)) = prepare(request) else {
            return Outcome::Declined;
        };
        let connection = facts::connection(request, &config, &state.forwarding);
        if let Some(answered) = cut_off::refuse(request, state, &config, &connection) {
            return answered;
        }
        state.begin(request, config, connection);
        run(request, state, Phase::RequestHeaders)
    })
}

/// `fixups`: puts the transaction under the configuration of its directory, reads the body and runs phase 2.
///
/// Compat: where the engine is on only in a section, phase 1 does not run, as in mod_security2.
pub(super) unsafe extern "C" fn fixups(request: *mut sys::request_rec) -> c_int {
    request_hook("fixups", request, |request| {
        if !request.is_initial() {
            return Outcome::Declined;
        }
        // Where bans are in force only in this section.
        if let Some(answered) = cut_off_here(request) {
            return answered;
        }
        let state = match state::of(request).filter(|state| state.has_transaction()) {
            Some(state) => {
                if let Some(config) = dirconf::of_request(request) {
                    state.move_to(config.resolved(), request);
                }
                state
            }
            None => match begin(request) {
                Some(state) => state,
                None => return Outcome::Declined,
            },
        };
        if !state.is_sound() {
            return Outcome::Declined;
        }
        if let Err(outcome) = request_body::read(request, state) {
            return outcome;
        }
        let outcome = run(request, state, Phase::RequestBody);
        if matches!(outcome, Outcome::Declined) && state.is_sound() {
            request_body::rewrite(request, state);
            if state.look(|transaction| transaction.disables_compression()) == Some(true) {
                state.withhold_headers(request, &[c"Accept-Encoding", c"TE"]);
            }
        }
        outcome
    })
}

/// Cuts a banned client off whom nobody has looked for so far. Its transaction, where it has begun, is given up.
fn cut_off_here(request: Request<'_>) -> Option<Outcome> {
    let (state, config) = prepare(request)?;
    if state.is_admitted() || config.ban_mode() == EngineMode::Off {
        return None;
    }
    let connection = facts::connection(request, &config, &state.forwarding);
    let answered = cut_off::refuse(request, state, &config, &connection)?;
    state.give_up();
    Some(answered)
}

/// Begins the transaction of a request if the configuration asks for one.
fn begin(request: Request<'_>) -> Option<&State> {
    let (state, config) = prepare(request)?;
    let connection = facts::connection(request, &config, &state.forwarding);
    state.begin(request, config, connection);
    Some(state)
}

/// The state and the configuration of a request, if the configuration asks for a transaction.
fn prepare(request: Request<'_>) -> Option<(&State, Arc<Config>)> {
    let config = dirconf::of_request(request)?.resolved();
    if !config.active() {
        return None;
    }
    let state = state::of(request).unwrap_or_else(|| state::attach(request, Vec::new()));
    Some((state, config))
}

/// Runs a request phase.
fn run(request: Request<'_>, state: &State, phase: Phase) -> Outcome {
    if !state.is_sound() {
        return Outcome::Declined;
    }
    match state.with(request, |transaction, host| transaction.run(phase, host)) {
        Some(Verdict::Interrupt(interruption)) => intervene::refuse(request, state, &interruption),
        Some(Verdict::Pass) | None => Outcome::Declined,
    }
}

/// `insert_filter`: a handler is about to read the body and to answer.
pub(super) unsafe extern "C" fn insert_filter(request: *mut sys::request_rec) {
    // SAFETY: as in `request_hook`.
    let Some(request) = (unsafe { Request::from_raw(request) }) else {
        return;
    };
    let inserted = guard::catch("insert_filter", Some(request.server()), || {
        guard::planted(request, "insert_filter");
        login::expect_answer(request);
        let Some(state) = state::of(request) else {
            return;
        };
        if state.replay.borrow().is_pending() {
            hooks::add_request_body_filter(request);
            state.narrate(Step::ServesRequest);
        }
        if !request.is_subrequest() && state.wants_response() {
            hooks::add_response_filter(request);
            state.narrate(Step::WatchesResponse);
            let handler = request.handler().map(<[u8]>::to_vec);
            state.handler.replace(Some(handler));
        }
    });
    if inserted.is_err() {
        // This hook cannot refuse, but the filter can.
        state::broken(request);
        if !request.is_subrequest() && state::of(request).is_some_and(State::fails_closed) {
            hooks::add_response_filter(request);
        }
    }
}

/// `insert_error_filter`: httpd is about to answer with an error of its own.
pub(super) unsafe extern "C" fn insert_error_filter(request: *mut sys::request_rec) {
    // SAFETY: as in `request_hook`.
    let Some(request) = (unsafe { Request::from_raw(request) }) else {
        return;
    };
    let inserted = guard::catch("insert_error_filter", Some(request.server()), || {
        guard::planted(request, "insert_error_filter");
        login::expect_error(request);
        let Some(state) = state::of(request) else {
            return;
        };
        state.drop_held();
        if !request.is_subrequest() && state.wants_response() {
            hooks::add_response_filter(request);
            state.narrate(Step::WatchesError);
        }
    });
    if inserted.is_err() {
        state::broken(request);
    }
}

/// `error_log`: something was written to the error log.
pub(super) unsafe extern "C" fn error_log(
    info: *const sys::ap_errorlog_info,
    message: *const c_char,
) {
    // SAFETY: httpd hands the hook its own record, valid during the call, and the request it is about, or null.
    let (info, request) = unsafe {
        let Some(info) = info.as_ref() else { return };
        let Some(request) = Request::from_raw(info.r.cast_mut()) else {
            return;
        };
        (info, request)
    };
    guard::enter("error_log", || {
        guard::planted(request, "error_log");
        if let Some(state) = state::of(request) {
            // SAFETY: these are the hook's arguments.
            state.overhear(unsafe { logging::overheard(info, message) });
        }
    });
}

/// `log_transaction`: the response has been sent. Phase 5 and the audit record, unless a refusal has had them already.
pub(super) unsafe extern "C" fn log_transaction(request: *mut sys::request_rec) -> c_int {
    // SAFETY: as in `request_hook`.
    let Some(request) = (unsafe { Request::from_raw(request) }) else {
        return sys::DECLINED;
    };
    let logged = guard::catch("log_transaction", Some(request.server()), || {
        guard::planted(request, "log_transaction");
        login::end(request);
        let known = state::of(request).filter(|state| state.has_transaction());
        if let Some(state) = known.or_else(|| late(request)) {
            state.restore_headers(request);
            state.with(request, |transaction, host| {
                if transaction.finished() && !transaction.is_guarded() {
                    return;
                }
                let response = facts::response(request.last(), facts::Ends::Sent);
                let environment = request.last().environment();
                let is_set = |name: &[u8]| environment.find(name).is_some();
                transaction.tell_guardian(&response, is_set, host);
                if !transaction.finished() {
                    transaction.finish(response, host);
                }
            });
        }
        Observed
    });
    logged
        .unwrap_or_else(|Panicked| Observed::after_panic())
        .raw()
}

/// A transaction for a request that httpd has refused before any hook ran, because it is malformed. A connection on which no
/// request came has nothing to log.
fn late(request: Request<'_>) -> Option<&State> {
    let came = request.is_initial() && request.line().is_some_and(|line| !line.is_empty());
    let is_cut_off =
        state::of(request).is_some_and(|state| state.admission.get() == Admission::CutOff);
    if came && !is_cut_off {
        begin(request)
    } else {
        None
    }
}
