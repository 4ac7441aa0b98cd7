//! Calls that nobody has seen: those of the corpus, written as other programs would have written them.
//!
//! How a call is written says nothing about what it asks for. So a genuine one stays genuine in every way in which some program
//! writes XML and HTTP, and one that is refused for what it asks for gets through in none.

use palisade::body::xml;
use palisade::pingback::{Signals, Verdict, Weight, inspect};

use super::corpus::{self, Case};
use super::random::Random;
use super::server::{config, send};

/// Changes one thing about how a call is written. None of them changes what it says.
type Change = fn(&mut Case, &mut Random);

const CHANGES: [(&str, Change); 14] = [
    ("no declaration", |case, _| set_declaration(case, "")),
    ("encoding named", |case, _| {
        set_declaration(
            case,
            "<?xml version=\"1.0\" encoding=\"utf-8\" standalone='yes' ?>",
        )
    }),
    ("single quotes", |case, _| {
        set_declaration(case, "<?xml version='1.0' encoding='UTF-8'?>")
    }),
    ("a mark first", |case, _| {
        edit(case, |text| {
            format!("\u{feff}{}", text.trim_start_matches('\u{feff}'))
        })
    }),
    ("one line", |case, _| {
        edit(case, |text| text.replace(">\r\n", ">").replace(">\n", ">"))
    }),
    ("blanks between tags", |case, random| {
        let blank = ["\n", "\r\n", "\t", "  \n  "][random.below(4)];
        between_tags(case, blank);
    }),
    ("comments between tags", |case, _| {
        between_tags(case, "<!-- - -->")
    }),
    ("blanks inside tags", |case, _| {
        edit(case, |text| {
            text.replace("<param>", "<param >")
                .replace("</params>", "</params\n>")
        })
    }),
    ("bare values", |case, _| {
        edit(case, |text| {
            text.replace("<string>", "").replace("</string>", "")
        })
    }),
    ("CDATA", |case, _| edit(case, quoted_as_cdata)),
    ("references for slashes", |case, random| {
        let slash = ["&#47;", "&#x2F;", "&#x2f;"][random.below(3)];
        // In a CDATA section they would be text.
        edit(case, |text| match text.contains("<![CDATA[") {
            true => text.to_owned(),
            false => text.replace("://", &format!(":{slash}{slash}")),
        });
    }),
    ("a line behind it", |case, _| {
        edit(case, |text| format!("{text}\r\n\n"))
    }),
    ("other order of headers", |case, random| {
        for at in (1..case.headers.len()).rev() {
            case.headers.swap(at, random.below(at + 1));
        }
    }),
    ("other case of headers", |case, random| {
        let upper = random.below(2) == 0;
        for (name, _) in &mut case.headers {
            *name = if upper {
                name.to_uppercase()
            } else {
                name.to_lowercase()
            };
        }
    }),
];

fn edit(case: &mut Case, change: impl FnOnce(&str) -> String) {
    if let Ok(text) = std::str::from_utf8(&case.body) {
        case.body = change(text).into_bytes();
    }
}

fn set_declaration(case: &mut Case, declaration: &str) {
    edit(case, |text| {
        let root = text.find("<methodCall").unwrap_or(0);
        format!("{declaration}{}", text.get(root..).unwrap_or_default())
    });
}

/// Between the tags of the call's frame, where white space means nothing.
fn between_tags(case: &mut Case, blank: &str) {
    edit(case, |text| {
        [
            "<methodName>",
            "<params>",
            "<param>",
            "</param>",
            "</params>",
            "</methodCall>",
        ]
        .iter()
        .fold(text.to_owned(), |text, tag| {
            text.replace(tag, &format!("{blank}{tag}"))
        })
    });
}

/// The first typed string in a CDATA section; one with references keeps them as they are.
fn quoted_as_cdata(text: &str) -> String {
    let found = || {
        let start = text.find("<string>")? + "<string>".len();
        let end = start + text.get(start..)?.find("</string>")?;
        let value = text.get(start..end)?;
        let plain = !value.contains(['&', '<']);
        plain.then(|| format!("{}<![CDATA[{value}]]>{}", &text[..start], &text[end..]))
    };
    found().unwrap_or_else(|| text.to_owned())
}

/// Cases whose body is UTF-8 text without a label that says otherwise, so that it can be written anew; the length is
/// stated anew, too.
fn writable(case: &Case) -> bool {
    let text = std::str::from_utf8(&case.body).unwrap_or_default();
    let head = text
        .get(..text.find("<methodCall").unwrap_or(0))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let labelled = head.contains("encoding") && !head.contains("utf-8");
    text.contains("<methodCall>") && !head.contains("<!") && !labelled && case.is_well_formed()
}

