//! `palisade tune`: exclusions for false positives, from audit logs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use palisade::review::tune::{FIRST_ID, Tuning};

use crate::audit;

/// Reads audit logs and writes the exclusions that would silence chosen alerts, as rules to review: one argument of one rule in
/// one place, or everywhere where it was in many. Nobody can tell from a log which alerts are false: choose them.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Audit logs, indexes of concurrent logs, storage directories, or - for standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    filter: audit::Filter,
    /// Only alerts that were given at least so often.
    #[arg(long, value_name = "N", default_value_t = 1)]
    least: u64,
    /// The first id of the rules that are written.
    #[arg(long, value_name = "ID", default_value_t = FIRST_ID)]
    first_id: u64,
}

const AFTER_HELP: &str = "\
Example: every alert that your own tests and editors have caused is false:
  palisade tune --client 192.0.2.0/24 --since 7d modsec_audit.log >exclusions.conf";

/// 0 when all was read, 1 when a file could not be.
pub fn run(arguments: &Arguments) -> ExitCode {
    let mut tuning = Tuning::default();
    let sound = audit::each(&arguments.files, |event| {
        if arguments.filter.matches(event) {
            tuning.add(event, |alert| arguments.filter.wants(alert));
        }
    });
    print!("{}", tuning.rules(arguments.least, arguments.first_id));
    eprintln!(
        "from the alerts of {} records: read every line before you include it",
        tuning.records()
    );
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
