//! Who the client is, row by row: set-ups that users have, and what attackers write into forwarding headers.

#![allow(clippy::expect_used)] // a test that panics has failed, which is what a test is for

use std::net::IpAddr;

use palisade::client::{Forwarding, ForwardingHeader, Policy, Source, resolve};

/// One request behind one set-up. `expect` is the client's log entry, followed by ` ban` or ` spare`.
struct Row {
    name: &'static str,
    source: Source,
    header: &'static str,
    trusted: &'static [&'static str],
    peer: &'static str,
    /// What mod_remoteip made of it; empty for the peer.
    useragent: &'static str,
    headers: &'static [(&'static str, &'static str)],
    expect: &'static str,
}

/// mod_remoteip absent, not configured, or not convinced: `useragent_ip` is the peer.
const PLAIN: Row = Row {
    name: "",
    source: Source::RemoteIp,
    header: "X-Forwarded-For",
    trusted: &[],
    peer: "127.0.0.1",
    useragent: "",
    headers: &[],
    expect: "",
};

/// Palisade reads the header itself, behind proxies on the machine and in 10.0.0.0/8 and 2001:db8:aaaa::/48.
const OWN: Row = Row {
    source: Source::Header,
    trusted: &["127.0.0.1", "::1", "10.0.0.0/8", "2001:db8:aaaa::/48"],
    ..PLAIN
};

/// As [`OWN`], with `Forwarded`.
const RFC7239: Row = Row {
    header: "Forwarded",
    ..OWN
};

