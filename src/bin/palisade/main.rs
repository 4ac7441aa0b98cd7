//! The command-line tool: rules and logs without a server. One subcommand, one file.

mod audit;
mod check;
mod collections;
mod explain;
mod generate;
mod migrate;
mod replay;
mod rules;
mod run;
mod terminal;
mod tune;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

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
    Explain(explain::Arguments),
    Migrate(migrate::Arguments),
    Replay(Box<replay::Arguments>),
    Run(Box<run::Arguments>),
    Tune(Box<tune::Arguments>),
    #[command(hide = true)]
    Generate(generate::Arguments),
}

fn main() -> ExitCode {
    match Palisade::parse().command {
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Collections(arguments) => collections::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments, Palisade::command()),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Tune(arguments) => tune::run(&arguments),
    }
}
