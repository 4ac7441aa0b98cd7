//! An httpd with its own root, port and configuration.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{Client, Response, eventually, httpd, module, modules_directory, signal};

/// How httpd spreads its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mpm {
    Event,
    Worker,
    Prefork,
}

impl Mpm {
    pub const ALL: [Mpm; 3] = [Mpm::Event, Mpm::Worker, Mpm::Prefork];

    fn name(self) -> &'static str {
        match self {
            Mpm::Event => "event",
            Mpm::Worker => "worker",
            Mpm::Prefork => "prefork",
        }
    }
}

/// An httpd to be started.
pub struct Setup {
    httpd: PathBuf,
    module: PathBuf,
    load_lines: String,
    mpm: Mpm,
    modules: Vec<&'static str>,
    configuration: String,
    /// What starts it, with its arguments.
    starter: Vec<String>,
    root: PathBuf,
    port: u16,
}

/// A directory that nobody else has, for one httpd.
fn fresh_root() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let root = std::env::temp_dir().join(format!("palisade-httpd-{}-{number}", std::process::id()));
    fs::create_dir_all(root.join("htdocs")).expect("a directory for the test");
    root
}

impl Setup {
    /// The module in an httpd. `None` where one of the two is missing.
    pub fn new() -> Option<Setup> {
        Some(Setup::with(httpd()?, module()?))
    }

    pub fn with(httpd: PathBuf, module: PathBuf) -> Setup {
        let load_lines = load_line("security2_module", &module);
        Setup {
            httpd,
            module,
            load_lines,
            mpm: Mpm::Event,
            modules: vec!["unixd", "authz_core", "log_config", "mime", "unique_id"],
            configuration: String::new(),
            starter: Vec::new(),
            root: fresh_root(),
            port: crate::ports::free(),
        }
    }

    pub fn mpm(mut self, mpm: Mpm) -> Setup {
        self.mpm = mpm;
        self
    }

    /// Loads the module under these names instead of `security2_module`.
    pub fn load_as(mut self, names: &[&str]) -> Setup {
        self.load_lines = names
            .iter()
            .map(|name| load_line(name, &self.module))
            .collect();
        self
    }

    /// Adds a line before everything that is not loading modules.
    pub fn load_line(mut self, line: &str) -> Setup {
        self.load_lines.push_str(line);
        self.load_lines.push('\n');
        self
    }

    /// Loads further modules of httpd's, by short name.
    pub fn modules(mut self, names: &[&'static str]) -> Setup {
        self.modules.extend(names);
        self
    }

    /// Leaves modules out that are loaded otherwise.
    pub fn without(mut self, name: &str) -> Setup {
        self.modules.retain(|loaded| *loaded != name);
        self
    }

    /// Adds to the configuration. `{ROOT}` and `{PORT}` stand for what they say.
    pub fn conf(mut self, text: &str) -> Setup {
        self.configuration.push_str(text);
        self.configuration.push('\n');
        self
    }

    /// Lets a command start it that becomes it (`env`, `prlimit`). `{ROOT}` stands for what it says.
    pub fn under(mut self, command: &[&str]) -> Setup {
        let root = self.root.display().to_string();
        let words = command.iter().map(|word| word.replace("{ROOT}", &root));
        self.starter.extend(words);
        self
    }

    /// Puts a file under the document root.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Setup {
        let path = self.root.join("htdocs").join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        fs::write(path, content).expect("a file under the document root");
        self
    }

    /// Puts a program under the document root.
    pub fn program(self, name: &str, content: &str) -> Setup {
        let path = self.root.join("htdocs").join(name);
        let setup = self.file(name, content);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("an executable file");
        setup
    }

    /// What `ServerRoot` will be.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the configuration will lie.
    pub fn configuration_file(&self) -> PathBuf {
        self.root.join("httpd.conf")
    }

