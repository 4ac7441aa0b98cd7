//! Linear time: what a byte costs in values of 1 KB, 4 KB, 64 KB and 1 MB that want to be slow, for every transformation,
//! every operator, every parser, every regular expression of the Core Rule Set, and whole requests with its rules.
//!
//! ```text
//! cargo bench --bench linearity                      all, a table, and a failure where something is not linear
//! cargo bench --bench linearity -- transformation    those with this in their names
//! cargo bench --bench linearity -- --each parser     a line for each subject, with the value that is the worst for it
//! ```
//!
//! Figures are processor time, and what looks wrong is measured again, so that a busy machine makes nothing red. Where 1 MB is
//! dear (groups of a match, whole requests) only those values get it that cost the most in 64 KB or have grown the most till there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../src/cpu_time.rs"]
mod cpu_time;
#[path = "../../tests/support/draw.rs"]
mod draw;
#[path = "../../tests/support/material.rs"]
mod material;
mod near;
#[path = "../../tests/support/patterns.rs"]
mod patterns;
#[path = "../policy/mod.rs"]
mod policy;
#[path = "../../tests/support/random.rs"]
mod random;
mod requests;
mod subjects;
#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../../tests/support/values.rs"]
mod values;

use std::collections::BTreeSet;
use std::time::Duration;

use subjects::Subject;
use values::Value;

/// The sizes, in bytes.
const SIZES: [usize; 4] = [1 << 10, 4 << 10, 64 << 10, 1 << 20];
/// How much more a byte may cost in 1 MB than in 4 KB or in 64 KB. Work that grows with the square makes it 256 and 16; memory
/// that is not in the nearest cache any more, or an automaton that has to be built in full, two or three.
const MOST_GROWTH: f64 = 4.0;
/// What costs less a byte is not looked at: that is the memory's speed, not ours. Nanoseconds.
const CHEAP: f64 = 4.0;
/// How much a byte may cost, in nanoseconds: a tenth of a second for 1 MB.
const MOST: f64 = 100.0;
/// How often something is measured again that looks wrong.
const TRIES: usize = 6;

fn main() {
    let mut each = false;
    let mut wanted = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            // Cargo's own.
            "--bench" => {}
            "--each" => each = true,
            name => wanted.push(name.to_lowercase()),
        }
    }
    let mut red = Vec::new();
    println!(
        "| What | Subjects | Values | Worst ns a byte, 1 KB | 4 KB | 64 KB | 1 MB | Greatest growth to 1 MB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (family, subjects) in subjects::families() {
        let chosen = |subject: &Subject| {
            let name = format!("{family} {}", subject.name).to_lowercase();
            wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted))
        };
        let mut row = Row::default();
        for subject in subjects.into_iter().filter(chosen) {
            let found = measure(&subject);
            if each {
                println!("{family} {}: {found}", subject.name);
            }
            if let Some(fault) = found.fault(subject.most) {
                red.push(format!("{family} {}: {fault}: {found}", subject.name));
            }
            row.add(&found);
        }
        if row.subjects > 0 {
            println!("| {family} | {row} |");
        }
    }
    for fault in &red {
        println!("NOT LINEAR: {fault}");
    }
    std::process::exit(i32::from(!red.is_empty()));
}

/// What the worst values cost a subject.
struct Finding {
    values: usize,
    /// Nanoseconds a byte of the value that costs the most in 1 MB.
    costs: [f64; SIZES.len()],
    dearest: String,
    /// The greatest growth, and the value that has it with its costs.
    growth: f64,
    grown: String,
    grown_costs: [f64; SIZES.len()],
}

impl Finding {
    fn fault(&self, most: f64) -> Option<String> {
        let grows = self.growth > MOST_GROWTH;
        let is_dear = self.costs[SIZES.len() - 1] > most;
        match (grows, is_dear) {
            (true, _) => Some(format!("grows by {:.1} with {}", self.growth, self.grown)),
            (_, true) => Some(format!("costs more than {most} ns with {}", self.dearest)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.2?} ns a byte with {}; growth {:.2} ({:.2?} with {})",
            self.costs, self.dearest, self.growth, self.grown_costs, self.grown
        )
    }
}

