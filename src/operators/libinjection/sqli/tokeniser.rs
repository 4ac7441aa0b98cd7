//! Cuts input into tokens, as if it stood in an SQL statement.

use super::super::scan::{self, ByteSet};
use super::literals::{self, is_white};
use super::tables::{self, WordHash};
use super::token::{Kind, Lexeme, Token, VALUE_LIMIT};

/// Whose comments the input is read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `--` begins a comment, `#` does not.
    Ansi,
    /// `#` begins a comment, `--` only before white space.
    MySql,
}

/// What ends a word. A NUL is in both sets, since the C library looks bytes up with `strchr`.
static WORD_END: ByteSet = ByteSet::of(b" []{}<>:\\?=@!#~+-*/&|^%(),';\t\n\x0b\x0c\r\"\xa0\0");
static VARIABLE_END: ByteSet = ByteSet::of(b" <>:\\?=@!#~+-*/&|^%(),';\t\n\x0b\x0c\r'`\"\0");

/// The tokens of one reading of the input.
pub(super) struct Tokeniser<'a> {
    input: &'a [u8],
    /// The string that the input is taken to begin in.
    quote: Option<u8>,
    dialect: Dialect,
    position: usize,
    /// Where the word last looked at ends. A name like `div.div.div` is looked at once for each of its parts, which
    /// would be quadratic if each searched for the end anew.
    word_end: usize,
    /// How many tokens there were so far.
    pub(super) tokens: usize,
    /// Whether the other dialect would have read one of them differently.
    pub(super) is_ambiguous: bool,
}

impl<'a> Tokeniser<'a> {
    pub(super) fn new(input: &'a [u8], quote: Option<u8>, dialect: Dialect) -> Self {
        Self {
            input,
            quote,
            dialect,
            position: 0,
            word_end: 0,
            tokens: 0,
            is_ambiguous: false,
        }
    }

    fn lexeme(&mut self, first: u8, rest: &'a [u8]) -> Lexeme<'a> {
        match first {
            b'A'..=b'Z' | b'a'..=b'z' => self.letter(first, rest),
            b'0'..=b'9' | b'.' => literals::number(rest),
            b'\'' | b'"' => literals::string(rest, first, 1),
            b'(' => Token::taking(Kind::LeftParenthesis, rest, 1),
            b')' => Token::taking(Kind::RightParenthesis, rest, 1),
            b',' => Token::taking(Kind::Comma, rest, 1),
            b';' => Token::taking(Kind::Semicolon, rest, 1),
            b'{' => Token::taking(Kind::LeftBrace, rest, 1),
            b'}' => Token::taking(Kind::RightBrace, rest, 1),
            b'+' | b'~' | b'%' | b'^' => Token::taking(Kind::Operator, rest, 1),
            b'!' | b'&' | b'*' | b':' | b'<'..=b'>' | b'|' => operator(rest),
            b'-' => self.dash(rest),
            b'/' => slash(rest),
            b'#' => self.hash(rest),
            b'@' => variable(rest),
            b'`' => backticks(rest),
            b'[' => bracketed(rest),
            b'\\' => backslash(rest),
            b'$' => literals::money(rest).unwrap_or_else(|| self.word(rest)),
            b'?' | b']' => Token::taking(Kind::Unknown, rest, 1),
            _ => self.word(rest),
        }
    }

    /// A word, or a string that a letter announces.
    fn letter(&mut self, first: u8, rest: &'a [u8]) -> Lexeme<'a> {
        let announced = match first.to_ascii_uppercase() {
            b'B' => literals::bit_string(rest),
            b'X' => literals::hex_string(rest),
            b'E' => announced_string(rest),
            b'N' => announced_string(rest).or_else(|| literals::oracle_string(rest, 1)),
            b'Q' => literals::oracle_string(rest, 0),
            b'U' => unicode_string(rest),
            _ => None,
        };
        announced.unwrap_or_else(|| self.word(rest))
    }

    fn word(&mut self, rest: &'a [u8]) -> Lexeme<'a> {
        let length = self.word_length(rest);
        let text = scan::head(rest, length.min(VALUE_LIMIT));
        let mut hash = WordHash::new();
        for (end, &byte) in text.iter().enumerate() {
            if matches!(byte, b'.' | b'`') {
                // What stands before may be a keyword, as in `SELECT.1` or with a column in backticks.
                let start = scan::head(text, end);
                if let Some(kind) = kind_of(hash, start)
                    && kind != Kind::Bareword
                {
                    return Token::taking(kind, rest, end);
                }
            }
            hash = hash.push(byte);
        }
        let kind = (length <= VALUE_LIMIT)
            .then(|| kind_of(hash, text))
            .flatten()
            .unwrap_or(Kind::Bareword);
        Token::taking(kind, rest, length)
    }

    fn word_length(&mut self, rest: &[u8]) -> usize {
        if self.word_end <= self.position {
            let length = scan::span(rest, |byte| !WORD_END.contains(byte));
            self.word_end = self.position + length;
        }
        self.word_end - self.position
    }

    fn dash(&mut self, rest: &'a [u8]) -> Lexeme<'a> {
        match rest {
            [_, b'-'] => line_comment(rest),
            [_, b'-', byte, ..] if is_white(*byte) => line_comment(rest),
            [_, b'-', ..] if self.dialect == Dialect::Ansi => {
                self.is_ambiguous = true;
                line_comment(rest)
            }
            _ => Token::taking(Kind::Operator, rest, 1),
        }
    }

    fn hash(&mut self, rest: &'a [u8]) -> Lexeme<'a> {
        self.is_ambiguous = true;
        match self.dialect {
            Dialect::Ansi => Token::taking(Kind::Operator, rest, 1),
            Dialect::MySql => line_comment(rest),
        }
    }
}

impl<'a> Iterator for Tokeniser<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if let Some(quote) = self.quote.take() {
            // The input is the rest of a string.
            let (token, length) = literals::string(self.input, quote, 0);
            self.position = length;
            self.tokens += 1;
            return Some(token);
        }
        let unread = scan::tail(self.input, self.position);
        self.position += scan::span(unread, |byte| matches!(byte, 0..=b' ' | 0x7f | 0xa0));
        let rest = scan::tail(self.input, self.position);
        let (token, length) = self.lexeme(*rest.first()?, rest);
        self.position += length;
        self.tokens += 1;
        Some(token)
    }
}

fn kind_of(hash: WordHash, text: &[u8]) -> Option<Kind> {
    tables::find(hash, |word| word.eq_ignore_ascii_case(text)).map(|word| word.kind)
}

/// A comment up to the end of the line.
fn line_comment(rest: &[u8]) -> Lexeme<'_> {
    match scan::find(rest, b'\n') {
        Some(end) => (Token::new(Kind::Comment, scan::head(rest, end)), end + 1),
        None => Token::taking(Kind::Comment, rest, rest.len()),
    }
}

/// A division, or a comment `/*…*/`.
fn slash(rest: &[u8]) -> Lexeme<'_> {
    let [_, b'*', content @ ..] = rest else {
        return Token::taking(Kind::Operator, rest, 1);
    };
    let end = scan::find_pair(content, b'*', b'/');
    // PostgreSQL nests comments and MySQL runs what is in `/*!…*/`: nobody knows how such input will be read.
    let is_nested =
        end.is_some_and(|end| scan::find_pair(scan::head(content, end + 1), b'/', b'*').is_some());
    let kind = match content {
        [b'!', ..] => Kind::Evil,
        _ if is_nested => Kind::Evil,
        _ => Kind::Comment,
    };
    Token::taking(kind, rest, end.map_or(rest.len(), |end| end + 4))
}

