//! `SecRulePerfTime`: which rules took how long.

use crate::on;
use crate::support::request;

const RULES: &str = r#"
SecRule ARGS "@rx (?i)(a|b)+c" "id:2,phase:1,nolog,pass,chain"
SecRule ARGS "@rx a" "t:none"
SecRule PERF_RULES:2 "@ge 1" "id:10,phase:5,nolog,pass,setvar:tx.one=%{MATCHED_VAR}"
SecRule PERF_RULES "@ge 1" "id:11,phase:5,nolog,pass,setvar:tx.names=%{tx.names}%{MATCHED_VAR_NAME},setvar:tx.same=%{PERF_RULES.2}"
SecRule PERF_PHASE1 "@ge 1" "id:12,phase:5,nolog,pass"
SecRule PERF_ALL "@rx ^combined=\d+, p1=[1-9]\d*, p2=\d+, p3=\d+, p4=\d+, p5=0, sr=0, sw=0, l=0, gc=0$" "id:13,phase:5,nolog,pass"
"#;

#[test]
fn rules_that_take_long_are_named_with_their_time() {
    let head = format!("GET /?x={} HTTP/1.1", "ab".repeat(20_000) + "c");
    for (threshold, expected) in [("1", true), ("50000000", false), ("", false)] {
        let directive = match threshold {
            "" => String::new(),
            number => format!("SecRulePerfTime {number}\n"),
        };
        let answer = request(&head).run(&on(&format!("{directive}{RULES}")));
        assert_eq!(answer.matched.contains(&10), expected, "{threshold}");
        let value = |name: &str| answer.tx.get(name).map(String::as_str);
        assert_eq!(
            value("names").is_some_and(|names| names.starts_with("PERF_RULES:2")),
            expected
        );
        assert_eq!(value("one"), value("same"));
        assert!(answer.matched.contains(&12), "phases are always timed");
        assert!(answer.matched.contains(&13), "{:?}", answer.matched);
    }
}
