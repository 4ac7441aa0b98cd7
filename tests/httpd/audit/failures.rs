//! Logs that cannot be written: requests are served as decided, losses counted to the last one, and it mends itself.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{files, losses_told, losses_told_by_the_end, open_directory, setup, state};
use crate::harness::{Client, Mpm, Server, eventually, missing, signal};

/// Runs clients beside something else, and answers how many requests they sent. Each has a number of its own in its target and
/// must get the answer it deserves.
fn under_load(server: &Server, meanwhile: impl FnOnce()) -> u32 {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let (done, port) = (&done, server.port());
                scope.spawn(move || {
                    let mut sent = 0;
                    while !done.load(Ordering::Relaxed) || sent < 10 {
                        let mut connection = Client::connect(port);
                        let evil = sent % 2 == 1;
                        let mark = if evil { "evilmarker" } else { "good" };
                        let target = format!("/index.html?n={client}x{sent}y&a={mark}");
                        connection.send_request("GET", &target, "Connection: close\r\n", b"");
                        let status = connection.response().status;
                        assert_eq!(status, if evil { 403 } else { 200 }, "{target}");
                        sent += 1;
                    }
                    sent
                })
            })
            .collect();
        meanwhile();
        done.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum()
    })
}

/// The numbers of the requests that JSON logs have, each line whole.
fn logged(text: &str) -> Vec<String> {
    let records = text.lines().map(|line| {
        let record: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let line = record["request"]["request_line"]
            .as_str()
            .unwrap()
            .to_owned();
        let (_, number) = line.split_once("?n=").unwrap();
        number.split('y').next().unwrap().to_owned()
    });
    records.collect()
}

#[test]
fn a_full_device_is_counted_to_the_last_record() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = setup("SecAuditLog /dev/full") else {
            return;
        };
        let server = setup.mpm(mpm).start();
        let sent = under_load(&server, || ());
        let told = losses_told(&server.error_log());
        assert!(
            server
                .error_log()
                .matches("ModSecurity: Audit log: ")
                .count()
                <= 1,
            "at a bounded rate"
        );
        assert!(told >= 1, "at once");
        let log = server.stop_idle();
        assert_eq!(losses_told(&log), u64::from(sent), "{mpm:?}");
        assert!(log.contains("/dev/full: No space left on device"), "{log}");
    }
}

#[test]
fn closed_means_no_answer_without_a_record() {
    let Some(setup) = setup("SecAuditLog /dev/full\nSecAuditLogFailure closed") else {
        return;
    };
    let server = setup
        .conf("<Location /detect>\nSecRuleEngine DetectionOnly\n</Location>")
        .conf("<Location /open>\nSecAuditLogFailure open\n</Location>")
        .conf("<Location /quiet>\nSecAuditEngine RelevantOnly\n</Location>")
        .conf("<Location /held>\nSecResponseBodyAccess On\n</Location>")
        .file("detect/index.html", "fine")
        .file("open/index.html", "fine")
        .file("quiet/index.html", "fine")
        .file("held/index.html", "a secret page")
        .start();
    let answers = [
        ("/index.html", 503),
        ("/held/index.html", 503),
        ("/nothing-here", 503),
        ("/index.html?a=evilmarker", 403),
        ("/detect/index.html", 200),
        ("/open/index.html", 200),
        ("/quiet/index.html", 200),
    ];
    for (target, status) in answers {
        let response = server.get(target);
        assert_eq!(response.status, status, "{target}");
        assert!(status == 200 || !response.text().contains("secret page"));
    }
    assert_eq!(
        losses_told_by_the_end(server),
        6,
        "all but the one that is not relevant"
    );
}

#[test]
fn closed_changes_nothing_while_records_can_be_written() {
    let Some(setup) = setup("SecAuditLog audit.log\nSecAuditLogFailure closed") else {
        return;
    };
    let server = setup.start();
    let sent = under_load(&server, || ());
    let records = server.audit_records(sent as usize);
    assert!(
        records
            .iter()
            .all(|record| record.contains("-F--\nHTTP/1.1 ")),
        "with the response's headers"
    );
}

