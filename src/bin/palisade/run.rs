//! `palisade run`: a request through rules, without a server.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use palisade::trial::{self, Action, Found, Outcome, Trial, curl, har, wire};

use crate::rules::{Rules, Suppositions};
use crate::terminal::printable;

/// Runs requests through rules without a server: which rules match on what, what the answer is, and the scores.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    rules: Rules,
    /// Behind the rules: a raw HTTP request, a HAR file, or a file with a command line of curl's; - for standard input.
    #[arg(value_name = "REQUEST")]
    requests: Vec<PathBuf>,
    /// What the files hold; otherwise their contents tell.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// The response, for phases 3 and 4: status line, header, body. HAR files have their own.
    #[arg(long, value_name = "FILE")]
    response: Option<PathBuf>,
    /// Takes a raw request as it is: a body without Content-Length is none.
    #[arg(long)]
    exact: bool,
    /// The client's address: the other end of the connection.
    #[arg(long, value_name = "ADDRESS", default_value = "192.0.2.7")]
    client: IpAddr,
    #[command(flatten)]
    suppositions: Suppositions,
    /// Starts the programs that rules name (exec, @inspectFile).
    #[arg(long)]
    programs: bool,
    /// Shows rules without a message one by one, however many match.
    #[arg(long)]
    all: bool,
    /// Shows the whole TX collection, not only scores.
    #[arg(long)]
    tx: bool,
    /// Shows long values whole.
    #[arg(long)]
    full: bool,
    /// Writes one JSON object a request.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Exit status: 0 when every request passes, 3 when one is refused, 1 when something could not be read.

