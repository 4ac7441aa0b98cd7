//! From the bytes of a document to its text.
//!
//! The rule: the bytes decide, and a declaration may only agree with them.
//!
//! | document starts with | read as | labels it may carry |
//! |---|---|---|
//! | byte order mark of UTF-16 | UTF-16 | `UTF-16`, the variant with that byte order, none |
//! | byte order mark of UTF-8 | UTF-8 | `UTF-8`, none |
//! | anything else | the label, or UTF-8 | `UTF-8`, `US-ASCII`, `ISO-8859-1`, `windows-1252`, none |
//!
//! Everything else is an error: a label that lies (`utf-16` on UTF-8 bytes is a classic of pingback spam), an encoding
//! not named here, UTF-16 without its mark, EBCDIC, UTF-32.
//!
//! Compat: libxml2 also knows what `iconv` knows (Shift_JIS, EBCDIC, UTF-7 …). Such a document is refused here: a
//! firewall that decodes by the sender's say-so and an application that does not would read different texts.

use std::borrow::Cow;

use super::ErrorKind;
use super::declaration;
use crate::limits::XML_DECLARATION_LIMIT;

/// An encoding that documents are read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Ascii,
    Latin1,
    Windows1252,
    Utf16Be,
    Utf16Le,
}

/// What the first bytes of a document say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Too little to tell; come back with more.
    Incomplete,
    /// Skip `length` bytes (byte order mark and declaration, `characters` long without the mark), then read on.
    Complete {
        encoding: Encoding,
        length: usize,
        characters: usize,
    },
}

/// Looks at the start of a document; `last` says that nothing follows `head`.
pub(super) fn detect(head: &[u8], last: bool) -> Result<Head, ErrorKind> {
    if head.len() < 4 && !last {
        return Ok(Head::Incomplete);
    }
    let (family, mark) = match head {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => return Err(ErrorKind::Encoding),
        [0xEF, 0xBB, 0xBF, ..] => (Family::MarkedUtf8, 3),
        [0xFE, 0xFF, ..] => (Family::Utf16Be, 2),
        [0xFF, 0xFE, ..] => (Family::Utf16Le, 2),
        [0x4C, 0x6F, 0xA7, 0x94, ..] | [0, b'<', ..] | [b'<', 0, ..] => {
            return Err(ErrorKind::Encoding);
        }
        _ => (Family::Bytes, 0),
    };
    let body = head.get(mark..).unwrap_or_default();
    let text = family.ascii_start(body);
    let is_whole = text.len() == body.len() / family.bytes_per_character();
    let complete = |encoding, characters| {
        Ok(Head::Complete {
            encoding,
            length: mark + characters * family.bytes_per_character(),
            characters,
        })
    };

    const OPENING: &[u8] = b"<?xml";
    let is_declaration = match text.get(OPENING.len()) {
        Some(&next) => text.starts_with(OPENING) && super::chars::is_space(next),
        None if OPENING.starts_with(&text) && is_whole && !last => return Ok(Head::Incomplete),
        None => false,
    };
    if !is_declaration {
        return complete(family.encoding(None)?, 0);
    }
    match memchr::memmem::find(&text, b"?>") {
        Some(end) => {
            let declaration = text.get(OPENING.len()..end).unwrap_or_default();
            let label = declaration::encoding_label(declaration)?;
            complete(family.encoding(label)?, end + 2)
        }
        None if !is_whole || text.len() >= XML_DECLARATION_LIMIT => Err(ErrorKind::Declaration),
        None if last => Err(ErrorKind::Truncated),
        None => Ok(Head::Incomplete),
    }
}

/// How the characters of the declaration are laid out, which is all that the first bytes can tell.
#[derive(Clone, Copy)]
enum Family {
    Bytes,
    MarkedUtf8,
    Utf16Be,
    Utf16Le,
}

impl Family {
    fn bytes_per_character(self) -> usize {
        match self {
            Self::Bytes | Self::MarkedUtf8 => 1,
            Self::Utf16Be | Self::Utf16Le => 2,
        }
    }

    /// The ASCII characters that `bytes` starts with, at most as many as a declaration may have.
    fn ascii_start(self, bytes: &[u8]) -> Vec<u8> {
        let ascii = bytes
            .chunks_exact(self.bytes_per_character())
            .map_while(|unit| match (self, unit) {
                (Self::Utf16Be, &[0, b]) | (Self::Utf16Le, &[b, 0]) | (_, &[b]) => Some(b),
                _ => None,
            });
        ascii
            .take_while(u8::is_ascii)
            .take(XML_DECLARATION_LIMIT)
            .collect()
    }

    /// The encoding of a document of this family whose declaration names `label`.
    fn encoding(self, label: Option<&[u8]>) -> Result<Encoding, ErrorKind> {
        let names = |known: &[&str]| match label {
            Some(label) => known
                .iter()
                .any(|name| label.eq_ignore_ascii_case(name.as_bytes())),
            None => true,
        };
        match self {
            Self::Utf16Be if names(&["UTF-16", "UTF16", "UTF-16BE"]) => Ok(Encoding::Utf16Be),
            Self::Utf16Le if names(&["UTF-16", "UTF16", "UTF-16LE"]) => Ok(Encoding::Utf16Le),
            Self::Bytes | Self::MarkedUtf8 if names(&["UTF-8", "UTF8"]) => Ok(Encoding::Utf8),
            Self::Bytes if names(&["US-ASCII", "ASCII"]) => Ok(Encoding::Ascii),
            Self::Bytes if names(&["ISO-8859-1", "ISO_8859-1", "ISO8859-1", "LATIN1"]) => {
                Ok(Encoding::Latin1)
            }
            Self::Bytes if names(&["windows-1252", "cp1252"]) => Ok(Encoding::Windows1252),
            _ => Err(ErrorKind::Encoding),
        }
    }
}

