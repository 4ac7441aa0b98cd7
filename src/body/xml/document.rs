//! The result of parsing: a flat tree.
//!
//! Elements stand in document order, each with the index where its subtree ends; all text stands in one buffer, in
//! document order as well. So the string value of any element is one slice of that buffer, and dropping a document of
//! any depth takes no recursion.

use bytes::Bytes;

use super::tag::{RawAttribute, push_value};
use super::{Error, ErrorKind, Limits};

/// A parsed XML document, or as much of it as precedes an error.
#[derive(Debug, Clone, Default)]
pub struct Document {
    elements: Vec<ElementRecord>,
    attributes: Vec<AttributeRecord>,
    text: Bytes,
    markup: Bytes,
    doctype: bool,
    error: Option<Error>,
}

/// Offsets fit 32 bits because [`XML_TEXT_LIMIT`](crate::limits::XML_TEXT_LIMIT) and its sisters are far below.
#[derive(Debug, Clone, Copy)]
struct ElementRecord {
    /// Name, in `markup`.
    name: (u32, u32),
    /// All text within the element, in `text`.
    text: (u32, u32),
    /// The element's first attribute. They run until those of the next element.
    attributes: u32,
    /// Index after the last descendant.
    end: u32,
}

/// Name and value, in `markup`: the value begins where the name ends.
#[derive(Debug, Clone, Copy)]
struct AttributeRecord {
    name: u32,
    value: u32,
    end: u32,
}

impl Document {
    /// The root element.
    pub fn root(&self) -> Option<Element<'_>> {
        self.elements().next()
    }

    /// All elements in document order.
    pub fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        (0..self.elements.len()).map(|index| Element {
            document: self,
            index,
        })
    }

    /// All text of the document, across elements, CDATA sections and comments: the value of `XML:/*`.
    pub fn root_text(&self) -> Bytes {
        self.text.clone()
    }

    /// All attributes in document order: the values of `XML://@*`.
    ///
    /// Compat: namespace declarations (`xmlns`, `xmlns:…`) are not attributes to XPath, so they are left out, as with
    /// libxml2. [`Element::attributes`] has them.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        self.attributes
            .iter()
            .map(|&record| Attribute {
                document: self,
                record,
            })
            .filter(|attribute| !attribute.is_namespace_declaration())
    }

    /// Whether there is a document type declaration, sound or not.
    pub fn doctype(&self) -> bool {
        self.doctype
    }

    /// Why the document is not well-formed, or not acceptable.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    fn attributes_of(&self, index: usize) -> &[AttributeRecord] {
        let start = |index: usize| self.elements.get(index).map(|e| e.attributes as usize);
        let end = start(index + 1).unwrap_or(self.attributes.len());
        start(index)
            .and_then(|start| self.attributes.get(start..end))
            .unwrap_or_default()
    }
}

fn slice(bytes: &[u8], (start, end): (u32, u32)) -> &[u8] {
    bytes.get(start as usize..end as usize).unwrap_or_default()
}

/// An element of a [`Document`].
#[derive(Debug, Clone, Copy)]
pub struct Element<'d> {
    document: &'d Document,
    index: usize,
}

impl<'d> Element<'d> {
    /// The qualified name, as written.
    pub fn name(self) -> &'d [u8] {
        slice(&self.document.markup, self.record().name)
    }

    /// The name without its namespace prefix.
    pub fn local_name(self) -> &'d [u8] {
        let name = self.name();
        match memchr::memrchr(b':', name) {
            Some(at) => name.get(at + 1..).unwrap_or_default(),
            None => name,
        }
    }

    /// The string value: all text within the element and its descendants.
    pub fn text(self) -> &'d [u8] {
        slice(&self.document.text, self.record().text)
    }

    /// The string value, sharing the document's memory.
    pub fn shared_text(self) -> Bytes {
        self.document.text.slice_ref(self.text())
    }

    /// The pieces of text that stand in the element itself, between its children.
    pub fn own_text(self) -> impl Iterator<Item = &'d [u8]> {
        let (start, end) = self.record().text;
        let mut children = self.children();
        let mut next = Some(start);
        std::iter::from_fn(move || {
            let from = next?;
            let to = match children.next() {
                Some(child) => {
                    let (start, end) = child.record().text;
                    next = Some(end);
                    start
                }
                None => {
                    next = None;
                    end
                }
            };
            Some(slice(&self.document.text, (from, to)))
        })
    }

    /// The child elements.
    pub fn children(self) -> Children<'d> {
        Children {
            document: self.document,
            next: self.index + 1,
            end: self.record().end as usize,
        }
    }

    /// The attributes, namespace declarations included.
    pub fn attributes(self) -> impl Iterator<Item = Attribute<'d>> {
        let document = self.document;
        document
            .attributes_of(self.index)
            .iter()
            .map(move |&record| Attribute { document, record })
    }

    fn record(self) -> ElementRecord {
        const NOTHING: ElementRecord = ElementRecord {
            name: (0, 0),
            text: (0, 0),
            attributes: 0,
            end: 0,
        };
        *self.document.elements.get(self.index).unwrap_or(&NOTHING)
    }
}

/// Iterator over the children of an [`Element`].
#[derive(Debug, Clone)]
pub struct Children<'d> {
    document: &'d Document,
    next: usize,
    end: usize,
}

