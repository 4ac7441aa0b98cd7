//! Many processes, one log: every record whole. And a log that cannot be written.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use palisade::audit::*;

use crate::fixture::{self, Scratch};
use crate::parser;

const PROCESSES: u64 = 8;
const THREADS: u64 = 25;

/// The body of a process's n-th record: 1 to 64 KB, text, binary bytes and look-alikes of boundaries.
fn body(process: u64, number: u64) -> Vec<u8> {
    let mut state = (process << 32 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let length = 1 + next() % (if next() % 8 == 0 { 64 } else { 12 }) * 1024;
    let mut body = Vec::with_capacity(length as usize + 64);
    while (body.len() as u64) < length {
        match next() % 16 {
            0 => body.extend_from_slice(format!("\n--{:08x}-Z--\n", next() as u32).as_bytes()),
            1 => body.extend_from_slice(&next().to_le_bytes()),
            _ => body
                .extend_from_slice(format!("field{}=value{:x}&", next() % 100, next()).as_bytes()),
        }
    }
    body
}

fn write_all(log: &AuditLog, process: u64, count: u64, format: Format) {
    let parts = Parts::parse("ABCFHZ").unwrap();
    for number in 0..count {
        let id = format!("p{process}n{number}");
        let body = body(process, number);
        let mut record = fixture::full();
        record.masks = Masks::default();
        record.unique_id = id.as_bytes();
        record.request.body = Some(Body::Memory(&body));
        log.write(&record, &parts, format).unwrap();
    }
}

fn argument(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Not a test but the other process of the tests below, which start this program anew with `PALISADE_TEST_WRITER` set.
#[test]
#[ignore = "runs as a part of other tests"]
fn writer_process() {
    let Some(process) = argument("PALISADE_TEST_WRITER") else {
        return;
    };
    let format = Format::lookup(&argument("PALISADE_TEST_FORMAT").unwrap()).unwrap();
    let count = argument("PALISADE_TEST_COUNT").unwrap().parse().unwrap();
    let log = match argument("PALISADE_TEST_LOG") {
        Some(path) => AuditLog::open(Path::new(&path), 0o640).unwrap(),
        None => {
            // As after a fork: the pipe and the lock's file are the ones that all the others have too.
            let file =
                |fd: std::os::fd::BorrowedFd<'_>| File::from(fd.try_clone_to_owned().unwrap());
            let lock = file(std::io::stdin().as_fd());
            let pipe = Pipe::with_lock(file(std::io::stderr().as_fd()), lock);
            AuditLog::with_sink("pipe".to_owned(), Box::new(pipe))
        }
    };
    let threads = argument("PALISADE_TEST_THREADS").map_or(1, |threads| threads.parse().unwrap());
    let process: u64 = process.parse().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let log = &log;
            // Every thread numbers its own records.
            scope.spawn(move || write_all(log, process * threads + thread, count, format));
        }
    });
}

fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdout(Stdio::null());
    command
}

fn this_test(name: &str) -> [String; 4] {
    ["--exact", name, "--ignored", "--nocapture"].map(str::to_owned)
}

fn writer(process: u64, count: u64, format: &str) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = command(program.to_str().unwrap());
    command
        .args(this_test("writers::writer_process"))
        .env("PALISADE_TEST_WRITER", process.to_string())
        .env("PALISADE_TEST_COUNT", count.to_string())
        .env("PALISADE_TEST_FORMAT", format);
    command
}

fn wait(children: Vec<Child>) {
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
}

