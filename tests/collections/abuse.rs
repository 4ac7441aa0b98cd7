//! Stores that are flooded, damaged, replaced, stopped.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use palisade::collections::{FileStore, Id, Live, Store, Unusable};

use super::at_end::AtEnd;
use super::crowd::full;
use super::random::Random;
use super::scratch::Scratch;
use super::server::{Server, programs};
use super::suite::id;

const NOW: i64 = 1_700_000_000;

fn count(store: &dyn Store, id: Id, now: i64) {
    let mut live = Live::open(store, id, 3600, now);
    live.add(b"hits", 1);
    store.update(&live.change(now).into_iter().collect::<Vec<_>>(), now);
}

fn open(scratch: &Scratch) -> FileStore {
    FileStore::open(scratch.path(), 1 << 18).unwrap()
}

#[test]
fn a_flood_of_keys_neither_grows_the_file_nor_slows_it_down() {
    let (keys, bytes) = if full() {
        (1_000_000, 64 << 20)
    } else {
        (60_000, 4 << 20)
    };
    let scratch = Scratch::new("flood");
    let store = FileStore::open(scratch.path(), bytes).unwrap();
    let size = fs::metadata(scratch.store()).unwrap().len();
    assert_eq!(size, bytes);
    let mut random = Random(88_172_645_463_325_252);
    let mut times = Vec::new();
    for batch in 0..20 {
        let start = Instant::now();
        for _ in 0..keys / 20 {
            let key = format!("{:x}", random.below(usize::MAX));
            count(&store, id(&key), NOW + batch);
        }
        times.push(start.elapsed());
    }
    let metadata = fs::metadata(scratch.store()).unwrap();
    assert_eq!(metadata.len(), size);
    assert!(
        metadata.blocks() * 512 <= size + 4096,
        "{}",
        metadata.blocks()
    );
    let statistics = store.statistics(NOW + 20);
    assert!(statistics.bytes <= statistics.capacity);
    assert!(statistics.evicted > 0, "or this was no flood");
    assert_eq!(statistics.entries + statistics.evicted, keys as u64);
    assert_eq!((statistics.corrupt, statistics.failures), (0, 0));
    // Flat: the second half as fast as the first, within what else the machine does.
    let (first, second) = times.split_at(10);
    let (first, second) = (first.iter().min().unwrap(), second.iter().min().unwrap());
    println!("{keys} keys: {statistics:?}, fastest batches {first:?} and {second:?}");
    assert!(*second < *first * 4, "{times:?}");
}

/// One byte changed, a thousand times over: every record is what was stored, or none.
#[test]
fn a_changed_byte_costs_records_and_never_makes_others() {
    let scratch = Scratch::new("bytes");
    let store = open(&scratch);
    let keys: Vec<Id> = (0..400)
        .map(|number| id(&format!("192.0.2.{number}")))
        .collect();
    for key in &keys {
        count(&store, key.clone(), NOW);
        let mut live = Live::open(&store, key.clone(), 3600, NOW);
        live.set(b"mark", key.key.clone());
        live.expire(b"mark", NOW + 600);
        store.update(&[live.change(NOW).unwrap()], NOW);
    }
    let expected: Vec<_> = keys.iter().map(|key| store.load(key, NOW)).collect();
    assert!(expected.iter().all(Option::is_some));
    drop(store);
    let whole = fs::read(scratch.store()).unwrap();
    let mut random = Random(2_463_534_242);
    let mut lost = 0;
    for trial in 0..1000 {
        let (at, flip) = (random.below(whole.len()), 1 + random.below(255));
        let byte = whole[at] ^ u8::try_from(flip).unwrap();
        let running = open(&scratch);
        let file = File::options().write(true).open(scratch.store()).unwrap();
        file.write_all_at(&[byte], at as u64).unwrap();
        // A process that has the file open, and one that opens it now.
        let stores = [running, open(&scratch)];
        for store in &stores {
            for (key, expected) in keys.iter().zip(&expected) {
                let found = store.load(key, NOW);
                assert!(
                    found.is_none() || found == *expected,
                    "trial {trial}, byte {at}"
                );
                lost += usize::from(found.is_none());
            }
            assert_eq!(
                store.load(&id("198.51.100.1"), NOW),
                None,
                "nobody else is known"
            );
        }
        // It goes on: what was lost begins anew.
        count(&stores[0], keys[trial % keys.len()].clone(), NOW);
        assert!(stores[1].load(&keys[trial % keys.len()], NOW).is_some());
        assert_eq!(stores[0].statistics(NOW).failures, 0);
        drop(stores);
        fs::write(scratch.store(), &whole).unwrap();
    }
    assert!(lost > 0, "or nothing was damaged");
}

