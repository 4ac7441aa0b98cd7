use regex_syntax::hir::{Class, Hir, HirKind};

use super::*;
use crate::operators::rx::{Options, Pattern};
use crate::operators::{CompileContext, Kind, compile};

fn needs(pattern: &str) -> Needs {
    extract::of_pattern(&Pattern::compile(pattern.as_bytes(), Options::default()).unwrap())
}

fn literals(needs: &Needs) -> Vec<Vec<String>> {
    let texts = |clause: &Clause| -> Vec<String> {
        let mut texts: Vec<String> = clause
            .literals
            .iter()
            .map(|literal| String::from_utf8_lossy(literal).into_owned())
            .collect();
        let bytes = (0..=u8::MAX).filter(|byte| clause.bytes.contains(*byte));
        texts.extend(bytes.map(|byte| char::from(byte).to_string()));
        texts
    };
    needs.clauses.iter().map(texts).collect()
}

#[test]
fn what_patterns_need() {
    for (pattern, expected) in [
        ("abc", vec![vec!["abc"]]),
        ("(?i)SELECT", vec![vec!["select"]]),
        ("a(?:bc|de)f", vec![vec!["abcf", "adef"]]),
        ("union.+select", vec![vec!["union"], vec!["select"]]),
        ("(?:foo|bar)?x", vec![vec!["x"]]),
        ("(?:ab)+c", vec![vec!["ab"], vec!["abc"]]),
        ("(?:ab)*", vec![]),
        ("javascript:|<script", vec![vec!["<script", "javascript:"]]),
        ("[;|`]\\s*ls\\b", vec![vec![";", "`", "|"], vec!["ls"]]),
        ("^$", vec![]),
    ] {
        let mut found = literals(&needs(pattern));
        let mut expected = expected;
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{pattern}");
    }
}

#[test]
fn marks_between_all_letters_leave_what_there_is_without_them() {
    let hidden = "h[\"'\\\\]*(?:\\$[!-z]*)?\\\\?t[\"'\\\\]*(?:\\$[!-z]*)?\\\\?o[\"'\\\\]*(?:\\$[!-z]*)?\\\\?p";
    let plain = ["htop", "\"", "$", "'", "\\"].map(String::from);
    assert!(literals(&needs(hidden)).contains(&plain.to_vec()));
    // Not where what may be between them is ordinary, or where there are literals anyway.
    assert_eq!(literals(&needs("q[ ']*u[ ']*x")).len(), 3);
    assert_eq!(literals(&needs("quick[']*fox")).concat().len(), 2);
    assert_eq!(literals(&needs("a(?:x'|y)?b(?:'|)c")).len(), 1);
}

#[test]
fn lengths() {
    assert_eq!((needs("^$").min_len, needs("^$").max_len), (0, Some(0)));
    assert_eq!(needs("^a{2,5}$").max_len, Some(5));
    assert_eq!(needs("^a{2,5}").max_len, None);
    assert_eq!(needs("a{2,5}").min_len, 2);
}

#[test]
fn numbers_of_clauses_and_lengths_of_literals_are_bounded() {
    let pattern = (0..20).map(|n| format!("word{n:02}.*")).collect::<String>();
    assert_eq!(needs(&pattern).clauses.len(), MAX_LITERAL_CLAUSES);
    let pattern = "[a-m].*[n-z].*[0-9].*[;,].*[<>].*[()].*[{}].*[!?].*[%&].*[|~]";
    assert_eq!(needs(pattern).clauses.len(), MAX_BYTE_CLAUSES);
    let long = needs("abcdefghijklmnopqrstuvwxyz");
    assert_eq!(long.clauses[0].literals[0].len(), MAX_LITERAL_BYTES);
}

/// A small generator of our own, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// Writes a text that the expression matches, but for look-around.
fn draw(hir: &Hir, random: &mut Random, text: &mut Vec<u8>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.extend_from_slice(&literal.0),
        HirKind::Class(Class::Bytes(class)) => {
            let ranges = class.ranges();
            if let Some(range) = ranges.get(random.below(ranges.len())) {
                let width = usize::from(range.end() - range.start()) + 1;
                text.push(range.start() + random.below(width) as u8);
            }
        }
        HirKind::Class(Class::Unicode(class)) => {
            if let Some(range) = class.ranges().first() {
                text.extend_from_slice(range.start().to_string().as_bytes());
            }
        }
        HirKind::Repetition(repetition) => {
            let spread = repetition
                .max
                .map_or(3, |max| (max - repetition.min).min(3));
            for _ in 0..repetition.min as usize + random.below(spread as usize + 1) {
                draw(&repetition.sub, random, text);
            }
        }
        HirKind::Capture(capture) => draw(&capture.sub, random, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| draw(part, random, text)),
        HirKind::Alternation(parts) => {
            if let Some(part) = parts.get(random.below(parts.len())) {
                draw(part, random, text);
            }
        }
    }
}

