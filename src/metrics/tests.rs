use std::collections::BTreeSet;
use std::time::Duration;

use super::*;

const NOW: u64 = 1_800_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn context() -> Context {
    Context {
        now: NOW,
        collections: Some(crate::collections::Statistics {
            entries: 3,
            ..Default::default()
        }),
    }
}

fn transaction(interruption: Option<(Phase, u16)>) -> Finished {
    Finished {
        client: [192, 0, 2, 7].into(),
        interruption,
        nanoseconds: [1_000, 100_000, 0, 500, 2_000],
        request_bytes: 10,
        response_bytes: 20,
        asked: Asked {
            rules: 5,
            passed_by: 7,
            regexes: 2,
            regexes_saved: 3,
        },
    }
}

/// Something of everything.
fn some() -> Box<Metrics> {
    let metrics = Box::<Metrics>::default();
    metrics.start(now() - Duration::from_secs(60));
    metrics.start(now());
    for interruption in [
        None,
        Some((Phase::RequestBody, 403)),
        Some((Phase::RequestHeaders, 777)),
    ] {
        metrics.begun();
        metrics.finished(&transaction(interruption), now());
    }
    metrics.rule(949_110, true);
    metrics.rule(942_100, false);
    metrics.rule(0, false);
    let reasons = [Reason::Arity, Reason::OddPort, Reason::Chunked];
    metrics.pingback(Verdict::Abuse, &reasons, true, now());
    metrics.pingback(Verdict::Genuine, &[], false, now());
    metrics.pingback(Verdict::NotAPing, &[], false, now());
    metrics.login("word\"press\\\n: 7", Login::Failure, now());
    metrics.login("known", Login::Success, now());
    metrics.login("known", Login::Logout, now());
    metrics.ban(Ban::BanFile, now());
    metrics.audit_written.add(2);
    metrics.audit_losses.count(1);
    metrics.collections.evict(2);
    metrics
}

#[test]
fn every_form_has_every_number() {
    let metrics = some();
    let families = metrics.families(&context());
    let auto = auto(&families);
    for line in [
        "PalisadeStartTimeSeconds: 1799999940",
        "PalisadeTransactions: 3",
        "PalisadeInterruptions 1: 1",
        "PalisadeInterruptions 2: 1",
        "PalisadeInterruptions 3: 0",
        "PalisadeInterruptionsByStatus 1 0: 1",
        "PalisadeInterruptionsByStatus 2 403: 1",
        "PalisadeRuleMatches 949110: 1",
        "PalisadeRuleMatches other: 1",
        "PalisadeRuleInterruptions 949110: 1",
        "PalisadePingbacks abuse odd-port: 1",
        "PalisadePingbacks genuine none: 1",
        "PalisadePingbackReasons chunked: 1",
        "PalisadePingbackReasons same-url: 0",
        "PalisadePingbacksRefused: 1",
        "PalisadeBans ban-file: 1",
        "PalisadeLogins known success: 1",
        "PalisadeLogins known logout: 1",
        "PalisadeLogins word_press____7 failure: 1",
        "PalisadeAuditRecords written: 2",
        "PalisadeAuditRecords dropped: 1",
        "PalisadeInspectedBytes response: 60",
        "PalisadeRules passed-by: 21",
        "PalisadeRegexes saved: 9",
        "PalisadeEngineSeconds 2: 0.0003",
        "PalisadeTransactionDurationSecondsBucket 0.0001: 0",
        "PalisadeTransactionDurationSecondsBucket 0.00025: 3",
        "PalisadeTransactionDurationSecondsBucket +Inf: 3",
        "PalisadeTransactionDurationSecondsSum: 0.0003105",
        "PalisadeCollectionEntries: 3",
        "PalisadeCollectionStoreUp: 0",
        "PalisadeCollectionEvictions: 2",
        "PalisadeCollectionFailures server: 0",
        "PalisadeCollectionDamagedPages: 0",
    ] {
        assert!(auto.lines().any(|known| known == line), "{line} in\n{auto}");
    }
    let text = prometheus(&families);
    for line in [
        "palisade_transactions_total 3",
        "palisade_interruptions_total{phase=\"2\"} 1",
        "palisade_pingbacks_total{verdict=\"abuse\",reason=\"odd-port\"} 1",
        "palisade_logins_total{app=\"word\\\"press\\\\\\n: 7\",result=\"failure\"} 1",
        "palisade_transaction_duration_seconds_count 3",
        "palisade_transaction_duration_seconds_bucket{le=\"+Inf\"} 3",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} in\n{text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&json(&metrics, &families, &context())).unwrap();
    assert_eq!(json["transactions_total"], 3);
    assert_eq!(json["uptime_seconds"], 60);
    assert_eq!(json["interruptions_total"][1]["value"], 1);
    assert_eq!(json["logins_total"][0]["app"], "known");
    assert_eq!(json["history"]["hour"].as_array().unwrap().len(), MINUTES);
    assert_eq!(json["history"]["hour"][59]["interruptions"], 2);
    assert_eq!(json["history"]["day"][95]["logins_failed"], 1);
    assert_eq!(json["clients"]["interruptions"][0]["client"], "192.0.2.7");
    assert_eq!(json["clients"]["transactions"][0]["value"], 3);
}

