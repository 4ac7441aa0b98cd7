//! Sources that answer in every way, and sixty that try to get inside. Web servers and name servers are the test's own, on
//! loopback; a detour leads there from public addresses, behind all the looking at them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};

use super::*;
use crate::lookups::Resolver;

thread_local! {
    /// Where connections were meant to go.
    static DIALLED: RefCell<Vec<SocketAddr>> = const { RefCell::new(Vec::new()) };
}

/// The public address 9.1.x.y stands for the port x·256+y of loopback; all others lead nowhere.
fn detour(address: SocketAddr) -> SocketAddr {
    DIALLED.with_borrow_mut(|dialled| dialled.push(address));
    let port = match address.ip() {
        IpAddr::V4(ip) if ip.octets()[..2] == [9, 1] => {
            u16::from_be_bytes([ip.octets()[2], ip.octets()[3]])
        }
        _ => 1,
    };
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn dialled() -> Vec<SocketAddr> {
    DIALLED.take()
}

fn public(port: u16) -> IpAddr {
    let [high, low] = port.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(9, 1, high, low))
}

/// A web server that answers by the path; and what it was asked.
fn web(
    answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static,
) -> (IpAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = public(listener.local_addr().unwrap().port());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
            std::thread::spawn(move || {
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while reader.read_line(&mut head).unwrap_or(0) > 2 {}
                let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
                seen.lock().unwrap().push(head);
                answer(&path, &mut stream);
            });
        }
    });
    (address, asked)
}

fn send(stream: &mut TcpStream, head: &str, body: &[u8]) {
    let _ = stream.write_all(format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").as_bytes());
    let _ = stream.write_all(body);
}

const TARGET: &str = "http://b.example/a-post/";
const LINK: &[u8] = b"<p>see <a href=\"http://b.example/a-post/\">this</a>";
const HTML: &str = "200 OK\r\nContent-Type: text/html; charset=utf-8";

/// A name server: the answers to the first question for a name, to the second, and so on; the last one stays.
fn names(known: &[(&str, &[&[IpAddr]])]) -> (Resolver, Arc<Mutex<HashMap<String, usize>>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let servers = vec![socket.local_addr().unwrap()];
    let known: HashMap<String, Vec<Vec<IpAddr>>> = known
        .iter()
        .map(|(name, answers)| {
            (
                name.to_string(),
                answers.iter().map(|a| a.to_vec()).collect(),
            )
        })
        .collect();
    let asked: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let question = &buffer[..length];
            let mut name = String::new();
            let mut at = 12;
            while question[at] != 0 {
                let label = &question[at + 1..at + 1 + usize::from(question[at])];
                name = format!(
                    "{name}{}{}",
                    if name.is_empty() { "" } else { "." },
                    String::from_utf8_lossy(label)
                );
                at += 1 + label.len();
            }
            let v6 = question[at + 2] == 28;
            let mut count = count.lock().unwrap();
            let round = count.entry(name.clone()).or_default();
            if !v6 {
                *round += 1;
            }
            let answers = known
                .get(&name)
                .map(|answers| &answers[(*round).clamp(1, answers.len()) - 1]);
            let mut message = question.to_vec();
            message[2] = 0x81;
            message[3] = if answers.is_some() { 0x80 } else { 0x83 };
            for address in answers
                .into_iter()
                .flatten()
                .filter(|address| address.is_ipv6() == v6)
            {
                message[7] += 1;
                message.extend([0xC0, 12, 0, if v6 { 28 } else { 1 }, 0, 1, 0, 0, 0, 0]);
                match address {
                    IpAddr::V4(ip) => message.extend([&[0, 4][..], &ip.octets()].concat()),
                    IpAddr::V6(ip) => message.extend([&[0, 16][..], &ip.octets()].concat()),
                }
            }
            let _ = socket.send_to(&message, from);
        }
    });
    (Resolver { servers }, asked)
}

fn options(timeout: u64) -> Options {
    Options {
        timeout: Duration::from_millis(timeout),
        ..Options::default()
    }
}

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 80));

fn ask(memory: &Memory, names: &Resolver, options: Options, source: &str) -> Outcome {
    let verifier = Verifier {
        detour,
        ..Verifier::new(options, memory, names)
    };
    verifier.verify(source.as_bytes(), TARGET.as_bytes(), CLIENT, OWN)
}

#[test]
fn outcomes_have_names_and_codes_of_their_own() {
    let names: std::collections::HashSet<_> = Outcome::ALL.iter().map(|o| o.name()).collect();
    assert_eq!(names.len(), Outcome::ALL.len());
    for outcome in Outcome::ALL {
        assert!((1..16).contains(&outcome.code()));
        assert_eq!(Outcome::from_code(outcome.code()), Some(*outcome));
    }
    assert_eq!(Outcome::from_code(0), None);
}

