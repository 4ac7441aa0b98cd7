//! `palisade replay`: what rules would have refused.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use palisade::audit::read::Event;
use palisade::config::Tree;
use palisade::trial::{Found, Options, Outcome, Trial, access_log, plan, wire};

use crate::audit::{self, source};
use crate::rules::{Rules, Suppositions};
use crate::terminal::printable;

/// Runs the requests of access logs or audit logs through rules and tells what would have been refused, by which rule. Logs do
/// not have the bodies of requests, and access logs no headers but two: what is not there, no rule sees.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    rules: Rules,
    /// Logs: httpd's common or combined format, or audit logs; also gzipped.
    #[arg(value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// What the logs are; otherwise their first line tells.
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    #[command(flatten)]
    suppositions: Suppositions,
    /// Shows every request that would have been refused.
    #[arg(long, short)]
    list: bool,
    /// How many rules the summary shows; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Writes one JSON object for each request that would have been refused.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Example:
  palisade replay --rules rules.conf -- /var/log/apache2/access.log*";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Access,
    Audit,
}

/// Longest line of an access log, in bytes: more than httpd writes of one request.
const LINE_LIMIT: u64 = 256 * 1024;

/// Characters of a message in the summary: a line is for one look.
const MESSAGE_LIMIT: usize = 100;

/// 0 when all was read, 1 when something could not be.
pub fn run(arguments: &Arguments) -> ExitCode {
    let (files, logs) = match arguments.logs.as_slice() {
        [] => arguments.rules.split_off_last(),
        logs => (arguments.rules.files(), logs),
    };
    let tree = match arguments.rules.read(files) {
        Ok(tree) => tree,
        Err(why) => {
            eprintln!("palisade: {why}");
            return ExitCode::FAILURE;
        }
    };
    let mut replay = Replay {
        options: arguments.suppositions.options(&tree),
        tree: &tree,
        arguments,
        tally: Tally::default(),
    };
    let sound = match kind(arguments, logs) {
        Kind::Access => replay.access(logs),
        Kind::Audit => audit::each(logs, |event| replay.event(event)),
    };
    match replay
        .tally
        .write(arguments, &arguments.suppositions.notes(&tree))
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("palisade: {error}");
            ExitCode::FAILURE
        }
        _ if sound => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// What the first log looks like.
fn kind(arguments: &Arguments, logs: &[PathBuf]) -> Kind {
    if let Some(kind) = arguments.kind {
        return kind;
    }
    let mut start = Vec::new();
    if let Some(log) = logs.first().filter(|log| log.is_file()) {
        let _ = source::read_all(std::slice::from_ref(log), false, |found| {
            if let Ok(found) = found {
                let _ = found.take(LINE_LIMIT).read_until(b'\n', &mut start);
            }
            Ok(())
        });
    }
    match access_log::read(&start) {
        Some(_) => Kind::Access,
        None => Kind::Audit,
    }
}

struct Replay<'a> {
    options: Options,
    tree: &'a Tree,
    arguments: &'a Arguments,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    requests: u64,
    refused: u64,
    /// Requests that were answered as if they were welcome, and would have been refused.
    newly: u64,
    foreign: u64,
    rules: BTreeMap<u64, (u64, u64, String)>,
}

