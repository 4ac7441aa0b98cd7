//! The eight characters that hold the parts of a native record together.

use std::fmt::{self, Write};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::escape::hex_digit;

/// A record's boundary: eight lower-case hexadecimal digits, for one record only.
///
/// Compat: mod_security2 takes them from `rand()`, seeded before the children are forked, so that children repeat each other.
/// Here each one comes from the system's random source: no client can know the boundary its own body will be framed by, and two
/// records share one only by the chance of 1 in 2³². The length stays eight because log parsers insist on it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Boundary([u8; 8]);

impl Boundary {
    /// A new boundary from the system's random source.
    pub fn random() -> Boundary {
        Boundary::from(getrandom::u32().unwrap_or_else(|_| without_random_source()))
    }

    /// The eight digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|digit| f.write_char(char::from(*digit)))
    }
}

impl From<u32> for Boundary {
    fn from(number: u32) -> Boundary {
        let mut text = *b"00000000";
        for (place, digit) in text.iter_mut().rev().enumerate() {
            *digit = hex_digit((number >> (4 * place)) as u8);
        }
        Boundary(text)
    }
}

/// For kernels without a random source that answers: the process, the clock and a counter through the standard library's keyed hash.
fn without_random_source() -> u32 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    RandomState::new().hash_one((std::process::id(), SystemTime::now(), count)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn eight_lower_case_digits() {
        assert_eq!(Boundary::from(0).as_bytes(), b"00000000");
        assert_eq!(Boundary::from(0xABCD_EF01).as_bytes(), b"abcdef01");
        assert_eq!(Boundary::from(u32::MAX).as_bytes(), b"ffffffff");
    }

    #[test]
    fn no_two_alike() {
        // Two equal ones among 1,000 of 2³² are expected once in 8,600 runs; three never.
        for source in [Boundary::random, || Boundary::from(without_random_source())] {
            let distinct: HashSet<_> = std::iter::repeat_with(source).take(1000).collect();
            assert!(distinct.len() >= 998, "{} distinct", distinct.len());
        }
    }
}
