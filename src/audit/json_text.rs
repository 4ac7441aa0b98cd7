//! Writing JSON into a buffer: always valid, whatever the bytes.

use crate::byte_set::ByteSet;
use std::net::IpAddr;

use super::escape;

/// An object or array that is being written. Commas come by themselves.
pub struct Json<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Json<'o> {
    /// The outermost object.
    pub fn object(out: &'o mut Vec<u8>, fill: impl FnOnce(&mut Json<'_>)) {
        out.push(b'{');
        fill(&mut Json { out });
        out.push(b'}');
    }

    fn comma(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }

    fn key(&mut self, key: &[u8]) {
        self.comma();
        string(self.out, key);
        self.out.push(b':');
    }

    /// `"key":{…}`
    pub fn map(&mut self, key: &str, fill: impl FnOnce(&mut Json<'_>)) {
        self.key(key.as_bytes());
        Json::object(self.out, fill);
    }

    /// `"key":[…]`
    pub fn list(&mut self, key: &str, fill: impl FnOnce(&mut Json<'_>)) {
        self.list_named(key.as_bytes(), fill);
    }

    /// `"key":[…]` where the key is not ours.
    pub fn list_named(&mut self, key: &[u8], fill: impl FnOnce(&mut Json<'_>)) {
        self.key(key);
        self.out.push(b'[');
        fill(&mut Json { out: self.out });
        self.out.push(b']');
    }

    /// `"key":"text"`
    pub fn text(&mut self, key: &str, text: &[u8]) {
        self.text_named(key.as_bytes(), text);
    }

    /// `"key":"text"` where the key is not ours.
    pub fn text_named(&mut self, key: &[u8], text: &[u8]) {
        self.key(key);
        string(self.out, text);
    }

    /// `"key":"text"`, unless there is none.
    pub fn text_if(&mut self, key: &str, text: Option<&[u8]>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    /// `"key":["text",…]`, unless there are none.
    pub fn texts_if(&mut self, key: &str, texts: &[&[u8]]) {
        if !texts.is_empty() {
            self.list(key, |list| texts.iter().for_each(|text| list.item(text)));
        }
    }

    /// `"key":"…"` where the text is made by `write`, which writes nothing that needs escaping.
    pub fn plain(&mut self, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.plain_named(key.as_bytes(), write);
    }

    /// The same where the key is not ours.
    pub fn plain_named(&mut self, key: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        self.key(key);
        self.out.push(b'"');
        write(self.out);
        self.out.push(b'"');
    }

    /// `"key":"192.0.2.1"`
    pub fn address(&mut self, key: &str, address: IpAddr) {
        self.plain(key, |out| escape::address(out, address));
    }

    /// `"key":number`
    pub fn number(&mut self, key: &str, number: u64) {
        self.number_named(key.as_bytes(), number);
    }

    /// The same where the key is not ours.
    pub fn number_named(&mut self, key: &[u8], number: u64) {
        self.key(key);
        escape::decimal(self.out, number);
    }

    /// `"key":number`, unless there is none.
    pub fn number_if(&mut self, key: &str, number: Option<impl Into<u64>>) {
        if let Some(number) = number {
            self.number(key, number.into());
        }
    }

    /// `"key":true` or `"key":false`
    pub fn flag(&mut self, key: &str, flag: bool) {
        self.key(key.as_bytes());
        self.out
            .extend_from_slice(if flag { b"true" } else { b"false" });
    }

    /// `"text"` in a list.
    pub fn item(&mut self, text: &[u8]) {
        self.comma();
        string(self.out, text);
    }

    /// `"192.0.2.1"` in a list.
    pub fn item_address(&mut self, address: IpAddr) {
        self.comma();
        self.out.push(b'"');
        escape::address(self.out, address);
        self.out.push(b'"');
    }

    /// `{…}` in a list.
    pub fn item_map(&mut self, fill: impl FnOnce(&mut Json<'_>)) {
        self.comma();
        Json::object(self.out, fill);
    }
}

/// A string. A byte that is not part of valid UTF-8 becomes the character of the same number; characters that move the cursor,
/// break the line or turn the direction of text are escaped.
fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    escape::each_utf8(out, bytes, valid, |out, byte| unicode(out, u16::from(byte)));
    out.push(b'"');
}

fn valid(out: &mut Vec<u8>, text: &[u8]) {
    const SPECIAL: [bool; 256] = ByteSet::range(0, 0x1f)
        .union(ByteSet::of(b"\"\\\x7f\xc2\xe2"))
        .table();
    escape::scan(out, text, &SPECIAL, |out, byte, after| {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0xc2 | 0xe2 => return character(out, byte, after),
            control => unicode(out, u16::from(control)),
        }
        0
    });
}

/// A character of two or three bytes that may have to be escaped. Answers how many of the bytes after the first it used.
fn character(out: &mut Vec<u8>, first: u8, after: &[u8]) -> usize {
    let low = |byte: &u8| u16::from(byte & 0x3f);
    match (escape::unsafe_character(first, after), after) {
        (1, [second, ..]) => {
            unicode(out, 0x80 | low(second));
            1
        }
        (2, [second, third, ..]) => {
            unicode(out, 0x2000 | low(second) << 6 | low(third));
            2
        }
        _ => {
            out.push(first);
            0
        }
    }
}

/// `\uXXXX`.
fn unicode(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(escape::hex_digit((number >> shift) as u8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        string(&mut out, bytes);
        String::from_utf8(out).unwrap_or_else(|e| unreachable!("{e}"))
    }

    #[test]
    fn strings() {
        for (bytes, expected) in [
            (b"".as_slice(), r#""""#),
            (b"a\"b\\c/", r#""a\"b\\c/""#),
            (
                b"\x00\x08\t\n\r\x1b\x7f",
                r#""\u0000\u0008\t\n\r\u001b\u007f""#,
            ),
            (b"caf\xe9 \xc3\xa9\xc3", "\"caf\\u00e9 \u{e9}\\u00c3\""),
            ("\u{9b}\u{a0}\u{80}".as_bytes(), "\"\\u009b\u{a0}\\u0080\""),
            (
                "\u{2028}\u{202e}\u{2066}\u{20ac}\u{1f600}".as_bytes(),
                "\"\\u2028\\u202e\\u2066\u{20ac}\u{1f600}\"",
            ),
            (b"\xed\xa0\x80", r#""\u00ed\u00a0\u0080""#),
        ] {
            assert_eq!(written(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn every_pair_of_bytes_is_valid_json_without_control_characters() {
        for pair in 0..=u16::MAX {
            let text = written(&pair.to_be_bytes());
            let read: Result<String, _> = serde_json::from_str(&text);
            assert!(read.is_ok(), "{pair:#x}: {text}");
            assert!(!text.contains(char::is_control), "{pair:#x}");
        }
    }
}
