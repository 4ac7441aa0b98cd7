//! Streams that rules rewrite, what they put around a response, and phases that end with an error.

use palisade::facts::{Header, Response};
use palisade::transaction::Transaction;
use palisade::types::Phase;

use crate::support::{TestHost, config, request};

const ON: &str = "SecRuleEngine On\nSecRequestBodyAccess On\nSecStreamInBodyInspection On\n\
    SecResponseBodyAccess On\nSecStreamOutBodyInspection On\nSecContentInjection On\n";

const FORM: &str =
    "POST /p HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 1";

/// What a request body becomes.
fn rewritten(rules: &str, body: &str) -> (Transaction, TestHost, Option<String>) {
    let scenario = request(FORM);
    let mut tx = scenario.transaction(&config(&format!("{ON}{rules}")));
    let mut host = TestHost::default();
    tx.run(Phase::RequestHeaders, &mut host);
    for chunk in body.as_bytes().chunks(5) {
        tx.append_request_body(chunk);
    }
    tx.end_request_body();
    tx.run(Phase::RequestBody, &mut host);
    let changed = tx.changed_request_body();
    let changed = changed.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (tx, host, changed)
}

fn matched(tx: &Transaction) -> Vec<u64> {
    tx.matches().rules().map(|chain| chain.id()).collect()
}

#[test]
fn request_bodies_are_rewritten() {
    let cases = [
        (
            "SecRule STREAM_INPUT_BODY \"@rsub s/secret/x/\" id:1,phase:2,pass",
            "a=secret&b=2",
            Some("a=x&b=2"),
            true,
        ),
        (
            "SecRule STREAM_INPUT_BODY \"@rsub s/secret/x/\" id:1,phase:2,pass",
            "a=open",
            None,
            false,
        ),
        (
            "SecRule STREAM_INPUT_BODY \"!@rsub s/secret/x/\" id:1,phase:2,pass",
            "a=secret",
            Some("a=x"),
            false,
        ),
        (
            "SecRule STREAM_INPUT_BODY \"!@rsub s/secret/x/\" id:1,phase:2,pass",
            "a=open",
            None,
            true,
        ),
        (
            "SecRule STREAM_INPUT_BODY \"@rsub s/SECRET/x/i\" id:1,phase:2,pass,t:lowercase",
            "a=Secret&B",
            Some("a=x&b"),
            true,
        ),
        (
            "SecRule STREAM_INPUT_BODY \"@rsub s/(a)=/\\1%{REQUEST_METHOD}=/\" id:1,phase:2,pass",
            "a=1",
            Some("aPOST=1"),
            true,
        ),
        (
            "SecRule STREAM_INPUT_BODY \"@rsub s/%{ARGS.re}/x/\" id:1,phase:2,pass",
            "re=a.&ab",
            Some("re=x&x"),
            true,
        ),
        (
            "SecRule STREAM_INPUT_BODY \"@rsub s/%{ARGS.re}/x/d\" id:1,phase:2,pass",
            "re=a.&ab",
            Some("re=x&ab"),
            true,
        ),
        (
            "SecRule STREAM_INPUT_BODY \"@rsub s/a/x/\" id:2,phase:2,pass,ctl:ruleEngine=DetectionOnly",
            "a=1",
            None,
            true,
        ),
        // Before there is a body there is nothing to rewrite.
        (
            "SecRule STREAM_INPUT_BODY \"@rsub s/a/x/\" id:1,phase:1,pass",
            "a=1",
            None,
            false,
        ),
        (
            "SecStreamInBodyInspection Off\nSecRule STREAM_INPUT_BODY \"@rsub s/a/x/\" id:1,phase:2,pass",
            "a=1",
            None,
            false,
        ),
        (
            "SecAction \"id:9,phase:1,pass,nolog,ctl:ruleRemoveTargetById=1;STREAM_INPUT_BODY\"\nSecRule STREAM_INPUT_BODY \"@rsub s/a/x/\" id:1,phase:2,pass",
            "a=1",
            None,
            false,
        ),
    ];
    for (rules, body, expected, matches) in cases {
        let (tx, _, changed) = rewritten(rules, body);
        assert_eq!(changed.as_deref(), expected, "{rules} {body}");
        assert_eq!(
            matched(&tx).iter().any(|id| *id < 9),
            matches,
            "{rules} {body}"
        );
    }
}

