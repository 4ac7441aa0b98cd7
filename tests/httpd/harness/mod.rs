//! What the tests stand on: an httpd of their own, a client that writes raw bytes, a backend that remembers what it got.

mod backend;
mod client;
pub mod http2;
mod server;

pub use backend::Backend;
pub use client::{Client, Response};
pub use server::{Mpm, Server, Setup};

use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// How long anything may take that should take no time at all. Generous: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A ping: the body that WordPress sends.
pub fn ping(source: &str, target: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<methodCall>\n<methodName>pingback.ping</methodName>\n<params>\n\
         <param><value><string>{source}</string></value></param>\n\
         <param><value><string>{target}</string></value></param>\n</params></methodCall>"
    )
}

/// Sends a process a signal, by name.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(process.to_string())
        .status();
    assert!(sent.is_ok_and(|status| status.success()), "kill -{name}");
}

/// Waits until something holds; whether it came to that.
pub fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// The httpd to test with.
pub fn httpd() -> Option<PathBuf> {
    let usual = [
        "/usr/sbin/apache2",
        "/usr/sbin/httpd",
        "/usr/local/apache2/bin/httpd",
    ];
    found("httpd", "HTTPD", usual.map(PathBuf::from))
}

/// The module to test.
pub fn module() -> Option<PathBuf> {
    let release = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release");
    let names = ["mod_palisade.so", "libpalisade.so"];
    found(
        "module",
        "PALISADE_MODULE",
        names.map(|name| release.join(name)),
    )
}

/// The module whose hooks panic on demand.
pub fn panic_module() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/panic");
    let names = [
        "mod_palisade.so",
        "release/libpalisade.so",
        "libpalisade.so",
    ];
    found(
        "module with planted panics",
        "PALISADE_PANIC_MODULE",
        names.map(|name| target.join(name)),
    )
}

/// curl, where it speaks HTTP/2.
pub fn curl() -> Option<PathBuf> {
    let curl = PathBuf::from("curl");
    let version = std::process::Command::new(&curl).arg("--version").output();
    let speaks =
        version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("HTTP2"));
    if speaks {
        return Some(curl);
    }
    missing("curl with HTTP/2");
    None
}

/// Where httpd keeps its modules.
pub fn modules_directory() -> PathBuf {
    let usual = [
        "/usr/lib/apache2/modules",
        "/usr/lib64/httpd/modules",
        "/usr/local/apache2/modules",
    ];
    let stated = std::env::var_os("HTTPD_MODULES").map(PathBuf::from);
    stated
        .or_else(|| usual.iter().map(PathBuf::from).find(|path| path.is_dir()))
        .unwrap_or_else(|| "modules".into())
}

fn found<const N: usize>(what: &str, variable: &str, usual: [PathBuf; N]) -> Option<PathBuf> {
    let path = match std::env::var_os(variable) {
        Some(stated) => Some(PathBuf::from(stated)).filter(|path| path.is_file()),
        None => usual.into_iter().find(|path| path.is_file()),
    };
    if path.is_none() {
        missing(&format!("{what} (set {variable})"));
    }
    path
}

/// A connection from one of this machine's own addresses.
pub fn connect_from(from: Ipv4Addr, port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket
        .bind(&SocketAddrV4::new(from, 0).into())
        .expect("an address");
    let server = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    socket.connect(&server.into()).expect("a connection");
    socket.into()
}

/// Whether a tool is there.
pub fn tool(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|directory| directory.join(name).is_file());
    if !found {
        missing(name);
    }
    found
}

/// Says that a test cannot be run; fails where all of them must.
pub fn missing(what: &str) {
    assert!(
        std::env::var_os("PALISADE_REQUIRE_HTTPD").is_none(),
        "there is no {what}, and PALISADE_REQUIRE_HTTPD is set"
    );
    eprintln!("SKIPPED: no {what}");
}
