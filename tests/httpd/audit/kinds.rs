//! Every kind of log, as directives ask for it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use super::{files, open_directory, setup};
use crate::harness::{Setup, eventually};

const MODES: &str = "SecAuditLogDirMode 0701\nSecAuditLogFileMode 0604\n";

/// Lines of a log, waiting until there are that many.
fn lines(server: &crate::harness::Server, name: &str, expected: usize) -> Vec<String> {
    eventually(|| server.read(name).lines().count() >= expected);
    let log = server.read(name);
    assert_eq!(log.lines().count(), expected, "{name}:\n{log}");
    log.lines().map(str::to_owned).collect()
}

#[test]
fn serial_in_every_format() {
    for (format, text) in [
        ("Native", "Message: Access denied"),
        ("JSON", r#""messages":["Access denied"#),
        ("ECS", r#""type":["access","denied"]"#),
    ] {
        let Some(setup) = setup(&format!(
            "SecAuditLog audit.log\nSecAuditLogFormat {format}"
        )) else {
            return;
        };
        let server = setup.start();
        assert_eq!(server.get("/index.html?a=evilmarker").status, 403);
        assert!(
            eventually(|| server.read("audit.log").contains(text)),
            "{format}"
        );
        if format != "Native" {
            for line in lines(&server, "audit.log", 1) {
                let record: Value = serde_json::from_str(&line).expect("one object a line");
                assert!(record.is_object());
            }
        }
    }
}

#[test]
fn a_program_gets_every_record_whole() {
    let Some(setup) =
        setup("SecAuditLog \"|$exec cat >> {ROOT}/piped.log\"\nSecAuditLogFormat JSON")
    else {
        return;
    };
    let server = setup.start();
    // Longer than a pipe keeps whole.
    let body = format!("a={}", "x".repeat(20_000));
    for _ in 0..20 {
        assert_eq!(server.post("/index.html", body.as_bytes()).status, 200);
    }
    for line in lines(&server, "piped.log", 20) {
        let record: Value = serde_json::from_str(&line).expect("one object a line");
        assert_eq!(record["request"]["body"][0], body.as_str());
    }
}

#[test]
fn a_program_that_is_not_there_stops_the_start() {
    let Some(setup) = setup("SecAuditLog \"|/nowhere/at/all\"") else {
        return;
    };
    let reason = setup
        .try_start()
        .map(|_| ())
        .expect_err("it must not start");
    assert!(
        reason.contains("ModSecurity: Failed to open the audit log pipe: |/nowhere/at/all"),
        "{reason}"
    );
    assert!(reason.contains("httpd.conf:"), "where it stands: {reason}");
}

#[test]
fn a_directory_that_is_not_there_is_a_mistake_with_a_place() {
    let Some(setup) = setup("SecAuditLog no/such/directory/audit.log") else {
        return;
    };
    let (good, said) = setup.check();
    assert!(!good, "{said}");
    assert!(said.contains("AH00526: Syntax error on line "), "{said}");
    assert!(
        said.contains("no/such/directory/audit.log: No such file or directory"),
        "{said}"
    );
}

#[test]
fn checking_a_configuration_leaves_no_traces() {
    let Some(setup) = setup("SecAuditLog audit.log\nSecAuditLog2 \"|$touch {ROOT}/started\"")
    else {
        return;
    };
    let root = setup.root().to_owned();
    let found = setup.check_and(|output| {
        assert!(output.status.success(), "{output:?}");
        files(&root)
    });
    assert!(
        found
            .iter()
            .all(|path| !path.ends_with("audit.log") && !path.ends_with("started")),
        "{found:?}"
    );
}

#[test]
fn concurrent_with_two_indexes() {
    let shape = Regex::new(
            r#"^www\.example\.test 127\.0\.0\.1 - - \[\d+/\w+/\d+:\d+:\d+:\d+\.\d+ [+-]\d{4}\] "GET /index\.html\?a=evilmarker HTTP/1\.1" 403 \d+ "-" "-" (\S+) "-" /([^/ ]+)/(\d{8})/(\d{8}-\d{4})/(\d{8}-\d{6})-(\S+) 0 (\d+) md5:([0-9a-f]{32}) $"#,
        )
        .unwrap();
    for format in ["Native", "JSON"] {
        let conf = format!(
            "SecAuditLogType Concurrent\n{MODES}SecAuditLog index.log\nSecAuditLog2 \"|$exec cat > {{ROOT}}/second.log\"\n\
             SecAuditLogStorageDir store\nSecAuditLogFormat {format}"
        );
        let Some(setup) = setup(&conf) else { return };
        let store = open_directory(&setup, "store");
        let server = setup.start();
        for _ in 0..3 {
            assert_eq!(server.get("/index.html?a=evilmarker").status, 403);
        }
        let index = lines(&server, "index.log", 3);
        assert_eq!(lines(&server, "second.log", 3).len(), 3);
        let user = fs::metadata(
            store.join(
                fs::read_dir(&store)
                    .unwrap()
                    .next()
                    .unwrap()
                    .unwrap()
                    .path(),
            ),
        )
        .unwrap();
        for line in &index {
            let found = shape.captures(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(&found[1], &found[6], "the id names the file");
            let path = store.join(&found[2]).join(&found[3]).join(&found[4]);
            let file = path.join(format!("{}-{}", &found[5], &found[6]));
            let content = fs::read(&file).unwrap();
            assert_eq!(content.len().to_string(), found[7]);
            assert_eq!(
                fs::metadata(&file).unwrap().permissions().mode() & 0o777,
                0o604
            );
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o701
            );
            assert_eq!(
                fs::metadata(&file).unwrap().uid(),
                user.uid(),
                "the user's own directory"
            );
        }
        assert_eq!(files(&store).len(), 3);
    }
}

#[test]
fn virtual_hosts_have_their_own_and_share_what_is_the_same() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf(super::ENGINE)
        .conf("SecAuditLog audit.log")
        .conf("<Location /inner>\nSecAuditLog {ROOT}/audit.log\n</Location>")
        .conf("<Location /own>\n<If \"true\">\nSecAuditLog own.log\n</If>\n</Location>")
        .conf("<VirtualHost *:{PORT}>\nServerName www.example.test\nSecAuditLog first.log\n</VirtualHost>")
        .conf("<VirtualHost *:{PORT}>\nServerName second.example.test\n</VirtualHost>")
        .file("index.html", "fine")
        .start();
    server.get("/index.html");
    server.get("/own/x");
    let mut client = server.client();
    for path in ["/index.html", "/inner/x"] {
        client.send(format!(
            "GET {path} HTTP/1.1\r\nHost: second.example.test\r\n\r\n"
        ));
        client.response();
    }
    let paths = |name: &str| -> BTreeSet<String> {
        let log = server.read(name);
        log.lines()
            .filter(|line| line.starts_with("GET "))
            .map(str::to_owned)
            .collect()
    };
    let set = |lines: &[&str]| -> BTreeSet<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    };
    assert!(eventually(|| paths("audit.log").len() == 2));
    assert_eq!(
        paths("audit.log"),
        set(&["GET /index.html HTTP/1.1", "GET /inner/x HTTP/1.1"])
    );
    assert_eq!(paths("first.log"), set(&["GET /index.html HTTP/1.1"]));
    assert_eq!(paths("own.log"), set(&["GET /own/x HTTP/1.1"]));
    // One descriptor for one file, in the parent and so in every child.
    for name in ["audit.log", "first.log", "own.log"] {
        let path = server.root().join(name);
        let open = fs::read_dir(format!("/proc/{}/fd", server.process()))
            .unwrap()
            .flatten();
        let same = open.filter(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == path));
        assert_eq!(same.count(), 1, "{name}");
    }
}