/// What `promtool check metrics` asks for: each family once, with its help and type before its samples and with the names
/// that its type wants, no sample twice, and numbers that are numbers.
#[test]
fn prometheus_can_read_it() {
    for metrics in [some(), Box::default()] {
        let text = prometheus(&metrics.families(&context()));
        let (mut families, mut samples) = (BTreeSet::new(), BTreeSet::new());
        let mut current = (String::new(), String::new());
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(help.ends_with('.') && !help.contains('\\'), "{line}");
                assert!(families.insert(name.to_owned()), "{name} comes twice");
                let kind = lines.next().unwrap().strip_prefix("# TYPE ").unwrap();
                let (same, kind) = kind.split_once(' ').unwrap();
                assert_eq!(same, name);
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
                current = (name.to_owned(), kind.to_owned());
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(samples.insert(series.to_owned()), "{series} comes twice");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().unwrap();
            let suffix = name.strip_prefix(&current.0).unwrap();
            let suffixes: &[&str] = match &current.1[..] {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            assert!(suffixes.contains(&suffix), "{line}");
            let name = name.strip_prefix("palisade_").unwrap();
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
        }
        assert!(families.len() > 15, "{text}");
    }
}

#[test]
fn of_several_reasons_the_one_that_weighs_most_decides() {
    use Reason::*;
    assert_eq!(deciding(&[]), None);
    assert_eq!(deciding(&[Chunked, NoAgent]), Some(Chunked));
    assert_eq!(deciding(&[Chunked, Arity, Doctype]), Some(Arity));
    assert_eq!(deciding(&[Chunked, Arity, Multicall]), Some(Multicall));
}

#[test]
fn reasons_have_the_places_of_their_numbers() {
    for (at, reason) in Reason::ALL.iter().enumerate() {
        assert_eq!(*reason as usize, at);
        assert_eq!(Reason::lookup(reason.name().as_bytes()), Some(*reason));
    }
    for (at, series) in Series::ALL.iter().enumerate() {
        assert_eq!(*series as usize, at);
    }
    for (at, result) in Login::ALL.iter().enumerate() {
        assert_eq!(*result as usize, at);
    }
    for (at, kind) in Ban::ALL.iter().enumerate() {
        assert_eq!(*kind as usize, at);
    }
}

#[test]
fn applications_beyond_the_limit_are_counted_together() {
    let metrics = Box::<Metrics>::default();
    let all = limits::METRICS_APPLICATIONS * 3;
    for number in 0..all {
        metrics.login(&format!("blog{number}"), Login::Failure, now());
    }
    let counts = metrics.login_counts();
    assert!(counts.len() <= limits::METRICS_APPLICATIONS + 1);
    assert_eq!(counts.last().unwrap().0, "other");
    let sum: u64 = counts
        .iter()
        .map(|(_, counts)| counts[Login::Failure as usize])
        .sum();
    assert_eq!(sum, all as u64);
}

#[test]
fn rules_beyond_the_limit_are_counted_together() {
    let metrics = Box::<Metrics>::default();
    let all = limits::METRICS_RULES as u64 * 2;
    for id in 1..=all {
        metrics.rule(id, false);
    }
    let counts = metrics.rule_counts();
    assert!(counts.len() <= limits::METRICS_RULES + 1);
    assert_eq!(
        counts.iter().map(|(_, [matched, _])| matched).sum::<u64>(),
        all
    );
}
