//! Text and bytes that are the same in every run.

/// A sequence of numbers without a pattern that matters here (a linear congruential generator, Knuth's constants).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The upper bits: the lower ones have short periods.
        (self.0 >> 33) as usize % limit
    }
}

/// No word of SQL, of a shell or of a script among them.
const WORDS: [&str; 48] = [
    "garden", "river", "mountain", "yellow", "winter", "bread", "window", "letter", "morning",
    "bicycle", "harbour", "village", "kitchen", "lantern", "meadow", "orchard", "paper", "quiet",
    "railway", "summer", "teacher", "umbrella", "valley", "weather", "autumn", "bridge", "candle",
    "dinner", "evening", "forest", "golden", "holiday", "island", "journey", "ladder", "market",
    "notebook", "ocean", "picture", "rainbow", "silver", "travel", "walking", "wooden", "apple",
    "blanket", "cottage", "feather",
];

/// Words with blanks between them, exactly `length` bytes.
pub fn words(random: &mut Random, length: usize) -> String {
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(WORDS[random.below(WORDS.len())]);
    }
    text.truncate(length);
    // A value that ends in a blank would be another value after trimming.
    if text.ends_with(' ') {
        text.pop();
        text.push('s');
    }
    text
}

/// `length` characters of base64, of bytes without a pattern.
pub fn base64(length: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut random = Random::new(5);
    (0..length)
        .map(|_| char::from(ALPHABET[random.below(64)]))
        .collect()
}

/// Bytes without a pattern, as in a compressed picture.
pub fn noise(length: usize) -> impl Iterator<Item = u8> {
    let mut random = Random::new(6);
    (0..length).map(move |_| random.below(256) as u8)
}
