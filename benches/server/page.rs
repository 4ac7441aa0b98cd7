//! The page: `page.md` with the figures in its places.

use std::process::Command;

use crate::Effort;
use crate::counter;
use crate::figures::{Cpu, Figures, MOD_SECURITY, PALISADE, Spread, geometric_mean};
use crate::httpd::{Firewall, Variant};
use crate::measure::STEPS;
use crate::policy::Policy;

const BARE: Variant = Variant::Bare;

pub fn render(figures: &Figures, effort: &Effort) -> String {
    let quick = " A quick run: fewer and shorter rounds.";
    let places = [
        ("summary", summary(figures)),
        ("rounds", effort.rounds.to_string()),
        ("rules", figures.rules_agreed.to_string()),
        ("date", jiff::Zoned::now().date().to_string()),
        ("commit", said("git", &["describe", "--always", "--dirty"])),
        ("machine", machine()),
        ("httpd", format!("httpd {}", figures.versions.httpd)),
        ("mpm", figures.mpm.clone()),
        ("mod_security", figures.versions.mod_security.clone()),
        ("core_rule_set", figures.versions.core_rule_set.clone()),
        ("rustc", said("rustc", &["--version"])),
        (
            "effort",
            if effort.quick {
                quick.into()
            } else {
                String::new()
            },
        ),
        ("cpu", cpu(figures)),
        ("workloads", workloads(figures)),
        ("no_rules", no_rules(figures)),
        ("paranoia", paranoia(figures)),
        ("pingbacks", pingbacks(figures)),
        ("counter", counter(figures)),
        ("latency", latency(figures)),
        ("typical", crate::measure::TYPICAL.into()),
        ("throughput", throughput(figures)),
        ("footprints", footprints(figures)),
    ];
    let page = include_str!("page.md").to_owned();
    places.into_iter().fold(page, |page, (name, text)| {
        page.replace(&format!("{{{name}}}"), &text)
    })
}

/// The rows that compare both firewalls.
fn compared(figures: &Figures) -> impl Iterator<Item = (&Cpu, Spread)> {
    figures
        .cpu
        .iter()
        .filter_map(|row| Some((row, row.ratio(PALISADE, MOD_SECURITY)?)))
}

fn summary(figures: &Figures) -> String {
    let less = 1.0 / geometric_mean(compared(figures).map(|(_, ratio)| ratio.median));
    let gets = compared(figures).filter(|(row, _)| row.name.starts_with("get_"));
    let over_bare: Vec<_> = gets
        .filter_map(|(row, _)| row.ratio(PALISADE, BARE))
        .map(|ratio| ratio.median)
        .collect();
    format!(
        "**{} less CPU than mod_security2** in the geometric mean of {} workloads; a GET needs {} what httpd alone does.",
        times(less),
        compared(figures).count(),
        times(geometric_mean(over_bare)),
    )
}

fn cpu(figures: &Figures) -> String {
    let best = |row: &Cpu| row.best_ratio(PALISADE, MOD_SECURITY).unwrap_or(f64::NAN);
    let rows = compared(figures).map(|(row, ratio)| {
        let of = |variant| row.micros(variant).unwrap_or(f64::NAN);
        let (bare, theirs, ours) = (of(BARE), of(MOD_SECURITY), of(PALISADE));
        vec![
            format!("`{}`", row.name),
            figure(bare),
            figure(theirs),
            figure(ours),
            format!(
                "{} [{}–{}]",
                share(ratio.median),
                share(ratio.least),
                share(ratio.greatest)
            ),
            share(best(row)),
            times(1.0 / ratio.median),
            share((ours - bare) / (theirs - bare)),
            row.ratio(PALISADE, BARE)
                .map_or(String::new(), |ratio| times(ratio.median)),
        ]
    });
    let mean = geometric_mean(compared(figures).map(|(_, ratio)| ratio.median));
    let means = [
        share(mean),
        share(geometric_mean(compared(figures).map(|(row, _)| best(row)))),
        times(1.0 / mean),
    ];
    let last = [
        "geometric mean",
        "",
        "",
        "",
        &means[0],
        &means[1],
        &means[2],
        "",
        "",
    ];
    table(
        &[
            "workload",
            "httpd, us",
            "mod_security2, us",
            "Palisade, us",
            "Palisade / mod_security2",
            "best",
            "less",
            "added",
            "of httpd",
        ],
        rows.chain([last.map(str::to_owned).to_vec()]),
    )
}

