//! Networks and sets of them.
//!
//! An IPv4 address is its IPv4-mapped IPv6 address (`::ffff:a.b.c.d`), so one line of 128-bit numbers holds both families,
//! a network is a range on it, and a set is a sorted list of disjoint ranges: membership is one binary search.

use std::net::{IpAddr, Ipv4Addr};

/// A network in CIDR notation, or a single address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Network {
    first: u128,
    last: u128,
}

impl Network {
    /// The IPv4 network `a.b.c.d/prefix`; bits beyond the prefix (0 to 32) do not count.
    pub const fn v4(address: [u8; 4], prefix: u8) -> Network {
        let [a, b, c, d] = address;
        let mapped = Ipv4Addr::new(a, b, c, d).to_ipv6_mapped();
        Network::new(mapped.to_bits(), prefix + 96)
    }

    /// The IPv6 network that starts with these two 16-bit groups; `prefix` is 0 to 32.
    pub const fn v6(first: u16, second: u16, prefix: u8) -> Network {
        Network::new(((first as u128) << 112) | ((second as u128) << 96), prefix)
    }

    const fn new(address: u128, prefix: u8) -> Network {
        // A shift by all 128 bits has no value; it means that no bit is the host's.
        let host = match u128::MAX.checked_shr(prefix as u32) {
            Some(bits) => bits,
            None => 0,
        };
        Network {
            first: address & !host,
            last: address | host,
        }
    }

    /// Reads `192.0.2.0/24`, `2001:db8::/32` or a plain address.
    ///
    /// Compat: as for `RemoteIPInternalProxy`, bits beyond the prefix are ignored. A net mask in dotted form is an error.
    pub fn parse(text: &str) -> Result<Network, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| {
            format!(
                "\"{text}\" is not an IP address or a network such as 192.0.2.0/24 or 2001:db8::/32"
            )
        })?;
        let (bits, offset) = match address {
            IpAddr::V4(_) => (32, 96),
            IpAddr::V6(_) => (128, 0),
        };
        let prefix = match prefix {
            None => bits,
            Some(digits) => Some(digits)
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .filter(|&prefix| prefix <= bits)
                .ok_or_else(|| {
                    format!("\"{text}\": the prefix length must be a number from 0 to {bits}")
                })?,
        };
        Ok(Network::new(position(address), prefix + offset))
    }

    /// How many leading bits of the 128 on the line the network's addresses share, and the first of them.
    pub fn prefix(&self) -> (u8, u128) {
        let host = (self.first ^ self.last).count_ones();
        (u8::try_from(128 - host).unwrap_or(0), self.first)
    }

    /// Whether `address` belongs to the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        (self.first..=self.last).contains(&position(address))
    }

    /// Whether the network is the whole of IPv4 or more.
    pub fn is_everybody(&self) -> bool {
        let everybody = Network::v4([0; 4], 0);
        self.first <= everybody.first && everybody.last <= self.last
    }
}

/// The place of an address on the line.
pub fn position(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
    .to_bits()
}

/// A set of networks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NetworkSet {
    /// Sorted and disjoint.
    ranges: Vec<Network>,
}

impl NetworkSet {
    /// Whether one of the networks has the address. Logarithmic in the number of networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        let at = position(address);
        let after = self.ranges.partition_point(|range| range.first <= at);
        after
            .checked_sub(1)
            .and_then(|before| self.ranges.get(before))
            .is_some_and(|range| at <= range.last)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

impl Extend<Network> for NetworkSet {
    fn extend<T: IntoIterator<Item = Network>>(&mut self, networks: T) {
        self.ranges.extend(networks);
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|next, kept| {
            let overlaps = next.first <= kept.last;
            if overlaps {
                kept.last = kept.last.max(next.last);
            }
            overlaps
        });
    }
}

impl FromIterator<Network> for NetworkSet {
    fn from_iter<T: IntoIterator<Item = Network>>(networks: T) -> NetworkSet {
        let mut set = NetworkSet::default();
        set.extend(networks);
        set
    }
}

/// Networks of one site or one machine: a peer from here is a proxy, a container or a neighbour, not a stranger.
const LOCAL: [Network; 10] = [
    Network::v4([0, 0, 0, 0], 8),
    Network::v4([10, 0, 0, 0], 8),
    Network::v4([100, 64, 0, 0], 10),
    Network::v4([127, 0, 0, 0], 8),
    Network::v4([169, 254, 0, 0], 16),
    Network::v4([172, 16, 0, 0], 12),
    Network::v4([192, 168, 0, 0], 16),
    Network::v6(0xfc00, 0, 7),
    Network::v6(0xfe80, 0, 10),
    // `::` and `::1`.
    Network { first: 0, last: 1 },
];

/// Whether the address is private, shared (100.64.0.0/10), link-local, loopback or unspecified.
pub fn is_local(address: IpAddr) -> bool {
    LOCAL.iter().any(|network| network.contains(address))
}

