//! The differences that are known.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::outcome::Outcome;

/// A scenario whose outcome is meant to differ.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deliberate {
    pub scenario: String,
    /// Why, in a line.
    pub reason: String,
    /// Words of `docs/compatibility.md` that say so.
    pub documented: String,
    /// The differences, line by line: see `difference`.
    pub lines: Vec<String>,
}

/// A scenario whose outcome differs and should not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    pub scenario: String,
    pub what: String,
}

/// What is known, from `differences.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    #[serde(default)]
    pub deliberate: Vec<Deliberate>,
    #[serde(default)]
    pub open: Vec<Open>,
}

impl Known {
    pub fn read(path: &Path) -> Known {
        let text = fs::read_to_string(path).unwrap();
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// The lines that only one outcome has: `- ` those of the reference, `+ ` ours. Where both have the same lines in another
/// order, all that moved.
pub fn difference(theirs: &Outcome, ours: &Outcome) -> Vec<String> {
    if theirs == ours {
        return Vec::new();
    }
    let mut balance: BTreeMap<&str, i64> = BTreeMap::new();
    for line in theirs {
        *balance.entry(line).or_default() += 1;
    }
    for line in ours {
        *balance.entry(line).or_default() -= 1;
    }
    if balance.values().all(|count| *count == 0) {
        let pairs = theirs.iter().zip(ours).filter(|(a, b)| a != b);
        return pairs
            .flat_map(|(a, b)| [format!("- {a}"), format!("+ {b}")])
            .collect();
    }
    let mut lines = Vec::new();
    for (sign, outcome, side) in [("-", theirs, 1), ("+", ours, -1)] {
        for line in outcome {
            let count = balance.get_mut(line.as_str()).unwrap();
            if *count * side > 0 {
                *count -= side;
                lines.push(format!("{sign} {line}"));
            }
        }
    }
    lines
}

#[test]
fn differences_are_found_in_lines_and_in_their_order() {
    let outcome = |text: &str| text.split(' ').map(str::to_owned).collect::<Outcome>();
    assert!(difference(&outcome("a b"), &outcome("a b")).is_empty());
    assert_eq!(difference(&outcome("a b b"), &outcome("a b")), ["- b"]);
    assert_eq!(
        difference(&outcome("a b c"), &outcome("a x c d")),
        ["- b", "+ x", "+ d"]
    );
    assert_eq!(
        difference(&outcome("a b c"), &outcome("a c b")),
        ["- b", "+ c", "- c", "+ b"]
    );
}
