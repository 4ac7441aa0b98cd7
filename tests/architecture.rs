//! The map in ARCHITECTURE.md, kept by reading the sources: who may know whom, where `unsafe` may stand, how long a file may
//! grow, and what the documentation must name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "architecture/inventory.rs"]
mod inventory;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use palisade::config::{DIRECTIVES, DirConfig, Directive, Place, Support};
use palisade::manual::Page;
use palisade::operators::{self, Kind};
use palisade::types::Origin;

/// Longest file in lines. What grows beyond is two things.
const LINES_LIMIT: usize = 700;

/// A source file.
struct Source {
    /// Below the package, with `/`.
    name: String,
    text: String,
}

impl Source {
    /// The top-level module that the file belongs to; none for `lib.rs` and the binaries.
    fn room(&self) -> Option<&str> {
        let (room, _) = self
            .name
            .strip_prefix("src/")?
            .split_once(['/', '.'])
            .expect("a source file has an ending");
        (room != "lib" && room != "bin").then_some(room)
    }

    /// How deep in the tree of modules the file's items are: 1 for a room's front door.
    fn depth(&self) -> usize {
        let path = self.name.trim_start_matches("src/").trim_end_matches(".rs");
        path.trim_end_matches("/mod").split('/').count()
    }

    /// Lines of code with their numbers, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().zip(1..);
        lines
            .filter(|(line, _)| !line.trim_start().starts_with("//"))
            .map(|(line, number)| (number, line.split(" // ").next().unwrap_or(line)))
    }

    /// Unit tests; what they are tests of is the file beside them.
    fn is_test(&self) -> bool {
        self.name.ends_with("/tests.rs")
    }
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a directory of the package, in order of their names.
fn sources(directory: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![package().join(directory)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("a directory of the package") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(Source {
                    name: below_package(&path),
                    text: fs::read_to_string(&path).expect("a source file in UTF-8"),
                });
            }
        }
    }
    assert!(
        found.len() > 3,
        "{directory}: too few files to be the sources"
    );
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn below_package(path: &Path) -> String {
    let path: PathBuf = path
        .strip_prefix(package())
        .expect("below the package")
        .into();
    path.to_str().expect("a name in UTF-8").to_owned()
}

