//! A Redis or Valkey server of a test's own, on a free port.
#![allow(dead_code)]

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use palisade::collections::{MemoryStore, RedisOptions, RedisStore, Store};

use super::{ports, scratch::Scratch};

/// How long a server may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server. It is killed when this is dropped.
pub struct Server {
    program: PathBuf,
    child: Option<Child>,
    pub port: u16,
    pub scratch: Scratch,
}

/// The servers that are tried, and what says where each is if it is not in the `PATH`.
const SERVERS: [(&str, &str); 2] = [
    ("redis-server", "REDIS_SERVER"),
    ("valkey-server", "VALKEY_SERVER"),
];

/// The servers that are installed. Says loudly which are not.
pub fn programs() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = Vec::new();
    for (name, variable) in SERVERS {
        let stated = std::env::var_os(variable).map(PathBuf::from);
        let usual = std::env::split_paths(&path).map(|directory| directory.join(name));
        match stated.into_iter().chain(usual).find(|path| path.is_file()) {
            Some(program) => found.push(program),
            None => eprintln!("SKIPPED: no {name} (set {variable})"),
        }
    }
    if found.is_empty() {
        assert!(
            std::env::var_os("PALISADE_REQUIRE_HTTPD").is_none(),
            "neither redis-server nor valkey-server is installed: scripts/deps.sh test"
        );
    }
    found
}

impl Server {
    pub fn start(program: PathBuf) -> Server {
        Server::start_with(program, |_| String::new())
    }

    /// Starts it with further lines of configuration; they may need its directory.
    pub fn start_with(program: PathBuf, further: impl FnOnce(&Scratch) -> String) -> Server {
        let (scratch, port) = (Scratch::new("redis"), ports::free());
        let directory = scratch.path().display();
        let options = format!(
            "port {port}\nbind 127.0.0.1\nsave \"\"\nappendonly no\ndir {directory}\n\
             unixsocket {directory}/socket\nunixsocketperm 777\n{}",
            further(&scratch)
        );
        std::fs::write(scratch.path().join("redis.conf"), options).unwrap();
        let mut server = Server {
            program,
            child: None,
            port,
            scratch,
        };
        server.resume();
        server
    }

    /// Starts it, empty.
    pub fn resume(&mut self) {
        let child = Command::new(&self.program)
            .arg(self.scratch.path().join("redis.conf"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < PATIENCE, "the server does not begin");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn signal(&self, name: &str) {
        let child = self.child.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args(["-s", name, &child]).status();
        assert!(sent.unwrap().success());
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A store on it, with memory for when it is gone.
    pub fn store(&self, options: &[&str]) -> RedisStore {
        connected(&self.url(), options)
    }
}

/// A store on a server that answers.
pub fn connected(url: &str, options: &[&str]) -> RedisStore {
    let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
    let local: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let store = RedisStore::open(RedisOptions::parse(url, &options).unwrap(), Some(local));
    let start = Instant::now();
    // Until it is connected, the first answer may be the fallback's.
    while store.visit(0, &mut |_, _| {}).is_err() {
        assert!(start.elapsed() < PATIENCE, "the server does not answer");
        std::thread::sleep(Duration::from_millis(5));
    }
    store
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
