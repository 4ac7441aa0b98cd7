//! The state machine: lines to boundaries, headers and data.
//!
//! All decisions are about lines. A header line, or one that begins with `--` and so may be a boundary, is collected up
//! to a limit; any other line of data streams through. The line ending before a boundary belongs to the boundary, so
//! each ending is withheld until it is known what follows.

use bytes::Bytes;
use memchr::memmem;

use super::header::{Disposition, boundary};
use super::part::{PartBuilder, is_space};
use super::sink::Files;
use super::{Content, FileSink, Flags, Multipart, excerpt};
use crate::body::{Argument, Parsed};
use crate::limits::{MULTIPART_LINE_LIMIT, MULTIPART_PARTS_LIMIT};

pub(crate) struct Machine {
    /// `--` and the boundary, made ready for the many searches for it.
    delimiter: memmem::Finder<'static>,
    state: State,
    /// The start of the current line, while it must be seen whole.
    line: Vec<u8>,
    /// The rest of the current line is data, whatever it holds.
    is_passing: bool,
    /// The end of the part of the line that has passed, in which a delimiter may have begun.
    tail: Vec<u8>,
    /// The line ending, or a CR that may become one, that data ended in.
    withheld: Ending,
    /// Data of the current part has been seen, be it only a line ending.
    has_data: bool,
    has_boundary: bool,
    part: PartBuilder,
    multipart: Multipart,
    args: Vec<Argument>,
    arguments_limit: usize,
    limit_exceeded: bool,
    files: Files,
    error: Option<String>,
    is_empty: bool,
    /// Bytes taken.
    position: u64,
    /// Bytes taken that are headers of parts or content of fields.
    counted: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Preamble,
    Headers,
    Data,
    Complete,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    None,
    Cr,
    Lf,
    CrLf,
}

impl Ending {
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::None => b"",
            Self::Cr => b"\r",
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }

    /// Splits off the ending of `text`.
    fn split(text: &[u8]) -> (&[u8], Self) {
        match text {
            [content @ .., b'\r', b'\n'] => (content, Self::CrLf),
            [content @ .., b'\n'] => (content, Self::Lf),
            [content @ .., b'\r'] => (content, Self::Cr),
            _ => (text, Self::None),
        }
    }
}

