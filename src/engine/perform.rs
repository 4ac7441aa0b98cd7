//! What a match does.

use std::time::Duration;

use bytes::Bytes;

use super::debug::sentence;
use super::evaluate::Hit;
use crate::actions::{AllowScope, Assignment, Ctl, Disruptive, Effect, Place, Sanitise, SetVar};
use crate::host::Host;
use crate::limits;
use crate::operators::{Captures, Kind, atoi};
use crate::ruleset::{Chain, Rule};
use crate::template::Template;
use crate::transaction::{Interruption, InterruptionKind, Transaction};
use crate::types::{EngineMode, Phase};
use crate::variables::Variable;

impl Transaction {
    /// The effects of one match of one rule, in the order of the text. The sentence about the match is left.
    pub(super) fn perform(
        &mut self,
        chain: &Chain,
        rule: &Rule,
        hit: Hit,
        host: &mut dyn Host,
    ) -> Vec<u8> {
        let phrases = matches!(rule.test.operator.kind(), Kind::Pm | Kind::PmFromFile);
        if self.debugs(9) {
            self.debug_captures(&hit.captures, phrases);
        }
        self.capture(&hit.captures, !phrases);
        // Compat: a script that matches does so about no value, and MATCHED_VAR stays what it was.
        if !hit.name.is_empty() {
            self.matches.vars.push((hit.name, hit.value));
        }
        for effect in &rule.effects {
            match effect {
                Effect::SetVar(set) => self.set_variable(chain, set, host),
                Effect::SetEnv(name, value) => {
                    let scene = self.scene(chain, host);
                    let name = self.expand(name, &scene);
                    let value = value.as_ref().map(|value| self.expand(value, &scene));
                    self.debug(9, |_| match &value {
                        Some(value) => {
                            sentence(&["Set env variable \"", "\" to: ", ""], &[&name, value])
                        }
                        None => sentence(&["Unset env variable \"", "\"."], &[&name]),
                    });
                    host.set_env(&name, value.as_deref());
                }
                Effect::Inject(place, text) => self.inject(chain, *place, text, host),
                Effect::Ctl(ctl) => self.control(ctl),
                Effect::Sanitise(Sanitise::Matched) => self.sanitise_matched(),
                Effect::Sanitise(what) => self.sanitise(what.clone()),
                Effect::Exec(executable) => self.execute(chain, executable, host),
                Effect::Collection(action) => self.collection_action(chain, action, host),
            }
        }
        hit.message
    }

    /// The chain has matched to its end with this value: alert, and disrupt. True when the phase ends here.
    pub(super) fn conclude(
        &mut self,
        chain: &Chain,
        rule: &Rule,
        message: Vec<u8>,
        host: &mut dyn Host,
    ) -> bool {
        let severity = chain.starter().and_then(|rule| rule.meta.severity);
        // Compat: severity 0 never counts; the lower number is the more severe.
        if let Some(severity) = severity.filter(|severity| severity.number() > 0) {
            let highest = &mut self.matches.highest_severity;
            *highest = Some(highest.map_or(severity, |known| known.min(severity)));
        }
        let disrupts = self.mode() == EngineMode::On;
        let outcome = match &chain.disruptive {
            _ if !disrupts => Ending::Warn,
            Disruptive::Pass => Ending::Warn,
            // Compat: there is nothing left to allow.
            Disruptive::Allow(_) if self.phase == Phase::Logging => Ending::Warn,
            Disruptive::Allow(scope) => Ending::Allow(*scope),
            Disruptive::Deny => Ending::Interrupt(InterruptionKind::Deny, chain.status),
            Disruptive::Drop => Ending::Interrupt(InterruptionKind::Drop, 403),
            Disruptive::Redirect(url) => {
                let url = self.expand(url, &self.scene(chain, host));
                // Compat: any other status is sent as 302.
                let status = if matches!(chain.status, 301 | 302 | 303 | 307) {
                    chain.status
                } else {
                    302
                };
                Ending::Interrupt(InterruptionKind::Redirect(url.into()), status)
            }
            Disruptive::Proxy(url) => {
                let url = self.expand(url, &self.scene(chain, host));
                Ending::Interrupt(InterruptionKind::Proxy(url.into()), chain.status)
            }
        };
        if disrupts && let Some(pause) = &chain.pause {
            let text = self.expand(pause, &self.scene(chain, host));
            let wanted = u64::try_from(atoi(&text)).unwrap_or(0);
            let pause = Duration::from_millis(wanted.min(limits::PAUSE_LIMIT));
            std::thread::sleep(pause);
            self.paused += pause;
        }
        if !chain.is_told() {
            if self.debugs(4) {
                let text = self.rule_alert(chain, rule, &message, b"Warning.", host);
                self.debug_alert(false, &[b"Warning. ", &text[..]].concat());
            }
            return false;
        }
        let action = match &outcome {
            Ending::Warn => "Warning.".to_owned(),
            Ending::Allow(AllowScope::Everything) => {
                format!("Access allowed (phase {}).", self.phase)
            }
            Ending::Allow(AllowScope::Phase) => {
                format!("Access to phase allowed (phase {}).", self.phase)
            }
            Ending::Allow(AllowScope::Request) => {
                format!("Access to request allowed (phase {}).", self.phase)
            }
            // Compat: it says so itself.
            Ending::Interrupt(InterruptionKind::Deny, 0) => {
                let phase = self.phase;
                format!(
                    "Access denied with code 500 (phase {phase}) (Internal Error: Invalid status code requested 0)."
                )
            }
            Ending::Interrupt(InterruptionKind::Deny, status) => {
                format!("Access denied with code {status} (phase {}).", self.phase)
            }
            Ending::Interrupt(InterruptionKind::Drop, _) => {
                format!(
                    "Access denied with connection close (phase {}).",
                    self.phase
                )
            }
            Ending::Interrupt(InterruptionKind::Redirect(url), status) => {
                let url = super::alert::quoted(url);
                format!(
                    "Access denied with redirection to {url} using status {status} (phase {}).",
                    self.phase
                )
            }
            Ending::Interrupt(InterruptionKind::Proxy(url), _) => {
                format!(
                    "Access denied using proxy to (phase {}) {}.",
                    self.phase,
                    super::alert::quoted(url)
                )
            }
        };
        let text = self.rule_alert(chain, rule, &message, action.as_bytes(), host);
        let refuses = matches!(outcome, Ending::Interrupt(..));
        self.record_alert(chain, text, refuses);
        host.metrics().rule(chain.id(), refuses);
        match outcome {
            Ending::Warn => false,
            Ending::Allow(scope) => {
                self.allowed_until = match scope {
                    AllowScope::Phase => self.allowed_until,
                    AllowScope::Request => Some(Phase::RequestBody),
                    AllowScope::Everything => Some(Phase::ResponseBody),
                };
                true
            }
            Ending::Interrupt(kind, status) => {
                self.matches.intercepted = Some((self.phase, message));
                self.matches.refused_by = Some(chain.id());
                self.interrupt(self.phase, Interruption { kind, status });
                true
            }
        }
    }

