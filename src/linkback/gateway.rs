//! A ping becomes a webmention: the endpoint is told of source and target, and its answer becomes that to the ping.
//!
//! The endpoint is the administrator's word, or stands in the target itself, which is a page of this server; then it must be of the
//! same host, and both are asked for at the address that the ping came to. So no client chooses where a connection goes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use url::{Host, Url, form_urlencoded};

use super::fetch::{self, Failure, Response};
use super::memory::Memory;
use super::verify::Outcome;
use crate::html::{Scanner, Value};
use crate::limits;
use crate::lookups;
use crate::pingback::answer::{Fault, code};

/// What the gateway calls itself.
const AGENT: &str = concat!(
    "Palisade/",
    env!("CARGO_PKG_VERSION"),
    " (pingback gateway)"
);

/// Where webmentions go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// Here.
    At(Url),
    /// To where the target says.
    Discovered,
}

impl Endpoint {
    /// Reads `discover` or an absolute URL.
    pub fn parse(text: &str) -> Result<Endpoint, String> {
        if text.eq_ignore_ascii_case("discover") {
            return Ok(Endpoint::Discovered);
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Ok(Endpoint::At(url))
            }
            _ => Err(format!(
                "it takes an absolute http or https URL, or discover: {text}"
            )),
        }
    }
}

/// This server, as the ping came to it.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    /// The address and port.
    pub address: SocketAddr,
    /// Whether it speaks TLS there.
    pub secure: bool,
    /// The host that was asked for, with its port.
    pub host: &'a str,
}

/// Delivers pings.
pub struct Gateway<'a> {
    /// To whom.
    pub endpoint: &'a Endpoint,
    /// What all processes know.
    pub memory: &'a Memory,
    /// The addresses of names, for an endpoint elsewhere.
    pub names: &'a lookups::Resolver,
    /// This server.
    pub own: Own<'a>,
    /// Who sent the ping.
    pub client: IpAddr,
    /// When there must be an answer.
    pub deadline: Instant,
}

impl Gateway<'_> {
    /// Tells the endpoint.
    ///
    /// # Errors
    /// The fault to answer with.
    pub fn deliver(&self, source: &str, target: &str) -> Result<(), Fault> {
        let question: [&[u8]; 3] = [b"delivered", source.as_bytes(), target.as_bytes()];
        let now = SystemTime::now();
        if self.memory.recall(&question, now).is_some() {
            return Err(Fault(code::ALREADY_REGISTERED));
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        let longest = left + Duration::from_secs(1);
        let at_once = limits::PINGBACK_DELIVER_AT_ONCE;
        let held = self.memory.delivering.take(at_once, longest, now);
        let _held = held.ok_or(Fault(code::UPSTREAM))?;
        let endpoint = match self.endpoint {
            Endpoint::At(url) => url.clone(),
            Endpoint::Discovered => self.discover(target)?,
        };
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("source", source)
            .append_pair("target", target)
            .finish();
        let response = self
            .follow(endpoint, Some(&form))
            .map(|(response, _)| response)?;
        match fault(response.status, &response.body) {
            Some(fault) => Err(fault),
            None => {
                let lasts = Duration::from_secs(limits::PINGBACK_RESULT_SECONDS);
                self.memory
                    .remember(&question, Outcome::Linked, lasts, SystemTime::now());
                Ok(())
            }
        }
    }

    /// The endpoint that the target names: in its header `Link`, or in the page.
    fn discover(&self, target: &str) -> Result<Url, Fault> {
        let target = Url::parse(target).map_err(|_| Fault(code::NOT_A_TARGET))?;
        let (response, page) = self.follow(target.clone(), None)?;
        match response.status {
            200 => {}
            404 | 410 => return Err(Fault(code::NO_TARGET)),
            401 | 403 => return Err(Fault(code::NOT_A_TARGET)),
            _ => return Err(Fault(code::UPSTREAM)),
        }
        let named = in_links(&response).or_else(|| in_page(&response.body));
        let endpoint = named.and_then(|named| page.join(&named).ok());
        endpoint
            .filter(|endpoint| endpoint.host_str() == target.host_str())
            .ok_or(Fault(code::NOT_A_TARGET))
    }

    /// Asks for a place, and once more where a redirection stays on the host. What answered, and where.
    fn follow(&self, mut place: Url, form: Option<&str>) -> Result<(Response, Url), Fault> {
        for _ in 0..=limits::PINGBACK_VERIFY_REDIRECTS {
            let response = self.ask(&place, form).map_err(|_| Fault(code::UPSTREAM))?;
            if !matches!(response.status, 301 | 302 | 307 | 308) {
                return Ok((response, place));
            }
            let next = response.header("location");
            let next = next.and_then(|next| place.join(next).ok());
            let stays = |next: &Url| next.host_str() == place.host_str();
            place = next.filter(stays).ok_or(Fault(code::UPSTREAM))?;
        }
        Err(Fault(code::UPSTREAM))
    }

    fn ask(&self, place: &Url, form: Option<&str>) -> Result<Response, Failure> {
        let client = self.client.to_string();
        let mut headers = vec![
            ("User-Agent", AGENT),
            ("X-Forwarded-For", client.as_str()),
            ("Connection", "close"),
        ];
        let authority = match place.port() {
            Some(port) => format!("{}:{port}", place.host_str().unwrap_or_default()),
            None => place.host_str().unwrap_or_default().to_owned(),
        };
        let (url, addresses, is_ours) = match self.endpoint {
            Endpoint::Discovered => {
                // The page as this server has it: a proxy in front may speak TLS and this server not.
                let mut url = place.clone();
                let scheme = if self.own.secure { "https" } else { "http" };
                if place.scheme() != scheme {
                    headers.push(("X-Forwarded-Proto", place.scheme()));
                }
                let _ = url.set_scheme(scheme);
                headers.push(("Host", &authority));
                (url, vec![self.own.address], true)
            }
            Endpoint::At(_) => {
                let port = place.port_or_known_default().unwrap_or(80);
                let at = |address| SocketAddr::new(address, port);
                let (addresses, is_here) = match place.host() {
                    Some(Host::Ipv4(address)) => (vec![at(address.into())], true),
                    Some(Host::Ipv6(address)) => (vec![at(address.into())], true),
                    Some(Host::Domain("localhost")) => (vec![at(Ipv4Addr::LOCALHOST.into())], true),
                    Some(Host::Domain(name)) => {
                        let found = self.names.addresses(name, self.deadline);
                        let found = found.map_err(|_| Failure::Ours)?;
                        (found.into_iter().map(at).collect(), false)
                    }
                    None => (Vec::new(), false),
                };
                // An address is no name that a server knows its sites by.
                let host = if is_here && !self.own.host.is_empty() {
                    self.own.host
                } else {
                    &authority
                };
                headers.push(("Host", host));
                (place.clone(), addresses, is_here)
            }
        };
        if form.is_some() {
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
            headers.push(("Accept", "application/json, */*;q=0.5"));
        }
        fetch::send(&fetch::Request {
            url: &url,
            addresses: &addresses,
            headers: &headers,
            form,
            deadline: self.deadline,
            bytes: limits::PINGBACK_VERIFY_BYTES,
            any_certificate: is_ours,
        })
    }
}

