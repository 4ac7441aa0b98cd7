//! `palisade generate`: manual pages and completions, for whoever installs the tool.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command, Subcommand};
use clap_complete::Shell;

/// Writes manual pages or shell completions.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// A manual page for the tool, and one for each of its commands.
    Man {
        /// The directory to write to.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// 0 when all was written.
pub fn run(arguments: &Arguments, command: Command) -> ExitCode {
    let written = match &arguments.what {
        What::Man { directory } => clap_mangen::generate_to(command, directory),
        What::Completions { shell } => {
            let mut command = command;
            clap_complete::generate(*shell, &mut command, "palisade", &mut io::stdout());
            Ok(())
        }
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("palisade: {error}");
            ExitCode::FAILURE
        }
    }
}
