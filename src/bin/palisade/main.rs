//! The command-line tool: rules and logs without a server. One subcommand, one file.

mod check;
mod collections;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Rules and logs of the Palisade web application firewall, without a server.
#[derive(Parser)]
#[command(name = "palisade", version, about)]
struct Palisade {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Arguments),
    Collections(collections::Arguments),
}

fn main() -> ExitCode {
    match Palisade::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Collections(arguments) => collections::run(&arguments),
    }
}
