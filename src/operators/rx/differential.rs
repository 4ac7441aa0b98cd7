//! The two engines against each other.

use regex_syntax::hir::{Hir, HirKind};

use super::*;

/// Deterministic random numbers (xorshift64*): a failure can be repeated.
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

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

const LIMITS: Limits = Limits {
    matches: 1_000_000,
    depth: 1_000_000,
};

fn compile(pattern: &[u8]) -> Result<Pattern, CompileError> {
    Pattern::compile(pattern, Options::operator(LIMITS))
}

/// PCRE2 with a pattern as written.  The binding cannot set DOLLAR_ENDONLY, so
/// that patterns with `$` go through our own translation; as do those with `{,`,
/// which means something else since PCRE2 10.43.
///
/// It is the interpreter, without automatic possessive quantifiers: PCRE2 takes
/// `\S` and `\v` for disjoint, though both match 0x85, and finds no `\S+\v` in
/// `a\x85`.
enum Oracle {
    Raw(pcre2::bytes::Regex),
    Translated(Backtracking),
}

impl Oracle {
    fn new(pattern: &[u8], options: Options) -> Option<Oracle> {
        let has = |text: &[u8]| memchr::memmem::find(pattern, text).is_some();
        let pattern = [b"(*NO_AUTO_POSSESS)(*NO_START_OPT)", pattern].concat();
        if let Ok(text) = std::str::from_utf8(&pattern)
            && !(has(b"$") && options.dollar_end_only || has(b"{,"))
        {
            let built = pcre2::bytes::RegexBuilder::new()
                .dotall(true)
                .caseless(options.case_insensitive)
                .multi_line(options.multi_line)
                .build(text);
            return built.ok().map(Oracle::Raw);
        }
        let pieces: Vec<_> = syntax::Reader::new(&pattern, options).collect();
        let built = Backtracking::compile(&pattern, &pieces, options);
        built.ok().map(Oracle::Translated)
    }

    fn captures(&self, value: &[u8]) -> Option<Option<Groups>> {
        match self {
            Oracle::Raw(regex) => {
                let mut locations = regex.capture_locations();
                let found = regex.captures_read(&mut locations, value).ok()?;
                let kept = 0..locations.len().min(CAPTURES);
                let group = |i| locations.get(i).map(|(start, end)| start.min(end)..end);
                Some(found.map(|_| Groups::new(kept.map(group))))
            }
            Oracle::Translated(regex) => regex.find_at(value, 0).ok(),
        }
    }
}

/// Whether the body of a loop can be empty: the one case where the engines may
/// record different extents.
fn has_empty_turns(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Repetition(r) => {
            let loops = r.max.is_none_or(|max| max > 1);
            (loops && r.sub.properties().minimum_len() == Some(0)) || has_empty_turns(&r.sub)
        }
        HirKind::Capture(c) => has_empty_turns(&c.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(has_empty_turns),
        _ => false,
    }
}

fn hir(pattern: &Pattern) -> Option<Hir> {
    regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(pattern.translated()?)
        .ok()
}

/// Compares the pattern as compiled with PCRE2, on these values.  Returns the
/// number of comparisons.
fn compare(source: &[u8], options: Options, values: &[Vec<u8>]) -> usize {
    let shown = source.escape_ascii();
    let pattern = Pattern::compile(source, options);
    let oracle = Oracle::new(source, options);
    let (pattern, oracle) = match (pattern, oracle) {
        (Ok(pattern), Some(oracle)) => (pattern, oracle),
        (Err(_), None) => return 0,
        (Ok(pattern), None) => panic!("PCRE2 refuses {shown}, {:?} takes it", pattern.matcher),
        (Err(error), Some(_)) => panic!("PCRE2 takes {shown}: {error}"),
    };
    let verdict_only = hir(&pattern).is_some_and(|hir| has_empty_turns(&hir));
    let necessary = pattern
        .necessary()
        .map(|text| Automaton::compile(text, options, MAX_COMPILED_BYTES).unwrap());
    let mut compared = 0;
    for value in values {
        let (Ok(ours), Some(theirs)) = (pattern.captures(value), oracle.captures(value)) else {
            continue; // a limit of PCRE2
        };
        if theirs.is_some()
            && let Some(necessary) = &necessary
        {
            assert!(
                necessary.is_match_at(value, 0),
                "{shown} relaxed to {necessary:?}"
            );
        }
        let (ours, theirs) = if verdict_only {
            let verdict = |groups: Option<Groups>| groups.map(|_| Groups::new(std::iter::empty()));
            (verdict(ours), verdict(theirs))
        } else {
            (ours, theirs)
        };
        assert_eq!(
            ours,
            theirs,
            "{shown} (as {:?}) on {}",
            pattern.translated(),
            value.escape_ascii()
        );
        assert_eq!(pattern.is_match(value), Ok(theirs.is_some()), "{shown}");
        compared += 1;
    }
    compared
}

/// Values near a pattern: pieces of it, letters, digits and odd bytes.
fn values_near(pattern: &[u8], random: &mut Random, count: usize) -> Vec<Vec<u8>> {
    const ODD: &[u8] =
        b"aAbBcCxyz019_ -.\n\r\t\x0b\x0c\0{}[]()<>\"'/\\$^|*+?%&;:=\x7f\x85\xa0\xc3\xa9\xff";
    let plain: Vec<u8> = pattern
        .iter()
        .copied()
        .filter(|b| !b"()[]|*+?^$\\".contains(b))
        .collect();
    (0..count)
        .map(|i| {
            let mut value = Vec::new();
            for _ in 0..random.below(12) + usize::from(i > 0) {
                match random.below(4) {
                    0 if !plain.is_empty() => {
                        let start = random.below(plain.len());
                        let end = (start + 1 + random.below(6)).min(plain.len());
                        value.extend(&plain[start..end]);
                    }
                    1 => {
                        let byte = ODD[random.below(ODD.len())];
                        value.extend(std::iter::repeat_n(byte, 1 + random.below(4)));
                    }
                    2 => value.push(b"abAB01_\n"[random.below(8)]),
                    _ => value.push(ODD[random.below(ODD.len())]),
                }
            }
            value
        })
        .collect()
}

