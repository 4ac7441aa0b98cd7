//! Axes and node tests.

use std::collections::HashSet;

use super::super::document::{Document, NodeKind};
use super::evaluate::{Evaluator, Outcome};
use super::expression::{Axis, Step, Test};
use super::node::{Node, Part, namespaces};

impl<'d> Evaluator<'d> {
    /// Those nodes of a set, in document order, whose axes together are the axis of the whole set.
    pub(super) fn sources(&self, axis: Axis, from: Vec<Node>) -> Vec<Node> {
        let document = self.document;
        let mut parents = HashSet::new();
        let mut first_of_parent = |node: &Node| {
            let parent = node.is_whole().then(|| node.parent(document)).flatten();
            parent.is_some_and(|parent| parents.insert(parent))
        };
        match axis {
            Axis::Descendant | Axis::DescendantOrSelf => {
                let mut covered = 0;
                let mut from = from;
                from.retain(|node| {
                    let inside = node.index < covered;
                    if node.is_whole() && !inside {
                        covered = document.node(node.index).end;
                    }
                    // An attribute is no descendant of its element.
                    !inside || !node.is_whole()
                });
                from
            }
            Axis::Following => {
                let end = |node: &Node| document.node(node.index).end;
                from.into_iter().min_by_key(end).into_iter().collect()
            }
            Axis::Preceding => from.into_iter().next_back().into_iter().collect(),
            Axis::FollowingSibling => {
                let mut from = from;
                from.retain(first_of_parent);
                from
            }
            Axis::PrecedingSibling => {
                let mut last: Vec<Node> = from.into_iter().rev().collect();
                last.retain(&mut first_of_parent);
                last.reverse();
                last
            }
            _ => from,
        }
    }

    /// The nodes on the axis of one node that pass the test, in document order. Ancestors that `before` has, too, are
    /// left out.
    pub(super) fn collect(
        &mut self,
        node: Node,
        before: Option<Node>,
        step: &'d Step,
        found: &mut Vec<Node>,
    ) -> Outcome<()> {
        let document = self.document;
        let record = document.node(node.index);
        let whole = node.is_whole();
        let mut one = |this: &mut Self, candidate: Node| -> Outcome<()> {
            this.spend(1)?;
            if this.passes(step.axis, &step.test, candidate) {
                found.push(candidate);
            }
            Ok(())
        };
        match step.axis {
            Axis::SelfNode => one(self, node)?,
            Axis::Parent => {
                if let Some(parent) = node.parent(document) {
                    one(self, parent)?;
                }
            }
            Axis::Child if whole => {
                for child in children(document, node.index + 1, record.end) {
                    one(self, Node::whole(child))?;
                }
            }
            Axis::DescendantOrSelf if !whole => one(self, node)?,
            Axis::Descendant | Axis::DescendantOrSelf if whole => {
                let first = node.index + u32::from(step.axis == Axis::Descendant);
                for index in first..record.end {
                    one(self, Node::whole(index))?;
                }
            }
            Axis::Following => {
                // Compat: to libxml2 the children of an attribute's element do not follow it.
                for index in record.end..document.node(0).end {
                    one(self, Node::whole(index))?;
                }
            }
            Axis::Preceding => {
                for index in 0..node.index {
                    self.spend(1)?;
                    if document.node(index).end <= node.index {
                        one(self, Node::whole(index))?;
                    }
                }
            }
            Axis::FollowingSibling if whole => {
                let end = document.node(record.parent).end;
                for sibling in children(document, record.end, end) {
                    one(self, Node::whole(sibling))?;
                }
            }
            Axis::PrecedingSibling if whole && node != Node::ROOT => {
                for sibling in children(document, record.parent + 1, node.index) {
                    one(self, Node::whole(sibling))?;
                }
            }
            Axis::Ancestor | Axis::AncestorOrSelf => {
                let own = (step.axis == Axis::AncestorOrSelf).then_some(node);
                let start = found.len();
                let mut next = own.or_else(|| node.parent(document));
                while let Some(ancestor) = next {
                    if before.is_some_and(|before| is_known(document, step.axis, ancestor, before))
                    {
                        break;
                    }
                    self.spend(1)?;
                    if self.passes(step.axis, &step.test, ancestor) {
                        found.push(ancestor);
                    }
                    next = ancestor.parent(document);
                }
                if let Some(new) = found.get_mut(start..) {
                    new.reverse();
                }
            }
            Axis::Attribute if whole => {
                for number in document.attribute_range(node.index, node.index + 1) {
                    let part = Part::Attribute(number);
                    one(self, Node { part, ..node })?;
                }
            }
            Axis::Namespace if node.kind(document) == Some(NodeKind::Element) => {
                let (nodes, looked) = namespaces(document, node.index);
                self.spend(looked)?;
                for namespace in nodes {
                    one(self, namespace)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn passes(&self, axis: Axis, test: &Test, node: Node) -> bool {
        let document = self.document;
        let kind = node.kind(document);
        // `*` and names are about the kind of node that the axis is about.
        let principal = match (axis, node.part) {
            (Axis::Attribute, Part::Attribute(number)) => {
                let attribute = document.attribute(number);
                let declares = attribute.is_some_and(|a| a.is_namespace_declaration());
                if declares {
                    return false;
                }
                true
            }
            (Axis::Namespace, Part::Namespace(_) | Part::XmlNamespace) => true,
            (Axis::Attribute | Axis::Namespace, _) => false,
            _ => kind == Some(NodeKind::Element),
        };
        match test {
            Test::Any => true,
            Test::Text => matches!(kind, Some(NodeKind::Text | NodeKind::Cdata)),
            Test::Comment => kind == Some(NodeKind::Comment),
            Test::Instruction(target) => {
                let right = |target: &[u8]| target == node.name(document);
                kind == Some(NodeKind::Instruction) && target.as_deref().is_none_or(right)
            }
            Test::Wildcard => principal,
            Test::Namespace(prefix) => {
                principal && self.namespace(Some(*prefix)) == Some(self.namespace_of(node))
            }
            Test::Name(prefix, local) => {
                principal
                    && node.name(document).ends_with(local)
                    && node.local_name(document) == &**local
                    && self.namespace(*prefix) == Some(self.namespace_of(node))
            }
        }
    }

    fn namespace_of(&self, node: Node) -> u32 {
        match node.part {
            Part::Whole => self.document.expanded_name(node.index).namespace,
            Part::Attribute(number) => self.document.expanded_attribute(number).namespace,
            Part::XmlNamespace | Part::Namespace(_) => super::super::names::NO_NAMESPACE,
        }
    }
}

/// The children that begin from one index to before another.
fn children(document: &Document, from: u32, to: u32) -> impl Iterator<Item = u32> {
    let mut next = from;
    std::iter::from_fn(move || {
        let child = (next < to).then_some(next)?;
        next = document.node(child).end.max(child + 1);
        Some(child)
    })
}

/// Whether the walk up from `before` has been at `ancestor`.
fn is_known(document: &Document, axis: Axis, ancestor: Node, before: Node) -> bool {
    if !ancestor.is_whole() || before.index >= document.node(ancestor.index).end {
        return false;
    }
    let or_self = axis == Axis::AncestorOrSelf || !before.is_whole();
    ancestor.index < before.index || or_self && ancestor.index == before.index
}
