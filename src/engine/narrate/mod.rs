//! What the debug log tells of a transaction's course: what came in, which phases run and which do not, where a phase goes on.
//!
//! Compat: mod_security2's words, which rule authors and test suites look for. Where it writes addresses of its memory there are
//! ids or zeros.

mod bodies;
mod changes;
mod response;
mod rules;

use super::debug::sentence;
use crate::actions::{AuditEngine, Ctl, Flow, RuleSelector};
use crate::ruleset::{Entry, PhaseRules};
use crate::transaction::Transaction;
use crate::types::{EngineMode, Phase};

pub(super) use changes::Changed;

impl Transaction {
    /// What came in with the head of the request.
    pub(super) fn narrate_head(&self) {
        if !self.debugs(4) {
            return;
        }
        self.debug(4, |transaction| {
            let id = &transaction.request.unique_id;
            sentence(&["Initialising transaction (txid ", ")."], &[id])
        });
        let words = [
            "Adding request argument (QUERY_STRING): name \"",
            "\", value \"",
            "\"",
        ];
        for argument in &self.query.args {
            self.debug(5, |_| sentence(&words, &[&argument.name, &argument.value]));
        }
        for cookie in &self.cookies {
            self.debug(5, |_| {
                let words = ["Adding request cookie: name \"", "\", value \"", "\""];
                sentence(&words, &[&cookie.name, &cookie.value])
            });
        }
        self.say(4, "Transaction context created (dcfg 0).");
    }

    /// A phase begins.
    pub(super) fn narrate_phase(&self, phase: Phase, rules: Option<&PhaseRules>) {
        // Compat: where the engine has been switched off, phase 5 alone is told.
        let off = self.mode() == EngineMode::Off && phase != Phase::Logging;
        if off || !self.debugs(4) {
            return;
        }
        self.say(4, &format!("Starting phase {}.", phase.name()));
        let count = rules.map_or(0, PhaseRules::length);
        self.say(9, &format!("This phase consists of {count} rule(s)."));
    }

    /// The phases that a request does not see when it was refused before them.
    pub(super) fn narrate_refusal(&self) {
        let Some((phase, _)) = self.refused else {
            return;
        };
        if phase < Phase::ResponseHeaders {
            self.narrate_skipped_phase(Phase::ResponseHeaders);
            self.narrate_skipped_phase(Phase::ResponseBody);
        }
    }

    /// What is left of a multipart body goes.
    pub(super) fn narrate_cleanup(&self, relevant: bool) {
        if self.body.parsed().multipart.is_some() {
            let removes = u8::from(!self.config.keeps_uploads(relevant));
            self.say(
                4,
                &format!("Multipart: Cleanup started (remove files {removes})."),
            );
        }
    }

    /// A phase does not run.
    pub(super) fn narrate_skipped_phase(&self, phase: Phase) {
        let text = match self.interruption {
            Some(_) => format!("Skipping phase {phase} as request was already intercepted."),
            None => format!("Skipping phase {} (allow used).", phase.name()),
        };
        self.say(4, &text);
    }

    /// What a rule came to, that did not end the phase.
    pub(super) fn narrate_outcome(&self, matched: bool, chained: bool, flow: &Flow) {
        if !self.debugs(4) {
            return;
        }
        self.say(4, &format!("Rule returned {}.", u8::from(matched)));
        let text = match (matched, chained) {
            // Compat: where it goes on is said instead.
            (true, false) if matches!(flow, Flow::SkipAfter(_)) => return,
            (true, _) => "Match -> mode NEXT_RULE.",
            (false, true) => "No match, chained -> mode NEXT_CHAIN.",
            (false, false) => "No match, not chained -> mode NEXT_RULE.",
        };
        self.say(9, text);
    }

    /// A rule ends the phase.
    pub(super) fn narrate_interception(&self) {
        self.say(4, "Rule returned 1.");
        self.say(9, "Match, intercepted -> returning.");
    }

