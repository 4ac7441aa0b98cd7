//! What the configuration decides alone comes to the same as when every rule is asked.

use crate::support::{Answer, TestHost, config, request};

const SWITCHES: &str = "SecRuleEngine On\nSecRequestBodyAccess On\n";

/// Keeps what matched last; always asked, because it looks at the request.
const WITNESS: &str = r#"SecRule REQUEST_METHOD "@rx ." "id:900,phase:2,pass,nolog,setvar:'tx.last=%{MATCHED_VAR_NAME} %{MATCHED_VAR}'"
SecRule REQUEST_METHOD "@rx ." "id:901,phase:5,pass,nolog,setvar:tx.end=%{TX.a}%{TX.b}%{TX.c}""#;

const CASES: &[(&str, &str)] = &[
    (
        "defaults, and a level that skips",
        r#"
        SecRule &TX:a "@eq 0" "id:1,phase:1,pass,nolog,setvar:tx.a=1"
        SecRule &TX:a "@eq 0" "id:2,phase:1,pass,nolog,setvar:tx.a=2"
        SecAction "id:3,phase:1,pass,nolog,setvar:tx.b=%{TX.a}0,setvar:TX.A=+4"
        SecRule TX:A "@lt 5" "id:4,phase:1,pass,nolog,skipAfter:END"
        SecRule TX:a "@ge 5" "id:5,phase:1,pass,nolog,setvar:tx.c=x"
        SecRule TX:a "@lt 9" "id:6,phase:2,pass,nolog,skipAfter:END"
        SecRule ARGS "@rx ." "id:7,phase:2,deny"
        SecMarker END
        SecRule TX:a "@eq 5" "id:8,phase:2,pass,nolog""#,
    ),
    (
        "a request writes before a switch asks",
        r#"
        SecRule &TX:a "@eq 0" "id:1,phase:1,pass,nolog,setvar:tx.a=1"
        SecRule ARGS:x "@rx ^y" "id:2,phase:1,pass,nolog,setvar:tx.a=+1"
        SecRule TX:a "@eq 1" "id:3,phase:2,pass,nolog,setvar:tx.b=one"
        SecRule TX:a "@eq 2" "id:4,phase:2,pass,nolog,setvar:tx.b=two""#,
    ),
    (
        "a name with a macro",
        r#"
        SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=1,setvar:tx.ab=1"
        SecRule ARGS_NAMES "@rx ^x" "id:2,phase:1,pass,nolog,setvar:tx.a%{MATCHED_VAR}=5,setvar:tx.%{ARGS.x}=7"
        SecRule TX:ax "@eq 5" "id:3,phase:2,pass,nolog"
        SecRule TX:ab "@eq 1" "id:4,phase:2,pass,nolog"
        SecRule TX:y "@eq 7" "id:5,phase:2,pass,nolog""#,
    ),
    (
        "a rule about the request jumps over one that writes",
        r#"
        SecRule ARGS:x "@rx ^y" "id:1,phase:1,pass,nolog,skipAfter:HERE"
        SecRule &TX:a "@eq 0" "id:2,phase:1,pass,nolog,setvar:tx.a=1"
        SecMarker HERE
        SecRule TX:a "@eq 1" "id:3,phase:2,pass,nolog,setvar:tx.b=set""#,
    ),
    (
        "it jumps into what a switch would have skipped",
        r#"
        SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=1"
        SecRule ARGS:x "@rx ^y" "id:2,phase:1,pass,nolog,skipAfter:MIDDLE"
        SecRule TX:a "@eq 1" "id:3,phase:1,pass,nolog,skipAfter:END"
        SecMarker MIDDLE
        SecRule TX:a "@eq 1" "id:4,phase:1,pass,nolog,setvar:tx.b=1"
        SecMarker END
        SecRule TX:b "@eq 1" "id:5,phase:2,pass,nolog,setvar:tx.c=1""#,
    ),
    (
        "ctl takes a switch out",
        r#"
        SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=1"
        SecRule ARGS:x "@rx ^y" "id:2,phase:1,pass,nolog,ctl:ruleRemoveById=4"
        SecRule TX:a "@eq 1" "id:3,phase:2,pass,nolog,setvar:tx.b=1"
        SecRule TX:a "@eq 1" "id:4,phase:2,pass,nolog,setvar:tx.c=1""#,
    ),
    (
        "ctl takes a variable out of a switch",
        r#"
        SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=1"
        SecRule ARGS:x "@rx ^y" "id:2,phase:2,pass,nolog,ctl:ruleRemoveTargetById=4;TX:a"
        SecRule TX:a "@eq 1" "id:3,phase:2,pass,nolog,setvar:tx.b=1"
        SecRule TX:a "@eq 1" "id:4,phase:2,pass,nolog,setvar:tx.c=1""#,
    ),
    (
        "a refusal leaves phases out",
        r#"
        SecRule ARGS:x "@rx ^y" "id:1,phase:1,deny,nolog"
        SecRule &TX:a "@eq 0" "id:2,phase:2,pass,nolog,setvar:tx.a=1"
        SecRule TX:a "@eq 1" "id:3,phase:5,pass,nolog,setvar:tx.b=1"
        SecRule &TX:a "@eq 0" "id:4,phase:5,pass,nolog,setvar:tx.c=1""#,
    ),
    (
        "an end of the phase leaves rules out",
        r#"
        SecRule ARGS:x "@rx ^y" "id:1,phase:1,allow:phase,nolog"
        SecRule &TX:a "@eq 0" "id:2,phase:1,pass,nolog,setvar:tx.a=1"
        SecRule TX:a "@eq 1" "id:3,phase:2,pass,nolog,setvar:tx.b=1""#,
    ),
    (
        "captures and flags of the engine are never known",
        r#"
        SecRule ARGS:x "@rx ^(y)" "id:1,phase:1,pass,nolog,capture"
        SecRule &TX:1 "@eq 1" "id:2,phase:2,pass,nolog,setvar:tx.a=1"
        SecRule &TX:MSC_PCRE_LIMITS_EXCEEDED "@eq 0" "id:3,phase:2,pass,nolog,setvar:tx.b=1""#,
    ),
    (
        "what is removed, counted under another spelling, negated",
        r#"
        SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=1,setvar:tx.b=2"
        SecRule TX:a "!@eq 2" "id:2,phase:1,pass,nolog,setvar:!tx.b"
        SecRule &tx:B "!@eq 1" "id:3,phase:1,pass,nolog,setvar:tx.C=+3,setvar:tx.c=-1"
        SecRule TX:b "@ge 0" "id:4,phase:2,pass,nolog,skip:1"
        SecRule &TX:nothing "@eq 0" "id:5,phase:2,pass,nolog,skipAfter:NOWHERE"
        SecRule TX:a "@eq 1" "id:6,phase:2,pass,nolog""#,
    ),
    (
        "a chain that begins with one, and one that tells",
        r#"
        SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=1"
        SecRule TX:a "@eq 1" "id:2,phase:2,pass,nolog,chain"
            SecRule ARGS:x "@rx ^y" "setvar:tx.b=1"
        SecRule TX:b "@eq 1" "id:3,phase:2,pass,log,auditlog,msg:'b is %{TX.b}',setvar:tx.c=2"
        SecRule TX:a "@eq 1" "id:4,phase:2,pass,log,auditlog,msg:'a is %{TX.a}',setvar:tx.d=2"
        SecRule TX:d "@eq 2" "id:5,phase:2,pass,nolog""#,
    ),
];

