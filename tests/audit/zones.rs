//! The server's own time zone, with and without a database of zones.

use std::path::Path;
use std::process::{Command, Stdio};

use palisade::audit::*;

use crate::fixture::{self, Scratch};

/// Not a test but the process of the test below: the zone is read once in a process.
#[test]
#[ignore = "runs as a part of other tests"]
fn zone_process() {
    let Ok(path) = std::env::var("PALISADE_TEST_ZONE_LOG") else {
        return;
    };
    let log = AuditLog::open(Path::new(&path), 0o640).unwrap();
    let mut record = fixture::bare();
    record.zone = Zone::local();
    log.write(&record, &Parts::default(), Format::Native)
        .unwrap();
}

fn time_in(zone: &str) -> String {
    let scratch = Scratch::new("zone");
    let path = scratch.0.join("audit.log");
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "zones::zone_process", "--ignored"])
        .env("TZ", zone)
        .env("PALISADE_TEST_ZONE_LOG", &path)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let log = std::fs::File::open(&path).unwrap();
    let entry = Reader::new(std::io::BufReader::new(log))
        .next()
        .unwrap()
        .unwrap();
    entry.heading().unwrap().time
}

#[test]
fn zones_by_rule_need_no_database() {
    assert_eq!(time_in("XST3:30"), "22/Nov/2026:08:08:00.123456 -0330");
    assert_eq!(
        time_in("CET-1CEST,M3.5.0,M10.5.0/3"),
        "22/Nov/2026:12:38:00.123456 +0100"
    );
}

#[test]
fn an_unknown_zone_is_utc() {
    for zone in ["Nowhere/Land", ":/nonexistent/zone", "UTC"] {
        assert_eq!(time_in(zone), "22/Nov/2026:11:38:00.123456 +0000", "{zone}");
    }
}

#[test]
fn zones_by_name() {
    if !Path::new("/usr/share/zoneinfo/America/New_York").exists() {
        eprintln!("SKIPPED: no time zone database on this machine");
        return;
    }
    assert_eq!(
        time_in("America/New_York"),
        "22/Nov/2026:06:38:00.123456 -0500"
    );
    assert_eq!(time_in("Asia/Kolkata"), "22/Nov/2026:17:08:00.123456 +0530");
}
