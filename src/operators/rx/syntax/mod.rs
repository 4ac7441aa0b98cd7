//! Reading PCRE syntax: a pattern as a sequence of pieces.
//!
//! The reader knows every construct well enough to find its end and to follow
//! groups and inline options.  What a linear engine can express becomes a
//! token with its meaning; anything else, errors included, is [`Token::Opaque`]
//! and left to PCRE2.  Of such a token is still known what it matches at most,
//! so that a pattern can be had which matches whenever this one does.

use std::ops::Range;

mod class;
mod escapes;
mod groups;

use super::Options;

/// A token and the bytes it was read from.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) token: Token,
    pub(super) span: Range<usize>,
}

/// The meaning of one piece.
#[derive(Debug)]
pub(super) enum Token {
    /// Nothing: white space or a comment of extended mode, `(?#…)`, `\Q`, `\E`.
    Blank(Blank),
    /// One byte that stands for itself.
    Byte(u8),
    /// Any byte, or any but LF.
    Any {
        newline: bool,
    },
    Class(Class),
    /// `^`: after an LF too, or only at the start.
    Start {
        multi_line: bool,
    },
    /// `$`: the end of the value.
    End(End),
    /// `\b` or `\B`.
    WordBoundary {
        negated: bool,
    },
    Alternate,
    /// Start of a group, with the case sensitivity inside.
    Open {
        captures: bool,
        caseless: bool,
    },
    Close,
    /// An inline option such as `(?i)`, which lasts to the end of the group.
    Caseless(bool),
    Quantifier {
        min: u32,
        max: Option<u32>,
        lazy: bool,
    },
    /// Outside of what a linear engine can express.
    Opaque {
        /// What it is, for people.
        what: &'static str,
        at_most: AtMost,
        /// Its meaning, for the bounded engine; None leaves it to PCRE2.
        exact: Option<Exact>,
    },
}

impl Token {
    fn opaque(what: &'static str, at_most: AtMost) -> Token {
        Token::Opaque {
            what,
            at_most,
            exact: None,
        }
    }

    fn exact(what: &'static str, at_most: AtMost, exact: Exact) -> Token {
        Token::Opaque {
            what,
            at_most,
            exact: Some(exact),
        }
    }
}

/// What an opaque token means to an engine that goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exact {
    /// Opens `(?>…)`.
    Atomic,
    /// Opens `(?=…)` or `(?!…)`.
    Ahead { negated: bool },
    /// Opens `(?<=…)` or `(?<!…)`.
    Behind { negated: bool },
    /// A quantifier that gives nothing back.
    Possessive { min: u32, max: Option<u32> },
    /// `\1`, by the number of the group.
    Reference(usize),
    /// `\Z`, or `$` where that is meant by it.
    EndOrFinalNewline,
    /// `\G`: where the search began.
    SearchStart,
    /// `\K`: the match begins here.
    Keep,
    /// `\R`: one end of a line.
    LineBreak,
    /// One byte of a set that PCRE2 knows: Unicode properties.
    Byte,
}

/// An upper bound of what an opaque token matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtMost {
    /// The empty text.
    Empty,
    /// An assertion in parentheses, which this token opens: the empty text.
    Assertion,
    /// What the group, which this token opens, matches as a plain one.
    Group,
    /// What the plain quantifier does.
    Quantifier { min: u32, max: Option<u32> },
    /// One end of a line.
    LineBreak,
    /// Any text.
    Text,
    /// Not known, or the pattern is an error.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    Comment,
    Space,
    Quote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// `$` in multi-line mode: before any LF too.
    Line,
    /// Only at the very end.
    Value,
    /// Written `\z`.
    Written,
}

/// A bracketed class or an escape like `\d`.
#[derive(Debug, Default)]
pub(super) struct Class {
    pub(super) negated: bool,
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Range(u8, u8),
    /// `\d \D \w \W \s \S \h \H \v \V`, by its letter.
    Escape(u8),
    Posix {
        name: &'static str,
        negated: bool,
    },
}

/// PCRE2's bound for the numbers of a quantifier.
const MAX_REPEAT: u32 = 65_535;

/// The options in force at some place of the pattern.
#[derive(Debug, Clone, Copy)]
struct Modes {
    caseless: bool,
    multi_line: bool,
    dot_all: bool,
    extended: bool,
    swap_greed: bool,
}

/// What stands before a quantifier decides whether it can be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Atom,
    Assertion,
    Quantifier,
}

/// Iterator over the pieces of a pattern.  Their spans cover it without gaps.
pub(super) struct Reader<'p> {
    pattern: &'p [u8],
    at: usize,
    modes: Modes,
    /// Modes to return to at the `)` of each open group.
    groups: Vec<Modes>,
    captures: u32,
    /// Names of groups, with their numbers.
    names: Vec<(&'p [u8], u32)>,
    before: Before,
    /// Inside of `\Q…\E`.
    quoting: bool,
    dollar_end_only: bool,
}