fn run(rules: &str, prefilter: &str, query: &str) -> Answer {
    let rules = format!("{SWITCHES}SecRulePrefilter {prefilter}\n{rules}\n{WITNESS}\n");
    request(&format!("GET /{query} HTTP/1.1\nHost: a.example")).run(&config(&rules))
}

#[test]
fn it_is_as_when_every_rule_is_asked() {
    for (what, rules) in CASES {
        for query in ["", "?x=y", "?x=z&xb=1"] {
            let [short, long] = ["On", "Off"].map(|prefilter| run(rules, prefilter, query));
            let place = format!("{what}, with {query:?}");
            assert_eq!(short.status, long.status, "{place}");
            assert_eq!(short.matched, long.matched, "{place}");
            assert_eq!(short.tx, long.tx, "{place}");
            assert_eq!(short.log, long.log, "{place}");
        }
    }
}

#[test]
fn a_section_with_rules_of_its_own_is_not_what_was_foreseen() {
    let section = |rules: &str| config(&format!("{SWITCHES}{rules}\n{WITNESS}\n"));
    let first = section(r#"SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=2""#);
    let second = section(
        r#"SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=1"
        SecRule TX:a "@eq 1" "id:2,phase:2,pass,nolog,setvar:tx.b=foreseen"
        SecRule TX:a "@eq 2" "id:3,phase:2,pass,nolog,setvar:tx.b=met""#,
    );
    let mut host = TestHost::default();
    let answer = request("GET / HTTP/1.1\nHost: a.example").run_in(&mut host, &first, &second);
    assert_eq!(answer.tx.get("b").map(String::as_str), Some("met"));
}