/// Patterns of every construct, most of them as rules have them.
fn patterns() -> Vec<&'static str> {
    include_str!("../../../tests/data/operators/patterns.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("## "))
        .collect()
}

#[test]
fn engines_agree_on_written_patterns() {
    let patterns = patterns();
    assert!(patterns.len() >= 300, "{}", patterns.len());
    let mut random = Random(1);
    let mut compared = 0;
    let mut linear = 0;
    for pattern in patterns {
        let options = [
            Options::operator(LIMITS),
            Options::selector(LIMITS),
            Options::verification(LIMITS),
        ];
        for options in options {
            let values = values_near(pattern.as_bytes(), &mut random, 150);
            compared += compare(pattern.as_bytes(), options, &values);
        }
        linear += usize::from(compile(pattern.as_bytes()).is_ok_and(|p| p.is_linear()));
    }
    assert!(compared > 100_000, "{compared}");
    assert!(linear > 200, "{linear}");
}

/// What random patterns are made of, separated by blanks.
const ATOMS: &str = r"a b A 0 _ ab \n \x{c3} \xe9 < \. . \N \d \w \W \s \S \h \H \v \V [ab] [^a] [a-z] [^\W]
    []a] [^]a] [\]a-] [[:alpha:]0] [[:^digit:]] [\H] [\x80-\xff] [[a] [a&&b]";
const ASSERTIONS: &str = r"^ $ \b \B \A \z (?i) (?-i) (?s) (?-s) (?m) (?x)";
const QUANTIFIERS: &str = "* + ? *? +? ?? {2} {1,2} {0,2}? {2,} {,2} {";
const GROUPS: &str = "( ( (?: (?i: (?-i: (?s-i: (?m: (?<n> (?U:";
const OPAQUE_ATOMS: &str = r"\1 \2 \R \Z \G \K \X (?1)";
const OPAQUE_GROUPS: &str = "(?= (?! (?<= (?<! (?> (?| (*pla: (*atomic:";

impl Random {
    /// One word of a text.
    fn word(&mut self, text: &'static str) -> &'static str {
        let words: Vec<_> = text.split_ascii_whitespace().collect();
        self.pick(&words)
    }

    /// A pattern of the constructs the linear engine has, or of all.
    fn pattern(&mut self, opaque: bool, depth: usize) -> String {
        let mut out = String::new();
        for _ in 0..1 + self.below(3) {
            let opaque_now = opaque && self.below(4) == 0;
            match self.below(if depth == 0 { 7 } else { 11 }) {
                0..=4 if opaque_now => out.push_str(self.word(OPAQUE_ATOMS)),
                0..=4 => out.push_str(self.word(ATOMS)),
                5 => {
                    out.push_str(self.word(ASSERTIONS));
                    continue;
                }
                6 => {
                    out.push('|');
                    continue;
                }
                _ => {
                    out.push_str(self.word(if opaque_now { OPAQUE_GROUPS } else { GROUPS }));
                    out.push_str(&self.pattern(opaque, depth - 1));
                    out.push(')');
                }
            }
            if self.below(2) == 0 {
                out.push_str(self.word(QUANTIFIERS));
                if opaque && self.below(4) == 0 {
                    out.push('+');
                }
            }
        }
        out
    }
}

#[test]
fn engines_agree_on_random_patterns() {
    let rounds = rounds(6_000);
    let mut random = Random(2);
    let mut compared = 0;
    for round in 0..rounds {
        let pattern = random.pattern(round % 3 == 0, 3);
        let options = match random.below(3) {
            0 => Options::operator(LIMITS),
            1 => Options::selector(LIMITS),
            _ => Options::verification(LIMITS),
        };
        let values = values_near(pattern.as_bytes(), &mut random, 12);
        compared += compare(pattern.as_bytes(), options, &values);
    }
    assert!(compared > rounds * 6, "{compared}");
}

/// Any text is read as PCRE2 reads it: refused or taken, and if taken with the
/// same matches.
#[test]
fn engines_agree_on_noise() {
    const WORDS: &str = r"a b B 0 1 7 8 ( ( ) ) [ ] [^ { } {1} {2, , * + ? | ^ $ . - : \ \Q \E \d \b \x \x{ \1 \12
        \0 \o{ \c (? (?i (?x) (?# (?: (?= (?< (?<! (?> (?<n> [: :] [[:alpha:] [:^upper:] # \k \R \z \Z é";
    let words: Vec<_> = WORDS.split_ascii_whitespace().chain([" ", "\n"]).collect();
    let mut random = Random(3);
    let mut taken = 0;
    for _ in 0..rounds(30_000) {
        let length = 1 + random.below(8);
        let pattern: String = (0..length).map(|_| random.pick(&words)).collect();
        let values = values_near(pattern.as_bytes(), &mut random, 4);
        taken += compare(pattern.as_bytes(), Options::operator(LIMITS), &values);
    }
    assert!(taken > 1000, "{taken}");
}

/// How often random tests go round; `RX_ROUNDS_FACTOR` multiplies it.
fn rounds(default: usize) -> usize {
    let factor = std::env::var("RX_ROUNDS_FACTOR")
        .ok()
        .and_then(|f| f.parse().ok());
    default * factor.unwrap_or(1)
}
