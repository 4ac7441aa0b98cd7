//! A Redis or Valkey server of a test's own, on a free port or a socket.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use palisade::collections::{MemoryStore, RedisOptions, RedisStore, Store};

use super::scratch::Scratch;

/// How long a server may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server. It is killed when this is dropped.
pub struct Server {
    program: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
    scratch: Scratch,
}

/// The servers that are installed. Says loudly when there is none.
pub fn programs() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = ["redis-server", "valkey-server"].iter().filter_map(|name| {
        std::env::split_paths(&path)
            .map(|directory| directory.join(name))
            .find(|program| program.is_file())
    });
    let found: Vec<PathBuf> = found.collect();
    if found.is_empty() {
        assert!(
            std::env::var_os("PALISADE_REQUIRE_HTTPD").is_none(),
            "neither redis-server nor valkey-server is installed: scripts/deps.sh test"
        );
        eprintln!("SKIPPED: neither redis-server nor valkey-server is installed");
    }
    found
}

impl Server {
    pub fn start(program: PathBuf) -> Server {
        let scratch = Scratch::new("redis");
        let socket = scratch.path().join("socket");
        let mut arguments = vec!["--port".to_owned(), "0".to_owned()];
        for (name, value) in [("--save", ""), ("--appendonly", "no")] {
            arguments.extend([name.to_owned(), value.to_owned()]);
        }
        arguments.extend(["--dir".to_owned(), scratch.path().display().to_string()]);
        arguments.extend(["--unixsocket".to_owned(), socket.display().to_string()]);
        let mut server = Server {
            program,
            arguments,
            child: None,
            scratch,
        };
        server.resume();
        server
    }

    /// Starts it, empty.
    pub fn resume(&mut self) {
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let start = Instant::now();
        while UnixStream::connect(self.scratch.path().join("socket")).is_err() {
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
        format!("redis+unix://{}/socket", self.scratch.path().display())
    }

    pub fn options(&self, options: &[&str]) -> RedisOptions {
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        RedisOptions::parse(&self.url(), &options).unwrap()
    }

    /// A store on it, with memory for when it is gone.
    pub fn store(&self, options: &[&str]) -> RedisStore {
        let local: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let store = RedisStore::open(self.options(options), Some(local));
        let start = Instant::now();
        // Until it is connected, the first answer may be the fallback's.
        while store.visit(0, &mut |_, _| {}).is_err() {
            assert!(start.elapsed() < PATIENCE, "the server does not answer");
        }
        store
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