#[test]
fn a_file_cut_short_at_any_length_is_no_harm() {
    let scratch = Scratch::new("short");
    for length in [0, 1, 43, 44, 4096, 4140, 8192, 8200, 100_000] {
        let running = open(&scratch);
        count(&running, id("a"), NOW);
        let file = File::options().write(true).open(scratch.store()).unwrap();
        file.set_len(length).unwrap();
        let _ = running.load(&id("a"), NOW);
        count(&running, id("a"), NOW);
        assert!(
            running.load(&id("a"), NOW).is_some(),
            "{length}: still open"
        );
        let opened = open(&scratch);
        count(&opened, id("b"), NOW);
        assert!(
            opened.load(&id("b"), NOW).is_some(),
            "{length}: opened again"
        );
    }
}

#[test]
fn a_damaged_file_is_set_aside_and_what_is_not_ours_is_left_alone() {
    let scratch = Scratch::new("aside");
    let ready = || FileStore::prepare(scratch.path(), 1 << 18, None);
    let aside = scratch.path().join("palisade-collections.damaged");
    let mut random = Random(99);
    let noise: Vec<u8> = (0..9000)
        .map(|_| u8::try_from(random.below(256)).unwrap())
        .collect();
    ready().unwrap();
    let store = fs::read(scratch.store()).unwrap();
    let both_copies_damaged = |at: usize| {
        let mut bytes = store.clone();
        bytes[at] ^= 1;
        bytes[4096 + at] ^= 1;
        bytes
    };
    for damaged in [
        Vec::new(),
        vec![0; 9000],
        noise,
        both_copies_damaged(0),
        both_copies_damaged(20),
        both_copies_damaged(43),
        store[..20].to_vec(),
    ] {
        fs::write(scratch.store(), &damaged).unwrap();
        ready().unwrap();
        assert_eq!(fs::read(&aside).unwrap(), damaged);
        count(&open(&scratch), id("a"), NOW);
        assert!(open(&scratch).load(&id("a"), NOW).is_some());
    }
    // One damaged copy is mended.
    for at in [8, 20, 4096 + 8, 4096 + 43] {
        let mut bytes = store.clone();
        bytes[at] ^= 0x55;
        fs::write(scratch.store(), &bytes).unwrap();
        ready().unwrap();
        assert_eq!(fs::read(scratch.store()).unwrap(), store);
    }
    let mut newer = store.clone();
    for at in [8, 4096 + 8] {
        newer[at] = 2;
    }
    let mut lmdb = vec![0; 16];
    lmdb.extend_from_slice(&[0xde, 0xc0, 0xef, 0xbe, 1, 0, 0, 0]);
    for (foreign, why) in [
        (newer, "format 2"),
        (
            b"SQLite format 3\0............".to_vec(),
            "an SQLite database",
        ),
        (lmdb, "an LMDB environment"),
        (b"dear diary,\n".to_vec(), "a text"),
    ] {
        fs::write(scratch.store(), &foreign).unwrap();
        match ready() {
            Err(Unusable::NotOurs(sentence)) => assert!(sentence.contains(why), "{sentence}"),
            other => panic!("{why}: {other:?}"),
        }
        assert_eq!(fs::read(scratch.store()).unwrap(), foreign, "left alone");
    }
}

