//! Disks that fail: of the calls with which httpd's process writes its audit log, its temporary files, its debug log and its
//! collections, the n-th fails, for every n, once or from then on. Whatever fails, every request is answered by policy, the
//! process lives, and nothing is left behind: no descriptor, no file.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use crate::harness::{Mpm, Server, Setup, eventually, missing, tool};

/// Everything that writes: each request counts its client, has a record, and its body or its file goes to the disk.
const ENGINE: &str = r#"
SecRequestBodyAccess On
SecRequestBodyInMemoryLimit 50000
SecTmpDir {ROOT}/tmp
SecUploadDir {ROOT}/kept
SecTmpSaveUploadedFiles On
SecUploadKeepFiles On
SecDataDir {ROOT}/data
SecAuditEngine On
SecAuditLog {ROOT}/logs/audit.log
SecAuditLogParts ABCFHJZ
SecDebugLog {ROOT}/logs/debug.log
SecDebugLogLevel 3
SecAction "id:1,phase:1,pass,nolog,initcol:ip=%{REQUEST_HEADERS.X-Key},setvar:ip.count=+1,expirevar:ip.count=60"
SecRule ARGS "@contains evilmarker" "id:2,phase:2,deny,status:403"
SecRule FILES_TMP_CONTENT "@contains evilfile" "id:3,phase:2,deny,status:403"
"#;
const CONCURRENT: &str = "SecAuditLogType Concurrent\nSecAuditLogStorageDir {ROOT}/store\n";

/// The calls that fail together, by their numbers in `tests/data/io_faults/fail.c`, and with what.
const CALLS: [(&str, u32, i32); 10] = [
    ("open", 1, libc::ENOSPC),
    ("open", 1, libc::EMFILE),
    ("write", 2, libc::ENOSPC),
    ("write", 2, libc::EIO),
    ("pwrite", 4, libc::ENOSPC),
    ("pwrite", 4, libc::EIO),
    ("rename, link", 8, libc::EXDEV),
    ("mkdir, chmod", 16, libc::EACCES),
    ("ftruncate", 32, libc::ENOSPC),
    ("fsync", 64, libc::EIO),
];
/// A call that has failed this often fails for good; what is left of the loop would tell nothing more.
const MOST_CALLS: u32 = 200;

/// What is sent in each round: its body and type, and the answers with the engine on. The second one is the answer where the
/// disk did not take the body.
struct Request {
    body: Vec<u8>,
    media_type: &'static str,
    status: u16,
    unstored: u16,
}

fn requests() -> Vec<Request> {
    let form = "application/x-www-form-urlencoded";
    let request = |body: &[u8], media_type, status, unstored| Request {
        body: body.to_vec(),
        media_type,
        status,
        unstored,
    };
    let file = |content: &[u8]| {
        let head = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\n\r\n";
        [head.as_bytes(), content, b"\r\n--b--\r\n"].concat()
    };
    let multipart = "multipart/form-data; boundary=b";
    vec![
        request(b"a=good", form, 200, 200),
        request(b"a=evilmarker", form, 403, 403),
        request(&[b'x'; 150_000], "application/x-noise", 200, 500),
        // A file that could not be kept cannot be looked at: its rule does not match.
        request(&file(&[b'x'; 30_000]), multipart, 200, 200),
        request(&file(b"an evilfile"), multipart, 403, 200),
    ]
}

/// What is to fail, as `fail.c` reads it.
struct Plan(File);

impl Plan {
    fn create(path: &Path) -> Plan {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .expect("a file for the plan");
        file.set_permissions(fs::Permissions::from_mode(0o666))
            .expect("its mode");
        let plan = Plan(file);
        plan.fail(0, 0, false, 0);
        plan
    }

    fn fail(&self, kinds: u32, number: u32, lasting: bool, error: i32) {
        let error = u32::try_from(error).expect("a number of errno");
        let words = [kinds, number, u32::from(lasting), error, 0, 0];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.0.write_all_at(&bytes, 0).expect("the plan");
    }

    /// Calls that have failed. None fails any more.
    fn end(&self) -> u32 {
        let mut word = [0; 4];
        self.0.write_all_at(&word, 0).expect("the plan");
        self.0.read_exact_at(&mut word, 20).expect("the plan");
        u32::from_ne_bytes(word)
    }
}