#[test]
fn rules_see_the_new_stream_and_the_old_arguments() {
    let (tx, host, changed) = rewritten(
        "SecRule STREAM_INPUT_BODY \"@rsub s/secret/x/\" \"id:1,phase:2,pass,msg:'%{MATCHED_VAR}'\"\n\
         SecRule STREAM_INPUT_BODY \"@rsub s/x/yy/\" \"id:2,phase:2,pass,nolog\"\n\
         SecRule STREAM_INPUT_BODY \"@streq a=yy\" \"id:3,phase:2,pass,nolog\"\n\
         SecRule ARGS:a \"@streq secret\" \"id:4,phase:2,pass,nolog\"\n\
         SecRule REQUEST_BODY \"@streq a=secret\" \"id:5,phase:2,pass,nolog\"",
        "a=secret",
    );
    assert_eq!(matched(&tx), [1, 2, 3, 4, 5]);
    assert_eq!(changed.as_deref(), Some("a=yy"));
    assert!(
        host.log[0].contains("Warning. Operator rsub succeeded. [file"),
        "{:?}",
        host.log
    );
    assert!(host.log[0].contains("[msg \"a=x\"]"), "{:?}", host.log);
}

#[test]
fn only_streams_can_be_rewritten() {
    let rules =
        "SecRule ARGS \"@rsub s/a/b/g\" id:1,phase:2,pass\nSecAction id:2,phase:2,pass,nolog";
    let (tx, host, changed) = rewritten(rules, "a=1&b=2");
    assert_eq!((matched(&tx), changed), (vec![2], None));
    assert_eq!(host.log.len(), 1, "{:?}", host.log);
    let expected =
        "Execution error - Operator rsub only works with STREAM_INPUT_BODY and STREAM_OUTPUT_BODY";
    assert!(host.log[0].contains(expected), "{:?}", host.log);
    let notices = config(&format!("{ON}{rules}")).notices();
    assert!(
        notices
            .iter()
            .any(|notice| notice.contains("without meaning: g")),
        "{notices:?}"
    );
    assert!(
        notices
            .iter()
            .any(|notice| notice.contains("rsub only works with")),
        "{notices:?}"
    );
}

#[test]
fn a_form_over_its_limit_is_refused_whatever_becomes_of_other_bodies() {
    for (directives, status) in [
        ("", 413),
        ("SecRequestBodyLimitAction ProcessPartial\n", 413),
        ("SecRuleEngine DetectionOnly\n", 200),
    ] {
        let rules = format!("{ON}SecRequestBodyNoFilesLimit 10\n{directives}");
        let answer = request(FORM).body("a=1234567").run(&config(&rules));
        assert_eq!(answer.status, 200, "{directives}");
        let answer = request(FORM).body("a=12345678").run(&config(&rules));
        assert_eq!(answer.status, status, "{directives}");
    }
}

/// Sends a response through; the transaction after phase 4.
fn answered(
    rules: &str,
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: &str,
) -> Transaction {
    let scenario = request("GET /p HTTP/1.1");
    let mut tx = scenario.transaction(&config(&format!("{ON}{rules}")));
    let mut host = TestHost::default();
    tx.run(Phase::RequestHeaders, &mut host);
    tx.run(Phase::RequestBody, &mut host);
    tx.response_headers(Response {
        status,
        content_type: Some("text/html".into()),
        headers: headers
            .iter()
            .map(|(name, value)| Header {
                name: (*name).into(),
                value: (*value).into(),
            })
            .collect(),
        ..Response::default()
    });
    tx.run(Phase::ResponseHeaders, &mut host);
    if tx.wants_response_body() {
        tx.append_response_body(body.as_bytes());
    }
    tx.run(Phase::ResponseBody, &mut host);
    tx
}

