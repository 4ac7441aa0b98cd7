//! From the pieces of a pattern to its tree.

use super::super::linear::MAX_NESTING;
use super::super::syntax::{Class, End, Exact, Item, Piece, Token};
use super::set::Set;

/// A part of a pattern.
#[derive(Debug)]
pub(super) enum Node {
    /// One byte of a set.
    Set(Set),
    /// The empty text, at a place.
    Assertion(Assertion),
    /// One after the other.
    Concat(Vec<Node>),
    /// The first that leads to a match.
    Alternatives(Vec<Node>),
    /// A numbered group.
    Capture(usize, Box<Node>),
    /// Once and again.
    Repeat {
        node: Box<Node>,
        min: u32,
        max: Option<u32>,
        mode: Mode,
    },
    /// `(?>…)`: what it matched first is all that it matches.
    Atomic(Box<Node>),
    /// Look-ahead.
    Ahead { negated: bool, node: Box<Node> },
    /// Look-behind: its alternatives, each with its length.
    Behind {
        negated: bool,
        alternatives: Vec<(usize, Node)>,
    },
    /// The match begins here (`\K`).
    Keep,
    /// What a group has matched.
    Reference { group: usize, caseless: bool },
}

/// How a repetition goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As often as possible.
    Greedy,
    /// As rarely as possible.
    Lazy,
    /// As often as possible, and no less.
    Possessive,
}

/// A place in the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assertion {
    Start,
    LineStart,
    /// Where the search began.
    SearchStart,
    End,
    LineEnd,
    /// The end, or before a line feed there.
    EndOrFinalNewline,
    WordBoundary,
    NoWordBoundary,
}

/// A pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) root: Node,
    /// Numbered groups.
    pub(super) groups: usize,
}

/// What an open parenthesis began.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain,
    Capture(usize),
    Atomic,
    Ahead { negated: bool },
    Behind { negated: bool },
}

struct Frame {
    kind: Kind,
    caseless: bool,
    alternatives: Vec<Node>,
    current: Vec<Node>,
}

impl Frame {
    fn new(kind: Kind, caseless: bool) -> Frame {
        Frame {
            kind,
            caseless,
            alternatives: Vec::new(),
            current: Vec::new(),
        }
    }

    /// An alternative has ended.
    fn end_alternative(&mut self) {
        let mut nodes = std::mem::take(&mut self.current);
        let node = match (nodes.pop(), nodes.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                nodes.extend(last);
                Node::Concat(nodes)
            }
        };
        self.alternatives.push(node);
    }

    fn close(mut self) -> Option<Node> {
        self.end_alternative();
        if let Kind::Behind { negated } = self.kind {
            let measured = self
                .alternatives
                .into_iter()
                .map(|node| Some((length(&node)?, node)));
            let alternatives = measured.collect::<Option<Vec<_>>>()?;
            return Some(Node::Behind {
                negated,
                alternatives,
            });
        }
        let node = match (self.alternatives.pop(), self.alternatives.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                self.alternatives.extend(last);
                Node::Alternatives(self.alternatives)
            }
        };
        Some(match self.kind {
            Kind::Capture(group) => Node::Capture(group, Box::new(node)),
            Kind::Atomic => Node::Atomic(Box::new(node)),
            Kind::Ahead { negated } => Node::Ahead {
                negated,
                node: Box::new(node),
            },
            // A group that a quantifier can follow is one node.
            Kind::Plain | Kind::Behind { .. } => Node::Concat(vec![node]),
        })
    }
}

/// Reads a pattern; None where something in it is left to PCRE2.
///
/// `set_of` tells what one byte is matched by a part of the pattern, and whether letters count in both cases.
pub(super) fn read(
    pieces: &[Piece],
    caseless: bool,
    set_of: impl Fn(&Piece, bool) -> Option<Set>,
) -> Option<Pattern> {
    let mut open = Vec::new();
    let mut frame = Frame::new(Kind::Plain, caseless);
    let mut groups = 0;
    let mut references = 0;
    for piece in pieces {
        let caseless = frame.caseless;
        let node = match &piece.token {
            Token::Blank(_) => continue,
            Token::Byte(byte) => Node::Set(Set::byte(*byte, caseless)),
            Token::Any { newline } => Node::Set(Set::of(|byte| *newline || byte != b'\n')),
            Token::Class(class) => Node::Set(Set::class(class, caseless)),
            Token::Start { multi_line: true } => Node::Assertion(Assertion::LineStart),
            Token::Start { multi_line: false } => Node::Assertion(Assertion::Start),
            Token::End(End::Line) => Node::Assertion(Assertion::LineEnd),
            Token::End(End::Value | End::Written) => Node::Assertion(Assertion::End),
            Token::WordBoundary { negated: false } => Node::Assertion(Assertion::WordBoundary),
            Token::WordBoundary { negated: true } => Node::Assertion(Assertion::NoWordBoundary),
            Token::Alternate => {
                frame.end_alternative();
                continue;
            }
            Token::Open { captures, caseless } => {
                let kind = match captures {
                    true => {
                        groups += 1;
                        Kind::Capture(groups)
                    }
                    false => Kind::Plain,
                };
                open.push(std::mem::replace(&mut frame, Frame::new(kind, *caseless)));
                continue;
            }
            Token::Close => std::mem::replace(&mut frame, open.pop()?).close()?,
            Token::Caseless(on) => {
                frame.caseless = *on;
                continue;
            }
            Token::Quantifier { min, max, lazy } => {
                let mode = if *lazy { Mode::Lazy } else { Mode::Greedy };
                repeat(frame.current.pop()?, *min, *max, mode)?
            }
            Token::Opaque { exact, .. } => match exact.as_ref()? {
                Exact::Atomic => {
                    open.push(std::mem::replace(
                        &mut frame,
                        Frame::new(Kind::Atomic, caseless),
                    ));
                    continue;
                }
                Exact::Ahead { negated } => {
                    let kind = Kind::Ahead { negated: *negated };
                    open.push(std::mem::replace(&mut frame, Frame::new(kind, caseless)));
                    continue;
                }
                Exact::Behind { negated } => {
                    let kind = Kind::Behind { negated: *negated };
                    open.push(std::mem::replace(&mut frame, Frame::new(kind, caseless)));
                    continue;
                }
                Exact::Possessive { min, max } => {
                    repeat(frame.current.pop()?, *min, *max, Mode::Possessive)?
                }
                Exact::Reference(group) => {
                    references = references.max(*group);
                    Node::Reference {
                        group: *group,
                        caseless,
                    }
                }
                Exact::Byte => Node::Set(set_of(piece, caseless)?),
                Exact::LineBreak => line_break(),
                Exact::Keep => Node::Keep,
                Exact::SearchStart => Node::Assertion(Assertion::SearchStart),
                Exact::EndOrFinalNewline => Node::Assertion(Assertion::EndOrFinalNewline),
            },
        };
        if open.len() > MAX_NESTING as usize {
            return None;
        }
        frame.current.push(node);
    }
    (open.is_empty() && references <= groups).then_some(())?;
    let root = frame.close()?;
    Some(Pattern { root, groups })
}

