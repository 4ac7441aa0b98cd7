//! Pingbacks: is this call one that a genuine weblog would make?
//!
//! ```text
//! body ─ body::xml ─▶ document ─ body::xmlrpc ─▶ call ─ calls ─▶ ping ─ url, address ─▶ reasons ─▶ Finding
//!                                                       header fields ─ signals ─▶ reasons ──┘
//! ```
//!
//! The call is understood, not matched against patterns: [`inspect`] reads it as the application will and says in a
//! [`Finding`] what it is and why. It refuses nothing itself; the shipped rules (`apache-conf/rules/pingback.conf`) do, over the
//! collections `XMLRPC` and `PINGBACK`, and an administrator can read and change them.
//!
//! Invariants: no network and no name look-up; work is linear in the size of the body; XML-RPC that is neither a ping nor an
//! abuse (mobile apps, desktop editors, Jetpack, `weblogUpdates.ping`) is [`Verdict::NotAPing`] whatever else is odd about it.
//!
//! Difference to mod_security2: it sees an XML document at best, and answers 500 to a malformed one before any rule runs.

use crate::body::xml::{Document, ErrorKind};
use crate::body::xmlrpc::{Call, SubCall, Type};

pub mod address;
mod calls;
mod finding;
mod reason;
mod signals;
pub mod url;

pub use calls::MAX_BUNDLED_CALLS;
pub use finding::{Finding, SPAM_SCORE, SUSPICIOUS_SCORE, Verdict};
pub use reason::{Reason, Weight};
pub use signals::Signals;

use url::{Host, Url};

/// How many bytes of a body are searched for an XML-RPC call when the XML could not be read up to its root element, which
/// happens when the encoding lies or a document type declaration defines entities. Genuine calls are shorter as a whole.
pub const RECOGNITION_WINDOW: usize = 65_536;

/// What the server knows about itself.
pub trait Site {
    /// Whether this host (lower case, ASCII, no port, no trailing dot; an IPv6 address without brackets) is a `ServerName` or
    /// `ServerAlias` here.
    fn serves(&self, host: &str) -> bool;
}

impl<F: Fn(&str) -> bool> Site for F {
    fn serves(&self, host: &str) -> bool {
        self(host)
    }
}

/// A body that has been looked at.
#[derive(Debug)]
pub struct Inspection {
    /// The call, where the body is one.
    pub call: Option<Call>,
    /// What to think of it.
    pub finding: Finding,
}

/// Inspects a body that was parsed as XML.
///
/// `start` is the beginning of the body as received, at least [`RECOGNITION_WINDOW`] bytes where there are as many: it tells
/// malformed XML-RPC from other malformed XML.
pub fn inspect(
    document: &Document,
    start: &[u8],
    signals: &Signals<'_>,
    site: &dyn Site,
) -> Inspection {
    let call = match Call::from_document(document) {
        Ok(call) => call,
        Err(_) if !is_xmlrpc(document, start) => {
            return Inspection {
                call: None,
                finding: Finding::not_a_ping(None, 0),
            };
        }
        Err(_) => {
            let mut finding = Finding::not_a_ping(None, 0);
            finding
                .reasons
                .push(match document.error().map(|error| error.kind()) {
                    None => Reason::NotXmlRpc,
                    Some(ErrorKind::Encoding) => Reason::EncodingLabel,
                    Some(_) => Reason::MalformedXml,
                });
            conclude(&mut finding, document, signals);
            return Inspection {
                call: None,
                finding,
            };
        }
    };

    let survey = calls::survey(&call);
    let mut finding = Finding::not_a_ping(Some(call.method().to_vec()), survey.count);
    finding.reasons = survey.reasons;
    if let Some(ping) = &survey.ping {
        judge_ping(ping, signals, site, &mut finding);
    }
    if survey.ping.is_some() || !finding.reasons.is_empty() || document.doctype() {
        conclude(&mut finding, document, signals);
    }
    Inspection {
        call: Some(call),
        finding,
    }
}

/// Whether a body that is not an XML-RPC call means to be one.
///
/// Compat: WordPress takes `methodResponse` and `fault` for a call when they have a `methodCall` inside.
fn is_xmlrpc(document: &Document, start: &[u8]) -> bool {
    match document.root() {
        Some(root) => {
            let is = |name: &[u8]| root.name().eq_ignore_ascii_case(name);
            let has_call = || {
                document
                    .elements()
                    .any(|element| element.name() == b"methodCall")
            };
            is(b"methodCall") || (is(b"methodResponse") || is(b"fault")) && has_call()
        }
        None => {
            let window = start.get(..RECOGNITION_WINDOW).unwrap_or(start);
            // Without its zero bytes, UTF-16 reads like ASCII.
            let text: Vec<u8> = window
                .iter()
                .filter(|&&b| b != 0)
                .map(u8::to_ascii_lowercase)
                .collect();
            // A document type declaration names the root element to come.
            let sign: &[u8] = if document.doctype() {
                b"methodcall"
            } else {
                b"<methodcall"
            };
            memchr::memmem::find(&text, sign).is_some()
        }
    }
}

/// Adds what surrounds the call, and draws the conclusion.
fn conclude(finding: &mut Finding, document: &Document, signals: &Signals<'_>) {
    finding
        .reasons
        .extend(document.doctype().then_some(Reason::Doctype));
    finding.reasons.extend(signals.reasons());
    finding.conclude();
}

/// Judges the parameters of `pingback.ping`.
fn judge_ping(ping: &SubCall<'_>, signals: &Signals<'_>, site: &dyn Site, finding: &mut Finding) {
    let mut text = ping.params.iter().map(|param| param.text().trim_ascii());
    finding.source = text.next().map(<[u8]>::to_vec);
    finding.target = text.next().map(<[u8]>::to_vec);
    let reasons = &mut finding.reasons;
    if ping.params.iter().any(|param| param.kind() != Type::String) {
        reasons.push(Reason::Type);
    }
    let [source, target] = ping.params.as_slice() else {
        reasons.push(Reason::Arity);
        return;
    };

    let source = Url::parse(source.text());
    let target = Url::parse(target.text());
    let strange = |url: &Result<Url<'_>, _>| url.as_ref().map_or(true, |url| url.disguised);
    reasons.extend(strange(&source).then_some(Reason::BadSourceUrl));
    reasons.extend(strange(&target).then_some(Reason::BadTargetUrl));
    reasons.extend(
        [&source, &target]
            .into_iter()
            .flatten()
            .any(|url| url.userinfo)
            .then_some(Reason::Userinfo),
    );
    if let Ok(source) = &source {
        let is_server = matches!(source.host, Host::Address(address) if Some(address) == signals.server_address.map(|a| a.to_canonical()));
        reasons.extend(
            (is_server || address::is_private(&source.host)).then_some(Reason::PrivateSource),
        );
        reasons.extend((!matches!(source.port, None | Some(80 | 443))).then_some(Reason::OddPort));
        reasons.extend(matches!(source.host, Host::Address(_)).then_some(Reason::AddressSource));
    }
    if let Ok(target) = &target {
        reasons.extend((!site.serves(&target.host.to_string())).then_some(Reason::TargetNotHere));
        reasons.extend(target.is_root().then_some(Reason::RootTarget));
        let is_same = source
            .as_ref()
            .is_ok_and(|source| source.is_same_page(target));
        reasons.extend(is_same.then_some(Reason::SameUrl));
    }
}
