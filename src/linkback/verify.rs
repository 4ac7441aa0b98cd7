//! Does the source link to the target?

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use url::Url;

use super::fetch::{self, End, Failure, Response};
use super::memory::Memory;
use super::options::Options;
use super::page::{self, Name};
use crate::limits;
use crate::lookups;
use crate::pingback::address;
use crate::pingback::host::Host;
use crate::pingback::url as strict;

/// How long it is remembered that a link is there.
const FOUND_LASTS: Duration = Duration::from_secs(limits::PINGBACK_RESULT_SECONDS);

/// How long it is remembered that none is there: a page that is put right gets another chance.
const NOT_FOUND_LASTS: Duration = Duration::from_secs(limits::PINGBACK_RESULT_SECONDS / 2);

/// What the source is to the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verified {
    /// It links to it.
    Yes,
    /// It does not, or it is not there.
    No,
    /// That could not be found out, and not because of the source.
    Unknown,
}

impl Verified {
    /// The value of `PINGBACK:verified`.
    pub fn name(self) -> &'static str {
        match self {
            Verified::Yes => "yes",
            Verified::No => "no",
            Verified::Unknown => "unknown",
        }
    }
}

macro_rules! outcomes {
    ($($kind:ident $code:literal $name:literal $verified:ident $remembered:literal, $doc:literal;)*) => {
        /// What came of a verification.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Outcome {
            $(#[doc = $doc] $kind,)*
        }

        impl Outcome {
            /// All of them.
            pub const ALL: &'static [Outcome] = &[$(Outcome::$kind),*];

            /// The value of `PINGBACK:verification`.
            pub fn name(self) -> &'static str {
                match self { $(Outcome::$kind => $name),* }
            }

            /// What it says about the link.
            pub fn verified(self) -> Verified {
                match self { $(Outcome::$kind => Verified::$verified),* }
            }

            /// Whether it is the same the next time, for a while.
            fn is_remembered(self) -> bool {
                match self { $(Outcome::$kind => $remembered),* }
            }

            pub(super) fn code(self) -> u8 {
                match self { $(Outcome::$kind => $code),* }
            }

            pub(super) fn from_code(code: u8) -> Option<Outcome> {
                match code { $($code => Some(Outcome::$kind),)* _ => None }
            }
        }
    };
}

outcomes! {
    Linked 1 "linked" Yes true, "The source links to the target.";
    NoLink 2 "no-link" No true, "The source does not.";
    Status 3 "status" No true, "The source is not there, or not for us: an answer other than 200.";
    NotHtml 4 "not-html" No true, "The source is no page.";
    Inside 5 "inside" No true, "The source leads to an address that is not public, or to another port.";
    NoName 6 "no-name" No true, "There is no such host.";
    Closed 7 "closed" No true, "Nobody answers at the source's address.";
    Late 8 "late" No true, "The source did not answer in time.";
    Redirects 9 "redirects" No true, "The source redirects too often, or to nowhere.";
    Broken 10 "broken" No true, "The source does not speak HTTP, or has no valid certificate.";
    TooLong 11 "too-long" Unknown true, "There is no link in as much of the page as is read.";
    Silent 12 "silent" Unknown false, "Nothing came back, neither from this source nor from any other before.";
    NoNetwork 13 "no-network" Unknown false, "This server has no way to the source.";
    NoNames 14 "no-names" Unknown false, "No name server answered.";
    Busy 15 "busy" Unknown false, "Enough is being fetched, or was fetched in this minute.";
}

/// Asks sources whether they link to targets.
pub struct Verifier<'a> {
    /// Within these bounds.
    pub options: Options,
    /// What all processes know.
    pub memory: &'a Memory,
    /// The addresses of names.
    pub names: &'a lookups::Resolver,
    /// Where connections go instead of to an address that was looked at.
    #[cfg(test)]
    pub(super) detour: fn(SocketAddr) -> SocketAddr,
}

impl<'a> Verifier<'a> {
    /// A verifier.
    pub fn new(options: Options, memory: &'a Memory, names: &'a lookups::Resolver) -> Verifier<'a> {
        Verifier {
            options,
            memory,
            names,
            #[cfg(test)]
            detour: |address| address,
        }
    }

    /// Whether `source` links to `target`, for the client who says so. `own` is the address that this server was reached at: it
    /// is not asked.
    pub fn verify(&self, source: &[u8], target: &[u8], client: IpAddr, own: IpAddr) -> Outcome {
        let now = SystemTime::now();
        let question = [source, target];
        if let Some(known) = self.memory.recall(&question, now) {
            return known;
        }
        let (Some(source), Some(target)) = (parsed(source), parsed(target)) else {
            return Outcome::NoLink;
        };
        let (Some(target), Some(host)) = (Name::of(&target), source.host_str()) else {
            return Outcome::NoLink;
        };
        let Options {
            timeout,
            at_once,
            per_host,
            per_minute,
            ..
        } = self.options;
        // Whoever is late in here is so by the time of one read or write at most.
        let longest = timeout + Duration::from_secs(1);
        let Some(held) = self.memory.verifying.take(at_once, longest, now) else {
            return Outcome::Busy;
        };
        if !self.memory.admit(host, per_host, per_minute, now) {
            return Outcome::Busy;
        }
        let visit = Visit {
            verifier: self,
            own: own.to_canonical(),
            agent: format!(
                concat!(
                    "Palisade/",
                    env!("CARGO_PKG_VERSION"),
                    "; verifying pingback from {}"
                ),
                client
            ),
            client: client.to_string(),
            deadline: Instant::now() + timeout,
        };
        let outcome = visit.follow(source, &target);
        drop(held);
        if outcome.is_remembered() {
            let lasts = match outcome.verified() {
                Verified::Yes => FOUND_LASTS,
                _ => NOT_FOUND_LASTS,
            };
            self.memory
                .remember(&question, outcome, lasts, SystemTime::now());
        }
        outcome
    }
}

