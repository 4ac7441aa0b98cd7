//! What was measured, and the arithmetic on it.

use crate::httpd::{Firewall, Variant};
use crate::policy::Policy;
use crate::process::Memory;

pub const MOD_SECURITY: Variant = Variant::Guarded(Firewall::ModSecurity, Policy::CoreRuleSet(1));
pub const PALISADE: Variant = Variant::Guarded(Firewall::Palisade, Policy::CoreRuleSet(1));

/// All figures of a run.
#[derive(Default)]
pub struct Figures {
    pub mpm: String,
    pub versions: Versions,
    /// By workload, in the order of the tables.
    pub cpu: Vec<Cpu>,
    /// With eight connections.
    pub latency: Vec<Latency>,
    pub throughput: Vec<Throughput>,
    pub footprints: Vec<Footprint>,
    /// How many rules the refused requests were logged with, by both firewalls alike.
    pub rules_agreed: usize,
}

/// What was compared, as it names itself.
#[derive(Default)]
pub struct Versions {
    pub httpd: String,
    pub mod_security: String,
    pub core_rule_set: String,
}

/// CPU of one workload.
pub struct Cpu {
    pub name: &'static str,
    pub what: &'static str,
    /// Seconds a request, one for each round.
    pub samples: Vec<(Variant, Vec<f64>)>,
}

impl Cpu {
    /// Seconds a request, one for each round.
    pub fn rounds(&self, variant: Variant) -> Option<&[f64]> {
        let found = self.samples.iter().find(|(known, _)| *known == variant);
        found.map(|(_, rounds)| rounds.as_slice())
    }

    /// Microseconds a request; the median of the rounds.
    pub fn micros(&self, variant: Variant) -> Option<f64> {
        self.rounds(variant)
            .map(|rounds| Spread::of(rounds.to_vec()).median * 1e6)
    }

    /// One variant's CPU over another's, each in its best round: what is left of the ratio without the machine's other work.
    pub fn best_ratio(&self, of: Variant, to: Variant) -> Option<f64> {
        let best = |variant| Some(Spread::of(self.rounds(variant)?.to_vec()).least);
        Some(best(of)? / best(to)?)
    }

    /// One variant's CPU over another's, round by round.
    pub fn ratio(&self, of: Variant, to: Variant) -> Option<Spread> {
        let pairs = self.rounds(of)?.iter().zip(self.rounds(to)?);
        Some(Spread::of(pairs.map(|(of, to)| of / to).collect()))
    }
}

/// The least, the median and the greatest of some values.
#[derive(Clone, Copy)]
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub greatest: f64,
}

impl Spread {
    pub fn of(mut values: Vec<f64>) -> Spread {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let half = values.len() / 2;
        Spread {
            least: at(0),
            median: if values.len() % 2 == 1 {
                at(half)
            } else {
                (at(half.saturating_sub(1)) + at(half)) / 2.0
            },
            greatest: at(values.len().saturating_sub(1)),
        }
    }
}

/// One workload under load.
pub struct Latency {
    pub name: &'static str,
    pub results: Vec<(Variant, Loaded)>,
}

/// What a load came to.
#[derive(Clone, Copy)]
pub struct Loaded {
    pub requests: usize,
    pub per_second: f64,
    /// Seconds.
    pub p50: f64,
    pub p99: f64,
}

/// Requests per second of one server, by the number of connections.
pub struct Throughput {
    pub mpm: &'static str,
    pub variant: Variant,
    pub per_second: Vec<f64>,
}

/// What a server costs while it does nothing for anybody.
pub struct Footprint {
    pub variant: Variant,
    /// Seconds from its start to the first connection that it took.
    pub start: Spread,
    /// After all workloads, one request at a time.
    pub memory: Memory,
    /// After eight connections at a time.
    pub loaded: Memory,
    /// KiB that its master process grew by in a graceful restart.
    pub growth: f64,
}

/// The n-th root of the product.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0.0), |(sum, count), value| {
        (sum + value.ln(), count + 1.0)
    });
    f64::exp(sum / count)
}
