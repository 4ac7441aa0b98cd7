//! The tree of an action list to typed actions.

use std::path::Path;
use std::sync::Arc;

use super::{
    AllowScope, CollectionAction, Ctl, Disruptive, Effect, Flow, Meta, Place, Sanitise, SetVar,
    Switches, Timed, TransformationStep, names,
};
use crate::operators::atoi;
use crate::scripts::Executable;
use crate::seclang::{self, ast};
use crate::template::Template;
use crate::transformations::Transformation;
use crate::types::{Phase, Severity};
use crate::variables::Variable;

/// A compiled action list, as one `SecRule`, `SecAction` or `SecDefaultAction` gives it.
#[derive(Clone, Debug, Default)]
pub struct ActionList {
    /// Identity and wording.
    pub meta: Meta,
    /// Whether an `id` was given.
    pub has_id: bool,
    /// Phase, disruption, log switches, flow.
    pub switches: Switches,
    /// The transformation list, in order.
    pub transformations: Vec<TransformationStep>,
    /// What the match does besides refusing, in order.
    pub effects: Vec<Effect>,
    /// The list as written.
    pub tree: Vec<ast::Action>,
    /// What is accepted because mod_security2 accepts it, although it hardly says what was meant: one sentence each.
    pub notices: Vec<String>,
    /// `xmlns`: prefixes in XPath expressions, and the namespaces they stand for.
    pub namespaces: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The largest id of a rule.
const ID_MAXIMUM: u64 = i32::MAX as u64;

/// Where an action list stands; it decides what is allowed in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// A single rule or the first of a chain.
    Rule,
    /// A rule behind one with `chain`.
    ChainMember,
    /// `SecDefaultAction`.
    Default,
}

/// A mistake in an action list.
pub type ActionError = seclang::Error;

/// Compiles an action list; `directory` is where relative file names in it start, that of the configuration file.
///
/// Errors: unknown actions, missing or superfluous arguments, values out of range, and actions that are not allowed in
/// this place (mod_security2: a chain's members have neither identity nor disruption; a default list has no identity).
pub fn parse(
    actions: &[ast::Action],
    context: Context,
    directory: Option<&Path>,
) -> Result<ActionList, ActionError> {
    let mut list = ActionList {
        tree: actions.to_vec(),
        ..ActionList::default()
    };
    for action in actions {
        let name = action.name.value.to_ascii_lowercase();
        let whole = action.name.span.start
            ..action
                .argument
                .as_ref()
                .map_or(action.name.span.end, |a| a.span.end);
        check_place(&name, &action.name, context)?;
        check_argument(&name, action)
            .map_err(|message| ActionError::new(message, whole.clone()))?;
        one(&mut list, &name, action, directory)
            .map_err(|message| ActionError::new(message, whole))?;
    }
    Ok(list)
}

fn check_place(
    name: &str,
    spelled: &ast::Spanned<String>,
    context: Context,
) -> Result<(), ActionError> {
    let problem = match context {
        Context::Rule => None,
        Context::ChainMember => match name {
            "deny" | "drop" | "redirect" | "proxy" | "allow" | "pass" | "pause" => {
                Some("Disruptive actions can only be specified by chain starter rules")
            }
            "skip" | "skipafter" => Some("Skip actions can only be used by chain starter rules"),
            "phase" => Some("Execution phases can only be specified by chain starter rules"),
            "id" | "rev" | "msg" | "severity" | "ver" | "accuracy" | "maturity" | "logdata" => {
                Some(
                    "Metadata actions (id, rev, msg, severity, ver, accuracy, maturity, logdata) can only be specified by chain starter rules",
                )
            }
            _ => None,
        },
        Context::Default => match name {
            "id" | "rev" | "msg" | "ver" | "maturity" | "accuracy" => Some(
                "SecDefaultAction must not contain any metadata actions (id, rev, msg, ver, maturity, accuracy)",
            ),
            "chain" => Some("SecDefaultAction must not contain a chain action"),
            "skip" | "skipafter" => Some("SecDefaultAction must not contain a skip action"),
            _ => None,
        },
    };
    match problem {
        Some(message) => Err(ActionError::new(message, spelled.span.clone())),
        None => Ok(()),
    }
}

/// Compat: some actions take no argument, and only two take one that begins with a sign.
fn check_argument(name: &str, action: &ast::Action) -> Result<(), String> {
    let spelled = &action.name.value;
    match action.argument.as_ref().map(|argument| &argument.value[..]) {
        Some(_) if names::takes_nothing(name) || name == "marker" => {
            Err(format!("Extra parameter provided to action {spelled}"))
        }
        Some([b'+' | b'-', ..]) if !matches!(name, "t" | "ctl") => {
            Err(format!("Action {spelled} does not allow +/- modificators."))
        }
        _ => Ok(()),
    }
}

