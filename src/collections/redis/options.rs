//! What `SecCollectionStore redis://…` says.

use std::time::Duration;

use ::redis::{Client, IntoConnectionInfo, TlsCertificates};

use crate::limits;

/// A server, and how to deal with it.
#[derive(Clone)]
pub struct Options {
    pub(super) client: Client,
    /// What every key begins with.
    pub(super) prefix: String,
    /// The longest that a request waits.
    pub(super) timeout: Duration,
    /// Most connections of one process.
    pub(super) connections: usize,
    /// What is done while it does not answer.
    pub fallback: Fallback,
    /// The address as it may be shown: without a password.
    pub(super) shown: String,
}

/// What is done while the server does not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fallback {
    /// Collections are kept on this machine meanwhile: in `SecDataDir` where there is one, else in memory.
    Local,
    /// Collections are empty, and what is stored is lost.
    Skip,
}

impl Options {
    /// Reads a URL (`redis:`, `rediss:`, `redis+unix:`) and options of the form `name=value`.
    pub fn parse(url: &str, options: &[String]) -> Result<Options, String> {
        let scheme = url.split(':').next().unwrap_or_default();
        if ![
            "redis",
            "rediss",
            "redis+unix",
            "valkey",
            "valkeys",
            "valkey+unix",
        ]
        .contains(&scheme)
        {
            return Err(format!(
                "{scheme}: expected memory, file:DIRECTORY, redis://…, rediss://… or redis+unix://…"
            ));
        }
        let mut info = url
            .into_connection_info()
            .map_err(|error| format!("the address of the server: {error}"))?;
        let mut authority = None;
        let mut result = Options {
            shown: without_password(url),
            // Replaced below, when all options are known.
            client: Client::open("redis://127.0.0.1").map_err(|error| error.to_string())?,
            prefix: "palisade:".to_owned(),
            timeout: Duration::from_millis(limits::REDIS_TIMEOUT),
            connections: limits::REDIS_CONNECTIONS,
            fallback: Fallback::Local,
        };
        for option in options {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            match name {
                "prefix" => result.prefix = value.to_owned(),
                "timeout" => {
                    let most = limits::REDIS_TIMEOUT_MAXIMUM;
                    result.timeout = Duration::from_millis(within(option, value, most)?);
                }
                "connections" => {
                    let most = u64::try_from(limits::REDIS_CONNECTIONS_MAXIMUM).unwrap_or(1);
                    let number = within(option, value, most)?;
                    result.connections = usize::try_from(number).unwrap_or(1);
                }
                "fallback" => {
                    result.fallback = match value {
                        "local" => Fallback::Local,
                        "skip" => Fallback::Skip,
                        _ => return Err(format!("{option}: expected local or skip")),
                    };
                }
                "password-file" => {
                    let password = read(value)?;
                    let password = String::from_utf8_lossy(&password).trim_end().to_owned();
                    let settings = info.redis_settings().clone().set_password(password);
                    info = info.set_redis_settings(settings);
                }
                "ca" => authority = Some(read(value)?),
                _ => return Err(format!("{name}: no such option")),
            }
        }
        let client = match authority {
            Some(root) => Client::build_with_tls(
                info,
                TlsCertificates {
                    client_tls: None,
                    root_cert: Some(root),
                },
            ),
            None => Client::open(info),
        };
        result.client = client.map_err(|error| error.to_string())?;
        Ok(result)
    }
}

fn within(option: &str, value: &str, most: u64) -> Result<u64, String> {
    let number = value
        .parse()
        .ok()
        .filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("{option}: expected a number from 1 to {most}"))
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{path}: {error}"))
}

/// A URL for logs.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split('?').next().unwrap_or(host);
    format!("{scheme}://{host}")
}

impl PartialEq for Options {
    fn eq(&self, other: &Options) -> bool {
        (&self.shown, &self.prefix) == (&other.shown, &other.prefix)
    }
}

impl Eq for Options {}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, options: &[&str]) -> Result<Options, String> {
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        Options::parse(url, &options)
    }

    #[test]
    fn addresses_and_options() {
        let options = parse(
            "rediss://user:secret@cache.example:6380/3",
            &[
                "timeout=25",
                "connections=2",
                "prefix=blog:",
                "fallback=skip",
            ],
        )
        .unwrap();
        assert_eq!(options.shown, "rediss://cache.example:6380/3");
        assert_eq!(options.timeout, Duration::from_millis(25));
        assert_eq!((options.connections, options.prefix.as_str()), (2, "blog:"));
        assert_eq!(options.fallback, Fallback::Skip);
        let info = options.client.get_connection_info().redis_settings();
        assert_eq!((info.db(), info.password()), (3, Some("secret")));
        assert!(!format!("{options:?}").contains("secret"));
        assert!(parse("redis+unix:///run/redis.sock?db=1", &[]).is_ok());
    }

    #[test]
    fn mistakes_are_sentences() {
        for (url, option, expected) in [
            ("http://a/", "", "expected memory"),
            ("redis://", "", "the address of the server"),
            ("redis://a/", "timeout=0", "from 1 to 10000"),
            ("redis://a/", "timeout=10001", "from 1 to 10000"),
            ("redis://a/", "connections=65", "from 1 to 64"),
            ("redis://a/", "fallback=none", "local or skip"),
            ("redis://a/", "colour=red", "colour: no such option"),
            (
                "redis://a/",
                "ca=/nonexistent",
                "/nonexistent: No such file",
            ),
            ("redis://a/", "ca=/proc/self/status", "rediss://"),
        ] {
            let options = [option];
            let options = if option.is_empty() { &[] } else { &options[..] };
            let error = parse(url, options).unwrap_err();
            assert!(error.contains(expected), "{url} {option}: {error}");
        }
    }
}
