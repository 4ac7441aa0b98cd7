//! `@pm`, `@pmFromFile`, `@strmatch`: fixed phrases, compiled once.

use std::borrow::Cow;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem;

use super::compile::CompileError;
use super::shared;

/// How many bytes of phrases are searched for by a full table, which takes a few hundred bytes of memory for each of
/// them and a third of the time. Longer lists are seldom asked: the scan knows their phrases.
const MAX_TABLE_PHRASES: usize = 512;

/// A set of phrases searched for at once, ASCII case-insensitively.
///
/// The phrase found is the one that *ends* first, and of several that end
/// there the longest: this is what mod_security2's automaton reports.
#[derive(Debug, Clone)]
pub struct Phrases {
    automaton: AhoCorasick,
    phrases: Vec<Box<[u8]>>,
}

impl Phrases {
    /// The argument of `@pm`: phrases separated by white space.
    ///
    /// Compat: as in mod_security2 the argument is decoded first and separated
    /// afterwards, so that `|20|` separates too; and an argument that cannot be
    /// decoded is taken as it is.  Unlike there, a phrase may contain NUL and
    /// bytes above 0x7F, which are compared as they are.
    pub(super) fn parse_list(argument: &[u8]) -> Result<Arc<Phrases>, CompileError> {
        if argument.is_empty() {
            return Err(CompileError::whole("Missing parameter for operator 'pm'."));
        }
        let decoded = decode(argument, Quotes::Strip).unwrap_or(Cow::Borrowed(argument));
        let phrases = decoded.split(is_space).filter(|p| !p.is_empty());
        shared::phrases(phrases.map(Box::from).collect())
    }

    /// The phrases of one file: one a line, white space around it removed,
    /// blank lines and lines that start with `#` ignored.
    ///
    /// Compat: `|…|` and `\` are decoded as in `@pm`.  A phrase of one byte
    /// counts; mod_security2 drops it by mistake.
    pub(super) fn parse_file(text: &[u8]) -> impl Iterator<Item = Box<[u8]>> + '_ {
        text.split(|b| *b == b'\n')
            .map(trim)
            .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
            .filter_map(|line| {
                let decoded = decode(line, Quotes::Keep).unwrap_or(Cow::Borrowed(line));
                let phrase = trim(&decoded);
                (!phrase.is_empty()).then(|| phrase.into())
            })
    }

    /// Compiles the phrases, none of which may be empty.
    pub(super) fn new(phrases: Vec<Box<[u8]>>) -> Result<Phrases, CompileError> {
        let length: usize = phrases.iter().map(|phrase| phrase.len()).sum();
        let automaton = AhoCorasick::builder()
            .kind(Some(match length <= MAX_TABLE_PHRASES {
                true => AhoCorasickKind::DFA,
                false => AhoCorasickKind::ContiguousNFA,
            }))
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(&phrases)
            .map_err(|e| CompileError::whole(format!("Error compiling phrases: {e}")))?;
        Ok(Phrases { automaton, phrases })
    }

    /// The index of the phrase found in the value.
    pub(super) fn find(&self, value: &[u8]) -> Option<usize> {
        Some(self.automaton.find(value)?.pattern().as_usize())
    }

    /// The phrases as written, after decoding, in their order.
    pub fn phrases(&self) -> &[Box<[u8]>] {
        &self.phrases
    }

    /// One phrase, empty if there is no such index.
    pub(super) fn phrase(&self, index: usize) -> &[u8] {
        self.phrases.get(index).map_or(b"", |p| p)
    }
}

/// The needle of `@strmatch`, compared case-sensitively.
#[derive(Debug, Clone)]
pub struct Needle(memmem::Finder<'static>);

impl Needle {
    /// Decodes and compiles the argument; unlike `@pm` it must be well-formed.
    pub(super) fn parse(argument: &[u8]) -> Result<Needle, CompileError> {
        let needle = decode(argument, Quotes::Strip)?;
        Ok(Needle(memmem::Finder::new(needle.as_ref()).into_owned()))
    }

    /// Whether the needle occurs in the value.
    pub(super) fn is_in(&self, value: &[u8]) -> bool {
        self.0.find(value).is_some()
    }

    /// The bytes searched for.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.needle()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// `"…"` around the whole is not part of it.
    Strip,
    Keep,
}

/// Decodes the notation of Snort's `content`: `|41 42|` are bytes in
/// hexadecimal, `\:` `\;` `\\` `\"` are the second byte, and any other escape
/// is an error.
///
/// Compat: mod_security2 takes every `|` for the start of hexadecimal text and
/// drops what is none, so that the phrase `string|int` can never match.  Here a
/// `|` that opens no well-formed block stands for itself.
fn decode(content: &[u8], quotes: Quotes) -> Result<Cow<'_, [u8]>, CompileError> {
    let mut rest = trim_start(content);
    if quotes == Quotes::Strip {
        let inner = rest.strip_prefix(b"\"").and_then(|r| r.strip_suffix(b"\""));
        rest = inner.unwrap_or(rest);
    }
    if rest.is_empty() {
        return Err(CompileError::whole("Content length is 0."));
    }
    if memchr::memchr2(b'|', b'\\', rest).is_none() {
        return Ok(Cow::Borrowed(rest));
    }
    let start = content.len() - trim_start(content).len()
        + usize::from(rest.len() < trim_start(content).len());
    let length = rest.len();
    let mut decoded = Vec::with_capacity(rest.len());
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail.split_first()) {
            (b'\\', Some((&escaped, tail))) if matches!(escaped, b':' | b';' | b'\\' | b'"') => {
                decoded.push(escaped);
                rest = tail;
            }
            (b'\\', _) => {
                let at = start + length - tail.len() - 1;
                return Err(CompileError::at(at..at + 1, "Unsupported escape sequence."));
            }
            (b'|', _) => match hex_block(tail) {
                Some((bytes, tail)) => {
                    decoded.extend(bytes);
                    rest = tail;
                }
                None => decoded.push(b'|'),
            },
            _ => decoded.push(byte),
        }
    }
    Ok(Cow::Owned(decoded))
}

