//! The servers that are compared: the same httpd, with and without a firewall.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::policy::Policy;
use crate::{ports, workloads};

/// How long starting, restarting and stopping may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether the server is up.
const GLANCE: Duration = Duration::from_micros(500);

/// Which firewall.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Firewall {
    ModSecurity,
    Palisade,
}

/// What a server is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    /// httpd alone.
    Bare,
    /// httpd with a firewall.
    Guarded(Firewall, Policy),
}

impl Variant {
    pub fn policy(self) -> Policy {
        match self {
            Variant::Bare => Policy::NoRules,
            Variant::Guarded(_, policy) => policy,
        }
    }
}

/// What is installed here.
pub struct Installation {
    program: PathBuf,
    modules: PathBuf,
    mod_security: PathBuf,
    palisade: PathBuf,
}

impl Installation {
    /// The error names what is missing.
    pub fn find() -> Result<Installation, String> {
        let usual = [
            "/usr/sbin/apache2",
            "/usr/sbin/httpd",
            "/usr/local/apache2/bin/httpd",
        ];
        let program = first("httpd", usual.map(PathBuf::from))?;
        let usual = [
            "/usr/lib/apache2/modules",
            "/usr/lib64/httpd/modules",
            "/usr/local/apache2/modules",
        ];
        let modules = first("httpd's modules", usual.map(PathBuf::from))?;
        let mod_security = first("mod_security2", [modules.join("mod_security2.so")])?;
        let built = std::env::var_os("PALISADE_MODULE").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/mod_palisade.so"),
            PathBuf::from,
        );
        let palisade = first(
            "Palisade's module (`make build`, or PALISADE_MODULE)",
            [built],
        )?;
        Ok(Installation {
            program,
            modules,
            mod_security,
            palisade,
        })
    }
}

fn first<const N: usize>(what: &str, places: [PathBuf; N]) -> Result<PathBuf, String> {
    let found = places.iter().find(|path| path.exists());
    found
        .cloned()
        .ok_or_else(|| format!("{what} is not at {places:?}"))
}

/// A running server in a directory of its own, which goes with it.
pub struct Httpd {
    child: Child,
    root: PathBuf,
    pub address: SocketAddr,
    pub variant: Variant,
    /// From its start until it took the first connection.
    pub start: Duration,
    /// How often it has begun to serve.
    resumed: usize,
}

impl Httpd {
    pub fn start(
        installation: &Installation,
        mpm: &str,
        variant: Variant,
    ) -> Result<Httpd, String> {
        let port = ports::free();
        let root =
            std::env::temp_dir().join(format!("palisade-bench-{}-{port}", std::process::id()));
        prepare(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        let configuration = root.join("httpd.conf");
        let text = settings(installation, mpm, variant, &root, port);
        fs::write(&configuration, text).map_err(|error| error.to_string())?;
        let output = File::create(root.join("startup.log")).map_err(|error| error.to_string())?;
        let begin = Instant::now();
        let child = Command::new(&installation.program)
            .arg("-f")
            .arg(&configuration)
            .arg("-DFOREGROUND")
            // A prefork parent ends by sending SIGTERM to its whole process group.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(|error| format!("{}: {error}", installation.program.display()))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut httpd = Httpd {
            child,
            root,
            address,
            variant,
            start: Duration::ZERO,
            resumed: 1,
        };
        while TcpStream::connect(address).is_err() {
            let ended = !matches!(httpd.child.try_wait(), Ok(None));
            if ended || begin.elapsed() > PATIENCE {
                return Err(format!(
                    "httpd ({variant:?}) does not start:\n{}{}",
                    httpd.read("startup.log"),
                    httpd.read("error.log")
                ));
            }
            std::thread::sleep(GLANCE);
        }
        httpd.start = begin.elapsed();
        // It listens before it is ready for signals: a restart would end it.
        httpd.resumed(1)?;
        Ok(httpd)
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// `SecDataDir`.
    pub fn data(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// A file of the server's directory.
    pub fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.root.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Restarts it gracefully, and waits until it serves again.
    pub fn restart(&mut self) -> Result<(), String> {
        self.resumed += 1;
        self.signal("USR1");
        self.resumed(self.resumed)
    }

    /// Waits until it has said that often that it serves.
    fn resumed(&self, count: usize) -> Result<(), String> {
        let begin = Instant::now();
        while self
            .read("error.log")
            .matches("resuming normal operations")
            .count()
            < count
        {
            if begin.elapsed() > PATIENCE {
                return Err(format!("httpd ({:?}) does not serve again", self.variant));
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }

    fn signal(&self, name: &str) {
        let _ = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
    }
}

impl Drop for Httpd {
    fn drop(&mut self) {
        self.signal("TERM");
        let begin = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begin.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// What the server serves, and places to write to.
fn prepare(root: &Path) -> std::io::Result<()> {
    fs::create_dir_all(root.join("htdocs"))?;
    fs::create_dir_all(root.join("tmp"))?;
    fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
    for (name, _, content) in workloads::files() {
        fs::write(root.join("htdocs").join(name), content)?;
    }
    Ok(())
}

fn settings(
    installation: &Installation,
    mpm: &str,
    variant: Variant,
    root: &Path,
    port: u16,
) -> String {
    let (root_path, modules) = (root.display(), installation.modules.display());
    let mut text = format!(
        "Define MODULES \"{modules}\"\nDefine MPM \"{mpm}\"\nDefine ROOT \"{root_path}\"\nDefine PORT \"{port}\"\n"
    );
    if fs::metadata(root).is_ok_and(|root| root.uid() == 0) {
        text.push_str("Define AS_ROOT\n");
    }
    text.push_str(include_str!("httpd.conf"));
    for (name, media_type, _) in workloads::files() {
        text.push_str(&format!(
            "<Files {name}>\nForceType {media_type}\n</Files>\n"
        ));
    }
    if let Variant::Guarded(firewall, policy) = variant {
        let module = match firewall {
            Firewall::ModSecurity => &installation.mod_security,
            Firewall::Palisade => &installation.palisade,
        };
        text.push_str(&format!(
            "<IfModule !unique_id_module>\nLoadModule unique_id_module {modules}/mod_unique_id.so\n</IfModule>\n\
             LoadModule security2_module {}\nSecTmpDir {root_path}/tmp\nSecDataDir {root_path}/tmp\n{}\
             SecAuditLog {root_path}/audit.log\n",
            module.display(),
            policy.directives(),
        ));
    }
    text
}
