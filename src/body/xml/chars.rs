//! The character classes of XML 1.0 (fifth edition).

/// Production `NameStartChar`.
pub(super) fn is_name_start(c: char) -> bool {
    matches!(c,
        ':' | '_' | 'A'..='Z' | 'a'..='z'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}'
        | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// Production `NameChar`.
pub(super) fn is_name_char(c: char) -> bool {
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Production `Name`, with one colon at most: XML allows more, Namespaces in XML does not, and parsers disagree.
pub(super) fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start)
        && chars.all(is_name_char)
        && memchr::memchr_iter(b':', name.as_bytes()).count() <= 1
}

/// Production `Char`.
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Production `S`, one byte of it.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Where the first character stands in `text` that XML does not allow at all.
pub(super) fn invalid_char(text: &str) -> Option<usize> {
    // Only control characters and U+FFFE, U+FFFF (EF BF BE, EF BF BF) can be at fault in valid UTF-8. Whole blocks
    // without either are the rule, and this form of the test is one the compiler vectorises.
    const BLOCK: usize = 64;
    let suspicious = |b: u8| b < b' ' || b == 0xEF;
    let clean = text
        .as_bytes()
        .chunks(BLOCK)
        .take_while(|block| !block.iter().fold(false, |acc, &b| acc | suspicious(b)))
        .map(<[u8]>::len)
        .sum();
    let start = text.floor_char_boundary(clean);
    text.get(start..)?
        .char_indices()
        .find(|&(_, c)| !is_char(c))
        .map(|(at, _)| start + at)
}
