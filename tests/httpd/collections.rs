//! Persistent collections in a real httpd: what all processes count together, what outlives them, what happens when the
//! store is damaged, foreign or gone.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use palisade::collections::{FileStore, Id, Store, now};

use crate::harness::{Mpm, Server, Setup, eventually};
use crate::redis_server::{self, programs};

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

/// Requests from several connections at once; returns how many there were.
fn count(server: &Server) -> u64 {
    let full = std::env::var_os("PALISADE_FULL").is_some();
    let (clients, requests) = if full { (64, 31_250) } else { (8, 50) };
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let mut left = requests;
                while left > 0 {
                    let mut client = server.client();
                    loop {
                        client.send_request("GET", "/index.html?add", "X-Key: crowd\r\n", b"");
                        let response = client.response();
                        // httpd may close a connection that waits for its next request.
                        if response.status == 0 {
                            break;
                        }
                        assert_eq!(response.status, 200);
                        left -= 1;
                        if left == 0 || response.closes() {
                            break;
                        }
                    }
                }
            });
        }
    });
    clients * requests
}

const CROWD: &str = "StartServers 8\n<IfModule !mpm_prefork_module>\nThreadsPerChild 25\nMaxRequestWorkers 200\n\
                     MinSpareThreads 200\nMaxSpareThreads 400\n</IfModule>";

#[test]
fn all_processes_count_together() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = setup("SecDataDir {ROOT}/data") else {
            return;
        };
        let server = setup.mpm(mpm).conf(CROWD).start();
        let done = count(&server);
        let store = FileStore::open_existing(&server.root().join("data")).unwrap();
        assert_eq!(tries(&store, "crowd"), done, "{mpm:?}");
        for program in programs() {
            let redis = redis_server::Server::start(program);
            let setup = setup_on(&redis).unwrap();
            let server = setup.mpm(mpm).conf(CROWD).start();
            let done = count(&server);
            let store = redis.store(&["timeout=10000"]);
            assert_eq!(tries(&store, "crowd"), done, "{mpm:?}");
        }
    }
}

fn setup_on(redis: &redis_server::Server) -> Option<Setup> {
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
        let Some(one) = setup_on(&redis) else { return };
        let servers = [
            one.start(),
            setup_on(&redis).unwrap().mpm(Mpm::Prefork).start(),
        ];
        let tries = [0, 1, 1, 0, 0, 1, 0].map(|at: usize| status(&servers[at], "a", "?count"));
        assert_eq!(tries, [200, 200, 200, 200, 403, 403, 403]);
        assert_eq!(status(&servers[1], "b", "?count"), 200);
    }
}

/// Stopped, paused and restarted under load: nobody waits for longer than the timeout, nobody is refused for it.
#[test]
fn a_server_that_is_gone_fails_no_request() {
    for program in programs() {
        let mut redis = redis_server::Server::start(program);
        let store = format!("SecCollectionStore {} timeout=100", redis.url());
        let Some(setup) = setup(&store) else { return };
        let server = setup.start();
        let over = AtomicU64::new(0);
        let worst = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for client in 0..4 {
                let (server, over, worst) = (&server, &over, &worst);
                scope.spawn(move || {
                    while over.load(Ordering::Relaxed) == 0 {
                        let start = Instant::now();
                        assert_eq!(status(server, &format!("innocent {client}"), ""), 200);
                        let took = u64::try_from(start.elapsed().as_millis()).unwrap();
                        worst.fetch_max(took, Ordering::Relaxed);
                    }
                });
            }
            let shared = |redis: &redis_server::Server| {
                let store = redis.store(&[]);
                let before = tries(&store, "a");
                eventually(|| {
                    let _ = status(&server, "a", "?count");
                    tries(&store, "a") > before
                })
            };
            assert!(shared(&redis));
            redis.signal("STOP");
            std::thread::sleep(Duration::from_millis(1500));
            redis.signal("CONT");
            assert!(shared(&redis), "not back after a pause");
            redis.stop();
            std::thread::sleep(Duration::from_millis(500));
            redis.resume();
            assert!(shared(&redis), "not back after a restart");
            over.store(1, Ordering::Relaxed);
        });
        let worst = worst.into_inner();
        assert!(worst < 100 + 400, "a request took {worst} ms");
        server.logged("collections on redis://127.0.0.1");
        server.logged("the server answers again");
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
    let flips = if std::env::var_os("PALISADE_FULL").is_some() {
        1000
    } else {
        60
    };
    let mut random: u64 = 88_172_645_463_325_252;
    for flip in 0..flips {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let at = random % length as u64;
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        byte[0] ^= u8::try_from(random >> 32 & 0xfe).unwrap() + 1;
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
