//! httpd alone, with mod_security2 and with Palisade, side by side: `make bench`.
//!
//! ```text
//! make bench               all of it, some four minutes
//! make bench QUICK=1       fewer and shorter rounds, one minute
//! make bench MPM=prefork   the CPU figures under another MPM than event
//! make bench ONLY=counter  what one persistent counter costs, and nothing else; no file is written
//! ```
//!
//! All servers run at the same time on loopback and are asked in turn, so that whatever else the machine does falls on
//! all of them. CPU is that of the server's processes, as the kernel accounts for it; the client's is not in it. Every
//! answer's status is checked, and what the two firewalls log must name the same rules. The figures are printed and
//! written to `docs/performance.md` and `docs/performance.svg`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod counter;
mod figures;
mod httpd;
#[path = "../../tests/support/material.rs"]
mod material;
mod measure;
mod page;
mod plot;
#[path = "../policy/mod.rs"]
mod policy;
#[path = "../../tests/support/ports.rs"]
mod ports;
mod process;
#[path = "../workloads/mod.rs"]
mod workloads;

use std::path::Path;
use std::time::{Duration, Instant};

use httpd::Installation;

/// How much is measured.
pub struct Effort {
    /// Fewer and shorter rounds.
    pub quick: bool,
    /// Interleaved rounds of CPU figures.
    pub rounds: usize,
    /// How long a workload is sent to a server in a round.
    pub slice: Duration,
    /// How long one with eight connections is.
    pub load: Duration,
    /// How often each server is started, to time it.
    pub starts: usize,
    /// Graceful restarts, to see what they leave behind.
    pub restarts: usize,
}

impl Effort {
    fn new(quick: bool) -> Effort {
        match quick {
            true => Effort {
                quick,
                rounds: 3,
                slice: Duration::from_millis(40),
                load: Duration::from_millis(200),
                starts: 3,
                restarts: 5,
            },
            false => Effort {
                quick,
                rounds: 7,
                slice: Duration::from_millis(100),
                load: Duration::from_millis(800),
                starts: 5,
                restarts: 20,
            },
        }
    }
}

fn main() -> Result<(), String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let effort = Effort::new(set("QUICK").is_some());
    let mpm = set("MPM").unwrap_or_else(|| "event".into());
    let installation = Installation::find()?;
    if !material::crs().join("rules").is_dir() {
        return Err(format!(
            "no Core Rule Set at {} (set CRS_DIR)",
            material::crs().display()
        ));
    }
    let begin = Instant::now();
    if set("ONLY").is_some_and(|only| only == "counter") {
        let figures = measure::counter_alone(&installation, &effort, &mpm)?;
        println!("{}", page::counter(&figures));
        return Ok(());
    }
    let figures = measure::all(&installation, &effort, &mpm)?;
    let page = page::render(&figures, &effort);
    println!("{page}");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (name, text) in [
        ("performance.md", page),
        ("performance.svg", plot::render(&figures)),
    ] {
        std::fs::write(docs.join(name), text).map_err(|error| format!("docs/{name}: {error}"))?;
    }
    println!(
        "docs/performance.md and docs/performance.svg are written, after {} s",
        begin.elapsed().as_secs()
    );
    Ok(())
}
