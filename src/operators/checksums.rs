//! `@verifyCC`, `@verifyCPF`, `@verifySSN`: a regular expression finds
//! candidates, a checksum decides.

use std::ops::Range;

use super::Kind;
use super::rx::{Failure, Pattern};

/// How much of a value may be matched over and over while candidates are
/// tried, as a multiple of its length: a pattern like `\d+` matches all the
/// rest of a long number at each of its digits, which is quadratic.  No number
/// these operators look for is longer than this many bytes.
pub(super) const WORK_PER_BYTE: usize = 64;

/// What `WORK_PER_BYTE` is granted on top, so that short values never fail.
pub(super) const WORK_AT_LEAST: usize = 64 * 1024;

/// Which checksum a candidate must satisfy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// Payment card: Luhn, ISO/IEC 7812-1.
    CreditCard,
    /// Brazilian taxpayer number: two check digits modulo 11.
    Cpf,
    /// Social security number of the USA: ranges, no checksum.
    Ssn,
}

impl Checksum {
    pub(super) fn kind(self) -> Kind {
        match self {
            Checksum::CreditCard => Kind::VerifyCc,
            Checksum::Cpf => Kind::VerifyCpf,
            Checksum::Ssn => Kind::VerifySsn,
        }
    }

    /// The name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Checksum::CreditCard => "CC#",
            Checksum::Cpf => "CPF#",
            Checksum::Ssn => "SSN#",
        }
    }

    fn accepts(self, candidate: &[u8]) -> bool {
        let digits: Vec<u8> = candidate
            .iter()
            .filter(|b| b.is_ascii_digit())
            .map(|b| b - b'0')
            .collect();
        match self {
            Checksum::CreditCard => luhn(&digits),
            Checksum::Cpf => cpf(&digits),
            Checksum::Ssn => ssn(&digits),
        }
    }

    /// The first match of the pattern which is a valid number.  After one that
    /// is not the search goes on one byte behind its start.
    ///
    /// Compat: an empty match is no candidate.
    pub(super) fn find(
        self,
        pattern: &Pattern,
        value: &[u8],
    ) -> Result<Option<Range<usize>>, Failure> {
        let mut budget = value.len().saturating_mul(WORK_PER_BYTE).max(WORK_AT_LEAST);
        let mut from = 0;
        while from < value.len() {
            let Some(found) = pattern.find_at(value, from)? else {
                return Ok(None);
            };
            let Some(left) = budget.checked_sub(found.end.saturating_sub(from)) else {
                return Err(Failure::budget(format!(
                    "{} search stopped: the pattern matches too much of the value too often",
                    self.name()
                )));
            };
            budget = left;
            if !found.is_empty() && self.accepts(value.get(found.clone()).unwrap_or_default()) {
                return Ok(Some(found));
            }
            from = found.start.max(from) + 1;
        }
        Ok(None)
    }
}

/// Luhn modulo 10: from the right every second digit is doubled.
fn luhn(digits: &[u8]) -> bool {
    let sum: usize = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, &d)| match (i % 2, usize::from(d)) {
            (0, d) => d,
            (_, d) if d < 5 => 2 * d,
            (_, d) => 2 * d - 9,
        })
        .sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// Eleven digits, the last two of which check the others.  Repeated digits and
/// 01234567890 satisfy the sums and are refused.
///
/// Compat: digits after the eleventh are ignored.
fn cpf(digits: &[u8]) -> bool {
    let Some(digits @ &[.., first_check, second_check]) = digits.get(..11) else {
        return false;
    };
    let repeated = digits
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if a == b));
    let counting = digits
        .iter()
        .enumerate()
        .all(|(i, d)| usize::from(*d) == i % 10);
    if repeated || counting {
        return false;
    }
    let check = |covered: usize| {
        let weights = (2..=covered as u32 + 1).rev();
        let sum: u32 = digits
            .iter()
            .zip(weights)
            .map(|(d, w)| u32::from(*d) * w)
            .sum();
        match sum % 11 {
            0 | 1 => 0,
            rest => 11 - rest,
        }
    };
    check(9) == u32::from(first_check) && check(10) == u32::from(second_check)
}

