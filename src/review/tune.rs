//! Exclusions that would silence alerts, made from audit logs, for an administrator to review.
//!
//! Whether an alert is false nobody can tell from a log. What is counted here is chosen by whoever asks; what comes out are the
//! smallest exclusions: one argument of one rule, in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::audit::read::{Alert, Event};
use crate::seclang;

/// From this many places on an exclusion is made for the whole site.
pub const PLACES: usize = 5;

/// First id of the rules that are made. Ids below 100000 are for local use.
pub const FIRST_ID: u64 = 90_000;

/// Alerts by rule, variable and place.
#[derive(Default)]
pub struct Tuning {
    found: BTreeMap<(u64, Option<String>), Group>,
    records: u64,
}

/// What one rule said of one variable.
#[derive(Default)]
struct Group {
    message: String,
    /// Alerts by path.
    paths: BTreeMap<String, u64>,
    clients: BTreeSet<String>,
    alerts: u64,
}

/// Rules that only add up what others found: whoever silences these silences everything.
fn is_summary(alert: &Alert) -> bool {
    let id = alert.id.as_deref().and_then(|id| id.parse::<u64>().ok());
    id.is_none_or(|id| matches!(id, 949_000..=949_999 | 959_000..=959_999 | 980_000..=980_999))
}

impl Tuning {
    /// Takes in the alerts of a record that `wanted` lets pass.
    pub fn add(&mut self, event: &Event, wanted: impl Fn(&Alert) -> bool) {
        let path = event.uri.split(['?', '#']).next().unwrap_or_default();
        let mut any = false;
        for alert in event
            .alerts
            .iter()
            .filter(|alert| !is_summary(alert) && wanted(alert))
        {
            let Some(id) = alert.id.as_deref().and_then(|id| id.parse().ok()) else {
                continue;
            };
            any = true;
            let group = self.found.entry((id, variable(alert))).or_default();
            group.message = alert.msg.clone().unwrap_or_default();
            *group.paths.entry(path.to_owned()).or_default() += 1;
            group.clients.insert(event.client.clone());
            group.alerts += 1;
        }
        self.records += u64::from(any);
    }

    /// How many records had alerts that were taken in.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The exclusions, as a file to review. Those of fewer alerts than `least` are left out.
    pub fn rules(&self, least: u64, first_id: u64) -> String {
        let mut out = String::new();
        let mut groups: Vec<_> = self
            .found
            .iter()
            .filter(|(_, group)| group.alerts >= least)
            .collect();
        groups.sort_by_key(|(key, group)| (std::cmp::Reverse(group.alerts), (*key).clone()));
        let mut id = first_id;
        for place in [true, false] {
            let here: Vec<_> = groups
                .iter()
                .filter(|(_, group)| (group.paths.len() >= PLACES) == place)
                .collect();
            if here.is_empty() {
                continue;
            }
            // Writing to a String cannot fail.
            let _ = match place {
                true => writeln!(out, "# Everywhere: to be included behind the rules.\n"),
                false => writeln!(out, "# In one place: to be included before the rules.\n"),
            };
            for ((rule, variable), group) in here {
                let _ = match place {
                    true => everywhere(&mut out, *rule, variable.as_deref(), group),
                    false => in_places(&mut out, *rule, variable.as_deref(), group, &mut id),
                };
            }
        }
        out
    }
}

fn heading(out: &mut String, rule: u64, group: &Group) -> std::fmt::Result {
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let clients = group.clients.len();
    writeln!(
        out,
        "# {rule} {}: {} alert{} from {clients} client{}",
        one_line(&group.message),
        group.alerts,
        plural(usize::try_from(group.alerts).unwrap_or(usize::MAX)),
        plural(clients)
    )
}

fn everywhere(
    out: &mut String,
    rule: u64,
    variable: Option<&str>,
    group: &Group,
) -> std::fmt::Result {
    heading(out, rule, group)?;
    for (path, count) in group.paths.iter().take(PLACES) {
        writeln!(out, "#   {count} at {}", one_line(path))?;
    }
    if group.paths.len() > PLACES {
        writeln!(out, "#   and {} more places", group.paths.len() - PLACES)?;
    }
    match variable {
        Some(variable) => writeln!(out, "SecRuleUpdateTargetById {rule} \"!{variable}\"\n"),
        None => writeln!(out, "SecRuleRemoveById {rule}\n"),
    }
}

fn in_places(
    out: &mut String,
    rule: u64,
    variable: Option<&str>,
    group: &Group,
    id: &mut u64,
) -> std::fmt::Result {
    heading(out, rule, group)?;
    for (path, count) in &group.paths {
        writeln!(out, "#   {count} at {}", one_line(path))?;
        let what = match variable {
            Some(variable) => format!("ctl:ruleRemoveTargetById={rule};{variable}"),
            None => format!("ctl:ruleRemoveById={rule}"),
        };
        // A path with what a configuration would read otherwise is compared by what begins it.
        let plain = |character: &char| {
            character.is_ascii_graphic() && !matches!(character, '"' | '\\' | '%' | '\'')
        };
        let safe: String = path.chars().take_while(plain).collect();
        let operator = if safe == *path {
            "@streq"
        } else {
            "@beginsWith"
        };
        writeln!(
            out,
            "SecRule REQUEST_FILENAME \"{operator} {safe}\" \\\n    \"id:{id},phase:1,pass,t:none,nolog,{what}\""
        )?;
        *id += 1;
    }
    writeln!(out)
}

