//! Inputs that are others with changes: bytes fall out, come twice, are others; words of one parser stand in another's input.

use crate::random::Random;

/// The longest input that is made.
pub const LONGEST: usize = 4096;

/// What means something to one parser or another: lines of a dictionary of libFuzzer's.
pub fn pieces() -> Vec<Vec<u8>> {
    let lines = include_str!("../../fuzz/pieces.dict").lines();
    let quoted = lines.filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(|text| unescape(text.as_bytes())).collect()
}

/// `\xHH`, and a backslash before what stands for itself.
fn unescape(mut text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some((first, rest)) = text.split_first() {
        let (byte, length) = match (first, rest) {
            (b'\\', [b'x', high, low, ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap();
                let byte = u8::try_from(digit(high) * 16 + digit(low)).unwrap();
                (byte, 3)
            }
            (b'\\', [itself, ..]) => (*itself, 1),
            _ => (*first, 0),
        };
        bytes.push(byte);
        text = &rest[length..];
    }
    bytes
}

/// A seed with one to four changes.
pub fn changed(random: &mut Random, seeds: &[Vec<u8>], pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len())].clone();
    input.truncate(LONGEST);
    for _ in 0..1 + random.below(4) {
        let at = random.below(input.len() + 1);
        match random.below(7) {
            0 => input.truncate(at),
            1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            2 => {
                let to = (at + random.below(16)).min(input.len());
                input.drain(at..to);
            }
            3 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let to = (from + random.below(64)).min(other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
            4 => {
                let byte = u8::try_from(random.below(256)).unwrap();
                input.insert(at, byte);
            }
            5 => {
                let to = (at + 1 + random.below(12)).min(input.len());
                let repeated = input[at..to].repeat(1 + random.below(20));
                input.splice(at..at, repeated);
            }
            _ => {
                let piece = &pieces[random.below(pieces.len())];
                input.splice(at..at, piece.iter().copied());
            }
        }
    }
    input.truncate(LONGEST);
    input
}
