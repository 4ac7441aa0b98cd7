//! The words and fingerprints of libinjection, parsed and indexed at compile time.

use super::super::records;
use super::token::{Kind, VALUE_LIMIT};

const WORD_RECORDS: &[u8] = include_bytes!("../data/words.txt");
const FINGERPRINT_RECORDS: &[u8] = include_bytes!("../data/fingerprints.txt");

/// A word, phrase or operator that the table knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub(super) kind: Kind,
    /// In upper case.
    pub(super) text: &'static [u8],
}

/// The hash of a word, taken byte by byte, ASCII case aside (FNV-1a).
#[derive(Clone, Copy)]
pub(super) struct WordHash(u32);

impl WordHash {
    pub(super) const fn new() -> Self {
        Self(0x811c_9dc5)
    }

    pub(super) const fn push(self, byte: u8) -> Self {
        Self((self.0 ^ byte.to_ascii_uppercase() as u32).wrapping_mul(0x0100_0193))
    }

    fn of(bytes: &[u8]) -> Self {
        Self::new().extend(bytes)
    }

    fn extend(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |hash, &byte| hash.push(byte))
    }

    const fn slot(self) -> usize {
        (self.0 ^ (self.0 >> 16)) as usize % SLOTS
    }
}

/// Four slots for each word: a look-up that fails, as most do, ends at once three times out of four.
const SLOTS: usize = 4096;

/// What stands in a slot without a word: no index of [`WORDS`].
const NO_WORD: u16 = u16::MAX;

static WORDS: [Word; records::count(WORD_RECORDS)] = words();

/// For each hash the index of its word in [`WORDS`], or of another one and this one's in a slot further on.
static WORD_SLOTS: [u16; SLOTS] = word_slots();

const fn words() -> [Word; records::count(WORD_RECORDS)] {
    const UNSET: Word = Word {
        kind: Kind::Unknown,
        text: &[],
    };
    let mut words = [UNSET; records::count(WORD_RECORDS)];
    let mut index = 0;
    let mut rest = WORD_RECORDS;
    while let Some((record, after)) = records::next(rest) {
        if let [symbol, b' ', text @ ..] = record {
            words[index] = Word {
                kind: Kind::of_word(*symbol),
                text,
            };
        }
        index += 1;
        rest = after;
    }
    words
}

