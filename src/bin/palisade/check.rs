//! `palisade check`: is this configuration sound?

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use palisade::config::{DirConfig, read_file};

/// Reads configuration files in order, as httpd would at server level, and tells what is wrong with them.
#[derive(Args)]
pub struct Arguments {
    /// Configuration files; Include is followed.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// 0 when all files are sound, 1 with the first mistake otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    let section = DirConfig::new();
    for file in &arguments.files {
        if let Err(error) = read_file(file, &section) {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    let config = section.resolved();
    let chains = config.rules.chains();
    let rules: usize = chains.map(|chain| chain.rules.len()).sum();
    println!("{rules} rules");
    for notice in config.notices() {
        println!("{notice}");
    }
    ExitCode::SUCCESS
}
