//! Strings: from what is written between quotes to bytes.

/// Reads one string, of which the opening quote has been taken.
#[derive(Debug, Default)]
pub(super) struct StringReader {
    text: Vec<u8>,
    state: State,
    /// The first half of a surrogate pair, waiting for the second.
    high: Option<u16>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Plain,
    /// After `\`.
    Escape,
    /// After `\u` and this many digits with this value.
    Unicode { digits: u8, value: u16 },
}

/// How far a piece of input took the string.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// All of it belongs to the string, which goes on.
    More,
    /// The string ended with the quote before this index.
    End(usize),
}

pub(super) const INVALID_UTF8: &str = "lexical error: invalid bytes in UTF8 string.";
const INVALID_CHARACTER: &str = "lexical error: invalid character inside string.";
const INVALID_ESCAPE: &str =
    "lexical error: inside a string, '\\' occurs before a character which it may not.";
const INVALID_HEX: &str =
    "lexical error: invalid (non-hex) character occurs after '\\u' inside string.";

impl StringReader {
    /// Takes the next piece of input.
    pub(super) fn feed(&mut self, input: &[u8]) -> Result<Progress, &'static str> {
        let mut rest = input;
        while let Some((&byte, after)) = rest.split_first() {
            match self.state {
                State::Plain if byte == b'"' => {
                    self.flush_surrogate();
                    return Ok(Progress::End(input.len() - after.len()));
                }
                State::Plain if byte == b'\\' => {
                    self.state = State::Escape;
                    rest = after;
                }
                State::Plain => {
                    self.flush_surrogate();
                    rest = self.plain(rest)?;
                }
                State::Escape => {
                    self.escape(byte)?;
                    rest = after;
                }
                State::Unicode { digits, value } => {
                    self.unicode(byte, digits, value)?;
                    rest = after;
                }
            }
        }
        Ok(Progress::More)
    }

    /// The bytes read. They need not be UTF-8 yet.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.flush_surrogate();
        self.text
    }

    /// Takes characters up to a quote or backslash.
    fn plain<'a>(&mut self, text: &'a [u8]) -> Result<&'a [u8], &'static str> {
        let end = memchr::memchr2(b'"', b'\\', text).unwrap_or(text.len());
        let (plain, rest) = text.split_at(end);
        match plain.iter().position(|&b| b < b' ') {
            Some(at) => {
                self.text
                    .extend_from_slice(plain.get(..at).unwrap_or_default());
                Err(INVALID_CHARACTER)
            }
            None => {
                self.text.extend_from_slice(plain);
                Ok(rest)
            }
        }
    }

    fn escape(&mut self, byte: u8) -> Result<(), &'static str> {
        let meant = match byte {
            b'u' => {
                self.state = State::Unicode {
                    digits: 0,
                    value: 0,
                };
                return Ok(());
            }
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => return Err(INVALID_ESCAPE),
        };
        self.flush_surrogate();
        self.text.push(meant);
        self.state = State::Plain;
        Ok(())
    }

    fn unicode(&mut self, byte: u8, digits: u8, value: u16) -> Result<(), &'static str> {
        let digit = char::from(byte).to_digit(16).ok_or(INVALID_HEX)?;
        let value = value << 4 | digit as u16;
        if digits < 3 {
            self.state = State::Unicode {
                digits: digits + 1,
                value,
            };
            return Ok(());
        }
        self.state = State::Plain;
        match (value, self.high.take()) {
            (0xD800..=0xDBFF, before) => {
                self.high = before;
                self.flush_surrogate();
                self.high = Some(value);
            }
            (0xDC00..=0xDFFF, Some(high)) => {
                let pair = char::decode_utf16([high, value]).next();
                self.push(
                    pair.and_then(Result::ok)
                        .unwrap_or(char::REPLACEMENT_CHARACTER),
                );
            }
            (_, before) => {
                self.high = before;
                self.flush_surrogate();
                self.push(char::from_u32(value.into()).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        Ok(())
    }

    /// A surrogate without its other half stands for U+FFFD.
    fn flush_surrogate(&mut self) {
        if self.high.take().is_some() {
            self.push(char::REPLACEMENT_CHARACTER);
        }
    }

    fn push(&mut self, c: char) {
        self.text
            .extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}
