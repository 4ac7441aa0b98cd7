//! The one place where a client that is banned is cut off: before its request is read any further, and before there is a
//! transaction.
//!
//! The answer is a constant, nothing of the body is read, the connection ends, and no audit record is written. One line a minute for
//! each client goes to the error log; the access log has every request, with the environment variable `palisade-cut-off`.

use std::time::SystemTime;

use once_cell::sync::Lazy;

use super::guard::Outcome;
use super::host::request::Request;
use super::state::{Admission, State};
use super::{answer, logging, shared};
use crate::bans::{self, About, Ban, By, Lookup, Memory};
use crate::collections;
use crate::config::Config;
use crate::facts::Connection;
use crate::host::LogLevel;
use crate::metrics;
use crate::types::EngineMode;

/// What this process remembers of clients. A cache by nature: nothing of the configuration is in it.
static MEMORY: Lazy<Memory> = Lazy::new(Memory::default);

/// Answers a client that is banned. `None` for all others, and where nothing is refused.
pub(super) fn refuse(
    request: Request<'_>,
    state: &State,
    config: &Config,
    connection: &Connection,
) -> Option<Outcome> {
    let mode = config.ban_mode();
    if mode == EngineMode::Off {
        return None;
    }
    let now = collections::now();
    let lookup = Lookup {
        file: config.ban_file.as_deref(),
        exempt: &config.ban_exempt,
        store: config.rules_ban().then(|| config.collections.store()),
        memory: &MEMORY,
        board: shared::bans(),
    };
    state.admission.set(Admission::Admitted);
    let ban = lookup.find(&connection.client, now)?;
    let refused = mode == EngineMode::On;
    tell(request, connection, ban, now, refused);
    if !refused {
        return None;
    }
    let kind = match ban.by {
        By::Rules => metrics::Ban::RepeatOffender,
        By::File => metrics::Ban::BanFile,
    };
    shared::metrics().ban(kind, SystemTime::now());
    state.admission.set(Admission::CutOff);
    request.environment().set(c"palisade-cut-off", b"1");
    // Its body is still to come, and nobody will read it.
    request.connection().close_after_response();
    Some(answer::send(request, bans::STATUS, c"text/plain", BODY))
}

/// What a client that is cut off reads.
const BODY: &[u8] = b"Forbidden\n";

/// Writes a line to the error log, unless one about this client was written just now.
fn tell(request: Request<'_>, connection: &Connection, ban: Ban, now: i64, refused: bool) {
    let client = &connection.client;
    let is_news = |network: String| shared::bans().is_news(&network, now);
    if !client.network().is_some_and(is_news) {
        return;
    }
    let about = About {
        hostname: request.server_name(),
        path: request.parsed_path().unwrap_or_default(),
        unique_id: request.environment().get(c"UNIQUE_ID").unwrap_or_default(),
    };
    let line = bans::line(client, ban, now, refused, &about);
    logging::alert(request, LogLevel::Error, &line);
}