#[test]
fn answers_of_all_kinds() {
    let gzip = |page: &[u8]| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(page).unwrap();
        packed.finish().unwrap()
    };
    let words = "<p>words</p>".repeat(5000);
    let packed = [gzip(words.as_bytes()), gzip(LINK)].concat();
    let bomb = gzip(&vec![b' '; 8_000_000]);
    let (site, asked) = web(move |path, stream| match path {
        "/linked" => send(stream, HTML, LINK),
        "/unlinked" => send(stream, HTML, b"<p>http://b.example/a-post/ <a href=/>x</a>"),
        "/xhtml" => send(
            stream,
            "200 OK\r\nContent-Type: Application/XHTML+XML",
            LINK,
        ),
        "/chunked" => send(
            stream,
            &format!("{HTML}\r\nTransfer-Encoding: chunked"),
            b"c\r\n<a href='htt\r\n28\r\np://b.example/a-post/'>this</a> and more\r\n0\r\n\r\n",
        ),
        "/packed" => send(
            stream,
            &format!("{HTML}\r\nContent-Encoding: gzip"),
            &packed,
        ),
        "/bomb" => send(stream, &format!("{HTML}\r\nContent-Encoding: gzip"), &bomb),
        "/text" => send(stream, "200 OK\r\nContent-Type: text/plain", LINK),
        "/image" => send(stream, "200 OK\r\nContent-Type: image/png", b"\x89PNG"),
        "/untyped" => send(stream, "200 OK", LINK),
        "/gone" => send(stream, "410 Gone\r\nContent-Type: text/html", LINK),
        "/missing" => send(stream, "404 Not Found\r\nContent-Type: text/html", LINK),
        "/broken" => send(stream, "500 Oops\r\nContent-Type: text/html", LINK),
        "/partial" => send(
            stream,
            "206 Partial Content\r\nContent-Type: text/html",
            LINK,
        ),
        "/nonsense" => {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        }
        "/nothing" => {}
        "/header" => send(
            stream,
            &format!("{HTML}\r\nX-Long: {}", "x".repeat(100_000)),
            LINK,
        ),
        "/early" => send(
            stream,
            HTML,
            &[LINK, words.as_bytes(), words.as_bytes()].concat(),
        ),
        "/far" => send(
            stream,
            HTML,
            &[words.as_bytes(), words.as_bytes(), LINK].concat(),
        ),
        "/once" => send(stream, "301 Moved\r\nLocation: /linked", b""),
        "/twice" => send(stream, "302 Found\r\nLocation: http://site.test/once", b""),
        "/thrice" => send(stream, "307 Moved\r\nLocation: twice", b""),
        "/round" => send(stream, "308 Moved\r\nLocation: /round", b""),
        "/nowhere" => send(stream, "302 Found", LINK),
        _ => send(stream, "302 Found\r\nLocation: http://[", LINK),
    });
    let (names, _) = names(&[("site.test", &[&[site]])]);
    let memory = Memory::new();
    let mut options = options(5000);
    options.per_host = 1000;
    let table = [
        ("linked", Outcome::Linked),
        ("unlinked", Outcome::NoLink),
        ("xhtml", Outcome::Linked),
        ("chunked", Outcome::Linked),
        ("packed", Outcome::Linked),
        ("bomb", Outcome::TooLong),
        ("text", Outcome::NotHtml),
        ("image", Outcome::NotHtml),
        ("untyped", Outcome::NotHtml),
        ("gone", Outcome::Status),
        ("missing", Outcome::Status),
        ("broken", Outcome::Status),
        ("partial", Outcome::Status),
        ("nonsense", Outcome::Broken),
        ("nothing", Outcome::Broken),
        ("header", Outcome::Broken),
        ("early", Outcome::Linked),
        ("far", Outcome::TooLong),
        ("once", Outcome::Linked),
        ("twice", Outcome::Linked),
        ("thrice", Outcome::Redirects),
        ("round", Outcome::Redirects),
        ("nowhere", Outcome::Redirects),
        ("unreadable", Outcome::Redirects),
    ];
    for (path, expected) in table {
        let source = format!("http://site.test/{path}");
        assert_eq!(ask(&memory, &names, options, &source), expected, "{path}");
        // And again, from memory.
        let before = asked.lock().unwrap().len();
        assert_eq!(ask(&memory, &names, options, &source), expected, "{path}");
        assert_eq!(asked.lock().unwrap().len(), before, "{path}");
    }
    let head = asked
        .lock()
        .unwrap()
        .first()
        .cloned()
        .unwrap()
        .to_ascii_lowercase();
    for line in [
        "get /linked http/1.1\r\n",
        "\r\nhost: site.test\r\n",
        &format!(
            "\r\nuser-agent: palisade/{}; verifying pingback from 198.51.100.7\r\n",
            env!("CARGO_PKG_VERSION")
        ),
        "\r\nx-pingback-forwarded-for: 198.51.100.7\r\n",
        "\r\nconnection: close\r\n",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
    for (source, expected) in [
        ("http://nobody.test/", Outcome::NoName),
        ("ftp://site.test/linked", Outcome::NoLink),
        ("http://site.test:80/linked", Outcome::Linked),
    ] {
        assert_eq!(ask(&memory, &names, options, source), expected, "{source}");
    }
}

