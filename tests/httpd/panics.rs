//! A panic in any hook: one line in the log, an error for its request, and life goes on.

use crate::harness::{Mpm, Server, Setup, httpd, panic_module};

const ENGINE: &str = r#"
SecRequestBodyAccess On
SecResponseBodyAccess On
SecRule ARGS "@contains evilmarker" "id:1,phase:2,deny,status:403"
"#;

fn start(mpm: Mpm, mode: &str) -> Option<Server> {
    let (httpd, module) = (httpd()?, panic_module()?);
    let server = Setup::with(httpd, module)
        .mpm(mpm)
        .conf(&format!("SecRuleEngine {mode}"))
        .conf(ENGINE)
        .file("index.html", "fine")
        .start();
    Some(server.may_panic())
}

/// Every place, and what a client gets whose request panics there: with the engine on, and with detection only.
const PLACES: [(&str, u16, u16); 10] = [
    ("snapshot", 500, 200),
    ("post_read_request", 500, 200),
    ("fixups", 500, 200),
    ("insert_filter", 500, 200),
    ("input_filter", 500, 500),
    ("output_filter", 500, 200),
    ("insert_error_filter", 200, 200),
    ("error_log", 200, 200),
    ("log_transaction", 200, 200),
    ("cleanup", 200, 200),
];

#[test]
fn every_hook_is_contained() {
    for mpm in Mpm::ALL {
        for (mode, pick) in [("On", 0), ("DetectionOnly", 1)] {
            let Some(server) = start(mpm, mode) else {
                return;
            };
            let children = server.children();
            for (place, on, detection) in PLACES {
                let expected = [on, detection][pick];
                for _ in 0..3 {
                    let header = format!("X-Palisade-Panic: {place}\r\nContent-Type: text/x\r\n");
                    let response = server.request("POST", "/index.html", &header, b"body");
                    assert_eq!(response.status, expected, "{place} {mode} {mpm:?}");
                    assert_eq!(
                        server.get("/index.html").text(),
                        "fine",
                        "after {place} {mode} {mpm:?}"
                    );
                }
            }
            assert_eq!(
                server.get("/index.html?a=evilmarker").status,
                if mode == "On" { 403 } else { 200 }
            );
            assert!(
                children
                    .iter()
                    .all(|child| server.children().contains(child)),
                "a child process died: {mode} {mpm:?}"
            );
        }
    }
}

#[test]
fn a_panic_is_one_line_without_a_backtrace() {
    let Some(server) = start(Mpm::Event, "On") else {
        return;
    };
    server.logged("Command line:");
    let before = server.error_log().lines().count();
    assert_eq!(
        server
            .request("GET", "/index.html", "X-Palisade-Panic: fixups\r\n", b"")
            .status,
        500
    );
    let line = server.logged("(panic) in fixups at ").remove(0);
    assert!(line.contains("[security2:crit]"), "{line}");
    assert!(line.contains("planted in fixups"), "{line}");
    assert_eq!(
        server.error_log().lines().count(),
        before + 1,
        "{}",
        server.error_log()
    );
}

#[test]
fn a_panic_while_an_error_is_sent_loses_nothing_but_the_inspection() {
    let Some(server) = start(Mpm::Event, "On") else {
        return;
    };
    for place in ["insert_error_filter", "error_log"] {
        let header = format!("X-Palisade-Panic: {place}\r\n");
        assert_eq!(
            server.request("GET", "/missing.html", &header, b"").status,
            404,
            "{place}"
        );
        assert_eq!(
            server
                .request("GET", "/index.html?a=evilmarker", &header, b"")
                .status,
            403,
            "{place}"
        );
        server.logged(&format!("planted in {place}"));
    }
}

#[test]
fn a_thousand_panics_over_four_threads_kill_nobody() {
    let Some(server) = start(Mpm::Event, "On") else {
        return;
    };
    let children = server.children();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for number in 0..250 {
                    let (place, on, _) = PLACES[(thread + number) % PLACES.len()];
                    let header = format!("X-Palisade-Panic: {place}\r\n");
                    let response = server.request("GET", "/index.html", &header, b"");
                    // Nothing reads a body that is not there.
                    let expected = if place == "input_filter" { 200 } else { on };
                    assert_eq!(response.status, expected, "{place}");
                    let target = "/index.html?a=evilmarker";
                    assert_eq!(server.get(target).status, 403, "after {place}");
                }
            });
        }
    });
    assert!(
        children
            .iter()
            .all(|child| server.children().contains(child)),
        "a child process died"
    );
}
