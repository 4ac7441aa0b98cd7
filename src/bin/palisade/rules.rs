//! Options that several commands share: which rules, and what is supposed.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use palisade::config::{FileError, Tree};
use palisade::review::Definitions;
use palisade::trial::Options;
use palisade::types::EngineMode;

/// Which rules.
#[derive(Args)]
pub struct Rules {
    /// Configuration files with rules, in their order; Include is followed.
    #[arg(long = "rules", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    pub environment: Environment,
}

/// What httpd would know when it reads configuration files.
#[derive(Args)]
pub struct Environment {
    /// Defines a name as httpd's -D does, or a variable for ${NAME}.
    #[arg(long, short = 'D', value_name = "NAME[=VALUE]", value_parser = name_and_value)]
    define: Vec<(String, String)>,
    /// Where relative paths begin (ServerRoot); otherwise in the directory of the file.
    #[arg(long, value_name = "DIR")]
    server_root: Option<PathBuf>,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    match name.is_empty() {
        true => Err("a name is missing".to_owned()),
        false => Ok((name.to_owned(), value.to_owned())),
    }
}

impl Environment {
    /// Reads files as httpd would; what is wrong comes with it.
    pub fn tree(&self, files: &[PathBuf]) -> (Tree, Vec<FileError>) {
        Tree::read(files, &self.define, self.root(files).as_deref())
    }

    /// Debian's main file does not name the `ServerRoot`: it is the directory that it lies in.
    fn root(&self, files: &[PathBuf]) -> Option<PathBuf> {
        let debian = files.iter().find(|file| file.ends_with("apache2.conf"));
        let beside = || debian?.parent().map(Path::to_owned);
        self.server_root.clone().or_else(beside)
    }
}

impl Environment {
    /// Reads files for explanations.
    pub fn definitions(&self, files: &[PathBuf]) -> (Definitions, Vec<String>) {
        Definitions::read(files, &self.define, self.root(files).as_deref())
    }
}

impl Rules {
    /// `--rules FILE… REQUEST`: where nothing else is named, the last file is no rule file.
    pub fn split_off_last(&self) -> (&[PathBuf], &[PathBuf]) {
        self.files.split_at(self.files.len().saturating_sub(1))
    }

    /// The files.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The configuration in files, which must be sound.
    pub fn read(&self, files: &[PathBuf]) -> Result<Tree, String> {
        let (tree, errors) = self.environment.tree(files);
        match errors.is_empty() {
            true => Ok(tree),
            false => {
                let errors: Vec<String> = errors.iter().map(FileError::with_help).collect();
                Err(errors.join("\n"))
            }
        }
    }
}

/// What is supposed of the server.
#[derive(Args)]
pub struct Suppositions {
    /// The engine's mode; otherwise that of the rules, and On where they name none.
    #[arg(long, value_name = "MODE", ignore_case = true)]
    pub engine: Option<Mode>,
    /// The server's name; otherwise the host that a request names.
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
}

/// `SecRuleEngine`.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "verbatim")]
pub enum Mode {
    On,
    DetectionOnly,
    Off,
}

impl Suppositions {
    /// Options of a trial. A rule file alone does not say that the engine is on: who tries it wants it to be.
    pub fn options(&self, tree: &Tree) -> Options {
        let mode = self.engine.map(|mode| match mode {
            Mode::On => EngineMode::On,
            Mode::DetectionOnly => EngineMode::DetectionOnly,
            Mode::Off => EngineMode::Off,
        });
        let silent = !tree.states("SecRuleEngine");
        Options {
            engine: mode.or(silent.then_some(EngineMode::On)),
            request_body: (!tree.states("SecRequestBodyAccess")).then_some(true),
            server_name: self.server_name.clone(),
            names: tree.names(),
            ..Options::default()
        }
    }

    /// What was supposed because nothing says otherwise.
    pub fn notes(&self, tree: &Tree) -> Vec<String> {
        let mut notes = Vec::new();
        if self.engine.is_none() && !tree.states("SecRuleEngine") {
            notes.push("the rules do not name SecRuleEngine: On is supposed".to_owned());
        }
        let stated = tree.all("SecRuleEngine").last();
        let mode = stated
            .and_then(|line| line.words.first())
            .filter(|mode| !mode.eq_ignore_ascii_case("On"));
        if let Some(mode) = mode.filter(|_| self.engine.is_none()) {
            notes.push(format!(
                "SecRuleEngine is {mode}: nothing is refused, --engine On shows what would be"
            ));
        }
        if !tree.states("SecRequestBodyAccess") {
            notes.push("the rules do not name SecRequestBodyAccess: On is supposed".to_owned());
        }
        for node in tree.left_out() {
            notes.push(format!(
                "{}:{}: <{} {}> is not applied: whether it holds is known in a server only",
                node.origin.file,
                node.origin.line,
                node.kind,
                node.words.join(" ")
            ));
        }
        notes
    }
}
