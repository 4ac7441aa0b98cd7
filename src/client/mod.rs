//! Who the client is: decided once, before phase 1, and never changed.
//!
//! [`resolve`] walks the forwarding header from the right, beginning at the TCP peer, and stops at the first address that is
//! not a trusted proxy. The left end of the header is whatever the client cared to write and is never believed for its own
//! sake. What the answer is worth travels with it: [`Trust`], and [`ClientAddress::attributable`], without which no denial is
//! worded so that a ban filter would act on it.
//!
//! Compat: mod_security2 uses the peer until some rule happens to read `REMOTE_ADDR`, and mod_remoteip's answer from then on;
//! and it loses the header, which mod_remoteip deletes. Here rules, logs, collections and bans see one address, and the
//! header is kept as it was received.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

mod admitted;
mod forwarded;
pub mod networks;
mod policy;
#[cfg(test)]
mod tests;

pub use admitted::Admitted;
pub use policy::{ForwardingHeader, Policy, Source};

/// Most hops walked. Real chains have one to five proxies; a longer one is a loop or a forgery, and is treated as malformed.
pub const MAX_HOPS: usize = 64;

/// Most bytes of a forwarding header that a log entry shows: the right end, which proxies wrote. Room for 20 IPv6 hops.
pub const MAX_LOGGED_FORWARDED_FOR: usize = 1024;

/// The part of an IPv6 address that a provider gives a subscriber: the first 64 bits, never less.
const SUBSCRIBER_MASK: u128 = !0 << 64;

/// The answer to "who sent this?", and how far it can be trusted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientAddress {
    /// The address that rules, logs, collections and bans use. Never an IPv4-mapped IPv6 address.
    pub client: IpAddr,
    /// The other end of the TCP connection: a proxy, or the client itself. Never an IPv4-mapped IPv6 address.
    pub peer: IpAddr,
    /// The peer's TCP port.
    pub peer_port: u16,
    /// The header the address was taken from, when it was.
    pub via: Option<String>,
    /// The forwarding header as it was received (all its lines joined by `, `), before any module consumed it.
    pub forwarded_for: Option<Vec<u8>>,
    /// What the forwarding header was worth.
    pub trust: Trust,
    /// Whether `client` can be held responsible. False when a denial must not lead to a ban of it:
    ///
    /// * it is a trusted proxy, so the one behind it is to blame and unknown;
    /// * it is loopback or unspecified, which is this machine;
    /// * the header was malformed;
    /// * the peer has a private address and sent a forwarding header that was not believed: most likely a proxy that nobody
    ///   has told us about.
    pub attributable: bool,
}

/// What the forwarding header was worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trust {
    /// There was none, or it came from a trusted proxy and could be read.
    Ok,
    /// It came from a peer that is not a trusted proxy and was not believed.
    Untrusted,
    /// It came from a trusted proxy but could not be read to the end; the last good hop is the client.
    Malformed,
}

impl Trust {
    /// `ok`, `untrusted` or `malformed`, as logs write it.
    pub fn name(self) -> &'static str {
        match self {
            Trust::Ok => "ok",
            Trust::Untrusted => "untrusted",
            Trust::Malformed => "malformed",
        }
    }
}

/// What the server knows about where a request came from.
pub struct Forwarding<'a> {
    /// The other end of the TCP connection.
    pub peer: IpAddr,
    /// Its port.
    pub peer_port: u16,
    /// All instances of a request header in order, by name in any case, as they were before mod_remoteip.
    pub headers: &'a dyn Fn(&str) -> Vec<Vec<u8>>,
    /// httpd's `useragent_ip` after mod_remoteip; `None` where the server has no such thing.
    pub useragent: Option<IpAddr>,
}

/// Decides who the client is. Linear in the length of the header.
///
/// * `peer`: the peer.
/// * `remoteip`: `useragent`. Where that is the peer although a header came in, the header was either unreadable or not
///   believed; mod_remoteip does not tell which. It counts as malformed only where the peer is known or likely to be a proxy
///   (in `SecTrustedProxy`, or a private address): otherwise any client could escape all bans by sending rubbish in a header.
/// * `header`: the first address from the right, beginning with the peer, that is not a trusted proxy. If all are, the
///   left-most. At an element that is not an address the walk ends, and the hop before it is the client.
pub fn resolve(policy: &Policy, forwarding: &Forwarding<'_>) -> ClientAddress {
    let peer = forwarding.peer.to_canonical();
    let useragent = forwarding
        .useragent
        .map_or(peer, |address| address.to_canonical());
    let received = policy
        .headers()
        .map(|header| (header, (forwarding.headers)(header.name())))
        .find(|(_, lines)| !lines.is_empty());

    let (client, trust) = match (&received, policy.source) {
        (_, Source::RemoteIp) if useragent != peer => (useragent, Trust::Ok),
        (None, _) => (peer, Trust::Ok),
        (Some(_), Source::Peer) => (peer, Trust::Untrusted),
        (Some((header, lines)), Source::RemoteIp) => {
            let last = forwarded::hops(header, lines).next().flatten();
            let likely_proxy = policy.trusted.contains(peer) || networks::is_local(peer);
            match last {
                None if likely_proxy => (peer, Trust::Malformed),
                _ => (peer, Trust::Untrusted),
            }
        }
        (Some((header, lines)), Source::Header) => {
            if *header == &policy.header && policy.trusted.contains(peer) {
                walk(policy, peer, forwarded::hops(header, lines))
            } else {
                (peer, Trust::Untrusted)
            }
        }
    };

    let attributable = !(policy.trusted.contains(client)
        || networks::is_own(client)
        || trust == Trust::Malformed
        || trust == Trust::Untrusted && networks::is_local(peer));
    ClientAddress {
        client,
        peer,
        peer_port: forwarding.peer_port,
        via: received
            .as_ref()
            .filter(|_| client != peer)
            .map(|(header, _)| header.name().to_owned()),
        forwarded_for: received.map(|(_, lines)| lines.join(&b", "[..])),
        trust,
        attributable,
    }
}

