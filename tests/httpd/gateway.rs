//! `SecPingbackGateway` and `SecPingbackAdvertise` in a real httpd, with a stub of Known's endpoint behind it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::harness::{Client, Mpm, Response, Server, Setup, ping};

const MPMS: [Mpm; 2] = [Mpm::Event, Mpm::Prefork];
const TARGET: &str = "http://www.example.test/a-post.html";

/// A webmention endpoint that answers as the source's path says; and what it was told.
pub struct Known {
    pub port: u16,
    told: Arc<Mutex<Vec<String>>>,
}

impl Known {
    pub fn start() -> Known {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let port = listener.local_addr().expect("its address").port();
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&told);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || endpoint(stream, &seen));
            }
        });
        Known { port, told }
    }

    /// The requests that came, each whole.
    pub fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

fn endpoint(mut stream: TcpStream, told: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let (mut head, mut length) = (String::new(), 0);
    while reader.read_line(&mut head).unwrap_or(0) > 2 {
        let last = head.lines().last().unwrap_or_default().to_ascii_lowercase();
        if let Some(stated) = last.strip_prefix("content-length: ") {
            length = stated.parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    let body = String::from_utf8_lossy(&body).into_owned();
    let word = body.split("%2Fsays%2F").nth(1).unwrap_or_default();
    let word = word.split('&').next().unwrap_or_default().to_owned();
    told.lock().unwrap().push(format!("{head}{body}"));
    let answer = match word.as_str() {
        "slow" => {
            std::thread::sleep(Duration::from_secs(4));
            return;
        }
        "nothing" => return,
        "elsewhere" => {
            "302 Found\r\nLocation: http://other.example/\r\nContent-Length: 0\r\n\r\n".to_owned()
        }
        number if number.parse::<u16>().is_ok() => {
            format!("{number} Said\r\nContent-Length: 0\r\n\r\n")
        }
        error => {
            let body = format!("{{\"error\":\"{error}\",\"error_text\":\"so it is\"}}");
            format!(
                "400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        }
    };
    let _ = stream.write_all(format!("HTTP/1.1 {answer}").as_bytes());
}

fn start(mpm: Mpm, gateway: &str) -> Option<Server> {
    let setup = Setup::new()?
        .mpm(mpm)
        .modules(&["proxy", "proxy_http", "headers"])
        .conf(&format!(
            "SecClientAddress header\nSecTrustedProxy 127.0.0.1\n<Location /pingback>\nSecPingbackGateway {gateway}\n</Location>\n\
             SecPingbackAdvertise http://www.example.test/pingback\n\
             <Location /own.html>\nHeader set X-Pingback http://elsewhere.example/\n</Location>\n\
             <Location /quiet.html>\nSecPingbackAdvertise Off\n</Location>\n\
             LogFormat \"%r %{{PINGBACK_GATEWAY}}e\" gateway\nCustomLog gateway.log gateway"
        ))
        .file("a-post.html", "<p>words")
        .file("own.html", "<p>words")
        .file("quiet.html", "<p>words")
        .file("plain.txt", "words")
        .file("linked.html", "<link rel=webmention href=/elsewhere-is-/wm>");
    Some(setup.start())
}

const HEADERS: &str = "Content-Type: text/xml\r\nX-Forwarded-For: 198.51.100.7\r\n\
                       User-Agent: The Incutio XML-RPC PHP Library -- WordPress/6.1.9\r\nConnection: close\r\n";

fn post(server: &Server, body: &str) -> Response {
    server.request("POST", "/pingback", HEADERS, body.as_bytes())
}

/// What WordPress's client (IXR) makes of an answer: anything but 200 is a transport error, then the fault's code or the
/// string.
fn as_wordpress(response: &Response) -> Result<String, i32> {
    if response.status != 200 {
        return Err(-32_301);
    }
    let text = response.text();
    let between = |from: &str, to: &str| {
        let (_, rest) = text.split_once(from)?;
        Some(rest.split_once(to)?.0.to_owned())
    };
    if text.contains("<fault>") {
        let code = between("<int>", "</int>").and_then(|code| code.parse().ok());
        return Err(code.expect("the code of the fault"));
    }
    Ok(between("<string>", "</string>").expect("a string"))
}

/// What indieweb's mention-client makes of it: 200, a `<string>` and no `<fault>`.
fn as_mention_client(response: &Response) -> bool {
    let text = response.text();
    response.status == 200 && text.contains("<string>") && !text.contains("<fault>")
}

#[test]
fn a_ping_becomes_a_webmention_and_its_answer_that_to_the_ping() {
    let table = [
        ("200", None),
        ("201", None),
        ("202", None),
        ("source_not_found", Some(16)),
        ("no_link_found", Some(17)),
        ("target_not_found", Some(32)),
        ("404", Some(32)),
        ("target_not_supported", Some(33)),
        ("invalid_target", Some(33)),
        ("already_registered", Some(48)),
        ("409", Some(48)),
        ("source_not_supported", Some(49)),
        ("401", Some(49)),
        ("403", Some(49)),
        ("429", Some(49)),
        ("unknown_error", Some(0)),
        ("500", Some(50)),
        ("503", Some(50)),
        ("nothing", Some(50)),
        ("elsewhere", Some(50)),
        ("slow", Some(50)),
    ];
    for mpm in MPMS {
        let known = Known::start();
        let Some(server) = start(mpm, &format!("http://127.0.0.1:{}/webmention/", known.port))
        else {
            return;
        };
        for (word, expected) in table {
            let source = format!("http://weblog.example/?a=1&amp;b=/says/{word}");
            let begun = Instant::now();
            let response = post(&server, &ping(&source, TARGET));
            let plain = source.replace("&amp;", "&");
            match expected {
                None => {
                    let said = format!("Pingback from {source} to {TARGET} accepted.");
                    assert_eq!(as_wordpress(&response), Ok(said), "{word}");
                    assert!(as_mention_client(&response), "{word}");
                }
                Some(code) => {
                    assert_eq!(
                        as_wordpress(&response),
                        Err(code),
                        "{word}: {}",
                        response.text()
                    );
                    assert!(!as_mention_client(&response), "{word}");
                }
            }
            assert_eq!(
                response.header("Content-Type"),
                Some("text/xml; charset=utf-8")
            );
            assert!(
                begun.elapsed() < Duration::from_millis(3500),
                "{word}: {:?}",
                begun.elapsed()
            );
            let told = known.told().pop().expect("a webmention");
            assert!(told.starts_with("POST /webmention/ HTTP/1.1\r\n"), "{told}");
            let (head, form) = told.split_once("\r\n\r\n").expect("head and body");
            let head = head.to_ascii_lowercase();
            for line in [
                "host: www.example.test",
                "x-forwarded-for: 198.51.100.7",
                "content-type: application/x-www-form-urlencoded",
            ] {
                assert!(head.lines().any(|known| known == line), "{line} in {head}");
            }
            let encoded = |text: &str| {
                text.replace(':', "%3A")
                    .replace('/', "%2F")
                    .replace('?', "%3F")
                    .replace('=', "%3D")
                    .replace('&', "%26")
            };
            assert_eq!(
                form,
                format!("source={}&target={}", encoded(&plain), encoded(TARGET))
            );
        }
        // Once taken, it is known, and nobody is told again.
        let before = known.told().len();
        let again = post(
            &server,
            &ping("http://weblog.example/?a=1&amp;b=/says/202", TARGET),
        );
        assert_eq!(as_wordpress(&again), Err(48));
        assert_eq!(known.told().len(), before);
        assert!(
            server
                .read("gateway.log")
                .contains("POST /pingback HTTP/1.1 fault 48\n")
        );
        assert!(
            server
                .read("gateway.log")
                .contains("POST /pingback HTTP/1.1 accepted\n")
        );
    }
}

#[test]
fn what_is_no_ping_gets_its_fault_and_reaches_nobody() {
    let source = "http://weblog.example/says/200";
    let whole = ping(source, TARGET);
    let table = [
        (whole.replace("</params>", ""), -32_700),
        (String::new(), -32_700),
        (
            "source=http://a.example/&target=http://www.example.test/a".to_owned(),
            -32_700,
        ),
        ("<?xml version=\"1.0\"?><a/>".to_owned(), -32_700),
        ("<methodCall/>".to_owned(), -32_600),
        (
            whole.replace("pingback.ping", "system.listMethods"),
            -32_601,
        ),
        (
            whole.replace(
                &format!("<param><value><string>{source}</string></value></param>\n"),
                "",
            ),
            -32_602,
        ),
        (
            whole
                .replacen("<string>", "<base64>", 1)
                .replacen("</string>", "</base64>", 1),
            -32_602,
        ),
        (ping("nonsense", TARGET), 16),
        (ping(source, "http://elsewhere.example/a"), 33),
        (ping(source, "http://www.example.test/"), 33),
        (ping(TARGET, TARGET), 0),
        (ping("http://192.168.0.1/", TARGET), 49),
        (ping("http://weblog.example:22/", TARGET), 49),
        (format!("{whole}{}", " ".repeat(70_000)), 0),
    ];
    for mpm in MPMS {
        let known = Known::start();
        let Some(server) = start(mpm, &format!("http://127.0.0.1:{}/webmention/", known.port))
        else {
            return;
        };
        for (body, code) in &table {
            let response = post(&server, body);
            assert_eq!(as_wordpress(&response), Err(*code), "{body}");
        }
        // In chunks and without any of the niceties.
        let mut client = server.client();
        client.send("POST /pingback HTTP/1.1\r\nHost: www.example.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
        client.send_chunked(whole.as_bytes(), 17);
        assert_eq!(as_wordpress(&client.response()), Err(49), "three oddities");
        let read = server.get("/pingback");
        let allowed = read.header("Allow").unwrap_or_default();
        assert!(
            read.status == 405 && allowed.contains("POST") && !allowed.contains("GET"),
            "{allowed}"
        );
        assert!(known.told().is_empty());
    }
}

#[test]
fn the_endpoint_can_be_where_the_target_says() {
    for mpm in MPMS {
        let known = Known::start();
        let port = known.port;
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .mpm(mpm)
            .modules(&["proxy", "proxy_http", "headers", "alias"])
            .conf(&format!(
                "<Location /pingback>\nSecPingbackGateway discover\n</Location>\n\
                 ProxyPass /webmention/ http://127.0.0.1:{port}/webmention/\n\
                 <Location /by-header.html>\nHeader set Link '</webmention/>; rel=\"webmention\"'\n</Location>\n\
                 <Location /away.html>\nHeader set Link '<http://127.0.0.1:{port}/webmention/>; rel=\"webmention\"'\n</Location>\n\
                 Redirect /old.html http://www.example.test/by-header.html"
            ))
            .file("by-header.html", "<p>words")
            .file("by-page.html", "<p>words<link rel=\"webmention\" href=\"/webmention/\">")
            .file("away.html", "<p>words")
            .file("none.html", "<p>words")
            .start();
        let table = [
            ("by-header.html", "202", None),
            ("by-page.html", "202", None),
            ("old.html", "202", None),
            ("by-page.html", "no_link_found", Some(17)),
            ("away.html", "202", Some(33)),
            ("none.html", "202", Some(33)),
            ("missing.html", "202", Some(32)),
        ];
        for (target, word, code) in table {
            let source = format!("http://weblog.example/{target}/says/{word}");
            let response = post(
                &server,
                &ping(&source, &format!("http://www.example.test/{target}")),
            );
            match code {
                None => assert!(
                    as_mention_client(&response),
                    "{target}: {}",
                    response.text()
                ),
                Some(code) => assert_eq!(as_wordpress(&response), Err(code), "{target} {word}"),
            }
        }
        assert_eq!(known.told().len(), 4);
        // While the endpoint takes its time, others are served, even where there are few workers.
        let pings: Vec<_> = (0..12)
            .map(|number| {
                let port = server.port();
                std::thread::spawn(move || {
                    let mut client = Client::connect(port);
                    let source = format!("http://weblog.example/{number}/says/slow");
                    let body = ping(&source, "http://www.example.test/by-page.html");
                    client.send_request("POST", "/pingback", HEADERS, body.as_bytes());
                    as_wordpress(&client.response())
                })
            })
            .collect();
        for _ in 0..20 {
            assert_eq!(server.get("/none.html").status, 200);
        }
        for ping in pings {
            assert_eq!(ping.join().unwrap(), Err(50));
        }
    }
}

#[test]
fn pages_say_where_pings_go_unless_they_say_so_themselves() {
    for mpm in MPMS {
        let Some(server) = start(mpm, "discover") else {
            return;
        };
        let said = |target: &str| server.get(target).header("X-Pingback").map(str::to_owned);
        assert_eq!(
            said("/a-post.html").as_deref(),
            Some("http://www.example.test/pingback")
        );
        assert_eq!(
            said("/own.html").as_deref(),
            Some("http://elsewhere.example/")
        );
        for none in ["/quiet.html", "/plain.txt", "/missing.html"] {
            assert_eq!(said(none), None, "{none}");
        }
        let mut client = server.client();
        client.send_request("HEAD", "/a-post.html", "Connection: close\r\n", b"");
        let head = client.response_to("HEAD");
        assert_eq!(
            head.header("X-Pingback"),
            Some("http://www.example.test/pingback")
        );
    }
}

#[test]
fn mistakes_are_told_at_configtest() {
    for (line, reason) in [
        (
            "SecPingbackGateway /webmention/",
            "an absolute http or https URL, or discover",
        ),
        (
            "SecPingbackAdvertise /pingback",
            "an absolute http or https URL",
        ),
        (
            "SecPingbackAdvertise \"http://a.example/\u{e9}\"",
            "an absolute http or https URL",
        ),
    ] {
        let Some(setup) = Setup::new() else { return };
        let (good, said) = setup.conf(line).check();
        assert!(!good && said.contains(reason), "{line}\n{said}");
    }
}
