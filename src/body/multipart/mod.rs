//! `multipart/form-data`.
//!
//! The parser is as strict as mod_security2's and raises the same flags at the same places, because the rules that
//! refuse ambiguous uploads (200002, 200003, 200004) rest on them. Field values keep every byte, CR and LF included.
//!
//! Compat: what 2.9.7 lets pass or does worse, and newer releases do not: a body that ends early counts as a strict
//! error; a header name with a character that no header name has is an error; boundaries longer than RFC 2046 allows
//! are an error; a malformed part's headers and file names are shown to the rules; values are joined in linear time.

use bytes::Bytes;

use crate::limits::ERROR_EXCERPT_LIMIT;

mod flags;
mod header;
mod machine;
mod part;
mod sink;
#[cfg(test)]
mod tests;

pub use flags::Flags;
pub use sink::{Content, FileSink, MemorySink, StoredFile};

pub(crate) use machine::Machine;

/// What a multipart body holds besides its arguments.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Multipart {
    /// What is odd about it.
    pub flags: Flags,
    /// Its parts in order: fields and files.
    pub parts: Vec<Part>,
    /// The last name of any part (`MULTIPART_NAME`).
    pub name: Option<Bytes>,
    /// The last file name of any part (`MULTIPART_FILENAME`).
    pub filename: Option<Bytes>,
}

impl Multipart {
    /// The files with the names of their fields, in order. Name and value of `FILES` are field name and file name, of
    /// `FILES_NAMES` twice the field name, of `FILES_SIZES` field name and size.
    pub fn files(&self) -> impl Iterator<Item = (&Bytes, &File)> {
        self.parts
            .iter()
            .filter_map(|part| Some((&part.name, part.file.as_ref()?)))
    }
}

/// A part of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name of the field; empty if the part is malformed.
    pub name: Bytes,
    /// Its header lines, unfolded (each fold is one space), without line ending (`MULTIPART_PART_HEADERS`).
    pub headers: Vec<Bytes>,
    /// Where in the body its content begins.
    pub offset: u64,
    /// Bytes of content.
    pub length: u64,
    /// What there is of a file, if the part has a file name.
    pub file: Option<File>,
}

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The name that the client gave it, as it is.
    pub name: Bytes,
    /// Its size in bytes.
    pub size: u64,
    /// Where it is.
    pub content: Content,
}

/// The boundary that a `Content-Type` names, where it names one that can be used.
pub fn boundary(content_type: &[u8]) -> Option<&[u8]> {
    header::boundary(content_type, &mut Flags::default()).ok()
}

impl Part {
    /// The value of the header called `name`, in any case, without the blanks around it.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find_map(|line| {
            let (found, value) = line.split_at(memchr::memchr(b':', line)?);
            found
                .eq_ignore_ascii_case(name.as_bytes())
                .then(|| value.get(1..).unwrap_or_default().trim_ascii())
        })
    }
}

/// The start of `text`, escaped as mod_security2 does it in logs (quotes stay as they are), for an error message.
fn excerpt(text: &[u8]) -> String {
    let start = text.get(..ERROR_EXCERPT_LIMIT).unwrap_or(text);
    let mut excerpt = String::new();
    for &byte in start {
        match byte {
            b'"' | b'\'' => excerpt.push(char::from(byte)),
            0x08 => excerpt.push_str("\\b"),
            0x0b => excerpt.push_str("\\v"),
            _ => excerpt.extend(byte.escape_ascii().map(char::from)),
        }
    }
    if start.len() < text.len() {
        excerpt.push_str(" ...");
    }
    excerpt
}
