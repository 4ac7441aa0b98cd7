//! Request bodies: untrusted bytes in, typed results out.
//!
//! A [`Parser`] is fed the body in chunks as they come from the network and then finished. Its invariants:
//!
//! * the way a body is cut into chunks never changes the result;
//! * work is linear in the size of the body, memory is bounded by it, and nothing recurses on input;
//! * nothing odd passes silently: what a strict reader would not accept is an [error](Parsed::error) or a flag, and what
//!   was read before the error is kept, so that rules see it.
//!
//! Compat: mod_security2 answers most malformed bodies with a 500 before any rule runs. Here a malformed body is a
//! result like any other; the engine exposes it as `REQBODY_ERROR` and lets the rules decide.

use bytes::{Bytes, BytesMut};

use crate::limits;

pub mod cookies;
pub mod json;
pub mod multipart;
pub mod urlencoded;
pub mod xml;
pub mod xmlrpc;

/// What the configuration says about parsing request bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Byte between the pairs of a urlencoded body or query string (`SecArgumentSeparator`).
    pub argument_separator: u8,
    /// Most arguments to keep (`SecArgumentsLimit`), less those the query string has used up.
    pub arguments_limit: usize,
    /// Deepest nesting of JSON containers below the outermost (`SecRequestBodyJsonDepthLimit`).
    pub json_depth_limit: usize,
    /// Most uploaded files to store (`SecUploadFileLimit`).
    pub upload_file_limit: usize,
    /// Accept a document type declaration that names an external subset (`SecXmlExternalEntity`).
    ///
    /// Compat: with `On` mod_security2 lets libxml2 fetch it. Nothing is ever fetched or expanded here; `On` only stops
    /// such a declaration from being an error.
    pub xml_external_entity: bool,
    /// Make arguments of an XML document (`SecParseXmlIntoArgs`).
    pub xml_arguments: XmlArguments,
}

/// `SecParseXmlIntoArgs`: whether an XML document becomes arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum XmlArguments {
    /// It does not.
    #[default]
    Off,
    /// It does, and `XML` has it, too.
    On,
    /// It does, and `XML` has nothing.
    OnlyArgs,
}

impl XmlArguments {
    /// `On`, `Off`, `OnlyArgs`, in any case.
    pub fn lookup(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "on" => Self::On,
            "off" => Self::Off,
            "onlyargs" => Self::OnlyArgs,
            _ => return None,
        })
    }
}

impl Default for Settings {
    /// The defaults of mod_security2.
    fn default() -> Self {
        Self {
            argument_separator: b'&',
            arguments_limit: limits::ARGUMENTS_LIMIT,
            json_depth_limit: limits::JSON_DEPTH_LIMIT,
            upload_file_limit: limits::UPLOAD_FILE_LIMIT,
            xml_external_entity: false,
            xml_arguments: XmlArguments::Off,
        }
    }
}

/// The request body processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `application/x-www-form-urlencoded`
    Urlencoded,
    /// `multipart/form-data`
    Multipart,
    /// JSON, RFC 8259
    Json,
    /// XML 1.0
    Xml,
}

impl Kind {
    /// The processor that `ctl:requestBodyProcessor` or `REQBODY_PROCESSOR` calls `name`, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "URLENCODED" => Self::Urlencoded,
            "MULTIPART" => Self::Multipart,
            "JSON" => Self::Json,
            "XML" => Self::Xml,
            _ => return None,
        })
    }

    /// The value of `REQBODY_PROCESSOR`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Urlencoded => "URLENCODED",
            Self::Multipart => "MULTIPART",
            Self::Json => "JSON",
            Self::Xml => "XML",
        }
    }

    /// The processor that a `Content-Type` selects without help from a rule.
    ///
    /// Only the media type counts, in any case; parameters do not. A media type ends where a lenient reader would end
    /// it (`;`, `,` or white space), so that a form cannot escape inspection by a malformed parameter.
    ///
    /// Compat: as in mod_security2, JSON and XML are chosen by rules (`ctl:requestBodyProcessor`), never from here.
    pub fn from_content_type(content_type: &[u8]) -> Option<Self> {
        let text = content_type.trim_ascii();
        let begins = |name: &[u8]| {
            text.get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
        };
        if begins(b"application/x-www-form-urlencoded") {
            Some(Self::Urlencoded)
        } else if begins(b"multipart/form-data") {
            Some(Self::Multipart)
        } else {
            None
        }
    }
}

/// Whether a `Content-Type` states more than one media type: behind a comma, outside of parameters, there is a second one.
///
/// httpd joins headers of one name with commas, so this is also what several headers look like. Which of the types an
/// application takes for the body's cannot be known.
pub fn states_several_types(content_type: &[u8]) -> bool {
    let mut members = content_type.split(|byte| *byte == b',').skip(1);
    members.any(|member| {
        let mut type_bytes = member.split(|byte| matches!(byte, b';' | b'='));
        type_bytes.next().is_some_and(|name| name.contains(&b'/'))
    })
}

/// A half-open range of byte offsets into the text that was parsed.
pub type Span = std::ops::Range<usize>;

/// One request argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Name, decoded.
    pub name: Bytes,
    /// Value, decoded.
    pub value: Bytes,
    /// Where the value stands in the body or query string, still encoded: what `sanitiseArg` masks. Known for urlencoded
    /// and JSON text.
    pub source: Option<Span>,
}

