//! What the engine takes, and what it costs at most.

use std::time::Duration;

use super::super::{Engine, Limits, Options, Pattern};
use super::*;
use crate::cpu_time;

fn compile(pattern: &str) -> Pattern {
    let pattern = Pattern::compile(pattern.as_bytes(), Options::default()).unwrap();
    assert_eq!(pattern.engine(), Engine::Bounded, "{pattern:?}");
    pattern
}

/// What is matched, and the groups.
fn found(pattern: &str, value: &str) -> Option<Vec<Option<String>>> {
    let groups = compile(pattern).captures(value.as_bytes()).unwrap()?;
    let text = |group: Option<std::ops::Range<usize>>| group.map(|range| value[range].to_owned());
    Some(groups.iter().map(text).collect())
}

#[test]
fn what_it_takes_it_matches() {
    let text = |texts: &[Option<&str>]| {
        let owned = texts.iter().map(|text| text.map(str::to_owned));
        Some(owned.collect::<Vec<_>>())
    };
    for (pattern, value, expected) in [
        (r"(a+)(?=b)", "xaab", text(&[Some("aa"), Some("aa")])),
        (r"(?<!a)b", "ab", None),
        (r"(?<=aa|b)c", "abc", text(&[Some("c")])),
        (r"(?!(a))b", "ab", text(&[Some("b")])),
        (r"(a|ab)(?>c|cd)e", "abcde", None),
        (r"(?:a|ab)++c", "abc", None),
        (r"(a)|(b)\2", "xbb", text(&[Some("bb"), None, Some("b")])),
        (r"(?i)(ab)\1", "abAB", text(&[Some("abAB"), Some("ab")])),
        (
            r"(?<q>['\x22])x\k<q>",
            "'x'",
            text(&[Some("'x'"), Some("'")]),
        ),
        (r"(?P<q>a)(?P=q)", "aa", text(&[Some("aa"), Some("a")])),
        (r"a\Kb", "ab", text(&[Some("b")])),
        (r"a\Rb", "a\r\nb", text(&[Some("a\r\nb")])),
        (r"a\Z", "a\n", text(&[Some("a")])),
        (r"[\p{Lu}]+", "aBC", text(&[Some("BC")])),
        (r"\pN{2}", "a12", text(&[Some("12")])),
        (
            r"(?=(a+?))\1{2,}?b",
            "aaab",
            text(&[Some("aaab"), Some("a")]),
        ),
        (
            r"(?=x)(?:(x)|y){2,3}",
            "xyx",
            text(&[Some("xyx"), Some("x")]),
        ),
    ] {
        assert_eq!(found(pattern, value), expected, "{pattern} on {value}");
    }
}

#[test]
fn what_is_rarer_runs_in_pcre2() {
    for pattern in [
        "(a(?1)?b)",
        "(a)?(?(1)b|c)",
        "a(*SKIP)b",
        "(?|(a)|(b))",
        r"\X",
    ] {
        let compiled = Pattern::compile(pattern.as_bytes(), Options::default()).unwrap();
        assert_eq!(compiled.engine(), Engine::Backtracking, "{pattern}");
    }
}

/// Patterns that take PCRE2 seconds to hours, and the values that make them: what comes over and over, and the end. What
/// the look-ahead at the end forbids a linear pattern cannot see.
const EXPLOSIVE: [(&str, &str, &str); 10] = [
    (r"x+x+(?!y)[yz]", "x", "y"),
    (r"x+x+x+x+x+x+(?!y)y", "x", "y"),
    (r"(?:x+)+(?!y)y", "x", "y"),
    (r"(?:x|xx)+?(?!y)y", "x", "y"),
    (r"(x*)\1(?!y)y", "x", "y"),
    (r"(?i)(x*)(x*)\1\2(?!y)y", "x", "y"),
    (r"(?:(?=x*)x)+(?!y)y", "x", "y"),
    (r"(?:[^q]*+y|.)*(?!z)z", "x", "z"),
    (r"(?<=x)(?>x{1,60000})(?!y)y", "x", "y"),
    (r"(?:(?:(?:a?){10}){10}){10}(?!b)b", "a", "b"),
];

#[test]
fn no_pattern_takes_long() {
    for (pattern, unit, end) in EXPLOSIVE {
        let compiled = compile(pattern);
        for length in [5_000, 100_000, 1_000_000] {
            let value = [unit.repeat(length), end.to_owned()].concat().into_bytes();
            let mut answer = Ok(false);
            let took = cpu_time::of(|| answer = compiled.is_match(&value));
            // Ten times what an optimised build needs.
            assert!(
                took < Duration::from_secs(3),
                "{pattern} on {length}: {took:?}"
            );
            if let Err(failure) = answer {
                assert!(failure.limit_exceeded);
                assert!(
                    failure
                        .message
                        .starts_with("PCRE limits exceeded (-47): more than ")
                );
            }
        }
    }
}

#[test]
fn long_values_are_no_failure_by_themselves() {
    for (pattern, unit) in [
        (r"(?<!y)b", "x"),
        (r"(?<!y)b\w", "ab "),
        (r"(['\x22])[a-z]{3,40}\1=", "'abc' "),
        (r"\b(?!foo)\w+\s*=(?=\d)", "word and more = "),
        (r"^(?:[a-z]++\s)*+=", "words and more "),
    ] {
        let value = [
            unit.repeat(1_000_000 / unit.len()).as_bytes(),
            b"\n 'y' b_ = =1x",
        ]
        .concat();
        assert!(compile(pattern).is_match(&value).is_ok(), "{pattern}");
    }
}

#[test]
fn limits_have_two_sides() {
    let with = |matches: u32, value: &[u8]| {
        let limits = Limits {
            matches,
            ..Limits::default()
        };
        let options = Options::operator(limits);
        Pattern::compile(b"(?=a)a*b|^(?=c)(?:c|d)*+e", options)
            .unwrap()
            .is_match(value)
    };
    // Five places to stop at, and the other alternative.
    assert_eq!(with(6, b"aaaaa\nbe"), Ok(false));
    assert!(with(5, b"aaaaa\ncbe").unwrap_err().limit_exceeded);
    // Each turn remembers where it began, and the other letter.
    let turns = |count: usize| [&vec![b'c'; count][..], b"e"].concat();
    assert_eq!(with(100, &turns(MAX_STACK / 4)), Ok(true));
    let failure = with(100, &turns(MAX_STACK)).unwrap_err();
    assert_eq!(
        failure.message,
        "PCRE limits exceeded (-47): more than 500000 places to go back to"
    );
}
