//! Operators: tables of our own, the ModSecurity project's cases, the patterns
//! of the Core Rule Set, and noise.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/patterns.rs"]
mod patterns;

use std::path::{Path, PathBuf};

use palisade::operators::rx::{Limits, Options, Pattern};
use palisade::operators::{
    Captures, CompileContext, CompileError, Kind, Match, Operator, Outcome, Piece, compile,
    negated_message,
};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/operators");

/// Compiles an operator whose files are in `directory`.
fn build(name: &str, argument: &[u8], directory: &Path) -> Result<Operator, CompileError> {
    let kind = Kind::lookup(name).unwrap_or_else(|| panic!("no operator {name}"));
    let context = CompileContext {
        grammars: &palisade::operators::UnreadGrammars,
        config_dir: Some(directory),
        pcre_match_limit: None,
        pcre_match_limit_recursion: None,
        file: &|path| std::fs::read(path),
    };
    compile(kind, argument, &context)
}

/// A character U+0000–U+00FF stands for the byte of that value.
fn bytes(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).expect("a character up to U+00FF"))
        .collect()
}

fn captured(found: &Match, value: &[u8]) -> Vec<Vec<u8>> {
    match &found.captures {
        Captures::None => Vec::new(),
        Captures::Replace(pieces) => pieces.iter().map(|p| p.bytes(value).to_vec()).collect(),
        Captures::SetFirst(piece) => vec![piece.bytes(value).to_vec()],
    }
}

#[test]
fn tables() {
    let mut cases = 0;
    let mut files: Vec<_> = std::fs::read_dir(DATA)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    for file in files
        .iter()
        .filter(|f| f.extension().is_some_and(|e| e == "toml"))
    {
        let table: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
        let rows = |name: &str| {
            table
                .get(name)
                .and_then(|t| t.as_array())
                .cloned()
                .unwrap_or_default()
        };
        for row in rows("case") {
            check_case(&row);
            cases += 1;
        }
        for row in rows("error") {
            check_error(&row);
            cases += 1;
        }
    }
    assert!(cases > 150, "{cases}");
}

/// A row with `message` must match and one without must not; an empty message
/// matches and is not compared.
fn check_case(row: &toml::Value) {
    let text = |key: &str| row.get(key).and_then(|v| v.as_str());
    let name = text("operator").unwrap();
    let argument = bytes(text("argument").unwrap_or_default());
    let value = bytes(text("value").unwrap());
    let operator = build(name, &argument, Path::new(DATA)).unwrap_or_else(|e| panic!("{row}: {e}"));
    assert_eq!(operator.kind(), Kind::lookup(name).unwrap());
    if let Some(linear) = row.get("linear").and_then(|v| v.as_bool()) {
        assert_eq!(operator.pattern().unwrap().is_linear(), linear, "{row}");
    }
    let outcome = operator.evaluate(&argument, &value, true);
    let Some(message) = text("message") else {
        assert_eq!(outcome, Outcome::NoMatch, "{row}");
        assert_eq!(
            operator.evaluate(&argument, &value, false),
            Outcome::NoMatch,
            "{row}"
        );
        return;
    };
    let Outcome::Match(found) = &outcome else {
        panic!("{row}: {outcome:?}");
    };
    let said = operator.message(&argument, found, b"ARGS:a");
    if !message.is_empty() {
        assert_eq!(String::from_utf8_lossy(&said), message, "{row}");
    }
    if let Some(tx) = row.get("tx").and_then(|v| v.as_array()) {
        let tx: Vec<_> = tx.iter().map(|t| bytes(t.as_str().unwrap())).collect();
        assert_eq!(captured(found, &value), tx, "{row}");
    }
    let Outcome::Match(found) = operator.evaluate(&argument, &value, false) else {
        panic!("{row}: no match without captures");
    };
    assert_eq!(found.captures, Captures::None, "{row}");
    assert_eq!(
        operator.message(&argument, &found, b"ARGS:a"),
        said,
        "{row}"
    );
}

