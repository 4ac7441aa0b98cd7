//! `palisade run`, `explain`, `check`, `replay`, `tune`, `migrate` and `generate` as their users call them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

#[path = "support/scratch.rs"]
mod scratch;

use scratch::Scratch;

const RULES: &str = r#"SecRuleEngine On
SecRequestBodyAccess On
SecRule ARGS "@rx (?i)union\s+select" "id:1,phase:2,deny,status:403,msg:'SQL',severity:CRITICAL,tag:'attack',t:urlDecodeUni,setvar:tx.anomaly_score=+5"
SecRule REQUEST_HEADERS:User-Agent "@pm badbot" "id:2,phase:1,deny,status:406,msg:'A bad bot'"
SecRule RESPONSE_BODY "@contains secret" "id:3,phase:4,deny,status:502"
SecRule ARGS:a "@streq 1" "id:4,phase:2,pass,nolog,chain,skipAfter:END"
  SecRule ARGS:b "!@within 2 3" "t:none"
SecRule REQUEST_URI "@beginsWith /quiet" "id:5,phase:1,pass,nolog,ctl:ruleRemoveTargetById=1;ARGS:q"
SecAction "id:6,phase:2,pass,nolog"
SecMarker END
SecResponseBodyAccess On
SecRuleUpdateTargetById 1 "!ARGS:comment"
SecRuleRemoveById 6
"#;

