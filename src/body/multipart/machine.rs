//! The state machine: lines to boundaries, headers and data.
//!
//! All decisions are about lines. A header line, or one that begins with `--` and so may be a boundary, is collected up
//! to a limit; any other line of data streams through. The line ending before a boundary belongs to the boundary, so
//! each ending is withheld until it is known what follows.

use bytes::Bytes;

use super::header::{Disposition, boundary, parse_disposition};
use super::{Content, File, FileSink, Flags, Multipart, Part, excerpt};
use crate::body::{Argument, Parsed};
use crate::limits::{
    MULTIPART_HEADER_LIMIT, MULTIPART_HEADER_LINES_LIMIT, MULTIPART_LINE_LIMIT,
    MULTIPART_PARTS_LIMIT,
};

pub(crate) struct Machine {
    /// `--` and the boundary.
    delimiter: Vec<u8>,
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
    /// Bytes taken that are content of files.
    file_length: u64,
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

/// The part that is being read.
#[derive(Default)]
struct PartBuilder {
    /// Header lines, unfolded, without ending.
    headers: Vec<Vec<u8>>,
    disposition: Disposition,
    value: Vec<u8>,
    /// Bytes of content.
    size: u64,
    is_stored: bool,
}

struct Files {
    sink: Option<Box<dyn FileSink>>,
    /// The sink has failed; nothing more is written to it.
    has_failed: bool,
    limit: usize,
    count: usize,
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
            delimiter,
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
            files: Files {
                sink,
                has_failed: false,
                limit: upload_file_limit,
                count: 0,
            },
            error,
            is_empty: true,
            file_length: 0,
        }
    }

    /// Bytes taken so far that are content of files.
    pub(crate) fn file_length(&self) -> u64 {
        self.file_length
    }

    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        self.is_empty &= chunk.is_empty();
        for piece in chunk.split_inclusive(|&b| b == b'\n') {
            match self.state {
                State::Failed => return,
                State::Complete => {
                    self.multipart.flags.data_after = true;
                    return;
                }
                _ => {}
            }
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
        if self.line.strip_prefix(self.delimiter.as_slice())? != b"--" {
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
            State::Headers if !rest.is_empty() => self.part.headers.push(rest),
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
        match line.starts_with(&self.delimiter) {
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
        if !line.starts_with(&self.delimiter) {
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
        let Some(tail) = line.strip_prefix(self.delimiter.as_slice()) else {
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
        let boundary = self.delimiter.get(2..).unwrap_or_default();
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
        let (content, ending) = Ending::split(line);
        match ending {
            Ending::CrLf => self.multipart.flags.crlf_line = true,
            _ => self.multipart.flags.lf_line = true,
        }
        if line.contains(&0) {
            self.part.headers.push(content.to_vec());
            return Err("Multipart: Nul byte in part headers.".to_string());
        }
        if content.is_empty() {
            return self.end_headers();
        }
        if is_space(*content.first().unwrap_or(&b' ')) {
            return self.fold(line, content);
        }
        if self.part.headers.len() >= MULTIPART_HEADER_LINES_LIMIT {
            return Err(format!(
                "Multipart: Part has more than {MULTIPART_HEADER_LINES_LIMIT} headers."
            ));
        }
        let name = header_name(content);
        let is_duplicate = self.part.header(name.unwrap_or_default()).is_some();
        self.part.headers.push(content.to_vec());
        match name {
            None => Err(format!(
                "Multipart: Invalid part header (colon missing): {}.",
                excerpt(line)
            )),
            Some(b"") => Err("Multipart: Invalid part header (header name missing).".to_string()),
            Some(name) if !name.iter().all(u8::is_ascii_graphic) => {
                Err("Multipart: Invalid part header (contains invalid character).".to_string())
            }
            Some(name) if is_duplicate => Err(format!(
                "Multipart: Duplicate part header: {}.",
                excerpt(name)
            )),
            Some(_) => Ok(()),
        }
    }

    /// Appends a line that begins with white space to the header before it; `content` is `line` without its ending.
    fn fold(&mut self, line: &[u8], content: &[u8]) -> Result<(), String> {
        let flags = &mut self.multipart.flags;
        flags.header_folding = true;
        let end = line
            .iter()
            .position(|&b| !is_space(b))
            .unwrap_or(line.len());
        let prefix = line.get(..end).unwrap_or_default();
        flags.invalid_header_folding |= prefix.iter().any(|b| !matches!(b, b' ' | b'\t'));
        let Some(header) = self.part.headers.last_mut() else {
            return Err("Multipart: Invalid part header (folding error).".to_string());
        };
        header.push(b' ');
        header.extend_from_slice(content.get(end..).unwrap_or_default());
        let value = memchr::memchr(b':', header).map_or(0, |colon| header.len() - colon - 1);
        match value > MULTIPART_HEADER_LIMIT {
            true => Err("Multipart: Part header too long.".to_string()),
            false => Ok(()),
        }
    }

    fn end_headers(&mut self) -> Result<(), String> {
        let value = self
            .part
            .header(b"Content-Disposition")
            .ok_or("Multipart: Part missing Content-Disposition header.")?;
        let disposition = &mut self.part.disposition;
        let result = parse_disposition(&value, disposition, &mut self.multipart.flags);
        if let Some(name) = disposition.names.last() {
            self.multipart.name = Some(Bytes::copy_from_slice(name));
        }
        if let Some(filename) = disposition.filenames.last() {
            self.multipart.filename = Some(Bytes::copy_from_slice(filename));
        }
        result.map_err(|code| {
            let value = excerpt(&value);
            format!("Multipart: Invalid Content-Disposition header ({code}): {value}.")
        })?;
        if disposition.names.is_empty() {
            return Err("Multipart: Content-Disposition header missing name field.".to_string());
        }
        // Parsers that search for this instead of parsing must find the same.
        let is_file = !disposition.filenames.is_empty();
        if is_file && memchr::memmem::find(&value, b"filename=").is_none() {
            return Err("Multipart: Invalid Content-Disposition header (filename).".to_string());
        }
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
        let overlap = self.delimiter.len().saturating_sub(1);
        if !self.tail.is_empty() {
            self.tail
                .extend_from_slice(piece.get(..overlap).unwrap_or(piece));
        }
        let is_in = |text: &[u8]| memchr::memmem::find(text, &self.delimiter).is_some();
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
        self.has_data = true;
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
        if !self.part.disposition.filenames.is_empty() {
            self.file_length += data.len() as u64;
            return self.store(data);
        }
        if self.args.len() < self.arguments_limit {
            self.part.value.extend_from_slice(data);
        }
        Ok(())
    }

    fn store(&mut self, data: &[u8]) -> Result<(), String> {
        let Some(sink) = self.files.sink.as_mut().filter(|_| !self.files.has_failed) else {
            return Ok(());
        };
        if !self.part.is_stored {
            if self.files.count >= self.files.limit {
                self.multipart.flags.file_limit_exceeded = true;
                return Ok(());
            }
            self.files.count += 1;
            if let Err(error) = sink.open() {
                self.files.has_failed = true;
                return Err(format!("Multipart: Failed to create file: {error}"));
            }
            self.part.is_stored = true;
        }
        sink.write(data).map_err(|error| {
            self.files.has_failed = true;
            format!("Multipart: writing to file failed: {error}")
        })
    }

    /// Ends the current part, if there is one.
    fn end_part(&mut self) -> Result<(), String> {
        let part = std::mem::take(&mut self.part);
        self.withheld = Ending::None;
        self.has_data = false;
        let (content, result) = match &mut self.files.sink {
            Some(sink) if part.is_stored => match sink.close() {
                Ok(content) => (content, Ok(())),
                Err(error) => (
                    Content::Discarded,
                    Err(format!("Multipart: writing to file failed: {error}")),
                ),
            },
            _ => (Content::Discarded, Ok(())),
        };
        let Disposition { names, filenames } = part.disposition;
        if self.state == State::Data && filenames.is_empty() {
            self.add_argument(names.first(), part.value);
        }
        // A sound part has one name. A malformed one may have several names or none; all it has is shown.
        let has_any = usize::from(!part.headers.is_empty());
        let count = names.len().max(filenames.len()).max(has_any);
        let mut headers = Some(part.headers.into_iter().map(Bytes::from).collect());
        let mut file = Some((part.size, content));
        for index in 0..count {
            let (size, content) = file.take().unwrap_or((0, Content::Discarded));
            let name = names.get(index).or(names.first());
            self.multipart.parts.push(Part {
                name: name
                    .map(|name| Bytes::copy_from_slice(name))
                    .unwrap_or_default(),
                headers: headers.take().unwrap_or_default(),
                file: filenames.get(index).map(|filename| File {
                    name: Bytes::copy_from_slice(filename),
                    size,
                    content,
                }),
            });
        }
        result
    }

    fn add_argument(&mut self, name: Option<&Vec<u8>>, value: Vec<u8>) {
        if self.args.len() >= self.arguments_limit {
            self.limit_exceeded = true;
            return;
        }
        self.args.push(Argument {
            name: name
                .map(|name| Bytes::copy_from_slice(name))
                .unwrap_or_default(),
            value: value.into(),
            source: None,
        });
    }
}

impl PartBuilder {
    /// The value of the header called `name`, without blanks before it.
    fn header(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.headers.iter().find_map(|header| {
            let (found, value) = header.split_at(header_name(header)?.len());
            let value = value.get(1..).unwrap_or_default();
            let start = value.iter().position(|b| !matches!(b, b' ' | b'\t'));
            found.eq_ignore_ascii_case(name).then(|| {
                value
                    .get(start.unwrap_or(value.len())..)
                    .unwrap_or_default()
                    .to_vec()
            })
        })
    }
}

fn header_name(header: &[u8]) -> Option<&[u8]> {
    memchr::memchr(b':', header).and_then(|colon| header.get(..colon))
}

/// C's `isspace` in the C locale.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}
