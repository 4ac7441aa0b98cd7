//! The status page: one HTML document, its graphs inline, nothing from elsewhere and nothing that runs.

use std::fmt::Write as _;

use super::chart::{Bars, Layer, age, date, duration, escaped, grouped, share, size};
use super::families::Context;
use super::history::{Series, Span};
use super::{Login, Metrics};
use crate::collections::Statistics;
use crate::types::Phase;

/// Rows of a table that is a ranking.
const ROWS: usize = 10;

const STYLE: &str = include_str!("page.css");

/// The mark: a palisade.
const MARK: &str = "<svg viewBox=\"0 0 32 32\" aria-hidden=true fill=\"none\" stroke=\"var(--calm)\" stroke-width=\"2.5\" \
     stroke-linejoin=\"round\"><path d=\"M4 29V9l3-5 3 5v20zM13 29V9l3-5 3 5v20zM22 29V9l3-5 3 5v20z\"/><path d=\"M1 15h30M1 23h30\"/></svg>";

/// Writes the page.
pub fn page(metrics: &Metrics, context: &Context) -> String {
    let mut page = String::with_capacity(64 * 1024);
    let now = context.now;
    let (hour, day) = (metrics.hour(now), metrics.day(now));
    let started = metrics.started();
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>Palisade</title>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\"><meta name=robots content=noindex>\
         <style>{STYLE}</style></head><body><header>{MARK}<h1>Palisade</h1><p>{} · counting for {}, since {}</p></header><main>",
        env!("CARGO_PKG_VERSION"),
        age(now.saturating_sub(started)),
        date(started),
    );
    tiles(&mut page, metrics);
    graphs(
        &mut page,
        "Requests refused",
        [&hour, &day],
        &REFUSED,
        grouped,
        |spans| {
            let (refused, all) = (
                sum(spans, Series::Interruptions),
                sum(spans, Series::Transactions),
            );
            format!("{} of {}", grouped(refused), grouped(all))
        },
    );
    graphs(
        &mut page,
        "Time per request",
        [&hour, &day],
        &TIME,
        duration,
        |spans| {
            let (time, all) = (
                sum(spans, Series::Microseconds),
                sum(spans, Series::Transactions),
            );
            match all {
                0 => String::new(),
                all => format!("{} in the mean", duration(time.saturating_mul(1_000) / all)),
            }
        },
    );
    pingbacks(&mut page, metrics, [&hour, &day]);
    logins(&mut page, metrics, [&hour, &day]);
    page.push_str("<h2>Rules and clients</h2><div class=grid>");
    rules(&mut page, metrics);
    clients(
        &mut page,
        "Clients refused most",
        "clients-refused",
        metrics.refused_clients(now),
    );
    clients(
        &mut page,
        "Clients with most requests",
        "clients",
        metrics.clients(now),
    );
    page.push_str("</div><h2>Engine</h2><div class=grid>");
    phases(&mut page, metrics);
    work(&mut page, metrics);
    if let Some(store) = &context.collections {
        collections(&mut page, metrics, store);
    }
    let _ = writeln!(
        page,
        "</div></main><footer><span>As of {}. Clients: yesterday and today (UTC); the rest since the start.</span>\
         <span>For programs: <a href=\"?auto\">text</a>, <a href=\"?format=json\">JSON</a>, \
         <a href=\"?format=prometheus\">Prometheus</a></span></footer></body></html>",
        date(now)
    );
    page
}

/// The section in mod_status' page: the numbers that matter most.
pub fn section(metrics: &Metrics) -> String {
    let mut html = String::from("<hr />\n<h2>Palisade</h2>\n<dl>\n");
    for (id, word, number) in totals(metrics) {
        let _ = writeln!(html, "<dt id=\"palisade-{id}\">{word}: {number}</dt>");
    }
    html.push_str("</dl>\n");
    html
}

