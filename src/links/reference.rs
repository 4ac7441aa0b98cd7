//! Where a link leads, as a browser reads it.

/// The page that links stand on.
#[derive(Clone, Debug)]
pub struct Page<'p> {
    /// The host that it was asked for at, without port.
    host: &'p [u8],
    /// What relative links are relative to: a path; `None` where that is on another site.
    base: Option<Vec<u8>>,
}

/// A link into this site.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Path and query as they will be asked for, the path decoded: what is signed.
    pub signed: Vec<u8>,
    /// The link with what stood before its path: what `SecHashMethodRx` and `SecHashMethodPm` look at.
    pub shown: Vec<u8>,
    /// Whether it has a query, be it empty.
    pub has_query: bool,
}

/// A link in its parts.
struct Parts<'l> {
    /// Scheme and authority as written, or nothing.
    origin: &'l [u8],
    /// The host, if it names one.
    host: Option<&'l [u8]>,
    path: &'l [u8],
    query: Option<&'l [u8]>,
}

impl<'p> Page<'p> {
    /// The page at this path (decoded) of this host.
    pub fn new(host: &'p [u8], path: &[u8]) -> Page<'p> {
        Page {
            host,
            base: Some(path.to_vec()),
        }
    }

    /// `<base href>`: the first one counts, which is for the caller to know.
    pub(super) fn set_base(&mut self, link: &[u8]) {
        let link = cleaned(link);
        let Some(parts) = Parts::read(&link) else {
            self.base = None;
            return;
        };
        self.base = match parts.host {
            Some(host) if !host.eq_ignore_ascii_case(self.host) => None,
            _ => self.path_of(&parts),
        };
    }

    /// Where a link leads; `None` if that is not into this site, or not known for sure, or the page itself.
    pub(super) fn resolve(&self, link: &[u8]) -> Option<Target> {
        let link = cleaned(link);
        let parts = Parts::read(&link)?;
        if parts
            .host
            .is_some_and(|host| !host.eq_ignore_ascii_case(self.host))
        {
            return None;
        }
        if parts.host.is_none() && parts.path.is_empty() && parts.query.is_none() {
            return None;
        }
        let mut signed = self.path_of(&parts)?;
        // Compat: the front page without a query needs no proof.
        if signed == b"/" && parts.query.is_none_or(<[u8]>::is_empty) {
            return None;
        }
        if let Some(query) = parts.query {
            signed.push(b'?');
            signed.extend(query.iter().flat_map(|&byte| Sent::of(byte)));
        }
        Some(Target {
            shown: [parts.origin, &signed].concat(),
            signed,
            has_query: parts.query.is_some(),
        })
    }

    /// The path of a link, made absolute and decoded.
    fn path_of(&self, parts: &Parts<'_>) -> Option<Vec<u8>> {
        if parts.host.is_none() && self.base.is_none() {
            return None;
        }
        let path = decoded(parts.path);
        if parts.host.is_some() || path.starts_with(b"/") {
            return Some(without_dots(&path));
        }
        let base = self.base.as_ref()?;
        if path.is_empty() {
            return Some(base.clone());
        }
        let directory = memchr::memrchr(b'/', base).map_or(0, |at| at + 1);
        Some(without_dots(
            &[base.get(..directory).unwrap_or_default(), &path].concat(),
        ))
    }
}

impl<'l> Parts<'l> {
    /// `None` for what has no path on a web server, and for what browsers and others read differently.
    fn read(link: &'l [u8]) -> Option<Parts<'l>> {
        let end = memchr::memchr(b'#', link).unwrap_or(link.len());
        let link = link.get(..end)?;
        if link.contains(&b'\\') {
            return None;
        }
        let question = memchr::memchr(b'?', link);
        let before = link.get(..question.unwrap_or(link.len()))?;
        let query = question.and_then(|at| link.get(at + 1..));
        let slash = memchr::memchr(b'/', before).unwrap_or(before.len());
        let scheme = memchr::memchr(b':', before).filter(|colon| *colon < slash);
        let rest = match scheme.map(|colon| before.split_at(colon)) {
            Some((scheme, rest)) => {
                let of_the_web = [&b"http"[..], b"https"]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(scheme));
                rest.get(1..)
                    .filter(|rest| of_the_web && rest.starts_with(b"//"))?
            }
            None => before,
        };
        let Some(authority) = rest.strip_prefix(b"//") else {
            return Some(Parts {
                origin: b"",
                host: None,
                path: rest,
                query,
            });
        };
        let length = memchr::memchr(b'/', authority).unwrap_or(authority.len());
        let (authority, path) = authority.split_at(length);
        let port = memchr::memrchr(b':', authority).filter(|_| !authority.ends_with(b"]"));
        let host = authority.get(..port.unwrap_or(length))?;
        if host.is_empty() || authority.contains(&b'@') {
            return None;
        }
        Some(Parts {
            origin: before.get(..before.len() - path.len())?,
            host: Some(host),
            path: if path.is_empty() { b"/" } else { path },
            query,
        })
    }
}

/// Without what browsers take out of a link before they read it.
fn cleaned(link: &[u8]) -> Vec<u8> {
    let blank = |byte: &u8| *byte <= b' ';
    let start = link.iter().take_while(|byte| blank(byte)).count();
    let trimmed = link.get(start..).unwrap_or_default();
    let end = trimmed.iter().rev().take_while(|byte| blank(byte)).count();
    let trimmed = trimmed.get(..trimmed.len() - end).unwrap_or_default();
    let kept = trimmed
        .iter()
        .filter(|byte| !matches!(byte, b'\t' | b'\n' | b'\r'));
    kept.copied().collect()
}

/// `%HH` as bytes.
fn decoded(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let digit = |at: usize| char::from(*tail.get(at)?).to_digit(16);
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high << 4 | low).unwrap_or_default());
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => out.push(byte),
        }
    }
    out
}

