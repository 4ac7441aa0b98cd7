//! What a value must contain for an operator to match it.
//!
//! Hundreds of rules look at every argument of a request, and almost none matches. [`Operator::needs`] says what must
//! be true of a value that an operator matches, in terms that can be checked for all rules by one pass over the value:
//! its length, and [clauses](Clause) of literals and bytes. What fails here is not asked; what passes is asked as ever,
//! so a condition that is too weak costs time and one that is too strong would hide an attack. The tests of this room
//! draw values from the patterns themselves to show that none is.
//!
//! Literals and bytes are those of the value with ASCII letters in lower case: `Select` contains `select`.

mod extract;
mod frequency;

pub use frequency::rarest;

use super::{Operator, libinjection};
use crate::byte_set::ByteSet;

/// What must be true of a value that an operator matches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// All of them must be satisfied. The one that is satisfied least often comes first.
    pub clauses: Vec<Clause>,
    /// The fewest bytes.
    pub min_len: usize,
    /// The most bytes, where there is a bound.
    pub max_len: Option<usize>,
    /// A condition of the operator's own.
    pub gate: Option<Gate>,
}

/// A condition that neither literals nor bytes express.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// Not one bare word and not one number: SQL of one token is no injection.
    MoreThanOneSqlToken,
}

impl Gate {
    /// Whether a value passes.
    pub fn admits(self, value: &[u8]) -> bool {
        match self {
            Gate::MoreThanOneSqlToken => libinjection::sqli_possible(value),
        }
    }
}

/// Satisfied by a value that contains one of the literals or one of the bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clause {
    /// Literals of two bytes or more, in lower case.
    pub literals: Vec<Box<[u8]>>,
    /// Single bytes, in lower case.
    pub bytes: ByteSet,
}

/// Most clauses with literals that are kept of one operator: each costs memory and time in the scan.
pub const MAX_LITERAL_CLAUSES: usize = 3;

/// Most clauses of bytes alone that are kept of one operator.
pub const MAX_BYTE_CLAUSES: usize = 8;

/// How much of a literal is kept: a window of this many bytes, the rarest.
pub const MAX_LITERAL_BYTES: usize = 16;

/// A clause that every second byte of ordinary text satisfies is not worth asking.
const USELESS_RATE: f64 = 0.5;

impl Needs {
    /// Nothing is known: any value may match.
    pub fn anything() -> Needs {
        Needs::default()
    }

    /// Whether a value, its ASCII letters in lower case, is one that may match. The scan of a rule set finds out the
    /// same for many operators at once.
    pub fn admit(&self, folded: &[u8]) -> bool {
        let bytes = ByteSet::of(folded);
        let satisfied = |clause: &Clause| {
            clause.bytes.intersects(&bytes)
                || clause
                    .literals
                    .iter()
                    .any(|literal| memchr::memmem::find(folded, literal).is_some())
        };
        folded.len() >= self.min_len
            && self.max_len.is_none_or(|most| folded.len() <= most)
            && self.clauses.iter().all(satisfied)
            && self.gate.is_none_or(|gate| gate.admits(folded))
    }

    /// What must be true where one of `clauses` alternatives each is: all of them, the rarest first, the rest dropped.
    fn of_clauses(mut clauses: Vec<Clause>) -> Needs {
        clauses.retain(|clause| clause.rate() < USELESS_RATE);
        clauses.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
        let (mut with_literals, mut bytes_only) = (0, 0);
        clauses.retain(|clause| {
            let (count, most) = match clause.literals.is_empty() {
                true => (&mut bytes_only, MAX_BYTE_CLAUSES),
                false => (&mut with_literals, MAX_LITERAL_CLAUSES),
            };
            *count += 1;
            *count <= most
        });
        clauses.dedup();
        Needs {
            clauses,
            ..Needs::default()
        }
    }

