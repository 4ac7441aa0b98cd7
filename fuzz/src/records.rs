//! What is read of requests and pages besides bodies, and what is written about them.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use palisade::audit::read::{Event, Reading};
use palisade::audit::{
    Body, Boundary, Parts, Reader, Record, Zone, render_ecs, render_json, render_native,
};
use palisade::client::{ClientAddress, Forwarding, ForwardingHeader, Policy, Source, resolve};
use palisade::facts::Header;
use palisade::links::{Method, Page, Place, Signer, sign_page};
use palisade::operators::{CompileContext, Kind, Operator, UnreadGrammars, compile};
use palisade::trial::wire;

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// The head of a request as httpd reads it; and a target alone, which does not become longer when it is decoded.
pub fn request(data: &[u8]) {
    let incoming = wire::read(data);
    let _ = incoming.decoded_path();
    let line = [b"GET ", data, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
    if let Ok(path) = wire::read(&line).decoded_path() {
        assert!(path.len() <= line.len(), "{}", path.escape_ascii());
    }
}

static POLICIES: LazyLock<Vec<Policy>> = LazyLock::new(|| {
    let policy = |header| {
        let mut policy = Policy {
            source: Source::Header,
            header: ForwardingHeader::parse(header).unwrap(),
            ..Policy::default()
        };
        policy.trust("127.0.0.1").unwrap();
        policy.trust("10.0.0.0/8").unwrap();
        policy
    };
    let headers = ["X-Forwarded-For", "Forwarded", "CF-Connecting-IP"];
    headers.map(policy).into()
});

/// Forwarding headers, one a line: whoever is named can be written down on one line.
pub fn forwarding(data: &[u8]) {
    for policy in POLICIES.iter() {
        let lines = |_: &str| {
            data.split(|byte| *byte == b'\n')
                .map(<[u8]>::to_vec)
                .collect()
        };
        let forwarding = Forwarding {
            peer: PEER,
            peer_port: 1,
            headers: &lines,
            useragent: None,
        };
        let entry = resolve(policy, &forwarding).log_entry();
        assert!(!entry.contains(char::is_control), "{entry:?}");
    }
}

/// What the only record of a log says.
fn read_back(log: &[u8]) -> Event {
    let mut reader = Reader::new(log);
    let found = reader.next_found().unwrap().unwrap();
    let Reading::Event(mut event) = Reading::from(&found) else {
        panic!("{found:?}");
    };
    assert!(reader.next_found().unwrap().is_none());
    // The same point in time, written as the format has it.
    event.time.clear();
    *event
}

/// Whatever a client sends, a record is one record, and says the same in each format. The first byte says where the rest stands in
/// the request: in one place, or in each.
pub fn audit(data: &[u8]) {
    static ZONE: LazyLock<Zone> = LazyLock::new(|| Zone::fixed(0).unwrap());
    static PARTS: LazyLock<Parts> = LazyLock::new(|| Parts::parse("ABCEFHIJKZ").unwrap());
    let (choice, data) = data
        .split_first()
        .map_or((3, data), |(first, rest)| (first % 4, rest));
    let here = |place: u8| {
        if choice == place || choice == 3 {
            data
        } else {
            b"x"
        }
    };
    let client = ClientAddress::direct(PEER, 1);
    let time = UNIX_EPOCH + Duration::from_secs(1_795_347_480);
    let id = b"ZbC9xX8AAQEAAAZJ@dsAAAAA";
    let mut record = Record::new(time, &ZONE, id, &client, (PEER, 80));
    let header = Header {
        name: Bytes::from_static(b"X-Field"),
        value: Bytes::copy_from_slice(here(0)),
    };
    let line = [b"GET /", here(1), b" HTTP/1.1"].concat();
    record.request.line = &line;
    record.request.headers = std::slice::from_ref(&header);
    record.request.body = Some(Body::Memory(here(2)));
    let json = render_json(&record, &PARTS);
    for line in [&json, &render_ecs(&record, &PARTS)] {
        let text = std::str::from_utf8(line).unwrap();
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.contains(char::is_control), "{line:?}");
        serde_json::from_str::<serde::de::IgnoredAny>(line).unwrap();
    }
    let native = render_native(&record, &PARTS, &Boundary::from(0x0a1b_2c3d));
    let text = std::str::from_utf8(&native).unwrap();
    // The widest of what readers of logs take for a boundary.
    let begins = |line: &&str| {
        let name = line
            .strip_prefix("--")
            .and_then(|rest| rest.strip_suffix("-A--"));
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        name.is_some_and(|name| (6..=10).contains(&name.len()) && name.bytes().all(is_word))
    };
    assert_eq!(text.lines().filter(begins).count(), 1, "{text:?}");
    assert_eq!(read_back(&native), read_back(&json));
}

/// An operator that every value matches.
fn anything() -> Operator {
    let context = CompileContext {
        grammars: &UnreadGrammars,
        config_dir: None,
        pcre_match_limit: None,
        pcre_match_limit_recursion: None,
        file: &|_| Ok(Vec::new()),
    };
    compile(Kind::Rx, b"", &context).unwrap()
}

/// The links of a page: what is signed is the page with insertions.
pub fn links(data: &[u8]) {
    static METHODS: LazyLock<Vec<Arc<Method>>> = LazyLock::new(|| {
        [
            Place::Href,
            Place::FormAction,
            Place::IframeSrc,
            Place::FrameSrc,
        ]
        .map(|place| {
            Arc::new(Method {
                place,
                links: anything(),
            })
        })
        .to_vec()
    });
    let signer = Signer {
        key: b"key".to_vec(),
        parameter: "crypt",
        methods: &METHODS,
    };
    let page = Page::new(b"blog.example", b"/a/b");
    if let Some(signed) = sign_page(data, &signer, &page) {
        let mut rest = signed.iter();
        let kept = data.iter().all(|byte| rest.any(|other| other == byte));
        assert!(kept, "{}", signed.escape_ascii());
        assert!(signed.len() > data.len(), "{}", signed.escape_ascii());
    }
}
