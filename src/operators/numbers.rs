//! Numeric comparison: `@eq`, `@ge`, `@gt`, `@le`, `@lt`.

use super::Kind;

/// How the value is compared with the argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Greater or equal.
    Ge,
    /// Greater.
    Gt,
    /// Less or equal.
    Le,
    /// Less.
    Lt,
}

impl Comparison {
    /// Whether `value` stands in this relation to `argument`.
    pub fn holds(self, value: i64, argument: i64) -> bool {
        match self {
            Comparison::Eq => value == argument,
            Comparison::Ge => value >= argument,
            Comparison::Gt => value > argument,
            Comparison::Le => value <= argument,
            Comparison::Lt => value < argument,
        }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Comparison::Eq => Kind::Eq,
            Comparison::Ge => Kind::Ge,
            Comparison::Gt => Kind::Gt,
            Comparison::Le => Kind::Le,
            Comparison::Lt => Kind::Lt,
        }
    }
}

/// The number a text starts with, as C's `atoi` reads it: leading white space,
/// one sign, decimal digits; the rest is ignored and no digits are 0.
///
/// Compat: mod_security2 cuts the number to 32 bits, so that 4294967296 is 0
/// there.  Here numbers have 64 bits and saturate: a large number is never
/// taken for a small one.
pub fn atoi(text: &[u8]) -> i64 {
    let mut rest = text;
    while let [b' ' | b'\t'..=b'\r', behind @ ..] = rest {
        rest = behind;
    }
    let (negative, mut rest) = match rest {
        [b'-', behind @ ..] => (true, behind),
        [b'+', behind @ ..] => (false, behind),
        _ => (false, rest),
    };
    let mut number = 0i64;
    while let [digit @ b'0'..=b'9', behind @ ..] = rest {
        let digit = i64::from(digit - b'0');
        let digit = if negative { -digit } else { digit };
        number = number.saturating_mul(10).saturating_add(digit);
        rest = behind;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atoi_reads_what_c_reads() {
        for (text, number) in [
            ("", 0),
            ("12abc", 12),
            ("abc", 0),
            (" \t\n\x0b\x0c\r7", 7),
            ("+5", 5),
            ("-5", -5),
            ("--5", 0),
            ("+-5", 0),
            ("- 5", 0),
            ("007", 7),
            ("1\x002", 1),
            ("0x10", 0),
            ("4294967296", 4_294_967_296),
            ("9223372036854775807", i64::MAX),
            ("9223372036854775808", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("-99999999999999999999999", i64::MIN),
        ] {
            assert_eq!(atoi(text.as_bytes()), number, "{text:?}");
        }
    }
}
