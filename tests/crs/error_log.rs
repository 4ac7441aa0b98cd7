//! The server's error log, by request.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::Path;

/// What was logged.
pub struct ErrorLog {
    /// By client port.
    clients: HashMap<u16, Vec<String>>,
    /// The server's own affairs.
    server: Vec<String>,
}

impl ErrorLog {
    /// Reads a log whose lines begin with the client's address and port (`%a`), or with `-` where there is no client.
    pub fn read(file: &Path) -> io::Result<ErrorLog> {
        let bytes = std::fs::read(file)?;
        Ok(ErrorLog::parse(&String::from_utf8_lossy(&bytes)))
    }

    fn parse(text: &str) -> ErrorLog {
        let mut log = ErrorLog {
            clients: HashMap::new(),
            server: Vec::new(),
        };
        for line in text.lines() {
            let client = line.split(' ').next().unwrap_or_default();
            let port = client
                .rsplit_once(':')
                .and_then(|(_, port)| port.parse().ok());
            let lines = match port {
                Some(port) => log.clients.entry(port).or_default(),
                None => &mut log.server,
            };
            lines.push(line.to_owned());
        }
        log
    }

    /// The lines about children that died.
    pub fn deaths(&self) -> Vec<&str> {
        let lines = self.server.iter().map(String::as_str);
        lines.filter(|line| line.contains("exit signal")).collect()
    }

    /// The lines that the client at a port caused.
    pub fn of(&self, port: u16) -> &[String] {
        self.clients
            .get(&port)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// The rules that logged for the client at a port.
    pub fn ids(&self, port: u16) -> BTreeSet<u64> {
        self.of(port).iter().flat_map(|line| ids(line)).collect()
    }
}

/// Every `[id "N"]` of a line.
fn ids(line: &str) -> impl Iterator<Item = u64> {
    line.split("[id \"")
        .skip(1)
        .filter_map(|rest| rest.split_once("\"]")?.0.parse().ok())
}

#[test]
fn lines_belong_to_ports() {
    let log = ErrorLog::parse(
        "- core:notice started\n core:notice child pid 7 exit signal Aborted (6)\n127.0.0.1:4711 security2:error x [id \"1\"] y [id \"23\"]\n[::1]:4712 a:b c [id \"x\"] [id \"4\n127.0.0.1:4711 z\n",
    );
    assert_eq!(log.of(4711).len(), 2);
    assert_eq!(log.ids(4711), BTreeSet::from([1, 23]));
    assert_eq!(log.of(4712).len(), 1);
    assert!(log.ids(4712).is_empty());
    assert!(log.of(1).is_empty());
    assert_eq!(log.deaths().len(), 1);
}
