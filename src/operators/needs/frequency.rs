//! How often bytes occur in what ordinary clients send: a guess, good enough to choose the rarer of two literals.

/// The share of one byte in lower-case text of URLs, headers and forms.
pub(super) fn of_byte(byte: u8) -> f64 {
    let per_mille = match byte {
        b'e' => 85.0,
        b'a' | b't' | b'o' | b'i' => 62.0,
        b'n' | b's' | b'r' => 55.0,
        b' ' => 60.0,
        b'l' | b'c' | b'd' => 33.0,
        b'h' | b'u' | b'm' | b'p' => 25.0,
        b'g' | b'f' | b'b' | b'w' => 15.0,
        b'y' | b'v' | b'k' => 10.0,
        b'x' | b'j' | b'q' | b'z' => 3.0,
        b'0' | b'1' | b'2' => 18.0,
        b'3'..=b'9' => 11.0,
        b'/' | b'.' => 16.0,
        b'-' => 14.0,
        b'_' | b'=' | b',' => 8.0,
        b';' | b':' | b'+' | b'"' | b'%' | b'&' => 5.0,
        b'(' | b')' | b'\'' | b'*' | b'?' => 2.5,
        b'!' | b'#' | b'@' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b'\n' | b'\r' => 1.2,
        b'$' | b'|' | b'\\' | b'~' | b'`' | b'^' | b'\t' => 0.5,
        0x80.. => 0.4,
        _ => 0.02,
    };
    per_mille / 1000.0
}

/// How many places per byte a literal is expected at.
pub(super) fn of_text(text: &[u8]) -> f64 {
    // Letters of a word come together more often than chance has it.
    text.iter().map(|byte| of_byte(*byte).powf(0.8)).product()
}

/// Where in a text the rarest part of this length begins; 0 if the text is not longer.
pub fn rarest(text: &[u8], length: usize) -> usize {
    text.windows(length)
        .enumerate()
        .min_by(|(_, a), (_, b)| of_text(a).total_cmp(&of_text(b)))
        .map_or(0, |(at, _)| at)
}
