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
use crate::body::xmlrpc::{Call, CallError};

pub mod address;
pub mod answer;
mod calls;
mod finding;
pub mod host;
mod ping;
mod punycode;
mod reason;
mod signals;
pub mod url;

pub use calls::MAX_BUNDLED_CALLS;
pub use finding::{Finding, SPAM_SCORE, SUSPICIOUS_SCORE, Verdict};
pub use reason::{Reason, Weight};
pub use signals::Signals;

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
    let call = Call::from_document(document);
    let mut finding = match &call {
        Ok(call) => of_call(call, signals, site),
        Err(error) if is_xmlrpc(document, start) => of_failure(document, *error),
        Err(_) => Finding::default(),
    };
    let concerns_us = finding.source.is_some() || !finding.reasons.is_empty();
    let has_doctype = document.doctype() && (concerns_us || call.is_ok());
    finding
        .reasons
        .extend(has_doctype.then_some(Reason::Doctype));
    if concerns_us || has_doctype {
        finding.reasons.extend(signals.reasons());
        finding.conclude();
    }
    Inspection {
        call: call.ok(),
        finding,
    }
}

/// What a call asks for.
fn of_call(call: &Call, signals: &Signals<'_>, site: &dyn Site) -> Finding {
    let survey = calls::survey(call);
    let mut finding = Finding {
        method: Some(call.method().to_vec()),
        method_count: survey.count,
        reasons: survey.reasons,
        ..Finding::default()
    };
    if let Some(ping) = &survey.ping {
        ping::judge(ping, signals, site, &mut finding);
    }
    finding
}

/// Why a body that means to be a call is none.
fn of_failure(document: &Document, error: CallError) -> Finding {
    let (reason, detail) = match document.error() {
        Some(error) if error.kind() == ErrorKind::Encoding => {
            (Reason::EncodingLabel, error.to_string())
        }
        Some(error) => (Reason::MalformedXml, error.to_string()),
        None => (Reason::NotXmlRpc, error.to_string()),
    };
    Finding {
        reasons: vec![reason],
        detail: Some(detail),
        ..Finding::default()
    }
}

/// Whether a body that is not an XML-RPC call means to be one. Text that merely speaks of calls does not.
///
/// Compat: WordPress takes `methodResponse` and `fault` for a call when they have a `methodCall` inside.
fn is_xmlrpc(document: &Document, start: &[u8]) -> bool {
    let Some(root) = document.root() else {
        let window = start.get(..RECOGNITION_WINDOW).unwrap_or(start);
        // Without its zero bytes and its mark, UTF-16 reads like ASCII.
        let text = window
            .iter()
            .filter(|b| !matches!(b, 0 | 0xBB | 0xBF | 0xEF | 0xFE | 0xFF));
        let text: Vec<u8> = text.map(u8::to_ascii_lowercase).collect();
        // A document type declaration names the root element to come.
        let sign = if document.doctype() {
            "methodcall"
        } else {
            "<methodcall"
        };
        let is_xml = text.trim_ascii_start().starts_with(b"<");
        return is_xml && memchr::memmem::find(&text, sign.as_bytes()).is_some();
    };
    let is = |name: &str| root.name().eq_ignore_ascii_case(name.as_bytes());
    let has_call = || {
        document
            .elements()
            .any(|element| element.name() == b"methodCall")
    };
    is("methodCall") || (is("methodResponse") || is("fault")) && has_call()
}
