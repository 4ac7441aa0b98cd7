//! Logins: the audited request's body and answer are watched on their way, and what is found is written before the client hears
//! of it.
//!
//! Nothing is held back or read ahead: the body is seen when the application asks for it, the answer when it comes. So this works with
//! the engine off, and costs a request outside of audited sections nothing.
//!
//! Each request from the network is judged once, by the first answer that an application gives: internal redirects belong to the
//! request that came in, subrequests are parts of another answer.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::SystemTime;

use super::guard::{self, Filtered};
use super::host::brigade::{Brigade, Kind, Status};
use super::host::filter::{Filter, Wish};
use super::host::log::{self, Level};
use super::host::request::Request;
use super::state::{self, State};
use super::{dirconf, facts, filter_in, hooks, shared, sys};
use crate::client::ClientAddress;
use crate::config::Config;
use crate::login::{self, Attempt, Event, Outcome, Progress, Response};
use crate::losses::{LOGIN_AUDIT, Losses, complaint};
use crate::metrics::Login as Counted;

/// A request in a section that audits logins.
pub(super) struct Login {
    config: Arc<Config>,
    attempt: RefCell<Attempt>,
    /// A handler was asked, not only httpd's own pages of errors.
    handled: Cell<bool>,
    /// The body is being watched.
    reads: Cell<bool>,
    /// There was an answer.
    answered: Cell<bool>,
}

/// What is known of a request, where logins are audited. The configuration is that of the request from the network: a redirect
/// inside the server leads elsewhere, but the login was meant for here.
fn of(request: Request<'_>) -> Option<(&State, &Login)> {
    let initial = request.initial();
    if let Some(state) = state::of(initial)
        && let Some(known) = state.login.get()
    {
        return known.as_deref().map(|login| (state, login));
    }
    let config = dirconf::of_request(initial)?.resolved();
    if config.login_audit.is_empty() {
        return None;
    }
    let state = state::of(initial).unwrap_or_else(|| state::attach(initial, Vec::new()));
    let login = Box::new(Login::begin(initial, config));
    let known = state.login.get_or_init(|| Some(login));
    known.as_deref().map(|login| (state, login))
}

impl Login {
    fn begin(request: Request<'_>, config: Arc<Config>) -> Login {
        // The line, because httpd makes a GET of what an `ErrorDocument` answers.
        let mut line = request
            .line()
            .unwrap_or_default()
            .split(|byte| *byte == b' ');
        let headers = request.headers_in();
        let attempt = Attempt::begin(
            &config.login_audit,
            &login::Request {
                method: line.next().unwrap_or_default(),
                paths: [request.parsed_path(), request.path()].map(Option::unwrap_or_default),
                query: request.query().unwrap_or_default(),
                header: &|name| headers.find(name.as_bytes()).map(<[u8]>::to_vec),
            },
        );
        Login {
            config,
            attempt: RefCell::new(attempt),
            handled: Cell::new(false),
            reads: Cell::new(false),
            answered: Cell::new(false),
        }
    }
}

/// A handler is about to read the body and to answer.
pub(super) fn expect_answer(request: Request<'_>) {
    if request.is_subrequest() {
        return;
    }
    let Some((state, login)) = of(request) else {
        return;
    };
    // An `ErrorDocument` is handled with the status of the error.
    if request.status() == 200 {
        login.handled.set(true);
    }
    let attempt = login.attempt.borrow();
    if attempt.reads_body() && !login.reads.replace(true) {
        hooks::add_login_body_filter(request);
    }
    if attempt.may_read_answer() && !login.answered.get() {
        state.withhold_headers(request, &[c"Accept-Encoding", c"TE"]);
    }
    hooks::add_login_answer_filter(request);
}

/// httpd is about to answer with an error of its own.
pub(super) fn expect_error(request: Request<'_>) {
    if !request.is_subrequest() && of(request).is_some() {
        hooks::add_login_answer_filter(request);
    }
}

/// The response has been sent, or the client is gone: what was not decided until now is decided by what there was.
pub(super) fn end(request: Request<'_>) {
    let known = state::of(request).and_then(|state| Some((state, state.login.get()?.as_deref()?)));
    if let Some((state, login)) = known
        && login.answered.get()
    {
        let events = login.attempt.borrow_mut().end();
        tell(request, state, login, events);
    }
}

/// The input filter: the application reads the body.
pub(super) unsafe extern "C" fn watch_body(
    filter: *mut sys::ap_filter_t,
    brigade: *mut sys::apr_bucket_brigade,
    mode: sys::ap_input_mode_t,
    block: sys::apr_read_type_e,
    bytes: sys::apr_off_t,
) -> sys::apr_status_t {
    // SAFETY: what httpd calls an input filter with.
    unsafe {
        filter_in::enter("login body", filter, brigade, |filter, brigade| {
            filter.ask_next(brigade, Wish { mode, block, bytes })?;
            match mode {
                sys::ap_input_mode_t_AP_MODE_READBYTES
                | sys::ap_input_mode_t_AP_MODE_GETLINE
                | sys::ap_input_mode_t_AP_MODE_EXHAUSTIVE => watch(filter, brigade),
                // What is only peeked at comes again; the others are not about the body.
                _ => Ok(()),
            }
        })
    }
}

fn watch(filter: &Filter<'_>, brigade: &mut Brigade<'_>) -> Result<(), Status> {
    let Some((_, login)) = of(filter.request()) else {
        return Ok(());
    };
    let mut attempt = login.attempt.borrow_mut();
    brigade.each_piece(|piece| attempt.take_body(piece))?;
    if !attempt.reads_body() {
        filter.remove_input();
    }
    Ok(())
}

