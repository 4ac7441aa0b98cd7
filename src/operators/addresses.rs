//! `@ipMatch` and `@ipMatchFromFile`: a set of IPv4 and IPv6 networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::compile::{CompileError, fields};

/// A set of networks.  Membership costs a binary search over merged ranges.
#[derive(Debug, Clone, Default)]
pub struct AddressSet {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl AddressSet {
    /// Reads a comma-separated list of addresses and networks (`a.b.c.d`,
    /// `a.b.c.d/n`, `x::y`, `x::y/n`).
    ///
    /// Compat: blanks around an entry are allowed; mod_security2 refuses them.
    /// So is `/0`.  Host bits below the mask are ignored in both.
    pub(super) fn parse_list(list: &[u8]) -> Result<AddressSet, CompileError> {
        let mut set = AddressSet::default();
        for (span, field) in fields(list, |b| b == b',') {
            let entry = field.trim_ascii();
            if !set.insert(entry) {
                let entry = String::from_utf8_lossy(entry);
                let list = String::from_utf8_lossy(list);
                return Err(CompileError::at(
                    span,
                    format!("Could not add entry \"{entry}\" from: {list}."),
                ));
            }
        }
        set.merge();
        Ok(set)
    }

    /// Reads a file with one address or network a line.
    ///
    /// Compat: as in mod_security2 an entry ends at the first byte that no
    /// address contains, and a line that starts with such a byte (`#`, `;`) is
    /// a comment.
    pub(super) fn parse_file(text: &[u8], file: &str) -> Result<AddressSet, String> {
        let mut set = AddressSet::default();
        for (number, line) in text.split(|b| *b == b'\n').enumerate() {
            let line = line.trim_ascii_start();
            let length = line
                .iter()
                .take_while(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'/'))
                .count();
            let entry = line.get(..length).unwrap_or_default();
            if !entry.is_empty() && !set.insert(entry) {
                let entry = String::from_utf8_lossy(entry);
                let number = number + 1;
                return Err(format!(
                    "Could not add entry \"{entry}\" in line {number} of file {file} to IP list"
                ));
            }
        }
        set.merge();
        Ok(set)
    }

    /// Adds one entry; false if it is not an address or network.
    fn insert(&mut self, entry: &[u8]) -> bool {
        match network(entry) {
            Some(Network::V4(range)) => self.v4.push((range.start, range.end)),
            Some(Network::V6(range)) => self.v6.push((range.start, range.end)),
            None => return false,
        }
        true
    }

    fn merge(&mut self) {
        merge(&mut self.v4);
        merge(&mut self.v6);
    }

    /// Whether the address lies in one of the networks.  IPv4 addresses are
    /// looked up in IPv4 networks only, mapped ones (`::ffff:…`) in IPv6.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(a) => covers(&self.v4, u32::from(a)),
            IpAddr::V6(a) => covers(&self.v6, u128::from(a)),
        }
    }

    /// The value read as an address and looked up; what is no address is in no set.
    pub(super) fn contains_text(&self, value: &[u8]) -> bool {
        address(value).is_some_and(|a| self.contains(a))
    }
}

fn address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// First and last address, both included.
enum Network {
    V4(Range<u32>),
    V6(Range<u128>),
}

fn network(entry: &[u8]) -> Option<Network> {
    let entry = std::str::from_utf8(entry).ok()?;
    let (host, bits) = match entry.split_once('/') {
        None => (entry, None),
        Some((_, bits)) if bits.is_empty() || !bits.bytes().all(|b| b.is_ascii_digit()) => {
            return None;
        }
        Some((host, bits)) => (host, Some(bits.parse::<u32>().ok()?)),
    };
    if host.contains(':') {
        let first = u128::from(host.parse::<Ipv6Addr>().ok()?);
        let free = 128u32.checked_sub(bits.unwrap_or(128))?;
        let mask = u128::MAX.checked_shr(128 - free).unwrap_or(0);
        Some(Network::V6(first & !mask..first | mask))
    } else {
        let first = u32::from(host.parse::<Ipv4Addr>().ok()?);
        let free = 32u32.checked_sub(bits.unwrap_or(32))?;
        let mask = u32::MAX.checked_shr(32 - free).unwrap_or(0);
        Some(Network::V4(first & !mask..first | mask))
    }
}

/// Sorts the ranges and joins those that overlap.
fn merge<T: Ord + Copy>(ranges: &mut Vec<(T, T)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlaps = next.0 <= kept.1;
        if overlaps {
            kept.1 = kept.1.max(next.1);
        }
        overlaps
    });
}

fn covers<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after
        .checked_sub(1)
        .and_then(|i| ranges.get(i))
        .is_some_and(|(_, last)| address <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_merged_and_found() {
        let set = AddressSet::parse_list(
            b"10.0.0.0/8,10.1.2.3,192.0.2.1,192.0.2.1/24, ::1 ,2001:db8::/32",
        )
        .unwrap();
        assert_eq!((set.v4.len(), set.v6.len()), (2, 2));
        for (text, expected) in [
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("192.0.2.255", true),
            ("192.0.3.0", false),
            ("::1", true),
            ("2001:db8:ffff::", true),
            ("2001:db9::", false),
            ("::ffff:10.0.0.1", false),
            ("", false),
            ("10.0.0.1 ", false),
            ("10.0.0.1\0", false),
        ] {
            assert_eq!(set.contains_text(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn the_mask_may_be_nought_or_full() {
        let all = AddressSet::parse_list(b"0.0.0.0/0,::/0").unwrap();
        assert!(all.contains_text(b"255.255.255.255") && all.contains_text(b"ffff::"));
        let one = AddressSet::parse_list(b"192.0.2.7/32,2001:db8::7/128").unwrap();
        assert!(one.contains_text(b"192.0.2.7") && !one.contains_text(b"192.0.2.6"));
        assert!(one.contains_text(b"2001:db8::7") && !one.contains_text(b"2001:db8::8"));
    }

    #[test]
    fn what_is_no_network_is_an_error_with_a_place() {
        for bad in [
            "1.2.3",
            "1.2.3.4/33",
            "1.2.3.4/",
            "1.2.3.4/-1",
            "1.2.3.4/255.0.0.0",
            "::1/129",
            "x",
            "1.2.3.256",
            ":::",
        ] {
            let list = format!("127.0.0.1,{bad}");
            let error = AddressSet::parse_list(list.as_bytes()).unwrap_err();
            assert_eq!(error.span, Some(10..10 + bad.len()), "{bad}");
            assert!(error.message.contains(bad), "{}", error.message);
        }
    }

    #[test]
    fn files_have_comments_and_tails() {
        let text = b"# list\n; other\n\n 10.0.0.0/8 ; SBL1\r\n2001:db8::/32\n192.0.2.1";
        let set = AddressSet::parse_file(text, "f").unwrap();
        assert!(set.contains_text(b"10.9.9.9") && set.contains_text(b"192.0.2.1"));
        assert!(set.contains_text(b"2001:db8::1"));
        let error = AddressSet::parse_file(b"10.0.0.1\nexample.org\n", "list.txt").unwrap_err();
        assert_eq!(
            error,
            "Could not add entry \"e\" in line 2 of file list.txt to IP list"
        );
    }
}
