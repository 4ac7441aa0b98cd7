//! `ctl`: changes of the configuration for one transaction.

use std::sync::Arc;

use super::{IdRanges, RuleSelector};
use crate::body;
use crate::limits;
use crate::operators::atoi;
use crate::operators::rx::{Limits, Options, Pattern};
use crate::types::EngineMode;
use crate::variables::Variable;

/// `SecAuditEngine`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AuditEngine {
    /// No record.
    #[default]
    Off,
    /// A record of every transaction.
    On,
    /// A record where a rule alerted or the status is relevant.
    RelevantOnly,
}

/// A change that lasts until the end of the transaction.
#[derive(Clone, Debug)]
pub enum Ctl {
    /// `ruleEngine`.
    RuleEngine(EngineMode),
    /// `ruleRemoveById`, `ByTag`, `ByMsg`.
    RemoveRules(RuleSelector),
    /// `ruleRemoveTargetById`, `ByTag`, `ByMsg`.
    RemoveTarget(RuleSelector, Vec<TargetExclusion>),
    /// `requestBodyAccess`.
    RequestBodyAccess(bool),
    /// `requestBodyProcessor`; `Err` holds a name that is no processor, which becomes an error of the body.
    RequestBodyProcessor(Result<body::Kind, String>),
    /// `parseXmlIntoArgs`.
    ParseXmlIntoArgs(body::XmlArguments),
    /// `forceRequestBodyVariable`.
    ForceRequestBodyVariable(bool),
    /// `requestBodyLimit`, in bytes.
    RequestBodyLimit(u64),
    /// `responseBodyAccess`.
    ResponseBodyAccess(bool),
    /// `responseBodyLimit`, in bytes.
    ResponseBodyLimit(u64),
    /// `auditEngine`.
    AuditEngine(AuditEngine),
    /// `auditLogParts`: as written (`ABC`, `+E`, `-E`).
    AuditLogParts(String),
    /// `debugLogLevel`.
    DebugLogLevel(u8),
    /// `hashEngine`.
    HashEngine(bool),
    /// `hashEnforcement`.
    HashEnforcement(bool),
}

/// `VARIABLE` or `VARIABLE:key`, taken out of the targets of the selected rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetExclusion {
    /// The variable.
    pub variable: Variable,
    /// The exact key, compared without case; `None` takes out the whole collection.
    pub key: Option<Vec<u8>>,
}

impl Ctl {
    /// Reads `name=value`. `None` for what mod_security2 accepts and nothing can come of: an id that is no number, a
    /// target that is no variable.
    pub fn parse(text: &str) -> Result<Option<Ctl>, String> {
        let (name, value) = text.split_once('=').ok_or("ctl needs name=value")?;
        let on_off = || match value.to_ascii_lowercase().as_str() {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(format!("Invalid setting for ctl {name}: {value}")),
        };
        let size = || {
            let size = value.trim().parse::<u64>().ok();
            size.filter(|size| *size <= limits::BODY_LIMIT_MAXIMUM)
                .ok_or_else(|| format!("Invalid setting for ctl {name}: {value}"))
        };
        Ok(Some(match name.to_ascii_lowercase().as_str() {
            "ruleengine" => Ctl::RuleEngine(
                EngineMode::lookup(value)
                    .ok_or_else(|| format!("Invalid setting for ctl name ruleEngine: {value}"))?,
            ),
            "ruleremovebyid" => Ctl::RemoveRules(RuleSelector::Id(IdRanges::parse(value).0)),
            "ruleremovebytag" => Ctl::RemoveRules(RuleSelector::Tag(pattern(value)?)),
            "ruleremovebymsg" => Ctl::RemoveRules(RuleSelector::Msg(pattern(value)?)),
            "ruleremovetargetbyid" | "ruleremovetargetbytag" | "ruleremovetargetbymsg" => {
                let (rules, targets) = value.split_once(';').unwrap_or((value, ""));
                let selector = match name.to_ascii_lowercase().as_str() {
                    "ruleremovetargetbyid" => RuleSelector::Id(IdRanges::parse(rules).0),
                    "ruleremovetargetbytag" => RuleSelector::Tag(pattern(rules)?),
                    _ => RuleSelector::Msg(pattern(rules)?),
                };
                let targets: Option<Vec<_>> =
                    targets.split(',').map(TargetExclusion::parse).collect();
                match targets {
                    Some(targets) => Ctl::RemoveTarget(selector, targets),
                    None => return Ok(None),
                }
            }
            "requestbodyaccess" => Ctl::RequestBodyAccess(on_off()?),
            "requestbodyprocessor" => Ctl::RequestBodyProcessor(
                body::Kind::from_name(value).ok_or_else(|| value.to_owned()),
            ),
            "forcerequestbodyvariable" => Ctl::ForceRequestBodyVariable(on_off()?),
            "requestbodylimit" => Ctl::RequestBodyLimit(size()?),
            "responsebodyaccess" => Ctl::ResponseBodyAccess(on_off()?),
            "responsebodylimit" => Ctl::ResponseBodyLimit(size()?),
            "auditengine" => Ctl::AuditEngine(
                AuditEngine::lookup(value)
                    .ok_or_else(|| format!("Invalid setting for ctl auditEngine: {value}"))?,
            ),
            "auditlogparts" => {
                let letters = value.strip_prefix(['+', '-']).unwrap_or(value);
                if !letters
                    .bytes()
                    .all(|letter| matches!(letter, b'A'..=b'K' | b'Z'))
                {
                    return Err(format!("Invalid setting for ctl auditLogParts: {value}"));
                }
                Ctl::AuditLogParts(value.to_owned())
            }
            "debugloglevel" => Ctl::DebugLogLevel(
                u8::try_from(atoi(value.as_bytes()))
                    .ok()
                    .filter(|level| *level <= 9)
                    .ok_or("Invalid setting for ctl debugLogLevel")?,
            ),
            "parsexmlintoargs" => Ctl::ParseXmlIntoArgs(
                body::XmlArguments::lookup(value)
                    .ok_or_else(|| format!("Invalid setting for ctl parseXmlIntoArgs: {value}"))?,
            ),
            "hashengine" => Ctl::HashEngine(on_off()?),
            "hashenforcement" => Ctl::HashEnforcement(on_off()?),
            _ => return Err(format!("Invalid ctl name setting: {name}")),
        }))
    }
}

impl AuditEngine {
    /// `On`, `Off`, `RelevantOnly`, in any case.
    pub fn lookup(text: &str) -> Option<AuditEngine> {
        Some(match text.to_ascii_lowercase().as_str() {
            "on" => AuditEngine::On,
            "off" => AuditEngine::Off,
            "relevantonly" => AuditEngine::RelevantOnly,
            _ => return None,
        })
    }
}

fn pattern(text: &str) -> Result<Arc<Pattern>, String> {
    Pattern::compile(text.as_bytes(), Options::operator(Limits::default()))
        .map(Arc::new)
        .map_err(|error| format!("Invalid regular expression: {error}"))
}

impl TargetExclusion {
    /// Reads `VARIABLE[:key]`; `None` when there is no such variable.
    pub fn parse(text: &str) -> Option<TargetExclusion> {
        let text = text.trim();
        let (name, key) = match text.split_once(':') {
            Some((name, key)) => (name, Some(key.trim_matches('\'').as_bytes().to_vec())),
            None => (text, None),
        };
        let variable = Variable::lookup(name)?;
        Some(TargetExclusion { variable, key })
    }
}
