//! The lines.

use super::*;

fn told(
    outcome: Outcome,
    channel: Channel,
    user: Option<&[u8]>,
    format: Format,
    client: &ClientAddress,
) -> String {
    let event = Event {
        application: Arc::clone(&applications(&["known"])[0]),
        outcome,
        channel,
        user: user.map(<[u8]>::to_vec),
        session: None,
    };
    messages(&[event], format, client).remove(0).2
}

fn from(address: &str) -> ClientAddress {
    ClientAddress::direct(address.parse().expect("an address"), 4711)
}

#[test]
fn the_sentences_are_those_that_filters_read() {
    use Channel::*;
    use Outcome::*;
    for (outcome, channel, login_syslog, wp_fail2ban) in [
        (
            Success,
            Form,
            "Accepted login for bob",
            "Accepted password for bob",
        ),
        (
            Failure,
            Form,
            "Authentication failure for bob",
            "Authentication failure for bob",
        ),
        (
            Failure,
            Basic,
            "Authentication failure for bob",
            "Authentication failure for bob",
        ),
        (
            Failure,
            Api,
            "Authentication failure for API User",
            "Authentication failure for bob",
        ),
        (
            Failure,
            XmlRpc,
            "Authentication failure for bob",
            "XML-RPC authentication failure for bob",
        ),
        (
            Failure,
            Rest,
            "Authentication failure for bob",
            "REST authentication failure for bob",
        ),
        (
            Failure,
            Multicall,
            "Authentication failure for bob",
            "XML-RPC multicall authentication failure",
        ),
        (
            InvalidUser,
            Form,
            "Invalid user bob",
            "Authentication attempt for unknown user bob",
        ),
        (Logout, Form, "User logged out bob", "User logged out bob"),
    ] {
        for address in ["198.51.100.7", "2001:db8::66"] {
            let client = from(address);
            for (format, expected) in [
                (Format::LoginSyslog, login_syslog),
                (Format::WpFail2ban, wp_fail2ban),
            ] {
                let line = told(outcome, channel, Some(b"bob"), format, &client);
                assert_eq!(line, format!("{expected} from {address}"));
            }
        }
    }
    let empty = told(
        Failure,
        Form,
        Some(b""),
        Format::WpFail2ban,
        &from("198.51.100.7"),
    );
    assert_eq!(empty, "Empty username from 198.51.100.7");
    let unknown = told(
        Failure,
        Form,
        None,
        Format::LoginSyslog,
        &from("198.51.100.7"),
    );
    assert_eq!(unknown, "Authentication failure for - from 198.51.100.7");
}

#[test]
fn who_cannot_be_blamed_is_not_named_where_a_filter_looks() {
    let name = b"x\nAuthentication failure for y from 203.0.113.9";
    let line = told(
        Outcome::Failure,
        Channel::Form,
        Some(name),
        Format::LoginSyslog,
        &from("127.0.0.1"),
    );
    assert_eq!(
        line,
        "Unattributed login failure: user x\\x0aAuthentication\\x20failure\\x20for\\x20y\\x20from\\x20203.0.113.9, peer 127.0.0.1 (no ban)"
    );
    let success = told(
        Outcome::Success,
        Channel::Form,
        Some(b"bob"),
        Format::LoginSyslog,
        &from("127.0.0.1"),
    );
    assert_eq!(success, "Accepted login for bob from 127.0.0.1");
}

#[test]
fn names_stay_names() {
    for (name, shown) in [
        ("bob smith", "bob smith"),
        ("Jørn 日本", "Jørn 日本"),
        ("a\r\nb\tc\x1b[31m\0", "a\\x0d\\x0ab\\x09c\\x1b[31m\\x00"),
        ("DOM\\bob", "DOM\\x5cbob"),
        (
            "a\u{85}b\u{2028}c\u{202e}d\u{200b}",
            "a\\xc2\\x85b\\xe2\\x80\\xa8c\\xe2\\x80\\xaed\\xe2\\x80\\x8b",
        ),
        ("", "-"),
        ("  ", "-"),
    ] {
        assert_eq!(escaped_name(name.as_bytes()), shown);
    }
    assert_eq!(escaped_name(b"a\xff\xc3"), "a\\xff\\xc3");
    let long = |piece: &str| escaped_name(piece.repeat(1000).as_bytes());
    assert_eq!(long("a"), "a".repeat(LONGEST_NAME));
    assert_eq!(long("\u{1}"), "\\x01".repeat(LONGEST_NAME / 4));
    assert_eq!(long("日"), "日".repeat(LONGEST_NAME / 3));
    assert_eq!(
        escaped_name("a".repeat(LONGEST_NAME).as_bytes()).len(),
        LONGEST_NAME
    );
}

#[test]
fn a_login_that_goes_on_is_told_from_a_new_one() {
    let event = |credentials, name: &str| Event {
        application: Arc::clone(&applications(&[&format!("basic name={name}")])[0]),
        outcome: Outcome::Success,
        channel: Channel::Basic,
        user: None,
        session: Some(credentials),
    };
    let (a, b) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
    let one = event(1, "x").session_of("www", a);
    assert!(one.is_some());
    assert_eq!(one, event(1, "x").session_of("www", a));
    for other in [
        event(2, "x").session_of("www", a),
        event(1, "y").session_of("www", a),
        event(1, "x").session_of("ww", a),
        event(1, "x").session_of("www", b),
    ] {
        assert_ne!(one, other);
    }
}