#[test]
fn who_does_not_answer_costs_the_time_that_was_set_and_no_more() {
    let (slow, _) = web(|path, stream| {
        let part: &[u8] = if path == "/page" {
            HTML.as_bytes()
        } else {
            b""
        };
        let _ = stream.write_all(&[b"HTTP/1.1 ", part, b"\r\n\r\n"].concat());
        // One byte after the other, for longer than anybody waits.
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let (names, _) = names(&[("slow.test", &[&[slow]]), ("closed.test", &[&[public(1)]])]);
    let memory = Memory::new();
    for (source, expected) in [
        ("http://slow.test/page", Outcome::Late),
        ("http://slow.test/head", Outcome::Broken),
        ("https://slow.test/", Outcome::Broken),
    ] {
        let begun = Instant::now();
        let outcome = ask(&memory, &names, options(400), source);
        assert!(
            outcome == expected || outcome == Outcome::Late,
            "{source}: {outcome:?}"
        );
        assert_eq!(outcome.verified(), Verified::No);
        assert!(
            begun.elapsed() < Duration::from_millis(900),
            "{source}: {:?}",
            begun.elapsed()
        );
    }
    assert_eq!(
        ask(&memory, &names, options(400), "http://closed.test/"),
        Outcome::Closed
    );
    // Names that nobody answers for are this server's trouble.
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = Resolver {
        servers: vec![deaf.local_addr().unwrap()],
    };
    let begun = Instant::now();
    assert_eq!(
        ask(&memory, &silent, options(200), "http://other.test/"),
        Outcome::NoNames
    );
    assert!(begun.elapsed() < Duration::from_millis(700));
    assert_eq!(Outcome::NoNames.verified(), Verified::Unknown);
}

#[test]
fn so_many_at_once_and_so_many_of_one_host() {
    let (site, asked) = web(|_, stream| send(stream, HTML, LINK));
    let (names, _) = names(&[("site.test", &[&[site]]), ("other.test", &[&[site]])]);
    let memory = Memory::new();
    let mut options = options(5000);
    options.at_once = 1;
    let held = memory
        .verifying
        .take(1, Duration::from_secs(9), SystemTime::now());
    assert_eq!(
        ask(&memory, &names, options, "http://site.test/1"),
        Outcome::Busy
    );
    drop(held);
    options.per_host = 3;
    options.per_minute = 4;
    let mut outcomes = Vec::new();
    for number in 0..5 {
        outcomes.push(ask(
            &memory,
            &names,
            options,
            &format!("http://site.test/{number}"),
        ));
    }
    let linked = outcomes.iter().filter(|o| **o == Outcome::Linked).count();
    // Where a minute ends in between, there is more room.
    assert!((3..=5).contains(&linked), "{outcomes:?}");
    assert_eq!(asked.lock().unwrap().len(), linked);
    assert!(
        memory
            .verifying
            .take(1, Duration::from_secs(1), SystemTime::now())
            .is_some()
    );
}

#[test]
fn no_way_leads_inside() {
    let (site, asked) = web(|path, stream| {
        let to = path.trim_start_matches("/to/");
        send(stream, &format!("302 Found\r\nLocation: {to}"), LINK);
    });
    // What must not be asked, in every notation.
    let inside = [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.0.0.1./",
        "http://0/",
        "http://0.0.0.0/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://foo.localhost/",
        "http://127.0.0.1.nip.io/",
        "http://db/",
        "http://printer.local/",
        "http://metadata.google.internal/",
        "http://169.254.169.254/latest/meta-data/",
        "http://168.63.129.16/",
        "http://100.100.100.200/",
        "http://192.0.0.192/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "http://192.168.1.1/",
        "http://198.18.0.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://[::]/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b:1::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001::1]/",
        "http://[fe80::1]/",
        "http://[fec0::1]/",
        "http://[fc00::1]/",
        "http://[fd00:ec2::254]/",
        "http://[ff02::1]/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127%2e0%2e0%2e1/",
        "http://127。0。0。1/",
        "http://ⓛocalhost/",
        "http://user@site.test/",
        "http://site.test@127.0.0.1/",
        "http://site.test:22/",
        "http://site.test:8080/",
        "https://site.test:6379/",
        "http://203.0.113.80/",
        "http://[::ffff:203.0.113.80]/",
        "gopher://site.test/",
        "file:///etc/passwd",
        "http://127.0.0.1\\@site.test/",
    ];
    let (names, _) = names(&[("site.test", &[&[site]])]);
    for bad in inside {
        let memory = Memory::new();
        let outcome = ask(&memory, &names, options(2000), bad);
        assert_eq!(outcome.verified(), Verified::No, "{bad}: {outcome:?}");
        assert_eq!(dialled(), [], "{bad}");
        // The same behind a redirection: the public server is asked, and then nobody.
        let outcome = ask(
            &memory,
            &names,
            options(2000),
            &format!("http://site.test/to/{bad}"),
        );
        assert_eq!(outcome.verified(), Verified::No, "to {bad}: {outcome:?}");
        assert!(dialled().len() <= 1, "to {bad}");
    }
    assert!(!asked.lock().unwrap().is_empty());
}

#[test]
fn names_that_lead_inside_lead_nowhere() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let (site, asked) = web(|_, stream| send(stream, HTML, LINK));
    let inside = [
        "127.0.0.1",
        "10.1.2.3",
        "172.20.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.251",
        "255.255.255.255",
        "203.0.113.80", // this server
        "::1",
        "::",
        "::ffff:10.0.0.1",
        "fe80::1",
        "fd00::1",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "2001:0:a00:1::1",
        "ff02::fb",
    ];
    for bad in inside.map(ip) {
        // Alone, beside a public address, and behind one.
        for answers in [vec![bad], vec![site, bad], vec![bad, site]] {
            let (names, _) = names(&[("evil.test", &[&answers])]);
            let outcome = ask(&Memory::new(), &names, options(2000), "http://evil.test/");
            assert_eq!(outcome, Outcome::Inside, "{answers:?}");
            assert_eq!(dialled(), [], "{answers:?}");
        }
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn a_name_is_resolved_once_and_the_address_that_was_looked_at_is_asked() {
    let (site, asked) = web(|_, stream| send(stream, HTML, LINK));
    let loopback: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let (names, questions) = names(&[("rebind.test", &[&[site], &[loopback]])]);
    let outcome = ask(&Memory::new(), &names, options(5000), "http://rebind.test/");
    assert_eq!(outcome, Outcome::Linked);
    assert_eq!(questions.lock().unwrap()["rebind.test"], 1);
    assert_eq!(dialled(), [SocketAddr::new(site, 80)]);
    assert_eq!(asked.lock().unwrap().len(), 1);
    // The next time the name leads inside, and nobody is asked.
    let outcome = ask(&Memory::new(), &names, options(5000), "http://rebind.test/");
    assert_eq!(outcome, Outcome::Inside);
    assert_eq!(dialled(), []);

    // A redirection to the own name resolves it anew, and looks again.
    let (turning, _) = web(|_, stream| send(stream, "302 Found\r\nLocation: /again", LINK));
    let (names, _) = names_of_two_rounds(turning, loopback);
    let outcome = ask(&Memory::new(), &names, options(5000), "http://turn.test/");
    assert_eq!(outcome, Outcome::Inside);
    assert_eq!(dialled(), [SocketAddr::new(turning, 80)]);
}

fn names_of_two_rounds(
    first: IpAddr,
    then: IpAddr,
) -> (Resolver, Arc<Mutex<HashMap<String, usize>>>) {
    names(&[("turn.test", &[&[first], &[then]])])
}

#[test]
fn the_answer_says_nothing_about_who_is_there() {
    let (site, _) = web(|path, stream| match path {
        "/missing" => send(stream, "404 Not Found\r\nContent-Type: text/html", b""),
        _ => send(stream, HTML, b"<p>nothing"),
    });
    let (names, _) = names(&[
        ("site.test", &[&[site]]),
        ("closed.test", &[&[public(1)]]),
        ("inner.test", &[&["10.0.0.1".parse().unwrap()]]),
    ]);
    let memory = Memory::new();
    for source in [
        "http://site.test/missing",
        "http://site.test/unlinked",
        "http://closed.test/",
        "http://inner.test/",
        "http://nobody.test/",
        "http://127.0.0.1/",
    ] {
        let begun = Instant::now();
        let outcome = ask(&memory, &names, options(5000), source);
        assert_eq!(outcome.verified(), Verified::No, "{source}: {outcome:?}");
        assert!(begun.elapsed() < Duration::from_millis(1500), "{source}");
    }
}
