//! Grams: up to four bytes of a text, as a number. Which of them are those of a literal, and where in a text they are.

use aho_corasick::Span;
use aho_corasick::packed::{self, Searcher};

/// Most grams that vectors search for.
pub(super) const MAX_FEW: usize = 64;

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
pub(super) struct Beginnings(Box<[u32; 2048]>);

impl Beginnings {
    pub fn new(grams: impl Iterator<Item = u32>) -> Option<Beginnings> {
        let mut grams = grams.peekable();
        grams.peek()?;
        let mut bits = Box::new([0; 2048]);
        for gram in grams {
            bits[pair_of(gram) >> 5] |= 1 << (gram & 31);
        }
        Some(Beginnings(bits))
    }

    /// Calls `verify` with every four bytes of a text that begin like a literal, and with where they are.
    pub fn each(&self, text: &[u8], verify: impl FnMut(u32, usize)) {
        let bits = &*self.0;
        let admits = |gram| bits[pair_of(gram) >> 5] >> (gram & 31) & 1 == 1;
        each(text, admits, verify);
    }
}

/// Which grams may be those of a literal: one bit for each, at a place that is computed from it; few others have the same.
///
/// The sizes are known to the compiler, so that nothing is left to be checked where they are asked.
#[derive(Debug)]
pub(super) enum Filter {
    None,
    /// So few that vectors search for them, where the processor has those.
    Few(Box<Searcher>),
    Small(Box<[u32; 128]>),
    Middle(Box<[u32; 1024]>),
    Large(Box<[u32; 8192]>),
}

impl Filter {
    pub fn new(grams: impl ExactSizeIterator<Item = u32> + Clone) -> Filter {
        if let Some(searcher) = few(grams.clone()) {
            return Filter::Few(Box::new(searcher));
        }
        // Some thirty bits for each; but no more than what the processor's first cache holds.
        match grams.len() {
            0 => Filter::None,
            1..=128 => Filter::Small(bits_of(grams)),
            129..=1024 => Filter::Middle(bits_of(grams)),
            _ => Filter::Large(bits_of(grams)),
        }
    }
}

impl Filter {
    /// Calls `verify` with every four bytes of a text that may be those of a literal, and with where they are.
    pub fn each(&self, text: &[u8], verify: impl FnMut(u32, usize)) {
        match self {
            Filter::None => {}
            Filter::Few(searcher) => each_of_few(searcher, text, verify),
            Filter::Small(bits) => each(text, |gram| admits(bits, gram), verify),
            Filter::Middle(bits) => each(text, |gram| admits(bits, gram), verify),
            Filter::Large(bits) => each(text, |gram| admits(bits, gram), verify),
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
pub(super) struct Numbers {
    /// Open addressing, twice as many as there are grams: the gram, and its number plus one.
    slots: Box<[(u32, u32)]>,
}

impl Numbers {
    pub fn new(grams: impl Iterator<Item = (u32, u32)>) -> Numbers {
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
    pub fn get(&self, gram: u32) -> Option<u32> {
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
pub(super) fn word(window: &[u8]) -> u32 {
    window.try_into().map_or(0, u32::from_le_bytes)
}