fn one(
    list: &mut ActionList,
    name: &str,
    action: &ast::Action,
    directory: Option<&Path>,
) -> Result<(), String> {
    let given = action
        .argument
        .as_ref()
        .map(|argument| argument.value.as_slice());
    let spelled = &action.name.value;
    let required =
        || given.ok_or_else(|| format!("Missing mandatory parameter for action {spelled}"));
    let text = || -> Result<&str, String> {
        std::str::from_utf8(required()?)
            .map_err(|_| format!("The parameter of {spelled} is not plain text"))
    };
    let invalid = |value: &str| format!("Invalid {spelled}: {value}");
    let meta = &mut list.meta;
    let switches = &mut list.switches;
    let notices = &mut list.notices;
    // Compat: numbers are read as far as they are numbers, and are 0 where they are none.
    let mut number = || -> Result<i64, String> {
        let (text, value) = (text()?, atoi(required()?));
        if value.to_string() != text {
            notices.push(format!("{spelled}:{text} is read as {value}"));
        }
        Ok(value)
    };

    match name {
        "id" => {
            meta.id = text()?
                .parse()
                .ok()
                .filter(|id| (1..=ID_MAXIMUM).contains(id))
                .ok_or_else(|| {
                    let text = text().unwrap_or_default();
                    format!("ModSecurity: Invalid value for action ID: {text}")
                })?;
            list.has_id = true;
        }
        "rev" => meta.rev = Some(text()?.to_owned()),
        "msg" => {
            meta.msg = Some(Template::parse(required()?));
            meta.msg_text = Some(required()?.to_vec());
        }
        "logdata" => meta.logdata = Some(Template::parse(required()?)),
        "severity" => {
            let known = Severity::lookup(text()?);
            meta.severity = Some(match known {
                Some(severity) => severity,
                None => Severity::number_of(number()?),
            });
        }
        "ver" => meta.ver = Some(text()?.to_owned()),
        "maturity" | "accuracy" => {
            let value = u32::try_from(number()?).unwrap_or(u32::MAX);
            *(if name == "maturity" {
                &mut meta.maturity
            } else {
                &mut meta.accuracy
            }) = Some(value);
        }
        "tag" => {
            meta.tags.push(Template::parse(required()?));
            meta.tag_texts.push(required()?.to_vec());
        }

        "phase" => {
            let known = Phase::lookup(text()?);
            let phase = match known {
                Some(phase) => Some(phase),
                None => Phase::lookup(&number()?.to_string()),
            };
            switches.phase = Some(phase.ok_or_else(|| invalid(text().unwrap_or_default()))?);
        }
        "status" => {
            let status = u16::try_from(number()?).unwrap_or(u16::MAX);
            if !(100..600).contains(&status) {
                list.notices.push(format!(
                    "status:{status} is no status: it is answered with 500"
                ));
            }
            switches.status = Some(status);
        }
        "log" => switches.log = Some(true),
        "nolog" => {
            switches.log = Some(false);
            switches.auditlog = Some(false);
        }
        "auditlog" => switches.auditlog = Some(true),
        "noauditlog" => switches.auditlog = Some(false),
        "chain" => switches.chain = true,
        "capture" => switches.capture = true,
        "multimatch" => switches.multi_match = true,
        "skip" => {
            // Compat: `skip:0` skips one rule.
            let count = u32::try_from(number()?).unwrap_or(u32::MAX).max(1);
            switches.flow = Some(Flow::Skip(count));
        }
        "skipafter" => switches.flow = Some(Flow::SkipAfter(text()?.to_owned())),

        "deny" => switches.disruptive = Some(Disruptive::Deny),
        "drop" => switches.disruptive = Some(Disruptive::Drop),
        "pass" => switches.disruptive = Some(Disruptive::Pass),
        "block" => switches.block = true, // in a member of a chain without effect
        "redirect" => {
            switches.disruptive = Some(Disruptive::Redirect(Template::parse(required()?)))
        }
        "proxy" => switches.disruptive = Some(Disruptive::Proxy(Template::parse(required()?))),
        "allow" => {
            switches.disruptive = Some(Disruptive::Allow(
                match given.map(<[u8]>::to_ascii_lowercase).as_deref() {
                    None => AllowScope::Everything,
                    Some(b"phase") => AllowScope::Phase,
                    Some(b"request") => AllowScope::Request,
                    Some(_) => return Err(format!("Invalid parameter for allow: {}", text()?)),
                },
            ));
        }
        "pause" => switches.pause = Some(Template::parse(required()?)),

        "t" => list.transformations.push(transformation(text()?)?),
        "setvar" => {
            let action = SetVar::parse(required()?)?;
            if action.collection.is_none() {
                let notice = format!(
                    "setvar:{} does nothing: there is no such collection",
                    text()?
                );
                list.notices.push(notice);
            }
            list.effects.push(Effect::SetVar(action));
        }
        "setenv" => list.effects.push(set_env(required()?)),
        "ctl" => match Ctl::parse(text()?)? {
            Some(ctl) => list.effects.push(Effect::Ctl(ctl)),
            None => list.notices.push(format!("ctl:{} does nothing", text()?)),
        },
        "initcol" => match init_collection(required()?) {
            Some(action) => list.effects.push(Effect::Collection(action)),
            None => list
                .notices
                .push(format!("initcol:{} does nothing", text()?)),
        },
        "setsid" | "setuid" | "setrsc" => {
            let collection = match name {
                "setsid" => Variable::Session,
                "setuid" => Variable::User,
                _ => Variable::Resource,
            };
            list.effects
                .push(Effect::Collection(CollectionAction::Identify(
                    collection,
                    Template::parse(required()?),
                )));
        }
        "expirevar" | "deprecatevar" => {
            let timed = Timed::parse(required()?);
            if !timed.collection.is_some_and(Variable::is_persistent) {
                let notice = format!("{name}:{} does nothing", text()?);
                list.notices.push(notice);
            }
            let action = match name {
                "expirevar" => CollectionAction::Expire(timed),
                _ => CollectionAction::Deprecate(timed),
            };
            list.effects.push(Effect::Collection(action));
        }
        "sanitisearg" | "sanitizearg" => list
            .effects
            .push(Effect::Sanitise(Sanitise::Argument(required()?.to_vec()))),
        "sanitisematched" | "sanitizematched" => {
            list.effects.push(Effect::Sanitise(Sanitise::Matched))
        }
        "sanitisematchedbytes" | "sanitizematchedbytes" => {
            list.effects.push(Effect::Sanitise(matched_bytes(given)));
        }
        "sanitiserequestheader" | "sanitizerequestheader" => {
            list.effects.push(Effect::Sanitise(Sanitise::RequestHeader(
                required()?.to_vec(),
            )));
        }
        "sanitiseresponseheader" | "sanitizeresponseheader" => {
            list.effects.push(Effect::Sanitise(Sanitise::ResponseHeader(
                required()?.to_vec(),
            )));
        }
        "xmlns" => list.namespaces.push(namespace(required()?)?),
        "prepend" => list
            .effects
            .push(Effect::Inject(Place::Before, Template::parse(required()?))),
        "append" => list
            .effects
            .push(Effect::Inject(Place::Behind, Template::parse(required()?))),
        "exec" => {
            let read = |path: &Path| std::fs::read(path);
            let found = Executable::compile(required()?, directory, &read)?;
            list.effects.push(Effect::Exec(Arc::new(found)));
        }
        _ => return Err(format!("Unknown action: {spelled}")),
    }
    Ok(())
}

