//! The scan changes no result: the same requests with it and without.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/draw.rs"]
mod draw;
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
const RULES: &str = include_str!("data/prefilter.conf");

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
