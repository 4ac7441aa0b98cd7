//! What `SecPingbackVerify` says.

use std::time::Duration;

use crate::limits;

/// How pings are verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Longest time for one verification, from the first question to the last byte.
    pub timeout: Duration,
    /// Most bytes of a page, as they come over the wire.
    pub bytes: usize,
    /// Most verifications at the same time, in all processes.
    pub at_once: usize,
    /// Most pages fetched in a minute, in all processes.
    pub per_minute: u32,
    /// Most pages of one host fetched in a minute, in all processes.
    pub per_host: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            timeout: Duration::from_millis(limits::PINGBACK_VERIFY_TIMEOUT),
            bytes: limits::PINGBACK_VERIFY_BYTES,
            at_once: limits::PINGBACK_VERIFY_AT_ONCE,
            per_minute: limits::PINGBACK_VERIFY_PER_MINUTE,
            per_host: limits::PINGBACK_VERIFY_PER_HOST,
        }
    }
}

impl Options {
    /// These where a delivery follows, which has to have its share of the time.
    pub fn before_delivery(self) -> Options {
        let half = Duration::from_millis(limits::PINGBACK_GATEWAY_TIMEOUT / 2);
        Options {
            timeout: self.timeout.min(half),
            ..self
        }
    }

    /// Reads options such as `timeout=2000`.
    ///
    /// # Errors
    /// A sentence about what is wrong.
    pub fn parse<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Options, String> {
        let mut options = Options::default();
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let number = |most: u64| {
                let number = value.parse().ok().filter(|n| (1..=most).contains(n));
                number.ok_or_else(|| format!("{name} takes a number from 1 to {most}: {word}"))
            };
            let count =
                |most: u32| Ok::<_, String>(u32::try_from(number(most.into())?).unwrap_or(most));
            match name {
                "timeout" => {
                    options.timeout =
                        Duration::from_millis(number(limits::PINGBACK_VERIFY_TIMEOUT_MAXIMUM)?);
                }
                "bytes" => options.bytes = size(number(limits::PINGBACK_VERIFY_BYTES_MAXIMUM)?),
                "at-once" => {
                    options.at_once = size(number(limits::PINGBACK_VERIFY_AT_ONCE_MAXIMUM as u64)?);
                }
                "per-minute" => options.per_minute = count(limits::PINGBACK_VERIFY_RATE_MAXIMUM)?,
                "per-host" => options.per_host = count(limits::PINGBACK_VERIFY_RATE_MAXIMUM)?,
                _ => {
                    return Err(format!(
                        "{word} is no option: timeout=, bytes=, at-once=, per-minute=, per-host="
                    ));
                }
            }
        }
        Ok(options)
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_defaults_and_bounds() {
        assert_eq!(Options::parse([]), Ok(Options::default()));
        let options = Options::parse([
            "timeout=1500",
            "bytes=1048576",
            "at-once=64",
            "per-minute=1",
            "per-host=100000",
        ]);
        assert_eq!(
            options,
            Ok(Options {
                timeout: Duration::from_millis(1500),
                bytes: 1_048_576,
                at_once: 64,
                per_minute: 1,
                per_host: 100_000,
            })
        );
        for wrong in [
            "timeout=0",
            "timeout=10001",
            "timeout=",
            "timeout",
            "bytes=1048577",
            "bytes=-1",
            "at-once=65",
            "per-host=100001",
            "per-minute=x",
            "port=80",
            "",
        ] {
            assert!(Options::parse([wrong]).is_err(), "{wrong}");
        }
    }
}
