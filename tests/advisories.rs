//! Every published weakness of firewalls like this one is named in `tests/data/advisories.toml`, with the tests that it would
//! not pass today. Those that concern the engine as a whole, and no single room, are here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use support::{config, request};

/// Far more than anything here takes, and far less than what was wrong took.
const SOON: Duration = Duration::from_secs(2);

/// Whether `file name` is a function of that name in that file below `tests/` or `src/`, or `vector name` a hostile request.
fn exists(test: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some((place, name)) = test.split_once(' ') else {
        return false;
    };
    if place == "vector" {
        let row = format!("{{ name = '{name}',");
        let files = std::fs::read_dir(root.join("tests/data/hostile")).expect("the vectors");
        return files.flatten().any(|file| {
            std::fs::read_to_string(file.path()).is_ok_and(|text| text.contains(&row))
        });
    }
    let text = std::fs::read_to_string(root.join(place)).unwrap_or_default();
    let is_code = place.ends_with(".rs");
    match is_code {
        true => {
            text.contains(&format!("#[test]\nfn {name}("))
                || text.contains(&format!("#[test]\n    fn {name}("))
        }
        // A row of a table: the name is something that stands in it.
        false => text.contains(name),
    }
}

#[test]
fn every_advisory_has_a_test() {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Advisories {
        tested: BTreeMap<String, Vec<String>>,
        without: BTreeMap<String, String>,
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/advisories.toml");
    let list: Advisories = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut missing = Vec::new();
    for (advisory, tests) in &list.tested {
        if tests.is_empty() {
            missing.push(format!("{advisory}: no test"));
        }
        let gone = tests.iter().filter(|test| !exists(test));
        missing.extend(gone.map(|test| format!("{advisory}: there is no {test}")));
    }
    // `scripts/reliability.sh` reads these lines.
    println!(
        "advisories: {} with a test, {} without",
        list.tested.len(),
        list.without.len()
    );
    for (advisory, reason) in &list.without {
        assert!(!reason.is_empty(), "{advisory}");
        println!("advisory without a test: {advisory}: {reason}");
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

const BODIES: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyNoFilesLimit 2000000
SecRequestBodyLimit 2000000
SecArgumentsLimit 50000
SecAuditEngine On
SecAuditLogParts ABCFHIKZ
"#;

#[test]
fn cve_2025_47947_masking_what_matched_in_a_long_array() {
    let rules = format!(
        "{BODIES}SecRule REQUEST_HEADERS:Content-Type \"json\" \"id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n\
         SecRule ARGS \"@rx \\d\" \"id:2,phase:2,pass,capture,sanitiseMatchedBytes,setvar:tx.found=+1\"\n\
         SecRule TX:found \"@eq 9000\" \"id:3,phase:2,pass,nolog\""
    );
    let body = format!("[{}1]", "1,".repeat(8_999));
    let begun = Instant::now();
    let answer = request("POST / HTTP/1.1\nContent-Type: application/json")
        .body(body)
        .run(&config(&rules));
    assert_eq!(answer.matched.last(), Some(&3));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn cve_2025_48866_masking_very_many_equal_arguments() {
    let rules = format!("{BODIES}SecAction \"id:1,phase:2,pass,nolog,auditlog,sanitiseArg:p\"");
    let begun = Instant::now();
    let answer = request("POST / HTTP/1.1\nContent-Type: application/x-www-form-urlencoded")
        .body("p=1&".repeat(30_000))
        .run(&config(&rules));
    assert_eq!(answer.matched, [1]);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn cve_2026_73856_the_type_of_a_response_in_capitals() {
    let rules = "SecRuleEngine On\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/html\n\
                 SecRule RESPONSE_BODY \"@contains evilmarker\" \"id:1,phase:4,deny,status:403\"";
    for media_type in ["text/html", "Text/HTML", "TEXT/HTML; Charset=UTF-8"] {
        let answer = request("GET / HTTP/1.1")
            .response(200, "evilmarker")
            .response_type(media_type)
            .run(&config(rules));
        assert_eq!(answer.status, 403, "{media_type}");
    }
}

#[test]
fn cve_2013_2765_a_forced_body_of_unknown_type() {
    let rules = format!(
        "{BODIES}SecAction \"id:1,phase:1,pass,nolog,ctl:forceRequestBodyVariable=On\"\n\
         SecRule REQUEST_BODY \"@contains evilmarker\" \"id:2,phase:2,deny,status:403\""
    );
    for (body, status) in [("", 200), ("x evilmarker", 403)] {
        for head in ["POST / HTTP/1.1\nContent-Type: x/y", "POST / HTTP/1.1"] {
            let answer = request(head).body(body).run(&config(&rules));
            assert_eq!(answer.status, status, "{head:?} {body:?}");
        }
    }
}

#[test]
fn cve_2026_21876_a_chain_is_asked_for_each_value() {
    let rules = "SecRuleEngine On\n\
                 SecRule ARGS \"@rx ^(\\w+):\" \"id:1,phase:2,deny,status:403,capture,chain\"\n\
                 SecRule TX:1 \"@streq evilmarker\" \"t:none\"";
    // What the starter captured from the last value is what 2.9 shows the rest of the chain; a rule that wants
    // every value collects them.
    let collected = "SecRuleEngine On\n\
                     SecRule ARGS \"@rx ^(\\w+):\" \"id:1,phase:2,pass,nolog,capture,multiMatch,setvar:'tx.all=%{tx.all} %{tx.1}'\"\n\
                     SecRule TX:all \"@contains evilmarker\" \"id:2,phase:2,deny,status:403\"";
    let last = "GET /?a=fine:1&b=evilmarker:1 HTTP/1.1";
    let first = "GET /?a=evilmarker:1&b=fine:1 HTTP/1.1";
    assert_eq!(request(last).run(&config(rules)).status, 403);
    for head in [first, last] {
        assert_eq!(request(head).run(&config(collected)).status, 403, "{head}");
    }
}

#[test]
fn ghsa_qmx4_a_macro_of_many_values_is_the_first() {
    let rules = "SecRuleEngine On\n\
                 SecAction \"id:1,phase:2,pass,nolog,setvar:'tx.seen=%{ARGS._charset_}'\"";
    let answer = request("GET /?_charset_=utf-7&_charset_=utf-8 HTTP/1.1").run(&config(rules));
    assert_eq!(answer.tx["seen"], "utf-7");
}

#[test]
fn cve_2026_41510_arguments_beyond_the_limit_are_flagged_in_every_place() {
    let rules = "SecRuleEngine On\nSecRequestBodyAccess On\nSecArgumentsLimit 10\n\
                 SecRule &ARGS \"@ge 10\" \"id:1,phase:2,deny,status:400\"";
    let query = |count: usize| format!("/?{}", vec!["a=1"; count].join("&"));
    for (count, status) in [(9, 200), (10, 400), (11, 400), (1000, 400)] {
        let head = format!("GET {} HTTP/1.1", query(count));
        assert_eq!(request(&head).run(&config(rules)).status, status, "{count}");
        let answer = request("POST / HTTP/1.1\nContent-Type: application/x-www-form-urlencoded")
            .body(vec!["a=1"; count].join("&"))
            .run(&config(rules));
        assert_eq!(answer.status, status, "{count} in a body");
    }
}
