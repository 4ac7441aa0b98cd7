//! The OWASP Core Rule Set's own regression suite, through a real httpd: its rules and tests are found in `CRS_DIR`, the
//! module is loaded as an administrator would load it, and what counts is what the error log and the client see.
//!
//! The runner is a black box test. It knows nothing of Palisade, so it can be put to the proof with mod_security2:
//!
//! | variable | |
//! |---|---|
//! | `CRS_DIR` | rule set and tests; default `../shared/conformance/crs` |
//! | `PALISADE_MODULE` | the module under test; default `target/release/mod_palisade.so` |
//! | `CRS_MPM` | `event` (default) or `prefork` |
//! | `CRS_JOBS` | requests at a time; default 4 |
//! | `CRS_ONLY` | run only tests whose id begins so (`942`, `920100-4`) |
//! | `CRS_PREFILTER` | `Off`: ask every rule about every value |
//! | `CRS_BLOCKING` | `1`: then once more with `SecRuleEngine On`, which must refuse what `DetectionOnly` would have refused, and nothing else |
//! | `CRS_RECORD` | a file to write what was seen to, a line for every request: test, status, client port, ids logged |
//! | `CRS_KEEP` | `1`: keep the server's directory with configuration and logs, as is done after a failure |
//!
//! The rules of the format are go-ftw's (2.5), with two differences. Log lines are told apart by the client's port, not by
//! marker requests, so that requests can run side by side. And every connection is read until the server closes it: by
//! then it has logged all five phases, and nothing needs `retry_once`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that panics has failed, which is what a test is for

mod backend;
mod error_log;
mod exchange;
mod ftw;
mod httpd;
#[path = "../support/material.rs"]
mod material;
#[path = "../support/ports.rs"]
mod ports;
mod request;
mod verdict;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use error_log::ErrorLog;
use exchange::{Exchange, exchange};
use ftw::Test;
use httpd::{Httpd, Mode};

/// How many failures are explained; the ids of all are listed.
const EXPLAINED: usize = 200;

/// One run: what each test's stages saw, and what the server logged.
struct Run {
    /// By test, then by stage.
    seen: Vec<Vec<Exchange>>,
    log: ErrorLog,
    root: PathBuf,
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Past the test harness, which swallows what passing tests print.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Where rule set and tests are, if they are anywhere.
fn material() -> Option<PathBuf> {
    let directory = material::crs();
    if !directory.join("tests/regression/tests").is_dir() {
        say(&format!(
            "SKIPPED: no conformance data at {} (the Core Rule Set with its tests; set CRS_DIR)",
            directory.display()
        ));
        return None;
    }
    Some(directory.canonicalize().unwrap())
}

/// The suite's tests with the overrides for mod_security2, or the part of them that was asked for.
fn suite(crs: &Path) -> Vec<Test> {
    let regression = crs.join("tests/regression");
    let mut tests = ftw::load(&regression.join("tests")).unwrap();
    let unknown = ftw::apply(&mut tests, &regression.join("httpd-overrides.yaml")).unwrap();
    assert!(
        unknown.is_empty(),
        "overrides for tests that do not exist: {unknown:?}"
    );
    if let Some(prefix) = variable("CRS_ONLY") {
        tests.retain(|test| test.id.starts_with(&prefix));
    }
    assert!(!tests.is_empty(), "no tests");
    tests
}

/// Sends every test's requests to a fresh server and stops it.
fn run(tests: &[Test], crs: &Path, mode: Mode) -> Run {
    let backend = backend::start().unwrap();
    let httpd = Httpd::start(crs, mode, backend).unwrap_or_else(|error| panic!("{error}"));
    let ports = Mutex::new(HashSet::new());
    let send = |request: &[u8]| exchange(httpd.address(), request, &ports).unwrap();

    let marker = send(b"GET /status/200 HTTP/1.1\r\nHost: localhost\r\nX-CRS-Test: here\r\nConnection: close\r\n\r\n");
    let next = AtomicUsize::new(0);
    let jobs = variable("CRS_JOBS").map_or(4, |jobs| jobs.parse().expect("CRS_JOBS is a number"));
    let mut seen: Vec<(usize, Vec<Exchange>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = Vec::new();
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(test) = tests.get(index) else {
                            return seen;
                        };
                        let exchanges = test
                            .stages
                            .iter()
                            .map(|stage| send(&request::bytes(&stage.input)))
                            .collect();
                        seen.push((index, exchanges));
                    }
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a client thread"))
            .collect()
    });
    seen.sort_by_key(|(index, _)| *index);

    let root = httpd.stop().unwrap_or_else(|error| panic!("{error}"));
    let log = ErrorLog::read(&root.join("error.log")).unwrap();
    assert!(
        marker.status == Some(200)
            && log
                .of(marker.port)
                .iter()
                .any(|line| line.contains("[id \"999999\"]") && line.contains("X-CRS-Test here")),
        "the marker rule did not log: {marker:?}, {:?}, in {}",
        log.of(marker.port),
        root.display()
    );
    let deaths = log.deaths();
    assert!(
        deaths.is_empty(),
        "children died: {deaths:#?}, {}",
        root.display()
    );
    Run {
        seen: seen.into_iter().map(|(_, exchanges)| exchanges).collect(),
        log,
        root,
    }
}