fn transformation(name: &str) -> Result<TransformationStep, String> {
    if name.eq_ignore_ascii_case("none") {
        return Ok(TransformationStep::Clear);
    }
    let (bare, remove) = match name.strip_prefix('-') {
        Some(bare) => (bare, true),
        None => (name, false),
    };
    let found = Transformation::lookup(bare)
        .ok_or_else(|| format!("Invalid transformation function: {name}"))?;
    Ok(if remove {
        TransformationStep::Remove(found)
    } else {
        TransformationStep::Add(found)
    })
}

fn set_env(text: &[u8]) -> Effect {
    if let Some(name) = text.strip_prefix(b"!") {
        return Effect::SetEnv(Template::parse(name), None);
    }
    match memchr::memchr(b'=', text) {
        Some(at) => {
            let (name, value) = text.split_at(at);
            Effect::SetEnv(
                Template::parse(name),
                Some(Template::parse(value.get(1..).unwrap_or_default())),
            )
        }
        None => Effect::SetEnv(Template::parse(text), Some(Template::parse(b"1"))),
    }
}

/// Reads `[head/tail]`. Compat: without both numbers it is the whole value.
fn matched_bytes(ends: Option<&[u8]>) -> Sanitise {
    let number = |text: &[u8]| usize::try_from(atoi(text)).unwrap_or(0);
    let mut ends = ends.unwrap_or_default().splitn(2, |byte| *byte == b'/');
    match (ends.next(), ends.next()) {
        (Some(head), Some(tail)) => Sanitise::MatchedBytes(number(head), number(tail)),
        _ => Sanitise::Matched,
    }
}

/// Reads `prefix=URI`.
///
/// Compat: white space around both is not part of them.
fn namespace(text: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    let shown = String::from_utf8_lossy(text);
    let at = memchr::memchr(b'=', text);
    let at = at.ok_or_else(|| format!("Missing xmlns href for prefix: {shown}"))?;
    let (prefix, uri) = text.split_at(at);
    let (prefix, uri) = (prefix.trim_ascii(), uri.get(1..).unwrap_or_default());
    if prefix.is_empty() || uri.is_empty() {
        return Err(format!("xmlns needs prefix=URI, not: {shown}"));
    }
    Ok((prefix.to_vec(), uri.trim_ascii().to_vec()))
}

/// Compat: any name is accepted; what is not a persistent collection can be written and never read.
fn init_collection(text: &[u8]) -> Option<CollectionAction> {
    let at = memchr::memchr(b'=', text)?;
    let (name, key) = text.split_at(at);
    Some(CollectionAction::Init(
        persistent(&String::from_utf8_lossy(name))?,
        Template::parse(key.get(1..).unwrap_or_default()),
    ))
}

fn persistent(name: &str) -> Option<Variable> {
    Variable::lookup(name).filter(|found| found.is_persistent())
}
