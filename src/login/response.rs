//! What a verdict needs of a response.

/// The response as the application made it.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// What the application said itself, in the header [`HEADER`](super::HEADER) or a note of [`NOTES`](super::NOTES), in order.
    pub said: Vec<Vec<u8>>,
}

/// One `Set-Cookie`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SetCookie<'r> {
    pub(super) name: &'r [u8],
    pub(super) value: &'r [u8],
    /// Whether it takes the cookie away.
    pub(super) deletes: bool,
}

impl Response {
    /// The values of a header.
    pub(super) fn header(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = self
            .headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| value.as_slice())
    }

    /// Whether a header has this in it, in any case.
    pub(super) fn header_has(&self, name: &str, text: &str) -> bool {
        let text = text.as_bytes();
        self.header(name).any(|value| {
            value
                .windows(text.len())
                .any(|part| part.eq_ignore_ascii_case(text))
        })
    }

    /// The path of `Location`, without host and query string.
    pub(super) fn location_path(&self) -> Option<&[u8]> {
        let location = self.header("Location").next()?;
        let end = location
            .iter()
            .position(|byte| matches!(byte, b'?' | b'#'))
            .unwrap_or(location.len());
        let location = location.get(..end).unwrap_or_default();
        let Some(at) = memchr::memmem::find(location, b"://") else {
            return Some(location);
        };
        let rest = location.get(at + 3..).unwrap_or_default();
        let slash = memchr::memchr(b'/', rest).unwrap_or(rest.len());
        rest.get(slash..)
    }

    pub(super) fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    /// The cookies that it sets or deletes.
    pub(super) fn cookies(&self) -> impl Iterator<Item = SetCookie<'_>> {
        self.header("Set-Cookie").filter_map(set_cookie)
    }

    /// Whether it sets a cookie whose name begins like this.
    pub(super) fn sets_cookie(&self, start: &str) -> bool {
        self.cookies()
            .any(|cookie| !cookie.deletes && cookie.name.starts_with(start.as_bytes()))
    }

    /// Whether it deletes a cookie whose name begins like this.
    pub(super) fn deletes_cookie(&self, start: &str) -> bool {
        self.cookies()
            .any(|cookie| cookie.deletes && cookie.name.starts_with(start.as_bytes()))
    }
}

fn set_cookie(text: &[u8]) -> Option<SetCookie<'_>> {
    let mut parts = text.split(|byte| *byte == b';');
    let first = parts.next()?;
    let at = memchr::memchr(b'=', first)?;
    let (name, value) = (
        first.get(..at)?.trim_ascii(),
        first.get(at + 1..)?.trim_ascii(),
    );
    let mut deletes = matches!(value, b"" | b"+" | b"%20" | b"deleted" | b"\"\"");
    for part in parts {
        let part = part.trim_ascii().to_ascii_lowercase();
        if let Some(age) = part.strip_prefix(b"max-age=") {
            deletes |= age.starts_with(b"-") || age == b"0";
        }
        deletes |=
            part.starts_with(b"expires=thu, 01") && part.windows(4).any(|year| year == b"1970");
    }
    Some(SetCookie {
        name,
        value,
        deletes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_that_are_set_and_deleted() {
        for (text, name, value, deletes) in [
            ("a=b; path=/; HttpOnly", "a", "b", false),
            ("a=; path=/", "a", "", true),
            (
                "wp=+; expires=Sat, 22-Nov-2025 10:00:00 GMT; Max-Age=0",
                "wp",
                "+",
                true,
            ),
            ("wp=%20; Max-Age=0; path=/", "wp", "%20", true),
            ("s=x; Max-Age=-1", "s", "x", true),
            ("s=x; Max-Age=3600", "s", "x", false),
            (
                "s=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT",
                "s",
                "deleted",
                true,
            ),
            ("s=y; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "s", "y", true),
            (
                "s=y; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
                "s",
                "y",
                false,
            ),
        ] {
            let cookie = set_cookie(text.as_bytes()).expect("a cookie");
            assert_eq!(
                (cookie.name, cookie.value, cookie.deletes),
                (name.as_bytes(), value.as_bytes(), deletes),
                "{text}"
            );
        }
        assert_eq!(set_cookie(b"no cookie"), None);
    }

    #[test]
    fn the_path_of_a_redirection() {
        for (location, path) in [
            ("/login?user=x", "/login"),
            ("https://cloud.example/apps/files/", "/apps/files/"),
            ("http://a.example", ""),
            ("http://a.example?x=/login", ""),
            ("login#here", "login"),
        ] {
            let response = Response {
                headers: vec![(b"location".to_vec(), location.as_bytes().to_vec())],
                ..Response::default()
            };
            assert_eq!(
                response.location_path(),
                Some(path.as_bytes()),
                "{location}"
            );
        }
    }
}
