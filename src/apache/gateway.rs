//! `SecPingbackGateway`: a location that takes pings and delivers them as webmentions.
//!
//! Rules have had their say by then, if there are any; this is only who answers. It works without them, too: what a ping must be is
//! judged here as well, and what is none gets its fault.

use std::ffi::c_int;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use super::guard::{self, Answer, Outcome};
use super::host::brigade::{Brigade, Kind};
use super::host::request::Request;
use super::{dirconf, engine_host, facts, shared, state, sys};
use crate::body::xml;
use crate::config::Config;
use crate::limits;
use crate::linkback::{Endpoint, Gateway, Own, Verified, Verifier};
use crate::pingback::answer::{self, Fault, code};
use crate::pingback::{self, Finding, Signals};

/// Bytes asked for at a time.
const READ_SIZE: usize = 8192;

/// The handler.
pub(super) unsafe extern "C" fn handler(request: *mut sys::request_rec) -> c_int {
    // SAFETY: httpd hands the hook a request that is alive and that only this thread works on until the hook returns.
    let Some(request) = (unsafe { Request::from_raw(request) }) else {
        return sys::DECLINED;
    };
    let answered = guard::catch("handler", Some(request.server()), || {
        guard::planted(request, "handler");
        let config = dirconf::of_request(request).map(|config| config.resolved());
        match config
            .as_ref()
            .and_then(|config| Some((config, config.pingback_gateway.clone()?)))
        {
            Some((config, endpoint)) => answer(request, config, &endpoint),
            None => Outcome::Declined,
        }
    });
    answered.unwrap_or(Outcome::Status(500)).raw()
}

fn answer(request: Request<'_>, config: &Config, endpoint: &Endpoint) -> Outcome {
    if !request.allows_posting() {
        return Outcome::Status(405);
    }
    let body = match read(request) {
        Ok(body) => body,
        Err(outcome) => return outcome,
    };
    let result = match body {
        Some(body) => take(request, config, endpoint, &body),
        None => Err(Fault(code::GENERIC)),
    };
    let (text, note) = match result {
        Ok(text) => (text, "accepted".to_owned()),
        Err(fault) => (fault.body(), format!("fault {}", fault.0)),
    };
    // For the access log: `%{PINGBACK_GATEWAY}e`.
    request
        .environment()
        .set(c"PINGBACK_GATEWAY", note.as_bytes());
    request.answer(c"text/xml; charset=utf-8", text.as_bytes());
    Outcome::Done
}

/// The body; `None` where it is longer than any ping.
fn read(request: Request<'_>) -> Result<Option<Vec<u8>>, Outcome> {
    let mut brigade = Brigade::new(request).ok_or(Outcome::Status(500))?;
    let failed = |status: super::host::brigade::Status| match status.0 {
        sys::AP_FILTER_ERROR => Outcome::AlreadyAnswered,
        _ => Outcome::Status(400),
    };
    let (mut body, mut ended) = (Vec::new(), false);
    while !ended {
        request.read_body(&mut brigade, READ_SIZE).map_err(failed)?;
        while let Some(mut bucket) = brigade.front() {
            match bucket.kind() {
                Kind::EndOfStream => ended = true,
                Kind::Data if body.len() <= pingback::RECOGNITION_WINDOW => {
                    body.extend_from_slice(bucket.read().map_err(failed)?);
                }
                _ => {}
            }
            bucket.discard();
        }
    }
    Ok((body.len() <= pingback::RECOGNITION_WINDOW).then_some(body))
}

/// Judges a ping and delivers it. The answer's body.
fn take(
    request: Request<'_>,
    config: &Config,
    endpoint: &Endpoint,
    body: &[u8],
) -> Result<String, Fault> {
    let forwarding = state::of(request).map_or(&[][..], |state| &state.forwarding);
    let connection = facts::connection(request, config, forwarding);
    let document = xml::parse(body, xml::Options::default());
    let mut signals = Signals::from_headers(request.headers_in().iter());
    signals.server_address = Some(connection.local_ip);
    let inspection = pingback::inspect(&document, body, &signals, &engine_host::is_served);
    let finding = inspection.finding;
    if let Some(fault) = finding.fault() {
        return Err(fault);
    }
    let Some((source, target)) = texts(&finding) else {
        return Err(Fault(code::WRONG_PARAMETERS));
    };
    let client = connection.client.client;
    if let Some(options) = config.pingback_verify {
        let verifier = Verifier::new(
            options.before_delivery(),
            shared::linkbacks(),
            &config.resolver,
        );
        let outcome = verifier.verify(
            source.as_bytes(),
            target.as_bytes(),
            client,
            connection.local_ip,
        );
        if outcome.verified() == Verified::No {
            return Err(Fault(code::NO_LINK));
        }
    }
    let spent = SystemTime::now()
        .duration_since(request.time())
        .unwrap_or_default();
    let whole = Duration::from_millis(limits::PINGBACK_GATEWAY_TIMEOUT);
    let host = String::from_utf8_lossy(request.headers_in().get(c"Host").unwrap_or_default());
    let gateway = Gateway {
        endpoint,
        memory: shared::linkbacks(),
        names: &config.resolver,
        own: Own {
            address: SocketAddr::new(connection.local_ip, connection.local_port),
            secure: request.is_secure(),
            host: &host,
        },
        client,
        deadline: Instant::now() + whole.saturating_sub(spent),
    };
    gateway.deliver(source, target)?;
    Ok(answer::accepted(source, target))
}

fn texts(finding: &Finding) -> Option<(&str, &str)> {
    let source = str::from_utf8(finding.source.as_deref()?).ok()?;
    let target = str::from_utf8(finding.target.as_deref()?).ok()?;
    Some((source, target))
}
