//! The names of actions and of `ctl` options, and what each is for: one row each, for the parser and the documentation.

/// What kind of action it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// Says how the transaction goes on.
    Disruptive,
    /// Says which rules come next.
    Flow,
    /// Says what the rule is.
    Metadata,
    /// Says what logs get.
    Logs,
    /// Says how values are looked at.
    Matching,
    /// Changes something.
    Effect,
}

/// An action or an option of `ctl`.
pub struct Known {
    /// Its name, as it is usually written.
    pub name: &'static str,
    /// What kind it is.
    pub group: Group,
    /// Its argument, as the documentation shows it; empty where it takes none.
    pub argument: &'static str,
    /// What it does.
    pub about: &'static str,
}

const fn row(
    group: Group,
    name: &'static str,
    argument: &'static str,
    about: &'static str,
) -> Known {
    Known {
        name,
        group,
        argument,
        about,
    }
}

use Group::*;

/// Every action that a rule can have.
#[rustfmt::skip] // a table: one row a line
pub static ACTIONS: &[Known] = &[
    row(Disruptive, "allow", "[phase|request]", "no more rules for this phase, this phase and the request's, or all but phase 5"),
    row(Disruptive, "block", "", "the disruptive action of SecDefaultAction"),
    row(Disruptive, "deny", "", "refuses with `status`"),
    row(Disruptive, "drop", "", "closes the connection"),
    row(Disruptive, "pass", "", "goes on with the next rule"),
    row(Disruptive, "pause", "milliseconds", "waits, then goes on as the rest of the list says"),
    row(Disruptive, "proxy", "URL", "hands the request to mod_proxy; phases 1 and 2"),
    row(Disruptive, "redirect", "URL", "sends the client elsewhere"),
    row(Disruptive, "status", "code", "the status of `deny` and `redirect`"),
    row(Flow, "chain", "", "the next rule is asked, too, and both must match"),
    row(Flow, "phase", "1…5, request, response, logging", "when the rule runs"),
    row(Flow, "skip", "number", "passes over rules or chains"),
    row(Flow, "skipAfter", "marker or id", "goes on behind a marker or rule of this phase"),
    row(Metadata, "accuracy", "1…9", "how few false alarms the rule gives"),
    row(Metadata, "id", "number", "identifies the rule; every rule and chain needs one of its own"),
    row(Metadata, "logdata", "text", "what alerts show as `[data]`"),
    row(Metadata, "maturity", "1…9", "how long the rule has been in use"),
    row(Metadata, "msg", "text", "what the rule found, for alerts"),
    row(Metadata, "rev", "text", "the revision of the rule"),
    row(Metadata, "severity", "0…7 or name", "how serious a match is"),
    row(Metadata, "tag", "text", "a class that the rule belongs to"),
    row(Metadata, "ver", "text", "the version of its rule set"),
    row(Logs, "auditlog", "", "a match makes the transaction relevant"),
    row(Logs, "log", "", "a match goes to the error log and the audit log"),
    row(Logs, "noauditlog", "", "a match does not make the transaction relevant"),
    row(Logs, "nolog", "", "a match goes to neither log"),
    row(Logs, "sanitiseArg", "name", "masks an argument in logs"),
    row(Logs, "sanitiseMatched", "", "masks what matched"),
    row(Logs, "sanitiseMatchedBytes", "[head/tail]", "masks what was captured, but for so many bytes at its ends; without them, or `capture`, the value"),
    row(Logs, "sanitiseRequestHeader", "name", "masks a header of the request"),
    row(Logs, "sanitiseResponseHeader", "name", "masks a header of the response"),
    row(Logs, "sanitizeArg", "name", "as `sanitiseArg`"),
    row(Logs, "sanitizeMatched", "", "as `sanitiseMatched`"),
    row(Logs, "sanitizeMatchedBytes", "[head/tail]", "as `sanitiseMatchedBytes`"),
    row(Logs, "sanitizeRequestHeader", "name", "as `sanitiseRequestHeader`"),
    row(Logs, "sanitizeResponseHeader", "name", "as `sanitiseResponseHeader`"),
    row(Matching, "capture", "", "what the operator captures goes to TX:0 to TX:9"),
    row(Matching, "multiMatch", "", "the operator is asked after each transformation"),
    row(Matching, "t", "name", "transforms values before the operator sees them"),
    row(Matching, "xmlns", "prefix=URI", "a prefix in XPath expressions"),
    row(Effect, "append", "text", "adds to the end of the response"),
    row(Effect, "ctl", "option=value", "changes the configuration for this transaction"),
    row(Effect, "deprecatevar", "collection.name=amount/seconds", "lets a counter shrink with time"),
    row(Effect, "exec", "file", "runs a script or program"),
    row(Effect, "expirevar", "collection.name=seconds", "removes a variable later"),
    row(Effect, "initcol", "collection=key", "opens a persistent collection"),
    row(Effect, "prepend", "text", "adds to the beginning of the response"),
    row(Effect, "setenv", "name[=value]", "sets an environment variable, or removes it (`!name`)"),
    row(Effect, "setrsc", "key", "opens RESOURCE"),
    row(Effect, "setsid", "key", "opens SESSION"),
    row(Effect, "setuid", "key", "opens USER"),
    row(Effect, "setvar", "collection.name[=value]", "sets a variable, counts (`=+1`, `=-1`), or removes it (`!name`)"),
];

