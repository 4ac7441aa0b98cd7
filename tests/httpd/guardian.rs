//! `SecGuardianLog`: one line a request, the same as mod_security2's but for time, id and duration.

use std::path::PathBuf;

use crate::harness::{Mpm, Server, Setup, eventually, httpd, missing, module, modules_directory};

const CONF: &str = r#"
SecRuleEngine On
SecGuardianLog guardian.log
SecRule ARGS:a "@streq deny" "id:1,phase:1,deny,msg:'no',setsid:one,setuid:two"
SecRule ARGS:a "@streq quiet" "id:2,phase:1,deny,nolog"
SecRule ARGS:a "@streq session" "id:3,phase:2,pass,setsid:%{ARGS.s}"
SecRule ARGS:a "@streq late" "id:4,phase:4,deny"
"#;

const TARGETS: [&str; 8] = [
    "/index.html?a=0",
    "/index.html?a=deny",
    "/index.html?a=quiet",
    "/index.html?a=session&s=x%0ay%22z",
    "/index.html?a=late",
    "/not-there",
    "/a%0ab?x=\"\\\u{80}",
    "http://other.example:8080/index.html",
];

fn reference() -> Option<PathBuf> {
    let path = modules_directory().join("mod_security2.so");
    if !path.is_file() {
        missing("mod_security2 to compare with");
    }
    Some(path).filter(|path| path.is_file())
}

/// Waits for this many lines of the log.
fn lines(server: &Server, number: usize) -> Vec<String> {
    let read = || -> Vec<String> {
        let log = server.read("guardian.log");
        log.lines().map(str::to_owned).collect()
    };
    eventually(|| read().len() >= number);
    read()
}

/// The fields of a line: words, and what is in quotes or brackets.
fn fields(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let end = match rest.chars().next() {
            Some('[') => rest.find(']').map(|at| at + 1),
            Some('"') => {
                let mut escaped = false;
                let inside = rest.char_indices().skip(1);
                inside
                    .map(|(at, letter)| {
                        let closes = letter == '"' && !escaped;
                        escaped = letter == '\\' && !escaped;
                        (at + 1, closes)
                    })
                    .find_map(|(end, closes)| closes.then_some(end))
            }
            _ => rest.find(' '),
        };
        let (field, behind) = rest.split_at(end.unwrap_or(rest.len()));
        found.push(field.to_owned());
        rest = behind.strip_prefix(' ').unwrap_or(behind);
    }
    found
}

/// Time, id and duration are each request's own: only their form is kept.
fn settled(line: &str) -> Vec<String> {
    let mut fields = fields(line);
    assert_eq!(fields.len(), 16, "{line}");
    assert!(
        fields[4].len() == "[23/Nov/2026:06:31:48.374673 +0000]".len(),
        "{line}"
    );
    fields[4] = "TIME".into();
    assert!(fields[10].len() >= 24, "{line}");
    fields[10] = "ID".into();
    assert!(
        fields[12].parse::<u64>().is_ok_and(|took| took > 0),
        "{line}"
    );
    fields[12] = "TOOK".into();
    fields
}

#[test]
fn lines_are_mod_security2s() {
    let (Some(httpd), Some(ours), Some(theirs)) = (httpd(), module(), reference()) else {
        return;
    };
    let both = [ours, theirs].map(|module| {
        let server = Setup::with(httpd.clone(), module)
            .conf(CONF)
            .file("index.html", "<p>a page</p>\n")
            .start();
        for (number, target) in (1..).zip(TARGETS) {
            server.get(target);
            assert_eq!(lines(&server, number).len(), number, "{target}");
        }
        // A line is cut where it would be longer than a pipe keeps whole.
        for (number, length) in (TARGETS.len() + 1..).zip([3700, 5000]) {
            server.get(&format!("/?{}", "x".repeat(length)));
            assert_eq!(lines(&server, number).len(), number);
        }
        lines(&server, 10)
    });
    let [ours, theirs] = both;
    for (ours, theirs) in ours.iter().zip(&theirs).take(TARGETS.len() + 1) {
        assert!(ours.ends_with("0 \"-\" 0 "), "{ours}");
        assert_eq!(settled(ours), settled(theirs));
    }
    for cut in [&ours[9], &theirs[9]] {
        assert!(
            cut.ends_with("xxx\" 200 14 \"-\" \"-\" ") || cut.ends_with(" 0 \"-\" 0 L"),
            "{cut}"
        );
        assert!((3900..4096).contains(&cut.len()), "{}", cut.len());
    }
}

#[test]
fn a_variable_decides_who_gets_a_line() {
    for (condition, expected) in [("env=watch", "watched"), ("env=!watch", "plain")] {
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .mpm(Mpm::Prefork)
            .modules(&["setenvif"])
            .conf(&format!(
                "SecGuardianLog guardian.log {condition}\nSetEnvIf Request_URI watched watch=1"
            ))
            .start();
        // With the engine off.
        server.get("/plain");
        server.get("/watched");
        server.get("/plain");
        server.get("/watched");
        let found = lines(&server, 2);
        assert_eq!(found.len(), 2, "{found:?}");
        let wanted = format!("\"GET /{expected} HTTP/1.1\" 404");
        assert!(found.iter().all(|line| line.contains(&wanted)), "{found:?}");
    }
}

#[test]
fn a_program_gets_the_lines() {
    for mpm in Mpm::ALL {
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .mpm(mpm)
            .conf("SecGuardianLog \"|$exec cat >> {ROOT}/guardian.log\"")
            .start();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..25).for_each(|_| drop(server.get("/?a=1"))));
            }
        });
        let found = lines(&server, 100);
        assert_eq!(found.len(), 100);
        for line in found {
            settled(&line);
        }
    }
}

#[test]
fn secrets_do_not_get_there() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf(
            "SecRuleEngine On\nSecGuardianLog guardian.log\n\
             SecAction id:1,phase:1,nolog,pass,sanitiseArg:pw",
        )
        .start();
    server.get("/?pw=hunter2&a=1");
    assert!(lines(&server, 1)[0].contains("\"GET /?pw=*******&a=1 HTTP/1.1\""));
}

#[test]
fn what_cannot_be_opened_stops_the_start() {
    for (words, expected) in [
        (
            "/nowhere/guardian.log",
            "ModSecurity: Failed to open the guardian log file: /nowhere/guardian.log: No such file",
        ),
        (
            "guardian.log for=x",
            "ModSecurity: Error in condition clause",
        ),
        ("guardian.log env=", "ModSecurity: Missing variable name"),
        ("guardian.log env=!", "ModSecurity: Missing variable name"),
    ] {
        let Some(setup) = Setup::new() else { return };
        let (good, text) = setup.conf(&format!("SecGuardianLog {words}")).check();
        assert!(!good && text.contains(expected), "{words}: {text}");
    }
    let Some(setup) = Setup::new() else { return };
    let (good, text) = setup
        .conf("<VirtualHost *:80>\nSecGuardianLog guardian.log\n</VirtualHost>")
        .check();
    assert!(
        !good && text.contains("SecGuardianLog not allowed in VirtualHost"),
        "{text}"
    );
}
