//! Sets of bytes.

use super::super::syntax::{Class, Item};

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Set([u64; 4]);

impl Set {
    /// The bytes that a predicate holds for.
    pub(super) fn of(holds: impl Fn(u8) -> bool) -> Set {
        let mut set = Set::default();
        (0..=u8::MAX)
            .filter(|b| holds(*b))
            .for_each(|b| set.insert(b));
        set
    }

    /// One byte, in both cases where that is asked for.
    pub(super) fn byte(byte: u8, caseless: bool) -> Set {
        Set::of(|b| b == byte || (caseless && b.eq_ignore_ascii_case(&byte)))
    }

    /// What a class matches.
    pub(super) fn class(class: &Class, caseless: bool) -> Set {
        Set::of(|byte| {
            let in_item = |item: &Item| match item {
                Item::Range(low, high) => {
                    let inside = |b: u8| (*low..=*high).contains(&b);
                    inside(byte)
                        || (caseless
                            && (inside(byte.to_ascii_lowercase())
                                || inside(byte.to_ascii_uppercase())))
                }
                Item::Escape(letter) => escape(*letter, byte),
                Item::Posix { name, negated } => posix(name, byte, caseless) != *negated,
            };
            class.items.iter().any(in_item) != class.negated
        })
    }

    fn insert(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    /// Whether the byte is in it.
    pub(super) fn has(&self, byte: u8) -> bool {
        let word = self.0.get(usize::from(byte >> 6));
        word.is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }

    /// The bytes of both.
    pub(super) fn union(self, other: Set) -> Set {
        Set::of(|byte| self.has(byte) || other.has(byte))
    }
}

/// `\d \D \w \W \s \S \h \H \v \V`.
fn escape(letter: u8, byte: u8) -> bool {
    match letter {
        b'd' => byte.is_ascii_digit(),
        b'w' => byte.is_ascii_alphanumeric() || byte == b'_',
        b's' => matches!(byte, b'\t'..=b'\r' | b' '),
        b'h' => matches!(byte, b'\t' | b' ' | 0xA0),
        b'v' => matches!(byte, b'\n'..=b'\r' | 0x85),
        _ => !escape(letter.to_ascii_lowercase(), byte),
    }
}

fn posix(name: &str, byte: u8, caseless: bool) -> bool {
    match name {
        "alnum" => byte.is_ascii_alphanumeric(),
        "alpha" => byte.is_ascii_alphabetic(),
        "ascii" => byte.is_ascii(),
        "blank" => matches!(byte, b' ' | b'\t'),
        "cntrl" => byte.is_ascii_control(),
        "digit" => byte.is_ascii_digit(),
        "graph" => byte.is_ascii_graphic(),
        "lower" | "upper" if caseless => byte.is_ascii_alphabetic(),
        "lower" => byte.is_ascii_lowercase(),
        "print" => byte == b' ' || byte.is_ascii_graphic(),
        "punct" => byte.is_ascii_punctuation(),
        "space" => escape(b's', byte),
        "upper" => byte.is_ascii_uppercase(),
        "word" => escape(b'w', byte),
        "xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}
