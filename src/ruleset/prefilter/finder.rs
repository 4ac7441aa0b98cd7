//! Thousands of literals, searched for at once.
//!
//! Each literal of four bytes or more is known by the rarest four bytes in it. A filter says for every four bytes
//! of a text whether they may be those of a literal; nearly always they are not, and the next are looked at. There is no
//! state that goes from byte to byte, and what is touched is small: unlike an automaton of all literals, it stays in the
//! processor's first cache. Literals of two and three bytes have tables of their own.

use std::collections::BTreeMap;

use aho_corasick::Span;
use aho_corasick::packed::{self, Searcher};

use super::lists::Lists;
use crate::operators::needs::rarest;

/// Most grams that vectors search for.
const MAX_FEW: usize = 64;

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
        let few = numbers.len() <= 2 * MAX_FEW;
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
        match &self.filter {
            Filter::None => {}
            Filter::Few(searcher) => each_of_few(searcher, text, quad),
            Filter::Small(bits) => each(text, |gram| admits(bits, gram), quad),
            Filter::Middle(bits) => each(text, |gram| admits(bits, gram), quad),
            Filter::Large(bits) => each(text, |gram| admits(bits, gram), quad),
        }
        if let Some(beginnings) = &self.beginnings {
            let short = |word, at| self.verify_short(word, at, text, found);
            each(padded, |gram| beginnings.admits(gram), short);
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

/// Calls `verify` with every four bytes of a text that are admitted, and with where they are.
#[inline(always)]
fn each(text: &[u8], admits: impl Fn(u32) -> bool, mut verify: impl FnMut(u32, usize)) {
    let mut from = 0;
    while let Some(at) = next(text, from, &admits) {
        let window = text.get(at..).and_then(|rest| rest.get(..4));
        verify(window.map_or(0, word), at);
        from = at + 1;
    }
}

/// As [`each`], for those that a searcher finds.
fn each_of_few(searcher: &Searcher, text: &[u8], mut verify: impl FnMut(u32, usize)) {
    let mut from = 0;
    while let Some(found) = searcher.find_in(text, Span::from(from..text.len())) {
        let at = found.start();
        let window = text.get(at..).and_then(|rest| rest.get(..4));
        verify(window.map_or(0, word), at);
        from = at + 1;
    }
}

/// A search for these by vectors, if they are few enough for it, and the processor has any.
fn few(grams: impl ExactSizeIterator<Item = u32>) -> Option<Searcher> {
    if !(1..=MAX_FEW).contains(&grams.len()) {
        return None;
    }
    let mut builder = packed::Config::new().only_teddy(true).builder();
    builder.extend(grams.map(u32::to_le_bytes));
    builder.build()
}

/// Where the next four bytes of a text are that are admitted, from a place on. There is nothing in this loop but what
/// is done for each byte of all texts: a call from within would cost what it keeps in registers.
#[inline(always)]
fn next(text: &[u8], from: usize, admits: &impl Fn(u32) -> bool) -> Option<usize> {
    let mut at = from;
    while let Some(window) = text.get(at..).and_then(|rest| rest.first_chunk::<11>()) {
        for step in 0..8 {
            if admits(window.get(step..step + 4).map_or(0, word)) {
                return Some(at + step);
            }
        }
        at += 8;
    }
    let mut rest = text.get(at..)?.windows(4);
    rest.position(|window| admits(word(window)))
        .map(|step| at + step)
}

/// The first two bytes of literals of two and three: all pairs of bytes there are.
#[derive(Debug)]
struct Beginnings(Box<[u32; 2048]>);

impl Beginnings {
    fn new(grams: impl Iterator<Item = u32>) -> Option<Beginnings> {
        let mut grams = grams.peekable();
        grams.peek()?;
        let mut bits = Box::new([0; 2048]);
        for gram in grams {
            bits[pair_of(gram) >> 5] |= 1 << (gram & 31);
        }
        Some(Beginnings(bits))
    }

    #[inline(always)]
    fn admits(&self, gram: u32) -> bool {
        self.0[pair_of(gram) >> 5] >> (gram & 31) & 1 == 1
    }
}

/// Which grams may be those of a literal: one bit for each, at a place that is computed from it; few others have the same.
///
/// The sizes are known to the compiler, so that nothing is left to be checked where they are asked.
#[derive(Debug)]
enum Filter {
    None,
    /// So few that vectors search for them, where the processor has those.
    Few(Box<Searcher>),
    Small(Box<[u32; 128]>),
    Middle(Box<[u32; 1024]>),
    Large(Box<[u32; 8192]>),
}

impl Filter {
    fn new(grams: impl ExactSizeIterator<Item = u32> + Clone) -> Filter {
        if let Some(searcher) = few(grams.clone()) {
            return Filter::Few(Box::new(searcher));
        }
        // Some thirty bits for each; but no more than what the processor's first cache holds.
        match grams.len() {
            0 => Filter::None,
            ..=128 => Filter::Small(bits_of(grams)),
            ..=1024 => Filter::Middle(bits_of(grams)),
            _ => Filter::Large(bits_of(grams)),
        }
    }
}

fn bits_of<const WORDS: usize>(grams: impl Iterator<Item = u32>) -> Box<[u32; WORDS]> {
    let mut bits = Box::new([0; WORDS]);
    for gram in grams {
        let at = bit_of::<WORDS>(gram);
        bits[(at >> 5) as usize] |= 1 << (at & 31);
    }
    bits
}

#[inline(always)]
fn admits<const WORDS: usize>(bits: &[u32; WORDS], gram: u32) -> bool {
    let at = bit_of::<WORDS>(gram);
    bits[(at >> 5) as usize] >> (at & 31) & 1 == 1
}

/// The number of a gram's bit: below 32 times `WORDS`, which is a power of two.
#[inline(always)]
const fn bit_of<const WORDS: usize>(gram: u32) -> u32 {
    product(gram) >> (27 - WORDS.trailing_zeros())
}

/// Up to four bytes, as numbers, each with a number of its own.
#[derive(Debug)]
struct Numbers {
    /// Open addressing, twice as many as there are grams: the gram, and its number plus one.
    slots: Box<[(u32, u32)]>,
}

impl Numbers {
    fn new(grams: impl Iterator<Item = (u32, u32)>) -> Numbers {
        let grams: Vec<_> = grams.collect();
        let slots = match grams.len() {
            0 => 0,
            many => (many * 2).next_power_of_two(),
        };
        let mut numbers = Numbers {
            slots: vec![(0, 0); slots].into(),
        };
        for (gram, number) in grams {
            let free = numbers.probe(gram).find(|at| {
                let slot = numbers.slots.get(*at);
                slot.is_some_and(|(_, used)| *used == 0)
            });
            if let Some(slot) = free.and_then(|at| numbers.slots.get_mut(at)) {
                *slot = (gram, number + 1);
            }
        }
        numbers
    }

    #[inline]
    fn get(&self, gram: u32) -> Option<u32> {
        for at in self.probe(gram) {
            match self.slots.get(at) {
                None | Some((_, 0)) => break,
                Some((known, number)) if *known == gram => return Some(number - 1),
                Some(_) => {}
            }
        }
        None
    }

    #[inline]
    fn probe(&self, gram: u32) -> impl Iterator<Item = usize> + use<> {
        let slots = self.slots.len();
        // The filter has gone by the upper bits: whatever passes it by chance is the same in them.
        let first = (product(gram) >> 8) as usize;
        (0..slots).map(move |step| first.wrapping_add(step) & slots.wrapping_sub(1))
    }
}

/// Its upper bits depend on all of the gram.
#[inline(always)]
const fn product(gram: u32) -> u32 {
    gram.wrapping_mul(0x9e37_79b1)
}

/// The first two bytes of a gram, as a number.
#[inline(always)]
fn pair_of(gram: u32) -> usize {
    (gram & 0xffff) as usize
}

#[inline(always)]
fn word(window: &[u8]) -> u32 {
    window.try_into().map_or(0, u32::from_le_bytes)
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
