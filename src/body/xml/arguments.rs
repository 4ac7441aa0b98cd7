//! A document as arguments, for rules that know nothing of XML (`SecParseXmlIntoArgs`).
//!
//! Compat: mod_security2 2.9.9 and later. Each element without child elements is an argument: its name is `xml` and the
//! local names on the way to it between dots, its value its text. Attributes are none.

use bytes::Bytes;

use super::document::Document;
use super::names::split;
use crate::body::Argument;

/// How much may be made of a document.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Number of arguments.
    pub arguments: usize,
    /// Bytes of all names together.
    pub names: usize,
}

/// What was made of a document.
#[derive(Debug, Default)]
pub struct Arguments {
    /// The arguments that fit.
    pub args: Vec<Argument>,
    /// There would be more than [`Limits::arguments`].
    pub too_many: bool,
    /// Their names would be longer than [`Limits::names`].
    pub names_too_long: bool,
}

impl Document {
    /// The elements without child elements, in document order, until a limit is reached.
    pub fn arguments(&self, limits: Limits) -> Arguments {
        let mut found = Arguments::default();
        let mut room = limits.names;
        let mut path = b"xml".to_vec();
        // The elements that are open: where each ends, and the path before it.
        let mut open: Vec<(u32, usize)> = Vec::new();
        for element in self.elements() {
            let index = element.index();
            while let Some((_, length)) = open.pop_if(|(end, _)| *end <= index) {
                path.truncate(length);
            }
            open.push((self.node(index).end, path.len()));
            path.push(b'.');
            path.extend_from_slice(split(element.name()).1);
            if element.children().next().is_some() {
                continue;
            }
            found.too_many = found.args.len() >= limits.arguments;
            found.names_too_long = path.len() > room;
            if found.too_many || found.names_too_long {
                break;
            }
            room -= path.len();
            found.args.push(Argument {
                name: Bytes::copy_from_slice(&path),
                value: element.shared_text(),
                source: None,
            });
        }
        found
    }
}
