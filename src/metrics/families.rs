//! The numbers with their names: families of samples, which every form but the page is written from.

use crate::collections::Statistics;
use crate::pingback::{Reason, Verdict};
use crate::types::Phase;

use super::cells::Counter;
use super::{Ban, Login, Metrics, TIME_CLASSES};

/// What a reader needs besides the counters.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The present, in seconds since 1970.
    pub now: u64,
    /// What is known of the store of persistent collections.
    pub collections: Option<Statistics>,
}

/// Numbers of one kind.
#[derive(Clone, Debug)]
pub struct Family {
    /// The name after `palisade_`.
    pub name: &'static str,
    /// What they are.
    pub help: &'static str,
    /// How they behave.
    pub kind: Kind,
    /// The numbers.
    pub samples: Vec<Sample>,
}

/// How the numbers of a family behave, in Prometheus' words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Grows, and begins anew when httpd does.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by classes: `_bucket`, `_sum` and `_count`.
    Histogram,
}

/// One number.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What follows the family's name.
    pub suffix: &'static str,
    /// Names and values of labels.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: Value,
}

/// The number of a sample.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value {
    /// A whole number.
    Count(u64),
    /// A time, in nanoseconds here and in seconds wherever it is shown.
    Nanoseconds(u64),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Count(count) => count.fmt(f),
            Value::Nanoseconds(all) => {
                let (seconds, rest) = (all / 1_000_000_000, all % 1_000_000_000);
                let fraction = format!("{rest:09}");
                match fraction.trim_end_matches('0') {
                    "" => seconds.fmt(f),
                    digits => write!(f, "{seconds}.{digits}"),
                }
            }
        }
    }
}

impl Family {
    fn new(name: &'static str, kind: Kind, help: &'static str, samples: Vec<Sample>) -> Family {
        Family {
            name,
            help,
            kind,
            samples,
        }
    }
}