#[test]
fn files_of_strangers_are_not_used() {
    let scratch = Scratch::new("strangers");
    let target = scratch.path().join("target");
    fs::write(&target, "precious").unwrap();
    std::os::unix::fs::symlink(&target, scratch.store()).unwrap();
    assert!(FileStore::open(scratch.path(), 1 << 18).is_err(), "a link");
    fs::remove_file(scratch.store()).unwrap();
    drop(open(&scratch));
    assert_eq!(fs::metadata(scratch.store()).unwrap().mode() & 0o777, 0o600);
    fs::hard_link(scratch.store(), scratch.path().join("other")).unwrap();
    assert!(
        FileStore::open(scratch.path(), 1 << 18).is_err(),
        "a second name"
    );
    fs::remove_file(scratch.path().join("other")).unwrap();
    fs::set_permissions(scratch.store(), fs::Permissions::from_mode(0o666)).unwrap();
    assert!(
        FileStore::open(scratch.path(), 1 << 18).is_err(),
        "open to all"
    );
    assert_eq!(fs::read(&target).unwrap(), b"precious");
}

#[test]
fn records_move_to_a_file_of_another_size_and_processes_follow() {
    let scratch = Scratch::new("resize");
    let running = open(&scratch);
    for number in 0..50 {
        count(
            &running,
            id(&number.to_string()),
            palisade::collections::now(),
        );
    }
    let now = palisade::collections::now() + 5;
    FileStore::prepare(scratch.path(), 1 << 20, None).unwrap();
    assert_eq!(fs::metadata(scratch.store()).unwrap().len(), 1 << 20);
    assert_eq!(running.statistics(now).entries, 50);
    assert_eq!(running.statistics(now).capacity, 1 << 20, "it has noticed");
    let left = fs::read_dir(scratch.path()).unwrap().count();
    assert_eq!(left, 1, "no drafts are left behind");
}

#[test]
fn a_process_that_was_stopped_with_the_lock_costs_one_wait_a_second() {
    let scratch = Scratch::new("lock");
    let store = open(&scratch);
    let holder = File::open(scratch.store()).unwrap();
    holder.lock().unwrap();
    let start = Instant::now();
    count(&store, id("a"), NOW);
    let waited = start.elapsed();
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    let start = Instant::now();
    count(&store, id("a"), NOW);
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "not again at once"
    );
    assert_eq!(store.statistics(NOW).failures, 2);
    holder.unlock().unwrap();
    while store.load(&id("a"), NOW).is_none() {
        count(&store, id("a"), NOW);
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it does not go on"
        );
    }
}

/// Stopped, paused, restarted: no operation waits longer than the timeout, and the store is back by itself.
#[test]
fn a_server_that_is_gone_delays_nobody_for_long() {
    // Long, so that whoever waited for it is not taken for one who waited for a busy machine.
    const TIMEOUT: Duration = Duration::from_secs(1);
    const THREADS: u64 = 4;
    const PAUSES: u32 = 2;
    const SECONDS: u32 = 3;
    for program in programs() {
        let mut server = Server::start(program);
        let store = server.store(&["timeout=1000"]);
        let (over, slow, worst) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let start = Instant::now();
                        count(&store, id("a"), palisade::collections::now());
                        let took = start.elapsed();
                        slow.fetch_add(u64::from(took > TIMEOUT * 8 / 10), Ordering::Relaxed);
                        let took = u64::try_from(took.as_millis()).unwrap();
                        worst.fetch_max(took, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(1));
                    }
                });
            }
            let _end = AtEnd(&over);
            let answers = || store.visit(0, &mut |_, _| {}).is_ok();
            let back = |what: &str| {
                let start = Instant::now();
                while !answers() {
                    assert!(
                        start.elapsed() < Duration::from_secs(20),
                        "{what}: not back"
                    );
                    std::thread::sleep(Duration::from_millis(10));
                }
            };
            for _ in 0..PAUSES {
                server.signal("STOP");
                std::thread::sleep(TIMEOUT * SECONDS + TIMEOUT / 2);
                assert!(!answers());
                server.signal("CONT");
                back("paused");
                server.stop();
                std::thread::sleep(Duration::from_millis(300));
                assert!(!answers());
                server.resume();
                back("restarted");
            }
        });
        let (slow, worst) = (slow.into_inner(), worst.into_inner());
        println!("{slow} slow operations, the slowest took {worst} ms");
        // Each thread was at one question, at most, when the server was paused; then one of them asks again, once a second.
        // If all did, it would be one more for each of them.
        let most = u64::from(PAUSES) * (THREADS + u64::from(SECONDS));
        assert!(slow <= most, "{slow} slow operations");
        assert!(worst < 1000 + 700, "{worst} ms");
        assert!(store.statistics(0).failures > 0);
    }
}
