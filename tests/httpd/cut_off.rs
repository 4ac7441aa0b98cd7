//! Clients that are cut off: by rules, by a file; who never is; what is logged; what other machines know.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::{Backend, Mpm, Response, Server, Setup, eventually};
use crate::redis_server::{self, programs};

const SHIPPED: &str = concat!(
    "Include ",
    env!("CARGO_MANIFEST_DIR"),
    "/apache-conf/recommended.conf\nInclude ",
    env!("CARGO_MANIFEST_DIR"),
    "/apache-conf/rules/pingback.conf\nSecAuditLog audit.log\nSecClientAddress header\nSecTrustedProxy 127.0.0.1\n"
);

fn setup(before: &str) -> Option<Setup> {
    let setup = Setup::new()?.conf(before).conf(SHIPPED);
    Some(setup.file("index.html", "fine"))
}

/// A spammer's call in the name of a client; an empty name is the proxy itself.
fn spam(server: &Server, client: &str) -> Response {
    send(server, client, "http://www.example.test/")
}

fn send(server: &Server, client: &str, target: &str) -> Response {
    let body = format!(
        "<methodCall><methodName>pingback.ping</methodName><params><param><value>http://linker.example/x</value></param>\
         <param><value>{target}</value></param></params></methodCall>"
    );
    let headers = format!(
        "{}Content-Type: text/xml\r\nUser-Agent: X\r\n",
        forwarded(client)
    );
    server.request("POST", "/index.html", &headers, body.as_bytes())
}

fn forwarded(client: &str) -> String {
    match client {
        "" => String::new(),
        _ => format!("X-Forwarded-For: 192.0.2.66, {client}\r\n"),
    }
}

fn get(server: &Server, client: &str) -> u16 {
    server
        .request("GET", "/index.html", &forwarded(client), b"")
        .status
}

/// A time that many seconds from now.
fn in_seconds(seconds: u64) -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + seconds
}

#[test]
fn three_refusals_cut_a_client_off_before_its_body_is_read() {
    for mpm in Mpm::ALL {
        let Some(setup) = setup("SecDataDir {ROOT}/data") else {
            return;
        };
        let server = setup.mpm(mpm).start();
        for _ in 0..3 {
            assert_eq!(spam(&server, "198.51.100.7").status, 403);
        }
        // The answer comes although the body does not, and the connection ends: whichever process is asked.
        for _ in 0..8 {
            let mut client = server.client();
            client.send("POST /index.html HTTP/1.1\r\nHost: www.example.test\r\nContent-Length: 1000000\r\n");
            client.send(format!("{}\r\n", forwarded("198.51.100.7")));
            let answer = client.response();
            assert_eq!((answer.status, answer.closes()), (403, true), "{mpm:?}");
            assert_eq!(answer.text(), "Forbidden\n");
        }
        assert_eq!(get(&server, "198.51.100.7"), 403, "any request");
        assert_eq!(get(&server, "198.51.100.8"), 200, "anybody else");
        assert_eq!(get(&server, ""), 200, "the proxy");

        // Three refusals have a record each, of which the last one says what follows; who is cut off has one line.
        let records = server.audit_records(3);
        assert!(
            records[2].contains("[id \"8505520\"]")
                && records[2].contains("198.51.100.7 for 600 seconds, after 3 refusals")
        );
        assert!(!records[1].contains("8505520"));
        let lines = server.logged("Client is cut off for another");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("[client 198.51.100.7] [client 198.51.100.7] ModSecurity: Access denied with code 403 (phase 1)."));
        assert_eq!(server.logged("Access denied with code 403").len(), 4);
    }
}

#[test]
fn a_subscriber_is_one_client_and_a_proxy_is_none() {
    let Some(setup) = setup("SecDataDir {ROOT}/data") else {
        return;
    };
    let server = setup.start();
    for host in ["1", "2", "ffff"] {
        assert_eq!(spam(&server, &format!("2001:db8:1:2::{host}")).status, 403);
    }
    assert_eq!(get(&server, "2001:db8:1:2:3:4:5:6"), 403);
    assert_eq!(get(&server, "2001:db8:1:3::1"), 200);
    for unblamed in ["", "nonsense", "::1"] {
        for _ in 0..6 {
            assert_ne!(spam(&server, unblamed).text(), "Forbidden\n");
        }
        assert_eq!(get(&server, unblamed), 200, "{unblamed:?}");
    }
}

