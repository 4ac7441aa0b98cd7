//! The reference: every name has an example, every example is sound and shows its name, and what is said of values is true.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use palisade::config::{DIRECTIVES, Support, Tree};
use palisade::manual::{Example, Page, examples};
use palisade::operators::Kind;
use palisade::transformations::Transformation;
use palisade::trial::{Options, Trial, plan, wire};

#[path = "support/scratch.rs"]
mod scratch;

/// The files that examples name, as small as they can be.
fn files(directory: &Path) {
    let files: [(&str, &[u8]); 9] = [
        ("bad-words.txt", b"casino\npills\n"),
        ("networks.txt", b"192.0.2.0/24\n"),
        (
            "hashes.txt",
            b"ssdeep,1.1--blocksize:hash:hash,filename\n96:PuNQHTo6pYrYJWrYJ6N3w53hpYTdhuNQHTo6pYrYJWrYJ6N3w53hpYTP:+QHTrpYrsWrs6N3g3LaGQHTrpYrsWrsa,\"x\"\n",
        ),
        ("check.lua", b"function main(value) return nil end\n"),
        ("tell.lua", b"function main() return nil end\n"),
        ("unicode.mapping", b"20127 (US-ASCII)\n00a0:20 00a1:21\n"),
        ("message.dtd", b"<!ELEMENT message (#PCDATA)>\n"),
        (
            "message.xsd",
            b"<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"><xs:element name=\"message\" type=\"xs:string\"/></xs:schema>\n",
        ),
        ("GeoLite2-City.mmdb", &empty_database()),
    ];
    for (name, content) in files {
        fs::write(directory.join(name), content).unwrap();
    }
}

/// A database of places that knows none.
fn empty_database() -> Vec<u8> {
    let text = |text: &str| [&[0x40 | text.len() as u8][..], text.as_bytes()].concat();
    let number = |kind: u8, value: u8| vec![kind << 5 | 1, value];
    let entries = [
        ("binary_format_major_version", number(5, 2)),
        ("binary_format_minor_version", number(5, 0)),
        ("build_epoch", vec![0x01, 0x02, 0x01]),
        ("database_type", text("Test-City")),
        ("description", vec![0xe0]),
        ("ip_version", number(5, 6)),
        ("languages", vec![0x00, 0x04]),
        ("node_count", number(6, 1)),
        ("record_size", number(5, 24)),
    ];
    // One node, of which both sides lead nowhere; a gap; no data.
    let mut file = vec![0, 0, 1, 0, 0, 1];
    file.extend([0; 16]);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.push(0xe0 | entries.len() as u8);
    for (name, value) in entries {
        file.extend(text(name));
        file.extend(value);
    }
    file
}

/// What is wrong with a configuration.
fn mistakes(text: &str, directory: &Path) -> (Tree, Vec<String>) {
    let file = directory.join("example.conf");
    fs::write(&file, text).unwrap();
    let (tree, errors) = Tree::read(&[file], &[], None);
    (tree, errors.iter().map(ToString::to_string).collect())
}

fn is_refused(page: Page, name: &str) -> bool {
    match page {
        Page::Directives => DIRECTIVES
            .iter()
            .any(|it| it.name == name && it.support == Support::Refused),
        Page::Operators => Kind::lookup(name).is_some_and(|kind| !kind.is_supported()),
        _ => false,
    }
}

#[test]
fn every_name_has_one_example_that_shows_it() {
    let mut wrong = Vec::new();
    for page in Page::ALL {
        let examples = examples(page);
        let mut wanted: BTreeSet<&str> = page.names().into_iter().collect();
        for example in &examples {
            for name in &example.names {
                let is_second = !wanted.remove(name);
                let is_alias = Kind::lookup(name).is_some()
                    || Transformation::lookup(name).is_some()
                    || name.contains("itize");
                if is_second && !is_alias {
                    wrong.push(format!("{name}: twice, or no name of {page:?}"));
                }
                if !example.text.contains(&page.written(name)) {
                    wrong.push(format!("{name}: not in its example"));
                }
            }
        }
        wrong.extend(wanted.iter().map(|name| format!("{name}: no example")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(Page::Directives.names().len() == DIRECTIVES.len());
}

#[test]
fn examples_are_sound() {
    let scratch = scratch::Scratch::new("manual");
    files(scratch.path());
    let (mut wrong, mut sound) = (Vec::new(), 0);
    for page in Page::ALL {
        for example in examples(page) {
            let (_, errors) = mistakes(&example.text, scratch.path());
            let name = example.names[0];
            match (is_refused(page, name), errors.is_empty()) {
                (true, true) => wrong.push(format!("{name}: is not refused")),
                (false, false) => wrong.push(format!("{name}: {}", errors.join("\n"))),
                (false, true) => sound += 1,
                (true, false) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(sound > 300, "{sound} examples: these cannot be all");
}

/// The rule of an example that has its operator, asking about the argument `a` instead, as its value comes.
fn asking(name: &str, example: &Example) -> String {
    let start = format!("@{name}");
    let operator = example
        .text
        .split('"')
        .map(|part| part.trim_start_matches('!'))
        .find(|part| part.split(' ').next() == Some(&start))
        .unwrap_or_else(|| panic!("{name}: its example does not have it"));
    format!(
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecRule ARGS:a \"{operator}\" \"id:1,phase:2,deny,status:406,t:none\"\n"
    )
}

fn status(tree: &Tree, value: &[u8]) -> u16 {
    let encoded: String = value.iter().map(|byte| format!("%{byte:02x}")).collect();
    let request = format!("GET /?a={encoded} HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let incoming = wire::read_file(request.as_bytes());
    let outcome = Trial::new(Options::default()).run(&plan(tree, &incoming), &incoming, None);
    outcome.decision.status
}

#[test]
fn operators_match_what_their_pages_say() {
    let scratch = scratch::Scratch::new("manual-operators");
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for example in examples(Page::Operators) {
        if example.matches.is_empty() && example.passes.is_empty() {
            continue;
        }
        let name = example.names[0];
        let (tree, errors) = mistakes(&asking(name, &example), scratch.path());
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let matches = example.matches.iter().map(|value| (value, 406));
        let passes = example.passes.iter().map(|value| (value, 200));
        for (value, wanted) in matches.chain(passes) {
            tried += 1;
            let found = status(&tree, value);
            if found != wanted {
                let value = value.escape_ascii();
                wrong.push(format!("@{name}: {value}: {found} instead of {wanted}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 40, "{tried} values: these cannot be all");
}

#[test]
fn transformations_show_what_becomes_of_values() {
    for example in examples(Page::Transformations) {
        assert!(!example.inputs.is_empty(), "{}: no value", example.names[0]);
    }
}
