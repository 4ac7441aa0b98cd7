//! Hosts in every notation that some resolver or HTTP client understands.
//!
//! As the WHATWG parser does, percent-encoding is undone and look-alike characters are mapped, to see which host is meant; and
//! it is remembered that this was necessary, because nobody writes a host like that who has nothing to hide. What could
//! be read in two ways is no host.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::punycode;

/// Longest host name, in bytes without a trailing dot (RFC 1035).
pub const MAX_HOST: usize = 253;

/// Longest label of a host name, in bytes (RFC 1035).
pub const MAX_LABEL: usize = 63;

/// The host of a URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Host {
    /// A name in lower case without a trailing dot, internationalised labels in their ASCII form (`xn--…`).
    Name(String),
    /// An address. Never an IPv4-mapped IPv6 address.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Address(address) => address.fmt(f),
        }
    }
}

impl Host {
    /// Reads the host of a URL, and whether it is written in disguise: numbers in hexadecimal, octal or short form, look-alike
    /// characters, percent signs.
    pub(super) fn parse(text: &str) -> Option<(Host, bool)> {
        if let Some(bracketed) = text.strip_prefix('[') {
            let address: Ipv6Addr = bracketed.strip_suffix(']')?.parse().ok()?;
            return Some((Host::Address(IpAddr::V6(address).to_canonical()), false));
        }
        let folded: String = percent_decode(text)?.chars().map(fold).collect();
        let folded = folded.to_lowercase();
        let disguised = folded != text.to_lowercase();
        // One trailing dot says that the name is complete, and changes nothing.
        let labels = folded.strip_suffix('.').unwrap_or(&folded).split('.');
        let name = labels
            .map(ascii_form)
            .collect::<Option<Vec<_>>>()?
            .join(".");
        if name.len() > MAX_HOST {
            return None;
        }
        // A name that ends in a number is an address or nothing: no top-level domain is a number.
        if name.rsplit('.').next().is_some_and(is_number) {
            let address = inet_aton(&name)?;
            let disguised = disguised || address.to_string() != name;
            return Some((Host::Address(IpAddr::V4(address)), disguised));
        }
        Some((Host::Name(name), disguised))
    }
}

/// Undoes percent-encoding.
fn percent_decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut decoded = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let is_hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
        decoded.push(
            is_hexadecimal
                .then(|| u8::from_str_radix(digits, 16).ok())
                .flatten()?,
        );
        decoded.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(decoded).ok()
}

/// The character that resolvers take this one for (the part of Unicode's compatibility mapping that yields ASCII one to one).
fn fold(c: char) -> char {
    let from = |first: char, base: u8, count: u32| {
        let offset = (c as u32)
            .checked_sub(first as u32)
            .filter(|&offset| offset < count)?;
        char::from_u32(u32::from(base) + offset)
    };
    let letter_or_digit = match c {
        '\u{3002}' | '\u{FF61}' => Some('.'),
        '\u{B2}'..='\u{B3}' => from('\u{B2}', b'2', 2),
        '\u{B9}' => Some('1'),
        '\u{FF01}'..='\u{FF5E}' => from('\u{FF01}', b'!', 94),
        '\u{2070}'..='\u{2079}' => from('\u{2070}', b'0', 10),
        '\u{2080}'..='\u{2089}' => from('\u{2080}', b'0', 10),
        '\u{2460}'..='\u{2468}' => from('\u{2460}', b'1', 9),
        '\u{24EA}' => Some('0'),
        '\u{24B6}'..='\u{24CF}' => from('\u{24B6}', b'a', 26),
        '\u{24D0}'..='\u{24E9}' => from('\u{24D0}', b'a', 26),
        // Mathematical digits: five alphabets of ten. Mathematical letters: thirteen alphabets of 26 capitals and 26 small ones.
        '\u{1D7CE}'..='\u{1D7FF}' => char::from_digit((c as u32 - 0x1D7CE) % 10, 10),
        '\u{1D400}'..='\u{1D6A3}' => char::from_u32(u32::from(b'a') + (c as u32 - 0x1D400) % 26),
        _ => None,
    };
    letter_or_digit.unwrap_or(c)
}

/// A label as the name system has it: as it is, or `xn--` and Punycode. `None` for what is no label.
fn ascii_form(label: &str) -> Option<String> {
    let label = match label.is_ascii() {
        true => label.to_owned(),
        false if label.len() > MAX_LABEL || label.chars().any(is_ambiguous) => return None,
        false => format!("xn--{}", punycode::encode(label)?),
    };
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let is_label = (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(is_allowed);
    is_label.then_some(label)
}

/// Whether a character reads differently to different readers: variants of other letters, and what is dropped or not.
#[rustfmt::skip]
fn is_ambiguous(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{BF}' | '\u{17F}' | '\u{2B0}'..='\u{36F}' | '\u{180B}'..='\u{180F}' | '\u{1D2C}'..='\u{1D6A}' | '\u{1D78}'
        | '\u{1D9B}'..='\u{1DBF}' | '\u{2000}'..='\u{2BFF}' | '\u{3000}'..='\u{3004}' | '\u{3200}'..='\u{33FF}'
        | '\u{FB00}'..='\u{FB06}' | '\u{FE00}'..='\u{FE6F}' | '\u{FF00}'..='\u{FFFF}' | '\u{1D400}'..='\u{1D7FF}'
        | '\u{1F100}'..='\u{1F2FF}' | '\u{E0000}'..)
}

