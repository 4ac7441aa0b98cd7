//! The shipped rules, end to end.

use std::collections::HashMap;

use palisade::pingback::Reason;

use super::corpus::{self, Case};
use super::server::{Answer, config, send};

const WHOLE: usize = usize::MAX;

/// The rule that refuses for a reason, as `rules/pingback.conf` has it.
fn rules_by_reason() -> HashMap<String, u64> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/apache-conf/rules/pingback.conf"
    );
    let text = std::fs::read_to_string(path).expect("the rules");
    let rules = text.split("SecRule PINGBACK:reason \"@streq ").skip(1);
    rules
        .map(|rule| {
            let (reason, rest) = rule.split_once('"').expect("a reason");
            let id = rest
                .split_once("id:")
                .and_then(|(_, rest)| rest.split_once(','));
            let id = id.and_then(|(id, _)| id.parse().ok()).expect("an id");
            (reason.to_owned(), id)
        })
        .collect()
}

/// The rule that must refuse a case.
fn expected_rule(case: &Case, rules: &HashMap<String, u64>) -> u64 {
    if case.is_xml() && !case.is_well_formed() {
        return 200_002;
    }
    let decisive = case
        .reasons
        .split(',')
        .filter_map(|reason| rules.get(reason));
    decisive.min().copied().unwrap_or(8_505_410)
}

#[test]
fn there_is_a_rule_for_every_reason_that_decides_alone() {
    let rules = rules_by_reason();
    for reason in Reason::ALL {
        let is_signal = matches!(reason.weight(), palisade::pingback::Weight::Points(_));
        assert_eq!(
            rules.contains_key(reason.name()),
            !is_signal,
            "{}",
            reason.name()
        );
    }
    assert!(rules.values().all(|id| (8_505_000..8_506_000).contains(id)));
}

#[test]
fn every_case_is_answered_as_it_should_be() {
    let (config, rules) = (config("", ""), rules_by_reason());
    for case in corpus::read() {
        let answer = send(&case, &config, WHOLE);
        assert_eq!(
            answer.status, case.status,
            "{}: {:?}",
            case.name, answer.log
        );
        let alerts: Vec<_> = answer
            .matched
            .iter()
            .filter(|&&id| (200_002..8_505_100).contains(&id) || id > 8_505_109)
            .collect();
        match case.verdict.as_str() {
            "suspicious" => assert_eq!(alerts, [&8_505_420], "{}", case.name),
            _ if case.status == 200 => assert!(
                alerts.iter().all(|&&id| id == 200_006),
                "{}: {alerts:?}",
                case.name
            ),
            _ => assert_eq!(
                answer.matched.last(),
                Some(&expected_rule(&case, &rules)),
                "{}",
                case.name
            ),
        }
    }
}

