//! `SecConnEngine`: who holds too many connections gets no more; on every way that httpd spreads its work.

use std::net::TcpListener;
use std::process::Command;

use crate::harness::{Client, Mpm, Server, Setup, eventually};

/// A connection on which a request has begun and does not go on.
fn begun(server: &Server) -> Client {
    let mut client = server.client();
    client.send("GET / HTTP/1.1\r\nHost: www.example.test\r\nX-Slow: ");
    client
}

/// Whether a request is answered at all.
fn is_answered(server: &Server) -> bool {
    server.get("/page.txt").status == 200
}

/// The status that a client at another address gets: there are many on the loopback interface.
fn status_elsewhere(server: &Server) -> String {
    let url = format!("http://127.0.0.1:{}/page.txt", server.port());
    let output = Command::new("curl")
        .args([
            "-s",
            "-m",
            "20",
            "--interface",
            "127.0.0.2",
            "-o",
            "/dev/null",
        ])
        .args(["-w", "%{http_code}", &url])
        .output()
        .expect("curl");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// How many connections are being read from, as the page of mod_status shows it to somebody at an address of his own.
fn reading(server: &Server) -> Option<usize> {
    let output = Command::new("curl")
        .args(["-s", "--interface", "127.0.0.3"])
        .arg(format!("http://127.0.0.1:{}/status?auto", server.port()))
        .output()
        .expect("curl");
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    let board = page
        .lines()
        .find_map(|line| line.strip_prefix("Scoreboard: "));
    board.map(|board| board.matches('R').count())
}

/// So many requests that have begun. The harness's own question whether the server is up counts for a while, too: who is sent
/// away because of it comes again.
fn hold(server: &Server, many: usize) -> Vec<Client> {
    let mut held = Vec::new();
    assert!(eventually(|| {
        if reading(server) == Some(held.len()) {
            held.push(begun(server));
            let seen = (0..100).any(|_| reading(server) == Some(held.len()));
            held.truncate(held.len() - usize::from(!seen));
        }
        held.len() == many
    }));
    held
}

fn setup(mpm: Mpm, conf: &str) -> Option<Setup> {
    let setup = Setup::new()?.mpm(mpm).file("page.txt", "a page\n");
    let status = "<Location /status>\nSetHandler server-status\n</Location>";
    Some(setup.modules(&["status"]).conf(status).conf(conf))
}

#[test]
fn too_many_that_read() {
    for mpm in Mpm::ALL {
        let conf = "SecConnEngine On\nSecConnReadStateLimit 3";
        let Some(setup) = setup(mpm, conf) else {
            return;
        };
        let server = setup.start();
        let mut held = hold(&server, 3);
        assert!(eventually(|| !is_answered(&server)), "{mpm:?}");
        let line = server.logged("Too many threads").remove(0);
        assert!(
            line.contains(":warn]")
                && line.contains(
                    "[peer 127.0.0.1] [unattributed] ModSecurity: Access denied with code 400. Too many threads [4] of 3 allowed in \
                     READ state from 127.0.0.1 - Possible DoS Consumption Attack [Rejected]"
                ),
            "{line}"
        );
        assert_eq!(status_elsewhere(&server), "200", "{mpm:?}");
        for client in &mut held {
            client.send("x\r\nConnection: close\r\n\r\n");
            assert_ne!(client.response().status, 0, "who was there first is served");
        }
        assert!(eventually(|| is_answered(&server)), "{mpm:?}");
    }
}

#[test]
fn too_many_that_write() {
    // Nobody answers there.
    let backend = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = backend.local_addr().expect("its address").port();
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let conf = format!(
            "SecConnEngine On\nSecConnWriteStateLimit 2\nProxyPass /slow http://127.0.0.1:{port}/"
        );
        let Some(setup) = setup(mpm, &conf) else {
            return;
        };
        let server = setup.modules(&["proxy", "proxy_http"]).start();
        // One that came while the harness still asked whether the server is up has been sent away: another takes its place.
        let mut held: Vec<Client> = Vec::new();
        assert!(
            eventually(|| {
                let refused = held.len() >= 3 && !is_answered(&server);
                if !refused {
                    let mut client = server.client();
                    client.send_request("GET", "/slow", "", b"");
                    held.push(client);
                }
                refused
            }),
            "{mpm:?}"
        );
        let line = server.logged("Too many threads").remove(0);
        assert!(
            line.contains("Too many threads [3] of 2 allowed in WRITE state from 127.0.0.1 -"),
            "{line}"
        );
        drop(held);
    }
}

#[test]
fn looking_on_lets_everybody_in_and_bans_nobody() {
    let conf = "SecConnEngine DetectionOnly\nSecConnReadStateLimit 1";
    let Some(setup) = setup(Mpm::Event, conf) else {
        return;
    };
    let server = setup.start();
    let _held = hold(&server, 1);
    assert!(eventually(|| {
        assert!(is_answered(&server));
        server.error_log().contains("Too many threads [2] of 1")
    }));
    let log = server.error_log();
    assert!(
        log.contains("ModSecurity: Warning. Too many threads") && !log.contains("Access denied")
    );
}

#[test]
fn lists_say_whom_a_limit_holds_for() {
    for (list, refused) in [
        ("@ipMatch 127.0.0.0/8,2001:db8::1", true),
        ("@ipMatch 127.0.0.2", false),
        ("!@ipMatch 127.0.0.1", false),
        ("!@ipMatchFromFile {ROOT}/htdocs/page.txt", true),
        ("!@ipMatchF {ROOT}/htdocs/spared.txt", false),
    ] {
        // In a section: it holds for the whole server all the same.
        let conf = format!(
            "SecConnEngine On\n<Location /x>\nSecConnReadStateLimit 1 \"{list}\"\n</Location>\nSecConnWriteStateLimit 50"
        );
        let Some(setup) = setup(Mpm::Event, &conf) else {
            return;
        };
        let server = setup
            .file("page.txt", "# nobody\n")
            .file("spared.txt", "127.0.0.0/8\n")
            .start();
        let _held = hold(&server, 1);
        assert_eq!(is_answered(&server), !refused, "{list}");
    }
}
