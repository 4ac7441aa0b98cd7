//! One part while it is read: its header, then its content.

use bytes::Bytes;

use super::header::{Disposition, parse_disposition};
use super::{Content, File, Flags, Part, excerpt};
use crate::limits::{MULTIPART_HEADER_LIMIT, MULTIPART_HEADER_LINES_LIMIT};

#[derive(Default)]
pub(super) struct PartBuilder {
    /// Header lines, unfolded, without ending.
    headers: Vec<Vec<u8>>,
    disposition: Disposition,
    /// The content, of a field.
    pub(super) value: Vec<u8>,
    /// Bytes of content.
    pub(super) size: u64,
    /// Where in the body the content begins.
    pub(super) offset: u64,
}

impl PartBuilder {
    pub(super) fn disposition(&self) -> &Disposition {
        &self.disposition
    }

    pub(super) fn is_file(&self) -> bool {
        !self.disposition.filenames.is_empty()
    }

    pub(super) fn name(&self) -> Bytes {
        let name = self.disposition.names.first();
        name.map(|name| Bytes::copy_from_slice(name))
            .unwrap_or_default()
    }

    /// Adds a header line, or continues the one before; `content` is `line` without its ending.
    pub(super) fn add_header(
        &mut self,
        line: &[u8],
        content: &[u8],
        flags: &mut Flags,
    ) -> Result<(), String> {
        if line.contains(&0) {
            self.headers.push(content.to_vec());
            return Err("Multipart: Nul byte in part headers.".to_string());
        }
        if content.first().copied().is_some_and(is_space) {
            return self.fold(line, content, flags);
        }
        if self.headers.len() >= MULTIPART_HEADER_LINES_LIMIT {
            return Err(format!(
                "Multipart: Part has more than {MULTIPART_HEADER_LINES_LIMIT} headers."
            ));
        }
        let name = header_name(content);
        let is_duplicate = self.header(name.unwrap_or_default()).is_some();
        self.headers.push(content.to_vec());
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

    /// Adds what there is of a header line when the body ends in it.
    pub(super) fn add_partial_header(&mut self, line: Vec<u8>) {
        self.headers.push(line);
    }

    fn fold(&mut self, line: &[u8], content: &[u8], flags: &mut Flags) -> Result<(), String> {
        flags.header_folding = true;
        let end = line
            .iter()
            .position(|&b| !is_space(b))
            .unwrap_or(line.len());
        let prefix = line.get(..end).unwrap_or_default();
        flags.invalid_header_folding |= prefix.iter().any(|b| !matches!(b, b' ' | b'\t'));
        let Some(header) = self.headers.last_mut() else {
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

    /// Reads `Content-Disposition`, which makes a field or a file of the part.
    pub(super) fn end_headers(&mut self, flags: &mut Flags) -> Result<(), String> {
        let value = self
            .header(b"Content-Disposition")
            .ok_or("Multipart: Part missing Content-Disposition header.")?;
        parse_disposition(&value, &mut self.disposition, flags).map_err(|code| {
            let value = excerpt(&value);
            format!("Multipart: Invalid Content-Disposition header ({code}): {value}.")
        })?;
        if self.disposition.names.is_empty() {
            return Err("Multipart: Content-Disposition header missing name field.".to_string());
        }
        // Parsers that search for this instead of parsing must find the same.
        if self.is_file() && memchr::memmem::find(&value, b"filename=").is_none() {
            return Err("Multipart: Invalid Content-Disposition header (filename).".to_string());
        }
        Ok(())
    }

    /// The value of the header called `name`, without blanks before it.
    fn header(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.headers.iter().find_map(|header| {
            let (found, value) = header.split_at(header_name(header)?.len());
            let value = value.get(1..).unwrap_or_default();
            let start = value.iter().position(|b| !matches!(b, b' ' | b'\t'));
            let value = value.get(start.unwrap_or(value.len())..);
            found
                .eq_ignore_ascii_case(name)
                .then(|| value.unwrap_or_default().to_vec())
        })
    }

    /// The part as it is shown. A sound part has one name and at most one file; a malformed one may have several of
    /// each or none, and all of them are shown.
    pub(super) fn into_parts(self, content: Content) -> impl Iterator<Item = Part> {
        let Disposition { names, filenames } = self.disposition;
        let has_any = usize::from(!self.headers.is_empty());
        let count = names.len().max(filenames.len()).max(has_any);
        let (offset, length) = (self.offset, self.size);
        let mut headers = Some(self.headers.into_iter().map(Bytes::from).collect());
        let mut stored = Some((self.size, content));
        (0..count).map(move |index| {
            let bytes = |text: &Vec<u8>| Bytes::copy_from_slice(text);
            let (size, content) = stored.take().unwrap_or((0, Content::Discarded));
            let name = names.get(index).or(names.first());
            Part {
                name: name.map(bytes).unwrap_or_default(),
                headers: headers.take().unwrap_or_default(),
                offset,
                length,
                file: filenames.get(index).map(|filename| File {
                    name: bytes(filename),
                    size,
                    content,
                }),
            }
        })
    }
}

fn header_name(header: &[u8]) -> Option<&[u8]> {
    memchr::memchr(b':', header).and_then(|colon| header.get(..colon))
}

/// C's `isspace` in the C locale.
pub(super) fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}