#[test]
fn the_time_grows_and_a_ban_can_be_lifted() {
    let Some(setup) = setup(
        "SecDataDir {ROOT}/data\nSecAction \"id:1,phase:1,pass,nolog,setvar:tx.pingback_ban_after=1\"",
    ) else {
        return;
    };
    let server = setup.start();
    let store =
        palisade::collections::FileStore::open_existing(&server.root().join("data")).unwrap();
    let id = palisade::collections::Id {
        name: "client".into(),
        key: b"198.51.100.7".to_vec(),
    };
    for (round, seconds) in [600, 3600, 21_600, 86_400, 86_400].into_iter().enumerate() {
        // As `palisade collections` would, but for what is known of earlier bans.
        use palisade::collections::{Live, Store, now};
        let told = format!("for {seconds} seconds, after {} refusals", round + 1);
        // A process that was idle remembers the ban that was lifted, and cuts off.
        assert!(eventually(|| {
            assert_eq!(spam(&server, "198.51.100.7").status, 403);
            server.error_log().contains(&told)
        }));
        assert_eq!(server.logged(&told).len(), 1);
        assert_eq!(get(&server, "198.51.100.7"), 403);
        let mut live = Live::open(&store, id.clone(), 3600, now());
        live.remove(b"banned");
        store.update(&[live.take_change(now()).unwrap()], now());
        // Processes remember for a few seconds.
        let lifted = || (0..12).all(|_| get(&server, "198.51.100.7") == 200);
        assert!(eventually(lifted));
    }
}

#[test]
fn detection_changes_no_answer() {
    for more in [
        "SecRuleEngine DetectionOnly",
        "SecBanEngine DetectionOnly",
        "SecBanEngine Off",
        "SecRuleEngine Off",
    ] {
        let bans = "198.51.100.7\n";
        let Some(setup) = setup("SecDataDir {ROOT}/data\nSecBanFile bans") else {
            return;
        };
        let setup = setup.conf(more);
        fs::write(setup.root().join("bans"), bans).unwrap();
        let server = setup.start();
        for _ in 0..3 {
            assert_eq!(get(&server, "198.51.100.7"), 200, "{more}");
        }
        let told = server
            .error_log()
            .matches("Warning. Client would be cut off.")
            .count();
        assert_eq!(
            told,
            usize::from(more.contains("DetectionOnly")),
            "{more}\n{}",
            server.error_log()
        );
    }
}

#[test]
fn a_file_bans_whom_it_names_as_long_as_it_does() {
    for mpm in Mpm::ALL {
        let Some(setup) = setup("SecBanFile {ROOT}/bans\nSecBanExempt 203.0.113.64/26") else {
            return;
        };
        let server = setup.mpm(mpm).start();
        let write = |text: String| {
            fs::write(server.root().join("bans.new"), text).unwrap();
            fs::rename(server.root().join("bans.new"), server.root().join("bans")).unwrap();
        };
        // There is no file yet.
        assert_eq!(get(&server, "198.51.100.7"), 200);
        write(format!(
            "# written by hand\n198.51.100.7 {} # an hour\n198.51.100.8 {}\n203.0.113.0/24\nnonsense\n127.0.0.1\n2001:db8::/32\n",
            in_seconds(3600),
            in_seconds(0) - 1,
        ));
        // Every process notices within a second.
        assert!(
            eventually(|| (0..12).all(|_| get(&server, "198.51.100.7") == 403)),
            "{mpm:?}"
        );
        for (client, status) in [
            ("198.51.100.8", 200),
            ("203.0.113.9", 403),
            ("203.0.113.65", 200),
            ("2001:db8:5::1", 403),
            ("2001:db9::1", 200),
            ("", 200),
        ] {
            // A process that was idle has not read the file yet.
            let cut_off = status == 403 && eventually(|| get(&server, client) == 403);
            assert!(
                cut_off || get(&server, client) == status,
                "{client:?}, {mpm:?}"
            );
        }
        assert_eq!(
            server
                .logged("bans:5: \"nonsense\" is no address or network")
                .len(),
            1
        );
        assert!(
            server.logged("Client is cut off. [msg")[0].contains("[data \"listed in SecBanFile\"]")
        );
        fs::remove_file(server.root().join("bans")).unwrap();
        assert!(
            eventually(|| (0..12).all(|_| get(&server, "198.51.100.7") == 200)),
            "{mpm:?}"
        );
    }
}

