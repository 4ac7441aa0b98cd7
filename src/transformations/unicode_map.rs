//! The code page of `SecUnicodeMapFile`: which single byte a server would take for a code point.

use std::collections::BTreeMap;

/// Full stops in other scripts, which a resolver takes for the dot between labels (RFC 3490 §3.1).
const FULL_STOPS: [u16; 4] = [0x002E, 0x3002, 0xFF0E, 0xFF61];

/// One code page: for some code points the byte that stands for them.
///
/// A server that decodes `%uHHHH` into a single-byte character set picks the nearest character ("best fit"), so that
/// `%u0107` may end up as `c`. Only that server's code page tells which; this is it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnicodeMap {
    bytes: BTreeMap<u16, u8>,
}

impl Default for UnicodeMap {
    /// A map of nothing but the four full stops of RFC 3490.
    fn default() -> Self {
        Self {
            bytes: FULL_STOPS.map(|code| (code, b'.')).into(),
        }
    }
}

impl UnicodeMap {
    /// Reads one code page from the text of a map file.
    ///
    /// The file (`unicode.mapping`) is a sequence of words. A page begins with its number in decimal, usually followed by
    /// a name, goes on with pairs `HHHH:HH` (code point and byte, hexadecimal) and ends at the next word without a colon.
    /// The full stops of RFC 3490 are always mapped unless the page says otherwise.
    ///
    /// Compat: 2.9 starts with no more than those full stops if the page is missing; here that is the caller's choice
    /// ([`UnicodeMap::default`]). 2.9 also takes a pair such as `0437:2e` of another page for the beginning of page 437.
    ///
    /// # Errors
    /// A sentence if the page is not in the file, is empty, or has a word with a colon that is no such pair.
    pub fn parse(text: &str, code_page: u32) -> Result<Self, String> {
        let mut map = Self::default();
        let mut found = false;
        let mut filled = false;
        for (index, line) in text.lines().enumerate() {
            for word in line.split_whitespace() {
                match word.split_once(':') {
                    Some((code, byte)) if found => {
                        let pair = u16::from_str_radix(code, 16)
                            .ok()
                            .zip(u8::from_str_radix(byte, 16).ok());
                        let (code, byte) = pair.ok_or_else(|| {
                            format!("line {}: `{word}` is not a pair of hexadecimal numbers like 00e9:65", index + 1)
                        })?;
                        map.bytes.insert(code, byte);
                        filled = true;
                    }
                    Some(_) => {}
                    None if filled => return Ok(map),
                    None => found |= word.parse() == Ok(code_page),
                }
            }
        }
        match (found, filled) {
            (true, true) => Ok(map),
            (true, false) => Err(format!("code page {code_page} is empty in this map")),
            (false, _) => Err(format!("code page {code_page} is not in this map")),
        }
    }

    /// The byte for a code point, if the page has one.
    pub(super) fn byte(&self, code: u32) -> Option<u8> {
        self.bytes.get(&u16::try_from(code).ok()?).copied()
    }
}
