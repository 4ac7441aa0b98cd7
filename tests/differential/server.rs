//! An httpd with one process that answers one request at a time.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::scenario::Configuration;

/// How long starting, answering and ending may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was answered.
pub struct Exchange {
    /// The client's port, by which the logs tell requests apart.
    pub port: u16,
    pub response: Vec<u8>,
}

/// Where httpd and its modules lie.
pub struct Installation {
    pub program: PathBuf,
    pub modules: PathBuf,
}

impl Installation {
    pub fn find() -> Option<Installation> {
        let programs = ["/usr/sbin/apache2", "/usr/sbin/httpd"];
        let modules = ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules"];
        let existing =
            |paths: [&str; 2]| paths.iter().map(PathBuf::from).find(|path| path.exists());
        Some(Installation {
            program: existing(programs)?,
            modules: existing(modules)?,
        })
    }
}

pub struct Server {
    child: Child,
    pub root: PathBuf,
    pub port: u16,
    ports: HashSet<u16>,
}

impl Server {
    /// Starts one with a module and these files of configuration, by name, in a fresh directory.
    pub fn start(
        installation: &Installation,
        name: &str,
        module: &Path,
        backend: u16,
        files: &[(&str, String)],
    ) -> Server {
        let root = fresh_root(name);
        let port = crate::ports::free();
        let text = format!("Define BACKEND {backend}\nDefine ROOT {}\n", root.display())
            + &base(installation, module, &root, port)
            + include_str!("httpd.conf");
        fs::write(root.join("httpd.conf"), text).unwrap();
        for (name, text) in files {
            fs::write(root.join("scenarios").join(format!("{name}.conf")), text).unwrap();
        }
        let output = fs::File::create(root.join("startup.log")).unwrap();
        let child = Command::new(&installation.program)
            .arg("-f")
            .arg(root.join("httpd.conf"))
            .arg("-DFOREGROUND")
            // A prefork parent ends by sending SIGTERM to its whole process group.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut server = Server {
            child,
            root,
            port,
            ports: HashSet::new(),
        };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().unwrap().is_some();
            if ended || begin.elapsed() > PATIENCE {
                panic!(
                    "httpd with {} did not start:\n{}{}",
                    module.display(),
                    server.read("startup.log"),
                    server.read("error.log")
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    /// Sends bytes on a connection of their own and reads until the server closes it: by then it has written its logs.
    pub fn exchange(&mut self, request: &[u8]) -> Exchange {
        let mut stream = self.connect();
        let port = stream.local_addr().unwrap().port();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A server that has heard enough may have closed: that is an answer, too.
        let _ = stream.write_all(request);
        let _ = stream.shutdown(Shutdown::Write);
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        Exchange { port, response }
    }

    /// A connection from a port that has not been used before.
    fn connect(&mut self) -> TcpStream {
        loop {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
            if self.ports.insert(stream.local_addr().unwrap().port()) {
                return stream;
            }
        }
    }

    pub fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.root.join(name)).unwrap_or_default();
        // A character is a byte, as in the scenarios.
        bytes.into_iter().map(char::from).collect()
    }

