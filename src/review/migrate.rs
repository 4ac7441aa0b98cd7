//! What changes when mod_security2 makes way: read from its configuration, before anything is changed.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::{DIRECTIVES, FileError, Statement, Support, Tree};

/// What is to be known and done.
#[derive(Default, Debug)]
pub struct Migration {
    /// What was found.
    pub found: Vec<String>,
    /// What keeps httpd from starting.
    pub must: Vec<String>,
    /// What will be different.
    pub differs: Vec<String>,
    /// What to do, in order.
    pub steps: Vec<String>,
}

/// Looks through a configuration that was written for mod_security2.
pub fn migrate(tree: &Tree, errors: &[FileError]) -> Migration {
    let mut migration = Migration::default();
    modules(tree, &mut migration);
    files(tree, &mut migration);
    migration
        .must
        .extend(errors.iter().map(ToString::to_string));
    directives(tree, &mut migration);
    stores(tree, &mut migration);
    steps(tree, &mut migration);
    migration
}

fn place(statement: &Statement) -> String {
    format!("{}:{}", statement.origin.file, statement.origin.line)
}

fn loads(tree: &Tree, module: &str) -> bool {
    tree.all("LoadModule")
        .any(|line| line.words.first().is_some_and(|name| name == module))
}

fn modules(tree: &Tree, migration: &mut Migration) {
    for line in tree.all("LoadModule") {
        if line
            .words
            .first()
            .is_some_and(|name| name == "security2_module")
        {
            let file = line.words.get(1).map(String::as_str).unwrap_or_default();
            migration.found.push(format!(
                "{}: loads security2_module from {file}",
                place(line)
            ));
        }
    }
    for line in tree.all("LoadFile") {
        let file = line.words.first().map(String::as_str).unwrap_or_default();
        if ["libxml2", "lua", "yajl", "pcre"]
            .iter()
            .any(|library| file.contains(library))
        {
            migration.differs.push(format!(
                "{}: LoadFile {file} was for mod_security2 and is not needed for Palisade",
                place(line)
            ));
        }
    }
    if !loads(tree, "unique_id_module") {
        migration.differs.push(
            "mod_unique_id is not loaded: Palisade makes ids of its own, and other modules see them as UNIQUE_ID".to_owned(),
        );
    }
    if loads(tree, "remoteip_module") {
        migration.differs.push(
            "mod_remoteip decides who the client is, as before; its answer now holds from phase 1 on and in every log".to_owned(),
        );
    }
}

/// Where rules come from.
fn files(tree: &Tree, migration: &mut Migration) {
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for statement in &tree.statements {
        if is_ours(statement) {
            *files.entry(&statement.origin.file).or_default() += 1;
        }
    }
    let directives: usize = files.values().sum();
    migration.found.push(format!(
        "{directives} directives in {} files, {} of them rules",
        files.len(),
        tree.all("SecRule").count() + tree.all("SecAction").count()
    ));
    const LISTED: usize = 12;
    for (file, count) in files.iter().take(LISTED) {
        migration.found.push(format!("    {file}: {count}"));
    }
    if files.len() > LISTED {
        migration
            .found
            .push(format!("    and {} more", files.len() - LISTED));
    }
}

fn is_ours(statement: &Statement) -> bool {
    let name = statement.name.to_ascii_lowercase();
    let known = DIRECTIVES
        .iter()
        .any(|known| known.name.eq_ignore_ascii_case(&name));
    known || name.starts_with("sec")
}

/// Directives of which less comes, or something else.
fn directives(tree: &Tree, migration: &mut Migration) {
    for known in DIRECTIVES {
        let Some(first) = tree.all(known.name).next() else {
            continue;
        };
        let words = first.words.join(" ");
        match known.support {
            Support::Full if !known.differs.is_empty() && !is_off(&words) => migration
                .differs
                .push(format!("{}: {} {words}: {}", place(first), known.name, known.differs)),
            Support::Full => {}
            Support::NoEffect if is_off(&words) => {}
            Support::NoEffect => migration.differs.push(format!(
                "{}: {} {words} has no effect: {}",
                place(first),
                known.name,
                reason(known.help, known.remark)
            )),
            Support::Refused => migration.must.push(format!(
                "{}: {} is refused: {}; take the line out, or put it into <IfFile> for the old module",
                place(first),
                known.name,
                reason(known.help, known.remark)
            )),
        }
    }
    for line in tree.all("SecGeoLookupDb") {
        let file = line.words.first().map(String::as_str).unwrap_or_default();
        if file.ends_with(".dat") {
            migration.must.push(format!(
                "{}: {file} is in MaxMind's old format, which nobody updates any more: name a .mmdb (GeoLite2, DB-IP)",
                place(line)
            ));
        }
    }
}

fn is_off(words: &str) -> bool {
    words == "0" || words.eq_ignore_ascii_case("off")
}

fn reason<'t>(help: &'t str, remark: &'t str) -> &'t str {
    if remark.is_empty() { help } else { remark }
}

/// Counters that mod_security2 has kept.
fn stores(tree: &Tree, migration: &mut Migration) {
    for line in tree.all("SecDataDir") {
        let directory = line.words.first().map(String::as_str).unwrap_or_default();
        let old: Vec<String> = std::fs::read_dir(Path::new(directory))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "pag"))
            .map(|path| path.display().to_string())
            .collect();
        if !old.is_empty() {
            migration.differs.push(format!(
                "{}: counters in {directory} begin anew, unless they are taken over: palisade collections --store {directory} import {}",
                place(line),
                old.join(" ")
            ));
        }
    }
}

fn steps(tree: &Tree, migration: &mut Migration) {
    let debian = tree
        .statements
        .iter()
        .any(|statement| statement.origin.file.contains("/mods-enabled/"));
    let mut step = |text: String| migration.steps.push(text);
    // On Debian the rules are included by the old module's own file, which is disabled with it.
    let own_file = tree
        .statements
        .iter()
        .filter(|statement| statement.name.to_ascii_lowercase().starts_with("include"))
        .find_map(|statement| statement.origin.file.strip_suffix("security2.conf"));
    if let Some(directory) = own_file {
        let directory = directory.replace("/mods-enabled/", "/mods-available/");
        step(format!(
            "cp {directory}security2.conf {directory}palisade.conf"
        ));
    }
    if debian {
        step("a2dismod security2".to_owned());
        step("a2enmod palisade".to_owned());
        step("apachectl configtest".to_owned());
        step("systemctl restart apache2".to_owned());
    } else {
        step("In the LoadModule line of security2_module, name mod_palisade.so instead of mod_security2.so".to_owned());
        step("apachectl configtest".to_owned());
        step("Restart httpd, not only gracefully: the two modules share a name".to_owned());
    }
    if let Some(line) = tree.all("SecRuleEngine").last() {
        let mode = line.words.first().map(String::as_str).unwrap_or_default();
        if mode.eq_ignore_ascii_case("On") {
            step("To look on first, run with SecRuleEngine DetectionOnly for a while".to_owned());
        }
    }
}
