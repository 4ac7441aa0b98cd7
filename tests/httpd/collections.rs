//! Persistent collections in a real httpd: what all processes count together, what outlives them, what happens when the
//! store is damaged, foreign or gone. With `PALISADE_FULL=1` at the size that is promised, without it in small.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use palisade::collections::{FileStore, Id, Store, now};

use crate::harness::{Mpm, Server, Setup, eventually};
use crate::random::Random;
use crate::redis_server::{self, programs};

mod clock;
mod crowd;
mod outage;

/// Counts requests with `?count` by the header `X-Key`, and refuses a key from its fifth on; `?add` only counts.
const RULES: &str = r#"
SecRuleEngine On
SecAction "id:1,phase:1,pass,nolog,initcol:ip=%{REQUEST_HEADERS.X-Key}"
SecRule ARGS_NAMES "@rx ^(?:count|add)$" "id:2,phase:1,pass,nolog,setvar:ip.tries=+1"
SecRule IP:tries "@ge 5" "id:3,phase:1,deny,status:403,msg:'too many',chain"
SecRule &ARGS:add "@eq 0"
"#;

fn setup(store: &str) -> Option<Setup> {
    Some(
        Setup::new()?
            .file("index.html", "hello")
            .conf(RULES)
            .conf(store),
    )
}

fn status(server: &Server, key: &str, query: &str) -> u16 {
    let target = format!("/index.html{query}");
    server
        .request("GET", &target, &format!("X-Key: {key}\r\n"), b"")
        .status
}

/// Whether everything is to run at the size that is promised.
fn full() -> bool {
    std::env::var_os("PALISADE_FULL").is_some()
}

fn id(key: &str) -> Id {
    Id {
        name: "ip".into(),
        key: key.as_bytes().to_vec(),
    }
}

fn tries(store: &dyn Store, key: &str) -> u64 {
    let record = store.load(&id(key), now());
    let text = record.and_then(|record| String::from_utf8(record.get(b"tries")?.to_vec()).ok());
    text.map_or(0, |text| text.parse().unwrap())
}

fn on_server(redis: &redis_server::Server) -> Option<Setup> {
    setup(&format!("SecCollectionStore {} timeout=10000", redis.url()))
}

#[test]
fn what_was_counted_outlives_a_restart_and_belongs_to_httpd_s_user() {
    let Some(setup) = setup("SecDataDir {ROOT}/data") else {
        return;
    };
    let server = setup.start();
    for _ in 0..4 {
        assert_eq!(status(&server, "a", "?count"), 200);
    }
    let children = server.children();
    server.signal("USR1");
    assert!(eventually(|| server
        .children()
        .iter()
        .all(|child| !children.contains(child))));
    assert_eq!(status(&server, "a", "?count"), 403);
    assert_eq!(status(&server, "a", ""), 403);
    assert_eq!(status(&server, "b", ""), 200);
    use std::os::unix::fs::MetadataExt;
    let file = fs::metadata(server.root().join("data/palisade-collections")).unwrap();
    let child = fs::metadata(format!("/proc/{}", server.children()[0])).unwrap();
    assert_eq!((file.uid(), file.mode() & 0o777), (child.uid(), 0o600));
}

#[test]
fn two_httpds_on_one_server_count_one_client_together() {
    for program in programs() {
        let redis = redis_server::Server::start(program);
        let Some(one) = on_server(&redis) else { return };
        let servers = [
            one.start(),
            on_server(&redis).unwrap().mpm(Mpm::Prefork).start(),
        ];
        let tries = [0, 1, 1, 0, 0, 1, 0].map(|at: usize| status(&servers[at], "a", "?count"));
        assert_eq!(tries, [200, 200, 200, 200, 403, 403, 403]);
        assert_eq!(status(&servers[1], "b", "?count"), 200);
    }
}

/// A store in a directory, made by an httpd that is gone.
fn used_store(setup: Setup, directory: &Path) {
    let server = setup.start();
    for _ in 0..5 {
        status(&server, "culprit", "?count");
    }
    let store = FileStore::open_existing(directory).unwrap();
    assert_eq!(tries(&store, "culprit"), 5);
}

#[test]
fn a_damaged_store_is_set_aside_and_a_newer_or_foreign_one_stops_the_start() {
    let scratch = crate::scratch::Scratch::new("httpd-store");
    let directory = scratch.path().join("data");
    let store = format!("SecDataDir {}", directory.display());
    let Some(first) = setup(&store) else { return };
    used_store(first, &directory);
    let file = directory.join("palisade-collections");
    let sound = fs::read(&file).unwrap();
    let write = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = sound.clone();
        change(&mut bytes);
        fs::write(&file, bytes).unwrap();
    };

    write(&|bytes| bytes[..8192].fill(0xA5));
    let server = setup(&store).unwrap().start();
    assert_eq!(status(&server, "culprit", ""), 200, "it begins empty");
    assert_eq!(server.logged("it has been set aside as").len(), 1);
    drop(server);

    write(&|bytes| [8, 4104].into_iter().for_each(|at| bytes[at] = 9));
    let reason = setup(&store).unwrap().try_start().err().unwrap();
    assert!(
        reason.contains("it has format 9, and this version reads format 1 only"),
        "{reason}"
    );

    write(&|bytes| bytes[..16].copy_from_slice(b"SQLite format 3\0"));
    write(&|bytes| {
        bytes
            .splice(..8192, b"SQLite format 3\0".repeat(512))
            .for_each(drop)
    });
    let reason = setup(&store).unwrap().try_start().err().unwrap();
    assert!(
        reason.contains("it is an SQLite database. Move it away"),
        "{reason}"
    );

    write(&|_| {});
    let server = setup(&store).unwrap().start();
    assert_eq!(status(&server, "culprit", ""), 403);
}

/// Bytes change under a running httpd: no child dies, and nobody is refused who was not to be.
#[test]
fn changed_bytes_refuse_nobody() {
    let Some(setup) = setup("SecCollectionStore file:{ROOT}/data size=1") else {
        return;
    };
    let server = setup.start();
    let blocked: Vec<String> = (0..20).map(|number| format!("192.0.2.{number}")).collect();
    for key in &blocked {
        for _ in 0..5 {
            status(&server, key, "?count");
        }
        assert_eq!(status(&server, key, ""), 403);
    }
    let file = server.root().join("data/palisade-collections");
    let file = File::options().read(true).write(true).open(file).unwrap();
    let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
    let flips = if full() { 1000 } else { 60 };
    let mut random = Random(88_172_645_463_325_252);
    for flip in 0..flips {
        let at = random.below(length) as u64;
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        byte[0] ^= u8::try_from(1 + random.below(255)).unwrap();
        file.write_all_at(&byte, at).unwrap();
        assert_eq!(
            status(&server, &format!("198.51.100.{flip}"), ""),
            200,
            "byte {at}"
        );
        let culprit = status(&server, &blocked[flip % blocked.len()], "");
        assert!(matches!(culprit, 200 | 403), "byte {at}");
    }
    let log = server.error_log();
    assert!(!log.contains("exit signal"), "{log}");
}
