//! Places that a source must not be at, because nobody's weblog is there: whoever fetches such a source asks the inside of a
//! network for the benefit of someone outside (server-side request forgery).
//!
//! The judgement is made from the URL alone, without a look-up: a public name that resolves to a private address is for the
//! one who fetches to refuse.

use std::net::IpAddr;

use super::host::Host;
use crate::client::networks::Network;

/// Address ranges that are not the public Internet, from the IANA special-purpose registries: all of IPv4's, and those within
/// [`PUBLIC_V6`].
///
/// The documentation ranges (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32) are left out: nothing answers there.
const NOT_PUBLIC: [(Network, &str); 18] = [
    (Network::v4([0, 0, 0, 0], 8), "this network"),
    (Network::v4([10, 0, 0, 0], 8), "private"),
    (
        Network::v4([100, 64, 0, 0], 10),
        "shared by carriers; Alibaba's metadata",
    ),
    (Network::v4([127, 0, 0, 0], 8), "loopback"),
    (Network::v4([168, 63, 129, 16], 32), "Azure's metadata"),
    (
        Network::v4([169, 254, 0, 0], 16),
        "link-local; metadata of most clouds",
    ),
    (Network::v4([172, 16, 0, 0], 12), "private"),
    (
        Network::v4([192, 0, 0, 0], 24),
        "protocol assignments; Oracle's metadata",
    ),
    (Network::v4([192, 88, 99, 0], 24), "6to4 relays"),
    (Network::v4([192, 168, 0, 0], 16), "private"),
    (Network::v4([198, 18, 0, 0], 15), "benchmarks"),
    (Network::v4([224, 0, 0, 0], 4), "multicast"),
    (Network::v4([240, 0, 0, 0], 4), "reserved; broadcast"),
    (Network::v6(0x2001, 0, 32), "Teredo: IPv4 in disguise"),
    (Network::v6(0x2001, 0x0002, 32), "benchmarks"),
    (Network::v6(0x2001, 0x0010, 28), "ORCHID"),
    (Network::v6(0x2001, 0x0020, 28), "ORCHIDv2"),
    (Network::v6(0x2002, 0, 16), "6to4: IPv4 in disguise"),
];

/// The one part of IPv6 from which public addresses are given out. Outside are loopback, unique local (`fc00::/7`), link-local,
/// site-local, multicast, NAT64 (`64:ff9b::/96`), IPv4-compatible addresses, and what is reserved.
const PUBLIC_V6: Network = Network::v6(0x2000, 0, 3);

/// Last labels of names that are not in the public name space, or that point back at whoever looks them up.
const NOT_PUBLIC_NAMES: [&str; 20] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "in-addr.arpa",
    "ip6.arpa",
    // Public names whose addresses are local, or are whatever the name says.
    "nip.io",
    "sslip.io",
    "xip.io",
    "localtest.me",
    "lvh.me",
    "vcap.me",
    "lacolhost.com",
    "localho.st",
];

/// Whether a host is not on the public Internet: a special-purpose address, a name under one of the suffixes that
/// are kept for inner networks or point back at whoever looks them up, or a name without a dot, which only a search list can resolve.
pub fn is_private(host: &Host) -> bool {
    match host {
        Host::Address(address) => is_private_address(*address),
        Host::Name(name) => {
            !name.contains('.')
                || NOT_PUBLIC_NAMES.iter().any(|suffix| {
                    name.strip_suffix(suffix)
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                })
        }
    }
}

fn is_private_address(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_ipv6() && !PUBLIC_V6.contains(address)
        || NOT_PUBLIC
            .iter()
            .any(|(network, _)| network.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let table = [
            ("0.0.0.0", true),
            ("0.255.255.255", true),
            ("1.0.0.0", false),
            ("10.0.0.1", true),
            ("11.0.0.1", false),
            ("100.63.255.255", false),
            ("100.64.0.0", true),
            ("100.100.100.200", true),
            ("100.127.255.255", true),
            ("100.128.0.0", false),
            ("127.0.0.1", true),
            ("127.255.255.255", true),
            ("128.0.0.1", false),
            ("168.63.129.16", true),
            ("168.63.129.17", false),
            ("169.254.169.254", true),
            ("169.253.0.1", false),
            ("172.15.0.1", false),
            ("172.16.0.1", true),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("192.0.0.192", true),
            ("192.0.2.77", false),
            ("192.88.99.1", true),
            ("192.168.0.1", true),
            ("192.169.0.1", false),
            ("198.17.0.1", false),
            ("198.18.0.1", true),
            ("198.19.255.255", true),
            ("198.20.0.1", false),
            ("198.51.100.7", false),
            ("203.0.113.5", false),
            ("223.255.255.255", false),
            ("224.0.0.1", true),
            ("239.255.255.255", true),
            ("240.0.0.1", true),
            ("255.255.255.255", true),
            ("8.8.8.8", false),
            ("::", true),
            ("::1", true),
            ("::127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("::ffff:8.8.8.8", false),
            ("64:ff9b::7f00:1", true),
            ("64:ff9b:1::1", true),
            ("100::1", true),
            ("2001::1", true),
            ("2001:2::1", true),
            ("2001:1f::1", true),
            ("2001:2f::1", true),
            ("2001:30::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::1", true),
            ("2003::1", false),
            ("2606:4700::1111", false),
            ("2a00:1450::1", false),
            ("3ffe::1", false),
            ("5f00::1", true),
            ("fbff::1", true),
            ("fc00::1", true),
            ("fd00:ec2::254", true),
            ("fe80::1", true),
            ("febf::1", true),
            ("fec0::1", true),
            ("ff02::1", true),
            ("200::1", true),
            ("1fff::1", true),
        ];
        for (text, expected) in table {
            let address = text.parse().expect("an address");
            assert_eq!(is_private(&Host::Address(address)), expected, "{text}");
        }
    }

    #[test]
    fn names() {
        for (name, expected) in [
            ("localhost", true),
            ("foo.localhost", true),
            ("localhost.localdomain", true),
            ("printer.local", true),
            ("metadata.google.internal", true),
            ("metadata", true),
            ("instance-data", true),
            ("db", true),
            ("router.lan", true),
            ("nas.home.arpa", true),
            ("1.0.0.127.in-addr.arpa", true),
            ("127.0.0.1.nip.io", true),
            ("app.lvh.me", true),
            ("lvh.me", true),
            ("a.example", false),
            ("notlocalhost.example", false),
            ("local.example", false),
            ("internal.example", false),
            ("snip.io", false),
            ("mylocal", true),
            ("my.thelocal", false),
            ("home.example", false),
            ("bücher.example", false),
        ] {
            assert_eq!(is_private(&Host::Name(name.to_owned())), expected, "{name}");
        }
    }
}
