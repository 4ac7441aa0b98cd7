//! `application/x-www-form-urlencoded`, for bodies and for query strings.
//!
//! Names and values are slices of the input where nothing needs decoding, so a plain query string costs no copy.
//! Decoding is that of mod_security2 (and of PHP): `+` is a space, `%HH` a byte, and a `%` without two digits stays as
//! it is and sets the error flag. A pair without `=` has an empty value; an empty pair between separators is an
//! argument with an empty name and value; after a final separator nothing follows.

use bytes::Bytes;
use memchr::{memchr, memchr2};

use super::{Argument, Parsed, Span};

/// The arguments of one body or query string.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// In order, duplicates included, the first `limit` of them.
    pub args: Vec<Argument>,
    /// There were more.
    pub limit_exceeded: bool,
    /// A `%` was not followed by two hexadecimal digits, in any pair, kept or not.
    pub error: bool,
}

impl From<Arguments> for Parsed {
    fn from(arguments: Arguments) -> Self {
        Self {
            args: arguments.args,
            arguments_limit_exceeded: arguments.limit_exceeded,
            urlencoded_error: arguments.error,
            ..Self::default()
        }
    }
}

/// Reads `input` as pairs separated by `separator` (`SecArgumentSeparator`) and keeps the first `limit` of them.
pub fn parse(input: &Bytes, separator: u8, limit: usize) -> Arguments {
    let mut arguments = Arguments::default();
    for pair in pairs(input, separator) {
        if arguments.args.len() == limit {
            arguments.limit_exceeded = true;
            arguments.error |= !is_well_encoded(input.get(pair.start..).unwrap_or_default());
            break;
        }
        let (name, value) = split(input, pair);
        arguments.args.push(Argument {
            name: decode(input, &name, &mut arguments.error),
            value: decode(input, &value, &mut arguments.error),
            source: Some(value),
        });
    }
    arguments
}

/// The ranges of the pairs in `input`. A separator ends a pair; it does not start one at the end of input.
fn pairs(input: &[u8], separator: u8) -> impl Iterator<Item = Span> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = input.get(start..).filter(|rest| !rest.is_empty())?;
        let length = memchr(separator, rest).unwrap_or(rest.len());
        let pair = start..start + length;
        start = pair.end + 1;
        Some(pair)
    })
}

/// Name and value of `pair`, around its first `=`.
fn split(input: &[u8], pair: Span) -> (Span, Span) {
    let text = input.get(pair.clone()).unwrap_or_default();
    match memchr(b'=', text) {
        Some(at) => (pair.start..pair.start + at, pair.start + at + 1..pair.end),
        None => (pair.clone(), pair.end..pair.end),
    }
}

fn decode(input: &Bytes, span: &Span, error: &mut bool) -> Bytes {
    let text = input.get(span.clone()).unwrap_or_default();
    if memchr2(b'%', b'+', text).is_none() {
        return input.slice_ref(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        // There is a `+` between any two words: there is no stop at each.
        let plain = memchr(b'%', rest).unwrap_or(rest.len());
        let (plain, tail) = rest.split_at(plain);
        decoded.extend(plain.iter().map(|byte| match byte {
            b'+' => b' ',
            other => *other,
        }));
        rest = match tail {
            [b'%', high, low, after @ ..] if is_hex_pair(*high, *low) => {
                decoded.push(hex_value(*high) << 4 | hex_value(*low));
                after
            }
            [other, after @ ..] => {
                decoded.push(*other);
                *error = true;
                after
            }
            [] => break,
        };
    }
    decoded.into()
}

/// Whether each `%` in `text` starts a `%HH`.
fn is_well_encoded(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text).all(|at| match text.get(at + 1..at + 3) {
        Some(&[high, low]) => is_hex_pair(high, low),
        _ => false,
    })
}

fn is_hex_pair(high: u8, low: u8) -> bool {
    high.is_ascii_hexdigit() && low.is_ascii_hexdigit()
}

