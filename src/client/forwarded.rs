//! Reading forwarding headers, nearest hop first.
//!
//! The last element is the one that the nearest proxy wrote; everything left of it may be a forgery. So elements are split
//! off from the right, one at a time and only as far as the walk goes: nothing that a client put in front (an unbalanced
//! quote, ten thousand commas) can change how the last element reads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::policy::ForwardingHeader;

/// The hops that the lines of a header name, nearest first; `None` for an element that names no address.
///
/// Several lines are one list, in order. A header with no element has one: the empty one, which names nothing.
pub(super) fn hops<'a>(
    header: &ForwardingHeader,
    lines: &'a [Vec<u8>],
) -> Box<dyn Iterator<Item = Option<IpAddr>> + 'a> {
    let nearest_first = lines.iter().rev().map(Vec::as_slice);
    match header {
        ForwardingHeader::XForwardedFor => Box::new(
            nearest_first
                .flat_map(|line| line.rsplit(|&b| b == b','))
                .map(address),
        ),
        ForwardingHeader::Forwarded => Box::new(
            nearest_first
                .flat_map(|line| rsplit_unquoted(line, b','))
                .map(forwarded_for),
        ),
        // One address is all there may be; anything else, and nobody can say whose it is.
        ForwardingHeader::Single(_) => Box::new(std::iter::once(match lines {
            [line] => address(line),
            _ => None,
        })),
    }
}

/// Reads an address: `192.0.2.7`, `192.0.2.7:5678`, `2001:db8::7`, `[2001:db8::7]`, `[2001:db8::7]:5678`; blanks around it
/// do not count, a port is read and dropped, and an IPv4-mapped address is the IPv4 address.
///
/// `2001:db8::7:80` is an address and not an address with a port. Everything else (a name, `unknown`, `_hidden`, a zone, leading
/// zeroes) is no address.
pub(super) fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text.trim_ascii()).ok()?;
    let address = if let Some(bracketed) = text.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        if !rest.is_empty() {
            is_port(rest.strip_prefix(':')?).then_some(())?;
        }
        IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)
    } else if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        is_port(port).then_some(())?;
        IpAddr::V4(address.parse::<Ipv4Addr>().ok()?)
    };
    Some(address.to_canonical())
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit())
        && text.parse::<u16>().is_ok()
}

/// The address of the one `for` parameter of an element of `Forwarded`.
///
/// Compat: RFC 7239 wants everything with a colon quoted; unquoted forms that many proxies send are read all the same.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut values = rsplit_unquoted(element, b';').filter_map(|pair| {
        let pair = pair.trim_ascii();
        let at = pair.iter().position(|&b| b == b'=')?;
        let (name, value) = pair.split_at(at);
        name.eq_ignore_ascii_case(b"for")
            .then(|| value.get(1..).unwrap_or_default())
    });
    match (values.next(), values.next()) {
        (Some(value), None) => address(&unquote(value)?),
        _ => None,
    }
}

/// The text of a token or quoted string; `None` where a quoted string has no end or something after it.
fn unquote(value: &[u8]) -> Option<Vec<u8>> {
    let Some(quoted) = value.strip_prefix(b"\"") else {
        return Some(value.to_vec());
    };
    let quoted = quoted.strip_suffix(b"\"")?;
    let mut text = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => text.push(*bytes.next()?),
            b'"' => return None,
            _ => text.push(byte),
        }
    }
    Some(text)
}

