//! Persistent collections in a transaction: opened by actions, stored at its end.

use std::time::Instant;

use crate::actions::{CollectionAction, Timed};
use crate::bans;
use crate::collections::{Change, Id, Live, now};
use crate::host::Host;
use crate::limits;
use crate::operators::atoi;
use crate::ruleset::Chain;
use crate::transaction::{Scene, Transaction, since};
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
            CollectionAction::Expire(timed) => self.expire(timed, &scene),
            CollectionAction::Deprecate(timed) => self.deprecate(timed, &scene),
        }
    }

    /// `expirevar`.
    fn expire(&mut self, timed: &Timed, scene: &Scene<'_>) {
        if self.debugs(9) {
            self.narrate_timed("Expiring variable: ", timed);
        }
        let name = self.expand(&timed.name, scene);
        let seconds = self.expand(&timed.value, scene);
        let Some(live) = self.open(timed.collection) else {
            return self.no_collection("expire", &timed.spelled, &name);
        };
        live.expire(&name, now().saturating_add(atoi(&seconds)));
        if self.debugs(4) {
            self.narrate_expiry(timed, &name, &seconds);
        }
    }

    /// `deprecatevar`.
    fn deprecate(&mut self, timed: &Timed, scene: &Scene<'_>) {
        if self.debugs(9) {
            self.narrate_timed("Deprecating variable: ", timed);
        }
        let name = self.expand(&timed.name, scene);
        let rate = self.expand(&timed.value, scene);
        let (amount, seconds) = match memchr::memchr(b'/', &rate) {
            Some(at) => rate.split_at(at),
            None => (&rate[..], &b"/0"[..]),
        };
        let (amount, seconds) = (atoi(amount), atoi(seconds.get(1..).unwrap_or_default()));
        let told = self.debugs(4);
        let Some(live) = self.open(timed.collection) else {
            return self.no_collection("deprecate", &timed.spelled, &name);
        };
        let number = |live: &Live, name: &[u8]| live.get(name).map(atoi);
        let before = number(live, &name);
        live.deprecate(&name, amount, seconds, now());
        let last = number(live, b"LAST_UPDATE_TIME");
        if told && let (Some(before), Some(after), Some(last)) = (before, number(live, &name), last)
        {
            let since = now().saturating_sub(last);
            self.narrate_deprecation(timed, &name, (before, after), since);
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
        let told = self.debugs(4).then(|| id.clone());
        let begun = Instant::now();
        let live = Live::open(
            self.config.collections.store(),
            id,
            self.config.collection_timeout,
            now(),
        );
        self.times.reading += since(begun);
        if let Some(id) = told {
            self.narrate_opened(variable, &id, &live);
        }
        self.persistent.push((variable, live));
    }

    fn open(&mut self, variable: Option<Variable>) -> Option<&mut Live> {
        self.persistent
            .iter_mut()
            .find(|(known, _)| Some(*known) == variable)
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
            if self.debugs(4) {
                changes.iter().for_each(|(id, _)| self.narrate_stored(id));
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