fn palisade(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_palisade"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("the tool")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A directory with files.
fn with(files: &[(&str, &str)]) -> Scratch {
    let scratch = Scratch::new("cli-rules");
    for (name, content) in files {
        let path: PathBuf = scratch.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    scratch
}

#[test]
fn run_tells_what_matched_on_what_and_what_is_answered() {
    let here = with(&[
        ("rules.conf", RULES),
        ("bad", "GET /x?q=union%20select HTTP/1.1\nHost: a\n\n"),
        (
            "good",
            "POST /x HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\nq=1\n",
        ),
        ("quiet", "GET /quiet?q=union%20select HTTP/1.1\nHost: a\n\n"),
        (
            "answer",
            "HTTP/1.1 200 OK\nContent-Type: text/html\n\na secret\n",
        ),
        (
            "curl",
            "curl 'http://a/x' --data-raw 'q=union select' -A 'Mozilla'",
        ),
        (
            "har",
            r#"{"log":{"entries":[{"request":{"method":"GET","url":"http://a/","headers":[{"name":"User-Agent","value":"BadBot/1"}]},"response":{"status":200}}]}}"#,
        ),
    ]);
    let run = |arguments: &[&str]| {
        let output = palisade(
            here.path(),
            &[&["run", "--rules", "rules.conf"], arguments].concat(),
        );
        (output.status.code(), text(&output.stdout))
    };
    let (code, said) = run(&["bad"]);
    assert_eq!(code, Some(3), "{said}");
    for line in [
        "  1 phase 2 [CRITICAL] SQL  (rules.conf:3)",
        "      ARGS:q = union select",
        "  tx.anomaly_score = 5",
        "  → refused with 403 by rule 1 in phase 2",
    ] {
        assert!(said.contains(line), "{line:?} in {said}");
    }
    assert_eq!(run(&["good"]).0, Some(0));
    assert!(
        run(&["good"])
            .1
            .contains("note: Content-Length: 3 was added")
    );
    assert_eq!(run(&["quiet"]).0, Some(0), "a ctl takes the target out");
    let (code, said) = run(&["good", "--response", "answer"]);
    assert!(
        code == Some(3) && said.contains("refused with 502 by rule 3 in phase 4"),
        "{said}"
    );
    assert_eq!(run(&["curl"]).0, Some(3));
    assert!(
        run(&["har"])
            .1
            .contains("refused with 406 by rule 2 in phase 1")
    );
    let (code, said) = run(&[
        "bad",
        "--engine",
        "DetectionOnly",
        "--client",
        "2001:db8::1",
        "--json",
    ]);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(json["client"], "2001:db8::1");
    assert_eq!(json["decision"]["action"], "pass");
    assert_eq!(json["matched"][0]["id"], 1);
    assert_eq!(json["matched"][0]["on"][0]["name"], "ARGS:q");
    assert_eq!(json["tx"]["anomaly_score"], "5");
    assert_eq!(run(&["nowhere"]).0, Some(1));
}

#[test]
fn explain_says_it_in_words_and_names_what_changes_a_rule() {
    let here = with(&[("rules.conf", RULES)]);
    let output = palisade(
        here.path(),
        &["explain", "1", "4", "6", "--rules", "rules.conf"],
    );
    let said = text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    for piece in [
        "Rule 1, rules.conf:3",
        "\"SQL\", severity CRITICAL",
        "Runs in phase 2: the body of the request has been read.",
        "ARGS: ",
        "but not ARGS:comment",
        "after urlDecodeUni",
        "Time: linear in the length of the value.",
        "Scan: it is asked about values only that contain \"",
        "setvar:tx.anomaly_score=+5: sets a variable",
        "A match refuses with 403, and leaves an alert in the error log and the audit log.",
        "Changed at rules.conf:12: SecRuleUpdateTargetById 1 !ARGS:comment.",
        "Changed at rules.conf:8: rule 5 in phase 1, where it matches, takes ARGS:q out of its targets.",
        "And then, condition 2 of 2:",
        "Matches unless ",
        "It goes on behind END.",
        "Nothing excludes or changes it.",
        "Changed at rules.conf:13: SecRuleRemoveById 6.",
        "It does not run",
    ] {
        assert!(said.contains(piece), "{piece:?} in {said}");
    }
    let missing = palisade(here.path(), &["explain", "99", "--rules", "rules.conf"]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn check_finds_every_mistake_and_what_is_dangerous() {
    let here = with(&[
        (
            "wrong.conf",
            "SecRule ARGS \"@nope x\" \"id:1\"\nSecRul x\n<Location /a>\nSecRuleEngine Maybe\n</Location>\n<IfModule !mod_security2.c>\nSecRule nonsense\n</IfModule>\n<Files x>\n",
        ),
        (
            "odd.conf",
            "SecRuleEngine On\nSecRequestBodyAccess On\nSecRequestBodyLimitAction ProcessPartial\nSecDataDir open\nRemoteIPInternalProxy 0.0.0.0/0\n\
            SecRule ARGS \"@streq ABC\" \"id:1,phase:2,deny,t:lowercase\"\n\
            SecRule RESPONSE_STATUS \"@streq 200\" \"id:2,phase:1,deny\"\n\
            SecRule ARGS \"@rx (a)\\1\" \"id:3,phase:2,deny,skipAfter:NOWHERE\"\n\
            SecAction \"id:4,phase:5,pass,skipAfter:END5\"\n\
            SecAction \"id:5,phase:5,pass\"\nSecMarker END5\n\
            <Location /x>\nSecRule ARGS a \"id:6,phase:1,deny\"\n</Location>\n\
            SecRule ARGS x \"id:7,phase:2,deny,chain\"\n",
        ),
        ("open/x", ""),
        (
            "sound.conf",
            "SecRuleEngine On\n<VirtualHost *:80>\nSecAction id:1,phase:1,pass\n</VirtualHost>\n<VirtualHost *:81>\nSecAction id:1,phase:1,pass\n</VirtualHost>\n",
        ),
    ]);
    let open = here.path().join("open");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(&open, mode).unwrap();
    let wrong = palisade(here.path(), &["check", "wrong.conf"]);
    let said = text(&wrong.stderr);
    assert_eq!(wrong.status.code(), Some(1));
    for piece in [
        "wrong.conf:1:16: ",
        "wrong.conf:2:1: Invalid command 'SecRul'",
        "wrong.conf:4:15: ",
        "wrong.conf:9:1: <files> is not closed",
        "\n4 mistakes\n",
        "^",
    ] {
        assert!(said.contains(piece), "{piece:?} in {said}");
    }
    let odd = palisade(here.path(), &["check", "odd.conf"]);
    let said = text(&odd.stderr) + &text(&odd.stdout);
    assert!(odd.status.success(), "{said}");
    for piece in [
        "odd.conf:4: warning: SecDataDir open can be written by everybody",
        "odd.conf:5: warning: RemoteIPInternalProxy 0.0.0.0/0 believes everybody",
        "odd.conf:3: warning: SecRequestBodyLimitAction ProcessPartial",
        "warning: no rule looks at REQBODY_ERROR",
        "odd.conf:6: warning: rule 1 never matches: t:lowercase leaves no capital letters",
        "odd.conf:7: warning: rule 2 looks in phase 1 at RESPONSE_STATUS",
        "odd.conf:8: note: the regular expression of rule 3 is slow: ",
        "odd.conf:8: warning: rule 3 skips to NOWHERE, which does not exist",
        "odd.conf:10: warning: rule 5 never runs: rule 4 always matches and skips it",
        "a rule of phase 1 in <location /x> never runs",
        "the chain of rule 7 ends with `chain`",
        "7 rules",
    ] {
        assert!(said.contains(piece), "{piece:?} in {said}");
    }
    assert_eq!(
        palisade(here.path(), &["check", "--strict", "odd.conf"])
            .status
            .code(),
        Some(1)
    );
    let sound = palisade(here.path(), &["check", "sound.conf"]);
    assert!(sound.status.success(), "{sound:?}");
}

const ACCESS: &str = r#"192.0.2.1 - - [22/Nov/2026:10:00:00 +0000] "GET /x?q=union%20select HTTP/1.1" 200 5 "-" "Mozilla"
192.0.2.2 - - [22/Nov/2026:10:00:01 +0000] "GET / HTTP/1.1" 200 5 "-" "BadBot"
192.0.2.3 - - [22/Nov/2026:10:00:02 +0000] "POST / HTTP/1.1" 200 5 "-" "Mozilla"
what is this
"#;

#[test]
fn replay_counts_what_would_have_been_refused() {
    let here = with(&[("rules.conf", RULES), ("access.log", ACCESS)]);
    let output = palisade(
        here.path(),
        &[
            "replay",
            "--rules",
            "rules.conf",
            "--list",
            "--",
            "access.log",
        ],
    );
    let said = text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    for piece in [
        "2 of 3 requests would have been refused; 2 of them were answered with less than 400",
        "22/Nov/2026:10:00:00 +0000 192.0.2.1 GET /x?q=union%20select HTTP/1.1 403 by 1",
        "       1        1  1 SQL",
        "       1        1  2 A bad bot",
    ] {
        assert!(said.contains(piece), "{piece:?} in {said}");
    }
    assert!(text(&output.stderr).contains("1 lines in no known format skipped"));
}

const AUDIT: &str = "--a1b2c3d4-A--\n[22/Nov/2026:10:00:00 +0000] id1 192.0.2.1 40000 127.0.0.1 80\n--a1b2c3d4-B--\nGET /x?q=union%20select HTTP/1.1\nHost: a\n\n--a1b2c3d4-F--\nHTTP/1.1 403 Forbidden\n\n--a1b2c3d4-H--\nMessage: Access denied with code 403 (phase 2). Pattern match \"x\" at ARGS:q. [file \"rules.conf\"] [line \"3\"] [id \"1\"] [msg \"SQL\"]\nAction: Intercepted (phase 2)\n\n--a1b2c3d4-Z--\n\n";

#[test]
fn a_terminal_sees_how_far_a_long_log_is_read() {
    const LINES: usize = 300_000;
    let line = "198.51.100.7 - - [22/Nov/2026:10:00:00 +0000] \"GET /a?b=c HTTP/1.1\" 200 1234\n";
    // It appears when half a second is over.
    let log = line.repeat(LINES);
    let here = with(&[
        ("rules.conf", "SecRuleEngine On\nSecRequestBodyAccess On\n"),
        ("access.log", &log),
    ]);
    let command = format!(
        "{} replay --rules rules.conf -- access.log",
        env!("CARGO_BIN_EXE_palisade")
    );
    let in_terminal = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env("TERM", "xterm")
        .current_dir(here.path())
        .stdin(Stdio::null())
        .output();
    let Ok(output) = in_terminal else {
        eprintln!("SKIPPED: there is no script(1) to make a terminal with");
        return;
    };
    let seen = text(&output.stdout);
    assert!(seen.contains(" of 22.0"), "no progress bar: {seen:?}");
    assert!(seen.contains(" left"), "no progress bar: {seen:?}");
    assert!(seen.contains("0 of 300000 requests"), "{seen:?}");
    // What is not a terminal is left alone.
    let output = palisade(
        here.path(),
        &["replay", "--rules", "rules.conf", "--", "access.log"],
    );
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn audit_logs_are_replayed_and_tuned() {
    let here = with(&[("rules.conf", RULES), ("audit.log", AUDIT)]);
    let replayed = palisade(
        here.path(),
        &["replay", "--rules", "rules.conf", "audit.log"],
    );
    assert!(
        text(&replayed.stdout).contains("1 of 1 requests would have been refused; 0 of them"),
        "{replayed:?}"
    );
    let tuned = palisade(
        here.path(),
        &["tune", "audit.log", "--client", "192.0.2.0/24"],
    );
    let exclusions = text(&tuned.stdout);
    assert!(
        exclusions.contains("ctl:ruleRemoveTargetById=1;ARGS:q"),
        "{tuned:?}"
    );
    // What it wrote silences what it was made from.
    fs::write(here.path().join("tuned.conf"), exclusions).unwrap();
    let again = palisade(
        here.path(),
        &[
            "replay",
            "--rules",
            "tuned.conf",
            "rules.conf",
            "--",
            "audit.log",
        ],
    );
    assert!(text(&again.stdout).contains("0 of 1 requests"), "{again:?}");
    let other = palisade(
        here.path(),
        &["tune", "audit.log", "--client", "198.51.100.1"],
    );
    assert_eq!(text(&other.stdout), "");
}

#[test]
fn migrate_tells_what_changes_before_it_does() {
    let here = with(&[
        (
            "apache2/apache2.conf",
            "IncludeOptional mods-enabled/*.load\nIncludeOptional mods-enabled/*.conf\nIncludeOptional sites-enabled/*.conf\n",
        ),
        (
            "apache2/mods-enabled/security2.load",
            "LoadFile libxml2.so.2\nLoadModule security2_module /usr/lib/apache2/modules/mod_security2.so\n",
        ),
        (
            "apache2/mods-enabled/security2.conf",
            "<IfModule security2_module>\nSecDataDir data\nIncludeOptional modsecurity/*.conf\n</IfModule>\n",
        ),
        (
            "apache2/modsecurity/modsecurity.conf",
            "SecRuleEngine On\nSecStatusEngine On\nSecGeoLookupDb GeoIP.dat\nSecRemoteRules key https://example.com/\n",
        ),
        ("apache2/data/ip.pag", ""),
        (
            "sound/httpd.conf",
            "LoadModule security2_module modules/mod_security2.so\nSecRuleEngine On\nSecAction id:1,phase:1,pass\n",
        ),
    ]);
    let output = palisade(here.path(), &["migrate", "apache2"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    for piece in [
        "security2.load:2: loads security2_module from ",
        "SecRemoteRules",
        "GeoIP.dat is in MaxMind's old format",
        "SecStatusEngine On has no effect",
        "/mods-available/security2.conf ",
        "/mods-available/palisade.conf\n  a2dismod security2\n",
        "a2enmod palisade",
    ] {
        assert!(said.contains(piece), "{piece:?} in {said}");
    }
    let sound = palisade(here.path(), &["migrate", "sound/httpd.conf"]);
    assert!(sound.status.success(), "{sound:?}");
    let said = text(&sound.stdout);
    assert!(said.contains("name mod_palisade.so instead of mod_security2.so"));
    // What is told is for a terminal.
    assert!(!said.contains("](") && !said.contains('`'), "{said}");
}

#[test]
fn messages_are_those_of_the_request_and_books_are_kept_apart() {
    let books: Vec<String> = (100..120)
        .map(|id| format!("SecAction id:{id},phase:1,pass,nolog"))
        .collect();
    let rules = format!(
        "{}\nSecRuleEngine DetectionOnly\nSecRule ARGS:q \"@rx ^b(a)d$\" \"id:1,phase:2,deny,capture,msg:'no %{{TX.1}}',logdata:'%{{MATCHED_VAR}}'\"\n",
        books.join("\n")
    );
    let here = with(&[
        ("rules.conf", rules.as_str()),
        ("bad", "GET /?q=bad HTTP/1.1\nHost: a\n\n"),
    ]);
    let run = |more: &[&str]| {
        let arguments = [&["run", "--rules", "rules.conf", "bad"][..], more].concat();
        text(&palisade(here.path(), &arguments).stdout)
    };
    let said = run(&[]);
    for piece in [
        "1 phase 2 no a ",
        "20 matches of rules without a message: 100, 101, 102, …",
        "SecRuleEngine is DetectionOnly",
        "passes",
    ] {
        assert!(said.contains(piece), "{piece:?} in {said}");
    }
    assert!(run(&["--all"]).contains("119 phase 1 (no message)"));
    assert!(run(&["--engine", "On"]).contains("refused with 403 by rule 1 in phase 2"));
    assert!(run(&["--json"]).contains(r#""message":"no a","data":"bad""#));
}

#[test]
fn what_is_the_same_of_many_rules_is_said_once() {
    let rules: Vec<String> = (1..10)
        .map(|id| format!("SecRule RESPONSE_BODY x id:{id},phase:4,deny"))
        .collect();
    let here = with(&[("rules.conf", rules.join("\n").as_str())]);
    let said = text(&palisade(here.path(), &["check", "-q", "rules.conf"]).stderr);
    let about = said.lines().filter(|line| line.contains("RESPONSE_BODY"));
    assert_eq!(about.count(), 1, "{said}");
    assert!(
        said.contains("rule 1 looks at RESPONSE_BODY")
            && said.contains("; so of 2, 3, 4, 5, 6 and 3 more"),
        "{said}"
    );
}

#[test]
fn manual_and_completions_are_made() {
    let here = Scratch::new("cli-manual");
    let directory = here.path().to_str().unwrap();
    assert!(
        palisade(here.path(), &["generate", "man", directory])
            .status
            .success()
    );
    let page = fs::read_to_string(here.path().join("palisade.1")).unwrap();
    assert!(page.contains(".TH palisade 1"), "{page}");
    for command in [
        "audit",
        "check",
        "collections",
        "explain",
        "migrate",
        "replay",
        "run",
        "tune",
    ] {
        assert!(
            here.path().join(format!("palisade-{command}.1")).is_file(),
            "{command}"
        );
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = palisade(here.path(), &["generate", "completions", shell]);
        assert!(text(&script.stdout).contains("explain"), "{shell}");
    }
}