fn totals(metrics: &Metrics) -> [(&'static str, &'static str, u64); 7] {
    let refused: u64 = Phase::ALL
        .into_iter()
        .map(|phase| metrics.interruptions_in(phase))
        .sum();
    let pings = metrics
        .pingback_counts()
        .into_iter()
        .map(|(.., count)| count)
        .sum();
    let bans = metrics
        .ban_counts()
        .into_iter()
        .map(|(_, count)| count)
        .sum();
    [
        ("transactions", "Transactions", metrics.transactions.total()),
        ("interruptions", "Refused", refused),
        ("pingbacks", "Pingbacks", pings),
        (
            "pingbacks-refused",
            "Pingbacks refused",
            metrics.pingbacks_refused.total(),
        ),
        ("bans", "Refused by bans", bans),
        (
            "logins-failed",
            "Failed logins",
            logins_of(metrics, &[Login::Failure, Login::InvalidUser]),
        ),
        (
            "audit-dropped",
            "Audit records lost",
            metrics.audit_losses.total(),
        ),
    ]
}

fn logins_of(metrics: &Metrics, results: &[Login]) -> u64 {
    let counts = metrics.login_counts().into_iter();
    counts
        .flat_map(|(_, counts)| {
            results
                .iter()
                .filter_map(move |result| counts.get(*result as usize).copied())
        })
        .sum()
}

fn tiles(page: &mut String, metrics: &Metrics) {
    let all = metrics.transactions.total();
    let spent: u64 = Phase::ALL
        .into_iter()
        .map(|phase| metrics.nanoseconds_in(phase))
        .sum();
    page.push_str("<dl class=tiles>");
    for (id, word, number) in totals(metrics) {
        let note = match id {
            "transactions" => match all {
                0 => String::new(),
                all => format!("{} each", duration(spent / all)),
            },
            "interruptions" => share(number, all),
            "pingbacks" => {
                let refused = metrics.pingbacks_refused.total();
                format!("{} passed", grouped(number.saturating_sub(refused)))
            }
            "logins-failed" => format!(
                "{} succeeded",
                grouped(logins_of(metrics, &[Login::Success]))
            ),
            "audit-dropped" => format!("{} written", grouped(metrics.audit_written.total())),
            _ => String::new(),
        };
        // Only what should not happen is in colour.
        let class = if id == "audit-dropped" && number > 0 {
            " class=bad"
        } else {
            ""
        };
        let _ = write!(
            page,
            "<div{class}><dt>{word}</dt><dd><b id={id} data-value={number}>{}</b><span>{note}</span></dd></div>",
            grouped(number)
        );
    }
    page.push_str("</dl>");
}

const REFUSED: [Layer; 1] = [Layer {
    class: "alarm",
    word: "refused",
    amount: |span| span.amount(Series::Interruptions),
}];
const TIME: [Layer; 1] = [Layer {
    class: "gold",
    word: "each",
    amount: |span| {
        let time = span.amount(Series::Microseconds).saturating_mul(1_000);
        time.checked_div(span.amount(Series::Transactions))
            .unwrap_or(0)
    },
}];
const PINGBACKS: [Layer; 3] = [
    Layer {
        class: "calm",
        word: "passed",
        amount: |span| span.amount(Series::PingbacksPassed),
    },
    Layer {
        class: "alarm",
        word: "refused",
        amount: |span| span.amount(Series::PingbacksRefused),
    },
    Layer {
        class: "gold",
        word: "refused by bans",
        amount: |span| span.amount(Series::Bans),
    },
];
const LOGINS: [Layer; 2] = [
    Layer {
        class: "calm",
        word: "succeeded",
        amount: |span| span.amount(Series::LoginsPassed),
    },
    Layer {
        class: "alarm",
        word: "failed",
        amount: |span| span.amount(Series::LoginsFailed),
    },
];

fn sum(spans: &[Span], series: Series) -> u64 {
    spans.iter().map(|span| span.amount(series)).sum()
}