fn workloads(figures: &Figures) -> String {
    let rows = compared(figures).map(|(row, _)| format!("- `{}`: {}\n", row.name, row.what));
    rows.collect::<String>().trim_end().to_owned()
}

fn no_rules(figures: &Figures) -> String {
    let with = |firewall| Variant::Guarded(firewall, Policy::NoRules);
    let (theirs, ours) = (with(Firewall::ModSecurity), with(Firewall::Palisade));
    let rows = figures.cpu.iter().filter_map(|row| {
        Some(vec![
            format!("`{}`", row.name),
            figure(row.micros(BARE)?),
            figure(row.micros(theirs)?),
            figure(row.micros(ours)?),
            times(row.ratio(theirs, BARE)?.median),
            times(row.ratio(ours, BARE)?.median),
        ])
    });
    table(
        &[
            "workload",
            "httpd, us",
            "mod_security2, us",
            "Palisade, us",
            "mod_security2 / httpd",
            "Palisade / httpd",
        ],
        rows,
    )
}

fn paranoia(figures: &Figures) -> String {
    let with = |firewall, level| Variant::Guarded(firewall, Policy::CoreRuleSet(level));
    let rows = figures.cpu.iter().filter_map(|row| {
        let mut cells = vec![format!("`{}`", row.name)];
        for firewall in [Firewall::ModSecurity, Firewall::Palisade] {
            let (low, high) = (with(firewall, 1), with(firewall, 4));
            cells.extend([
                figure(row.micros(low)?),
                figure(row.micros(high)?),
                times(row.ratio(high, low)?.median),
            ]);
        }
        Some(cells)
    });
    table(
        &[
            "workload",
            "mod_security2 PL1, us",
            "PL4, us",
            "PL4 / PL1",
            "Palisade PL1, us",
            "PL4, us",
            "PL4 / PL1",
        ],
        rows,
    )
}

fn pingbacks(figures: &Figures) -> String {
    let guarded = Variant::Guarded(Firewall::Palisade, Policy::Pingbacks);
    let rows: Vec<&Cpu> = figures
        .cpu
        .iter()
        .filter(|row| row.micros(guarded).is_some())
        .collect();
    let page = rows
        .iter()
        .find(|row| row.name == crate::measure::STATIC)
        .and_then(|row| row.micros(BARE));
    let page = page.unwrap_or(f64::NAN);
    let cells = rows.iter().filter_map(|row| {
        Some(vec![
            format!("`{}`", row.name),
            row.what.to_owned(),
            figure(row.micros(BARE)?),
            figure(row.micros(guarded)?),
            times(row.micros(guarded)? / page),
        ])
    });
    table(
        &[
            "workload",
            "",
            "httpd, us",
            "Palisade, us",
            "static files of httpd alone",
        ],
        cells,
    )
}

/// What one persistent counter costs.
pub fn counter(figures: &Figures) -> String {
    let rows = counter::rows(figures);
    let added = |row: Option<&(_, _, Spread)>| row.map(|(.., added)| (added.least, added.median));
    let less = match (added(rows.first()), added(rows.last())) {
        (Some((1e-3.., theirs)), Some((1e-3.., ours))) => {
            format!("**{} less** for the counter itself.", times(theirs / ours))
        }
        _ => "The machine was too busy to tell: a counter that costs nothing in one of the rounds is none.".to_owned(),
    };
    let cells = rows.iter().map(|(name, [without, with], added)| {
        vec![
            (*name).to_owned(),
            figure(*without),
            figure(*with),
            format!(
                "{} [{}–{}]",
                figure(added.median),
                figure(added.least),
                figure(added.greatest)
            ),
        ]
    });
    let heads = ["server", "without, us", "counted, us", "added, us"];
    table(&heads, cells) + "\n\n" + &less
}

