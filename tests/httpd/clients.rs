//! Clients that go away, that take their time, and a server that stops or restarts while they send: each body that comes to its
//! end is judged, nothing is left of the others, and nobody else notices.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::harness::{Backend, Client, Mpm, Server, Setup, eventually};

const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyInMemoryLimit 50000
SecTmpDir {ROOT}/tmp
SecTmpSaveUploadedFiles On
SecResponseBodyAccess On
SecAuditEngine RelevantOnly
SecAuditLog audit.log
SecRule ARGS "@contains evilmarker" "id:1,phase:2,deny,status:403"
"#;
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

fn start(mpm: Mpm, backend: &Backend) -> Option<Server> {
    let setup = Setup::new()?;
    let tmp = setup.root().join("tmp");
    fs::create_dir_all(&tmp).expect("a directory");
    fs::set_permissions(&tmp, fs::Permissions::from_mode(0o777)).expect("its mode");
    let server = setup
        .mpm(mpm)
        .modules(&["proxy", "proxy_http"])
        .conf(&format!(
            "ProxyPass /b/ http://127.0.0.1:{}/ disablereuse=on",
            backend.port
        ))
        .conf(ENGINE)
        .file("index.html", "fine")
        .start();
    Some(server)
}

/// Descriptors of all processes that serve.
fn descriptors(server: &Server) -> usize {
    let open = |child: u32| fs::read_dir(format!("/proc/{child}/fd")).map_or(0, Iterator::count);
    server.children().into_iter().map(open).sum()
}

fn temporary_files(server: &Server) -> usize {
    fs::read_dir(server.root().join("tmp")).map_or(0, Iterator::count)
}

#[test]
fn clients_that_go_away_leave_nothing() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let backend = Backend::start();
        // Prefork would start more processes for more clients, and these would have descriptors of their own.
        let Some(server) = start(mpm, &backend) else {
            return;
        };
        let head = |method: &str, target: &str, headers: &str| {
            format!("{method} {target} HTTP/1.1\r\nHost: www.example.test\r\n{headers}")
        };
        let part = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n";
        let multipart = format!(
            "{}Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 200000\r\n\r\n{part}{}",
            head("POST", "/index.html", ""),
            "x".repeat(80_000)
        );
        let cut = [
            head("GET", "/index.html", "X-A: x"),
            head(
                "POST",
                "/index.html",
                &format!("{FORM}Content-Length: 100\r\n\r\na=evil"),
            ),
            head(
                "POST",
                "/b/echo",
                &format!("{FORM}Transfer-Encoding: chunked\r\n\r\n5\r\na=e"),
            ),
            head(
                "POST",
                "/b/echo",
                &format!("Content-Length: 200000\r\n\r\n{}", "x".repeat(90_000)),
            ),
            head(
                "POST",
                "/b/echo",
                "Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
            ),
            multipart,
            head("GET", "/b/slow", "\r\n"),
            head("GET", "/index.html", "\r\n").repeat(5),
        ];
        let quiet = |server: &Server| {
            let mut before = usize::MAX;
            // Idle processes are added and removed once a second: wait for a second in which nothing changes.
            eventually(|| {
                let now = descriptors(server);
                std::thread::sleep(Duration::from_millis(if now == before { 0 } else { 1100 }));
                std::mem::replace(&mut before, now) == now
            });
            before / server.children().len().max(1)
        };
        // One round warms up: what is opened once stays open.
        let mut after_one = 0;
        for round in 0..10 {
            for wire in &cut {
                for _ in 0..3 {
                    server.client().send(wire);
                }
            }
            assert_eq!(server.post("/b/echo", b"a=b").text(), "a=b", "{mpm:?}");
            assert_eq!(server.post("/b/echo", b"a=evilmarker").status, 403);
            if round == 0 {
                after_one = quiet(&server);
            }
        }
        let after_all = quiet(&server);
        assert!(
            after_all <= after_one + 1,
            "{mpm:?}: {after_one} descriptors became {after_all}"
        );
        assert!(eventually(|| temporary_files(&server) == 0), "{mpm:?}");
    }
}

