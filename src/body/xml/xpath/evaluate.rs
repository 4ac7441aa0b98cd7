//! The evaluator: expressions to values, under a budget of steps.

use std::borrow::Cow;

use super::super::document::Document;
use super::super::names::{NO_NAMESPACE, NamespaceId};
use super::expression::{Arithmetic, Code, Expr, Path, Predicate, Start, Step};
use super::node::Node;
use super::number;

/// The budget is spent.
#[derive(Debug)]
pub(super) struct Exceeded;

pub(super) type Outcome<T> = Result<T, Exceeded>;

/// Bytes of text that cost as much as a node.
const TEXT_STEP: usize = 64;

#[derive(Debug, Clone)]
pub(super) enum Value<'d> {
    /// In document order, each once.
    Nodes(Vec<Node>),
    Boolean(bool),
    Number(f64),
    Text(Cow<'d, [u8]>),
}

impl Value<'_> {
    pub(super) const NOTHING: Value<'static> = Value::Text(Cow::Borrowed(b""));

    pub(super) fn boolean(&self) -> bool {
        match self {
            Value::Nodes(nodes) => !nodes.is_empty(),
            Value::Boolean(value) => *value,
            Value::Number(value) => *value != 0.0 && !value.is_nan(),
            Value::Text(text) => !text.is_empty(),
        }
    }
}

/// What an expression is evaluated for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub(super) node: Node,
    /// Counted from one.
    pub(super) position: usize,
    pub(super) size: usize,
}

pub(super) struct Evaluator<'d> {
    pub(super) document: &'d Document,
    code: &'d Code,
    /// Of each prefix, as the document numbers namespaces; `None` where it has no such namespace.
    namespaces: Vec<Option<NamespaceId>>,
    steps: u64,
}

impl<'d> Evaluator<'d> {
    pub(super) fn new(
        document: &'d Document,
        code: &'d Code,
        namespaces: &[Box<[u8]>],
        steps: u64,
    ) -> Self {
        let namespaces = namespaces.iter().map(|uri| document.namespace_id(uri));
        Self {
            document,
            code,
            namespaces: namespaces.collect(),
            steps,
        }
    }

