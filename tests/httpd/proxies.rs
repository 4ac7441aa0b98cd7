//! Who the client is, behind a proxy and without one: error line, part A and part H agree, and fail2ban's own filter
//! bans nobody else.

use std::fs;
use std::process::Command;

use crate::harness::{Server, Setup, missing};

const ENGINE: &str = r#"
SecRuleEngine On
SecAuditEngine RelevantOnly
SecAuditLog audit.log
SecAuditLogParts ABHZ
SecRule ARGS "@contains evilmarker" "id:1,phase:2,deny,status:403,msg:'marker'"
"#;

const REMOTEIP: &str = "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1";
const OWN: &str = "SecClientAddress header\nSecTrustedProxy 127.0.0.1";
const FORWARDED: &str = "SecClientAddress header\nSecTrustedProxy 127.0.0.1 203.0.113.0/24\nSecClientAddressHeader Forwarded";

/// Set-up, forwarding header, the client, whether it may be banned, what part H says of it.
type Row = (&'static str, &'static str, &'static str, bool, &'static str);

const MATRIX: &[Row] = &[
    // The proxy connects from loopback, so a peer without a believed header can never be banned.
    ("", "", "127.0.0.1", false, "trust=ok"),
    (
        "",
        "X-Forwarded-For: 198.51.100.7",
        "127.0.0.1",
        false,
        "trust=untrusted",
    ),
    (
        REMOTEIP,
        "X-Forwarded-For: 198.51.100.7",
        "198.51.100.7",
        true,
        "via=X-Forwarded-For; forwarded-for=\"198.51.100.7\"; trust=ok",
    ),
    (
        REMOTEIP,
        "X-Forwarded-For: 192.0.2.66, 198.51.100.7",
        "198.51.100.7",
        true,
        "forwarded-for=\"192.0.2.66, 198.51.100.7\"; trust=ok",
    ),
    (
        REMOTEIP,
        "X-Forwarded-For: 2001:db8::66",
        "2001:db8::66",
        true,
        "trust=ok",
    ),
    (
        REMOTEIP,
        "X-Forwarded-For: 198.51.100.7, garbage",
        "127.0.0.1",
        false,
        "trust=malformed",
    ),
    (
        REMOTEIP,
        "X-Forwarded-For: unknown",
        "127.0.0.1",
        false,
        "trust=malformed",
    ),
    (
        OWN,
        "X-Forwarded-For: 198.51.100.7",
        "198.51.100.7",
        true,
        "via=X-Forwarded-For; forwarded-for=\"198.51.100.7\"; trust=ok",
    ),
    (
        OWN,
        "X-Forwarded-For: 192.0.2.66, 198.51.100.7",
        "198.51.100.7",
        true,
        "trust=ok",
    ),
    (
        OWN,
        "X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-For: 198.51.100.7",
        "198.51.100.7",
        true,
        "trust=ok",
    ),
    (
        OWN,
        "X-Forwarded-For: 2001:db8::66",
        "2001:db8::66",
        true,
        "trust=ok",
    ),
    (
        OWN,
        "X-Forwarded-For: 198.51.100.7, garbage",
        "127.0.0.1",
        false,
        "trust=malformed",
    ),
    (
        OWN,
        "X-Forwarded-For: unknown",
        "127.0.0.1",
        false,
        "trust=malformed",
    ),
    (
        OWN,
        "X-Forwarded-For: 127.0.0.1",
        "127.0.0.1",
        false,
        "trust=ok",
    ),
    (OWN, "", "127.0.0.1", false, "trust=ok"),
    (
        FORWARDED,
        "Forwarded: for=192.0.2.66, for=\"[2001:db8::66]:4711\", for=203.0.113.9",
        "2001:db8::66",
        true,
        "via=Forwarded",
    ),
    (
        FORWARDED,
        "Forwarded: for=_hidden",
        "127.0.0.1",
        false,
        "trust=malformed",
    ),
];

fn start(conf: &str) -> Option<Server> {
    let setup = Setup::new()?;
    Some(
        setup
            .modules(&["remoteip"])
            .conf(conf)
            .conf(ENGINE)
            .file("index.html", "fine")
            .start(),
    )
}

