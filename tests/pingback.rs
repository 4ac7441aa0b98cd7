//! The corpus of pingback and XML-RPC calls: through the inspection alone, and through the engine with the shipped rules.
//!
//! How the corpus is written: `tests/data/pingback/README.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that panics has failed

#[path = "pingback/corpus.rs"]
mod corpus;
#[path = "pingback/mutations.rs"]
mod mutations;
#[path = "support/random.rs"]
mod random;
#[path = "pingback/rules.rs"]
mod rules;
#[path = "pingback/server.rs"]
mod server;

use corpus::Case;
use palisade::body::xml;
use palisade::pingback::url::MAX_URL;
use palisade::pingback::{Inspection, RECOGNITION_WINDOW, Signals, Verdict, Weight, inspect};

fn inspected(case: &Case) -> Inspection {
    judged(case, &xml::parse(&case.body, xml::Options::default()))
}

fn judged(case: &Case, document: &xml::Document) -> Inspection {
    let headers = case.headers.iter();
    let mut signals = Signals::from_headers(headers.map(|(n, v)| (n.as_bytes(), v.as_bytes())));
    signals.server_address = Some(corpus::SERVER);
    inspect(document, &case.body, &signals, &corpus::is_served)
}

#[test]
fn the_corpus_is_large_and_its_names_are_unique() {
    let cases = corpus::read();
    let names: std::collections::HashSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.len() >= 250, "{}", cases.len());
}

#[test]
fn every_call_is_judged_as_it_should_be() {
    for case in corpus::read() {
        let finding = inspected(&case).finding;
        let reasons: Vec<_> = finding.reasons.iter().map(|reason| reason.name()).collect();
        assert_eq!(
            (finding.verdict.name(), reasons.join(",").as_str()),
            (case.verdict.as_str(), case.reasons.as_str()),
            "{}\n{}",
            case.name,
            case.body.get(..500).unwrap_or(&case.body).escape_ascii()
        );
    }
}

#[test]
fn the_expected_status_follows_from_the_reasons() {
    for case in corpus::read() {
        let finding = inspected(&case).finding;
        let has = |weight| {
            finding
                .reasons
                .iter()
                .any(|reason| reason.weight() == weight)
        };
        let status = match finding.verdict {
            Verdict::NotAPing if case.is_xml() && !case.is_well_formed() => 400,
            Verdict::NotAPing | Verdict::Genuine | Verdict::Suspicious => 200,
            _ if has(Weight::Malformed) => 400,
            _ => 403,
        };
        assert_eq!(status, case.status, "{}", case.name);
    }
}

#[test]
fn source_and_target_are_reported() {
    let case = corpus::named("wordpress-6.1.9");
    let inspection = inspected(&case);
    let finding = &inspection.finding;
    assert_eq!(
        finding.source.as_deref(),
        Some(&b"http://a.example/linker-47476/"[..])
    );
    assert_eq!(
        finding.target.as_deref(),
        Some(&b"http://b.example/target-post/"[..])
    );
    assert_eq!(
        (finding.method.as_deref(), finding.method_count),
        (Some(&b"pingback.ping"[..]), 1)
    );
    assert!(inspection.call.is_some());

    let bundle = inspected(&corpus::named("reflection")).finding;
    assert_eq!(
        bundle.source.as_deref(),
        Some(&b"http://victim.example/?1=1"[..])
    );
    assert_eq!(
        (bundle.method.as_deref(), bundle.method_count),
        (Some(&b"system.multicall"[..]), 200)
    );

    let malformed = inspected(&corpus::named("field-capture-utf-16-label")).finding;
    assert_eq!(
        (malformed.method, malformed.method_count, malformed.source),
        (None, 0, None)
    );
}

