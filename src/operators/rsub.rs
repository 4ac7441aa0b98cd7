//! `@rsub`: replaces what a regular expression matches.
//!
//! The argument is `s/pattern/replacement/flags`; any character that is neither a letter, a digit, a blank nor a
//! backslash can stand for the slash. Flags: `i` ignores the case, `d` takes what macros in the pattern expand to
//! literally. In the replacement `\0` is what matched, `\1` to `\9` are groups, `\n`, `\r`, `\t` and `\xHH` are bytes, a
//! backslash before anything but a letter or digit takes it literally, and `|41 42|` is hexadecimal as in `@pm`. The last
//! slash may be missing.
//!
//! Compat: mod_security2 2.9.7 says "succeeded" also where nothing was replaced, takes an empty replacement for a slash,
//! never ends where the pattern matches the empty text, cuts the value at NUL, drops blanks and quotes around the
//! replacement, and has no groups; here none of it is so.
//! `$1` is two characters, there and here.

use std::borrow::Cow;

use super::CompileError;
use super::phrases::hex_block;
use super::rx::{Dynamic, Failure, Limits, Options, Pattern};

/// Most bytes of a value that are searched in one substitution, those that are searched again counted again. A pattern
/// whose matches have no greatest length may look at all that follows before it takes the next byte: without a bound,
/// time would grow with the square of the value. A second or so of work.
pub const MAX_SEARCHED_BYTES: usize = 1 << 30;

/// The same for patterns that are not linear: each search may take many steps for a byte.
pub const MAX_SEARCHED_BYTES_BACKTRACKING: usize = 1 << 24;

/// Most bytes that a substitution may add to a value: what a client sends must not be multiplied at will.
pub const MAX_GROWTH_BYTES: usize = 16 * 1024 * 1024;

/// Longest match, in bytes, that makes searching again cheap.
const SHORT_MATCH: usize = 4096;

/// The compiled argument of an `@rsub`.
#[derive(Debug)]
pub struct Substitution {
    pattern: Regex,
    pattern_text: Box<[u8]>,
    replacement_text: Box<[u8]>,
    /// `None` where it contains macros.
    replacement: Option<Vec<Piece>>,
    literal_macros: bool,
    ignored_flags: Box<[u8]>,
}

#[derive(Debug)]
enum Regex {
    Constant(Pattern),
    Dynamic(Dynamic),
}

/// A piece of a replacement.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Bytes(Vec<u8>),
    Group(usize),
}

impl Substitution {
    /// Compiles an argument.
    ///
    /// # Errors
    /// It is not of the form, an escape sequence is unknown, or the pattern is invalid.
    pub fn parse(argument: &[u8], limits: Limits) -> Result<Substitution, CompileError> {
        let form = || {
            CompileError::whole("Error rsub operator format, must be s/pattern/replacement/flags")
        };
        let [b's', delimiter, rest @ ..] = argument else {
            return Err(form());
        };
        if delimiter.is_ascii_alphanumeric() || matches!(delimiter, b' ' | b'\t' | b'\\') {
            return Err(form());
        }
        let (pattern_text, rest) = until(rest, *delimiter).ok_or_else(form)?;
        let (replacement_text, flags) = until(rest, *delimiter).unwrap_or((rest, b""));
        let replacement_start = 3 + pattern_text.len();
        let mut options = Options::operator(limits);
        options.case_insensitive = flags.contains(&b'i');
        let has_macros = |text| memchr::memmem::find(text, b"%{").is_some();
        let pattern = match has_macros(pattern_text) {
            true => Regex::Dynamic(Dynamic::new(options)),
            false => Regex::Constant(Pattern::compile(pattern_text, options).map_err(|error| {
                let span = error.span.map(|span| 2 + span.start..2 + span.end);
                CompileError { span, ..error }
            })?),
        };
        // Mistakes are found here also where macros make it impossible to compile it for good.
        let pieces = pieces(replacement_text).map_err(|at| {
            let at = replacement_start + at;
            CompileError::at(at..at + 1, "Unsupported escape sequence.")
        })?;
        Ok(Substitution {
            pattern,
            pattern_text: pattern_text.into(),
            replacement_text: replacement_text.into(),
            replacement: (!has_macros(replacement_text)).then_some(pieces),
            literal_macros: flags.contains(&b'd'),
            ignored_flags: flags
                .iter()
                .copied()
                .filter(|flag| !matches!(flag, b'i' | b'd'))
                .collect(),
        })
    }

