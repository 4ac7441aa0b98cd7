//! `SecRequestTimeBudget`: rules come to an end.

use crate::support::{config, request};

/// The first rule about arguments takes some tens of milliseconds on a long number.
const RULES: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyNoFilesLimit 4000000
SecRequestBodyLimit 4000000
SecAction "id:1,phase:2,pass,nolog,setvar:tx.score=0"
SecRule ARGS "@verifyCC \\d{13,16}" "id:2,phase:2,pass,nolog"
SecRule ARGS:attack "@streq yes" "id:3,phase:2,pass,nolog,setvar:tx.score=+5"
SecRule ARGS:attack "!@streq no" "id:4,phase:2,pass,nolog,setvar:tx.seen=1"
SecRule TX:score "@ge 5" "id:5,phase:2,deny,status:403"
SecRule TX:MSC_TIME_BUDGET_EXCEEDED "@eq 1" "id:6,phase:2,deny,status:503"
"#;

fn run(budget: &str) -> (u16, Vec<u64>, String) {
    let body = format!("long={}&attack=yes", "1234567890".repeat(100_000));
    let head = "POST / HTTP/1.1\nHost: a.example\nContent-Type: application/x-www-form-urlencoded";
    let outcome = request(head)
        .body(body)
        .run(&config(&format!("{RULES}{budget}\n")));
    (outcome.status, outcome.matched, outcome.log.join("\n"))
}

#[test]
fn when_it_is_spent_only_rules_about_tx_are_asked() {
    let (status, mut matched, log) = run("SecRequestTimeBudget 1");
    // The rule that takes so long is asked where all before it took less than a millisecond.
    matched.retain(|id| *id != 2);
    assert_eq!((status, matched), (503, vec![1, 6]));
    let told = "Time budget of 1 ms exceeded before rule";
    assert_eq!(log.matches(told).count(), 1, "{log}");
}

#[test]
fn a_request_within_it_meets_every_rule() {
    let (status, matched, log) = run("SecRequestTimeBudget 3600000");
    assert_eq!((status, matched), (403, vec![1, 2, 3, 4, 5]));
    assert!(!log.contains("Time budget"), "{log}");
}
