//! A configuration with its sections, as it stands in files: which of them hold for a request.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{FileError, Reader};
use super::lines::{matching_files, wildcard};
use super::section::{Config, DirConfig};
use crate::operators::rx::{Limits, Options, Pattern};
use crate::types::Origin;

/// A configuration as it was read from files.
pub struct Tree {
    /// The first is the main server.
    nodes: Vec<Node>,
    /// Every line that is a directive, Palisade's or not, in order.
    pub statements: Vec<Statement>,
}

/// A directive as it stands in a file.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its name as written.
    pub name: String,
    /// Its arguments.
    pub words: Vec<String>,
    /// Where it stands.
    pub origin: Origin,
    /// The section that it stands in.
    pub node: usize,
}

/// A section, or the main server.
pub struct Node {
    /// Its name in lower case (`location`); empty for the main server.
    pub kind: String,
    /// Its arguments.
    pub words: Vec<String>,
    /// Where it begins.
    pub origin: Origin,
    /// The section that it stands in.
    pub parent: usize,
    /// What stands in it.
    pub config: Arc<DirConfig>,
}

/// What holds for a request.
pub struct Plan {
    /// In phase 1: outside of all sections of a virtual host.
    pub server: Arc<Config>,
    /// From phase 2 on: with the sections that the request is in.
    pub place: Arc<Config>,
}

impl Tree {
    pub(super) fn with(config: Arc<DirConfig>) -> Tree {
        let main = Node {
            kind: String::new(),
            words: Vec::new(),
            origin: Origin::default(),
            parent: 0,
            config,
        };
        Tree {
            nodes: vec![main],
            statements: Vec::new(),
        }
    }

    /// Reads files in order as httpd would, and collects what is wrong with them.
    ///
    /// `names` are what httpd is started with (`-D`), `root` is its `ServerRoot` where no directive says so: without it relative
    /// paths begin where the file lies.
    pub fn read(
        files: &[PathBuf],
        names: &[(String, String)],
        root: Option<&Path>,
    ) -> (Tree, Vec<FileError>) {
        Tree::read_with(files, names, root, false)
    }

    /// As [`Tree::read`], with all rules as they were written: without what takes them out or changes them.
    pub fn read_definitions(
        files: &[PathBuf],
        names: &[(String, String)],
        root: Option<&Path>,
    ) -> (Tree, Vec<FileError>) {
        Tree::read_with(files, names, root, true)
    }

    fn read_with(
        files: &[PathBuf],
        names: &[(String, String)],
        root: Option<&Path>,
        definitions_only: bool,
    ) -> (Tree, Vec<FileError>) {
        let mut reader = Reader::new(DirConfig::new());
        reader.definitions_only = definitions_only;
        for (name, value) in names {
            reader.define(name, value);
        }
        if let Some(root) = root {
            reader.root(root);
        }
        for file in files {
            match matching_files(file).as_slice() {
                [] => reader.file(file),
                found => found.iter().for_each(|file| reader.file(file)),
            }
        }
        (reader.tree, reader.errors)
    }

    pub(super) fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub(super) fn config(&self, node: usize) -> Option<Arc<DirConfig>> {
        self.nodes.get(node).map(|node| Arc::clone(&node.config))
    }

    /// All sections; the first is the main server.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The main server's configuration, outside of all sections.
    pub fn main(&self) -> Arc<Config> {
        self.nodes
            .first()
            .map_or_else(DirConfig::new, |node| Arc::clone(&node.config))
            .resolved()
    }

    /// What holds in a section, without others that may match at the same time.
    pub fn resolved(&self, node: usize) -> Arc<Config> {
        let mut path = vec![node];
        let mut at = node;
        while at != 0 {
            at = self.nodes.get(at).map_or(0, |node| node.parent);
            path.push(at);
        }
        let configs = path.iter().rev().filter_map(|node| self.config(*node));
        let merged = configs.reduce(|outer, inner| DirConfig::merge(&outer, &inner));
        merged.unwrap_or_else(DirConfig::new).resolved()
    }

    /// Whether a directive stands anywhere.
    pub fn states(&self, directive: &str) -> bool {
        self.all(directive).next().is_some()
    }

    /// All lines with a directive.
    pub fn all<'t>(&'t self, directive: &'t str) -> impl Iterator<Item = &'t Statement> {
        self.statements
            .iter()
            .filter(move |statement| statement.name.eq_ignore_ascii_case(directive))
    }

    /// What holds for a request to this host and (decoded) path.
    ///
    /// Compat: in httpd's order: virtual host, `<Directory>`, `<Files>`, `<Location>`. A file is looked for below `DocumentRoot`;
    /// sections that depend on more (`<If>`, `<Proxy>`, `<Limit>`) are left out, see [`Tree::left_out`].
    pub fn plan(&self, host: Option<&str>, path: &[u8]) -> Plan {
        let main = self.config(0).unwrap_or_else(DirConfig::new);
        let virtual_host = host.and_then(|host| self.virtual_host(host));
        let server = match virtual_host.and_then(|node| self.config(node)) {
            Some(inner) => DirConfig::merge(&main, &inner),
            None => main,
        };
        let path = String::from_utf8_lossy(path).into_owned();
        let file = self.document_root(virtual_host) + &path;
        let mut place = Arc::clone(&server);
        for group in ["directory", "files", "location"] {
            let mut found: Vec<&Node> = self
                .nodes
                .iter()
                .filter(|node| node.parent == 0 || Some(node.parent) == virtual_host)
                .filter(|node| node.kind.strip_suffix("match").unwrap_or(&node.kind) == group)
                .filter(|node| node.contains(group, &path, &file))
                .collect();
            if group == "directory" {
                found.sort_by_key(|node| node.words.first().map_or(0, String::len));
            }
            for node in found {
                place = DirConfig::merge(&place, &node.config);
            }
        }
        Plan {
            server: server.resolved(),
            place: place.resolved(),
        }
    }

