//! Bracketed classes.

use super::{AtMost, Class, Exact, Item, Reader, Token};

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

impl Reader<'_> {
    pub(super) fn class(&mut self) -> Token {
        let negated = self.eat(b"^");
        let start = self.at;
        match self.class_items() {
            Some(items) => Token::Class(Class { negated, items }),
            None => {
                self.at = start;
                self.eat(b"]"); // stands for itself in the first place
                self.skip_class();
                Token::exact("a class only PCRE2 knows", AtMost::Unknown, Exact::Byte)
            }
        }
    }

    /// The items up to the closing bracket, which is consumed.  None if the
    /// class is an error or needs PCRE2; the position is then inside of it.
    fn class_items(&mut self) -> Option<Vec<Item>> {
        let mut items = Vec::new();
        if let Some(b':' | b'.' | b'=') = self.peek()
            && posix_length(self.rest()).is_some()
        {
            return None; // a POSIX class outside of brackets is an error
        }
        loop {
            let item = match self.next_byte()? {
                b']' if !items.is_empty() => return Some(items),
                b'[' => match self.posix() {
                    Some(item) => item?,
                    None => Item::Range(b'[', b'['),
                },
                byte => self.class_atom(byte)?,
            };
            let literal = matches!(item, Item::Range(..));
            let hyphen = self.peek() == Some(b'-') && self.rest().get(1) != Some(&b']');
            if hyphen && !literal {
                return None; // a hyphen after \d or [:alpha:] is an error
            }
            items.push(match item {
                Item::Range(low, _) if hyphen => {
                    self.at += 1;
                    let byte = self.next_byte()?;
                    if byte == b'[' && self.posix().is_some() {
                        return None;
                    }
                    match self.class_atom(byte)? {
                        Item::Range(high, _) if low <= high => Item::Range(low, high),
                        _ => return None,
                    }
                }
                item => item,
            });
        }
    }

    /// One byte or escape of a class, the byte already consumed.
    fn class_atom(&mut self, byte: u8) -> Option<Item> {
        if byte != b'\\' {
            return Some(Item::Range(byte, byte));
        }
        let byte = match self.next_byte()? {
            escape @ (b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'h' | b'H' | b'v' | b'V') => {
                return Some(Item::Escape(escape));
            }
            b'b' => 0x08,
            digit @ b'1'..=b'7' => self.octal(u32::from(digit - b'0'), 2)?,
            other => self.byte_escape(other)?,
        };
        Some(Item::Range(byte, byte))
    }

    /// `[:name:]`, its bracket already consumed.  The outer None: it is no such
    /// thing and the bracket stands for itself.  The inner: it is, but a bad one.
    fn posix(&mut self) -> Option<Option<Item>> {
        let length = posix_length(self.rest())?;
        let text = self.rest().get(1..length).unwrap_or_default();
        let colon = self.peek() == Some(b':');
        self.at += length + 2;
        let (negated, name) = match text.strip_prefix(b"^") {
            Some(name) => (true, name),
            None => (false, text),
        };
        let name = POSIX.into_iter().find(|known| known.as_bytes() == name);
        // PCRE2 takes [:^upper:] for [:^alpha:] when case does not matter.
        let folded = negated && self.modes.caseless && matches!(name, Some("upper" | "lower"));
        Some(
            name.filter(|_| colon && !folded)
                .map(|name| Item::Posix { name, negated }),
        )
    }

    /// Goes to the end of a class whose items were not understood.
    fn skip_class(&mut self) {
        while let Some(byte) = self.next_byte() {
            match byte {
                b'\\' if self.eat(b"Q") => {
                    let end = memchr::memmem::find(self.rest(), b"\\E");
                    self.at += end.map_or(self.rest().len(), |end| end + 2);
                }
                b'\\' => self.at = (self.at + 1).min(self.pattern.len()),
                b'[' => {
                    if let Some(length) = posix_length(self.rest()) {
                        self.at += length + 2;
                    }
                }
                b']' => return,
                _ => {}
            }
        }
    }
}

/// Where in `:name:]` (also `.` and `=`) the second colon is, by PCRE2's rule.
fn posix_length(text: &[u8]) -> Option<usize> {
    let terminator = *text.first().filter(|b| matches!(b, b':' | b'.' | b'='))?;
    let mut at = 1;
    while let Some(&[first, second]) = text.get(at..at + 2) {
        match first {
            b'\\' if matches!(second, b']' | b'\\') => at += 1,
            b']' => return None,
            b'[' if second == terminator => return None,
            _ if first == terminator && second == b']' => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}
