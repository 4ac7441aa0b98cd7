//! Strings and numbers: how SQL dialects write them.

use super::super::scan::{self, ByteSet};
use super::token::{Kind, Lexeme, Token};

// The C library looks bytes up with `strchr`, which finds the terminator too: a NUL belongs to each of these.
static BINARY_DIGITS: ByteSet = ByteSet::of(b"01\0");
static HEX_DIGITS: ByteSet = ByteSet::of(b"0123456789ABCDEFabcdef\0");
static MONEY_DIGITS: ByteSet = ByteSet::of(b"0123456789.,\0");
static LETTERS: ByteSet = ByteSet::of(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\0");

/// A byte that databases skip between tokens, NUL (Oracle) and the no-break space of Latin-1 included.
pub(super) fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | 0x09..=0x0d | 0xa0 | 0)
}

/// A string that begins after `opening` bytes of `rest` and ends with `quote`; a doubled or escaped quote is
/// part of it. With `opening` 0 the input is taken to begin inside the string.
pub(super) fn string(rest: &[u8], quote: u8, opening: usize) -> Lexeme<'_> {
    let content = scan::tail(rest, opening);
    let open = (opening > 0).then_some(quote);
    let end = closing_quote(content, quote);
    let (token, length) = delimited(content, end, 1, open, quote);
    (token, opening + length)
}

/// Where `content` has a quote that is neither doubled nor preceded by an odd number of backslashes.
fn closing_quote(content: &[u8], quote: u8) -> Option<usize> {
    let mut from = 0;
    loop {
        let position = from + scan::find(scan::tail(content, from), quote)?;
        let backslashes = scan::span_back(scan::head(content, position), b'\\');
        if backslashes % 2 == 1 {
            from = position + 1;
        } else if content.get(position + 1) == Some(&quote) {
            from = position + 2;
        } else {
            return Some(position);
        }
    }
}

/// The string that ends at `end` of `content` with a delimiter of `closing` bytes, or else with the input.
fn delimited(
    content: &[u8],
    end: Option<usize>,
    closing: usize,
    open: Option<u8>,
    close: u8,
) -> Lexeme<'_> {
    let (text, close, length) = match end {
        Some(end) => (scan::head(content, end), Some(close), end + closing),
        None => (content, None, content.len()),
    };
    let token = Token {
        open,
        close,
        ..Token::new(Kind::String, text)
    };
    (token, length)
}

/// Oracle's `q'[…]'`, where `rest` begins with `prefix` bytes before the `q`.
pub(super) fn oracle_string(rest: &[u8], prefix: usize) -> Option<Lexeme<'_>> {
    // The C library compares signed bytes: from 0x80 on they are below the space.
    let &[b'q' | b'Q', b'\'', open @ 0x21..=0x7f, ref content @ ..] = scan::tail(rest, prefix)
    else {
        return None;
    };
    let close = match open {
        b'(' => b')',
        b'[' => b']',
        b'{' => b'}',
        b'<' => b'>',
        other => other,
    };
    let end = scan::find_pair(content, close, b'\'');
    let (token, length) = delimited(content, end, 2, Some(b'q'), b'q');
    Some((token, prefix + 3 + length))
}

/// A bit string `b'01'`.
pub(super) fn bit_string(rest: &[u8]) -> Option<Lexeme<'_>> {
    digit_string(rest, &BINARY_DIGITS)
}

/// A hexadecimal string `x'0aF'`.
pub(super) fn hex_string(rest: &[u8]) -> Option<Lexeme<'_>> {
    digit_string(rest, &HEX_DIGITS)
}

fn digit_string<'a>(rest: &'a [u8], digits: &ByteSet) -> Option<Lexeme<'a>> {
    let [_, b'\'', content @ ..] = rest else {
        return None;
    };
    let length = scan::span(content, |byte| digits.contains(byte));
    (content.get(length) == Some(&b'\'')).then(|| Token::taking(Kind::Number, rest, length + 3))
}

/// What begins with `$`: an amount, a string of PostgreSQL or a bare word; `None` if it is read as any word.
pub(super) fn money(rest: &[u8]) -> Option<Lexeme<'_>> {
    let amount = scan::tail(rest, 1);
    let length = scan::span(amount, |byte| MONEY_DIGITS.contains(byte));
    match (length, amount) {
        (0, _) => Some(dollar_string(rest).unwrap_or(Token::taking(Kind::Bareword, rest, 1))),
        (1, [b'.', ..]) => None,
        _ => Some(Token::taking(Kind::Number, rest, 1 + length)),
    }
}

/// A string of PostgreSQL, `$$…$$` or `$tag$…$tag$`.
fn dollar_string(rest: &[u8]) -> Option<Lexeme<'_>> {
    let tag = scan::span(scan::tail(rest, 1), |byte| LETTERS.contains(byte));
    if rest.get(1 + tag) != Some(&b'$') {
        return None;
    }
    let delimiter = tag + 2;
    let content = scan::tail(rest, delimiter);
    let end = scan::find_sequence(content, scan::head(rest, delimiter));
    let (token, length) = delimited(content, end, delimiter, Some(b'$'), b'$');
    Some((token, delimiter + length))
}

/// A number, or what looks like the start of one.
pub(super) fn number(rest: &[u8]) -> Lexeme<'_> {
    match rest {
        [b'0', b'X' | b'x', digits @ ..] => prefixed_number(rest, digits, &HEX_DIGITS),
        [b'0', b'B' | b'b', digits @ ..] => prefixed_number(rest, digits, &BINARY_DIGITS),
        _ => decimal_number(rest),
    }
}

fn prefixed_number<'a>(rest: &'a [u8], digits: &[u8], set: &ByteSet) -> Lexeme<'a> {
    match scan::span(digits, |byte| set.contains(byte)) {
        0 => Token::taking(Kind::Bareword, rest, 2),
        length => Token::taking(Kind::Number, rest, 2 + length),
    }
}

fn decimal_number(rest: &[u8]) -> Lexeme<'_> {
    let digits_from = |from| scan::span(scan::tail(rest, from), |byte| byte.is_ascii_digit());
    let mut kind = Kind::Number;
    let mut length = digits_from(0);
    if rest.get(length) == Some(&b'.') {
        length += 1;
        length += digits_from(length);
        if length == 1 {
            return Token::taking(Kind::Dot, rest, 1);
        }
    }
    if let Some(b'E' | b'e') = rest.get(length) {
        length += 1;
        if let Some(b'+' | b'-') = rest.get(length) {
            length += 1;
        }
        let exponent = digits_from(length);
        length += exponent;
        if exponent == 0 {
            // MySQL takes `1.e` for a word and drops it.
            kind = Kind::Bareword;
        }
    }
    if let [b'D' | b'd' | b'F' | b'f', after @ ..] = scan::tail(rest, length) {
        // Oracle's suffixes, unless a word such as FROM begins here; `1fUNION` is `1f UNION`.
        match after {
            [] | [b';' | b'u' | b'U', ..] => length += 1,
            [byte, ..] if is_white(*byte) => length += 1,
            _ => {}
        }
    }
    Token::taking(kind, rest, length)
}