/// Splits at `separator` outside quoted strings, from the right.
///
/// A quote is one of a pair unless an odd number of backslashes stands before it. The right end is outside a string: that is
/// where the nearest proxy stopped writing.
fn rsplit_unquoted(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        for (at, &byte) in text.iter().enumerate().rev() {
            if byte == b'"' {
                let before = text.get(..at).unwrap_or_default();
                let backslashes = before.iter().rev().take_while(|&&b| b == b'\\').count();
                quoted ^= backslashes % 2 == 0;
            } else if byte == separator && !quoted {
                let (left, right) = text.split_at(at);
                rest = Some(left);
                return right.get(1..);
            }
        }
        rest = None;
        Some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let table = [
            ("192.0.2.7", "192.0.2.7"),
            (" \t192.0.2.7 ", "192.0.2.7"),
            ("192.0.2.7:5678", "192.0.2.7"),
            ("192.0.2.7:0", "192.0.2.7"),
            ("192.0.2.7:65535", "192.0.2.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
            ("2001:db8::7:80", "2001:db8::7:80"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:5678", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("[::ffff:192.0.2.7]:80", "192.0.2.7"),
            ("::FFFF:c000:0207", "192.0.2.7"),
        ];
        for (text, expected) in table {
            assert_eq!(
                address(text.as_bytes()).map(|a| a.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn no_addresses() {
        let table: [&[u8]; 30] = [
            b"",
            b" ",
            b"unknown",
            b"_hidden",
            b"_SEVKISEK",
            b"localhost",
            b"garbage",
            b"192.0.2",
            b"192.0.2.7.1",
            b"192.0.2.256",
            b"192.0.02.7",
            b"3221225991",
            b"0xc0000207",
            b"192.0.2.7:",
            b"192.0.2.7:65536",
            b"192.0.2.7:123456",
            b"192.0.2.7:+80",
            b"192.0.2.7:_port",
            b"192.0.2.7 192.0.2.8",
            b"\"192.0.2.7\"",
            b"\"[2001:db8::7]:80\"",
            b"[192.0.2.7]",
            b"[2001:db8::7",
            b"[2001:db8::7]80",
            b"[2001:db8::7]:",
            b"2001:db8::7%eth0",
            b"192.0.2.7\0",
            b"192.0.2.7/32",
            b"\xff",
            b"192.0.2.7;x",
        ];
        for text in table {
            assert_eq!(address(text), None, "{}", text.escape_ascii());
        }
    }

    fn read(header: &ForwardingHeader, lines: &[&str]) -> Vec<String> {
        let lines: Vec<Vec<u8>> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        hops(header, &lines)
            .map(|hop| hop.map_or("-".to_owned(), |a| a.to_string()))
            .collect()
    }

    #[test]
    fn lists_are_read_from_the_right_and_across_lines() {
        let header = ForwardingHeader::XForwardedFor;
        assert_eq!(
            read(&header, &["192.0.2.1, 192.0.2.2", "192.0.2.3,x"]),
            ["-", "192.0.2.3", "192.0.2.2", "192.0.2.1"]
        );
        assert_eq!(read(&header, &[""]), ["-"]);
        assert_eq!(
            read(&header, &["192.0.2.1,", ",192.0.2.2"]),
            ["192.0.2.2", "-", "-", "192.0.2.1"]
        );
    }

    #[test]
    fn a_single_value_stands_alone() {
        let header = ForwardingHeader::Single("X-Real-IP".to_owned());
        assert_eq!(read(&header, &["192.0.2.1"]), ["192.0.2.1"]);
        assert_eq!(read(&header, &["192.0.2.1, 192.0.2.2"]), ["-"]);
        assert_eq!(read(&header, &["192.0.2.1", "192.0.2.1"]), ["-"]);
    }

    #[test]
    fn rfc_7239() {
        let table: &[(&str, &[&str])] = &[
            ("for=192.0.2.60;proto=http;by=203.0.113.43", &["192.0.2.60"]),
            ("For=\"[2001:db8:cafe::17]:4711\"", &["2001:db8:cafe::17"]),
            (
                "for=192.0.2.43, FOR=198.51.100.17",
                &["198.51.100.17", "192.0.2.43"],
            ),
            (
                "for=192.0.2.43,for=\"198.51.100.17:80\";by=x",
                &["198.51.100.17", "192.0.2.43"],
            ),
            ("by=203.0.113.60; for = 192.0.2.1", &["-"]),
            (" ; for=192.0.2.1 ;", &["192.0.2.1"]),
            ("for=\"_gazonk\"", &["-"]),
            ("for=unknown", &["-"]),
            ("for=\"192.0.2.1:_port\"", &["-"]),
            ("proto=https", &["-"]),
            ("for=192.0.2.1;for=192.0.2.2", &["-"]),
            ("for=", &["-"]),
            ("for", &["-"]),
            ("", &["-"]),
            ("for=\"192.0.2.1", &["-"]),
            ("for=\"192.0.2.1\"x", &["-"]),
            ("for=\"192\\.0.2.1\"", &["192.0.2.1"]),
            ("for=192.0.2.1;host=\"a, for=6.6.6.6\"", &["192.0.2.1"]),
            (
                "for=192.0.2.1;host=\"a\\\", for=6.6.6.6;b=\\\"\"",
                &["192.0.2.1"],
            ),
            ("for=[2001:db8::1]:80", &["2001:db8::1"]),
            ("for=2001:db8::1", &["2001:db8::1"]),
        ];
        for (text, expected) in table {
            assert_eq!(
                read(&ForwardingHeader::Forwarded, &[text]),
                *expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_forged_quote_does_not_reach_the_nearest_element() {
        for forged in [
            "for=\"6.6.6.6",
            "for=6.6.6.6;x=\"\\",
            "\"",
            "\\\"",
            "\"\\\\\"",
        ] {
            let line = format!("{forged}, for=198.51.100.7;by=\"[2001:db8::1]\"");
            let hops = read(&ForwardingHeader::Forwarded, &[&line]);
            assert_eq!(
                hops.first().map(String::as_str),
                Some("198.51.100.7"),
                "{line}"
            );
        }
    }
}
