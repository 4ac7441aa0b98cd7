//! A small DNS client: one question for the addresses of a name, one answer, in a time that is known.
//!
//! The system's resolver cannot be given a time limit, and holds a thread for up to half a minute.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::hosts;
use crate::limits;

/// Where name servers are written down.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// How many of them are asked: as many as the system's resolver.
const SERVERS_ASKED: usize = 3;

/// Longest answer over UDP without extensions (RFC 1035, section 2.3.4).
const ANSWER_BYTES: usize = 512;

/// Who is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolver {
    /// `SecDnsServer`; empty: those of `/etc/resolv.conf` at the time of the question.
    pub servers: Vec<SocketAddr>,
}

impl Resolver {
    /// The IPv4 address of a name; `None` where it has none.
    ///
    /// # Errors
    /// No server gave an answer in [`limits::DNS_TIMEOUT`], or the name cannot be asked for.
    pub fn address(&self, name: &str) -> Result<Option<Ipv4Addr>, String> {
        let deadline = Instant::now() + Duration::from_millis(limits::DNS_TIMEOUT);
        let found = self.ask(name, Kind::V4, deadline)?;
        Ok(found.into_iter().find_map(|address| match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        }))
    }

    /// All addresses of a name, IPv4 first; none where there is no such name. Names in `/etc/hosts` have those that stand
    /// there.
    ///
    /// # Errors
    /// No server gave an answer before the deadline or in [`limits::DNS_TIMEOUT`], or the name cannot be asked for.
    pub fn addresses(&self, name: &str, deadline: Instant) -> Result<Vec<IpAddr>, String> {
        let known = hosts::addresses(&hosts::read(), name);
        if !known.is_empty() {
            return Ok(known);
        }
        let deadline = deadline.min(Instant::now() + Duration::from_millis(limits::DNS_TIMEOUT));
        let mut found = self.ask(name, Kind::V4, deadline)?;
        match self.ask(name, Kind::V6, deadline) {
            Ok(more) => found.extend(more),
            // Some old servers do not understand the question.
            Err(error) if found.is_empty() => return Err(error),
            Err(_) => {}
        }
        Ok(found)
    }

    fn ask(&self, name: &str, kind: Kind, deadline: Instant) -> Result<Vec<IpAddr>, String> {
        let mut number = [0; 2];
        getrandom::fill(&mut number).map_err(|error| error.to_string())?;
        let question = question(number, name, kind).ok_or("this is no name of a host")?;
        let system;
        let servers = match self.servers.is_empty() {
            false => &self.servers,
            true => {
                system = servers(&std::fs::read_to_string(RESOLV_CONF).unwrap_or_default());
                &system
            }
        };
        let mut failure = "no name server".to_owned();
        let asked = servers.len().clamp(1, SERVERS_ASKED);
        for (at, server) in servers.iter().take(asked).enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            // Those that come later get their part of the time.
            let part = left / u32::try_from(asked - at).unwrap_or(1);
            match ask(*server, &question, Instant::now() + part) {
                Ok(answer) => return Ok(answer),
                Err(error) => failure = format!("{server}: {error}"),
            }
        }
        Err(failure)
    }
}

/// The kind of address that is asked for: the number of its records (RFC 1035, RFC 3596).
#[derive(Clone, Copy)]
enum Kind {
    V4 = 1,
    V6 = 28,
}

/// The `nameserver` lines of resolv.conf; this host's own where there are none, as the system's resolver has it.
fn servers(text: &str) -> Vec<SocketAddr> {
    let lines = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("nameserver"));
    let addresses = lines.filter_map(|rest| rest.split_whitespace().next()?.parse::<IpAddr>().ok());
    let found: Vec<_> = addresses
        .map(|address| SocketAddr::new(address, 53))
        .collect();
    match found.is_empty() {
        true => vec![(Ipv4Addr::LOCALHOST, 53).into()],
        false => found,
    }
}

/// A message that asks for the address of a name (RFC 1035, section 4).
fn question(number: [u8; 2], name: &str, kind: Kind) -> Option<Vec<u8>> {
    let name = name.trim_end_matches('.');
    if name.is_empty() || name.len() > 253 {
        return None;
    }
    let mut message = number.to_vec();
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]); // recursion desired, one question
    for label in name.split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|length| (1..=63).contains(length))?;
        message.push(length);
        message.extend(label.bytes());
    }
    message.extend([0, 0, kind as u8, 0, 1]); // the root; the kind; Internet
    Some(message)
}

fn ask(server: SocketAddr, question: &[u8], deadline: Instant) -> Result<Vec<IpAddr>, String> {
    let text = |error: std::io::Error| error.to_string();
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).map_err(text)?;
    // Connected: what others send is not received.
    socket.connect(server).map_err(text)?;
    socket.send(question).map_err(text)?;
    let mut buffer = [0; ANSWER_BYTES];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("no answer in time".into());
        }
        socket.set_read_timeout(Some(left)).map_err(text)?;
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                continue;
            }
            Err(error) => return Err(error.to_string()),
        };
        // Anything else is not the answer to this question.
        if let Some(answer) = read(buffer.get(..length).unwrap_or_default(), question) {
            return answer;
        }
    }
}

/// The addresses in an answer; `None` if it is not one to this question.
fn read(message: &[u8], question: &[u8]) -> Option<Result<Vec<IpAddr>, String>> {
    let [id0, id1, flags0, flags1, 0, 1, answers0, answers1, ..] = *message else {
        return None;
    };
    let asked = question.get(12..)?;
    let is_answer = flags0 & 0x80 != 0 && question.starts_with(&[id0, id1]);
    let rest = message.get(12..)?;
    let echo = rest.get(..asked.len())?;
    if !is_answer || !echo.eq_ignore_ascii_case(asked) {
        return None;
    }
    match flags1 & 15 {
        0 => {}
        3 => return Some(Ok(Vec::new())), // no such name
        code => return Some(Err(format!("error {code}"))),
    }
    let mut at = rest.get(asked.len()..).unwrap_or_default();
    let mut found = Vec::new();
    for _ in 0..u16::from_be_bytes([answers0, answers1]) {
        let Some((record, data, after)) = record(at) else {
            // What fits no datagram is left out in the middle of a record.
            return Some(match found.is_empty() {
                true => Err("a malformed answer".into()),
                false => Ok(found),
            });
        };
        if record == Kind::V4 as u16
            && let Ok(address) = <[u8; 4]>::try_from(data)
        {
            found.push(address.into());
        }
        if record == Kind::V6 as u16
            && let Ok(address) = <[u8; 16]>::try_from(data)
        {
            found.push(address.into());
        }
        at = after;
    }
    Some(Ok(found))
}

/// One record: its type, its data, and what follows. Names are passed over, so that none has to be followed.
fn record(mut at: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    loop {
        let (length, rest) = at.split_first()?;
        match length {
            0 => {
                at = rest;
                break;
            }
            0xC0.. => {
                at = rest.get(1..)?;
                break;
            }
            _ => at = rest.get(usize::from(*length)..)?,
        }
    }
    let [kind0, kind1, _, _, _, _, _, _, length0, length1, ..] = *at else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([length0, length1]));
    let data = at.get(10..10 + length)?;
    Some((
        u16::from_be_bytes([kind0, kind1]),
        data,
        at.get(10 + length..)?,
    ))
}

#[cfg(test)]
mod tests;
