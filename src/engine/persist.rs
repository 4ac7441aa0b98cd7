//! Persistent collections in a transaction: opened by actions, stored at its end.

use std::time::{SystemTime, UNIX_EPOCH};

use once_cell::sync::Lazy;

use crate::actions::CollectionAction;
use crate::collections::{Id, Live, MemoryStore, Store};
use crate::host::Host;
use crate::limits;
use crate::operators::atoi;
use crate::ruleset::Chain;
use crate::transaction::Transaction;
use crate::variables::Variable;

/// The records of this process. A cache by nature: nothing of the configuration is in it.
static STORE: Lazy<MemoryStore> = Lazy::new(MemoryStore::default);

impl Transaction {
    /// `initcol`, `setsid`, `setuid`, `setrsc`, `expirevar`, `deprecatevar`.
    pub(super) fn collection_action(
        &mut self,
        chain: &Chain,
        action: &CollectionAction,
        host: &dyn Host,
    ) {
        let scene = self.scene(chain, host);
        match action {
            CollectionAction::Init(variable, key) => {
                let key = self.expand(key, &scene);
                self.open_collection(*variable, key);
            }
            CollectionAction::Expire(variable, name, seconds) => {
                let (name, seconds) = (self.expand(name, &scene), self.expand(seconds, &scene));
                if let Some(live) = self.open(*variable) {
                    live.expire(&name, now().saturating_add(atoi(&seconds)));
                }
            }
            CollectionAction::Deprecate(variable, name, rate) => {
                let (name, rate) = (self.expand(name, &scene), self.expand(rate, &scene));
                let (amount, seconds) = match memchr::memchr(b'/', &rate) {
                    Some(at) => rate.split_at(at),
                    None => (&rate[..], &b"/0"[..]),
                };
                let (amount, seconds) = (atoi(amount), atoi(seconds.get(1..).unwrap_or_default()));
                if let Some(live) = self.open(*variable) {
                    live.deprecate(&name, amount, seconds, now());
                }
            }
        }
    }

    /// Opens a collection once; later openings of the same one are ignored, as in mod_security2.
    ///
    /// Limit: keys are cut at [`limits::COLLECTION_KEY_LIMIT`] bytes.
    fn open_collection(&mut self, variable: Variable, mut key: Vec<u8>) {
        if self.live(variable).is_some() {
            return;
        }
        key.truncate(limits::COLLECTION_KEY_LIMIT);
        let plain = variable.name().to_ascii_lowercase();
        let name = match variable {
            // Compat: these belong to an application.
            Variable::Session | Variable::User | Variable::Resource => {
                format!("{}_{}", self.config.web_app_id, variable.name())
            }
            _ => plain,
        };
        match variable {
            Variable::Session => self.session = Some(key.clone()),
            Variable::User => self.user = Some(key.clone()),
            _ => {}
        }
        let live = Live::open(
            &*STORE as &dyn Store,
            Id { name, key },
            self.config.collection_timeout,
            now(),
        );
        self.persistent.push((variable, live));
    }

    fn open(&mut self, variable: Variable) -> Option<&mut Live> {
        self.persistent
            .iter_mut()
            .find(|(known, _)| *known == variable)
            .map(|(_, live)| live)
    }

    /// Hands the stores what rules have changed.
    pub(super) fn store_collections(&self) {
        for (_, live) in &self.persistent {
            live.store(&*STORE as &dyn Store, now());
        }
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
