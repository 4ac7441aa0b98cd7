//! URLs as a hostile sender writes them: split strictly, their host read in every notation.
//!
//! A genuine source or target is plain `http://host/path`. What different readers would take for different hosts (backslashes,
//! percent signs, blanks, a second scheme) is an error here and not a guess.
//!
//! Difference to the WHATWG parser: that one repairs, this one refuses; where that one maps characters, so does this one, to
//! see what is meant, and remembers that it had to ([`Url::disguised`]).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest URL that is read, in bytes. Browsers and proxies give up near 8,000; WordPress stores 255 of a source.
pub const MAX_URL: usize = 2048;

/// Longest host name, in bytes without a trailing dot (RFC 1035).
pub const MAX_HOST: usize = 253;

/// Longest label of a host name, in bytes (RFC 1035).
pub const MAX_LABEL: usize = 63;

/// An absolute `http` or `https` URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url<'a> {
    /// Whether the scheme is `https`.
    pub secure: bool,
    /// Whether a user name, a password or an empty one of them stands before the host.
    pub userinfo: bool,
    /// The host.
    pub host: Host,
    /// Whether the host is written in a way in which nobody writes one who has nothing to hide: numbers in hexadecimal, octal
    /// or short form, look-alike characters, percent signs.
    pub disguised: bool,
    /// The port where one is given.
    pub port: Option<u16>,
    /// Path and query as written, without the fragment: empty, or starts with `/` or `?`.
    pub path: &'a str,
}

/// The host of a URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Host {
    /// A name in lower case without a trailing dot, internationalised labels in their ASCII form (`xn--…`).
    Name(String),
    /// An address. Never an IPv4-mapped IPv6 address.
    Address(IpAddr),
}

/// Why something is not a URL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UrlError {
    /// Over [`MAX_URL`].
    TooLong,
    /// Not UTF-8, or a control character, blank, backslash, quote or angle bracket in it.
    Character,
    /// Does not start with `http://` or `https://`.
    Scheme,
    /// No host, or nothing that could be one.
    Host,
    /// Not a port number.
    Port,
}