    fn write(&self) {
        let directory = modules_directory();
        let mut text = format!(
            "ServerRoot {root}\nPidFile {root}/httpd.pid\nMutex default:{root}\nListen 127.0.0.1:{port}\n\
             ServerName www.example.test:{port}\nLoadModule mpm_{mpm}_module {modules}/mod_mpm_{mpm}.so\n",
            root = self.root.display(),
            port = self.port,
            mpm = self.mpm.name(),
            modules = directory.display(),
        );
        for name in &self.modules {
            // Which modules are built in differs from one distribution to the next.
            text.push_str(&format!(
                "<IfModule !mod_{name}.c>\nLoadModule {name}_module {}/mod_{name}.so\n</IfModule>\n",
                directory.display()
            ));
        }
        text.push_str(&self.load_lines);
        if let Some(user) = unprivileged_user() {
            text.push_str(&format!("User {user}\nGroup {user}\n"));
        }
        text.push_str(
            "ErrorLog error.log\nCustomLog access.log \"%h %>s %B %r\"\nLogLevel info\nDocumentRoot htdocs\n\
             TypesConfig /dev/null\nAddType text/html .html\nAddType text/plain .txt\nTimeout 20\n\
             StartServers 2\n<IfModule !mpm_prefork_module>\nThreadsPerChild 8\nMinSpareThreads 8\n\
             MaxSpareThreads 32\nMaxRequestWorkers 32\n</IfModule>\n<IfModule mpm_prefork_module>\n\
             MaxRequestWorkers 32\n</IfModule>\n",
        );
        text.push_str(&self.configuration);
        let text = text
            .replace("{ROOT}", &self.root.display().to_string())
            .replace("{PORT}", &self.port.to_string());
        fs::write(self.configuration_file(), text).expect("the configuration file");
    }

    fn command(&self) -> Command {
        let mut command = match self.starter.split_first() {
            None => Command::new(&self.httpd),
            Some((first, rest)) => {
                let mut starter = Command::new(first);
                starter.args(rest).arg(&self.httpd);
                starter
            }
        };
        command.arg("-f").arg(self.configuration_file());
        // Rust's backtraces would be read from disk after a panic; nobody wants that in a server.
        command.env_remove("RUST_BACKTRACE");
        command
    }

    /// What `httpd -t` says of the configuration: whether it is good, and the text.
    pub fn check(&self) -> (bool, String) {
        self.check_and(|output| (output.status.success(), said(&output)))
    }

    /// Lets `httpd -t` check the configuration, and then looks at something before the root is removed.
    pub fn check_and<T>(&self, look: impl FnOnce(Output) -> T) -> T {
        self.write();
        let output = self.command().arg("-t").output().expect("httpd -t");
        let seen = look(output);
        let _ = fs::remove_dir_all(&self.root);
        seen
    }

    /// Starts it, and waits until it answers.
    pub fn start(self) -> Server {
        match self.try_start() {
            Ok(server) => server,
            Err(reason) => panic!("httpd did not start:\n{reason}"),
        }
    }

    /// Starts it; the error is what it said when it ended by itself.
    pub fn try_start(mut self) -> Result<Server, String> {
        loop {
            match self.launch() {
                Ok(child) => {
                    return Ok(Server {
                        child,
                        root: self.root,
                        port: self.port,
                        may_panic: false,
                        may_die: false,
                    });
                }
                // Somebody else took the port while nobody had it.
                Err(reason) if reason.contains("could not bind") => {
                    self.port = crate::ports::free()
                }
                Err(reason) => {
                    let _ = fs::remove_dir_all(&self.root);
                    return Err(reason);
                }
            }
        }
    }

    fn launch(&self) -> Result<Child, String> {
        self.write();
        let output = fs::File::create(self.root.join("stderr.log")).expect("a file for its output");
        let mut child = self
            .command()
            .arg("-DFOREGROUND")
            // When it ends, httpd ends its whole process group, in which the tests would be.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .expect("httpd");
        let said = |name| fs::read_to_string(self.root.join(name)).unwrap_or_default();
        let mut ended = false;
        let up = eventually(|| {
            ended = child.try_wait().expect("its state").is_some();
            // It listens before it is ready for signals; a restart would end it.
            let ready = said("error.log").contains("resuming normal operations");
            ended || ready && TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
        if up && !ended {
            return Ok(child);
        }
        stop(&mut child);
        Err(said("stderr.log") + &said("error.log"))
    }
}

/// Ends a process of ours by its number; by force if it does not listen.
fn stop(child: &mut Child) {
    let running = |child: &mut Child| child.try_wait().is_ok_and(|ended| ended.is_none());
    if running(child) {
        let number = child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &number]).status();
    }
    if !eventually(|| !running(child)) {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn load_line(name: &str, module: &Path) -> String {
    format!("LoadModule {name} {}\n", module.display())
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Whom httpd's children run as where it is started by root.
fn unprivileged_user() -> Option<&'static str> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|itself| {
        use std::os::unix::fs::MetadataExt;
        itself.uid() == 0
    });
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let exists = |user: &&str| {
        known
            .lines()
            .any(|line| line.split(':').next() == Some(*user))
    };
    ["www-data", "apache", "daemon"]
        .into_iter()
        .find(exists)
        .filter(|_| is_root)
}

