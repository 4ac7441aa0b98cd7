//! A document as text again: for other parsers, which shall see what this one saw and nothing besides.

use super::document::{Document, NodeKind};

/// The namespace of `xsi:schemaLocation`.
const INSTANCE_NAMESPACE: &[u8] = b"http://www.w3.org/2001/XMLSchema-instance";

/// What to leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Omit {
    /// Nothing.
    Nothing,
    /// `xsi:schemaLocation` and `xsi:noNamespaceSchemaLocation`: a client does not choose the schema that it is judged by,
    /// nor a file or address that is opened for it.
    SchemaLocations,
}

impl Document {
    /// The document as XML in UTF-8, without a declaration and without a document type.
    pub fn to_xml(&self, omit: Omit) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len() + self.markup.len() * 2);
        let mut open: Vec<u32> = Vec::new();
        for (index, node) in (0..).zip(self.nodes.iter()) {
            while let Some(element) = open.pop_if(|element| self.node(*element).end <= index) {
                self.write_end(element, &mut out);
            }
            let (name, content) = (self.name_of(index), self.content_of(index));
            match node.kind {
                NodeKind::Document => {}
                NodeKind::Element => {
                    out.push(b'<');
                    out.extend_from_slice(name);
                    self.write_attributes(index, omit, &mut out);
                    out.push(b'>');
                    open.push(index);
                }
                NodeKind::Text => escape(content, &mut out),
                NodeKind::Cdata => {
                    out.extend_from_slice(b"<![CDATA[");
                    // Neighbouring sections are one node, and `]]>` can come of them.
                    let mut rest = content;
                    while let Some(at) = memchr::memmem::find(rest, b"]]>") {
                        let (head, tail) = rest.split_at(at + 2);
                        out.extend_from_slice(head);
                        out.extend_from_slice(b"]]><![CDATA[");
                        rest = tail;
                    }
                    out.extend_from_slice(rest);
                    out.extend_from_slice(b"]]>");
                }
                NodeKind::Comment => {
                    for part in [b"<!--", content, b"-->"] {
                        out.extend_from_slice(part);
                    }
                }
                NodeKind::Instruction => {
                    for part in [b"<?", name, b" ", content, b"?>"] {
                        out.extend_from_slice(part);
                    }
                }
            }
        }
        while let Some(element) = open.pop() {
            self.write_end(element, &mut out);
        }
        out
    }

    fn write_end(&self, element: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(b"</");
        out.extend_from_slice(self.name_of(element));
        out.push(b'>');
    }

    fn write_attributes(&self, element: u32, omit: Omit, out: &mut Vec<u8>) {
        for number in self.attribute_range(element, element + 1) {
            let Some(attribute) = self.attribute(number) else {
                continue;
            };
            let omitted = omit == Omit::SchemaLocations && {
                let name = self.expanded_attribute(number);
                matches!(name.local, b"schemaLocation" | b"noNamespaceSchemaLocation")
                    && self.namespace_uri(name.namespace) == INSTANCE_NAMESPACE
            };
            if omitted {
                continue;
            }
            out.push(b' ');
            out.extend_from_slice(attribute.name());
            out.extend_from_slice(b"=\"");
            escape(attribute.value(), out);
            out.push(b'"');
        }
    }
}

/// Characters that are markup, or that a parser would change, as references.
fn escape(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\t' | b'\n' | b'\r' => out.extend_from_slice(format!("&#{byte};").as_bytes()),
            _ => out.push(byte),
        }
    }
}
