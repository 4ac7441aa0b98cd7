//! Many clients at one counter, and children that are killed in the middle.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use palisade::collections::{FileStore, Store};

use super::{full, on_server, setup, status, tries};
use crate::at_end::AtEnd;
use crate::harness::{Mpm, Server, Setup, eventually};
use crate::random::Random;
use crate::redis_server::{self, programs};

/// Eight processes of 25 threads each, or two hundred processes.
const CROWD: &str = "StartServers 8\n<IfModule mpm_prefork_module>\nMaxRequestWorkers 200\n</IfModule>\n\
                     <IfModule !mpm_prefork_module>\nThreadsPerChild 25\nMaxRequestWorkers 200\n\
                     MinSpareThreads 200\nMaxSpareThreads 400\n</IfModule>";

const ADD: &str = "/index.html?add";

/// What clients have sent and been answered while they ran.
#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    answered: AtomicU64,
}

/// One client that lets the key `crowd` be counted until it is told that it is enough. A connection may end at any time.
fn count(server: &Server, counts: &Counts, enough: impl Fn(u64) -> bool) {
    let mut own = 0;
    while !enough(own) {
        let mut client = server.client();
        while !enough(own) {
            counts.sent.fetch_add(1, Ordering::SeqCst);
            client.send_request("HEAD", ADD, "X-Key: crowd\r\n", b"");
            let response = client.response_to("HEAD");
            if response.status == 0 {
                break;
            }
            assert_eq!(response.status, 200);
            own += 1;
            counts.answered.fetch_add(1, Ordering::SeqCst);
            if response.closes() {
                break;
            }
        }
    }
}

fn started(setup: Setup, mpm: Mpm) -> Server {
    let server = setup.mpm(mpm).conf(CROWD).start();
    assert!(eventually(|| server.children().len() >= 8), "{mpm:?}");
    server
}

/// Each of many clients counts so often; returns how often that is together.
fn crowd(server: &Server) -> Counts {
    let (clients, requests) = if full() { (200, 10_000) } else { (8, 50) };
    let counts = Counts::default();
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| count(server, &counts, |own| own >= requests));
        }
    });
    assert_eq!(
        counts.answered.load(Ordering::SeqCst),
        clients as u64 * requests
    );
    counts
}

/// Every answer was counted; and of requests without one, which httpd closes a connection on, at most each once.
fn assert_exact(counts: &Counts, stored: u64, what: &str) {
    let load = |number: &AtomicU64| number.load(Ordering::SeqCst);
    let (answered, sent) = (load(&counts.answered), load(&counts.sent));
    println!("{what}: {sent} sent, {answered} answered, {stored} counted");
    assert!(
        (answered..=sent).contains(&stored),
        "{what}: {answered} answered, {sent} sent, {stored} counted"
    );
}

#[test]
fn all_processes_count_together_in_the_file() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = setup("SecDataDir {ROOT}/data") else {
            return;
        };
        let server = started(setup, mpm);
        let counts = crowd(&server);
        let store = FileStore::open_existing(&server.root().join("data")).unwrap();
        assert_exact(&counts, tries(&store, "crowd"), &format!("{mpm:?}, file"));
    }
}

#[test]
fn all_processes_count_together_on_the_server() {
    for (program, mpm) in on_each_mpm() {
        let redis = redis_server::Server::start(program);
        let Some(setup) = on_server(&redis) else {
            return;
        };
        let server = started(setup, mpm);
        let counts = crowd(&server);
        let stored = tries(&redis.store(&["timeout=10000"]), "crowd");
        assert_exact(&counts, stored, &format!("{mpm:?}, server"));
    }
}

fn on_each_mpm() -> impl Iterator<Item = (std::path::PathBuf, Mpm)> {
    let programs = programs().into_iter();
    programs.flat_map(|program| [Mpm::Event, Mpm::Prefork].map(|mpm| (program.clone(), mpm)))
}

/// Kills children while they count. What was answered is stored; what is stored was sent; and another's counter, and whom
/// it blocks, is untouched.
fn under_fire(server: &Server, store: &dyn Store, what: &str) {
    let kills = if full() { 200 } else { 12 };
    for _ in 0..5 {
        assert!(matches!(status(server, "culprit", "?count"), 200 | 403));
    }
    let (counts, over) = (Counts::default(), AtomicBool::new(false));
    let mut random = Random(88_172_645_463_325_252);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| count(server, &counts, |_| over.load(Ordering::Relaxed)));
        }
        let _end = AtEnd(&over);
        for kill in 0..kills {
            let before = counts.answered.load(Ordering::SeqCst);
            let at_work = || counts.answered.load(Ordering::SeqCst) > before + 20;
            assert!(eventually(at_work), "{what}: nobody works, kill {kill}");
            std::thread::sleep(Duration::from_micros(random.below(3_000) as u64));
            let children = server.children();
            let child = children[random.below(children.len())].to_string();
            // It may have ended by itself meanwhile.
            let _ = Command::new("kill").args(["-KILL", &child]).output();
        }
    });
    assert_exact(
        &counts,
        tries(store, "crowd"),
        &format!("{what}, {kills} killed"),
    );
    assert_eq!(tries(store, "culprit"), 5, "{what}");
    let blocked = || status(server, "culprit", "") == 403;
    assert!(eventually(blocked), "{what}: who was blocked still is");
    assert_eq!(store.statistics(palisade::collections::now()).corrupt, 0);
}

#[test]
fn a_killed_child_loses_what_it_was_at_in_the_file() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = setup("SecDataDir {ROOT}/data") else {
            return;
        };
        let server = started(setup, mpm).may_die();
        let data = server.root().join("data");
        let store = FileStore::open_existing(&data).unwrap();
        under_fire(&server, &store, &format!("{mpm:?}, file"));
        assert!(!server.error_log().contains("was damaged"));
        assert!(FileStore::open_existing(&data).is_ok());
    }
}

#[test]
fn a_killed_child_loses_what_it_was_at_on_the_server() {
    for (program, mpm) in on_each_mpm() {
        let redis = redis_server::Server::start(program);
        let Some(setup) = on_server(&redis) else {
            return;
        };
        let server = started(setup, mpm).may_die();
        let store = redis.store(&["timeout=10000"]);
        under_fire(&server, &store, &format!("{mpm:?}, server"));
    }
}