impl<'d> Iterator for Children<'d> {
    type Item = Element<'d>;

    fn next(&mut self) -> Option<Element<'d>> {
        if self.next >= self.end {
            return None;
        }
        let child = Element {
            document: self.document,
            index: self.next,
        };
        self.next = child.record().end as usize;
        Some(child)
    }
}

/// An attribute of an [`Element`].
#[derive(Debug, Clone, Copy)]
pub struct Attribute<'d> {
    document: &'d Document,
    record: AttributeRecord,
}

impl<'d> Attribute<'d> {
    /// The qualified name, as written.
    pub fn name(self) -> &'d [u8] {
        slice(&self.document.markup, (self.record.name, self.record.value))
    }

    /// The value, normalised.
    pub fn value(self) -> &'d [u8] {
        slice(&self.document.markup, (self.record.value, self.record.end))
    }

    /// The value, sharing the document's memory.
    pub fn shared_value(self) -> Bytes {
        self.document.markup.slice_ref(self.value())
    }

    /// Whether this is `xmlns` or `xmlns:…`.
    pub fn is_namespace_declaration(self) -> bool {
        matches!(
            self.name(),
            b"xmlns" | [b'x', b'm', b'l', b'n', b's', b':', ..]
        )
    }
}

/// Builds a [`Document`] from the events of a scan.
#[derive(Debug)]
pub(super) struct Builder {
    limits: Limits,
    elements: Vec<ElementRecord>,
    attributes: Vec<AttributeRecord>,
    text: Vec<u8>,
    markup: Vec<u8>,
    open: Vec<usize>,
    doctype: bool,
}

impl Builder {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            elements: Vec::new(),
            attributes: Vec::new(),
            text: Vec::new(),
            markup: Vec::new(),
            open: Vec::new(),
            doctype: false,
        }
    }

    pub(super) fn has_root(&self) -> bool {
        !self.elements.is_empty()
    }

    pub(super) fn is_inside_root(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) fn has_doctype(&self) -> bool {
        self.doctype
    }

    pub(super) fn note_doctype(&mut self) {
        self.doctype = true;
    }

    pub(super) fn open(&mut self, name: &str, raw: &[RawAttribute<'_>]) -> Result<(), ErrorKind> {
        if self.open.len() > self.limits.depth {
            return Err(ErrorKind::TooDeep);
        }
        if self.elements.len() >= self.limits.elements {
            return Err(ErrorKind::TooManyElements);
        }
        if self.attributes.len() + raw.len() > self.limits.attributes {
            return Err(ErrorKind::TooManyAttributes);
        }
        let written = raw.iter().map(|a| a.name.len() + a.value.len());
        let more = name.len() + written.sum::<usize>();
        if self.text.len() + self.markup.len() + more > self.limits.text {
            return Err(ErrorKind::TooMuchText);
        }

        let name_start = self.markup.len() as u32;
        self.markup.extend_from_slice(name.as_bytes());
        let text = self.text.len() as u32;
        self.open.push(self.elements.len());
        self.elements.push(ElementRecord {
            name: (name_start, self.markup.len() as u32),
            text: (text, text),
            attributes: self.attributes.len() as u32,
            end: 0,
        });
        for attribute in raw {
            let name = self.markup.len() as u32;
            self.markup.extend_from_slice(attribute.name.as_bytes());
            let value = self.markup.len() as u32;
            push_value(attribute.value, &mut self.markup)?;
            self.attributes.push(AttributeRecord {
                name,
                value,
                end: self.markup.len() as u32,
            });
        }
        Ok(())
    }

    pub(super) fn close(&mut self, name: &str) -> Result<(), ErrorKind> {
        let innermost = self.open.last().and_then(|&index| self.elements.get(index));
        if innermost.is_none_or(|element| slice(&self.markup, element.name) != name.as_bytes()) {
            return Err(ErrorKind::MismatchedTag);
        }
        self.close_innermost();
        Ok(())
    }

    pub(super) fn close_innermost(&mut self) {
        let end = self.elements.len() as u32;
        if let Some(element) = self.open.pop().and_then(|i| self.elements.get_mut(i)) {
            element.end = end;
            element.text.1 = self.text.len() as u32;
        }
    }

    pub(super) fn push_text(&mut self, text: &[u8]) -> Result<(), ErrorKind> {
        let used = self.text.len() + self.markup.len();
        let room = self.limits.text.saturating_sub(used);
        match text.get(..room) {
            Some(fitting) if fitting.len() < text.len() => {
                self.text.extend_from_slice(fitting);
                Err(ErrorKind::TooMuchText)
            }
            _ => {
                self.text.extend_from_slice(text);
                Ok(())
            }
        }
    }

    pub(super) fn push_char(&mut self, c: char) -> Result<(), ErrorKind> {
        self.push_text(c.encode_utf8(&mut [0; 4]).as_bytes())
    }

    pub(super) fn finish(mut self, error: Option<Error>) -> Document {
        while self.is_inside_root() {
            self.close_innermost();
        }
        Document {
            elements: self.elements,
            attributes: self.attributes,
            text: self.text.into(),
            markup: self.markup.into(),
            doctype: self.doctype,
            error,
        }
    }
}
