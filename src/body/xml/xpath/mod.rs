//! XPath 1.0 over a [`Document`]: what stands behind `XML:` in a rule.
//!
//! ```text
//! expression ─ lexer ─▶ tokens ─ parse ─▶ tree      once, when the rule is read
//! tree + document ─ evaluate ─▶ nodes               for each request
//! ```
//!
//! An expression is compiled once; a mistake has a place. Evaluation works on sets of nodes in document order, never
//! twice on the same node where positions do not count, and takes no more than a number of steps that no rule needs:
//! going over that is an outcome of its own ([`Selection::exceeded`]). It recurses with the expression, whose nesting is
//! bounded, and never with the document.
//!
//! Compat: libxml2 in the details: names with prefixes that nobody declares, CDATA sections as nodes of their own,
//! numbers with exponents, and how numbers are written. There are no variables, and a path that does not start at the
//! root selects nothing, because mod_security2 gives it no place to start from.

use std::ops::Range;
use std::sync::Arc;

use super::Document;

mod axes;
mod compare;
mod evaluate;
mod expression;
mod functions;
mod lexer;
mod node;
mod number;
mod parse;

use crate::limits;
use evaluate::{Evaluator, Value};
use expression::Code;

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression {
    code: Arc<Code>,
    /// The namespace of each prefix, once they are bound.
    namespaces: Arc<[Box<[u8]>]>,
}

/// A mistake in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// One sentence.
    pub message: String,
    /// The bytes of the expression that it is about.
    pub span: Range<usize>,
}

impl Error {
    fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self {
            message: message.into(),
            span,
        }
    }
}

/// How much work an evaluation may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Steps: a node looked at, or 64 bytes of text.
    pub steps: u64,
    /// Bytes of all values together.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: limits::XPATH_STEP_LIMIT,
            text: limits::XPATH_TEXT_LIMIT,
        }
    }
}

/// What an expression selects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection<'d> {
    /// The string value of each node, in document order. None where the expression is no set of nodes.
    pub values: Vec<&'d [u8]>,
    /// A limit was reached: there may be more.
    pub exceeded: bool,
}

impl Expression {
    /// Compiles an expression. Its prefixes mean nothing yet; see [`bind`](Self::bind).
    ///
    /// # Errors
    /// It is no XPath 1.0, has variables, functions that XPath does not have or the wrong number of their arguments, or
    /// is nested deeper than [`limits::XPATH_NESTING_LIMIT`].
    pub fn compile(source: &[u8]) -> Result<Self, Error> {
        let code = parse::parse(source)?;
        let unbound = vec![Box::default(); code.prefixes.len()];
        Ok(Self {
            code: Arc::new(code),
            namespaces: unbound.into(),
        })
    }

    /// Gives the prefixes their namespaces; of two for the same prefix the later counts.
    ///
    /// # Errors
    /// A prefix that has none.
    pub fn bind(&self, namespaces: &[(Vec<u8>, Vec<u8>)]) -> Result<Self, Error> {
        let prefixes = self.code.prefixes.iter();
        let bound = prefixes.map(|prefix| {
            let mut declared = namespaces.iter().rev();
            let found = declared.find(|(name, _)| name[..] == prefix.name[..]);
            match (&*prefix.name, found) {
                (b"xml", _) => Ok(super::names::XML_NAMESPACE.into()),
                (_, Some((_, uri))) => Ok(uri.as_slice().into()),
                (name, None) => {
                    let name = String::from_utf8_lossy(name);
                    let message = format!(
                        "The prefix \"{name}\" is not declared: the rule needs the action xmlns:{name}=URI"
                    );
                    Err(Error::new(message, prefix.span.clone()))
                }
            }
        });
        Ok(Self {
            code: Arc::clone(&self.code),
            namespaces: bound.collect::<Result<_, _>>()?,
        })
    }

    /// The expression as written.
    pub fn source(&self) -> &[u8] {
        &self.code.source
    }

    /// Evaluates the expression.
    pub fn select<'d>(&self, document: &'d Document, limits: &Limits) -> Selection<'d> {
        let mut selection = Selection::default();
        if document.root().is_none() {
            return selection;
        }
        let mut evaluator = Evaluator::new(document, &self.code, &self.namespaces, limits.steps);
        let nodes = match evaluator.run() {
            Ok(Value::Nodes(nodes)) => nodes,
            Ok(_) => return selection,
            Err(_) => {
                selection.exceeded = true;
                return selection;
            }
        };
        let mut room = limits.text;
        for value in nodes.into_iter().filter_map(|node| node.value(document)) {
            match room.checked_sub(value.len()) {
                Some(left) => room = left,
                None => {
                    selection.exceeded = true;
                    break;
                }
            }
            selection.values.push(value);
        }
        selection
    }
}
