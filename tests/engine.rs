//! Scenarios: rules and a request in, what matched and what was answered out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "engine/alerts.rs"]
mod alerts;
#[path = "engine/budget.rs"]
mod budget;
#[path = "engine/foregone.rs"]
mod foregone;
#[path = "engine/links.rs"]
mod links;
#[path = "engine/lookups.rs"]
mod lookups;
#[path = "engine/metrics.rs"]
mod metrics;
#[path = "engine/own.rs"]
mod own;
#[path = "engine/streams.rs"]
mod streams;
mod support;
#[path = "engine/times.rs"]
mod times;
#[path = "engine/uploads.rs"]
mod uploads;
#[path = "engine/xml.rs"]
mod xml;

use support::{config, request};

const ON: &str = "SecRuleEngine On\nSecRequestBodyAccess On\n";

fn on(rules: &str) -> std::sync::Arc<palisade::config::Config> {
    config(&format!("{ON}{rules}"))
}

#[test]
fn a_rule_denies_with_its_status_and_says_so() {
    let config = on(
        r#"SecRule ARGS:x "@rx ^b(a)d$" "id:1,phase:2,deny,status:406,capture,msg:'no %{TX.1}',logdata:'%{MATCHED_VAR_NAME}=%{MATCHED_VAR}',severity:CRITICAL,tag:'a/b',tag:'c',rev:2,ver:'v/1'""#,
    );
    let answer = request("GET /p?x=bad HTTP/1.1\nHost: blog.example").run(&config);
    assert_eq!(answer.status, 406);
    assert_eq!(answer.matched, [1]);
    assert_eq!(
        answer.log,
        [
            r#"[client 192.0.2.7] [client 192.0.2.7] ModSecurity: Access denied with code 406 (phase 2). Pattern match "^b(a)d$" at ARGS:x. [file "test.conf"] [line "3"] [id "1"] [rev "2"] [msg "no a"] [data "ARGS:x=bad"] [severity "CRITICAL"] [ver "v/1"] [tag "a/b"] [tag "c"] [hostname "blog.example"] [uri "/p"] [unique_id "Zxy0123456789012345678901"]"#
        ]
    );
    assert_eq!(request("GET /p?x=good HTTP/1.1").run(&config).status, 200);
}

#[test]
fn detection_only_warns_and_changes_nothing() {
    let config = config(
        "SecRuleEngine DetectionOnly\nSecAction \"id:1,phase:1,deny,msg:'x'\"\nSecAction id:2,phase:1,pass,nolog",
    );
    let answer = request("GET / HTTP/1.1").run(&config);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.matched, [1, 2]);
    assert!(
        answer.log[0].contains("ModSecurity: Warning. Unconditional match in SecAction. [file"),
        "{:?}",
        answer.log
    );
    assert_eq!(answer.log.len(), 1);
}

#[test]
fn off_runs_nothing() {
    let answer = request("GET / HTTP/1.1").run(&config("SecAction id:1,phase:1,deny"));
    assert_eq!((answer.status, answer.matched.len()), (200, 0));
}

#[test]
fn actions_run_once_a_matching_value() {
    let config = on("SecRule ARGS \"@rx ^1$\" \"id:1,phase:2,pass,nolog,setvar:tx.n=+5\"");
    let answer = request("GET /?a=1&b=1&c=2&d=1 HTTP/1.1").run(&config);
    assert_eq!(answer.tx["n"], "15");
}

