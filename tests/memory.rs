//! No request takes more memory than 16 times its body and 4 MB: every kind of body that makes much of little, from 1 KB to
//! 10 MB, with the recommended configuration and the Core Rule Set.
//!
//! One test, and nothing beside it: what is allocated is counted for the whole process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/material.rs"]
mod material;
mod support;
#[path = "support/values.rs"]
mod values;

use std::path::Path;
use std::sync::Arc;

use palisade::config::Config;
use peak_alloc::PeakAlloc;

use support::{config, request};
use values::Value;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// What is promised.
const TIMES: usize = 16;
const BESIDES: usize = 4 << 20;

/// Bodies of 1 KB to 10 MB. The larger ones only in full: they take minutes without optimisation.
fn sizes() -> &'static [usize] {
    match std::env::var_os("PALISADE_FULL") {
        Some(_) => &[1 << 10, 16 << 10, 128 << 10, 1 << 20, 10 << 20],
        None => &[1 << 10, 16 << 10, 128 << 10, 1 << 20],
    }
}

/// The recommended configuration, perhaps with the Core Rule Set, perhaps with everything that it would make of a body.
fn configurations() -> Vec<(&'static str, Arc<Config>)> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("apache-conf");
    let recommended = format!(
        "Include {0}/recommended.conf\nInclude {0}/rules/pingback.conf\nSecAuditLog /dev/null\n",
        shipped.display()
    );
    let rules = material::crs();
    let core_rules = match rules.join("rules").is_dir() {
        true => format!(
            "Include {0}/crs-setup.conf.example\nInclude {0}/rules/*.conf\n",
            rules.display()
        ),
        false => {
            println!(
                "SKIPPED: no Core Rule Set at {} (set CRS_DIR)",
                rules.display()
            );
            String::new()
        }
    };
    let detection = "SecRuleEngine DetectionOnly\n";
    [
        ("recommended", recommended.clone()),
        (
            "recommended, detection only",
            format!("{recommended}{detection}"),
        ),
        ("Core Rule Set", format!("{recommended}{core_rules}")),
        (
            "Core Rule Set, detection only",
            format!("{recommended}{core_rules}{detection}"),
        ),
    ]
    .map(|(name, rules)| (name, config(&rules)))
    .into()
}

/// Bodies of every kind.
fn bodies() -> Vec<(&'static str, Vec<Value>)> {
    let mut bodies = vec![
        ("application/x-www-form-urlencoded", values::form_values()),
        ("application/json", values::json_values()),
        ("text/xml", values::xml_values()),
        (
            "multipart/form-data; boundary=b",
            values::multipart_values(),
        ),
        ("application/octet-stream", values::plain(&[("", "a", "")])),
        ("application/json", values::json_strings()),
    ];
    bodies.extend(values::attacks());
    bodies
}

#[test]
fn no_request_takes_more_than_its_body_allows() {
    let mut over = Vec::new();
    let (mut requests, mut worst) = (0, (0.0, String::new()));
    for (rules, config) in configurations() {
        // What is made once and kept: automata, and what threads have.
        for (media_type, values) in bodies() {
            peak(&config, media_type, &values[0].of_size(4096));
        }
        for (media_type, values) in bodies() {
            for value in &values {
                for size in sizes() {
                    let body = value.of_size(*size);
                    let length = body.len();
                    let peak = peak(&config, media_type, &body);
                    requests += 1;
                    let share = peak as f64 / (TIMES * length + BESIDES) as f64;
                    if share > worst.0 {
                        worst = (
                            share,
                            format!(
                                "{rules}, {media_type}, {length} bytes of {}: {peak}",
                                value.label
                            ),
                        );
                    }
                    if share > 1.0 {
                        over.push(format!(
                            "{rules}, {media_type}, {length} bytes of {}: {peak}",
                            value.label
                        ));
                    }
                }
            }
        }
    }
    // `scripts/reliability.sh` reads this line.
    println!(
        "memory: {requests} requests, the worst took {:.0} % of {TIMES} times its body and {} MB",
        worst.0 * 100.0,
        BESIDES >> 20
    );
    println!("the worst: {}", worst.1);
    assert!(over.is_empty(), "{}", over.join("\n"));
}

/// The most that was allocated at one moment of a request, without its body as the client has it.
fn peak(config: &Arc<Config>, media_type: &str, body: &[u8]) -> usize {
    let head = format!(
        "POST /p HTTP/1.1\nHost: blog.example\nContent-Type: {media_type}\nContent-Length: {}",
        body.len()
    );
    let scenario = request(&head).body(body).chunk(8000);
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    scenario.run(config);
    ALLOCATED.peak_usage().saturating_sub(before)
}