    /// Flags that mean nothing.
    ///
    /// Compat: mod_security2 passes over them, too.
    pub fn ignored_flags(&self) -> &[u8] {
        &self.ignored_flags
    }

    /// What is wrong with a value that is no stream: it cannot be rewritten.
    pub fn no_stream() -> Failure {
        Failure::other(
            "Operator rsub only works with STREAM_INPUT_BODY and STREAM_OUTPUT_BODY".to_owned(),
        )
    }

    /// The pattern as written, where it contains macros.
    pub fn pattern_with_macros(&self) -> Option<&[u8]> {
        matches!(self.pattern, Regex::Dynamic(_)).then_some(&self.pattern_text)
    }

    /// The replacement as written, where it contains macros.
    pub fn replacement_with_macros(&self) -> Option<&[u8]> {
        self.replacement.is_none().then_some(&self.replacement_text)
    }

    /// What a macro expands to, as it is put into the pattern.
    pub fn in_pattern<'v>(&self, value: &'v [u8]) -> Cow<'v, [u8]> {
        match self.literal_macros {
            true => escaped(value),
            false => Cow::Borrowed(value),
        }
    }

    /// What a macro expands to, as it is put into the replacement: it stands for itself.
    pub fn in_replacement(value: &[u8]) -> Cow<'_, [u8]> {
        escaped(value)
    }

    /// The value with every match replaced; `None` if there is none. `pattern` and `replacement` are those with macros,
    /// expanded; they are ignored where the argument has none there.
    ///
    /// # Errors
    /// An expanded pattern is invalid, or a limit is reached: the regular expression's, or one of this file.
    pub fn replace(
        &self,
        pattern: &[u8],
        replacement: &[u8],
        value: &[u8],
    ) -> Result<Option<Vec<u8>>, Failure> {
        let expanded;
        let pattern = match &self.pattern {
            Regex::Constant(pattern) => pattern,
            Regex::Dynamic(dynamic) => {
                expanded = dynamic.pattern(pattern)?;
                &expanded
            }
        };
        match &self.replacement {
            Some(pieces) => replace_all(pattern, pieces, value, budget(pattern)),
            None => {
                // Macros stand for themselves, so that no mistake can have come in.
                let pieces = pieces(replacement).unwrap_or_default();
                replace_all(pattern, &pieces, value, budget(pattern))
            }
        }
    }
}

