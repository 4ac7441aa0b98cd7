//! `palisade audit`: who was refused, by which rule, how often; and everything else that audit logs can tell.

mod filter;
mod output;
pub mod source;
mod tally;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use palisade::audit::read::{Event, Reader, Reading};

pub use filter::Filter;
use source::{Source, Storage};
use tally::Tally;

/// Reads audit logs: native, JSON, ECS and concurrent ones, also gzipped, of Palisade and of mod_security2. Without options it
/// tells who was refused, by which rule, and how often.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Audit logs, indexes of concurrent logs, storage directories, or - for standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    filter: Filter,
    /// Counts records by a field, or by several: FIELD,FIELD…
    #[arg(long, value_name = "FIELD", value_delimiter = ',', value_parser = field)]
    count_by: Vec<String>,
    /// How many rows of a table are shown; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Writes matching records, one a line.
    #[arg(long, short, conflicts_with = "count_by")]
    list: bool,
    /// Writes matching records as JSON, one object a line.
    #[arg(long, conflicts_with_all = ["count_by", "list"])]
    json: bool,
    /// Waits for further records, also in the file that takes the place of one that is renamed.
    #[arg(long, short, conflicts_with = "count_by")]
    follow: bool,
    /// Where a concurrent log keeps its records (SecAuditLogStorageDir); otherwise the index's own directory.
    #[arg(long, value_name = "DIR")]
    storage: Option<PathBuf>,
    /// No word about what was read and skipped.
    #[arg(long, short)]
    quiet: bool,
}

const AFTER_HELP: &str = "\
Fields: time, day, hour, minute, id, client, peer, server, host, method, uri, path, protocol, status, refused, phase, engine,
refused-by, rule, message, severity, file, version, data, tag, user-agent, referer, and header:NAME.

Examples:
  palisade audit /var/log/apache2/modsec_audit.log*
  palisade audit --since 1h --count-by client,rule modsec_audit.log
  palisade audit --client 198.51.100.0/24 --json modsec_audit.log
  palisade audit -f --refused modsec_audit.log";

fn field(name: &str) -> Result<String, String> {
    match Event::default().field(name) {
        Some(_) => Ok(name.to_owned()),
        None => Err(format!(
            "the fields are {}, and header:NAME",
            Event::FIELDS.join(", ")
        )),
    }
}

/// What is done with matching records.
enum Task {
    List,
    Json,
    Count(Tally),
}

/// How much was read.
#[derive(Default)]
struct Statistics {
    records: u64,
    matching: u64,
    torn: u64,
    foreign: u64,
    missing: u64,
}

/// 0 when all was read, 1 when a file could not be.
pub fn run(arguments: &Arguments) -> ExitCode {
    let begun = Instant::now();
    let mut task = match (arguments.json, arguments.list || arguments.follow) {
        (true, _) => Task::Json,
        (_, true) => Task::List,
        _ if arguments.count_by.is_empty() => Task::Count(Tally::refusals()),
        _ => Task::Count(Tally::by(&arguments.count_by)),
    };
    let mut statistics = Statistics::default();
    let mut bytes = 0;
    let mut failed = false;
    let outcome = source::read_all(&arguments.files, arguments.follow, |source| match source {
        Ok(source) => {
            let read = read(source, arguments, &mut task, &mut statistics)?;
            bytes += read;
            Ok(())
        }
        Err(problem) => {
            failed = true;
            eprintln!("palisade: {problem}");
            Ok(())
        }
    });
    let outcome = outcome.and_then(|()| match task {
        Task::Count(tally) => tally.write(&statistics, arguments.top),
        _ => Ok(()),
    });
    match outcome {
        // Whoever reads our output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("palisade: {error}");
            return ExitCode::FAILURE;
        }
        Ok(()) => {}
    }
    if !arguments.quiet {
        statistics.tell(bytes, begun.elapsed().as_secs_f64());
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Hands every record of some logs to `take`; whether all could be read.
pub fn each(files: &[PathBuf], mut take: impl FnMut(&Event)) -> bool {
    let mut sound = true;
    let outcome = source::read_all(files, false, |source| {
        match source {
            Ok(source) => {
                let storage = Storage::of(None, &source);
                let mut reader = Reader::new(source);
                while let Some(found) = reader.next_found()? {
                    match Reading::from(&found) {
                        Reading::Event(event) => take(&event),
                        Reading::Index(line) => take(&storage.record(&line).unwrap_or(line.event)),
                        Reading::Torn | Reading::Foreign => {}
                    }
                }
            }
            Err(problem) => {
                sound = false;
                eprintln!("palisade: {problem}");
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        eprintln!("palisade: {error}");
        sound = false;
    }
    sound
}

/// Reads one source to its end, and answers how many bytes that were.
fn read(
    source: Source,
    arguments: &Arguments,
    task: &mut Task,
    statistics: &mut Statistics,
) -> io::Result<u64> {
    let storage = Storage::of(arguments.storage.as_deref(), &source);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let eager = arguments.follow || io::stdout().is_terminal();
    let counter = source.counter();
    let mut reader = Reader::new(source);
    loop {
        let found = match reader.next_found() {
            Ok(Some(found)) => found,
            Ok(None) => break,
            Err(error) => {
                eprintln!("palisade: {error}");
                break;
            }
        };
        let event = match Reading::from(&found) {
            Reading::Event(event) => *event,
            Reading::Index(line) => match storage.record(&line) {
                Some(event) => event,
                None => {
                    statistics.missing += 1;
                    line.event
                }
            },
            Reading::Torn => {
                statistics.torn += 1;
                continue;
            }
            Reading::Foreign => {
                statistics.foreign += 1;
                continue;
            }
        };
        statistics.records += 1;
        if !arguments.filter.matches(&event) {
            continue;
        }
        statistics.matching += 1;
        match task {
            Task::List => output::line(&mut out, &event)?,
            Task::Json => output::json(&mut out, &event)?,
            Task::Count(tally) => tally.add(&event),
        }
        if eager {
            out.flush()?;
        }
    }
    out.flush()?;
    Ok(counter.get())
}

impl Statistics {
    fn tell(&self, bytes: u64, seconds: f64) {
        let megabytes = bytes as f64 / 1e6;
        let speed = megabytes / seconds.max(1e-6);
        eprintln!(
            "{} of {} records, {megabytes:.1} MB in {seconds:.2} s ({speed:.0} MB/s)",
            self.matching, self.records
        );
        for (number, what) in [
            (self.torn, "torn records skipped"),
            (self.foreign, "foreign lines skipped"),
            (
                self.missing,
                "records whose file is not there, so the index tells what it can: --storage says where they are",
            ),
        ] {
            if number > 0 {
                eprintln!("{number} {what}");
            }
        }
    }
}
