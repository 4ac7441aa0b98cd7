//! Configuration files without httpd: for the command line tool and for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::directive::Place;
use super::directives::DIRECTIVES;
use super::help;
use super::lines::{expanded, logical_lines, matching_files, name_and_rest};
use super::section::DirConfig;
use super::tree::{Node, Statement, Tree};
use crate::limits;
use crate::seclang;
use crate::types::Origin;

/// A mistake in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// Where the directive stands.
    pub origin: Origin,
    /// Where the mistake stands in it, from 1.
    pub column: usize,
    /// The sentence, perhaps with the line and a caret.
    pub message: String,
    /// What to do about it, where that can be said.
    pub help: Option<String>,
}

impl FileError {
    /// The mistake and what to do about it, for a terminal.
    pub fn with_help(&self) -> String {
        match &self.help {
            Some(help) => format!("{self}\n  help: {help}"),
            None => self.to_string(),
        }
    }
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.origin.line == 0 {
            return f.write_str(&self.message);
        }
        let Origin { file, line } = &self.origin;
        write!(f, "{file}:{line}:{}: {}", self.column, self.message)
    }
}

impl std::error::Error for FileError {}

/// Mistakes that are collected before the rest is not read any more: whoever has so many has read enough.
const MISTAKES_LIMIT: usize = 100;

/// Reads a file into one section, as httpd would read it at server level, up to the first mistake.
///
/// `Include` and `IncludeOptional` are followed, with wildcards in the last part of the path. Directives that are not
/// Palisade's are httpd's business and are passed over, and so are the lines that open and close sections: their
/// contents are read as if they stood at server level. [`Tree::read`] minds them.
pub fn read_file(path: &Path, config: &Arc<DirConfig>) -> Result<(), FileError> {
    let mut reader = Reader::flat(Arc::clone(config));
    reader.file(path);
    reader.outcome()
}

/// Reads a text into one section; `name` stands for its file in messages.
pub fn read_text(name: &str, text: &str, config: &Arc<DirConfig>) -> Result<(), FileError> {
    let mut reader = Reader::flat(Arc::clone(config));
    reader.text(Path::new(name), text.as_bytes(), 0);
    reader.outcome()
}

/// What reads configuration files one after the other.
pub(super) struct Reader {
    /// All contents at server level, and the first mistake is the end.
    flat: bool,
    /// Rules as they were written: nothing takes them out or changes them.
    pub(super) definitions_only: bool,
    server_root: Option<PathBuf>,
    /// `Define`.
    names: BTreeMap<String, String>,
    /// Modules that a LoadModule line has named: `security2_module`, `mod_security2.so`.
    modules: BTreeSet<String>,
    open: Vec<Open>,
    pub(super) tree: Tree,
    pub(super) errors: Vec<FileError>,
}

/// A section that is read.
struct Open {
    /// Its name in lower case.
    name: String,
    origin: Origin,
    /// The node that its contents belong to.
    node: usize,
    /// Whether its contents are left out: a condition does not hold.
    skipped: bool,
}

/// Sections whose contents belong to what they stand in, if a condition holds.
const CONDITIONS: [&str; 5] = ["ifmodule", "ifdefine", "iffile", "ifversion", "ifdirective"];

impl Reader {
    fn flat(config: Arc<DirConfig>) -> Reader {
        Reader {
            flat: true,
            ..Reader::new(config)
        }
    }

    pub(super) fn new(config: Arc<DirConfig>) -> Reader {
        Reader {
            flat: false,
            definitions_only: false,
            server_root: None,
            names: BTreeMap::new(),
            modules: BTreeSet::new(),
            open: Vec::new(),
            tree: Tree::with(config),
            errors: Vec::new(),
        }
    }

