//! A Redis server that is stopped, paused and restarted under load.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{setup, status, tries};
use crate::at_end::AtEnd;
use crate::harness::{Mpm, Server, eventually};
use crate::redis_server::{self, programs};

/// Long, so that whoever waited for it is not taken for one who waited for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(1);

const CLIENTS: usize = 4;

/// A number of the status page.
fn number(server: &Server, name: &str) -> f64 {
    let text = server.get("/status?auto").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line
        .and_then(|line| line.strip_prefix(": "))
        .map(str::parse);
    value
        .unwrap_or_else(|| panic!("{name} in\n{text}"))
        .unwrap()
}

/// Clients that nothing is to happen to, until told; how long each request took that took longest.
fn innocents(server: &Server, over: &AtomicBool, slow: &Mutex<Vec<Duration>>) {
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    assert_eq!(status(server, &format!("innocent {client}"), ""), 200);
                    let took = start.elapsed();
                    if took > TIMEOUT * 8 / 10 {
                        slow.lock().unwrap().push(took);
                    }
                }
            });
        }
    });
}

fn outage(mpm: Mpm, fallback: &str, redis: &mut redis_server::Server) {
    let store = format!(
        "SecDataDir {{ROOT}}/data\nSecCollectionStore {} timeout={} fallback={fallback}\n\
         <Location /status>\nSetHandler palisade-status\n</Location>",
        redis.url(),
        TIMEOUT.as_millis()
    );
    let Some(setup) = setup(&store) else { return };
    // More processes than requests at a time: nobody waits in the queue behind who waits for the server.
    let processes = match mpm {
        Mpm::Prefork => "StartServers 12\nMinSpareServers 12\nMaxSpareServers 24",
        _ => "",
    };
    let server = setup.mpm(mpm).conf(processes).start();
    let begun = Instant::now();
    let (over, slow) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let shared = |redis: &redis_server::Server, key: &str| {
        let store = redis.store(&[]);
        let before = tries(&store, key);
        eventually(|| {
            let _ = status(&server, key, "?count");
            tries(&store, key) > before
        })
    };
    let up = || number(&server, "PalisadeCollectionStoreUp") == 1.0;
    // Whom this machine blocks by itself, while the server is gone.
    let alone = |key: &str| {
        let answers = [(); 40].map(|()| status(&server, key, "?count"));
        match fallback {
            "local" => assert_eq!(answers[30..], [403; 10], "{mpm:?}"),
            _ => assert_eq!(answers, [200; 40], "{mpm:?}"),
        }
        assert!(number(&server, "PalisadeCollectionFailures server") > 0.0);
        assert!(!up());
    };
    std::thread::scope(|scope| {
        scope.spawn(|| innocents(&server, &over, &slow));
        let _end = AtEnd(&over);
        assert!(shared(redis, "a"));
        assert!(eventually(up));
        redis.signal("STOP");
        alone("b");
        redis.signal("CONT");
        assert!(shared(redis, "a"), "not back after a pause");
        redis.stop();
        alone("c");
        redis.resume();
        assert!(shared(redis, "a"), "not back after a restart");
        assert!(eventually(up));
    });
    // Who was at a question when the server was paused waited, together with whoever was at one in the same process; then
    // nobody of that process did.
    let slow = slow.into_inner().unwrap();
    println!("{mpm:?}, {fallback}: {slow:?}");
    let most = CLIENTS * server.children().len();
    assert!(slow.len() <= most, "{mpm:?}: {slow:?}");
    let longest = slow.iter().max().copied().unwrap_or_default();
    assert!(
        longest < TIMEOUT + Duration::from_millis(700),
        "{mpm:?}: {longest:?}"
    );
    // Told once a minute, however many processes there are, and however often it happens.
    let most = 1 + usize::try_from(begun.elapsed().as_secs() / 60).unwrap();
    let times = |text: &str| server.error_log().matches(text).count();
    server.logged("the server answers again");
    assert!(times("the server answers again") <= most, "{mpm:?}");
    assert!(times("times since this was last said") <= most, "{mpm:?}");
}

fn outages(mpm: Mpm) {
    for program in programs() {
        for fallback in ["local", "skip"] {
            let mut redis = redis_server::Server::start(program.clone());
            outage(mpm, fallback, &mut redis);
        }
    }
}

#[test]
fn a_server_that_is_gone_fails_no_request() {
    outages(Mpm::Event);
}

#[test]
fn a_server_that_is_gone_fails_no_request_of_prefork() {
    outages(Mpm::Prefork);
}