#[test]
fn the_answer_is_ours_and_nothing_of_the_site_runs() {
    let backend = Backend::start();
    let Some(setup) = setup(
        "SecBanFile {ROOT}/bans\nErrorDocument 403 /error\nCustomLog seen.log \"%>s %U\" env=!palisade-cut-off",
    ) else {
        return;
    };
    fs::write(setup.root().join("bans"), "198.51.100.7\n").unwrap();
    let server = setup
        .modules(&["proxy", "proxy_http"])
        .conf(&format!("ProxyPass / http://127.0.0.1:{}/", backend.port))
        .start();
    assert_eq!(get(&server, "198.51.100.7"), 403);
    let mut client = server.client();
    client.send_request("HEAD", "/index.html", &forwarded("198.51.100.7"), b"");
    let head = client.response_to("HEAD");
    assert_eq!((head.status, head.text().as_str()), (403, ""));
    assert!(backend.requests(0).is_empty());
    assert_eq!(get(&server, "198.51.100.9"), 200);
    assert!(
        eventually(|| server.read("seen.log") == "200 /index.html\n"),
        "{}",
        server.read("seen.log")
    );
    assert!(server.read("access.log").contains("403"));
}

#[test]
fn a_fleet_shares_its_bans() {
    for program in programs() {
        let redis = redis_server::Server::start(program);
        let start = || {
            let server = setup(&format!("SecCollectionStore {}", redis.url()))?.start();
            // Connected: what one counts is there.
            let id = palisade::collections::Id {
                name: "client".into(),
                key: b"192.0.2.99".to_vec(),
            };
            let store = redis.store(&[]);
            use palisade::collections::Store;
            assert!(eventually(|| {
                spam(&server, "192.0.2.99");
                store.load(&id, palisade::collections::now()).is_some()
            }));
            Some(server)
        };
        let (Some(one), Some(other)) = (start(), start()) else {
            return;
        };
        assert_eq!(get(&other, "198.51.100.7"), 200);
        for _ in 0..3 {
            assert_eq!(spam(&one, "198.51.100.7").status, 403);
        }
        assert_eq!(get(&one, "198.51.100.7"), 403, "at once");
        assert!(
            eventually(|| get(&other, "198.51.100.7") == 403),
            "in a few seconds"
        );
        assert_eq!(get(&other, "198.51.100.8"), 200);
    }
}

#[test]
fn nonsense_is_refused_at_configtest() {
    for (line, reason) in [
        (
            "SecBanEngine Maybe",
            "Invalid value for SecBanEngine: Maybe",
        ),
        ("SecBanFile /", "is a directory"),
        ("SecBanFile \"\"", "no file is named"),
        ("SecBanExempt nobody", "\"nobody\" is not an IP address"),
        ("SecBanExempt ::/0", "is everybody"),
        ("<Location />\nSecBanFile bans\n</Location>", "not allowed"),
    ] {
        let Some(setup) = Setup::new() else { return };
        let (good, said) = setup.conf(line).check();
        assert!(!good && said.contains(reason), "{line}: {said}");
    }
}

#[test]
fn floods_of_fetches_are_limited_and_our_own_pings_are_verified() {
    let Some(setup) = setup(
        "SecDataDir {ROOT}/data\nSecAction \"id:1,phase:1,pass,nolog,setvar:tx.pingback_fetch_limit=5\"",
    ) else {
        return;
    };
    let server = setup.start();
    let fetch = |client: usize, address: &str| {
        let agent = format!(
            "User-Agent: WordPress/5.1; http://w{client}.example; verifying pingback from {address}\r\n"
        );
        let headers = format!("{}{agent}", forwarded(&format!("198.51.100.{client}")));
        server.request("GET", "/index.html", &headers, b"").status
    };
    let answers: Vec<u16> = (1..=9).map(|client| fetch(client, "203.0.113.9")).collect();
    assert_eq!(answers, [200, 200, 200, 200, 200, 403, 403, 403, 403]);
    assert_eq!(
        fetch(10, "127.0.0.1"),
        200,
        "we have asked for it: this server's own address"
    );
    assert_eq!(get(&server, "198.51.100.9"), 200, "nobody is banned for it");
    assert_eq!(
        server.logged("Access denied").len(),
        1,
        "one line, whatever the flood"
    );
    server.audit_records(1);
}