    fn outcome(self) -> Result<(), FileError> {
        match self.errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn is_done(&self) -> bool {
        let most = if self.flat { 1 } else { MISTAKES_LIMIT };
        self.errors.len() >= most
    }

    /// A mistake that is a line as a whole.
    fn fail(&mut self, origin: &Origin, message: String) {
        self.errors.push(FileError {
            origin: origin.clone(),
            column: 1,
            message,
            help: None,
        });
    }

    /// What to do about the last mistake.
    fn help(&mut self, help: Option<String>) {
        if let Some(error) = self.errors.last_mut() {
            error.help = help;
        }
    }

    /// What `-D` gives httpd.
    pub(super) fn define(&mut self, name: &str, value: &str) {
        self.names.insert(name.to_owned(), value.to_owned());
    }

    /// Where relative paths begin, until a `ServerRoot` says otherwise.
    pub(super) fn root(&mut self, directory: &Path) {
        self.server_root = Some(directory.to_owned());
    }

    pub(super) fn file(&mut self, path: &Path) {
        match std::fs::read(path) {
            Ok(text) => self.text(path, &text, 0),
            Err(error) => self.fail(
                &Origin::default(),
                format!("cannot read {}: {error}", path.display()),
            ),
        }
        if !self.flat && !self.is_done() {
            while let Some(open) = self.open.pop() {
                let message = format!("<{}> is not closed", open.name);
                self.fail(&open.origin, message);
            }
        }
    }

    /// Reads what is `depth` Includes deep; [`limits::INCLUDE_DEPTH_LIMIT`] bounds the recursion.
    fn text(&mut self, path: &Path, text: &[u8], depth: usize) {
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let file: Arc<str> = Arc::from(path.to_string_lossy());
        for (line, directive) in logical_lines(text) {
            if self.is_done() {
                return;
            }
            let origin = Origin {
                file: Arc::clone(&file),
                line,
            };
            if directive.starts_with(b"<") {
                if !self.flat {
                    self.section(&directive, &origin);
                }
                continue;
            }
            if self.open.last().is_some_and(|open| open.skipped) {
                continue;
            }
            let directive = match self.flat {
                true => directive,
                false => expanded(&directive, &self.names),
            };
            let (name, arguments) = name_and_rest(&directive);
            if name.eq_ignore_ascii_case("Include") || name.eq_ignore_ascii_case("IncludeOptional")
            {
                let optional = name.len() > "Include".len();
                if !self.flat {
                    self.remember(&name, arguments, &origin, true);
                }
                self.include(arguments, optional, &directory, &origin, depth);
            } else {
                self.directive(&name, arguments, &directory, origin);
            }
        }
    }

    fn include(
        &mut self,
        arguments: &[u8],
        optional: bool,
        directory: &Path,
        origin: &Origin,
        depth: usize,
    ) {
        if depth == limits::INCLUDE_DEPTH_LIMIT {
            self.fail(
                origin,
                format!("Include is nested deeper than {depth} files"),
            );
            return;
        }
        for word in seclang::split(arguments) {
            let base = self.server_root.as_deref().unwrap_or(directory);
            let found = matching_files(&base.join(&*word.lossy()));
            if found.is_empty() && !optional {
                self.fail(origin, format!("no file matches {}", word.lossy()));
            }
            for included in found {
                match std::fs::read(&included) {
                    Ok(text) => self.text(&included, &text, depth + 1),
                    Err(error) => self.fail(
                        origin,
                        format!("cannot read {}: {error}", included.display()),
                    ),
                }
            }
        }
    }

    fn node(&self) -> usize {
        self.open.last().map_or(0, |open| open.node)
    }

    fn directive(&mut self, name: &str, arguments: &[u8], directory: &Path, origin: Origin) {
        let known = DIRECTIVES
            .iter()
            .find(|known| known.name.eq_ignore_ascii_case(name));
        if !self.flat {
            self.remember(name, arguments, &origin, known.is_some());
        }
        let node = self.node();
        let changes_rules = || {
            let name = name.to_ascii_lowercase();
            name.starts_with("secruleremove") || name.starts_with("secruleupdate")
        };
        let Some(known) = known.filter(|_| !self.definitions_only || !changes_rules()) else {
            return;
        };
        // Looking must leave no file behind, and the log may be somebody else's.
        if !self.flat && known.name == "SecDebugLog" {
            return;
        }
        let Some(config) = self.tree.config(node) else {
            return;
        };
        let place = Place {
            origin: origin.clone(),
            in_virtual_host: self.open.iter().any(|open| open.name == "virtualhost"),
            server_root: self.server_root.as_deref().unwrap_or(directory),
            at_restart: false,
        };
        if let Err(mistake) = known.apply(arguments, &config, &place) {
            self.errors.push(FileError {
                origin,
                column: mistake.column,
                help: known.help_with(arguments, &mistake.message),
                message: mistake.to_string(),
            });
        }
    }

    /// Keeps a line, and minds what other lines mean by it.
    fn remember(&mut self, name: &str, arguments: &[u8], origin: &Origin, ours: bool) {
        let words: Vec<String> = seclang::split(arguments)
            .iter()
            .map(|word| word.lossy().into_owned())
            .collect();
        let word = |at: usize| words.get(at).cloned().unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "serverroot" => self.server_root = Some(PathBuf::from(word(0))),
            "define" => {
                self.names.insert(word(0), word(1));
            }
            "undefine" => {
                self.names.remove(&word(0));
            }
            "loadmodule" => {
                self.modules.insert(word(0));
                let file = word(1);
                let stem = file.rsplit('/').next().unwrap_or_default();
                self.modules.insert(stem.replace(".so", ".c"));
            }
            unknown
                if !ours && (unknown.starts_with("sec") || unknown.starts_with("modsecurity")) =>
            {
                let message = format!(
                    "Invalid command '{name}', perhaps misspelled: there is no such directive"
                );
                self.fail(origin, message);
                self.help(help::without_directive(name));
            }
            _ => {}
        }
        let node = self.node();
        self.tree.statements.push(Statement {
            name: name.to_owned(),
            words,
            origin: origin.clone(),
            node,
        });
    }

