//! Signed links on the wire: pages, redirections, and the requests that come back.

use crate::harness::{Mpm, Setup};

const ENGINE: &str = r#"
SecRuleEngine On
SecResponseBodyAccess On
SecStreamOutBodyInspection On
SecContentInjection On
SecHashEngine On
SecHashKey mykey KeyOnly
SecHashParam hp
SecHashMethodRx HashHref .
SecHashMethodRx HashFormAction .
SecHashMethodRx HashLocation .
SecResponseBodyLimit 10000000
SecRule REQUEST_URI "@validateHash ^/(a|b|to)" "id:1,phase:2,deny,status:406,msg:'link not signed'"
Redirect 302 /go /to?x=1
"#;

#[test]
fn what_is_signed_can_be_asked_for_and_nothing_else() {
    let proof = regex::Regex::new("(&amp;|[?])hp=[0-9a-f]{40}").expect("a pattern");
    let links = regex::Regex::new("(?:href|action)=[\"']?([^\"'#>]*)").expect("a pattern");
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let page = format!(
            "<!doctype html>\n<p class=x>{}<a href=\"/a b?x=1&amp;y#z\">A</a><a href='b'>B</a>\u{e9}<form action=/to>",
            "text ".repeat(600_000)
        );
        let server = setup
            .mpm(mpm)
            .modules(&["alias"])
            .conf(ENGINE)
            .file("page.html", &page)
            .file("a b", "first")
            .file("b", "second")
            .file("to", "third")
            .start();
        let mut client = server.client();
        let mut get = |target: &str| {
            client.send_request("GET", target, "", b"");
            client.response()
        };
        let response = get("/page.html");
        let signed = response.text();
        assert_eq!(
            response.header("Content-Length"),
            Some(&*signed.len().to_string())
        );
        assert_eq!(response.header("ETag"), None);
        assert_eq!(proof.find_iter(&signed).count(), 3);
        assert!(
            proof.replace_all(&signed, "") == page,
            "not a byte else is changed: {mpm:?}"
        );

        for (found, expected) in links
            .captures_iter(&signed)
            .zip(["first", "second", "third"])
        {
            let link = found[1].replace("&amp;", "&").replace(' ', "%20");
            let target = format!("/{}", link.trim_start_matches('/'));
            let (unsigned, _) = target.split_once("hp=").expect("a proof");
            assert_eq!(get(&target).text(), expected, "{target} {mpm:?}");
            assert_eq!(get(unsigned.trim_end_matches(['?', '&'])).status, 406);
            assert_eq!(get(&target.replace("hp=", "hp=0")).status, 406);
        }

        let response = get("/go");
        let location = response.header("Location").expect("an address").to_owned();
        assert_eq!(response.status, 302);
        let (_, target) = location.split_once("/to").expect("the path");
        assert!(target.starts_with("?x=1&hp="), "{location}");
        assert_eq!(get(&format!("/to{target}")).text(), "third");
    }
}
