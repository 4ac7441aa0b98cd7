//! Engines, limits and the reading of patterns.

use super::*;
use crate::cpu_time;

fn compile(pattern: &str) -> Pattern {
    Pattern::compile(pattern.as_bytes(), Options::default()).unwrap()
}

#[test]
fn what_is_not_linear_says_why() {
    use Engine::{Backtracking, Bounded};
    for (pattern, reason, engine) in [
        ("a(?=b)", "look-ahead", Bounded),
        ("(?<!a)b", "look-behind", Bounded),
        ("(a)\\1", "a back-reference", Bounded),
        ("a++", "a possessive quantifier", Bounded),
        ("(?>a)", "an atomic group", Bounded),
        ("(?R)?", "recursion, a reference or a callout", Backtracking),
        ("a(*SKIP)b", "a verb", Backtracking),
        ("\\Ra", "\\R", Bounded),
        ("\\pL", "a Unicode property", Bounded),
        (
            "(?m)a|^",
            "^ in multi-line mode with nothing after it",
            Bounded,
        ),
    ] {
        let compiled = compile(pattern);
        assert_eq!(compiled.engine(), engine, "{pattern}");
        assert_eq!(compiled.not_linear_because(), Some(reason), "{pattern}");
        assert_eq!(compiled.translated(), None);
    }
    let compiled = compile("a$");
    assert!(compiled.is_linear());
    assert_eq!(compiled.not_linear_because(), None);
    assert_eq!(compiled.translated(), Some(r"a\z"));
    assert_eq!(compiled.as_bytes(), b"a$");
}

#[test]
fn relaxed_patterns() {
    for (pattern, relaxed) in [
        ("a(?=b(c)(?:d))e", Some("a(?:)e")),
        ("a(?!b)*e", Some("a(?:)*e")),
        ("(?<!(?=x)a)b++", Some("(?:)b+")),
        ("(?>a|b){2,3}+", Some("(?:a|b){2,3}")),
        ("(?|(a)|(b))\\1", Some("(?:(a)|(b))(?:(?s:.)*)")),
        (
            "(a)(?1)\\R\\Z",
            Some(r"(a)(?:(?s:.)*)(?:\r\n|[\n-\r\x85])(?:)"),
        ),
        ("(*pla:a)(*atomic:b)", Some("(?:)(?:b)")),
        ("(?m)a|^", Some("(?-i)a|(?m:^)")),
        ("(?(?=a)b|c)", None),
        ("a(*ACCEPT)b", None),
        ("(*UTF)a", None),
        ("a", Some("a")),
    ] {
        assert_eq!(compile(pattern).necessary(), relaxed, "{pattern}");
    }
}

#[test]
fn pcre2_is_asked_only_where_it_may_match() {
    // Cubic for PCRE2, whose match limit does not count this.
    let compiled = compile("(?<!y)x+x+x+[yz]");
    let took = cpu_time::of(|| {
        assert_eq!(compiled.is_match(&vec![b'x'; 10_000_000]), Ok(false));
    });
    assert!(took.as_secs() < 5, "{took:?}");
}

#[test]
fn values_for_pcre2_have_a_bound() {
    let compiled = compile("(*COMMIT)x");
    let mut value = vec![b'x'; MAX_BACKTRACKING_BYTES - 1];
    value.push(b'x');
    assert_eq!(compiled.is_match(&value), Ok(true));
    value.push(b'x');
    let failure = compiled.is_match(&value).unwrap_err();
    assert!(failure.limit_exceeded);
    assert_eq!(
        failure.message,
        "Value is too long for a pattern that only PCRE2 runs: 2049 of at most 2048 bytes"
    );
}

#[test]
fn machine_code_misses_no_start() {
    let compiled = compile(r"(.|)\h*+a");
    assert!(!compiled.is_linear());
    assert_eq!(compiled.find_at(b"axxx", 0), Ok(Some(0..1)));
}

#[test]
fn selectors_match_both_cases() {
    let selector = Pattern::compile_selector(b"^pass(?=word)").unwrap();
    assert!(!selector.is_linear());
    assert!(selector.is_match(b"PassWord").unwrap());
    let selector = Pattern::compile_selector(b"^pass$").unwrap();
    assert!(selector.is_linear());
    assert!(selector.is_match(b"PASS").unwrap());
    assert!(!selector.is_match(b"PASS\n").unwrap());
}

#[test]
fn dollar_is_the_very_end_in_both_engines() {
    for pattern in [
        "a$",
        "(?=a)a$",
        "(?>a)$",
        "(?:(?=a)a$|b)",
        "(?=a)(?x) a $ # $",
    ] {
        let compiled = compile(pattern);
        assert!(compiled.is_match(b"xa").unwrap(), "{pattern}");
        assert!(!compiled.is_match(b"a\n").unwrap(), "{pattern}");
    }
    for pattern in [
        "(?m)a$",
        "(?m)(?=a)a$",
        r"(?=a)a\Z",
        r"(?=[$])\$\n",
        r"(?=\Q$\E)[$]\n",
        "(?#$)(?=[$])[$\\]]\\n",
    ] {
        let compiled = compile(pattern);
        assert!(
            compiled.is_match(b"a\n").unwrap() || compiled.is_match(b"$\n").unwrap(),
            "{pattern}"
        );
    }
}