/// From a trusted peer outwards, to the first hop that is not trusted.
fn walk(
    policy: &Policy,
    peer: IpAddr,
    hops: impl Iterator<Item = Option<IpAddr>>,
) -> (IpAddr, Trust) {
    let mut client = peer;
    for (walked, hop) in hops.enumerate() {
        match hop {
            Some(address) if walked < MAX_HOPS => client = address,
            _ => return (client, Trust::Malformed),
        }
        if !policy.trusted.contains(client) {
            break;
        }
    }
    (client, Trust::Ok)
}

impl ClientAddress {
    /// What a line of the error log begins with: `[client A] [client A] `, or `[peer A] [unattributed] `.
    ///
    /// Two `[client]`s, without a port, are what an unmodified fail2ban, CrowdSec and Wazuh all read, IPv6 included. A denial
    /// that must not lead to a ban (see [`attributable`](Self::attributable)) has none, so that no such filter matches.
    pub fn log_frame(&self, denial: bool) -> String {
        match denial && !self.attributable {
            true => format!("[peer {}] [unattributed] ", self.peer),
            false => format!("[client {0}] [client {0}] ", self.client),
        }
    }

    /// A client that is connected directly and sent no forwarding header.
    pub fn direct(peer: IpAddr, peer_port: u16) -> ClientAddress {
        resolve(
            &Policy::default(),
            &Forwarding {
                peer,
                peer_port,
                headers: &|_| Vec::new(),
                useragent: None,
            },
        )
    }

    /// Whether the request comes from this machine itself, `own` being the address that it was sent to: nobody has asked for
    /// somebody else, and the peer is this machine.
    pub fn is_on_this_machine(&self, own: IpAddr) -> bool {
        let is_here = |address: IpAddr| networks::is_own(address) || address == own.to_canonical();
        self.forwarded_for.is_none() && is_here(self.peer) && is_here(self.client)
    }

    /// Whom counters and bans are about: an IPv4 address, or the /64 of an IPv6 address (`2001:db8:0:1::/64`), within which
    /// one subscriber has all addresses. `None` for a client that cannot be held responsible.
    pub fn network(&self) -> Option<String> {
        self.attributable.then(|| match self.client {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let network = Ipv6Addr::from_bits(address.to_bits() & SUBSCRIBER_MASK);
                format!("{network}/64")
            }
        })
    }

    /// The value of `Client-Address:` in part H of the audit log.
    ///
    /// `198.51.100.7; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for="192.0.2.66, 198.51.100.7"; trust=ok`
    ///
    /// `via` and `forwarded-for` are left out when there is nothing to say. Of a header over [`MAX_LOGGED_FORWARDED_FOR`] bytes
    /// only the right end is shown, and `forwarded-for-length` gives its full length in bytes. Nothing a client sends
    /// can end the line or the quoted string: control characters, 8-bit bytes, `"` and `\` become `\xHH`.
    pub fn log_entry(&self) -> String {
        let peer = SocketAddr::new(self.peer, self.peer_port);
        let mut entry = format!("{}; peer={peer}", self.client);
        // Writing to a String cannot fail.
        if let Some(via) = &self.via {
            let _ = write!(entry, "; via={via}");
        }
        if let Some(header) = &self.forwarded_for {
            let cut = header.len().saturating_sub(MAX_LOGGED_FORWARDED_FOR);
            entry.push_str("; forwarded-for=\"");
            for &byte in header.iter().skip(cut) {
                match byte {
                    b'"' | b'\\' | 0..0x20 | 0x7f.. => {
                        let _ = write!(entry, "\\x{byte:02x}");
                    }
                    _ => entry.push(char::from(byte)),
                }
            }
            entry.push('"');
            if cut > 0 {
                let _ = write!(entry, "; forwarded-for-length={}", header.len());
            }
        }
        let _ = write!(entry, "; trust={}", self.trust.name());
        entry
    }
}
