//! The documentation: links lead somewhere, the book has all its pages, and what is shown as configuration is one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use palisade::config::Tree;
use palisade::trial::{Options, Trial, plan, wire};

#[path = "support/scratch.rs"]
mod scratch;

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages: those of the package, of the book, and of the examples.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in [".", "docs", "examples", ".github", ".github/ISSUE_TEMPLATE"] {
        let entries = fs::read_dir(package().join(directory)).expect("a directory of pages");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        found.extend(paths.filter(|path| path.extension().is_some_and(|ending| ending == "md")));
    }
    assert!(found.len() > 20, "these cannot be all: {found:?}");
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text outside of blocks of code, and these with the word behind their fence.
fn taken_apart(text: &str) -> (String, Vec<(String, String)>) {
    let (mut prose, mut blocks) = (String::new(), Vec::new());
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(kind)) => open = Some((kind.trim().to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, block)), None) => *block += &format!("{line}\n"),
            (None, None) if line.starts_with("    ") => {}
            (None, None) => prose += &format!("{line}\n"),
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    (prose, blocks)
}

/// Where the links of a page lead.
fn links(prose: &str) -> Vec<&str> {
    prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect()
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept =
        |character: &char| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_');
    let text: String = heading.to_lowercase().chars().filter(kept).collect();
    text.trim().replace(' ', "-")
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    let mut checked = 0;
    for page in pages() {
        let text = read(&page);
        for link in links(&taken_apart(&text).0) {
            let outside = ["http://", "https://", "mailto:"];
            if outside.iter().any(|scheme| link.starts_with(scheme)) {
                continue;
            }
            checked += 1;
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            let leads = target.exists()
                && (place.is_empty()
                    || read(&target).lines().any(|line| {
                        line.starts_with('#') && anchor(line.trim_start_matches('#')) == place
                    }));
            if !leads {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "links that lead nowhere:\n  {}",
        broken.join("\n  ")
    );
    assert!(checked > 60, "{checked} links: these cannot be all");
}

#[test]
fn the_book_has_all_its_pages() {
    let summary = read(&package().join("docs/SUMMARY.md"));
    let mut listed: Vec<&str> = links(&summary);
    let mut there: Vec<String> = fs::read_dir(package().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md") && name != "SUMMARY.md")
        .collect();
    listed.sort_unstable();
    there.sort_unstable();
    assert_eq!(listed, there, "in docs/SUMMARY.md, in docs/");
}

/// What is wrong with a configuration; lines that include what only an installed system has are left out.
fn mistakes(text: &str, directory: &Path) -> Vec<String> {
    let lines = text.lines();
    let own: Vec<&str> = lines
        .filter(|line| !line.trim_start().starts_with("Include"))
        .collect();
    let file = directory.join("example.conf");
    fs::write(&file, own.join("\n") + "\n").unwrap();
    let (_, errors) = Tree::read(&[file], &[], None);
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn examples_of_configuration_are_sound() {
    let scratch = scratch::Scratch::new("docs");
    let mut wrong = Vec::new();
    let mut checked = 0;
    for page in pages() {
        let (_, blocks) = taken_apart(&read(&page));
        for (kind, block) in blocks {
            if kind == "apache" {
                checked += 1;
                let found = mistakes(&block, scratch.path());
                wrong.extend(
                    found
                        .iter()
                        .map(|mistake| format!("{}: {mistake}\n{block}", page.display())),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked >= 9, "{checked} examples: these cannot be all");
}

#[test]
fn examples_do_what_they_say() {
    let examples = package().join("examples");
    let recommended = package().join("apache-conf/recommended.conf");
    for name in ["login", "wordpress", "api"] {
        let file = examples.join(format!("rules/{name}.conf"));
        let (tree, errors) = Tree::read(&[recommended.clone(), file], &[], None);
        assert!(errors.is_empty(), "{name}: {errors:?}");
        assert!(tree.states("SecRule"));
    }
    let (tree, _) = Tree::read(&[recommended, examples.join("rules/api.conf")], &[], None);
    let status = |request: &str| {
        let bytes = fs::read(examples.join("requests").join(request)).unwrap();
        let incoming = wire::read_file(&bytes);
        let outcome = Trial::new(Options::default()).run(&plan(&tree, &incoming), &incoming, None);
        outcome.decision.status
    };
    assert_eq!(status("api-form.txt"), 415);
    assert_eq!(status("api-json.txt"), 200);
    assert_eq!(status("spam.txt"), 400);
}