/// Every option of `ctl`.
#[rustfmt::skip] // a table: one row a line
pub static CTL_OPTIONS: &[Known] = &[
    row(Effect, "auditEngine", "On|Off|RelevantOnly", "as SecAuditEngine"),
    row(Effect, "auditLogParts", "letters, +letters, -letters", "as SecAuditLogParts"),
    row(Effect, "debugLogLevel", "0…9", "as SecDebugLogLevel"),
    row(Effect, "forceRequestBodyVariable", "On|Off", "whether REQUEST_BODY is there for every type of body"),
    row(Effect, "hashEnforcement", "On|Off", "whether proofs of links are checked"),
    row(Effect, "hashEngine", "On|Off", "as SecHashEngine"),
    row(Effect, "parseXmlIntoArgs", "On|Off|OnlyArgs", "as SecParseXmlIntoArgs"),
    row(Effect, "requestBodyAccess", "On|Off", "as SecRequestBodyAccess; phase 1"),
    row(Effect, "requestBodyLimit", "bytes", "as SecRequestBodyLimit; phase 1"),
    row(Effect, "requestBodyProcessor", "URLENCODED|MULTIPART|XML|JSON", "what reads the body; phase 1"),
    row(Effect, "responseBodyAccess", "On|Off", "as SecResponseBodyAccess; up to phase 3"),
    row(Effect, "responseBodyLimit", "bytes", "as SecResponseBodyLimit; up to phase 3"),
    row(Effect, "ruleEngine", "On|Off|DetectionOnly", "as SecRuleEngine"),
    row(Effect, "ruleRemoveById", "id or range", "takes out rules"),
    row(Effect, "ruleRemoveByMsg", "regular expression", "takes out rules by message"),
    row(Effect, "ruleRemoveByTag", "regular expression", "takes out rules by tag"),
    row(Effect, "ruleRemoveTargetById", "id or range;targets", "takes targets out of rules"),
    row(Effect, "ruleRemoveTargetByMsg", "regular expression;targets", "takes targets out of rules by message"),
    row(Effect, "ruleRemoveTargetByTag", "regular expression;targets", "takes targets out of rules by tag"),
];

/// Whether an action of this name, in lower case, takes no argument.
pub(super) fn takes_nothing(name: &str) -> bool {
    let bare = |known: &&Known| known.argument.is_empty();
    let mut bare = ACTIONS.iter().filter(bare);
    bare.any(|known| known.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::{Context, Ctl, parse};
    use crate::seclang::parse_actions;

    #[test]
    fn the_parser_knows_every_row() {
        // 53 in 2.9, with `marker`, which is what SecMarker makes.
        assert_eq!(ACTIONS.len(), 52);
        for known in ACTIONS {
            let text = format!("{}:x", known.name);
            let tree = parse_actions(text.as_bytes()).unwrap();
            let outcome = parse(&tree, Context::Rule, None);
            let complaint = outcome.err().map_or(String::new(), |error| error.message);
            assert!(!complaint.starts_with("Unknown action"), "{complaint}");
        }
        assert_eq!(CTL_OPTIONS.len(), 19);
        for known in CTL_OPTIONS {
            let outcome = Ctl::parse(&format!("{}=x", known.name));
            let complaint = outcome.err().unwrap_or_default();
            assert!(!complaint.starts_with("Invalid ctl name"), "{complaint}");
        }
    }
}