impl Machine {
    pub(crate) fn new(
        content_type: &[u8],
        arguments_limit: usize,
        upload_file_limit: usize,
        sink: Option<Box<dyn FileSink>>,
    ) -> Self {
        let mut flags = Flags::default();
        let (delimiter, error) = match boundary(content_type, &mut flags) {
            Ok(boundary) => ([b"--", boundary].concat(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        flags.error = error.is_some();
        Self {
            delimiter: memmem::Finder::new(&delimiter).into_owned(),
            state: match error {
                None => State::Preamble,
                Some(_) => State::Failed,
            },
            line: Vec::new(),
            is_passing: false,
            tail: Vec::new(),
            withheld: Ending::None,
            has_data: false,
            has_boundary: false,
            part: PartBuilder::default(),
            multipart: Multipart {
                flags,
                ..Multipart::default()
            },
            args: Vec::new(),
            arguments_limit,
            limit_exceeded: false,
            files: Files::new(sink, upload_file_limit),
            error,
            is_empty: true,
            position: 0,
            counted: 0,
        }
    }

    /// Bytes taken so far that are headers of parts or content of fields.
    pub(crate) fn no_files_length(&self) -> u64 {
        self.counted
    }

    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        self.is_empty &= chunk.is_empty();
        let mut rest = chunk;
        while !rest.is_empty() {
            let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (piece, behind) = rest.split_at(line);
            rest = behind;
            match self.state {
                State::Failed => return,
                State::Complete => {
                    self.multipart.flags.data_after = true;
                    return;
                }
                _ => {}
            }
            self.position += piece.len() as u64;
            if let Err(error) = self.take(piece) {
                self.fail(error);
            }
        }
    }

    pub(crate) fn finish(mut self) -> Parsed {
        let is_open = !matches!(self.state, State::Complete | State::Failed);
        if is_open && !self.is_empty && self.finish_last_line().is_none() {
            self.fail(match self.has_boundary {
                true => "Multipart: Final boundary missing.".to_string(),
                false => "Multipart: No boundaries found in payload.".to_string(),
            });
        }
        Parsed {
            error: self.error,
            args: self.args,
            arguments_limit_exceeded: self.limit_exceeded,
            multipart: Some(self.multipart),
            ..Parsed::default()
        }
    }

    /// Handles a final boundary without line ending.
    fn finish_last_line(&mut self) -> Option<()> {
        if !self.has_boundary {
            return None;
        }
        if self.line.strip_prefix(self.delimiter.needle())? != b"--" {
            return None;
        }
        self.multipart.flags.lf_line |= self.withheld == Ending::Lf;
        self.multipart.flags.invalid_part |= !self.is_boundary_possible();
        self.line.clear();
        self.end_part().ok()?;
        self.state = State::Complete;
        Some(())
    }

    fn fail(&mut self, error: String) {
        self.multipart.flags.error = true;
        self.error.get_or_insert(error);
        let rest = std::mem::take(&mut self.line);
        match self.state {
            State::Preamble => self.multipart.flags.data_before |= !rest.is_empty(),
            State::Headers if !rest.is_empty() => self.part.add_partial_header(rest),
            State::Data => {
                let withheld = std::mem::replace(&mut self.withheld, Ending::None);
                // The content so far is kept as it is; that it cannot be written any more changes nothing.
                let _ = self.emit(withheld.bytes()).and_then(|()| self.emit(&rest));
            }
            _ => {}
        }
        let _ = self.end_part();
        self.state = State::Failed;
    }

    /// Takes a piece of a line; it ends in LF if it is the last.
    fn take(&mut self, piece: &[u8]) -> Result<(), String> {
        let ends = piece.last() == Some(&b'\n');
        let is_header = self.state == State::Headers;
        let starts_line = !self.is_passing && self.line.is_empty();
        let is_plain = starts_line && !is_header && piece.first() != Some(&b'-');
        if self.is_passing || is_plain {
            self.is_passing = !ends;
            return self.content(piece);
        }
        let room = MULTIPART_LINE_LIMIT - self.line.len();
        let (fitting, excess) = piece.split_at(room.min(piece.len()));
        self.line.extend_from_slice(fitting);
        if ends && excess.is_empty() {
            return self.end_line();
        }
        if excess.is_empty() && (is_header || self.may_be_boundary()) {
            return Ok(());
        }
        if is_header {
            return Err(format!(
                "Multipart: Part header line over {MULTIPART_LINE_LIMIT} bytes long"
            ));
        }
        let line = std::mem::take(&mut self.line);
        self.check_boundary(&line)?;
        match line.starts_with(self.delimiter.needle()) {
            true => self.data(&line)?,
            false => self.content(&line)?,
        }
        self.is_passing = !ends;
        match excess {
            [] => Ok(()),
            _ => self.content(excess),
        }
    }

    /// Whether the line may still turn out to be a boundary, or something that looks like one.
    fn may_be_boundary(&self) -> bool {
        matches!(self.line.as_slice(), [] | [b'-'] | [b'-', b'-', ..])
    }

    /// Handles the line that has been collected, ending included.
    fn end_line(&mut self) -> Result<(), String> {
        let line = std::mem::take(&mut self.line);
        if line.len() > 3 && self.check_boundary(&line)? {
            return Ok(());
        }
        if !line.starts_with(self.delimiter.needle()) {
            self.find_delimiter(&line);
        }
        match self.state {
            State::Headers => self.header_line(&line),
            _ => self.data(&line),
        }
    }

    /// Whether a boundary can stand here. One in the header of a part, or right after it, is taken for content and
    /// flagged: applications differ on whether such a part exists.
    fn is_boundary_possible(&self) -> bool {
        match self.state {
            State::Headers => false,
            State::Data => self.has_data,
            _ => true,
        }
    }

    /// Handles `line` if it is a boundary. One that is malformed is left to be shown as data.
    fn check_boundary(&mut self, line: &[u8]) -> Result<bool, String> {
        if !line.starts_with(b"--") {
            return Ok(false);
        }
        self.boundary_line(line).inspect_err(|_| {
            if self.state == State::Data {
                self.line = line.to_vec();
            }
        })
    }

    /// Handles `line`, which begins with `--`, if it is a boundary.
    fn boundary_line(&mut self, line: &[u8]) -> Result<bool, String> {
        let Some(tail) = line.strip_prefix(self.delimiter.needle()) else {
            self.unmatched(line.get(2..).unwrap_or_default())?;
            return Ok(false);
        };
        if !self.is_boundary_possible() {
            self.multipart.flags.invalid_part = true;
            return Ok(false);
        }
        let (tail, is_final) = match tail.strip_prefix(b"--") {
            Some(tail) => (tail, true),
            None => (tail, false),
        };
        match tail {
            b"\r\n" => self.multipart.flags.crlf_line = true,
            b"\n" => self.multipart.flags.lf_line = true,
            _ => return Err(format!("Multipart: Invalid boundary: {}", excerpt(line))),
        }
        self.multipart.flags.lf_line |= self.withheld == Ending::Lf;
        self.has_boundary = true;
        self.end_part()?;
        if !is_final && self.multipart.parts.len() >= MULTIPART_PARTS_LIMIT {
            return Err(format!(
                "Multipart: More than {MULTIPART_PARTS_LIMIT} parts."
            ));
        }
        self.state = match is_final {
            true => State::Complete,
            false => State::Headers,
        };
        Ok(true)
    }

    /// Handles what follows `--` in a line that looks like a boundary, but is none.
    fn unmatched(&mut self, dashed: &[u8]) -> Result<(), String> {
        let boundary = self.delimiter.needle().get(2..).unwrap_or_default();
        if let [b'"', quoted @ ..] = dashed
            && self.multipart.flags.boundary_quoted
            && quoted.starts_with(boundary)
        {
            return Err("Multipart: Invalid boundary (quotes).".to_string());
        }
        let spaces = dashed.iter().position(|&b| !is_space(b)).unwrap_or(0);
        if spaces > 0
            && dashed
                .get(spaces..)
                .is_some_and(|rest| rest.starts_with(boundary))
        {
            return Err("Multipart: Invalid boundary (whitespace).".to_string());
        }
        self.multipart.flags.unmatched_boundary = true;
        Ok(())
    }

    fn header_line(&mut self, line: &[u8]) -> Result<(), String> {
        self.counted += line.len() as u64;
        let (content, ending) = Ending::split(line);
        let flags = &mut self.multipart.flags;
        match ending {
            Ending::CrLf => flags.crlf_line = true,
            _ => flags.lf_line = true,
        }
        if !content.is_empty() {
            return self.part.add_header(line, content, flags);
        }
        let result = self.part.end_headers(flags);
        let Disposition { names, filenames } = self.part.disposition();
        let last = |seen: &[Vec<u8>]| seen.last().map(|seen| Bytes::copy_from_slice(seen));
        let multipart = &mut self.multipart;
        multipart.name = last(names).or(multipart.name.take());
        multipart.filename = last(filenames).or(multipart.filename.take());
        result?;
        self.part.offset = self.position;
        self.state = State::Data;
        Ok(())
    }

    /// Takes bytes that are no boundary and no header; LF is the last of them, if there is one.
    fn content(&mut self, piece: &[u8]) -> Result<(), String> {
        self.find_delimiter(piece);
        self.data(piece)
    }

    /// Raises the flag for a boundary that does not stand at the start of a line, where LF alone ends lines.
    fn find_delimiter(&mut self, piece: &[u8]) {
        let overlap = self.delimiter.needle().len().saturating_sub(1);
        if !self.tail.is_empty() {
            self.tail
                .extend_from_slice(piece.get(..overlap).unwrap_or(piece));
        }
        let is_in = |text: &[u8]| self.delimiter.find(text).is_some();
        self.multipart.flags.unmatched_boundary |= is_in(&self.tail) || is_in(piece);
        match piece {
            [.., b'\n'] => self.tail.clear(),
            _ if piece.len() < overlap && !self.tail.is_empty() => {
                let excess = self.tail.len().saturating_sub(overlap);
                self.tail.drain(..excess);
            }
            _ => {
                self.tail.clear();
                let start = piece.len().saturating_sub(overlap);
                self.tail
                    .extend_from_slice(piece.get(start..).unwrap_or_default());
            }
        }
    }

    fn data(&mut self, piece: &[u8]) -> Result<(), String> {
        if self.state != State::Data {
            self.multipart.flags.data_before = true;
            return Ok(());
        }
        if !std::mem::replace(&mut self.has_data, true) && self.part.is_file() {
            self.files.write(b"", &mut self.multipart.flags)?;
        }
        if self.withheld == Ending::Cr && piece == b"\n" {
            self.withheld = Ending::CrLf;
            return Ok(());
        }
        let (data, ending) = Ending::split(piece);
        let before = std::mem::replace(&mut self.withheld, ending);
        self.emit(before.bytes())?;
        self.emit(data)
    }

    /// Appends `data` to the current part.
    fn emit(&mut self, data: &[u8]) -> Result<(), String> {
        if data.is_empty() {
            return Ok(());
        }
        self.part.size += data.len() as u64;
        if self.part.is_file() {
            return self.files.write(data, &mut self.multipart.flags);
        }
        self.counted += data.len() as u64;
        if self.args.len() < self.arguments_limit {
            self.part.value.extend_from_slice(data);
        }
        Ok(())
    }

    /// Ends the current part, if there is one.
    fn end_part(&mut self) -> Result<(), String> {
        let mut part = std::mem::take(&mut self.part);
        self.withheld = Ending::None;
        self.has_data = false;
        let (content, result) = match self.files.end() {
            Ok(content) => (content, Ok(())),
            Err(error) => (Content::Discarded, Err(error)),
        };
        if self.state == State::Data && !part.is_file() {
            self.add_argument(part.name(), std::mem::take(&mut part.value));
        }
        self.multipart.parts.extend(part.into_parts(content));
        result
    }

    fn add_argument(&mut self, name: Bytes, value: Vec<u8>) {
        if self.args.len() >= self.arguments_limit {
            self.limit_exceeded = true;
            return;
        }
        self.args.push(Argument {
            name,
            value: value.into(),
            source: None,
        });
    }
}
