//! A reader of native records that shares no code with the writer. It knows only the documented format.

use std::collections::BTreeMap;

/// A record as read: its parts by letter, in order, each without the line end before the next boundary.
#[derive(Debug, PartialEq)]
pub struct Read {
    pub boundary: String,
    pub order: String,
    pub parts: BTreeMap<char, String>,
}

/// The boundary and the letter, if a line is a boundary line.
fn boundary_line(line: &str) -> Option<(&str, char)> {
    let inner = line.strip_prefix("--")?.strip_suffix("--")?;
    let (boundary, letter) = inner.split_at_checked(8)?;
    let mut letters = letter.strip_prefix('-')?.chars();
    let letter = letters.next().filter(|l| l.is_ascii_uppercase())?;
    let hex = boundary
        .bytes()
        .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (hex && letters.next().is_none()).then_some((boundary, letter))
}

/// All records of a serial log. Any line that looks like a boundary counts as one, whosever it is.
pub fn read(log: &str) -> Vec<Read> {
    let mut records: Vec<Read> = Vec::new();
    let mut open: Option<(char, Vec<&str>)> = None;
    for line in log.split('\n') {
        let Some((boundary, letter)) = boundary_line(line) else {
            match &mut open {
                Some((_, lines)) => lines.push(line),
                None => assert_eq!(line, "", "text outside of records"),
            }
            continue;
        };
        if let (Some((part, lines)), Some(record)) = (open.take(), records.last_mut()) {
            // The part before ends with the line end that belongs to this boundary line.
            let text = lines.join("\n");
            assert!(
                record.parts.insert(part, text).is_none(),
                "part {part} twice"
            );
        }
        if letter == 'A' {
            records.push(Read {
                boundary: boundary.to_owned(),
                order: String::new(),
                parts: BTreeMap::new(),
            });
        }
        let record = records.last_mut().expect("a record begins with part A");
        assert_eq!(record.boundary, boundary, "a boundary of another record");
        record.order.push(letter);
        open = (letter != 'Z').then_some((letter, Vec::new()));
    }
    assert!(open.is_none(), "a record without an end");
    records
}

/// `\xhh` back into bytes.
#[allow(dead_code, reason = "not everybody who reads records needs it")]
pub fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 2..at + 4).filter(|digits| {
            bytes[at..].starts_with(b"\\x")
                && digits
                    .iter()
                    .all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f'))
        });
        if let Some(digits) = digits {
            let digits = std::str::from_utf8(digits).unwrap();
            out.push(u8::from_str_radix(digits, 16).unwrap());
            at += 4;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}
