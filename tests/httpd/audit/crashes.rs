//! Children that are killed at any moment: whoever got a refusal is in the log, and no other record is hurt.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use regex::Regex;

use super::{setup, state};
use crate::harness::{Client, Mpm, Server, eventually, signal};

const KILLS: u32 = 200;
const CLIENTS: u32 = 6;

/// Enough processes that some are left while httpd, once a second, replaces those that were killed.
const MANY_PROCESSES: &str = "StartServers 24\nServerLimit 64\n<IfModule !mpm_prefork_module>\nThreadsPerChild 2\n\
MaxRequestWorkers 128\nMinSpareThreads 32\nMaxSpareThreads 128\n</IfModule>\n<IfModule mpm_prefork_module>\n\
MaxRequestWorkers 64\nMinSpareServers 20\nMaxSpareServers 64\n</IfModule>";

/// The numbers of the requests that were answered 403.
fn kill_children_under_load(server: &Server) -> BTreeSet<String> {
    let (done, count) = (AtomicBool::new(false), AtomicU32::new(0));
    let refused = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (done, count, refused, port) = (&done, &count, &refused, server.port());
            scope.spawn(move || {
                for number in 0.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    let id = format!("{client}x{number}y");
                    // Of many sizes, so that many a record takes more than one page.
                    let body = format!("a=evilmarker&filler={}", "f".repeat(number * 977 % 60_000));
                    let mut connection = Client::connect(port);
                    let headers =
                        "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n";
                    connection.send_request(
                        "POST",
                        &format!("/index.html?n={id}"),
                        headers,
                        body.as_bytes(),
                    );
                    // A killed child answers nothing, or half.
                    if connection.rest().starts_with(b"HTTP/1.1 403 ") {
                        refused.lock().unwrap().insert(id);
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for number in 0..KILLS {
            let before = count.load(Ordering::Relaxed);
            assert!(
                eventually(|| count.load(Ordering::Relaxed) > before + 2),
                "kill {number}"
            );
            // Those that are dead already and not yet buried do not count.
            let alive = |child: &u32| state(*child).is_some_and(|state| state != 'Z');
            let mut children = Vec::new();
            assert!(eventually(|| {
                children = server.children().into_iter().filter(alive).collect();
                !children.is_empty()
            }));
            let child = children[jumping(number) as usize % children.len()];
            signal(child, "KILL");
            assert!(eventually(|| !alive(&child)), "kill {number}");
        }
        done.store(true, Ordering::Relaxed);
    });
    refused.into_inner().unwrap()
}

/// A number that jumps about.
fn jumping(number: u32) -> u32 {
    number.wrapping_mul(2_654_435_761) >> 7
}

#[test]
fn killed_two_hundred_times() {
    let begin = Regex::new(r"--([0-9a-f]{8})-A--\n").unwrap();
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = setup("SecAuditLog audit.log") else {
            return;
        };
        let server = setup.mpm(mpm).conf(MANY_PROCESSES).start().may_die();
        let refused = kill_children_under_load(&server);
        assert!(refused.len() > KILLS as usize);
        let log = fs::read_to_string(server.root().join("audit.log")).expect("UTF-8, all of it");

        // A record that begins, begins a line: nobody writes on where somebody was killed.
        let mut torn = 0;
        let mut whole = BTreeSet::new();
        let begins: Vec<_> = begin.captures_iter(&log).collect();
        for (at, found) in begins.iter().enumerate() {
            let start = found.get(0).unwrap().start();
            assert!(
                start == 0 || log[..start].ends_with('\n'),
                "a record in the middle of a line"
            );
            let end = begins
                .get(at + 1)
                .map_or(log.len(), |next| next.get(0).unwrap().start());
            let record = &log[start..end];
            match record.contains(&format!("\n--{}-Z--\n", &found[1])) {
                true => {
                    let (_, id) = record.split_once("?n=").expect("its number");
                    whole.insert(id.split(' ').next().unwrap().to_owned());
                }
                false => torn += 1,
            }
        }
        assert!(torn <= KILLS, "{torn} torn records by {KILLS} deaths");
        let missing: Vec<_> = refused.difference(&whole).collect();
        assert!(
            missing.is_empty(),
            "{mpm:?}: refused, and not in the log: {missing:?}"
        );
        eprintln!(
            "{mpm:?}: {} refused, {} whole records, {torn} torn",
            refused.len(),
            whole.len()
        );
    }
}
