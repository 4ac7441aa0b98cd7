//! Texts that are hard on decoders and readers when they are repeated.

/// Bytes that mean something to one transformation or another, and fragments that go with them.
pub const FRAGMENTS: &[&str] = &[
    "%", "%4", "%41", "%u", "%u0041", "%uff21", "+", "&", "&#", "&#x", "&#65;", "&lt", "&lpar;",
    "&#00", ";", "\\", "\\u", "\\u0041", "\\x4", "\\x41", "\\7", "\\41 ", "\\\n", "0x", "0x41",
    "0", "/", "./", "../", "//", ".", "..", "/*", "*/", "<!--", "-->", "--", "-", "#", " ", "\t",
    "\r\n", "\0", "\u{b}", "é", "€", "😀", "A", "a", "Zm9v", "=", "-_", "\"", "'", "^", ",", "(",
    "9", "F", "g",
];

/// Patterns that made transformations of other engines slow when repeated, besides the [`FRAGMENTS`].
pub const REPEATED: &[&str] = &[
    "%00", "&#1", "&a", "\\x0", "\\0", "0x4", "/.", "/..", "a/../", "a/", "a/b/../", "/**/", "*",
    "<!---->", " /", " (", "1",
];