/// Compiles the part that is loaded before libc.
fn compile(root: &Path) -> bool {
    if !tool("cc") {
        return false;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/io_faults/fail.c");
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(root.join("fail.so"))
        .arg(source)
        .arg("-ldl")
        .output()
        .expect("cc");
    if !output.status.success() {
        missing(&format!(
            "C library to compile with: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    output.status.success()
}

fn start(mode: &str, more: &str) -> Option<(Server, Plan)> {
    let setup = Setup::new()?;
    if !compile(setup.root()) {
        return None;
    }
    for name in ["tmp", "kept", "data", "logs", "store"] {
        let directory = setup.root().join(name);
        fs::create_dir_all(&directory).expect("a directory");
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("its mode");
    }
    let plan = Plan::create(&setup.root().join("plan"));
    // One process that answers one request after the other, and opens nothing itself.
    let server = setup
        .under(&["env", "LD_PRELOAD={ROOT}/fail.so", "PALISADE_FAULTS={ROOT}/plan", "PALISADE_FAULTS_BELOW={ROOT}"])
        .mpm(Mpm::Prefork)
        .modules(&["reflector"])
        .conf("StartServers 1\nMinSpareServers 1\nMaxSpareServers 1\nMaxRequestWorkers 1\nServerLimit 1\nKeepAlive Off")
        .conf("<Directory />\nAllowOverride None\n</Directory>\n<Location /echo>\nSetHandler reflector\n</Location>")
        .conf(&format!("SecRuleEngine {mode}"))
        .conf(ENGINE)
        .conf(more)
        .start();
    Some((server, plan))
}

fn descriptors(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count)
}

/// Sends all requests; what was answered otherwise than by policy.
fn round(server: &Server, requests: &[Request], key: &str, mode: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, request) in requests.iter().enumerate() {
        let headers = format!("Content-Type: {}\r\nX-Key: {key}\r\n", request.media_type);
        let response = server.request("POST", "/echo", &headers, &request.body);
        let served = response.status == 200 && response.body == request.body;
        let right = match mode {
            "On" if request.status == 200 => served || response.status == request.unstored,
            "On" => response.status == request.status || served && request.unstored == 200,
            _ => served,
        };
        if !right {
            wrong.push(format!("request {number}: {}", response.status));
        }
    }
    wrong
}

fn every_fault(what: &str, mode: &str, more: &str) {
    let Some((server, plan)) = start(mode, more) else {
        return;
    };
    let requests = requests();
    let key = "10.0.0.1";
    assert_eq!(round(&server, &requests, key, mode), [""; 0]);
    let [process] = server.children()[..] else {
        panic!("one process serves");
    };
    let tmp = || fs::read_dir(server.root().join("tmp")).map_or(0, Iterator::count);
    assert!(eventually(|| tmp() == 0));
    let open = descriptors(process);
    let (mut failed, mut wrong) = (0, Vec::new());
    for (calls, kinds, error) in CALLS {
        for lasting in [false, true] {
            let (mut number, mut now) = (0, 1);
            while now > 0 && number < MOST_CALLS {
                number += 1;
                plan.fail(kinds, number, lasting, error);
                let found = round(&server, &requests, key, mode);
                // The end of the last request is behind its answer: the next one waits for it.
                let after = server.request("GET", "/nothing", "", b"").status;
                now = plan.end();
                failed += now;
                let fault = format!("{calls} error {error}, {number}, lasting {lasting}");
                wrong.extend(found.iter().map(|wrong| format!("{wrong}; {fault}")));
                if after != 404 {
                    wrong.push(format!("nothing: {after}; {fault}"));
                }
                assert_eq!(server.children(), [process], "it died: {fault}");
                // A connection that is about to be closed is no leak.
                if !eventually(|| descriptors(process) <= open) {
                    wrong.push(format!("{} descriptors; {fault}", descriptors(process)));
                }
                if !eventually(|| tmp() == 0) {
                    wrong.push(format!("{} files; {fault}", tmp()));
                }
                assert!(wrong.len() < 20, "{}", wrong.join("\n"));
            }
        }
    }
    // It mends itself.
    wrong.extend(round(&server, &requests, key, mode));
    // `scripts/reliability.sh` reads this line.
    println!(
        "I/O faults, {what}: {failed} calls failed, {} wrong",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(failed > 100, "{failed}");
}

#[test]
fn every_write_fails_once_and_for_good() {
    every_fault("On", "On", "");
}

#[test]
fn every_write_fails_with_records_in_files_of_their_own() {
    every_fault("On, concurrent records", "On", CONCURRENT);
}

#[test]
fn detection_answers_as_if_nothing_had_failed() {
    every_fault("DetectionOnly", "DetectionOnly", "");
}
