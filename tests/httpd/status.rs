//! The status page in a real httpd: who sees it, in which forms, and whether its figures are those of the requests sent.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::harness::{Client, Mpm, Response, Server, Setup, eventually};

const PAGE: &str = "<Location /palisade-status>\nSetHandler palisade-status\n</Location>";
const RULES: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecPingbackEngine On
SecRule ARGS "@contains attack" "id:1,phase:1,deny,status:406"
SecRule PINGBACK:verdict "@within spam abuse" "id:2,phase:2,deny,status:400"
SecRule REQUEST_HEADERS:X-No "@streq status" "id:3,phase:1,deny,status:403"
"#;
const PING: &str = "Content-Type: text/xml\r\nUser-Agent: x\r\n";

pub fn setup(mpm: Mpm) -> Option<Setup> {
    let setup = Setup::new()?.mpm(mpm);
    Some(setup.conf(RULES).conf(PAGE).file("index.html", "fine"))
}

fn ping(params: &str) -> String {
    format!(
        "<methodCall><methodName>pingback.ping</methodName><params>{params}</params></methodCall>"
    )
}

/// The numbers of `?auto`.
fn numbers(server: &Server) -> BTreeMap<String, f64> {
    let answer = server.get("/palisade-status?auto");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    let lines = text
        .lines()
        .map(|line| line.split_once(": ").expect("a name and a number"));
    lines
        .map(|(name, number)| (name.to_owned(), number.parse().expect("a number")))
        .collect()
}

fn number(numbers: &BTreeMap<String, f64>, name: &str) -> u64 {
    *numbers
        .get(name)
        .unwrap_or_else(|| panic!("{name} is not in {numbers:?}")) as u64
}

/// Three requests that pass, two attacks, two pings that are refused and one that is not: eight. All of them have been counted
/// when this returns how many requests there were, those included that have asked for it.
pub fn eight_requests(server: &Server) -> u64 {
    for _ in 0..3 {
        assert_eq!(
            server.get("/index.html?<script>alert(1)</script>").status,
            200
        );
    }
    for _ in 0..2 {
        assert_eq!(server.get("/<b>?x=attack").status, 406);
    }
    for _ in 0..2 {
        let answer = server.request("POST", "/index.html", PING, ping("").as_bytes());
        assert_eq!(answer.status, 400);
    }
    let param = |url: &str| format!("<param><value><string>{url}</string></value></param>");
    let sound = param("http://linker.example/p/") + &param("http://www.example.test/a/");
    server.request("POST", "/index.html", PING, ping(&sound).as_bytes());
    let reads = Cell::new(0);
    settle(&|| {
        reads.set(reads.get() + 1);
        numbers(server)
    });
    8 + reads.get()
}

#[test]
fn every_form_has_the_figures_of_the_requests_sent() {
    let Some(setup) = setup(Mpm::Event) else {
        return;
    };
    let server = setup.start();
    let before = eight_requests(&server);
    let expected = [
        ("transactions", before + 1),
        ("interruptions", 4),
        ("pingbacks", 3),
        ("pingbacks-refused", 2),
    ];
    let page = server.get("/palisade-status");
    for (id, number) in expected {
        let figure = format!("id={id} data-value={number}>");
        assert!(page.text().contains(&figure), "{figure} in {}", page.text());
    }
    assert!(
        page.text()
            .contains("<tr data-rule=\"1\"><td>1</td><td data-value=2>")
    );
    assert!(
        page.text()
            .contains("<li data-reason=\"arity\" data-value=2>")
    );
    assert!(
        page.text()
            .contains("<tr data-clients-refused=\"127.0.0.1\"><td>127.0.0.1</td><td data-value=4>")
    );
    assert!(!page.text().contains("<script") && !page.text().contains("<b>attack"));

    let numbers = numbers(&server);
    assert_eq!(number(&numbers, "PalisadeTransactions"), before + 2);
    assert_eq!(number(&numbers, "PalisadeInterruptions 1"), 2);
    assert_eq!(number(&numbers, "PalisadeInterruptionsByStatus 1 406"), 2);
    assert_eq!(number(&numbers, "PalisadePingbacks spam arity"), 2);
    assert_eq!(number(&numbers, "PalisadePingbacks genuine none"), 1);

    let prometheus = server.get("/palisade-status?format=prometheus");
    let media_type = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(prometheus.header("Content-Type"), Some(media_type));
    assert!(
        prometheus
            .text()
            .contains(&format!("\npalisade_transactions_total {}\n", before + 3))
    );
    let sample = "\npalisade_pingbacks_total{verdict=\"spam\",reason=\"arity\"} 2\n";
    assert!(prometheus.text().contains(sample));

    let json = server.get("/palisade-status?format=json");
    assert_eq!(json.header("Content-Type"), Some("application/json"));
    let json: serde_json::Value = serde_json::from_slice(&json.body).expect("JSON");
    assert_eq!(json["transactions_total"], before + 4);
    assert_eq!(json["interruptions_total"][1]["value"], 2);
}

