//! Texts drawn from a pattern: what it matches, but for what it wants to see around it.

use regex_syntax::hir::{Class, Hir, HirKind};

/// How often at most something is repeated that may come any number of times.
const REPEATS: u32 = 3;
/// Nothing more is repeated in a text that is as long.
const LONG: usize = 4096;

/// Writes a text that the pattern matches. `below` chooses a number below the one that it is given.
pub fn draw(pattern: &Hir, below: &mut impl FnMut(usize) -> usize, text: &mut Vec<u8>) {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.extend_from_slice(&literal.0),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = class.ranges();
            if !ranges.is_empty() {
                let range = ranges[below(ranges.len())];
                let width = range.end() as usize - range.start() as usize + 1;
                let number = range.start() as usize + below(width);
                let character =
                    char::from_u32(u32::try_from(number).unwrap()).unwrap_or(range.start());
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        HirKind::Class(Class::Bytes(class)) => {
            let ranges = class.ranges();
            if !ranges.is_empty() {
                let range = ranges[below(ranges.len())];
                let width = usize::from(range.end() - range.start()) + 1;
                text.push(range.start() + u8::try_from(below(width)).unwrap());
            }
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            let most = most.min(repetition.min.saturating_add(REPEATS));
            let span = usize::try_from(most - repetition.min).unwrap() + 1;
            for _ in 0..repetition.min as usize + below(span) {
                if text.len() < LONG {
                    draw(&repetition.sub, below, text);
                }
            }
        }
        HirKind::Capture(capture) => draw(&capture.sub, below, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| draw(part, below, text)),
        HirKind::Alternation(ways) => draw(&ways[below(ways.len())], below, text),
    }
}
