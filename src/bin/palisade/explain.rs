//! `palisade explain`: a rule in words.

use std::process::ExitCode;

use clap::Args;
use palisade::review;

use crate::rules::Rules;
use crate::terminal::printable;

/// Tells in words what a rule looks at, how it asks, what follows from a match, and what excludes or changes it.
#[derive(Args)]
pub struct Arguments {
    /// Ids of rules.
    #[arg(value_name = "ID", required = true)]
    ids: Vec<u64>,
    #[command(flatten)]
    rules: Rules,
}

/// 0 when every rule was found, 1 otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    let files = arguments.rules.files();
    let (definitions, errors) = arguments.rules.environment.definitions(files);
    for error in &errors {
        eprintln!("{error}");
    }
    let mut all = errors.is_empty();
    for id in &arguments.ids {
        match review::explain(&definitions, *id) {
            Some(text) => text
                .lines()
                .for_each(|line| println!("{}", printable(line))),
            None => {
                eprintln!("palisade: there is no rule {id} in these files");
                all = false;
            }
        }
    }
    if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
