//! From text to markup: the state machine that finds tags, text, references, comments and the rest.
//!
//! The machine takes text in pieces of any size. What it must see whole (a tag, a name, a reference) it collects, up to
//! a limit; everything else streams. Where a tag ends is told by quick-xml's push parser.

use quick_xml::parser::{ElementParser, Parser as _};

use super::builder::Builder;
use super::chars::{invalid_char, is_name, is_space};
use super::document::{Document, NodeKind};
use super::{Error, ErrorKind, Options, tag};
use crate::limits::{XML_NAME_LIMIT, XML_REFERENCE_LIMIT};

#[derive(Debug)]
pub(super) struct Scanner {
    state: State,
    /// What has been collected of the current piece of markup.
    pending: Vec<u8>,
    /// Characters read so far, in UTF-8 bytes.
    offset: u64,
    /// Where the current piece of markup starts.
    start: u64,
    /// The last character of text was a CR, which stands for a line feed already.
    after_cr: bool,
    options: Options,
    builder: Builder,
}

#[derive(Debug)]
enum State {
    /// Between markup. Counts the `]` just read, up to 2: `]]>` must not occur in text.
    Text { brackets: u8 },
    /// After `&`.
    Reference,
    /// After `<`.
    Open,
    /// After `<!`.
    Declaration,
    /// In a start tag or end tag.
    Tag(ElementParser),
    /// In a comment, after this many of its final `-`.
    Comment { dashes: u8 },
    /// In a CDATA section, after this many of its final `]`.
    Cdata { brackets: u8 },
    /// In the target of a processing instruction.
    Target,
    /// In a processing instruction, just after `?` or not. After a target that ends in `?` a `>` must follow.
    Instruction { question: bool, bare: bool },
    /// In a document type declaration, inside quotes or not.
    Doctype { quote: Option<u8> },
}

/// What went wrong and where.
type Failure = (ErrorKind, u64);

