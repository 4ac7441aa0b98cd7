//! The names in `/etc/hosts`, which go before those of the DNS, as they do for the rest of the system.

use std::io::Read;
use std::net::IpAddr;

/// Where they are written down.
const HOSTS: &str = "/etc/hosts";

/// Most bytes of it that are read. Lists of unwanted hosts, which some keep there, have several megabytes; what an
/// administrator writes stands before them.
const HOSTS_BYTES: u64 = 65_536;

/// The file as it is now; empty where there is none.
pub(super) fn read() -> String {
    let mut bytes = Vec::new();
    let _ = std::fs::File::open(HOSTS).map(|file| file.take(HOSTS_BYTES).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The addresses that a name has there, in the order of the lines.
pub(super) fn addresses(text: &str, name: &str) -> Vec<IpAddr> {
    let line = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse().ok()?;
        words
            .any(|known| known.eq_ignore_ascii_case(name))
            .then_some(address)
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_addresses_of_their_lines() {
        let text = "127.0.0.1 localhost\n# 192.0.2.1 a.example\n192.0.2.10\ta.example  A2.example # b.example\n\
                    2001:db8::10 a.example\nfe80::1%lo0 a.example\n\n192.0.2.20";
        let found = |name| {
            addresses(text, name)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(found("a.example"), ["192.0.2.10", "2001:db8::10"]);
        assert_eq!(found("a2.EXAMPLE"), ["192.0.2.10"]);
        assert_eq!(found("LOCALHOST"), ["127.0.0.1"]);
        for nobody in ["b.example", "192.0.2.20", "", "#", "example"] {
            assert!(found(nobody).is_empty(), "{nobody}");
        }
    }
}
