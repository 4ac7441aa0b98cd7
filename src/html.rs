//! Tags and attributes of a page of HTML, found as a browser finds them, without building a tree.
//!
//! This is the tokeniser of the HTML Standard as far as it takes to know what is a tag and what only looks like one:
//! comments, the text of scripts, styles and their kin, attributes in all notations. It goes through the page once, and
//! neither recurses nor copies anything but the values that are asked for.

use std::ops::Range;

/// Elements whose content is text, whatever it looks like.
const TEXT_ELEMENTS: [&[u8]; 8] = [
    b"iframe",
    b"noembed",
    b"noframes",
    b"script",
    b"style",
    b"textarea",
    b"title",
    b"xmp",
];

/// A start tag: where its name and its attributes stand in the page.
pub struct Tag {
    name: Range<usize>,
    /// Names and values.
    attributes: Vec<(Range<usize>, Range<usize>)>,
}

impl Tag {
    /// Whether this is its name.
    pub fn is(&self, html: &[u8], name: &[u8]) -> bool {
        html.get(self.name.clone())
            .is_some_and(|known| known.eq_ignore_ascii_case(name))
    }

    /// Where the value of an attribute stands, without quotes. The first of a name counts.
    pub fn attribute(&self, html: &[u8], name: &[u8]) -> Option<Range<usize>> {
        let found = self.attributes.iter().find(|(known, _)| {
            html.get(known.clone())
                .is_some_and(|known| known.eq_ignore_ascii_case(name))
        });
        found.map(|(_, value)| value.clone())
    }
}

/// Goes through a page from tag to tag.
pub struct Scanner<'h> {
    html: &'h [u8],
    at: usize,
}

