//! A network of the test's own: its thread, and what it starts, have a loopback interface with public addresses, and no way
//! to any other machine.

use std::process::Command;

/// Moves this thread into a network of its own with these addresses. False where that is not allowed: it takes root.
#[must_use]
pub fn enter(addresses: &[&str]) -> bool {
    // SAFETY: `unshare` takes a number, and changes nothing but the network of the calling thread.
    let entered = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
    let ip = |arguments: &[&str]| {
        let done = Command::new("ip").args(arguments).status();
        done.is_ok_and(|status| status.success())
    };
    entered
        && ip(&["link", "set", "lo", "up"])
        && addresses
            .iter()
            .all(|address| ip(&["addr", "add", address, "dev", "lo"]))
}