/// The words of a line: names, keywords and numbers.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// A file of the package.
fn read(name: &str) -> String {
    fs::read_to_string(package().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The rows of the table under a heading row, as cells.
fn table<'t>(text: &'t str, heading: &str) -> Vec<Vec<&'t str>> {
    let (_, rest) = text
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no table {heading}"));
    let rows = rest
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// What stands between backticks in a cell.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// A room, and the rooms that it may name.
type Room = (String, BTreeSet<String>);

/// The rooms in the order of the map, and the steps in a wrong direction.
fn map() -> (Vec<Room>, BTreeSet<(String, String)>) {
    let text = read("ARCHITECTURE.md");
    let own = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let rooms = table(&text, "| Room | What it is | Names |").into_iter();
    let rooms = rooms.map(|row| {
        let (room, may_name) = (own(names(row[0])), own(names(row[2])));
        (room[0].clone(), may_name.into_iter().collect())
    });
    let wrong = match text.contains("| From | To | What |") {
        true => table(&text, "| From | To | What |"),
        false => Vec::new(),
    };
    let step = |row: Vec<&str>| (own(names(row[0]))[0].clone(), own(names(row[1]))[0].clone());
    (rooms.collect(), wrong.into_iter().map(step).collect())
}

/// What follows each `crate::` in a line, up to the end of the name.
fn rooms_named(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::")
        .skip(1)
        .map(|rest| words(rest).next().filter(|word| rest.starts_with(word)))
        .map(|room| room.unwrap_or("{"))
}

fn none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn the_map_has_every_room_and_no_circle() {
    let library = read("src/lib.rs");
    let declared: BTreeSet<_> = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let (rooms, _) = map();
    let drawn: BTreeSet<_> = rooms.iter().map(|(room, _)| room.as_str()).collect();
    assert_eq!(declared, drawn, "in src/lib.rs, in ARCHITECTURE.md");

    let mut above = BTreeSet::new();
    for (room, may_name) in &rooms {
        for other in may_name {
            assert!(
                above.contains(other),
                "{room} names {other}, which does not stand above it"
            );
        }
        above.insert(room);
    }
}

#[test]
fn rooms_name_whom_the_map_says() {
    let (rooms, wrong) = map();
    let allowed: BTreeSet<_> = rooms
        .into_iter()
        .flat_map(|(room, may_name)| may_name.into_iter().map(move |other| (room.clone(), other)))
        .collect();
    let mut taken = BTreeMap::new();
    for source in &sources("src") {
        let Some(room) = source.room() else { continue };
        for (number, line) in source.code() {
            for named in rooms_named(line).filter(|named| *named != room) {
                taken
                    .entry((room.to_owned(), named.to_owned()))
                    .or_insert_with(|| format!("{}:{number}", source.name));
            }
        }
    }
    let forbidden = taken
        .iter()
        .filter(|(step, _)| !allowed.contains(step) && !wrong.contains(step));
    none(
        "a room names one that the map does not give it",
        forbidden
            .map(|((room, named), place)| format!("{place}: {room} names {named}"))
            .collect(),
    );
    let drawn = allowed.iter().chain(&wrong);
    none(
        "steps in ARCHITECTURE.md that nobody takes",
        drawn
            .filter(|step| !taken.contains_key(step))
            .map(|(room, named)| format!("{room} names {named}"))
            .collect(),
    );
}

/// `super::` must not lead out of a room: that would be a way around the table.
#[test]
fn super_stays_in_the_room() {
    let mut found = Vec::new();
    for source in sources("src") {
        if source.room().is_none() {
            continue;
        }
        // Code in a nested module is one step deeper.
        let mut depth = source.depth();
        for (number, line) in source.code() {
            if line.starts_with("mod ") && line.ends_with('{') {
                depth = source.depth() + 1;
            } else if line == "}" {
                depth = source.depth();
            }
            let Some(at) = line.find("super::") else {
                continue;
            };
            let steps = line[at..].split("super::").skip(1);
            let steps = 1 + steps.take_while(|between| between.is_empty()).count();
            if steps >= depth {
                found.push(format!("{}:{number}: {}", source.name, line.trim()));
            }
        }
    }
    none("super:: leads out of the room", found);
}

#[test]
fn unsafe_stands_in_apache_only() {
    let mut found = Vec::new();
    for source in sources("src") {
        let everywhere = source.room() != Some("apache");
        for (number, line) in source.code().filter(|_| everywhere) {
            if words(line).any(|word| word == "unsafe") {
                found.push(format!("{}:{number}: {}", source.name, line.trim()));
            }
        }
    }
    none("unsafe outside of src/apache", found);
}

#[test]
fn nobody_knows_apache() {
    let mut found = Vec::new();
    for source in sources("src")
        .into_iter()
        .filter(|source| source.room() != Some("apache"))
    {
        for (number, line) in source.code() {
            let declares = source.name == "src/lib.rs" && line == "pub mod apache;";
            let names = line.contains("::apache")
                || source.room().is_none() && words(line).any(|word| word == "apache");
            let condition = line.trim_start().starts_with("#[cfg(feature");
            if names && !declares && !condition {
                found.push(format!("{}:{number}: {}", source.name, line.trim()));
            }
        }
    }
    none("apache is named outside of its room", found);
}

#[test]
fn files_say_what_they_are_for_and_stay_short() {
    let mut found = Vec::new();
    let all = ["src", "tests", "benches"].map(sources);
    for source in all.into_iter().flatten() {
        if !source.is_test() && !source.text.starts_with("//! ") {
            found.push(format!("{}: no header (//!)", source.name));
        }
        let lines = source.text.lines().count();
        if lines > LINES_LIMIT {
            found.push(format!(
                "{}: {lines} lines, at most {LINES_LIMIT}",
                source.name
            ));
        }
    }
    none("files", found);
}

#[test]
fn nothing_is_left_for_later() {
    let mut found = Vec::new();
    for source in sources("src") {
        for (line, number) in source.text.lines().zip(1..) {
            let macros = ["todo!", "unimplemented!", "dbg!"];
            let marks = ["TODO", "FIXME", "XXX"];
            if macros.iter().any(|name| line.contains(name))
                || words(line).any(|word| marks.contains(&word))
            {
                found.push(format!("{}:{number}: {}", source.name, line.trim()));
            }
        }
    }
    none("left for later", found);
}

/// The first line of a page that is wholly made from the code.
const MADE_PAGE: &str = "<!-- made from the code: `make tables` -->";

/// docs/compatibility.md up to here is written by hand.
const MADE_FROM_HERE: &str = "\n<!-- from here on made from the code: `make tables` -->\n";

/// The pages that are made from the code, wholly or in part, as the code would have them.
fn made_pages() -> Vec<(String, String)> {
    let text = read("docs/compatibility.md");
    let (by_hand, _) = text
        .split_once(MADE_FROM_HERE)
        .expect("the line above the tables");
    let made = palisade::manual::compatibility();
    let tables = format!("{by_hand}{MADE_FROM_HERE}\n{made}");
    let reference = Page::ALL.map(|page| {
        let text = format!("{MADE_PAGE}\n\n{}", page.text(by_hand));
        (format!("docs/{}", page.file()), text)
    });
    let tables = ("docs/compatibility.md".to_owned(), tables);
    reference.into_iter().chain([tables]).collect()
}

#[test]
fn the_reference_is_that_of_the_code() {
    for (page, made) in made_pages() {
        let there = fs::read_to_string(package().join(&page)).unwrap_or_default();
        let differs = made
            .lines()
            .zip(there.lines())
            .find(|(made, there)| made != there);
        assert_eq!(differs, None, "`make tables` writes {page} anew");
        assert!(made == there, "`make tables` writes {page} anew");
    }
}

#[test]
#[ignore = "writes the pages that are made from the code anew: `make tables`"]
fn write_the_tables() {
    for (page, made) in made_pages() {
        fs::write(package().join(page), made).expect("written");
    }
}

/// What becomes of a directive, found by trying.
fn support_of(directive: &Directive) -> Support {
    let section = DirConfig::new();
    let place = Place {
        origin: Origin::default(),
        in_virtual_host: false,
        // Nothing is opened: there is no such directory.
        server_root: Path::new("/nowhere"),
        at_restart: false,
    };
    let outcome = directive.apply(b"On", &section, &place);
    if outcome.is_err_and(|mistake| mistake.message.contains(" is refused: ")) {
        return Support::Refused;
    }
    // For those that want a number.
    let _ = directive.apply(b"1", &section, &place);
    let no_effect = format!("{} is accepted without effect", directive.name);
    let notices = section.resolved().notices();
    match notices.iter().any(|notice| notice.starts_with(&no_effect)) {
        true => Support::NoEffect,
        false => Support::Full,
    }
}

#[test]
fn directives_do_what_their_rows_say() {
    for directive in DIRECTIVES {
        let name = directive.name;
        assert_eq!(directive.support, support_of(directive), "{name}");
        assert!(!directive.about.is_empty(), "{name}: what is it for?");
    }
}

#[test]
fn operators_do_what_their_rows_say() {
    let context = operators::CompileContext {
        grammars: &palisade::operators::UnreadGrammars,
        config_dir: None,
        pcre_match_limit: None,
        pcre_match_limit_recursion: None,
        file: &|_| Ok(b"192.0.2.1\n".to_vec()),
    };
    for kind in Kind::ALL {
        let outcome = operators::compile(kind, b"1", &context);
        let refused = outcome.is_err_and(|error| error.message.contains(" is refused: "));
        assert_eq!(kind.is_supported(), !refused, "{}", kind.name());
    }
}

/// SECURITY.md has a row for every limit in `src/limits.rs`: its name, its value, what happens beyond it.
#[test]
fn every_limit_is_documented_with_its_value() {
    let code = read("src/limits.rs");
    let known: BTreeMap<_, _> = code
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("pub const ")?.split_once(':')?;
            let value = rest.split_once(" = ")?.1.trim_end_matches(';');
            Some((name, value.replace('_', "")))
        })
        .collect();
    assert!(known.len() > 10, "these cannot be all");

    let text = read("SECURITY.md");
    let documented: BTreeMap<_, _> = table(&text, "| Limit | Default | Directive | Beyond it |")
        .into_iter()
        .map(|row| {
            let value = row[1].split(' ').next().unwrap_or_default();
            (names(row[0])[0], value.replace(',', ""))
        })
        .collect();
    assert_eq!(documented, known);
}
