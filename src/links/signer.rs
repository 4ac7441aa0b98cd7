//! The proof itself, and which links get one.

use std::sync::{Arc, OnceLock};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::reference::Page;
use crate::operators::{Operator, Outcome};

/// What besides the key the proof depends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Salt {
    /// `KeyOnly`: nothing.
    None,
    /// `SessionID`: the session, or the client's address where there is none.
    Session,
    /// `RemoteIP`: the client's address.
    Address,
}

/// `SecHashKey`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The secret.
    pub secret: Vec<u8>,
    /// What it is mixed with.
    pub salt: Salt,
}

/// Where a link stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// `href` of any element.
    Href,
    /// `action` of a form.
    FormAction,
    /// `src` of an inline frame.
    IframeSrc,
    /// `src` of a frame.
    FrameSrc,
    /// The header of a redirection.
    Location,
}

impl Place {
    /// The place that `SecHashMethodRx` and `SecHashMethodPm` call so, in any case.
    pub fn lookup(name: &str) -> Option<Place> {
        let names = [
            ("HashHref", Place::Href),
            ("HashFormAction", Place::FormAction),
            ("HashIframeSrc", Place::IframeSrc),
            ("HashFrameSrc", Place::FrameSrc),
            ("HashLocation", Place::Location),
        ];
        let found = names
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, place)| *place)
    }
}

/// `SecHashMethodRx` and `SecHashMethodPm`: which links of a place are signed.
#[derive(Debug)]
pub struct Method {
    /// The place.
    pub place: Place,
    /// Which of its links: an `@rx` or `@pm`.
    pub links: Operator,
}

impl Method {
    /// What cannot be decided is selected: a link that is signed in vain does no harm.
    fn selects(&self, place: Place, link: &[u8]) -> bool {
        self.place == place && self.links.evaluate(b"", link, false) != Outcome::NoMatch
    }
}

/// Signs the links of one response.
pub struct Signer<'s> {
    /// The key with its salt.
    pub key: Vec<u8>,
    /// `SecHashParam`
    pub parameter: &'s str,
    /// Which links.
    pub methods: &'s [Arc<Method>],
}

impl Key {
    /// A secret that nobody knows, for where none is configured (and `rand`): the same as long as the process and its
    /// children live. To be asked for first while the configuration is read, so that all children have the same.
    ///
    /// Compat: in mod_security2 a graceful restart makes another one, and all links that are out become invalid.
    pub fn random() -> Key {
        static SECRET: OnceLock<[u8; 32]> = OnceLock::new();
        let secret = SECRET.get_or_init(|| {
            let mut secret = [0; 32];
            if getrandom::fill(&mut secret).is_err() {
                log::error!("no random numbers: links are signed with a key that is none");
            }
            secret
        });
        Key {
            secret: secret.to_vec(),
            salt: Salt::None,
        }
    }

    /// The key for a client: the secret, and behind it what it is mixed with.
    pub fn salted(&self, session: Option<&[u8]>, address: &str) -> Vec<u8> {
        let salt = match self.salt {
            Salt::None => b"",
            Salt::Session => session.unwrap_or(address.as_bytes()),
            Salt::Address => address.as_bytes(),
        };
        [&self.secret[..], salt].concat()
    }
}

/// The proof for path and query, as lower-case hexadecimal. A slash at the start does not count.
pub fn hash(key: &[u8], link: &[u8]) -> String {
    let link = link.strip_prefix(b"/").unwrap_or(link);
    // Keys of any length are good for HMAC.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(link);
    let code = mac.finalize().into_bytes();
    code.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Path and query before the proof, and the proof: everything behind the first `?parameter=` or `&parameter=`.
pub fn split_hash<'u>(uri: &'u [u8], parameter: &str) -> Option<(&'u [u8], &'u [u8])> {
    let name = [parameter.as_bytes(), b"="].concat();
    memchr::memmem::find_iter(uri, &name).find_map(|at| {
        let before = uri.get(..at)?;
        let link = before
            .strip_suffix(b"?")
            .or_else(|| before.strip_suffix(b"&"))?;
        Some((link, uri.get(at + name.len()..)?))
    })
}

