//! One transaction that has everything a record can hold.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use palisade::audit::*;
use palisade::client::{ClientAddress, Trust};
use palisade::facts::Header;
use palisade::types::{EngineMode, Origin, Phase};

/// A log in a file.
pub fn target(path: &Path) -> Target {
    Target::new(Place::File(path.to_owned()), 0o640, Origin::default())
}

pub const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10));

pub static ZONE: LazyLock<Zone> = LazyLock::new(|| Zone::fixed(3600).unwrap());

pub static CLIENT: LazyLock<ClientAddress> = LazyLock::new(|| ClientAddress {
    client: Ipv4Addr::new(198, 51, 100, 7).into(),
    peer: Ipv4Addr::LOCALHOST.into(),
    peer_port: 47338,
    via: Some("X-Forwarded-For".to_owned()),
    forwarded_for: Some(b"192.0.2.66, 198.51.100.7".to_vec()),
    trust: Trust::Ok,
    attributable: true,
});

const fn header(name: &'static str, value: &'static str) -> Header {
    Header {
        name: Bytes::from_static(name.as_bytes()),
        value: Bytes::from_static(value.as_bytes()),
    }
}

static REQUEST_HEADERS: [Header; 7] = [
    header("Host", "blog.example.org"),
    header("User-Agent", "curl/7.88.1 \"quoted\" caf\u{e9} \\x41"),
    header("Accept", "*/*"),
    header("accept", "text/html"),
    header("Authorization", "Basic c2VjcmV0"),
    header("X-Forwarded-For", "192.0.2.66, 198.51.100.7"),
    header(
        "Content-Type",
        "multipart/form-data; boundary=----------------------------4ebf00fbcf09",
    ),
];

static RESPONSE_HEADERS: [Header; 3] = [
    header("Content-Type", "text/html; charset=iso-8859-1"),
    header("Set-Cookie", "session=s3cr3t-token"),
    header("Set-Cookie", "theme=dark"),
];

pub fn time() -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(1_795_347_480_123_456)
}

pub fn bare() -> Record<'static> {
    Record::new(
        time(),
        &ZONE,
        b"ZbC9xX8AAQEAAAZJ@dsAAAAA",
        &CLIENT,
        (LOCAL, 443),
    )
}

