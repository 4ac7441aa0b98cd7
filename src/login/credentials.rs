//! Names in request headers.

use std::hash::{Hash, Hasher};

use siphasher::sip::SipHasher13;

use crate::transformations::{Env, Transformation};

/// What `Authorization` says, without what is secret in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Authorization {
    /// `None`: it cannot be read.
    pub(super) user: Option<Vec<u8>>,
    /// A number for the credentials.
    pub(super) session: u64,
}

/// Reads `Basic` and `Digest`; `None` for what names no user.
pub(super) fn authorization(header: &[u8]) -> Option<Authorization> {
    let header = header.trim_ascii();
    let end = header.iter().position(u8::is_ascii_whitespace)?;
    let (scheme, rest) = header.split_at(end);
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"Basic") {
        // What is no digit is passed over: PHP does so, httpd stops there, and browsers send neither.
        let decoded = Transformation::Base64DecodeExt.apply(rest, &Env::default());
        let colon = memchr::memchr(b':', &decoded);
        let user = colon.and_then(|at| decoded.get(..at)).map(<[u8]>::to_vec);
        return Some(Authorization {
            session: number(&[b"basic", rest]),
            user,
        });
    }
    if scheme.eq_ignore_ascii_case(b"Digest") {
        let user = parameter(rest, b"username");
        let session = number(&[b"digest", user.as_deref().unwrap_or_default()]);
        return Some(Authorization { user, session });
    }
    None
}

/// A number for texts. Nobody gains by making two alike: then the second of two logins of his is not told.
pub(super) fn number(texts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher13::new();
    texts.hash(&mut hasher);
    hasher.finish()
}

/// `name=value` or `name="value"` in a list with commas or semicolons. Quoted values may hold both, and `\"`.
pub(super) fn parameter(list: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut rest = list;
    loop {
        rest = rest.trim_ascii_start();
        while let [b',' | b';', after @ ..] = rest {
            rest = after.trim_ascii_start();
        }
        let at = rest
            .iter()
            .position(|byte| matches!(byte, b'=' | b',' | b';'))?;
        let (key, after) = rest.split_at(at);
        let wanted = key.trim_ascii().eq_ignore_ascii_case(name);
        let Some(after) = after.strip_prefix(b"=") else {
            rest = after;
            continue;
        };
        let (value, after) = value(after.trim_ascii_start());
        if wanted {
            return Some(value);
        }
        rest = after;
    }
}

/// A value and what follows it.
fn value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| matches!(byte, b',' | b';'));
        let (value, after) = text.split_at(end.unwrap_or(text.len()));
        return (value.trim_ascii_end().to_vec(), after);
    };
    let mut value = Vec::new();
    loop {
        rest = match rest {
            [b'\\', byte, after @ ..] => {
                value.push(*byte);
                after
            }
            [b'"', after @ ..] => return (value, after),
            [byte, after @ ..] => {
                value.push(*byte);
                after
            }
            [] => return (value, rest),
        };
    }
}

/// The value of a cookie in a `Cookie` header: the first of that name.
pub(super) fn cookie(header: &[u8], wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let pairs = header.split(|byte| *byte == b';');
    pairs.map(<[u8]>::trim_ascii).find_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        let (name, value) = (pair.get(..at)?, pair.get(at + 1..)?);
        wanted(name).then(|| value.to_vec())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_authorization() {
        let user = |header: &str| {
            let found = authorization(header.as_bytes());
            found.map(|found| found.user.map(|user| user.escape_ascii().to_string()))
        };
        let is = |text: &str| Some(Some(text.to_owned()));
        // bob:secret
        assert_eq!(user("Basic Ym9iOnNlY3JldA=="), is("bob"));
        assert_eq!(user("basic   Ym9iOnNlY3JldA"), is("bob"));
        assert_eq!(user("Basic Ym9i"), Some(None), "no colon");
        assert_eq!(user("Basic OnNlY3JldA=="), is(""));
        assert_eq!(user("Basic !"), Some(None));
        assert_eq!(user("Basic"), None);
        assert_eq!(user("Bearer abc"), None);
        let digest = "Digest realm=\"a, username=x\", username=\"Mufasa \\\"M\\\"\", uri=\"/\"";
        assert_eq!(user(digest), is("Mufasa \\\"M\\\""));
        assert_eq!(user("Digest username=bob,uri=/"), is("bob"));
        assert_eq!(user("Digest realm=\"x\""), Some(None));
        assert_eq!(user("Digest username"), Some(None));
    }

    #[test]
    fn other_credentials_are_another_session() {
        let session = |header: &[u8]| authorization(header).map(|found| found.session);
        assert_eq!(session(b"Basic Ym9iOjE="), session(b"Basic  Ym9iOjE="));
        assert_ne!(session(b"Basic Ym9iOjE="), session(b"Basic Ym9iOjI="));
        let digest = |nonce: &str| {
            let header = format!("Digest username=\"bob\", nonce=\"{nonce}\"");
            session(header.as_bytes())
        };
        assert_eq!(digest("1"), digest("2"));
    }

    #[test]
    fn cookies_of_requests() {
        let header = b"a=1; known=x=y;known=z";
        let named = |name: &'static [u8]| cookie(header, |found| found == name);
        assert_eq!(named(b"known"), Some(b"x=y".to_vec()));
        assert_eq!(named(b"a"), Some(b"1".to_vec()));
        assert_eq!(named(b"b"), None);
    }
}
