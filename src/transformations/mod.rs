//! Transformations: what a rule does to a value before its operator looks at it (`t:lowercase,t:urlDecodeUni`, …).
//!
//! Each is a pure function from bytes to bytes. Three things hold for all of them:
//! * the result is [`Cow::Borrowed`] if and only if it equals the input;
//! * work and memory are linear in the length of the input, whatever its bytes: output is written forwards and never
//!   erased, at most three bytes for one of input and [`CONSTANT_OUTPUT`] besides;
//! * a value without any of the bytes in [`Transformation::triggers`] comes out unchanged, so that one look at which
//!   bytes occur in a value ([`ByteSet::of`]) spares most of the work ([`Transformation::may_change`]).
//!
//! Names and results are those of mod_security2 2.9. Where it loses or hides part of a value - at zero bytes, behind
//! comments, in paths, for most HTML names, in Base64 - the result here keeps it; the comments that begin with `Compat:`
//! say what is different and why. A character set other than ASCII plays no part: bytes are what rules are written for.

mod base64;
mod comments;
mod digest;
mod escape;
mod hex;
mod html;
mod parity;
mod path;
mod rewrite;
mod space;
mod text;
mod unicode;
mod unicode_map;
mod url;

pub use crate::byte_set::ByteSet;
pub use unicode_map::UnicodeMap;

use path::Separator;
use std::borrow::Cow;

/// Most bytes that a transformation adds to three times the length of its input: a SHA-1 digest, or the decimal digits of
/// the greatest length.
pub const CONSTANT_OUTPUT: usize = 20;

/// What a transformation may need to know besides the value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Env<'e> {
    /// The code page of `SecUnicodeMapFile`, for [`Transformation::UrlDecodeUni`] alone, as in 2.9.
    pub unicode_map: Option<&'e UnicodeMap>,
}

/// A transformation, by the name that follows `t:`. What each does, [`Transformation::about`] says.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(missing_docs)]
pub enum Transformation {
    None,
    Base64Decode,
    Base64DecodeExt,
    Base64Encode,
    CmdLine,
    CompressWhitespace,
    CssDecode,
    EscapeSeqDecode,
    HexDecode,
    HexEncode,
    HtmlEntityDecode,
    JsDecode,
    Length,
    Lowercase,
    Md5,
    NormalizePath,
    NormalizePathWin,
    ParityEven7bit,
    ParityOdd7bit,
    ParityZero7bit,
    RemoveComments,
    RemoveCommentsChar,
    RemoveNulls,
    RemoveWhitespace,
    ReplaceComments,
    ReplaceNulls,
    Sha1,
    SqlHexDecode,
    Trim,
    TrimLeft,
    TrimRight,
    UrlDecode,
    UrlDecodeUni,
    UrlEncode,
    Utf8ToUnicode,
}

/// What there is to know about one transformation.
struct Definition {
    name: &'static str,
    triggers: &'static ByteSet,
    apply: Apply,
}

type Apply = for<'a> fn(&'a [u8], &Env<'_>) -> Cow<'a, [u8]>;

/// A second name for a transformation.
const ALIASES: [(&str, Transformation); 2] = [
    ("normalisePath", Transformation::NormalizePath),
    ("normalisePathWin", Transformation::NormalizePathWin),
];

