//! What a match does.

use std::time::Duration;

use bytes::Bytes;

use super::debug::sentence;
use super::evaluate::Hit;
use super::narrate::Changed;
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
        self.capture(&hit.captures, !phrases);
        // Compat: a script that matches does so about no value, and MATCHED_VAR stays what it was.
        if !hit.name.is_empty() {
            self.matches.vars.push((hit.name.into(), hit.value));
        }
        for effect in &rule.effects {
            match effect {
                Effect::SetVar(set) => self.set_variable(chain, set, host),
                Effect::SetEnv(name, value) => {
                    if self.debugs(9) {
                        self.narrate_env(name, value.as_ref());
                    }
                    let scene = self.scene(chain, host);
                    let name = self.expand(name, &scene);
                    let value = value.as_ref().map(|value| self.expand(value, &scene));
                    if self.debugs(9) {
                        self.narrate_env_set(&name, value.as_deref());
                    }
                    host.set_env(&name, value.as_deref());
                }
                Effect::Inject(place, text) => self.inject(chain, *place, text, host),
                Effect::Ctl(ctl) => self.control(ctl),
                Effect::Sanitise(Sanitise::Matched) => self.sanitise_matched(),
                Effect::Sanitise(Sanitise::MatchedBytes(head, tail)) => {
                    self.sanitise_matched_bytes(&hit.captures, *head, *tail);
                }
                Effect::Sanitise(what) => self.sanitise(what.clone()),
                Effect::Exec(executable) => {
                    self.add_unknown_work();
                    self.execute(chain, executable, host);
                }
                Effect::Collection(action) => {
                    self.add_unknown_work();
                    self.collection_action(chain, action, host);
                }
            }
        }
        hit.message.into()
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
            // Compat: it is too late for that, and mod_security2 says whose fault it is.
            Disruptive::Proxy(_) if self.phase >= Phase::ResponseHeaders => {
                Ending::Interrupt(InterruptionKind::Deny, 500)
            }
            Disruptive::Proxy(url) => {
                let url = self.expand(url, &self.scene(chain, host));
                let (url, verbatim) = match url.strip_prefix(b"[nocanon]") {
                    Some(url) => (url.to_vec(), true),
                    None => (url, false),
                };
                let url = url.into();
                Ending::Interrupt(InterruptionKind::Proxy { url, verbatim }, chain.status)
            }
        };
        if !matches!(outcome, Ending::Warn) {
            self.narrate_interception();
        }
        if disrupts && let Some(pause) = &chain.pause {
            self.pause(chain, pause, host);
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
            Ending::Interrupt(InterruptionKind::Deny, status)
                if matches!(chain.disruptive, Disruptive::Proxy(_)) =>
            {
                let phase = self.phase;
                format!(
                    "Access denied with code {status} (phase {phase}) (Configuration Error: Proxy action requested but it \
                     does not work in output phases)."
                )
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
            Ending::Interrupt(InterruptionKind::Proxy { url, .. }, _) => {
                format!(
                    "Access denied using proxy to (phase {}) {}.",
                    self.phase,
                    super::alert::quoted(url)
                )
            }
        };
        if !chain.log && !chain.auditlog && self.debugs(4) {
            let text = self.rule_alert(chain, rule, &message, b"Warning.", host);
            self.debug_alert(false, &[action.as_bytes(), b" ", &text[..]].concat());
        }
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
                self.tx.remove_digits(if last { 0 } else { pieces.len() });
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

    /// `pause`. Compat: it is said before it is done.
    fn pause(&mut self, chain: &Chain, pause: &Template, host: &dyn Host) {
        let text = self.expand(pause, &self.scene(chain, host));
        let wanted = u64::try_from(atoi(&text)).unwrap_or(0);
        let wanted = wanted.min(limits::PAUSE_LIMIT);
        let text = format!("Pausing transaction for {wanted} msec.");
        match chain.log {
            true => self.alert_at(2, text.as_bytes()),
            false => self.say(4, &text),
        }
        let pause = Duration::from_millis(wanted);
        std::thread::sleep(pause);
        self.paused += pause;
    }

    /// `setvar`. Compat: relative changes are integers and never fall below zero.
    pub(super) fn set_variable(&mut self, chain: &Chain, set: &SetVar, host: &dyn Host) {
        let told = self.debugs(9);
        if told {
            self.narrate_setting(set);
        }
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
            _ => return self.no_collection("set", &set.spelled, &name),
        };
        let amount = matches!(set.assignment, Assignment::Add(_)).then(|| value.clone());
        let value = match set.assignment {
            Assignment::Unset => None,
            Assignment::Set(_) => Some(value),
            Assignment::Add(_) => {
                let sum = before.unwrap_or(0).saturating_add(atoi(&value));
                Some(sum.max(0).to_string().into())
            }
        };
        if told {
            let changed = Changed {
                name: &name,
                before: before.unwrap_or(0),
                amount: amount.as_deref().unwrap_or_default(),
                value: value.as_deref(),
            };
            self.narrate_set(set, &changed);
        }
        let live = self
            .persistent
            .iter_mut()
            .find(|(known, _)| Some(*known) == set.collection);
        match (live, value) {
            (Some((_, live)), Some(value)) => match amount {
                Some(amount) => live.add(&name, atoi(&amount)),
                None => live.set(&name, value.to_vec()),
            },
            (Some((_, live)), None) => live.remove(&name),
            (None, Some(value)) if amount.is_some() => self.tx.set(&name, value),
            (None, Some(value)) => self.tx.put(name, value),
            (None, None) => self.tx.remove(&name),
        }
    }

    /// A variable of a collection that is none, or is not open: nothing happens.
    ///
    /// Compat: only from debug level 3 on it is said, but then in all logs.
    pub(super) fn no_collection(&mut self, verb: &str, collection: &[u8], name: &[u8]) {
        if self.debug_level() < 3 {
            return;
        }
        let text = match collection {
            [] => {
                let start = format!("Asked to {verb} variable \"");
                let words = [&start, "\", but no collection name specified. "];
                sentence(&words, &[name])
            }
            _ => {
                let start = format!("Could not {verb} variable \"");
                let words = [&start, ".", "\" as the collection does not exist."];
                sentence(&words, &[collection, name])
            }
        };
        self.alert_at(3, &text);
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