    /// Where a phase goes on behind a chain that has matched.
    pub(super) fn narrate_flow(&self, rules: &PhaseRules, entry: &Entry) {
        match &entry.chain.flow {
            Flow::Next => {}
            Flow::Skip(number) => self.say(4, &format!("Skipping {number} rules/chains.")),
            Flow::SkipAfter(marker) => {
                let place = rules::place(&*entry.chain);
                self.say(
                    9,
                    &format!("Skipping after rule {place} id=\"{marker}\" -> mode SKIP_RULES."),
                );
                if entry.next <= rules.entries().len() {
                    self.say(9, &format!("Found rule {place} id=\"{marker}\"."));
                    let text = format!("Continuing execution after rule id=\"{marker}\".");
                    self.say(4, &text);
                }
            }
        }
    }

    /// What `ctl` has changed.
    pub(super) fn narrate_ctl(&self, ctl: &Ctl) {
        if !self.debugs(4) {
            return;
        }
        let on_off = |on: &bool| if *on { "On" } else { "Off" };
        let text = match ctl {
            Ctl::RuleEngine(mode) => format!(
                "Set ruleEngine to {}.",
                match mode {
                    EngineMode::On => "On",
                    EngineMode::Off => "Off",
                    EngineMode::DetectionOnly => "DetectionOnly",
                }
            ),
            Ctl::RemoveRules(RuleSelector::Id(ids)) => format!("Removed rule by id : {ids}."),
            Ctl::RemoveRules(RuleSelector::Tag(tag)) => {
                format!("Removed rule by tag : {}.", shown(tag.as_bytes()))
            }
            Ctl::RemoveRules(RuleSelector::Msg(msg)) => {
                format!("Removed rule by msg : {}.", shown(msg.as_bytes()))
            }
            Ctl::RemoveTarget(selector, targets) => {
                let targets = rules::exclusions(targets);
                let targets = shown(&targets);
                match selector {
                    RuleSelector::Id(ids) => {
                        format!("ruleRemoveTargetById id={ids} targets={targets}")
                    }
                    RuleSelector::Tag(tag) => {
                        let tag = shown(tag.as_bytes());
                        format!("ruleRemoveTargetByTag tag={tag} targets={targets}")
                    }
                    RuleSelector::Msg(msg) => {
                        let msg = shown(msg.as_bytes());
                        format!("ruleRemoveTargetByMsg msg={msg} targets={targets}")
                    }
                }
            }
            Ctl::RequestBodyAccess(on) => format!("Set requestBodyAccess to {}.", u8::from(*on)),
            Ctl::RequestBodyProcessor(kind) => {
                let name = kind
                    .as_ref()
                    .map_or_else(String::as_str, |kind| kind.name());
                format!("Set requestBodyProcessor to {name}.")
            }
            // Compat: by the name of another option.
            Ctl::ForceRequestBodyVariable(on) => {
                format!("Set requestBodyAccess to {}.", u8::from(*on))
            }
            Ctl::RequestBodyLimit(limit) => format!("Set requestBodyLimit to {limit}."),
            Ctl::ResponseBodyAccess(on) => format!("Set responseBodyAccess to {}.", u8::from(*on)),
            Ctl::ResponseBodyLimit(limit) => format!("Set responseBodyLimit to {limit}."),
            Ctl::AuditEngine(mode) => {
                let number = match mode {
                    AuditEngine::Off => 0,
                    AuditEngine::On => 1,
                    AuditEngine::RelevantOnly => 2,
                };
                format!("Set auditEngine to {number}.")
            }
            Ctl::AuditLogParts(_) => {
                let parts = self
                    .overrides
                    .audit_parts
                    .unwrap_or(self.config.audit_parts);
                format!("Set auditLogParts to {parts}.")
            }
            Ctl::DebugLogLevel(level) => format!("Set debugLogLevel to {level}."),
            Ctl::HashEngine(on) => format!("Set HashEngine to {}.", on_off(on)),
            Ctl::HashEnforcement(on) => format!("Set HashEnforcement to {}.", on_off(on)),
            Ctl::ParseXmlIntoArgs(how) => format!("Set parseXmlIntoArgs to {how:?}."),
        };
        self.say(4, &format!("Ctl: {text}"));
    }

    /// A line without values.
    pub(super) fn say(&self, level: u8, text: &str) {
        self.debug(level, |_| text.as_bytes().to_vec());
    }
}

/// Text of a rule, as logs show it.
fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(&sentence(&["", ""], &[text])).into_owned()
}
