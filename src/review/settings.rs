//! Settings that are dangerous, or that do nothing in the company they are in.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::findings::{Finding, configs, rules};
use crate::config::{Config, LimitAction, Statement, Tree};
use crate::types::EngineMode;
use crate::variables::Variable;

pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let mut found = directories(tree);
    found.extend(proxies(tree));
    found.extend(sections(tree));
    let looked_at = |wanted: Variable| {
        let all = rules(tree);
        let mut all = all.iter();
        all.any(|(_, rule)| {
            let mut targets = rule.targets.iter();
            targets.any(|target| target.variable == wanted && !target.exclude)
        })
    };
    for config in configs(tree)
        .iter()
        .filter(|config| config.engine != EngineMode::Off)
    {
        found.extend(bodies(tree, config, &looked_at));
    }
    if tree.states("SecRule") && !tree.states("SecRuleEngine") {
        found.push(Finding::warning(
            None,
            "SecRuleEngine is nowhere: it is Off by default, and no rule runs",
        ));
    }
    found
}

fn origin(tree: &Tree, directive: &str) -> Option<crate::types::Origin> {
    tree.all(directive).last().map(|found| found.origin.clone())
}

fn bodies(tree: &Tree, config: &Config, looked_at: &dyn Fn(Variable) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let body_variables = [
        Variable::Args,
        Variable::ArgsPost,
        Variable::RequestBody,
        Variable::Files,
        Variable::Xml,
    ];
    let wants_body = body_variables.into_iter().any(looked_at);
    if !config.request_body_access && wants_body {
        found.push(Finding::warning(
            origin(tree, "SecRequestBodyAccess"),
            "rules look at bodies of requests, and SecRequestBodyAccess is Off: whatever is sent with POST passes unseen",
        ));
    }
    if config.request_body_access && !looked_at(Variable::ReqbodyError) {
        found.push(Finding::warning(
            origin(tree, "SecRequestBodyAccess"),
            "no rule looks at REQBODY_ERROR: a body that cannot be parsed passes unseen; recommended.conf has that rule (200002)",
        ));
    }
    if config.request_body_access
        && config.request_body_limit_action == LimitAction::ProcessPartial
        && !looked_at(Variable::InboundDataError)
    {
        found.push(Finding::warning(
            origin(tree, "SecRequestBodyLimitAction"),
            "SecRequestBodyLimitAction ProcessPartial, and no rule looks at INBOUND_DATA_ERROR: what lies behind the limit passes unseen",
        ));
    }
    if config.response_body_access && config.engine == EngineMode::DetectionOnly {
        found.push(Finding::note(
            origin(tree, "SecResponseBodyAccess"),
            "SecResponseBodyAccess is On with DetectionOnly: responses are held back for findings that are only logged",
        ));
    }
    if config.response_body_access
        && config.response_body_limit_action == LimitAction::Reject
        && config.engine == EngineMode::On
    {
        found.push(Finding::note(
            origin(tree, "SecResponseBodyAccess"),
            format!(
                "SecResponseBodyLimitAction is Reject: responses over {} bytes become a 500",
                config.response_body_limit
            ),
        ));
    }
    found
}

/// Directories that others than httpd can write to.
fn directories(tree: &Tree) -> Vec<Finding> {
    let named = [
        "SecDataDir",
        "SecUploadDir",
        "SecTmpDir",
        "SecAuditLogStorageDir",
    ];
    let of = |statement: &Statement| {
        let word = statement.words.first()?;
        let path = Path::new(word);
        let metadata = std::fs::metadata(path).ok()?;
        let mode = metadata.mode();
        // A sticky directory such as /tmp is fit for files without a name, and for nothing else.
        let harmless = statement.name.eq_ignore_ascii_case("SecTmpDir") && mode & 0o1000 != 0;
        (mode & 0o002 != 0 && !harmless).then(|| {
            Finding::warning(
                Some(statement.origin.clone()),
                format!(
                    "{} {word} can be written by everybody on this machine (mode {:o}): chmod o-w",
                    statement.name,
                    mode & 0o7777
                ),
            )
        })
    };
    named
        .into_iter()
        .flat_map(|name| tree.all(name).filter_map(of).collect::<Vec<_>>())
        .collect()
}

/// Proxies that are believed.
fn proxies(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    let lists = [
        "SecTrustedProxy",
        "RemoteIPInternalProxy",
        "RemoteIPTrustedProxy",
    ];
    for statement in lists
        .into_iter()
        .flat_map(|name| tree.all(name).collect::<Vec<_>>())
    {
        for word in &statement.words {
            let everybody =
                word.ends_with("/0") || matches!(word.as_str(), "0.0.0.0/1" | "128.0.0.0/1");
            if everybody {
                found.push(Finding::warning(
                    Some(statement.origin.clone()),
                    format!(
                        "{} {word} believes everybody: any client can say who it is",
                        statement.name
                    ),
                ));
            }
        }
    }
    let header = |statement: &&Statement| {
        let mut words = statement.words.iter();
        words.any(|word| word.eq_ignore_ascii_case("header"))
    };
    if let Some(statement) = tree.all("SecClientAddress").find(header)
        && !tree.states("SecTrustedProxy")
    {
        found.push(Finding::warning(
            Some(statement.origin.clone()),
            "SecClientAddress header, and no SecTrustedProxy: no header is believed, and the client is always the peer",
        ));
    }
    found
}

fn sections(tree: &Tree) -> Vec<Finding> {
    let mut found: Vec<_> = tree
        .left_out()
        .map(|node| {
            Finding::note(
                Some(node.origin.clone()),
                format!(
                    "<{} {}>: what stands in it was read, but whether it holds is known in a server only",
                    node.kind,
                    node.words.join(" ")
                ),
            )
        })
        .collect();
    // Compat: phase 1 runs before httpd knows the location.
    for (number, node) in tree.nodes().iter().enumerate() {
        if matches!(node.kind.as_str(), "" | "virtualhost") {
            continue;
        }
        let own = tree
            .statements
            .iter()
            .filter(|statement| statement.node == number);
        for statement in own.filter(|statement| {
            statement.name.eq_ignore_ascii_case("SecRule")
                || statement.name.eq_ignore_ascii_case("SecAction")
        }) {
            let phase_one = statement.words.iter().any(|word| {
                let mut parts = word.split(',').map(str::trim);
                parts.any(|part| part.eq_ignore_ascii_case("phase:1"))
            });
            if phase_one {
                found.push(Finding::warning(
                    Some(statement.origin.clone()),
                    format!(
                        "a rule of phase 1 in <{} {}> never runs: phase 1 is over when httpd knows that the request is in there",
                        node.kind,
                        node.words.join(" ")
                    ),
                ));
            }
        }
    }
    found
}
