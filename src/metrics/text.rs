//! The forms for programs: `Key: value` lines, Prometheus' exposition format, JSON.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value as Json, json};

use super::Metrics;
use super::families::{Context, Family, Kind, Sample, Value};
use super::history::{Series, Span};

/// The media type of [`prometheus`].
pub const PROMETHEUS_TYPE: &std::ffi::CStr = c"text/plain; version=0.0.4; charset=utf-8";

/// Clients that a ranking shows.
pub const CLIENTS_SHOWN: usize = 20;

/// `PalisadeTransactions: 12`, one a line, like mod_status' `?auto`. Values of labels follow the name, each after a space;
/// in them, what is not a letter, a digit or one of `._+-` is `_`.
pub fn auto(families: &[Family]) -> String {
    let mut text = String::new();
    for family in families {
        let name = camel(family.name.trim_end_matches("_total"));
        for sample in &family.samples {
            let suffix = camel(sample.suffix);
            let _ = write!(text, "Palisade{name}{suffix}");
            for (_, value) in &sample.labels {
                text.push(' ');
                text.extend(value.chars().map(plain));
            }
            let _ = writeln!(text, ": {}", sample.value);
        }
    }
    text
}

fn plain(c: char) -> char {
    match c {
        c if c.is_ascii_alphanumeric() => c,
        '.' | '_' | '+' | '-' => c,
        _ => '_',
    }
}

/// `start_time` as `StartTime`.
fn camel(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters)
        })
        .collect()
}

/// Prometheus' text format, version 0.0.4.
pub fn prometheus(families: &[Family]) -> String {
    let mut text = String::new();
    for family in families {
        let name = family.name;
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = writeln!(text, "# HELP palisade_{name} {}", family.help);
        let _ = writeln!(text, "# TYPE palisade_{name} {kind}");
        for sample in &family.samples {
            let _ = write!(text, "palisade_{name}{}", sample.suffix);
            for (at, (label, value)) in sample.labels.iter().enumerate() {
                let before = if at == 0 { '{' } else { ',' };
                let _ = write!(text, "{before}{label}=\"{}\"", quoted(value));
            }
            if !sample.labels.is_empty() {
                text.push('}');
            }
            let _ = writeln!(text, " {}", sample.value);
        }
    }
    text
}

/// The value of a label: backslash, quote and line end are escaped.
fn quoted(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// One object: a number for each family of one, a list of objects (labels and `value`) for the others; then the history and the
/// rankings of clients.
pub fn json(metrics: &Metrics, families: &[Family], context: &Context) -> String {
    let mut object = Map::new();
    object.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    let uptime = context.now.saturating_sub(metrics.started());
    object.insert("uptime_seconds".to_owned(), uptime.into());
    for family in families {
        let samples = match &family.samples[..] {
            [only] if only.labels.is_empty() => number(only.value),
            samples => samples.iter().map(labelled).collect(),
        };
        object.insert(family.name.to_owned(), samples);
    }
    let history = json!({
        "hour": spans(&metrics.hour(context.now)),
        "day": spans(&metrics.day(context.now)),
    });
    object.insert("history".to_owned(), history);
    let clients = json!({
        "transactions": ranking(metrics.clients(context.now)),
        "interruptions": ranking(metrics.refused_clients(context.now)),
    });
    object.insert("clients".to_owned(), clients);
    format!("{}\n", Json::Object(object))
}

fn number(value: Value) -> Json {
    match value {
        Value::Count(count) => count.into(),
        Value::Nanoseconds(_) => {
            let seconds = value.to_string().parse().ok();
            seconds
                .and_then(Number::from_f64)
                .map_or(Json::Null, Json::Number)
        }
    }
}

fn labelled(sample: &Sample) -> Json {
    let labels = sample.labels.iter();
    let mut object: Map<String, Json> = labels
        .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
        .collect();
    let name = match sample.suffix {
        "" | "_bucket" => "value",
        suffix => suffix.trim_start_matches('_'),
    };
    object.insert(name.to_owned(), number(sample.value));
    Json::Object(object)
}

fn spans(spans: &[Span]) -> Json {
    let objects = spans.iter().map(|span| {
        let amounts =
            Series::ALL.map(|series| (series.name().to_owned(), span.amount(series).into()));
        let mut object: Map<String, Json> = amounts.into_iter().collect();
        object.insert("begin".to_owned(), span.begin.into());
        Json::Object(object)
    });
    objects.collect()
}

fn ranking(clients: Vec<(String, u64)>) -> Json {
    let shown = clients.into_iter().take(CLIENTS_SHOWN);
    shown
        .map(|(client, count)| json!({ "client": client, "value": count }))
        .collect()
}
