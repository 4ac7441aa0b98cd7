//! Graceful restarts under load: no request is lost, and nothing piles up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::harness::{Mpm, Setup, eventually};

#[test]
fn ten_graceful_restarts_lose_no_request() {
    for mpm in Mpm::ALL {
        let Some(setup) = Setup::new() else { return };
        let mut server = setup
            .mpm(mpm)
            .conf("SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On")
            .conf("SecAuditEngine RelevantOnly\nSecAuditLog audit.log")
            .conf(r#"SecRule ARGS "@contains evilmarker" "id:1,phase:2,deny,status:403""#)
            .conf("<Location /x>\nSecRuleRemoveById 1\n</Location>")
            .file("index.html", "fine")
            .start();
        let done = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicU32::new(0));
        let clients: Vec<_> = (0..4)
            .map(|number| {
                let (done, answered, port) = (Arc::clone(&done), Arc::clone(&answered), server.port());
                std::thread::spawn(move || {
                    while !done.load(Ordering::Relaxed) {
                        let mut client = crate::harness::Client::connect(port);
                        let (body, status): (&[u8], u16) =
                            if number % 2 == 0 { (b"a=good", 200) } else { (b"a=evilmarker", 403) };
                        let form = "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n";
                        client.send_request("POST", "/index.html", form, body);
                        assert_eq!(client.response().status, status, "{mpm:?}");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for restart in 1..=10 {
            let before = answered.load(Ordering::Relaxed);
            server.signal("USR1");
            let resumed = |server: &crate::harness::Server| {
                server
                    .error_log()
                    .matches("resuming normal operations")
                    .count()
                    > restart
            };
            assert!(eventually(|| resumed(&server)), "restart {restart} {mpm:?}");
            assert!(
                eventually(|| answered.load(Ordering::Relaxed) > before + 20),
                "restart {restart} {mpm:?}"
            );
        }
        done.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("every request was answered");
        }
        assert!(server.is_running());
        assert!(answered.load(Ordering::Relaxed) > 200);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_restart_may_change_the_name_the_module_is_loaded_under() {
    let Some(setup) = Setup::new() else { return };
    let file = setup.configuration_file();
    let server = setup
        .conf(r#"SecRuleEngine On"#)
        .conf(r#"SecRule ARGS "@contains evilmarker" "id:1,phase:1,deny,status:403""#)
        .file("index.html", "fine")
        .start();
    assert_eq!(server.get("/index.html?a=evilmarker").status, 403);
    let text = std::fs::read_to_string(&file).expect("the configuration");
    std::fs::write(
        &file,
        text.replace("LoadModule security2_module", "LoadModule palisade_module"),
    )
    .expect("the same");
    server.signal("USR1");
    assert!(eventually(|| {
        server.get("/index.html?a=evilmarker").status == 403
            && server.error_log().contains("[palisade:error]")
    }));
    assert_eq!(server.get("/index.html").status, 200);
}