/// Writes down what was seen, for comparing two modules.
fn record(tests: &[Test], run: &Run) {
    let Some(file) = variable("CRS_RECORD") else {
        return;
    };
    let mut text = String::new();
    for (test, seen) in tests.iter().zip(&run.seen) {
        for seen in seen {
            let ids: Vec<String> = run.log.ids(seen.port).iter().map(u64::to_string).collect();
            let status = seen.status.unwrap_or_default();
            let _ = writeln!(text, "{} {status} {} {}", test.id, seen.port, ids.join(","));
        }
    }
    std::fs::write(file, text).unwrap();
}

/// Removes what a good run leaves behind.
fn tidy(run: &Run) {
    if variable("CRS_KEEP").is_none() {
        let _ = std::fs::remove_dir_all(&run.root);
    } else {
        say(&format!("crs: kept {}", run.root.display()));
    }
}

/// Ids and reasons, for people.
fn report(failures: &[(&str, String)], run: &Run) -> String {
    let ids: Vec<&str> = failures.iter().map(|(id, _)| *id).collect();
    let mut text = format!(
        "{} failed: {}\nlogs: {}\n",
        ids.len(),
        ids.join(" "),
        run.root.display()
    );
    for (id, reason) in failures.iter().take(EXPLAINED) {
        let _ = writeln!(text, "  {id}: {reason}");
    }
    text
}

fn failures<'t>(tests: &'t [Test], run: &Run) -> Vec<(&'t str, String)> {
    tests
        .iter()
        .zip(&run.seen)
        .filter_map(|(test, seen)| {
            let reason = verdict::failure(test, seen, &run.log)?;
            Some((test.id.as_str(), reason))
        })
        .collect()
}

#[test]
fn core_rule_set() {
    let Some(crs) = material() else { return };
    let tests = suite(&crs);
    let mpm = httpd::mpm();
    let begin = Instant::now();
    let detected = run(&tests, &crs, Mode::Detection);
    record(&tests, &detected);
    let failed = failures(&tests, &detected);
    let demanding: Vec<&Test> = tests.iter().filter(|test| test.demands_a_match()).collect();
    let missed = demanding
        .iter()
        .filter(|test| failed.iter().any(|(id, _)| *id == test.id))
        .count();
    say(&format!(
        "crs: {} of {} passed ({mpm}); {} of {} that demand a match; {:.1} s",
        tests.len() - failed.len(),
        tests.len(),
        demanding.len() - missed,
        demanding.len(),
        begin.elapsed().as_secs_f64(),
    ));
    assert!(failed.is_empty(), "{}", report(&failed, &detected));

    if variable("CRS_BLOCKING").is_some() {
        let blocked = run(&tests, &crs, Mode::Blocking);
        let mut refused = 0;
        let mut failed = Vec::new();
        for ((test, detected_seen), blocked_seen) in
            tests.iter().zip(&detected.seen).zip(&blocked.seen)
        {
            for (before, after) in detected_seen.iter().zip(blocked_seen) {
                match verdict::blocking((before, &detected.log), (after, &blocked.log)) {
                    Ok(true) => refused += 1,
                    Ok(false) => {}
                    Err(reason) => failed.push((test.id.as_str(), reason)),
                }
            }
        }
        say(&format!(
            "crs: blocking: {} requests refused, {} wrong ({mpm})",
            refused,
            failed.len()
        ));
        assert!(failed.is_empty(), "{}", report(&failed, &blocked));
        tidy(&blocked);
    }
    tidy(&detected);
}

/// The runner's own control: with no rules loaded exactly the tests that demand a match fail, so none of them passes for
/// nothing.
#[test]
#[ignore = "proves the runner, not the module"]
fn without_rules_nothing_is_detected() {
    let Some(crs) = material() else { return };
    let tests = suite(&crs);
    let bare = run(&tests, &crs, Mode::NoRules);
    let failed: Vec<&str> = failures(&tests, &bare).iter().map(|(id, _)| *id).collect();
    let demanding: Vec<&str> = tests
        .iter()
        .filter(|test| test.demands_a_match())
        .map(|test| test.id.as_str())
        .collect();
    say(&format!(
        "crs: {} of {} passed without rules",
        tests.len() - failed.len(),
        tests.len()
    ));
    assert_eq!(failed, demanding, "logs: {}", bare.root.display());
    tidy(&bare);
}
