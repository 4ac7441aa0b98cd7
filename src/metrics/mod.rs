//! Numbers about what the server does: counted by all of its processes, shown to those who run it.
//!
//! [`Metrics`] is nothing but atomic cells, so that it can lie in memory that all processes share ([`crate::host::Host::metrics`]);
//! zero bytes are a fresh one. Counting takes no lock and no memory; a process that dies in the middle leaves numbers that are
//! right to the last request. What comes without bound from outside (rules, applications, clients) has bounded room, and what
//! finds none is counted together as `other`.
//!
//! Compat: mod_security2 has no numbers at all.

mod cells;
mod chart;
mod clients;
mod families;
mod history;
mod page;
#[cfg(test)]
mod tests;
mod text;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::collections::Troubles;
use crate::limits;
use crate::losses::Losses;
use crate::pingback::{Reason, Verdict, Weight};
use crate::types::Phase;
pub use cells::{Counter, LABEL_LENGTH};
use cells::{Labelled, Table};
use clients::Clients;
pub use families::{Context, Family, Kind, Sample, Value};
use history::History;
pub use history::{MINUTES, QUARTERS, Series, Span};
pub use page::{page, section};
pub use text::{CLIENTS_SHOWN, PROMETHEUS_TYPE, auto, json, prometheus};

/// Upper ends of the classes of the time that a transaction takes in the engine, in nanoseconds.
pub const TIME_CLASSES: [u64; 12] = [
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    100_000_000,
    250_000_000,
    1_000_000_000,
];

/// Statuses that are told apart; any other counts as 0.
const STATUSES: usize = 600;

/// A table with one row for each phase.
type ByPhase<T> = [T; Phase::ALL.len()];

/// What came of an attempt to log in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Login {
    /// The user is in.
    Success,
    /// The password is wrong, or the application does not say what is.
    Failure,
    /// There is no such user.
    InvalidUser,
    /// The user has left.
    Logout,
}

impl Login {
    /// All of them.
    pub const ALL: [Login; 4] = [
        Login::Success,
        Login::Failure,
        Login::InvalidUser,
        Login::Logout,
    ];

    /// The value of the label `result`.
    pub fn name(self) -> &'static str {
        match self {
            Login::Success => "success",
            Login::Failure => "failure",
            Login::InvalidUser => "invalid-user",
            Login::Logout => "logout",
        }
    }
}

/// Why a client was turned away for what it did before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ban {
    /// It has sent spam often enough: its pings are refused unread.
    RepeatOffender,
    /// Its address is in the ban file.
    BanFile,
}

impl Ban {
    /// All of them.
    pub const ALL: [Ban; 2] = [Ban::RepeatOffender, Ban::BanFile];

    /// The value of the label `kind`.
    pub fn name(self) -> &'static str {
        match self {
            Ban::RepeatOffender => "repeat-offender",
            Ban::BanFile => "ban-file",
        }
    }
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    /// Seconds since 1970; 0 where nobody has said.
    started: AtomicU64,
    /// Audit records that were lost.
    pub audit_losses: Losses,
    /// Audit records that were written.
    pub audit_written: Counter,
    /// What the stores of collections could not do, and what they gave up.
    pub collections: Troubles,
    transactions: Counter,
    interruptions: ByPhase<[Counter; STATUSES]>,
    nanoseconds: ByPhase<Counter>,
    /// By upper end of the class; the last one has none.
    times: [Counter; TIME_CLASSES.len() + 1],
    request_bytes: Counter,
    response_bytes: Counter,
    rules: Table<{ limits::METRICS_RULES }, 2>,
    rules_asked: Counter,
    rules_passed_by: Counter,
    regexes_run: Counter,
    regexes_saved: Counter,
    /// By verdict and deciding reason; the last reason is none.
    pingbacks: [[Counter; Reason::ALL.len() + 1]; Verdict::OF_PINGS.len()],
    pingback_reasons: [Counter; Reason::ALL.len()],
    pingbacks_refused: Counter,
    logins: Labelled<{ limits::METRICS_APPLICATIONS }, { Login::ALL.len() }>,
    bans: [Counter; Ban::ALL.len()],
    clients: Clients,
    refused_clients: Clients,
    history: History,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

/// What a transaction came to, for [`Metrics::finished`].
#[derive(Clone, Copy, Debug)]
pub struct Finished {
    /// Who sent the request.
    pub client: IpAddr,
    /// Where it was interrupted, and with which status.
    pub interruption: Option<(Phase, u16)>,
    /// Nanoseconds in each phase.
    pub nanoseconds: ByPhase<u64>,
    /// Bytes of the request's body that were inspected.
    pub request_bytes: u64,
    /// Bytes of the response's body that were inspected.
    pub response_bytes: u64,
    /// What its rules were asked.
    pub asked: Asked,
}

/// How often rules were asked, and how often the scan of a phase has saved that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Rules that were asked about at least one value.
    pub rules: u64,
    /// Rules that were passed by.
    pub passed_by: u64,
    /// Those with a regular expression among the rules asked.
    pub regexes: u64,
    /// Those with a regular expression among the rules passed by.
    pub regexes_saved: u64,
}

