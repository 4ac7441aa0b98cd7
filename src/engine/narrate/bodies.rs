//! What the debug log tells of the body of a request, when it has been read.

use super::super::debug::sentence;
use super::rules::place;
use crate::body::Kind;
use crate::body::multipart::{Content, Flags, Multipart, Part, boundary};
use crate::transaction::Transaction;
use crate::types::EngineMode;

impl Transaction {
    /// What came in with the body of the request.
    pub(in crate::engine) fn narrate_body(&self) {
        if !self.debugs(4) {
            return;
        }
        if self.mode() == EngineMode::Off {
            return self.say(4, "Processing disabled, skipping (hook request_late).");
        }
        self.say(4, "Second phase starting (dcfg 0).");
        let length = self.body.seen();
        if length == 0 && !self.announces_body() {
            return self.say(4, "Input filter: This request does not have a body.");
        }
        if !self.wants_request_body() {
            return self.say(4, "Input filter: Request body access not enabled.");
        }
        self.say(4, "Input filter: Reading request body.");
        self.debug_document();
        let json = self.body.processor() == Some(Kind::Json.name());
        if json {
            self.say(4, "JSON parser initialization");
            self.say(9, "yajl JSON parsing callback initialization");
        }
        if self.request_body().memory().is_none() {
            let text = "Input filter: Request too large to store in memory, switching to disk.";
            self.say(4, text);
            // It has no name: it is gone with the process, whatever becomes of that.
            let text = "Input filter: Created temporary file to store request body: in ";
            self.say(4, &format!("{text}{}", self.config.tmp_dir));
        }
        if let Some(multipart) = &self.body.parsed().multipart {
            self.narrate_multipart(multipart);
        }
        for argument in &self.body.parsed().args {
            let values = [&argument.name[..], &argument.value[..]];
            match json {
                true => {
                    let words = ["Adding JSON argument '", "' with value '", "'"];
                    self.debug(9, |_| sentence(&words, &values));
                }
                false => {
                    let start = "Adding request argument (BODY): name \"";
                    let words = [start, "\", value \"", "\""];
                    self.debug(5, |_| sentence(&words, &values));
                }
            }
        }
        if json {
            self.say(4, "JSON: Cleaning up JSON results");
        }
        let counted = self.body.parsed().no_files_length;
        if self.body.processor() != Some(Kind::Urlencoded.name()) {
            self.say(4, &format!("Request body no files length: {counted}"));
        }
        let text = format!("Input filter: Completed receiving request body (length {length}).");
        self.say(4, &text);
    }

    fn narrate_multipart(&self, multipart: &Multipart) {
        let flags = &multipart.flags;
        let content_type = self.request_header("Content-Type").next();
        if let Some(boundary) = content_type.and_then(|text| boundary(text)) {
            let start = match flags.boundary_quoted {
                true => "Multipart: Boundary (quoted): ",
                false => "Multipart: Boundary: ",
            };
            self.debug(9, |_| sentence(&[start, ""], &[boundary]));
        }
        if flags.data_before {
            self.say(4, "Multipart: Ignoring data before first boundary.");
        }
        let mut files = 0;
        for part in &multipart.parts {
            self.narrate_part(part, &mut files);
        }
        if flags.data_after {
            self.say(4, "Multipart: Ignoring data after last boundary.");
        }
        for (raised, text) in warnings(flags) {
            if raised {
                self.say(4, &format!("Multipart: Warning: {text}"));
            }
        }
    }

    fn narrate_part(&self, part: &Part, files: &mut usize) {
        for line in &part.headers {
            let (name, value) = line.split_at(memchr::memchr(b':', line).unwrap_or(line.len()));
            let value = value.get(1..).unwrap_or_default().trim_ascii_start();
            self.debug(9, |_| {
                let value = crate::operators::escape(value);
                let line = [
                    b"Multipart: Added part header \"",
                    name,
                    b"\" \"",
                    &value,
                    b"\"",
                ];
                line.concat()
            });
        }
        let line = |words: &[&str], value: &[u8]| self.debug(9, |_| sentence(words, &[value]));
        // Its header did not come to its end.
        if part.offset == 0 {
            return;
        }
        line(&["Multipart: Content-Disposition name: ", ""], &part.name);
        if let Some(file) = &part.file {
            line(
                &["Multipart: Content-Disposition filename: ", ""],
                &file.name,
            );
        }
        for header in &part.headers {
            line(&["Multipart: Added part header line \"", "\""], header);
        }
        let (place, offset, length) = (place(part), part.offset, part.length);
        let end = format!("\" (offset {offset}, length {length})");
        let Some(file) = &part.file else {
            let mut values = self.body.parsed().args.iter();
            let value = values.find(|argument| argument.name == part.name);
            let value = value.map_or(&b""[..], |argument| &argument.value);
            for piece in lines(value) {
                line(&["Multipart: Added data to variable: ", ""], piece);
            }
            let start = format!("Multipart: Added part {place} to the list: name \"");
            return line(&[&start, &end], &part.name);
        };
        if let Content::File(stored) = &file.content {
            *files += 1;
            let mode = self.config.upload_file_mode;
            let path = stored.path().display();
            let text =
                format!("Multipart: Created temporary file {files} (mode {mode:04o}): {path}");
            self.say(4, &text);
        }
        let start = format!("Multipart: Added file part {place} to the list: name \"");
        let words = [&start, "\" file name \"", &end];
        self.debug(9, |_| sentence(&words, &[&part.name, &file.name]));
    }
}

/// A value in the pieces that come to a field: lines, each with the line ending before it.
fn lines(value: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for at in memchr::memchr_iter(b'\n', value) {
        let ending = value
            .get(..at)
            .is_some_and(|before| before.ends_with(b"\r"));
        let end = at - usize::from(ending);
        pieces.extend(value.get(start..end));
        start = end;
    }
    pieces.extend(value.get(start..));
    pieces
}

/// What is odd about a multipart body, in the order in which it is told.
fn warnings(flags: &Flags) -> [(bool, &'static str); 11] {
    let lf_only = flags.lf_line && !flags.crlf_line;
    [
        (flags.data_before, "seen data before first boundary."),
        (flags.data_after, "seen data after last boundary."),
        (flags.boundary_quoted, "boundary was quoted."),
        (
            flags.boundary_whitespace,
            "boundary whitespace in C-T header.",
        ),
        (flags.header_folding, "header folding used."),
        (flags.crlf_lf_lines(), "mixed line endings used (CRLF/LF)."),
        (lf_only, "incorrect line endings used (LF)."),
        (flags.missing_semicolon, "missing semicolon in C-T header."),
        (flags.invalid_quoting, "invalid quoting used."),
        (flags.invalid_part, "Invalid part (data contains boundary)"),
        (flags.invalid_header_folding, "invalid header folding used."),
    ]
}