/// Whether a label is a number in the sense of `inet_aton`.
fn is_number(label: &str) -> bool {
    let hexadecimal = label
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    hexadecimal || label.bytes().all(|b| b.is_ascii_digit())
}

/// An IPv4 address in any notation of `inet_aton`: one to four numbers, each decimal, octal (`0…`) or hexadecimal (`0x…`), the
/// last one filling what is left of the 32 bits.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let number = |part: &str| match part.strip_prefix("0x") {
        Some("") => Some(0),
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if part.len() > 1 && part.starts_with('0') => u32::from_str_radix(part, 8).ok(),
        None => part.parse().ok(),
    };
    let parts: Vec<u32> = text
        .split('.')
        .map(|part| is_number(part).then(|| number(part)).flatten())
        .collect::<Option<_>>()?;
    let (&last, leading) = parts.split_last()?;
    let shift = 8 * u32::try_from(leading.len()).ok().filter(|&n| n < 4)?;
    let high = leading.iter().try_fold(0u32, |high, &part| {
        let byte = u8::try_from(part).ok()?;
        Some(high << 8 | u32::from(byte))
    })?;
    let low_bits = 32 - shift;
    let fits = low_bits == 32 || last < 1 << low_bits;
    let high = if low_bits == 32 { 0 } else { high << low_bits };
    fits.then(|| Ipv4Addr::from_bits(high | last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Option<(String, bool)> {
        Host::parse(text).map(|(host, disguised)| match host {
            Host::Name(name) => (name, disguised),
            Host::Address(address) => (format!("<{address}>"), disguised),
        })
    }

    #[test]
    fn lengths() {
        let label = |length: usize| host(&format!("{}.example", "a".repeat(length)));
        assert!(label(MAX_LABEL).is_some());
        assert_eq!(label(MAX_LABEL + 1), None);
        let name = |length: usize| host(&format!("{}b", "a.".repeat(length / 2)));
        assert!(name(MAX_HOST).is_some());
        assert_eq!(name(MAX_HOST + 2), None);
    }

    #[test]
    fn hosts_in_every_notation() {
        let table = [
            ("a.example", "a.example", false),
            ("A.EXAMPLE.", "a.example", false),
            ("bücher.example", "xn--bcher-kva.example", false),
            ("BÜCHER.example", "xn--bcher-kva.example", false),
            ("münchen-ost.example", "xn--mnchen-ost-9db.example", false),
            ("ü.example", "xn--tda.example", false),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", false),
            ("भारत.example", "xn--h2brj9c.example", false),
            ("испытание.example", "xn--80akhbyknj4f.example", false),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah", false),
            (
                "他们为什么不说中文.example",
                "xn--ihqwcrb4cv8a8dqg056pqjye.example",
                false,
            ),
            ("0x7f.example", "0x7f.example", false),
            ("a%2eexample", "a.example", true),
            ("%61.example", "a.example", true),
            ("ａ．ｅｘａｍｐｌｅ", "a.example", true),
            ("a。example", "a.example", true),
            ("a｡example", "a.example", true),
            ("ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "localhost", true),
            ("𝓁𝓸𝓬𝓪𝓵𝓱𝓸𝓼𝓽", "localhost", true),
            ("127.0.0.1", "<127.0.0.1>", false),
            ("127.0.0.1.", "<127.0.0.1>", false),
            ("127.1", "<127.0.0.1>", true),
            ("127.0.1", "<127.0.0.1>", true),
            ("127.65535", "<127.0.255.255>", true),
            ("2130706433", "<127.0.0.1>", true),
            ("4294967295", "<255.255.255.255>", true),
            ("0", "<0.0.0.0>", true),
            ("0x", "<0.0.0.0>", true),
            ("0x7f000001", "<127.0.0.1>", true),
            ("0X7F.1", "<127.0.0.1>", true),
            ("0177.0.0.01", "<127.0.0.1>", true),
            ("0x7f.0.0x0.1", "<127.0.0.1>", true),
            ("017700000001", "<127.0.0.1>", true),
            ("①②⑦.⓪.⓪.①", "<127.0.0.1>", true),
            ("１２７.0.0.1", "<127.0.0.1>", true),
            ("127。0。0。1", "<127.0.0.1>", true),
            ("¹²7.⁰.₀.𝟏", "<127.0.0.1>", true),
            ("127%2e0%2e0%2e1", "<127.0.0.1>", true),
            ("%31%32%37.0.0.1", "<127.0.0.1>", true),
            ("[::1]", "<::1>", false),
            ("[::ffff:127.0.0.1]", "<127.0.0.1>", false),
            ("[0:0:0:0:0:ffff:7f00:1]", "<127.0.0.1>", false),
        ];
        for (text, expected, disguised) in table {
            assert_eq!(host(text), Some((expected.to_owned(), disguised)), "{text}");
        }
        for text in [
            "127.0.0.0x100000000",
            "4294967296",
            "127.16777216",
            "1.2.65536",
            "1.2.3.256",
            "0x7g.1.1.0",
            "08",
            "local\u{ad}host",
            "local\u{200b}host",
            "localho\u{17f}t",
            "ℓocalhost",
            "ﬁrst.example",
            "a\u{300}.example",
            "⑴.example",
            "1.0x1.09",
        ] {
            assert_eq!(host(text), None, "{text}");
        }
    }
}
