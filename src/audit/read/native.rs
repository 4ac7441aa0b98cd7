//! Native records, ours and mod_security2's, and the lines between them.

use std::io::{self, BufRead, Read};

use crate::audit::escape::unescape;
use crate::audit::{BODY_LIMIT, Part};

/// No more of a record is kept in memory, in bytes: three bodies of [`BODY_LIMIT`] with every byte escaped, and 32 MiB for all
/// the rest. What is longer was not written by this writer; it is read to its end and marked.
pub const RECORD_LIMIT: usize = 3 * 4 * BODY_LIMIT + 32 * 1024 * 1024;

/// A record as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    boundary: Vec<u8>,
    parts: Vec<(Part, Vec<u8>)>,
    /// Whether the record was read from part A to part Z and within [`RECORD_LIMIT`]. A record that is not was torn by a full
    /// disk, or is being written.
    pub is_whole: bool,
}

/// The six fields of part A.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// The time as written, without its brackets.
    pub time: String,
    /// The transaction's unique id.
    pub unique_id: String,
    /// The client's address as written.
    pub client: String,
    /// The client's port.
    pub client_port: u16,
    /// The server's address as written.
    pub local: String,
    /// The server's port.
    pub local_port: u16,
}

impl Entry {
    /// The part as written, without the boundary lines around it.
    pub fn part(&self, part: Part) -> Option<&[u8]> {
        let mut all = self.parts.iter();
        all.find(|(have, _)| *have == part)
            .map(|(_, text)| text.as_slice())
    }

    /// Part A. `None` when it is not as it should be.
    pub fn heading(&self) -> Option<Heading> {
        let text = String::from_utf8_lossy(self.part(Part::Header)?).into_owned();
        let (time, rest) = text.strip_prefix('[')?.split_once("] ")?;
        let mut fields = rest.split_ascii_whitespace();
        let mut next = || fields.next().map(str::to_owned);
        Some(Heading {
            time: time.to_owned(),
            unique_id: next()?,
            client: next()?,
            client_port: next()?.parse().ok()?,
            local: next()?,
            local_port: next()?.parse().ok()?,
        })
    }

    /// The request line, its escapes undone.
    pub fn request_line(&self) -> Option<Vec<u8>> {
        lines(self.part(Part::RequestHeaders)?).next().map(unescape)
    }

    /// A request header's first value, its escapes undone.
    pub fn request_header(&self, name: &str) -> Option<Vec<u8>> {
        let mut headers = lines(self.part(Part::RequestHeaders)?).skip(1);
        headers.find_map(|line| {
            let (have, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b": ")?;
            have.eq_ignore_ascii_case(name.as_bytes())
                .then(|| unescape(value))
        })
    }

    /// The status of the response.
    pub fn status(&self) -> Option<u16> {
        let line = lines(self.part(Part::ResponseHeaders)?).next()?;
        let status = line.split(|b| *b == b' ').nth(1)?;
        std::str::from_utf8(status).ok()?.parse().ok()
    }

    /// What stands behind a label in part H (`Message`, `Apache-Error`, `Client-Address`, …), line by line, as written.
    pub fn trailer<'e>(&'e self, label: &'e str) -> impl Iterator<Item = &'e [u8]> {
        lines(self.part(Part::Trailer).unwrap_or_default())
            .filter_map(move |line| line.strip_prefix(label.as_bytes())?.strip_prefix(b": "))
    }

    /// The phase in which the request was interrupted; `None` when it was not.
    pub fn intercepted_in_phase(&self) -> Option<u8> {
        let action = self.trailer("Action").next()?;
        match action.strip_prefix(b"Intercepted (phase ")? {
            [phase @ b'1'..=b'5', b')'] => Some(phase - b'0'),
            _ => None,
        }
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| *b == b'\n')
}

/// What a log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A native record, whole or not.
    Native(Entry),
    /// A line that stands in no native record, without its end: JSON, an index's, or anything else. Not longer than the limit.
    Line(Vec<u8>),
    /// A line that is longer than the limit.
    TooLong,
}

/// What is in a log, one thing at a time, in memory that [`RECORD_LIMIT`] bounds.
///
/// Only a line with the record's own boundary ends a part; a part A ends a record that was torn. As an iterator, a reader gives
/// the native records alone.
#[derive(Debug)]
pub struct Reader<R> {
    log: R,
    limit: usize,
    line: Vec<u8>,
    /// Whether `line` continues a line that was too long to be read at once.
    continues: bool,
    /// Part A's boundary line that ended the record before.
    pending: Option<Vec<u8>>,
}

