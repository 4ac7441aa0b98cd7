//! The documentation: links lead somewhere, the book has all its pages, and what is shown as configuration is one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Blocks of code that are indented: behind an empty line, and not part of a list.
fn indented(text: &str) -> Vec<String> {
    let (mut blocks, mut block, mut fenced, mut before) = (Vec::new(), String::new(), false, "");
    for line in text.lines().chain([""]) {
        fenced ^= line.trim_start().starts_with("```");
        match line.strip_prefix("    ").filter(|_| !fenced) {
            Some(code) if !block.is_empty() || before.trim().is_empty() => {
                block += &format!("{code}\n");
            }
            _ => blocks.extend(Some(std::mem::take(&mut block)).filter(|block| !block.is_empty())),
        }
        before = line;
    }
    blocks
}

fn is_configuration(block: &str) -> bool {
    let second = |start: &str| {
        let rest = block.trim_start().strip_prefix(start);
        rest.and_then(|rest| rest.chars().next())
            .is_some_and(|next| next.is_ascii_uppercase())
    };
    second("Sec") || second("<")
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
    // Pages of the project itself, which scripts/book.sh brings in.
    listed.retain(|page| !page.starts_with("../"));
    listed.sort_unstable();
    there.sort_unstable();
    assert_eq!(listed, there, "in docs/SUMMARY.md, in docs/");
}

/// What is wrong with a configuration; lines that include what only an installed system has are left out.
fn mistakes(text: &str, directory: &Path) -> Vec<String> {
    let lines = text.lines();
    let own: Vec<&str> = lines
        .filter(|line| {
            !line.trim_start().starts_with("Include") && !line.contains("password-file=")
        })
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
        let text = read(&page);
        // tests/manual.rs has the files that the examples of the reference name.
        if text.starts_with("<!-- made from the code") {
            continue;
        }
        let fenced = taken_apart(&text).1.into_iter();
        let fenced = fenced
            .filter(|(kind, _)| kind == "apache")
            .map(|(_, block)| block);
        let indented = indented(&text)
            .into_iter()
            .filter(|block| is_configuration(block));
        for block in fenced.chain(indented) {
            checked += 1;
            let found = mistakes(&block, scratch.path());
            wrong.extend(
                found
                    .iter()
                    .map(|mistake| format!("{}: {mistake}\n{block}", page.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked >= 20, "{checked} examples: these cannot be all");
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

/// Lines of code on a page, whichever way they are set.
fn code(text: &str) -> String {
    let fenced = taken_apart(text).1.into_iter().map(|(_, block)| block);
    fenced.chain(indented(text)).collect()
}

#[test]
fn commands_that_pages_show_have_their_options() {
    let help = |subcommand: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_palisade"))
            .args([subcommand, "--help"])
            .output();
        let output = output.expect("the tool");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let mut helps: BTreeMap<String, (bool, String)> = BTreeMap::new();
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for page in pages() {
        let code = code(&read(&page)).replace("\\\n", " ");
        let commands = code.lines().flat_map(|line| line.split(['|', ';', '&']));
        for command in commands {
            let mut words = command
                .split_whitespace()
                .skip_while(|word| *word == "sudo" || *word == "$");
            if words.next() != Some("palisade") {
                continue;
            }
            let Some(subcommand) = words
                .next()
                .filter(|word| word.starts_with(|first: char| first.is_ascii_lowercase()))
            else {
                continue;
            };
            checked += 1;
            let (known, help) = helps
                .entry(subcommand.to_owned())
                .or_insert_with(|| help(subcommand));
            let options = words.filter(|word| word.starts_with("--") && *word != "--");
            let strange = options
                .map(|option| option.split('=').next().unwrap())
                .find(|option| !help.contains(option));
            if !*known || strange.is_some() {
                wrong.push(format!(
                    "{}: {}: {strange:?}",
                    page.display(),
                    command.trim()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 20, "{checked} commands: these cannot be all");
}

#[test]
fn what_pages_tell_to_make_can_be_made() {
    let makefile = read(&package().join("Makefile"));
    let targets: Vec<&str> = makefile
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name)
        .collect();
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for page in pages() {
        let text = read(&page);
        // In code, and between backticks in a sentence.
        let spans = text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|span| !span.contains('\n'))
            .map(str::to_owned);
        for command in spans.chain(
            code(&text)
                .lines()
                .flat_map(|line| line.split("&&"))
                .map(str::to_owned),
        ) {
            let mut words = command
                .split_whitespace()
                .skip_while(|word| *word == "sudo" || word.contains('='));
            if words.next() == Some("make") {
                let wanted = words
                    .take_while(|word| !word.starts_with('#'))
                    .find(|word| !word.contains('='));
                let Some(target) = wanted else { continue };
                checked += 1;
                if !targets.contains(&target) {
                    wrong.push(format!("{}: make {target}", page.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 15, "{checked} targets: these cannot be all");
}
