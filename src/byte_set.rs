//! A set of byte values, small enough to copy.

/// A set of byte values: 256 bits.
///
/// Used in two roles: the bytes that occur in a value ([`ByteSet::of`]) and the bytes that a transformation looks for.
/// If the two do not [intersect](ByteSet::intersects), the transformation has nothing to do.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct ByteSet([u64; 4]);

/// The bytes of a set, in order.
struct Members([u64; 4]);

impl Iterator for Members {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (word, bits) = self
            .0
            .iter_mut()
            .zip(0u8..)
            .find_map(|(bits, word)| (*bits != 0).then_some((word, bits)))?;
        let bit = bits.trailing_zeros() as u8;
        *bits &= *bits - 1;
        Some(word * 64 + bit)
    }
}

/// From how many bytes on a text is worth a table of 256.
const LONG_TEXT: usize = 128;

/// A set of bytes that texts are searched for.
#[derive(Clone, Copy, Debug)]
pub enum Search {
    /// No byte.
    None,
    /// One byte.
    One(u8),
    /// Either of two.
    Two(u8, u8),
    /// One of three.
    Three(u8, u8, u8),
    /// One of more.
    Many(ByteSet),
}

impl Search {
    /// Where the first byte of `text` is that is in the set.
    pub fn find(&self, text: &[u8]) -> Option<usize> {
        // Often it is near, and looking there costs less than to begin a search.
        const NEAR: usize = 16;
        let (near, far) = text.split_at(text.len().min(NEAR));
        let mut near = near.iter().copied();
        let found = match *self {
            Search::None => return None,
            Search::One(a) => near.position(|byte| byte == a),
            Search::Two(a, b) => near.position(|byte| byte == a || byte == b),
            Search::Three(a, b, c) => near.position(|byte| byte == a || byte == b || byte == c),
            Search::Many(set) => near.position(|byte| set.contains(byte)),
        };
        if found.is_some() || far.is_empty() {
            return found;
        }
        let found = match *self {
            Search::None => None,
            Search::One(a) => memchr::memchr(a, far),
            Search::Two(a, b) => memchr::memchr2(a, b, far),
            Search::Three(a, b, c) => memchr::memchr3(a, b, c, far),
            Search::Many(set) if far.len() < LONG_TEXT => {
                far.iter().position(|byte| set.contains(*byte))
            }
            Search::Many(set) => {
                let table = set.table();
                far.iter().position(|byte| table[usize::from(*byte)])
            }
        };
        found.map(|at| NEAR + at)
    }
}

impl ByteSet {
    /// No byte.
    pub const EMPTY: Self = Self([0; 4]);
    /// Every byte.
    pub const FULL: Self = Self([u64::MAX; 4]);

    /// The bytes that occur in `bytes`. Linear in the length of `bytes`.
    pub const fn of(bytes: &[u8]) -> Self {
        // Neighbouring bytes tend to fall into the same word; in sets of their own they need not wait for each other.
        let [mut first, mut second, mut third, mut fourth] = [Self::EMPTY; 4];
        let (mut groups, mut rest) = bytes.as_chunks();
        while let [[a, b, c, d], tail @ ..] = groups {
            first.insert(*a);
            second.insert(*b);
            third.insert(*c);
            fourth.insert(*d);
            groups = tail;
        }
        while let [byte, tail @ ..] = rest {
            first.insert(*byte);
            rest = tail;
        }
        first.union(second).union(third.union(fourth))
    }

    /// As [`of`](ByteSet::of), for texts that may be long: a note for each byte costs less than a bit for each.
    pub fn of_text(text: &[u8]) -> Self {
        if text.len() < LONG_TEXT {
            return Self::of(text);
        }
        let mut seen = [0; 256];
        let (groups, rest) = text.as_chunks::<8>();
        for group in groups {
            for byte in group {
                seen[usize::from(*byte)] = 1;
            }
        }
        for byte in rest {
            seen[usize::from(*byte)] = 1;
        }
        let mut set = Self::EMPTY;
        let (words, _) = seen.as_chunks::<64>();
        for (bits, seen) in set.0.iter_mut().zip(words) {
            let (octets, _) = seen.as_chunks::<8>();
            for octet in octets.iter().rev() {
                // The product has each byte's bit in its uppermost byte, next to one another.
                let product = u64::from_le_bytes(*octet).wrapping_mul(0x0102_0408_1020_4080);
                *bits = *bits << 8 | product >> 56;
            }
        }
        set
    }