fn latency(figures: &Figures) -> String {
    let rows = figures.latency.iter().map(|row| {
        let mut cells = vec![format!("`{}`", row.name)];
        for (_, loaded) in &row.results {
            cells.push(figure(loaded.per_second));
            // Of few requests the 99th percentile is the slowest.
            let mark = if loaded.requests < 100 { "†" } else { "" };
            cells.push(format!(
                "{} / {}{mark}",
                milliseconds(loaded.p50),
                milliseconds(loaded.p99)
            ));
        }
        cells
    });
    let heads = [
        "httpd, /s",
        "p50 / p99",
        "mod_security2, /s",
        "p50 / p99",
        "Palisade, /s",
        "p50 / p99",
    ];
    table(&[&["workload"][..], &heads].concat(), rows)
        + "\n\n† fewer than a hundred requests: the slowest of them."
}

fn throughput(figures: &Figures) -> String {
    let rows = figures.throughput.iter().map(|row| {
        let mut cells = vec![row.mpm.to_owned(), name(row.variant).to_owned()];
        cells.extend(row.per_second.iter().map(|&value| figure(value)));
        cells
    });
    let steps = STEPS.map(|connections| connections.to_string());
    let heads: Vec<&str> = ["MPM", "server"]
        .into_iter()
        .chain(steps.iter().map(String::as_str))
        .collect();
    table(&heads, rows)
}

fn footprints(figures: &Figures) -> String {
    let rows = figures.footprints.iter().map(|row| {
        vec![
            name(row.variant).to_owned(),
            format!(
                "{:.3} [{:.3}–{:.3}]",
                row.start.median, row.start.least, row.start.greatest
            ),
            format!("{:.1}", row.memory.tree),
            format!("{:.1}", row.memory.worker),
            format!("{:.1}", row.loaded.worker),
            format!("{:.0}", row.growth),
        ]
    });
    table(
        &[
            "server",
            "start, s",
            "all processes, MiB",
            "a worker's own, MiB",
            "under load, MiB",
            "restart, KiB",
        ],
        rows,
    )
}

fn name(variant: Variant) -> &'static str {
    match variant {
        Variant::Bare => "httpd",
        Variant::Guarded(Firewall::ModSecurity, _) => "mod_security2",
        Variant::Guarded(Firewall::Palisade, _) => "Palisade",
    }
}

/// A table in Markdown. Columns of figures are flushed right: those whose heading has a unit, or is a number.
fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let heads: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
    let text = ["workload", "", "MPM", "server"];
    let rule = |head: &String| {
        if text.contains(&head.as_str()) {
            "---"
        } else {
            "---:"
        }
    };
    let rules: Vec<String> = heads.iter().map(|head| rule(head).to_owned()).collect();
    let rows: String = rows.map(|row| line(&row)).collect();
    (line(&heads) + &line(&rules) + &rows).trim_end().to_owned()
}

/// Three significant digits, thousands apart.
fn figure(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    if value < 100.0 {
        return format!("{value:.*}", if value < 10.0 { 2 } else { 1 });
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn milliseconds(seconds: f64) -> String {
    figure(seconds * 1000.0)
}

fn share(value: f64) -> String {
    format!("{value:.*}", if value < 0.1 { 4 } else { 3 })
}

pub fn times(value: f64) -> String {
    format!("{value:.*}×", usize::from(value < 20.0))
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!(
        "{cores} cores ({})",
        model.map_or("unknown", |(_, name)| name.trim())
    )
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok()
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "unknown".into())
}
