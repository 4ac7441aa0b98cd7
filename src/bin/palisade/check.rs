//! `palisade check`: is this configuration sound?

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use palisade::review::findings::{Weight, census, findings};

use crate::rules::Environment;

/// Reads configuration files in order, as httpd would, and tells what is wrong with them: mistakes with their place, rules that
/// never run or never match, rules that are slow, and settings that are dangerous.
#[derive(Args)]
pub struct Arguments {
    /// Configuration files; Include is followed.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    environment: Environment,
    /// Warnings are failures, too.
    #[arg(long)]
    strict: bool,
    /// Mistakes and warnings only.
    #[arg(long, short)]
    quiet: bool,
}

/// 0 when all files are sound, 1 with the mistakes otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    let (tree, errors) = arguments.environment.tree(&arguments.files);
    if !errors.is_empty() {
        for error in &errors {
            eprintln!("{}", error.with_help());
        }
        if errors.len() > 1 {
            eprintln!("{} mistakes", errors.len());
        }
        return ExitCode::FAILURE;
    }
    let census = census(&tree);
    if !arguments.quiet {
        println!("{} rules", census.rules);
        for notice in tree.main().notices() {
            println!("{notice}");
        }
    }
    let mut warnings = 0;
    for finding in findings(&tree) {
        match finding.weight {
            Weight::Warning => {
                warnings += 1;
                eprintln!("{finding}");
            }
            Weight::Note if !arguments.quiet => println!("{finding}"),
            Weight::Note => {}
        }
    }
    match arguments.strict && warnings > 0 {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}