/// As [`OWN`], behind a content delivery network that sets a header with one address.
const SINGLE: Row = Row {
    header: "CF-Connecting-IP",
    trusted: &["203.0.113.0/24"],
    peer: "203.0.113.9",
    ..OWN
};

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // ---- the set-ups that users try, with a proxy on the same machine ----
    Row { name: "no proxy, no header", peer: "198.51.100.7", expect: "198.51.100.7; peer=198.51.100.7:47338; trust=ok ban", ..PLAIN },
    Row { name: "no mod_remoteip", headers: &[("X-Forwarded-For", "198.51.100.7")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"198.51.100.7\"; trust=untrusted spare", ..PLAIN },
    Row { name: "mod_remoteip", useragent: "198.51.100.7", headers: &[("X-Forwarded-For", "192.0.2.66, 198.51.100.7")],
          expect: "198.51.100.7; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"192.0.2.66, 198.51.100.7\"; trust=ok ban", ..PLAIN },
    Row { name: "mod_remoteip, v6 client", useragent: "2001:db8::66", headers: &[("X-Forwarded-For", "2001:db8::66")],
          expect: "2001:db8::66; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"2001:db8::66\"; trust=ok ban", ..PLAIN },
    Row { name: "mod_remoteip, v6 peer", peer: "::1", useragent: "2001:db8::66", headers: &[("X-Forwarded-For", "2001:db8::66")],
          expect: "2001:db8::66; peer=[::1]:47338; via=X-Forwarded-For; forwarded-for=\"2001:db8::66\"; trust=ok ban", ..PLAIN },
    Row { name: "mod_remoteip cannot read a port", headers: &[("X-Forwarded-For", "198.51.100.7:5678")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"198.51.100.7:5678\"; trust=untrusted spare", ..PLAIN },
    Row { name: "mod_remoteip, unknown", headers: &[("X-Forwarded-For", "unknown")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"unknown\"; trust=malformed spare", ..PLAIN },
    Row { name: "mod_remoteip, quoted", headers: &[("X-Forwarded-For", "\"[2001:db8::1]:80\"")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"\\x22[2001:db8::1]:80\\x22\"; trust=malformed spare", ..PLAIN },
    Row { name: "mod_remoteip, garbage last", headers: &[("X-Forwarded-For", "x,garbage")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"x,garbage\"; trust=malformed spare", ..PLAIN },
    Row { name: "mod_remoteip believed loopback", useragent: "127.0.0.1", headers: &[("X-Forwarded-For", "127.0.0.1")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"127.0.0.1\"; trust=untrusted spare", ..PLAIN },
    Row { name: "mod_remoteip believed loopback of another peer", peer: "10.0.0.1", useragent: "127.0.0.1", headers: &[("X-Forwarded-For", "127.0.0.1")],
          expect: "127.0.0.1; peer=10.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"127.0.0.1\"; trust=ok spare", ..PLAIN },
    Row { name: "mod_remoteip, a client in the LAN", peer: "10.0.0.1", useragent: "10.0.0.5", headers: &[("X-Forwarded-For", "10.0.0.5")],
          expect: "10.0.0.5; peer=10.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"10.0.0.5\"; trust=ok ban", ..PLAIN },
    Row { name: "PROXY protocol, no header", useragent: "198.51.100.7",
          expect: "198.51.100.7; peer=127.0.0.1:47338; trust=ok ban", ..PLAIN },
    Row { name: "mod_remoteip's own header", header: "X-Client-IP", useragent: "198.51.100.7",
          headers: &[("X-Forwarded-For", "6.6.6.6"), ("X-Client-IP", "198.51.100.7")],
          expect: "198.51.100.7; peer=127.0.0.1:47338; via=X-Client-IP; forwarded-for=\"198.51.100.7\"; trust=ok ban", ..PLAIN },
    Row { name: "mod_remoteip's answer is a proxy", trusted: &["203.0.113.0/24"], useragent: "203.0.113.9", headers: &[("X-Forwarded-For", "unknown, 203.0.113.9")],
          expect: "203.0.113.9; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"unknown, 203.0.113.9\"; trust=ok spare", ..PLAIN },
    Row { name: "mapped addresses are one address", peer: "::ffff:198.51.100.7", useragent: "::ffff:198.51.100.7",
          expect: "198.51.100.7; peer=198.51.100.7:47338; trust=ok ban", ..PLAIN },

    // ---- no client escapes a ban, and nobody else gets it ----
    Row { name: "a client sends rubbish itself", peer: "198.51.100.7", headers: &[("X-Forwarded-For", "unknown")],
          expect: "198.51.100.7; peer=198.51.100.7:47338; forwarded-for=\"unknown\"; trust=untrusted ban", ..PLAIN },
    Row { name: "a client claims loopback itself", peer: "198.51.100.7", headers: &[("X-Forwarded-For", "127.0.0.1")],
          expect: "198.51.100.7; peer=198.51.100.7:47338; forwarded-for=\"127.0.0.1\"; trust=untrusted ban", ..PLAIN },
    Row { name: "a client frames somebody", peer: "198.51.100.7", headers: &[("X-Forwarded-For", "192.0.2.66")],
          expect: "198.51.100.7; peer=198.51.100.7:47338; forwarded-for=\"192.0.2.66\"; trust=untrusted ban", ..PLAIN },
    Row { name: "a public proxy that mod_remoteip could not read", trusted: &["203.0.113.9"], peer: "203.0.113.9", headers: &[("X-Forwarded-For", "unknown")],
          expect: "203.0.113.9; peer=203.0.113.9:47338; forwarded-for=\"unknown\"; trust=malformed spare", ..PLAIN },
    Row { name: "a proxy nobody configured", peer: "192.168.1.2", headers: &[("Forwarded", "for=198.51.100.7")],
          expect: "192.168.1.2; peer=192.168.1.2:47338; forwarded-for=\"for=198.51.100.7\"; trust=untrusted spare", ..PLAIN },
    Row { name: "peer only", source: Source::Peer, peer: "198.51.100.7", useragent: "192.0.2.66", headers: &[("X-Forwarded-For", "192.0.2.66")],
          expect: "198.51.100.7; peer=198.51.100.7:47338; forwarded-for=\"192.0.2.66\"; trust=untrusted ban", ..PLAIN },
    Row { name: "peer only, on the machine", source: Source::Peer, headers: &[("X-Forwarded-For", "192.0.2.66")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"192.0.2.66\"; trust=untrusted spare", ..PLAIN },

    // ---- our own walk ----
    Row { name: "one proxy", headers: &[("X-Forwarded-For", "198.51.100.7")],
          expect: "198.51.100.7; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"198.51.100.7\"; trust=ok ban", ..OWN },
    Row { name: "whatever mod_remoteip says", useragent: "192.0.2.66", headers: &[("X-Forwarded-For", "192.0.2.66, 198.51.100.7")],
          expect: "198.51.100.7; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"192.0.2.66, 198.51.100.7\"; trust=ok ban", ..OWN },
    Row { name: "a forged left-most", headers: &[("X-Forwarded-For", "127.0.0.1, 10.0.0.1, 198.51.100.7")],
          expect: "198.51.100.7; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"127.0.0.1, 10.0.0.1, 198.51.100.7\"; trust=ok ban", ..OWN },
    Row { name: "forged rubbish", headers: &[("X-Forwarded-For", "\", unknown,, 198.51.100.7")],
          expect: "198.51.100.7; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"\\x22, unknown,, 198.51.100.7\"; trust=ok ban", ..OWN },
    Row { name: "a chain of proxies", headers: &[("X-Forwarded-For", "192.0.2.66, 198.51.100.7, 10.1.1.1, 10.2.2.2")],
          expect: "198.51.100.7; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"192.0.2.66, 198.51.100.7, 10.1.1.1, 10.2.2.2\"; trust=ok ban", ..OWN },
    Row { name: "several lines in order", headers: &[("X-Forwarded-For", "192.0.2.66"), ("x-forwarded-for", "198.51.100.7,10.1.1.1"), ("X-FORWARDED-FOR", "10.2.2.2")],
          expect: "198.51.100.7; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"192.0.2.66, 198.51.100.7,10.1.1.1, 10.2.2.2\"; trust=ok ban", ..OWN },
    Row { name: "only proxies", headers: &[("X-Forwarded-For", "10.3.3.3, 10.2.2.2")],
          expect: "10.3.3.3; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"10.3.3.3, 10.2.2.2\"; trust=ok spare", ..OWN },
    Row { name: "the proxy's own request", peer: "10.0.0.1",
          expect: "10.0.0.1; peer=10.0.0.1:47338; trust=ok spare", ..OWN },
    Row { name: "loopback through a proxy that is not trusted for itself", trusted: &["10.0.0.1"], peer: "10.0.0.1", headers: &[("X-Forwarded-For", "127.0.0.1")],
          expect: "127.0.0.1; peer=10.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"127.0.0.1\"; trust=ok spare", ..OWN },
    Row { name: "with a port", headers: &[("X-Forwarded-For", "198.51.100.7:5678")],
          expect: "198.51.100.7; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"198.51.100.7:5678\"; trust=ok ban", ..OWN },
    Row { name: "v6 with a port", headers: &[("X-Forwarded-For", "[2001:db8::66]:5678")],
          expect: "2001:db8::66; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"[2001:db8::66]:5678\"; trust=ok ban", ..OWN },
    Row { name: "v6 all the way", peer: "2001:db8:aaaa::1", headers: &[("X-Forwarded-For", "2001:db8::66, 2001:db8:aaaa::2")],
          expect: "2001:db8::66; peer=[2001:db8:aaaa::1]:47338; via=X-Forwarded-For; forwarded-for=\"2001:db8::66, 2001:db8:aaaa::2\"; trust=ok ban", ..OWN },
    Row { name: "mapped in the header", peer: "::ffff:10.0.0.1", headers: &[("X-Forwarded-For", "::ffff:198.51.100.7, ::ffff:10.0.0.2")],
          expect: "198.51.100.7; peer=10.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"::ffff:198.51.100.7, ::ffff:10.0.0.2\"; trust=ok ban", ..OWN },
    Row { name: "unknown next to the proxy", headers: &[("X-Forwarded-For", "198.51.100.7, unknown")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"198.51.100.7, unknown\"; trust=malformed spare", ..OWN },
    Row { name: "malformed behind a good hop", headers: &[("X-Forwarded-For", "198.51.100.7, _hidden, 10.1.1.1")],
          expect: "10.1.1.1; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"198.51.100.7, _hidden, 10.1.1.1\"; trust=malformed spare", ..OWN },
    Row { name: "a trailing comma", headers: &[("X-Forwarded-For", "198.51.100.7,")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"198.51.100.7,\"; trust=malformed spare", ..OWN },
    Row { name: "an empty header", headers: &[("X-Forwarded-For", "")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"\"; trust=malformed spare", ..OWN },
    Row { name: "an untrusted peer", peer: "198.51.100.7", headers: &[("X-Forwarded-For", "192.0.2.66")],
          expect: "198.51.100.7; peer=198.51.100.7:47338; forwarded-for=\"192.0.2.66\"; trust=untrusted ban", ..OWN },
    Row { name: "an untrusted private peer", peer: "192.168.7.7", headers: &[("X-Forwarded-For", "198.51.100.7")],
          expect: "192.168.7.7; peer=192.168.7.7:47338; forwarded-for=\"198.51.100.7\"; trust=untrusted spare", ..OWN },
    Row { name: "an untrusted private peer without a header", peer: "192.168.7.7",
          expect: "192.168.7.7; peer=192.168.7.7:47338; trust=ok ban", ..OWN },
    Row { name: "not the configured header", headers: &[("Forwarded", "for=192.0.2.66")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"for=192.0.2.66\"; trust=untrusted spare", ..OWN },
    Row { name: "nobody is trusted by default", trusted: &[], headers: &[("X-Forwarded-For", "198.51.100.7")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"198.51.100.7\"; trust=untrusted spare", ..OWN },

    // ---- RFC 7239 ----
    Row { name: "Forwarded", headers: &[("Forwarded", "for=192.0.2.66, FOR=\"198.51.100.7:4711\";proto=https;by=\"[2001:db8::1]\"")],
          expect: "198.51.100.7; peer=127.0.0.1:47338; via=Forwarded; forwarded-for=\"for=192.0.2.66, FOR=\\x22198.51.100.7:4711\\x22;proto=https;by=\\x22[2001:db8::1]\\x22\"; trust=ok ban", ..RFC7239 },
    Row { name: "Forwarded, v6 and a chain over lines", headers: &[("Forwarded", "for=\"[2001:db8::66]:4711\""), ("Forwarded", "for=10.1.1.1")],
          expect: "2001:db8::66; peer=127.0.0.1:47338; via=Forwarded; forwarded-for=\"for=\\x22[2001:db8::66]:4711\\x22, for=10.1.1.1\"; trust=ok ban", ..RFC7239 },
    Row { name: "Forwarded, an obfuscated hop", headers: &[("Forwarded", "for=198.51.100.7, for=_gazonk, for=10.1.1.1")],
          expect: "10.1.1.1; peer=127.0.0.1:47338; via=Forwarded; forwarded-for=\"for=198.51.100.7, for=_gazonk, for=10.1.1.1\"; trust=malformed spare", ..RFC7239 },
    Row { name: "Forwarded, unknown", headers: &[("Forwarded", "for=unknown")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"for=unknown\"; trust=malformed spare", ..RFC7239 },
    Row { name: "Forwarded, forged open quote", headers: &[("Forwarded", "for=\"192.0.2.66, for=198.51.100.7")],
          expect: "198.51.100.7; peer=127.0.0.1:47338; via=Forwarded; forwarded-for=\"for=\\x22192.0.2.66, for=198.51.100.7\"; trust=ok ban", ..RFC7239 },
    Row { name: "Forwarded is configured, the other one came", headers: &[("X-Forwarded-For", "192.0.2.66")],
          expect: "127.0.0.1; peer=127.0.0.1:47338; forwarded-for=\"192.0.2.66\"; trust=untrusted spare", ..RFC7239 },

    // ---- one address ----
    Row { name: "single", headers: &[("cf-connecting-ip", "198.51.100.7"), ("X-Forwarded-For", "192.0.2.66, 198.51.100.7")],
          expect: "198.51.100.7; peer=203.0.113.9:47338; via=CF-Connecting-IP; forwarded-for=\"198.51.100.7\"; trust=ok ban", ..SINGLE },
    Row { name: "single, two values", headers: &[("CF-Connecting-IP", "192.0.2.66, 198.51.100.7")],
          expect: "203.0.113.9; peer=203.0.113.9:47338; forwarded-for=\"192.0.2.66, 198.51.100.7\"; trust=malformed spare", ..SINGLE },
    Row { name: "single, two lines", headers: &[("CF-Connecting-IP", "198.51.100.7"), ("CF-Connecting-IP", "198.51.100.7")],
          expect: "203.0.113.9; peer=203.0.113.9:47338; forwarded-for=\"198.51.100.7, 198.51.100.7\"; trust=malformed spare", ..SINGLE },
    Row { name: "single, from a stranger", peer: "198.51.100.7", headers: &[("CF-Connecting-IP", "192.0.2.66")],
          expect: "198.51.100.7; peer=198.51.100.7:47338; forwarded-for=\"192.0.2.66\"; trust=untrusted ban", ..SINGLE },
    Row { name: "single, absent", headers: &[],
          expect: "203.0.113.9; peer=203.0.113.9:47338; trust=ok spare", ..SINGLE },
];

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn every_row() {
    for row in ROWS {
        let mut policy = Policy {
            source: row.source,
            header: ForwardingHeader::parse(row.header).expect("a header"),
            ..Policy::default()
        };
        for network in row.trusted {
            policy.trust(network).expect("a network");
        }
        let lines = |name: &str| {
            let mine = row
                .headers
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case(name));
            mine.map(|(_, value)| value.as_bytes().to_vec()).collect()
        };
        let client = resolve(
            &policy,
            &Forwarding {
                peer: address(row.peer),
                peer_port: 47338,
                headers: &lines,
                useragent: Some(address(if row.useragent.is_empty() {
                    row.peer
                } else {
                    row.useragent
                })),
            },
        );
        let consequence = if client.attributable { "ban" } else { "spare" };
        assert_eq!(
            format!("{} {consequence}", client.log_entry()),
            row.expect,
            "{}",
            row.name
        );
    }
}

#[test]
fn rows_have_names_of_their_own() {
    let names: std::collections::HashSet<_> = ROWS.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), ROWS.len());
}
