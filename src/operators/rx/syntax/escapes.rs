//! Escapes: `\d`, `\x41`, `\b`, back-references.

use super::{AtMost, Blank, Class, End, Exact, Item, Reader, Token};

impl Reader<'_> {
    pub(super) fn escape(&mut self) -> Token {
        let Some(byte) = self.next_byte() else {
            return Token::opaque("\\ at the end of the pattern", AtMost::Unknown);
        };
        match byte {
            b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'h' | b'H' | b'v' | b'V' => {
                Token::Class(Class {
                    negated: false,
                    items: vec![Item::Escape(byte)],
                })
            }
            b'b' | b'B' => Token::WordBoundary {
                negated: byte == b'B',
            },
            b'A' => Token::Start { multi_line: false },
            b'z' => Token::End(End::Written),
            b'N' if self.peek() != Some(b'{') => Token::Any { newline: false },
            b'C' => Token::Any { newline: true },
            b'Q' => {
                self.quoting = true;
                Token::Blank(Blank::Quote)
            }
            b'E' => Token::Blank(Blank::Quote),
            b'R' => Token::exact("\\R", AtMost::LineBreak, Exact::LineBreak),
            b'X' => Token::opaque("\\X", AtMost::Text),
            b'Z' => Token::exact("\\Z", AtMost::Empty, Exact::EndOrFinalNewline),
            b'G' => Token::exact("\\G", AtMost::Empty, Exact::SearchStart),
            b'K' => Token::exact("\\K", AtMost::Empty, Exact::Keep),
            b'k' if self.eat(b"{") => self.named_reference(b'}'),
            b'k' if self.eat(b"<") => self.named_reference(b'>'),
            b'k' if self.eat(b"'") => self.named_reference(b'\''),
            b'p' | b'P' => {
                if self.peek() == Some(b'{') {
                    self.skip_past(b'}');
                } else {
                    self.next_byte();
                }
                Token::exact("a Unicode property", AtMost::Unknown, Exact::Byte)
            }
            b'1'..=b'9' => self.digits_escape(byte),
            _ => match self.byte_escape(byte) {
                Some(byte) => Token::Byte(byte),
                None => {
                    // \g{…}: what is in braces is no quantifier.
                    if self.peek() == Some(b'{') {
                        self.skip_past(b'}');
                    }
                    Token::opaque("an escape only PCRE2 knows", AtMost::Unknown)
                }
            },
        }
    }

    /// `\1` to `\9` and the like: a back-reference, or an octal code if there
    /// are not as many groups before it.
    fn digits_escape(&mut self, first: u8) -> Token {
        let digits = self
            .rest()
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let number = self
            .rest()
            .iter()
            .take(digits)
            .fold(u32::from(first - b'0'), |n, d| {
                n.saturating_mul(10).saturating_add(u32::from(d - b'0'))
            });
        if digits == 0 || first >= b'8' || number <= self.captures {
            self.at += digits;
            let exact = Exact::Reference(number as usize);
            return Token::exact("a back-reference", AtMost::Text, exact);
        }
        match self.octal(u32::from(first - b'0'), 2) {
            Some(byte) => Token::Byte(byte),
            None => Token::opaque("an octal code above \\377", AtMost::Unknown),
        }
    }

    /// Up to `more` further octal digits.
    pub(super) fn octal(&mut self, mut number: u32, more: usize) -> Option<u8> {
        for _ in 0..more {
            match self.peek() {
                Some(digit @ b'0'..=b'7') => number = number * 8 + u32::from(digit - b'0'),
                _ => break,
            }
            self.at += 1;
        }
        u8::try_from(number).ok()
    }

    /// An escape that means one byte, in a class and outside.
    pub(super) fn byte_escape(&mut self, byte: u8) -> Option<u8> {
        match byte {
            b'a' => Some(0x07),
            b'e' => Some(0x1B),
            b'f' => Some(0x0C),
            b'n' => Some(b'\n'),
            b'r' => Some(b'\r'),
            b't' => Some(b'\t'),
            b'0' => self.octal(0, 2),
            b'o' => self.braced(8),
            b'x' if self.peek() == Some(b'{') => self.braced(16),
            b'x' => {
                let mut number = 0;
                for _ in 0..2 {
                    match self.peek().and_then(|b| char::from(b).to_digit(16)) {
                        Some(digit) => number = number * 16 + digit,
                        None => break,
                    }
                    self.at += 1;
                }
                u8::try_from(number).ok()
            }
            b'c' => match self.next_byte()? {
                control @ b' '..=b'~' => Some(control.to_ascii_uppercase() ^ 0x40),
                _ => None,
            },
            _ if byte.is_ascii_alphanumeric() => None,
            _ => Some(byte),
        }
    }

    /// `{hhh}` of `\x` and `\o`.
    fn braced(&mut self, radix: u32) -> Option<u8> {
        let inner = self.rest().strip_prefix(b"{")?;
        let length = inner.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let (digits, after) = inner.split_at_checked(length)?;
        if after.first() != Some(&b'}') {
            return None;
        }
        let digits = std::str::from_utf8(digits).ok()?;
        let number = u8::from_str_radix(digits, radix).ok()?;
        self.at += length + 2;
        Some(number)
    }
}
