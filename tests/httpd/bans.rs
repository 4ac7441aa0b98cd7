//! From a request to a ban: what fail2ban's filters read in our logs, those that we ship and those that others have, and a fail2ban
//! server that writes the file of bans.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{Server, Setup, eventually, missing};
use crate::scratch::Scratch;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/apache-conf");

/// A blog that nobody can log in to.
const BLOG: &str = "#!/bin/sh\nhead -c \"${CONTENT_LENGTH:-0}\" > /dev/null\nprintf 'Status: %s x\\r\\nContent-Type: text/html\\r\\n\\r\\n' \"${QUERY_STRING:-200}\"\n";

const CONF: &str = r#"
ScriptSock {ROOT}/cgisock
ScriptAliasMatch ^/(blog|known) {ROOT}/htdocs/blog.sh
<Directory {ROOT}/htdocs>
  Options +ExecCGI
</Directory>
Include {SHIPPED}/recommended.conf
Include {SHIPPED}/rules/*.conf
SecRule ARGS "@streq cut" "id:1,phase:2,drop"
SecClientAddress header
SecTrustedProxy 127.0.0.1
SecLoginAuditLog logins.log
<Location /blog>
  SecLoginAudit wordpress
</Location>
<Location /wp>
  SecLoginAuditFormat wp-fail2ban
</Location>
<Location /known>
  SecLoginAudit known
</Location>
"#;

fn setup() -> Option<Setup> {
    let installed = Command::new("fail2ban-regex").arg("--version").output();
    if installed.is_err() {
        missing("fail2ban");
        return None;
    }
    let setup = Setup::new()?
        .modules(&["alias", "cgid"])
        .conf(&CONF.replace("{SHIPPED}", SHIPPED))
        .program("blog.sh", BLOG);
    Some(setup)
}

fn send(server: &Server, target: &str, client: &str, kind: &str, body: &str) -> u16 {
    let from = match client {
        "" => String::new(),
        client => format!("X-Forwarded-For: {client}\r\n"),
    };
    let headers = format!("{from}Content-Type: {kind}\r\nUser-Agent: PHP/5.2.10\r\n");
    server
        .request("POST", target, &headers, body.as_bytes())
        .status
}

const FORM: &str = "application/x-www-form-urlencoded";
/// A malformed call, as bots send it.
const SPAM: &str =
    "<?xml version=\"1.0\"?><methodCall><methodName>pingback.ping</methodName><params>";

fn guess(server: &Server, client: &str, user: &str) {
    let form = format!("log={user}&pwd=x");
    assert_eq!(send(server, "/blog/wp-login.php", client, FORM, &form), 200);
}

fn spam(server: &Server, client: &str) {
    assert_eq!(send(server, "/xmlrpc.php", client, "text/xml", SPAM), 400);
}

/// The addresses that a filter finds in a log, in order.
fn found(log: &Path, filter: &Path) -> Vec<String> {
    let output = Command::new("fail2ban-regex")
        .args(["-o", "ip"])
        .args([log, filter])
        .output()
        .expect("fail2ban-regex");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(str::to_owned).collect()
}

fn shipped_filter(name: &str) -> PathBuf {
    Path::new(SHIPPED).join(format!("fail2ban/filter.d/{name}.conf"))
}

/// A filter with these expressions after fail2ban's usual beginning of a line.
fn filter(scratch: &Scratch, daemon: &str, expressions: &[&str]) -> PathBuf {
    let path = scratch.path().join("filter.conf");
    let expressions: Vec<String> = expressions
        .iter()
        .map(|expression| format!("^%(__prefix_line)s{expression}$"))
        .collect();
    let text = format!(
        "[INCLUDES]\nbefore = /etc/fail2ban/filter.d/common.conf\n[Definition]\n_daemon = {daemon}\nfailregex = {}\n",
        expressions.join("\n            ")
    );
    fs::write(&path, text).expect("a filter");
    path
}

#[test]
fn filters_find_whom_they_should_and_nobody_else() {
    let Some(setup) = setup() else { return };
    let server = setup.start();
    for client in ["198.51.100.1", "192.0.2.66, 198.51.100.2", "2001:db8::66:0"] {
        spam(&server, client);
        guess(&server, client, "admin");
        guess(&server, client, "x+from+203.0.113.9");
    }
    // Nobody can be blamed for these.
    for client in ["", "203.0.113.9, unknown", "127.0.0.1"] {
        spam(&server, client);
        guess(&server, client, "x+from+203.0.113.9");
        guess(
            &server,
            client,
            "%0aAuthentication failure for x from 203.0.113.9",
        );
    }
    let cut = send(&server, "/blog/", "198.51.100.5", FORM, "a=cut");
    assert_eq!(cut, 0, "a connection that is cut");
    let known = |client: &str, status: &str| {
        let headers =
            format!("X-Forwarded-For: {client}\r\nX-KNOWN-USERNAME: a\r\nX-KNOWN-SIGNATURE: b\r\n");
        server.request("GET", &format!("/known/x?{status}"), &headers, b"");
    };
    known("198.51.100.6", "403");
    known("198.51.100.7", "200");
    assert!(eventually(
        || server.read("logins.log").lines().count() == 14
    ));
    assert!(eventually(|| server
        .error_log()
        .contains("connection close")));

    let (errors, logins) = (
        server.root().join("error.log"),
        server.root().join("logins.log"),
    );
    let three = ["198.51.100.1", "198.51.100.2", "2001:db8::66:0"];
    assert_eq!(found(&errors, &shipped_filter("palisade-pingback")), three);
    let mut refused = three.to_vec();
    let stock = Path::new("/etc/fail2ban/filter.d/apache-modsecurity.conf");
    assert_eq!(found(&errors, stock), refused, "as Debian ships it");
    refused.push("198.51.100.5");
    assert_eq!(found(&errors, &shipped_filter("palisade-deny")), refused);
    let mut failed: Vec<&str> = three.iter().flat_map(|client| [*client; 2]).collect();
    failed.push("198.51.100.6");
    assert_eq!(found(&logins, &shipped_filter("palisade-login")), failed);
    // LoginSyslog's own filter, which asks for Known.
    let scratch = Scratch::new("filters");
    let own = [
        "Authentication failure for .* from <HOST>",
        "Invalid user .* from <HOST>",
    ];
    assert_eq!(
        found(&logins, &filter(&scratch, "idno", &own)),
        ["198.51.100.6"]
    );
}

#[test]
fn wp_fail2bans_filters_read_its_wording() {
    let Some(setup) = setup() else { return };
    let server = setup
        .conf("SecRuleEngine Off\nSecLoginAuditFormat wp-fail2ban")
        .start();
    let call = |user: &str| {
        format!(
            "<value><struct><member><name>methodName</name><value>wp.getUsersBlogs</value></member><member><name>params</name><value><array><data><value>{user}</value><value>x</value></data></array></value></member></struct></value>"
        )
    };
    let one = "<methodCall><methodName>wp.getUsersBlogs</methodName><params><param><value>admin</value></param><param><value>x</value></param></params></methodCall>";
    let many = format!(
        "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>{}{}</data></array></value></param></params></methodCall>",
        call("a"),
        call("b")
    );
    let soft = [
        "Pingback requested from <HOST>",
        "Authentication failure for .* from <HOST>",
        "XML-RPC authentication failure for .* from <HOST>",
        "REST authentication failure for .* from <HOST>",
        "Empty username from <HOST>",
    ];
    let hard = [
        "Authentication attempt for unknown user .* from <HOST>",
        "Blocked authentication attempt for .* from <HOST>",
        "XML-RPC multicall authentication failure from <HOST>",
    ];
    guess(&server, "198.51.100.1", "admin");
    guess(&server, "2001:db8::2", "");
    send(
        &server,
        "/blog/xmlrpc.php?403",
        "198.51.100.3",
        "text/xml",
        one,
    );
    let rest = "X-Forwarded-For: 198.51.100.4\r\nAuthorization: Basic Ym9iOnNlY3JldA==\r\n";
    server.request("GET", "/blog/wp-json/?401", rest, b"");
    send(
        &server,
        "/blog/xmlrpc.php?403",
        "198.51.100.5",
        "text/plain",
        &many,
    );
    guess(&server, "127.0.0.1", "x+from+203.0.113.9");
    assert!(eventually(|| server.read("logins.log").lines().count() >= 5));
    let logins = server.root().join("logins.log");
    let scratch = Scratch::new("filters");
    let daemon = "(?:wordpress|wp)";
    let expected = [
        "198.51.100.1",
        "2001:db8::2",
        "198.51.100.3",
        "198.51.100.4",
    ];
    assert_eq!(
        found(&logins, &filter(&scratch, daemon, &soft)),
        expected,
        "{}",
        server.read("logins.log")
    );
    let hard = found(&logins, &filter(&scratch, daemon, &hard));
    let all = found(&logins, &shipped_filter("palisade-login"));
    assert_eq!(hard, ["198.51.100.5"], "{}", server.read("logins.log"));
    assert_eq!(all.len(), 5);
}

/// A fail2ban of its own: no firewall, nothing outside of its directory.
struct Fail2ban {
    child: Child,
    root: PathBuf,
}

impl Fail2ban {
    /// Starts it with the shipped filters, action and jails over the system's own files. `jails` goes into `jail.local`.
    fn start(root: &Path, jails: &str) -> Fail2ban {
        let run = |command: &mut Command| {
            let status = command.status().expect("a program");
            assert!(status.success(), "{command:?}");
        };
        let config = root.join("config");
        run(Command::new("cp")
            .arg("-r")
            .arg("/etc/fail2ban")
            .arg(&config));
        for part in ["filter.d", "action.d", "jail.d"] {
            let from = format!("{SHIPPED}/fail2ban/{part}/.");
            run(Command::new("cp")
                .arg("-r")
                .arg(from)
                .arg(config.join(part)));
        }
        let local = format!(
            "[Definition]\ndbfile = {}\n",
            root.join("bans.sqlite3").display()
        );
        fs::write(config.join("fail2ban.local"), local).unwrap();
        fs::write(config.join("jail.local"), jails).unwrap();
        let log = fs::File::create(root.join("fail2ban.log")).unwrap();
        let child = Command::new("fail2ban-server")
            .args(["-f", "--logtarget", "STDOUT"])
            .arg("-c")
            .arg(&config)
            .arg("-s")
            .arg(root.join("socket"))
            .arg("-p")
            .arg(root.join("pid"))
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .spawn()
            .expect("fail2ban-server");
        let fail2ban = Fail2ban {
            child,
            root: root.to_owned(),
        };
        let up = eventually(|| fail2ban.ask(&["ping"]).contains("pong"));
        assert!(up, "{}", fail2ban.log());
        fail2ban
    }

    fn log(&self) -> String {
        fs::read_to_string(self.root.join("fail2ban.log")).unwrap_or_default()
    }

    fn ask(&self, words: &[&str]) -> String {
        let output = Command::new("fail2ban-client")
            .arg("-s")
            .arg(self.root.join("socket"))
            .arg("-p")
            .arg(self.root.join("pid"))
            .args(words)
            .output();
        output.map_or_else(
            |_| String::new(),
            |output| String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }

    /// The lines of the file of bans: address, seconds until the end, jail.
    fn bans(&self) -> Vec<(String, Option<u64>, String)> {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let text = fs::read_to_string(self.root.join("banned")).unwrap_or_default();
        let mut bans: Vec<_> = text
            .lines()
            .map(|line| {
                let (entry, comment) = line.split_once(" # fail2ban ").expect(line);
                let (address, end) = entry.split_once(' ').unwrap_or((entry, ""));
                let end = end.parse::<u64>().ok();
                let left = end.map(|end| end.saturating_sub(now.as_secs()));
                (address.to_owned(), left, comment.to_owned())
            })
            .collect();
        bans.sort();
        bans
    }

    fn banned(&self) -> Vec<(String, String)> {
        let bans = self.bans().into_iter();
        bans.map(|(address, _, jail)| (address, jail)).collect()
    }
}

impl Drop for Fail2ban {
    fn drop(&mut self) {
        let number = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &number]).status();
        let ended = eventually(|| self.child.try_wait().is_ok_and(|ended| ended.is_some()));
        if !ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn jails(server: &Server, root: &Path) -> String {
    let file = |name: &str| server.root().join(name).display().to_string();
    let ban_file = root.join("banned");
    format!(
        "[DEFAULT]\nbackend = polling\nbanaction = palisade-ban[banfile={ban_file}]\nbanaction_allports = palisade-ban[banfile={ban_file}]\n\
         ignoreself = false\n[sshd]\nenabled = false\n\
         [palisade-login]\nenabled = true\nbackend = polling\nlogpath = {logins}\n\
         [palisade-pingback]\nenabled = true\nlogpath = {errors}\n",
        ban_file = ban_file.display(),
        logins = file("logins.log"),
        errors = file("error.log"),
    )
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(address, jail): &(&str, &str)| ((*address).to_owned(), (*jail).to_owned());
    expected.iter().map(own).collect()
}

#[test]
fn a_spammer_and_a_guesser_behind_a_proxy_are_banned_and_nobody_else() {
    let Some(setup) = setup() else { return };
    let server = setup.start();
    let scratch = Scratch::new("fail2ban");
    // fail2ban wants to see its logs when it begins.
    guess(&server, "198.51.100.99", "once");
    let fail2ban = Fail2ban::start(scratch.path(), &jails(&server, scratch.path()));
    for _ in 0..3 {
        spam(&server, "192.0.2.66, 198.51.100.21");
        spam(&server, "203.0.113.9, unknown");
        spam(&server, "");
    }
    for number in 0..5 {
        guess(&server, "2001:db8::66:0", "admin");
        guess(
            &server,
            "192.0.2.66, 198.51.100.22",
            &format!("u{number}+from+203.0.113.9"),
        );
        guess(&server, "", "x+from+203.0.113.9");
        guess(&server, "203.0.113.9, unknown", "x+from+203.0.113.9");
    }
    let expected = pairs(&[
        ("198.51.100.21", "palisade-pingback"),
        ("198.51.100.22", "palisade-login"),
        ("2001:db8::66:0", "palisade-login"),
    ]);
    eventually(|| fail2ban.banned().len() >= expected.len());
    assert_eq!(fail2ban.banned(), expected, "{}", fail2ban.log());
    for (address, left, _) in fail2ban.bans() {
        assert!(
            left.is_some_and(|left| (3500..=3600).contains(&left)),
            "{address}: {left:?}"
        );
    }
    let status = fail2ban.ask(&["status", "palisade-login"]);
    assert!(status.contains("Currently banned:\t2"), "{status}");

    fail2ban.ask(&["set", "palisade-login", "unbanip", "2001:db8::66:0"]);
    assert!(
        eventually(|| fail2ban.banned().len() == 2),
        "{}",
        fail2ban.log()
    );
    // The same address in two jails: each has a line of its own.
    fail2ban.ask(&["set", "palisade-login", "banip", "198.51.100.21"]);
    assert!(
        eventually(|| fail2ban.banned().len() == 3),
        "{}",
        fail2ban.log()
    );
    fail2ban.ask(&["set", "palisade-pingback", "unbanip", "198.51.100.21"]);
    let left = pairs(&[
        ("198.51.100.21", "palisade-login"),
        ("198.51.100.22", "palisade-login"),
    ]);
    assert!(
        eventually(|| fail2ban.banned() == left),
        "{:?}\n{}",
        fail2ban.banned(),
        fail2ban.log()
    );
    assert!(!fail2ban.log().contains("ERROR"), "{}", fail2ban.log());
}

#[test]
fn jails_are_off_until_they_are_wanted() {
    let text = fs::read_to_string(format!("{SHIPPED}/fail2ban/jail.d/palisade.conf")).unwrap();
    let jails = text.lines().filter(|line| line.starts_with('[')).count();
    let off = text
        .lines()
        .filter(|line| line.replace(' ', "") == "enabled=false");
    assert_eq!((jails, off.count()), (3, 3));
}