/// Sends a body drop by drop; the status it is answered with.
fn drip(port: u16, target: &str, body: &[u8]) -> u16 {
    let mut client = Client::connect(port);
    client.send(format!(
        "POST {target} HTTP/1.1\r\nHost: www.example.test\r\nConnection: close\r\n{FORM}Content-Length: {}\r\n\r\n",
        body.len()
    ));
    for byte in body.chunks(1) {
        std::thread::sleep(Duration::from_millis(20));
        client.send(byte);
    }
    client.response().status
}

#[test]
fn slow_bodies_are_judged_like_others_and_hold_up_nobody() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let backend = Backend::start();
        let Some(server) = start(mpm, &backend) else {
            return;
        };
        std::thread::scope(|scope| {
            let slow: Vec<_> = (0..16)
                .map(|number| {
                    let port = server.port();
                    let (body, status): (&[u8], u16) = match number % 2 {
                        0 => (b"filler=xxxxxxxxxxxxxxxxxxxx&a=evilmarker", 403),
                        _ => (b"filler=xxxxxxxxxxxxxxxxxxxxxxxx&a=harmless", 200),
                    };
                    scope.spawn(move || assert_eq!(drip(port, "/index.html", body), status))
                })
                .collect();
            while slow.iter().any(|client| !client.is_finished()) {
                assert_eq!(server.get("/index.html").text(), "fine", "{mpm:?}");
                assert_eq!(server.post("/index.html", b"a=evilmarker").status, 403);
            }
        });
    }
}

/// Clients in the middle of their bodies, each with what is left to send and the status it deserves.
fn halfway(server: &Server) -> Vec<(Client, &'static str, u16)> {
    let clients = (0..6).map(|number| {
        let (rest, status) = match number % 2 {
            0 => ("marker", 403),
            _ => ("genius", 200),
        };
        let mut client = server.client();
        client.send(format!(
            "POST /index.html HTTP/1.1\r\nHost: www.example.test\r\n{FORM}Content-Length: 12\r\n\r\na=evil"
        ));
        (client, rest, status)
    });
    clients.collect()
}

#[test]
fn bodies_on_the_way_come_to_their_end_in_a_graceful_restart_and_stop() {
    for mpm in Mpm::ALL {
        for signal in ["USR1", "WINCH"] {
            let backend = Backend::start();
            let Some(mut server) = start(mpm, &backend) else {
                return;
            };
            // A request that has begun is a request; a connection that has only been accepted may be closed.
            let clients = halfway(&server);
            let begun = || {
                let path = |child: u32| format!("/proc/{child}/fd");
                let sockets: usize = server
                    .children()
                    .into_iter()
                    .flat_map(|child| fs::read_dir(path(child)).into_iter().flatten().flatten())
                    .filter_map(|entry| fs::read_link(entry.path()).ok())
                    .filter(|link| link.to_string_lossy().starts_with("socket:"))
                    .count();
                sockets >= clients.len() + server.children().len()
            };
            assert!(eventually(begun), "{mpm:?}");
            // Their heads are read at once; the question whether it is so would disturb.
            std::thread::sleep(Duration::from_millis(300));
            server.signal(signal);
            if signal == "USR1" {
                let resumed = |server: &Server| {
                    server
                        .error_log()
                        .matches("resuming normal operations")
                        .count()
                        > 1
                };
                assert!(eventually(|| resumed(&server)), "{mpm:?}");
            }
            for (mut client, rest, status) in clients {
                client.send(rest);
                assert_eq!(client.response().status, status, "{mpm:?} {signal}");
            }
            match signal {
                "USR1" => assert_eq!(server.get("/index.html").text(), "fine"),
                _ => assert!(eventually(|| !server.is_running()), "{mpm:?}"),
            }
            assert_eq!(
                server.read("audit.log").matches("-A--").count(),
                3,
                "{mpm:?} {signal}"
            );
        }
    }
}