impl<R: BufRead> Reader<R> {
    /// Reads a log from where it stands.
    pub fn new(log: R) -> Reader<R> {
        Reader::with_limit(log, RECORD_LIMIT)
    }

    /// The same with another limit than [`RECORD_LIMIT`].
    pub fn with_limit(log: R, limit: usize) -> Reader<R> {
        Reader {
            log,
            limit,
            line: Vec::new(),
            continues: false,
            pending: None,
        }
    }

    /// Reads the next line, or the next piece of one that is longer than the limit. False at the end of the log.
    fn next_line(&mut self) -> io::Result<bool> {
        self.continues = self.line.last().is_some_and(|last| *last != b'\n');
        self.line.clear();
        let mut bounded = Read::take(&mut self.log, self.limit as u64 + 1);
        Ok(bounded.read_until(b'\n', &mut self.line)? > 0)
    }

    /// The boundary and the part, if this line is a boundary line.
    fn boundary_line(&self) -> Option<(&[u8], Part)> {
        boundary_line(&self.line).filter(|_| !self.continues)
    }

    /// The next thing in the log; empty lines are nothing.
    pub fn next_found(&mut self) -> io::Result<Option<Found>> {
        let boundary = loop {
            if let Some(boundary) = self.pending.take() {
                break boundary;
            }
            if !self.next_line()? {
                return Ok(None);
            }
            if let Some((boundary, Part::Header)) = self.boundary_line() {
                break boundary.to_vec();
            }
            if self.continues {
                continue;
            }
            if self.line.len() > self.limit && self.line.last() != Some(&b'\n') {
                return Ok(Some(Found::TooLong));
            }
            let line = self.line.trim_ascii_end();
            if !line.is_empty() {
                return Ok(Some(Found::Line(line.to_vec())));
            }
        };
        self.entry(boundary).map(|entry| Some(Found::Native(entry)))
    }

    /// The rest of a record.
    fn entry(&mut self, boundary: Vec<u8>) -> io::Result<Entry> {
        let mut entry = Entry {
            boundary,
            parts: vec![(Part::Header, Vec::new())],
            is_whole: true,
        };
        let mut size = 0;
        while self.next_line()? {
            match self.boundary_line() {
                Some((boundary, Part::Header)) => {
                    self.pending = Some(boundary.to_vec());
                    break;
                }
                Some((boundary, part)) if boundary == entry.boundary => {
                    end_part(&mut entry);
                    if part == Part::End {
                        return Ok(entry);
                    }
                    entry.parts.push((part, Vec::new()));
                }
                _ => {
                    size += self.line.len();
                    if size > self.limit {
                        entry.is_whole = false;
                    } else if let Some((_, text)) = entry.parts.last_mut() {
                        text.extend_from_slice(&self.line);
                    }
                }
            }
        }
        entry.is_whole = false;
        Ok(entry)
    }
}