#[test]
fn one_message_of_syslog_for_each_record() {
    let header =
        Regex::new(r"^<180>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d palisade\[\d+\]: (\{.*\})$")
            .unwrap();
    for format in ["JSON", "ECS", "Native"] {
        let conf = format!(
            "SecAuditLogType Syslog local6.warning log.socket\nSecAuditLogFormat {format}\nSecAuditLogParts ABCFHKZ"
        );
        let Some(setup) = setup(&conf) else { return };
        let path = setup.root().join("log.socket");
        let socket = UnixDatagram::bind(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let server = setup.start();
        let secrets =
            "Authorization: Basic c3VwZXItc2VjcmV0\r\nCookie: id=cookie-secret-1; a=b\r\n";
        assert_eq!(
            server
                .request("GET", "/index.html?a=evilmarker", secrets, b"")
                .status,
            403
        );
        let long = format!("a=evilmarker{}", "x".repeat(50_000));
        assert_eq!(server.post("/index.html", long.as_bytes()).status, 403);

        let mut buffer = vec![0; 100_000];
        let mut messages = Vec::new();
        for _ in 0..2 {
            let length = socket.recv(&mut buffer).expect("a message");
            assert!(length <= 8192, "{length}");
            let text = std::str::from_utf8(&buffer[..length])
                .expect("UTF-8")
                .to_owned();
            let found = header.captures(&text).unwrap_or_else(|| panic!("{text}"));
            messages.push(serde_json::from_str::<Value>(&found[1]).expect("JSON"));
            for secret in ["c3VwZXItc2VjcmV0", "cookie-secret-1"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
        let omitted = match format {
            "JSON" => messages[1].pointer("/transaction/parts_omitted"),
            _ => messages[1].pointer("/palisade/parts_omitted"),
        };
        assert_eq!(
            omitted.and_then(Value::as_str),
            Some("C"),
            "{}",
            messages[1]
        );
    }
}

#[test]
fn what_directives_do_not_do_together_is_told() {
    for (conf, notice) in [
        (
            "SecAuditLogType Concurrent\nSecAuditLog a.log",
            "SecAuditLogStorageDir names no directory",
        ),
        (
            "SecAuditLog a.log\nSecAuditLog2 b.log",
            "SecAuditLog2, a second index of a concurrent log, is not written",
        ),
        (
            "SecAuditLogType Syslog\nSecAuditLog a.log",
            "SecAuditLog is not written",
        ),
    ] {
        let Some(setup) = setup(conf) else { return };
        let server = setup.start();
        server.logged(notice);
    }
}