/// The output filter: a piece of the answer is on its way.
pub(super) unsafe extern "C" fn watch_answer(
    filter: *mut sys::ap_filter_t,
    brigade: *mut sys::apr_bucket_brigade,
) -> sys::apr_status_t {
    guard::enter("login answer", || {
        // SAFETY: as above.
        let (filter, piece) = unsafe { (Filter::from_raw(filter), Brigade::from_raw(brigade)) };
        let (Some(filter), Some(piece)) = (filter, piece) else {
            return Filtered(sys::APR_EGENERAL);
        };
        let passed = answer(filter, piece);
        Filtered(passed.map_or_else(|Status(status)| status, |()| sys::APR_SUCCESS))
    })
}

fn answer(filter: Filter<'_>, mut piece: Brigade<'_>) -> Result<(), Status> {
    let request = filter.request();
    let Some((state, login)) = of(request) else {
        return filter.leave(piece);
    };
    if piece.is_empty() {
        return filter.pass(piece);
    }
    state.restore_headers(request);
    if piece.kinds().any(|kind| kind == Kind::Error) {
        // An error takes the place of this answer, and will come here by itself.
        return filter.leave(piece);
    }
    let response = response(request);
    if !login.answered.replace(true) {
        let progress = login
            .attempt
            .borrow_mut()
            .respond(response, login.handled.get());
        if let Progress::Decided(events) = progress {
            tell(request, state, login, events);
            return filter.leave(piece);
        }
    }
    while let Some(mut bucket) = piece.front() {
        let decided = match bucket.kind() {
            Kind::Data => {
                let bytes = bucket.read()?;
                login.attempt.borrow_mut().take_answer(bytes)
            }
            Kind::EndOfStream => Some(login.attempt.borrow_mut().end()),
            Kind::Metadata | Kind::Error => None,
        };
        if let Some(events) = decided {
            tell(request, state, login, events);
            return filter.leave(piece);
        }
        // One by one: what comes slowly is not held back.
        let mut next = Brigade::new(request).ok_or(Status(sys::APR_EGENERAL))?;
        bucket.move_to(&mut next);
        filter.pass(next)?;
    }
    Ok(())
}

/// The answer as the application made it. What it says of a login is for us alone.
fn response(request: Request<'_>) -> Response {
    let tables = [request.headers_out(), request.error_headers_out()];
    let mut said = Vec::new();
    let mut headers = Vec::new();
    for table in tables {
        for (name, value) in table.iter() {
            match name.eq_ignore_ascii_case(login::HEADER.to_bytes()) {
                true => said.push(value.to_vec()),
                false => headers.push((name.to_vec(), value.to_vec())),
            }
        }
        table.unset(login::HEADER);
    }
    if said.is_empty() {
        let initial = request.initial();
        let tables = [
            request.notes(),
            initial.notes(),
            request.environment(),
            initial.environment(),
        ];
        let mut notes = login::NOTES
            .iter()
            .flat_map(|name| tables.iter().filter_map(|table| table.get(name)));
        said.extend(notes.next().map(<[u8]>::to_vec));
    }
    let media_type = request.content_type().filter(|_| {
        let stated = |(name, _): &(Vec<u8>, Vec<u8>)| name.eq_ignore_ascii_case(b"Content-Type");
        !headers.iter().any(stated)
    });
    headers.extend(media_type.map(|value| (b"Content-Type".to_vec(), value.to_vec())));
    Response {
        status: request.status(),
        headers,
        said,
    }
}

/// Writes what happened. Every login passes here, once.
fn tell(request: Request<'_>, state: &State, login: &Login, mut events: Vec<Event>) {
    if events.is_empty() {
        return;
    }
    let request = request.initial();
    let config = &login.config;
    let client = client(request, state, config);
    let now = SystemTime::now();
    let server = String::from_utf8_lossy(request.server().name());
    events.retain(|event| {
        let known = event.session_of(&server, client.client);
        known.is_none_or(|session| shared::recent_logins().is_new(session, now))
    });
    for event in &events {
        shared::metrics().login(event.application.name(), counted(event.outcome), now);
    }
    let losses = shared::login_losses();
    let mut failure = None;
    for (event, severity, text) in login::messages(&events, config.login_format, &client) {
        let source = login::Source {
            application: &event.application,
            server: &server,
            process: std::process::id(),
        };
        if let Err(error) = config.login_log.write(&source, now, (severity, &text)) {
            losses.count(1);
            failure = Some(format!("{}: {error}", config.login_log.name()));
        }
    }
    complain(request, losses, failure);
}

fn counted(outcome: Outcome) -> Counted {
    match outcome {
        Outcome::Success => Counted::Success,
        Outcome::Failure => Counted::Failure,
        Outcome::InvalidUser => Counted::InvalidUser,
        Outcome::Logout => Counted::Logout,
    }
}

fn complain(request: Request<'_>, losses: &Losses, failure: Option<String>) {
    if let Some(number) = losses.complaint(SystemTime::now()) {
        let state = failure.unwrap_or_else(|| "the log can be written again".to_owned());
        let text = complaint(LOGIN_AUDIT, number, losses.total(), &state);
        log::write(Some(request.server()), Level::Error, text.as_bytes());
    }
}

/// Who sent the request: the transaction's answer, or the same found without one.
fn client(request: Request<'_>, state: &State, config: &Config) -> ClientAddress {
    let known = state.look(|transaction| transaction.client().clone());
    known.unwrap_or_else(|| facts::connection(request, config, &state.forwarding).client)
}