/// The value of a hexadecimal digit; the caller has checked that it is one.
fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> (Vec<(String, String)>, bool) {
        let arguments = parse(&Bytes::copy_from_slice(input.as_bytes()), b'&', 1000);
        let text = |bytes: &Bytes| bytes.escape_ascii().to_string();
        let pairs = arguments
            .args
            .iter()
            .map(|a| (text(&a.name), text(&a.value)));
        (pairs.collect(), arguments.error)
    }

    #[test]
    fn pairs_are_read_as_mod_security_reads_them() {
        type Case = (&'static str, &'static [(&'static str, &'static str)], bool);
        let cases: &[Case] = &[
            ("", &[], false),
            ("a=1", &[("a", "1")], false),
            ("a=1&b=2", &[("a", "1"), ("b", "2")], false),
            ("a=1&a=2&a=1", &[("a", "1"), ("a", "2"), ("a", "1")], false),
            ("a", &[("a", "")], false),
            ("a=", &[("a", "")], false),
            ("=1", &[("", "1")], false),
            ("=", &[("", "")], false),
            ("&", &[("", "")], false),
            ("a&", &[("a", "")], false),
            ("a=1&&b=2", &[("a", "1"), ("", ""), ("b", "2")], false),
            ("a=1&", &[("a", "1")], false),
            ("a=b=c", &[("a", "b=c")], false),
            ("a+b=c+d", &[("a b", "c d")], false),
            ("%61=%62%2B%26%3d", &[("a", "b+&=")], false),
            ("a=%00x", &[("a", "\\x00x")], false),
            ("a=x\0y", &[("a", "x\\x00y")], false),
            ("a=%", &[("a", "%")], true),
            ("a=%4", &[("a", "%4")], true),
            ("a=%4&b=%41", &[("a", "%4"), ("b", "A")], true),
            ("a=%zz+%41", &[("a", "%zz A")], true),
            ("a=%%41", &[("a", "%A")], true),
            ("a=%u0041", &[("a", "%u0041")], true),
            ("%x=1", &[("%x", "1")], true),
            ("a=1;b=2", &[("a", "1;b=2")], false),
            ("a=%c0%af", &[("a", "\\xc0\\xaf")], false),
        ];
        for &(input, pairs, error) in cases {
            let expected: Vec<_> = pairs.iter().map(|p| (p.0.into(), p.1.into())).collect();
            assert_eq!(read(input), (expected, error), "{input:?}");
        }
    }

    #[test]
    fn the_separator_can_be_changed() {
        let arguments = parse(&Bytes::from_static(b"a=1;b=2&c"), b';', 10);
        let names: Vec<_> = arguments.args.iter().map(|a| &a.name[..]).collect();
        assert_eq!(names, [b"a", b"b"]);
        assert_eq!(arguments.args[1].value, "2&c");
    }

    #[test]
    fn what_needs_no_decoding_is_not_copied() {
        let input = Bytes::from_static(b"name=value&x=%41");
        let arguments = parse(&input, b'&', 10);
        let range = input.as_ptr_range();
        assert!(range.contains(&arguments.args[0].name.as_ptr()));
        assert!(range.contains(&arguments.args[0].value.as_ptr()));
        assert!(!range.contains(&arguments.args[1].value.as_ptr()));
        assert_eq!(arguments.args[1].source, Some(13..16));
    }

    #[test]
    fn arguments_over_the_limit_are_flagged() {
        let input = Bytes::from_static(b"a=1&b=2&c=3");
        for (limit, kept, exceeded) in [(0, 0, true), (2, 2, true), (3, 3, false), (4, 3, false)] {
            let arguments = parse(&input, b'&', limit);
            assert_eq!(arguments.args.len(), kept, "limit {limit}");
            assert_eq!(arguments.limit_exceeded, exceeded, "limit {limit}");
        }
        assert!(
            parse(&Bytes::from_static(b"a=1&b=%"), b'&', 1).error,
            "an error in what is dropped"
        );
        assert!(!parse(&Bytes::from_static(b"a=1&b=%41"), b'&', 1).error);
    }
}