#[test]
fn it_answers_as_a_resource_should() {
    let Some(setup) = setup(Mpm::Prefork) else {
        return;
    };
    let server = setup.start();
    let page = server.get("/palisade-status");
    assert_eq!(
        page.header("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("Content-Security-Policy").expect("a policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    for form in ["", "?auto", "?format=json", "?format=prometheus"] {
        let answer = server.get(&format!("/palisade-status{form}"));
        assert_eq!(answer.header("Cache-Control"), Some("no-store"), "{form}");
        assert_eq!(
            answer.header("X-Content-Type-Options"),
            Some("nosniff"),
            "{form}"
        );
    }
    let mut client = server.client();
    client.send_request("HEAD", "/palisade-status", "", b"");
    let head = client.response_to("HEAD");
    assert_eq!((head.status, head.body.len()), (200, 0));
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let answer = server.request(method, "/palisade-status", "", b"x=1");
        assert_eq!(answer.status, 405, "{method}");
        let allowed = answer.header("Allow").expect("what is allowed");
        assert!(
            allowed.contains("GET") && !allowed.contains("POST"),
            "{allowed}"
        );
    }
    let options = server.request("OPTIONS", "/palisade-status", "", b"");
    assert_eq!(options.status, 200);
    let allowed = options.header("Allow").expect("what is allowed");
    assert!(allowed.contains("GET") && !allowed.contains("POST"));
    assert_eq!(server.get("/palisade-status?format=xml").status, 400);
    assert_eq!(
        server
            .request("GET", "/palisade-status", "X-No: status\r\n", b"")
            .status,
        403
    );
}

#[test]
fn only_this_machine_sees_it_unless_others_are_named() {
    let Some(open) = setup(Mpm::Event) else {
        return;
    };
    let server = open.start();
    let ask = |server: &Server, headers: &str| -> Response {
        server.request("GET", "/palisade-status", headers, b"")
    };
    assert_eq!(ask(&server, "").status, 200);
    // A proxy on this very machine does not open it to the world.
    for header in [
        "X-Forwarded-For: 198.51.100.7",
        "X-Forwarded-For: 127.0.0.1",
        "Forwarded: for=127.0.0.1",
        "Via: 1.1 p",
        "X-Real-IP: 198.51.100.7",
    ] {
        let answer = ask(&server, &format!("{header}\r\n"));
        assert_eq!(answer.status, 403, "{header}");
        assert!(!answer.text().contains("Transactions"));
    }
    drop(server);

    let Some(named) = setup(Mpm::Event) else {
        return;
    };
    let server = named
        .conf("SecClientAddress header\nSecTrustedProxy 127.0.0.1")
        .conf("<Location /palisade-status>\nSecStatusAccess 198.51.100.0/24 2001:db8::/32\n</Location>")
        .conf("<Location /all>\nSetHandler palisade-status\nSecStatusAccess all\n</Location>")
        .start();
    for (client, status) in [
        ("198.51.100.7", 200),
        ("2001:db8::1", 200),
        ("203.0.113.7", 403),
        ("198.51.100.7, 203.0.113.7", 403),
        ("127.0.0.1", 403),
        ("198.51.100.7, rubbish", 403),
    ] {
        let answer = ask(&server, &format!("X-Forwarded-For: {client}\r\n"));
        assert_eq!(answer.status, status, "{client}");
    }
    assert_eq!(ask(&server, "").status, 200, "this machine, always");
    let all = server.request("GET", "/all", "X-Forwarded-For: 203.0.113.7\r\n", b"");
    assert_eq!(all.status, 200);
    drop(server);

    // Where the engine is off, it answers all the same; with mod_remoteip, which takes the header away.
    let Some(off) = Setup::new() else { return };
    let server = off
        .modules(&["remoteip"])
        .conf("RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1")
        .conf(PAGE)
        .start();
    assert_eq!(ask(&server, "").status, 200);
    assert_eq!(
        ask(&server, "X-Forwarded-For: 198.51.100.7\r\n").status,
        403
    );
    assert_eq!(ask(&server, "X-Forwarded-For: 127.0.0.1\r\n").status, 403);
}

#[test]
fn a_wrong_network_is_a_mistake_with_a_sentence() {
    let Some(setup) = Setup::new() else { return };
    let (good, text) = setup.conf("SecStatusAccess 192.0.2").check();
    assert!(
        !good && text.contains("\"192.0.2\" is not an IP address or a network"),
        "{text}"
    );
}

#[test]
fn mod_status_has_a_section() {
    let Some(setup) = setup(Mpm::Event) else {
        return;
    };
    let server = setup
        .modules(&["status"])
        .conf("<Location /server-status>\nSetHandler server-status\n</Location>")
        .start();
    eight_requests(&server);
    let page = server.get("/server-status").text();
    assert!(page.contains("<h2>Palisade</h2>"), "{page}");
    assert!(
        page.contains("<dt id=\"palisade-interruptions\">Refused: 4</dt>"),
        "{page}"
    );
    let auto = server.get("/server-status?auto").text();
    assert!(
        auto.lines()
            .any(|line| line == "PalisadeInterruptions 1: 2"),
        "{auto}"
    );
    assert!(auto.contains("ServerUptimeSeconds"), "{auto}");
}

/// Sends a number of requests on one connection, a new one whenever the server has closed it between two of them; every tenth
/// is refused.
fn send(port: u16, count: u32) {
    let mut client = Client::connect(port);
    for number in 0..count {
        let (target, status) = match number % 10 {
            0 => ("/index.html?x=attack", 406),
            _ => ("/index.html", 200),
        };
        loop {
            client.send_request("GET", target, "", b"");
            let answer = client.response();
            if answer.status != 0 {
                assert_eq!(answer.status, status);
                if answer.closes() {
                    client = Client::connect(port);
                }
                break;
            }
            client = Client::connect(port);
        }
    }
}

/// 10,000 requests over eight processes; in the middle a graceful restart, then a child is killed.
#[test]
fn figures_are_exact_over_processes_restarts_and_deaths() {
    const CLIENTS: u32 = 16;
    const ROUND: u32 = 3_360 / CLIENTS;
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = setup(mpm) else { return };
        let spread = match mpm {
            Mpm::Prefork => "StartServers 20\nMinSpareServers 8",
            _ => {
                "ServerLimit 8\nStartServers 8\nThreadsPerChild 4\nMaxRequestWorkers 32\nMinSpareThreads 32\nMaxSpareThreads 32"
            }
        };
        let server = setup
            .conf(&format!(
                "KeepAlive On\nMaxKeepAliveRequests 0\nKeepAliveTimeout 20\n{spread}"
            ))
            .start()
            .may_die();
        assert!(eventually(|| server.children().len() >= 8), "{mpm:?}");
        let round = || {
            std::thread::scope(|scope| {
                for _ in 0..CLIENTS {
                    scope.spawn(|| send(server.port(), ROUND));
                }
            });
        };
        round();
        server.signal("USR1");
        round();
        assert!(
            eventually(|| server
                .error_log()
                .matches("resuming normal operations")
                .count()
                >= 2),
            "{mpm:?}"
        );
        let reads = Cell::new(0);
        let read = || {
            reads.set(reads.get() + 1);
            numbers(&server)
        };
        settle(&read);
        let child = server.children()[0].to_string();
        let killed = Command::new("kill").args(["-KILL", &child]).status();
        assert!(killed.expect("kill").success());
        round();
        settle(&read);
        let now = read();
        let all = u64::from(3 * CLIENTS * ROUND) + reads.get();
        let refused = u64::from(3 * CLIENTS * ROUND.div_ceil(10));
        assert_eq!(number(&now, "PalisadeTransactions"), all, "{mpm:?}");
        assert_eq!(number(&now, "PalisadeInterruptions 1"), refused, "{mpm:?}");
        assert_eq!(
            number(&now, "PalisadeRuleInterruptions 1"),
            refused,
            "{mpm:?}"
        );
    }
}