/// A running httpd. Stopped and removed when dropped, by its own process number.
pub struct Server {
    child: Child,
    root: PathBuf,
    port: u16,
    may_panic: bool,
    may_die: bool,
}

impl Server {
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Panics in the error log are no failure.
    pub fn may_panic(mut self) -> Server {
        self.may_panic = true;
        self
    }

    /// Deaths of its children are no failure.
    pub fn may_die(mut self) -> Server {
        self.may_die = true;
        self
    }

    /// The number of the parent process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn client(&self) -> Client {
        Client::connect(self.port)
    }

    /// The answer to a GET on a connection of its own.
    pub fn get(&self, target: &str) -> Response {
        self.request("GET", target, "", b"")
    }

    /// The answer to a POST of a form on a connection of its own.
    pub fn post(&self, target: &str, body: &[u8]) -> Response {
        self.request(
            "POST",
            target,
            "Content-Type: application/x-www-form-urlencoded\r\n",
            body,
        )
    }

    /// The answer to a request on a connection of its own. `headers` are whole lines.
    pub fn request(&self, method: &str, target: &str, headers: &str, body: &[u8]) -> Response {
        let mut client = self.client();
        client.send_request(
            method,
            target,
            &format!("{headers}Connection: close\r\n"),
            body,
        );
        client.response()
    }

    pub fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.root.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub fn error_log(&self) -> String {
        self.read("error.log")
    }

    /// Waits for a text in the error log, and returns the lines that have it.
    pub fn logged(&self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        eventually(|| {
            let log = self.error_log();
            lines = log
                .lines()
                .filter(|line| line.contains(text))
                .map(str::to_owned)
                .collect();
            !lines.is_empty()
        });
        assert!(
            !lines.is_empty(),
            "{text:?} is not in the error log:\n{}",
            self.error_log()
        );
        lines
    }

    /// The records of the audit log `audit.log`, waiting until there are that many.
    pub fn audit_records(&self, expected: usize) -> Vec<String> {
        let records = || -> Vec<String> {
            let log = self.read("audit.log");
            let begins = |line: &&str| line.starts_with("--") && line.ends_with("-A--");
            let starts: Vec<&str> = log.lines().filter(begins).collect();
            let mut records = Vec::new();
            for (at, start) in starts.iter().enumerate() {
                let from = log.find(start).unwrap_or(0);
                let to = starts
                    .get(at + 1)
                    .and_then(|next| log.find(next))
                    .unwrap_or(log.len());
                records.push(log[from..to].to_owned());
            }
            records
        };
        eventually(|| records().len() >= expected);
        let records = records();
        assert_eq!(
            records.len(),
            expected,
            "audit log:\n{}",
            self.read("audit.log")
        );
        records
    }

    /// The processes that serve requests.
    pub fn children(&self) -> Vec<u32> {
        let path = format!("/proc/{0}/task/{0}/children", self.child.id());
        let listed = fs::read_to_string(path).unwrap_or_default();
        listed
            .split_whitespace()
            .filter_map(|number| number.parse().ok())
            .collect()
    }

    /// Sends httpd's parent a signal, by name.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Stops it when its connections are closed, and returns what it logged until its end.
    pub fn stop_idle(mut self) -> String {
        std::thread::sleep(Duration::from_millis(300));
        stop(&mut self.child);
        self.error_log()
    }

    /// Whether httpd still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_none())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Deaths are looked for before it is told to stop. The event and worker MPMs close the sockets of their threads
        // at SIGTERM while these may be closing them too, and then a child can die in httpd's own code
        // (`close_worker_sockets`). `start::stopping_is_clean` looks at the end of an httpd that has nothing to close.
        let before = self.error_log();
        stop(&mut self.child);
        let log = self.error_log();
        if std::thread::panicking() {
            eprintln!(
                "httpd's files are in {}; its error log:\n{log}",
                self.root.display()
            );
            return;
        }
        let _ = fs::remove_dir_all(&self.root);
        assert!(
            self.may_die || !before.contains("exit signal"),
            "a child process died:\n{log}"
        );
        assert!(
            self.may_panic || !log.contains("(panic)"),
            "there was a panic:\n{log}"
        );
    }
}