impl<'p> Reader<'p> {
    pub(super) fn new(pattern: &'p [u8], options: Options) -> Reader<'p> {
        Reader {
            pattern,
            at: 0,
            modes: Modes {
                caseless: options.case_insensitive,
                multi_line: options.multi_line,
                dot_all: true,
                extended: false,
                swap_greed: false,
            },
            groups: Vec::new(),
            captures: 0,
            names: Vec::new(),
            before: Before::Nothing,
            quoting: false,
            dollar_end_only: options.dollar_end_only,
        }
    }

    fn rest(&self) -> &'p [u8] {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    fn next_byte(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Consumes the text if it comes next.
    fn eat(&mut self, text: &[u8]) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Consumes everything up to and including the byte; all if there is none.
    fn skip_past(&mut self, byte: u8) -> bool {
        match memchr::memchr(byte, self.rest()) {
            Some(offset) => {
                self.at += offset + 1;
                true
            }
            None => {
                self.at = self.pattern.len();
                false
            }
        }
    }

    fn token(&mut self) -> Option<Token> {
        if self.quoting {
            return self.quoted();
        }
        let byte = self.next_byte()?;
        Some(match byte {
            b'\\' => self.escape(),
            b'[' => self.class(),
            b'(' => self.open(),
            b')' => match self.groups.pop() {
                Some(modes) => {
                    self.modes = modes;
                    Token::Close
                }
                None => Token::opaque("unmatched closing parenthesis", AtMost::Unknown),
            },
            b'|' => Token::Alternate,
            b'^' => Token::Start {
                multi_line: self.modes.multi_line,
            },
            b'$' => self.dollar(),
            b'.' => Token::Any {
                newline: self.modes.dot_all,
            },
            b'*' => self.quantifier(0, None),
            b'+' => self.quantifier(1, None),
            b'?' => self.quantifier(0, Some(1)),
            b'{' => match self.counts() {
                Some((min, max)) => self.quantifier(min, max),
                None => Token::Byte(b'{'),
            },
            b'#' if self.modes.extended => {
                self.skip_past(b'\n');
                Token::Blank(Blank::Comment)
            }
            b' ' | b'\t'..=b'\r' if self.modes.extended => Token::Blank(Blank::Space),
            _ => Token::Byte(byte),
        })
    }

    fn quoted(&mut self) -> Option<Token> {
        if self.eat(b"\\E") {
            self.quoting = false;
            return Some(Token::Blank(Blank::Quote));
        }
        Some(Token::Byte(self.next_byte()?))
    }

    fn dollar(&self) -> Token {
        match (self.modes.multi_line, self.dollar_end_only) {
            (true, _) => Token::End(End::Line),
            (false, true) => Token::End(End::Value),
            (false, false) => Token::exact(
                "$ before a final newline",
                AtMost::Empty,
                Exact::EndOrFinalNewline,
            ),
        }
    }

    /// The numbers of `{n}`, `{n,}`, `{n,m}` after the brace; nothing else is a
    /// quantifier.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let inner = self.rest();
        let length = inner
            .iter()
            .take_while(|b| b.is_ascii_digit() || **b == b',')
            .count();
        let (text, after) = inner.split_at_checked(length)?;
        if after.first() != Some(&b'}') {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let number = |digits: &str| {
            let all = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            all.then(|| digits.parse().unwrap_or(u32::MAX))
        };
        let counts = match text.split_once(',') {
            None => number(text).map(|n| (n, Some(n)))?,
            Some((min, "")) => (number(min)?, None),
            Some((min, max)) => (number(min)?, Some(number(max)?)),
        };
        self.at += length + 1;
        Some(counts)
    }

    fn quantifier(&mut self, min: u32, max: Option<u32>) -> Token {
        let suffix = self.peek();
        if matches!(suffix, Some(b'?' | b'+')) {
            self.at += 1;
        }
        let plain = AtMost::Quantifier { min, max };
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || max < min) {
            return Token::opaque("a quantifier out of bounds", AtMost::Unknown);
        }
        match self.before {
            Before::Nothing => Token::opaque("a quantifier after nothing", AtMost::Unknown),
            Before::Quantifier => Token::opaque("a quantifier after a quantifier", AtMost::Unknown),
            Before::Assertion => Token::opaque("a quantifier after an assertion", plain),
            Before::Atom if suffix == Some(b'+') => {
                let exact = Exact::Possessive { min, max };
                Token::exact("a possessive quantifier", plain, exact)
            }
            Before::Atom => Token::Quantifier {
                min,
                max,
                lazy: (suffix == Some(b'?')) != self.modes.swap_greed,
            },
        }
    }
}

impl Iterator for Reader<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let start = self.at;
        let token = self.token()?;
        self.before = match &token {
            Token::Blank(_) => self.before,
            Token::Byte(_) | Token::Any { .. } | Token::Class(_) | Token::Close => Before::Atom,
            Token::Start { .. } | Token::End(_) | Token::WordBoundary { .. } => Before::Assertion,
            Token::Quantifier { .. } => Before::Quantifier,
            Token::Alternate | Token::Open { .. } | Token::Caseless(_) => Before::Nothing,
            // Whatever it was: only PCRE2 reads on.
            Token::Opaque { .. } => Before::Atom,
        };
        Some(Piece {
            token,
            span: start..self.at,
        })
    }
}
