//! Connections to the server. A thread of its own makes them: names are looked up, TLS is agreed on and passwords are
//! sent there, and what does not answer is tried again there. A request only ever waits for an answer to what it asks, and
//! never longer than its timeout.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::redis::{Connection, ConnectionLike, RedisError, RedisResult};

use super::Options;
use crate::collections::Account;

/// How long the server is left alone after it has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Connections, made as they are wanted, up to a number.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    state: Mutex<State>,
    /// For requests: a connection has become free, or there will be none.
    free: Condvar,
    /// For the thread: a connection is wanted, or the pool is closed.
    wanted: Condvar,
    account: Account,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    /// Connections that are idle or in use.
    open: usize,
    waiting: usize,
    /// The server has failed, and has not been reached since.
    down: bool,
    not_before: Option<Instant>,
    closed: bool,
}

impl Pool {
    /// Starts the thread that connects.
    pub(super) fn start(options: Options, account: Account) -> Pool {
        let shared = Arc::new(Shared {
            options,
            state: Mutex::default(),
            free: Condvar::new(),
            wanted: Condvar::new(),
            account,
        });
        let worker = Arc::clone(&shared);
        let started = std::thread::Builder::new()
            .name("palisade-redis".to_owned())
            .spawn(move || worker.connect_as_wanted());
        if let Err(error) = started {
            shared.complain(&error);
            shared.state().down = true;
        }
        Pool { shared }
    }

    /// Asks the server something. `None` when there was no answer in time, or is none to be expected now: counted.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&mut Connection) -> RedisResult<T>,
    ) -> Option<T> {
        let shared = &self.shared;
        let Some(mut connection) = shared.borrow() else {
            shared.account.not_ask();
            return None;
        };
        match question(&mut connection) {
            Ok(answer) => {
                shared.give_back(connection);
                Some(answer)
            }
            Err(error) => {
                shared.complain(&error);
                match is_broken(&connection, &error) {
                    true => shared.fail(error.is_timeout()),
                    false => shared.give_back(connection),
                }
                None
            }
        }
    }

    /// How often there was no answer.
    pub(super) fn failures(&self) -> u64 {
        self.shared.account.unanswered()
    }
}

impl Pool {
    /// Ends the thread. Nobody is answered any more.
    pub(super) fn close(&self) {
        self.shared.state().closed = true;
        self.shared.wanted.notify_all();
        self.shared.free.notify_all();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

/// Whether a connection is of no more use: what it says next could be the answer to the question before.
fn is_broken(connection: &Connection, error: &RedisError) -> bool {
    !connection.is_open() || error.is_io_error() || error.is_unrecoverable_error()
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> String {
        format!("on {}", self.options.shown)
    }

    fn complain(&self, why: &dyn std::fmt::Display) {
        self.account.get_no_answer(&self.place(), why);
    }

    fn borrow(&self) -> Option<Connection> {
        let start = Instant::now();
        let mut state = self.state();
        loop {
            if state.down || state.closed {
                return None;
            }
            if let Some(connection) = state.idle.pop() {
                drop(state);
                return self.with_time_left(connection, start);
            }
            let left = self.options.timeout.checked_sub(start.elapsed())?;
            state.waiting += 1;
            self.wanted.notify_one();
            let waited = self.free.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    /// A connection that one has waited for gets what is left of the time.
    fn with_time_left(&self, connection: Connection, start: Instant) -> Option<Connection> {
        let waited = start.elapsed();
        if waited > self.options.timeout / 8 {
            let left = self.options.timeout.saturating_sub(waited);
            let left = left.max(Duration::from_millis(1));
            connection.set_read_timeout(Some(left)).ok()?;
            connection.set_write_timeout(Some(left)).ok()?;
        }
        Some(connection)
    }

    fn give_back(&self, connection: Connection) {
        let timeout = Some(self.options.timeout);
        let ready = connection.set_read_timeout(timeout).is_ok();
        let mut state = self.state();
        match ready && !state.closed && !state.down {
            true => state.idle.push(connection),
            false => state.open -= 1,
        }
        drop(state);
        self.free.notify_one();
    }

    /// The connection in use is gone, and with it all others: whoever comes next does not wait. After a timeout the server
    /// is left alone for a while; one that has closed the connection may be back already.
    fn fail(&self, timed_out: bool) {
        let mut state = self.state();
        let idle = std::mem::take(&mut state.idle);
        state.open = state.open.saturating_sub(idle.len() + 1);
        state.down = true;
        state.not_before = timed_out.then(|| Instant::now() + PAUSE);
        drop(state);
        drop(idle);
        self.free.notify_all();
        self.wanted.notify_one();
    }

    /// The thread.
    fn connect_as_wanted(&self) {
        while self.wait_until_wanted() {
            let made = self.connect();
            let mut state = self.state();
            match made {
                Ok(connection) if !state.closed => {
                    if std::mem::take(&mut state.down) {
                        self.account.get_answer_again(&self.place());
                    }
                    state.open += 1;
                    state.idle.push(connection);
                }
                Ok(_) => {}
                Err(error) => {
                    state.down = true;
                    state.not_before = Some(Instant::now() + PAUSE);
                    if !state.closed {
                        self.complain(&error);
                    }
                }
            }
            drop(state);
            self.free.notify_all();
        }
    }

    /// Waits until a connection should be made. False when the pool is closed.
    fn wait_until_wanted(&self) -> bool {
        let mut state = self.state();
        loop {
            if state.closed {
                return false;
            }
            let pause = state
                .not_before
                .and_then(|time| time.checked_duration_since(Instant::now()));
            let first = state.open == 0 || state.down;
            let more = state.waiting > state.idle.len() && state.open < self.options.connections;
            state = match pause {
                Some(pause) => {
                    let waited = self.wanted.wait_timeout(state, pause);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None if first || more => return true,
                None => {
                    let waited = self.wanted.wait(state);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    /// A connection whose server has answered.
    fn connect(&self) -> RedisResult<Connection> {
        // Nobody waits for this, so TLS may take its time; but a server that hangs must not hold the thread for ever.
        let patience = self.options.timeout.max(PAUSE);
        let mut connection = self.options.client.get_connection_with_timeout(patience)?;
        connection.set_read_timeout(Some(self.options.timeout))?;
        connection.set_write_timeout(Some(self.options.timeout))?;
        ::redis::cmd("PING").query::<String>(&mut connection)?;
        Ok(connection)
    }
}
