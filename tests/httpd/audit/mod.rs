//! The audit log in a real httpd: where records go, what happens when they cannot, and what hostile requests make of them.

mod crashes;
mod differential;
mod failures;
mod forgery;
mod kinds;
mod mlogc;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::{Server, Setup};

/// Every request is logged; a marker is refused.
const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecAuditEngine On
SecAuditLogParts ABCFHZ
SecRule ARGS "@contains evilmarker" "id:1,phase:2,deny,status:403,msg:'marker'"
"#;

/// An httpd to be started, with [`ENGINE`] and a page.
fn setup(conf: &str) -> Option<Setup> {
    let setup = Setup::new()?;
    Some(setup.conf(conf).conf(ENGINE).file("index.html", "fine"))
}

/// A directory below httpd's root that its children may write to.
fn open_directory(setup: &Setup, name: &str) -> std::path::PathBuf {
    let path = setup.root().join(name);
    fs::create_dir_all(&path).expect("a directory");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("its mode");
    path
}

/// All regular files below a directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    found
}

/// How many records the error log says were lost.
fn losses_told(log: &str) -> u64 {
    let told = log.lines().filter_map(|line| {
        let (_, rest) = line.split_once("ModSecurity: Audit log: ")?;
        rest.split(' ').next()?.parse::<u64>().ok()
    });
    told.sum()
}

/// Stops an httpd, and answers how many losses it has told of until its end.
fn losses_told_by_the_end(server: Server) -> u64 {
    losses_told(&server.stop_idle())
}

/// The state of a process, as ps shows it: `T` stopped, `Z` dead but not yet buried. `None`: there is no such process.
fn state(process: u32) -> Option<char> {
    let about = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    about.rsplit_once(") ")?.1.chars().next()
}
