//! XML 1.0: a strict, streaming, non-validating parser.
//!
//! ```text
//! bytes ─ encoding ─▶ text ─ scanner ─▶ markup ─ tag ─▶ document
//! ```
//!
//! A document is accepted only if every conforming parser would accept it and read the same: one root, matching tags,
//! unique attributes, no character or reference that XML lacks, an encoding that is what it says. The first violation
//! ends the parse; the document up to there is kept. Entities are never declared, expanded or fetched, so a document
//! type declaration with an internal subset is an error, and so is one with an external subset unless the
//! configuration tolerates it ([`Options::external_subset`]).
//!
//! Compat: mod_security2 uses libxml2, which loads internal entities (85 KB of them can cost 1 GB) and decodes anything
//! that `iconv` knows; see `encoding` for what is accepted here. Everything else follows libxml2: what it refuses is
//! refused (but for its complaints about namespaces), and `XML:/*` and `XML://@*` have the same values; only a CR in a
//! CDATA section is a line feed here, as XML has it, where libxml2's push parser leaves it.

use std::fmt;

use crate::limits;

pub mod arguments;
mod builder;
mod chars;
mod declaration;
mod document;
mod encoding;
mod names;
mod nodes;
mod scanner;
mod tag;
mod write;
pub mod xpath;

pub use document::{Attribute, Children, Document, Element};
pub use write::Omit;

use encoding::{Decoder, Head};
use scanner::Scanner;

/// What to accept.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Accept (and ignore) a document type declaration that names an external subset (`SecXmlExternalEntity On`).
    pub external_subset: bool,
    /// How much of it.
    pub limits: Limits,
}

/// The bounds of a document. Going over one is an [`Error`].
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Depth of elements below the root.
    pub depth: usize,
    /// Number of elements.
    pub elements: usize,
    /// Number of elements, texts, CDATA sections, comments and instructions.
    pub nodes: usize,
    /// Number of attributes in the document.
    pub attributes: usize,
    /// Bytes of one tag.
    pub tag: usize,
    /// Bytes of text, names and attribute values together.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: limits::XML_DEPTH_LIMIT,
            elements: limits::XML_ELEMENT_LIMIT,
            nodes: limits::XML_NODE_LIMIT,
            attributes: limits::XML_ATTRIBUTE_LIMIT,
            tag: limits::XML_TAG_LIMIT,
            text: limits::XML_TEXT_LIMIT,
        }
    }
}

/// Why a document was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: u64,
}

impl Error {
    fn new(kind: ErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    /// The rule that was violated.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where, in bytes of the document's UTF-8 form without byte order mark.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl fmt::Display for Error {
    /// Compat: begins with the whole of what mod_security2 says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "XML: Failed parsing document. {} (offset {}).",
            self.kind.description(),
            self.offset
        )
    }
}

impl std::error::Error for Error {}

macro_rules! error_kinds {
    ($($kind:ident $name:literal $description:literal,)*) => {
        /// The rules a document can violate.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $(#[doc = $description] $kind,)*
        }

        impl ErrorKind {
            /// A short name for logs and counters, in lower case with hyphens.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// A phrase for people.
            pub fn description(self) -> &'static str {
                match self { $(Self::$kind => $description,)* }
            }
        }
    };
}

error_kinds! {
    Encoding "encoding" "Unsupported, contradictory or violated encoding",
    Declaration "declaration" "Malformed XML declaration",
    Character "character" "Character not allowed in XML",
    Tag "tag" "Malformed tag",
    Attribute "attribute" "Malformed attribute",
    DuplicateAttribute "duplicate-attribute" "Duplicate attribute",
    MismatchedTag "mismatched-tag" "End tag without matching start tag",
    Reference "reference" "Malformed reference",
    UndefinedEntity "undefined-entity" "Undefined entity",
    CdataEnd "cdata-end" "]]> in text",
    Comment "comment" "-- in comment",
    Instruction "instruction" "Malformed processing instruction",
    Doctype "doctype" "Malformed or misplaced document type declaration",
    InternalSubset "internal-subset" "Document type declaration with internal subset",
    ExternalSubset "external-subset" "Document type declaration with external subset",
    NoRoot "no-root" "No root element",
    OutsideRoot "outside-root" "Text outside the root element",
    SecondRoot "second-root" "Second root element",
    Truncated "truncated" "Document ends early",
    TooDeep "too-deep" "Elements nested too deeply",
    TooManyElements "too-many-elements" "Too many elements",
    TooManyNodes "too-many-nodes" "Too many texts, comments and instructions",
    TooManyAttributes "too-many-attributes" "Too many attributes",
    TagTooLong "tag-too-long" "Tag too long",
    NameTooLong "name-too-long" "Name too long",
    TooMuchText "too-much-text" "Too much text",
}