/// A section with the last hour beside the last day.
fn graphs(
    page: &mut String,
    heading: &'static str,
    periods: [&[Span]; 2],
    layers: &[Layer],
    format: fn(u64) -> String,
    summary: impl Fn(&[Span]) -> String,
) {
    let _ = write!(page, "<h2>{heading}</h2><div class=grid>");
    for (spans, period) in periods.into_iter().zip(["Last hour", "Last day"]) {
        let bars = Bars {
            heading,
            period,
            spans,
            layers,
            format,
            summary: summary(spans),
        };
        bars.write(page);
    }
    page.push_str("</div>");
}

fn pingbacks(page: &mut String, metrics: &Metrics, periods: [&[Span]; 2]) {
    graphs(page, "Pingbacks", periods, &PINGBACKS, grouped, |_| {
        String::new()
    });
    page.push_str("<div class=grid style=\"margin-top:.75rem\"><div class=card><h3>By reason</h3>");
    let mut reasons = metrics.reason_counts();
    reasons.retain(|(_, count)| *count > 0);
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    list(
        page,
        "reason",
        reasons
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count)),
        "alarm",
    );
    page.push_str("</div><div class=card><h3>By verdict</h3>");
    let counts = metrics.pingback_counts();
    let verdicts = crate::pingback::Verdict::OF_PINGS.map(|verdict| {
        let of = counts.iter().filter(|(known, ..)| *known == verdict);
        (
            verdict.name().to_owned(),
            of.map(|(.., count)| *count).sum(),
        )
    });
    let all = verdicts.iter().map(|(_, count)| count).sum::<u64>();
    let shown = verdicts.into_iter().filter(|_| all > 0);
    list(page, "verdict", shown, "calm");
    page.push_str("</div><div class=card><h3>Refused by bans</h3>");
    let bans = metrics
        .ban_counts()
        .into_iter()
        .filter(|(_, count)| *count > 0);
    list(
        page,
        "ban",
        bans.map(|(name, count)| (name.to_owned(), count)),
        "gold",
    );
    page.push_str("</div></div>");
}

/// Names with bars of their counts.
fn list(page: &mut String, what: &str, counts: impl Iterator<Item = (String, u64)>, class: &str) {
    let counts: Vec<(String, u64)> = counts.collect();
    let most = counts
        .iter()
        .map(|(_, count)| *count)
        .max()
        .unwrap_or(0)
        .max(1);
    if counts.is_empty() {
        page.push_str("<p class=none>None so far.</p>");
        return;
    }
    page.push_str("<ul class=reasons>");
    for (name, count) in counts {
        let width = (count as f64 * 100.0 / most as f64).clamp(0.0, 100.0);
        let name = escaped(&name);
        let _ = write!(
            page,
            "<li data-{what}=\"{name}\" data-value={count}><span>{name}</span><b>{}</b>\
             <svg viewBox=\"0 0 100 5\" preserveAspectRatio=none aria-hidden=true><rect class={class} width={width:.1} height=5 /></svg></li>",
            grouped(count)
        );
    }
    page.push_str("</ul>");
}

fn logins(page: &mut String, metrics: &Metrics, periods: [&[Span]; 2]) {
    graphs(page, "Logins", periods, &LOGINS, grouped, |_| String::new());
    let counts = metrics.login_counts();
    if counts.is_empty() {
        return;
    }
    page.push_str("<div class=card style=\"margin-top:.75rem\">");
    let rows = counts
        .iter()
        .map(|(name, counts)| (name.clone(), counts.to_vec()));
    table(
        page,
        "By application",
        "login",
        &["", "success", "failure", "invalid user", "logout"],
        rows,
    );
    page.push_str("</div>");
}

/// A table of numbers: its caption, its columns, and rows of a name and numbers.
fn table(
    page: &mut String,
    caption: &str,
    what: &str,
    columns: &[&str],
    rows: impl Iterator<Item = (String, Vec<u64>)>,
) {
    let _ = write!(page, "<table><caption>{caption}</caption><tr>");
    for column in columns {
        let _ = write!(page, "<th>{column}</th>");
    }
    page.push_str("</tr>");
    for (name, numbers) in rows {
        let name = escaped(&name);
        let _ = write!(page, "<tr data-{what}=\"{name}\"><td>{name}</td>");
        for number in numbers {
            let _ = write!(page, "<td data-value={number}>{}</td>", grouped(number));
        }
        page.push_str("</tr>");
    }
    page.push_str("</table>");
}