/// Reads a native log record by record and answers how many there are and how many boundaries.
fn check_native(log: impl Read, count: u64) -> (usize, usize) {
    let mut next: HashMap<u64, u64> = HashMap::new();
    let mut boundaries = HashSet::new();
    let mut records = 0;
    let mut text = String::new();
    let mut log = BufReader::new(log);
    loop {
        let line = text.len();
        if log.read_line(&mut text).expect("UTF-8") == 0 {
            break;
        }
        // Look-alikes of an end are escaped, so this is the end.
        if !(text[line..].starts_with("--") && text[line..].ends_with("-Z--\n")) {
            continue;
        }
        let read = parser::read(&text);
        let [read] = read.as_slice() else {
            panic!("{} records in one", read.len());
        };
        assert_eq!(read.order, "ABCFHZ");
        let id = read.parts[&'A'].split(' ').nth(2).unwrap();
        let (process, number) = id.strip_prefix('p').unwrap().split_once('n').unwrap();
        let (process, number) = (process.parse().unwrap(), number.parse().unwrap());
        let expected = next.entry(process).or_default();
        assert_eq!(
            number, *expected,
            "records of one process in order, each once"
        );
        *expected += 1;
        assert_eq!(
            parser::decode(&read.parts[&'C']),
            body(process, number),
            "{id}"
        );
        boundaries.insert(read.boundary.clone());
        records += 1;
        text.clear();
    }
    assert_eq!(
        text.trim_start_matches('\n'),
        "",
        "nothing after the last record"
    );
    assert!(next.values().all(|n| *n == count), "{next:?}");
    (records, boundaries.len())
}

fn many_processes(threads: u64, count: u64) {
    let scratch = Scratch::new("many");
    let path = scratch.0.join("audit.log");
    let start = |process| {
        writer(process, count, "native")
            .env("PALISADE_TEST_LOG", &path)
            .env("PALISADE_TEST_THREADS", threads.to_string())
            .spawn()
            .unwrap()
    };
    wait((0..PROCESSES).map(start).collect());
    let (records, boundaries) = check_native(File::open(&path).unwrap(), count);
    let expected = PROCESSES * threads * count;
    assert_eq!(records as u64, expected);
    // Boundaries have 32 bits: n records share some n²/2³³ of them by chance.
    let chance = expected.pow(2) >> 33;
    assert!(
        boundaries as u64 + 2 + 4 * chance >= expected,
        "{boundaries} boundaries of {records} records"
    );
}

#[test]
fn records_of_many_processes_are_whole() {
    many_processes(4, 25);
}

/// `cargo test --test audit -- --ignored a_hundred_thousand`: a gigabyte in the temporary directory. `make test` does it.
#[test]
#[ignore = "writes a gigabyte"]
fn a_hundred_thousand_records_are_whole() {
    many_processes(THREADS, 500);
}

