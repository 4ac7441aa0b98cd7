//! The result of parsing: a flat tree.
//!
//! All nodes stand in document order, each with the index where its subtree ends; all text stands in one buffer, in
//! document order as well. So the string value of any node is one slice of a buffer, any axis of XPath is a range of
//! indices, and dropping a document of any depth takes no recursion.

use std::sync::OnceLock;

use bytes::Bytes;

use super::Error;
use super::names::Names;
use super::nodes::Nodes;

/// A parsed XML document, or as much of it as precedes an error.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The first is the document itself; there are none in an empty document.
    pub(super) nodes: Nodes,
    pub(super) attributes: Vec<AttributeRecord>,
    pub(super) text: Bytes,
    pub(super) markup: Bytes,
    pub(super) doctype: bool,
    pub(super) error: Option<Error>,
    /// Made when first asked for: most documents are never asked for a name.
    pub(super) names: OnceLock<Names>,
}

/// What a node of the tree is. Attributes and namespaces are no nodes of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeKind {
    Document,
    Element,
    Text,
    Cdata,
    Comment,
    Instruction,
}

/// Offsets fit 32 bits because [`XML_TEXT_LIMIT`](crate::limits::XML_TEXT_LIMIT) and its sisters are far below.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeRecord {
    pub(super) kind: NodeKind,
    /// The name of an element, the target of an instruction: in `markup`.
    pub(super) name: (u32, u32),
    /// All text within the node, in `text`; what a comment or instruction says, in `markup`.
    pub(super) content: (u32, u32),
    /// The node's first attribute. They run until those of the next node.
    pub(super) attributes: u32,
    /// Index after the last descendant.
    pub(super) end: u32,
    /// Index of the parent; that of the document is its own.
    pub(super) parent: u32,
}

/// Name and value, in `markup`: the value begins where the name ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttributeRecord {
    name: u32,
    value: u32,
    end: u32,
}

impl AttributeRecord {
    pub(super) fn new(name: usize, value: usize, end: usize) -> Self {
        Self {
            name: name as u32,
            value: value as u32,
            end: end as u32,
        }
    }
}

impl Document {
    /// The root element.
    pub fn root(&self) -> Option<Element<'_>> {
        self.elements().next()
    }

    /// All elements in document order.
    pub fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        let is_element = |&(_, node): &(usize, &NodeRecord)| node.kind == NodeKind::Element;
        let elements = self.nodes.iter().enumerate().filter(is_element);
        elements.map(|(index, _)| Element {
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

    /// The node at an index; one without anything where there is none.
    pub(super) fn node(&self, index: u32) -> NodeRecord {
        const NOTHING: NodeRecord = NodeRecord {
            kind: NodeKind::Document,
            name: (0, 0),
            content: (0, 0),
            attributes: 0,
            end: 0,
            parent: 0,
        };
        *self.nodes.get(index as usize).unwrap_or(&NOTHING)
    }

    /// The name of an element, the target of an instruction, as written; empty for other nodes.
    pub(super) fn name_of(&self, index: u32) -> &[u8] {
        slice(&self.markup, self.node(index).name)
    }

    /// The string value of a node.
    pub(super) fn content_of(&self, index: u32) -> &[u8] {
        let node = self.node(index);
        match node.kind {
            NodeKind::Comment | NodeKind::Instruction => slice(&self.markup, node.content),
            _ => slice(&self.text, node.content),
        }
    }

    /// The attributes, by number, of the nodes from one index to before another.
    pub(super) fn attribute_range(&self, from: u32, to: u32) -> std::ops::Range<u32> {
        let all = self.attributes.len() as u32;
        let first = |index: u32| self.nodes.get(index as usize).map_or(all, |n| n.attributes);
        first(from)..first(to)
    }

    pub(super) fn attribute(&self, number: u32) -> Option<Attribute<'_>> {
        let record = *self.attributes.get(number as usize)?;
        Some(Attribute {
            document: self,
            record,
        })
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
        self.document.name_of(self.index as u32)
    }

    /// Where it stands among the nodes.
    pub(super) fn index(self) -> u32 {
        self.index as u32
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
        self.document.content_of(self.index as u32)
    }

    /// The string value, sharing the document's memory.
    pub fn shared_text(self) -> Bytes {
        self.document.text.slice_ref(self.text())
    }

    /// The pieces of text that stand in the element itself, between its children.
    pub fn own_text(self) -> impl Iterator<Item = &'d [u8]> {
        let (start, end) = self.record().content;
        let mut children = self.children();
        let mut next = Some(start);
        std::iter::from_fn(move || {
            let from = next?;
            let to = match children.next() {
                Some(child) => {
                    let (start, end) = child.record().content;
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
        let index = self.index as u32;
        document
            .attribute_range(index, index + 1)
            .filter_map(move |number| document.attribute(number))
    }

    fn record(self) -> NodeRecord {
        self.document.node(self.index as u32)
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
        while self.next < self.end {
            let child = Element {
                document: self.document,
                index: self.next,
            };
            self.next = child.record().end as usize;
            if child.record().kind == NodeKind::Element {
                return Some(child);
            }
        }
        None
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
        self.declared_prefix().is_some()
    }

    /// The prefix that this declares; the default namespace has none.
    pub(super) fn declared_prefix(self) -> Option<&'d [u8]> {
        match self.name() {
            b"xmlns" => Some(b""),
            [b'x', b'm', b'l', b'n', b's', b':', prefix @ ..] => Some(prefix),
            _ => None,
        }
    }
}
