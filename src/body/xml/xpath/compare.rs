//! Comparisons. XPath 1.0, section 3.4: one with a set of nodes holds if it holds for any of them.
//!
//! Two sets are never compared each with each: what is asked can be told from all texts, or from the least and the
//! greatest number.

use std::collections::HashSet;

use super::evaluate::{Evaluator, Outcome, Value};
use super::expression::Comparison;
use super::node::Node;
use super::number;

impl<'d> Evaluator<'d> {
    pub(super) fn compare(
        &mut self,
        how: Comparison,
        left: Value<'d>,
        right: Value<'d>,
    ) -> Outcome<bool> {
        let is_order = !matches!(how, Comparison::Equal | Comparison::NotEqual);
        match (left, right) {
            (Value::Nodes(left), Value::Nodes(right)) if is_order => self.order(how, &left, &right),
            (Value::Nodes(left), Value::Nodes(right)) => self.equality(how, &left, &right),
            (Value::Nodes(nodes), other) => self.any(how, nodes, other),
            (other, Value::Nodes(nodes)) => self.any(how.mirrored(), nodes, other),
            (left, right) if is_order => Ok(how.holds(self.number(left)?, self.number(right)?)),
            (left @ Value::Boolean(_), right) | (left, right @ Value::Boolean(_)) => {
                Ok(how.holds_for_equal(left.boolean() == right.boolean()))
            }
            (left @ Value::Number(_), right) | (left, right @ Value::Number(_)) => {
                Ok(how.holds(self.number(left)?, self.number(right)?))
            }
            (left, right) => Ok(how.holds_for_equal(self.text(left)? == self.text(right)?)),
        }
    }

    /// Whether the comparison holds for any of the nodes, which stand left.
    fn any(&mut self, how: Comparison, nodes: Vec<Node>, other: Value<'d>) -> Outcome<bool> {
        if let Value::Boolean(other) = other {
            let (left, right) = (!nodes.is_empty(), other);
            return Ok(how.holds(f64::from(u8::from(left)), f64::from(u8::from(right))));
        }
        let equality = matches!(how, Comparison::Equal | Comparison::NotEqual);
        if equality && let Value::Text(other) = other {
            for node in nodes {
                let text = self.text_of(node)?;
                if how.holds_for_equal(text == &*other) {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let other = self.number(other)?;
        for node in nodes {
            let number = number::parse(self.text_of(node)?);
            if how.holds(number, other) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn equality(&mut self, how: Comparison, left: &[Node], right: &[Node]) -> Outcome<bool> {
        let mut texts: HashSet<&[u8]> = HashSet::new();
        for &node in left {
            texts.insert(self.text_of(node)?);
        }
        for &node in right {
            let text = self.text_of(node)?;
            let differs = texts.len() > 1 || !texts.contains(text);
            let holds = match how {
                Comparison::NotEqual => differs && !texts.is_empty(),
                _ => texts.contains(text),
            };
            if holds {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn order(&mut self, how: Comparison, left: &[Node], right: &[Node]) -> Outcome<bool> {
        let ascending = matches!(how, Comparison::Less | Comparison::LessOrEqual);
        let mut extreme = |nodes: &[Node], least: bool| -> Outcome<f64> {
            let mut found = f64::NAN;
            for &node in nodes {
                // NaN is less and greater than nothing: it is passed over.
                let number = number::parse(self.text_of(node)?);
                found = if least {
                    found.min(number)
                } else {
                    found.max(number)
                };
            }
            Ok(found)
        };
        Ok(how.holds(extreme(left, ascending)?, extreme(right, !ascending)?))
    }
}

impl Comparison {
    fn mirrored(self) -> Self {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }

    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
        }
    }

    fn holds_for_equal(self, equal: bool) -> bool {
        equal == (self == Comparison::Equal)
    }
}
