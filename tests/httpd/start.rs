//! Loading, and configurations that must not start.

use crate::harness::{Mpm, Setup, modules_directory};

const RULE: &str =
    "SecRuleEngine On\nSecRule ARGS \"@contains evilmarker\" \"id:1,phase:1,deny,status:403\"";

#[test]
fn examples_are_taken_by_httpd() {
    let package = env!("CARGO_MANIFEST_DIR");
    let entries = std::fs::read_dir(format!("{package}/examples/rules")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "conf"));
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let Some(setup) = Setup::new() else { return };
        let (sound, said) = setup
            .conf(&format!("Include {package}/apache-conf/recommended.conf"))
            .conf(&format!("Include {}", file.display()))
            .check();
        assert!(sound, "{}: {said}", file.display());
    }
}

#[test]
fn serves_under_both_names_and_every_mpm() {
    for name in ["security2_module", "palisade_module"] {
        for mpm in Mpm::ALL {
            let Some(setup) = Setup::new() else { return };
            let server = setup
                .mpm(mpm)
                .load_as(&[name])
                .file("index.html", "hello")
                .conf(RULE)
                .conf("<IfModule mod_security2.c>\nDefine IS_HERE\n</IfModule>")
                .conf(&format!("<IfModule !{name}>\nNoSuchDirective\n</IfModule>"))
                .conf("<IfDefine !IS_HERE>\nNoSuchDirective\n</IfDefine>")
                .conf("<IfDefine !MODSEC_2.5>\nNoSuchDirective\n</IfDefine>")
                .conf("<IfDefine !MODSEC_2.9>\nNoSuchDirective\n</IfDefine>")
                .start();
            assert_eq!(server.get("/index.html").status, 200, "{name} {mpm:?}");
            assert_eq!(
                server.get("/index.html?a=evilmarker").status,
                403,
                "{name} {mpm:?}"
            );
            let version = concat!("Palisade/", env!("CARGO_PKG_VERSION"));
            let banner =
                format!("ModSecurity for Apache/2.9.13 (compatible; {version}) configured.");
            let banner = server.logged(&banner);
            assert_eq!(
                banner.len(),
                1,
                "said once, although httpd reads its configuration twice"
            );
            let notice = "<IfModule security2_module> does not hold";
            let is_told = server.error_log().contains(notice);
            assert_eq!(is_told, name == "palisade_module", "{name}");
            let tag = name.trim_end_matches("_module");
            assert!(server.logged("evilmarker")[0].contains(&format!("[{tag}:error]")));
        }
    }
}

#[test]
fn stopping_is_clean() {
    for mpm in Mpm::ALL {
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .mpm(mpm)
            .file("index.html", "hello")
            .conf(RULE)
            .start();
        for _ in 0..20 {
            assert_eq!(server.get("/index.html").status, 200);
            assert_eq!(server.get("/index.html?a=evilmarker").status, 403);
        }
        let log = server.stop_idle();
        assert!(log.contains("caught SIGTERM"), "{mpm:?}:\n{log}");
        assert!(!log.contains("exit signal"), "{mpm:?}:\n{log}");
    }
}

#[test]
fn a_virtual_host_and_the_main_server_each_have_their_rules() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .file("index.html", "hello")
        .conf(RULE)
        .conf("<VirtualHost *:{PORT}>\nServerName www.example.test\n</VirtualHost>")
        .conf("<VirtualHost *:{PORT}>\nServerName other.example.test\n")
        .conf("SecRule ARGS \"@contains othermarker\" \"id:2,phase:1,deny,status:402\"\n</VirtualHost>")
        .start();
    let status = |host: &str, target: &str| {
        let mut client = server.client();
        client.send(format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        ));
        client.response().status
    };
    assert_eq!(status("www.example.test", "/index.html?a=othermarker"), 200);
    assert_eq!(
        status("other.example.test", "/index.html?a=othermarker"),
        402
    );
    assert_eq!(
        status("www.example.test", "/index.html?a=evilmarker"),
        403,
        "inherited"
    );
    assert_eq!(
        status("other.example.test", "/index.html?a=evilmarker"),
        403,
        "inherited"
    );
}

