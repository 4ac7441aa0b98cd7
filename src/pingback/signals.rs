//! What surrounds the call: header fields that give away how careful its sender's programmer was.
//!
//! None of them decides alone. Serendipity sends `text/html`, many libraries no `User-Agent`, a proxy may re-chunk.

use std::net::IpAddr;

use super::reason::Reason;

/// What is known about a request besides its body.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Signals<'a> {
    /// Whether there is a `Content-Length`.
    pub content_length: bool,
    /// Whether there is a `Transfer-Encoding: chunked`.
    pub chunked: bool,
    /// The `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// The `Content-Type`.
    pub content_type: Option<&'a [u8]>,
    /// The address the server was reached at: a source there is the server itself.
    pub server_address: Option<IpAddr>,
}

impl<'a> Signals<'a> {
    /// Reads the header fields of a request, given as name and value. Of several with one name, the first counts.
    pub fn from_headers(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Signals<'a> {
        let mut signals = Signals::default();
        for (name, value) in fields {
            if name.eq_ignore_ascii_case(b"user-agent") {
                signals.user_agent.get_or_insert(value);
            } else if name.eq_ignore_ascii_case(b"content-type") {
                signals.content_type.get_or_insert(value);
            } else if name.eq_ignore_ascii_case(b"content-length") {
                signals.content_length = true;
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                let codings = value.split(|&b| b == b',').map(<[u8]>::trim_ascii);
                signals.chunked |= codings
                    .into_iter()
                    .any(|coding| coding.eq_ignore_ascii_case(b"chunked"));
            }
        }
        signals
    }

    /// The oddities.
    pub(super) fn reasons(&self) -> impl Iterator<Item = Reason> {
        let chunked = self.chunked || !self.content_length;
        let agent = self.user_agent.unwrap_or_default().trim_ascii();
        let no_agent = agent.is_empty() || agent == b"-";
        [
            chunked.then_some(Reason::Chunked),
            is_bare_php(agent).then_some(Reason::BarePhpAgent),
            no_agent.then_some(Reason::NoAgent),
            (!is_xml(self.content_type)).then_some(Reason::ContentType),
            (self.chunked && is_php_version(agent)).then_some(Reason::SpamTool),
        ]
        .into_iter()
        .flatten()
    }
}

/// `PHP/5.2.10` and nothing else, or the untouched default of a PHP library, as spam programs send them.
fn is_bare_php(agent: &[u8]) -> bool {
    is_php_version(agent) || after(agent, b"XML-RPC for PHP").is_some()
}

/// `PHP/5.2.10` and nothing else.
fn is_php_version(agent: &[u8]) -> bool {
    let is_version = |rest: &[u8]| {
        rest.iter()
            .all(|b| b.is_ascii_alphanumeric() || b".-+~_".contains(b))
    };
    after(agent, b"PHP")
        .is_some_and(|rest| rest.is_empty() || rest.strip_prefix(b"/").is_some_and(is_version))
}

/// What follows a beginning, in any case.
fn after<'t>(text: &'t [u8], prefix: &[u8]) -> Option<&'t [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `text/xml`, `application/xml` and what is made from them (`application/rpc+xml`).
fn is_xml(content_type: Option<&[u8]>) -> bool {
    let media_type = content_type
        .unwrap_or_default()
        .split(|&b| b == b';')
        .next()
        .unwrap_or_default();
    let media_type = media_type.trim_ascii().to_ascii_lowercase();
    media_type == b"text/xml" || media_type == b"application/xml" || media_type.ends_with(b"+xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(fields: &[(&str, &str)]) -> Vec<&'static str> {
        let fields = fields
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        Signals::from_headers(fields)
            .reasons()
            .map(Reason::name)
            .collect()
    }

    const LENGTH: (&str, &str) = ("Content-Length", "260");
    const AGENT: (&str, &str) = (
        "User-Agent",
        "The Incutio XML-RPC PHP Library -- WordPress/6.1.9",
    );
    const XML: (&str, &str) = ("Content-Type", "text/xml");

    #[test]
    fn nothing_odd() {
        assert!(reasons(&[LENGTH, AGENT, XML]).is_empty());
        assert!(
            reasons(&[
                ("content-length", "1"),
                ("USER-AGENT", "x"),
                ("content-TYPE", " Text/XML ; charset=utf-8")
            ])
            .is_empty()
        );
        assert!(reasons(&[LENGTH, AGENT, ("Content-Type", "application/xml")]).is_empty());
        assert!(reasons(&[LENGTH, AGENT, ("Content-Type", "application/rpc+xml")]).is_empty());
    }

    #[test]
    fn every_oddity() {
        assert_eq!(reasons(&[]), ["chunked", "no-agent", "content-type"]);
        assert_eq!(
            reasons(&[LENGTH, ("Transfer-Encoding", "gzip, Chunked"), AGENT, XML]),
            ["chunked"]
        );
        assert_eq!(
            reasons(&[("Transfer-Encoding", "chunked"), AGENT, XML]),
            ["chunked"]
        );
        // PHP itself never sends chunks: a program that does so under its name is the one that spams.
        let chunks =
            |agent| reasons(&[("Transfer-Encoding", "chunked"), ("User-Agent", agent), XML]);
        assert_eq!(
            chunks("PHP/5.2.10"),
            ["chunked", "bare-php-agent", "spam-tool"]
        );
        assert_eq!(
            chunks("XML-RPC for PHP 2.2.1"),
            ["chunked", "bare-php-agent"]
        );
        assert_eq!(
            reasons(&[("User-Agent", "PHP/5.2.10"), XML]),
            ["chunked", "bare-php-agent"]
        );
        for html in [
            "text/html",
            "",
            "text/xmlx",
            "application/x-www-form-urlencoded",
            "xml",
        ] {
            assert_eq!(
                reasons(&[LENGTH, AGENT, ("Content-Type", html)]),
                ["content-type"],
                "{html}"
            );
        }
        for nobody in ["", " ", "-"] {
            assert_eq!(
                reasons(&[LENGTH, ("User-Agent", nobody), XML]),
                ["no-agent"]
            );
        }
        for php in [
            "PHP/5.2.10",
            "PHP/7.4.33-1+deb11u5",
            "php/8",
            "PHP",
            " PHP/5.3 ",
            "XML-RPC for PHP 2.2.1",
            "PHP/5.2.6-1+lenny9",
        ] {
            assert_eq!(
                reasons(&[LENGTH, ("User-Agent", php), XML]),
                ["bare-php-agent"],
                "{php}"
            );
        }
        for other in [
            "PHP/5.2.10 WordPress/3.0",
            "MyBlog PHP/5.2",
            "PHPixie/1.0",
            "p\u{fc}",
            "X",
        ] {
            assert!(
                reasons(&[LENGTH, ("User-Agent", other), XML]).is_empty(),
                "{other}"
            );
        }
    }

    #[test]
    fn the_first_of_several_fields_counts() {
        assert_eq!(
            reasons(&[
                LENGTH,
                AGENT,
                XML,
                ("User-Agent", "PHP/5"),
                ("Content-Type", "text/html")
            ])
            .len(),
            0
        );
    }
}
