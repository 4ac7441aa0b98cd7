//! What the debug log tells of what actions change: variables, collections, the environment.

use super::super::debug::sentence;
use crate::actions::{Assignment, SetVar, Timed};
use crate::collections::{Id, Live};
use crate::template::{Macro, Template};
use crate::transaction::Transaction;
use crate::variables::{Shape, Variable};

/// What `setvar` has done.
pub(in crate::engine) struct Changed<'c> {
    pub name: &'c [u8],
    /// The number that was there before, where it was changed by so much.
    pub before: i64,
    pub amount: &'c [u8],
    /// What is there now; `None` where it was removed.
    pub value: Option<&'c [u8]>,
}

impl Transaction {
    /// What a macro has become.
    ///
    /// Compat: nothing is said where a variable that there is has no value.
    #[cold]
    pub(in crate::engine) fn narrate_macro(&self, found: &Macro, value: Option<&[u8]>) {
        if let Some(value) = value {
            let words = ["Resolved macro %{", "} to: ", ""];
            return self.debug(9, |_| sentence(&words, &[&found.written, value]));
        }
        let name = found.written.split(|byte| *byte == b'.').next();
        let name = name.unwrap_or_default();
        let (start, end) = match (found.variable.map(Variable::shape), &found.key) {
            (None, _) => ("Unknown variable: ", ""),
            (Some(Shape::KeyedCollection), None) => {
                ("Missing mandatory parameter for variable ", ".")
            }
            (Some(Shape::Scalar), Some(_)) => ("Variable ", " does not support parameters."),
            _ => return,
        };
        let start = format!("}}: {start}");
        let words = ["Failed to resolve macro %{", &start, end];
        self.debug(4, |_| sentence(&words, &[&found.written, name]));
    }

    /// `setvar` begins.
    #[cold]
    pub(in crate::engine) fn narrate_setting(&self, set: &SetVar) {
        let (start, value) = match &set.assignment {
            Assignment::Unset => ("Setting variable: !", b"1".to_vec()),
            Assignment::Set(value) | Assignment::Add(value) => {
                ("Setting variable: ", value.source())
            }
        };
        let name = dotted(&set.spelled, &set.name);
        self.debug(9, |_| sentence(&[start, "=", ""], &[&name, &value]));
    }

    /// `setvar` is done.
    #[cold]
    pub(in crate::engine) fn narrate_set(&mut self, set: &SetVar, changed: &Changed<'_>) {
        let name = [&set.spelled[..], b".", changed.name].concat();
        let Some(value) = changed.value else {
            return self.debug(9, |_| sentence(&["Unset variable \"", "\"."], &[&name]));
        };
        if matches!(set.assignment, Assignment::Add(_)) {
            self.narrate_original(set, changed);
            let text = [changed.before.to_string().as_bytes(), changed.amount].concat();
            let words = ["Relative change: ", "=", ""];
            self.debug(9, |_| sentence(&words, &[changed.name, &text]));
        }
        self.debug(9, |_| {
            sentence(&["Set variable \"", "\" to \"", "\"."], &[&name, value])
        });
    }

    /// What a counter was before this transaction changed it, when it does so for the first time; later what it is.
    ///
    /// Compat: a persistent collection goes by its full name here.
    fn narrate_original(&mut self, set: &SetVar, changed: &Changed<'_>) {
        let full = match set
            .collection
            .filter(|known| belongs_to_application(*known))
        {
            Some(_) => [self.config.web_app_id.as_bytes(), b"_", &set.spelled].concat(),
            None => set.spelled.to_vec(),
        };
        let name = [&full[..], b".", changed.name].concat();
        let first = self.told_originals.insert(name.to_ascii_lowercase());
        let start = match first {
            true => "Recorded original collection variable: ",
            false => "Original collection variable: ",
        };
        let before = changed.before.to_string();
        self.debug(9, |_| {
            sentence(&[start, " = \"", "\""], &[&name, before.as_bytes()])
        });
    }

    /// `expirevar` or `deprecatevar` begins.
    #[cold]
    pub(in crate::engine) fn narrate_timed(&self, start: &str, timed: &Timed) {
        let (name, value) = (dotted(&timed.spelled, &timed.name), timed.value.source());
        self.debug(9, |_| sentence(&[start, "=", ""], &[&name, &value]));
    }

    /// `expirevar` is done.
    #[cold]
    pub(in crate::engine) fn narrate_expiry(&self, timed: &Timed, name: &[u8], seconds: &[u8]) {
        let words = ["Variable \"", ".", "\" set to expire in ", " seconds."];
        self.debug(4, |_| sentence(&words, &[&timed.spelled, name, seconds]));
    }