/// The worst of a family.
#[derive(Default)]
struct Row {
    subjects: usize,
    values: usize,
    costs: [f64; SIZES.len()],
    growth: f64,
}

impl Row {
    fn add(&mut self, found: &Finding) {
        self.subjects += 1;
        self.values += found.values;
        self.growth = self.growth.max(found.growth);
        for (cost, other) in self.costs.iter_mut().zip(found.costs) {
            *cost = cost.max(other);
        }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d] = self.costs.map(|cost| format!("{cost:.1}"));
        write!(
            f,
            "{} | {} | {a} | {b} | {c} | {d} | {:.1}",
            self.subjects, self.values, self.growth
        )
    }
}

fn measure(subject: &Subject) -> Finding {
    let last = SIZES.len() - 1;
    let mut found = Finding {
        values: subject.values.len(),
        costs: [0.0; SIZES.len()],
        dearest: String::new(),
        growth: 0.0,
        grown: String::new(),
        grown_costs: [0.0; SIZES.len()],
    };
    let short: Vec<[f64; 2]> = subject
        .values
        .iter()
        .map(|value| [1, 2].map(|size| cost(subject, value, size)))
        .collect();
    let mut dearest: Option<&Value> = None;
    for at in worst(&short, subject) {
        let value = &subject.values[at];
        let mut costs = [0.0, short[at][0], short[at][1], cost(subject, value, last)];
        for _ in 0..TRIES {
            if growth(&costs, subject.cheap) <= MOST_GROWTH && costs[last] <= subject.most {
                break;
            }
            // The least of the long ones, the most of the short ones: what is wrong stays wrong.
            costs[last] = costs[last].min(cost(subject, value, last));
            costs[1] = costs[1].max(cost(subject, value, 1));
            costs[2] = costs[2].max(cost(subject, value, 2));
        }
        if costs[last] > found.costs[last] || dearest.is_none() {
            found.costs = costs;
            found.dearest = value.label.clone();
            dearest = Some(value);
        }
        let growth = growth(&costs, subject.cheap);
        if growth > found.growth {
            found.growth = growth;
            found.grown = value.label.clone();
            found.grown_costs = costs;
        }
    }
    if let Some(value) = dearest {
        found.costs[0] = cost(subject, value, 0);
    }
    found
}

/// Which values are measured in 1 MB: all, or those that cost the most in 64 KB and those that have grown the most till there.
fn worst(short: &[[f64; 2]], subject: &Subject) -> BTreeSet<usize> {
    let by = |key: &dyn Fn(&[f64; 2]) -> f64| {
        let mut order: Vec<usize> = (0..short.len()).collect();
        order.sort_by(|one, other| key(&short[*other]).total_cmp(&key(&short[*one])));
        order.truncate(subject.longest);
        order
    };
    let mut worst: BTreeSet<usize> = by(&|costs| costs[1]).into_iter().collect();
    worst.extend(by(&|costs| {
        costs[1].max(subject.cheap) / costs[0].max(subject.cheap)
    }));
    worst
}

/// How much more a byte costs in the longest than in shorter ones.
fn growth(costs: &[f64; SIZES.len()], cheap: f64) -> f64 {
    let [_, short, middle, long] = *costs;
    match long < cheap {
        true => 0.0,
        false => long / short.min(middle).max(cheap),
    }
}

/// Nanoseconds a byte: the least of a few runs; of one, where that is long.
fn cost(subject: &Subject, value: &Value, size: usize) -> f64 {
    /// Runs that are short are measured together.
    const TOGETHER: usize = 16 << 10;
    const RUNS: usize = 3;
    let bytes = value.of_size(SIZES[size]);
    let together = (TOGETHER / bytes.len().max(1)).max(1);
    let runs = if size == SIZES.len() - 1 { 1 } else { RUNS };
    let mut least = Duration::MAX;
    for _ in 0..runs {
        least = least.min(cpu_time::of(|| {
            for _ in 0..together {
                (subject.run)(std::hint::black_box(&bytes));
            }
        }));
    }
    let nanoseconds = least.as_secs_f64() * 1e9;
    nanoseconds / (together * bytes.len().max(1)) as f64
}
