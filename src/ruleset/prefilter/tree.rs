//! The transformations of all rules of a phase, with common beginnings shared.

use super::class::{Class, LONG_TEXT};
use crate::byte_set::ByteSet;
use crate::transformations::Transformation;

/// Which texts made of one value a rule looks at: bit 0 is the value itself, bit `n` what node `n - 1` makes of it.
pub(super) type Texts = u128;

/// Most nodes of a tree: what [`Texts`] has bits for. Rules whose transformations do not fit are not scanned for.
pub(super) const MAX_NODES: usize = Texts::BITS as usize - 1;

/// Lists of transformations as a tree: each node is one step from what its parent makes.
#[derive(Debug, Default, Hash)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

/// One step.
#[derive(Clone, Copy, Debug, Hash)]
struct Node {
    /// The text that it starts from.
    parent: usize,
    transformation: Transformation,
}

impl Tree {
    /// Adds a list, and tells which texts a rule with it looks at: the last, or with `each_step` all. `None` when
    /// the tree is full.
    ///
    /// The scan compares without case, so a list that ends in `lowercase` ends before it.
    pub fn add(&mut self, list: &[Transformation], each_step: bool) -> Option<Texts> {
        let end = list
            .iter()
            .rposition(|step| !matches!(step, Transformation::Lowercase | Transformation::None))
            .map_or(0, |last| last + 1);
        let mut text = 0;
        let mut texts: Texts = 1;
        for transformation in list.iter().take(end).copied() {
            if transformation == Transformation::None {
                continue;
            }
            let known = |node: &Node| node.parent == text && node.transformation == transformation;
            let at = match self.nodes.iter().position(known) {
                Some(at) => at,
                None if self.nodes.len() == MAX_NODES => return None,
                None => {
                    self.nodes.push(Node {
                        parent: text,
                        transformation,
                    });
                    self.nodes.len() - 1
                }
            };
            text = at + 1;
            texts |= 1 << text;
        }
        Some(if each_step { texts } else { 1 << text })
    }

    /// The steps that make these texts, in an order in which each is followed by those that start from what it makes.
    pub fn plan(&self, texts: Texts) -> Plan {
        let mut wanted = texts;
        for (at, node) in self.nodes.iter().enumerate().rev() {
            if wanted & (1 << (at + 1)) != 0 {
                wanted |= 1 << node.parent;
            }
        }
        let mut plan = Plan::default();
        // A stack, since there is no limit to the length of a list.
        let mut open: Vec<(usize, usize)> = Vec::new();
        let children = |parent: usize, after: usize| {
            let nodes = self.nodes.iter().enumerate();
            nodes
                .filter(|(at, node)| node.parent == parent && wanted & (1 << (at + 1)) != 0)
                .map(|(at, node)| (at + 1, node.transformation))
                .find(|(text, _)| *text > after)
        };
        let (mut parent, mut after) = (0, 0);
        loop {
            if let Some((text, transformation)) = children(parent, after) {
                open.push((plan.steps.len(), parent));
                plan.steps.push(Step {
                    from: parent,
                    text,
                    transformation,
                    triggers: ByteSet::EMPTY,
                    texts: 0,
                    changes_empty: false,
                    shortest: 0,
                    next: 0,
                });
                (parent, after) = (text, 0);
                continue;
            }
            let Some((step, up)) = open.pop() else {
                break;
            };
            after = plan.close(step);
            parent = up;
        }
        plan.triggers = plan.steps.iter().fold(ByteSet::EMPTY, |all, step| {
            all.union(*step.transformation.triggers())
        });
        plan.changes_empty = plan.steps.iter().any(|step| step.changes_empty);
        plan
    }
}

/// How to make the texts of a class.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub steps: Vec<Step>,
    /// Without one of these bytes all texts are the value itself.
    pub triggers: ByteSet,
    /// Whether the empty value, which has no bytes to go by, may become something else.
    pub changes_empty: bool,
}

/// One transformation, and what hangs on it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The text that it starts from.
    pub from: usize,
    /// The text that it makes.
    pub text: usize,
    pub transformation: Transformation,
    /// Without one of these bytes neither this step nor those that follow from it change anything.
    pub triggers: ByteSet,
    /// What they make: this text and all that follow from it.
    pub texts: Texts,
    /// As in [`Plan`].
    pub changes_empty: bool,
    /// The least bytes of a text of which this step, and those that follow, may make one that a rule matches.
    pub shortest: usize,
    /// The first step that does not follow from this one.
    pub next: usize,
}

impl Plan {
    /// Whether a rule may match what a step, and those that follow from it, make of a text with these bytes. A rule that
    /// asks for more bytes than there can be, or of which all literals need a byte that there cannot be, does not need the step.
    pub fn may_matter(&self, class: &Class, step: usize, bytes: &ByteSet, text: &[u8]) -> bool {
        let Some(first) = self.steps.get(step) else {
            return true;
        };
        if text.len() < first.shortest {
            return false;
        }
        // Of a short text it costs less to make what follows from it than to prove it idle.
        if text.len() < LONG_TEXT {
            return true;
        }
        let following = self.steps.get(step..first.next).unwrap_or_default();
        // Steps that follow start from any text before them, not only from the last.
        let behind = following.iter().skip(1);
        let image = behind.fold(first.transformation.image(bytes), |all, step| {
            all.union(step.transformation.image(&all))
        });
        if image != ByteSet::FULL && !class.may_match(first.texts, &image) {
            return false;
        }
        match (following, first.transformation.leaves_out()) {
            ([_], Some(left_out)) => class.may_match_without(first.texts, text, left_out),
            _ => true,
        }
    }

    /// Notes of each step how long a text has to be for a rule to match what is made of it, where each of these rules looks
    /// at some texts and matches none that is shorter than this.
    pub fn note_shortest(&mut self, rules: impl Iterator<Item = (Texts, usize)> + Clone) {
        for at in (0..self.steps.len()).rev() {
            let Some(step) = self.steps.get(at) else {
                break;
            };
            let looking = rules
                .clone()
                .filter(|(texts, _)| texts >> step.text & 1 == 1);
            let behind = self.steps.get(at + 1..step.next).unwrap_or_default().iter();
            let following = behind.filter(|next| next.from == step.text);
            let least = looking.map(|(_, least)| least);
            let least = least.chain(following.map(|next| next.shortest)).min();
            let shortest = step.transformation.least_input(least.unwrap_or(0));
            if let Some(step) = self.steps.get_mut(at) {
                step.shortest = shortest;
            }
        }
    }

    /// All steps that follow from this one are there: sums them up. Its text.
    fn close(&mut self, at: usize) -> usize {
        let end = self.steps.len();
        let (mut triggers, mut texts, mut changes_empty) = (ByteSet::EMPTY, 0, false);
        for step in self.steps.get(at..).unwrap_or_default() {
            triggers = triggers.union(*step.transformation.triggers());
            texts |= 1 << step.text;
            changes_empty |= step.transformation.changes_empty();
        }
        let Some(step) = self.steps.get_mut(at) else {
            return 0;
        };
        (step.triggers, step.texts, step.changes_empty, step.next) =
            (triggers, texts, changes_empty, end);
        step.text
    }
}
