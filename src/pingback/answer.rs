//! What a pingback server answers: XML-RPC, with the codes that the specification and its senders know.

use super::finding::{Finding, Verdict};
use super::reason::{Reason, Weight};

/// Codes of faults (Pingback 1.0, section 2.3; XML-RPC's own below zero).
pub mod code {
    /// The body is not well-formed, or not in the encoding that it says.
    pub const NOT_WELL_FORMED: i32 = -32_700;
    /// The body is XML and no call.
    pub const NOT_A_CALL: i32 = -32_600;
    /// There is no such method here.
    pub const NO_SUCH_METHOD: i32 = -32_601;
    /// The parameters are not two strings.
    pub const WRONG_PARAMETERS: i32 = -32_602;
    /// Anything else.
    pub const GENERIC: i32 = 0;
    /// The source does not exist.
    pub const NO_SOURCE: i32 = 16;
    /// The source has no link to the target.
    pub const NO_LINK: i32 = 17;
    /// The target does not exist.
    pub const NO_TARGET: i32 = 32;
    /// The target takes no pingbacks.
    pub const NOT_A_TARGET: i32 = 33;
    /// The ping is known already.
    pub const ALREADY_REGISTERED: i32 = 48;
    /// Not for this sender.
    pub const DENIED: i32 = 49;
    /// The server behind did not answer, or not as it should.
    pub const UPSTREAM: i32 = 50;
}

/// Why a ping is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault(pub i32);

impl Fault {
    /// The sentence that goes with the code.
    pub fn text(self) -> &'static str {
        match self.0 {
            code::NOT_WELL_FORMED => "The call is not well-formed.",
            code::NOT_A_CALL => "This is not an XML-RPC call.",
            code::NO_SUCH_METHOD => "There is no such method here.",
            code::WRONG_PARAMETERS => "pingback.ping has two parameters, both strings.",
            code::NO_SOURCE => "The source URI does not exist.",
            code::NO_LINK => "The source URI does not contain a link to the target URI.",
            code::NO_TARGET => "The target URI does not exist.",
            code::NOT_A_TARGET => "The target URI cannot be used as a target.",
            code::ALREADY_REGISTERED => "The pingback has already been registered.",
            code::DENIED => "Access denied.",
            code::UPSTREAM => {
                "The server behind could not be reached, or did not answer as it should."
            }
            _ => "The pingback was not taken.",
        }
    }

    /// The answer's body.
    pub fn body(self) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodResponse><fault><value><struct>\
             <member><name>faultCode</name><value><int>{}</int></value></member>\
             <member><name>faultString</name><value><string>{}</string></value></member>\
             </struct></value></fault></methodResponse>\n",
            self.0,
            self.text()
        )
    }
}

impl Reason {
    /// The fault that says so.
    pub fn fault(self) -> Fault {
        Fault(match self {
            Reason::MalformedXml | Reason::EncodingLabel | Reason::Doctype => code::NOT_WELL_FORMED,
            Reason::NotXmlRpc => code::NOT_A_CALL,
            Reason::Arity | Reason::Type => code::WRONG_PARAMETERS,
            Reason::BadSourceUrl => code::NO_SOURCE,
            Reason::BadTargetUrl | Reason::TargetNotHere | Reason::RootTarget => code::NOT_A_TARGET,
            Reason::SameUrl => code::GENERIC,
            Reason::Unverified => code::NO_LINK,
            _ => code::DENIED,
        })
    }
}

impl Finding {
    /// The fault that a pingback server answers with, if it does not take the ping: that of the first reason which decides.
    pub fn fault(&self) -> Option<Fault> {
        let is_ping = self
            .method
            .as_ref()
            .is_some_and(|method| method.eq_ignore_ascii_case(b"pingback.ping"));
        match self.verdict {
            Verdict::Genuine | Verdict::Suspicious if is_ping => None,
            Verdict::NotAPing if self.method.is_none() => Some(Fault(code::NOT_WELL_FORMED)),
            Verdict::Spam | Verdict::Abuse => Some(
                self.reasons
                    .first()
                    .map_or(Fault(code::DENIED), |reason| reason.fault()),
            ),
            _ => Some(Fault(code::NO_SUCH_METHOD)),
        }
    }
}

impl Finding {
    /// The fault that a refusal is answered with (`SecPingbackResponse fault`): that of the first reason which decides by
    /// itself; where oddities or other rules decide, access is denied. `None` where this is no business of pingbacks.
    pub fn refusal(&self) -> Option<Fault> {
        let decides = |reason: &&Reason| !matches!(reason.weight(), Weight::Points(_));
        let reason = self.reasons.iter().find(decides);
        let fault = reason.map_or(Fault(code::DENIED), |reason| reason.fault());
        (self.verdict != Verdict::NotAPing).then_some(fault)
    }
}

/// The answer to a ping that was taken.
pub fn accepted(source: &str, target: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodResponse><params><param><value><string>\
         Pingback from {} to {} accepted.</string></value></param></params></methodResponse>\n",
        escaped(source),
        escaped(target)
    )
}

/// Text as XML has it. What no XML may have is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\0'..='\u{8}' | '\u{B}'..='\u{1F}' | '\u{FFFE}'..='\u{FFFF}' => {}
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::xml;

    fn text_of(body: &str) -> Vec<String> {
        let document = xml::parse(body.as_bytes(), xml::Options::default());
        assert!(document.error().is_none(), "{body}");
        let values = document
            .elements()
            .filter(|e| matches!(e.name(), b"int" | b"string"));
        values
            .map(|e| String::from_utf8_lossy(e.text()).into_owned())
            .collect()
    }

    #[test]
    fn answers_are_what_senders_read() {
        assert_eq!(
            text_of(&Fault(17).body()),
            [
                "17",
                "The source URI does not contain a link to the target URI."
            ]
        );
        let body = accepted("http://a.example/?p=1&q=<2>", "http://b.example/\u{1}x");
        assert_eq!(
            text_of(&body),
            ["Pingback from http://a.example/?p=1&q=<2> to http://b.example/x accepted."]
        );
        assert!(!body.contains("<fault>"));
    }

    #[test]
    fn every_reason_has_its_fault() {
        let codes: Vec<(&str, i32)> = Reason::ALL
            .iter()
            .map(|r| (r.name(), r.fault().0))
            .collect();
        for expected in [
            ("malformed-xml", -32_700),
            ("not-xmlrpc", -32_600),
            ("arity", -32_602),
            ("bad-source-url", 16),
            ("unverified", 17),
            ("target-not-here", 33),
            ("root-target", 33),
            ("same-url", 0),
            ("private-source", 49),
            ("multicall", 49),
        ] {
            assert!(codes.contains(&expected), "{expected:?} in {codes:?}");
        }
    }

    #[test]
    fn the_first_reason_that_decides_has_the_word() {
        let code = |reasons: &[Reason]| {
            let mut finding = Finding {
                reasons: reasons.to_vec(),
                ..Finding::default()
            };
            finding.conclude();
            finding.refusal().map(|fault| fault.0)
        };
        assert_eq!(code(&[Reason::Chunked, Reason::MalformedXml]), Some(-32700));
        assert_eq!(code(&[Reason::RootTarget, Reason::PrivateSource]), Some(33));
        assert_eq!(code(&[Reason::PrivateSource]), Some(49));
        assert_eq!(code(&[Reason::Multicall, Reason::NoAgent]), Some(49));
        assert_eq!(code(&[Reason::NoAgent, Reason::Chunked]), Some(49));
        assert_eq!(code(&[]), Some(49));
        assert_eq!(Finding::default().refusal(), None);
    }
}