/// Turns bytes into text, keeping the incomplete character at the end of each chunk for the next.
#[derive(Debug)]
pub(super) struct Decoder {
    encoding: Encoding,
    carry: Vec<u8>,
}

/// The text of one chunk.
pub(super) struct Decoded<'a> {
    /// The character that began in the chunk before.
    pub(super) first: Option<char>,
    /// What follows it.
    pub(super) text: Cow<'a, str>,
    /// What follows `text` is not text in this encoding.
    pub(super) malformed: bool,
}

impl Decoder {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            carry: Vec::new(),
        }
    }

    pub(super) fn decode<'a>(&mut self, chunk: &'a [u8]) -> Decoded<'a> {
        match self.encoding {
            Encoding::Utf8 => self.decode_utf8(chunk),
            Encoding::Utf16Be => self.decode_utf16(chunk, u16::from_be_bytes),
            Encoding::Utf16Le => self.decode_utf16(chunk, u16::from_le_bytes),
            Encoding::Ascii => decode_bytes(chunk, |b| b.is_ascii().then_some(char::from(b))),
            Encoding::Latin1 => decode_bytes(chunk, |b| Some(char::from(b))),
            Encoding::Windows1252 => decode_bytes(chunk, windows_1252),
        }
    }

    /// Whether the input so far ends inside a character.
    pub(super) fn is_incomplete(&self) -> bool {
        !self.carry.is_empty()
    }

    fn decode_utf8<'a>(&mut self, chunk: &'a [u8]) -> Decoded<'a> {
        let mut decoded = Decoded {
            first: None,
            text: Cow::Borrowed(""),
            malformed: false,
        };
        let mut rest = chunk;
        while !self.carry.is_empty() {
            let Some((&byte, tail)) = rest.split_first() else {
                return decoded;
            };
            rest = tail;
            self.carry.push(byte);
            match std::str::from_utf8(&self.carry) {
                Ok(character) => {
                    decoded.first = character.chars().next();
                    self.carry.clear();
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => {
                    decoded.malformed = true;
                    return decoded;
                }
            }
        }
        match std::str::from_utf8(rest) {
            Ok(text) => decoded.text = Cow::Borrowed(text),
            Err(error) => {
                let (valid, tail) = rest
                    .split_at_checked(error.valid_up_to())
                    .unwrap_or((rest, &[]));
                decoded.text = Cow::Borrowed(std::str::from_utf8(valid).unwrap_or_default());
                decoded.malformed = error.error_len().is_some();
                if !decoded.malformed {
                    self.carry.extend_from_slice(tail);
                }
            }
        }
        decoded
    }

    fn decode_utf16(&mut self, chunk: &[u8], unit: fn([u8; 2]) -> u16) -> Decoded<'static> {
        let mut bytes = std::mem::take(&mut self.carry);
        bytes.extend_from_slice(chunk);
        let mut whole = bytes.len() & !1;
        if let Some(&[.., a, b]) = bytes.get(..whole)
            && matches!(unit([a, b]), 0xD800..=0xDBFF)
        {
            whole -= 2;
        }
        self.carry = bytes.split_off(whole);
        let units = bytes.chunks_exact(2).map(|pair| match *pair {
            [a, b] => unit([a, b]),
            _ => 0,
        });
        let mut malformed = false;
        let text = char::decode_utf16(units)
            .map_while(|c| c.map_err(|_| malformed = true).ok())
            .collect::<String>();
        Decoded {
            first: None,
            text: Cow::Owned(text),
            malformed,
        }
    }
}

fn decode_bytes(chunk: &[u8], character: impl Fn(u8) -> Option<char>) -> Decoded<'static> {
    let mut malformed = false;
    let text = chunk
        .iter()
        .map_while(|&b| {
            let c = character(b);
            malformed |= c.is_none();
            c
        })
        .collect::<String>();
    Decoded {
        first: None,
        text: Cow::Owned(text),
        malformed,
    }
}

fn windows_1252(byte: u8) -> Option<char> {
    const HIGH: [char; 32] = [
        '\u{20AC}', '\0', '\u{201A}', '\u{0192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}',
        '\u{02C6}', '\u{2030}', '\u{0160}', '\u{2039}', '\u{0152}', '\0', '\u{017D}', '\0', '\0',
        '\u{2018}', '\u{2019}', '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}',
        '\u{02DC}', '\u{2122}', '\u{0161}', '\u{203A}', '\u{0153}', '\0', '\u{017E}', '\u{0178}',
    ];
    match byte.checked_sub(0x80).map(usize::from) {
        Some(index) if index < HIGH.len() => HIGH.get(index).copied().filter(|&c| c != '\0'),
        _ => Some(char::from(byte)),
    }
}
