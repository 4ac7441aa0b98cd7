//! What the debug log tells of a transaction's course: what came in, which phases run and which do not, where a phase goes on.
//!
//! Compat: mod_security2's words, which rule authors and test suites look for. Where it writes addresses of its memory there are
//! ids or zeros.

use super::debug::sentence;
use crate::actions::{Ctl, Flow, RuleSelector};
use crate::body::Kind;
use crate::ruleset::{Chain, PhaseRules};
use crate::transaction::Transaction;
use crate::types::{EngineMode, Phase};

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

    /// What came in with the body of the request.
    pub(super) fn narrate_body(&self) {
        if !self.debugs(4) {
            return;
        }
        self.say(4, "Second phase starting (dcfg 0).");
        let length = self.body.seen();
        if length == 0 {
            self.say(4, "Input filter: This request does not have a body.");
            return;
        }
        if !self.wants_request_body() {
            self.say(4, "Input filter: Request body access not enabled.");
            return;
        }
        self.say(4, "Input filter: Reading request body.");
        self.debug_document();
        let json = self.body.processor() == Some(Kind::Json.name());
        if json {
            self.say(4, "JSON parser initialization");
        }
        if let Some(multipart) = &self.body.parsed().multipart {
            for part in &multipart.parts {
                for line in &part.headers {
                    self.debug(9, |_| {
                        let words = ["Multipart: Added part header line \"", "\""];
                        sentence(&words, &[line])
                    });
                }
                let name: &[u8] = &part.name;
                self.debug(9, |_| match &part.file {
                    Some(file) => sentence(
                        &[
                            "Multipart: Added file part to the list: name \"",
                            "\" file name \"",
                            "\"",
                        ],
                        &[name, &file.name],
                    ),
                    None => sentence(
                        &["Multipart: Added part to the list: name \"", "\""],
                        &[name],
                    ),
                });
            }
        }
        for argument in &self.body.parsed().args {
            let (name, value) = (&argument.name[..], &argument.value[..]);
            match json {
                true => self.debug(9, |_| {
                    sentence(
                        &["Adding JSON argument '", "' with value '", "'"],
                        &[name, value],
                    )
                }),
                false => self.debug(5, |_| {
                    let words = [
                        "Adding request argument (BODY): name \"",
                        "\", value \"",
                        "\"",
                    ];
                    sentence(&words, &[name, value])
                }),
            }
        }
        let counted = self.body.parsed().no_files_length;
        if self.body.processor() != Some(Kind::Urlencoded.name()) {
            self.say(4, &format!("Request body no files length: {counted}"));
        }
        self.say(
            4,
            &format!("Input filter: Completed receiving request body (length {length})."),
        );
    }

    /// What is about to leave.
    pub(super) fn narrate_response(&self) {
        if let Some(body) = self.response_body.visible() {
            let length = body.len();
            self.say(
                4,
                &format!("Output filter: Completed receiving response body (buffered full - {length} bytes)."),
            );
        }
    }

    /// What is put around the response.
    pub(super) fn narrate_injection(&self) {
        let Some(injection) = self.injection() else {
            return;
        };
        self.say(
            9,
            "Content Injection: Removing headers (C-L, L-M, Etag, Expires).",
        );
        if let Some(text) = &injection.prepend {
            self.debug(9, |_| {
                sentence(
                    &["Content Injection (b): Added content to top: ", ""],
                    &[text],
                )
            });
        }
        if let Some(text) = &injection.append {
            self.debug(9, |_| {
                sentence(
                    &["Content-Injection (b): Added content to bottom: ", ""],
                    &[text],
                )
            });
        }
    }

    /// A phase begins.
    pub(super) fn narrate_phase(&self, phase: Phase, rules: Option<&PhaseRules>) {
        if !self.debugs(4) {
            return;
        }
        self.say(4, &format!("Starting phase {}.", phase.name()));
        let count = rules.map_or(0, |rules| rules.entries().len());
        self.say(9, &format!("This phase consists of {count} rule(s)."));
    }

    /// A phase does not run.
    pub(super) fn narrate_skipped_phase(&self, phase: Phase) {
        let text = match self.interruption {
            Some(_) => format!("Skipping phase {phase} as request was already intercepted."),
            None => format!("Skipping phase {} (allow used).", phase.name()),
        };
        self.say(4, &text);
    }

    /// What a rule came to.
    pub(super) fn narrate_outcome(&self, matched: bool, chained: bool) {
        if !self.debugs(4) {
            return;
        }
        self.say(4, &format!("Rule returned {}.", u8::from(matched)));
        self.say(
            9,
            match (matched, chained) {
                (true, _) => "Match -> mode NEXT_RULE.",
                (false, true) => "No match, chained -> mode NEXT_CHAIN.",
                (false, false) => "No match, not chained -> mode NEXT_RULE.",
            },
        );
    }

    /// Where a phase goes on behind a chain that has matched.
    pub(super) fn narrate_flow(&self, chain: &Chain) {
        match &chain.flow {
            Flow::Skip(number) => self.say(4, &format!("Skipping {number} rules/chains.")),
            Flow::SkipAfter(marker) => self.debug(9, |_| {
                let id = chain.id();
                let text =
                    format!("Skipping after rule {id:x} id=\"{marker}\" -> mode SKIP_RULES.");
                text.into_bytes()
            }),
            Flow::Next => {}
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
            Ctl::RemoveRules(RuleSelector::Tag(_)) => "Removed rule by tag.".to_owned(),
            Ctl::RemoveRules(RuleSelector::Msg(_)) => "Removed rule by msg.".to_owned(),
            Ctl::RemoveTarget(RuleSelector::Id(ids), _) => format!("ruleRemoveTargetById id={ids}"),
            Ctl::RemoveTarget(RuleSelector::Tag(_), _) => "ruleRemoveTargetByTag".to_owned(),
            Ctl::RemoveTarget(RuleSelector::Msg(_), _) => "ruleRemoveTargetByMsg".to_owned(),
            Ctl::RequestBodyAccess(on) => format!("Set requestBodyAccess to {}.", u8::from(*on)),
            Ctl::RequestBodyProcessor(kind) => {
                let name = kind
                    .as_ref()
                    .map_or_else(String::as_str, |kind| kind.name());
                format!("Set requestBodyProcessor to {name}.")
            }
            Ctl::ForceRequestBodyVariable(on) => {
                format!("Set requestBodyVariable to {}.", u8::from(*on))
            }
            Ctl::RequestBodyLimit(limit) => format!("Set requestBodyLimit to {limit}."),
            Ctl::ResponseBodyAccess(on) => format!("Set responseBodyAccess to {}.", u8::from(*on)),
            Ctl::ResponseBodyLimit(limit) => format!("Set responseBodyLimit to {limit}."),
            Ctl::AuditEngine(mode) => format!("Set auditEngine to {mode:?}."),
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
