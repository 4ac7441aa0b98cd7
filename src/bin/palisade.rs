//! The command line tool: rules without a server.

use std::path::Path;
use std::process::ExitCode;

use palisade::config::{DirConfig, read_file};

const USAGE: &str = "\
Usage: palisade check FILE…
       palisade --version

check   reads configuration files in order, as httpd would at server level, and tells what is wrong with them";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["check", files @ ..] if !files.is_empty() => check(files),
        ["--version"] => {
            println!("palisade {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        ["--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// 0 when all files are sound, 1 with the first mistake otherwise.
fn check(files: &[&str]) -> ExitCode {
    let section = DirConfig::new();
    for file in files {
        if let Err(error) = read_file(Path::new(file), &section) {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    let config = section.resolved();
    println!(
        "{} rules",
        config
            .rules
            .chains()
            .map(|chain| chain.rules.len())
            .sum::<usize>()
    );
    for notice in config.notices() {
        println!("{notice}");
    }
    ExitCode::SUCCESS
}
