//! Thousands of literals, searched for at once.
//!
//! Each literal of four bytes or more is known by the rarest four bytes in it. A filter says for every four bytes
//! of a text whether they may be those of a literal; nearly always they are not, and the next are looked at. There is no
//! state that goes from byte to byte, and what is touched is small: unlike an automaton of all literals, it stays in the
//! processor's first cache. Literals of two and three bytes have tables of their own.

use std::collections::BTreeMap;

use super::grams::{Beginnings, Filter, MAX_FEW, Numbers, word};
use super::lists::Lists;
use crate::operators::needs::rarest;

/// How many zero bytes must follow a text in memory, so that its last bytes can be read like the others.
pub(super) const PADDING: usize = 2;

/// A set of literals of two bytes or more.
#[derive(Debug)]
pub(super) struct Finder {
    beginnings: Option<Beginnings>,
    pairs: Numbers,
    triples: Numbers,
    /// Of the others the four bytes that each is known by.
    filter: Filter,
    quads: Numbers,
    /// By the numbers of four bytes: the literals that are known by them.
    shared: Lists<Entry>,
}

/// One literal of four bytes or more.
#[derive(Debug)]
struct Entry {
    number: u32,
    /// Where the four bytes are in it.
    offset: u32,
}

/// Which literals have been found in the text in hand.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The text in hand.
    text: u32,
    /// By literal: the text it was found in last.
    last: Vec<u32>,
    numbers: Vec<u32>,
}

impl Found {
    /// Another text, searched for literals with numbers below this one.
    pub fn begin(&mut self, literals: usize) {
        if self.last.len() < literals {
            self.last.resize(literals, 0);
        }
        self.numbers.clear();
        self.text = self.text.wrapping_add(1);
        if self.text == 0 {
            self.last.fill(0);
            self.text = 1;
        }
    }

    fn add(&mut self, number: u32) {
        if let Some(last) = self.last.get_mut(number as usize)
            && *last != self.text
        {
            *last = self.text;
            self.numbers.push(number);
        }
    }

    /// The literals in the text, each once.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }
}

impl Finder {
    /// For those literals that have these numbers. Literals of less than two bytes are not found.
    pub fn new(literals: &Lists<u8>, numbers: impl Iterator<Item = u32>) -> Finder {
        let (mut pairs, mut triples) = (BTreeMap::new(), BTreeMap::new());
        let mut quads: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
        // The short ones first, which have little to choose from.
        let mut numbers: Vec<u32> = numbers.collect();
        numbers.sort_by_key(|number| literals.of(*number).len());
        let few = numbers.len() <= 8 * MAX_FEW;
        for number in numbers {
            let literal = literals.of(number);
            match literal {
                [] | [_] => {}
                [a, b] => {
                    pairs.insert(u32::from_le_bytes([*a, *b, 0, 0]), number);
                }
                [a, b, c] => {
                    triples.insert(u32::from_le_bytes([*a, *b, *c, 0]), number);
                }
                _ => {
                    // Of few literals as few grams as may be, of many the rarest.
                    let known = |window: &[u8]| few && quads.contains_key(&word(window));
                    let known = literal.windows(4).position(known);
                    let offset = known.unwrap_or_else(|| rarest(literal, 4));
                    let quad = literal.get(offset..offset + 4).map_or(0, word);
                    quads.entry(quad).or_default().push(Entry {
                        number,
                        offset: offset as u32,
                    });
                }
            }
        }
        let beginnings = pairs.keys().chain(triples.keys());
        Finder {
            beginnings: Beginnings::new(beginnings.copied()),
            pairs: Numbers::new(pairs.iter().map(|(gram, number)| (*gram, *number))),
            triples: Numbers::new(triples.iter().map(|(gram, number)| (*gram, *number))),
            filter: Filter::new(quads.keys().copied()),
            quads: Numbers::new(quads.keys().copied().zip(0..)),
            shared: quads.into_values().collect(),
        }
    }

    /// Finds its ones of these literals in a text, which is followed by [`PADDING`] zero bytes in `padded`.
    pub fn find(&self, literals: &Lists<u8>, padded: &[u8], found: &mut Found) {
        let end = padded.len().saturating_sub(PADDING);
        let text = padded.get(..end).unwrap_or_default();
        let quad = |quad, at| self.verify(literals, quad, at, text, found);
        self.filter.each(text, quad);
        if let Some(beginnings) = &self.beginnings {
            let short = |word, at| self.verify_short(word, at, text, found);
            beginnings.each(padded, short);
        }
    }

    fn verify(&self, literals: &Lists<u8>, quad: u32, at: usize, text: &[u8], found: &mut Found) {
        let Some(shared) = self.quads.get(quad) else {
            return;
        };
        for entry in self.shared.of(shared) {
            let start = at.checked_sub(entry.offset as usize);
            let rest = start.and_then(|start| text.get(start..));
            if rest.is_some_and(|rest| rest.starts_with(literals.of(entry.number))) {
                found.add(entry.number);
            }
        }
    }

    fn verify_short(&self, word: u32, at: usize, text: &[u8], found: &mut Found) {
        let left = text.len().saturating_sub(at);
        for (grams, gram, length) in [
            (&self.pairs, word & 0xffff, 2),
            (&self.triples, word & 0x00ff_ffff, 3),
        ] {
            if let Some(number) = grams.get(gram)
                && left >= length
            {
                found.add(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(literals: &[&[u8]], text: &[u8]) -> Vec<u32> {
        (0u32..)
            .zip(literals)
            .filter(|(_, literal)| {
                text.windows(literal.len())
                    .any(|window| window == **literal)
            })
            .map(|(number, _)| number)
            .collect()
    }

    fn check(literals: &[&[u8]], text: &[u8]) -> usize {
        let all: Lists<u8> = literals.iter().map(|literal| literal.to_vec()).collect();
        let finder = Finder::new(&all, 0..literals.len() as u32);
        let mut state = Found::default();
        state.begin(literals.len());
        finder.find(&all, b"another text select abc\0\0", &mut state);
        state.begin(literals.len());
        finder.find(&all, &[text, &[0; PADDING]].concat(), &mut state);
        let mut found = state.numbers().to_vec();
        found.sort_unstable();
        assert_eq!(
            found,
            naive(literals, text),
            "{:?}",
            String::from_utf8_lossy(text)
        );
        found.len()
    }

    #[test]
    fn at_the_edges() {
        for text in [
            &b""[..],
            b"a",
            b"ab",
            b"abc",
            b"xab",
            b"abx",
            b"xabc",
            b"abcx",
            b"ab\0",
        ] {
            check(&[b"ab", b"abc", b"b\0", b"c\0\0", b"xabc"], text);
        }
    }

    #[test]
    fn overlapping_and_shared_beginnings() {
        let literals: [&[u8]; 6] = [b"select", b"sel", b"elect", b"lect ", b"ct", b"selector"];
        assert_eq!(check(&literals, b"selector selects"), 5);
    }

    #[test]
    fn as_a_plain_search_would() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut below = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 13) as usize % bound
        };
        let mut hits = 0;
        for _ in 0..300 {
            let alphabet = 2 + below(6);
            let mut draw = |length: usize| -> Vec<u8> {
                (0..length).map(|_| b'a' + below(alphabet) as u8).collect()
            };
            let mut literals: Vec<Vec<u8>> = (0..40).map(|at| draw(2 + at % 9)).collect();
            literals.sort();
            literals.dedup();
            let literals: Vec<&[u8]> = literals.iter().map(Vec::as_slice).collect();
            hits += check(&literals, &draw(200));
        }
        assert!(hits > 4_000, "{hits}");
    }
}
