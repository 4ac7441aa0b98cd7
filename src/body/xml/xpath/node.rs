//! Nodes as XPath has them: those of the tree, and attributes and namespaces besides.

use std::collections::HashSet;

use super::super::document::{Attribute, Document, NodeKind};
use super::super::names::{NO_NAMESPACE, XML_NAMESPACE};

/// A node. The order is document order: an element, its namespaces, its attributes, its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Node {
    /// The node of the tree, or the one that the attribute or namespace belongs to.
    pub(super) index: u32,
    pub(super) part: Part,
}

/// What of a node of the tree it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part {
    /// The node itself.
    Whole,
    /// The namespace of the prefix `xml`, which every element has.
    XmlNamespace,
    /// The namespace that is declared by the attribute of this number.
    Namespace(u32),
    /// The attribute of this number.
    Attribute(u32),
}

impl Node {
    pub(super) const ROOT: Node = Node::whole(0);
    /// Where an expression is evaluated from: no node of the document.
    pub(super) const NOWHERE: Node = Node::whole(u32::MAX);

    pub(super) const fn whole(index: u32) -> Self {
        Self {
            index,
            part: Part::Whole,
        }
    }

    pub(super) fn is_whole(self) -> bool {
        self.part == Part::Whole
    }

    /// What kind of node it is; `None` for attributes and namespaces.
    pub(super) fn kind(self, document: &Document) -> Option<NodeKind> {
        self.is_whole().then(|| document.node(self.index).kind)
    }

    pub(super) fn parent(self, document: &Document) -> Option<Node> {
        match (self.part, self.index) {
            (Part::Whole, 0) => None,
            (Part::Whole, index) => Some(Node::whole(document.node(index).parent)),
            (_, owner) => Some(Node::whole(owner)),
        }
    }

    /// The string value.
    pub(super) fn text(self, document: &Document) -> &[u8] {
        match self.part {
            Part::Whole => document.content_of(self.index),
            Part::XmlNamespace => XML_NAMESPACE,
            Part::Namespace(number) | Part::Attribute(number) => {
                document.attribute(number).map_or(b"", Attribute::value)
            }
        }
    }

    /// The string value as a rule sees it.
    ///
    /// Compat: an instruction that says nothing has none.
    pub(super) fn value(self, document: &Document) -> Option<&[u8]> {
        let text = self.text(document);
        let silent = text.is_empty() && self.kind(document) == Some(NodeKind::Instruction);
        (!silent).then_some(text)
    }

    /// `name()`.
    pub(super) fn name(self, document: &Document) -> &[u8] {
        match self.part {
            Part::Whole => document.name_of(self.index),
            Part::XmlNamespace => b"xml",
            Part::Namespace(number) => declared(document, number).unwrap_or_default(),
            Part::Attribute(number) => document.attribute(number).map_or(b"", Attribute::name),
        }
    }

    /// `local-name()`.
    pub(super) fn local_name(self, document: &Document) -> &[u8] {
        match self.part {
            Part::Whole => document.expanded_name(self.index).local,
            Part::Attribute(number) => document.expanded_attribute(number).local,
            _ => self.name(document),
        }
    }

    /// `namespace-uri()`.
    pub(super) fn namespace_uri(self, document: &Document) -> &[u8] {
        let id = match self.part {
            Part::Whole => document.expanded_name(self.index).namespace,
            Part::Attribute(number) => document.expanded_attribute(number).namespace,
            _ => NO_NAMESPACE,
        };
        document.namespace_uri(id)
    }

    /// The attribute of this qualified name, of an element.
    pub(super) fn attribute<'d>(self, document: &'d Document, name: &[u8]) -> Option<&'d [u8]> {
        document
            .attribute_range(self.index, self.index.saturating_add(1))
            .filter_map(|number| document.attribute(number))
            .find(|attribute| attribute.name() == name)
            .map(Attribute::value)
    }
}

fn declared(document: &Document, number: u32) -> Option<&[u8]> {
    document.attribute(number)?.declared_prefix()
}

/// The namespaces in scope at an element, and how many attributes had to be looked at.
pub(super) fn namespaces(document: &Document, element: u32) -> (Vec<Node>, u64) {
    let mut seen: HashSet<&[u8]> = HashSet::from([&b"xml"[..]]);
    let node = |part| Node {
        index: element,
        part,
    };
    let (mut nodes, mut looked) = (vec![node(Part::XmlNamespace)], 1);
    let mut at = element;
    while at != 0 {
        for number in document.attribute_range(at, at + 1) {
            looked += 1;
            let Some(prefix) = declared(document, number) else {
                continue;
            };
            let uri = document
                .attribute(number)
                .map_or(&b""[..], Attribute::value);
            if seen.insert(prefix) && !uri.is_empty() {
                nodes.push(node(Part::Namespace(number)));
            }
        }
        looked += 1;
        at = document.node(at).parent;
    }
    nodes.sort_unstable();
    (nodes, looked)
}