/// An absolute path without `.` and `..`.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path
        .strip_prefix(b"/")
        .unwrap_or(path)
        .split(|byte| *byte == b'/')
        .peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"." => {}
            b".." => {
                kept.pop();
            }
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            kept.push(b"");
        }
    }
    [b"/", kept.join(&b'/').as_slice()].concat()
}

/// A byte of a query as a browser sends it: itself, or escaped.
struct Sent {
    bytes: [u8; 3],
    next: usize,
}

impl Sent {
    fn of(byte: u8) -> Sent {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let digit = |value: u8| DIGITS.get(usize::from(value & 15)).copied().unwrap_or(b'0');
        match byte {
            0..=b' ' | b'"' | b'\'' | b'<' | b'>' | 0x7f.. => Sent {
                bytes: [b'%', digit(byte >> 4), digit(byte)],
                next: 0,
            },
            _ => Sent {
                bytes: [0, 0, byte],
                next: 2,
            },
        }
    }
}

impl Iterator for Sent {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.next).copied();
        self.next += 1;
        byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_browsers_go() {
        let cases = [
            ("/a?x=1", "/a?x=1", "/a?x=1"),
            ("rel/c?q=1&r=2", "/d/rel/c?q=1&r=2", "/d/rel/c?q=1&r=2"),
            ("?only=1", "/d/p.html?only=1", "/d/p.html?only=1"),
            ("../z", "/z", "/z"),
            ("../../../z/", "/z/", "/z/"),
            ("./k?x", "/d/k?x", "/d/k?x"),
            ("a/../b?c", "/d/b?c", "/d/b?c"),
            ("/a/%2e%2E/b/.", "/b/", "/b/"),
            ("/a b?x=%41+c d", "/a b?x=%41+c%20d", "/a b?x=%41+c%20d"),
            ("/a%20b%", "/a b%", "/a b%"),
            (
                "/x?a=\"b\"<'>\u{e9}",
                "/x?a=%22b%22%3C%27%3E%C3%A9",
                "/x?a=%22b%22%3C%27%3E%C3%A9",
            ),
            ("/g?x=1#fr", "/g?x=1", "/g?x=1"),
            ("/h?", "/h?", "/h?"),
            (" \t/s p \n", "/s p", "/s p"),
            ("/n\nl?\tx", "/nl?x", "/nl?x"),
            ("/?x", "/?x", "/?x"),
            (
                "http://www.example.test/e?z=3",
                "/e?z=3",
                "http://www.example.test/e?z=3",
            ),
            (
                "HTTPS://WWW.example.test:8443/e",
                "/e",
                "HTTPS://WWW.example.test:8443/e",
            ),
            ("//www.example.test/e", "/e", "//www.example.test/e"),
            (
                "http://www.example.test?q",
                "/?q",
                "http://www.example.test/?q",
            ),
            ("a:b/c", "", ""),
            ("a/b:c", "/d/a/b:c", "/d/a/b:c"),
            ("mailto:a@b.c", "", ""),
            ("javascript:x()", "", ""),
            ("http:relative", "", ""),
            ("http://other.test/d", "", ""),
            ("//other.test/d", "", ""),
            ("http://a@www.example.test/d", "", ""),
            ("http://[::1]:80/d", "", ""),
            ("http:///d", "", ""),
            ("\\\\www.example.test/d", "", ""),
            ("ftp://www.example.test/d", "", ""),
            ("#fragment", "", ""),
            ("", "", ""),
            ("/", "", ""),
            ("/?", "", ""),
        ];
        let page = Page::new(b"www.example.test", b"/d/p.html");
        for (link, signed, shown) in cases {
            let found = page.resolve(link.as_bytes());
            let found = found.map(|target| {
                assert_eq!(target.has_query, link.contains('?'), "{link}");
                (
                    String::from_utf8(target.signed).unwrap(),
                    String::from_utf8(target.shown).unwrap(),
                )
            });
            let expected = (!signed.is_empty()).then(|| (signed.to_owned(), shown.to_owned()));
            assert_eq!(found, expected, "{link:?}");
        }
    }

    #[test]
    fn a_base_moves_relative_links_only() {
        let signed = |base: &str, link: &str| {
            let mut page = Page::new(b"h", b"/d/p");
            page.set_base(base.as_bytes());
            page.resolve(link.as_bytes())
                .map(|target| String::from_utf8(target.signed).unwrap())
        };
        for (base, link, expected) in [
            ("/x/y", "a", Some("/x/a")),
            ("sub/", "a", Some("/d/sub/a")),
            ("http://h/x/", "a?b", Some("/x/a?b")),
            ("http://other/x/", "a", None),
            ("http://other/x/", "?a", None),
            ("mailto:x", "a", None),
        ] {
            assert_eq!(signed(base, link).as_deref(), expected, "{base} {link}");
        }
        // A link that begins with a slash is on the base's host.
        assert_eq!(signed("/x/", "/a").as_deref(), Some("/a"));
        assert_eq!(signed("http://other/x/", "/a"), None);
        assert_eq!(
            signed("http://other/x/", "http://h/a").as_deref(),
            Some("/a")
        );
    }
}
