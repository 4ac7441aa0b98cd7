//! The requests that are measured, byte for byte the same in every run.
//!
//! Harmless values are plain words: many an English phrase (`sed the`, `select from`) is an attack to the Core Rule Set,
//! and a workload must be what it says it is. What the rules make of each is checked whenever it is measured.

#![allow(dead_code)] // each benchmark uses its part

mod text;

use crate::policy::Policy;
use text::{Random, base64, noise, words};

/// A request, and what is known of its answer.
pub struct Workload {
    /// The name in tables and on the command line.
    pub name: &'static str,
    /// What it is, for readers.
    pub what: &'static str,
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// All but `Host` and what frames the body.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Sent in chunks of 1 KiB instead of with its length.
    pub chunked: bool,
    /// The rules it is made for.
    pub policy: Policy,
    /// The status that this policy answers it with.
    pub status: u16,
}

/// The host that all requests are for.
pub const HOST: &str = "www.example.test";

/// Bytes in a chunk of a chunked body.
const CHUNK: usize = 1024;

/// What the server has to offer: file name, media type, content.
pub fn files() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    vec![
        ("small.html", "text/html", page(1 << 10)),
        ("large.html", "text/html", page(64 << 10)),
        ("form", "text/html", page(1 << 10)),
        ("api", "application/json", b"{\"accepted\": true}\n".to_vec()),
        (
            "xmlrpc",
            "text/xml",
            b"<?xml version=\"1.0\"?>\n<methodResponse><params><param><value><string>registered</string></value></param></params></methodResponse>\n".to_vec(),
        ),
    ]
}

/// All workloads, in the order of the tables.
pub fn all() -> Vec<Workload> {
    vec![
        get("get_small", "GET of a 1 KiB page", "/small.html"),
        Workload {
            headers: [browser(), vec![("Cookie", cookies())]].concat(),
            ..get(
                "get_args",
                "GET with ten arguments, a browser's headers and five cookies",
                &format!("/small.html?{}", arguments()),
            )
        },
        get("get_html_64k", "GET of a 64 KiB page", "/large.html"),
        form(
            "post_form_2k",
            "form of twelve fields, 2 KiB",
            fields(12, 160),
        ),
        Workload {
            headers: headers("application/json"),
            body: json(),
            ..post("post_json_8k", "JSON of 305 values, 8 KiB", "/api")
        },
        Workload {
            headers: headers("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW"),
            body: multipart(),
            ..post(
                "post_multipart_64k",
                "upload of a 64 KiB file with two fields",
                "/form",
            )
        },
        Workload {
            headers: vec![
                (
                    "User-Agent",
                    "The Incutio XML-RPC PHP Library -- WordPress/6.1.9".into(),
                ),
                ("Accept", "*/*".into()),
                ("Content-Type", "text/xml".into()),
            ],
            body: ping("http://linker.example/about-it/"),
            chunked: true,
            ..post("xmlrpc_pingback", "pingback by XML-RPC, chunked", "/xmlrpc")
        },
        Workload {
            headers: [browser(), vec![("Cookie", cookies())]].concat(),
            status: 403,
            ..get(
                "attack_sqli",
                "SQL injection, refused, with its audit record",
                "/small.html?id=1%27%20UNION%20SELECT%20user%2Cpassword%20FROM%20users--%20&page=2",
            )
        },
        form(
            "post_form_1m",
            "form of a hundred fields, 1 MiB",
            fields(100, 10 << 10),
        ),
        form(
            "long_b64_64k",
            "one field of 64 KiB in base64",
            field(base64(64 << 10)),
        ),
        form(
            "long_arg_words_8k",
            "one field of 8 KiB of words",
            field(words(&mut Random::new(8), 8 << 10)),
        ),
        form(
            "long_arg_repeat_8k",
            "one field of one letter, 8 KiB",
            field("a".repeat(8 << 10)),
        ),
        form(
            "long_arg_brackets_4k",
            "one field of 4 KiB of brackets",
            field("[".repeat(4 << 10)),
        ),
        Workload {
            headers: vec![
                ("User-Agent", "PHP/5.2.10".into()),
                ("Accept", "*/*".into()),
                ("Content-Type", "text/xml".into()),
            ],
            body: String::from_utf8_lossy(&ping("http://pills.example/cheap"))
                .replace("</methodName>", "<methodName>")
                .into_bytes(),
            chunked: true,
            policy: Policy::Pingbacks,
            status: 400,
            ..post(
                "pingback_spam",
                "pingback spam, refused, with its audit record",
                "/xmlrpc",
            )
        },
    ]
}

impl Workload {
    /// The request as it goes over the wire.
    pub fn wire(&self) -> Vec<u8> {
        let mut wire = format!(
            "{} {} HTTP/1.1\r\nHost: {HOST}\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            wire.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some((name, value)) = self.framing() {
            wire.push_str(&format!("{name}: {value}\r\n"));
        }
        wire.push_str("\r\n");
        let mut wire = wire.into_bytes();
        if !self.chunked {
            wire.extend_from_slice(&self.body);
            return wire;
        }
        for chunk in self.body.chunks(CHUNK) {
            wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"0\r\n\r\n");
        wire
    }

