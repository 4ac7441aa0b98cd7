//! How many alerts of one request are logged.

use crate::support::{config, request};

const RULES: &str = r#"
SecRuleEngine On
SecArgumentsLimit 5000
SecRule ARGS "@rx ^x$" "id:1,phase:2,pass,msg:'one'"
SecRule ARGS "@rx ^x$" "id:2,phase:2,pass,nolog,setvar:tx.seen=+1"
SecRule ARGS_GET:deny "@streq yes" "id:3,phase:2,deny,status:403,msg:'no'"
"#;

fn run(arguments: usize) -> (u16, usize, usize, String) {
    let query = "a=x&".repeat(arguments);
    let answer = request(&format!("GET /?{query}deny=yes HTTP/1.1")).run(&config(RULES));
    assert_eq!(
        answer.tx["seen"],
        arguments.to_string(),
        "all are looked at"
    );
    let told = answer
        .log
        .iter()
        .filter(|line| line.contains("[id \"1\"]"))
        .count();
    (
        answer.status,
        told,
        answer.messages.len(),
        answer.log.concat(),
    )
}

#[test]
fn a_thousand_are_all_logged() {
    let (status, told, messages, log) = run(1000);
    assert_eq!((status, told, messages), (403, 1000, 1001));
    assert!(!log.contains("not logged"), "{log}");
}

#[test]
fn of_more_it_is_said_that_there_were_and_what_refuses_is_logged() {
    let (status, told, messages, log) = run(3000);
    assert_eq!((status, told, messages), (403, 1000, 1002));
    assert_eq!(
        log.matches("More than 1000 alerts: further ones are not logged.")
            .count(),
        1
    );
    assert!(log.contains("[id \"3\"]"), "the refusal");
}