/// A URL as it is asked for, if strict readers take it for one too.
fn parsed(text: &[u8]) -> Option<Url> {
    strict::Url::parse(text).ok()?;
    Url::parse(str::from_utf8(text).ok()?).ok()
}

/// One verification.
struct Visit<'v> {
    verifier: &'v Verifier<'v>,
    own: IpAddr,
    agent: String,
    client: String,
    deadline: Instant,
}

impl Visit<'_> {
    /// Goes to the source, and where it leads.
    fn follow(&self, mut location: Url, target: &Name) -> Outcome {
        for _ in 0..=limits::PINGBACK_VERIFY_REDIRECTS {
            let response = match self.fetch(&location) {
                Ok(response) => response,
                Err(outcome) => return outcome,
            };
            if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
                return judge(&response, &location, target);
            }
            let next = response.header("location");
            let Some(next) = next.and_then(|next| location.join(next).ok()) else {
                return Outcome::Redirects;
            };
            location = next;
        }
        Outcome::Redirects
    }

    fn fetch(&self, location: &Url) -> Result<Response, Outcome> {
        let addresses = self.addresses(location)?;
        let response = fetch::send(&fetch::Request {
            url: location,
            addresses: &addresses,
            headers: &[
                ("User-Agent", &self.agent),
                ("X-Pingback-Forwarded-For", &self.client),
                ("Accept", "text/html, application/xhtml+xml;q=0.9"),
                ("Accept-Encoding", "gzip"),
                ("Connection", "close"),
            ],
            form: None,
            any_certificate: false,
            deadline: self.deadline,
            bytes: self.verifier.options.bytes,
        });
        let memory = self.verifier.memory;
        match response {
            Ok(response) => {
                memory.note_reached();
                Ok(response)
            }
            Err(failure) => Err(match failure {
                Failure::Closed => Outcome::Closed,
                // Whether silence is the source's fault, only other sources can tell.
                Failure::Silent if memory.has_reached() => Outcome::Late,
                Failure::Silent => Outcome::Silent,
                Failure::Late => Outcome::Late,
                Failure::Tls | Failure::Broken => Outcome::Broken,
                Failure::Ours => Outcome::NoNetwork,
            }),
        }
    }

    /// The addresses of a place, each of which may be asked.
    fn addresses(&self, location: &Url) -> Result<Vec<SocketAddr>, Outcome> {
        let place =
            strict::Url::parse(location.as_str().as_bytes()).map_err(|_| Outcome::Inside)?;
        let port = location.port_or_known_default().unwrap_or_default();
        let named_alike = location.host_str().is_some_and(|host| {
            host.trim_matches(['[', ']']).trim_end_matches('.') == place.host.to_string()
        });
        let fits = !place.userinfo && !place.disguised && matches!(port, 80 | 443) && named_alike;
        if !fits || address::is_private(&place.host) {
            return Err(Outcome::Inside);
        }
        let found = match &place.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => self
                .verifier
                .names
                .addresses(name, self.deadline)
                .map_err(|_| Outcome::NoNames)?,
        };
        if found.is_empty() {
            return Err(Outcome::NoName);
        }
        let inside = |address: &IpAddr| {
            let address = address.to_canonical();
            address == self.own || address::is_private(&Host::Address(address))
        };
        if found.iter().any(inside) {
            return Err(Outcome::Inside);
        }
        let addresses = found
            .into_iter()
            .map(|address| SocketAddr::new(address, port));
        #[cfg(test)]
        let addresses = addresses.map(self.verifier.detour);
        Ok(addresses.collect())
    }
}

/// What an answer says about the link.
fn judge(response: &Response, location: &Url, target: &Name) -> Outcome {
    if response.status != 200 {
        return Outcome::Status;
    }
    let media_type = response.header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let is_html = ["text/html", "application/xhtml+xml"]
        .iter()
        .any(|known| media_type.eq_ignore_ascii_case(known));
    if !is_html {
        return Outcome::NotHtml;
    }
    match response.end {
        _ if page::links_to(&response.body, location, target) => Outcome::Linked,
        End::Whole => Outcome::NoLink,
        End::Limit => Outcome::TooLong,
        End::Broken => Outcome::Late,
    }
}

#[cfg(test)]
#[path = "verify/tests.rs"]
mod tests;