fn sample(labels: &[(&'static str, &str)], value: Value) -> Sample {
    Sample {
        suffix: "",
        labels: labels
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        value,
    }
}

fn alone(count: u64) -> Vec<Sample> {
    vec![sample(&[], Value::Count(count))]
}

fn by(label: &'static str, counts: &[(&str, u64)]) -> Vec<Sample> {
    let counts = counts.iter();
    counts
        .map(|(name, count)| sample(&[(label, name)], Value::Count(*count)))
        .collect()
}

impl Metrics {
    /// Everything, by families.
    pub fn families(&self, context: &Context) -> Vec<Family> {
        use Kind::{Counter, Gauge, Histogram};
        let version = sample(&[("version", env!("CARGO_PKG_VERSION"))], Value::Count(1));
        let asked = [
            ("asked", self.rules_asked.total()),
            ("passed-by", self.rules_passed_by.total()),
        ];
        let regexes = [
            ("run", self.regexes_run.total()),
            ("saved", self.regexes_saved.total()),
        ];
        let records = [
            ("written", self.audit_written.total()),
            ("dropped", self.audit_losses.total()),
        ];
        let bytes = [
            ("request", self.request_bytes.total()),
            ("response", self.response_bytes.total()),
        ];
        let mut families = vec![
            Family::new("build_info", Gauge, "The version that runs.", vec![version]),
            Family::new(
                "start_time_seconds",
                Gauge,
                "When counting began, in seconds since 1970.",
                alone(self.started()),
            ),
            Family::new(
                "transactions_total",
                Counter,
                "Transactions that have begun.",
                alone(self.transactions.total()),
            ),
            Family::new(
                "interruptions_total",
                Counter,
                "Transactions that were interrupted, by phase.",
                self.by_phase(|phase| Value::Count(self.interruptions_in(phase))),
            ),
            Family::new(
                "interruptions_by_status_total",
                Counter,
                "The same by phase and by the status of the answer.",
                self.by_status(),
            ),
            Family::new(
                "rule_matches_total",
                Counter,
                "Matches of rules that are logged or refuse.",
                self.by_rule(0),
            ),
            Family::new(
                "rule_interruptions_total",
                Counter,
                "Transactions that a rule has interrupted.",
                self.by_rule(1),
            ),
            Family::new(
                "pingbacks_total",
                Counter,
                "Pingbacks that were looked at, by verdict and by the reason that weighs most.",
                self.by_verdict(),
            ),
            Family::new(
                "pingback_reasons_total",
                Counter,
                "Everything that stood against pingbacks; one can have several reasons.",
                self.by_reason(),
            ),
            Family::new(
                "pingbacks_refused_total",
                Counter,
                "Pingbacks that were refused.",
                alone(self.pingbacks_refused.total()),
            ),
            Family::new(
                "bans_total",
                Counter,
                "Requests that were refused for what their client did before.",
                self.by_ban(),
            ),
            Family::new(
                "logins_total",
                Counter,
                "Logins, by application and result.",
                self.by_application(),
            ),
            Family::new(
                "audit_records_total",
                Counter,
                "Audit records, written and lost.",
                by("outcome", &records),
            ),
            Family::new(
                "inspected_bytes_total",
                Counter,
                "Bytes of bodies that were inspected.",
                by("body", &bytes),
            ),
            Family::new(
                "rules_total",
                Counter,
                "Rules that were asked, and those that the scan of a phase had nothing to ask.",
                by("outcome", &asked),
            ),
            Family::new(
                "regexes_total",
                Counter,
                "The same for rules with a regular expression.",
                by("outcome", &regexes),
            ),
            Family::new(
                "engine_seconds_total",
                Counter,
                "Time in the engine, by phase.",
                self.by_phase(|phase| Value::Nanoseconds(self.nanoseconds_in(phase))),
            ),
            Family::new(
                "transaction_duration_seconds",
                Histogram,
                "Time in the engine, of each transaction that has ended.",
                self.durations(),
            ),
        ];
        families.extend(self.of_stores());
        families.extend(context.collections.iter().flat_map(of_collections));
        families
    }

    /// What the stores of collections could not do, and what they gave up.
    fn of_stores(&self) -> [Family; 3] {
        let stores = &self.collections;
        let failures = [("file", stores.failures()), ("server", stores.unanswered())];
        [
            Family::new(
                "collection_failures_total",
                Kind::Counter,
                "Operations on stores of collections that failed, or were not tried because others had just failed.",
                by("store", &failures),
            ),
            Family::new(
                "collection_evictions_total",
                Kind::Counter,
                "Records that made room for others before they expired.",
                alone(stores.evicted()),
            ),
            Family::new(
                "collection_damaged_pages_total",
                Kind::Counter,
                "Pages of the file that were not what had been written, and were emptied.",
                alone(stores.damaged()),
            ),
        ]
    }

    /// When counting began, in seconds since 1970.
    pub fn started(&self) -> u64 {
        self.started.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn by_phase(&self, value: impl Fn(Phase) -> Value) -> Vec<Sample> {
        let phases = Phase::ALL.into_iter();
        phases
            .map(|phase| sample(&[("phase", &phase.to_string())], value(phase)))
            .collect()
    }

    pub(super) fn interruptions_in(&self, phase: Phase) -> u64 {
        let statuses = self.interruptions.get(phase.index());
        statuses.into_iter().flatten().map(Counter::total).sum()
    }

    pub(super) fn nanoseconds_in(&self, phase: Phase) -> u64 {
        self.nanoseconds
            .get(phase.index())
            .map_or(0, Counter::total)
    }

    fn by_status(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        for (phase, statuses) in Phase::ALL.iter().zip(&self.interruptions) {
            for (status, count) in statuses.iter().enumerate() {
                let count = count.total();
                if count > 0 {
                    let (phase, status) = (phase.to_string(), status.to_string());
                    let labels = [("phase", &phase[..]), ("status", &status[..])];
                    samples.push(sample(&labels, Value::Count(count)));
                }
            }
        }
        samples
    }

    /// Ids with how often they matched and refused, the lowest first; what found no room is without an id.
    pub(super) fn rule_counts(&self) -> Vec<(Option<u64>, [u64; 2])> {
        let totals = |counters: &[Counter; 2]| counters.each_ref().map(Counter::total);
        let known = self.rules.iter();
        let mut rules: Vec<_> = known
            .map(|(_, id, counters)| (Some(id), totals(counters)))
            .collect();
        rules.sort();
        let others = totals(self.rules.others());
        rules.extend((others != [0, 0]).then_some((None, others)));
        rules
    }

    fn by_rule(&self, column: usize) -> Vec<Sample> {
        let rules = self.rule_counts().into_iter();
        rules
            .filter_map(|(id, counts)| {
                let count = counts.get(column).filter(|count| **count > 0)?;
                let id = id.map_or("other".to_owned(), |id| id.to_string());
                Some(sample(&[("rule_id", &id)], Value::Count(*count)))
            })
            .collect()
    }

    /// Verdict, reason (or `none`), how many: only what has occurred.
    pub(super) fn pingback_counts(&self) -> Vec<(Verdict, &'static str, u64)> {
        let names = || {
            Reason::ALL
                .iter()
                .map(|reason| reason.name())
                .chain(["none"])
        };
        let rows = Verdict::OF_PINGS.into_iter().zip(&self.pingbacks);
        let cells = rows.flat_map(|(verdict, row)| {
            let cells = names().zip(row);
            cells.map(move |(reason, count)| (verdict, reason, count.total()))
        });
        cells.filter(|(.., count)| *count > 0).collect()
    }

    fn by_verdict(&self) -> Vec<Sample> {
        let mut counts = self.pingback_counts();
        // One that is always there, so that the family is known before the first ping comes.
        let first = (Verdict::Genuine, "none");
        if !counts
            .iter()
            .any(|(verdict, reason, _)| (*verdict, *reason) == first)
        {
            counts.insert(0, (first.0, first.1, 0));
        }
        let counts = counts.into_iter();
        counts
            .map(|(verdict, reason, count)| {
                let labels = [("verdict", verdict.name()), ("reason", reason)];
                sample(&labels, Value::Count(count))
            })
            .collect()
    }

    /// How often each reason stood against a pingback.
    pub(super) fn reason_counts(&self) -> Vec<(&'static str, u64)> {
        let reasons = Reason::ALL.iter().zip(&self.pingback_reasons);
        reasons
            .map(|(reason, count)| (reason.name(), count.total()))
            .collect()
    }

    fn by_reason(&self) -> Vec<Sample> {
        by("reason", &self.reason_counts())
    }

    /// How often clients were turned away, by kind.
    pub(super) fn ban_counts(&self) -> Vec<(&'static str, u64)> {
        let kinds = Ban::ALL.iter().zip(&self.bans);
        kinds
            .map(|(kind, count)| (kind.name(), count.total()))
            .collect()
    }

    fn by_ban(&self) -> Vec<Sample> {
        by("kind", &self.ban_counts())
    }

    /// Applications in the order of the alphabet, with a count for each of [`Login::ALL`].
    pub(super) fn login_counts(&self) -> Vec<(String, [u64; Login::ALL.len()])> {
        let totals =
            |counters: &[Counter; Login::ALL.len()]| counters.each_ref().map(Counter::total);
        let known = self.logins.iter();
        let mut logins: Vec<_> = known
            .map(|(name, counters)| (name, totals(counters)))
            .collect();
        logins.sort();
        let others = totals(self.logins.others());
        logins.extend(
            others
                .iter()
                .any(|count| *count > 0)
                .then(|| ("other".to_owned(), others)),
        );
        logins
    }

    fn by_application(&self) -> Vec<Sample> {
        let applications = self.login_counts().into_iter();
        applications
            .flat_map(|(name, counts)| {
                let results = Login::ALL.iter().zip(counts);
                let samples = results.map(|(result, count)| {
                    let labels = [("app", &name[..]), ("result", result.name())];
                    sample(&labels, Value::Count(count))
                });
                samples.collect::<Vec<_>>()
            })
            .collect()
    }

    fn durations(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        let mut sum = 0;
        let ends = TIME_CLASSES
            .iter()
            .map(|end| Value::Nanoseconds(*end).to_string());
        for (end, count) in ends.chain(["+Inf".to_owned()]).zip(&self.times) {
            sum += count.total();
            samples.push(Sample {
                suffix: "_bucket",
                ..sample(&[("le", &end)], Value::Count(sum))
            });
        }
        let spent = Phase::ALL
            .into_iter()
            .map(|phase| self.nanoseconds_in(phase))
            .sum();
        for (suffix, value) in [
            ("_sum", Value::Nanoseconds(spent)),
            ("_count", Value::Count(sum)),
        ] {
            samples.push(Sample {
                suffix,
                ..sample(&[], value)
            });
        }
        samples
    }
}

fn of_collections(store: &Statistics) -> Vec<Family> {
    vec![
        Family::new(
            "collection_store_up",
            Kind::Gauge,
            "1 where the store could be read just now.",
            alone(u64::from(store.reachable)),
        ),
        Family::new(
            "collection_entries",
            Kind::Gauge,
            "Records of persistent collections that have not expired.",
            alone(store.entries),
        ),
        Family::new(
            "collection_bytes",
            Kind::Gauge,
            "Bytes that these records take, where the store knows.",
            alone(store.bytes),
        ),
        Family::new(
            "collection_capacity_bytes",
            Kind::Gauge,
            "Bytes that the store never exceeds; 0 where somebody else sees to that.",
            alone(store.capacity),
        ),
    ]
}
