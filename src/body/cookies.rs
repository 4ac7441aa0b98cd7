//! The `Cookie` header, in the two formats of `SecCookieFormat`.
//!
//! Every pair is exposed: duplicates, pairs without a name and pairs without a value. Bytes are left as they are; a
//! cookie has no encoding of its own.
//!
//! Compat: mod_security2 drops a pair whose name is empty. PHP and many frameworks do read such pairs, so they are kept
//! here with an empty name.
//!
//! The number of cookies is at most half the length of the header, which httpd bounds (`LimitRequestFieldSize`).

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2, memchr3};

use crate::limits::COOKIE_ATTRIBUTE_PREFIX_LIMIT;

/// `SecCookieFormat`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// `0`: Netscape cookies, what browsers send.
    #[default]
    Netscape,
    /// `1`: RFC 2109 cookies, with `$Version`, quoted values and commas.
    Rfc2109,
}

/// One pair of a `Cookie` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Name; may be empty.
    pub name: Bytes,
    /// Value; empty if there was none.
    pub value: Bytes,
}

/// Reads the pairs of `header` in order.
///
/// `separator` is `SecCookiev0Separator` and concerns only [`Format::Netscape`]. Without it the separator is `;`, or `,`
/// in a header that has no `;` and a space after its first comma, as in mod_security2.
pub fn parse(header: &Bytes, format: Format, separator: Option<u8>) -> Vec<Cookie> {
    match format {
        Format::Netscape => netscape(header, separator),
        Format::Rfc2109 => rfc2109(header),
    }
}

fn netscape(header: &Bytes, separator: Option<u8>) -> Vec<Cookie> {
    let separator = separator.unwrap_or_else(|| match memchr2(b';', b',', header) {
        Some(at) if header.get(at..at + 2) == Some(b", ") && memchr(b';', header).is_none() => b',',
        _ => b';',
    });
    header
        .split(|&b| b == separator)
        .map(trim_start)
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = match memchr(b'=', pair) {
                Some(at) => (
                    pair.get(..at).unwrap_or_default(),
                    pair.get(at + 1..).unwrap_or_default(),
                ),
                None => (pair, &[][..]),
            };
            Cookie {
                name: header.slice_ref(name),
                value: header.slice_ref(value),
            }
        })
        .collect()
}

fn rfc2109(header: &Bytes) -> Vec<Cookie> {
    let mut cookies = Vec::new();
    let mut owner: &[u8] = b"";
    let mut rest = skip_separators(header);
    while !rest.is_empty() {
        let (name, after) = split_at(rest, memchr3(b'=', b';', b',', rest));
        let name = trim_end(name);
        let value = match after {
            [b'=', after @ ..] => {
                let (value, after) = rfc2109_value(trim_start(after));
                rest = after;
                value
            }
            _ => {
                rest = after;
                &[]
            }
        };
        rest = skip_separators(rest);

        let is_attribute = name.first() == Some(&b'$');
        cookies.push(Cookie {
            name: if is_attribute {
                attribute_name(header, owner, name)
            } else {
                header.slice_ref(name)
            },
            value: header.slice_ref(value),
        });
        if !is_attribute {
            owner = name;
        }
    }
    cookies
}

/// The value at the start of `text`, without its quotes, and what follows it. A missing closing quote ends the header.
fn rfc2109_value(text: &[u8]) -> (&[u8], &[u8]) {
    match text {
        [b'"', quoted @ ..] => {
            let (value, after) = split_at(quoted, memchr(b'"', quoted));
            (value, after.get(1..).unwrap_or_default())
        }
        _ => {
            let (value, after) = split_at(text, memchr2(b',', b';', text));
            (trim_end(value), after)
        }
    }
}

/// `$Path` after the cookie `a` is exposed as `$a_Path`, so that each has a name of its own.
fn attribute_name(header: &Bytes, owner: &[u8], attribute: &[u8]) -> Bytes {
    if owner.is_empty() || owner.len() > COOKIE_ATTRIBUTE_PREFIX_LIMIT {
        return header.slice_ref(attribute);
    }
    let mut name = BytesMut::with_capacity(owner.len() + attribute.len() + 1);
    name.extend_from_slice(b"$");
    name.extend_from_slice(owner);
    name.extend_from_slice(b"_");
    name.extend_from_slice(attribute.get(1..).unwrap_or_default());
    name.freeze()
}

fn split_at(text: &[u8], at: Option<usize>) -> (&[u8], &[u8]) {
    text.split_at_checked(at.unwrap_or(text.len()))
        .unwrap_or((text, &[]))
}

