//! Namespaces in XML: which name each element and attribute has.
//!
//! Compat: as libxml2 has it, a prefix that nothing declares is no error; it belongs to the local name then.

use std::collections::HashMap;

use super::document::{Attribute, Document, NodeKind};

/// The namespace of the prefix `xml`.
pub(super) const XML_NAMESPACE: &[u8] = b"http://www.w3.org/XML/1998/namespace";

/// A namespace of a document, by number.
pub(super) type NamespaceId = u32;

/// No namespace.
pub(super) const NO_NAMESPACE: NamespaceId = 0;
/// That of the prefix `xml`.
const XML: NamespaceId = 1;
/// The prefix is not declared: no namespace, and the prefix is part of the local name.
const UNDECLARED: NamespaceId = 2;
const FIRST: NamespaceId = 3;

/// The namespaces of a document.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// By index of the node.
    nodes: Vec<NamespaceId>,
    /// By number of the attribute.
    attributes: Vec<NamespaceId>,
    /// The declaration that first names each namespace from [`FIRST`] on, by number of the attribute.
    declarations: Vec<u32>,
}

/// A name in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ExpandedName<'d> {
    pub(super) namespace: NamespaceId,
    pub(super) local: &'d [u8],
}

impl Document {
    /// The name of an element; that of another node has no namespace.
    pub(super) fn expanded_name(&self, index: u32) -> ExpandedName<'_> {
        let namespace = self.names().nodes.get(index as usize);
        expand(self.name_of(index), namespace)
    }

    /// The name of an attribute.
    pub(super) fn expanded_attribute(&self, number: u32) -> ExpandedName<'_> {
        let name = self
            .attribute(number)
            .map_or(&b""[..], |attribute| attribute.name());
        expand(name, self.names().attributes.get(number as usize))
    }

    /// The number of a namespace, when the document has it.
    pub(super) fn namespace_id(&self, uri: &[u8]) -> Option<NamespaceId> {
        if uri == XML_NAMESPACE {
            return Some(XML);
        }
        let last = FIRST + self.names().declarations.len() as NamespaceId;
        (FIRST..last).find(|&id| self.namespace_uri(id) == uri)
    }

    /// The name of a namespace.
    pub(super) fn namespace_uri(&self, id: NamespaceId) -> &[u8] {
        if id == XML {
            return XML_NAMESPACE;
        }
        let declarations = &self.names().declarations;
        id.checked_sub(FIRST)
            .and_then(|at| declarations.get(at as usize))
            .and_then(|&number| self.attribute(number))
            .map_or(b"", Attribute::value)
    }

    fn names(&self) -> &Names {
        self.names.get_or_init(|| resolve(self))
    }
}

/// A qualified name's prefix and local name.
pub(super) fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b':', name) {
        Some(at) if at > 0 && at + 1 < name.len() => {
            let (prefix, local) = name.split_at(at);
            (prefix, local.get(1..).unwrap_or_default())
        }
        _ => (b"", name),
    }
}

fn expand<'d>(name: &'d [u8], namespace: Option<&NamespaceId>) -> ExpandedName<'d> {
    match namespace.copied().unwrap_or(NO_NAMESPACE) {
        UNDECLARED => ExpandedName {
            namespace: NO_NAMESPACE,
            local: name,
        },
        namespace => ExpandedName {
            namespace,
            local: split(name).1,
        },
    }
}

/// One walk over the document; what an element declares is taken back where the element ends.
fn resolve(document: &Document) -> Names {
    let mut names = Names {
        nodes: vec![NO_NAMESPACE; document.nodes.len()],
        attributes: vec![NO_NAMESPACE; document.attributes.len()],
        declarations: Vec::new(),
    };
    let mut known: HashMap<&[u8], NamespaceId> = HashMap::from([(XML_NAMESPACE, XML)]);
    let mut scope: HashMap<&[u8], NamespaceId> = HashMap::from([(&b"xml"[..], XML)]);
    // What a prefix meant before, and where it will mean it again.
    let mut undo: Vec<(u32, &[u8], Option<NamespaceId>)> = Vec::new();
    for (index, node) in (0..).zip(document.nodes.iter()) {
        while let Some((_, prefix, before)) = undo.pop_if(|(end, ..)| *end <= index) {
            match before {
                Some(before) => scope.insert(prefix, before),
                None => scope.remove(prefix),
            };
        }
        if node.kind != NodeKind::Element {
            continue;
        }
        let own = document.attribute_range(index, index + 1);
        for number in own.clone() {
            let Some(attribute) = document.attribute(number) else {
                continue;
            };
            if let Some(prefix) = attribute.declared_prefix() {
                let id = match attribute.value() {
                    b"" => NO_NAMESPACE,
                    uri => *known.entry(uri).or_insert_with(|| {
                        names.declarations.push(number);
                        FIRST + names.declarations.len() as NamespaceId - 1
                    }),
                };
                undo.push((node.end, prefix, scope.insert(prefix, id)));
            }
        }
        let find = |name: &[u8], default: bool| match split(name).0 {
            b"" if !default => NO_NAMESPACE,
            b"" => scope.get(&b""[..]).copied().unwrap_or(NO_NAMESPACE),
            prefix => scope.get(prefix).copied().unwrap_or(UNDECLARED),
        };
        if let Some(slot) = names.nodes.get_mut(index as usize) {
            *slot = find(document.name_of(index), true);
        }
        for number in own {
            let name = document.attribute(number).map(Attribute::name);
            if let Some(slot) = names.attributes.get_mut(number as usize) {
                *slot = find(name.unwrap_or_default(), false);
            }
        }
    }
    names
}