/// What a body turned out to be.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Why the body is malformed, without the engine's prefix (`REQBODY_ERROR_MSG`). `None` for a sound body.
    pub error: Option<String>,
    /// The arguments in order, duplicates included; those read before an error are kept.
    pub args: Vec<Argument>,
    /// More arguments than [`Settings::arguments_limit`] came in; the surplus is not in `args`.
    pub arguments_limit_exceeded: bool,
    /// A `%` was not followed by two hexadecimal digits (`URLENCODED_ERROR`).
    pub urlencoded_error: bool,
    /// Flags, parts and files, of a multipart body.
    pub multipart: Option<multipart::Multipart>,
    /// The document, of an XML body; what precedes the error, of a malformed one.
    pub xml: Option<xml::Document>,
    /// What `SecRequestBodyNoFilesLimit` bounds: the length of the body; of a multipart body the headers of its parts and
    /// the content of its fields.
    pub no_files_length: u64,
}

/// Parser of one request body.
pub struct Parser {
    machine: Machine,
    length: u64,
}

enum Machine {
    Urlencoded(Settings, BytesMut),
    Multipart(Box<multipart::Machine>),
    Json(Box<json::Machine>),
    /// With how many arguments to make of it, where that is wanted.
    Xml(Box<xml::Parser>, Option<usize>),
}

impl Parser {
    /// Starts a parser of `kind` for a body with this `Content-Type`. Uploaded files are counted, not kept.
    pub fn new(kind: Kind, content_type: &[u8], settings: &Settings) -> Self {
        Self::start(kind, content_type, settings, None)
    }

    /// As [`new`](Self::new), and the content of uploaded files goes to `sink`, up to
    /// [`Settings::upload_file_limit`] files.
    pub fn with_files(
        kind: Kind,
        content_type: &[u8],
        settings: &Settings,
        sink: Box<dyn multipart::FileSink>,
    ) -> Self {
        Self::start(kind, content_type, settings, Some(sink))
    }

    fn start(
        kind: Kind,
        content_type: &[u8],
        settings: &Settings,
        sink: Option<Box<dyn multipart::FileSink>>,
    ) -> Self {
        let machine = match kind {
            Kind::Urlencoded => Machine::Urlencoded(settings.clone(), BytesMut::new()),
            Kind::Multipart => Machine::Multipart(Box::new(multipart::Machine::new(
                content_type,
                settings.arguments_limit,
                settings.upload_file_limit,
                sink,
            ))),
            Kind::Json => Machine::Json(Box::new(json::Machine::new(json::Limits {
                depth: settings.json_depth_limit,
                arguments: settings.arguments_limit,
                ..json::Limits::default()
            }))),
            Kind::Xml => {
                let parser = xml::Parser::new(xml::Options {
                    external_subset: settings.xml_external_entity,
                    ..xml::Options::default()
                });
                let wanted = settings.xml_arguments != XmlArguments::Off;
                Machine::Xml(Box::new(parser), wanted.then_some(settings.arguments_limit))
            }
        };
        Self { machine, length: 0 }
    }

    /// Takes the next piece of the body. Never fails: what is wrong is told at the end.
    pub fn feed(&mut self, chunk: &[u8]) {
        self.length += chunk.len() as u64;
        match &mut self.machine {
            Machine::Urlencoded(_, body) => body.extend_from_slice(chunk),
            Machine::Multipart(machine) => machine.feed(chunk),
            Machine::Json(machine) => machine.feed(chunk),
            Machine::Xml(parser, _) => parser.feed(chunk),
        }
    }

    /// [`Parsed::no_files_length`] of what has been taken so far.
    pub fn no_files_length(&self) -> u64 {
        match &self.machine {
            Machine::Multipart(machine) => machine.no_files_length(),
            _ => self.length,
        }
    }

    /// Ends the body.
    pub fn finish(self) -> Parsed {
        let no_files_length = self.no_files_length();
        let mut parsed = match self.machine {
            Machine::Urlencoded(settings, body) => urlencoded::parse(
                &body.freeze(),
                settings.argument_separator,
                settings.arguments_limit,
            )
            .into(),
            Machine::Multipart(machine) => machine.finish(),
            Machine::Json(machine) => machine.finish(),
            Machine::Xml(parser, wanted) => xml_result(parser.finish(), wanted),
        };
        if parsed.arguments_limit_exceeded {
            let error = || "SecArgumentsLimit exceeded".to_string();
            parsed.error.get_or_insert_with(error);
        }
        parsed.no_files_length = no_files_length;
        parsed
    }
}

/// A document, with as many arguments made of it as are wanted.
fn xml_result(document: xml::Document, arguments: Option<usize>) -> Parsed {
    let found = arguments.map(|arguments| {
        document.arguments(xml::arguments::Limits {
            arguments,
            names: limits::XML_ARGUMENT_NAMES_LIMIT,
        })
    });
    let found = found.unwrap_or_default();
    let long = || "XML: The names of the arguments are too long.".to_owned();
    let error = document.error().map(ToString::to_string);
    Parsed {
        error: error.or_else(|| found.names_too_long.then(long)),
        args: found.args,
        arguments_limit_exceeded: found.too_many,
        xml: Some(document),
        ..Parsed::default()
    }
}