impl<'a> Url<'a> {
    /// Splits a URL. White space around it does not count.
    pub fn parse(text: &'a [u8]) -> Result<Url<'a>, UrlError> {
        let text = text.trim_ascii();
        if text.len() > MAX_URL {
            return Err(UrlError::TooLong);
        }
        let text = str::from_utf8(text).map_err(|_| UrlError::Character)?;
        let forbidden = |c: char| {
            c.is_control() || c.is_whitespace() || matches!(c, '\\' | '"' | '<' | '>' | '\u{FEFF}')
        };
        if text.contains(forbidden) {
            return Err(UrlError::Character);
        }

        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let secure = scheme.eq_ignore_ascii_case("https");
        if !secure && !scheme.eq_ignore_ascii_case("http") {
            return Err(UrlError::Scheme);
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let path = path.split('#').next().unwrap_or_default();
        let (userinfo, place) = match authority.rsplit_once('@') {
            Some((_, place)) => (true, place),
            None => (false, authority),
        };
        let (host, port) = split_port(place)?;
        let (host, disguised) = Host::parse(host)?;
        Ok(Url {
            secure,
            userinfo,
            host,
            disguised,
            port,
            path,
        })
    }

    /// Whether the path names no page: it is empty or nothing but slashes and dots, and there is no query.
    pub fn is_root(&self) -> bool {
        let (path, query) = self.path.split_once('?').unwrap_or((self.path, ""));
        query.is_empty()
            && path
                .split('/')
                .all(|segment| matches!(segment, "" | "." | ".."))
    }

    /// Whether both name one page. Scheme, port, a trailing slash and the fragment make no difference.
    pub fn is_same_page(&self, other: &Url<'_>) -> bool {
        let page = |url: &Url<'a>| url.path.trim_end_matches(['/', '?']);
        self.host == other.host && page(self) == other.path.trim_end_matches(['/', '?'])
    }
}

/// Splits `host:port`; the port may be empty, and the colons inside `[…]` are the address's.
fn split_port(place: &str) -> Result<(&str, Option<u16>), UrlError> {
    let end = match place.strip_prefix('[') {
        Some(bracketed) => bracketed.find(']').ok_or(UrlError::Host)? + 2,
        None => place.find(':').unwrap_or(place.len()),
    };
    let (host, port) = place.split_at_checked(end).ok_or(UrlError::Host)?;
    if port.is_empty() || port == ":" {
        return Ok((host, None));
    }
    port.strip_prefix(':')
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .map(|port| (host, Some(port)))
        .ok_or(UrlError::Port)
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
    /// Reads a host, and whether it is written in disguise.
    fn parse(text: &str) -> Result<(Host, bool), UrlError> {
        if let Some(address) = text.strip_prefix('[') {
            let address = address.strip_suffix(']').ok_or(UrlError::Host)?;
            let address: Ipv6Addr = address.parse().map_err(|_| UrlError::Host)?;
            return Ok((Host::Address(IpAddr::V6(address).to_canonical()), false));
        }
        let decoded = percent_decode(text)?;
        let folded = decoded.chars().map(fold).collect::<String>().to_lowercase();
        let disguised = folded != text.to_lowercase();
        // One trailing dot says that the name is complete, and changes nothing.
        let name = folded.strip_suffix('.').unwrap_or(&folded);
        let name = name
            .split('.')
            .map(|label| {
                Some(label)
                    .filter(|label| is_label(label))
                    .and_then(ascii_form)
            })
            .collect::<Option<Vec<_>>>()
            .map(|labels| labels.join("."))
            .filter(|name| name.len() <= MAX_HOST)
            .ok_or(UrlError::Host)?;
        let last = name.rsplit('.').next().unwrap_or_default();
        if is_number(last) {
            // A name that ends in a number is an address or nothing: no top-level domain is a number.
            let address = inet_aton(&name).ok_or(UrlError::Host)?;
            let disguised = disguised || address.to_string() != name;
            return Ok((Host::Address(IpAddr::V4(address)), disguised));
        }
        Ok((Host::Name(name), disguised))
    }
}

/// Undoes percent-encoding.
fn percent_decode(text: &str) -> Result<String, UrlError> {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or(UrlError::Host)?;
        let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex);
        decoded.push(byte.ok_or(UrlError::Host)?);
        decoded.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(decoded).map_err(|_| UrlError::Host)
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

/// Whether this can be a label of a host name: letters, digits, `-`, `_`, and letters of other scripts.
fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label.chars().all(|c| match c {
            _ if c.is_ascii() => c.is_ascii_alphanumeric() || c == '-' || c == '_',
            // Letters that are variants of others, and characters that are dropped, read differently to different readers.
            '\u{80}'..='\u{BF}' | '\u{17F}' | '\u{2B0}'..='\u{36F}' | '\u{180B}'..='\u{180F}' => {
                false
            }
            '\u{1D2C}'..='\u{1D6A}'
            | '\u{1D78}'
            | '\u{1D9B}'..='\u{1DBF}'
            | '\u{2000}'..='\u{2BFF}' => false,
            '\u{3000}'..='\u{3004}'
            | '\u{3200}'..='\u{33FF}'
            | '\u{FB00}'..='\u{FB06}'
            | '\u{FE00}'..='\u{FE6F}' => false,
            '\u{FF00}'..='\u{FFFF}'
            | '\u{1D400}'..='\u{1D7FF}'
            | '\u{1F100}'..='\u{1F2FF}'
            | '\u{E0000}'.. => false,
            _ => true,
        })
}

/// A label as the name system has it: as it is, or `xn--` and Punycode (RFC 3492).
fn ascii_form(label: &str) -> Option<String> {
    if label.is_ascii() {
        return Some(label.to_owned());
    }
    let label = format!("xn--{}", punycode(label)?);
    (label.len() <= MAX_LABEL).then_some(label)
}

/// Punycode's encoding procedure (RFC 3492 §6.3). Quadratic in the length, which [`MAX_LABEL`] bounds.
fn punycode(label: &str) -> Option<String> {
    const BASE: u32 = 36;
    const T_MIN: u32 = 1;
    const T_MAX: u32 = 26;
    const SKEW: u32 = 38;
    const DAMP: u32 = 700;
    let digit = |value: u32| {
        char::from_digit(value, BASE).map(|c| match c {
            // Punycode counts from `a` to `z`, then from `0` to `9`.
            '0'..='9' => char::from(b'a' + (c as u8 - b'0')),
            'a'..='p' => char::from(c as u8 + 10),
            _ => char::from(b'0' + (c as u8 - b'q')),
        })
    };

    let mut encoded: String = label.chars().filter(char::is_ascii).collect();
    let basic = encoded.len() as u32;
    if basic > 0 {
        encoded.push('-');
    }
    let (mut next, mut delta, mut bias, mut handled) = (0x80_u32, 0_u32, 72_u32, basic);
    while let Some(least) = label.chars().map(u32::from).filter(|&c| c >= next).min() {
        delta = delta.checked_add((least - next).checked_mul(handled + 1)?)?;
        next = least;
        for c in label.chars().map(u32::from) {
            delta = delta.checked_add(u32::from(c < next))?;
            if c != next {
                continue;
            }
            let mut rest = delta;
            for k in (BASE..).step_by(BASE as usize) {
                let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
                if rest < threshold {
                    break;
                }
                encoded.push(digit(threshold + (rest - threshold) % (BASE - threshold))?);
                rest = (rest - threshold) / (BASE - threshold);
            }
            encoded.push(digit(rest)?);

            delta /= if handled == basic { DAMP } else { 2 };
            delta += delta / (handled + 1);
            let mut steps = 0;
            while delta > (BASE - T_MIN) * T_MAX / 2 {
                delta /= BASE - T_MIN;
                steps += BASE;
            }
            bias = steps + (BASE - T_MIN + 1) * delta / (delta + SKEW);
            delta = 0;
            handled += 1;
        }
        delta += 1;
        next += 1;
    }
    Some(encoded)
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

    fn host(text: &str) -> Result<(String, bool), UrlError> {
        Url::parse(format!("http://{text}/x").as_bytes()).map(|url| {
            let host = match url.host {
                Host::Name(name) => name,
                Host::Address(address) => format!("<{address}>"),
            };
            (host, url.disguised)
        })
    }

    #[test]
    fn plain_urls() {
        let url = Url::parse(b"http://a.example/linker-47476/?p=1&q=2#top").expect("a URL");
        assert_eq!(
            (url.secure, url.userinfo, url.disguised, url.port),
            (false, false, false, None)
        );
        assert_eq!(url.host, Host::Name("a.example".to_owned()));
        assert_eq!(url.path, "/linker-47476/?p=1&q=2");
        let url = Url::parse(b" \n HTTPS://A.Example:8443?x \t").expect("a URL");
        assert_eq!((url.secure, url.port, url.path), (true, Some(8443), "?x"));
        assert_eq!(url.host, Host::Name("a.example".to_owned()));
        assert!(Url::parse("http://a.example/über?q=ä".as_bytes()).is_ok());
        assert_eq!(
            Url::parse(b"http://a.example:/x").expect("a URL").port,
            None
        );
        assert_eq!(Url::parse(b"http://a.example#x").expect("a URL").path, "");
    }

    #[test]
    fn no_urls() {
        let table: &[(&[u8], UrlError)] = &[
            (b"", UrlError::Scheme),
            (b"a.example/x", UrlError::Scheme),
            (b"/x", UrlError::Scheme),
            (b"//a.example/x", UrlError::Scheme),
            (b"http:/a.example/x", UrlError::Scheme),
            (b"http:a.example", UrlError::Scheme),
            (b"ftp://a.example/x", UrlError::Scheme),
            (b"file:///etc/passwd", UrlError::Scheme),
            (b"gopher://127.0.0.1:6379/_INFO", UrlError::Scheme),
            (b"javascript://a.example/%0aalert(1)", UrlError::Scheme),
            (b"xhttp://a.example/", UrlError::Scheme),
            (b"http ://a.example/", UrlError::Character),
            (b"http://a.example/a b", UrlError::Character),
            (b"http://a.example/a\nb", UrlError::Character),
            (b"http://a.example/a\0b", UrlError::Character),
            (b"http://a.example/\x7f", UrlError::Character),
            (b"http://a.example\\@b.example/", UrlError::Character),
            (b"http:\\\\a.example\\x", UrlError::Character),
            (b"http://a.example/\"><script>", UrlError::Character),
            (b"http://a.example/\xff", UrlError::Character),
            ("http://a.example/\u{a0}".as_bytes(), UrlError::Character),
            (b"http:///x", UrlError::Host),
            (b"http://", UrlError::Host),
            (b"http://@/x", UrlError::Host),
            (b"http://:80/x", UrlError::Host),
            (b"http://a..example/", UrlError::Host),
            (b"http://.a.example/", UrlError::Host),
            (b"http://a.example../", UrlError::Host),
            (b"http://a,example/", UrlError::Host),
            (b"http://a%2/", UrlError::Host),
            (b"http://a%zz/", UrlError::Host),
            (b"http://a%00.example/", UrlError::Host),
            (b"http://a%2f.example/", UrlError::Host),
            (b"http://a%ff/", UrlError::Host),
            (b"http://[::1/", UrlError::Host),
            (b"http://[fe80::1%25eth0]/", UrlError::Host),
            (b"http://[127.0.0.1]/", UrlError::Host),
            (b"http://1.2.3.4.5/", UrlError::Host),
            (b"http://256.1.1.1/", UrlError::Host),
            (b"http://1.2.3.09/", UrlError::Host),
            (b"http://a.example:80x/", UrlError::Port),
            (b"http://a.example:65536/", UrlError::Port),
            (b"http://a.example:+80/", UrlError::Port),
            (b"http://a:b:c/", UrlError::Port),
            (b"http://[::1]80/", UrlError::Port),
            (b"http://::1/", UrlError::Port),
        ];
        for (text, error) in table {
            assert_eq!(Url::parse(text), Err(*error), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn lengths() {
        let of = |length: usize| format!("http://a.example/{}", "x".repeat(length - 17));
        assert!(Url::parse(of(MAX_URL).as_bytes()).is_ok());
        assert_eq!(
            Url::parse(of(MAX_URL + 1).as_bytes()),
            Err(UrlError::TooLong)
        );
        let label = |length: usize| host(&format!("{}.example", "a".repeat(length)));
        assert!(label(MAX_LABEL).is_ok());
        assert_eq!(label(MAX_LABEL + 1), Err(UrlError::Host));
        let name = |length: usize| host(&format!("{}b", "a.".repeat(length / 2)));
        assert!(name(MAX_HOST).is_ok());
        assert_eq!(name(MAX_HOST + 2), Err(UrlError::Host));
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
            ("user@a.example", "a.example", false),
            ("http@user:pw@a.example", "a.example", false),
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
            assert_eq!(host(text), Ok((expected.to_owned(), disguised)), "{text}");
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
            assert_eq!(host(text), Err(UrlError::Host), "{text}");
        }
    }

    #[test]
    fn the_root_is_not_a_page() {
        for root in [
            "http://b.example",
            "http://b.example/",
            "http://b.example//",
            "http://b.example/?",
            "http://b.example/#x",
            "http://b.example?",
            "http://b.example/./",
            "http://b.example/..",
            "http://b.example#x",
        ] {
            assert!(
                Url::parse(root.as_bytes()).expect("a URL").is_root(),
                "{root}"
            );
        }
        for page in [
            "http://b.example/?p=4",
            "http://b.example?p=4",
            "http://b.example/x",
            "http://b.example/x/",
            "http://b.example/...",
        ] {
            assert!(
                !Url::parse(page.as_bytes()).expect("a URL").is_root(),
                "{page}"
            );
        }
    }

    #[test]
    fn the_same_page() {
        let same = |a: &str, b: &str| {
            let (a, b) = (
                Url::parse(a.as_bytes()).expect("a URL"),
                Url::parse(b.as_bytes()).expect("a URL"),
            );
            assert_eq!(a.is_same_page(&b), b.is_same_page(&a));
            a.is_same_page(&b)
        };
        assert!(same(
            "http://b.example/x",
            "https://B.example:443/x/#comment"
        ));
        assert!(same("http://b.example/?p=4", "http://b.example./?p=4"));
        assert!(!same("http://b.example/x", "http://b.example/y"));
        assert!(!same("http://b.example/?p=4", "http://b.example/?p=5"));
        assert!(!same("http://b.example/x", "http://a.example/x"));
    }
}
