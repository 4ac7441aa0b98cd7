//! The command-line tool: rules and logs without a server. One subcommand, one file.

mod audit;
mod check;
mod collections;
mod rules;
mod run;
mod terminal;

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
    Audit(Box<audit::Arguments>),
    Check(check::Arguments),
    Collections(collections::Arguments),
    Run(Box<run::Arguments>),
}

fn main() -> ExitCode {
    match Palisade::parse().command {
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Collections(arguments) => collections::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
    }
}