const RULES: [&[MatchedRule<'static>]; 2] = [
    &[
        MatchedRule {
            unparsed: b"SecRule \"ARGS\" \"@rx select.*from\" \"phase:2,deny,log,auditlog,id:100,chain,msg:'SQL %{TX.0}'\"",
            is_matched: true,
            id: Some(b"100"),
            revision: Some(b"2"),
            version: Some(b"Example/1.0"),
            severity: Some(2),
            accuracy: Some(8),
            maturity: Some(9),
            phase: Some(Phase::RequestBody),
            is_chained: true,
            chain_starter: true,
            tags: &[b"attack-sqli", b"language/multi"],
            message: Some(b"SQL select x from"),
            data: Some(b"hunter2secret in ARGS:pw"),
            operator: Some(b"rx"),
            operator_argument: b"select.*from",
            target: b"ARGS",
            negated: false,
            file: b"/etc/modsecurity/rules.conf",
            line: 12,
        },
        MatchedRule {
            unparsed: b"SecRule \"REQUEST_METHOD\" \"!@streq GET\"",
            is_chained: true,
            phase: Some(Phase::RequestBody),
            operator: Some(b"streq"),
            operator_argument: b"GET",
            target: b"REQUEST_METHOD",
            negated: true,
            file: b"/etc/modsecurity/rules.conf",
            line: 13,
            // The rest as in a rule that has nothing to tell.
            is_matched: false,
            id: None,
            revision: None,
            version: None,
            severity: None,
            accuracy: None,
            maturity: None,
            chain_starter: false,
            tags: &[],
            message: None,
            data: None,
        },
    ],
    &[MatchedRule {
        unparsed: b"SecAction \"phase:1,id:900,nolog,pass,setvar:tx.x=1\"",
        is_matched: true,
        id: Some(b"900"),
        phase: Some(Phase::RequestHeaders),
        line: 3,
        revision: None,
        version: None,
        severity: None,
        accuracy: None,
        maturity: None,
        is_chained: false,
        chain_starter: false,
        tags: &[],
        message: None,
        data: None,
        operator: None,
        operator_argument: b"",
        target: b"",
        negated: false,
        file: b"",
    }],
];

pub fn full() -> Record<'static> {
    Record {
        client_address: b"198.51.100.7; peer=127.0.0.1:47338; via=X-Forwarded-For; forwarded-for=\"192.0.2.66, 198.51.100.7\"; trust=ok",
        hostname: b"blog.example.org",
        remote_user: Some(b"jane"),
        request: RequestSide {
            line: b"POST /wp-login.php?pw=hunter2secret&x=1 HTTP/1.1",
            headers: &REQUEST_HEADERS,
            body: Some(Body::Memory(
                b"------------------------------4ebf00fbcf09\r\nContent-Disposition: form-data; name=\"pw\"\r\n\r\nhunter2secret\r\n------------------------------4ebf00fbcf09--\r\n",
            )),
            compact_body: Some(b"pw=hunter2secret&x=1"),
        },
        response: ResponseSide {
            protocol: b"HTTP/1.1",
            status: 403,
            status_line: b"403 Forbidden",
            headers: &RESPONSE_HEADERS,
            body: Some(b"<html>\n<p>Forbidden\n</html>\n"),
            dechunked: true,
            bytes_sent: 318,
        },
        messages: &[
            b"Access denied with code 403 (phase 2). Pattern match \"select.*from\" at ARGS:pw. [file \"/etc/modsecurity/rules.conf\"] [line \"12\"] [id \"100\"] [data \"hunter2secret in ARGS:pw\"]",
            b"Warning. Operator EQ matched 0 at REQBODY_ERROR. [id \"200\"]",
        ],
        server_errors: &[
            b"[file \"core.c\"] [line 4850] [level 3] AH00037: Symbolic link not allowed: hunter2secret",
        ],
        interruption: Some(Intercepted {
            phase: Phase::RequestBody,
            message: b"Pattern match \"select.*from\" at ARGS:pw. [data \"hunter2secret\"]",
        }),
        handler: Some(b"application/x-httpd-php"),
        stopwatch: Stopwatch {
            request_time: 1_795_347_480_123_456,
            duration: 2345,
            combined: 678,
            phases: [101, 202, 33, 44, 5],
            storage_read: 6,
            storage_write: 7,
            logging: 8,
            garbage_collection: 9,
        },
        producer: b"Palisade/1.0 (ModSecurity 2.9 compatible)",
        components: &[b"OWASP_CRS/4.28.0", b"local/2"],
        server: b"Apache/2.4.71 (Debian)",
        sanitised: Sanitised {
            arguments: &[b"pw", b"pass\"word"],
            request_headers: &[b"Authorization"],
            response_headers: &[b"Set-Cookie"],
        },
        web_app: WebApp {
            id: b"blog",
            session: b"",
            user: b"jane",
        },
        sensor_id: b"edge-1",
        engine_mode: EngineMode::DetectionOnly,
        slow_rules: &[(b"100", 1500), (b"942100", 900)],
        uploads: Some(Uploads {
            files: &[
                Upload {
                    part: 3,
                    size: 1024,
                    name: b"cv \"final\".pdf",
                    content_type: Some(b"application/pdf"),
                },
                Upload {
                    part: 4,
                    size: 0,
                    name: b"x",
                    content_type: None,
                },
            ],
            total: 1024,
        }),
        matched_rules: &[
            MatchedChain {
                rules: RULES[0],
                full_match: false,
            },
            MatchedChain {
                rules: RULES[1],
                full_match: true,
            },
        ],
        masks: Masks {
            request_line: LINE_MASK,
            request_body: BODY_MASK,
            compact_body: COMPACT_MASK,
            secrets: &[b"hunter2secret"],
            credentials: false,
        },
        ..bare()
    }
}

// The two ranges of each: a value, and a part of it once more.
const LINE_MASK: &[std::ops::Range<usize>] = &[22..35, 24..30];
const BODY_MASK: &[std::ops::Range<usize>] = &[89..102, 89..90];
const COMPACT_MASK: &[std::ops::Range<usize>] = &[3..16, 3..4];

/// A new empty directory that goes with its owner.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!(
            "palisade-audit-{name}-{}-{count}",
            std::process::id()
        ));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
