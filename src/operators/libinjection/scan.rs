//! The few ways in which the tokenisers look at bytes.
//!
//! Everything that walks over input does so here, and in test builds counts its steps: that is how the tests
//! prove the detection linear.

use memchr::{memchr, memchr2, memmem};

/// A set of bytes.
pub(super) struct ByteSet([bool; 256]);

impl ByteSet {
    pub(super) const fn of(bytes: &[u8]) -> Self {
        let mut members = [false; 256];
        let mut rest = bytes;
        while let [byte, after @ ..] = rest {
            members[*byte as usize] = true;
            rest = after;
        }
        Self(members)
    }

    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }
}

/// At most the first `length` items.
pub(super) fn head<T>(bytes: &[T], length: usize) -> &[T] {
    bytes.get(..length).unwrap_or(bytes)
}

/// What follows the first `length` bytes, if anything.
pub(super) fn tail(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(length..).unwrap_or_default()
}

/// How many bytes at the start satisfy `accept`.
pub(super) fn span(bytes: &[u8], accept: impl Fn(u8) -> bool) -> usize {
    let length = bytes.iter().take_while(|&&byte| accept(byte)).count();
    count(length);
    length
}

/// How many bytes at the end are `byte`.
pub(super) fn span_back(bytes: &[u8], byte: u8) -> usize {
    let length = bytes.iter().rev().take_while(|&&b| b == byte).count();
    count(length);
    length
}

/// Where `byte` is first.
pub(super) fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    let position = memchr(byte, bytes);
    count(position.unwrap_or(bytes.len()));
    position
}

/// Where `one` or `other` is first.
pub(super) fn find_either(bytes: &[u8], one: u8, other: u8) -> Option<usize> {
    let position = memchr2(one, other, bytes);
    count(position.unwrap_or(bytes.len()));
    position
}

/// Where `first` is followed by `second` first.
pub(super) fn find_pair(bytes: &[u8], first: u8, second: u8) -> Option<usize> {
    let mut from = 0;
    loop {
        let position = from + find(tail(bytes, from), first)?;
        if bytes.get(position + 1) == Some(&second) {
            return Some(position);
        }
        from = position + 1;
    }
}

/// Where `sequence` is first.
pub(super) fn find_sequence(bytes: &[u8], sequence: &[u8]) -> Option<usize> {
    let position = memmem::find(bytes, sequence);
    count(position.unwrap_or(bytes.len()));
    position
}

/// Whether `bytes` begins with `prefix`, ASCII case aside.
pub(super) fn starts_with_ignoring_case(bytes: &[u8], prefix: &[u8]) -> bool {
    head(bytes, prefix.len()).eq_ignore_ascii_case(prefix)
}

/// Notes `steps` of work.
#[cfg(not(test))]
pub(super) fn count(_steps: usize) {}

#[cfg(test)]
pub(super) use work::count;

#[cfg(test)]
pub(super) mod work {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(in super::super) fn count(steps: usize) {
        // One step for the call itself: a search that finds nothing is not free.
        STEPS.set(STEPS.get() + steps + 1);
    }

    /// The steps of `task`.
    pub(in super::super) fn of(task: impl FnOnce()) -> usize {
        STEPS.set(0);
        task();
        STEPS.get()
    }
}
