//! What transactions come to in the server's numbers.

use palisade::metrics::{Context, auto};

use crate::support::{TestHost, config, request};

const RULES: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 1000
SecResponseBodyAccess On
SecPingbackEngine On
SecRule ARGS "@rx attack" "id:1,phase:1,deny,status:406"
SecRule ARGS "@rx ^never[0-9]+$" "id:2,phase:1,deny"
SecRule ARGS "@rx ^(?:nor this|nor that)$" "id:3,phase:1,deny"
SecRule PINGBACK:verdict "@within spam abuse" "id:4,phase:2,deny,status:400"
SecRule ARGS:x "@streq y" "id:5,phase:2,pass,log"
SecRule RESPONSE_BODY "@contains secret" "id:6,phase:4,deny,status:500"
SecAction "id:7,phase:5,pass,nolog,noauditlog"
"#;

#[test]
fn a_transaction_is_counted_where_it_ends() {
    let config = config(RULES);
    let mut host = TestHost::default();
    let mut send = |head: &str, body: &str, page: &str| {
        let scenario = request(head).body(body).response(200, page);
        scenario.run_on(&mut host, &config).status
    };
    assert_eq!(send("GET /?x=y HTTP/1.1", "", "page"), 200);
    assert_eq!(send("GET /?x=attack HTTP/1.1", "", ""), 406);
    assert_eq!(send("GET /?x=attack HTTP/1.1", "", ""), 406);
    assert_eq!(send("GET / HTTP/1.1", "", "a secret"), 500);
    let large = "x".repeat(1001);
    assert_eq!(
        send("POST / HTTP/1.1\nContent-Length: 1001", &large, ""),
        413
    );
    let ping = "<methodCall><methodName>pingback.ping</methodName><params/></methodCall>";
    let head =
        "POST /xmlrpc.php HTTP/1.1\nContent-Type: text/xml\nUser-Agent: x\nContent-Length: 71";
    assert_eq!(send(head, ping, ""), 400);

    let context = Context {
        now: 0,
        collections: None,
    };
    let text = auto(&host.metrics.families(&context));
    for line in [
        "PalisadeTransactionDurationSecondsCount: 6",
        "PalisadeInterruptions 1: 2",
        "PalisadeInterruptions 2: 2",
        "PalisadeInterruptions 4: 1",
        "PalisadeInterruptionsByStatus 1 406: 2",
        "PalisadeInterruptionsByStatus 2 400: 1",
        "PalisadeInterruptionsByStatus 2 413: 1",
        "PalisadeInterruptionsByStatus 4 500: 1",
        "PalisadeRuleMatches 1: 2",
        "PalisadeRuleInterruptions 1: 2",
        "PalisadeRuleMatches 5: 1",
        "PalisadePingbacks spam arity: 1",
        "PalisadePingbacksRefused: 1",
        "PalisadePingbackReasons arity: 1",
        "PalisadeInspectedBytes request: 72",
        "PalisadeInspectedBytes response: 12",
        "PalisadeAuditRecords written: 0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} in\n{text}");
    }
    for absent in ["PalisadeRuleInterruptions 5:", "PalisadeRuleMatches 7:"] {
        assert!(!text.contains(absent), "{absent} in\n{text}");
    }
    let number = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.strip_prefix(": "))
            .unwrap()
            .parse()
            .unwrap()
    };
    // Rule 1 is asked where its word occurs; 2 and 3 are not asked once.
    assert_eq!(number("PalisadeRegexes run"), 2);
    assert!(number("PalisadeRegexes saved") >= 10, "{text}");
    assert!(number("PalisadeRules passed-by") >= number("PalisadeRegexes saved"));
}
