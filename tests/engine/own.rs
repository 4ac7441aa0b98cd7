//! What mod_security2 has under older names, or not at all.

use crate::on;
use crate::support::request;

#[test]
fn a_rule_can_ask_who_is_counted_and_which_rule_refused() {
    let config = on(
        r#"SecAction "id:1,phase:1,pass,nolog,setvar:tx.network=%{CLIENT_NETWORK}"
SecRule ARGS:bad "@streq 1" "id:2,phase:2,deny,nolog"
SecRule REFUSED_BY "@eq 2" "id:3,phase:5,pass,nolog,setvar:tx.by=%{REFUSED_BY}""#,
    );
    let answer = request("GET /?bad=1 HTTP/1.1").run(&config);
    assert_eq!(answer.status, 403);
    assert_eq!(answer.tx["network"], "192.0.2.7");
    assert_eq!(answer.tx["by"], "2");
    let answer = request("GET / HTTP/1.1").run(&config);
    assert!(!answer.tx.contains_key("by"));
}

#[test]
fn sources_and_targets_of_pings_have_collections() {
    let config = on(
        r#"SecAction "id:1,phase:1,pass,nolog,initcol:PINGBACK_SOURCE=a,initcol:PINGBACK_TARGET=b"
SecAction "id:2,phase:1,pass,nolog,setvar:PINGBACK_SOURCE.n=+2,setvar:PINGBACK_TARGET.n=+1"
SecAction "id:3,phase:1,pass,nolog,setvar:tx.sum=%{PINGBACK_SOURCE.n}/%{PINGBACK_TARGET.n}""#,
    );
    request("GET / HTTP/1.1").run(&config);
    let answer = request("GET / HTTP/1.1").run(&config);
    assert_eq!(answer.tx["sum"], "4/2");
}

#[test]
fn older_names_of_limits_say_what_they_are_called_now() {
    for (old, new) in [
        ("SecReadStateLimit", "SecConnReadStateLimit"),
        ("SecWriteStateLimit", "SecConnWriteStateLimit"),
    ] {
        let notices = on(&format!("{old} 5")).notices();
        assert!(
            notices.iter().any(|notice| notice.contains(new)),
            "{notices:?}"
        );
    }
}