/// `\R`: CR LF as one, or any one of the others.
fn line_break() -> Node {
    let byte = |byte| Node::Set(Set::byte(byte, false));
    let single = Class {
        negated: false,
        items: vec![Item::Escape(b'v')],
    };
    Node::Atomic(Box::new(Node::Alternatives(vec![
        Node::Concat(vec![byte(b'\r'), byte(b'\n')]),
        Node::Set(Set::class(&single, false)),
    ])))
}

/// A repetition. What is repeated as a whole must be one: PCRE2 has rules of its own for repeated assertions.
fn repeat(node: Node, min: u32, max: Option<u32>, mode: Mode) -> Option<Node> {
    if matches!(
        node,
        Node::Assertion(_) | Node::Ahead { .. } | Node::Behind { .. } | Node::Keep
    ) {
        return None;
    }
    Some(Node::Repeat {
        node: Box::new(node),
        min,
        max,
        mode,
    })
}

/// How many bytes a part matches, if that is known. The depth is that of the pattern, at most [`MAX_NESTING`].
fn length(node: &Node) -> Option<usize> {
    Some(match node {
        Node::Set(_) => 1,
        Node::Assertion(_) | Node::Ahead { .. } | Node::Behind { .. } | Node::Keep => 0,
        Node::Concat(nodes) => nodes.iter().map(length).sum::<Option<usize>>()?,
        Node::Alternatives(nodes) => {
            let mut lengths = nodes.iter().map(length);
            let first = lengths.next()??;
            lengths
                .all(|length| length == Some(first))
                .then_some(first)?
        }
        Node::Capture(_, node) | Node::Atomic(node) => length(node)?,
        Node::Repeat { node, min, max, .. } if Some(*min) == *max => {
            length(node)?.checked_mul(*min as usize)?
        }
        Node::Repeat { .. } | Node::Reference { .. } => return None,
    })
}

impl Node {
    /// The bytes that what it matches can begin with, and whether it can match the empty text.
    pub(super) fn first(&self) -> (Set, bool) {
        match self {
            Node::Set(set) => (*set, false),
            Node::Assertion(_) | Node::Ahead { .. } | Node::Behind { .. } | Node::Keep => {
                (Set::default(), true)
            }
            Node::Concat(nodes) => {
                let mut all = Set::default();
                for node in nodes {
                    let (set, empty) = node.first();
                    all = all.union(set);
                    if !empty {
                        return (all, false);
                    }
                }
                (all, true)
            }
            Node::Alternatives(nodes) => nodes
                .iter()
                .map(Node::first)
                .fold((Set::default(), false), |all, one| {
                    (all.0.union(one.0), all.1 || one.1)
                }),
            Node::Capture(_, node) | Node::Atomic(node) => node.first(),
            Node::Repeat { node, min, max, .. } => {
                let (set, empty) = node.first();
                match max {
                    Some(0) => (Set::default(), true),
                    _ => (set, empty || *min == 0),
                }
            }
            Node::Reference { .. } => (Set::of(|_| true), true),
        }
    }

    /// Whether it can only match at the start of the value.
    pub(super) fn is_anchored(&self) -> bool {
        match self {
            Node::Assertion(assertion) => *assertion == Assertion::Start,
            Node::Concat(nodes) => nodes.first().is_some_and(Node::is_anchored),
            Node::Alternatives(nodes) => nodes.iter().all(Node::is_anchored),
            Node::Capture(_, node) | Node::Atomic(node) => node.is_anchored(),
            _ => false,
        }
    }
}
