//! Switches: rules that compare a TX variable with a number, mostly to skip others
//! (`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2" "…,nolog,skipAfter:…"`). A rule set has hundreds of them.

use std::sync::Arc;

use super::rule::{Argument, Rule, Selector};
use crate::operators::{Comparison, Operator, atoi};
use crate::transaction::Value;
use crate::variables::Variable;

/// The test of such a rule.
#[derive(Debug)]
pub struct Switch {
    /// The variable's name in TX.
    pub key: Box<[u8]>,
    /// It is the number of variables of this name.
    pub count: bool,
    /// How the rule spells TX, where that is another way.
    pub spelled: Option<Arc<str>>,
    comparison: Comparison,
    argument: i64,
    negated: bool,
}

impl Switch {
    /// The rule as a switch, if it is one.
    pub fn of(rule: &Rule) -> Option<Switch> {
        let [target] = rule.targets.as_slice() else {
            return None;
        };
        let (Operator::Compare(comparison), Argument::Constant(argument)) =
            (&*rule.test.operator, &rule.test.argument)
        else {
            return None;
        };
        match (target.variable, &target.selector) {
            (Variable::Tx, Selector::Key(key)) if rule.transformations.is_empty() => Some(Switch {
                key: key.as_slice().into(),
                count: target.count,
                spelled: target.spelled.clone(),
                comparison: *comparison,
                argument: atoi(argument),
                negated: rule.test.negated,
            }),
            _ => None,
        }
    }

    /// The name of a variable that it matches.
    pub fn name_of(&self, key: &[u8]) -> Vec<u8> {
        Value::name_in(Variable::Tx, key)
    }

    /// The name of their number.
    pub fn counted(&self) -> Vec<u8> {
        let spelled = self.spelled.as_deref();
        spelled.unwrap_or(Variable::Tx.name()).as_bytes().to_vec()
    }

    /// Whether it matches this value of the variable.
    pub fn matches(&self, value: &[u8]) -> bool {
        self.comparison.holds(atoi(value), self.argument) != self.negated
    }
}