/// The line end before a boundary line belongs to the boundary.
fn end_part(entry: &mut Entry) {
    if let Some((_, text)) = entry.parts.last_mut()
        && text.last() == Some(&b'\n')
    {
        text.pop();
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        loop {
            match self.next_found() {
                Ok(Some(Found::Native(entry))) => return Some(Ok(entry)),
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// `--xxxxxxxx-X--` and a line end.
fn boundary_line(line: &[u8]) -> Option<(&[u8], Part)> {
    let line = line.strip_suffix(b"\n")?.strip_prefix(b"--")?;
    let (boundary, after) = line.split_at_checked(8)?;
    let [b'-', letter, b'-', b'-'] = after else {
        return None;
    };
    let digits = boundary.iter().all(u8::is_ascii_hexdigit);
    Some((boundary, Part::lookup(char::from(*letter))?)).filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "--0a1b2c3d-A--\n[22/Nov/2026:12:38:00.123456 +0100] id 198.51.100.7 47338 203.0.113.10 443\n--0a1b2c3d-B--\nGET /\\x0a HTTP/1.1\nHost: a\nhost: b\n\n--0a1b2c3d-C--\nbody\n\n--deadbeef-Z--\nmore\n--0a1b2c3d-F--\nHTTP/1.1 403 Forbidden\n\n--0a1b2c3d-H--\nMessage: first\nAction: Intercepted (phase 2)\nMessage: second\n\n--0a1b2c3d-Z--\n\n";

    fn read(log: &str) -> Vec<Entry> {
        Reader::new(log.as_bytes())
            .map(|entry| entry.expect("memory can be read"))
            .collect()
    }

    #[test]
    fn a_record() {
        let entries = read(ONE);
        let [entry] = entries.as_slice() else {
            panic!("{} records", entries.len());
        };
        assert!(entry.is_whole);
        let heading = entry.heading().expect("part A");
        assert_eq!(heading.time, "22/Nov/2026:12:38:00.123456 +0100");
        assert_eq!(
            (heading.client.as_str(), heading.client_port),
            ("198.51.100.7", 47338)
        );
        assert_eq!(
            (heading.local.as_str(), heading.local_port),
            ("203.0.113.10", 443)
        );
        assert_eq!(heading.unique_id, "id");
        assert_eq!(
            entry.request_line().as_deref(),
            Some(b"GET /\n HTTP/1.1".as_slice())
        );
        assert_eq!(
            entry.request_header("HOST").as_deref(),
            Some(b"a".as_slice())
        );
        assert_eq!(entry.request_header("Hos"), None);
        assert_eq!(
            entry.part(Part::RequestBody),
            Some(b"body\n\n--deadbeef-Z--\nmore".as_slice())
        );
        assert_eq!(entry.part(Part::MatchedRules), None);
        assert_eq!(entry.status(), Some(403));
        assert_eq!(entry.intercepted_in_phase(), Some(2));
        assert_eq!(
            entry.trailer("Message").collect::<Vec<_>>(),
            [b"first".as_slice(), b"second"]
        );
    }

    #[test]
    fn torn_records_and_noise() {
        let torn = &ONE[..ONE.len() / 2];
        let log = format!(
            "noise\n{ONE}--0a1b2c3d-H--\n{torn}\n\n{}{torn}",
            ONE.replace("0a1b2c3d", "11112222")
        );
        let whole: Vec<bool> = read(&log).iter().map(|entry| entry.is_whole).collect();
        assert_eq!(whole, [true, false, true, false]);
        assert_eq!(read("").len(), 0);
        assert_eq!(read("--0a1b2c3d-A--").len(), 0, "not even a line");
    }

    #[test]
    fn every_beginning_of_a_log_is_read_without_complaint() {
        for end in 0..ONE.len() {
            let Some(log) = ONE.get(..end) else { continue };
            for entry in read(log) {
                let finished = end >= ONE.len() - 1;
                assert_eq!(entry.is_whole, finished, "{end}");
                let _ = (
                    entry.heading(),
                    entry.status(),
                    entry.request_line(),
                    entry.intercepted_in_phase(),
                );
            }
        }
    }

    #[test]
    fn the_rest_of_a_long_line_is_no_boundary() {
        // Read in pieces of 21 bytes, the second one of which is a boundary line.
        let log = format!("{}--0a1b2c3d-A--\n--0a1b2c3d-Z--\n", "x".repeat(21));
        let records = |log: &str| Reader::with_limit(log.as_bytes(), 20).count();
        assert_eq!(records(&log), 0);
        assert_eq!(records(log.trim_start_matches('x')), 1);
    }

    #[test]
    fn a_record_over_the_limit_is_marked_and_the_next_one_read() {
        let content: usize = ONE
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("--0a1b"))
            .map(str::len)
            .sum();
        // The blank line after part Z is outside of the record.
        for (limit, whole) in [(content - 1, true), (content - 2, false), (30, false)] {
            let two = format!("{ONE}{ONE}");
            let entries: Vec<Entry> = Reader::with_limit(two.as_bytes(), limit)
                .filter_map(Result::ok)
                .collect();
            assert_eq!(
                entries.iter().map(|e| e.is_whole).collect::<Vec<_>>(),
                [whole, whole],
                "{limit}"
            );
            let kept: usize = entries
                .iter()
                .flat_map(|e| &e.parts)
                .map(|(_, text)| text.len())
                .max()
                .unwrap_or(0);
            assert!(kept <= limit);
        }
    }
}