/// An operator of up to three bytes.
fn operator(rest: &[u8]) -> Lexeme<'_> {
    if rest.starts_with(b"<=>") {
        return Token::taking(Kind::Operator, rest, 3);
    }
    if let Some(word) = rest.get(..2).and_then(tables::word) {
        return Token::taking(word.kind, rest, 2);
    }
    let kind = match rest {
        // A colon at the end of the input counts as an operator in the C library.
        [b':', _, ..] => Kind::Colon,
        _ => Kind::Operator,
    };
    Token::taking(kind, rest, 1)
}

fn backslash(rest: &[u8]) -> Lexeme<'_> {
    match rest {
        // MySQL's other name for NULL.
        [_, b'N', ..] => Token::taking(Kind::Number, rest, 2),
        _ => Token::taking(Kind::Backslash, rest, 1),
    }
}

/// A name in brackets, as SQL Server has it.
fn bracketed(rest: &[u8]) -> Lexeme<'_> {
    let length = scan::find(rest, b']').map_or(rest.len(), |end| end + 1);
    Token::taking(Kind::Bareword, rest, length)
}

/// A name in backticks, as MySQL has it: a function or any other word.
fn backticks(rest: &[u8]) -> Lexeme<'_> {
    let (token, length) = literals::string(rest, b'`', 1);
    let kind = match tables::word(token.value) {
        Some(word) if word.kind == Kind::Function => Kind::Function,
        _ => Kind::Bareword,
    };
    (Token { kind, ..token }, length)
}

/// A variable `@name`, `@@name` or one with a quoted name. The value is the name alone.
fn variable(rest: &[u8]) -> Lexeme<'_> {
    let sigils = if rest.starts_with(b"@@") { 2 } else { 1 };
    let name = scan::tail(rest, sigils);
    let (token, length) = match name.first() {
        Some(b'`') => backticks(name),
        Some(&quote @ (b'\'' | b'"')) => literals::string(name, quote, 1),
        _ => {
            let length = scan::span(name, |byte| !VARIABLE_END.contains(byte));
            Token::taking(Kind::Variable, name, length)
        }
    };
    let token = Token {
        kind: Kind::Variable,
        ..token
    };
    (token, sigils + length)
}

/// A string after one letter, `E'…'` or `N'…'`.
fn announced_string(rest: &[u8]) -> Option<Lexeme<'_>> {
    match rest {
        [_, b'\'', _, ..] => Some(literals::string(rest, b'\'', 2)),
        _ => None,
    }
}

/// A string with Unicode escapes, `U&'…'`.
fn unicode_string(rest: &[u8]) -> Option<Lexeme<'_>> {
    let [_, b'&', b'\'', ..] = rest else {
        return None;
    };
    let (token, length) = literals::string(scan::tail(rest, 2), b'\'', 1);
    let token = Token {
        open: Some(b'u'),
        close: token.close.map(|_| b'u'),
        ..token
    };
    Some((token, 2 + length))
}