#[test]
fn searches_start_anywhere_and_see_what_is_before() {
    for pattern in [r"\bb", r"(?<!\w)b"] {
        let compiled = compile(pattern);
        assert_eq!(
            compiled.find_at(b"ab b", 0).unwrap(),
            Some(3..4),
            "{pattern}"
        );
        assert_eq!(
            compiled.find_at(b"ab b", 1).unwrap(),
            Some(3..4),
            "{pattern}"
        );
        assert_eq!(compiled.find_at(b"ab b", 4).unwrap(), None, "{pattern}");
        assert_eq!(compiled.find_at(b"ab b", 5).unwrap(), None, "{pattern}");
    }
}

#[test]
fn a_match_whose_start_was_moved_behind_its_end_is_empty() {
    let compiled = compile(r"(?=(?1))a|(ab\K)");
    assert_eq!(compiled.find_at(b"ab", 0), Ok(Some(1..1)));
    assert_eq!(compiled.captures(b"ab").unwrap().unwrap().whole(), 1..1);
}

#[test]
fn large_patterns_are_not_linear() {
    let small = compile("(?:[a-z]{100}){100}");
    assert!(small.is_linear());
    let large = compile("(?:[a-zA-Z0-9]{1000}){1000}");
    assert_eq!(large.engine(), Engine::Bounded);
    let reason = large.not_linear_because().unwrap();
    assert!(reason.contains(&MAX_COMPILED_BYTES.to_string()), "{reason}");
}

#[test]
fn nesting_has_a_bound() {
    let nested = |depth: usize| ["(?:".repeat(depth), "a".to_owned(), ")".repeat(depth)].concat();
    assert!(compile(&nested(100)).is_linear());
    let error = Pattern::compile(nested(100_000).as_bytes(), Options::default()).unwrap_err();
    assert!(
        error.message.contains("parentheses are too deeply nested"),
        "{error}"
    );
}

#[test]
fn limits_are_failures() {
    let value = [&[b'a'; 40][..], b"!"].concat();
    let with = |matches: u32| {
        let limits = Limits {
            matches,
            ..Limits::default()
        };
        Pattern::compile(b"^(a|aa)+(?=b)", Options::operator(limits)).unwrap()
    };
    let failure = with(1000).is_match(&value).unwrap_err();
    assert!(failure.limit_exceeded);
    assert_eq!(
        failure.message,
        "PCRE limits exceeded (-47): more than 1000 places gone back to from one start"
    );
    assert_eq!(with(1000).captures(&value), Err(failure.clone()));
    assert_eq!(with(1000).find_at(&value, 0), Err(failure));
    assert_eq!(with(1000).is_match(b"aaaa!"), Ok(false));
    assert_eq!(with(u32::MAX).is_match(b"aaaab"), Ok(true));
}

#[test]
fn long_loops_are_matched_or_a_limit() {
    // Each turn of the loop keeps a frame.
    let compiled = compile(r"^(?=a)(?:a(b)?)*c");
    let mut value = vec![b'a'; 5_000];
    value.push(b'c');
    assert_eq!(compiled.is_match(&value), Ok(true));
    let value = [&vec![b'a'; 5_000_000][..], b"c"].concat();
    if let Err(failure) = compiled.is_match(&value) {
        assert!(failure.limit_exceeded, "{failure}");
    }
}

#[test]
fn utf_mode_asked_for_by_the_pattern_is_a_failure_on_other_bytes() {
    let compiled = compile("(*UTF)\\x{20ac}");
    assert_eq!(compiled.is_match("a €".as_bytes()), Ok(true));
    let failure = compiled.is_match(b"\xff").unwrap_err();
    assert!(!failure.limit_exceeded);
    assert!(
        failure.message.starts_with("Regex execution failed (-"),
        "{failure}"
    );
}

#[test]
fn hostile_patterns_take_no_time() {
    let took = cpu_time::of(|| {
        for pattern in [
            "(", "[", "[[:", "{", "\\x{", "(?<n", "(?#", "\\Q", "(*", "a{1,", "[a-", "(?i",
        ] {
            let _ = Pattern::compile(
                pattern.repeat(MAX_PATTERN_BYTES / pattern.len()).as_bytes(),
                Options::default(),
            );
        }
    });
    assert!(took.as_secs() < 5, "{took:?}");
}

#[test]
fn dynamic_patterns_are_kept_and_bounded() {
    let dynamic = Dynamic::new(Options::default());
    let first = dynamic.pattern(b"a1").unwrap();
    assert!(std::sync::Arc::ptr_eq(
        &first,
        &dynamic.pattern(b"a1").unwrap()
    ));
    for i in 2..100 {
        dynamic.pattern(format!("a{i}").as_bytes()).unwrap();
        dynamic.pattern(b"a1").unwrap();
    }
    assert!(std::sync::Arc::ptr_eq(
        &first,
        &dynamic.pattern(b"a1").unwrap()
    ));
    assert_eq!(dynamic.kept(), dynamic::KEPT_PATTERNS);

    let longest = vec![b'a'; MAX_PATTERN_BYTES];
    dynamic.pattern(&longest).unwrap();
    let failure = dynamic.pattern(&[&longest[..], b"a"].concat()).unwrap_err();
    assert!(failure.limit_exceeded);
    assert_eq!(
        failure.message,
        "Expanded pattern is too long: 16385 of at most 16384 bytes"
    );
    assert!(!dynamic.pattern(b"(").unwrap_err().limit_exceeded);
}