impl Metrics {
    /// Nothing counted.
    pub const fn new() -> Metrics {
        Metrics {
            started: AtomicU64::new(0),
            audit_losses: Losses::new(),
            audit_written: Counter::new(),
            collections: Troubles::new(),
            transactions: Counter::new(),
            interruptions: [const { [const { Counter::new() }; STATUSES] }; Phase::ALL.len()],
            nanoseconds: [const { Counter::new() }; Phase::ALL.len()],
            times: [const { Counter::new() }; TIME_CLASSES.len() + 1],
            request_bytes: Counter::new(),
            response_bytes: Counter::new(),
            rules: Table::new(),
            rules_asked: Counter::new(),
            rules_passed_by: Counter::new(),
            regexes_run: Counter::new(),
            regexes_saved: Counter::new(),
            pingbacks: [const { [const { Counter::new() }; Reason::ALL.len() + 1] };
                Verdict::OF_PINGS.len()],
            pingback_reasons: [const { Counter::new() }; Reason::ALL.len()],
            pingbacks_refused: Counter::new(),
            logins: Labelled::new(),
            bans: [const { Counter::new() }; Ban::ALL.len()],
            clients: Clients::new(),
            refused_clients: Clients::new(),
            history: History::new(),
        }
    }

    /// Notes when counting began, once.
    pub fn start(&self, now: SystemTime) {
        let relaxed = Ordering::Relaxed;
        let _ = self
            .started
            .compare_exchange(0, seconds(now), relaxed, relaxed);
    }

    /// A transaction begins.
    pub fn begun(&self) {
        self.transactions.add(1);
    }

    /// A transaction ends.
    pub fn finished(&self, transaction: &Finished, now: SystemTime) {
        let now = seconds(now);
        for (sum, spent) in self.nanoseconds.iter().zip(transaction.nanoseconds) {
            sum.add(spent);
        }
        let spent = transaction
            .nanoseconds
            .iter()
            .fold(0, |sum: u64, spent| sum.saturating_add(*spent));
        let class = TIME_CLASSES.partition_point(|end| *end < spent);
        count(self.times.get(class));
        self.request_bytes.add(transaction.request_bytes);
        self.response_bytes.add(transaction.response_bytes);
        let asked = &transaction.asked;
        self.rules_asked.add(asked.rules);
        self.rules_passed_by.add(asked.passed_by);
        self.regexes_run.add(asked.regexes);
        self.regexes_saved.add(asked.regexes_saved);
        self.history.add(Series::Transactions, now, 1);
        self.history.add(Series::Microseconds, now, spent / 1_000);
        self.clients.add(transaction.client, now);
        if let Some((phase, status)) = transaction.interruption {
            let statuses = self.interruptions.get(phase.index());
            let status = usize::from(status);
            count(statuses.and_then(|row| row.get(status).or(row.first())));
            self.history.add(Series::Interruptions, now, 1);
            self.refused_clients.add(transaction.client, now);
        }
    }

    /// A rule has matched to its end, and perhaps refused the request.
    pub fn rule(&self, id: u64, refused: bool) {
        let ([matched, refusals], _) = self.rules.counters(id);
        matched.add(1);
        refusals.add(u64::from(refused));
    }

    /// A pingback was looked at, and refused or not.
    pub fn pingback(&self, verdict: Verdict, reasons: &[Reason], refused: bool, now: SystemTime) {
        let row = Verdict::OF_PINGS.iter().position(|known| *known == verdict);
        let Some(row) = row.and_then(|row| self.pingbacks.get(row)) else {
            return;
        };
        let column = deciding(reasons).map_or(Reason::ALL.len(), |reason| reason as usize);
        count(row.get(column));
        for reason in reasons {
            count(self.pingback_reasons.get(*reason as usize));
        }
        self.pingbacks_refused.add(u64::from(refused));
        let series = match refused {
            true => Series::PingbacksRefused,
            false => Series::PingbacksPassed,
        };
        self.history.add(series, seconds(now), 1);
    }

    /// Somebody tried to log in to an application, or left it. Of the name no more than [`LABEL_LENGTH`] bytes count, and
    /// of applications beyond [`limits::METRICS_APPLICATIONS`] nothing but their sum is known.
    pub fn login(&self, application: &str, result: Login, now: SystemTime) {
        count(self.logins.counters(application).get(result as usize));
        let series = match result {
            Login::Success => Series::LoginsPassed,
            Login::Failure | Login::InvalidUser => Series::LoginsFailed,
            Login::Logout => return,
        };
        self.history.add(series, seconds(now), 1);
    }

    /// A client was turned away for what it did before.
    pub fn ban(&self, kind: Ban, now: SystemTime) {
        count(self.bans.get(kind as usize));
        self.history.add(Series::Bans, seconds(now), 1);
    }

    /// The last hour by minutes, the present one last. `now` is in seconds since 1970.
    pub fn hour(&self, now: u64) -> Vec<Span> {
        self.history.hour(now)
    }

    /// The last day by quarters of an hour, the present one last. `now` is in seconds since 1970.
    pub fn day(&self, now: u64) -> Vec<Span> {
        self.history.day(now)
    }

    /// Who sent how many requests yesterday and today (UTC), most first. Lower bounds; exact for a few hundred clients.
    pub fn clients(&self, now: u64) -> Vec<(String, u64)> {
        self.clients.ranking(now)
    }

    /// Whose requests were interrupted how often; otherwise as [`clients`](Metrics::clients).
    pub fn refused_clients(&self, now: u64) -> Vec<(String, u64)> {
        self.refused_clients.ranking(now)
    }
}

fn count(counter: Option<&Counter>) {
    if let Some(counter) = counter {
        counter.add(1);
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The reason that weighs most; of several that weigh the same, the first.
fn deciding(reasons: &[Reason]) -> Option<Reason> {
    let rank = |reason: &Reason| match reason.weight() {
        Weight::Abusive => 0,
        Weight::Malformed | Weight::Refused => 1,
        Weight::Points(_) => 2,
    };
    reasons.iter().copied().min_by_key(rank)
}