#[test]
fn responses_are_rewritten_and_framed() {
    const RSUB: &str = "SecRule STREAM_OUTPUT_BODY \"@rsub s/secret/x/\" id:1,phase:4,pass\nSecAction \"id:2,phase:3,pass,nolog,prepend:'<%{RESPONSE_STATUS}>',append:'one',append:'two'\"\n";
    let none: &[(&str, &str)] = &[];
    let identity = [("Content-Encoding", "identity")];
    let gzip = [("content-encoding", "gzip")];
    let cases = [
        ("", 200, none, true),
        ("", 404, &identity, true),
        ("", 206, none, false),
        ("", 204, none, false),
        ("", 304, none, false),
        ("", 200, &gzip, false),
        ("SecContentInjection Off\n", 200, none, false),
        ("SecRuleEngine DetectionOnly\n", 200, none, false),
        (
            "SecAction id:9,phase:4,pass,ctl:ruleEngine=Off\n",
            200,
            &[],
            false,
        ),
    ];
    for (directives, status, headers, changes) in cases {
        let tx = answered(&format!("{RSUB}{directives}"), status, headers, "a secret");
        let body = tx.changed_response_body();
        assert_eq!(
            body,
            changes.then_some(b"a x"[..].into()),
            "{directives} {status} {headers:?}"
        );
        let around = tx.injection().map(|around| {
            let text = |bytes: &Option<bytes::Bytes>| {
                String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned()
            };
            (text(&around.prepend), text(&around.append))
        });
        let expected = (format!("<{status}>"), "two".to_owned());
        assert_eq!(
            around,
            changes.then_some(expected),
            "{directives} {status} {headers:?}"
        );
    }
    let tx = answered(
        "SecResponseBodyAccess Off\nSecRule STREAM_OUTPUT_BODY \"@rsub s/z*/x/\" id:1,phase:4,pass",
        200,
        &[],
        "",
    );
    assert!(
        tx.changed_response_body().is_some(),
        "an empty stream is one"
    );
    let tx = answered(
        "SecStreamOutBodyInspection Off\nSecRule STREAM_OUTPUT_BODY \"@rsub s/z*/x/\" id:1,phase:4,pass",
        200,
        &[],
        "",
    );
    assert!(tx.changed_response_body().is_none());
}

#[test]
fn an_error_ends_the_phase_where_that_is_wanted() {
    for (phase, status) in [(1, 200), (2, 200), (3, 500), (4, 500)] {
        for (directives, expected, matched) in [
            ("", 406, vec![2]),
            ("SecInterceptOnError On\n", status, vec![]),
            (
                "SecInterceptOnError On\nSecRuleEngine DetectionOnly\n",
                200,
                vec![],
            ),
        ] {
            let rules = format!(
                "{ON}{directives}SecRule REQUEST_URI \"@rx *%{{REQUEST_METHOD}}\" id:1,phase:{phase},pass\nSecAction id:2,phase:{phase},deny,status:406\n"
            );
            let answer = request("GET /p HTTP/1.1").run(&config(&rules));
            assert_eq!(answer.status, expected, "{phase} {directives}");
            assert_eq!(answer.matched, matched, "{phase} {directives}");
            assert!(
                answer.messages[0].contains("Execution error"),
                "{:?}",
                answer.messages
            );
        }
    }
    // A limit of PCRE2 is no such error.
    let rules = format!(
        "{ON}SecInterceptOnError On\nSecPcreMatchLimit 2\nSecRule REQUEST_URI \"@rx ^/(a+)+(?<!a)$\" id:1,phase:1,pass\nSecAction id:2,phase:1,deny,status:406\n"
    );
    let answer = request("GET /aaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1").run(&config(&rules));
    assert_eq!(
        (answer.status, &answer.tx["MSC_PCRE_LIMITS_EXCEEDED"][..]),
        (406, "1")
    );
}
