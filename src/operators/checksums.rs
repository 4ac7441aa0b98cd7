//! `@verifyCC`, `@verifyCPF`, `@verifySSN`: a regular expression finds
//! candidates, a checksum decides.

use std::ops::Range;

use super::Kind;
use super::rx::{Candidates, Failure};

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
        let digits = candidate
            .iter()
            .filter(|b| b.is_ascii_digit())
            .map(|b| b - b'0');
        match self {
            Checksum::CreditCard => luhn(digits),
            Checksum::Cpf => cpf(digits),
            Checksum::Ssn => ssn(digits),
        }
    }

    /// The first match of the pattern which is a valid number.  After one that
    /// is not the search goes on one byte behind its start.
    ///
    /// Compat: an empty match is no candidate.
    pub(super) fn find(
        self,
        candidates: &Candidates,
        value: &[u8],
    ) -> Result<Option<Range<usize>>, Failure> {
        candidates.find(value, |candidate| self.accepts(candidate))
    }
}

/// The first `N` digits, and how many there are in all.
fn first<const N: usize>(digits: impl Iterator<Item = u8>) -> ([u8; N], usize) {
    let mut first = [0; N];
    let mut count = 0;
    for digit in digits {
        if let Some(place) = first.get_mut(count) {
            *place = digit;
        }
        count += 1;
    }
    (first, count)
}

/// Luhn modulo 10: from the right every second digit is doubled.
fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let mut sum: Option<usize> = None;
    for (i, digit) in digits.rev().enumerate() {
        let value = match (i % 2, usize::from(digit)) {
            (0, d) => d,
            (_, d) if d < 5 => 2 * d,
            (_, d) => 2 * d - 9,
        };
        sum = Some(sum.unwrap_or(0) + value);
    }
    sum.is_some_and(|sum| sum.is_multiple_of(10))
}

/// Eleven digits, the last two of which check the others.  Repeated digits and
/// 01234567890 satisfy the sums and are refused.
///
/// Compat: digits after the eleventh are ignored.
fn cpf(digits: impl Iterator<Item = u8>) -> bool {
    let (digits, count) = first::<11>(digits);
    let [.., first_check, second_check] = digits;
    if count < digits.len() {
        return false;
    }
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
fn ssn(digits: impl Iterator<Item = u8>) -> bool {
    let (digits, count) = first::<9>(digits);
    if count != digits.len() {
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
    use super::super::rx::Limits;
    use super::*;
    use crate::cpu_time;

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

    fn candidates(pattern: &str) -> Candidates {
        Candidates::compile(pattern.as_bytes(), Limits::default()).unwrap()
    }

    #[test]
    fn a_number_in_a_longer_one_is_found() {
        let found = Checksum::CreditCard.find(&candidates(r"\d{16}"), b"x1115484605089158216");
        assert_eq!(found, Ok(Some(4..20)));
        let found = Checksum::CreditCard.find(
            &candidates(r"(?<![\d-])[\d-]{13,19}"),
            b"5484-6050-8915-8216",
        );
        assert_eq!(found, Ok(Some(0..19)));
    }

    #[test]
    fn work_has_a_bound() {
        let number = vec![b'1'; 1_000_000];
        // Each of its digits starts a candidate that takes all the rest.
        let failure = Checksum::Ssn
            .find(&candidates(r"\d+"), &number)
            .unwrap_err();
        assert!(failure.limit_exceeded);
        // Candidates of a number's size never reach the bound, and cost some tens of nanoseconds a byte.
        let long = vec![b'1'; 10_000_000];
        let took = cpu_time::of(|| {
            assert_eq!(
                Checksum::Cpf.find(&candidates(r"\d{13,19}"), &number),
                Ok(None)
            );
            assert_eq!(
                Checksum::Ssn.find(&candidates(r"\d{3}-?\d{2}-?\d{4}"), &long),
                Ok(None)
            );
        });
        assert!(took.as_secs() < 11, "{took:?}");
    }
}