/// A parser of one document.
#[derive(Debug)]
pub struct Parser {
    options: Options,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Collecting what is needed to know the encoding.
    Head(Vec<u8>),
    Body(Decoder, Box<Scanner>),
    Failed(Document),
}

/// Bytes decoded at a time: bounds the copy that an encoding other than UTF-8 takes.
const DECODE_CHUNK: usize = 16 * 1024;

impl Parser {
    /// Starts a document.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            stage: Stage::Head(Vec::new()),
        }
    }

    /// Takes the next bytes. After an error, which [`finish`](Self::finish) tells, further bytes are ignored.
    pub fn feed(&mut self, chunk: &[u8]) {
        for piece in chunk.chunks(DECODE_CHUNK) {
            match &mut self.stage {
                Stage::Head(head) => {
                    head.extend_from_slice(piece);
                    self.leave_head(false);
                }
                Stage::Body(..) => self.feed_body(piece),
                Stage::Failed(_) => return,
            }
        }
    }

    /// Ends the document.
    ///
    /// No bytes at all make an empty document without an error.
    pub fn finish(mut self) -> Document {
        if let Stage::Head(head) = &self.stage {
            if head.is_empty() {
                return Document::default();
            }
            self.leave_head(true);
        }
        match self.stage {
            Stage::Head(_) => Document::default(),
            Stage::Failed(document) => document,
            Stage::Body(decoder, scanner) => {
                let error = decoder
                    .is_incomplete()
                    .then(|| Error::new(ErrorKind::Encoding, scanner.offset()));
                scanner.finish(error)
            }
        }
    }

    fn leave_head(&mut self, last: bool) {
        let Stage::Head(head) = &mut self.stage else {
            return;
        };
        match encoding::detect(head, last) {
            Ok(Head::Incomplete) => {}
            Ok(Head::Complete {
                encoding,
                length,
                characters,
            }) => {
                let head = std::mem::take(head);
                let scanner = Scanner::new(self.options, characters as u64);
                self.stage = Stage::Body(Decoder::new(encoding), Box::new(scanner));
                self.feed_body(head.get(length..).unwrap_or_default());
            }
            Err(kind) => {
                let scanner = Scanner::new(self.options, 0);
                self.stage = Stage::Failed(scanner.finish(Some(Error::new(kind, 0))));
            }
        }
    }

    fn feed_body(&mut self, chunk: &[u8]) {
        let Stage::Body(decoder, scanner) = &mut self.stage else {
            return;
        };
        let decoded = decoder.decode(chunk);
        let first = decoded
            .first
            .map_or(Ok(()), |c| scanner.feed(c.encode_utf8(&mut [0; 4])));
        let result = first
            .and_then(|()| scanner.feed(&decoded.text))
            .and_then(|()| match decoded.malformed {
                true => Err(Error::new(ErrorKind::Encoding, scanner.offset())),
                false => Ok(()),
            });
        if let Err(error) = result {
            let failed = Stage::Failed(Document::default());
            if let Stage::Body(_, scanner) = std::mem::replace(&mut self.stage, failed) {
                self.stage = Stage::Failed(scanner.finish(Some(error)));
            }
        }
    }
}

/// Parses a whole document at once.
pub fn parse(document: &[u8], options: Options) -> Document {
    let mut parser = Parser::new(options);
    parser.feed(document);
    parser.finish()
}

/// Whether a body is likely XML, whatever its `Content-Type` says; `first` is its first hundred bytes or so.
///
/// A byte order mark and white space are skipped; then there must be a declaration, a comment, a document type or the
/// root element of an XML-RPC call, in any case.
pub fn looks_like_xml(first: &[u8]) -> bool {
    let ascii: Vec<u8> = match first {
        [0xFE, 0xFF, utf16 @ ..] | [0xFF, 0xFE, utf16 @ ..] => {
            utf16.iter().copied().filter(|&b| b != 0).collect()
        }
        _ => first
            .strip_prefix(b"\xEF\xBB\xBF")
            .unwrap_or(first)
            .to_vec(),
    };
    let text = ascii.trim_ascii_start();
    let openings: [&[u8]; 4] = [b"<?xml", b"<methodCall", b"<!--", b"<!DOCTYPE"];
    openings.iter().any(|opening| {
        text.get(..opening.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(opening))
    })
}

#[cfg(test)]
mod tests;
