//! `palisade migrate`: what changes, before anything is changed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use palisade::review::migrate::migrate;

use crate::rules::Environment;

/// Where httpd's configuration usually is.
const USUAL: [&str; 3] = [
    "/etc/apache2/apache2.conf",
    "/etc/httpd/conf/httpd.conf",
    "/usr/local/apache2/conf/httpd.conf",
];

/// Reads a configuration with mod_security2 and tells what changes with Palisade, and what is to be done. Nothing is written.
#[derive(Args)]
pub struct Arguments {
    /// httpd's main configuration file, or the directory that it is in; otherwise where it usually is.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    environment: Environment,
}

/// 0 when nothing keeps httpd from starting, 1 otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    let usual = || {
        USUAL
            .map(PathBuf::from)
            .into_iter()
            .find(|file| file.is_file())
    };
    let Some(file) = arguments.file.clone().map(main_file).or_else(usual) else {
        eprintln!("palisade: httpd's configuration is in none of its usual places: name its file");
        return ExitCode::FAILURE;
    };
    if !file.is_file() {
        eprintln!("palisade: there is no {}", file.display());
        return ExitCode::FAILURE;
    }
    let (tree, errors) = arguments.environment.tree(&[file]);
    let migration = migrate(&tree, &errors);
    for (heading, lines) in [
        ("Found", &migration.found),
        ("Must be changed first", &migration.must),
        ("Will be different", &migration.differs),
        ("To do", &migration.steps),
    ] {
        if lines.is_empty() {
            continue;
        }
        println!("{heading}:");
        for line in lines {
            println!("  {line}");
        }
        println!();
    }
    match migration.must.is_empty() {
        true => {
            println!("Nothing keeps httpd from starting with Palisade.");
            ExitCode::SUCCESS
        }
        false => ExitCode::FAILURE,
    }
}

/// The main file in a directory.
fn main_file(path: PathBuf) -> PathBuf {
    let inside = ["apache2.conf", "conf/httpd.conf", "httpd.conf"];
    let found = inside
        .iter()
        .map(|name| path.join(Path::new(name)))
        .find(|file| file.is_file());
    found.filter(|_| path.is_dir()).unwrap_or(path)
}