Examples:
  palisade run --rules /etc/palisade/recommended.conf /etc/palisade/rules/*.conf request.txt
  palisade run --rules rules.conf --client 198.51.100.7 --engine DetectionOnly --json request.txt
  palisade run --rules /etc/apache2/apache2.conf --response response.txt session.har
  printf 'GET /?q=../../etc/passwd HTTP/1.1\\nHost: blog.example\\n\\n' | palisade run --rules rules.conf -";

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Raw,
    Har,
    Curl,
}

/// A request to try, with its response where that is known.
struct Exchange {
    request: wire::Incoming,
    response: Option<Vec<u8>>,
}

/// 0 when every request passes, 3 when one is refused, 1 when something could not be read.
pub fn run(arguments: &Arguments) -> ExitCode {
    match perform(arguments) {
        Ok(refused) if refused > 0 => ExitCode::from(3),
        Ok(_) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("palisade: {why}");
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: &Arguments) -> Result<usize, String> {
    let (files, requests) = match arguments.requests.as_slice() {
        [] => arguments.rules.split_off_last(),
        requests => (arguments.rules.files(), requests),
    };
    if files.is_empty() {
        return Err("name a rule file, and then a request".to_owned());
    }
    let tree = arguments.rules.read(files)?;
    let stated = arguments.response.as_ref().map(contents).transpose()?;
    let mut options = arguments.suppositions.options(&tree);
    options.peer = SocketAddr::new(arguments.client, 40_000);
    options.programs = arguments.programs;
    let notes = arguments.suppositions.notes(&tree);
    let trial = Trial::new(options);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut refused = 0;
    for path in requests {
        for exchange in exchanges(arguments, path)? {
            let response = match exchange.response.as_ref().or(stated.as_ref()) {
                Some(bytes) => Some(
                    trial::read_response(bytes).ok_or("the response begins with no status line")?,
                ),
                None => None,
            };
            let mut outcome = trial.run(
                &trial::plan(&tree, &exchange.request),
                &exchange.request,
                response.as_ref(),
            );
            outcome.notes.extend(notes.iter().cloned());
            refused += usize::from(outcome.decision.is_refused());
            let written = match arguments.json {
                true => json(&mut out, &outcome),
                false => text(&mut out, &outcome, arguments),
            };
            match written.and_then(|()| out.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(refused),
                other => other.map_err(|error| error.to_string())?,
            }
        }
    }
    Ok(refused)
}

fn contents(path: &PathBuf) -> Result<Vec<u8>, String> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        return read.map(|_| bytes).map_err(|error| error.to_string());
    }
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// What a file holds.
fn exchanges(arguments: &Arguments, path: &PathBuf) -> Result<Vec<Exchange>, String> {
    let bytes = contents(path)?;
    let start = bytes.trim_ascii_start();
    let format = arguments.format.unwrap_or(match start {
        [b'{', ..] => Format::Har,
        _ if start.starts_with(b"curl ") => Format::Curl,
        _ => Format::Raw,
    });
    let text = || String::from_utf8_lossy(&bytes).into_owned();
    let in_file = |error: String| format!("{}: {error}", path.display());
    match format {
        Format::Raw if bytes.is_empty() => Err(in_file("there is no request in it".to_owned())),
        Format::Raw => {
            let read = if arguments.exact {
                wire::read
            } else {
                wire::read_file
            };
            Ok(vec![Exchange {
                request: read(&bytes),
                response: None,
            }])
        }
        Format::Curl => {
            let directory = path.parent().unwrap_or(std::path::Path::new(""));
            let request = curl::read(&text(), directory).map_err(in_file)?;
            Ok(vec![Exchange {
                request: wire::read(&request),
                response: None,
            }])
        }
        Format::Har => {
            let found = har::read(&text()).map_err(in_file)?.into_iter();
            let exchange = |found: har::Exchange| Exchange {
                request: wire::read(&found.request),
                response: found.response,
            };
            Ok(found.map(exchange).collect())
        }
    }
}

fn json(out: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    writeln!(out, "{}", serde_json::to_string(outcome)?)
}

/// How many rules without a message are shown one by one: rule sets keep their books with dozens of them.
const SILENT_RULES: usize = 10;

/// Longest value that is shown, in characters.
const VALUE_LENGTH: usize = 200;

fn text(out: &mut impl Write, outcome: &Outcome, arguments: &Arguments) -> io::Result<()> {
    writeln!(
        out,
        "{}  from {}",
        printable(&outcome.request),
        outcome.client
    )?;
    let decided = outcome.decision.rule;
    let is_silent = |found: &Found| found.message.is_none() && Some(found.id) != decided;
    let silent: Vec<u64> = outcome
        .matched
        .iter()
        .filter(|found| is_silent(found))
        .map(|found| found.id)
        .collect();
    let puts_together = !arguments.all && silent.len() > SILENT_RULES;
    for found in &outcome.matched {
        if puts_together && is_silent(found) {
            continue;
        }
        let message = found.message.as_deref().unwrap_or("(no message)");
        let severity = found
            .severity
            .map(|name| format!(" [{name}]"))
            .unwrap_or_default();
        writeln!(
            out,
            "  {} phase {}{severity} {}  ({}:{})",
            found.id,
            found.phase,
            printable(message),
            found.file,
            found.line
        )?;
        for seen in found.on.iter().filter(|seen| !seen.name.is_empty()) {
            let value = printable(&seen.value);
            let length = value.chars().count();
            let shown: String = match arguments.full || length <= VALUE_LENGTH {
                true => value,
                false => value
                    .chars()
                    .take(VALUE_LENGTH)
                    .chain("…".chars())
                    .collect(),
            };
            writeln!(out, "      {} = {shown}", printable(&seen.name))?;
        }
    }
    if outcome.matched.is_empty() {
        writeln!(out, "  no rule matches")?;
    }
    if puts_together {
        let named: Vec<String> = silent.iter().take(3).map(u64::to_string).collect();
        writeln!(
            out,
            "  {} matches of rules without a message: {}, … (--all shows them)",
            silent.len(),
            named.join(", ")
        )?;
    }
    let score =
        |name: &str, value: &str| name.contains("score") && value != "0" && !value.is_empty();
    for (name, value) in &outcome.tx {
        if arguments.tx || score(name, value) {
            writeln!(out, "  tx.{} = {}", printable(name), printable(value))?;
        }
    }
    for note in &outcome.notes {
        writeln!(out, "  note: {note}")?;
    }
    writeln!(out, "  → {}", decision(outcome))
}

fn decision(outcome: &Outcome) -> String {
    let found = &outcome.decision;
    let by = match (found.rule, found.phase) {
        (Some(rule), Some(phase)) => format!(" by rule {rule} in phase {phase}"),
        (None, Some(phase)) => format!(" in phase {phase}, by a limit or an unreadable body"),
        _ => String::new(),
    };
    let location = found.location.as_deref().map(printable).unwrap_or_default();
    match found.action {
        Action::Pass => format!("passes, {}", found.status),
        Action::Deny => format!("refused with {}{by}", found.status),
        Action::Drop => format!("connection closed{by}"),
        Action::Redirect => format!("redirected with {} to {location}{by}", found.status),
        Action::Proxy => format!("handed to {location}{by}"),
        Action::Httpd => format!("httpd itself answers {}", found.status),
    }
}
