//! What is kept of a request between its hooks: the transaction, and how far the bodies are.
//!
//! It lives in the pool of the request from the network. Subrequests and internal redirects find it there.

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::CStr;
use std::sync::Arc;

use super::engine_host::HttpdHost;
use super::facts;
use super::filter_in::Replay;
use super::filter_out::Stage;
use super::guard::{self, Outcome};
use super::host::request::Request;
use super::login::Login;
use super::{dirconf, module, shared, sys};
use crate::config::Config;
use crate::facts::{Connection, Header};
use crate::transaction::Transaction;
use crate::types::EngineMode;

/// Most entries of the error log that are kept for a transaction while it cannot take them: while it runs, or before it
/// exists. One run of a phase writes a handful; `LogLevel trace8` writes hundreds a request, and those are not for the
/// audit log.
const OVERHEARD_LIMIT: usize = 64;

/// The state of one request from the network. One thread at a time works on a request, so cells are enough.
#[derive(Default)]
pub(super) struct State {
    /// The forwarding headers as they came, before mod_remoteip.
    pub(super) forwarding: Vec<Header>,
    /// The request body on its way to whoever wants it.
    pub(super) replay: RefCell<Replay>,
    /// How far the response is.
    pub(super) stage: RefCell<Stage>,
    /// Request headers that the handler must not see: name and value.
    withheld: RefCell<Vec<(&'static CStr, Vec<u8>)>>,
    /// The handler that was meant to answer when httpd was about to call one.
    pub(super) handler: RefCell<Option<Option<Vec<u8>>>>,
    /// What is watched for the login audit; `None` inside where nothing is.
    pub(super) login: OnceCell<Option<Box<Login>>>,
    transaction: RefCell<Option<Transaction>>,
    overheard: RefCell<Vec<String>>,
    /// Whether the client has been looked for among those that are banned, and what came of it.
    pub(super) admission: Cell<Admission>,
    /// A hook has panicked: no phase runs any more.
    broken: Cell<bool>,
    /// Whether a failure of ours must not stop the request: `SecRuleEngine` is not `On`. `None` before that is known.
    fails_open: Cell<Option<bool>>,
    #[cfg(feature = "planted-panic")]
    planted: Planted,
}

/// What is known of a client's ban.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Admission {
    /// Nobody has looked.
    #[default]
    Open,
    /// It is not banned, or only looked at.
    Admitted,
    /// It is banned, and has its answer: there is no transaction, and there will be none.
    CutOff,
}

/// The state of the request that this one serves.
pub(super) fn of(request: Request<'_>) -> Option<&State> {
    let vector = request.initial().request_config();
    if vector.is_null() || module::record().is_null() {
        return None;
    }
    // SAFETY: the vector of a live request; the slot is ours, and holds null or what `attach` put there, which the
    // request's pool keeps.
    unsafe {
        sys::ap_get_module_config(vector, module::record())
            .cast::<State>()
            .as_ref()
    }
}

/// Gives a request from the network a state.
pub(super) fn attach<'r>(request: Request<'r>, forwarding: Vec<Header>) -> &'r State {
    let state = request.pool().keep(State {
        forwarding,
        ..State::default()
    });
    #[cfg(feature = "planted-panic")]
    state
        .planted
        .0
        .set(request.headers_in().get(c"X-Palisade-Panic") == Some(b"cleanup"));
    // SAFETY: the vector of a live request; the state lives as long as the request's pool.
    unsafe {
        sys::ap_set_module_config(
            request.request_config(),
            module::record(),
            (&raw const *state).cast_mut().cast(),
        );
    }
    state
}

/// Notes that a hook panicked, and says what httpd is to do with the request.
pub(super) fn broken(request: Request<'_>) -> Outcome {
    let state = of(request);
    if let Some(state) = state {
        state.broken.set(true);
    }
    let fails_open = state.and_then(|state| state.fails_open.get());
    // Where the panic came before anything was known, the configuration says; if it is that which panics, fail closed.
    let fails_open = fails_open.unwrap_or_else(|| {
        guard::catch("a hook after a panic", Some(request.server()), || {
            dirconf::of_request(request)
                .is_some_and(|config| config.resolved().engine != EngineMode::On)
        })
        .unwrap_or(false)
    });
    if fails_open {
        Outcome::Declined
    } else {
        Outcome::Status(500)
    }
}

impl State {
    /// Begins a transaction.
    pub(super) fn begin(&self, request: Request<'_>, config: Arc<Config>, connection: Connection) {
        self.fails_open.set(Some(config.engine != EngineMode::On));
        let facts = facts::request(request, &self.forwarding);
        let transaction = Transaction::new(config, connection, facts);
        transaction.begun(shared::metrics());
        *self.transaction.borrow_mut() = Some(transaction);
    }

