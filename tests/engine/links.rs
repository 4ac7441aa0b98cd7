//! Signed links: pages and redirections that are signed, requests that are checked.

use palisade::facts::{Header, Response};
use palisade::types::Phase;

use crate::support::{TestHost, config, request};

const ON: &str = "SecRuleEngine On\nSecHashEngine On\nSecHashKey mykey KeyOnly\nSecHashParam hp\n\
    SecHashMethodRx HashHref ^/a\nSecHashMethodPm HashFormAction \"/x /b\"\nSecHashMethodRx HashLocation .\n\
    SecResponseBodyAccess On\nSecStreamOutBodyInspection On\nSecContentInjection On\n";

/// Of `/a?x=1` and `/b` with this key, by mod_security2 2.9.7.
const A: &str = "b2ad9ca9697343f4fbbfd1404db076cf7d1267aa";
const B: &str = "bdbe1556335e9a7cb7c435d7561f19158011a049";

#[test]
fn requests_are_checked() {
    let rule = "SecRule REQUEST_URI \"@validateHash ^/[ab]\" \"id:1,phase:1,deny,status:406\"\n";
    let negated =
        "SecRule REQUEST_URI \"!@validateHash ^/[ab]\" \"id:1,phase:1,deny,status:406\"\n";
    let macros = "SecAction \"id:2,phase:1,pass,nolog,setvar:tx.re=^/b\"\nSecRule REQUEST_URI \"@validateHash %{tx.re}\" \"id:1,phase:1,deny,status:406\"\n";
    let good = format!("/a?x=1&hp={A}");
    let upper = format!("/a?x=1&hp={}", A.to_uppercase());
    let more = format!("/a?x=1&hp={A}&y=2");
    let moved = format!("/a?hp={A}&x=1");
    let other = format!("/a?x=2&hp={A}");
    let cases = [
        (rule, "", good.as_str(), 200),
        (rule, "", &format!("/b?hp={B}"), 200),
        (rule, "", "/c", 200),
        (rule, "", "/a?x=1", 406),
        (rule, "", "/a?x=1&hp=", 406),
        (rule, "", &other, 406),
        (rule, "", &upper, 406),
        (rule, "", &more, 406),
        (rule, "", &moved, 406),
        (rule, "SecHashParam crypt\n", &good, 406),
        (rule, "SecHashKey other KeyOnly\n", &good, 406),
        (rule, "SecHashEngine Off\n", "/a", 200),
        (rule, "SecRuleEngine DetectionOnly\n", "/a", 200),
        (
            rule,
            "SecAction id:9,phase:1,pass,nolog,ctl:hashEngine=Off\n",
            "/a",
            200,
        ),
        (
            rule,
            "SecAction id:9,phase:1,pass,nolog,ctl:HashEnforcement=Off\n",
            "/a",
            200,
        ),
        (
            rule,
            "SecHashEngine Off\nSecAction id:9,phase:1,pass,nolog,ctl:HashEngine=On\n",
            "/a",
            406,
        ),
        (negated, "", &good, 406),
        (negated, "", "/a", 200),
        (macros, "", "/b", 406),
        (macros, "", "/a", 200),
    ];
    for (rule, directives, uri, status) in cases {
        let answer = request(&format!("GET {uri} HTTP/1.1"))
            .run(&config(&format!("{ON}{directives}{rule}")));
        assert_eq!(answer.status, status, "{directives}{rule}{uri}");
    }
    let log = |uri: &str| {
        request(&format!("GET {uri} HTTP/1.1"))
            .run(&config(&format!("{ON}{rule}")))
            .log
            .remove(0)
    };
    let missing = "Access denied with code 406 (phase 1). Request URI matched \"^/[ab]\" at REQUEST_URI. No Hash parameter [file";
    assert!(log("/a").contains(missing), "{}", log("/a"));
    let wrong = format!(
        "at REQUEST_URI. Hash parameter hash value = [x\\\"] Requested URI hash value = [{A}] [file"
    );
    assert!(
        log("/a?x=1&hp=x\"").contains(&wrong),
        "{}",
        log("/a?x=1&hp=x\"")
    );
}

/// What becomes of a response: its body, and its `Location`.
fn answered(
    directives: &str,
    head: &str,
    response: Response,
    body: &str,
) -> (Option<String>, Option<String>) {
    let mut tx = request(head).transaction(&config(&format!("{ON}{directives}")));
    let mut host = TestHost::default();
    tx.run(Phase::RequestHeaders, &mut host);
    tx.run(Phase::RequestBody, &mut host);
    tx.response_headers(response);
    tx.run(Phase::ResponseHeaders, &mut host);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let location = tx.signed_location().map(|location| text(&location));
    if tx.wants_response_body() {
        tx.append_response_body(body.as_bytes());
    }
    tx.run(Phase::ResponseBody, &mut host);
    (tx.changed_response_body().map(|body| text(&body)), location)
}

fn html(status: u16) -> Response {
    Response {
        status,
        content_type: Some("text/HTML; charset=utf-8".into()),
        ..Response::default()
    }
}

