//! A real httpd in a directory of its own.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::variable;

/// Reading the rules may take so long.
const START: Duration = Duration::from_secs(60);

/// Ending, too.
const STOP: Duration = Duration::from_secs(30);

/// What the engine is told to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `DetectionOnly`, as the suite is made for.
    Detection,
    /// `On`.
    Blocking,
    /// `DetectionOnly`, without the rule set.
    NoRules,
}

/// A server that runs until it is stopped or dropped.
pub struct Httpd {
    child: Child,
    root: PathBuf,
    address: SocketAddr,
}

/// The MPM that was asked for.
pub fn mpm() -> String {
    let mpm = variable("CRS_MPM").unwrap_or_else(|| "event".into());
    assert!(
        ["event", "prefork"].contains(&mpm.as_str()),
        "CRS_MPM is event or prefork, not {mpm}"
    );
    mpm
}

impl Httpd {
    /// Starts one with the rules in `crs` and waits until it accepts connections.
    pub fn start(crs: &Path, mode: Mode, backend: SocketAddr) -> Result<Httpd, String> {
        let module = module()?;
        let root = directory().map_err(|e| format!("a temporary directory: {e}"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], crate::ports::free()));
        let configuration = root.join("httpd.conf");
        let settings = settings(crs, mode, backend, &module, &root, address.port())?;
        fs::write(&configuration, settings + include_str!("httpd.conf"))
            .map_err(|e| format!("{}: {e}", configuration.display()))?;
        let output = File::create(root.join("startup.log")).map_err(|e| e.to_string())?;
        let errors = output.try_clone().map_err(|e| e.to_string())?;
        let child = Command::new(program())
            .arg("-f")
            .arg(&configuration)
            .arg("-DFOREGROUND")
            // A prefork parent ends by sending SIGTERM to its whole process group.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|e| format!("{}: {e}", program().display()))?;
        let mut httpd = Httpd {
            child,
            root,
            address,
        };
        httpd.wait_until_up()?;
        Ok(httpd)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the server, and with it the log; returns the directory.
    pub fn stop(mut self) -> Result<PathBuf, String> {
        self.terminate()
            .map_err(|e| format!("httpd does not end: {e}"))?;
        Ok(self.root.clone())
    }

    fn wait_until_up(&mut self) -> Result<(), String> {
        let begin = Instant::now();
        while begin.elapsed() < START {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("httpd ended with {status}:\n{}", self.words()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!(
            "httpd is not up after {START:?}:\n{}",
            self.words()
        ))
    }

    /// What the server said last, on its terminal and in its log.
    fn words(&self) -> String {
        ["startup.log", "error.log"]
            .iter()
            .map(|name| tail(&self.root.join(name)).unwrap_or_default())
            .collect()
    }

    fn terminate(&mut self) -> io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        Command::new("kill")
            .arg(self.child.id().to_string())
            .status()?;
        let begin = Instant::now();
        while begin.elapsed() < STOP {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child.kill()?;
        self.child.wait()?;
        Err(io::Error::other("killed"))
    }
}

impl Drop for Httpd {
    fn drop(&mut self) {
        let _ = self.terminate();
    }
}

fn module() -> Result<PathBuf, String> {
    let path = variable("PALISADE_MODULE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/mod_palisade.so"),
        PathBuf::from,
    );
    path.canonicalize().map_err(|e| {
        format!(
            "the module under test, {} (PALISADE_MODULE; `make build` builds it): {e}",
            path.display()
        )
    })
}

/// The definitions that the configuration file begins with.
fn settings(
    crs: &Path,
    mode: Mode,
    backend: SocketAddr,
    module: &Path,
    root: &Path,
    port: u16,
) -> Result<String, String> {
    let modules = Command::new("apxs")
        .args(["-q", "LIBEXECDIR"])
        .output()
        .map_err(|e| format!("apxs: {e}"))?;
    let modules = String::from_utf8_lossy(&modules.stdout);
    let mut text = String::new();
    for (name, value) in [
        ("MODULES", modules.trim()),
        ("MODULE", &module.display().to_string()),
        ("MPM", &mpm()),
        ("ROOT", &root.display().to_string()),
        ("PORT", &port.to_string()),
        ("BACKEND", &format!("http://{backend}")),
        ("CRS", &crs.display().to_string()),
    ] {
        text.push_str(&format!("Define {name} \"{value}\"\n"));
    }
    let as_root = fs::metadata(root).map_err(|e| e.to_string())?.uid() == 0;
    for (flag, set) in [
        ("AS_ROOT", as_root),
        ("BLOCKING", mode == Mode::Blocking),
        ("NO_RULES", mode == Mode::NoRules),
        (
            "NO_PREFILTER",
            variable("CRS_PREFILTER").is_some_and(|value| value == "Off"),
        ),
    ] {
        if set {
            text.push_str(&format!("Define {flag}\n"));
        }
    }
    Ok(text)
}

/// Debian calls it apache2, others httpd; it lies where users' paths do not always lead.
fn program() -> PathBuf {
    [
        "/usr/sbin/apache2",
        "/usr/sbin/httpd",
        "/usr/local/apache2/bin/httpd",
    ]
    .iter()
    .map(PathBuf::from)
    .find(|path| path.exists())
    .unwrap_or_else(|| "httpd".into())
}

/// A fresh directory that the server's user can reach, with a place in it to write to.
fn directory() -> io::Result<PathBuf> {
    let mut number = 0;
    let root = loop {
        let name = format!("palisade-crs-{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(name);
        match fs::create_dir(&root) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            other => break other.map(|()| root)?,
        }
    };
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755))?;
    let temporary = root.join("tmp");
    fs::create_dir(&temporary)?;
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o1777))?;
    Ok(root)
}

fn tail(file: &Path) -> io::Result<String> {
    const ENOUGH: u64 = 4096;
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