    /// `prepend` and `append`. Compat: without `SecContentInjection On` they do nothing.
    fn inject(&mut self, chain: &Chain, place: Place, text: &Template, host: &dyn Host) {
        if !self.config.content_injection {
            return;
        }
        let text = self.expand(text, &self.scene(chain, host));
        match place {
            Place::Before => self.injection.prepend = Some(text.into()),
            Place::Behind => self.injection.append = Some(text.into()),
        }
    }

    /// Compat: captures of regular expressions stand last among the variables then, and those beyond 9 are set but never
    /// unset.
    fn capture(&mut self, captures: &Captures, last: bool) {
        match captures {
            Captures::None => {}
            Captures::SetFirst(piece) => self.tx.set(b"0", piece.bytes(b"").to_vec()),
            Captures::Replace(pieces) => {
                self.tx.remove_where(|name| match name {
                    [digit @ b'0'..=b'9'] => last || usize::from(digit - b'0') >= pieces.len(),
                    _ => false,
                });
                for (at, piece) in pieces.iter().enumerate() {
                    let name = at.to_string().into_bytes();
                    if last && at > 9 {
                        self.tx.remove(&name);
                    }
                    self.tx.set(&name, piece.bytes(b"").to_vec());
                }
            }
        }
    }

    fn debug_captures(&self, captures: &Captures, phrases: bool) {
        let what = match phrases {
            true => "Added phrase match to TX.",
            false => "Added regex subexpression to TX.",
        };
        let pieces = match captures {
            Captures::Replace(pieces) => pieces.as_slice(),
            Captures::None | Captures::SetFirst(_) => &[],
        };
        for (at, piece) in pieces.iter().enumerate() {
            let start = format!("{what}{at}: ");
            self.debug(9, |_| sentence(&[&start, ""], &[piece.bytes(b"")]));
        }
    }