    /// Where the first byte of `text` is that is in the set. For more than one search see [`search`](ByteSet::search).
    pub fn find(&self, text: &[u8]) -> Option<usize> {
        self.search().find(text)
    }

    /// The set, prepared for searches.
    pub fn search(&self) -> Search {
        let mut members = Members(self.0);
        let mut next = || members.next();
        match (next(), next(), next(), next()) {
            (None, ..) => Search::None,
            (Some(a), None, ..) => Search::One(a),
            (Some(a), Some(b), None, _) => Search::Two(a, b),
            (Some(a), Some(b), Some(c), None) => Search::Three(a, b, c),
            _ => Search::Many(*self),
        }
    }

    /// The bytes from `first` to `last`, both included; none if `first` is greater than `last`.
    pub const fn range(first: u8, last: u8) -> Self {
        let mut set = Self::EMPTY;
        let mut byte = first as u16;
        while byte <= last as u16 {
            set.insert(byte as u8);
            byte += 1;
        }
        set
    }

    /// The bytes in either set.
    pub const fn union(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a | e, b | f, c | g, d | h])
    }

    /// The bytes in this set that are not in the other.
    pub const fn without(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a & !e, b & !f, c & !g, d & !h])
    }

    /// The bytes that are not in this set.
    pub const fn complement(self) -> Self {
        let [a, b, c, d] = self.0;
        Self([!a, !b, !c, !d])
    }

    /// Adds one byte.
    pub const fn insert(&mut self, byte: u8) {
        self.0[(byte >> 6) as usize] |= 1 << (byte & 63);
    }

    /// Whether `byte` is in the set.
    pub const fn contains(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] & (1 << (byte & 63)) != 0
    }

    /// For each byte whether it is in the set: quicker to ask than the set itself, where it is asked of a long text.
    pub const fn table(&self) -> [bool; 256] {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < table.len() {
            table[byte] = self.contains(byte as u8);
            byte += 1;
        }
        table
    }

    /// Whether the sets have a byte in common.
    pub const fn intersects(&self, other: &Self) -> bool {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        (a & e) | (b & f) | (c & g) | (d & h) != 0
    }

    /// The set with capital ASCII letters replaced by small ones.
    pub const fn lowercase(self) -> Self {
        const CAPITALS: u64 = ((1 << 26) - 1) << (b'A' - 64);
        let [a, b, c, d] = self.0;
        Self([a, (b & !CAPITALS) | (b & CAPITALS) << 32, c, d])
    }

    /// Whether the set has no byte.
    pub const fn is_empty(&self) -> bool {
        let [a, b, c, d] = self.0;
        a | b | c | d == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_have_the_same_bytes() {
        for length in [0, 1, 127, 128, 129, 1000] {
            let text: Vec<u8> = (0..length).map(|at| (at * 37 % 251) as u8).collect();
            assert_eq!(ByteSet::of_text(&text), ByteSet::of(&text), "{length}");
        }
    }

    #[test]
    fn the_first_member_is_found_whatever_their_number() {
        let text = b"nothing here but letters; and one semicolon, one % and one +";
        for members in [&b""[..], b"%", b"%+", b"%+;", b"%+;,", b"\xff%", b"@"] {
            let set = ByteSet::of(members);
            let expected = text.iter().position(|byte| members.contains(byte));
            assert_eq!(set.find(text), expected, "{members:?}");
        }
    }

    #[test]
    fn capitals_become_small() {
        let set = ByteSet::of(b"AzZ@[\xc4").lowercase();
        assert_eq!(set, ByteSet::of(b"az@[\xc4"));
    }
}
