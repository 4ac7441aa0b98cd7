//! Persistent collections in a transaction: opened by actions, stored at its end.

use std::time::Instant;

use super::debug::sentence;
use crate::actions::CollectionAction;
use crate::bans;
use crate::collections::{Change, Id, Live, now};
use crate::host::Host;
use crate::limits;
use crate::operators::atoi;
use crate::ruleset::Chain;
use crate::transaction::{Transaction, since};
use crate::variables::Variable;

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
                self.open_collection(*variable, variable.name().to_ascii_lowercase(), key);
            }
            CollectionAction::Identify(variable, key) => {
                let mut key = self.expand(key, &scene);
                key.truncate(limits::COLLECTION_KEY_LIMIT);
                match variable {
                    Variable::Session => self.session = Some(key.clone()),
                    Variable::User => self.user = Some(key.clone()),
                    _ => {}
                }
                // Compat: these belong to an application.
                let name = format!("{}_{}", self.config.web_app_id, variable.name());
                self.open_collection(*variable, name, key);
            }
            CollectionAction::Expire(variable, name, seconds) => {
                let (name, seconds) = (self.expand(name, &scene), self.expand(seconds, &scene));
                if let Some(live) = self.open(*variable) {
                    live.expire(&name, now().saturating_add(atoi(&seconds)));
                    self.debug(4, |_| {
                        let collection = variable.name().to_ascii_lowercase();
                        let words = ["Variable \"", ".", "\" set to expire in ", " seconds."];
                        sentence(&words, &[collection.as_bytes(), &name, &seconds])
                    });
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
    fn open_collection(&mut self, variable: Variable, name: String, mut key: Vec<u8>) {
        if self.live(variable).is_some() {
            return;
        }
        key.truncate(limits::COLLECTION_KEY_LIMIT);
        let id = Id { name, key };
        let label = self.debugs(4).then(|| id.clone());
        let begun = Instant::now();
        let live = Live::open(
            self.config.collections.store(),
            id,
            self.config.collection_timeout,
            now(),
        );
        self.persistent.push((variable, live));
        self.times.reading += since(begun);
        if let Some(label) = label {
            let words = ["Opened collection (name \"", "\", key \"", "\")."];
            self.debug(4, |_| {
                sentence(&words, &[label.name.as_bytes(), &label.key])
            });
            let words = ["Added collection \"", "\" to the list."];
            self.debug(4, |_| sentence(&words, &[label.name.as_bytes()]));
        }
    }

    fn open(&mut self, variable: Variable) -> Option<&mut Live> {
        self.persistent
            .iter_mut()
            .find(|(known, _)| *known == variable)
            .map(|(_, live)| live)
    }

    /// Hands the store what rules have changed since it was last told, and the host whom they have banned.
    pub(super) fn store_collections(&mut self, host: &dyn Host) {
        let now = now();
        let changes = self.persistent.iter_mut();
        let changes: Vec<_> = changes
            .filter_map(|(_, live)| live.take_change(now))
            .collect();
        if !changes.is_empty() {
            let begun = Instant::now();
            self.config.collections.store().update(&changes, now);
            self.times.writing += since(begun);
            for (id, _) in &changes {
                let words = [
                    "collection_store: Persisted collection (name \"",
                    "\", key \"",
                    "\").",
                ];
                self.debug(4, |_| sentence(&words, &[id.name.as_bytes(), &id.key]));
            }
        }
        let bans = |change: &Change| {
            let mut set = change.set.iter().map(|(name, _)| name);
            set.any(|name| name.eq_ignore_ascii_case(bans::BANNED))
        };
        for (id, _) in changes
            .iter()
            .filter(|(id, change)| id.name == bans::COLLECTION && bans(change))
        {
            host.banned(&String::from_utf8_lossy(&id.key));
        }
    }
}