    /// `setvar`. Compat: relative changes are integers and never fall below zero.
    pub(super) fn set_variable(&mut self, chain: &Chain, set: &SetVar, host: &dyn Host) {
        let scene = self.scene(chain, host);
        let name = self.expanded(&set.name, &scene);
        let value = match &set.assignment {
            Assignment::Unset => Bytes::new(),
            Assignment::Set(value) | Assignment::Add(value) => self.expanded(value, &scene),
        };
        let before = match set.collection {
            Some(Variable::Tx) => self.tx.get(&name).map(|old| atoi(old)),
            Some(other) if self.live(other).is_some() => {
                self.live(other).and_then(|live| live.get(&name)).map(atoi)
            }
            other => {
                let shown = other.map_or("?", Variable::name);
                self.debug(3, |_| {
                    format!("Could not set variable \"{shown}\" as the collection does not exist.")
                        .into_bytes()
                });
                return;
            }
        };
        let amount = matches!(set.assignment, Assignment::Add(_)).then(|| atoi(&value));
        let value = match set.assignment {
            Assignment::Unset => None,
            Assignment::Set(_) => Some(value),
            Assignment::Add(_) => {
                let sum = before.unwrap_or(0).saturating_add(atoi(&value));
                Some(sum.max(0).to_string().into())
            }
        };
        if self.debugs(9) {
            let collection = set.collection.map_or("?", Variable::name);
            let collection = collection.to_ascii_lowercase();
            self.debug_change(
                collection.as_bytes(),
                &name,
                value.as_deref(),
                before,
                amount,
            );
        }
        let live = self
            .persistent
            .iter_mut()
            .find(|(known, _)| Some(*known) == set.collection);
        match (live, value) {
            (Some((_, live)), Some(value)) => match amount {
                Some(amount) => live.add(&name, amount),
                None => live.set(&name, value.to_vec()),
            },
            (Some((_, live)), None) => live.remove(&name),
            (None, Some(value)) if amount.is_some() => self.tx.set(&name, value),
            (None, Some(value)) => self.tx.put(name, value),
            (None, None) => self.tx.remove(&name),
        }
    }

    /// What is about to be set, what a counter was, and what has become of it.
    fn debug_change(
        &self,
        collection: &[u8],
        name: &[u8],
        value: Option<&[u8]>,
        before: Option<i64>,
        amount: Option<i64>,
    ) {
        // Compat: what is removed has a value there, too.
        let start = match value {
            Some(_) => "Setting variable: ",
            None => "Setting variable: !",
        };
        let (before, sign) = (before.unwrap_or(0), if amount < Some(0) { "" } else { "+" });
        let change = amount.map(|amount| format!("{sign}{amount}"));
        let written = change.as_ref().map(|change| change.as_bytes()).or(value);
        self.debug(9, |_| {
            let words = [start, ".", "=", ""];
            sentence(&words, &[collection, name, written.unwrap_or(b"1")])
        });
        if let Some(change) = &change {
            self.debug(9, |_| {
                let words = [
                    "Recorded original collection variable: ",
                    ".",
                    " = \"",
                    "\"",
                ];
                sentence(&words, &[collection, name, before.to_string().as_bytes()])
            });
            self.debug(9, |_| {
                let change = format!("{before}{change}");
                sentence(&["Relative change: ", "=", ""], &[name, change.as_bytes()])
            });
        }
        self.debug(9, |_| match value {
            Some(value) => {
                let words = ["Set variable \"", ".", "\" to \"", "\"."];
                sentence(&words, &[collection, name, value])
            }
            None => sentence(&["Unset variable \"", ".", "\"."], &[collection, name]),
        });
    }

    fn control(&mut self, ctl: &Ctl) {
        self.change(ctl);
        self.narrate_ctl(ctl);
    }

    fn change(&mut self, ctl: &Ctl) {
        let overrides = &mut self.overrides;
        match ctl {
            Ctl::RuleEngine(mode) => overrides.engine = Some(*mode),
            Ctl::RemoveRules(_) | Ctl::RemoveTarget(..) => overrides.removals.push(ctl.clone()),
            Ctl::RequestBodyAccess(on) => overrides.request_body_access = Some(*on),
            Ctl::RequestBodyProcessor(kind) => self.body.choose(kind),
            Ctl::ParseXmlIntoArgs(how) => overrides.xml_arguments = Some(*how),
            Ctl::ForceRequestBodyVariable(on) => overrides.force_request_body = *on,
            Ctl::RequestBodyLimit(limit) => overrides.request_body_limit = Some(*limit),
            Ctl::ResponseBodyAccess(on) => overrides.response_body_access = Some(*on),
            Ctl::ResponseBodyLimit(limit) => overrides.response_body_limit = Some(*limit),
            Ctl::AuditEngine(mode) => overrides.audit_engine = Some(*mode),
            Ctl::AuditLogParts(change) => {
                let parts = overrides.audit_parts.unwrap_or(self.config.audit_parts);
                overrides.audit_parts = parts.change(change).ok().or(overrides.audit_parts);
            }
            Ctl::HashEngine(on) => overrides.hash_engine = Some(*on),
            Ctl::HashEnforcement(on) => overrides.hash_enforcement = Some(*on),
            Ctl::DebugLogLevel(level) => overrides.debug_level = Some(*level),
        }
    }
}

/// How a match ends.
enum Ending {
    Warn,
    Allow(AllowScope),
    Interrupt(InterruptionKind, u16),
}