    /// Sections with directives of ours that [`Tree::plan`] never applies.
    pub fn left_out(&self) -> impl Iterator<Item = &Node> {
        let applied = [
            "",
            "virtualhost",
            "directory",
            "directorymatch",
            "files",
            "filesmatch",
            "location",
            "locationmatch",
        ];
        let ours = |number: usize| {
            let mut statements = self.statements.iter();
            statements.any(|statement| {
                let name = statement.name.to_ascii_lowercase();
                statement.node == number && name.starts_with("sec")
            })
        };
        let nodes = self.nodes.iter().enumerate();
        nodes
            .filter(move |(number, node)| !applied.contains(&node.kind.as_str()) && ours(*number))
            .map(|(_, node)| node)
    }

    /// The virtual host of this name; the first one where none has it, as httpd does with hosts by name.
    fn virtual_host(&self, host: &str) -> Option<usize> {
        let hosts = || {
            let nodes = self.nodes.iter().enumerate();
            nodes.filter(|(_, node)| node.kind == "virtualhost")
        };
        let named = |number: usize| {
            let mut statements = self.statements.iter();
            statements.any(|statement| {
                let names = statement.name.eq_ignore_ascii_case("ServerName")
                    || statement.name.eq_ignore_ascii_case("ServerAlias");
                let mut words = statement.words.iter();
                statement.node == number && names && words.any(|word| is_name(word, host))
            })
        };
        let found = hosts().find(|(number, _)| named(*number));
        found.or_else(|| hosts().next()).map(|(number, _)| number)
    }

    fn document_root(&self, virtual_host: Option<usize>) -> String {
        let stated = |node: usize| {
            let mut found = self.all("DocumentRoot").filter(|found| found.node == node);
            found.next().and_then(|found| found.words.first().cloned())
        };
        let own = virtual_host.and_then(stated).or_else(|| stated(0));
        own.unwrap_or_default().trim_end_matches('/').to_owned()
    }

    /// The host names that are served.
    pub fn names(&self) -> Vec<String> {
        let words = self.all("ServerName").chain(self.all("ServerAlias"));
        words
            .flat_map(|found| &found.words)
            .map(|word| without_port(word).to_ascii_lowercase())
            .collect()
    }
}

/// `http://name:80` without what is around the name.
fn without_port(name: &str) -> &str {
    let name = name.split_once("://").map_or(name, |(_, name)| name);
    name.rsplit_once(':').map_or(name, |(name, _)| name)
}

fn is_name(pattern: &str, host: &str) -> bool {
    let pattern = without_port(pattern).to_ascii_lowercase();
    wildcard(pattern.as_bytes(), host.to_ascii_lowercase().as_bytes())
}

impl Node {
    /// Whether the request is in this section.
    fn contains(&self, group: &str, path: &str, file: &str) -> bool {
        let subject = match group {
            "directory" => file,
            "files" => file.rsplit('/').next().unwrap_or_default(),
            _ => path,
        };
        let is_pattern = self.kind.ends_with("match");
        let pattern = match self.words.as_slice() {
            [tilde, pattern, ..] if tilde == "~" => return finds(pattern, subject),
            [pattern, ..] if is_pattern => return finds(pattern, subject),
            [pattern, ..] => pattern.as_str(),
            [] => return false,
        };
        let has_wildcards = pattern.contains(['*', '?']);
        match group {
            "files" => wildcard(pattern.as_bytes(), subject.as_bytes()),
            _ if has_wildcards => {
                // Compat: no wildcard stands for a slash.
                let depth = pattern.matches('/').count();
                let mut slashes = subject.match_indices('/').map(|(at, _)| at);
                let end = slashes.nth(depth).unwrap_or(subject.len());
                let head = subject.get(..end).unwrap_or(subject);
                head.split('/').count() == pattern.split('/').count()
                    && pattern
                        .split('/')
                        .zip(head.split('/'))
                        .all(|(pattern, part)| wildcard(pattern.as_bytes(), part.as_bytes()))
            }
            _ => {
                let base = pattern.trim_end_matches('/');
                subject
                    .strip_prefix(base)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                    && (group == "directory" || !pattern.ends_with('/') || subject != base)
            }
        }
    }
}

fn finds(pattern: &str, subject: &str) -> bool {
    Pattern::compile(pattern.as_bytes(), Options::operator(Limits::default()))
        .is_ok_and(|pattern| pattern.is_match(subject.as_bytes()).unwrap_or(false))
}