    /// The status that a policy answers it with: only the one it is made for refuses it.
    pub fn status_under(&self, policy: Policy) -> u16 {
        if policy == self.policy {
            self.status
        } else {
            200
        }
    }

    /// The header that says where the body ends.
    pub fn framing(&self) -> Option<(&'static str, String)> {
        match self.method {
            _ if self.chunked => Some(("Transfer-Encoding", "chunked".into())),
            "GET" => None,
            _ => Some(("Content-Length", self.body.len().to_string())),
        }
    }
}

fn get(name: &'static str, what: &'static str, target: &str) -> Workload {
    Workload {
        name,
        what,
        method: "GET",
        target: target.to_owned(),
        headers: vec![("User-Agent", USER_AGENT.into()), ("Accept", "*/*".into())],
        body: Vec::new(),
        chunked: false,
        policy: Policy::CoreRuleSet(1),
        status: 200,
    }
}

fn post(name: &'static str, what: &'static str, target: &str) -> Workload {
    Workload {
        method: "POST",
        ..get(name, what, target)
    }
}

fn form(name: &'static str, what: &'static str, body: String) -> Workload {
    Workload {
        headers: headers("application/x-www-form-urlencoded"),
        body: body.into_bytes(),
        ..post(name, what, "/form")
    }
}

const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

fn headers(content_type: &str) -> Vec<(&'static str, String)> {
    [browser(), vec![("Content-Type", content_type.to_owned())]].concat()
}

fn browser() -> Vec<(&'static str, String)> {
    [
        ("User-Agent", USER_AGENT),
        (
            "Accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ),
        ("Accept-Language", "en-GB,en;q=0.7,de;q=0.3"),
        ("Accept-Encoding", "gzip, deflate, br"),
        ("Referer", "http://www.example.test/small.html"),
        ("Upgrade-Insecure-Requests", "1"),
        ("Sec-Fetch-Dest", "document"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Priority", "u=0, i"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

fn arguments() -> &'static str {
    "page=3&order=newest&category=garden+tools&colour=green&size=medium&brand=northern+star\
     &minimum=20&maximum=150&stock=yes&view=grid"
}

fn cookies() -> String {
    "session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; language=en; consent=granted; basket=3f2a91c07b"
        .into()
}

/// `count` fields of about `length` bytes each.
fn fields(count: usize, length: usize) -> String {
    let mut random = Random::new(2);
    (1..=count)
        .map(|number| {
            format!(
                "field{number}={}",
                words(&mut random, length).replace(' ', "+")
            )
        })
        .collect::<Vec<_>>()
        .join("&")
}

fn field(value: String) -> String {
    let value = value
        .replace('+', "%2B")
        .replace('=', "%3D")
        .replace(' ', "+");
    format!("text={value}")
}

fn page(length: usize) -> Vec<u8> {
    let mut random = Random::new(3);
    let mut page =
        String::from("<!DOCTYPE html>\n<html><head><title>Garden</title></head><body>\n");
    while page.len() + 160 < length {
        page.push_str(&format!(
            "<p class=\"text\">{}</p>\n",
            words(&mut random, 100)
        ));
    }
    page.push_str("</body></html>\n");
    page.push_str(&" ".repeat(length.saturating_sub(page.len())));
    page.into_bytes()
}

/// 61 records of five values.
fn json() -> Vec<u8> {
    let mut random = Random::new(4);
    let records: Vec<_> = (1..=61)
        .map(|number| {
            let name = words(&mut random, 18);
            let note = words(&mut random, 36);
            format!(
                "{{\"id\":{number},\"name\":\"{name}\",\"note\":\"{note}\",\"price\":{}.{:02},\"stock\":{}}}",
                random.below(90) + 10,
                random.below(100),
                random.below(2) == 0
            )
        })
        .collect();
    format!("{{\"items\":[{}]}}", records.join(",\n")).into_bytes()
}

fn multipart() -> Vec<u8> {
    let line = "------WebKitFormBoundary7MA4YWxkTrZu0gW";
    let field = |name: &str, value: &str| {
        format!("{line}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let mut body = (field("title", "garden in spring") + &field("album", "holiday")).into_bytes();
    body.extend_from_slice(
        format!(
            "{line}\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"garden.jpg\"\r\n\
             Content-Type: image/jpeg\r\n\r\n"
        )
        .as_bytes(),
    );
    body.extend(noise(64 << 10));
    body.extend_from_slice(format!("\r\n{line}--\r\n").as_bytes());
    body
}

fn ping(source: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\"?>\n<methodCall>\n<methodName>pingback.ping</methodName>\n<params>\n\
         <param><value><string>{source}</string></value></param>\n\
         <param><value><string>http://{HOST}/a-post/</string></value></param>\n</params></methodCall>\n"
    )
    .into_bytes()
}