const fn word_slots() -> [u16; SLOTS] {
    let mut slots = [NO_WORD; SLOTS];
    let mut index = 0;
    while index < WORDS.len() {
        let mut hash = WordHash::new();
        let mut rest = WORDS[index].text;
        while let [byte, after @ ..] = rest {
            hash = hash.push(*byte);
            rest = after;
        }
        let mut slot = hash.slot();
        while slots[slot] != NO_WORD {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = index as u16;
        index += 1;
    }
    slots
}

/// The word with this hash that satisfies `is_it`.
pub(super) fn find(hash: WordHash, is_it: impl Fn(&[u8]) -> bool) -> Option<Word> {
    let mut slot = hash.slot();
    loop {
        // An empty slot ends the search, and three quarters are empty.
        let word = WORDS.get(usize::from(WORD_SLOTS[slot % SLOTS]))?;
        if is_it(word.text) {
            return Some(*word);
        }
        slot += 1;
    }
}

/// The word `text`, ASCII case aside.
pub(super) fn word(text: &[u8]) -> Option<Word> {
    find(WordHash::of(text), |word| word.eq_ignore_ascii_case(text))
}

/// The shortest part of a phrase, in bytes: the table knows no word of one letter.
const SHORTEST_PART: usize = 2;

/// The phrase `first second`, ASCII case aside, if it fits a token.
pub(super) fn phrase(first: &[u8], second: &[u8]) -> Option<Word> {
    // Most pairs of tokens have an operator of one byte.
    if first.len().min(second.len()) < SHORTEST_PART || first.len() + 1 + second.len() > VALUE_LIMIT
    {
        return None;
    }
    let hash = WordHash::of(first).push(b' ').extend(second);
    find(hash, |phrase| {
        phrase
            .split_at_checked(first.len())
            .is_some_and(|(start, end)| {
                start.eq_ignore_ascii_case(first)
                    && end
                        .split_first()
                        .is_some_and(|(&gap, end)| gap == b' ' && end.eq_ignore_ascii_case(second))
            })
    })
}

/// The longest fingerprint, in symbols, and so the tokens that detection looks at.
pub(super) const FINGERPRINT_LIMIT: usize = 5;

/// Fingerprints of attacks as numbers, in ascending order.
static FINGERPRINTS: [u64; records::count(FINGERPRINT_RECORDS)] = fingerprints();

const fn fingerprints() -> [u64; records::count(FINGERPRINT_RECORDS)] {
    let mut numbers = [0; records::count(FINGERPRINT_RECORDS)];
    let mut index = 0;
    let mut rest = FINGERPRINT_RECORDS;
    while let Some((record, after)) = records::next(rest) {
        numbers[index] = fingerprint_number(record);
        assert!(index == 0 || numbers[index - 1] < numbers[index]);
        index += 1;
        rest = after;
    }
    numbers
}

/// The symbols as the digits of a number, case aside, padded to [`FINGERPRINT_LIMIT`].
const fn fingerprint_number(symbols: &[u8]) -> u64 {
    let mut number = 0;
    let mut rest = symbols;
    let mut digits = 0;
    while digits < FINGERPRINT_LIMIT {
        number <<= 8;
        if let [symbol, after @ ..] = rest {
            number |= symbol.to_ascii_uppercase() as u64;
            rest = after;
        }
        digits += 1;
    }
    number
}

/// Whether these symbols, at most [`FINGERPRINT_LIMIT`], are the fingerprint of an attack.
pub(super) fn is_attack(symbols: &[u8]) -> bool {
    FINGERPRINTS
        .binary_search(&fingerprint_number(symbols))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_in_either_case() {
        assert_eq!(WORDS.len(), 985);
        for entry in &WORDS {
            assert_ne!(entry.kind, Kind::Unknown, "{entry:?}");
            assert!((2..VALUE_LIMIT).contains(&entry.text.len()), "{entry:?}");
            for text in [entry.text.to_vec(), entry.text.to_ascii_lowercase()] {
                let found = word(&text).unwrap();
                assert_eq!((found.kind, found.text), (entry.kind, entry.text));
            }
            for (gap, _) in entry
                .text
                .iter()
                .enumerate()
                .filter(|(_, byte)| **byte == b' ')
            {
                let found = phrase(&entry.text[..gap], &entry.text[gap + 1..]).unwrap();
                assert_eq!(found.text, entry.text);
            }
        }
    }

    #[test]
    fn what_is_no_word_is_not_found() {
        for text in [
            "",
            "A",
            "SELEC",
            "SELECTS",
            "SEL\0ECT",
            "0X",
            "\u{ff33}ELECT",
        ] {
            assert!(word(text.as_bytes()).is_none(), "{text:?}");
        }
        assert!(phrase(b"UNION", b"NONE").is_none());
        assert!(phrase(b"", b"UNION").is_none());
    }

    #[test]
    fn a_phrase_must_fit_a_token() {
        let fits = [b'A'; 15];
        assert!(phrase(&fits, &fits).is_none());
        assert!(phrase(b"UNION ALL", b"DISTINCT").is_some());
        assert!(phrase(&[b'A'; 40], b"ALL").is_none());
    }

    #[test]
    fn fingerprints_are_known_case_aside() {
        assert_eq!(FINGERPRINTS.len(), 8367);
        assert!(is_attack(b"1c"));
        assert!(is_attack(b"s&1c"));
        assert!(is_attack(b"&(1)U"));
        assert!(is_attack(b"X"));
        assert!(!is_attack(b""));
        assert!(!is_attack(b"n"));
        assert!(!is_attack(b"{n}"));
    }

    #[test]
    fn long_probes_do_not_happen() {
        let mut run = 0;
        for slot in 0..2 * SLOTS {
            run = if WORD_SLOTS[slot % SLOTS] == NO_WORD {
                0
            } else {
                run + 1
            };
            assert!(run < 16);
        }
    }
}