/// Nine digits `AAAGGSSSS`: no part is 0, the area is below 740 and not 666,
/// and they neither all repeat nor count up.
fn ssn(digits: &[u8]) -> bool {
    if digits.len() != 9 {
        return false;
    }
    let repeated = digits
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if a == b));
    let counting = digits
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if a + 1 == *b));
    let number = |part: Range<usize>| {
        let digits = digits.get(part).unwrap_or_default();
        digits.iter().fold(0u32, |n, d| n * 10 + u32::from(*d))
    };
    let (area, group, serial) = (number(0..3), number(3..5), number(5..9));
    !repeated && !counting && area != 0 && group != 0 && serial != 0 && area < 740 && area != 666
}

#[cfg(test)]
mod tests {
    use super::super::rx::{Limits, Options};
    use super::*;

    #[test]
    fn checksums_of_short_and_odd_values() {
        for checksum in [Checksum::CreditCard, Checksum::Cpf, Checksum::Ssn] {
            for length in 0..=12 {
                for digit in [b'0', b'1', b'9', b'x', 0xFF] {
                    checksum.accepts(&vec![digit; length]);
                }
            }
            assert!(!checksum.accepts(b""));
            assert!(!checksum.accepts(b"1"));
        }
    }

    #[test]
    fn numbers_that_check_and_numbers_that_do_not() {
        let cases: [(Checksum, &str, bool); 21] = [
            (Checksum::CreditCard, "5484605089158216", true),
            (Checksum::CreditCard, "5484-6050-8915-8216", true),
            (Checksum::CreditCard, "5484605089158217", false),
            (Checksum::CreditCard, "0", true),
            (Checksum::CreditCard, "18", true),
            (Checksum::CreditCard, "no digits", false),
            (Checksum::Cpf, "010.817.514-60", true),
            (Checksum::Cpf, "010.817.514-61", false),
            (Checksum::Cpf, "010.817.514-70", false),
            (Checksum::Cpf, "01081751460", true),
            (Checksum::Cpf, "11111111111", false),
            (Checksum::Cpf, "01234567890", false),
            (Checksum::Cpf, "010817514600", true),
            (Checksum::Ssn, "574-57-8065", true),
            (Checksum::Ssn, "739-57-8065", true),
            (Checksum::Ssn, "740-57-8065", false),
            (Checksum::Ssn, "666-57-8065", false),
            (Checksum::Ssn, "000-57-8065", false),
            (Checksum::Ssn, "574-00-8065", false),
            (Checksum::Ssn, "123456789", false),
            (Checksum::Ssn, "111111111", false),
        ];
        for (checksum, number, expected) in cases {
            assert_eq!(checksum.accepts(number.as_bytes()), expected, "{number}");
        }
    }

    #[test]
    fn work_has_a_bound() {
        let greedy = Pattern::compile(b"\\d+", Options::verification(Limits::default())).unwrap();
        let number = |length: usize| vec![b'1'; length];
        // Each of its digits starts a candidate that takes all the rest.
        let fine = 2 * WORK_PER_BYTE - 1;
        let found = Checksum::Ssn.find(&greedy, &number(fine.max(WORK_AT_LEAST / 1024)));
        assert_eq!(found, Ok(None));
        let failure = Checksum::Ssn.find(&greedy, &number(1_000_000)).unwrap_err();
        assert!(failure.limit_exceeded);
        // Candidates of a number's size never reach the bound.
        let bounded =
            Pattern::compile(b"\\d{13,19}", Options::verification(Limits::default())).unwrap();
        assert_eq!(Checksum::Cpf.find(&bounded, &number(1_000_000)), Ok(None));
    }
}