/// The fault that an endpoint's answer means; none where it has taken the mention.
fn fault(status: u16, body: &[u8]) -> Option<Fault> {
    let code = match status {
        200..=299 => return None,
        400 => {
            let said: Option<serde_json::Value> = serde_json::from_slice(body).ok();
            let error = said.as_ref().and_then(|said| said.get("error")?.as_str());
            match error.unwrap_or_default() {
                "source_not_found" => code::NO_SOURCE,
                "no_link_found" => code::NO_LINK,
                "target_not_found" => code::NO_TARGET,
                "target_not_supported" | "invalid_target" => code::NOT_A_TARGET,
                "source_not_supported" => code::DENIED,
                "already_registered" => code::ALREADY_REGISTERED,
                _ => code::GENERIC,
            }
        }
        401 | 403 | 429 => code::DENIED,
        404 => code::NO_TARGET,
        409 => code::ALREADY_REGISTERED,
        300..=399 | 500..=599 => code::UPSTREAM,
        _ => code::GENERIC,
    };
    Some(Fault(code))
}

/// Whether one of the words of a `rel` says webmention.
fn is_webmention(rel: &str) -> bool {
    rel.split_ascii_whitespace().any(|word| {
        word.eq_ignore_ascii_case("webmention") || word.starts_with("http://webmention.org")
    })
}

/// The endpoint in the headers `Link` (RFC 8288).
fn in_links(response: &Response) -> Option<String> {
    let lines = response.headers.get_all("link").iter();
    lines.filter_map(|line| in_link(line.to_str().ok()?)).next()
}

fn in_link(mut line: &str) -> Option<String> {
    loop {
        let (_, rest) = line.split_once('<')?;
        let (url, rest) = rest.split_once('>')?;
        let (parameters, next) = rest.split_at(unquoted(rest, ',').unwrap_or(rest.len()));
        let mut parameters = parameters;
        while let Some(at) = unquoted(parameters, ';') {
            parameters = parameters.get(at + 1..).unwrap_or_default();
            let end = unquoted(parameters, ';').unwrap_or(parameters.len());
            let one = parameters.get(..end).unwrap_or_default();
            if let Some((name, rel)) = one.split_once('=')
                && name.trim().eq_ignore_ascii_case("rel")
            {
                if is_webmention(rel.trim().trim_matches('"')) {
                    return Some(url.trim().to_owned());
                }
                // Of several, the first counts.
                break;
            }
        }
        line = next;
    }
}

/// The first place of a character outside of quotes.
fn unquoted(text: &str, wanted: char) -> Option<usize> {
    let mut quoted = false;
    text.find(|c| {
        quoted ^= c == '"';
        c == wanted && !quoted
    })
}

/// The endpoint in a page: the first `link` or `a` that says so.
fn in_page(html: &[u8]) -> Option<String> {
    let mut scanner = Scanner::new(html);
    while let Some(tag) = scanner.next_tag() {
        if !tag.is(html, b"link") && !tag.is(html, b"a") {
            continue;
        }
        let value = |name| {
            let span = tag.attribute(html, name)?;
            Some(String::from_utf8_lossy(&Value::read(html, span).text).into_owned())
        };
        if value(b"rel").is_some_and(|rel| is_webmention(&rel))
            && let Some(href) = value(b"href")
        {
            return Some(href);
        }
    }
    None
}

#[cfg(test)]
#[path = "gateway/tests.rs"]
mod tests;