fn check_error(row: &toml::Value) {
    let text = |key: &str| row.get(key).and_then(|v| v.as_str()).unwrap_or_default();
    let span = row.get("span").and_then(|v| v.as_array()).map(|span| {
        let bound = |i: usize| usize::try_from(span[i].as_integer().unwrap()).unwrap();
        bound(0)..bound(1)
    });
    let error = build(text("operator"), &bytes(text("argument")), Path::new(DATA)).unwrap_err();
    assert_eq!(error.message, text("message"), "{row}");
    assert_eq!(error.span, span, "{row}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = build("pmFromFile", b"phrases-1.data none.data", Path::new(DATA)).unwrap_err();
    let start = format!("Could not open phrase file \"{DATA}/none.data\": ");
    assert!(error.message.starts_with(&start), "{error}");
    assert_eq!(error.span, Some(15..24));
    let absolute = format!("{DATA}/phrases-2.data");
    build("pmFromFile", absolute.as_bytes(), Path::new("/nowhere")).unwrap();
}

#[test]
fn which_captures_replace_and_which_only_set_the_first() {
    let evaluate = |name: &str, argument: &[u8], value: &[u8]| {
        let operator = build(name, argument, Path::new(DATA)).unwrap();
        match operator.evaluate(argument, value, true) {
            Outcome::Match(found) => found.captures,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        evaluate("rx", b"b(x)?(c)", b"abc"),
        Captures::Replace(vec![Piece::Slice(1..3), Piece::Empty, Piece::Slice(2..3)])
    );
    assert_eq!(
        evaluate("pm", b"B", b"abc"),
        Captures::Replace(vec![Piece::Text((*b"B").into())])
    );
    assert_eq!(
        evaluate("detectXSS", b"", b"<script>"),
        Captures::SetFirst(Piece::Slice(0..8))
    );
    assert_eq!(evaluate("contains", b"b", b"abc"), Captures::None);
}

#[test]
fn negation_quotes_what_was_written() {
    assert_eq!(
        negated_message(b"rx", b"%{tx.a}\n", b"&ARGS"),
        b"Match of \"rx %{tx.a}\\n\" against \"&ARGS\" required."
    );
}

#[test]
fn macros_give_patterns_at_evaluation() {
    let operator = build("rx", b"^%{tx.a}$", Path::new(DATA)).unwrap();
    let Outcome::Match(found) = operator.evaluate(b"^(b)c$", b"bc", true) else {
        panic!("no match");
    };
    assert_eq!(captured(&found, b"bc"), [b"bc".to_vec(), b"b".to_vec()]);
    assert_eq!(
        operator.message(b"^(b)c$", &found, b"TX:x"),
        b"Pattern match \"^(b)c$\" at TX:x."
    );
    assert_eq!(operator.evaluate(b"^d$", b"bc", true), Outcome::NoMatch);
    let Outcome::Error(failure) = operator.evaluate(b"^(", b"bc", false) else {
        panic!("an invalid pattern must be an error");
    };
    assert!(!failure.limit_exceeded);
    assert_eq!(
        failure.message,
        "Error compiling pattern (offset 2): missing closing parenthesis"
    );
}

#[test]
fn a_limit_reached_is_neither_match_nor_none() {
    let pattern = b"^(a+)+(?=x)";
    let value = [&[b'a'; 64][..], b"b"].concat();
    let context = CompileContext {
        grammars: &palisade::operators::UnreadGrammars,
        config_dir: None,
        pcre_match_limit: Some(1000),
        pcre_match_limit_recursion: Some(1000),
        file: &|path| std::fs::read(path),
    };
    let operator = compile(Kind::Rx, pattern, &context).unwrap();
    for capture in [false, true] {
        let Outcome::Error(failure) = operator.evaluate(pattern, &value, capture) else {
            panic!("the limit must be an error");
        };
        assert!(failure.limit_exceeded);
        assert_eq!(
            failure.message,
            "PCRE limits exceeded (-47): more than 1000 places gone back to from one start"
        );
        assert!(operator.evaluate(pattern, b"aaax", capture).is_match());
    }
}

/// Where other people's test data is, or None, said loudly.
fn conformance(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CONFORMANCE_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"),
        PathBuf::from,
    );
    let directory = root.join(part);
    if !directory.is_dir() {
        eprintln!("SKIPPED: no conformance data at {}", directory.display());
        return None;
    }
    Some(directory)
}

/// Inputs there write some bytes as `\0` and `\xHH`.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.strip_prefix(b"x").and_then(|t| t.get(..2));
        let hex = hex.and_then(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok());
        (out, rest) = match (byte, tail.first(), hex) {
            (b'\\', Some(b'0'), _) => ([out, vec![0]].concat(), &tail[1..]),
            (b'\\', _, Some(value)) => ([out, vec![value]].concat(), &tail[3..]),
            _ => ([out, vec![byte]].concat(), tail),
        };
    }
    out
}

