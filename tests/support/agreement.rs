//! What a real httpd and a trial say about the same requests, side by side.
#![allow(dead_code)]

use std::collections::HashMap;
use std::hash::Hash;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::path::Path;
use std::time::Duration;

use palisade::config::Tree;
use palisade::trial::{Options, Outcome, Trial, plan, wire};
use serde_json::Value;

use crate::harness::connect_from;

/// Longer than a server needs for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// What httpd made of a request.
#[derive(Debug, Default)]
pub struct Answer {
    /// The client's address, by which the audit log knows it.
    pub client: Option<Ipv4Addr>,
    /// 0 where the connection was closed without an answer.
    pub status: u16,
}

/// An address for each request: ports come again, and what rules count of one client does not concern the next.
pub fn address(number: usize) -> Ipv4Addr {
    let octet = |value: usize| u8::try_from(value % 200 + 1).expect("below 201");
    Ipv4Addr::new(
        127,
        octet(number / 40_000),
        octet(number / 200),
        octet(number),
    )
}

/// Sends a request's bytes on a connection of its own, from that address, and no more, and reads until the server closes it.
pub fn send(client: Ipv4Addr, server: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = connect_from(client, server.port());
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // It may have heard enough.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(Shutdown::Write);
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response);
    let text = String::from_utf8_lossy(&response);
    // "100 Continue" comes before the answer, and only when the backend is slower than httpd.
    let interim = |text: &str| text.starts_with("HTTP/1.1 100 ");
    let answer = text.split_once("\r\n\r\n").filter(|_| interim(&text));
    let text = answer.map_or(&*text, |(_, answer)| answer);
    let mut words = text.split(' ');
    let is_response = words.next().is_some_and(|word| word.starts_with("HTTP/"));
    let status = words.next().filter(|_| is_response);
    // HTTP/0.9 has no status line; httpd's own pages have the number in their title.
    let title = text.split("<title>").nth(1);
    let titled = title.and_then(|title| title.get(..3)?.parse().ok());
    let bare = titled.unwrap_or(if text.is_empty() { 0 } else { 200 });
    Answer {
        client: Some(client),
        status: status.and_then(|word| word.parse().ok()).unwrap_or(bare),
    }
}

/// The rules that matched to their end, by the client's address: from an audit log in JSON with part K.
pub fn matched(log: &Path) -> HashMap<Ipv4Addr, Vec<u64>> {
    matched_by(log, |record| {
        record["transaction"]["peer_address"].as_str()?.parse().ok()
    })
}

/// The same, by what a key makes of a record; records without one are passed over.
pub fn matched_by<K: Hash + Eq>(
    log: &Path,
    key: impl Fn(&Value) -> Option<K>,
) -> HashMap<K, Vec<u64>> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let mut found = HashMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).expect("a record in JSON");
        let Some(key) = key(&record) else { continue };
        let chains = record["matched_rules"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let complete = chains
            .iter()
            .filter(|chain| chain["full_chain_match"].as_bool() != Some(false));
        let ids = complete.filter_map(|chain| chain["rules"][0]["actionset"]["id"].as_str());
        let ids: Vec<u64> = ids.filter_map(|id| id.parse().ok()).collect();
        found.insert(key, ids);
    }
    found
}

/// What a trial makes of a request to a server on this address, before which nothing stands.
pub fn try_out(
    tree: &Tree,
    name: &str,
    (client, server): (Ipv4Addr, SocketAddr),
    request: &[u8],
    response: &[u8],
) -> Outcome {
    let trial = Trial::new(Options {
        peer: SocketAddr::new(IpAddr::V4(client), 40_000),
        local: server,
        server_name: Some(name.to_owned()),
        names: tree.names(),
        ..Options::default()
    });
    let incoming = wire::read(request);
    let response = palisade::trial::read_response(response);
    trial.run(&plan(tree, &incoming), &incoming, response.as_ref())
}

/// Where the two differ, if they do.
pub fn difference(answer: &Answer, ids: Option<&Vec<u64>>, outcome: &Outcome) -> Option<String> {
    let once = |ids: &[u64]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let dropped = outcome.decision.action == palisade::trial::Action::Drop;
    let expected = if dropped { 0 } else { outcome.decision.status };
    let (real, tried) = (
        once(ids.map_or(&[][..], Vec::as_slice)),
        once(&outcome.ids()),
    );
    if answer.status == expected && real == tried {
        return None;
    }
    let only = |one: &[u64], other: &[u64]| -> Vec<u64> {
        one.iter()
            .filter(|id| !other.contains(id))
            .copied()
            .collect()
    };
    Some(format!(
        "httpd {} and run {expected} ({:?}); rules of httpd only {:?}, of run only {:?}",
        answer.status,
        outcome.decision.action,
        only(&real, &tried),
        only(&tried, &real)
    ))
}
