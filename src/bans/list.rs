//! The list that `SecBanFile` names, read and looked up.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::client::networks::{Network, position};
use crate::limits;

/// Networks and when their bans end. A look-up costs one hash for each length of prefix in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    by_prefix: BTreeMap<u8, HashMap<u128, i64>>,
    entries: usize,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line's number, from 1.
    pub line: usize,
    /// A sentence.
    pub reason: String,
}

impl List {
    /// Reads a list, one entry a line: `ADDRESS[/PREFIX] [EXPIRY] [# comment]`; the expiry is in seconds since 1970, and without
    /// one the ban does not end by itself. Blank lines and comments do not count, nor does what has expired at `now`.
    ///
    /// Lines that are not like that are passed over and reported, and so are those beyond [`limits::BAN_FILE_ENTRIES`]. A network that
    /// is everybody is never believed.
    pub fn read(text: &[u8], now: i64) -> (List, Vec<Fault>) {
        let (mut list, mut faults) = (List::default(), Vec::new());
        for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let entry = line.split(|&byte| byte == b'#').next().unwrap_or_default();
            let reason = match read_entry(entry) {
                Ok(None) => continue,
                Ok(Some((_, until))) if until <= now => continue,
                Ok(Some((network, until))) if list.add(network, until) => continue,
                Ok(Some(_)) => format!(
                    "more than {} entries; the rest is not in force",
                    limits::BAN_FILE_ENTRIES
                ),
                Err(reason) => reason,
            };
            let is_full = list.entries >= limits::BAN_FILE_ENTRIES;
            faults.push(Fault {
                line: at + 1,
                reason,
            });
            if is_full {
                break;
            }
        }
        (list, faults)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Whether nobody is on it.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// When the ban of an address ends, the longest where several networks have it.
    pub fn find(&self, address: IpAddr, now: i64) -> Option<i64> {
        let place = position(address);
        let found = self.by_prefix.iter().filter_map(|(prefix, networks)| {
            let host = u128::MAX.checked_shr(u32::from(*prefix)).unwrap_or(0);
            networks.get(&(place & !host)).copied()
        });
        found.filter(|until| now < *until).max()
    }

    /// Whether there was room.
    fn add(&mut self, network: Network, until: i64) -> bool {
        let (prefix, first) = network.prefix();
        let networks = self.by_prefix.entry(prefix).or_default();
        if let Some(known) = networks.get_mut(&first) {
            *known = until.max(*known);
            return true;
        }
        if self.entries >= limits::BAN_FILE_ENTRIES {
            return false;
        }
        networks.insert(first, until);
        self.entries += 1;
        true
    }
}

/// A line without its comment; nothing where it is blank.
fn read_entry(text: &[u8]) -> Result<Option<(Network, i64)>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "not text".to_owned())?;
    let mut words = text.split_ascii_whitespace();
    let Some(network) = words.next() else {
        return Ok(None);
    };
    let shown = |word: &str| {
        word.chars()
            .take(limits::ERROR_EXCERPT_LIMIT)
            .collect::<String>()
            .escape_debug()
            .to_string()
    };
    let network = Network::parse(network)
        .map_err(|_| format!("\"{}\" is no address or network", shown(network)))?;
    if network.is_everybody() {
        return Err("a network that is everybody is not banned".to_owned());
    }
    let until = match words.next() {
        None => i64::MAX,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().unwrap_or(i64::MAX)
        }
        Some(other) => {
            return Err(format!(
                "\"{}\" is no time in seconds since 1970",
                shown(other)
            ));
        }
    };
    match words.next() {
        None => Ok(Some((network, until))),
        Some(more) => Err(format!(
            "\"{}\" is one word too many; a comment begins with #",
            shown(more)
        )),
    }
}