/// Draws texts from a pattern, some inside of other text and in other case; counts those that match, and insists that
/// each of these is admitted.
fn drawn_texts_are_admitted(pattern: &Pattern, random: &mut Random, rounds: usize) -> usize {
    let needs = extract::of_pattern(pattern);
    let hir = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .case_insensitive(pattern.options().case_insensitive)
        .build()
        .parse(pattern.necessary().unwrap_or_default())
        .unwrap();
    let mut matched = 0;
    for round in 0..rounds {
        let mut text = Vec::new();
        if round % 3 == 1 {
            text.extend_from_slice(b"prefix ");
        }
        draw(&hir, random, &mut text);
        if round % 3 == 2 {
            text.extend_from_slice(b" suffix");
        }
        if pattern.is_match(&text).unwrap_or(false) {
            matched += 1;
            assert!(
                needs.admit(&text.to_ascii_lowercase()),
                "{:?} matches {:?} but {needs:?}",
                String::from_utf8_lossy(&text),
                String::from_utf8_lossy(pattern.as_bytes()),
            );
        }
    }
    matched
}

#[test]
fn what_matches_is_admitted() {
    let patterns = [
        r"(?i)union[\s/*]+(?:all|distinct)?[\s(]*select",
        r"(?:\b(?:a|b)+c|d{2,3}e?)[x-z]*(?:foo|bar(?:baz)?)",
        r"^(?:[a-f0-9]{2})+$",
        r"(?i)<[^>]*?\bon(?:load|error|click)\s*=",
        r"(?:a|[^b])c+(?:d|e|)f",
        r"\.\.[\\/]",
        r"(?:(?:(?:a|bb)+c){2,}d){1,2}",
        r"[\x80-\xff]{2}|\x00",
        r"a?b?c?",
        r"(?:ab|cd){5,7}[;&|]",
        r#"l["'\\]*(?:(?:\|\||&&)?\$[!a-z]*)?s["']*(?:-(?:'a'|b))?"#,
        r#"(?:^|[;|]|(?:e["']*x|s["']*u)["']*d)(?:["']*[$(]*(?:ab|c))?["']*z"#,
    ];
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut matched = 0;
    for text in patterns {
        let pattern = Pattern::compile(text.as_bytes(), Options::default()).unwrap();
        matched += drawn_texts_are_admitted(&pattern, &mut random, 300);
    }
    assert!(matched > 2000, "only {matched} drawn texts match");
}

/// The patterns of the Core Rule Set, where it is at hand, are as nasty as any.
#[test]
fn what_the_core_rule_set_matches_is_admitted() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = std::env::var_os("CRS_DIR")
        .map_or(root.join("../shared/conformance/crs"), Into::into)
        .join("rules");
    let Ok(files) = std::fs::read_dir(&rules) else {
        eprintln!("SKIPPED: no Core Rule Set at {}", rules.display());
        return;
    };
    let mut random = Random(0x0dd_ba11);
    let (mut patterns, mut matched) = (0, 0);
    for file in files.flatten() {
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        for part in text.split("\"@rx ").skip(1) {
            let pattern = part.split("\" \\").next().unwrap_or_default();
            let Ok(pattern) =
                Pattern::compile(pattern.replace("\\\"", "\"").as_bytes(), Options::default())
            else {
                continue;
            };
            patterns += 1;
            matched += drawn_texts_are_admitted(&pattern, &mut random, 40);
        }
    }
    assert!(
        patterns > 250 && matched > 5000,
        "{patterns} patterns, {matched} texts"
    );
}

#[test]
fn what_other_operators_match_is_admitted() {
    let context = CompileContext {
        grammars: &crate::operators::UnreadGrammars,
        config_dir: None,
        pcre_match_limit: None,
        pcre_match_limit_recursion: None,
        file: &|_| Err(std::io::Error::other("no files")),
    };
    let values: [&[u8]; 14] = [
        b"",
        b"a",
        b"Nikto scan",
        b"nikto",
        b"x NIKTO y",
        b"1 or 1=1",
        b"1",
        b"word",
        b"100% sure",
        b"<img src=x onerror=y>",
        b"\xff\xfe",
        b"4111 1111 1111 1111",
        b"1union select 2",
        b"a,b",
    ];
    let mut matches = 0;
    for (kind, argument) in [
        (Kind::Pm, "nikto Sqlmap"),
        (Kind::Contains, "nikto"),
        (Kind::ContainsWord, "nikto"),
        (Kind::BeginsWith, "nikto"),
        (Kind::EndsWith, "scan"),
        (Kind::StrEq, "nikto"),
        (Kind::StrEq, ""),
        (Kind::StrMatch, "ikt"),
        (Kind::Within, "word,nikto"),
        (Kind::ValidateByteRange, "97-122"),
        (Kind::ValidateUrlEncoding, ""),
        (Kind::ValidateUtf8Encoding, ""),
        (Kind::DetectSqli, ""),
        (Kind::DetectXss, ""),
        (Kind::VerifyCc, r"\d{4} \d{4} \d{4} \d{4}"),
        (Kind::Gt, "3"),
        (Kind::UnconditionalMatch, ""),
    ] {
        let operator = compile(kind, argument.as_bytes(), &context).unwrap();
        let needs = operator.needs(argument.as_bytes());
        for value in values {
            if operator
                .evaluate(argument.as_bytes(), value, false)
                .is_match()
            {
                matches += 1;
                assert!(
                    needs.admit(&value.to_ascii_lowercase()),
                    "{kind:?} {value:?}"
                );
            }
        }
    }
    assert!(matches > 40, "{matches}");
}
