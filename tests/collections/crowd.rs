//! Many processes with many threads at one record, and processes that are killed in the middle.
//!
//! The processes are this test program again, told by its environment what to do. `PALISADE_FULL=1` runs everything at the
//! size that is promised; without it the same is done in small.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use palisade::collections::{Collections, FileStore, Live, Place, Store, now};

use super::scratch::Scratch;
use super::server::{Server, programs};
use super::suite::id;

/// `SecCollectionStore`'s argument; what it does to be told is in the other two.
const STORE: &str = "PALISADE_TEST_STORE";
const THREADS: &str = "PALISADE_TEST_THREADS";
const INCREMENTS: &str = "PALISADE_TEST_INCREMENTS";

pub fn full() -> bool {
    std::env::var_os("PALISADE_FULL").is_some()
}

fn increment(store: &dyn Store, key: &str) {
    let now = now();
    let mut live = Live::open(store, id(key), 86_400, now);
    live.add(b"hits", 1);
    store.update(&live.change(now).into_iter().collect::<Vec<_>>(), now);
}

fn hits(store: &dyn Store, key: &str) -> u64 {
    let record = store.load(&id(key), now());
    let hits = record.and_then(|record| {
        let text = String::from_utf8(record.get(b"hits")?.to_vec()).unwrap();
        Some(text.parse().unwrap())
    });
    hits.unwrap_or(0)
}

/// Not a test: what the other processes run. A byte is written for each increment that is done.
#[test]
#[ignore = "run by the tests of this file, in processes of their own"]
fn worker() {
    let number = |name: &str| std::env::var(name).unwrap().parse::<usize>().unwrap();
    let (threads, increments) = (number(THREADS), number(INCREMENTS));
    let collections = Collections::default();
    let options = ["timeout=10000".to_owned()];
    let place = std::env::var(STORE).unwrap();
    let options = if place.starts_with("file:") {
        &[]
    } else {
        &options[..]
    };
    collections.set_place(Place::parse(&place, options).unwrap());
    let store = collections.store();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..increments {
                    increment(store, "crowd");
                    let _ = std::io::stderr().write_all(b"+");
                }
            });
        }
    });
    assert_eq!(
        store.statistics(now()).failures,
        0,
        "nothing was lost in silence"
    );
}

fn spawn(place: &str, threads: usize, increments: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "crowd::worker",
            "--exact",
            "--ignored",
            "--nocapture",
            "--quiet",
        ])
        .env(STORE, place)
        .env(THREADS, threads.to_string())
        .env(INCREMENTS, increments.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets processes count, and returns when all have ended well.
fn count_in_processes(place: &str) -> u64 {
    let (processes, threads, increments) = if full() { (8, 25, 10_000) } else { (4, 5, 200) };
    let children: Vec<Child> = (0..processes)
        .map(|_| spawn(place, threads, increments))
        .collect();
    let ends: Vec<_> = children
        .into_iter()
        .map(|child| std::thread::spawn(move || child.wait_with_output().unwrap()))
        .collect();
    for end in ends {
        let output = end.join().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}", told.trim_start_matches('+'));
    }
    (processes * threads * increments) as u64
}

#[test]
fn counts_are_exact_in_the_file() {
    let scratch = Scratch::new("crowd");
    let done = count_in_processes(&format!("file:{}", scratch.path().display()));
    let store = FileStore::open_existing(scratch.path()).unwrap();
    assert_eq!(hits(&store, "crowd"), done);
}

#[test]
fn counts_are_exact_on_the_server() {
    for program in programs() {
        let server = Server::start(program);
        let done = count_in_processes(&server.url());
        assert_eq!(hits(&server.store(&["timeout=10000"]), "crowd"), done);
    }
}

/// Kills a process that counts with threads, again and again, while this one counts, too.
fn count_under_fire(place: &str, store: &dyn Store) {
    const COUNTERS: u64 = 4;
    let kills = if full() { 200 } else { 20 };
    let (mut acknowledged, mut own) = (0, 0);
    for kill in 0..kills {
        let mut child = spawn(place, COUNTERS as usize, 1_000_000);
        let mut told = child.stderr.take().unwrap();
        let mut bytes = [0; 4096];
        // It is at work once it has told of something.
        let first = told.read(&mut bytes).unwrap();
        assert!(first > 0 && bytes[..first].iter().all(|&byte| byte == b'+'));
        acknowledged += first as u64;
        for _ in 0..10 {
            increment(store, "own");
            own += 1;
        }
        std::thread::sleep(Duration::from_micros(kill * 37 % 5_000));
        child.kill().unwrap();
        let mut rest = Vec::new();
        told.read_to_end(&mut rest).unwrap();
        acknowledged += rest.iter().filter(|&&byte| byte == b'+').count() as u64;
        child.wait().unwrap();
        // What was told is stored. More can only be what each thread was at.
        let stored = hits(store, "crowd");
        let most = acknowledged + (kill + 1) * COUNTERS;
        assert!(
            (acknowledged..=most).contains(&stored),
            "{stored} stored, {acknowledged} told, kill {kill}"
        );
    }
    assert_eq!(hits(store, "own"), own, "another's update was lost");
    assert_eq!(store.statistics(now()).failures, 0);
}

#[test]
fn a_killed_process_loses_what_it_was_at_in_the_file() {
    let scratch = Scratch::new("fire");
    let store = FileStore::open(scratch.path(), 1 << 20).unwrap();
    count_under_fire(&format!("file:{}", scratch.path().display()), &store);
}

#[test]
fn a_killed_process_loses_what_it_was_at_on_the_server() {
    for program in programs() {
        let server = Server::start(program);
        count_under_fire(&server.url(), &server.store(&["timeout=10000"]));
    }
}
