//! The same rules and requests through mod_security2 and through Palisade: answers, alerts and audit records must be the
//! same, line by line, but for the differences that `docs/compatibility.md` names.
//!
//! Scenarios are data: `tests/data/differential/*.toml`; what may differ is in `differences.toml` there. Every scenario is a
//! virtual host of one httpd, so that all of them take seconds.
//!
//! | variable | |
//! |---|---|
//! | `PALISADE_MODULE` | the module under test; default `target/release/mod_palisade.so` |
//! | `REFERENCE_MODULE` | mod_security2; default Debian's, 2.9.7 |
//! | `DIFFERENTIAL_DATA` | another directory of scenarios, to try something |
//! | `DIFFERENTIAL_ONLY` | run only scenarios whose name begins so |
//! | `DIFFERENTIAL_KEEP` | `1`: keep the servers' directories |
//! | `DIFFERENTIAL_SHOW` | `1`: write what both did |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that panics has failed, which is what a test is for

mod backend;
mod debug_log;
mod difference;
mod outcome;
#[path = "../support/ports.rs"]
mod ports;
mod scenario;
mod server;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use backend::Backend;
use difference::{Known, difference};
use outcome::Outcome;
use scenario::{Configuration, Scenario};
use server::{Installation, Server};

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Past the test harness, which swallows what passing tests print.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn module(name: &str, default: PathBuf) -> Option<PathBuf> {
    let path = variable(name).map_or(default, PathBuf::from);
    path.canonicalize().ok()
}

/// The outcomes of every scenario's requests, and which lines of configuration are read.
fn run(
    installation: &Installation,
    name: &str,
    module: &Path,
    backend: &Backend,
    scenarios: &[Scenario],
    configurations: &[Configuration],
) -> Vec<Vec<Outcome>> {
    let files: Vec<(&str, String)> = scenarios
        .iter()
        .map(|scenario| (scenario.name.as_str(), scenario.virtual_host()))
        .collect();
    let mut server = Server::start(installation, name, module, backend.port, &files);
    let mut exchanges = Vec::new();
    for scenario in scenarios {
        for request in &scenario.requests {
            let exchange = server.exchange(&scenario.wire(request));
            exchanges.push((exchange, scenario));
        }
    }
    server.stop();
    let log = server.read("error.log");
    assert!(
        !log.contains("exit signal") && !log.contains("(panic)"),
        "{name}: a process died, or would have: {}",
        server.root.display()
    );
    let mut outcomes = outcome::outcomes(&server, &exchanges).into_iter();
    let mut found: Vec<Vec<Outcome>> = scenarios
        .iter()
        .map(|scenario| outcomes.by_ref().take(scenario.requests.len()).collect())
        .collect();
    for (scenario, outcomes) in scenarios.iter().zip(&mut found) {
        if scenario.debug {
            debug_log::add(&server, &scenario.name, outcomes);
        }
    }
    if variable("DIFFERENTIAL_KEEP").is_some() {
        say(&format!("differential: kept {}", server.root.display()));
    } else {
        let _ = std::fs::remove_dir_all(&server.root);
    }
    for configuration in configurations {
        let lines = &configuration.lines;
        let read = server::reads(
            installation,
            &format!("{name}-reads"),
            module,
            configuration,
        );
        let word = |read: bool| if read { "read" } else { "refused" };
        let outcome = read
            .iter()
            .zip(lines)
            .map(|(read, line)| format!("{} {}", word(*read), line.replace('\n', "; ")));
        found.push(vec![outcome.collect()]);
    }
    found
}

/// What differs in a scenario, with the number of the request where there are several.
fn differences(theirs: &[Outcome], ours: &[Outcome]) -> Vec<String> {
    let mut lines = Vec::new();
    for ((theirs_one, ours_one), number) in theirs.iter().zip(ours).zip(1..) {
        for line in difference(theirs_one, ours_one) {
            lines.push(match theirs.len() {
                1 => line,
                _ => format!("{number} {line}"),
            });
        }
    }
    lines
}