fn verdict(case: &Case) -> (Verdict, Vec<Weight>) {
    let headers = case.headers.iter();
    let mut signals = Signals::from_headers(headers.map(|(n, v)| (n.as_bytes(), v.as_bytes())));
    signals.server_address = Some(corpus::SERVER);
    let document = xml::parse(&case.body, xml::Options::default());
    let finding = inspect(&document, &case.body, &signals, &corpus::is_served).finding;
    (
        finding.verdict,
        finding
            .reasons
            .iter()
            .map(|reason| reason.weight())
            .collect(),
    )
}

fn mutant(case: &Case, random: &mut Random) -> (Vec<&'static str>, Case) {
    let mut mutant = case.clone();
    let mut changed = Vec::new();
    for _ in 0..1 + random.below(4) {
        let (name, change) = CHANGES[random.below(CHANGES.len())];
        // A mark and a declaration belong to the beginning: only the first of them is made.
        if matches!(
            name,
            "a mark first" | "no declaration" | "encoding named" | "single quotes"
        ) && changed.iter().any(|known: &&str| {
            known.contains("mark")
                || known.contains("declaration")
                || known.contains("quotes")
                || known.contains("named")
        }) {
            continue;
        }
        change(&mut mutant, random);
        changed.push(name);
    }
    for (name, value) in &mut mutant.headers {
        if name.eq_ignore_ascii_case("Content-Length") {
            *value = mutant.body.len().to_string();
        }
    }
    (changed, mutant)
}

#[test]
fn however_a_call_is_written_it_is_judged_by_what_it_says() {
    let mut random = Random(20_261_123);
    let cases = corpus::read();
    let written: Vec<&Case> = cases.iter().filter(|case| writable(case)).collect();
    let (mut genuine, mut refused) = (0, 0);
    for case in written {
        // What is malformed is refused for how it is written.
        let decisive = verdict(case)
            .1
            .iter()
            .any(|weight| matches!(weight, Weight::Refused | Weight::Abusive));
        for _ in 0..40 {
            let (changed, mutant) = mutant(case, &mut random);
            let (found, _) = verdict(&mutant);
            let shown = || format!("{}, {changed:?}: {}", case.name, mutant.body.escape_ascii());
            match case.verdict.as_str() {
                "genuine" => {
                    genuine += 1;
                    assert_eq!(found, Verdict::Genuine, "{}", shown());
                }
                "spam" | "abuse" if decisive => {
                    refused += 1;
                    assert!(found >= Verdict::Spam, "{}", shown());
                }
                _ => {}
            }
        }
    }
    assert!(genuine > 2000 && refused > 2000, "{genuine} and {refused}");
}

#[test]
fn mutants_are_answered_by_the_rules_as_what_they_come_from() {
    let mut random = Random(6);
    let config = config("", "");
    for case in corpus::read()
        .iter()
        .filter(|case| writable(case) && matches!(case.verdict.as_str(), "genuine" | "abuse"))
    {
        let (changed, mutant) = mutant(case, &mut random);
        let answer = send(&mutant, &config, 1 + random.below(500));
        assert_eq!(
            answer.status == 200,
            case.status == 200,
            "{}, {changed:?}: {:?}",
            case.name,
            answer.log
        );
    }
}

#[test]
fn a_genuine_call_passes_with_any_one_oddity_however_it_is_written() {
    let mut random = Random(7);
    let odd: [fn(&mut Case); 4] = [
        |case| {
            case.headers
                .retain(|(name, _)| !name.eq_ignore_ascii_case("User-Agent"))
        },
        |case| {
            case.headers
                .retain(|(name, _)| !name.eq_ignore_ascii_case("Content-Type"))
        },
        |case| {
            case.headers
                .retain(|(name, _)| !name.eq_ignore_ascii_case("Content-Length"));
            case.headers
                .push(("Transfer-Encoding".into(), "chunked".into()));
        },
        |case| {
            edit(case, |text| {
                text.replacen("http://a.example", "http://198.51.100.9", 1)
            })
        },
    ];
    for name in [
        "wordpress-6.1.9",
        "wordpress-3.1",
        "drupal-vinculum",
        "python-xmlrpclib-2",
        "ruby-1.8",
        "typepad",
    ] {
        for strip in odd {
            let (changed, mut mutant) = mutant(&corpus::named(name), &mut random);
            strip(&mut mutant);
            assert_eq!(verdict(&mutant).0, Verdict::Genuine, "{name}, {changed:?}");
        }
    }
}
