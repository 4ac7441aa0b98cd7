//! Bans: who is cut off before the request is read any further.
//!
//! Two sources. Rules ban a client by setting `banned` in its `CLIENT` collection (`setvar:client.banned=1`, with `expirevar`
//! for how long), so the list is where collections are: one process, one machine, or a fleet. And a file of addresses
//! ([`BanFile`]), which anything that can write a line adds to.
//!
//! Asking costs next to nothing: each process remembers for [`BAN_MEMORY`](crate::limits::BAN_MEMORY) what the collections said of a client
//! ([`Memory`]), and forgets it at once when a process of this machine bans somebody ([`Board`]).
//!
//! Invariant: nobody is banned who cannot be held responsible. A trusted proxy, loopback and a client whose forwarding header
//! could not be read have no [`network`](crate::client::ClientAddress::network), and are never looked up.

use crate::audit::escape::log_escape;
use crate::client::ClientAddress;
use crate::client::networks::NetworkSet;
use crate::collections::{Id, Store};

mod board;
mod file;
mod list;
mod memory;

pub use board::Board;
pub use file::BanFile;
pub use list::{Fault, List};
pub use memory::Memory;

/// The collection that `initcol:client=` opens.
pub const COLLECTION: &str = "client";

/// The variable in it that cuts its client off.
pub const BANNED: &[u8] = b"banned";

/// A client is cut off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ban {
    /// When it ends, in seconds since 1970; `i64::MAX`: never by itself.
    pub until: i64,
    /// Who says so.
    pub by: By,
}

/// Who bans.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// Rules.
    Rules,
    /// The file of `SecBanFile`.
    File,
}

/// Where to look.
pub struct Lookup<'a> {
    /// `SecBanFile`
    pub file: Option<&'a BanFile>,
    /// `SecBanExempt`
    pub exempt: &'a NetworkSet,
    /// Collections, where rules ban.
    pub store: Option<&'a dyn Store>,
    /// What this process remembers.
    pub memory: &'a Memory,
    /// What the processes of this machine tell each other.
    pub board: &'a Board,
}

impl Lookup<'_> {
    /// Whether a client is cut off at a time, in seconds since 1970.
    pub fn find(&self, client: &ClientAddress, now: i64) -> Option<Ban> {
        if self.exempt.contains(client.client) {
            return None;
        }
        let network = client.network()?;
        let by_file = || {
            let until = self.file?.find(client.client, now, self.board)?;
            Some(Ban {
                until,
                by: By::File,
            })
        };
        by_file().or_else(|| self.by_rules(&network, now))
    }

    fn by_rules(&self, network: &str, now: i64) -> Option<Ban> {
        let store = self.store?;
        // Before the store is asked: a ban that comes meanwhile is news at the next request.
        let edition = self.board.edition(network);
        let until = self
            .memory
            .ask(network, edition, now, || ban_in(store, network, now));
        until.map(|until| Ban {
            until,
            by: By::Rules,
        })
    }
}

/// When the ban of a client ends that stands in the collections.
fn ban_in(store: &dyn Store, network: &str, now: i64) -> Option<i64> {
    let id = Id {
        name: COLLECTION.to_owned(),
        key: network.as_bytes().to_vec(),
    };
    let record = store.load(&id, now)?;
    record
        .get(BANNED)
        .filter(|value| !matches!(*value, b"" | b"0"))?;
    let expiry = record
        .expiries
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(BANNED));
    Some(expiry.map_or(record.expires, |(_, at)| (*at).min(record.expires)))
}

/// The line about a client that is cut off, for the error log: a denial as all others, which fail2ban and CrowdSec read.
///
/// In detection mode (`refused` is false) it is a warning, and names nobody to a filter for denials.
pub fn line(
    client: &ClientAddress,
    ban: Ban,
    now: i64,
    refused: bool,
    request: &About<'_>,
) -> Vec<u8> {
    let action = match refused {
        true => format!("Access denied with code {STATUS} (phase 1). Client is cut off"),
        false => "Warning. Client would be cut off".to_owned(),
    };
    let time = match ban.until {
        i64::MAX => String::new(),
        until => format!(" for another {} seconds", until.saturating_sub(now)),
    };
    let by = match ban.by {
        By::Rules => "banned by rules",
        By::File => "listed in SecBanFile",
    };
    let mut line = format!(
        "[client {0}] [client {0}] ModSecurity: {action}{time}. [msg \"Repeat offender\"] [data \"{by}\"] \
         [severity \"CRITICAL\"] [tag \"palisade/ban\"]",
        client.client
    )
    .into_bytes();
    for (name, value) in [
        ("hostname", request.hostname),
        ("uri", request.path),
        ("unique_id", request.unique_id),
    ] {
        line.extend_from_slice(format!(" [{name} \"").as_bytes());
        log_escape(&mut line, value.get(..SHOWN).unwrap_or(value));
        line.extend_from_slice(b"\"]");
    }
    line
}

/// What the answer to a client that is cut off is: 403, which a proxy in front does not take for a failure of the server's.
pub const STATUS: u16 = 403;

/// Most bytes of a host name or path in a line about a ban: these lines are about the client.
const SHOWN: usize = 128;

/// The request that a line is about.
pub struct About<'a> {
    /// The host that was asked for.
    pub hostname: &'a [u8],
    /// The path.
    pub path: &'a [u8],
    /// Its number, where it has one.
    pub unique_id: &'a [u8],
}

#[cfg(test)]
mod tests;
