//! The scan changes no result: the same requests with it and without.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "prefilter/drawn.rs"]
mod drawn;
#[path = "support/material.rs"]
mod material;
#[path = "support/patterns.rs"]
mod patterns;
#[path = "support/random.rs"]
mod random;
mod support;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::sync::Arc;

use flate2::read::GzDecoder;
use palisade::config::Config;
use random::Random;
use support::{Scenario, config, request};

/// Rules of every kind that is scanned for, and some that are not.
const RULES: &str = r#"
SecRuleEngine DetectionOnly
SecRequestBodyAccess On
SecResponseBodyAccess On
SecAction "id:1,phase:1,pass,nolog,setvar:tx.level=2"
SecRule TX:level "@lt 2" "id:2,phase:2,pass,nolog,skipAfter:END"
SecRule ARGS "@rx (?i)union\s+(?:all\s+)?select" "id:10,phase:2,pass,capture,t:none,t:urlDecodeUni,t:compressWhitespace,setvar:tx.sql=+1"
SecRule ARGS|ARGS_NAMES|!ARGS:token "@rx <script|javascript:|\bon(?:load|error)\s*=" "id:11,phase:2,pass,t:htmlEntityDecode,t:jsDecode,t:lowercase,multiMatch,setvar:tx.xss=+1"
SecRule ARGS:/^q/|REQUEST_COOKIES|!REQUEST_COOKIES:/^__/ "@rx [;|`]\s*(?:cat|ls|id)\b" "id:12,phase:2,pass,t:cmdLine,setvar:tx.rce=+1"
SecRule REQUEST_HEADERS:User-Agent "@pm nikto sqlmap masscan" "id:13,phase:1,pass,setvar:tx.scanner=%{MATCHED_VAR}"
SecRule REQUEST_HEADERS|!REQUEST_HEADERS:Referer "@contains ../" "id:14,phase:1,pass,setvar:tx.dots=+1"
SecRule REQUEST_URI|ARGS "@validateByteRange 32-126" "id:15,phase:2,pass,setvar:tx.bytes=+1"
SecRule ARGS "@validateUrlEncoding" "id:16,phase:2,pass,setvar:tx.url=+1"
SecRule ARGS "@validateUtf8Encoding" "id:17,phase:2,pass,setvar:tx.utf8=+1"
SecRule ARGS|REQUEST_COOKIES "@detectSQLi" "id:18,phase:2,pass,capture,t:removeNulls,setvar:'tx.sqli=%{TX.0}'"
SecRule ARGS|REQUEST_COOKIES "@detectXSS" "id:19,phase:2,pass,t:urlDecodeUni,setvar:tx.xss2=+1"
SecRule ARGS "@streq admin" "id:20,phase:2,pass,t:lowercase,t:trim,chain,setvar:tx.admin=+1"
SecRule ARGS_NAMES "@within user,name" "t:none,setvar:tx.name=+1"
SecRule ARGS "@beginsWith /etc" "id:21,phase:2,pass,t:normalizePath,setvar:tx.etc=+1"
SecRule ARGS "@endsWith .php" "id:22,phase:2,pass,setvar:tx.php=+1"
SecRule ARGS "@containsWord drop" "id:23,phase:2,pass,t:replaceComments,setvar:tx.drop=+1"
SecRule ARGS "!@rx ^[\w ]*$" "id:24,phase:2,pass,setvar:tx.odd=+1"
SecRule ARGS "@rx ^$" "id:25,phase:2,pass,setvar:tx.empty=+1"
SecRule ARGS "@rx eval" "id:26,phase:2,pass,t:base64Decode,setvar:tx.b64=+1"
SecRule ARGS "@rx ^[0-9a-f]{32}$" "id:27,phase:2,pass,t:md5,t:hexEncode,setvar:tx.md5=+1"
SecRule ARGS "@rx (?:a[^b]{0,3}){2}z" "id:28,phase:2,pass,t:removeWhitespace,setvar:tx.az=+1"
SecRule REQUEST_BODY "@rx passwd" "id:29,phase:2,pass,t:urlDecode,setvar:tx.passwd=+1"
SecRule ARGS "@rx (?=.*x)sel" "id:30,phase:2,pass,setvar:tx.look=+1"
SecRule ARGS "@contains (x)" "id:31,phase:2,pass,t:urlDecodeUni,t:removeWhitespace,setvar:tx.paren=+1"
SecRule ARGS "@rx eval" "id:32,phase:2,pass,t:removeWhitespace,t:base64Decode,multiMatch,setvar:tx.steps=+1"
SecRule ARGS "!@pm union zz" "id:33,phase:2,pass,setvar:tx.clean=+1,setvar:'tx.last=%{MATCHED_VAR_NAME}'"
SecRule REQUEST_HEADERS:User-Agent "!@pm nikto a" "id:34,phase:2,pass,t:lowercase,chain"
    SecRule ARGS:q "!@pm select drop" "t:none,setvar:tx.both=+1"
SecMarker END
SecRule RESPONSE_BODY "@rx hello" "id:40,phase:4,pass,setvar:tx.hello=+1"
"#;

/// What values are put together from.
const PIECES: &[&str] = &[
    "union",
    " ",
    "select",
    "SELECT",
    "%20",
    "/**/",
    "<script",
    ">",
    "javascript:",
    "onload",
    "=",
    "'",
    "\"",
    " or 1=1",
    "--",
    ";",
    "|",
    "cat",
    " /etc/passwd",
    "nikto",
    "SqlMap",
    "../",
    "\\x3c",
    "&lt;",
    "&#106;",
    "%",
    "%zz",
    "é",
    "a",
    "z",
    "x",
    "Admin",
    "drop",
    ".php",
    "0",
    "42",
    "word",
    "ZXZhbCgp",
    "%00",
    "`id`",
    "%u003cscript",
    "\\u0041",
    "__",
    "q",
];