#[test]
fn pings_of_one_client_are_limited() {
    let Some(setup) = setup(
        "SecDataDir {ROOT}/data\nSecAction \"id:1,phase:1,pass,nolog,setvar:tx.pingback_client_limit=4\"",
    ) else {
        return;
    };
    let server = setup.start();
    let ping = |client: &str| send(&server, client, "http://www.example.test/index.html").status;
    let answers: Vec<u16> = (0..6).map(|_| ping("198.51.100.7")).collect();
    assert_eq!(answers, [200, 200, 200, 200, 403, 403]);
    assert_eq!(ping("198.51.100.8"), 200);
    assert!(
        server.logged("too many pings from one client")[0]
            .contains("5 from 198.51.100.7 in ten minutes")
    );
}

#[test]
fn a_refusal_can_be_an_xml_rpc_fault() {
    for mpm in Mpm::ALL {
        let Some(setup) = setup("SecPingbackResponse fault") else {
            return;
        };
        let server = setup.mpm(mpm).start();
        let answer = spam(&server, "198.51.100.7");
        assert_eq!(
            (answer.status, answer.header("Content-Type")),
            (200, Some("text/xml"))
        );
        let text = answer.text();
        assert!(
            text.contains("<int>33</int>") && text.ends_with("</methodResponse>\n"),
            "{text}"
        );
        // Refused all the same: one record, one line, and the next request is served on the same connection.
        let mut client = server.client();
        let headers = format!("{}Content-Type: text/xml\r\n", forwarded("198.51.100.8"));
        client.send_request(
            "POST",
            "/index.html",
            &headers,
            b"<methodCall><methodName>pingback.ping",
        );
        assert!(client.response().text().contains("<int>-32700</int>"));
        client.send_request("GET", "/index.html", "", b"");
        assert_eq!(client.response().text(), "fine");
        let records = server.audit_records(2);
        assert!(
            records[0].contains("Access denied with code 403")
                && records[0].contains("[id \"8505220\"]")
        );
        assert_eq!(server.logged("Access denied").len(), 2);
        // What is none of its business keeps its status.
        let form = server.request("POST", "/index.html", "Content-Type: text/xml\r\n", b"<a>");
        assert_eq!(form.status, 400);
    }
}

#[test]
fn the_rules_can_stand_in_a_section() {
    for mpm in Mpm::ALL {
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .mpm(mpm)
            .conf("SecDataDir {ROOT}/data\nSecAuditLog audit.log\nSecClientAddress header\nSecTrustedProxy 127.0.0.1")
            .conf(&format!(
                "<Location /inside>\n{}</Location>",
                SHIPPED.lines().filter(|line| line.starts_with("Include")).map(|line| format!("{line}\n")).collect::<String>()
            ))
            .file("inside/index.html", "fine")
            .file("index.html", "fine")
            .start();
        let ping = |target: &str| {
            let body = "<methodCall><methodName>pingback.ping</methodName><params><param><value>http://linker.example/x</value>\
                        </param><param><value>http://www.example.test/</value></param></params></methodCall>";
            let headers = format!("{}Content-Type: text/xml\r\n", forwarded("198.51.100.7"));
            server.request("POST", target, &headers, body.as_bytes())
        };
        for _ in 0..3 {
            assert_ne!(ping("/inside/index.html").text(), "Forbidden\n");
        }
        for _ in 0..4 {
            assert_eq!(ping("/inside/index.html").text(), "Forbidden\n", "{mpm:?}");
        }
        server.audit_records(3);
        assert_eq!(get(&server, "198.51.100.7"), 200, "outside");
    }
}
