//! Configuration by place: what a section says holds for the requests in it.

use crate::harness::Setup;

#[test]
fn locations_merge_and_take_effect_from_phase_2() {
    let Some(setup) = Setup::new() else { return };
    let page = "fine";
    let server = setup
        .conf("SecRuleEngine On\nSecRequestBodyAccess On")
        .conf(r#"SecRule ARGS "@contains evilmarker" "id:1,phase:2,deny,status:403""#)
        .conf("<Location /off>\nSecRuleEngine Off\n</Location>")
        .conf("<Location /detect>\nSecRuleEngine DetectionOnly\n</Location>")
        .conf("<Location /allowed>\nSecRuleRemoveById 1\n</Location>")
        .conf("<Location /more>")
        .conf(r#"SecRule ARGS "@contains morebad" "id:2,phase:2,deny,status:402""#)
        .conf("</Location>\n<Location /more/inner>\nSecRuleRemoveById 2\n</Location>")
        .conf("<Location /small>\nSecRequestBodyLimit 10\n</Location>")
        .conf("<Location /large>\nSecRequestBodyNoFilesLimit 300000000\n</Location>")
        .file("index.html", page)
        .file("off/index.html", page)
        .file("detect/index.html", page)
        .file("allowed/index.html", page)
        .file("more/index.html", page)
        .file("more/inner/index.html", page)
        .file("small/index.html", page)
        .start();
    for (target, status) in [
        ("/index.html?a=evilmarker", 403),
        ("/index.html?a=morebad", 200),
        ("/off/index.html?a=evilmarker", 200),
        ("/detect/index.html?a=evilmarker", 200),
        ("/allowed/index.html?a=evilmarker", 200),
        ("/more/index.html?a=evilmarker", 403),
        ("/more/index.html?a=morebad", 402),
        ("/more/inner/index.html?a=evilmarker", 403),
        ("/more/inner/index.html?a=morebad", 200),
    ] {
        assert_eq!(server.get(target).status, status, "{target}");
        assert_eq!(server.get(target).status, status, "{target}, again");
    }
    assert_eq!(server.post("/index.html", b"a=0123456789").status, 200);
    assert_eq!(
        server.post("/small/index.html", b"a=0123456789").status,
        413
    );
}

#[test]
fn an_engine_that_is_on_in_one_place_runs_there_from_phase_2() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf(r#"SecRule ARGS "@contains one" "id:1,phase:1,deny,status:401""#)
        .conf(r#"SecRule ARGS "@contains two" "id:2,phase:2,deny,status:402""#)
        .conf(r#"SecRule REQUEST_FILENAME "@streq /on/a.html" "id:3,phase:2,deny,status:406""#)
        .conf("<Location /on>\nSecRuleEngine On\n</Location>")
        .file("index.html", "fine")
        .file("on/index.html", "fine")
        .file("on/a.html", "fine")
        .start();
    assert_eq!(server.get("/index.html?a=one").status, 200);
    assert_eq!(server.get("/index.html?a=two").status, 200);
    assert_eq!(
        server.get("/on/index.html?a=one").status,
        200,
        "phase 1 knows no places"
    );
    assert_eq!(server.get("/on/index.html?a=two").status, 402);
    assert_eq!(
        server.get("/on/a%2ehtml").status,
        406,
        "decoded, as wherever phase 2 runs"
    );
    assert_eq!(server.get("/on/a.html").status, 406);
}

#[test]
fn an_engine_that_is_off_does_nothing() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf(r#"SecRule ARGS "@contains evilmarker" "id:1,phase:1,deny""#)
        .conf("SecAuditLog audit.log")
        .file("index.html", "fine")
        .start();
    assert_eq!(server.get("/index.html?a=evilmarker").status, 200);
    server.audit_records(0);
}