#[test]
fn a_small_disk_fills_and_is_emptied() {
    let Some(setup) = setup("SecAuditLog small/audit.log\nSecAuditLogFormat JSON") else {
        return;
    };
    let small = open_directory(&setup, "small");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m,mode=777", "palisade-test"])
        .arg(&small)
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        missing("right to mount a file system");
        return;
    }
    struct Mounted(std::path::PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        }
    }
    let guard = Mounted(small.clone());
    let server = setup.start();
    let log = small.join("audit.log");
    let body = format!("a={}", "x".repeat(20_000));
    let mut sent = 0;
    let fill = |sent: &mut u64, requests: u64| {
        for _ in 0..requests {
            assert_eq!(
                server.post("/index.html?n=0x0y", body.as_bytes()).status,
                200
            );
            *sent += 1;
        }
    };
    fill(&mut sent, 80);
    let whole = |text: &str| {
        text.lines()
            .filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
            .count() as u64
    };
    assert!(eventually(|| losses_told(&server.error_log()) > 0));
    // The access log comes after the audit log, and both after the answer.
    assert!(eventually(|| server.read("access.log").lines().count()
        as u64
        == sent));
    let full = fs::read_to_string(&log).unwrap();
    let first = whole(&full);
    // Room again, as logrotate's copytruncate makes it.
    fs::File::options()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(0)
        .unwrap();
    fill(&mut sent, 10);
    assert!(
        eventually(|| whole(&fs::read_to_string(&log).unwrap()) == 10),
        "it goes on by itself"
    );
    assert_eq!(
        losses_told_by_the_end(server) + first + 10,
        sent,
        "every record is in the log or counted"
    );
    drop(guard);
}

#[test]
fn storage_that_goes_away_comes_back() {
    let conf = "SecAuditLogType Concurrent\nSecAuditLog index.log\nSecAuditLogStorageDir store\nSecAuditLogFormat JSON";
    let Some(setup) = setup(conf) else { return };
    let store = open_directory(&setup, "store");
    let server = setup.start();
    let get = |times: usize| {
        (0..times).for_each(|_| assert_eq!(server.get("/index.html?n=0x0y").status, 200))
    };
    get(3);
    assert!(eventually(|| files(&store).len() == 3));
    // Unwritable: httpd's children are not root, as a rule.
    fs::set_permissions(&store, fs::Permissions::from_mode(0o000)).unwrap();
    let before = files(&store).len();
    fs::remove_dir_all(&store).unwrap();
    fs::create_dir(&store).unwrap();
    fs::set_permissions(&store, fs::Permissions::from_mode(0o000)).unwrap();
    get(4);
    // Gone altogether.
    fs::remove_dir_all(&store).unwrap();
    get(5);
    // A record is written after its response, and before the line of the access log.
    assert!(eventually(
        || server.read("access.log").lines().count() == 3 + 4 + 5
    ));
    fs::create_dir(&store).unwrap();
    fs::set_permissions(&store, fs::Permissions::from_mode(0o777)).unwrap();
    get(6);
    assert!(
        eventually(|| files(&store).len() == 6),
        "{:?} {before}",
        files(&store)
    );
    assert!(
        eventually(|| server.read("index.log").lines().count() == 9),
        "no line about a file that is not there"
    );
    assert_eq!(losses_told_by_the_end(server), 9);
}

#[test]
fn a_log_daemon_that_is_away_or_deaf_holds_up_nobody() {
    let Some(setup) = setup("SecAuditLogType Syslog local6 log.socket\nSecAuditLogFormat JSON")
    else {
        return;
    };
    let path = setup.root().join("log.socket");
    let server = setup.start();
    let sent = u64::from(under_load(&server, || ()));
    // It listens, but takes nothing: its queue fills.
    let deaf = UnixDatagram::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    let more = u64::from(under_load(&server, || ()));
    let log = server.stop_idle();
    deaf.set_nonblocking(true).unwrap();
    let mut buffer = vec![0; 9000];
    let mut taken = 0;
    while deaf.recv(&mut buffer).is_ok() {
        taken += 1;
    }
    assert!(taken > 0, "it had room for some");
    assert_eq!(losses_told(&log) + taken, sent + more);
}

#[test]
fn renamed_and_restarted_fifty_times() {
    let Some(setup) = setup("SecAuditLog logs/audit.log\nSecAuditLogFormat JSON") else {
        return;
    };
    let logs = open_directory(&setup, "logs");
    let server = setup.start();
    let sent = under_load(&server, || {
        for number in 0..50 {
            fs::rename(
                logs.join("audit.log"),
                logs.join(format!("audit.log.{number}")),
            )
            .unwrap();
            let resumed = || {
                server
                    .error_log()
                    .matches("resuming normal operations")
                    .count()
            };
            let before = resumed();
            server.signal("USR1");
            assert!(eventually(|| resumed() > before), "restart {number}");
            assert!(logs.join("audit.log").exists(), "opened anew");
        }
    });
    assert_eq!(losses_told_by_the_end_of(&server), 0);
    let all = || -> Vec<String> {
        files(&logs)
            .iter()
            .flat_map(|path| logged(&fs::read_to_string(path).unwrap()))
            .collect()
    };
    assert!(
        eventually(|| all().len() == sent as usize),
        "{} of {sent}",
        all().len()
    );
    let distinct: BTreeSet<String> = all().into_iter().collect();
    assert_eq!(distinct.len(), sent as usize, "every record once");
}

