//! Starting the servers and asking them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::Effort;
use crate::client::{self, Client};
use crate::counter;
use crate::figures::{
    Cpu, Figures, Footprint, Latency, Loaded, MOD_SECURITY, PALISADE, Spread, Throughput, Versions,
};
use crate::httpd::{Firewall, Httpd, Installation, Variant};
use crate::material;
use crate::policy::Policy;
use crate::process::{self, Memory};
use crate::workloads::{self, Workload};

/// Connections at a time in the table of latencies.
pub const CONNECTIONS: usize = 8;

/// Connections at a time in the table of throughput.
pub const STEPS: [usize; 4] = [1, 2, 4, 8];

/// The three that most tables compare.
pub const COMPARED: [Variant; 3] = [Variant::Bare, MOD_SECURITY, PALISADE];

/// The workload whose throughput is taken.
pub const TYPICAL: &str = "get_args";

/// The page that a refused ping is compared with.
pub const STATIC: &str = "static_file";

pub fn all(installation: &Installation, effort: &Effort, mpm: &str) -> Result<Figures, String> {
    let workloads = requests();
    let servers = Servers::start(installation, mpm, &variants(&workloads))?;
    eprintln!(
        "{} servers are up; CPU, {} rounds",
        servers.0.len(),
        effort.rounds
    );
    let cpu = cpu(&servers, &workloads, effort)?;
    counters_count(&servers)?;
    let memory = || COMPARED.map(|variant| process::memory(servers.of(variant).process()));
    let rested = memory();
    eprintln!("latencies");
    let latency = latency(&servers, &workloads, effort)?;
    let loaded = memory();
    let rules_agreed = agreement(&servers)?;
    let versions = versions(&servers);
    drop(servers);
    eprintln!("throughput");
    let throughput = throughput(installation, &workloads, effort)?;
    eprintln!("starts and restarts");
    let mut footprints = Vec::new();
    for (at, variant) in COMPARED.into_iter().enumerate() {
        let memory = (rested[at], loaded[at]);
        footprints.push(footprint(installation, mpm, variant, memory, effort)?);
    }
    Ok(Figures {
        mpm: mpm.to_owned(),
        versions,
        cpu,
        latency,
        throughput,
        footprints,
        rules_agreed,
    })
}

/// What one persistent counter costs.
pub fn counter_alone(
    installation: &Installation,
    effort: &Effort,
    mpm: &str,
) -> Result<Figures, String> {
    let workloads = [counter::workload()];
    let servers = Servers::start(installation, mpm, &variants(&workloads))?;
    let cpu = cpu(&servers, &workloads, effort)?;
    counters_count(&servers)?;
    Ok(Figures {
        mpm: mpm.to_owned(),
        cpu,
        ..Figures::default()
    })
}

/// Each server with a counter has counted.
fn counters_count(servers: &Servers) -> Result<(), String> {
    let counts = servers
        .0
        .iter()
        .filter(|server| server.variant.policy() == Policy::Counter);
    for server in counts {
        let counted = counter::counted(server);
        eprintln!("{:?} has counted to {counted}", server.variant);
        if counted < 2 {
            return Err(format!("{:?} does not count", server.variant));
        }
    }
    Ok(())
}

/// All workloads, and a page fetched as the spam comes: on a connection of its own.
fn requests() -> Vec<Workload> {
    let mut all = workloads::all();
    let mut once = workloads::all()
        .into_iter()
        .find(|known| known.name == "get_small")
        .expect("a small page");
    once.headers.push(("Connection", "close".into()));
    all.push(Workload {
        name: STATIC,
        what: "GET of a 1 KiB page, on a connection of its own",
        policy: Policy::Pingbacks,
        ..once
    });
    all.push(counter::workload());
    all
}

