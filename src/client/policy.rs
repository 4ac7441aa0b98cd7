//! Which header is believed, and from whom: the directives `SecClientAddress`, `SecTrustedProxy`, `SecClientAddressHeader`.

use super::networks::{Network, NetworkSet};

/// Who decides who the client is (`SecClientAddress`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Source {
    /// `peer`: the other end of the TCP connection, whatever any header says.
    Peer,
    /// `remoteip`: httpd's `useragent_ip`. That is mod_remoteip's answer where it is loaded and configured, else the peer.
    #[default]
    RemoteIp,
    /// `header`: the forwarding header, read by Palisade itself and believed from trusted proxies only.
    Header,
}

impl Source {
    /// Reads the argument of `SecClientAddress`, in any case.
    pub fn parse(text: &str) -> Result<Source, String> {
        match text.to_ascii_lowercase().as_str() {
            "peer" => Ok(Source::Peer),
            "remoteip" => Ok(Source::RemoteIp),
            "header" => Ok(Source::Header),
            _ => Err(format!(
                "SecClientAddress must be peer, remoteip or header, not \"{text}\""
            )),
        }
    }
}

/// The header that carries the client's address (`SecClientAddressHeader`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`: a list of addresses to which every proxy appends the one it was spoken to from.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): the same with `for=` and quoting.
    Forwarded,
    /// A header with exactly one address, which the proxy sets and does not merely append to: `X-Real-IP`, `CF-Connecting-IP`.
    Single(String),
}

impl ForwardingHeader {
    /// Reads the argument of `SecClientAddressHeader`: a header name, in any case.
    pub fn parse(text: &str) -> Result<ForwardingHeader, String> {
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if text.is_empty() || !text.bytes().all(is_token) {
            return Err(format!(
                "SecClientAddressHeader must be the name of a header, not \"{text}\""
            ));
        }
        Ok(if text.eq_ignore_ascii_case("X-Forwarded-For") {
            ForwardingHeader::XForwardedFor
        } else if text.eq_ignore_ascii_case("Forwarded") {
            ForwardingHeader::Forwarded
        } else {
            ForwardingHeader::Single(text.to_owned())
        })
    }

    /// The header's name.
    pub fn name(&self) -> &str {
        match self {
            ForwardingHeader::XForwardedFor => "X-Forwarded-For",
            ForwardingHeader::Forwarded => "Forwarded",
            ForwardingHeader::Single(name) => name,
        }
    }
}

/// How the client's address is found.
///
/// The default believes httpd (which believes mod_remoteip where that is configured) and no proxy of its own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    /// Who decides.
    pub source: Source,
    /// The proxies whose word is taken, and who are never the culprit (`SecTrustedProxy`).
    pub trusted: NetworkSet,
    /// The header they write.
    pub header: ForwardingHeader,
}

impl Policy {
    /// Adds one argument of `SecTrustedProxy`: a network in CIDR notation or a plain address.
    ///
    /// All of IPv4 or IPv6 is an error: with everybody trusted, the walk ends at the left-most entry, which any client writes
    /// as it likes.
    pub fn trust(&mut self, text: &str) -> Result<(), String> {
        let network = Network::parse(text).map_err(|error| format!("SecTrustedProxy: {error}"))?;
        if network.is_everybody() {
            return Err(format!(
                "SecTrustedProxy: {text} would trust everybody, and every client could name itself; name the networks of your proxies"
            ));
        }
        self.trusted.extend([network]);
        Ok(())
    }

    /// The headers to keep as received, before mod_remoteip takes them out: the configured one first.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers().map(ForwardingHeader::name)
    }

    /// The configured header, then the standard ones, each once.
    pub(super) fn headers(&self) -> impl Iterator<Item = &ForwardingHeader> {
        const STANDARD: [ForwardingHeader; 2] =
            [ForwardingHeader::XForwardedFor, ForwardingHeader::Forwarded];
        let others = STANDARD.iter().filter(|&standard| *standard != self.header);
        std::iter::once(&self.header).chain(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        assert_eq!(Source::parse("Peer"), Ok(Source::Peer));
        assert_eq!(Source::parse("remoteIP"), Ok(Source::RemoteIp));
        assert_eq!(Source::parse("header"), Ok(Source::Header));
        assert_eq!(Source::default(), Source::RemoteIp);
        let error = Source::parse("proxy").expect_err("not a source");
        assert_eq!(
            error,
            "SecClientAddress must be peer, remoteip or header, not \"proxy\""
        );
    }

    #[test]
    fn headers() {
        assert_eq!(
            ForwardingHeader::parse("x-forwarded-FOR"),
            Ok(ForwardingHeader::XForwardedFor)
        );
        assert_eq!(
            ForwardingHeader::parse("forwarded"),
            Ok(ForwardingHeader::Forwarded)
        );
        let single = ForwardingHeader::parse("CF-Connecting-IP").expect("a header");
        assert_eq!(
            single,
            ForwardingHeader::Single("CF-Connecting-IP".to_owned())
        );
        for text in ["", "X Real IP", "X-Real-IP:", "X-Réal-IP", "X-Real-IP\n"] {
            assert!(
                ForwardingHeader::parse(text).is_err_and(|e| e.contains(text)),
                "{text:?}"
            );
        }
        let mut policy = Policy::default();
        assert!(policy.header_names().eq(["X-Forwarded-For", "Forwarded"]));
        policy.header = ForwardingHeader::Forwarded;
        assert!(policy.header_names().eq(["Forwarded", "X-Forwarded-For"]));
        policy.header = single;
        assert!(
            policy
                .header_names()
                .eq(["CF-Connecting-IP", "X-Forwarded-For", "Forwarded"])
        );
    }

    #[test]
    fn trusted_proxies() {
        let mut policy = Policy::default();
        assert!(policy.trusted.is_empty());
        policy.trust("10.0.0.0/8").expect("a network");
        policy.trust("2001:db8::7").expect("an address");
        assert!(policy.trusted.contains([10, 1, 2, 3].into()));
        assert!(!policy.trusted.contains([11, 1, 2, 3].into()));
        for everybody in ["0.0.0.0/0", "::/0"] {
            let error = policy.trust(everybody).expect_err(everybody);
            assert!(error.contains("everybody"), "{error}");
        }
        assert!(
            policy
                .trust("proxy.example")
                .is_err_and(|e| e.starts_with("SecTrustedProxy: \"proxy.example\""))
        );
    }
}
