//! Clients that are let in by their addresses (`SecStatusAccess`).

use super::networks::{Network, NetworkSet};
use super::{ClientAddress, Trust};

/// Who is let in besides this machine itself. By default nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    everybody: bool,
    networks: NetworkSet,
}

impl Admitted {
    /// Takes in one word of the directive: `all`, `local` (nobody else), an address or a network.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        match text.to_ascii_lowercase().as_str() {
            "all" => self.everybody = true,
            "local" => {}
            _ => self.networks.extend([Network::parse(text)?]),
        }
        Ok(())
    }

    /// Whether a client is let in. One that is not known for sure, since its forwarding header was not believed or could not be
    /// read, is let in only where all are.
    pub fn admits(&self, client: &ClientAddress) -> bool {
        self.everybody || client.trust == Trust::Ok && self.networks.contains(client.client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_let_in() {
        let direct = |text: &str| ClientAddress::direct(text.parse().unwrap(), 1);
        let mut admitted = Admitted::default();
        assert!(!admitted.admits(&direct("127.0.0.1")), "not its business");
        for word in ["local", "192.0.2.0/24", "2001:db8::7"] {
            admitted.add(word).unwrap();
        }
        for (client, expected) in [
            ("192.0.2.9", true),
            ("192.0.3.9", false),
            ("2001:db8::7", true),
            ("2001:db8::8", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(admitted.admits(&direct(client)), expected, "{client}");
        }
        for trust in [Trust::Untrusted, Trust::Malformed] {
            let mut client = direct("192.0.2.9");
            client.trust = trust;
            assert!(!admitted.admits(&client), "{trust:?}");
        }
        assert!(admitted.add("192.0.2").is_err());
        admitted.add("All").unwrap();
        assert!(admitted.admits(&direct("198.51.100.1")));
    }
}