/// Long values are scanned in another way than short ones: this makes one of a short one. No rule looks for it.
const PROSE: &str = "lorem+ipsum+dolor+amet+consectetuer+adipiscing+elit+";

/// A value of a few pieces, one in five of them long.
fn value(random: &mut Random) -> String {
    let prose = PROSE.repeat(12);
    let padding = |random: &mut Random| match random.below(10) {
        0 => &prose[..random.below(prose.len())],
        _ => "",
    };
    let (before, behind) = (padding(random), padding(random));
    let pieces: String = (0..random.below(6))
        .map(|_| PIECES[random.below(PIECES.len())])
        .collect();
    format!("{before}{pieces}{behind}")
}

/// Both configurations of the same rules.
fn both(rules: &str) -> [Arc<Config>; 2] {
    ["On", "Off"].map(|switch| config(&format!("{rules}\nSecRulePrefilter {switch}\n")))
}

/// Insists on equal results, and counts what matched.
fn compare(configs: &[Arc<Config>; 2], scenario: &Scenario, what: &str) -> usize {
    let [with, without] = configs.each_ref().map(|config| scenario.run(config));
    assert_eq!(with.matched, without.matched, "{what}");
    assert_eq!(with.tx, without.tx, "{what}");
    assert_eq!(with.log, without.log, "{what}");
    assert_eq!(with.status, without.status, "{what}");
    with.matched.len()
}

fn encoded(value: &[u8]) -> String {
    value.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02x}");
        text
    })
}

#[test]
fn our_own_rules() {
    let configs = both(RULES);
    let mut random = Random(0x5eed_5eed_5eed);
    let mut matched = 0;
    for round in 0..3000 {
        let [a, b, c, agent, cookie, body] = std::array::from_fn(|_| value(&mut random));
        let plain = |text: &str| text.replace([' ', '&', '#', '\n'], "+");
        let (a, b, c) = (plain(&a), plain(&b), encoded(c.as_bytes()));
        let head = format!(
            "POST /p/{round}?q={a}&token={b}&user={c} HTTP/1.1\nHost: blog.example\nUser-Agent: {agent}\n\
             Referer: ../{agent}\nCookie: k={cookie}; __u={cookie}\nContent-Type: application/x-www-form-urlencoded"
        );
        let scenario = request(&head).body(format!("name={}&{}=1", plain(&body), plain(&cookie)));
        matched += compare(&configs, &scenario, &head);
    }
    // Two match always; the others often enough.
    assert!(matched > 4 * 3000, "{matched}");
}

#[test]
fn removed_and_updated_rules() {
    let rules = format!(
        "{RULES}\nSecRuleRemoveById 13 20\nSecRuleUpdateTargetById 10 \"!ARGS:q|REQUEST_COOKIES\"\n\
         SecRule REQUEST_URI \"@contains word\" \"id:50,phase:1,pass,nolog,ctl:ruleRemoveTargetById=11;ARGS:q,ctl:ruleRemoveById=18\""
    );
    let configs = both(&rules);
    let mut random = Random(0xfeed);
    for _ in 0..1000 {
        let [a, b, cookie] = std::array::from_fn(|_| encoded(value(&mut random).as_bytes()));
        let head = format!("GET /p?q={a}&x={b} HTTP/1.1\nHost: blog.example\nCookie: k={cookie}");
        compare(&configs, &request(&head), &head);
    }
}

/// The Core Rule Set with everything switched on, with the scan and without; `None` where it is not at hand.
fn core_rules() -> Option<[Arc<Config>; 2]> {
    let crs = material::crs();
    let Ok(setup) = fs::canonicalize(crs.join("crs-setup.conf.example")) else {
        eprintln!("SKIPPED: no Core Rule Set in {}", crs.display());
        return None;
    };
    let rules = format!(
        "SecRuleEngine On\nSecRequestBodyAccess On\nInclude {}\n\
         SecAction \"id:1,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level=4,setvar:tx.inbound_anomaly_score_threshold=1000\"\n\
         Include {}/*.conf\n",
        setup.display(),
        fs::canonicalize(crs.join("rules")).unwrap().display(),
    );
    Some(both(&rules))
}

#[test]
fn the_core_rule_set() {
    let attacks = material::crs().join("../libinjection/verdicts.tsv.gz");
    let Ok(file) = File::open(&attacks) else {
        eprintln!("SKIPPED: no attacks in {}", attacks.display());
        return;
    };
    let mut table = String::new();
    GzDecoder::new(file).read_to_string(&mut table).unwrap();
    let Some(configs) = core_rules() else { return };
    let (mut requests, mut matched) = (0, 0);
    for line in table.lines().step_by(150) {
        let hex = line.rsplit('\t').next().unwrap();
        let value: String = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| format!("%{}", std::str::from_utf8(pair).unwrap()))
            .collect();
        let head = format!(
            "POST /p?q={value} HTTP/1.1\nHost: blog.example\nUser-Agent: Mozilla/5.0\nCookie: c={value}\n\
             Content-Type: application/x-www-form-urlencoded\nAccept: */*"
        );
        let prose = PROSE.repeat(8);
        let body = match requests % 3 {
            0 => format!("{value}=1&b={prose}{value}&c={value}{prose}"),
            _ => format!("{value}=1&b={value}"),
        };
        matched += compare(&configs, &request(&head).body(body), &head);
        requests += 1;
    }
    println!("{requests} requests, {matched} rules matched, with the scan and without");
    assert!(
        requests > 500 && matched > 20 * requests,
        "{requests} {matched}"
    );
}
