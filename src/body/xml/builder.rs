//! From the events of a scan to a [`Document`].

use std::sync::OnceLock;

use super::document::{AttributeRecord, Document, NodeKind, NodeRecord};
use super::nodes::Nodes;
use super::tag::{RawAttribute, push_value};
use super::{Error, ErrorKind, Limits};

/// Builds a [`Document`].
#[derive(Debug)]
pub(super) struct Builder {
    limits: Limits,
    nodes: Nodes,
    attributes: Vec<AttributeRecord>,
    text: Vec<u8>,
    markup: Vec<u8>,
    /// The elements that are open, by index, below the document itself.
    open: Vec<u32>,
    elements: usize,
    doctype: bool,
    /// What characters belong to: text, or what was begun.
    kind: NodeKind,
    /// Where the content of a comment or instruction starts in `markup`.
    start: u32,
    /// The target of an instruction.
    name: (u32, u32),
}

impl Builder {
    pub(super) fn new(limits: Limits) -> Self {
        let document = NodeRecord {
            kind: NodeKind::Document,
            name: (0, 0),
            content: (0, 0),
            attributes: 0,
            end: 1,
            parent: 0,
        };
        let mut nodes = Nodes::default();
        nodes.push(document);
        Self {
            limits,
            nodes,
            attributes: Vec::new(),
            text: Vec::new(),
            markup: Vec::new(),
            open: Vec::new(),
            elements: 0,
            doctype: false,
            kind: NodeKind::Text,
            start: 0,
            name: (0, 0),
        }
    }

    pub(super) fn has_root(&self) -> bool {
        self.elements > 0
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
        if self.elements >= self.limits.elements {
            return Err(ErrorKind::TooManyElements);
        }
        if self.attributes.len() + raw.len() > self.limits.attributes {
            return Err(ErrorKind::TooManyAttributes);
        }
        let written = raw.iter().map(|a| a.name.len() + a.value.len());
        self.fits(name.len() + written.sum::<usize>())?;

        let start = self.markup.len() as u32;
        self.markup.extend_from_slice(name.as_bytes());
        let index = self.nodes.len() as u32;
        let name = (start, self.markup.len() as u32);
        self.add(NodeKind::Element, name, self.text.len())?;
        self.open.push(index);
        self.elements += 1;
        for attribute in raw {
            let name = self.markup.len();
            self.markup.extend_from_slice(attribute.name.as_bytes());
            let value = self.markup.len();
            push_value(attribute.value, &mut self.markup)?;
            self.attributes
                .push(AttributeRecord::new(name, value, self.markup.len()));
        }
        Ok(())
    }

    pub(super) fn close(&mut self, name: &str) -> Result<(), ErrorKind> {
        let innermost = self.open.last().and_then(|&at| self.nodes.get(at as usize));
        let written = innermost.and_then(|element| {
            let (start, end) = element.name;
            self.markup.get(start as usize..end as usize)
        });
        if written != Some(name.as_bytes()) {
            return Err(ErrorKind::MismatchedTag);
        }
        self.close_innermost();
        Ok(())
    }

    pub(super) fn close_innermost(&mut self) {
        let end = self.nodes.len() as u32;
        let index = self.open.pop();
        if let Some(element) = index.and_then(|at| self.nodes.get_mut(at as usize)) {
            element.end = end;
            element.content.1 = self.text.len() as u32;
        }
    }

    /// What follows is the content of a CDATA section, a comment or an instruction, until [`end`](Self::end).
    pub(super) fn begin(&mut self, kind: NodeKind) -> Result<(), ErrorKind> {
        self.kind = kind;
        self.start = self.markup.len() as u32;
        match kind {
            // Compat: neighbours are one node, and an empty section is one, too, as with libxml2.
            NodeKind::Cdata if !self.continues(kind) => self.add(kind, (0, 0), self.text.len()),
            _ => Ok(()),
        }
    }