impl Transformation {
    /// Every transformation, in the order of the names.
    pub const ALL: &'static [Self] = &[
        Self::None,
        Self::Base64Decode,
        Self::Base64DecodeExt,
        Self::Base64Encode,
        Self::CmdLine,
        Self::CompressWhitespace,
        Self::CssDecode,
        Self::EscapeSeqDecode,
        Self::HexDecode,
        Self::HexEncode,
        Self::HtmlEntityDecode,
        Self::JsDecode,
        Self::Length,
        Self::Lowercase,
        Self::Md5,
        Self::NormalizePath,
        Self::NormalizePathWin,
        Self::ParityEven7bit,
        Self::ParityOdd7bit,
        Self::ParityZero7bit,
        Self::RemoveComments,
        Self::RemoveCommentsChar,
        Self::RemoveNulls,
        Self::RemoveWhitespace,
        Self::ReplaceComments,
        Self::ReplaceNulls,
        Self::Sha1,
        Self::SqlHexDecode,
        Self::Trim,
        Self::TrimLeft,
        Self::TrimRight,
        Self::UrlDecode,
        Self::UrlDecodeUni,
        Self::UrlEncode,
        Self::Utf8ToUnicode,
    ];

    /// The transformation of that name, in any case.
    pub fn lookup(name: &str) -> Option<Self> {
        Self::names()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, transformation)| transformation)
    }

    /// All names that [`lookup`](Self::lookup) knows: the 37 of 2.9, the second spellings last.
    pub fn names() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL
            .iter()
            .map(|transformation| (transformation.name(), *transformation))
            .chain(ALIASES)
    }

    /// Whether `multiMatch` asks about its result even where it is the same value.
    ///
    /// Compat: these say that they have changed every value.
    pub fn always_claims_a_change(self) -> bool {
        matches!(
            self,
            Self::CmdLine | Self::HexDecode | Self::HexEncode | Self::Length | Self::SqlHexDecode
        )
    }

    /// The usual name.
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// What becomes of a value, for the documentation.
    #[rustfmt::skip] // a table: one row a line
    pub fn about(self) -> &'static str {
        match self {
            Self::None => "nothing; in a list of actions it empties the list before it",
            Self::Base64Decode => "decodes Base64, up to the first character outside the standard alphabet",
            Self::Base64DecodeExt => "decodes Base64 of either alphabet; characters outside are passed over",
            Self::Base64Encode => "encodes in Base64",
            Self::CmdLine => "a command as a shell would read it",
            Self::CompressWhitespace => "each run of white space, no-break space (0xA0) included, becomes one space",
            Self::CssDecode => "decodes escapes of CSS 2",
            Self::EscapeSeqDecode => "decodes escapes of C",
            Self::HexDecode => "two hexadecimal digits become a byte",
            Self::HexEncode => "each byte becomes two hexadecimal digits, in lower case",
            Self::HtmlEntityDecode => "decodes numeric character references, and names of ASCII characters",
            Self::JsDecode => "decodes escapes of JavaScript",
            Self::Length => "the count of bytes in decimal",
            Self::Lowercase => "ASCII letters become small ones",
            Self::Md5 => "the digest as 16 raw bytes",
            Self::NormalizePath => "a path without `//` and `.`, with `..` resolved",
            Self::NormalizePathWin => "a path without `//` and `.`, with `..` resolved, and slashes for backslashes",
            Self::ParityEven7bit => "the eighth bit makes the number of set bits even",
            Self::ParityOdd7bit => "the eighth bit makes the number of set bits odd",
            Self::ParityZero7bit => "clears the eighth bits",
            Self::RemoveComments => "comments of C, HTML and SQL are removed",
            Self::RemoveCommentsChar => "the marks that begin and end comments are removed",
            Self::RemoveNulls => "zero bytes are removed",
            Self::RemoveWhitespace => "white space, no-break space (0xA0) included, is removed",
            Self::ReplaceComments => "each comment of C becomes one space",
            Self::ReplaceNulls => "zero bytes become spaces",
            Self::Sha1 => "the digest as 20 raw bytes",
            Self::SqlHexDecode => "decodes hexadecimal literals of SQL, `0x414243`",
            Self::Trim => "white space at both ends is removed",
            Self::TrimLeft => "white space at the beginning is removed",
            Self::TrimRight => "white space at the end is removed",
            Self::UrlDecode => "decodes percent encoding",
            Self::UrlDecodeUni => "decodes percent encoding, and `%uHHHH` of Microsoft",
            Self::UrlEncode => "percent-encodes all but letters, digits and `*`",
            Self::Utf8ToUnicode => "UTF-8 sequences become `%uHHHH`",
        }
    }

    /// The result for one value: [`Cow::Borrowed`] if and only if it is the value itself.
    pub fn apply<'a>(self, input: &'a [u8], env: &Env<'_>) -> Cow<'a, [u8]> {
        (self.definition().apply)(input, env)
    }

    /// The bytes without which a value stays as it is, unless it is empty: see [`changes_empty`](Self::changes_empty).
    ///
    /// The reverse does not hold: a value may contain some of them and stay as it is. The full set says that nothing can
    /// be concluded (digests, length, Base64, hexadecimal).
    pub fn triggers(self) -> &'static ByteSet {
        self.definition().triggers
    }

    /// Whether the empty value, which has no bytes to go by, becomes something else: `length`, `md5` and `sha1`.
    pub fn changes_empty(self) -> bool {
        matches!(self, Self::Length | Self::Md5 | Self::Sha1)
    }

    /// The least length of a value of which a result as long as `result` may be made; too little is possible, never too much.
    pub fn least_input(self, result: usize) -> usize {
        match self {
            Self::Base64Encode
            | Self::HexEncode
            | Self::Length
            | Self::Md5
            | Self::Sha1
            | Self::UrlEncode
            | Self::Utf8ToUnicode => 0,
            Self::Base64Decode | Self::Base64DecodeExt => result.saturating_mul(4).div_ceil(3),
            _ => result,
        }
    }

    /// Whether a value with these bytes ([`ByteSet::of`]) may be changed. `false` is a proof that it is not.
    pub fn may_change(self, bytes: &ByteSet) -> bool {
        self.triggers().intersects(bytes) || (bytes.is_empty() && self.changes_empty())
    }

    /// The bytes that the result may contain, made from a value with these bytes; too many are possible, never too few.
    pub fn image(self, bytes: &ByteSet) -> ByteSet {
        const SPACE: ByteSet = ByteSet::of(b" ");
        if !self.may_change(bytes) && !self.changes_empty() {
            return *bytes;
        }
        match self {
            Self::None
            | Self::RemoveCommentsChar
            | Self::Trim
            | Self::TrimLeft
            | Self::TrimRight => *bytes,
            Self::CompressWhitespace => bytes.without(space::BLANK).union(SPACE),
            Self::CmdLine => bytes.lowercase().without(text::DROPPED).union(SPACE),
            Self::Lowercase => bytes.lowercase(),
            Self::NormalizePath | Self::NormalizePathWin => bytes.union(ByteSet::of(b"/.")),
            Self::RemoveNulls | Self::RemoveWhitespace => {
                bytes.without(self.leaves_out().copied().unwrap_or_default())
            }
            Self::ReplaceComments => bytes.union(SPACE),
            Self::ReplaceNulls => bytes.without(space::NUL).union(SPACE),
            _ => ByteSet::FULL,
        }
    }

    /// Whether the [`image`](Self::image) is as good as the bytes of the result, which need not be counted then.
    pub fn has_close_image(self) -> bool {
        matches!(
            self,
            Self::CmdLine
                | Self::CompressWhitespace
                | Self::Lowercase
                | Self::RemoveNulls
                | Self::RemoveWhitespace
                | Self::ReplaceNulls
        )
    }

    /// The bytes that it leaves out, if that is all it does.
    pub fn leaves_out(self) -> Option<&'static ByteSet> {
        match self {
            Self::RemoveNulls => Some(&space::NUL),
            Self::RemoveWhitespace => Some(&space::BLANK),
            _ => None,
        }
    }

    fn definition(self) -> Definition {
        let (name, triggers, apply): (_, _, Apply) = match self {
            Self::None => ("none", &ByteSet::EMPTY, |v, _| Cow::Borrowed(v)),
            Self::Base64Decode => ("base64Decode", &ByteSet::FULL, |v, _| base64::decode(v)),
            Self::Base64DecodeExt => ("base64DecodeExt", &ByteSet::FULL, |v, _| {
                base64::decode_ext(v)
            }),
            Self::Base64Encode => ("base64Encode", &ByteSet::FULL, |v, _| base64::encode(v)),
            Self::CmdLine => ("cmdLine", &text::SHELL, |v, _| text::command_line(v)),
            Self::CompressWhitespace => ("compressWhitespace", &space::BLANK, |v, _| {
                space::compress(v)
            }),
            Self::CssDecode => ("cssDecode", &escape::BACKSLASH, |v, _| {
                escape::css_decode(v)
            }),
            Self::EscapeSeqDecode => ("escapeSeqDecode", &escape::BACKSLASH, |v, _| {
                escape::c_decode(v)
            }),
            Self::HexDecode => ("hexDecode", &ByteSet::FULL, |v, _| hex::decode(v)),
            Self::HexEncode => ("hexEncode", &ByteSet::FULL, |v, _| hex::encode(v)),
            Self::HtmlEntityDecode => {
                ("htmlEntityDecode", &html::REFERENCE, |v, _| html::decode(v))
            }
            Self::JsDecode => ("jsDecode", &escape::BACKSLASH, |v, _| escape::js_decode(v)),
            Self::Length => ("length", &ByteSet::FULL, |v, _| digest::length(v)),
            Self::Lowercase => ("lowercase", &text::UPPER, |v, _| text::lowercase(v)),
            Self::Md5 => ("md5", &ByteSet::FULL, |v, _| digest::md5(v)),
            Self::NormalizePath => ("normalizePath", &path::DOT_OR_SLASH, |v, _| {
                path::normalize(v, Separator::Slash)
            }),
            Self::NormalizePathWin => ("normalizePathWin", &path::DOT_OR_SLASHES, |v, _| {
                path::normalize(v, Separator::SlashOrBackslash)
            }),
            Self::ParityEven7bit => ("parityEven7bit", &parity::NOT_EVEN, |v, _| parity::even(v)),
            Self::ParityOdd7bit => ("parityOdd7bit", &parity::NOT_ODD, |v, _| parity::odd(v)),
            Self::ParityZero7bit => ("parityZero7bit", &parity::EIGHTH_BIT, |v, _| {
                parity::zero(v)
            }),
            Self::RemoveComments => ("removeComments", &comments::MARK, |v, _| {
                comments::remove(v)
            }),
            Self::RemoveCommentsChar => ("removeCommentsChar", &comments::MARK, |v, _| {
                comments::remove_marks(v)
            }),
            Self::RemoveNulls => ("removeNulls", &space::NUL, |v, _| space::remove_nuls(v)),
            Self::RemoveWhitespace => ("removeWhitespace", &space::BLANK, |v, _| space::remove(v)),
            Self::ReplaceComments => ("replaceComments", &comments::STAR, |v, _| {
                comments::replace(v)
            }),
            Self::ReplaceNulls => ("replaceNulls", &space::NUL, |v, _| space::replace_nuls(v)),
            Self::Sha1 => ("sha1", &ByteSet::FULL, |v, _| digest::sha1(v)),
            Self::SqlHexDecode => ("sqlHexDecode", &hex::SQL_HEX, |v, _| hex::sql_decode(v)),
            Self::Trim => ("trim", &space::SPACE, |v, _| space::trim(v)),
            Self::TrimLeft => ("trimLeft", &space::SPACE, |v, _| space::trim_left(v)),
            Self::TrimRight => ("trimRight", &space::SPACE, |v, _| space::trim_right(v)),
            Self::UrlDecode => ("urlDecode", &url::ENCODED, |v, _| url::decode(v)),
            Self::UrlDecodeUni => ("urlDecodeUni", &url::ENCODED, |v, env| {
                url::decode_uni(v, env.unicode_map)
            }),
            Self::UrlEncode => ("urlEncode", &url::UNSAFE, |v, _| url::encode(v)),
            Self::Utf8ToUnicode => ("utf8toUnicode", &unicode::LEAD, |v, _| {
                unicode::from_utf8(v)
            }),
        };
        Definition {
            name,
            triggers,
            apply,
        }
    }
}

/// Applies one transformation after the other. [`Cow::Borrowed`] if no step changed anything.
pub fn apply_all<'a>(chain: &[Transformation], input: &'a [u8], env: &Env<'_>) -> Cow<'a, [u8]> {
    chain
        .iter()
        .fold(Cow::Borrowed(input), |value, transformation| match value {
            Cow::Borrowed(value) => transformation.apply(value, env),
            Cow::Owned(value) => match transformation.apply(&value, env) {
                Cow::Borrowed(_) => Cow::Owned(value),
                Cow::Owned(changed) => Cow::Owned(changed),
            },
        })
}

#[cfg(test)]
mod tests;