impl<'h> Scanner<'h> {
    /// Begins at the start of the page.
    pub fn new(html: &'h [u8]) -> Scanner<'h> {
        Scanner { html, at: 0 }
    }

    fn rest(&self) -> &[u8] {
        self.html.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.html.get(self.at).copied()
    }

    /// Moves behind the next occurrence of a text; to the end if there is none.
    fn skip_behind(&mut self, text: &[u8]) {
        let found = memchr::memmem::find(self.rest(), text);
        self.at = found.map_or(self.html.len(), |found| self.at + found + text.len());
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) -> Range<usize> {
        let start = self.at;
        let length = self
            .rest()
            .iter()
            .take_while(|byte| belongs(**byte))
            .count();
        self.at += length;
        start..self.at
    }

    /// The next start tag that is complete.
    pub fn next_tag(&mut self) -> Option<Tag> {
        loop {
            self.skip_behind(b"<");
            match (self.peek()?, self.rest().get(1).copied()) {
                (b'!', _) if self.rest().starts_with(b"!--") => self.skip_comment(),
                (b'!' | b'?', _) => self.skip_behind(b">"),
                (b'/', Some(next)) if next.is_ascii_alphabetic() => {
                    self.at += 1;
                    self.tag()?;
                }
                (b'/', Some(_)) => self.skip_behind(b">"),
                (first, _) if first.is_ascii_alphabetic() => {
                    let tag = self.tag()?;
                    self.skip_text_of(&tag);
                    return Some(tag);
                }
                _ => {}
            }
        }
    }

    fn skip_comment(&mut self) {
        self.at += 3;
        if self.rest().starts_with(b">") || self.rest().starts_with(b"->") {
            return self.skip_behind(b">");
        }
        loop {
            // `--` ends it before `>` and before `!>`.
            self.skip_behind(b"--");
            let rest = self.rest();
            if rest.is_empty() || rest.starts_with(b">") || rest.starts_with(b"!>") {
                return;
            }
            // In `--->` the last two count.
            self.at -= 1;
        }
    }

    /// Reads a tag from its name to its `>`. `None` where the page ends before.
    fn tag(&mut self) -> Option<Tag> {
        let ends_name = |byte: u8| is_blank(byte) || matches!(byte, b'/' | b'>');
        let name = self.skip_while(|byte| !ends_name(byte));
        let mut attributes = Vec::new();
        loop {
            self.skip_while(|byte| is_blank(byte) || byte == b'/');
            if self.peek()? == b'>' {
                self.at += 1;
                return Some(Tag { name, attributes });
            }
            let start = self.at;
            // An equals sign at the start belongs to the name.
            self.at += 1;
            self.skip_while(|byte| !ends_name(byte) && byte != b'=');
            let attribute = start..self.at;
            self.skip_while(is_blank);
            if self.peek()? != b'=' {
                attributes.push((attribute, self.at..self.at));
                continue;
            }
            self.at += 1;
            self.skip_while(is_blank);
            let value = match self.peek()? {
                quote @ (b'"' | b'\'') => {
                    self.at += 1;
                    let start = self.at;
                    self.skip_behind(&[quote]);
                    // Without its end there is no tag.
                    let end = self
                        .html
                        .get(self.at.checked_sub(1)?)
                        .filter(|last| **last == quote);
                    start..end.map(|_| self.at - 1).filter(|end| *end >= start)?
                }
                _ => self.skip_while(|byte| !is_blank(byte) && byte != b'>'),
            };
            attributes.push((attribute, value));
        }
    }

    /// Moves to the end tag of an element whose content is text.
    fn skip_text_of(&mut self, tag: &Tag) {
        let name = self.html.get(tag.name.clone()).unwrap_or_default();
        if name.eq_ignore_ascii_case(b"plaintext") {
            self.at = self.html.len();
            return;
        }
        if !TEXT_ELEMENTS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
        {
            return;
        }
        let length = name.len();
        let rest = self.html.get(self.at..).unwrap_or_default();
        let end = memchr::memmem::find_iter(rest, b"</").find(|at| {
            let behind = rest.get(at + 2..).unwrap_or_default();
            let (found, next) = (behind.get(..length), behind.get(length));
            found.is_some_and(|found| found.eq_ignore_ascii_case(name))
                && next.is_some_and(|next| is_blank(*next) || matches!(next, b'/' | b'>'))
        });
        self.at = end.map_or(self.html.len(), |end| self.at + end);
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

/// The value of an attribute.
pub struct Value {
    /// With its character references replaced.
    pub text: Vec<u8>,
    /// For each byte of the text, where what it was written as ends in the page.
    ends: Vec<usize>,
    /// Where the value begins in the page.
    start: usize,
}

impl Value {
    /// Reads what [`Tag::attribute`] has found.
    pub fn read(html: &[u8], span: Range<usize>) -> Value {
        let mut value = Value {
            text: Vec::new(),
            ends: Vec::new(),
            start: span.start,
        };
        let mut at = span.start;
        let raw = |at: usize| html.get(at..span.end).unwrap_or_default();
        while let Some(&byte) = raw(at).first() {
            let mut buffer = [0; 4];
            let (text, length) = match (byte == b'&').then(|| reference(raw(at))).flatten() {
                Some((character, length)) => {
                    (character.encode_utf8(&mut buffer).as_bytes(), length)
                }
                None => {
                    buffer[0] = byte;
                    (&buffer[..1], 1)
                }
            };
            at += length;
            value.text.extend_from_slice(text);
            value.ends.extend(text.iter().map(|_| at));
        }
        value
    }

    /// Where the link ends in the page: before its fragment, or before blanks behind it.
    pub fn link_end(&self) -> usize {
        let length = memchr::memchr(b'#', &self.text).unwrap_or_else(|| {
            let last = self.text.iter().rposition(|byte| *byte > b' ');
            last.map_or(0, |last| last + 1)
        });
        let last = length.checked_sub(1).and_then(|last| self.ends.get(last));
        last.copied().unwrap_or(self.start)
    }
}

/// The character reference at the start, and its length: a number, or one of the names of what URLs and attributes are
/// made of. Others are left as they are: no link that people write has them.
fn reference(text: &[u8]) -> Option<(char, usize)> {
    let number = |digits: &[u8], radix: u32, before: usize| {
        let length = digits
            .iter()
            .take_while(|digit| char::from(**digit).is_digit(radix))
            .count();
        let digits = std::str::from_utf8(digits.get(..length)?).ok()?;
        let value = u32::from_str_radix(digits, radix).ok()?;
        let semicolon = usize::from(text.get(before + length) == Some(&b';'));
        Some((
            char::from_u32(value).filter(|c| *c != '\0')?,
            before + length + semicolon,
        ))
    };
    match text {
        [b'&', b'#', b'x' | b'X', digits @ ..] => return number(digits, 16, 3),
        [b'&', b'#', digits @ ..] => return number(digits, 10, 2),
        _ => {}
    }
    const NAMES: [(&[u8], char, bool); 9] = [
        (b"&amp", '&', true),
        (b"&AMP", '&', true),
        (b"&quot", '"', true),
        (b"&QUOT", '"', true),
        (b"&lt", '<', true),
        (b"&gt", '>', true),
        (b"&apos", '\'', false),
        (b"&sol", '/', false),
        (b"&num", '#', false),
    ];
    NAMES.iter().find_map(|(name, character, may_be_open)| {
        let next = text.strip_prefix(*name)?.first();
        match next {
            Some(b';') => Some((*character, name.len() + 1)),
            // In an attribute an open reference is none before what could be the rest of a parameter.
            Some(next) if next.is_ascii_alphanumeric() || *next == b'=' => None,
            _ => may_be_open.then_some((*character, name.len())),
        }
    })
}