impl Replay<'_> {
    fn access(&mut self, logs: &[PathBuf]) -> bool {
        let mut sound = true;
        let outcome = source::read_all(logs, false, |found| {
            let mut found = match found {
                Ok(found) => found,
                Err(problem) => {
                    eprintln!("palisade: {problem}");
                    sound = false;
                    return Ok(());
                }
            };
            let mut line = Vec::new();
            while found
                .by_ref()
                .take(LINE_LIMIT)
                .read_until(b'\n', &mut line)?
                > 0
            {
                match access_log::read(&line) {
                    Some(read) => {
                        let name = self.options.server_name.as_deref().unwrap_or("localhost");
                        let bytes = read.bytes(name);
                        self.one(read.client, &bytes, Some(read.status), &read.time);
                    }
                    None => self.tally.foreign += 1,
                }
                line.clear();
            }
            Ok(())
        });
        if let Err(error) = outcome {
            eprintln!("palisade: {error}");
            sound = false;
        }
        sound
    }

    fn event(&mut self, event: &Event) {
        let mut bytes =
            format!("{} {} {}\r\n", event.method, event.uri, event.protocol).into_bytes();
        for (name, value) in &event.headers {
            // The body is not there, and must not be missed.
            let framing = ["content-length", "transfer-encoding", "expect"];
            if !framing.iter().any(|other| name.eq_ignore_ascii_case(other)) {
                bytes.extend([name.as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
            }
        }
        if matches!(event.method.as_str(), "POST" | "PUT" | "PATCH") {
            bytes.extend(b"Content-Length: 0\r\n");
        }
        bytes.extend(b"\r\n");
        self.one(event.client_ip(), &bytes, event.status, &event.time);
    }

    fn one(&mut self, client: Option<IpAddr>, bytes: &[u8], status: Option<u16>, time: &str) {
        let mut options = self.options.clone();
        if let Some(client) = client {
            options.peer = SocketAddr::new(client, 40_000);
        }
        let request = wire::read(bytes);
        let outcome = Trial::new(options).run(&plan(self.tree, &request), &request, None);
        self.tally.add(&outcome, status);
        if outcome.decision.is_refused() && (self.arguments.list || self.arguments.json) {
            let mut out = io::stdout().lock();
            let _ = match self.arguments.json {
                true => serde_json::to_string(&outcome)
                    .map(|text| writeln!(out, "{text}"))
                    .is_ok(),
                false => writeln!(
                    out,
                    "{time} {} {} {} by {}",
                    outcome.client,
                    printable(&outcome.request),
                    outcome.decision.status,
                    outcome
                        .decision
                        .rule
                        .map_or("a limit".to_owned(), |rule| rule.to_string())
                )
                .is_ok(),
            };
        }
    }
}

impl Tally {
    fn add(&mut self, outcome: &Outcome, status: Option<u16>) {
        self.requests += 1;
        let refused = outcome.decision.is_refused();
        self.refused += u64::from(refused);
        self.newly += u64::from(refused && status.is_some_and(|status| status < 400));
        let mut ids: Vec<u64> = outcome.ids();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let found = outcome.matched.iter().find(|found| found.id == id);
            // Rules without a message, and those that log nothing, keep the books for others.
            let tells = |found: &&Found| found.logs || outcome.decision.rule == Some(id);
            let told = found.filter(tells).and_then(|found| found.written.clone());
            let Some(message) = told else {
                continue;
            };
            let entry = self.rules.entry(id).or_insert((0, 0, message));
            entry.0 += 1;
            entry.1 += u64::from(refused);
        }
    }

    fn write(&self, arguments: &Arguments, notes: &[String]) -> io::Result<()> {
        for note in notes {
            eprintln!("note: {note}");
        }
        if self.foreign > 0 {
            eprintln!("{} lines in no known format skipped", self.foreign);
        }
        if arguments.json {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "{} of {} requests would have been refused; {} of them were answered with less than 400",
            self.refused, self.requests, self.newly
        )?;
        let mut rules: Vec<_> = self.rules.iter().collect();
        rules.sort_by_key(|(id, (count, ..))| (std::cmp::Reverse(*count), **id));
        let most = if arguments.top == 0 {
            usize::MAX
        } else {
            arguments.top
        };
        if !rules.is_empty() {
            writeln!(out, "{:>8} {:>8}  rule", "requests", "refused")?;
        }
        for (id, (count, refused, message)) in rules.into_iter().take(most) {
            let message = printable(message);
            let shown: String = message.chars().take(MESSAGE_LIMIT).collect();
            let more = if shown.len() < message.len() {
                "…"
            } else {
                ""
            };
            writeln!(out, "{count:>8} {refused:>8}  {id} {shown}{more}")?;
        }
        Ok(())
    }
}