/// The text before the next delimiter that no backslash precedes, and what follows it.
fn until(text: &[u8], delimiter: u8) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    let end = text.iter().position(|&byte| {
        let ends = byte == delimiter && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// A backslash before every byte that could mean something else than itself.
fn escaped(value: &[u8]) -> Cow<'_, [u8]> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || *byte < b' ';
    if value.iter().all(is_plain) {
        return Cow::Borrowed(value);
    }
    let mut text = Vec::with_capacity(value.len() + 16);
    for byte in value {
        if !is_plain(byte) {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    Cow::Owned(text)
}

/// The pieces of a replacement. The error is where a backslash stands that means nothing.
fn pieces(text: &[u8]) -> Result<Vec<Piece>, usize> {
    let mut pieces = Vec::new();
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let at = text.len() - rest.len();
        rest = tail;
        if byte == b'|'
            && let Some((block, tail)) = hex_block(tail)
        {
            bytes.extend(block);
            rest = tail;
            continue;
        }
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&escape, tail) = tail.split_first().ok_or(at)?;
        rest = tail;
        match escape {
            b'0'..=b'9' => {
                if !bytes.is_empty() {
                    pieces.push(Piece::Bytes(std::mem::take(&mut bytes)));
                }
                pieces.push(Piece::Group(usize::from(escape - b'0')));
            }
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'x' => {
                let digit = |at| char::from(*rest.get(at)?).to_digit(16);
                let value = digit(0).zip(digit(1)).map(|(high, low)| high << 4 | low);
                bytes.push(value.and_then(|value| u8::try_from(value).ok()).ok_or(at)?);
                rest = rest.get(2..).unwrap_or_default();
            }
            _ if escape.is_ascii_alphabetic() => return Err(at),
            _ => bytes.push(escape),
        }
    }
    if !bytes.is_empty() {
        pieces.push(Piece::Bytes(bytes));
    }
    Ok(pieces)
}

/// How many bytes may be searched for a pattern.
fn budget(pattern: &Pattern) -> usize {
    match pattern.longest_match() {
        Some(longest) if longest <= SHORT_MATCH => usize::MAX,
        _ if pattern.is_linear() => MAX_SEARCHED_BYTES,
        _ => MAX_SEARCHED_BYTES_BACKTRACKING,
    }
}

fn replace_all(
    pattern: &Pattern,
    pieces: &[Piece],
    value: &[u8],
    mut budget: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let needs_groups = pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Group(1..)));
    let most = value.len().saturating_add(MAX_GROWTH_BYTES);
    let mut result = Vec::new();
    // What is in the result already, and where the next match may begin.
    let (mut copied, mut start) = (0, 0);
    let mut found_any = false;
    while start <= value.len() {
        let groups = match needs_groups {
            true => pattern.captures_at(value, start)?.map(|groups| {
                let all: Vec<_> = groups.iter().collect();
                (groups.whole(), all)
            }),
            false => pattern
                .find_at(value, start)?
                .map(|whole| (whole, Vec::new())),
        };
        let Some((whole, groups)) = groups else { break };
        found_any = true;
        budget = budget
            .checked_sub(value.len() - start)
            .ok_or_else(|| Failure::budget("Substitution: too many matches".to_owned()))?;
        result.extend_from_slice(value.get(copied..whole.start).unwrap_or_default());
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => result.extend_from_slice(bytes),
                Piece::Group(0) => {
                    result.extend_from_slice(value.get(whole.clone()).unwrap_or_default());
                }
                Piece::Group(number) => {
                    let group = groups.get(*number).cloned().flatten();
                    let text = group.and_then(|group| value.get(group));
                    result.extend_from_slice(text.unwrap_or_default());
                }
            }
        }
        if result.len() > most {
            return Err(Failure::budget(format!(
                "Substitution: the result is more than {MAX_GROWTH_BYTES} bytes longer than the value"
            )));
        }
        copied = whole.end;
        // After an empty match the next one must not be the same again.
        start = whole.end.max(start) + usize::from(whole.is_empty());
    }
    result.extend_from_slice(value.get(copied..).unwrap_or_default());
    Ok(found_any.then_some(result))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(argument: &str, value: &[u8]) -> Option<Vec<u8>> {
        let substitution = Substitution::parse(argument.as_bytes(), Limits::default()).unwrap();
        substitution.replace(b"", b"", value).unwrap()
    }

    #[test]
    fn every_match_is_replaced() {
        let cases: [(&str, &str, Option<&str>); 26] = [
            ("s/secret/x/", "a=secret&b=secret", Some("a=x&b=x")),
            ("s/secret/x/", "a=Secret", None),
            ("s/secret/x/i", "a=Secret", Some("a=x")),
            ("s/a//", "xax", Some("xx")),
            ("s/a/ /", "xax", Some("x x")),
            ("s#a#b#", "xax", Some("xbx")),
            ("s/a\\/b/c\\/d/", "xa/bx", Some("xc/dx")),
            ("s/a/$1&\\\\/", "xax", Some("x$1&\\x")),
            ("s/(a)(x)?/\\2\\1[\\0]\\9/", "xaxa", Some("xxa[ax]a[a]")),
            ("s/a/|42 43|d/", "xax", Some("xBCdx")),
            ("s/a/x|y/", "a", Some("x|y")),
            ("s/a/\\x41\\n\\t\\r\\|/", "a", Some("A\n\t\r|")),
            ("s/a./q/", "xa\nx", Some("xqx")),
            ("s/x$/q/", "xax\n", None),
            ("s/^x/q/", "xxx", Some("qxx")),
            ("s/z*/q/", "xaz", Some("qxqaqq")),
            ("s/b*/-/", "", Some("-")),
            ("s/a(?=b)/q/", "abac", Some("qbac")),
            ("s/(?<=a)b/q/", "abbab", Some("aqbaq")),
            ("s/(\\w)\\1/<\\1>/", "aabcc", Some("<a>b<c>")),
            ("s/c/q/", "ab\0c", Some("ab\0q")),
            ("s/[^a]+/-/", "a\u{e4}a", Some("a-a")),
            ("s/\\bb/q/", "ab b", Some("ab q")),
            ("s/a/b/di", "A", Some("b")),
            ("s/a/b", "xax", Some("xbx")),
            ("s/a/ \"b\" /", "xax", Some("x \"b\" x")),
        ];
        for (argument, value, expected) in cases {
            let found = replaced(argument, value.as_bytes());
            assert_eq!(
                found
                    .map(|bytes| String::from_utf8(bytes).unwrap())
                    .as_deref(),
                expected,
                "{argument} {value:?}"
            );
        }
        assert_eq!(replaced("s/\\xff/\\x00/", b"a\xffb").unwrap(), b"a\0b");
    }

    #[test]
    fn mistakes_have_places() {
        let cases = [
            ("/a/b/", None, "format"),
            ("s/a", None, "format"),
            ("s", None, "format"),
            ("", None, "format"),
            ("saab", None, "format"),
            ("s a b ", None, "format"),
            ("s/a/b\\q/", Some(5..6), "Unsupported escape"),
            ("s/a/b\\x4/", Some(5..6), "Unsupported escape"),
            ("s/(a/b/", Some(4..4), "Error compiling pattern"),
        ];
        for (argument, span, message) in cases {
            let error = Substitution::parse(argument.as_bytes(), Limits::default()).unwrap_err();
            assert!(error.message.contains(message), "{argument}: {error}");
            assert_eq!(error.span, span, "{argument}");
        }
    }

    #[test]
    fn unknown_flags_are_told() {
        let substitution = Substitution::parse(b"s/a/b/gix", Limits::default()).unwrap();
        assert_eq!(substitution.ignored_flags(), b"gx");
        assert_eq!(
            substitution.replace(b"", b"", b"aA").unwrap().unwrap(),
            b"bb"
        );
    }

    #[test]
    fn macros_stand_for_themselves_where_that_is_asked_for() {
        let parse = |text: &str| Substitution::parse(text.as_bytes(), Limits::default()).unwrap();
        let with = |substitution: &Substitution, pattern: &[u8], replacement: &[u8]| {
            let pattern = substitution.in_pattern(pattern).into_owned();
            let replacement = Substitution::in_replacement(replacement).into_owned();
            substitution
                .replace(&pattern, &replacement, b"a.b axb")
                .unwrap()
        };
        let substitution = parse("s/%{tx.a}/%{tx.b}/");
        assert_eq!(substitution.pattern_with_macros(), Some(&b"%{tx.a}"[..]));
        assert_eq!(
            with(&substitution, b"a.b", b"\\1|41|").unwrap(),
            b"\\1|41| \\1|41|"
        );
        let substitution = parse("s/%{tx.a}/%{tx.b}/d");
        assert_eq!(with(&substitution, b"a.b", b"/").unwrap(), b"/ axb");
        assert!(substitution.replace(b"(", b"", b"").is_err());
    }

    #[test]
    fn work_and_growth_are_bounded() {
        let compiled = |text: &str| {
            Pattern::compile(text.as_bytes(), Options::operator(Limits::default())).unwrap()
        };
        for (text, expected) in [
            ("a.*b|a", MAX_SEARCHED_BYTES),
            ("a.{5000}", MAX_SEARCHED_BYTES),
            ("a(?=b)", MAX_SEARCHED_BYTES_BACKTRACKING),
            ("a.{0,9}b", usize::MAX),
        ] {
            assert_eq!(budget(&compiled(text)), expected, "{text}");
        }
        let pattern = compiled("a.*b|a");
        let value = [b'a'; 100];
        let all = (1..=100).sum();
        assert!(replace_all(&pattern, &[], &value, all).unwrap().is_some());
        let failure = replace_all(&pattern, &[], &value, all - 1).unwrap_err();
        assert!(failure.limit_exceeded, "{failure}");

        let long = "y".repeat(1000);
        let substitution =
            Substitution::parse(format!("s/a/{long}/").as_bytes(), Limits::default()).unwrap();
        let fits = vec![b'a'; MAX_GROWTH_BYTES / 1000];
        assert_eq!(
            substitution
                .replace(b"", b"", &fits)
                .unwrap()
                .unwrap()
                .len(),
            fits.len() * 1000
        );
        let value = vec![b'a'; MAX_GROWTH_BYTES / 999 + 1];
        assert!(
            substitution
                .replace(b"", b"", &value)
                .unwrap_err()
                .limit_exceeded
        );
    }

    #[test]
    fn megabytes_of_short_matches_are_no_trouble() {
        let value = b"ab".repeat(1_500_000);
        assert_eq!(
            replaced("s/a/xyz/", &value).unwrap(),
            b"xyzb".repeat(1_500_000)
        );
    }
}