    /// A line that opens or closes a section.
    fn section(&mut self, line: &[u8], origin: &Origin) {
        let inner = line.strip_prefix(b"<").unwrap_or(line);
        let inner = inner.strip_suffix(b">").unwrap_or(inner);
        if let Some(name) = inner.strip_prefix(b"/") {
            let name = String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase();
            match self.open.pop() {
                Some(open) if open.name == name => {}
                Some(open) => {
                    let message = format!("</{name}> closes <{}>", open.name);
                    self.fail(origin, message);
                }
                None => self.fail(origin, format!("</{name}> without <{name}>")),
            }
            return;
        }
        let inner = expanded(inner, &self.names);
        let (name, argument) = name_and_rest(&inner);
        let name = name.to_ascii_lowercase();
        let words: Vec<String> = seclang::split(argument)
            .iter()
            .map(|word| word.lossy().into_owned())
            .collect();
        let inherited = self.open.last().is_some_and(|open| open.skipped);
        let (node, skipped) = match CONDITIONS.contains(&name.as_str()) {
            true => (self.node(), inherited || !self.holds(&name, &words)),
            false if inherited => (self.node(), true),
            false => {
                let node = Node {
                    kind: name.clone(),
                    words,
                    origin: origin.clone(),
                    parent: self.node(),
                    config: DirConfig::new(),
                };
                (self.tree.add(node), false)
            }
        };
        self.open.push(Open {
            name,
            origin: origin.clone(),
            node,
            skipped,
        });
    }

    /// Whether the condition of a section holds, as far as that can be known without the server.
    fn holds(&self, name: &str, words: &[String]) -> bool {
        let word = words.first().map(String::as_str).unwrap_or_default();
        let (negated, word) = match word.strip_prefix('!') {
            Some(word) => (true, word),
            None => (false, word),
        };
        let own = [
            "security2_module",
            "mod_security2.c",
            "palisade_module",
            "mod_palisade.c",
        ];
        let is = match name {
            // Without a line that loads modules nothing is known of them.
            "ifmodule" => {
                own.contains(&word) || self.modules.is_empty() || self.modules.contains(word)
            }
            "ifdefine" => self.names.contains_key(word),
            "iffile" => Path::new(word).exists(),
            "ifdirective" => DIRECTIVES
                .iter()
                .any(|known| known.name.eq_ignore_ascii_case(word)),
            _ => true,
        };
        is != negated
    }
}