#[test]
fn setvar_adds_subtracts_unsets_and_expands() {
    let config = on(
        "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.a,setvar:tx.b=x%{tx.a}y,setvar:tx.c=10,setvar:tx.c=-4,setvar:tx.d=-5,setvar:tx.e=1,setvar:!tx.e,setvar:'tx.n_%{tx.a}=+%{tx.c}',setvar:nope.x=1\"",
    );
    let tx = request("GET / HTTP/1.1").run(&config).tx;
    let expected = [
        ("a", "1"),
        ("b", "x1y"),
        ("c", "6"),
        ("d", "0"),
        ("n_1", "6"),
    ];
    assert_eq!(
        tx.iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn chains_need_every_rule_and_use_the_starters_identity() {
    let config = on(
        "SecRule ARGS:a \"@streq 1\" \"id:1,phase:2,deny,msg:'both',chain,setvar:tx.first=1\"\nSecRule ARGS:b \"@streq 2\" \"setvar:tx.second=1\"",
    );
    let answer = request("GET /?a=1&b=2 HTTP/1.1").run(&config);
    assert_eq!(answer.status, 403);
    assert!(
        answer.log[0]
            .contains("at ARGS:b. [file \"test.conf\"] [line \"3\"] [id \"1\"] [msg \"both\"]"),
        "{:?}",
        answer.log
    );
    let answer = request("GET /?a=1&b=3 HTTP/1.1").run(&config);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.tx.keys().collect::<Vec<_>>(), ["first"]);
}

#[test]
fn negation_counts_and_missing_values() {
    let cases = [
        ("REQUEST_HEADERS:X-None \"!@rx .\"", false),
        ("&REQUEST_HEADERS:X-None \"@eq 0\"", true),
        ("&ARGS \"@eq 2\"", true),
        ("ARGS:a \"!@streq 1\"", false),
        ("ARGS:a \"!@streq 2\"", true),
        ("ARGS:/^B$/ \"@streq 2\"", true),
        ("ARGS|!ARGS:b \"@streq 2\"", false),
        ("!ARGS:b|ARGS \"@streq 2\"", true),
        ("HTTP_user-agent \"@beginsWith cu\"", true),
        ("REQUEST_COOKIES:s \"@streq v\"", true),
        ("REQUEST_BASENAME \"@streq p.php\"", true),
        ("REQUEST_URI \"@streq /d/p.php?a=1&b=2\"", true),
        ("REQBODY_ERROR \"@eq 0\"", true),
        ("HIGHEST_SEVERITY \"@eq 255\"", true),
        ("REMOTE_USER \"@streq alice\"", true),
        ("ARGS_COMBINED_SIZE \"@eq 4\"", true),
        ("REMOTE_ADDR \"@ipMatch 192.0.2.0/24\"", true),
        ("ARGS_NAMES \"@within a\"", true),
    ];
    for (rule, expected) in cases {
        let config = on(&format!("SecRule {rule} id:1,phase:2,pass,nolog"));
        let answer = request("GET /d/p.php?a=1&b=2 HTTP/1.1\nUser-Agent: curl\nCookie: s=v; t=w")
            .run(&config);
        assert_eq!(answer.matched == [1], expected, "{rule}");
    }
}

#[test]
fn skips_and_markers() {
    let cases = [
        (
            "SecAction id:1,phase:1,pass,nolog,skip:1\nSecAction id:2,phase:1,pass\nSecAction id:3,phase:1,pass",
            vec![1, 3],
        ),
        (
            "SecAction id:1,phase:1,pass,nolog,skipAfter:E\nSecAction id:2,phase:1,pass\nSecMarker E\nSecAction id:3,phase:1,pass",
            vec![1, 3],
        ),
        (
            "SecAction id:1,phase:1,pass,nolog,skipAfter:3\nSecAction id:3,phase:1,pass\nSecAction id:4,phase:1,pass",
            vec![1, 4],
        ),
        (
            "SecAction id:1,phase:1,pass,nolog,skipAfter:none\nSecAction id:2,phase:1,pass\nSecAction id:3,phase:2,pass",
            vec![1, 3],
        ),
        (
            "SecAction id:1,phase:1,allow:phase\nSecAction id:2,phase:1,pass\nSecAction id:3,phase:2,pass",
            vec![1, 3],
        ),
        (
            "SecAction id:1,phase:1,allow:request\nSecAction id:2,phase:2,deny\nSecAction id:3,phase:3,pass",
            vec![1, 3],
        ),
        (
            "SecAction id:1,phase:1,allow\nSecAction id:2,phase:2,deny\nSecAction id:3,phase:3,deny\nSecAction id:4,phase:5,pass",
            vec![1, 4],
        ),
        (
            "SecAction id:1,phase:1,deny\nSecAction id:2,phase:2,pass\nSecAction id:3,phase:5,pass",
            vec![1, 3],
        ),
        (
            "SecAction id:1,phase:1,pass,ctl:ruleEngine=Off\nSecAction id:2,phase:1,deny",
            vec![1],
        ),
        (
            "SecAction id:1,phase:1,pass,ctl:ruleRemoveById=2-3\nSecAction id:2,phase:1,deny\nSecAction id:4,phase:1,pass",
            vec![1, 4],
        ),
        (
            "SecAction id:1,phase:1,pass,ctl:ruleRemoveByTag=^x\nSecAction id:2,phase:1,deny,tag:xy\nSecAction id:4,phase:1,pass",
            vec![1, 4],
        ),
        (
            "SecAction \"id:1,phase:1,pass,ctl:ruleRemoveTargetById=2;ARGS:a\"\nSecRule ARGS 1 id:2,phase:1,deny",
            vec![1],
        ),
    ];
    for (rules, expected) in cases {
        assert_eq!(
            request("GET /?a=1 HTTP/1.1").run(&on(rules)).matched,
            expected,
            "{rules}"
        );
    }
}

#[test]
fn defaults_hold_for_their_phase_and_block_is_what_they_say() {
    let config = on(
        "SecDefaultAction phase:1,log,deny,status:401\nSecDefaultAction phase:2,log,pass,t:lowercase\nSecRule ARGS:a \"@streq x\" id:1,phase:1,block\nSecRule ARGS:b \"@streq x\" id:2",
    );
    assert_eq!(request("GET /?a=x HTTP/1.1").run(&config).status, 401);
    let answer = request("GET /?b=X HTTP/1.1").run(&config);
    assert_eq!((answer.status, answer.matched), (200, vec![2]));
}

#[test]
fn bodies_are_parsed_whatever_their_chunks() {
    let config = on(
        "SecRule ARGS_POST:b \"@streq c d\" id:1,phase:2,deny\nSecRule REQUEST_BODY \"@contains b=c+d\" id:2,phase:2,pass",
    );
    for chunk in [1, 2, 7, 4096] {
        let answer = request(
            "POST / HTTP/1.1\nContent-Type: application/x-www-form-urlencoded; charset=utf-8",
        )
        .body("a=1&b=c+d")
        .chunk(chunk)
        .run(&config);
        assert_eq!(answer.status, 403, "{chunk}");
    }
}

#[test]
fn a_malformed_body_is_refused_by_the_rule_and_not_by_the_engine() {
    let rules = "SecRule REQUEST_HEADERS:Content-Type \"@rx xml\" \"id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML\"\nSecRule REQBODY_ERROR \"!@eq 0\" \"id:200002,phase:2,t:none,log,deny,status:400,msg:'Failed to parse request body.',logdata:'%{reqbody_error_msg}',severity:2\"";
    let answer = request("POST /x HTTP/1.1\nContent-Type: Text/XML")
        .body("<a><b></a>")
        .run(&on(rules));
    assert_eq!((answer.status, answer.matched), (400, vec![200000, 200002]));
    assert!(
        answer.log[0].contains("ModSecurity: XML parsing error: "),
        "{:?}",
        answer.log
    );
    assert!(
        answer.log[1].contains("[data \"XML parsing error: "),
        "{:?}",
        answer.log
    );
    let good = request("POST /x HTTP/1.1\nContent-Type: text/xml")
        .body("<a><b/></a>")
        .run(&on(rules));
    assert_eq!(good.status, 200);
}

#[test]
fn a_body_of_several_types_is_malformed() {
    let rules = "SecRule REQBODY_ERROR \"!@eq 0\" \"id:200002,phase:2,t:none,log,deny,status:400\"";
    let types = [
        ("text/plain, application/x-www-form-urlencoded", 400),
        ("application/x-www-form-urlencoded, text/plain", 400),
        (
            "text/plain\nContent-Type: application/x-www-form-urlencoded",
            400,
        ),
        ("text/plain; a=b, application/json; c=d", 400),
        ("application/x-www-form-urlencoded, x", 200),
        ("multipart/x; boundary=a,b=/", 200),
        ("text/plain", 200),
    ];
    for (stated, status) in types {
        let head = format!("POST /x HTTP/1.1\nContent-Type: {stated}");
        assert_eq!(
            request(&head).body("a=b").run(&on(rules)).status,
            status,
            "{stated}"
        );
        assert_eq!(request(&head).run(&on(rules)).status, 200, "no body");
    }
}

#[test]
fn limits_refuse_or_cut() {
    let form = "POST / HTTP/1.1\nContent-Type: application/x-www-form-urlencoded";
    for (limit, expected, without_files) in [(9, 413, 413), (10, 200, 413), (11, 200, 200)] {
        let config = on(&format!("SecRequestBodyLimit {limit}"));
        assert_eq!(
            request(form).body("a=12345678").run(&config).status,
            expected,
            "limit {limit}"
        );
        let config = on(&format!("SecRequestBodyNoFilesLimit {limit}"));
        assert_eq!(
            request(form).body("a=12345678").run(&config).status,
            without_files,
            "no files limit {limit}"
        );
    }
    let config = on(
        "SecRequestBodyLimit 4\nSecRequestBodyLimitAction ProcessPartial\nSecRule INBOUND_DATA_ERROR \"@eq 1\" id:1,phase:2,pass",
    );
    let answer = request(form).body("a=12345678").run(&config);
    assert_eq!((answer.status, answer.matched), (200, vec![1]));
    let detection = config_detection("SecRequestBodyLimit 4");
    assert_eq!(request(form).body("a=12345678").run(&detection).status, 200);
}

fn config_detection(rules: &str) -> std::sync::Arc<palisade::config::Config> {
    config(&format!(
        "SecRuleEngine DetectionOnly\nSecRequestBodyAccess On\n{rules}"
    ))
}

#[test]
fn responses_are_inspected_where_asked() {
    let rules = "SecResponseBodyAccess On\nSecRule RESPONSE_STATUS \"@eq 500\" id:1,phase:3,deny,status:502\nSecRule RESPONSE_BODY \"@contains secret\" id:2,phase:4,deny,status:503\nSecRule RESPONSE_HEADERS:Content-Type html id:3,phase:3,pass,nolog";
    assert_eq!(
        request("GET / HTTP/1.1")
            .response(200, "ok")
            .run(&on(rules))
            .matched,
        [3]
    );
    assert_eq!(
        request("GET / HTTP/1.1")
            .response(500, "ok")
            .run(&on(rules))
            .status,
        502
    );
    assert_eq!(
        request("GET / HTTP/1.1")
            .response(200, "a secret")
            .run(&on(rules))
            .status,
        503
    );
}

#[test]
fn nothing_forges_a_log_line() {
    let config = on(
        "SecRule ARGS \"@contains evil\" \"id:1,phase:2,deny,msg:'%{MATCHED_VAR}',logdata:'%{MATCHED_VAR}'\"",
    );
    let answer = request("GET /%0a?x=evil%0d%0a[id%20%22666%22]%1b[31m%ff HTTP/1.1").run(&config);
    let line = &answer.log[0];
    assert!(
        line.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
        "{line}"
    );
    assert_eq!(line.matches("[id \"").count(), 1, "{line}");
}

#[test]
fn a_denial_that_cannot_be_attributed_names_no_client() {
    let config = on("SecAction id:1,phase:1,deny");
    let local = palisade::client::ClientAddress::direct("127.0.0.1".parse().unwrap(), 1);
    let answer = request("GET / HTTP/1.1").client(local).run(&config);
    assert!(
        answer.log[0].starts_with("[peer 127.0.0.1] [unattributed] ModSecurity: Access denied"),
        "{:?}",
        answer.log
    );
    assert!(!answer.log[0].contains("[client"));
}

#[test]
fn setenv_reaches_the_host() {
    let answer = request("GET /?a=7 HTTP/1.1")
        .run(&on("SecRule ARGS:a \"@rx (\\d)\" \"id:1,phase:2,pass,capture,setenv:'n=v%{TX.1}',setenv:!gone\""));
    assert_eq!(answer.env["n"], "v7");
}

#[test]
fn multimatch_asks_after_every_step() {
    let config = on(
        "SecRule ARGS \"@rx ^(?:A|a)$\" \"id:1,phase:2,pass,nolog,multiMatch,t:none,t:lowercase,setvar:tx.n=+1\"",
    );
    assert_eq!(request("GET /?x=A HTTP/1.1").run(&config).tx["n"], "2");
    assert_eq!(request("GET /?x=a HTTP/1.1").run(&config).tx["n"], "1");
}

#[test]
fn the_debug_log_tells_the_story() {
    let file = std::env::temp_dir().join(format!("palisade-debug-{}.log", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let rules = format!(
        "SecDebugLog {}\nSecDebugLogLevel 9\nSecRule ARGS \"!@streq b\" \"id:7,phase:2,pass,nolog,t:lowercase,setvar:tx.x=%{{MATCHED_VAR}}\"",
        file.display()
    );
    request("GET /p?k=A%0a HTTP/1.1").run(&on(&rules));
    let log = std::fs::read_to_string(&file).unwrap();
    let _ = std::fs::remove_file(&file);
    for expected in [
        "][4] Starting phase REQUEST_BODY.\n",
        "][5] Adding request argument (QUERY_STRING): name \"k\", value \"A\\n\"\n",
        "; [file \"test.conf\"] [line \"5\"] [id \"7\"].\n",
        "][4] Operator completed in ",
        "][9] T (0) lowercase: \"a\\n\"\n",
        "][4] Executing operator \"!streq\" with param \"b\" against ARGS:k.\n",
        "][9] Target value: \"a\\n\"\n",
        "][9] Setting variable: tx.x=%{MATCHED_VAR}\n",
        "][9] Resolved macro %{MATCHED_VAR} to: a\\n\n",
        "][9] Set variable \"tx.x\" to \"a\\n\".\n",
        "][4] Warning. Match of \"streq b\" against \"ARGS:k\" required. [file",
        "][4] Rule returned 1.\n",
        "][9] Match -> mode NEXT_RULE.\n",
        "][4] Audit log: Ignoring a non-relevant request.\n",
    ] {
        assert!(log.contains(expected), "{expected}\n{log}");
    }
    let quiet = rules.replace("DebugLogLevel 9", "DebugLogLevel 0");
    request("GET /p?k=A HTTP/1.1").run(&on(&quiet));
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), "");
    let _ = std::fs::remove_file(&file);
}

#[test]
fn what_is_sanitised_stands_nowhere_in_the_record() {
    let file = std::env::temp_dir().join(format!("palisade-sanitise-{}.log", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let rules = format!(
        "SecAuditLog {}\nSecAuditEngine On\nSecAuditLogParts ABCFHIKZ\nSecAction id:1,phase:1,pass,nolog,sanitiseArg:pw,sanitiseRequestHeader:X-Token\nSecRule ARGS \"@contains s3cret\" \"id:2,phase:2,deny,log,logdata:'%{{MATCHED_VAR}}'\"",
        file.display()
    );
    let head = "POST /p?a=1&PW=s3cret%21one HTTP/1.1\nX-Token: t0ken\nContent-Type: application/x-www-form-urlencoded";
    let answer = request(head).body("pw=s3cret%21two&b=2").run(&on(&rules));
    let record = std::fs::read_to_string(&file).unwrap();
    let _ = std::fs::remove_file(&file);
    assert_eq!(answer.status, 403);
    for secret in ["s3cret%21", "s3cret!", "t0ken"] {
        assert!(!record.contains(secret), "{secret}\n{record}");
    }
    assert!(record.contains("a=1&PW=***"), "{record}");
    assert!(record.contains("pw=************&b=2"), "{record}");
}

#[test]
fn the_full_request_is_what_was_sent() {
    let config = on(
        r#"SecRule FULL_REQUEST "@rx ^POST /p HTTP/1\.1\nHost: a\n(?:.+\n)*\na=1&b=2$" "id:1,phase:2,deny,status:406""#,
    );
    let answer = request("POST /p HTTP/1.1\nHost: a").body("a=1&b=2");
    assert_eq!(answer.run(&config).status, 406);
}