/// Whether the address is this machine's own or none at all: loopback or unspecified.
pub fn is_own(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn network(text: &str) -> Network {
        Network::parse(text).expect("a network")
    }

    #[test]
    fn a_network_has_its_first_and_last_address_and_no_neighbour() {
        let table = [
            (
                "192.0.2.0/24",
                "192.0.2.0",
                "192.0.2.255",
                "192.0.1.255",
                "192.0.3.0",
            ),
            (
                "192.0.2.77/24",
                "192.0.2.0",
                "192.0.2.255",
                "192.0.1.255",
                "192.0.3.0",
            ),
            (
                "10.0.0.0/8",
                "10.0.0.0",
                "10.255.255.255",
                "9.255.255.255",
                "11.0.0.0",
            ),
            (
                "192.0.2.7",
                "192.0.2.7",
                "192.0.2.7",
                "192.0.2.6",
                "192.0.2.8",
            ),
            (
                "192.0.2.7/32",
                "192.0.2.7",
                "192.0.2.7",
                "192.0.2.6",
                "192.0.2.8",
            ),
            (
                "192.0.2.6/31",
                "192.0.2.6",
                "192.0.2.7",
                "192.0.2.5",
                "192.0.2.8",
            ),
            (
                "2001:db8::/32",
                "2001:db8::",
                "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                "2001:db7:ffff::",
                "2001:db9::",
            ),
            (
                "2001:db8::1",
                "2001:db8::1",
                "2001:db8::1",
                "2001:db8::",
                "2001:db8::2",
            ),
            (
                "::ffff:10.0.0.0/104",
                "10.0.0.0",
                "10.255.255.255",
                "9.255.255.255",
                "11.0.0.0",
            ),
        ];
        for (text, first, last, below, above) in table {
            let network = network(text);
            assert!(
                network.contains(ip(first)) && network.contains(ip(last)),
                "{text}"
            );
            assert!(
                !network.contains(ip(below)) && !network.contains(ip(above)),
                "{text}"
            );
        }
    }

    #[test]
    fn the_prefix_is_counted_on_the_line_of_both_families() {
        for (text, bits, first) in [
            ("192.0.2.7", 128, "192.0.2.7"),
            ("192.0.2.7/24", 120, "192.0.2.0"),
            ("0.0.0.0/0", 96, "0.0.0.0"),
            ("2001:db8:1:2::3/64", 64, "2001:db8:1:2::"),
            ("::/0", 0, "::"),
        ] {
            assert_eq!(
                network(text).prefix(),
                (bits, position(ip(first))),
                "{text}"
            );
        }
    }

    #[test]
    fn families_do_not_mix() {
        assert!(!network("0.0.0.0/0").contains(ip("2001:db8::1")));
        assert!(network("10.0.0.0/8").contains(ip("::ffff:10.1.2.3")));
        assert!(network("::/0").contains(ip("10.1.2.3")));
    }

    #[test]
    fn what_is_not_a_network_says_so() {
        for text in [
            "",
            "10",
            "10.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/255.0.0.0",
            "::/129",
            "proxy.example",
            "10.0.0.0/8/8",
            " 10.0.0.1",
            "fe80::1%eth0",
            "010.0.0.1",
        ] {
            let error = Network::parse(text).expect_err(text);
            assert!(error.contains(&format!("\"{text}\"")), "{error}");
        }
    }

    #[test]
    fn a_set_is_the_union_of_its_networks() {
        let set: NetworkSet = [
            "10.0.0.0/9",
            "10.64.0.0/10",
            "10.128.0.0/9",
            "192.0.2.1",
            "2001:db8::/32",
        ]
        .into_iter()
        .map(network)
        .collect();
        for inside in [
            "10.0.0.0",
            "10.127.255.255",
            "10.128.0.0",
            "10.255.255.255",
            "192.0.2.1",
            "2001:db8::5",
        ] {
            assert!(set.contains(ip(inside)), "{inside}");
        }
        for outside in [
            "9.255.255.255",
            "11.0.0.0",
            "192.0.2.0",
            "192.0.2.2",
            "2001:db9::",
            "::",
            "::1",
        ] {
            assert!(!set.contains(ip(outside)), "{outside}");
        }
        assert!(!NetworkSet::default().contains(ip("::")));
        assert!(NetworkSet::default().is_empty() && !set.is_empty());
    }

    #[test]
    fn everybody_is_recognised() {
        for (text, expected) in [
            ("0.0.0.0/0", true),
            ("::/0", true),
            ("::/80", true),
            ("0.0.0.0/1", false),
            ("2000::/3", false),
        ] {
            assert_eq!(network(text).is_everybody(), expected, "{text}");
        }
    }

    #[test]
    fn local_addresses() {
        let table = [
            ("127.0.0.1", true, true),
            ("127.255.255.254", true, true),
            ("0.0.0.0", true, true),
            ("::1", true, true),
            ("::", true, true),
            ("::ffff:127.0.0.1", true, true),
            ("10.1.2.3", true, false),
            ("172.16.0.1", true, false),
            ("172.31.255.255", true, false),
            ("172.32.0.0", false, false),
            ("192.168.1.1", true, false),
            ("100.64.0.1", true, false),
            ("100.128.0.0", false, false),
            ("169.254.169.254", true, false),
            ("fd00::1", true, false),
            ("fe80::1", true, false),
            ("fec0::1", false, false),
            ("198.51.100.7", false, false),
            ("2001:db8::1", false, false),
            ("::2", false, false),
        ];
        for (text, local, own) in table {
            assert_eq!(
                (is_local(ip(text)), is_own(ip(text))),
                (local, own),
                "{text}"
            );
        }
    }
}