#[test]
fn a_sound_ping_survives_any_one_oddity_and_no_cut() {
    let case = corpus::named("wordpress-6.1.9");
    // Cut anywhere, it is malformed from the first byte of the root element on.
    let root = case
        .body
        .windows(11)
        .position(|w| w == b"<methodCall")
        .unwrap()
        + 11;
    for end in root..case.body.len() {
        let cut = Case {
            body: case.body.get(..end).unwrap().to_vec(),
            ..case.clone()
        };
        assert_eq!(inspected(&cut).finding.verdict, Verdict::Spam, "{end}");
    }
    for field in ["User-Agent", "Content-Type", "Content-Length"] {
        let mut without = case.clone();
        without.headers.retain(|(name, _)| name != field);
        assert_eq!(without.headers.len() + 1, case.headers.len());
        let finding = inspected(&without).finding;
        assert_eq!(
            (finding.verdict, finding.score),
            (Verdict::Genuine, 2),
            "{field}"
        );
    }
}

#[test]
fn inspection_is_linear_and_bounded() {
    let bundle = |calls: usize| {
        let call = "<value><struct><member><name>methodName</name><value>wp.getTags</value></member>\
                    <member><name>params</name><value><array><data><value>1</value><value>a</value><value>b</value></data></array></value></member></struct></value>";
        format!(
            "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>{}</data></array></value></param></params></methodCall>",
            call.repeat(calls)
        )
    };
    let hostile: [Vec<u8>; 5] = [
        bundle(3_000).into_bytes(),
        [b"<methodCall>".to_vec(), b"<a>".repeat(300_000)].concat(),
        [b"<methodResponse>".to_vec(), b"<a/>".repeat(200_000), b"</methodResponse>".to_vec()].concat(),
        format!("<methodCall><methodName>pingback.ping</methodName><params><param><value>http://{}</value></param><param><value>http://{}/</value></param></params></methodCall>",
            "%41.".repeat(500_000), "é".repeat(500_000)).into_bytes(),
        b"<!-- <methodcall ".repeat(60_000),
    ];
    for body in hostile {
        let case = Case {
            body,
            ..corpus::named("wordpress-6.1.9")
        };
        let document = xml::parse(&case.body, xml::Options::default());
        let begun = std::time::Instant::now();
        let verdict = judged(&case, &document).finding.verdict;
        let spent = begun.elapsed();
        assert!(spent.as_millis() < 300, "{verdict:?} {spent:?}");
    }
}

#[test]
fn a_call_is_recognised_within_the_window_and_not_beyond() {
    // A declaration that lies, so that the document has no root element, and padding before the call.
    let padded = |padding: usize| {
        let label = "<?xml version=\"1.0\" encoding=\"utf-16\"?>";
        let before = " ".repeat(padding - label.len());
        let case = Case {
            body: format!("{label}{before}<methodCall/>").into_bytes(),
            ..corpus::named("wordpress-6.1.9")
        };
        inspected(&case).finding.verdict
    };
    assert_eq!(
        padded(RECOGNITION_WINDOW - "<methodCall".len()),
        Verdict::Spam
    );
    assert_eq!(
        padded(RECOGNITION_WINDOW - "<methodCall".len() + 1),
        Verdict::NotAPing
    );
}

#[test]
fn what_is_longer_than_a_url_is_cut_and_refused() {
    let long = |length: usize| {
        let source = format!("http://a.example/{}", "x".repeat(length - 17));
        let case = Case {
            body: format!(
                "<methodCall><methodName>pingback.ping</methodName><params><param><value>{source}</value></param>\
                 <param><value>http://b.example/y</value></param></params></methodCall>"
            )
            .into_bytes(),
            ..corpus::named("wordpress-6.1.9")
        };
        let finding = inspected(&case).finding;
        (finding.verdict, finding.source.map(|source| source.len()))
    };
    assert_eq!(long(MAX_URL), (Verdict::Genuine, Some(MAX_URL)));
    assert_eq!(long(MAX_URL + 1), (Verdict::Spam, Some(MAX_URL)));
}
