//! The tree of an expression.
//!
//! Operators of one level are one node with many operands: only brackets, arguments and predicates make it deeper.

use std::ops::Range;

use super::functions::Function;

/// A parsed expression.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) source: Box<[u8]>,
    pub(super) root: Expr,
    /// Each prefix once.
    pub(super) prefixes: Vec<Prefix>,
}

/// A namespace prefix, and where it stands first.
#[derive(Debug)]
pub(super) struct Prefix {
    pub(super) name: Box<[u8]>,
    pub(super) span: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Expr {
    Or(Vec<Expr>),
    And(Vec<Expr>),
    /// From left to right: the result of one comparison is compared with the next operand.
    Compare(Box<Expr>, Vec<(Comparison, Expr)>),
    Arithmetic(Box<Expr>, Vec<(Arithmetic, Expr)>),
    Negate(Box<Expr>),
    Union(Vec<Expr>),
    Path(Path),
    Literal(Box<[u8]>),
    Number(f64),
    Call(Function, Vec<Expr>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A location path, or an expression with predicates and steps behind it.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) start: Start,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug)]
pub(super) enum Start {
    Root,
    Context,
    Filter(Box<Expr>, Vec<Predicate>),
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) axis: Axis,
    pub(super) test: Test,
    pub(super) predicates: Vec<Predicate>,
}

#[derive(Debug)]
pub(super) struct Predicate {
    pub(super) test: Expr,
    /// It depends on which of how many nodes is asked about.
    pub(super) positional: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    Ancestor,
    AncestorOrSelf,
    Attribute,
    Child,
    Descendant,
    DescendantOrSelf,
    Following,
    FollowingSibling,
    Namespace,
    Parent,
    Preceding,
    PrecedingSibling,
    SelfNode,
}

impl Axis {
    /// The axis of this name.
    pub(super) fn lookup(name: &str) -> Option<Self> {
        Some(match name {
            "ancestor" => Axis::Ancestor,
            "ancestor-or-self" => Axis::AncestorOrSelf,
            "attribute" => Axis::Attribute,
            "child" => Axis::Child,
            "descendant" => Axis::Descendant,
            "descendant-or-self" => Axis::DescendantOrSelf,
            "following" => Axis::Following,
            "following-sibling" => Axis::FollowingSibling,
            "namespace" => Axis::Namespace,
            "parent" => Axis::Parent,
            "preceding" => Axis::Preceding,
            "preceding-sibling" => Axis::PrecedingSibling,
            "self" => Axis::SelfNode,
            _ => return None,
        })
    }

    /// Whether positions count towards the start of the document.
    pub(super) fn is_reverse(self) -> bool {
        use Axis::*;
        matches!(
            self,
            Ancestor | AncestorOrSelf | Preceding | PrecedingSibling
        )
    }
}

/// A node test.
#[derive(Debug)]
pub(super) enum Test {
    /// `node()`
    Any,
    /// `text()`
    Text,
    /// `comment()`
    Comment,
    /// `processing-instruction()`, perhaps of one target.
    Instruction(Option<Box<[u8]>>),
    /// `*`
    Wildcard,
    /// `prefix:*`; the number of the prefix.
    Namespace(usize),
    /// A name, with or without a prefix.
    Name(Option<usize>, Box<[u8]>),
}

/// What an expression is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nodes,
    Boolean,
    Number,
    Text,
}

impl Expr {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Expr::Or(_) | Expr::And(_) | Expr::Compare(..) => Kind::Boolean,
            Expr::Arithmetic(..) | Expr::Negate(_) | Expr::Number(_) => Kind::Number,
            Expr::Literal(_) => Kind::Text,
            Expr::Union(_) => Kind::Nodes,
            Expr::Path(path) => path.kind(),
            Expr::Call(function, _) => function.result(),
        }
    }

    /// Whether `position()` or `last()` of the context it is evaluated in matters to it.
    fn asks_for_position(&self) -> bool {
        let any = |parts: &[Expr]| parts.iter().any(Expr::asks_for_position);
        match self {
            Expr::Or(parts) | Expr::And(parts) | Expr::Union(parts) => any(parts),
            Expr::Compare(first, rest) => {
                first.asks_for_position() || rest.iter().any(|(_, part)| part.asks_for_position())
            }
            Expr::Arithmetic(first, rest) => {
                first.asks_for_position() || rest.iter().any(|(_, part)| part.asks_for_position())
            }
            Expr::Negate(inner) => inner.asks_for_position(),
            Expr::Path(path) => match &path.start {
                Start::Filter(inner, _) => inner.asks_for_position(),
                _ => false,
            },
            Expr::Literal(_) | Expr::Number(_) => false,
            Expr::Call(function, arguments) => function.is_positional() || any(arguments),
        }
    }
}

impl Path {
    fn kind(&self) -> Kind {
        match &self.start {
            Start::Filter(inner, predicates) if predicates.is_empty() && self.steps.is_empty() => {
                inner.kind()
            }
            _ => Kind::Nodes,
        }
    }
}

impl Predicate {
    pub(super) fn new(test: Expr) -> Self {
        let positional = test.kind() == Kind::Number || test.asks_for_position();
        Self { test, positional }
    }
}