/// Who is asked with a workload.
fn asked(workload: &Workload) -> Vec<Variant> {
    let both = |policy| {
        [Firewall::ModSecurity, Firewall::Palisade]
            .map(|firewall| Variant::Guarded(firewall, policy))
    };
    match workload.policy {
        Policy::Counter => counter::asked(),
        // mod_security2 has no such policy.
        Policy::Pingbacks => vec![
            Variant::Bare,
            Variant::Guarded(Firewall::Palisade, Policy::Pingbacks),
        ],
        _ => {
            let mut variants = COMPARED.to_vec();
            variants.extend(both(Policy::NoRules));
            if workload.method == "GET" && workload.status == 200 {
                variants.extend(both(Policy::CoreRuleSet(4)));
            }
            variants
        }
    }
}

fn variants(workloads: &[Workload]) -> Vec<Variant> {
    let mut variants = Vec::new();
    for variant in workloads.iter().flat_map(asked) {
        if !variants.contains(&variant) {
            variants.push(variant);
        }
    }
    variants
}

/// The servers that are up.
struct Servers(Vec<Httpd>);

impl Servers {
    fn start(
        installation: &Installation,
        mpm: &str,
        variants: &[Variant],
    ) -> Result<Servers, String> {
        let started: Result<_, _> = variants
            .iter()
            .map(|&variant| Httpd::start(installation, mpm, variant))
            .collect();
        started.map(Servers)
    }

    fn of(&self, variant: Variant) -> &Httpd {
        self.0
            .iter()
            .find(|server| server.variant == variant)
            .expect("a server that was started")
    }
}

fn cpu(servers: &Servers, workloads: &[Workload], effort: &Effort) -> Result<Vec<Cpu>, String> {
    let mut rows: Vec<Cpu> = workloads
        .iter()
        .map(|workload| Cpu {
            name: workload.name,
            what: workload.what,
            samples: asked(workload)
                .into_iter()
                .map(|variant| (variant, Vec::new()))
                .collect(),
        })
        .collect();
    for round in 0..effort.rounds {
        for (workload, row) in workloads.iter().zip(&mut rows) {
            let wire = workload.wire();
            // Nobody is always first.
            let count = row.samples.len();
            for turn in 0..count {
                let (variant, samples) = &mut row.samples[(turn + round) % count];
                let status = workload.status_under(variant.policy());
                let spent = cpu_seconds(servers.of(*variant), &wire, status, effort.slice);
                samples.push(
                    spent.map_err(|error| format!("{}, {variant:?}: {error}", workload.name))?,
                );
            }
        }
    }
    Ok(rows)
}

/// CPU seconds a request, one after the other on one connection. The first is not counted: it finds the caches cold.
fn cpu_seconds(server: &Httpd, wire: &[u8], status: u16, slice: Duration) -> std::io::Result<f64> {
    let mut client = Client::new(server.address);
    client::expect(client.exchange(wire)?, status)?;
    let before = process::cpu_seconds(server.process());
    let begin = Instant::now();
    let mut requests = 0;
    while begin.elapsed() < slice {
        client::expect(client.exchange(wire)?, status)?;
        requests += 1;
    }
    Ok((process::cpu_seconds(server.process()) - before) / f64::from(requests))
}

fn latency(
    servers: &Servers,
    workloads: &[Workload],
    effort: &Effort,
) -> Result<Vec<Latency>, String> {
    // Eight of the largest at a time take half a minute where they are slow.
    let largest = if effort.quick { 100_000 } else { usize::MAX };
    let guarded = workloads.iter().filter(|workload| {
        matches!(workload.policy, Policy::CoreRuleSet(_)) && workload.body.len() < largest
    });
    guarded
        .map(|workload| {
            let loaded = |variant| {
                Ok((
                    variant,
                    loaded(servers.of(variant), workload, CONNECTIONS, effort.load)?,
                ))
            };
            let results: Result<_, String> = COMPARED.into_iter().map(loaded).collect();
            Ok(Latency {
                name: workload.name,
                results: results?,
            })
        })
        .collect()
}

