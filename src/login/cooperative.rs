//! What an application says itself: the header [`HEADER`] of its response, or one of the [`NOTES`] of httpd's.
//!
//! `failure; user="bob"`: what happened, and to whom. `success`, `failure`, `invalid-user`, `logout`; `none` says that nothing did,
//! whatever the response looks like. `channel=api` is a call of an application's own interface, `channel=xmlrpc` and `channel=rest` are what they
//! say. A name that is not ASCII can be percent-encoded: `user*=UTF-8''J%C3%B8rn`.

use std::ffi::CStr;

use super::credentials::parameter;
use super::{Channel, Outcome};
use crate::transformations::{Env, Transformation};

/// The response header. It never reaches the client.
pub const HEADER: &CStr = c"X-Auth-Event";

/// The notes, by the names that are looked for.
pub const NOTES: [&CStr; 2] = [c"AUTH_EVENT", c"WAF_AUTH_EVENT"];

/// What was said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Said {
    /// `None`: nothing happened.
    pub(super) outcome: Option<Outcome>,
    pub(super) user: Option<Vec<u8>>,
    pub(super) channel: Channel,
}

/// Reads it; `None` where it says nothing that is known.
pub(super) fn said(value: &[u8]) -> Option<Said> {
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    let (what, rest) = value.split_at(end);
    let what = what.trim_ascii().to_ascii_lowercase();
    let outcome = match what.as_slice() {
        b"success" => Some(Outcome::Success),
        b"failure" => Some(Outcome::Failure),
        b"invalid-user" | b"invalid_user" | b"invalid" => Some(Outcome::InvalidUser),
        b"logout" => Some(Outcome::Logout),
        b"none" => None,
        _ => return None,
    };
    let encoded = parameter(rest, b"user*").and_then(|value| {
        let value = value
            .get(..7)
            .filter(|start| start.eq_ignore_ascii_case(b"UTF-8''"))
            .and_then(|_| value.get(7..))?;
        // A plus stands for itself here.
        let value = value.iter().fold(Vec::new(), |mut plain, byte| {
            match byte {
                b'+' => plain.extend_from_slice(b"%2B"),
                other => plain.push(*other),
            }
            plain
        });
        Some(
            Transformation::UrlDecode
                .apply(&value, &Env::default())
                .into_owned(),
        )
    });
    let channel = parameter(rest, b"channel").unwrap_or_default();
    Some(Said {
        outcome,
        user: encoded.or_else(|| parameter(rest, b"user")),
        channel: match channel.to_ascii_lowercase().as_slice() {
            b"api" => Channel::Api,
            b"xmlrpc" => Channel::XmlRpc,
            b"rest" => Channel::Rest,
            _ => Channel::Form,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_applications_say() {
        let shown = |text: &str| {
            let said = said(text.as_bytes())?;
            let user = said.user.map(|user| user.escape_ascii().to_string());
            Some((said.outcome, user, said.channel))
        };
        let is = |outcome, user: &str, channel| {
            let user = (!user.is_empty()).then(|| user.to_owned());
            Some((outcome, user, channel))
        };
        for (text, expected) in [
            (
                "failure; user=\"bob\"",
                is(Some(Outcome::Failure), "bob", Channel::Form),
            ),
            (
                "Success;user=bob",
                is(Some(Outcome::Success), "bob", Channel::Form),
            ),
            (
                " invalid-user ; user=\"a \\\"b\\\"; c\"",
                is(Some(Outcome::InvalidUser), "a \\\"b\\\"; c", Channel::Form),
            ),
            (
                "invalid_user",
                is(Some(Outcome::InvalidUser), "", Channel::Form),
            ),
            (
                "logout; user=a; channel=web",
                is(Some(Outcome::Logout), "a", Channel::Form),
            ),
            (
                "failure; channel=API; user=k",
                is(Some(Outcome::Failure), "k", Channel::Api),
            ),
            (
                "success; user*=utf-8''J%C3%B8+%2B",
                is(Some(Outcome::Success), "J\\xc3\\xb8++", Channel::Form),
            ),
            (
                "success; user*=latin1''x; user=y",
                is(Some(Outcome::Success), "y", Channel::Form),
            ),
            ("none", is(None, "", Channel::Form)),
            ("something; user=a", None),
            ("", None),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
