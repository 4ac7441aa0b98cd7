//! The engine alone, without httpd: what a request costs in all five phases.
//!
//! ```text
//! cargo bench --bench engine                                   microseconds a request, every workload, at PL1 and PL4
//! cargo bench --bench engine -- get_args --iterations 2000     one workload in a loop, for a profiler
//! cargo bench --bench engine -- --cold 512                     the same, each time with that many KB of the caches spoilt
//! cargo bench --bench engine -- --instructions                 instructions a request, counted by callgrind
//! ```
//!
//! `--pl N` asks for one paranoia level, `--rules` lists what matches. The Core Rule Set is found in `CRS_DIR`.
//! To profile, take the program's path from `cargo bench --bench engine --no-run`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/support/material.rs"]
mod material;
mod policy;
mod request;
mod workloads;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use palisade::config::{Config, DirConfig, read_text};
use policy::Policy;
use request::Prepared;
use workloads::Workload;

/// How long a workload is timed where nobody says how often it is to run, in seconds.
const PATIENCE: f64 = 0.5;

/// What was asked for on the command line.
#[derive(Default)]
struct Options {
    /// Workloads by name; all if empty.
    names: Vec<String>,
    iterations: Option<usize>,
    level: Option<u8>,
    rules: bool,
    instructions: bool,
    cold: Option<usize>,
}

fn main() {
    let options = options(std::env::args().skip(1));
    if !material::crs().join("rules").is_dir() {
        println!(
            "SKIPPED: no Core Rule Set at {} (set CRS_DIR)",
            material::crs().display()
        );
        return;
    }
    let workloads: Vec<Workload> = workloads::all()
        .into_iter()
        .filter(|workload| {
            options.names.is_empty() || options.names.iter().any(|name| name == workload.name)
        })
        .collect();
    assert!(!workloads.is_empty(), "no such workload");
    let levels = options.level.map_or(vec![1, 4], |level| vec![level]);
    if options.instructions {
        return count_instructions(&options, &workloads, &levels);
    }
    for level in levels {
        let rules = Policy::CoreRuleSet(level);
        let (core_rule_set, pingbacks) = (read(rules), read(Policy::Pingbacks));
        for workload in &workloads {
            let (policy, config) = match workload.policy {
                Policy::Pingbacks => (Policy::Pingbacks, &pingbacks),
                _ => (rules, &core_rule_set),
            };
            let prepared = Prepared::new(workload);
            let run = || {
                let outcome = prepared.run(config);
                // A measurement of a request that is treated otherwise than the workload says is worth nothing.
                assert_eq!(
                    outcome.status,
                    workload.status_under(policy),
                    "{} at PL{level}",
                    workload.name
                );
                outcome.rules
            };
            // The first one fills the caches, as in a server that has been up for a while.
            let rules = run();
            if options.rules {
                println!("PL{level} {:<22} {:?}", workload.name, rules);
                continue;
            }
            let spent = match options.cold {
                Some(size) => cold(&run, options.iterations, size),
                None => {
                    let begin = Instant::now();
                    let done = measured(&run, options.iterations);
                    begin.elapsed().as_secs_f64() / done as f64
                }
            };
            println!("PL{level} {:<22} {:>12.1} us", workload.name, spent * 1e6);
        }
    }
}

/// The loop, and nothing else: callgrind counts what happens below this function, which it finds by its name. So it is
/// not generic.
#[inline(never)]
fn measured(run: &dyn Fn() -> Vec<u64>, iterations: Option<usize>) -> usize {
    let begin = Instant::now();
    let mut done = 0;
    while iterations.map_or(begin.elapsed().as_secs_f64() < PATIENCE, |most| done < most) {
        std::hint::black_box(run());
        done += 1;
    }
    done
}

