//! Texts on their way out: logs and requests hold what strangers sent, and a terminal must not be told what to do by them.

/// A text for a terminal: one line, without control characters and without those that turn the direction of writing.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            character if is_harmless(character) => out.push(character),
            character => out.push_str(&format!("\\u{{{:x}}}", u32::from(character))),
        }
    }
    out
}

/// Whether a terminal shows a character and does nothing else.
pub fn is_harmless(character: char) -> bool {
    let turns = matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    !character.is_control() && !turns
}
