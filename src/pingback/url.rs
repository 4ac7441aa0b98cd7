//! URLs as a hostile sender writes them, split strictly.
//!
//! A genuine source or target is plain `http://host/path`. What different readers would take for different hosts (backslashes,
//! percent signs, blanks, a second scheme) is an error here and not a guess.
//!
//! Difference to the WHATWG parser: that one repairs, this one refuses. How the host is read: [`super::host`].

use super::host::Host;

/// Longest URL that is read, in bytes. Browsers and proxies give up near 8,000; WordPress stores 255 of a source.
pub const MAX_URL: usize = 2048;

/// An absolute `http` or `https` URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url<'a> {
    /// Whether the scheme is `https`.
    pub secure: bool,
    /// Whether a user name, a password or an empty one of them stands before the host.
    pub userinfo: bool,
    /// The host.
    pub host: Host,
    /// Whether the host is written in a way in which nobody writes one who has nothing to hide: numbers in hexadecimal, octal
    /// or short form, look-alike characters, percent signs.
    pub disguised: bool,
    /// The port where one is given.
    pub port: Option<u16>,
    /// Path and query as written, without the fragment: empty, or starts with `/` or `?`.
    pub path: &'a str,
}

/// Why something is not a URL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UrlError {
    /// Over [`MAX_URL`].
    TooLong,
    /// Not UTF-8, or a control character, blank, backslash, quote or angle bracket in it.
    Character,
    /// Does not start with `http://` or `https://`.
    Scheme,
    /// No host, or nothing that could be one.
    Host,
    /// Not a port number.
    Port,
}

