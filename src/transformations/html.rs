//! HTML character references.

use super::ByteSet;
use super::rewrite::{Output, rewrite, run};
use std::borrow::Cow;

/// What `htmlEntityDecode` looks for.
pub(super) const REFERENCE: ByteSet = ByteSet::of(b"&");

/// The names that 2.9 knows: in any case, with or without a semicolon.
const LENIENT: [(&[u8], u8); 5] = [
    (b"amp", b'&'),
    (b"gt", b'>'),
    (b"lt", b'<'),
    (b"nbsp", 0xA0),
    (b"quot", b'"'),
];

/// All other names that HTML has for ASCII characters, and the long name of U+00A0. Browsers want them spelt exactly and
/// with a semicolon. In the order of their bytes.
///
/// Source: the table of named character references in the HTML Standard.
const EXACT: [(&[u8], &[u8]); 39] = [
    (b"DiacriticalGrave", b"`"),
    (b"Hat", b"^"),
    (b"NewLine", b"\n"),
    (b"NonBreakingSpace", b"\xA0"),
    (b"Tab", b"\t"),
    (b"UnderBar", b"_"),
    (b"VerticalLine", b"|"),
    (b"apos", b"'"),
    (b"ast", b"*"),
    (b"bsol", b"\\"),
    (b"colon", b":"),
    (b"comma", b","),
    (b"commat", b"@"),
    (b"dollar", b"$"),
    (b"equals", b"="),
    (b"excl", b"!"),
    (b"fjlig", b"fj"),
    (b"grave", b"`"),
    (b"lbrace", b"{"),
    (b"lbrack", b"["),
    (b"lcub", b"{"),
    (b"lowbar", b"_"),
    (b"lpar", b"("),
    (b"lsqb", b"["),
    (b"midast", b"*"),
    (b"num", b"#"),
    (b"percnt", b"%"),
    (b"period", b"."),
    (b"plus", b"+"),
    (b"quest", b"?"),
    (b"rbrace", b"}"),
    (b"rbrack", b"]"),
    (b"rcub", b"}"),
    (b"rpar", b")"),
    (b"rsqb", b"]"),
    (b"semi", b";"),
    (b"sol", b"/"),
    (b"verbar", b"|"),
    (b"vert", b"|"),
];

/// `htmlEntityDecode`: numeric references to their lowest eight bits, and names of ASCII characters.
///
/// A name is the whole run of letters and digits behind the `&`, never a part of it: `&ltrim(` is text, as it is to a
/// browser that reads an attribute, where alone a reference can become part of a script.
///
/// Compat: 2.9 knows five names; the others hid `javascript&colon;alert&lpar;1&rpar;` from it.
pub(super) fn decode(input: &[u8]) -> Cow<'_, [u8]> {
    rewrite(input, &REFERENCE, |rest, out| match rest {
        [b'&', b'#', b'x' | b'X', text @ ..] => numeric(text, 16, out),
        [b'&', b'#', text @ ..] => numeric(text, 10, out),
        [b'&', text @ ..] => named(text, out),
        _ => None,
    })
}

/// A number with any count of leading zeroes; one too great for 63 bits counts as the greatest of them, as in 2.9.
fn numeric<'a>(text: &'a [u8], radix: u32, out: &mut Output<'a>) -> Option<&'a [u8]> {
    let value = |byte: u8| char::from(byte).to_digit(radix);
    let (digits, tail) = run(text, text.len(), |byte| value(byte).is_some());
    if digits.is_empty() {
        return None;
    }
    let number = digits
        .iter()
        .filter_map(|byte| value(*byte))
        .fold(0_i64, |number, digit| {
            number
                .saturating_mul(i64::from(radix))
                .saturating_add(i64::from(digit))
        });
    let [.., low] = number.to_be_bytes();
    out.push(low);
    Some(tail.strip_prefix(b";").unwrap_or(tail))
}

fn named<'a>(text: &'a [u8], out: &mut Output<'a>) -> Option<&'a [u8]> {
    let (name, tail) = run(text, text.len(), |byte| byte.is_ascii_alphanumeric());
    if let Some((_, byte)) = LENIENT
        .iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known))
    {
        out.push(*byte);
        return Some(tail.strip_prefix(b";").unwrap_or(tail));
    }
    let tail = tail.strip_prefix(b";")?;
    let at = EXACT
        .binary_search_by(|(known, _)| (*known).cmp(name))
        .ok()?;
    let (_, characters) = EXACT.get(at)?;
    out.extend(characters);
    Some(tail)
}

#[cfg(test)]
mod tests {
    use super::{EXACT, LENIENT};

    #[test]
    fn names_can_be_found_by_halving() {
        assert!(EXACT.is_sorted_by(|(one, _), (next, _)| one < next));
        assert!(
            LENIENT
                .iter()
                .all(|(name, _)| EXACT.iter().all(|(other, _)| name != other))
        );
    }
}