/// The bytes of a block `41 42|` and what follows it.
pub(super) fn hex_block(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let length = text
        .iter()
        .position(|b| !b.is_ascii_hexdigit() && *b != b' ')?;
    let (block, rest) = text.split_at(length);
    let rest = rest.strip_prefix(b"|")?;
    let digits: Vec<u8> = block
        .iter()
        .filter_map(|b| char::from(*b).to_digit(16))
        .filter_map(|digit| u8::try_from(digit).ok())
        .collect();
    let (pairs, odd) = digits.as_chunks::<2>();
    if pairs.is_empty() || !odd.is_empty() {
        return None;
    }
    Some((
        pairs.iter().map(|[high, low]| high << 4 | low).collect(),
        rest,
    ))
}

/// White space of C's `isspace`, which unlike Rust's includes VT.
pub(super) fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn trim_start(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|b| is_space(b)).count();
    text.get(blanks..).unwrap_or_default()
}

fn trim(text: &[u8]) -> &[u8] {
    let text = trim_start(text);
    let blanks = text.iter().rev().take_while(|b| is_space(b)).count();
    text.get(..text.len() - blanks).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(content: &[u8]) -> Option<Vec<u8>> {
        decode(content, Quotes::Strip).ok().map(Cow::into_owned)
    }

    #[test]
    fn content_notation() {
        let cases: [(&[u8], Option<&[u8]>); 18] = [
            (b"abc", Some(b"abc")),
            (b"\"abc\"", Some(b"abc")),
            (b"  \"a b\"", Some(b"a b")),
            (b"\"abc", Some(b"\"abc")),
            (b"\"", Some(b"\"")),
            (b"\"\"", None),
            (b"", None),
            (b"a|42|c", Some(b"aBc")),
            (b"|41 42  43|", Some(b"ABC")),
            (b"|00ff|", Some(b"\x00\xff")),
            (b"a|b", Some(b"a|b")),
            (b"string|int", Some(b"string|int")),
            (b"a||b", Some(b"a||b")),
            (b"a|4|b", Some(b"a|4|b")),
            (b"a|4g|b|41|", Some(b"a|4g|bA")),
            (b"\\\\ \\: \\; \\\"", Some(b"\\ : ; \"")),
            (b"a\\n", None),
            (b"a\\", None),
        ];
        for (content, expected) in cases {
            assert_eq!(
                decoded(content).as_deref(),
                expected,
                "{}",
                content.escape_ascii()
            );
        }
    }

    #[test]
    fn an_unsupported_escape_has_a_place() {
        let error = Needle::parse(b"  \"ab\\n\"").unwrap_err();
        assert_eq!(error.span, Some(5..6));
        let error = Needle::parse(b"ab\\").unwrap_err();
        assert_eq!(error.span, Some(2..3));
    }

    #[test]
    fn earliest_end_then_longest() {
        let found = |list: &str, value: &str| {
            let phrases = Phrases::parse_list(list.as_bytes()).unwrap();
            let index = phrases.find(value.as_bytes())?;
            Some(String::from_utf8_lossy(phrases.phrase(index)).into_owned())
        };
        assert_eq!(found("abc ab", "xabc").as_deref(), Some("ab"));
        assert_eq!(found("bc abc", "xABC").as_deref(), Some("abc"));
        assert_eq!(found("abcd bc", "abce").as_deref(), Some("bc"));
        assert_eq!(found("SeLeCt", "xselect").as_deref(), Some("SeLeCt"));
        assert_eq!(found("a|00|b", "a").as_deref(), None);
        assert_eq!(found("foo|20|bar", "bar").as_deref(), Some("bar"));
        assert_eq!(found("foo\\bar", "FOO\\BAR").as_deref(), Some("foo\\bar"));
        assert_eq!(found(" ", "anything"), None);
        assert_eq!(found("\u{e4}", "\u{e4}").as_deref(), Some("\u{e4}"));
        assert_eq!(found("\u{e4}", "\u{c4}"), None);
    }

    #[test]
    fn phrase_files() {
        let text = b"# comment\n\n  two words \r\n\tx\n#|41|\n|41 42|\n\"quoted\"\n\\\\n\nlast";
        let phrases: Vec<_> = Phrases::parse_file(text).collect();
        let expected: [&[u8]; 6] = [b"two words", b"x", b"AB", b"\"quoted\"", b"\\n", b"last"];
        assert_eq!(phrases.iter().map(|p| &**p).collect::<Vec<_>>(), expected);
    }
}