#[test]
fn same_as_mod_security2() {
    let begin = Instant::now();
    let release = package().join("target/release/mod_palisade.so");
    let debian = PathBuf::from("/usr/lib/apache2/modules/mod_security2.so");
    let found = (
        Installation::find(),
        module("REFERENCE_MODULE", debian),
        module("PALISADE_MODULE", release),
    );
    let (Some(installation), Some(reference), Some(palisade)) = found else {
        say(&format!(
            "SKIPPED: the comparison with mod_security2 needs httpd ({}), mod_security2 ({}) and Palisade's module ({})",
            found.0.map_or("missing", |_| "found"),
            found.1.map_or("missing", |_| "found"),
            found.2.map_or("missing", |_| "found"),
        ));
        return;
    };
    let data = package().join("tests/data/differential");
    let data = variable("DIFFERENTIAL_DATA").map_or(data, PathBuf::from);
    let (mut scenarios, mut configurations) = scenario::load(&data);
    if let Some(prefix) = variable("DIFFERENTIAL_ONLY") {
        scenarios.retain(|scenario| scenario.name.starts_with(&prefix));
        configurations.retain(|configuration| configuration.name.starts_with(&prefix));
    }
    assert!(scenarios.len() + configurations.len() > 0, "no scenarios");
    let names: Vec<&str> = (scenarios.iter().map(|scenario| scenario.name.as_str()))
        .chain(configurations.iter().map(|lines| lines.name.as_str()))
        .collect();
    let backend = Backend::start(scenarios.iter().flat_map(Scenario::answers).collect());

    let test = |name: &str, module: &Path| {
        run(
            &installation,
            name,
            module,
            &backend,
            &scenarios,
            &configurations,
        )
    };
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| test("reference", &reference));
        let ours = scope.spawn(|| test("candidate", &palisade));
        (theirs.join().unwrap(), ours.join().unwrap())
    });
    if variable("DIFFERENTIAL_SHOW").is_some() {
        for (name, theirs) in names.iter().zip(&theirs) {
            say(&format!("{name}: {theirs:#?}"));
        }
    }
    let known = Known::read(&data.join("differences.toml"));
    let pairs = names.iter().zip(theirs.iter().zip(&ours));
    let found: BTreeMap<&str, Vec<String>> = pairs
        .map(|(name, (theirs, ours))| (*name, differences(theirs, ours)))
        .collect();
    let failures = judge(&found, &known);
    let requests: usize = theirs.iter().map(Vec::len).sum();
    say(&format!(
        "differential: {} scenarios, {requests} requests, {} the same, {} deliberately different, {} OPEN, {:.1} s",
        found.len(),
        found.values().filter(|lines| lines.is_empty()).count(),
        known.deliberate.len(),
        known.open.len(),
        begin.elapsed().as_secs_f64(),
    ));
    assert!(failures.is_empty(), "{failures}");
}

/// What is wrong: differences that nobody knows of, and known ones that are others.
fn judge(found: &BTreeMap<&str, Vec<String>>, known: &Known) -> String {
    let compatibility = std::fs::read_to_string(package().join("docs/compatibility.md")).unwrap();
    let mut failures = String::new();
    let listed = |name: &str| {
        known.deliberate.iter().any(|entry| entry.scenario == name)
            || known.open.iter().any(|entry| entry.scenario == name)
    };
    for (name, lines) in found {
        if !lines.is_empty() && !listed(name) {
            let _ = writeln!(failures, "{name} differs:\n    {}", lines.join("\n    "));
        }
    }
    for entry in &known.deliberate {
        let (name, reason) = (&entry.scenario, &entry.reason);
        if !compatibility.contains(&entry.documented) {
            let _ = writeln!(failures, "{name}: not in docs/compatibility.md: {reason}");
        }
        if let Some(lines) = found.get(name.as_str())
            && *lines != entry.lines
        {
            let lines = lines.join("\n    ");
            let _ = writeln!(
                failures,
                "{name} differs otherwise than by {reason}:\n    {lines}"
            );
        }
    }
    for entry in &known.open {
        let (name, what) = (&entry.scenario, &entry.what);
        match found.get(name.as_str()) {
            Some(lines) if lines.is_empty() => say(&format!(
                "NO LONGER OPEN: {name} ({what}): take it out of differences.toml"
            )),
            Some(lines) => say(&format!(
                "OPEN: {name}: {what}\n    {}",
                lines.join("\n    ")
            )),
            None => {}
        }
    }
    failures
}