fn skip_separators(text: &[u8]) -> &[u8] {
    let start = text
        .iter()
        .position(|&b| b != b',' && b != b';' && !is_space(b))
        .unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&b| !is_space(b));
    text.get(start.unwrap_or(text.len())..).unwrap_or_default()
}

fn trim_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&b| !is_space(b));
    text.get(..end.map_or(0, |last| last + 1))
        .unwrap_or_default()
}

/// C's `isspace` in the C locale: as ASCII white space, and the vertical tab.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str, format: Format, separator: Option<u8>) -> Vec<(String, String)> {
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        parse(
            &Bytes::copy_from_slice(header.as_bytes()),
            format,
            separator,
        )
        .iter()
        .map(|cookie| (text(&cookie.name), text(&cookie.value)))
        .collect()
    }

    fn check(format: Format, separator: Option<u8>, cases: &[(&str, &[(&str, &str)])]) {
        for &(header, cookies) in cases {
            let expected: Vec<_> = cookies.iter().map(|c| (c.0.into(), c.1.into())).collect();
            assert_eq!(read(header, format, separator), expected, "{header:?}");
        }
    }

    #[test]
    fn netscape_cookies() {
        check(
            Format::Netscape,
            None,
            &[
                ("", &[]),
                (" ; ;", &[]),
                ("a=1; b=2", &[("a", "1"), ("b", "2")]),
                ("a=1;b=2;a=3", &[("a", "1"), ("b", "2"), ("a", "3")]),
                ("a; b=", &[("a", ""), ("b", "")]),
                ("=1; =2", &[("", "1"), ("", "2")]),
                ("=", &[("", "")]),
                ("a=b=c", &[("a", "b=c")]),
                ("a=\"x y\"; b=2", &[("a", "\"x y\""), ("b", "2")]),
                ("a=\"x;y\"", &[("a", "\"x"), ("y\"", "")]),
                ("a=1, b=2", &[("a", "1"), ("b", "2")]),
                ("a=1, b=2,c=3", &[("a", "1"), ("b", "2"), ("c", "3")]),
                ("a=1,b=2, c=3", &[("a", "1,b=2, c=3")]),
                ("a=1,\tb=2", &[("a", "1,\tb=2")]),
                ("a=1, b=2; c=3", &[("a", "1, b=2"), ("c", "3")]),
                ("a =1 ;\t\u{b}b=2", &[("a ", "1 "), ("b", "2")]),
                ("\x01a\x02=\x03", &[("\x01a\x02", "\x03")]),
                ("a=%41+b", &[("a", "%41+b")]),
                ("$Version=1; a=1", &[("$Version", "1"), ("a", "1")]),
            ],
        );
        check(
            Format::Netscape,
            Some(b'|'),
            &[("a=1; x|b=2", &[("a", "1; x"), ("b", "2")])],
        );
    }

    #[test]
    fn rfc_2109_cookies() {
        check(
            Format::Rfc2109,
            None,
            &[
                ("", &[]),
                (" ;,; ", &[]),
                ("a=1; b=2, c=3", &[("a", "1"), ("b", "2"), ("c", "3")]),
                (
                    "$Version=1; a=\"x;y\"; $Path=\"/\"; b=2; $Domain=z",
                    &[
                        ("$Version", "1"),
                        ("a", "x;y"),
                        ("$a_Path", "/"),
                        ("b", "2"),
                        ("$b_Domain", "z"),
                    ],
                ),
                ("a = 1 ; b ; c", &[("a", "1"), ("b", ""), ("c", "")]),
                ("a=\"open; b=2", &[("a", "open; b=2")]),
                ("a=\"", &[("a", "")]),
                ("a=\"1\"x=2", &[("a", "1"), ("x", "2")]),
                ("=1; =\"2\"", &[("", "1"), ("", "2")]),
                ("a=", &[("a", "")]),
            ],
        );
    }

    #[test]
    fn a_long_name_does_not_multiply() {
        for (length, expected) in [(127, true), (128, true), (129, false)] {
            let owner = "n".repeat(length);
            let cookies = read(&format!("{owner}=1; $Path=/"), Format::Rfc2109, None);
            let named = format!("${owner}_Path");
            assert_eq!(
                cookies[1].0,
                if expected { &named } else { "$Path" },
                "{length}"
            );
        }
    }

    #[test]
    fn ten_thousand_cookies_are_all_read() {
        let header = Bytes::from("a=1; ".repeat(10_000));
        let attributes = Bytes::from("a".repeat(100) + &"=1; $Path".repeat(10_000));
        assert_eq!(parse(&header, Format::Netscape, None).len(), 10_000);
        assert_eq!(parse(&header, Format::Rfc2109, None).len(), 10_000);
        assert_eq!(parse(&attributes, Format::Rfc2109, None).len(), 10_001);
    }
}
