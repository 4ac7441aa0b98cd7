//! What it costs to count a client's requests in a persistent collection: beyond what the same server does without.

use std::fs;

use palisade::collections::{FileStore, Record, Store, now, sdbm};

use crate::figures::{Cpu, Figures, Spread};
use crate::httpd::{Firewall, Httpd, Variant};
use crate::policy::Policy;
use crate::workloads::{self, Workload};

pub const NAME: &str = "one_counter";

/// The request, and who is asked with it: each firewall with the counter, and without.
pub fn workload() -> Workload {
    let page = workloads::all()
        .into_iter()
        .find(|known| known.name == "get_small")
        .expect("a small page");
    Workload {
        name: NAME,
        what: "GET of a 1 KiB page by a client whose requests are counted",
        policy: Policy::Counter,
        ..page
    }
}

const FIREWALLS: [Firewall; 2] = [Firewall::ModSecurity, Firewall::Palisade];

pub fn asked() -> Vec<Variant> {
    let both = |firewall| [Policy::NoRules, Policy::Counter].map(|policy| (firewall, policy));
    let asked = FIREWALLS.into_iter().flat_map(both);
    asked
        .map(|(firewall, policy)| Variant::Guarded(firewall, policy))
        .collect()
}

/// What a firewall has counted: a figure of one that did not count would be a figure of something else.
pub fn counted(server: &Httpd) -> u64 {
    let directory = server.data();
    let mut most = 0;
    let mut look = |record: &Record| {
        let hits = record.get(b"hits").map(String::from_utf8_lossy);
        most = most.max(hits.and_then(|hits| hits.parse().ok()).unwrap_or(0));
    };
    if let Ok(store) = FileStore::open_existing(&directory) {
        let _ = store.visit(now(), &mut |_, record| look(record));
    }
    for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "pag") {
            let contents = sdbm::read(&fs::read(path).unwrap_or_default());
            contents.records.iter().for_each(|(_, record)| look(record));
        }
    }
    most
}

/// Microseconds that the counter adds, round by round.
fn added(row: &Cpu, firewall: Firewall) -> Option<Vec<f64>> {
    let with = row.rounds(Variant::Guarded(firewall, Policy::Counter))?;
    let without = row.rounds(Variant::Guarded(firewall, Policy::NoRules))?;
    let pairs = with.iter().zip(without);
    Some(
        pairs
            .map(|(with, without)| (with - without) * 1e6)
            .collect(),
    )
}

/// The rows of the table: name, without the counter, with it, what it adds.
pub fn rows(figures: &Figures) -> Vec<(&'static str, [f64; 2], Spread)> {
    let row = figures.cpu.iter().find(|row| row.name == NAME);
    let firewalls = FIREWALLS
        .into_iter()
        .zip(["mod_security2, SDBM", "Palisade, file"]);
    let of = |(firewall, name)| {
        let row = row?;
        let policies = [Policy::NoRules, Policy::Counter];
        let [without, with] = policies.map(|policy| row.micros(Variant::Guarded(firewall, policy)));
        Some((name, [without?, with?], Spread::of(added(row, firewall)?)))
    };
    firewalls.filter_map(of).collect()
}