/// A text from a log in a comment: it must not end the line.
fn one_line(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|character| {
            if character.is_control() {
                '?'
            } else {
                character
            }
        })
        .collect();
    // A backslash at the end would take the next line into the comment.
    text.trim_end_matches('\\').to_owned()
}

/// The variable that an alert is about: from its sentence, or from the data that rules of the Core Rule Set give.
///
/// What is no target of the rule language is none: then the whole rule is meant.
fn variable(alert: &Alert) -> Option<String> {
    let in_sentence = || {
        let (_, after) = alert.text.rsplit_once(" at ")?;
        Some(after.trim_end().trim_end_matches('.').to_owned())
    };
    let against = || {
        let (_, after) = alert.text.rsplit_once(" against \"")?;
        Some(after.split('"').next()?.to_owned())
    };
    let in_data = || {
        let (_, after) = alert.data.as_deref()?.split_once(" found within ")?;
        let (name, _) = after.split_once(": ")?;
        Some(name.to_owned())
    };
    let candidates = [in_data(), in_sentence(), against()];
    candidates
        .into_iter()
        .flatten()
        .find(|name| is_target(name))
}

fn is_target(name: &str) -> bool {
    let (base, key) = name.split_once(':').unwrap_or((name, ""));
    let known = crate::variables::Variable::lookup(base);
    // TX is what rules keep for themselves.
    let of_request = known.is_some_and(|known| known != crate::variables::Variable::Tx);
    let plain = |character: char| {
        character.is_ascii_graphic()
            && !matches!(character, '"' | '\'' | '\\' | ',' | '|' | ';' | '`')
    };
    let one = |tree: Vec<seclang::ast::Target>| tree.len() == 1;
    of_request && key.chars().all(plain) && seclang::parse_targets(name.as_bytes()).is_ok_and(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(uri: &str, client: &str, alerts: &[&str]) -> Event {
        Event {
            uri: uri.to_owned(),
            client: client.to_owned(),
            alerts: alerts.iter().map(|text| Alert::parse(text)).collect(),
            ..Event::default()
        }
    }

    #[test]
    fn variables_are_found_in_every_kind_of_alert() {
        let find = |text: &str| variable(&Alert::parse(text));
        assert_eq!(
            find(r#"Warning. Pattern match "a at b." at ARGS:x. [id "1"]"#).as_deref(),
            Some("ARGS:x")
        );
        assert_eq!(
            find(r#"Warning. detected SQLi using libinjection with fingerprint 's' [id "1"] [data "Matched Data: s found within ARGS:comment: x at y"]"#).as_deref(),
            Some("ARGS:comment")
        );
        assert_eq!(
            find(r#"Warning. Match of "eq 0" against "REQBODY_ERROR" required. [id "1"]"#)
                .as_deref(),
            Some("REQBODY_ERROR")
        );
        assert_eq!(
            find(r#"Warning. Operator GE matched 5 at TX:score. [id "1"]"#),
            None
        );
        assert_eq!(
            find(r#"Warning. Pattern match "x" at ARGS:a"|RULE. [id "1"]"#),
            None
        );
    }

    #[test]
    fn exclusions_are_as_small_as_can_be() {
        let mut tuning = Tuning::default();
        let sqli = r#"Warning. Pattern match "x" at ARGS:comment. [id "942100"] [msg "SQLi"]"#;
        let total = r#"Access denied with code 403 (phase 2). Operator GE matched 5 at TX:score. [id "949110"]"#;
        for number in 0..PLACES {
            tuning.add(
                &event(&format!("/post/{number}?x"), "192.0.2.1", &[sqli, total]),
                |_| true,
            );
        }
        let one = r#"Warning. Pattern match "x" at REQUEST_COOKIES:s. [id "930100"] [msg "Path\nSecRuleEngine Off"]"#;
        tuning.add(&event("/a\"b", "192.0.2.2", &[one]), |_| true);
        let rules = tuning.rules(1, FIRST_ID);
        assert!(
            rules.contains("SecRuleUpdateTargetById 942100 \"!ARGS:comment\"\n"),
            "{rules}"
        );
        assert!(rules.contains("SecRule REQUEST_FILENAME \"@beginsWith /a\" \\\n    \"id:90000,phase:1,pass,t:none,nolog,ctl:ruleRemoveTargetById=930100;REQUEST_COOKIES:s\"\n"), "{rules}");
        assert!(!rules.contains("949110"));
        assert_eq!(tuning.records(), PLACES as u64 + 1);
        assert_eq!(tuning.rules(9, FIRST_ID), "");
        // What was made can be read.
        let (config, rules) = (
            crate::config::DirConfig::new(),
            format!("SecAction id:942100,phase:2,pass\n{rules}"),
        );
        crate::config::read_text("tuned.conf", &rules, &config).unwrap();
    }
}
