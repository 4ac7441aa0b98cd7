//! A backtracking engine of our own, for what the linear one cannot express: look-around, back-references, atomic groups
//! and possessive quantifiers.
//!
//! It finds what PCRE2 finds, with the same captures, and counts every step of a search over **all** starts, which PCRE2
//! does not: there a limit counts anew at each start, and neither counts what one repeated class runs over nor what
//! a back-reference compares.  A search that would take longer is a failure, never "no match", and no pattern takes more
//! than a fraction of a second on any value.
//!
//! Rarer things (recursion, conditions, verbs, Unicode properties) are left to PCRE2: [`Bounded::compile`] then has no
//! answer.  Whether a pattern is valid PCRE2 has said before.

mod code;
mod machine;
mod set;
mod tree;

use std::ops::Range;

use super::syntax::Piece;
use super::{Failure, Groups, Options};
use code::Program;
use set::Set;

/// Most steps of one search, all starts together.  A step takes some five nanoseconds, so that this is a tenth of
/// a second.  Values of more than a million bytes are granted [`STEPS_PER_BYTE`].
pub(super) const MAX_STEPS: u64 = 20_000_000;

/// Most steps for a byte of a very long value: a number of 16 digits is looked for in six at each digit.
pub(super) const STEPS_PER_BYTE: u64 = 20;

/// Most places to go back to that one search remembers, of up to 32 bytes each: 16 MB, as mod_security2's PCRE2 has.
pub(super) const MAX_STACK: usize = 500_000;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Bounded {
    program: Program,
    /// Places that may be gone back to at one start (`SecPcreMatchLimit`).
    backtracks: u32,
}

impl Bounded {
    /// The program of a valid pattern; None if something in it is left to PCRE2.
    pub(super) fn compile(source: &[u8], pieces: &[Piece], options: Options) -> Option<Bounded> {
        let set_of = |piece: &Piece, caseless| set_of(source.get(piece.span.clone())?, caseless);
        let pattern = tree::read(pieces, options.case_insensitive, set_of)?;
        Some(Bounded {
            program: code::compile(&pattern),
            backtracks: options.limits.matches,
        })
    }

    /// The first match that starts at `start` or later.
    pub(super) fn find_at(&self, value: &[u8], start: usize) -> Result<Option<Groups>, Failure> {
        machine::search(&self.program, value, start, self.backtracks, &mut |_| true)
    }

    /// The first match that is accepted.  After one that is not, the search goes on one byte behind its start.
    pub(super) fn find_accepted(
        &self,
        value: &[u8],
        accept: &mut dyn FnMut(Range<usize>) -> bool,
    ) -> Result<Option<Groups>, Failure> {
        machine::search(&self.program, value, 0, self.backtracks, accept)
    }
}

/// What PCRE2 says that a part of a pattern, which stands for one byte, matches.
fn set_of(source: &[u8], caseless: bool) -> Option<Set> {
    let source = std::str::from_utf8(source).ok()?;
    let mut builder = pcre2::bytes::RegexBuilder::new();
    let regex = builder
        .caseless(caseless)
        .build(&format!(r"\A(?:{source})\z"))
        .ok()?;
    Some(Set::of(|byte| regex.is_match(&[byte]).unwrap_or(false)))
}

#[cfg(test)]
mod tests;
