//! Loopback ports for servers that tests start.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// A port that nobody has: below those that the system gives to outgoing connections (32768 and up, as a rule), or one
/// of these could take it before the server does; and never the same one twice, for tests run side by side.
pub fn free() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(37);
    loop {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(start) % 20_000;
        let port = 10_000 + u16::try_from(offset).unwrap_or(0);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