/// The median of runs between each two of which something else fills the processor's caches, as httpd, the kernel and
/// other programs do on a server: kilobytes of it.
fn cold(run: &dyn Fn() -> Vec<u64>, iterations: Option<usize>, kilobytes: usize) -> f64 {
    let mut other = vec![0u8; kilobytes * 1024];
    let mut spent: Vec<f64> = (0..iterations.unwrap_or(1_000))
        .map(|at| {
            other
                .iter_mut()
                .step_by(64)
                .for_each(|byte| *byte = at as u8);
            std::hint::black_box(&other);
            let begin = Instant::now();
            std::hint::black_box(run());
            begin.elapsed().as_secs_f64()
        })
        .collect();
    spent.sort_by(f64::total_cmp);
    spent.get(spent.len() / 2).copied().unwrap_or_default()
}

fn options(mut arguments: impl Iterator<Item = String>) -> Options {
    let mut options = Options::default();
    while let Some(argument) = arguments.next() {
        let mut number = || {
            arguments
                .next()
                .and_then(|text| text.parse().ok())
                .expect("a number")
        };
        match argument.as_str() {
            // Cargo's own.
            "--bench" => {}
            "--cold" => options.cold = Some(number()),
            "--iterations" => options.iterations = Some(number()),
            "--pl" => options.level = Some(u8::try_from(number()).expect("1 to 4")),
            "--rules" => options.rules = true,
            "--instructions" => options.instructions = true,
            name if !name.starts_with('-') => options.names.push(name.to_owned()),
            unknown => panic!("{unknown}: see the head of benches/engine.rs"),
        }
    }
    options
}

/// A configuration, read as the command-line tool reads it. Records are rendered and thrown away.
fn read(policy: Policy) -> Arc<Config> {
    let section = DirConfig::new();
    let text = policy.directives() + "SecAuditLog /dev/null\n";
    read_text("bench.conf", &text, &section).unwrap_or_else(|error| panic!("{error}"));
    section.resolved()
}

/// Runs this program again under callgrind, once for each paranoia level, and prints what it counted.
fn count_instructions(options: &Options, workloads: &[Workload], levels: &[u8]) {
    const ITERATIONS: u64 = 1;
    let iterations = options
        .iterations
        .map_or(ITERATIONS, |stated| stated as u64);
    let directory =
        std::env::temp_dir().join(format!("palisade-instructions-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let mut columns = Vec::new();
    for level in levels {
        let out = directory.join(format!("pl{level}"));
        let status = Command::new("valgrind")
            .args(["-q", "--tool=callgrind", "--collect-atstart=no"])
            .args([
                "--toggle-collect=engine::measured",
                "--dump-after=engine::measured",
            ])
            .arg(format!("--callgrind-out-file={}", out.display()))
            .arg(std::env::current_exe().unwrap())
            .args(workloads.iter().map(|workload| workload.name))
            .args([
                "--pl",
                &level.to_string(),
                "--iterations",
                &iterations.to_string(),
            ])
            .stdout(std::process::Stdio::null())
            .status()
            .expect("valgrind");
        assert!(status.success(), "valgrind: {status}");
        // The n-th dump is what happened up to the end of the n-th workload's loop.
        let counted = (1..=workloads.len()).map(|number| instructions(&out, number) / iterations);
        columns.push(counted.collect::<Vec<_>>());
    }
    std::fs::remove_dir_all(&directory).unwrap();
    let heading: String = levels
        .iter()
        .map(|level| format!("{:>16}", format!("PL{level}")))
        .collect();
    println!("{:<22}{heading}   (instructions a request)", "workload");
    for (at, workload) in workloads.iter().enumerate() {
        let row: String = columns
            .iter()
            .map(|column| format!("{:>16}", column[at]))
            .collect();
        println!("{:<22}{row}", workload.name);
    }
}

/// The total of a callgrind dump.
fn instructions(out: &Path, number: usize) -> u64 {
    let name = format!("{}.{number}", out.display());
    let dump = std::fs::read_to_string(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let total = dump
        .lines()
        .find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
    total
        .filter(|&total| total > 0)
        .expect("a count: valgrind did not see the measured loop")
}
