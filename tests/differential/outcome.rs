//! What came of a request: the answer, and what the logs say.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::scenario::Scenario;
use crate::server::{Exchange, Server};

/// What of a part H is the module's own affair, or tells the time.
const OWN_AFFAIRS: [&str; 7] = [
    "Apache-Error:",
    "Client-Address:",
    "Producer:",
    "Response-Body-Transformed",
    "Server:",
    "Stopwatch",
    "Stopwatch2",
];

/// What came of a request, as lines: each begins with a word that says what it is about.
pub type Outcome = Vec<String>;

/// What came of the requests that a server was sent, each with the scenario that it is of.
pub fn outcomes(server: &Server, exchanges: &[(Exchange, &Scenario)]) -> Vec<Outcome> {
    let alerts = alerts(server);
    let records = records(server);
    let nothing = Vec::new();
    exchanges
        .iter()
        .map(|(exchange, scenario)| {
            let mut lines = answer(&exchange.response);
            for (alert, place) in alerts.get(&exchange.port).into_iter().flatten() {
                let place = if scenario.place { place } else { "" };
                lines.push(format!("log {alert}{place}"));
            }
            let record = records.get(&exchange.port).unwrap_or(&nothing);
            let counts = |line: &&String| {
                let part = line.split(' ').nth(1).unwrap_or_default();
                part.starts_with('H') || scenario.parts.contains(part.trim_end_matches(':'))
            };
            lines.extend(record.iter().filter(counts).cloned());
            let own = [
                (server.root.display().to_string(), "ROOT"),
                (server.port.to_string(), "PORT"),
                (exchange.port.to_string(), "CLIENT-PORT"),
            ];
            for line in &mut lines {
                for (text, word) in &own {
                    *line = line.replace(text, word);
                }
                if let Some((cut, _)) = line.char_indices().nth(COMPARED) {
                    line.truncate(cut);
                }
            }
            lines
        })
        .collect()
}

/// Headers of an answer that tell the time or who answers, or whose values have no order.
const NOT_COMPARED: [&str; 5] = ["Allow:", "Date:", "ETag:", "Last-Modified:", "Server:"];

/// Characters of a line that are compared: mod_security2 cuts alerts at 1023 bytes of what has the paths of this run in it.
const COMPARED: usize = 800;

/// How much of a body is shown.
const SHOWN: usize = 200;

fn answer(response: &[u8]) -> Outcome {
    let text: String = response.iter().copied().map(char::from).collect();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).unwrap_or("none");
    let mut lines = vec![format!("status {status}")];
    let headers = head.lines().skip(1);
    let headers = headers.filter(|line| !NOT_COMPARED.iter().any(|name| line.starts_with(name)));
    lines.extend(headers.map(|line| format!("answer {line}")));
    if !body.is_empty() {
        let shown: String = body.chars().take(SHOWN).collect();
        let (shown, length) = (shown.escape_default(), body.len());
        lines.push(format!("answer with {length} bytes: {shown}"));
    }
    lines
}

/// What the module wrote to the error log, and for which host and URI, without what names the transaction.
fn alerts(server: &Server) -> HashMap<u16, Vec<(String, String)>> {
    let mut found: HashMap<u16, Vec<(String, String)>> = HashMap::new();
    for line in server.read("error.log").lines() {
        let client = line.split(' ').next().unwrap_or_default();
        let port = client
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        let text = line.split_once("ModSecurity: ").map(|(_, text)| text);
        let (Some(port), Some(text)) = (port, text) else {
            continue;
        };
        let (text, _) = text.split_once(" [unique_id \"").unwrap_or((text, ""));
        let place = text.find(" [hostname \"").unwrap_or(text.len());
        let (text, place) = text.split_at(place);
        let alerts = found.entry(port).or_default();
        alerts.push((text.to_owned(), place.to_owned()));
    }
    found
}

/// The records of the audit log.
fn records(server: &Server) -> HashMap<u16, Outcome> {
    static PART: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^--[0-9a-z]+-([A-Z])--$").unwrap());
    let mut found: HashMap<u16, Outcome> = HashMap::new();
    let mut part = String::new();
    let mut port = 0;
    for line in server.read("audit.log").split('\n') {
        if let Some(groups) = PART.captures(line) {
            part = groups[1].to_owned();
            if part != "A" {
                found.entry(port).or_default().push(format!("part {part}:"));
            }
            continue;
        }
        if part == "A" {
            // [time zone] id client port server port
            let word = line.split(' ').nth(4).unwrap_or_default();
            port = word.parse().unwrap_or_default();
            continue;
        }
        let own = (part == "H" && OWN_AFFAIRS.iter().any(|start| line.starts_with(start)))
            || (part == "F" && NOT_COMPARED.iter().any(|start| line.starts_with(start)));
        if !own && !line.trim().is_empty() {
            found
                .entry(port)
                .or_default()
                .push(format!("part {part} {}", line.trim_end()));
        }
    }
    found
}
