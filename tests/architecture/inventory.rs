//! Every name of the rule language is put to work by a test: one that only reads a configuration does not count.

use std::fs;
use std::path::Path;

use palisade::actions::{ACTIONS, CTL_OPTIONS};
use palisade::config::{DIRECTIVES, Directive, Support};
use palisade::operators::Kind;
use palisade::transformations::Transformation;
use palisade::variables::Variable;

/// Files in which names stand to be read, not to do anything.
const READ_ONLY: [&str; 3] = ["everything.conf", "configuration.toml", "prefilter.conf"];

/// The text of all tests and their data, in lower case.
fn tests_text() -> String {
    let mut text = String::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let kind = path.extension().unwrap_or_default();
            if path.is_dir() {
                directories.push(path);
            } else if ["toml", "rs", "conf", "lua"]
                .iter()
                .any(|known| kind == *known)
                && !READ_ONLY.contains(&&*name)
            {
                text += &fs::read_to_string(&path).unwrap().to_ascii_lowercase();
            }
        }
    }
    text
}

/// Whether a name stands there by itself: `\n` in a literal may stand before it.
fn stands(text: &str, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    text.match_indices(&name).any(|(at, _)| {
        let before = bytes.get(..at).unwrap_or_default();
        let after = bytes.get(at + name.len()).copied().unwrap_or_default();
        let begins = before.ends_with(br"\n") || !before.last().is_some_and(|byte| word(*byte));
        begins && !word(after)
    })
}

#[test]
fn every_name_is_put_to_work() {
    let text = tests_text();
    let mut missing = Vec::new();
    let mut want = |what: &str, name: &str, spellings: &[String]| {
        if !spellings.iter().any(|spelling| stands(&text, spelling)) {
            missing.push(format!("{what} {name}"));
        }
    };
    // Those that do nothing are held to say so.
    let works = |directive: &&Directive| directive.support == Support::Full;
    for directive in DIRECTIVES.iter().filter(works) {
        want("directive", directive.name, &[directive.name.to_owned()]);
    }
    for kind in Kind::ALL {
        // `tests/data/operators` names them as they are.
        let name = kind.name();
        want(
            "operator",
            name,
            &[format!("@{name}"), format!("\"{name}\"")],
        );
    }
    for (name, _) in Transformation::names() {
        want(
            "transformation",
            name,
            &[format!("t:{name}"), format!("{name} = [")],
        );
    }
    for known in ACTIONS {
        want("action", known.name, &[known.name.to_owned()]);
    }
    for known in CTL_OPTIONS {
        want("ctl option", known.name, &[format!("ctl:{}", known.name)]);
    }
    for variable in Variable::ALL {
        want("variable", variable.name(), &[variable.name().to_owned()]);
    }
    assert!(missing.is_empty(), "no test is about {missing:#?}");
}

#[test]
fn a_name_within_another_does_not_count() {
    assert!(stands(r"x\nsecrule y", "SecRule"));
    assert!(stands("secrule y", "SecRule"));
    assert!(!stands("secruleengine on", "SecRule"));
    assert!(!stands("mysecrule", "SecRule"));
}
