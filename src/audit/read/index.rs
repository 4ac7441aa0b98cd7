//! The index of a concurrent log.

use super::event::{Event, parse_time, text};
use crate::audit::escape::unescape;

/// A line of an index: what it says of the record, and which file holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexLine {
    /// The file below the storage directory.
    pub place: String,
    /// The record's length in bytes.
    pub size: u64,
    /// What the line says of the transaction: enough where the file is gone.
    pub event: Event,
}

impl IndexLine {
    /// Reads a line as mlogc does. `None` where it is not of this form.
    ///
    /// `HOST CLIENT LOGNAME USER [time] "request line" STATUS BYTES "-" "-" ID "SESSION" /place 0 SIZE md5:HASH`
    pub fn parse(line: &[u8]) -> Option<IndexLine> {
        let line = text(line);
        let (names, rest) = line.split_once(" [")?;
        let mut names = names.split(' ');
        let (host, client) = (names.next()?, names.next()?);
        let (time, rest) = rest.split_once("] ")?;
        let mut words = Words(rest);
        let request = words.next()?;
        let status = words.next()?.parse().ok()?;
        let (_bytes, _referer, _agent) = (words.next()?, words.next()?, words.next()?);
        let id = words.next()?;
        let (_session, place, _offset) = (words.next()?, words.next()?, words.next()?);
        let size = words.next()?.parse().ok()?;
        words.next()?.strip_prefix("md5:")?;
        let mut event = Event {
            time: time.to_owned(),
            timestamp: parse_time(time),
            id: id.to_owned(),
            client: client.to_owned(),
            host: host.to_owned(),
            status: Some(status),
            ..Event::default()
        };
        event.request_line(&text(&unescape(request.as_bytes())));
        Some(IndexLine {
            place: place.trim_start_matches('/').to_owned(),
            size,
            event,
        })
    }
}

/// Words between blanks; one in quotation marks may have blanks in it, and marks behind backslashes.
struct Words<'l>(&'l str);

impl<'l> Iterator for Words<'l> {
    type Item = &'l str;

    fn next(&mut self) -> Option<&'l str> {
        let (word, rest) = match self.0.strip_prefix('"') {
            None if self.0.is_empty() => return None,
            None => self.0.split_once(' ').unwrap_or((self.0, "")),
            Some(quoted) => {
                let mut escaped = false;
                let end = quoted.bytes().position(|byte| {
                    let ends = byte == b'"' && !escaped;
                    escaped = byte == b'\\' && !escaped;
                    ends
                })?;
                let rest = quoted.get(end + 1..)?;
                (quoted.get(..end)?, rest.strip_prefix(' ').unwrap_or(rest))
            }
        };
        self.0 = rest;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_an_index() {
        let line = r#"www.example.org 198.51.100.7 - jane [22/Nov/2026:12:38:00.123456 +0100] "GET /?a=\"b\" c HTTP/1.1" 403 318 "-" "-" ZbC9 "-" /www-data/20261122/20261122-1238/20261122-123800-ZbC9 0 2345 md5:0123456789abcdef0123456789abcdef "#;
        for line in [line.to_owned(), format!("{}L ", line)] {
            let found = IndexLine::parse(line.as_bytes()).expect("a line");
            assert_eq!(
                found.place,
                "www-data/20261122/20261122-1238/20261122-123800-ZbC9"
            );
            assert_eq!(found.size, 2345);
            assert_eq!(found.event.client, "198.51.100.7");
            assert_eq!(found.event.status, Some(403));
            assert_eq!(found.event.id, "ZbC9");
            assert_eq!(found.event.method, "GET");
            assert_eq!(found.event.protocol, "HTTP/1.1");
        }
        for length in 0..line.trim_end().len() - 32 {
            let cut = line.get(..length).unwrap_or_default();
            assert_eq!(IndexLine::parse(cut.as_bytes()), None, "{cut}");
        }
        let access =
            r#"198.51.100.7 - - [22/Nov/2026:12:38:00 +0100] "GET / HTTP/1.1" 200 5 "-" "curl""#;
        assert_eq!(IndexLine::parse(access.as_bytes()), None, "an access log");
    }
}
