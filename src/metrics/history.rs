//! What came in each minute of the last hour and in each quarter of an hour of the last day.

use super::cells::Ring;

/// Minutes that are remembered.
pub const MINUTES: usize = 60;
/// Quarters of an hour that are remembered.
pub const QUARTERS: usize = 96;
const SECONDS_OF_A_MINUTE: u64 = 60;
const SECONDS_OF_A_QUARTER: u64 = 900;

/// What is remembered of each span of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Series {
    /// Transactions that ended.
    Transactions,
    /// Those among them that were interrupted.
    Interruptions,
    /// Microseconds that they took in the engine.
    Microseconds,
    /// Pingbacks that passed.
    PingbacksPassed,
    /// Pingbacks that were refused.
    PingbacksRefused,
    /// Logins that succeeded.
    LoginsPassed,
    /// Logins that failed.
    LoginsFailed,
    /// Refusals of banned clients.
    Bans,
}

impl Series {
    /// All of them.
    pub const ALL: [Series; 8] = [
        Series::Transactions,
        Series::Interruptions,
        Series::Microseconds,
        Series::PingbacksPassed,
        Series::PingbacksRefused,
        Series::LoginsPassed,
        Series::LoginsFailed,
        Series::Bans,
    ];

    /// The name that JSON has.
    pub fn name(self) -> &'static str {
        match self {
            Series::Transactions => "transactions",
            Series::Interruptions => "interruptions",
            Series::Microseconds => "engine_microseconds",
            Series::PingbacksPassed => "pingbacks_passed",
            Series::PingbacksRefused => "pingbacks_refused",
            Series::LoginsPassed => "logins_passed",
            Series::LoginsFailed => "logins_failed",
            Series::Bans => "bans",
        }
    }
}

/// The cells.
#[derive(Debug)]
pub(super) struct History {
    minutes: [Ring<MINUTES>; Series::ALL.len()],
    quarters: [Ring<QUARTERS>; Series::ALL.len()],
}

/// One span of time: when it began, in seconds since 1970, and the amount of each of [`Series::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Seconds since 1970.
    pub begin: u64,
    amounts: [u64; Series::ALL.len()],
}

impl Span {
    /// What came of this kind.
    pub fn amount(&self, series: Series) -> u64 {
        self.amounts.get(series as usize).copied().unwrap_or(0)
    }
}

impl History {
    pub(super) const fn new() -> History {
        History {
            minutes: [const { Ring::new() }; Series::ALL.len()],
            quarters: [const { Ring::new() }; Series::ALL.len()],
        }
    }

    /// Adds to the present minute and quarter. `now` is in seconds since 1970.
    pub(super) fn add(&self, series: Series, now: u64, amount: u64) {
        if let Some(ring) = self.minutes.get(series as usize) {
            ring.add(now / SECONDS_OF_A_MINUTE, amount);
        }
        if let Some(ring) = self.quarters.get(series as usize) {
            ring.add(now / SECONDS_OF_A_QUARTER, amount);
        }
    }

    /// The last hour by minutes, the present one last.
    pub(super) fn hour(&self, now: u64) -> Vec<Span> {
        spans(&self.minutes, now, SECONDS_OF_A_MINUTE)
    }

    /// The last day by quarters of an hour, the present one last.
    pub(super) fn day(&self, now: u64) -> Vec<Span> {
        spans(&self.quarters, now, SECONDS_OF_A_QUARTER)
    }
}

fn spans<const N: usize>(
    rings: &[Ring<N>; Series::ALL.len()],
    now: u64,
    seconds: u64,
) -> Vec<Span> {
    let present = now / seconds;
    let first = present.saturating_sub((N as u64).saturating_sub(1));
    let spans = first..=present;
    spans
        .map(|span| Span {
            begin: span.saturating_mul(seconds),
            amounts: rings.each_ref().map(|ring| ring.amount(span)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hour_and_the_last_day() {
        let history = History::new();
        let now = 1_700_000_000;
        let come = |seconds_ago: u64, count| {
            history.add(Series::Transactions, now - seconds_ago, count);
        };
        come(86_000, 1);
        come(3_000, 10);
        come(0, 100);
        let sum = |spans: &[Span]| -> u64 {
            spans
                .iter()
                .map(|span| span.amount(Series::Transactions))
                .sum()
        };
        let (hour, day) = (history.hour(now), history.day(now));
        assert_eq!((hour.len(), sum(&hour)), (MINUTES, 110));
        assert_eq!((day.len(), sum(&day)), (QUARTERS, 111));
        let last = hour.last().unwrap();
        assert_eq!(last.begin, now - now % 60);
        assert_eq!(last.amount(Series::Transactions), 100);
        assert_eq!(last.amount(Series::Interruptions), 0);
        assert_eq!(sum(&history.hour(now + 3_600)), 0);
    }
}
