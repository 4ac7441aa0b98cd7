//! Typed actions: what a rule does when it matches. Arguments are parsed here, once, when the rule is compiled.
//!
//! Disruptive actions and flow belong to the chain's starter; effects are run by the engine for every matching value, in
//! the order of the text.

mod ctl;
mod data;
mod names;
mod parse;

pub use ctl::{AuditEngine, Ctl, TargetExclusion};
pub use data::{Assignment, CollectionAction, SetVar, Timed};
pub use names::{ACTIONS, CTL_OPTIONS, Group, Known};
pub use parse::{ActionError, ActionList, Context, parse};

use std::sync::Arc;

use crate::operators::{atoi, rx::Pattern};
use crate::scripts::Executable;
use crate::template::Template;
use crate::transformations::Transformation;
use crate::types::{Phase, Severity};

/// How a matching chain ends.
#[derive(Clone, Debug)]
pub enum Disruptive {
    /// Go on.
    Pass,
    /// Refuse with the status.
    Deny,
    /// Close the connection.
    Drop,
    /// Send the client elsewhere.
    Redirect(Template),
    /// Hand the request to mod_proxy (phases 1 and 2).
    Proxy(Template),
    /// Let the request pass without further rules.
    Allow(AllowScope),
}

/// How far `allow` reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AllowScope {
    /// `allow`: the rest of this phase, and all others but logging.
    Everything,
    /// `allow:phase`: the rest of this phase.
    Phase,
    /// `allow:request`: the rest of this phase, and phase 2.
    Request,
}

/// What a match does besides refusing.
#[derive(Clone, Debug)]
pub enum Effect {
    /// `setvar`.
    SetVar(SetVar),
    /// `setenv`; `None` removes.
    SetEnv(Template, Option<Template>),
    /// `ctl`.
    Ctl(Ctl),
    /// Persistent collections: `initcol`, `setsid`, `expirevar`, ….
    Collection(CollectionAction),
    /// `sanitiseArg` and its kin.
    Sanitise(Sanitise),
    /// `exec`.
    Exec(Arc<Executable>),
    /// `prepend` and `append`.
    Inject(Place, Template),
}

/// Where a response gets something added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// `prepend`.
    Before,
    /// `append`.
    Behind,
}

/// What to mask in the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sanitise {
    /// All arguments of this name.
    Argument(Vec<u8>),
    /// The value that matched, and all of its name.
    Matched,
    /// The bytes that matched, but for so many at their beginning and their end.
    MatchedBytes(usize, usize),
    /// This request header.
    RequestHeader(Vec<u8>),
    /// This response header.
    ResponseHeader(Vec<u8>),
}

/// Identity and wording of a rule.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// `id`; 0 for the members of a chain.
    pub id: u64,
    /// `rev`.
    pub rev: Option<String>,
    /// `msg`.
    pub msg: Option<Template>,
    /// `msg` as written, for `SecRuleRemoveByMsg`.
    pub msg_text: Option<Vec<u8>>,
    /// `logdata`.
    pub logdata: Option<Template>,
    /// `severity`.
    pub severity: Option<Severity>,
    /// `ver`.
    pub ver: Option<String>,
    /// `maturity`.
    pub maturity: Option<u32>,
    /// `accuracy`.
    pub accuracy: Option<u32>,
    /// `tag`s.
    pub tags: Vec<Template>,
    /// `tag`s as written, for the removals by tag.
    pub tag_texts: Vec<Vec<u8>>,
}

/// Rule ids, as single numbers and ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdRanges(pub Vec<std::ops::RangeInclusive<u64>>);

impl std::fmt::Display for IdRanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, range) in self.0.iter().enumerate() {
            let (comma, first, last) = (if at > 0 { "," } else { "" }, range.start(), range.end());
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl IdRanges {
    /// Reads `12`, `10-20`, and lists of them between commas. The flag says whether that is all there is to read.
    ///
    /// Compat: a number is read as far as it is one, and is 0 where it is none; a reversed range matches nothing, silently.
    pub fn parse(text: &str) -> (IdRanges, bool) {
        let mut clean = true;
        let mut number = |text: &str| {
            let value = u64::try_from(atoi(text.as_bytes())).unwrap_or(0);
            clean &= value > 0 && value.to_string() == text.trim();
            value
        };
        let parts = text.trim_matches('"').split(',');
        let ranges = parts.map(|part| match part.split_once('-') {
            Some((first, last)) => number(first)..=number(last),
            None => {
                let id = number(part);
                id..=id
            }
        });
        (IdRanges(ranges.collect()), clean)
    }

    /// Whether the id is in one of them.
    pub fn contains(&self, id: u64) -> bool {
        self.0.iter().any(|range| range.contains(&id))
    }
}

/// Which rules an exception is about.
#[derive(Clone, Debug)]
pub enum RuleSelector {
    /// By id.
    Id(IdRanges),
    /// By a regular expression over their tags.
    Tag(Arc<Pattern>),
    /// By a regular expression over their message.
    Msg(Arc<Pattern>),
}

impl RuleSelector {
    /// Whether it means the rule with this identity.
    pub fn selects(&self, meta: &Meta) -> bool {
        match self {
            RuleSelector::Id(ids) => ids.contains(meta.id),
            RuleSelector::Tag(pattern) => meta
                .tag_texts
                .iter()
                .any(|tag| pattern.is_match(tag).unwrap_or(false)),
            RuleSelector::Msg(pattern) => meta
                .msg_text
                .as_ref()
                .is_some_and(|msg| pattern.is_match(msg).unwrap_or(false)),
        }
    }
}

/// One item of the transformation list of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransformationStep {
    /// `t:none`: forget what came before, the inherited list included.
    Clear,
    /// `t:-name`: take one out of what came before.
    Remove(Transformation),
    /// `t:name`.
    Add(Transformation),
}

impl TransformationStep {
    /// Does to a list what the step says.
    pub fn apply(&self, list: &mut Vec<Transformation>) {
        match self {
            TransformationStep::Clear => list.clear(),
            TransformationStep::Remove(gone) => list.retain(|kept| kept != gone),
            TransformationStep::Add(transformation) => list.push(*transformation),
        }
    }
}

/// Where a chain continues when it matched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Flow {
    /// With the next rule.
    Next,
    /// `skip:n`: behind the next n rules or chains.
    Skip(u32),
    /// `skipAfter:id`: behind the marker or rule of that name.
    SkipAfter(String),
}

/// The phase that an action list names, its log switches, and so on: all that is not an effect.
#[derive(Clone, Debug, Default)]
pub struct Switches {
    /// `phase`.
    pub phase: Option<Phase>,
    /// The last disruptive action named, but for `block`.
    pub disruptive: Option<Disruptive>,
    /// `block`: what the default list does, where there is one.
    pub block: bool,
    /// `pause`: milliseconds.
    pub pause: Option<Template>,
    /// `status`.
    pub status: Option<u16>,
    /// `log` and `nolog`.
    pub log: Option<bool>,
    /// `auditlog` and `noauditlog`.
    pub auditlog: Option<bool>,
    /// `skip` and `skipAfter`.
    pub flow: Option<Flow>,
    /// `chain`.
    pub chain: bool,
    /// `capture`.
    pub capture: bool,
    /// `multiMatch`.
    pub multi_match: bool,
}