#[test]
fn refuses_to_be_loaded_twice() {
    let Some(setup) = Setup::new() else { return };
    let reason = setup
        .load_as(&["security2_module", "palisade_module"])
        .try_start()
        .err();
    let reason = reason.expect("httpd must not start");
    assert!(reason.contains("loaded twice"), "{reason}");
    assert!(
        reason.contains("remove one of the two LoadModule lines"),
        "{reason}"
    );
}

#[test]
fn refuses_to_run_beside_mod_security2() {
    let theirs = modules_directory().join("mod_security2.so");
    if !theirs.is_file() {
        return crate::harness::missing("mod_security2.so to run beside");
    }
    for ours_first in [true, false] {
        let Some(setup) = Setup::new() else { return };
        // It needs the symbols of libxml2 and the like, which its own LoadFile lines would bring; it links to them.
        let line = format!("LoadModule security2_module {}", theirs.display());
        let setup = if ours_first {
            setup.load_as(&["palisade_module"]).load_line(&line)
        } else {
            let ours = crate::harness::module().expect("it was there a moment ago");
            setup
                .load_as(&[])
                .load_line(&line)
                .load_line(&format!("LoadModule palisade_module {}", ours.display()))
        };
        let reason = setup.try_start().err().expect("httpd must not start");
        assert!(reason.contains("mod_security2 is loaded too"), "{reason}");
    }
}

#[test]
fn a_mistake_in_a_rule_is_shown_where_it_is() {
    let Some(setup) = Setup::new() else { return };
    let file = setup.configuration_file();
    let (good, text) = setup
        .conf("SecRule ARGS \"@nosuchoperator x\" \"id:1,phase:1,deny\"")
        .check();
    assert!(!good, "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let source = lines
        .iter()
        .position(|line| line.contains("SecRule ARGS") && line.contains("@nosuchoperator"));
    let source = source.unwrap_or_else(|| panic!("the rule is not shown:\n{text}"));
    let caret = lines[source + 1]
        .find('^')
        .unwrap_or_else(|| panic!("no caret:\n{text}"));
    let mistake = lines[source].find("nosuchoperator").expect("the operator");
    assert!(
        (mistake - 1..=mistake).contains(&caret),
        "the caret is elsewhere:\n{text}"
    );
    assert!(text.contains("Syntax error on line"), "{text}");
    assert!(text.contains(&*file.to_string_lossy()), "{text}");
    assert!(text.contains("nosuchoperator"), "{text}");
}

#[test]
fn wrong_places_and_counts_are_refused() {
    let mistakes = [
        ("SecRuleEngine Perhaps", "SecRuleEngine"),
        ("SecRuleEngine", "SecRuleEngine"),
        ("SecRule ARGS", "SecRule"),
        ("<Location /x>\nSecSensorId a\n</Location>", "not allowed"),
        ("SecNoSuchDirective On", "SecNoSuchDirective"),
        (
            "SecRule ARGS \"@rx (\" \"id:1,phase:1,deny\"",
            "Syntax error on line",
        ),
    ];
    for (configuration, expected) in mistakes {
        let Some(setup) = Setup::new() else { return };
        let (good, text) = setup.conf(configuration).check();
        assert!(!good, "{configuration} was accepted: {text}");
        assert!(text.contains(expected), "{configuration}: {text}");
    }
}

#[test]
fn htaccess_may_not_speak() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .file("sub/.htaccess", "SecRuleEngine Off\n")
        .file("sub/index.html", "hello")
        .file("index.html", "hello")
        .conf(RULE)
        .conf("<Directory {ROOT}/htdocs>\nAllowOverride All\n</Directory>")
        .start();
    assert_eq!(server.get("/index.html").status, 200);
    assert_eq!(server.get("/sub/index.html").status, 500);
    assert!(server.logged("SecRuleEngine not allowed here").len() == 1);
    assert_eq!(
        server.get("/sub/index.html?a=evilmarker").status,
        403,
        "phase 1 comes first"
    );
}
