//! A literal in a text that some bytes are yet to be left out of: it costs less to look for than to leave them out.

use crate::byte_set::ByteSet;
use crate::operators::needs::rarest;

/// Where the literal's rarest byte is at more than one place in this many, nothing is concluded.
const RARE: usize = 8;

/// Whether a text may contain a literal, in lower case, once some bytes are left out and ASCII letters made small.
///
/// Linear: what is left out is passed over once for each byte of the literal at most.
pub(super) fn may_hold(text: &[u8], literal: &[u8], left_out: &ByteSet) -> bool {
    let (before, [rare, behind @ ..]) = literal.split_at(rarest(literal, 1)) else {
        return true;
    };
    let mut places = memchr::memchr2_iter(*rare, rare.to_ascii_uppercase(), text);
    let found = places.by_ref().take(text.len() / RARE).any(|at| {
        let (left, right) = text.split_at(at);
        follow(right.iter().skip(1), behind.iter(), left_out)
            && follow(left.iter().rev(), before.iter().rev(), left_out)
    });
    found || places.next().is_some()
}

/// Whether a text begins with these bytes, but for what is left out.
fn follow<'t>(
    mut text: impl Iterator<Item = &'t u8>,
    mut wanted: impl Iterator<Item = &'t u8>,
    left_out: &ByteSet,
) -> bool {
    wanted.all(|wanted| {
        let next = text.find(|byte| !left_out.contains(**byte));
        next.is_some_and(|byte| byte.eq_ignore_ascii_case(wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transformations::{Env, Transformation};

    #[test]
    fn what_the_transformed_text_contains_is_found() {
        let mut state = 11_u64;
        let mut below = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005);
            state = state.wrapping_add(1);
            (state >> 33) as usize % bound
        };
        let (mut held, mut refused) = (0, 0);
        for round in 0..20_000 {
            let length = 4 + below(60);
            let text: Vec<u8> = (0..length).map(|_| b"aB<  \t\0zq"[below(9)]).collect();
            let literal: Vec<u8> = (0..1 + below(4)).map(|_| b"ab<zq"[below(5)]).collect();
            let step = match round % 2 {
                0 => Transformation::RemoveWhitespace,
                _ => Transformation::RemoveNulls,
            };
            let made = step.apply(&text, &Env::default()).to_ascii_lowercase();
            let contains = memchr::memmem::find(&made, &literal).is_some();
            let left_out = step.leaves_out().unwrap();
            let may = may_hold(&text, &literal, left_out);
            assert!(may || !contains, "{text:?} {literal:?}");
            held += usize::from(contains);
            refused += usize::from(!may);
        }
        assert!(held > 1_000 && refused > 1_000, "{held} {refused}");
    }
}
