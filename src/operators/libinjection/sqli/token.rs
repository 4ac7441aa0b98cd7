//! Tokens of SQL.

use super::super::scan;

/// What a token is; the discriminant is its symbol in fingerprints and in the table of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Keyword = b'k',
    Union = b'U',
    Group = b'B',
    Expression = b'E',
    SqlType = b't',
    Function = b'f',
    Bareword = b'n',
    Number = b'1',
    Variable = b'v',
    String = b's',
    Operator = b'o',
    Logic = b'&',
    Comment = b'c',
    Collate = b'A',
    LeftParenthesis = b'(',
    RightParenthesis = b')',
    LeftBrace = b'{',
    RightBrace = b'}',
    Dot = b'.',
    Comma = b',',
    Colon = b':',
    Semicolon = b';',
    /// A statement or control word of Transact-SQL.
    Tsql = b'T',
    /// Comments that databases read differently: an attack by itself.
    Evil = b'X',
    Backslash = b'\\',
    Unknown = b'?',
}

impl Kind {
    /// The kind of a word with this symbol in the table of words.
    pub(super) const fn of_word(symbol: u8) -> Self {
        match symbol {
            b'k' => Self::Keyword,
            b'U' => Self::Union,
            b'B' => Self::Group,
            b'E' => Self::Expression,
            b't' => Self::SqlType,
            b'f' => Self::Function,
            b'n' => Self::Bareword,
            b'1' => Self::Number,
            b'v' => Self::Variable,
            b'o' => Self::Operator,
            b'&' => Self::Logic,
            b'A' => Self::Collate,
            b'T' => Self::Tsql,
            _ => Self::Unknown,
        }
    }

    /// The symbol in fingerprints.
    pub(super) const fn symbol(self) -> u8 {
        self as u8
    }
}

/// A token: its kind, the start of its text, and how it was quoted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// At most [`VALUE_LIMIT`] bytes.
    pub(super) value: &'a [u8],
    /// The opening quote, unless there is none or only an imagined one before the input.
    pub(super) open: Option<u8>,
    /// The closing quote, unless the input ends first.
    pub(super) close: Option<u8>,
}

/// How much of a token's text is looked at, in bytes. The C library copies that much; verdicts depend on it:
/// a number of 32 digits before `--` is no injection, one of 31 is.
pub(super) const VALUE_LIMIT: usize = 31;

/// A token and the bytes of input it takes, at least one.
pub(super) type Lexeme<'a> = (Token<'a>, usize);

impl<'a> Token<'a> {
    pub(super) const EMPTY: Self = Self {
        kind: Kind::Unknown,
        value: &[],
        open: None,
        close: None,
    };

    pub(super) fn new(kind: Kind, text: &'a [u8]) -> Self {
        Self {
            kind,
            value: scan::head(text, VALUE_LIMIT),
            open: None,
            close: None,
        }
    }

    /// The first `length` bytes of `rest` as a token.
    pub(super) fn taking(kind: Kind, rest: &'a [u8], length: usize) -> Lexeme<'a> {
        (Self::new(kind, scan::head(rest, length)), length)
    }

    /// Whether the text is one of `words`, ASCII case aside.
    pub(super) fn is_one_of(&self, words: &[&str]) -> bool {
        words
            .iter()
            .any(|word| self.value.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Whether the text begins with `prefix`, ASCII case aside.
    pub(super) fn begins_with(&self, prefix: &str) -> bool {
        scan::starts_with_ignoring_case(self.value, prefix.as_bytes())
    }

    pub(super) fn is_unary_operator(&self) -> bool {
        self.kind == Kind::Operator
            && (matches!(self.value, b"+" | b"-" | b"!" | b"~" | b"!!") || self.is_one_of(&["NOT"]))
    }

    pub(super) fn is_arithmetic_operator(&self) -> bool {
        self.kind == Kind::Operator && matches!(self.value, b"*" | b"/" | b"-" | b"+" | b"%")
    }
}