#[test]
fn cases_of_the_modsecurity_project() {
    // rxGlobal and verifySVNR are not in 2.9; geoLookup needs a database.
    const OTHERS: [&str; 3] = ["rxGlobal", "verifysvnr", "geoLookup"];
    let Some(directory) = conformance("secrules/operators") else {
        return;
    };
    let mut passed = 0;
    for file in std::fs::read_dir(&directory).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let cases: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for case in cases.as_array().unwrap() {
            let text = |key: &str| case.get(key).and_then(|v| v.as_str()).unwrap_or_default();
            let name = text("name");
            if OTHERS.contains(&name) {
                continue;
            }
            let argument = match text("param").rsplit_once('/') {
                Some((_, file)) if name == "pmFromFile" => bytes(file),
                _ => bytes(text("param")),
            };
            let value = unescape(&bytes(text("input")));
            let outcome = match build(name, &argument, &directory.join("op")) {
                Ok(operator) => operator.evaluate(&argument, &value, true),
                // An argument that is refused at start-up counts as no match there.
                Err(_) if name == "ipMatch" => Outcome::NoMatch,
                Err(error) => panic!("{case}: {error}"),
            };
            let expected = case.get("ret").and_then(|v| v.as_i64()) == Some(1);
            assert_eq!(outcome.is_match(), expected, "{case}: {outcome:?}");
            if let (Some(groups), Outcome::Match(found)) = (case.get("re_groups"), &outcome) {
                let groups: Vec<_> = groups
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|g| bytes(g.as_str().unwrap()))
                    .collect();
                assert_eq!(captured(found, &value), groups, "{case}");
            }
            passed += 1;
        }
    }
    eprintln!("{passed} cases of the ModSecurity project passed");
    assert!(passed > 3900, "{passed}");
}

/// The patterns of the rules in `CRS_DIR`, or its `rules` directory.
fn core_rule_set() -> Option<Vec<Vec<u8>>> {
    let directory = match std::env::var_os("CRS_DIR").map(PathBuf::from) {
        Some(directory) if directory.join("rules").is_dir() => directory.join("rules"),
        Some(directory) => directory,
        None => conformance("crs/rules")?,
    };
    if !directory.is_dir() {
        eprintln!("SKIPPED: no rules at {}", directory.display());
        return None;
    }
    Some(patterns::of_rules(&directory))
}

#[test]
fn every_pattern_of_the_core_rule_set_is_linear() {
    let Some(patterns) = core_rule_set() else {
        return;
    };
    let limits = Limits::default();
    for pattern in &patterns {
        let compiled = Pattern::compile(pattern, Options::operator(limits)).unwrap();
        assert!(
            compiled.is_linear(),
            "{}: {:?}",
            pattern.escape_ascii(),
            compiled.not_linear_because()
        );
    }
    eprintln!(
        "{} patterns of the Core Rule Set are linear",
        patterns.len()
    );
    assert!(patterns.len() >= 300, "{}", patterns.len());
}

/// Deterministic random numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Bytes that mean something to one operator or another, and others.
    fn noise(&mut self, most: usize) -> Vec<u8> {
        const TELLING: &[u8] =
            b"()[]{}|\\\"%&*+?^$.,-:;/#<>=' \t\n\r\x00\x019afAFxXdDpPQE\x80\xc3\xa9\xed\xff";
        (0..self.below(most + 1))
            .map(|_| match self.below(3) {
                0 => (self.next() >> 32) as u8,
                _ => TELLING[self.below(TELLING.len())],
            })
            .collect()
    }
}

