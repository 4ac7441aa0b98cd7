//! A set of byte values, small enough to copy.

/// A set of byte values: 256 bits.
///
/// Used in two roles: the bytes that occur in a value ([`ByteSet::of`]) and the bytes that a transformation looks for.
/// If the two do not [intersect](ByteSet::intersects), the transformation has nothing to do.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct ByteSet([u64; 4]);

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
