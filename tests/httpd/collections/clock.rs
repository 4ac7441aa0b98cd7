//! A server whose clock is moved by a day, forwards and back, while it runs.

use std::fs;
use std::path::PathBuf;

use super::{on_server, setup, status};
use crate::harness::{Server, Setup, missing};
use crate::redis_server::{self, programs};

/// libfaketime, which answers for the system when a process asks for the time.
fn faketime() -> Option<PathBuf> {
    let architecture = std::env::consts::ARCH;
    let usual = [
        format!("/usr/lib/{architecture}-linux-gnu/faketime/libfaketimeMT.so.1"),
        "/usr/lib64/faketime/libfaketimeMT.so.1".to_owned(),
        "/usr/lib/faketime/libfaketimeMT.so.1".to_owned(),
    ];
    let found = usual
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file());
    if found.is_none() {
        missing("libfaketime (scripts/deps.sh test)");
    }
    found
}

/// An httpd whose clock is ours to move.
struct Moved {
    server: Server,
    offset: PathBuf,
}

impl Moved {
    fn start(setup: Setup) -> Option<Moved> {
        let library = faketime()?;
        let offset = setup.root().join("offset");
        fs::write(&offset, "+0").unwrap();
        let server = setup
            .conf("SecCollectionTimeout 600")
            .under(&[
                "env",
                &format!("LD_PRELOAD={}", library.display()),
                "FAKETIME_TIMESTAMP_FILE={ROOT}/offset",
                "FAKETIME_NO_CACHE=1",
                "FAKETIME_DONT_FAKE_MONOTONIC=1",
                "DONT_FAKE_MONOTONIC=1",
            ])
            .start();
        Some(Moved { server, offset })
    }

    /// Moves its clock to so many seconds from now, and sees it move.
    fn to(&self, seconds: i64) {
        // In one step: a process may look at any time.
        let draft = self.offset.with_extension("new");
        fs::write(&draft, format!("{seconds:+}")).unwrap();
        fs::rename(&draft, &self.offset).unwrap();
        let date = self
            .server
            .get("/index.html")
            .header("Date")
            .map(seconds_of);
        let expected = palisade::collections::now() + seconds;
        let off = (date.expect("a date") - expected).abs();
        assert!(off < 30, "its clock is {off} s from where it should be");
    }

    fn status(&self, key: &str, query: &str) -> u16 {
        status(&self.server, key, query)
    }

    fn blocks(&self, key: &str) {
        let tries = [(); 5].map(|()| self.status(key, "?count"));
        assert_eq!(tries, [200, 200, 200, 200, 403], "{key}");
        assert_eq!(self.status(key, ""), 403, "{key}");
    }

    fn admits(&self, key: &str) {
        assert_eq!(self.status(key, ""), 200, "{key}");
    }
}

/// An HTTP date in seconds since 1970.
fn seconds_of(date: &str) -> i64 {
    let date = jiff::fmt::rfc2822::parse(date).expect("a date as HTTP has them");
    date.timestamp().as_second()
}

fn moved_by_a_day(setup: Setup) {
    const DAY: i64 = 86_400;
    let Some(clock) = Moved::start(setup) else {
        return;
    };
    clock.blocks("today");
    for _ in 0..2 {
        assert_eq!(clock.status("innocent", "?count"), 200);
    }

    clock.to(DAY);
    clock.admits("today");
    clock.admits("innocent");
    clock.blocks("tomorrow");

    clock.to(0);
    clock.admits("tomorrow");
    clock.admits("innocent");
    clock.blocks("tomorrow");
    clock.to(700);
    clock.admits("tomorrow");

    clock.to(-DAY);
    for key in ["today", "tomorrow", "innocent"] {
        clock.admits(key);
    }
    clock.blocks("yesterday");
    clock.to(700 - DAY);
    clock.admits("yesterday");
    clock.blocks("yesterday");
    clock.to(0);
    for key in ["yesterday", "innocent"] {
        clock.admits(key);
    }
    clock.blocks("yesterday");
    // Whom it blocked at this very time it blocks again, for the rest of the time.
    clock.to(700);
    for key in ["today", "yesterday", "tomorrow", "innocent"] {
        clock.admits(key);
    }
}

#[test]
fn a_clock_moved_by_a_day_blocks_nobody_for_ever_in_the_file() {
    let Some(setup) = setup("SecDataDir {ROOT}/data") else {
        return;
    };
    moved_by_a_day(setup);
}

#[test]
fn a_clock_moved_by_a_day_blocks_nobody_for_ever_on_the_server() {
    for program in programs() {
        let redis = redis_server::Server::start(program);
        let Some(setup) = on_server(&redis) else {
            return;
        };
        moved_by_a_day(setup);
    }
}
