//! Which records are wanted.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use clap::Args;
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use palisade::audit::read::{Alert, Event};
use palisade::client::networks::Network;

/// Which records are wanted: those that all given options let pass. Of an option given twice, one is enough.
#[derive(Args)]
pub struct Filter {
    /// Only requests that were refused.
    #[arg(long)]
    refused: bool,
    /// Only of these clients: an address or a network in CIDR notation.
    #[arg(long, value_name = "ADDRESS", value_parser = Network::parse)]
    client: Vec<Network>,
    /// Only with an alert of these rules: an id, or a range FIRST-LAST.
    #[arg(long, value_name = "ID", value_parser = range)]
    rule: Vec<RangeInclusive<u64>>,
    /// Only with this status: 403, 4xx, or a range 400-499.
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Vec<RangeInclusive<u64>>,
    /// Only with an alert that has this tag; a * at its end stands for anything.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Only this transaction.
    #[arg(long, value_name = "ID")]
    id: Vec<String>,
    /// Only from then on: 2026-11-22, 2026-11-22T12:38, or as long ago as 90m, 1h, 7d.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only before then.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
}

impl Filter {
    /// Whether an alert is one of those that were asked for.
    pub fn wants(&self, alert: &Alert) -> bool {
        let id = alert.id.as_ref().and_then(|id| id.parse().ok());
        any(&self.rule, |range| {
            id.is_some_and(|id: u64| range.contains(&id))
        }) && any(&self.tag, |wanted| {
            alert.tags.iter().any(|tag| is_tag(tag, wanted))
        })
    }

    /// Whether a record is wanted. One without a legible time is not, where times are asked for.
    pub fn matches(&self, event: &Event) -> bool {
        let in_time = || match event.timestamp {
            Some(time) => {
                self.since.is_none_or(|since| time >= since)
                    && self.until.is_none_or(|until| time < until)
            }
            None => self.since.is_none() && self.until.is_none(),
        };
        (!self.refused || event.refused)
            && any(&self.client, |network| {
                event
                    .client_ip()
                    .is_some_and(|ip: IpAddr| network.contains(ip))
            })
            && any(&self.status, |range| {
                event
                    .status
                    .is_some_and(|status| range.contains(&u64::from(status)))
            })
            && any(&self.rule, |range| {
                let ids = event
                    .alerts
                    .iter()
                    .filter_map(|alert| alert.id.as_ref()?.parse().ok());
                ids.into_iter().any(|id: u64| range.contains(&id))
            })
            && any(&self.tag, |wanted| {
                event
                    .alerts
                    .iter()
                    .flat_map(|alert| &alert.tags)
                    .any(|tag| is_tag(tag, wanted))
            })
            && any(&self.id, |id| event.id == *id)
            && in_time()
    }
}

fn any<T>(wanted: &[T], matches: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(matches)
}

fn is_tag(tag: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => tag.starts_with(start),
        None => tag == wanted,
    }
}

fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| {
        text.trim()
            .parse::<u64>()
            .map_err(|_| format!("{text:?} is no number"))
    };
    match text.split_once('-') {
        Some((first, last)) => Ok(number(first)?..=number(last)?),
        None => number(text).map(|one| one..=one),
    }
}

fn status(text: &str) -> Result<RangeInclusive<u64>, String> {
    match text.as_bytes() {
        [hundreds @ b'1'..=b'9', b'x' | b'X', b'x' | b'X'] => {
            let first = u64::from(hundreds - b'0') * 100;
            Ok(first..=first + 99)
        }
        _ => range(text),
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    let absolute = text.parse::<Timestamp>().ok();
    let local = || {
        let moment = text.parse::<civil::DateTime>().ok()?;
        moment
            .to_zoned(TimeZone::system())
            .ok()
            .map(|time| time.timestamp())
    };
    let ago = || {
        text.parse::<SignedDuration>()
            .ok()
            .or_else(|| days(text))
            .and_then(|ago| (Timestamp::now() - ago).into())
    };
    let found = absolute.or_else(local).or_else(ago);
    found.ok_or_else(|| "a time is written 2026-11-22, 2026-11-22T12:38, 2026-11-22T12:38:00Z, or 90m, 1h, 7d for as long ago".to_owned())
}

/// Days of 24 hours.
fn days(text: &str) -> Option<SignedDuration> {
    let days: i64 = text.strip_suffix('d')?.trim().parse().ok()?;
    days.checked_mul(24).map(SignedDuration::from_hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_times() {
        assert_eq!(range("942100"), Ok(942_100..=942_100));
        assert_eq!(range("942000-942999"), Ok(942_000..=942_999));
        assert!(range("x").is_err() && range("1-").is_err() && range("").is_err());
        assert_eq!(status("4xx"), Ok(400..=499));
        assert_eq!(status("403"), Ok(403..=403));
        assert_eq!(status("400-404"), Ok(400..=404));
        assert!(status("4x").is_err());
        for text in [
            "2026-11-22",
            "2026-11-22T12:38",
            "2026-11-22 12:38:00",
            "2026-11-22T12:38:00Z",
            "90m",
            "1h",
            "7d",
        ] {
            assert!(time(text).is_ok(), "{text}");
        }
        assert!(time("yesterday").is_err());
        let hour = time("1h").map(|then| {
            (Timestamp::now() - then)
                .total(jiff::Unit::Second)
                .unwrap_or(0.0)
        });
        assert!(hour.is_ok_and(|seconds| (3599.0..3700.0).contains(&seconds)));
        assert!(is_tag("attack-sqli", "attack-sqli") && is_tag("attack-sqli", "attack-*"));
        assert!(!is_tag("attack-sqli", "attack"));
    }
}
