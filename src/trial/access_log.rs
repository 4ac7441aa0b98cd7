//! Requests from the lines of an access log in httpd's common or combined format.
//!
//! Such a line has the request line and two headers, and no body: what it cannot tell rules cannot see.

use std::net::IpAddr;

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who asked.
    pub client: Option<IpAddr>,
    /// The virtual host, where the line begins with it (`vhost_combined`).
    pub host: Option<String>,
    /// When, as it stands there.
    pub time: String,
    /// The request line.
    pub request: Vec<u8>,
    /// The status of the answer.
    pub status: u16,
    /// The `Referer`, where it is known.
    pub referer: Option<Vec<u8>>,
    /// The `User-Agent`, where it is known.
    pub user_agent: Option<Vec<u8>>,
}

/// Reads a line. `None` where it is in neither format.
pub fn read(line: &[u8]) -> Option<Line> {
    let open = line.iter().position(|byte| *byte == b'[')?;
    let before = String::from_utf8_lossy(line.get(..open)?).into_owned();
    let mut words = before.split_whitespace();
    let mut first = words.next()?;
    let mut host = None;
    // `%v:%p %h …`
    if let Some((name, port)) = first.rsplit_once(':')
        && first.parse::<IpAddr>().is_err()
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        host = Some(name.to_ascii_lowercase());
        first = words.next()?;
    }
    let rest = line.get(open + 1..)?;
    let close = rest.iter().position(|byte| *byte == b']')?;
    let time = String::from_utf8_lossy(rest.get(..close)?).into_owned();
    let rest = rest.get(close + 1..)?.trim_ascii_start();
    let (request, rest) = quoted(rest)?;
    let rest = rest.trim_ascii_start();
    let status = rest.get(..3)?;
    let status = std::str::from_utf8(status).ok()?.parse().ok()?;
    let quote = rest.iter().position(|byte| *byte == b'"');
    let rest = quote.and_then(|at| rest.get(at..)).unwrap_or_default();
    let (referer, rest) = optional(rest);
    let (user_agent, _) = optional(rest.trim_ascii_start());
    Some(Line {
        client: first.parse().ok(),
        host,
        time,
        request,
        status,
        referer,
        user_agent,
    })
}

impl Line {
    /// The request as it would come over a connection, as far as it is known. Headers that no line has and every browser
    /// sends are supposed: their absence would be a finding about the log.
    pub fn bytes(&self, host: &str) -> Vec<u8> {
        let host = self.host.as_deref().unwrap_or(host);
        let mut bytes = [&self.request[..], b"\r\nHost: ", host.as_bytes()].concat();
        for (name, value) in [("User-Agent", &self.user_agent), ("Referer", &self.referer)] {
            if let Some(value) = value {
                bytes.extend([b"\r\n", name.as_bytes(), b": ", value].concat());
            }
        }
        bytes.extend(b"\r\nAccept: */*\r\n");
        let method = self.request.split(|byte| *byte == b' ').next();
        if matches!(method, Some(b"POST" | b"PUT" | b"PATCH")) {
            bytes.extend(b"Content-Length: 0\r\n");
        }
        bytes.extend(b"\r\n");
        bytes
    }
}

/// A quoted field that may be a dash or missing.
fn optional(text: &[u8]) -> (Option<Vec<u8>>, &[u8]) {
    match quoted(text) {
        Some((value, rest)) => (Some(value).filter(|value| value != b"-"), rest),
        None => (None, &[]),
    }
}

/// A quoted field with httpd's escapes undone, and what follows it.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut out = Vec::new();
    loop {
        let (&first, after) = rest.split_first()?;
        rest = after;
        match (first, after) {
            (b'"', _) => return Some((out, rest)),
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digit = |digit: u8| char::from(digit).to_digit(16);
                match (digit(*high), digit(*low)) {
                    (Some(high), Some(low)) => {
                        out.extend(u8::try_from(high << 4 | low).ok());
                        rest = after;
                    }
                    _ => out.push(b'\\'),
                }
            }
            (b'\\', [escaped, after @ ..]) => {
                out.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'v' => 11,
                    other => *other,
                });
                rest = after;
            }
            (other, _) => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_read() {
        let combined = br#"198.51.100.7 - al [22/Nov/2026:10:00:00 +0100] "GET /a\"b\\c\x0ad HTTP/1.1" 200 12 "-" "Mozilla/5.0 (X)""#;
        let line = read(combined).unwrap();
        assert_eq!(line.client, "198.51.100.7".parse().ok());
        assert_eq!(line.request, b"GET /a\"b\\c\nd HTTP/1.1");
        assert_eq!((line.status, line.referer.as_ref()), (200, None));
        assert_eq!(line.user_agent.as_deref(), Some(&b"Mozilla/5.0 (X)"[..]));
        let common = read(br#"2001:db8::1 - - [t] "POST / HTTP/1.0" 404 -"#).unwrap();
        assert_eq!(common.user_agent, None);
        assert_eq!(
            common.bytes("h"),
            b"POST / HTTP/1.0\r\nHost: h\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n"
        );
        let host =
            read(br#"Blog.example:443 192.0.2.1 - - [t] "GET / HTTP/1.1" 200 1 "r" "u""#).unwrap();
        assert_eq!(host.host.as_deref(), Some("blog.example"));
        assert!(
            String::from_utf8(host.bytes("h"))
                .unwrap()
                .contains("\r\nReferer: r\r\n")
        );
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "",
            "[",
            "x [t] \"GET",
            "h - - [t] GET / 200",
            "h - - [t] \"x\" abc",
        ] {
            assert_eq!(read(line.as_bytes()), None, "{line}");
        }
    }
}