impl<'a> Url<'a> {
    /// Splits a URL. White space around it does not count.
    pub fn parse(text: &'a [u8]) -> Result<Url<'a>, UrlError> {
        let text = text.trim_ascii();
        if text.len() > MAX_URL {
            return Err(UrlError::TooLong);
        }
        let text = str::from_utf8(text).map_err(|_| UrlError::Character)?;
        let forbidden = |c: char| {
            c.is_control() || c.is_whitespace() || matches!(c, '\\' | '"' | '<' | '>' | '\u{FEFF}')
        };
        if text.contains(forbidden) {
            return Err(UrlError::Character);
        }

        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let secure = scheme.eq_ignore_ascii_case("https");
        if !secure && !scheme.eq_ignore_ascii_case("http") {
            return Err(UrlError::Scheme);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let path = path.split('#').next().unwrap_or_default();
        let (userinfo, place) = match authority.rsplit_once('@') {
            Some((_, place)) => (true, place),
            None => (false, authority),
        };
        let (host, port) = split_port(place)?;
        let (host, disguised) = Host::parse(host).ok_or(UrlError::Host)?;
        Ok(Url {
            secure,
            userinfo,
            host,
            disguised,
            port,
            path,
        })
    }

    /// Whether the path names no page: it is empty or nothing but slashes and dots, and there is no query.
    pub fn is_root(&self) -> bool {
        let (path, query) = self.path.split_once('?').unwrap_or((self.path, ""));
        query.is_empty()
            && path
                .split('/')
                .all(|segment| matches!(segment, "" | "." | ".."))
    }

    /// Whether both name one page. Scheme, port, a trailing slash and the fragment make no difference.
    pub fn is_same_page(&self, other: &Url<'_>) -> bool {
        let page = |url: &Url<'a>| url.path.trim_end_matches(['/', '?']);
        self.host == other.host && page(self) == other.path.trim_end_matches(['/', '?'])
    }
}

/// Splits `host:port`; the port may be empty, and the colons inside `[…]` are the address's.
fn split_port(place: &str) -> Result<(&str, Option<u16>), UrlError> {
    let end = match place.strip_prefix('[') {
        Some(bracketed) => bracketed.find(']').ok_or(UrlError::Host)? + 2,
        None => place.find(':').unwrap_or(place.len()),
    };
    let (host, port) = place.split_at_checked(end).ok_or(UrlError::Host)?;
    if port.is_empty() || port == ":" {
        return Ok((host, None));
    }
    port.strip_prefix(':')
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .map(|port| (host, Some(port)))
        .ok_or(UrlError::Port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_urls() {
        let url = Url::parse(b"http://a.example/linker-47476/?p=1&q=2#top").expect("a URL");
        assert_eq!(
            (url.secure, url.userinfo, url.disguised, url.port),
            (false, false, false, None)
        );
        assert_eq!(url.host, Host::Name("a.example".to_owned()));
        assert_eq!(url.path, "/linker-47476/?p=1&q=2");
        let url = Url::parse(b" \n HTTPS://A.Example:8443?x \t").expect("a URL");
        assert_eq!((url.secure, url.port, url.path), (true, Some(8443), "?x"));
        assert_eq!(url.host, Host::Name("a.example".to_owned()));
        assert!(Url::parse("http://a.example/über?q=ä".as_bytes()).is_ok());
        assert_eq!(
            Url::parse(b"http://a.example:/x").expect("a URL").port,
            None
        );
        assert_eq!(Url::parse(b"http://a.example#x").expect("a URL").path, "");
    }

    #[test]
    fn no_urls() {
        let table: &[(&[u8], UrlError)] = &[
            (b"", UrlError::Scheme),
            (b"a.example/x", UrlError::Scheme),
            (b"/x", UrlError::Scheme),
            (b"//a.example/x", UrlError::Scheme),
            (b"http:/a.example/x", UrlError::Scheme),
            (b"http:a.example", UrlError::Scheme),
            (b"ftp://a.example/x", UrlError::Scheme),
            (b"file:///etc/passwd", UrlError::Scheme),
            (b"gopher://127.0.0.1:6379/_INFO", UrlError::Scheme),
            (b"javascript://a.example/%0aalert(1)", UrlError::Scheme),
            (b"xhttp://a.example/", UrlError::Scheme),
            (b"http ://a.example/", UrlError::Character),
            (b"http://a.example/a b", UrlError::Character),
            (b"http://a.example/a\nb", UrlError::Character),
            (b"http://a.example/a\0b", UrlError::Character),
            (b"http://a.example/\x7f", UrlError::Character),
            (b"http://a.example\\@b.example/", UrlError::Character),
            (b"http:\\\\a.example\\x", UrlError::Character),
            (b"http://a.example/\"><script>", UrlError::Character),
            (b"http://a.example/\xff", UrlError::Character),
            ("http://a.example/\u{a0}".as_bytes(), UrlError::Character),
            (b"http:///x", UrlError::Host),
            (b"http://", UrlError::Host),
            (b"http://@/x", UrlError::Host),
            (b"http://:80/x", UrlError::Host),
            (b"http://a..example/", UrlError::Host),
            (b"http://.a.example/", UrlError::Host),
            (b"http://a.example../", UrlError::Host),
            (b"http://a,example/", UrlError::Host),
            (b"http://a%2/", UrlError::Host),
            (b"http://a%zz/", UrlError::Host),
            (b"http://a%00.example/", UrlError::Host),
            (b"http://a%2f.example/", UrlError::Host),
            (b"http://a%ff/", UrlError::Host),
            (b"http://[::1/", UrlError::Host),
            (b"http://[fe80::1%25eth0]/", UrlError::Host),
            (b"http://[127.0.0.1]/", UrlError::Host),
            (b"http://1.2.3.4.5/", UrlError::Host),
            (b"http://256.1.1.1/", UrlError::Host),
            (b"http://1.2.3.09/", UrlError::Host),
            (b"http://a.example:80x/", UrlError::Port),
            (b"http://a.example:65536/", UrlError::Port),
            (b"http://a.example:+80/", UrlError::Port),
            (b"http://a:b:c/", UrlError::Port),
            (b"http://[::1]80/", UrlError::Port),
            (b"http://::1/", UrlError::Port),
        ];
        for (text, error) in table {
            assert_eq!(Url::parse(text), Err(*error), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn lengths() {
        let of = |length: usize| format!("http://a.example/{}", "x".repeat(length - 17));
        assert!(Url::parse(of(MAX_URL).as_bytes()).is_ok());
        assert_eq!(
            Url::parse(of(MAX_URL + 1).as_bytes()),
            Err(UrlError::TooLong)
        );
    }

    #[test]
    fn the_root_is_not_a_page() {
        for root in [
            "http://b.example",
            "http://b.example/",
            "http://b.example//",
            "http://b.example/?",
            "http://b.example/#x",
            "http://b.example?",
            "http://b.example/./",
            "http://b.example/..",
            "http://b.example#x",
        ] {
            assert!(
                Url::parse(root.as_bytes()).expect("a URL").is_root(),
                "{root}"
            );
        }
        for page in [
            "http://b.example/?p=4",
            "http://b.example?p=4",
            "http://b.example/x",
            "http://b.example/x/",
            "http://b.example/...",
        ] {
            assert!(
                !Url::parse(page.as_bytes()).expect("a URL").is_root(),
                "{page}"
            );
        }
    }

    #[test]
    fn the_same_page() {
        let same = |a: &str, b: &str| {
            let (a, b) = (
                Url::parse(a.as_bytes()).expect("a URL"),
                Url::parse(b.as_bytes()).expect("a URL"),
            );
            assert_eq!(a.is_same_page(&b), b.is_same_page(&a));
            a.is_same_page(&b)
        };
        assert!(same(
            "http://b.example/x",
            "https://B.example:443/x/#comment"
        ));
        assert!(same("http://b.example/?p=4", "http://b.example./?p=4"));
        assert!(!same("http://b.example/x", "http://b.example/y"));
        assert!(!same("http://b.example/?p=4", "http://b.example/?p=5"));
        assert!(!same("http://b.example/x", "http://a.example/x"));
    }
}