    /// Ends it, and with it its logs.
    pub fn stop(&mut self) {
        if self.child.try_wait().unwrap().is_some() {
            return;
        }
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let begin = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if begin.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A directory that the server's user can reach, with what it serves and places to write to.
fn fresh_root(name: &str) -> PathBuf {
    let root = std::env::temp_dir().join(format!(
        "palisade-differential-{}-{name}",
        std::process::id()
    ));
    let _ = fs::remove_dir_all(&root);
    for directory in ["htdocs/sub", "scenarios", "tmp", "data"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for directory in ["tmp", "data"] {
        let writable = fs::Permissions::from_mode(0o1777);
        fs::set_permissions(root.join(directory), writable).unwrap();
    }
    for (file, content) in [
        ("index.html", "<p>hello, world</p>\n"),
        ("text.txt", "plain text: secret=42\n"),
        ("data.json", "{\"a\": [1, 2]}\n"),
        ("sub/index.html", "<p>below</p>\n"),
        ("none", "no type\n"),
        ("secret.html", "<p>the secret is 42</p>\n"),
        ("error.html", "<p>an error page</p>\n"),
        (
            "page.shtml",
            "<p>one <!--#include virtual=\"/sub/index.html\" --> two <!--#echo var=\"QUERY_STRING\" --></p>\n",
        ),
    ] {
        fs::write(root.join("htdocs").join(file), content).unwrap();
    }
    for (file, content) in [
        ("order.xsd", include_str!("../data/differential/order.xsd")),
        ("order.dtd", include_str!("../data/differential/order.dtd")),
    ] {
        fs::write(root.join(file), content).unwrap();
    }
    fs::write(root.join("phrases.txt"), "# comment\nphrase\n\nother\n").unwrap();
    fs::write(root.join("networks.txt"), "# comment\n10.0.0.0/8\n::1\n").unwrap();
    let map = "20127 (US-ASCII)\n00ea:65 0160:53 2019:27 ff1c:3c \n";
    fs::write(root.join("unicode.mapping"), map).unwrap();
    fs::write(root.join("htdocs/long.txt"), "0123456789".repeat(200)).unwrap();
    root
}

/// All but the scenarios.
fn base(installation: &Installation, module: &Path, root: &Path, port: u16) -> String {
    let modules = installation.modules.display();
    let mut text = format!(
        "ServerRoot {root}\nPidFile {root}/httpd.pid\nMutex default:{root}\nListen 127.0.0.1:{port}\n\
         LoadModule mpm_prefork_module {modules}/mod_mpm_prefork.so\n",
        root = root.display(),
    );
    for name in [
        "unixd",
        "authz_core",
        "authn_core",
        "alias",
        "dir",
        "env",
        "filter",
        "headers",
        "include",
        "log_config",
        "mime",
        "proxy",
        "proxy_http",
        "rewrite",
        "setenvif",
        "unique_id",
    ] {
        text.push_str(&format!(
            "<IfModule !mod_{name}.c>\nLoadModule {name}_module {modules}/mod_{name}.so\n</IfModule>\n"
        ));
    }
    text.push_str(&format!(
        "LoadModule security2_module {}\n",
        module.display()
    ));
    if fs::metadata(root).unwrap().uid() == 0 {
        text.push_str("User \"#65534\"\nGroup \"#65534\"\n");
    }
    text
}

/// Whether httpd takes each line of configuration, behind what stands before all of them.
///
/// Every line is read in a virtual host of its own, so that one run of httpd reads them up to the first that it refuses.
pub fn reads(
    installation: &Installation,
    name: &str,
    module: &Path,
    configuration: &Configuration,
) -> Vec<bool> {
    let root = fresh_root(name);
    let head = base(installation, module, &root, 9);
    let head = format!("{head}ServerName main.test\nErrorLog startup.log\n");
    let lines = &configuration.lines;
    let mut read = Vec::new();
    while read.len() < lines.len() {
        let mut text = head.clone();
        let mut ends = Vec::new();
        let batch = if configuration.alone { 1 } else { lines.len() };
        for line in lines.iter().skip(read.len()).take(batch) {
            let host = match configuration.alone {
                true => format!("{}\n{line}\n", configuration.before),
                false => format!(
                    "<VirtualHost *:9>\n{}\n{line}\n</VirtualHost>\n",
                    configuration.before
                ),
            };
            text.push_str(&host);
            ends.push(text.lines().count());
        }
        fs::write(root.join("httpd.conf"), text).unwrap();
        let output = Command::new(&installation.program)
            .arg("-t")
            .arg("-f")
            .arg(root.join("httpd.conf"))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        let mistake = told.split("Syntax error on line ").nth(1);
        let mistake = mistake.and_then(|text| text.split(' ').next()?.parse::<usize>().ok());
        match mistake {
            _ if output.status.success() => read.extend(ends.iter().map(|_| true)),
            Some(mistake) => {
                let good = ends.iter().filter(|end| **end < mistake).count();
                read.extend((0..good).map(|_| true));
                read.push(false);
            }
            None => panic!("{told}"),
        }
    }
    let _ = fs::remove_dir_all(&root);
    read
}