/// Waits until what comes after an answer is over for all of them, but for the one that is asked with.
fn settle(read: &dyn Fn() -> BTreeMap<String, f64>) {
    let settled = || {
        let numbers = read();
        let ended = number(&numbers, "PalisadeTransactionDurationSecondsCount");
        ended + 1 == number(&numbers, "PalisadeTransactions")
    };
    assert!(eventually(settled), "{:?}", read());
}

#[test]
fn munin_s_plugin_reads_it() {
    let Some(setup) = setup(Mpm::Event) else {
        return;
    };
    let server = setup.start();
    eight_requests(&server);
    let plugin = Path::new(env!("CARGO_MANIFEST_DIR")).join("apache-conf/munin/palisade_");
    let run = |graph: &str, argument: &str, url: &str| {
        let link = server.root().join(format!("palisade_{graph}"));
        let _ = std::os::unix::fs::symlink(&plugin, &link);
        let mut command = Command::new(&link);
        command.args((!argument.is_empty()).then_some(argument));
        let output = command
            .env("url", url)
            .env("host", "www.example.test")
            .output();
        let output = output.expect("the plugin");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let url = format!("http://127.0.0.1:{}/palisade-status?auto", server.port());
    let nowhere = format!("http://127.0.0.1:{}/nowhere?auto", server.port());
    assert_eq!(run("", "autoconf", &url), (true, "yes\n".to_owned()));
    let (ok, no) = run("", "autoconf", &nowhere);
    assert!(ok && no.starts_with("no (") && no.ends_with(")\n"), "{no}");
    assert!(!run("pingbacks", "", &nowhere).0);
    let (ok, graphs) = run("", "suggest", &url);
    assert!(ok && graphs.lines().count() == 8, "{graphs}");
    for graph in graphs.lines() {
        let (ok, config) = run(graph, "config", &url);
        assert!(
            ok && config.starts_with("graph_title Palisade: "),
            "{config}"
        );
        let (ok, values) = run(graph, "", &url);
        assert!(ok, "{graph}");
        for line in values.lines() {
            let (field, value) = line.split_once(".value ").expect("a value");
            assert!(value.parse::<u64>().is_ok(), "{line}");
            assert!(
                config.contains(&format!("{field}.label ")),
                "{field} in {config}"
            );
            let kind = if graph == "collections" {
                "GAUGE"
            } else {
                "DERIVE"
            };
            assert!(
                config.contains(&format!("{field}.type {kind}\n{field}.min 0\n")),
                "{config}"
            );
        }
        assert_eq!(
            config.matches(".label ").count(),
            values.lines().count(),
            "{graph}"
        );
    }
    assert!(run("pingbacks", "", &url).1.contains("spam.value 2\n"));
    assert!(run("requests", "", &url).1.contains("refused1.value 2\n"));
    assert!(!run("nonsense", "", &url).0);
}
