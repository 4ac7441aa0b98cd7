//! The debug log, as far as two modules can write the same: what is being done, not where in memory, when, and how fast.

use std::sync::LazyLock;

use regex::Regex;

use crate::outcome::Outcome;
use crate::server::Server;

/// What mod_security2 tells of its own inside: `docs/compatibility.md`, "Debug log", says why there is nothing to tell here.
const INSIDE: [&str; 19] = [
    // Its files, which are another store here.
    "collection_retrieve_ex: collection_retrieve_ex:",
    "collection_store: ",
    "collection_unpack: ",
    "collection_retrieve_ex: Retrieved",
    "collections_remove_stale: ",
    "Garbage collection took",
    "Recorded original collection variable: ",
    // httpd's buckets.
    "Input filter: Bucket type",
    "Input filter: Forwarding input: mode",
    "Output filter: Bucket type",
    "Output filter: Receiving output",
    "Output filter: Sending input brigade directly.",
    "Content Injection: Data reinjected",
    // Its parser of JSON.
    "New JSON hash",
    // How often it looked.
    "Current rule is id=",
    "Hook insert_error_filter: Output buffering already complete.",
    // The file of a large body has no name here.
    "Input filter: Created temporary file to store request body",
    "Input filter: Removed temporary file",
    "Input filter: Wrote ",
];

/// Adds the lines of the debug log to what came of each request, in the order of their letters: mod_security2 acts on a value
/// before it looks at the next, and Palisade when it has looked at all of them.
pub fn add(server: &Server, name: &str, outcomes: &mut [Outcome]) {
    let text = server.read(&format!("debug-{name}.log"));
    let mut requests: Vec<Outcome> = Vec::new();
    for line in text.lines() {
        let Some((level, text)) = split(line) else {
            continue;
        };
        if text.starts_with("Initialising transaction") {
            requests.push(Outcome::new());
        }
        let told = !INSIDE.iter().any(|start| text.starts_with(start));
        if let (Some(lines), true) = (requests.last_mut(), told) {
            lines.push(format!("debug {level} {}", normal(server, text)));
        }
    }
    for (outcome, mut lines) in outcomes.iter_mut().zip(requests) {
        lines.sort();
        outcome.append(&mut lines);
    }
}

/// The level and the text of a line.
fn split(line: &str) -> Option<(&str, &str)> {
    static FRAME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\[[^\]]*\] \[[^\]]*\]\[rid#[^\]]*\]\[[^\]]*\]\[([0-9])\] (.*)$").unwrap()
    });
    let groups = FRAME.captures(line)?;
    Some((groups.get(1)?.as_str(), groups.get(2)?.as_str()))
}

/// The text without addresses, times and places of this run.
fn normal(server: &Server, text: &str) -> String {
    static VARYING: LazyLock<[(Regex, &str); 10]> = LazyLock::new(|| {
        [
            (r"\(txid [^)]*\)", "(txid ID)"),
            (r"\b(rule|Rule|part) [0-9a-f]{6,16}\b", "$1 PLACE"),
            (r"\(r [0-9a-f]+\)", "(r PLACE)"),
            (r"dcfg [0-9a-f]+", "dcfg PLACE"),
            // Of its buffer.
            (r" \([0-9]+ bytes left\)", "."),
            (r"in [0-9]+ usec", "in N usec"),
            (r"\([0-9]+ seconds since", "(N seconds since"),
            (r"took [0-9]+ microseconds", "took N microseconds"),
            (r#"("(W/)?[0-9a-f]+-)[0-9a-f]+""#, "\"ETAG\""),
            (
                r"[0-9]{8}-[0-9]{6}-[-_@0-9A-Za-z]{27}-file-[0-9A-Za-z]{6}",
                "FILE",
            ),
        ]
        .map(|(pattern, word)| (Regex::new(pattern).unwrap(), word))
    });
    let mut text = text.replace(&server.root.display().to_string(), "ROOT");
    for (pattern, word) in VARYING.iter() {
        text = pattern.replace_all(&text, *word).into_owned();
    }
    text
}