fn losses_told_by_the_end_of(server: &Server) -> u64 {
    losses_told(&server.error_log())
}

#[test]
fn a_restart_survives_a_directory_that_is_gone() {
    let Some(setup) = setup("SecAuditLog logs/audit.log") else {
        return;
    };
    let logs = open_directory(&setup, "logs");
    let mut server = setup.start();
    assert_eq!(server.get("/index.html").status, 200);
    fs::remove_dir_all(&logs).unwrap();
    server.signal("USR1");
    server.logged("Failed to open the audit log file");
    assert!(eventually(|| server
        .error_log()
        .matches("resuming normal operations")
        .count()
        == 2));
    assert!(server.is_running());
    assert_eq!(server.get("/index.html?a=evilmarker").status, 403);
    // There again: whoever has a record opens it, as far as its rights go.
    fs::create_dir(&logs).unwrap();
    fs::set_permissions(&logs, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(eventually(|| {
        assert_eq!(server.get("/index.html").status, 200);
        logs.join("audit.log").exists()
    }));
}

/// The process that reads a pipe to a program: a child of httpd's parent that is not httpd.
fn program(server: &Server, name: &str) -> Option<u32> {
    let is_it = |process: &u32| {
        fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|comm| comm.trim() == name)
    };
    server.children().into_iter().find(is_it)
}

#[test]
fn the_program_is_killed_twenty_times() {
    let Some(setup) =
        setup("SecAuditLog \"|$exec cat >> {ROOT}/piped.log\"\nSecAuditLogFormat JSON")
    else {
        return;
    };
    let server = setup.start();
    let mut sent = 0;
    for _ in 0..20 {
        let mut process = None;
        assert!(eventually(|| {
            process = program(&server, "cat");
            process.is_some()
        }));
        let process = process.unwrap();
        // What it has read is its own to lose: it is stopped while it has read nothing, and killed while records wait in
        // the pipe. Whoever comes after it finds them all.
        assert!(eventually(
            || logged(&server.read("piped.log")).len() == sent
        ));
        signal(process, "STOP");
        assert!(eventually(|| state(process) == Some('T')));
        for _ in 0..5 {
            let target = format!("/index.html?n={sent}y");
            assert_eq!(server.get(&target).status, 200);
            sent += 1;
        }
        signal(process, "KILL");
        assert!(eventually(
            || program(&server, "cat").is_some_and(|next| next != process)
        ));
    }
    assert!(eventually(
        || logged(&server.read("piped.log")).len() == sent
    ));
    let distinct: BTreeSet<String> = logged(&server.read("piped.log")).into_iter().collect();
    assert_eq!(distinct.len(), sent);
    assert_eq!(losses_told_by_the_end(server), 0);
}

#[test]
fn a_program_that_hangs_holds_up_nobody_for_long() {
    let Some(setup) =
        setup("SecAuditLog \"|$exec cat >> {ROOT}/piped.log\"\nSecAuditLogFormat JSON")
    else {
        return;
    };
    let server = setup.start();
    let mut process = None;
    assert!(eventually(|| {
        process = program(&server, "cat");
        process.is_some()
    }));
    let process = process.unwrap();
    signal(process, "STOP");
    assert!(eventually(|| state(process) == Some('T')));
    let body = format!("a={}", "x".repeat(30_000));
    for number in 0..20 {
        assert_eq!(
            server
                .post(&format!("/index.html?n={number}y"), body.as_bytes())
                .status,
            200
        );
    }
    assert!(eventually(|| losses_told(&server.error_log()) > 0));
    signal(process, "CONT");
    // It reads again, and gets whole records again. By the time of the marker all others are in the log or lost.
    assert!(eventually(
        || server.read("access.log").lines().count() == 20
    ));
    assert_eq!(server.get("/index.html?n=20y").status, 200);
    assert!(eventually(|| server.read("piped.log").contains("n=20y")));
    let whole = server
        .read("piped.log")
        .lines()
        .filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
        .count();
    assert_eq!(losses_told_by_the_end(server) + whole as u64, 21);
}
