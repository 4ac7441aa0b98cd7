//! What an administrator sees of the module in httpd's own places: the access log, the `Server` header, the root directory.

use std::fs;

use crate::harness::{Mpm, Setup, eventually};

const RULES: &str = "SecRuleEngine On\nSecRequestBodyAccess On\n\
    SecRule ARGS:a \"@rx evil\" \"id:1,phase:2,deny,setvar:tx.score=5\"\n";

#[test]
fn variables_are_in_the_access_log() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf(RULES)
        .conf("CustomLog vars.log \"%{TX.score}M \\\"%{ARGS.a}M\\\" %{REQUEST_HEADERS.user-agent}M %{NOT_THERE}M %{unique_id}M %>s\"")
        .file("index.html", "fine")
        .start();
    server.request(
        "GET",
        "/index.html?a=evil%22%20200%0aforged",
        "User-Agent: me\r\n",
        b"",
    );
    server.get("/index.html?a=fine");
    server.get("/missing");
    let mut log = String::new();
    eventually(|| {
        log = server.read("vars.log");
        log.lines().count() >= 3
    });
    // A line is written after its response, so that the next request's may overtake it.
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.len()));
    assert_eq!(lines.len(), 3, "{log}");
    assert!(
        lines[0].starts_with(r#"5 "evil\" 200\nforged" me - "#) && lines[0].ends_with(" 403"),
        "{log}"
    );
    assert!(
        lines[1].starts_with("- \"fine\" - - ") && lines[1].ends_with(" 200"),
        "{log}"
    );
    assert!(
        lines[2].starts_with("- \"-\" - - ") && lines[2].ends_with(" 404"),
        "{log}"
    );
}

#[test]
fn without_the_engine_the_access_log_has_nothing() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf("CustomLog vars.log \"%{REQUEST_URI}M %>s\"")
        .file("index.html", "fine")
        .start();
    server.get("/index.html");
    assert!(
        eventually(|| server.read("vars.log") == "- 200\n"),
        "{}",
        server.read("vars.log")
    );
}

#[test]
fn the_server_has_another_name() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf("ServerTokens Full\nSecServerSignature \"Microsoft-IIS/6.0\"\nSecAuditEngine On\nSecAuditLog audit.log")
        .conf(RULES)
        .file("index.html", "fine")
        .start();
    for target in ["/index.html", "/index.html?a=evil"] {
        assert_eq!(
            server.get(target).header("Server"),
            Some("Microsoft-IIS/6.0"),
            "{target}"
        );
    }
    let record = server.audit_records(2).remove(0);
    assert!(record.contains("\nServer: Apache/"), "{record}");
    server.signal("USR1");
    assert!(eventually(|| server
        .error_log()
        .matches("resuming normal operations")
        .count()
        == 2));
    assert_eq!(
        server.get("/index.html").header("Server"),
        Some("Microsoft-IIS/6.0")
    );
}

#[test]
fn a_name_that_has_no_room_is_reported() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf("ServerTokens Prod\nSecServerSignature \"Microsoft-IIS/6.0\"")
        .file("index.html", "fine")
        .start();
    assert_eq!(server.get("/index.html").header("Server"), Some("Apache"));
    server.logged(
        "SecServerSignature: original signature too short. Please set ServerTokens to Full.",
    );
}

#[test]
fn the_server_is_confined() {
    use std::os::unix::fs::MetadataExt;
    if !fs::metadata("/proc/self").is_ok_and(|itself| itself.uid() == 0) {
        eprintln!("SKIPPED: only root can change its root directory");
        return;
    }
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let root = setup.configuration_file().parent().unwrap().to_owned();
        // Inside, the server finds its root again, with another page.
        let inside = root.join("jail").join(root.strip_prefix("/").unwrap());
        fs::create_dir_all(inside.join("htdocs")).unwrap();
        fs::write(inside.join("htdocs/index.html"), "inside").unwrap();
        let server = setup
            .mpm(mpm)
            .conf("SecChrootDir jail\nSecAuditEngine On\nSecAuditLog audit.log")
            .conf(RULES)
            .file("index.html", "outside")
            .file("other.html", "outside")
            .start();
        server.logged("ModSecurity: chroot successful, path=");
        assert_eq!(server.get("/index.html").text(), "inside");
        assert_eq!(server.get("/other.html").status, 404);
        assert_eq!(server.get("/index.html?a=evil").status, 403);
        server.audit_records(3);
    }
}

#[test]
fn a_root_directory_that_is_not_there_is_a_message() {
    let Some(setup) = Setup::new() else { return };
    let (good, message) = setup.conf("SecChrootDir nowhere").check();
    assert!(
        !good && message.contains("SecChrootDir: ") && message.contains("nowhere is no directory"),
        "{message}"
    );
}
