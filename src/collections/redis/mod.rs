//! Collections on a Redis or Valkey server, for all machines of a fleet.
//!
//! A record is a hash under `PREFIX NAME:KEY`, legible with `HGETALL`. A transaction's changes to all its records are one
//! call of a script ([`update.lua`](self)), which the server runs as one: increments are the server's own, in 64 bits, and
//! every key has a time to live, so nothing is eternal even if httpd never comes back. A script and not MULTI, because
//! what is done depends on what is there: whether the record has expired, whether a counter would fall below zero.
//! An update that got no answer is not sent again: it may have been done.
//!
//! While the server does not answer, nobody asks it: see [`pool`]. What happens then is the [`Fallback`]. What was counted
//! on this machine meanwhile stays there.
//!
//! All keys of a transaction must be on one server: a cluster is not supported.

mod options;
mod pool;

use std::sync::Arc;

use ::redis::{Connection, RedisResult, Script, ScriptInvocation};

pub use self::options::{Fallback, Options};
use self::pool::Pool;
use super::{Account, Change, Id, Record, Statistics, Store};

/// Keys that are asked for at a time where all are wanted.
const SCAN_COUNT: usize = 500;

/// The store of a fleet.
pub struct RedisStore {
    prefix: String,
    shown: String,
    pool: Pool,
    update: Script,
    /// What is used while the server does not answer.
    local: Option<Arc<dyn Store>>,
}

impl RedisStore {
    /// Begins to connect. `local` is used while the server does not answer; without it, collections are empty then.
    pub fn open(options: Options, local: Option<Arc<dyn Store>>) -> RedisStore {
        RedisStore::counting(options, local, Account::default())
    }

    /// The same, counting together with others.
    pub fn counting(
        options: Options,
        local: Option<Arc<dyn Store>>,
        account: Account,
    ) -> RedisStore {
        RedisStore {
            prefix: options.prefix.clone(),
            shown: options.shown.clone(),
            pool: Pool::start(options, account),
            update: Script::new(include_str!("update.lua")),
            local,
        }
    }

    /// The key of a record. Colons in the name are escaped, so that two records never have one key.
    fn key(&self, id: &Id) -> Vec<u8> {
        let name = id.name.replace('%', "%25").replace(':', "%3A");
        [self.prefix.as_bytes(), name.as_bytes(), b":", &id.key].concat()
    }

    /// The record that a key is of.
    fn id(&self, key: &[u8]) -> Option<Id> {
        let rest = key.strip_prefix(self.prefix.as_bytes())?;
        let colon = rest.iter().position(|&byte| byte == b':')?;
        let (name, key) = rest.split_at(colon);
        let name = String::from_utf8_lossy(name);
        Some(Id {
            name: name.replace("%3A", ":").replace("%25", "%"),
            key: key.get(1..)?.to_vec(),
        })
    }

    fn unreachable(&self) -> String {
        format!("{} does not answer", self.shown)
    }

    /// The next keys, and where to go on; 0 at the end.
    fn scan(&self, cursor: u64) -> Option<(u64, Vec<Vec<u8>>)> {
        let mut pattern = Vec::new();
        for &byte in self.prefix.as_bytes() {
            if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^') {
                pattern.push(b'\\');
            }
            pattern.push(byte);
        }
        pattern.push(b'*');
        self.pool.ask(|server| {
            ::redis::cmd("SCAN")
                .arg(cursor)
                .arg("MATCH")
                .arg(&pattern)
                .arg("COUNT")
                .arg(SCAN_COUNT)
                .query(server)
        })
    }

    fn each_batch(&self, mut look: impl FnMut(Vec<Vec<u8>>) -> Option<()>) -> Result<(), String> {
        let mut cursor = 0;
        loop {
            let (next, keys) = self.scan(cursor).ok_or_else(|| self.unreachable())?;
            look(keys).ok_or_else(|| self.unreachable())?;
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }
}

impl Store for RedisStore {
    fn load(&self, id: &Id, now: i64) -> Option<Record> {
        let key = self.key(id);
        match self.pool.ask(|server| load(server, &key)) {
            Some(record) => record.and_then(|mut record| record.settle(now).then_some(record)),
            None => self.local.as_ref()?.load(id, now),
        }
    }

    fn update(&self, changes: &[(Id, Change)], now: i64) {
        if changes.is_empty() {
            return;
        }
        let mut call = self.update.prepare_invoke();
        call.arg(now);
        for (id, change) in changes {
            call.key(self.key(id));
            arguments(&mut call, change);
        }
        let done = self.pool.ask(|server| call.invoke::<i64>(server));
        if let (None, Some(local)) = (done, &self.local) {
            local.update(changes, now);
        }
    }

    fn visit(&self, now: i64, show: &mut dyn FnMut(&Id, &Record)) -> Result<(), String> {
        self.each_batch(|keys| {
            for key in keys {
                let record = self.pool.ask(|server| load(server, &key))?;
                if let (Some(id), Some(mut record)) = (self.id(&key), record)
                    && record.settle(now)
                {
                    show(&id, &record);
                }
            }
            Some(())
        })
    }

    fn remove(&self, id: &Id) -> Result<bool, String> {
        let key = self.key(id);
        let removed = self
            .pool
            .ask(|server| ::redis::cmd("DEL").arg(&key).query(server));
        removed.ok_or_else(|| self.unreachable())
    }

    fn statistics(&self, _now: i64) -> Statistics {
        let mut statistics = Statistics::default();
        let looked = self.each_batch(|keys| {
            statistics.entries += u64::try_from(keys.len()).unwrap_or(0);
            Some(())
        });
        statistics.reachable = looked.is_ok();
        statistics.failures = self.pool.failures();
        statistics
    }

    fn close(&self) {
        self.pool.close();
    }
}

/// The hash under a key as a record; none where there is none, or something that is no record of ours.
fn load(server: &mut Connection, key: &[u8]) -> RedisResult<Option<Record>> {
    let fields: Vec<(Vec<u8>, Vec<u8>)> = ::redis::cmd("HGETALL").arg(key).query(server)?;
    let mut record = Record::default();
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i64>().ok();
    for (field, value) in fields {
        match (field.split_first_chunk(), number(&value)) {
            (Some((b"v:", name)), _) => record.values.push((name.to_vec(), value)),
            (Some((b"x:", name)), Some(at)) => record.expiries.push((name.to_vec(), at)),
            (_, Some(at)) if field == b"updated" => record.updated = at,
            (_, Some(at)) if field == b"expires" => record.expires = at,
            _ => {}
        }
    }
    Ok((!record.values.is_empty()).then_some(record))
}

/// A change as the script wants it.
fn arguments(call: &mut ScriptInvocation<'_>, change: &Change) {
    let pairs = |call: &mut ScriptInvocation<'_>, pairs: &[(Vec<u8>, Vec<u8>)]| {
        call.arg(pairs.len());
        for (name, value) in pairs {
            call.arg(name).arg(value);
        }
    };
    let numbers = |call: &mut ScriptInvocation<'_>, pairs: &[(Vec<u8>, i64)]| {
        call.arg(pairs.len());
        for (name, number) in pairs {
            call.arg(name).arg(*number);
        }
    };
    call.arg(change.expires);
    pairs(call, &change.initial);
    call.arg(change.removed.len());
    for name in &change.removed {
        call.arg(name);
    }
    pairs(call, &change.set);
    numbers(call, &change.add);
    numbers(call, &change.expiries);
}