    /// The instruction whose content follows is for `target`.
    pub(super) fn target(&mut self, target: &[u8]) -> Result<(), ErrorKind> {
        self.fits(target.len())?;
        let start = self.markup.len() as u32;
        self.markup.extend_from_slice(target);
        self.begin(NodeKind::Instruction)?;
        self.name = (start, self.start);
        Ok(())
    }

    /// Whether nothing of the content has come yet.
    pub(super) fn is_at_start(&self) -> bool {
        self.markup.len() == self.start as usize
    }

    /// The end of what [`begin`](Self::begin) began: text follows.
    pub(super) fn end(&mut self) -> Result<(), ErrorKind> {
        let kind = std::mem::replace(&mut self.kind, NodeKind::Text);
        let name = match kind {
            NodeKind::Instruction => self.name,
            NodeKind::Comment => (0, 0),
            _ => return Ok(()),
        };
        self.add(kind, name, self.start as usize)?;
        let end = self.markup.len() as u32;
        if let Some(node) = self.nodes.last_mut() {
            node.content.1 = end;
        }
        Ok(())
    }

    /// Text, or content of what was begun last.
    pub(super) fn push_text(&mut self, text: &[u8]) -> Result<(), ErrorKind> {
        if text.is_empty() {
            return Ok(());
        }
        let used = self.text.len() + self.markup.len();
        let room = self.limits.text.saturating_sub(used).min(text.len());
        let fitting = text.get(..room).unwrap_or_default();
        if matches!(self.kind, NodeKind::Comment | NodeKind::Instruction) {
            self.markup.extend_from_slice(fitting);
        } else {
            if !self.continues(self.kind) {
                self.add(self.kind, (0, 0), self.text.len())?;
            }
            self.text.extend_from_slice(fitting);
            let end = self.text.len() as u32;
            if let Some(last) = self.nodes.last_mut() {
                last.content.1 = end;
            }
        }
        match room < text.len() {
            true => Err(ErrorKind::TooMuchText),
            false => Ok(()),
        }
    }

    pub(super) fn push_char(&mut self, c: char) -> Result<(), ErrorKind> {
        self.push_text(c.encode_utf8(&mut [0; 4]).as_bytes())
    }

    pub(super) fn finish(mut self, error: Option<Error>) -> Document {
        while self.is_inside_root() {
            self.close_innermost();
        }
        let end = self.nodes.len() as u32;
        if let Some(document) = self.nodes.get_mut(0) {
            document.end = end;
            document.content.1 = self.text.len() as u32;
        }
        Document {
            nodes: self.nodes,
            attributes: self.attributes,
            text: self.text.into(),
            markup: self.markup.into(),
            doctype: self.doctype,
            error,
            names: OnceLock::new(),
        }
    }

    /// Adds a node to the innermost open element; its content begins, and so far ends, at `start`.
    fn add(&mut self, kind: NodeKind, name: (u32, u32), start: usize) -> Result<(), ErrorKind> {
        if self.nodes.len() > self.limits.nodes {
            return Err(ErrorKind::TooManyNodes);
        }
        let index = self.nodes.len() as u32;
        self.nodes.push(NodeRecord {
            kind,
            name,
            content: (start as u32, start as u32),
            attributes: self.attributes.len() as u32,
            end: index + 1,
            parent: self.parent(),
        });
        Ok(())
    }

    /// Whether the node added last is of this kind, and text would go on with it.
    fn continues(&self, kind: NodeKind) -> bool {
        let last = self.nodes.last();
        last.is_some_and(|node| node.kind == kind && node.parent == self.parent())
    }

    fn parent(&self) -> u32 {
        self.open.last().copied().unwrap_or(0)
    }

    fn fits(&self, more: usize) -> Result<(), ErrorKind> {
        match self.text.len() + self.markup.len() + more > self.limits.text {
            true => Err(ErrorKind::TooMuchText),
            false => Ok(()),
        }
    }
}
