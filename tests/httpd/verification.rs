//! `SecPingbackVerify` in a real httpd, in a network of its own: sources at public addresses, a name server, a blog behind the
//! proxy.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::harness::{Backend, Client, Mpm, Server, Setup, eventually, missing};
use crate::network;

/// Where sources are, in the range for documentation.
const WEB: &str = "203.0.113.10";
const NOBODY: &str = "203.0.113.11";
const MPMS: [Mpm; 2] = [Mpm::Event, Mpm::Prefork];
const TARGET: &str = "http://www.example.test/a-post/";

/// The web outside: pages by path, and what was asked for.
struct Web {
    asked: Arc<Mutex<Vec<String>>>,
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Web {
    fn start() -> Web {
        let listener = TcpListener::bind((WEB, 80)).expect("port 80 of the test's own network");
        let web = Web {
            asked: Arc::default(),
            open: Arc::default(),
            most: Arc::default(),
        };
        let (asked, open, most) = (web.asked.clone(), web.open.clone(), web.most.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let now = open.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                let (asked, open) = (asked.clone(), open.clone());
                std::thread::spawn(move || {
                    page(stream, &asked);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        web
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn page(mut stream: TcpStream, asked: &Mutex<Vec<String>>) {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while reader.read_line(&mut head).unwrap_or(0) > 2 {}
    let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
    asked.lock().unwrap().push(head);
    let link = format!("<p>I liked <a href=\"{TARGET}\">that</a>.");
    let (head, body) = match path.as_str() {
        "/linked" => ("200 OK\r\nContent-Type: text/html", link.as_str()),
        "/unlinked" => ("200 OK\r\nContent-Type: text/html", "<p>Buy pills."),
        "/to-the-inside" => ("302 Found\r\nLocation: http://127.0.0.1/server-status", ""),
        "/to-a-name-inside" => ("302 Found\r\nLocation: http://inside.test/", ""),
        // Until the other side has had enough.
        path if path.starts_with("/slow") => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX-Slow: ");
            while stream.write_all(b".").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
            return;
        }
        _ => ("404 Not Found\r\nContent-Type: text/html", link.as_str()),
    };
    let _ = stream.write_all(
        format!(
            "HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
}

/// A name server on loopback: names of `inside.test` are there, `closed.test` is where nobody listens, `nobody.*` do not exist.
fn name_server() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a name server");
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let mut message = buffer[..length].to_vec();
            let named = |name: &[u8]| message.windows(name.len()).any(|part| part == name);
            let address: Option<[u8; 4]> = match () {
                () if named(b"nobody") => None,
                () if named(b"inside") => Some([127, 0, 0, 1]),
                () if named(b"closed") => Some([203, 0, 113, 11]),
                () => Some([203, 0, 113, 10]),
            };
            let is_v4 = message[length - 3] == 1;
            message[2] = 0x81;
            message[3] = if address.is_some() { 0x80 } else { 0x83 };
            if let Some(address) = address.filter(|_| is_v4) {
                message[7] = 1;
                message.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                message.extend(address);
            }
            let _ = socket.send_to(&message, from);
        }
    });
    port
}

fn start(mpm: Mpm, backend: &Backend, options: &str, names: u16) -> Option<Server> {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/apache-conf");
    let setup = Setup::new()?
        .mpm(mpm)
        .modules(&["proxy", "proxy_http"])
        .conf(&format!(
            "Include {shipped}/recommended.conf\nInclude {shipped}/rules/pingback.conf\nSecAuditLog audit.log\n\
             SecClientAddress header\nSecTrustedProxy 127.0.0.1\nSecDnsServer 127.0.0.1:{names}\n\
             SecBanEngine Off\n\
             SecPingbackVerify On {options}\n\
             SecRule PINGBACK:verified \"@streq yes\" \"id:1,phase:2,pass,log,auditlog,msg:'links',logdata:'%{{PINGBACK.verification}}'\""
        ))
        .conf(&format!(
            "ProxyPass /xmlrpc.php http://127.0.0.1:{}/xmlrpc.php",
            backend.port
        ))
        .file("index.html", "fine");
    Some(setup.start())
}

fn ping(source: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<methodCall>\n<methodName>pingback.ping</methodName>\n<params>\n\
         <param><value><string>{source}</string></value></param>\n\
         <param><value><string>{TARGET}</string></value></param>\n</params></methodCall>"
    )
}

const HEADERS: &str = "Content-Type: text/xml\r\nX-Forwarded-For: 198.51.100.7\r\n\
                       User-Agent: The Incutio XML-RPC PHP Library -- WordPress/6.1.9\r\nConnection: close\r\n";

/// The status of the answer to a ping.
fn send(port: u16, source: &str) -> u16 {
    let mut client = Client::connect(port);
    client.send_request("POST", "/xmlrpc.php", HEADERS, ping(source).as_bytes());
    client.response().status
}

/// Whether this test's thread has a network of its own now.
fn isolated() -> bool {
    let entered = network::enter(&["203.0.113.10/32", "203.0.113.11/32"]);
    if !entered {
        missing("the right to make a network (root), or ip");
    }
    entered
}

#[test]
fn a_ping_passes_when_its_source_links_and_not_otherwise() {
    if !isolated() {
        return;
    }
    let names = name_server();
    let web = Web::start();
    let table = [
        ("http://weblog.test/linked", 200, "1", "linked"),
        (&format!("http://{WEB}/linked"), 200, "1", "linked"),
        ("http://weblog.test/unlinked", 403, "8505250", "no-link"),
        ("http://weblog.test/missing", 403, "8505250", "status"),
        ("http://closed.test/linked", 403, "8505250", "closed"),
        (&format!("http://{NOBODY}/linked"), 403, "8505250", "closed"),
        ("http://nobody.test/linked", 403, "8505250", "no-name"),
        ("http://inside.test/linked", 403, "8505250", "inside"),
        ("http://weblog.test/to-the-inside", 403, "8505250", "inside"),
        (
            "http://weblog.test/to-a-name-inside",
            403,
            "8505250",
            "inside",
        ),
        ("https://weblog.test/linked", 403, "8505250", "closed"),
    ];
    for mpm in MPMS {
        let backend = Backend::start();
        let Some(server) = start(mpm, &backend, "timeout=10000", names) else {
            return;
        };
        for (number, (source, status, rule, how)) in table.iter().enumerate() {
            assert_eq!(send(server.port(), source), *status, "{source} {mpm:?}");
            let records = server.audit_records(number + 1);
            let record = records.last().unwrap();
            assert!(
                record.contains(&format!("[id \"{rule}\"]")),
                "{source}\n{record}"
            );
            assert!(
                record.contains(&format!("[data \"{how}")),
                "{source}\n{record}"
            );
        }
        // Nothing inside was asked, and what was asked says for whom.
        let asked = web.asked();
        assert!(
            asked
                .iter()
                .all(|head| head.contains("; verifying pingback from 198.51.100.7\r\n")),
            "{asked:?}"
        );
        assert_eq!(backend.requests(2).len(), 2);
        // What is known is not asked for again: neither by this process nor by another.
        let before = asked.len();
        for _ in 0..20 {
            assert_eq!(send(server.port(), "http://weblog.test/linked"), 200);
            assert_eq!(send(server.port(), "http://weblog.test/unlinked"), 403);
        }
        assert_eq!(web.asked().len(), before);
    }
}

#[test]
fn slow_sources_hold_as_many_workers_as_they_may_and_no_more() {
    if !isolated() {
        return;
    }
    let names = name_server();
    let web = Web::start();
    for mpm in MPMS {
        web.most.store(0, Ordering::SeqCst);
        let backend = Backend::start();
        let Some(server) = start(mpm, &backend, "timeout=3000 at-once=3", names) else {
            return;
        };
        let port = server.port();
        let pings: Vec<_> = (0..100)
            .map(|number| {
                std::thread::spawn(move || {
                    let begun = Instant::now();
                    let status = send(port, &format!("http://w{number}.test/slow"));
                    (status, begun.elapsed())
                })
            })
            .collect();
        assert!(
            eventually(|| web.open.load(Ordering::SeqCst) == 3),
            "{mpm:?}"
        );
        // While three wait, the others are served; and a restart waits for nobody either.
        for _ in 0..20 {
            assert_eq!(server.get("/index.html").status, 200);
        }
        server.signal("USR1");
        assert!(eventually(|| server
            .error_log()
            .matches("resuming normal operations")
            .count()
            > 1));
        for _ in 0..20 {
            assert_eq!(server.get("/index.html").status, 200);
        }
        let outcomes: Vec<_> = pings.into_iter().map(|ping| ping.join().unwrap()).collect();
        let refused = outcomes.iter().filter(|(status, _)| *status == 403).count();
        let passed = outcomes.iter().filter(|(status, _)| *status == 200).count();
        assert_eq!(refused + passed, 100, "{mpm:?}: {outcomes:?}");
        assert!(refused >= 3 && passed >= 50, "{mpm:?}: {refused} refused");
        assert!(web.most.load(Ordering::SeqCst) <= 3);
        // The deadline, with room for a busy machine and for pings that wait for a worker.
        let longest = outcomes.iter().map(|(_, time)| *time).max().unwrap();
        assert!(longest < Duration::from_secs(8), "{mpm:?}: {longest:?}");
        assert!(eventually(|| web.open.load(Ordering::SeqCst) == 0));
    }
}

#[test]
fn trouble_of_this_server_is_no_spam() {
    if !isolated() {
        return;
    }
    // A name server that says nothing.
    let deaf = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let names = deaf.local_addr().unwrap().port();
    for mpm in MPMS {
        let backend = Backend::start();
        let Some(server) = start(mpm, &backend, "timeout=500", names) else {
            return;
        };
        for (number, (source, how)) in [
            ("http://weblog.test/linked", "no-names"),
            ("http://198.51.100.200/linked", "no-network"),
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(send(server.port(), source), 200, "{source} {mpm:?}");
            let records = server.audit_records(number + 1);
            let record = records.last().unwrap();
            assert!(record.contains("[id \"8505430\"]"), "{record}");
            assert!(record.contains(&format!("[data \"{how}")), "{record}");
        }
        assert_eq!(backend.requests(2).len(), 2);
    }
}

#[test]
fn mistakes_are_told_at_configtest() {
    for (line, reason) in [
        ("SecPingbackVerify", "must be On or Off"),
        ("SecPingbackVerify Perhaps", "must be On or Off: Perhaps"),
        (
            "SecPingbackVerify On timeout=0",
            "timeout takes a number from 1 to 10000: timeout=0",
        ),
        ("SecPingbackVerify On port=8080", "port=8080 is no option"),
    ] {
        let Some(setup) = Setup::new() else { return };
        let (good, said) = setup.conf(line).check();
        assert!(!good && said.contains(reason), "{line}\n{said}");
    }
}