    /// Contains this text.
    fn text(text: &[u8]) -> Needs {
        let clauses = Clause::of_strings([text.to_ascii_lowercase()]);
        Needs {
            min_len: text.len(),
            ..Needs::of_clauses(clauses.into_iter().collect())
        }
    }

    /// Contains one of these bytes.
    fn bytes(bytes: ByteSet) -> Needs {
        let clause = Clause {
            bytes: bytes.lowercase(),
            ..Clause::default()
        };
        Needs {
            min_len: 1,
            ..Needs::of_clauses(vec![clause])
        }
    }
}

impl Clause {
    /// Satisfied by a value that contains one of the strings; `None` if one is empty and so in every value.
    fn of_strings(strings: impl IntoIterator<Item = Vec<u8>>) -> Option<Clause> {
        let mut clause = Clause::default();
        for string in strings {
            match string.as_slice() {
                [] => return None,
                [byte] => clause.bytes.insert(*byte),
                _ => clause.literals.push({
                    let start = rarest(&string, MAX_LITERAL_BYTES);
                    let end = string.len().min(start + MAX_LITERAL_BYTES);
                    string.get(start..end).unwrap_or_default().into()
                }),
            }
        }
        clause.tidy();
        Some(clause)
    }

    /// Drops what is said already.
    fn tidy(&mut self) {
        self.literals.sort_unstable();
        self.literals.dedup();
        let bytes = self.bytes;
        self.literals
            .retain(|literal| !literal.iter().any(|byte| bytes.contains(*byte)));
    }

    /// Satisfied where one of the two is.
    fn or(mut self, other: &Clause) -> Clause {
        self.literals.extend(other.literals.iter().cloned());
        self.bytes = self.bytes.union(other.bytes);
        self.tidy();
        self
    }

    /// How often ordinary text satisfies it, in places per byte: for choosing among clauses, not for correctness.
    pub fn rate(&self) -> f64 {
        let literals: f64 = self.literals.iter().map(|l| frequency::of_text(l)).sum();
        let bytes: f64 = (0..=u8::MAX)
            .filter(|byte| self.bytes.contains(*byte))
            .map(frequency::of_byte)
            .sum();
        literals + bytes
    }
}

impl Operator {
    /// What must be true of a value that the operator matches, `argument` being constant.
    ///
    /// Says nothing of values that it does *not* match: a negated test has no needs.
    pub fn needs(&self, argument: &[u8]) -> Needs {
        match self {
            Operator::Rx(pattern) => extract::of_pattern(pattern),
            Operator::Verify(..) => Needs::bytes(ByteSet::range(b'0', b'9')),
            Operator::Pm(phrases) | Operator::PmFromFile(phrases) => {
                let phrases = phrases.phrases().iter();
                let clause = Clause::of_strings(phrases.map(|phrase| phrase.to_ascii_lowercase()));
                Needs::of_clauses(clause.into_iter().collect())
            }
            Operator::Contains | Operator::ContainsWord | Operator::EndsWith => {
                Needs::text(argument)
            }
            Operator::BeginsWith => Needs::text(argument),
            Operator::StrEq => Needs {
                max_len: Some(argument.len()),
                ..Needs::text(argument)
            },
            Operator::StrMatch(needle) => Needs::text(needle.as_bytes()),
            Operator::Within => Needs {
                max_len: Some(argument.len()),
                ..Needs::default()
            },
            Operator::ValidateByteRange(allowed) => Needs::bytes(allowed.complement()),
            Operator::ValidateUrlEncoding => Needs::bytes(ByteSet::of(b"%")),
            Operator::ValidateUtf8Encoding => Needs::bytes(ByteSet::range(0x80, 0xff)),
            Operator::DetectSqli => Needs {
                gate: Some(Gate::MoreThanOneSqlToken),
                ..Needs::default()
            },
            Operator::DetectXss => Needs::bytes(ByteSet::of(libinjection::XSS_BYTES)),
            _ => Needs::anything(),
        }
    }
}

#[cfg(test)]
mod tests;
