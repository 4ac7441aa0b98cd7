use super::*;
use std::time::{Duration, Instant};

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn policy(source: Source, header: &str, trusted: &[&str]) -> Policy {
    let mut policy = Policy {
        source,
        header: ForwardingHeader::parse(header).expect("a header"),
        ..Policy::default()
    };
    for network in trusted {
        policy.trust(network).expect("a network");
    }
    policy
}

fn ask(
    policy: &Policy,
    peer: &str,
    useragent: Option<&str>,
    headers: &[(&str, &str)],
) -> ClientAddress {
    let lines = |name: &str| {
        let with_name = headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        with_name
            .map(|(_, value)| value.as_bytes().to_vec())
            .collect()
    };
    let forwarding = Forwarding {
        peer: ip(peer),
        peer_port: 47338,
        headers: &lines,
        useragent: useragent.map(ip),
    };
    resolve(policy, &forwarding)
}

#[test]
fn a_direct_client_is_the_peer() {
    let client = ClientAddress::direct(ip("::ffff:198.51.100.7"), 443);
    assert_eq!(client.client, ip("198.51.100.7"));
    assert_eq!(client.peer, ip("198.51.100.7"));
    assert_eq!((client.trust, client.attributable), (Trust::Ok, true));
    assert_eq!(
        client.log_entry(),
        "198.51.100.7; peer=198.51.100.7:443; trust=ok"
    );
    assert!(!ClientAddress::direct(ip("127.0.0.1"), 1).attributable);
    assert!(!ClientAddress::direct(ip("::1"), 1).attributable);
    assert!(!ClientAddress::direct(ip("::"), 1).attributable);
    assert!(ClientAddress::direct(ip("10.0.0.5"), 1).attributable);
}

#[test]
fn the_walk_has_a_bound() {
    let policy = policy(Source::Header, "X-Forwarded-For", &["10.0.0.0/8"]);
    let chain = |hops: usize| {
        let trusted = vec!["10.0.0.1"; hops - 1].join(", ");
        ask(
            &policy,
            "10.9.9.9",
            None,
            &[("X-Forwarded-For", &format!("198.51.100.7, {trusted}"))],
        )
    };
    let at_the_bound = chain(MAX_HOPS);
    assert_eq!(
        (at_the_bound.client, at_the_bound.trust),
        (ip("198.51.100.7"), Trust::Ok)
    );
    let beyond = chain(MAX_HOPS + 1);
    assert_eq!(
        (beyond.client, beyond.trust, beyond.attributable),
        (ip("10.0.0.1"), Trust::Malformed, false)
    );
}

#[test]
fn huge_headers_take_linear_time() {
    for (header, element) in [
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-For", ""),
        ("Forwarded", "for=10.0.0.1"),
        ("Forwarded", "for=\"10.0.0.1\";by=\"\\\\\\\\\""),
        ("Forwarded", "\\\\\\\""),
    ] {
        for source in [Source::Header, Source::RemoteIp, Source::Peer] {
            let policy = policy(source, header, &["10.0.0.0/8", "127.0.0.1"]);
            let value = vec![element; 10_000].join(",");
            let start = Instant::now();
            let client = ask(&policy, "127.0.0.1", None, &[(header, &value)]);
            assert!(
                start.elapsed() < Duration::from_millis(100),
                "{header} {element} took {:?}",
                start.elapsed()
            );
            assert_eq!(client.forwarded_for.map(|v| v.len()), Some(value.len()));
            assert!(!client.attributable);
        }
    }
}

#[test]
fn the_log_shows_the_right_end_of_a_long_header() {
    let policy = Policy::default();
    let entry = |length: usize| {
        let value = format!("{}, 198.51.100.7", "x".repeat(length - 14));
        ask(&policy, "203.0.113.9", None, &[("X-Forwarded-For", &value)]).log_entry()
    };
    let fits = entry(MAX_LOGGED_FORWARDED_FOR);
    assert!(fits.contains("; forwarded-for=\"xxx") && !fits.contains("forwarded-for-length"));
    assert!(
        fits.ends_with("x, 198.51.100.7\"; trust=untrusted"),
        "{fits}"
    );
    let cut = entry(MAX_LOGGED_FORWARDED_FOR + 1);
    assert!(
        cut.ends_with("x, 198.51.100.7\"; forwarded-for-length=1025; trust=untrusted"),
        "{cut}"
    );
    assert_eq!(cut.matches('x').count(), MAX_LOGGED_FORWARDED_FOR - 14);
}

#[test]
fn counters_are_about_an_address_or_a_subscriber() {
    let network = |text| ClientAddress::direct(ip(text), 1).network();
    assert_eq!(network("198.51.100.7").as_deref(), Some("198.51.100.7"));
    assert_eq!(
        network("::ffff:198.51.100.7").as_deref(),
        Some("198.51.100.7")
    );
    let neighbours = ["2001:db8:1:2::7", "2001:db8:1:2:ffff::1"].map(network);
    assert!(
        neighbours
            .iter()
            .all(|n| n.as_deref() == Some("2001:db8:1:2::/64"))
    );
    assert_eq!(
        network("2001:db8:1:3::7").as_deref(),
        Some("2001:db8:1:3::/64")
    );
    // This machine is never to blame, nor is who forwards what cannot be read.
    for nobody in ["127.0.0.1", "::1", "0.0.0.0"] {
        assert_eq!(network(nobody), None);
    }
}

#[test]
fn nothing_in_a_header_can_forge_a_log_line() {
    let hostile: Vec<u8> = (0..=255).collect();
    let client = ClientAddress {
        forwarded_for: Some(hostile),
        ..ClientAddress::direct(ip("2001:db8::66"), 47338)
    };
    let entry = client.log_entry();
    assert!(
        entry.starts_with("2001:db8::66; peer=[2001:db8::66]:47338; forwarded-for=\"\\x00\\x01"),
        "{entry}"
    );
    assert!(
        entry.contains(" !\\x22#$")
            && entry.contains("[\\x5c]")
            && entry.contains("~\\x7f\\x80\\x81"),
        "{entry}"
    );
    assert!(entry.ends_with("\\xfe\\xff\"; trust=ok"), "{entry}");
    assert!(entry.bytes().all(|b| (0x20..0x7f).contains(&b)));
    assert_eq!(entry.matches('"').count(), 2);
}
