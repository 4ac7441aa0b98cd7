//! Debian's `mlogc`, run for real: it reads our index from a pipe, checks our files, and sends them to its console.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use md5::{Digest, Md5};

use super::{files, open_directory, setup};
use crate::harness::{eventually, missing};

/// What the console got: a request's headers in lower case, and its body.
type Delivery = (BTreeMap<String, String>, Vec<u8>);

/// A console: takes everything.
fn console() -> (u16, Arc<Mutex<Vec<Delivery>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let deliveries: Arc<Mutex<Vec<Delivery>>> = Arc::default();
    let taken = Arc::clone(&deliveries);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let taken = Arc::clone(&taken);
            std::thread::spawn(move || take(stream, &taken));
        }
    });
    (port, deliveries)
}

fn take(stream: TcpStream, taken: &Mutex<Vec<Delivery>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut headers = BTreeMap::new();
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        if headers.contains_key("expect") {
            let _ = reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        let length = headers
            .get("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        taken.lock().unwrap().push((headers, body));
        let _ = reader
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
}

#[test]
fn mlogc_delivers_every_record() {
    let program = Path::new("/usr/bin/mlogc");
    if !program.is_file() {
        missing("mlogc (Debian: libapache2-mod-security2)");
        return;
    }
    let conf = "SecAuditLogType Concurrent\nSecAuditLog \"|/usr/bin/mlogc {ROOT}/mlogc.conf\"\nSecAuditLog2 index.log\nSecAuditLogStorageDir mlogc/data";
    let Some(setup) = setup(conf) else { return };
    let root = setup.root().to_owned();
    for name in ["mlogc", "mlogc/data"] {
        open_directory(&setup, name);
    }
    let (port, deliveries) = console();
    let settings = format!(
        "CollectorRoot \"{root}/mlogc\"\nConsoleURI \"http://127.0.0.1:{port}/rpc/auditLogReceiver\"\n\
         SensorUsername \"sensor\"\nSensorPassword \"secret\"\nLogStorageDir \"data\"\n\
         TransactionLog \"mlogc-transaction.log\"\nQueuePath \"mlogc-queue.log\"\nErrorLog \"mlogc-error.log\"\n\
         LockFile \"mlogc.lck\"\nKeepEntries 1\nErrorLogLevel 5\nMaxConnections 4\nMaxWorkerRequests 100\n\
         TransactionDelay 1\nStartupDelay 10\nCheckpointInterval 15\nServerErrorTimeout 60\n",
        root = root.display()
    );
    fs::write(root.join("mlogc.conf"), settings).unwrap();
    let server = setup.start();
    let hostile = "/index.html?a=evilmarker&b=%22%0a\\\"quoted\\\"";
    for _ in 0..5 {
        assert_eq!(server.get(hostile).status, 403);
        assert_eq!(server.get("/index.html").status, 200);
        let body = format!("a=evilmarker{}", "x".repeat(20_000));
        assert_eq!(server.post("/index.html", body.as_bytes()).status, 403);
    }
    let said = || server.read("mlogc/mlogc-error.log");
    assert!(
        eventually(|| deliveries.lock().unwrap().len() == 15),
        "{} deliveries\n{}",
        deliveries.lock().unwrap().len(),
        said()
    );
    let index: Vec<String> = server
        .read("index.log")
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(index.len(), 15);
    let stored = files(&root.join("mlogc/data"));
    for (headers, body) in deliveries.lock().unwrap().iter() {
        let hash: String = Md5::digest(body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(headers["x-content-hash"], format!("md5:{hash}"));
        assert!(
            stored.iter().any(|path| fs::read(path).unwrap() == *body),
            "one of the stored files"
        );
        let summary = &headers["x-forensiclog-summary"];
        assert!(
            index
                .iter()
                .any(|line| line.trim_end() == summary.trim_end()),
            "{summary}"
        );
    }
    assert!(!said().contains("Invalid"), "{}", said());
}
