//! URLs that run script.

use super::super::scan;

/// Schemes that run script, or the start of one: `JAVA` stands for `javascript:` with anything in between.
const SCHEMES: [&[u8]; 4] = [b"DATA", b"VIEW-SOURCE", b"JAVA", b"VBSCRIPT"];

/// The greatest character that a numeric entity can stand for; one that exceeds it is read as plain text.
/// The C library's bound. Unicode ends at 0x10FFFF, but no scheme needs more than ASCII.
const CHARACTER_LIMIT: u32 = 0x10_00ff;

/// Whether `url` has a scheme that runs script, in whatever case, behind white space and written with entities.
pub(super) fn runs_script(url: &[u8]) -> bool {
    // Bytes from 0x80 on are taken for white space in UTF-8 (Opera) or bytes that EUC-JP ignores.
    let leading = scan::span(url, |byte| byte <= b' ' || byte >= 0x7f);
    let url = scan::tail(url, leading);
    SCHEMES.iter().any(|scheme| has_scheme(url, scheme))
}

fn has_scheme(url: &[u8], scheme: &[u8]) -> bool {
    let mut characters = Characters { rest: url }
        .skip_while(|&character| character <= u32::from(b' '))
        .filter(|&character| character != 0 && character != u32::from(b'\n'));
    scheme
        .iter()
        .all(|&byte| characters.next().is_some_and(|it| is_letter(it, byte)))
}

/// Whether `character` is the byte `upper` or its lower case. The C library compares the low byte of a character,
/// after it has changed ASCII letters to upper case.
fn is_letter(character: u32, upper: u8) -> bool {
    match u8::try_from(character) {
        Ok(byte) => byte.to_ascii_uppercase() == upper,
        Err(_) => character.to_le_bytes().first() == Some(&upper),
    }
}

/// The characters of an attribute value, numeric entities decoded.
struct Characters<'a> {
    rest: &'a [u8],
}

impl Iterator for Characters<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (character, length) = match self.rest {
            [] => return None,
            [b'&', b'#', b'x' | b'X', digits @ ..] => entity(digits, 16, 3),
            [b'&', b'#', digits @ ..] => entity(digits, 10, 2),
            [byte, ..] => (u32::from(*byte), 1),
        };
        self.rest = scan::tail(self.rest, length);
        Some(character)
    }
}

/// The character of an entity, whose `digits` follow `prefix` bytes, and the length of the whole; or else the
/// ampersand that it begins with.
fn entity(digits: &[u8], radix: u32, prefix: usize) -> (u32, usize) {
    match number(digits, radix) {
        Some((character, length)) => (character, prefix + length),
        None => (u32::from(b'&'), 1),
    }
}

/// The number at the start and its length, with the semicolon that may follow.
fn number(digits: &[u8], radix: u32) -> Option<(u32, usize)> {
    let is_digit = |byte| char::from(byte).is_digit(radix);
    let length = scan::span(digits, is_digit);
    let mut number = 0;
    for &byte in scan::head(digits, length) {
        number = number * radix + char::from(byte).to_digit(radix)?;
        if number > CHARACTER_LIMIT {
            return None;
        }
    }
    let semicolon = usize::from(digits.get(length) == Some(&b';'));
    (length > 0).then_some((number, length + semicolon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_in_any_case_and_disguise() {
        for url in [
            "javascript:alert(1)",
            "JAVA",
            "\x01 \u{a0}vbscript:x",
            "d\0a\nta:",
            "&#106;&#97;&#118;&#97;",
            "&#x6a&#X41v&#97",
            "&#0;&#32;view-source:x",
            "&#0000000000000000000000000000000000100;ata:",
            "&#x144;ATA:",
        ] {
            assert!(runs_script(url.as_bytes()), "{url:?}");
        }
    }

    #[test]
    fn other_urls() {
        for url in [
            "",
            "jav",
            "https://example.org/java",
            "d ata:",
            "d\tata:",
            "&#100",
            "&amp;data:",
            "&#;data:",
            "&#xdata:",
            "&#x164;ata:",
        ] {
            assert!(!runs_script(url.as_bytes()), "{url:?}");
        }
    }

    #[test]
    fn entities() {
        let decode = |text: &'static str| {
            let mut characters = Characters {
                rest: text.as_bytes(),
            };
            (characters.next(), characters.rest)
        };
        assert_eq!(decode("&#65;x"), (Some(65), &b"x"[..]));
        assert_eq!(decode("&#65x"), (Some(65), &b"x"[..]));
        assert_eq!(decode("&#x4A;"), (Some(0x4a), &b""[..]));
        assert_eq!(decode("&#x4A"), (Some(0x4a), &b""[..]));
        assert_eq!(decode("&#x;"), (Some(38), &b"#x;"[..]));
        assert_eq!(decode("&lt;"), (Some(38), &b"lt;"[..]));
        assert_eq!(decode("&"), (Some(38), &b""[..]));
        // On both sides of the bound.
        assert_eq!(decode("&#x1000ff;"), (Some(0x10_00ff), &b""[..]));
        assert_eq!(decode("&#x100100;"), (Some(38), &b"#x100100;"[..]));
        assert_eq!(decode("&#1048831;"), (Some(1_048_831), &b""[..]));
        assert_eq!(decode("&#1048832;"), (Some(38), &b"#1048832;"[..]));
    }
}