    /// Puts the transaction under the configuration of its directory.
    pub(super) fn move_to(&self, config: Arc<Config>, request: Request<'_>) {
        self.fails_open.set(Some(config.engine != EngineMode::On));
        self.with(request, |transaction, _| {
            transaction.set_config(config);
            transaction.set_path(facts::path(request));
            let known = &transaction.request().headers;
            if let Some(headers) = facts::changed_headers(request, &self.forwarding, known) {
                transaction.set_headers(headers);
            }
        });
    }

    /// Whether the client was looked for among those that are banned, and passed.
    pub(super) fn is_admitted(&self) -> bool {
        self.admission.get() == Admission::Admitted
    }

    /// Gives up the transaction: the request has its answer.
    pub(super) fn give_up(&self) {
        *self.transaction.borrow_mut() = None;
    }

    /// Takes request headers away until there is a response.
    pub(super) fn withhold_headers(&self, request: Request<'_>, names: &[&'static CStr]) {
        let headers = request.headers_in();
        let mut withheld = self.withheld.borrow_mut();
        for name in names {
            if let Some(value) = headers.get(name) {
                withheld.push((name, value.to_vec()));
                headers.unset(name);
            }
        }
    }

    /// Puts back what was taken away.
    pub(super) fn restore_headers(&self, request: Request<'_>) {
        for (name, value) in self.withheld.take() {
            request.headers_in().set(name, &value);
        }
    }

    /// Whether there is a transaction.
    pub(super) fn has_transaction(&self) -> bool {
        self.transaction
            .try_borrow()
            .is_ok_and(|transaction| transaction.is_some())
    }

    /// Whether a phase may run.
    pub(super) fn is_sound(&self) -> bool {
        !self.broken.get()
    }

    /// Whether the request must be refused because of a failure of ours.
    pub(super) fn fails_closed(&self) -> bool {
        self.broken.get() && self.fails_open.get() != Some(true)
    }

    /// Works on the transaction, and hands it what was written to the error log meanwhile. `None` where there is none, or
    /// where this is called while it is being worked on.
    pub(super) fn with<T>(
        &self,
        request: Request<'_>,
        work: impl FnOnce(&mut Transaction, &mut HttpdHost<'_>) -> T,
    ) -> Option<T> {
        let mut slot = self.transaction.try_borrow_mut().ok()?;
        let transaction = slot.as_mut()?;
        let mut host = HttpdHost::new(request, self);
        let result = work(transaction, &mut host);
        for entry in self.overheard.take() {
            transaction.server_error_entry(entry.as_bytes());
        }
        Some(result)
    }

    /// Looks at the transaction.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Transaction) -> T) -> Option<T> {
        let slot = self.transaction.try_borrow().ok()?;
        slot.as_ref().map(look)
    }

    /// Hands the transaction an entry of the error log: now, or as soon as it can take it.
    pub(super) fn overhear(&self, entry: String) {
        if let Ok(mut slot) = self.transaction.try_borrow_mut()
            && let Some(transaction) = slot.as_mut()
        {
            transaction.server_error_entry(entry.as_bytes());
        } else if let Ok(mut overheard) = self.overheard.try_borrow_mut()
            && overheard.len() < OVERHEARD_LIMIT
        {
            overheard.push(entry);
        }
    }
}

/// In builds for tests only: panics when it is dropped, if told to.
#[cfg(feature = "planted-panic")]
#[derive(Default)]
struct Planted(Cell<bool>);

#[cfg(feature = "planted-panic")]
impl Drop for Planted {
    #[expect(clippy::panic, reason = "that is its purpose")]
    fn drop(&mut self) {
        if self.0.get() {
            panic!("planted in cleanup");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_wait_for_a_transaction_up_to_the_limit() {
        let state = State::default();
        for number in 0..OVERHEARD_LIMIT {
            state.overhear(number.to_string());
        }
        assert_eq!(state.overheard.borrow().len(), OVERHEARD_LIMIT);
        state.overhear("one too many".to_owned());
        assert_eq!(state.overheard.borrow().len(), OVERHEARD_LIMIT);
        assert_eq!(
            state.overheard.borrow().first().map(String::as_str),
            Some("0")
        );
    }

    #[test]
    fn a_broken_state_fails_closed_unless_the_engine_only_looks_on() {
        let state = State::default();
        assert!(state.is_sound() && !state.fails_closed());
        state.broken.set(true);
        assert!(!state.is_sound() && state.fails_closed());
        state.fails_open.set(Some(true));
        assert!(!state.fails_closed());
    }
}