    /// `deprecatevar` is done: what the value was and is, and the seconds since the collection was stored.
    #[cold]
    pub(in crate::engine) fn narrate_deprecation(
        &self,
        timed: &Timed,
        name: &[u8],
        (before, after): (i64, i64),
        since: i64,
    ) {
        let end = format!("({since} seconds since last update).");
        let (level, begin, rest) = match before == after {
            true => (
                9,
                "Not deprecating variable \"",
                format!(
                    "\" because the new value ({after}) is the same as the old one ({before}) {end}"
                ),
            ),
            false => (
                4,
                "Deprecated variable \"",
                format!("\" from {before} to {after} {end}"),
            ),
        };
        self.debug(level, |_| {
            sentence(&[begin, ".", &rest], &[&timed.spelled, name])
        });
    }

    /// `setenv` begins.
    #[cold]
    pub(in crate::engine) fn narrate_env(&self, name: &Template, value: Option<&Template>) {
        let start = match value {
            Some(_) => "Setting env variable: ",
            None => "Setting env variable: !",
        };
        let value = value.map_or_else(|| b"1".to_vec(), Template::source);
        self.debug(9, |_| {
            sentence(&[start, "=", ""], &[&name.source(), &value])
        });
    }

    /// `setenv` is done.
    #[cold]
    pub(in crate::engine) fn narrate_env_set(&self, name: &[u8], value: Option<&[u8]>) {
        self.debug(9, |_| match value {
            Some(value) => sentence(&["Set env variable \"", "\" to: ", ""], &[name, value]),
            None => sentence(&["Unset env variable \"!", "\"."], &[name]),
        });
    }

    /// A collection has been opened.
    ///
    /// Compat: what mod_security2 says of its files has no place here, for there is another store.
    #[cold]
    pub(in crate::engine) fn narrate_opened(&mut self, variable: Variable, id: &Id, live: &Live) {
        let name = id.name.as_bytes();
        match live.get(b"IS_NEW") {
            Some(_) => {
                let words = ["Creating collection (name \"", "\", key \"", "\")."];
                self.debug(4, |_| sentence(&words, &[name, &id.key]));
                let timeout = self.config.collection_timeout;
                self.say(
                    4,
                    &format!("Setting default timeout collection value {timeout}."),
                );
            }
            None => {
                let words = [
                    "collection_unpack: Read variable: name \"",
                    "\", value \"",
                    "\".",
                ];
                for (name, value) in live.iter().filter(|(name, _)| *name != b"UPDATE_RATE") {
                    self.debug(9, |_| sentence(&words, &[name, value]));
                }
                let start = "collection_retrieve_ex: Retrieved collection (name \"";
                self.debug(4, |_| {
                    sentence(&[start, "\", key \"", "\")."], &[name, &id.key])
                });
            }
        }
        let counter = live.get(b"UPDATE_COUNTER").unwrap_or(b"0");
        let words = [
            "Recorded original collection variable: ",
            ".UPDATE_COUNTER = \"",
            "\"",
        ];
        self.debug(9, |_| sentence(&words, &[name, counter]));
        let counter = [name, b".UPDATE_COUNTER"].concat().to_ascii_lowercase();
        self.told_originals.insert(counter);
        self.debug(4, |_| match belongs_to_application(variable) {
            true => sentence(
                &["Added collection \"", "\" to the list as \"", "\"."],
                &[name, variable.name().as_bytes()],
            ),
            false => sentence(&["Added collection \"", "\" to the list."], &[name]),
        });
    }

    /// All collections have been stored.
    pub(in crate::engine) fn narrate_storing(&self) {
        let took = self.times.writing / 1_000;
        self.say(
            4,
            &format!("Recording persistent data took {took} microseconds."),
        );
    }

    /// A collection has been stored.
    #[cold]
    pub(in crate::engine) fn narrate_stored(&self, id: &Id) {
        let live = self.persistent.iter().find(|(_, live)| live.id() == id);
        let words = [
            "collection_store: Wrote variable: name \"",
            "\", value \"",
            "\".",
        ];
        let values = live.iter().flat_map(|(_, live)| live.iter());
        for (name, value) in values.filter(|(name, _)| !matches!(*name, b"IS_NEW" | b"UPDATE_RATE"))
        {
            self.debug(9, |_| sentence(&words, &[name, value]));
        }
        let words = [
            "collection_store: Persisted collection (name \"",
            "\", key \"",
            "\").",
        ];
        self.debug(4, |_| sentence(&words, &[id.name.as_bytes(), &id.key]));
    }
}

/// Whether the collection's name begins with that of the application (`SecWebAppId`).
fn belongs_to_application(collection: Variable) -> bool {
    matches!(
        collection,
        Variable::Session | Variable::User | Variable::Resource
    )
}

/// A variable as a rule spells it.
fn dotted(collection: &[u8], name: &Template) -> Vec<u8> {
    match collection {
        [] => name.source(),
        _ => [collection, b".", &name.source()].concat(),
    }
}
