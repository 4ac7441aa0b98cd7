//! Detection of SQL injection (`@detectSQLi`) and cross-site scripting (`@detectXSS`).
//!
//! A port of libinjection (<https://github.com/libinjection/libinjection>, BSD-3-Clause, see
//! `LICENSES/libinjection-BSD-3-Clause.txt`) in safe Rust. The tables in `data/` and the logic are libinjection's;
//! the verdict and the fingerprint are meant to be the C library's for every input, byte for byte.
//!
//! Invariants: no panic and no allocation on any bytes, no recursion, and time linear in the input. The C library
//! is quadratic on inputs such as `div.div.div.…`, where each token looks for the end of the same long word.
//!
//! Compat: mod_security2 2.9 carries libinjection 3.10.0. SQLi answers are those of 3.10.0 but for a handful of
//! constructed inputs. XSS follows 4.0.0, which takes an attribute `on…` for an event handler only when its name
//! begins with a listed event; 3.10.0 takes every one of five bytes or more. Two departures from 4.0.0:
//! * `1.e`, a number with an empty exponent, is a bare word as in 3.10.0; 4.0.0 drops it from the token stream.
//! * the list of events joins those of 4.0.0 and of its predecessor, but leaves out `onrepeat`, new in 4.0.0.
//!
//! The C parser's result "error" means a cursor beyond the end of the input. It cannot come about here: every
//! state hands on a suffix of the input.

mod records;
mod scan;
mod sqli;
mod xss;

#[cfg(test)]
mod tests;

use std::fmt;

/// Tells whether `input` is SQL injection, as is or inside single or double quotes; `Some` with the fingerprint
/// of the reading that gave it away.
///
/// Compat: as `libinjection_sqli`. The fingerprint is what `@detectSQLi` captures and logs.
#[must_use]
pub fn sqli(input: &[u8]) -> Option<Fingerprint> {
    sqli::detect(input)
}

/// Whether [`sqli`] could find anything: not in one bare word nor in one number, since one token is no attack.
#[must_use]
pub fn sqli_possible(input: &[u8]) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    match input.first() {
        None => false,
        Some(b'0'..=b'9') => !input.iter().all(u8::is_ascii_digit),
        Some(first) if is_word(first) => !input.iter().all(is_word),
        Some(_) => true,
    }
}

/// Without one of these bytes [`xss`] finds nothing.
pub const XSS_BYTES: &[u8] = b"<=";

/// Tells whether `input` brings markup that runs script, as text, inside a tag or inside a quoted attribute value.
///
/// Compat: as `libinjection_xss`.
#[must_use]
pub fn xss(input: &[u8]) -> bool {
    xss::detect(input)
}

/// The symbols of the first tokens of an SQL injection, for example `s&1c`: one to five ASCII bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    symbols: [u8; Self::CAPACITY],
    length: u8,
}

impl Fingerprint {
    /// Eight rather than the five in use, as in C.
    const CAPACITY: usize = 8;

    /// Symbols beyond the capacity are left out.
    fn from_symbols(symbols: impl IntoIterator<Item = u8>) -> Self {
        let mut fingerprint = Self {
            symbols: [0; Self::CAPACITY],
            length: 0,
        };
        for (slot, symbol) in fingerprint.symbols.iter_mut().zip(symbols) {
            *slot = symbol;
            fingerprint.length += 1;
        }
        fingerprint
    }

    /// The symbols as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        scan::head(&self.symbols, usize::from(self.length))
    }

    /// The symbols as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:?})", self.as_str())
    }
}