#[test]
fn patterns_of_the_core_rule_set_agree_with_pcre2() {
    let Some(patterns) = core_rule_set() else {
        return;
    };
    let mut random = Random(7);
    let (mut compared, mut matched) = (0, 0);
    for source in &patterns {
        let Ok(text) = std::str::from_utf8(source) else {
            continue;
        };
        let ours = Pattern::compile(source, Options::operator(Limits::default())).unwrap();
        let theirs = pcre2::bytes::RegexBuilder::new()
            .dotall(true)
            .jit_if_available(true)
            .build(text)
            .unwrap();
        let letters: Vec<u8> = source
            .iter()
            .copied()
            .filter(|b| !b"()[]|?*+^\\".contains(b))
            .collect();
        for _ in 0..200 {
            let mut value = random.noise(6);
            for _ in 0..random.below(5) {
                if !letters.is_empty() {
                    let start = random.below(letters.len());
                    let end = (start + 1 + random.below(12)).min(letters.len());
                    value.extend(&letters[start..end]);
                }
                value.extend(random.noise(2));
            }
            // PCRE2's binding has no DOLLAR_ENDONLY: without a final LF it is not needed.
            if value.last() == Some(&b'\n') {
                value.push(b'.');
            }
            let groups = ours.captures(&value).unwrap();
            let expected = theirs.captures(&value).unwrap();
            let expected = expected.map(|c| {
                let mut groups: Vec<_> = (0..c.len().min(10))
                    .map(|i| c.get(i).map(|m| m.start()..m.end()))
                    .collect();
                let used = groups
                    .iter()
                    .rposition(Option::is_some)
                    .map_or(0, |last| last + 1);
                groups.truncate(used);
                groups
            });
            matched += usize::from(expected.is_some());
            compared += 1;
            assert_eq!(
                groups.map(|g| g.iter().collect::<Vec<_>>()),
                expected,
                "{text} on {}",
                value.escape_ascii()
            );
        }
    }
    eprintln!("{compared} values compared, {matched} matched");
    assert!(matched > 1000, "{matched}");
}

#[test]
fn noise_makes_no_operator_panic() {
    let mut random = Random(11);
    let mut compiled = 0;
    for round in 0..4000 {
        let argument = random.noise(24);
        for kind in Kind::ALL {
            let context = CompileContext {
                grammars: &palisade::operators::UnreadGrammars,
                config_dir: None,
                pcre_match_limit: Some(2000),
                pcre_match_limit_recursion: Some(2000),
                file: &|_| Ok(argument.clone()),
            };
            let Ok(operator) = compile(kind, &argument, &context) else {
                continue;
            };
            compiled += 1;
            for value in [
                random.noise(40),
                argument.clone(),
                Vec::new(),
                vec![b'1'; round % 40],
            ] {
                let capture = round % 2 == 0;
                if let Outcome::Match(found) = operator.evaluate(&argument, &value, capture) {
                    captured(&found, &value);
                    assert!(!operator.message(&argument, &found, b"ARGS").is_empty());
                }
            }
        }
    }
    assert!(compiled > 40_000, "{compiled}");
}

#[test]
fn supported_is_what_compiles() {
    for kind in Kind::ALL {
        let compiled = [
            "127.0.0.1",
            "1",
            "phrases-1.data",
            "addresses.data",
            "s/a/b/",
            "hashes.data 60",
        ]
        .iter()
        .any(|argument| build(kind.name(), argument.as_bytes(), Path::new(DATA)).is_ok());
        assert_eq!(compiled, kind.is_supported(), "{}", kind.name());
    }
}

#[test]
fn empty_and_one_byte_values_for_every_operator() {
    for kind in Kind::ALL {
        for argument in [&b""[..], b"1", b"a", b"127.0.0.1", b"\\d*"] {
            let Ok(operator) = build(kind.name(), argument, Path::new(DATA)) else {
                continue;
            };
            operator.evaluate(argument, b"", true);
            for byte in 0..=255 {
                operator.evaluate(argument, &[byte], true);
            }
        }
    }
}