#[test]
fn pages_are_signed() {
    const PAGE: &str = "<a href=\"a?x=1\">A</a><a href=/b>B</a><form action=/b>";
    let signed =
        format!("<a href=\"a?x=1&amp;hp={A}\">A</a><a href=/b>B</a><form action=/b?hp={B}>");
    let plain = Response {
        content_type: Some("text/plain".into()),
        ..html(200)
    };
    let encoded = Response {
        content_encoding: Some("gzip".into()),
        ..html(200)
    };
    for (directives, response, is_signed) in [
        ("", html(200), true),
        ("", html(404), true),
        (
            "SecRule STREAM_OUTPUT_BODY \"@contains hp=\" id:1,phase:4,pass,ctl:debugLogLevel=0\n",
            html(200),
            true,
        ),
        ("", plain, false),
        ("", encoded, false),
        ("", html(206), false),
        ("SecHashEngine Off\n", html(200), false),
        (
            "SecHashEngine Off\nSecAction id:9,phase:3,pass,nolog,ctl:HashEngine=On\n",
            html(200),
            true,
        ),
        ("SecContentInjection Off\n", html(200), false),
        ("SecStreamOutBodyInspection Off\n", html(200), false),
        ("SecResponseBodyAccess Off\n", html(200), false),
        ("SecRuleEngine DetectionOnly\n", html(200), false),
    ] {
        let (body, _) = answered(directives, "GET /p HTTP/1.1", response, PAGE);
        assert_eq!(
            body.as_deref(),
            is_signed.then_some(&*signed),
            "{directives}"
        );
    }
    let again = "SecRule STREAM_OUTPUT_BODY \"@rsub s/hp=[0-9a-f]+/proof/\" id:1,phase:4,pass\n";
    let (body, _) = answered(again, "GET /p HTTP/1.1", html(200), PAGE);
    assert_eq!(
        body.as_deref(),
        Some("<a href=\"a?x=1&amp;proof\">A</a><a href=/b>B</a><form action=/b?proof>")
    );
}

#[test]
fn redirections_are_signed() {
    let to = |status: u16, location: &str| Response {
        headers: vec![Header {
            name: "location".into(),
            value: location.to_owned().into(),
        }],
        ..html(status)
    };
    for (directives, status, location, expected) in [
        ("", 302, "/a?x=1", Some(format!("/a?x=1&hp={A}"))),
        (
            "",
            301,
            "http://blog.example/b#c",
            Some(format!("http://blog.example/b?hp={B}#c")),
        ),
        (
            "SecContentInjection Off\n",
            303,
            "/b",
            Some(format!("/b?hp={B}")),
        ),
        ("", 201, "/b", None),
        ("", 302, "http://other.example/b", None),
        ("", 302, "/b?hp=x", None),
        ("SecRuleEngine DetectionOnly\n", 302, "/b", None),
        ("SecHashEngine Off\n", 302, "/b", None),
    ] {
        let (_, found) = answered(directives, "GET /p HTTP/1.1", to(status, location), "");
        assert_eq!(found, expected, "{directives}{status} {location}");
    }
}

#[test]
fn proofs_can_belong_to_a_client() {
    let signed = |directives: &str| {
        let head = "GET /p HTTP/1.1\nCookie: s=abc";
        answered(directives, head, html(200), "<a href=/a>")
            .0
            .unwrap_or_default()
    };
    let session = "SecHashKey mykey SessionID\nSecAction id:1,phase:1,pass,nolog,setsid:abc\n";
    let by_address = signed("SecHashKey mykey RemoteIP\n");
    assert_eq!(signed("SecHashKey mykey192.0.2.7 KeyOnly\n"), by_address);
    assert_eq!(
        signed("SecHashKey mykey SessionID\n"),
        by_address,
        "without a session"
    );
    assert_eq!(signed("SecHashKey mykeyabc KeyOnly\n"), signed(session));
    assert_ne!(signed(session), by_address);
    assert_eq!(
        signed("SecHashKey rand KeyOnly\n"),
        signed("SecHashKey RAND KeyOnly\n")
    );
}

#[test]
fn mistakes_are_told_and_methods_add_up() {
    use palisade::config::{DirConfig, read_text};
    for (text, expected) in [
        ("SecHashKey \"\" KeyOnly", "the key is empty"),
        ("SecHashKey mykey", "takes two arguments"),
        ("SecHashEngine Maybe", "must be On or Off"),
        ("SecHashParam \"a b\"", "Invalid value for SecHashParam"),
        ("SecHashMethodRx HashHref (", "Invalid regular expression"),
        (
            "SecAction id:1,pass,ctl:HashEngine=Maybe",
            "Invalid setting for ctl HashEngine",
        ),
        (
            "SecRule REQUEST_URI \"@validateHash (\" id:1,pass",
            "Error compiling pattern",
        ),
    ] {
        let error = read_text("t", text, &DirConfig::new())
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    for (text, expected) in [
        ("SecHashKey k Foo", "foo is read as KeyOnly"),
        ("SecHashMethodRx Foo .", "Foo is no place of links"),
    ] {
        let notices = config(text).notices();
        assert!(
            notices.iter().any(|notice| notice.contains(expected)),
            "{text}: {notices:?}"
        );
    }
    let (parent, child) = (DirConfig::new(), DirConfig::new());
    read_text("p", "SecHashMethodRx HashHref ^/a", &parent).unwrap();
    read_text(
        "c",
        "SecHashMethodRx HashHref ^/b\nSecHashMethodPm HashLocation x",
        &child,
    )
    .unwrap();
    assert_eq!(
        DirConfig::merge(&parent, &child)
            .resolved()
            .hash_methods
            .len(),
        3
    );
    assert_eq!(
        DirConfig::merge(&parent, &DirConfig::new())
            .resolved()
            .hash_methods
            .len(),
        1
    );
}