#[test]
fn a_refusal_is_one_line_that_says_who_what_and_why() {
    let config = config("", "");
    let Answer { log, client, .. } = send(&corpus::named("target-is-the-root"), &config, WHOLE);
    let [line] = log.as_slice() else {
        panic!("{log:?}")
    };
    let client = format!("[client {client}] [client {client}] ");
    for part in [
        &*client,
        "ModSecurity: Access denied with code 403 (phase 2).",
        "[id \"8505220\"]",
        "[msg \"Pingback: target is a front page\"]",
        "[data \"http://a.example/x to http://b.example/\"]",
        "[severity \"CRITICAL\"]",
        "[tag \"attack-pingback\"]",
        "[tag \"palisade\"]",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn how_a_body_is_cut_makes_no_difference() {
    let config = config("", "");
    for case in corpus::read()
        .iter()
        .filter(|case| case.body.len() < 100_000)
    {
        for chunk in [1, 7, 1000] {
            let answer = send(case, &config, chunk);
            assert_eq!(
                answer.status, case.status,
                "{} in chunks of {chunk}: {:?}",
                case.name, answer.log
            );
        }
    }
}

#[test]
fn detection_only_refuses_nothing() {
    for after in ["SecRuleEngine DetectionOnly", "SecRuleEngine Off"] {
        let config = config("", after);
        for case in corpus::read() {
            assert_eq!(
                send(&case, &config, WHOLE).status,
                200,
                "{after}: {}",
                case.name
            );
        }
    }
}

#[test]
fn without_the_pingback_engine_only_malformed_xml_is_refused() {
    let config = config("", "SecPingbackEngine Off");
    for case in corpus::read() {
        let malformed = case.is_xml() && !case.is_well_formed();
        let expected = if malformed { 400 } else { 200 };
        assert_eq!(
            send(&case, &config, WHOLE).status,
            expected,
            "{}",
            case.name
        );
    }
}

#[test]
fn the_pingback_engine_can_look_on_alone() {
    let config = config("", "SecPingbackEngine DetectionOnly");
    for case in corpus::read() {
        let malformed = case.is_xml() && !case.is_well_formed();
        let answer = send(&case, &config, WHOLE);
        assert_eq!(
            answer.status,
            if malformed { 400 } else { 200 },
            "{}",
            case.name
        );
        let notes = answer.matched.contains(&8_505_102);
        let is_odd = ["suspicious", "spam", "abuse"].contains(&case.verdict.as_str());
        assert_eq!(notes, is_odd && !malformed, "{}", case.name);
    }
}

#[test]
fn every_policy_can_be_removed_by_its_rule() {
    let rules = rules_by_reason();
    for case in corpus::read()
        .iter()
        .filter(|case| case.is_well_formed() && case.status >= 400)
    {
        let decisive = case
            .reasons
            .split(',')
            .filter_map(|reason| rules.get(reason));
        let removals: Vec<String> = decisive
            .map(|id| format!("SecRuleRemoveById {id}"))
            .collect();
        if !removals.is_empty() {
            let answer = send(case, &config("", &removals.join("\n")), WHOLE);
            assert_eq!(answer.status, 200, "{}: {:?}", case.name, answer.log);
        }
    }
}

#[test]
fn the_threshold_is_the_administrators() {
    let with = |threshold: u32, case: &str| {
        let action = format!(
            "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.pingback_score_threshold={threshold}\""
        );
        send(&corpus::named(case), &config(&action, ""), WHOLE).status
    };
    assert_eq!([3, 5].map(|t| with(t, "two-signals-do-not")), [403, 200]);
    assert_eq!(
        [4, 5].map(|t| with(t, "mention-client-behind-a-proxy-that-chunks")),
        [403, 200]
    );
    assert_eq!([8, 9].map(|t| with(t, "signals-add-up")), [403, 200]);
    assert_eq!([2, 3].map(|t| with(t, "mention-client")), [403, 200]);
    assert_eq!([1, 1000].map(|t| with(t, "wordpress-6.1.9")), [200, 200]);
    assert_eq!(
        [1, 1000].map(|t| with(t, "root-target-and-odd")),
        [403, 403]
    );
}

/// The Core Rule Set where it is at hand. It is not part of the project.
fn core_rule_set() -> Option<String> {
    let directory = std::env::var("CONFORMANCE_DIR").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/conformance").to_owned()
    });
    let directory = std::path::Path::new(&directory).join("crs");
    if !directory.is_dir() {
        eprintln!("SKIPPED: no conformance data at {}", directory.display());
        return None;
    }
    let directory = directory.display();
    Some(format!(
        "Include {directory}/crs-setup.conf.example\nInclude {directory}/rules/*.conf"
    ))
}

/// Sound pings that the Core Rule Set itself refuses at its defaults, and its rule.
const REFUSED_BY_CRS: [(&str, u64); 7] = [
    ("serendipity", 920_420),
    ("serendipity-behind-a-proxy-that-chunks", 920_420),
    ("serendipity-without-an-agent", 920_420),
    ("real-utf-16-big-endian-sniffed", 920_420),
    ("xml-rpc-net", 920_450),
    ("source-is-a-public-v6-address", 932_130),
    ("source-name-looks-local-but-is-not", 934_110),
];

#[test]
fn the_core_rule_set_can_come_after() {
    let Some(crs) = core_rule_set() else { return };
    let (config, rules) = (config("", &crs), rules_by_reason());
    for case in corpus::read() {
        let answer = send(&case, &config, WHOLE);
        let known = REFUSED_BY_CRS.iter().find(|(name, _)| *name == case.name);
        if case.status >= 400 {
            assert_eq!(
                answer.status, case.status,
                "{}: {:?}",
                case.name, answer.log
            );
            assert!(
                answer.matched.contains(&expected_rule(&case, &rules)),
                "{}",
                case.name
            );
        } else if let Some((_, rule)) = known {
            assert!(answer.matched.contains(rule), "{}", case.name);
        } else if case.verdict != "not-a-ping" {
            assert_eq!(answer.status, 200, "{}: {:?}", case.name, answer.log);
        }
    }
}
