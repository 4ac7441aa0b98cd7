//! The ways to a Redis server: TCP, a socket, a password, a database of its own, TLS.

use std::process::Command;

use palisade::collections::{Live, RedisOptions, Store, now};

use super::scratch::Scratch;
use super::server::{Server, connected, programs};
use super::suite::id;

fn counts(store: &dyn Store, key: &str) {
    let mut live = Live::open(store, id(key), 60, now());
    live.add(b"hits", 1);
    store.update(&[live.change(now()).unwrap()], now());
    let found = store.load(&id(key), now());
    assert!(found.is_some_and(|record| record.get(b"hits") == Some(b"1")));
    assert_eq!(store.statistics(now()).failures, 0);
}

#[test]
fn a_socket_a_password_and_a_database() {
    for program in programs() {
        let server = Server::start_with(program, |_| "requirepass s3cr%t\n".to_owned());
        let file = server.scratch.path().join("password");
        std::fs::write(&file, "s3cr%t\n").unwrap();
        let with_file = format!("password-file={}", file.display());
        let socket = format!(
            "redis+unix://{}/socket?db=2",
            server.scratch.path().display()
        );
        let port = server.port;
        let (second, first) = (
            connected(&socket, &["timeout=5000", &with_file]),
            connected(
                &format!("redis://:s3cr%25t@127.0.0.1:{port}"),
                &["timeout=5000"],
            ),
        );
        counts(&second, "a");
        assert!(first.load(&id("a"), now()).is_none(), "another database");
        counts(&first, "b");
        let also_second = connected(&format!("redis://:s3cr%25t@127.0.0.1:{port}/2"), &[]);
        assert!(also_second.load(&id("a"), now()).is_some());
        let other = connected(&socket, &["timeout=5000", &with_file, "prefix=other[*]:"]);
        assert!(other.load(&id("a"), now()).is_none(), "another fleet");
        counts(&other, "c");
        assert_eq!(other.statistics(now()).entries, 1);
        assert_eq!(second.statistics(now()).entries, 1);
    }
}

/// A certificate for 127.0.0.1 that nobody but a test believes.
fn certificate(scratch: &Scratch) -> bool {
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=t",
        ])
        .args([
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(scratch.path())
        .output();
    made.is_ok_and(|made| made.status.success())
}

#[test]
fn tls_with_an_authority_of_one_s_own_and_nobody_else() {
    let scratch = Scratch::new("tls");
    if !certificate(&scratch) {
        eprintln!("SKIPPED: no openssl here to make a certificate");
        return;
    }
    for program in programs() {
        let port = super::ports::free();
        let directory = scratch.path().display().to_string();
        let server = Server::start_with(program, |_| {
            format!(
                "tls-port {port}\ntls-cert-file {directory}/cert.pem\n\
                 tls-key-file {directory}/key.pem\ntls-auth-clients no\n"
            )
        });
        let url = format!("rediss://127.0.0.1:{port}");
        let authority = format!("ca={directory}/cert.pem");
        counts(&connected(&url, &["timeout=5000", &authority]), "a");
        // The system's authorities do not know this certificate.
        let options = RedisOptions::parse(&url, &["timeout=500".to_owned()]).unwrap();
        let stranger = palisade::collections::RedisStore::open(options, None);
        assert!(stranger.load(&id("a"), now()).is_none());
        assert!(stranger.statistics(now()).failures > 0);
        drop(server);
    }
}
