//! Judges one `pingback.ping`: its parameters, its source, its target.

use super::address;
use super::finding::Finding;
use super::host::Host;
use super::reason::Reason;
use super::url::{MAX_URL, Url, UrlError};
use super::{Signals, Site};
use crate::body::xmlrpc::{SubCall, Type};

/// Adds to `finding` the source, the target and what stands against them.
pub(super) fn judge(
    ping: &SubCall<'_>,
    signals: &Signals<'_>,
    site: &dyn Site,
    finding: &mut Finding,
) {
    let mut texts = ping.params.iter().map(|param| shown(param.text()));
    finding.source = Some(texts.next().unwrap_or_default());
    finding.target = texts.next();
    let mut note = |holds: bool, reason: Reason| finding.reasons.extend(holds.then_some(reason));

    note(
        ping.params.iter().any(|param| param.kind() != Type::String),
        Reason::Type,
    );
    let [source, target] = ping.params.as_slice() else {
        note(true, Reason::Arity);
        return;
    };
    let source = Url::parse(source.text());
    let target = Url::parse(target.text());
    note(is_bad(&source), Reason::BadSourceUrl);
    note(is_bad(&target), Reason::BadTargetUrl);

    if let Ok(source) = &source {
        finding.source_host = Some(source.host.to_string());
        let own = signals
            .server_address
            .map(|address| Host::Address(address.to_canonical()));
        note(
            address::is_private(&source.host) || own.as_ref() == Some(&source.host),
            Reason::PrivateSource,
        );
        note(
            !matches!(source.port, None | Some(80 | 443)),
            Reason::OddPort,
        );
        note(source.userinfo, Reason::Userinfo);
        note(
            matches!(source.host, Host::Address(_)),
            Reason::AddressSource,
        );
    }
    if let Ok(target) = &target {
        finding.target_page = Some(format!(
            "{}{}",
            target.host,
            target.path.trim_end_matches('/')
        ));
        note(
            !site.serves(&target.host.to_string()),
            Reason::TargetNotHere,
        );
        note(target.is_root(), Reason::RootTarget);
        note(target.userinfo, Reason::Userinfo);
        note(
            source.is_ok_and(|source| source.is_same_page(target)),
            Reason::SameUrl,
        );
    }
}

/// Whether this is no URL, or one whose host is written in disguise.
fn is_bad(url: &Result<Url<'_>, UrlError>) -> bool {
    url.as_ref().map_or(true, |url| url.disguised)
}

/// A parameter as logs and rules see it. What is longer than any URL is cut; it is refused anyway.
fn shown(text: &[u8]) -> Vec<u8> {
    let text = text.trim_ascii();
    text.get(..MAX_URL).unwrap_or(text).to_vec()
}