fn rules(page: &mut String, metrics: &Metrics) {
    page.push_str("<div class=card>");
    let mut rules = metrics.rule_counts();
    rules.sort_by_key(|(_, [matched, refused])| std::cmp::Reverse((*refused, *matched)));
    let rows = rules
        .into_iter()
        .take(ROWS)
        .map(|(id, [matched, refused])| {
            let name = id.map_or("other".to_owned(), |id| id.to_string());
            (name, vec![matched, refused])
        });
    table(
        page,
        "Rules that matched",
        "rule",
        &["id", "matched", "refused"],
        rows,
    );
    page.push_str("</div>");
}

fn clients(page: &mut String, caption: &str, what: &str, ranking: Vec<(String, u64)>) {
    page.push_str("<div class=card>");
    let rows = ranking.into_iter().take(ROWS);
    let rows = rows.map(|(client, count)| (client, vec![count]));
    table(page, caption, what, &["address", "requests"], rows);
    page.push_str("</div>");
}

fn phases(page: &mut String, metrics: &Metrics) {
    page.push_str("<div class=card><table><caption>Phases</caption><tr><th>phase</th><th>refused</th><th>time</th></tr>");
    for phase in Phase::ALL {
        let refused = metrics.interruptions_in(phase);
        let _ = write!(
            page,
            "<tr data-phase={phase}><td>{phase} {}</td><td data-value={refused}>{}</td><td>{}</td></tr>",
            phase.name().to_ascii_lowercase().replace('_', " "),
            grouped(refused),
            duration(metrics.nanoseconds_in(phase)),
        );
    }
    page.push_str("</table></div>");
}

/// Rows of a name and a text.
fn facts(page: &mut String, caption: &str, rows: &[(&str, String)]) {
    let _ = write!(page, "<div class=card><table><caption>{caption}</caption>");
    for (name, text) in rows {
        let _ = write!(page, "<tr><td>{name}</td><td>{text}</td></tr>");
    }
    page.push_str("</table></div>");
}

fn work(page: &mut String, metrics: &Metrics) {
    let (asked, passed_by) = (metrics.rules_asked.total(), metrics.rules_passed_by.total());
    let (run, saved) = (metrics.regexes_run.total(), metrics.regexes_saved.total());
    let rows = [
        ("rules asked", grouped(asked)),
        (
            "rules passed by",
            format!(
                "{} ({})",
                grouped(passed_by),
                share(passed_by, asked.saturating_add(passed_by))
            ),
        ),
        ("regexes run", grouped(run)),
        (
            "regexes saved",
            format!(
                "{} ({})",
                grouped(saved),
                share(saved, run.saturating_add(saved))
            ),
        ),
        ("request bodies", size(metrics.request_bytes.total())),
        ("response bodies", size(metrics.response_bytes.total())),
        ("audit records", grouped(metrics.audit_written.total())),
    ];
    facts(page, "Work", &rows);
}

fn collections(page: &mut String, metrics: &Metrics, store: &Statistics) {
    let used = match store.capacity {
        0 => size(store.bytes),
        capacity => format!("{} of {}", size(store.bytes), size(capacity)),
    };
    let troubles = &metrics.collections;
    let state = match store.reachable {
        true => "in order",
        false => "does not answer",
    };
    let rows = [
        ("store", state.to_owned()),
        ("records", grouped(store.entries)),
        ("size", used),
        ("evicted", grouped(troubles.evicted())),
        ("damaged pages", grouped(troubles.damaged())),
        (
            "failures",
            grouped(troubles.failures().saturating_add(troubles.unanswered())),
        ),
    ];
    facts(page, "Persistent collections", &rows);
}