    /// Evaluates the whole expression.
    pub(super) fn run(&mut self) -> Outcome<Value<'d>> {
        let code = self.code;
        let context = Context {
            node: Node::NOWHERE,
            position: 1,
            size: 1,
        };
        self.evaluate(&code.root, context)
    }

    pub(super) fn spend(&mut self, steps: u64) -> Outcome<()> {
        self.steps = self.steps.checked_sub(steps).ok_or(Exceeded)?;
        Ok(())
    }

    /// What a prefix means in the document; `None` where no node can have it.
    pub(super) fn namespace(&self, prefix: Option<usize>) -> Option<NamespaceId> {
        match prefix {
            Some(number) => self.namespaces.get(number).copied().flatten(),
            None => Some(NO_NAMESPACE),
        }
    }

    pub(super) fn evaluate(&mut self, expr: &'d Expr, context: Context) -> Outcome<Value<'d>> {
        self.spend(1)?;
        Ok(match expr {
            Expr::Or(parts) => Value::Boolean(self.decide(parts, context, true)?),
            Expr::And(parts) => Value::Boolean(self.decide(parts, context, false)?),
            Expr::Compare(first, rest) => {
                let mut value = self.evaluate(first, context)?;
                for (how, part) in rest {
                    let right = self.evaluate(part, context)?;
                    value = Value::Boolean(self.compare(*how, value, right)?);
                }
                value
            }
            Expr::Arithmetic(first, rest) => {
                let mut sum = self.evaluate_number(first, context)?;
                for (how, part) in rest {
                    sum = how.of(sum, self.evaluate_number(part, context)?);
                }
                Value::Number(sum)
            }
            Expr::Negate(inner) => Value::Number(-self.evaluate_number(inner, context)?),
            Expr::Union(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(self.evaluate_nodes(part, context)?);
                }
                self.in_order(&mut all)?;
                Value::Nodes(all)
            }
            Expr::Path(path) => self.path(path, context)?,
            Expr::Literal(text) => Value::Text(Cow::Borrowed(text)),
            Expr::Number(number) => Value::Number(*number),
            Expr::Call(function, arguments) => self.call(*function, arguments, context)?,
        })
    }

    /// Asks one part after the other until one is `until`.
    fn decide(&mut self, parts: &'d [Expr], context: Context, until: bool) -> Outcome<bool> {
        for part in parts {
            if self.evaluate(part, context)?.boolean() == until {
                return Ok(until);
            }
        }
        Ok(!until)
    }

    fn evaluate_number(&mut self, expr: &'d Expr, context: Context) -> Outcome<f64> {
        let value = self.evaluate(expr, context)?;
        self.number(value)
    }

    fn evaluate_nodes(&mut self, expr: &'d Expr, context: Context) -> Outcome<Vec<Node>> {
        Ok(match self.evaluate(expr, context)? {
            Value::Nodes(nodes) => nodes,
            _ => Vec::new(),
        })
    }

    /// The string value of a node; its length has its price.
    pub(super) fn text_of(&mut self, node: Node) -> Outcome<&'d [u8]> {
        let text = node.text(self.document);
        self.spend(1 + (text.len() / TEXT_STEP) as u64)?;
        Ok(text)
    }

    /// `string()`.
    pub(super) fn text(&mut self, value: Value<'d>) -> Outcome<Cow<'d, [u8]>> {
        let text: Cow<'d, [u8]> = match value {
            Value::Nodes(nodes) => match nodes.first() {
                Some(first) => Cow::Borrowed(first.text(self.document)),
                None => Cow::Borrowed(b""),
            },
            Value::Boolean(true) => Cow::Borrowed(b"true"),
            Value::Boolean(false) => Cow::Borrowed(b"false"),
            Value::Number(number) => Cow::Owned(number::print(number).into_bytes()),
            Value::Text(text) => text,
        };
        self.spend(1 + (text.len() / TEXT_STEP) as u64)?;
        Ok(text)
    }

    /// `number()`.
    pub(super) fn number(&mut self, value: Value<'d>) -> Outcome<f64> {
        Ok(match value {
            Value::Number(number) => number,
            Value::Boolean(value) => f64::from(u8::from(value)),
            other => number::parse(&self.text(other)?),
        })
    }

    fn path(&mut self, path: &'d Path, context: Context) -> Outcome<Value<'d>> {
        let mut nodes = match &path.start {
            Start::Root => vec![Node::ROOT],
            Start::Context if context.node == Node::NOWHERE => Vec::new(),
            Start::Context => vec![context.node],
            Start::Filter(inner, predicates) => {
                let value = self.evaluate(inner, context)?;
                if predicates.is_empty() && path.steps.is_empty() {
                    return Ok(value);
                }
                let nodes = match value {
                    Value::Nodes(nodes) => nodes,
                    _ => Vec::new(),
                };
                self.filter(nodes, predicates)?
            }
        };
        for step in &path.steps {
            nodes = self.step(nodes, step)?;
        }
        Ok(Value::Nodes(nodes))
    }

    /// One step from a set of nodes to the next.
    fn step(&mut self, from: Vec<Node>, step: &'d Step) -> Outcome<Vec<Node>> {
        let mut found = Vec::new();
        if step.predicates.iter().any(|p| p.positional) {
            for node in from {
                let mut candidates = Vec::new();
                self.collect(node, None, step, &mut candidates)?;
                if step.axis.is_reverse() {
                    candidates.reverse();
                }
                found.extend(self.filter(candidates, &step.predicates)?);
            }
            self.in_order(&mut found)?;
            return Ok(found);
        }
        // Where positions do not matter no node is looked at twice.
        let mut before = None;
        for node in self.sources(step.axis, from) {
            self.collect(node, before, step, &mut found)?;
            before = Some(node);
        }
        self.in_order(&mut found)?;
        self.filter(found, &step.predicates)
    }

    /// The nodes for which all predicates hold; positions are those in the list.
    fn filter(&mut self, nodes: Vec<Node>, predicates: &'d [Predicate]) -> Outcome<Vec<Node>> {
        let mut nodes = nodes;
        for predicate in predicates {
            let size = nodes.len();
            let mut kept = Vec::new();
            for (node, position) in nodes.into_iter().zip(1..) {
                let context = Context {
                    node,
                    position,
                    size,
                };
                let holds = match self.evaluate(&predicate.test, context)? {
                    Value::Number(number) => number == position as f64,
                    other => other.boolean(),
                };
                if holds {
                    kept.push(node);
                }
            }
            nodes = kept;
        }
        Ok(nodes)
    }

    /// Sorts into document order, and leaves each node once.
    fn in_order(&mut self, nodes: &mut Vec<Node>) -> Outcome<()> {
        if !nodes.is_sorted_by(|a, b| a < b) {
            self.spend(nodes.len() as u64)?;
            nodes.sort_unstable();
            nodes.dedup();
        }
        Ok(())
    }
}

impl Arithmetic {
    fn of(self, left: f64, right: f64) -> f64 {
        match self {
            Arithmetic::Add => left + right,
            Arithmetic::Subtract => left - right,
            Arithmetic::Multiply => left * right,
            Arithmetic::Divide => left / right,
            // The sign is that of the dividend, as with Rust's.
            Arithmetic::Remainder => left % right,
        }
    }
}