fn deny(server: &Server, header: &str) {
    let header = if header.is_empty() {
        String::new()
    } else {
        format!("{header}\r\n")
    };
    assert_eq!(
        server
            .request("GET", "/index.html?a=evilmarker", &header, b"")
            .status,
        403
    );
}

#[test]
fn error_line_part_a_and_part_h_agree() {
    for (conf, header, client, bannable, trust) in MATRIX {
        let row = format!("{conf:?} {header:?}");
        let Some(server) = start(conf) else { return };
        deny(&server, header);
        let line = server.logged("ModSecurity: Access denied").remove(0);
        let record = server.audit_records(1).remove(0);
        let part_a = record
            .lines()
            .nth(1)
            .and_then(|line| line.split(' ').nth(3))
            .unwrap_or_default();
        assert_eq!(part_a, *client, "{row}: part A\n{record}");
        let part_h = record
            .lines()
            .find(|line| line.starts_with("Client-Address: "))
            .unwrap_or_default();
        assert!(
            part_h.starts_with(&format!("Client-Address: {client}; peer=127.0.0.1:")),
            "{row}: {part_h}"
        );
        assert!(part_h.contains(trust), "{row}: {part_h}");
        if *bannable {
            let expected = format!(
                "] [client {client}] [client {client}] ModSecurity: Access denied with code 403"
            );
            assert!(line.contains(&expected), "{row}: {line}");
        } else {
            assert!(!line.contains("[client"), "{row}: {line}");
        }
        // mod_remoteip takes the header away; part B keeps it.
        for address in header
            .lines()
            .filter_map(|line| line.strip_prefix("X-Forwarded-For: "))
        {
            assert!(record.contains(address), "{row}: part B\n{record}");
        }
    }
}

/// Debian's own filter, as it is shipped.
const FILTER: &str = "/etc/fail2ban/filter.d/apache-modsecurity.conf";

/// What the whole matrix leaves in the error logs, and the clients that may be banned, in its order.
fn matrix() -> Option<(String, Vec<String>)> {
    let mut log = String::new();
    let mut expected = Vec::new();
    for (conf, header, client, bannable, _) in MATRIX {
        let server = start(conf)?;
        deny(&server, header);
        server.logged("ModSecurity: Access denied");
        log.push_str(&server.error_log());
        if *bannable {
            expected.push((*client).to_owned());
        }
    }
    Some((log, expected))
}

/// The pattern by which CrowdSec's `modsecurity` parser reads an error log, its named patterns written out.
const GROK: &str = r#"\[client (?P<source_ip>[0-9A-Fa-f]*:[0-9A-Fa-f:]+|[0-9.]+)(?::\d+)?\] (?:\[client [^\]]+\])? ModSecurity: (?:Warning|Access denied).*\[file "[^"]+"\] \[line "\d+"\] \[id "(?P<id>\d+)"\].*\[hostname "[^"]*"\] \[uri "[^"]*"\] \[unique_id "[^"]+"\]"#;

#[test]
fn crowdsecs_pattern_finds_the_client_and_nobody_else() {
    let Some((log, expected)) = matrix() else {
        return;
    };
    let pattern = regex::Regex::new(GROK).unwrap();
    let found: Vec<&str> = pattern
        .captures_iter(&log)
        .map(|line| line.name("source_ip").unwrap().as_str())
        .collect();
    assert_eq!(found, expected, "{log}");
}

#[test]
fn fail2bans_own_filter_finds_the_client_and_nobody_else() {
    let installed = Command::new("fail2ban-regex")
        .arg("--version")
        .output()
        .is_ok();
    if !installed || !std::path::Path::new(FILTER).is_file() {
        return missing("fail2ban");
    }
    let Some((log, expected)) = matrix() else {
        return;
    };
    let file = std::env::temp_dir().join(format!("palisade-fail2ban-{}.log", std::process::id()));
    fs::write(&file, log).unwrap();
    let output = Command::new("fail2ban-regex")
        .args(["-o", "ip"])
        .arg(&file)
        .arg(FILTER)
        .output()
        .unwrap();
    let _ = fs::remove_file(&file);
    let found: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(
        found,
        expected,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
