//! Switches: rules that compare a TX variable with a number, mostly to skip others
//! (`SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2" "…,nolog,skipAfter:…"`). A rule set has hundreds of them.

use std::sync::Arc;

use super::rule::{Argument, Rule, Selector};
use crate::operators::{Comparison, Operator, atoi};
use crate::variables::Variable;

/// The test of such a rule.
#[derive(Debug)]
pub struct Switch {
    /// The variable's name in TX.
    pub key: Box<[u8]>,
    /// It is the number of variables of this name.
    pub count: bool,
    /// How the rule spells TX, where that is another way.
    spelled: Option<Arc<str>>,
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

    /// How the rule spells TX, which is the name of a number of its variables.
    pub fn spelled(&self) -> Arc<str> {
        let usual = || Variable::Tx.name().into();
        self.spelled.clone().unwrap_or_else(usual)
    }

    /// Whether it matches this value of the variable.
    pub fn matches(&self, value: &[u8]) -> bool {
        self.comparison.holds(atoi(value), self.argument) != self.negated
    }
}