fn loaded(
    server: &Httpd,
    workload: &Workload,
    connections: usize,
    time: Duration,
) -> Result<Loaded, String> {
    let status = workload.status_under(server.variant.policy());
    let load = client::load(server.address, &workload.wire(), status, connections, time).map_err(
        |error| {
            format!(
                "{}, {:?}, {connections} connections: {error}",
                workload.name, server.variant
            )
        },
    )?;
    Ok(Loaded {
        requests: load.requests(),
        per_second: load.per_second(),
        p50: load.quantile(0.5),
        p99: load.quantile(0.99),
    })
}

fn throughput(
    installation: &Installation,
    workloads: &[Workload],
    effort: &Effort,
) -> Result<Vec<Throughput>, String> {
    let typical = workloads
        .iter()
        .find(|workload| workload.name == TYPICAL)
        .expect("the typical workload");
    let mut rows = Vec::new();
    for mpm in ["event", "prefork"] {
        let servers = Servers::start(installation, mpm, &COMPARED)?;
        for variant in COMPARED {
            let server = servers.of(variant);
            // Every process of prefork's finds its caches cold at first.
            loaded(server, typical, CONNECTIONS, effort.load / 2)?;
            let steps = STEPS
                .into_iter()
                .map(|connections| loaded(server, typical, connections, effort.load));
            let per_second: Result<_, String> = steps
                .map(|step| step.map(|loaded| loaded.per_second))
                .collect();
            rows.push(Throughput {
                mpm,
                variant,
                per_second: per_second?,
            });
        }
    }
    Ok(rows)
}

fn footprint(
    installation: &Installation,
    mpm: &str,
    variant: Variant,
    (memory, loaded): (Memory, Memory),
    effort: &Effort,
) -> Result<Footprint, String> {
    let start = || Httpd::start(installation, mpm, variant);
    let starts: Result<Vec<f64>, String> = (0..effort.starts)
        .map(|_| start().map(|server| server.start.as_secs_f64()))
        .collect();
    let mut server = start()?;
    // The first ones fill the allocator's pools.
    (0..3).try_for_each(|_| server.restart())?;
    let before = process::memory(server.process()).master;
    (0..effort.restarts).try_for_each(|_| server.restart())?;
    let grown = process::memory(server.process()).master - before;
    Ok(Footprint {
        variant,
        start: Spread::of(starts?),
        memory,
        loaded,
        growth: grown * 1024.0 / effort.restarts as f64,
    })
}

/// Both firewalls must have found the same: how many rules, or which of them only one has logged.
fn agreement(servers: &Servers) -> Result<usize, String> {
    let ids = |variant| -> BTreeSet<String> {
        let log = servers.of(variant).read("error.log");
        let entries = log
            .split("[id \"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        entries.map(str::to_owned).collect()
    };
    let (theirs, ours) = (ids(MOD_SECURITY), ids(PALISADE));
    let differing: Vec<_> = theirs.symmetric_difference(&ours).collect();
    match differing.is_empty() && !ours.is_empty() {
        true => Ok(ours.len()),
        false => Err(format!(
            "the firewalls do not log the same rules: {differing:?}"
        )),
    }
}

/// What httpd and the firewalls say of themselves when they start.
fn versions(servers: &Servers) -> Versions {
    let says = |variant| servers.of(variant).read("error.log");
    let after = |text: &str, mark: &str| -> String {
        let found = text.split(mark).nth(1).unwrap_or("?");
        found
            .split(|c: char| c != '.' && !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or("?")
            .to_owned()
    };
    let setup =
        std::fs::read_to_string(material::crs().join("crs-setup.conf.example")).unwrap_or_default();
    Versions {
        httpd: after(&says(Variant::Bare), " Apache/"),
        mod_security: after(&says(MOD_SECURITY), "ModSecurity for Apache/"),
        core_rule_set: after(&setup, "CRS ver."),
    }
}