impl Signer<'_> {
    /// The parameter that a link gets, and whether it is the first; `None` for a link that is not to be signed.
    pub(super) fn proof(
        &self,
        place: Place,
        link: &[u8],
        page: &Page<'_>,
    ) -> Option<(bool, String)> {
        let target = page.resolve(link)?;
        let selects = |method: &Arc<Method>| method.selects(place, &target.shown);
        if !self.methods.iter().any(selects) || split_hash(&target.signed, self.parameter).is_some()
        {
            return None;
        }
        let hash = hash(&self.key, &target.signed);
        Some((!target.has_query, format!("{}={hash}", self.parameter)))
    }

    /// The value of a `Location` header with its proof; `None` if it gets none.
    pub fn sign_location(&self, location: &[u8], page: &Page<'_>) -> Option<Vec<u8>> {
        let (is_first, proof) = self.proof(Place::Location, location, page)?;
        let (link, fragment) = match memchr::memchr(b'#', location) {
            Some(at) => location.split_at(at),
            None => (location.trim_ascii_end(), &b""[..]),
        };
        let separator = if is_first { b"?" } else { b"&" };
        Some([link, separator, proof.as_bytes(), fragment].concat())
    }

    /// Whether it signs links in pages.
    pub fn signs_pages(&self) -> bool {
        let mut methods = self.methods.iter();
        methods.any(|method| method.place != Place::Location)
    }
}

/// Whether the proof is right. How long it takes does not tell how much of it is.
pub fn is_right(key: &[u8], link: &[u8], given: &[u8]) -> bool {
    let right = hash(key, link);
    let differences = right
        .bytes()
        .zip(given)
        .fold(0, |all, (a, b)| all | (a ^ b));
    right.len() == given.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_those_of_mod_security2() {
        // Made by mod_security2 2.9.7 with `SecHashKey mykey`, for a client at 127.0.0.1.
        let cases: [(Salt, Option<&[u8]>, &str, &str); 5] = [
            (
                Salt::None,
                None,
                "/a?x=1",
                "b2ad9ca9697343f4fbbfd1404db076cf7d1267aa",
            ),
            (
                Salt::None,
                None,
                "/b",
                "bdbe1556335e9a7cb7c435d7561f19158011a049",
            ),
            (
                Salt::Address,
                None,
                "/a?x=1",
                "a31681f95dbda5e9e60a86be667a23c21d6b11a0",
            ),
            (
                Salt::Session,
                None,
                "/a?x=1",
                "a31681f95dbda5e9e60a86be667a23c21d6b11a0",
            ),
            (
                Salt::Session,
                Some(b"abc"),
                "/a?x=1",
                "4b80518c8207abed77fc36429db338a683db658b",
            ),
        ];
        for (salt, session, link, expected) in cases {
            let key = Key {
                secret: b"mykey".to_vec(),
                salt,
            };
            let key = key.salted(session, "127.0.0.1");
            assert_eq!(
                hash(&key, link.as_bytes()),
                expected,
                "{salt:?} {session:?}"
            );
            assert!(is_right(&key, link.as_bytes(), expected.as_bytes()));
            assert!(!is_right(&key, b"/other", expected.as_bytes()));
            assert!(!is_right(&key, link.as_bytes(), &expected.as_bytes()[..39]));
            assert!(!is_right(&key, link.as_bytes(), b""));
        }
        let long = [b'k'; 200];
        assert_eq!(hash(&long, b"x").len(), 40);
        assert_eq!(Key::random().secret, Key::random().secret);
    }

    #[test]
    fn the_proof_is_the_last_parameter() {
        let cases: [(&str, Option<(&str, &str)>); 7] = [
            ("/a?x=1&hp=abc", Some(("/a?x=1", "abc"))),
            ("/a?hp=abc", Some(("/a", "abc"))),
            ("/a?hp=", Some(("/a", ""))),
            ("/a?hp=1&x=2", Some(("/a", "1&x=2"))),
            ("/a?xhp=1", None),
            ("/a?xhp=1&hp=2", Some(("/a?xhp=1", "2"))),
            ("/a?x=1", None),
        ];
        for (uri, expected) in cases {
            let found = split_hash(uri.as_bytes(), "hp");
            let expected = expected.map(|(link, hash)| (link.as_bytes(), hash.as_bytes()));
            assert_eq!(found, expected, "{uri}");
        }
    }
}