#[test]
fn json_lines_of_many_processes_are_whole() {
    let scratch = Scratch::new("json");
    let path = scratch.0.join("audit.json");
    let start = |process| {
        writer(process, 50, "json")
            .env("PALISADE_TEST_LOG", &path)
            .spawn()
            .unwrap()
    };
    wait((0..PROCESSES).map(start).collect());
    let mut ids = HashSet::new();
    for line in BufReader::new(File::open(&path).unwrap()).lines() {
        let json: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        ids.insert(
            json["transaction"]["transaction_id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(ids.len() as u64, PROCESSES * 50);
}

#[test]
fn records_through_one_pipe_are_whole() {
    let scratch = Scratch::new("pipe");
    let lock = File::create_new(scratch.0.join("lock")).unwrap();
    let (reader, writing_end) = std::io::pipe().unwrap();
    let start = |process| {
        let mut command = writer(process, 50, "native");
        command
            .stdin(lock.try_clone().unwrap())
            .stderr(writing_end.try_clone().unwrap());
        command.spawn().unwrap()
    };
    let children: Vec<Child> = (0..PROCESSES).map(start).collect();
    drop(writing_end);
    let (records, _) = check_native(reader, 50);
    wait(children);
    assert_eq!(records as u64, PROCESSES * 50);
}

#[test]
fn threads_share_one_log() {
    let scratch = Scratch::new("threads");
    let path = scratch.0.join("audit.log");
    let log = AuditLog::open(&path, 0o640).unwrap();
    std::thread::scope(|scope| {
        for process in 0..4 {
            let log = &log;
            scope.spawn(move || write_all(log, process, 50, Format::Native));
        }
    });
    assert_eq!(check_native(File::open(&path).unwrap(), 50).0, 200);
}

#[test]
fn a_full_disk_is_a_loss() {
    let log = AuditLog::open(Path::new("/dev/full"), 0o640).unwrap();
    let error = log
        .write(&fixture::full(), &Parts::default(), Format::Native)
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    // The same by way of everything that directives say.
    let target = fixture::target(Path::new("/dev/full"));
    let destination = Destination {
        kind: &LogType::Serial,
        format: Format::Json,
        primary: Some(&target),
        secondary: None,
        storage: None,
    };
    for _ in 0..3 {
        let lost = destination
            .write(&fixture::full(), &Parts::default())
            .unwrap_err();
        assert_eq!((lost.records, lost.log.as_str()), (1, "/dev/full"));
    }
}

/// Not a test but the other process of [`a_log_that_gets_room_again_goes_on`], with a limit on the size of files.
#[test]
#[ignore = "runs as a part of other tests"]
fn limited_process() {
    let Some(path) = argument("PALISADE_TEST_LIMITED") else {
        return;
    };
    let log = AuditLog::open(Path::new(&path), 0o640).unwrap();
    let mut whole = 0;
    while log
        .write(&fixture::full(), &Parts::default(), Format::Native)
        .is_ok()
    {
        whole += 1;
        assert!(whole < 100, "a file without a limit");
    }
    let torn = fs::read(&path).unwrap();
    assert!(!torn.ends_with(b"-Z--\n\n"), "the last record is not whole");
    // Room again: what logrotate's copytruncate does.
    fs::write(format!("{path}.1"), torn).unwrap();
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(0)
        .unwrap();
    for _ in 0..2 {
        log.write(&fixture::full(), &Parts::default(), Format::Native)
            .unwrap();
    }
}

#[test]
fn a_log_that_gets_room_again_goes_on() {
    let scratch = Scratch::new("limited");
    let path = scratch.0.join("audit.log");
    let program = std::env::current_exe().unwrap();
    let status = command("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 20; exec \"$0\" \"$@\""])
        .arg(program)
        .args(this_test("writers::limited_process"))
        .env("PALISADE_TEST_LIMITED", &path)
        .status()
        .unwrap();
    assert!(status.success());
    let after = fs::read_to_string(&path).unwrap();
    assert_eq!(parser::read(&after).len(), 2);
    let before = fs::read_to_string(scratch.0.join("audit.log.1")).unwrap();
    assert!(
        before.matches("-A--\n").count() > before.matches("-Z--\n").count(),
        "the torn record"
    );
}

#[test]
fn a_path_that_cannot_be_opened_says_which_and_why() {
    let scratch = Scratch::new("unwritable");
    let error = AuditLog::open(&scratch.0, 0o640)
        .map(|_| ())
        .unwrap_err()
        .to_string();
    let expected = format!(
        "ModSecurity: Failed to open the audit log file: {}: Is a directory",
        scratch.0.display()
    );
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn a_path_to_a_pipe_is_a_pipe() {
    let (mut reader, writing_end) = std::io::pipe().unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&writing_end);
    let log = AuditLog::open(Path::new(&format!("/proc/self/fd/{fd}")), 0o640).unwrap();
    drop(writing_end);
    assert!(format!("{log:?}").contains("Pipe"), "{log:?}");
    log.write_bytes(b"record\n").unwrap();
    drop(log);
    let mut read = String::new();
    reader.read_to_string(&mut read).unwrap();
    assert_eq!(read, "record\n");
}

#[test]
fn a_program_that_went_away_is_counted() {
    let (reader, writing_end) = std::io::pipe().unwrap();
    let log = AuditLog::piped(
        "|logger",
        File::from(std::os::fd::OwnedFd::from(writing_end)),
    );
    log.write_bytes(b"record\n").unwrap();
    drop(reader);
    let error = log.write_bytes(b"record\n").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}