impl Scanner {
    /// A scanner for text that starts `offset` characters into the document.
    pub(super) fn new(options: Options, offset: u64) -> Self {
        Self {
            state: State::Text { brackets: 0 },
            pending: Vec::new(),
            offset,
            start: offset,
            after_cr: false,
            options,
            builder: Builder::new(options.limits),
        }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn feed(&mut self, text: &str) -> Result<(), Error> {
        let invalid = invalid_char(text);
        let mut rest = text
            .as_bytes()
            .get(..invalid.unwrap_or(text.len()))
            .unwrap_or_default();
        while let Some((&first, _)) = rest.split_first() {
            let used = self
                .step(first, rest)
                .map_err(|(kind, offset)| Error::new(kind, offset))?;
            self.offset += used as u64;
            rest = rest.get(used..).unwrap_or_default();
        }
        match invalid {
            Some(_) => Err(Error::new(ErrorKind::Character, self.offset)),
            None => Ok(()),
        }
    }

    /// Ends the document. `error` is the one that ended it early, if any.
    pub(super) fn finish(self, error: Option<Error>) -> Document {
        let at_end = |kind| Some(Error::new(kind, self.offset));
        let error = match self.state {
            _ if error.is_some() => error,
            State::Text { .. } if !self.builder.has_root() => at_end(ErrorKind::NoRoot),
            State::Text { .. } if !self.builder.is_inside_root() => None,
            _ => at_end(ErrorKind::Truncated),
        };
        self.builder.finish(error)
    }

    /// Reads from `text`, whose first byte is `first`, and says how many bytes it used; at least one.
    fn step(&mut self, first: u8, text: &[u8]) -> Result<usize, Failure> {
        match self.state {
            State::Text { brackets } => self.text(first, text, brackets),
            State::Reference => self.reference(text),
            State::Open => self.open(first, text),
            State::Declaration => self.declaration(first),
            State::Tag(parser) => self.tag(text, parser),
            State::Comment { dashes } => self.comment(first, text, dashes),
            State::Cdata { brackets } => self.cdata(first, text, brackets),
            State::Target => self.target(text),
            State::Instruction { question, bare } => self.instruction(first, text, question, bare),
            State::Doctype { quote } => self.doctype(text, quote),
        }
    }

    fn enter_text(&mut self) {
        self.state = State::Text { brackets: 0 };
        self.after_cr = false;
        self.pending.clear();
    }

    /// What follows is the content of a section, comment or instruction.
    fn begin(&mut self, kind: NodeKind) -> Result<(), Failure> {
        self.after_cr = false;
        self.builder.begin(kind).map_err(|kind| self.at_start(kind))
    }

    /// What was begun has ended.
    fn end(&mut self) -> Result<(), Failure> {
        self.builder.end().map_err(|kind| self.at_start(kind))?;
        self.enter_text();
        Ok(())
    }

    fn here(&self, kind: ErrorKind) -> Failure {
        (kind, self.offset)
    }

    fn at_start(&self, kind: ErrorKind) -> Failure {
        (kind, self.start)
    }

    fn text(&mut self, first: u8, text: &[u8], brackets: u8) -> Result<usize, Failure> {
        if first == b'<' || first == b'&' {
            self.start = self.offset;
            self.pending.clear();
            self.state = match first {
                b'<' => State::Open,
                _ if self.builder.is_inside_root() => State::Reference,
                _ => return Err(self.here(ErrorKind::OutsideRoot)),
            };
            return Ok(1);
        }
        let length = memchr::memchr2(b'<', b'&', text).unwrap_or(text.len());
        let text = text.get(..length).unwrap_or_default();
        if !self.builder.is_inside_root() {
            return match text.iter().position(|&b| !is_space(b)) {
                Some(at) => Err((ErrorKind::OutsideRoot, self.offset + at as u64)),
                None => Ok(length),
            };
        }
        match count_brackets(text, brackets) {
            Ok(brackets) => self.state = State::Text { brackets },
            Err(at) => {
                self.push_lines(text.get(..at).unwrap_or_default())?;
                return Err((ErrorKind::CdataEnd, self.offset + at as u64));
            }
        }
        self.push_lines(text)?;
        Ok(length)
    }

    /// Appends text, with each of CR LF, CR and LF as one line feed.
    fn push_lines(&mut self, text: &[u8]) -> Result<(), Failure> {
        let Some(last) = text.last() else {
            return Ok(());
        };
        let mut rest = match text {
            [b'\n', after @ ..] if self.after_cr => after,
            _ => text,
        };
        self.after_cr = *last == b'\r';
        while let Some(at) = memchr::memchr(b'\r', rest) {
            let (line, tail) = rest.split_at(at);
            self.push(line)?;
            self.push(b"\n")?;
            rest = match tail {
                [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
                [] => tail,
            };
        }
        self.push(rest)
    }

    fn push(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.builder
            .push_text(text)
            .map_err(|kind| (kind, self.start))
    }

    fn reference(&mut self, text: &[u8]) -> Result<usize, Failure> {
        let end = memchr::memchr(b';', text);
        let length = end.unwrap_or(text.len());
        let part = text.get(..length).unwrap_or_default();
        let is_foreign = |&b: &u8| matches!(b, b'<' | b'&' | b'>') || is_space(b);
        if self.pending.len() + length > XML_REFERENCE_LIMIT || part.iter().any(is_foreign) {
            return Err(self.at_start(ErrorKind::Reference));
        }
        self.pending.extend_from_slice(part);
        if end.is_none() {
            return Ok(length);
        }
        tag::resolve(&self.pending)
            .and_then(|c| self.builder.push_char(c))
            .map_err(|kind| (kind, self.start))?;
        self.enter_text();
        Ok(length + 1)
    }

    fn open(&mut self, first: u8, text: &[u8]) -> Result<usize, Failure> {
        match first {
            b'!' => self.state = State::Declaration,
            b'?' => self.state = State::Target,
            b'/' | b':' | b'_' | b'A'..=b'Z' | b'a'..=b'z' | 0x80.. => {
                return self.tag(text, ElementParser::Outside);
            }
            _ => return Err(self.at_start(ErrorKind::Tag)),
        }
        Ok(1)
    }

    fn tag(&mut self, text: &[u8], mut parser: ElementParser) -> Result<usize, Failure> {
        let end = parser.feed(text);
        let length = end.unwrap_or(text.len());
        let part = text.get(..length).unwrap_or_default();
        let room = self.options.limits.tag.saturating_sub(self.pending.len());
        if let Some(at) = memchr::memchr(b'<', part)
            && at < room
        {
            return Err((ErrorKind::Tag, self.offset + at as u64));
        }
        if length > room {
            return Err(self.at_start(ErrorKind::TagTooLong));
        }
        self.pending.extend_from_slice(part);
        if end.is_none() {
            self.state = State::Tag(parser);
            return Ok(length);
        }
        self.end_tag_or_start_tag()
            .map_err(|kind| (kind, self.start))?;
        self.enter_text();
        Ok(length + 1)
    }

    /// Handles the tag in `pending`, which holds what stands between `<` and `>`.
    fn end_tag_or_start_tag(&mut self) -> Result<(), ErrorKind> {
        let content = std::str::from_utf8(&self.pending).map_err(|_| ErrorKind::Character)?;
        if let Some(name) = content.strip_prefix('/') {
            return self
                .builder
                .close(name.trim_end_matches([' ', '\t', '\r', '\n']));
        }
        let (content, is_empty) = match content.strip_suffix('/') {
            Some(content) => (content, true),
            None => (content, false),
        };
        let name_length = content.bytes().position(is_space).unwrap_or(content.len());
        let name = content.get(..name_length).unwrap_or_default();
        if name_length > XML_NAME_LIMIT {
            return Err(ErrorKind::NameTooLong);
        }
        if !is_name(name) {
            return Err(ErrorKind::Tag);
        }
        if self.builder.has_root() && !self.builder.is_inside_root() {
            return Err(ErrorKind::SecondRoot);
        }
        let attributes = tag::attributes(content, name_length)?;
        self.builder.open(name, &attributes)?;
        if is_empty {
            self.builder.close_innermost();
        }
        Ok(())
    }

    fn declaration(&mut self, first: u8) -> Result<usize, Failure> {
        self.pending.push(first);
        match self.pending.as_slice() {
            b"--" => {
                self.begin(NodeKind::Comment)?;
                self.state = State::Comment { dashes: 0 };
            }
            b"[CDATA[" if self.builder.is_inside_root() => {
                self.begin(NodeKind::Cdata)?;
                self.state = State::Cdata { brackets: 0 };
            }
            b"[CDATA[" => return Err(self.at_start(ErrorKind::OutsideRoot)),
            b"DOCTYPE" => {
                if self.builder.has_root() || self.builder.has_doctype() {
                    return Err(self.at_start(ErrorKind::Doctype));
                }
                self.builder.note_doctype();
                self.pending.clear();
                self.state = State::Doctype { quote: None };
            }
            partial => {
                let possible: [&[u8]; 3] = [b"--", b"[CDATA[", b"DOCTYPE"];
                if !possible.iter().any(|keyword| keyword.starts_with(partial)) {
                    return Err(self.at_start(ErrorKind::Tag));
                }
            }
        }
        Ok(1)
    }

    fn comment(&mut self, first: u8, text: &[u8], dashes: u8) -> Result<usize, Failure> {
        match dashes {
            0 => {
                let dash = memchr::memchr(b'-', text);
                let content = text.get(..dash.unwrap_or(text.len())).unwrap_or_default();
                self.push_lines(content)?;
                self.state = State::Comment {
                    dashes: u8::from(dash.is_some()),
                };
                return Ok(dash.map_or(text.len(), |at| at + 1));
            }
            1 if first == b'-' => self.state = State::Comment { dashes: 2 },
            1 => {
                self.push_lines(b"-")?;
                self.push_lines(&[first])?;
                self.state = State::Comment { dashes: 0 };
            }
            _ if first == b'>' => self.end()?,
            _ => return Err(self.here(ErrorKind::Comment)),
        }
        Ok(1)
    }

    fn cdata(&mut self, first: u8, text: &[u8], brackets: u8) -> Result<usize, Failure> {
        match (brackets, first) {
            (2, b'>') => {
                self.end()?;
                return Ok(1);
            }
            (2, b']') => {
                self.push_lines(b"]")?;
                return Ok(1);
            }
            (1, b']') => {
                self.state = State::Cdata { brackets: 2 };
                return Ok(1);
            }
            (1, _) => self.push_lines(b"]")?,
            (2, _) => self.push_lines(b"]]")?,
            _ => {}
        }
        let bracket = memchr::memchr(b']', text);
        let content = text
            .get(..bracket.unwrap_or(text.len()))
            .unwrap_or_default();
        self.push_lines(content)?;
        self.state = State::Cdata {
            brackets: u8::from(bracket.is_some()),
        };
        Ok(content.len() + usize::from(bracket.is_some()))
    }

    fn target(&mut self, text: &[u8]) -> Result<usize, Failure> {
        let end = text.iter().position(|&b| b == b'?' || is_space(b));
        let part = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
        if self.pending.len() + part.len() > XML_NAME_LIMIT {
            return Err(self.at_start(ErrorKind::NameTooLong));
        }
        self.pending.extend_from_slice(part);
        let Some(end) = end else {
            return Ok(part.len());
        };
        let is_reserved = self.pending.eq_ignore_ascii_case(b"xml");
        if is_reserved || !std::str::from_utf8(&self.pending).is_ok_and(is_name) {
            return Err(self.at_start(ErrorKind::Instruction));
        }
        self.builder
            .target(&self.pending)
            .map_err(|kind| self.at_start(kind))?;
        self.after_cr = false;
        let bare = text.get(end) == Some(&b'?');
        self.state = State::Instruction {
            question: bare,
            bare,
        };
        Ok(end + 1)
    }

    fn instruction(
        &mut self,
        first: u8,
        text: &[u8],
        question: bool,
        bare: bool,
    ) -> Result<usize, Failure> {
        if question && first == b'>' {
            self.end()?;
            return Ok(1);
        }
        if bare {
            return Err(self.at_start(ErrorKind::Instruction));
        }
        if question {
            self.push_lines(b"?")?;
        }
        let question = memchr::memchr(b'?', text);
        let content = text.get(..question.unwrap_or(text.len()));
        let content = content.unwrap_or_default();
        self.push_lines(match self.builder.is_at_start() {
            true => content.trim_ascii_start(),
            false => content,
        })?;
        self.state = State::Instruction {
            question: question.is_some(),
            bare: false,
        };
        Ok(question.map_or(text.len(), |at| at + 1))
    }

    fn doctype(&mut self, text: &[u8], mut quote: Option<u8>) -> Result<usize, Failure> {
        for (at, &byte) in text.iter().enumerate() {
            match (quote, byte) {
                (None, b'>') => {
                    self.end_doctype().map_err(|kind| (kind, self.start))?;
                    self.enter_text();
                    return Ok(at + 1);
                }
                (None, b'[') => return Err(self.at_start(ErrorKind::InternalSubset)),
                (None, b'"' | b'\'') => quote = Some(byte),
                (Some(open), _) if byte == open => quote = None,
                _ => {}
            }
            if self.pending.len() >= self.options.limits.tag {
                return Err(self.at_start(ErrorKind::TagTooLong));
            }
            self.pending.push(byte);
        }
        self.state = State::Doctype { quote };
        Ok(text.len())
    }

    /// Handles the declaration in `pending`, which holds what stands between `<!DOCTYPE` and `>`.
    fn end_doctype(&mut self) -> Result<(), ErrorKind> {
        let content = std::str::from_utf8(&self.pending).map_err(|_| ErrorKind::Character)?;
        let space = [' ', '\t', '\r', '\n'];
        let name_and_id = content.trim_matches(space);
        let (name, id) = match name_and_id.split_once(space) {
            Some((name, id)) => (name, id.trim_start_matches(space)),
            None => (name_and_id, ""),
        };
        if !content.starts_with(space) || !is_name(name) {
            return Err(ErrorKind::Doctype);
        }
        if id.is_empty() {
            return Ok(());
        }
        if !is_external_id(id) {
            return Err(ErrorKind::Doctype);
        }
        match self.options.external_subset {
            true => Ok(()),
            false => Err(ErrorKind::ExternalSubset),
        }
    }
}

/// The number of `]`, up to 2, that `text` ends with, after `brackets` of them; or where the `>` of a `]]>` stands.
fn count_brackets(text: &[u8], mut brackets: u8) -> Result<u8, usize> {
    let mut next = 0;
    for at in memchr::memchr2_iter(b']', b'>', text) {
        if at != next {
            brackets = 0;
        }
        match text.get(at) {
            Some(b']') => brackets = (brackets + 1).min(2),
            _ if brackets == 2 => return Err(at),
            _ => brackets = 0,
        }
        next = at + 1;
    }
    Ok(if next == text.len() { brackets } else { 0 })
}

/// Production `ExternalID`: `SYSTEM` and one quoted string, or `PUBLIC` and two.
fn is_external_id(id: &str) -> bool {
    fn literal(text: &str) -> Option<&str> {
        let spaced = text.trim_start_matches([' ', '\t', '\r', '\n']);
        let quote = spaced.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (_, after) = spaced.get(1..)?.split_once(quote)?;
        (spaced.len() < text.len()).then_some(after)
    }
    let after = match id.strip_prefix("PUBLIC") {
        Some(rest) => literal(rest).and_then(literal),
        None => id.strip_prefix("SYSTEM").and_then(literal),
    };
    after == Some("")
}
