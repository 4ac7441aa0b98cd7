//! The state machine: lines to boundaries, headers and data.
//!
//! All decisions are about lines. A header line, or one that begins with `--` and so may be a boundary, is collected up
//! to a limit; any other line of data streams through. The line ending before a boundary belongs to the boundary, so
//! each ending is withheld until it is known what follows.

use std::io;

use bytes::Bytes;

use super::header::{Disposition, boundary, parse_disposition};
use super::{Content, File, FileSink, Flags, Multipart, Part, excerpt};
use crate::body::Argument;
use crate::limits::{
    MULTIPART_HEADER_LIMIT, MULTIPART_HEADER_LINES_LIMIT, MULTIPART_LINE_LIMIT,
    MULTIPART_PARTS_LIMIT,
};

pub(super) struct Machine {
    boundary: Vec<u8>,
    state: State,
    /// The start of the current line, while it must be seen whole.
    line: Vec<u8>,
    /// The rest of the current line is data, whatever it holds.
    is_passing: bool,
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
    /// All bytes taken.
    length: u64,
    /// Those of them that are content of files.
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
    limit: usize,
    count: usize,
}

/// What the machine found.
pub(super) struct Outcome {
    pub(super) multipart: Multipart,
    pub(super) args: Vec<Argument>,
    pub(super) arguments_limit_exceeded: bool,
    pub(super) error: Option<String>,
    pub(super) no_files_length: u64,
}

impl Machine {
    pub(super) fn new(
        content_type: &[u8],
        arguments_limit: usize,
        upload_file_limit: usize,
        sink: Option<Box<dyn FileSink>>,
    ) -> Self {
        let mut flags = Flags::default();
        let (boundary, error) = match boundary(content_type, &mut flags) {
            Ok(boundary) => (boundary.to_vec(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        flags.error = error.is_some();
        Self {
            boundary,
            state: match error {
                None => State::Preamble,
                Some(_) => State::Failed,
            },
            line: Vec::new(),
            is_passing: false,
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
                limit: upload_file_limit,
                count: 0,
            },
            error,
            length: 0,
            file_length: 0,
        }
    }

    pub(super) fn no_files_length(&self) -> u64 {
        self.length - self.file_length
    }

    pub(super) fn feed(&mut self, chunk: &[u8]) {
        self.length += chunk.len() as u64;
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

    pub(super) fn finish(mut self) -> Outcome {
        let is_open = !matches!(self.state, State::Complete | State::Failed);
        if is_open && self.length > 0 && self.finish_last_line().is_none() {
            self.fail(match self.has_boundary {
                true => "Multipart: Final boundary missing.".to_string(),
                false => "Multipart: No boundaries found in payload.".to_string(),
            });
        }
        Outcome {
            no_files_length: self.no_files_length(),
            multipart: self.multipart,
            args: self.args,
            arguments_limit_exceeded: self.limit_exceeded,
            error: self.error,
        }
    }

    /// Handles a final boundary without line ending.
    fn finish_last_line(&mut self) -> Option<()> {
        if !self.has_boundary {
            return None;
        }
        let tail = self.line.strip_prefix(b"--")?;
        if tail.strip_prefix(self.boundary.as_slice())? != b"--" {
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
        if line.starts_with(b"--") {
            self.boundary_line(&line)?;
        }
        self.content(&line)?;
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
        if line.len() > 3 && line.starts_with(b"--") && self.boundary_line(&line)? {
            return Ok(());
        }
        match self.state {
            State::Headers => self.header_line(&line),
            _ => self.content(&line),
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

    /// Handles `line`, which begins with `--`, if it is a boundary.
    fn boundary_line(&mut self, line: &[u8]) -> Result<bool, String> {
        let dashed = line.get(2..).unwrap_or_default();
        let Some(tail) = dashed.strip_prefix(self.boundary.as_slice()) else {
            self.unmatched(dashed)?;
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
        self.state = if is_final {
            State::Complete
        } else {
            State::Headers
        };
        Ok(true)
    }

    /// Handles what follows `--` in a line that looks like a boundary, but is none.
    fn unmatched(&mut self, dashed: &[u8]) -> Result<(), String> {
        if let [b'"', quoted @ ..] = dashed
            && self.multipart.flags.boundary_quoted
            && quoted.starts_with(&self.boundary)
        {
            return Err("Multipart: Invalid boundary (quotes).".to_string());
        }
        let spaces = dashed.iter().position(|&b| !is_space(b)).unwrap_or(0);
        if spaces > 0 && dashed.get(spaces..).is_some_and(|rest| rest.starts_with(&self.boundary)) {
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
        let is_duplicate = self
            .part
            .headers
            .iter()
            .any(|header| name.is_some() && name.eq_ignore_case(header_name(header)));
        self.part.headers.push(content.to_vec());
        match name {
            None => Err(format!(
                "Multipart: Invalid part header (colon missing): {}.",
                excerpt(content)
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
}
