//! The shipped files, included as they are, in front of a backend: spam is refused and written down once, genuine calls
//! arrive byte for byte.

use std::process::Command;

use crate::harness::{Backend, Mpm, Server, Setup, curl, ping};

const SHIPPED: &str = "Include {SHIPPED}/recommended.conf\nInclude {SHIPPED}/rules/*.conf\nSecAuditLog audit.log\n\
                       SecClientAddress header\nSecTrustedProxy 127.0.0.1";

const PROXIED: &str = "X-Forwarded-For: 192.0.2.66, 198.51.100.7\r\n";
const WORDPRESS: &str =
    "Content-Type: text/xml\r\nUser-Agent: The Incutio XML-RPC PHP Library -- WordPress/6.1.9\r\n";
const MENTION_CLIENT: &str = "Content-type: application/xml\r\n";
const SPAM: &str = "Content-Type: text/xml\r\nUser-Agent: PHP/5.2.10\r\n";

fn start(mpm: Mpm, backend: &Backend) -> Option<Server> {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/apache-conf");
    let setup = Setup::new()?
        .mpm(mpm)
        .modules(&["proxy", "proxy_http", "http2"])
        .conf("Protocols h2c http/1.1")
        .conf(&SHIPPED.replace("{SHIPPED}", shipped))
        .conf(&format!(
            "<VirtualHost *:{{PORT}}>\nServerName www.example.test\n\
             ServerAlias blog.example.test *.wild.example.test\n\
             ProxyPass /xmlrpc.php http://127.0.0.1:{}/xmlrpc.php\n</VirtualHost>",
            backend.port
        ))
        .file("index.html", "fine");
    Some(setup.start())
}

const SOURCE: &str = "http://linker.example/about-it/";
const TARGET: &str = "http://www.example.test/a-post/";

#[test]
fn spam_is_refused_written_down_once_and_never_arrives() {
    let utf16 = ping(SOURCE, TARGET).replace(
        "version=\"1.0\"",
        "version=\"1.0\" encoding=\"utf-16\" standalone=\"yes\"",
    );
    let cases: &[(&str, &str, String, u16)] = &[
        (
            "malformed",
            SPAM,
            ping(SOURCE, TARGET).replace("</params>", ""),
            400,
        ),
        (
            "truncated",
            WORDPRESS,
            ping(SOURCE, TARGET)[..180].to_owned(),
            400,
        ),
        ("an encoding that lies", SPAM, utf16, 400),
        (
            "a document type",
            WORDPRESS,
            ping(SOURCE, TARGET).replace(
                "<methodCall>",
                "<!DOCTYPE x [<!ENTITY e \"1\">]>\n<methodCall>",
            ),
            400,
        ),
        (
            "one parameter",
            WORDPRESS,
            ping(SOURCE, TARGET).replacen(
                &format!("<param><value><string>{SOURCE}</string></value></param>"),
                "",
                1,
            ),
            400,
        ),
        (
            "a number",
            WORDPRESS,
            ping(SOURCE, TARGET).replace(&format!("<string>{SOURCE}</string>"), "<int>1</int>"),
            400,
        ),
        (
            "not here",
            WORDPRESS,
            ping(SOURCE, "http://elsewhere.example/a-post/"),
            403,
        ),
        (
            "the front page",
            WORDPRESS,
            ping(SOURCE, "http://www.example.test/"),
            403,
        ),
        (
            "a private source",
            WORDPRESS,
            ping("http://192.168.1.1/admin", TARGET),
            403,
        ),
        (
            "a loopback source",
            WORDPRESS,
            ping("http://127.0.0.1/server-status", TARGET),
            403,
        ),
        (
            "metadata",
            WORDPRESS,
            ping("http://169.254.169.254/latest/", TARGET),
            403,
        ),
        (
            "malformed under another label",
            "Content-Type: text/plain\r\n",
            ping(SOURCE, TARGET).replace("</params>", ""),
            400,
        ),
        (
            "malformed as a form",
            "Content-Type: application/x-www-form-urlencoded\r\n",
            ping(SOURCE, TARGET).replace("</params>", ""),
            400,
        ),
    ];
    for mpm in Mpm::ALL {
        let backend = Backend::start();
        let Some(server) = start(mpm, &backend) else {
            return;
        };
        let mut senders = 0;
        for (name, headers, body, status) in cases {
            for chunked in [false, true] {
                // Each from another client: who is refused a few times is cut off.
                senders += 1;
                let proxied = format!("X-Forwarded-For: 192.0.2.66, 198.51.100.{senders}\r\n");
                let mut client = server.client();
                let answer = if chunked {
                    client.send("POST /xmlrpc.php HTTP/1.1\r\nHost: www.example.test\r\nTransfer-Encoding: chunked\r\n");
                    client.send(format!("{proxied}{headers}\r\n"));
                    client.send_chunked(body.as_bytes(), 61);
                    client.response()
                } else {
                    server.request(
                        "POST",
                        "/xmlrpc.php",
                        &format!("{proxied}{headers}"),
                        body.as_bytes(),
                    )
                };
                assert_eq!(
                    answer.status,
                    *status,
                    "{name}, chunked: {chunked}, {mpm:?}\n{}",
                    server.error_log()
                );
            }
        }
        for record in server.audit_records(cases.len() * 2) {
            assert!(
                record
                    .lines()
                    .nth(1)
                    .is_some_and(|line| line.contains(" 198.51.100.")),
                "{record}"
            );
            assert_eq!(
                record
                    .matches("\nMessage: Access denied with code 40")
                    .count(),
                1,
                "{record}"
            );
        }
        assert_eq!(server.logged("Access denied").len(), cases.len() * 2);
        assert!(backend.requests(0).is_empty(), "nothing reaches the site");
    }
}

#[test]
fn the_blogs_spam_adds_up_although_it_is_well_formed() {
    let backend = Backend::start();
    let Some(server) = start(Mpm::ALL[0], &backend) else {
        return;
    };
    let mut client = server.client();
    client.send(
        "POST /xmlrpc.php HTTP/1.1\r\nHost: www.example.test\r\nTransfer-Encoding: chunked\r\n",
    );
    client.send(format!("{PROXIED}User-Agent: PHP/5.2.10\r\n\r\n"));
    client.send_chunked(ping(SOURCE, TARGET).as_bytes(), 4096);
    assert_eq!(client.response().status, 403);
    assert!(server.audit_records(1)[0].contains("[id \"8505410\"]"));
}

#[test]
fn genuine_calls_pass_unnoticed_byte_for_byte() {
    let media = format!(
        "<?xml version=\"1.0\"?><methodCall><methodName>metaWeblog.newMediaObject</methodName><params>\
         <param><value><int>1</int></value></param><param><value><string>me</string></value></param>\
         <param><value><string>secret</string></value></param><param><value><struct><member><name>bits</name>\
         <value><base64>{}</base64></value></member></struct></value></param></params></methodCall>",
        "QUJD".repeat(786_432)
    );
    let cases: &[(&str, &str, String)] = &[
        ("WordPress", WORDPRESS, ping(SOURCE, TARGET)),
        ("an alias", WORDPRESS, ping(SOURCE, "http://blog.example.test/a-post/")),
        ("a wildcard alias", WORDPRESS, ping(SOURCE, "http://x.wild.example.test/a-post/")),
        (
            "mention-client",
            MENTION_CLIENT,
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><methodCall><methodName>pingback.ping</methodName><params><param><value><string>{SOURCE}</string></value></param><param><value><string>{TARGET}</string></value></param></params></methodCall>"),
        ),
        (
            "Jetpack",
            "Content-Type: text/xml\r\nUser-Agent: Jetpack by WordPress.com\r\n",
            "<?xml version=\"1.0\"?><methodCall><methodName>jetpack.getUser</methodName><params><param><value><int>1</int></value></param></params></methodCall>".into(),
        ),
        (
            "a mobile app",
            "Content-Type: text/xml\r\nUser-Agent: wp-android/22.0\r\n",
            "<?xml version='1.0' ?><methodCall><methodName>wp.getPosts</methodName><params><param><value><i4>1</i4></value></param><param><value><string>me</string></value></param><param><value><string>secret</string></value></param></params></methodCall>".into(),
        ),
        ("a mobile app's photo of 3 MB", "Content-Type: text/xml\r\nUser-Agent: wp-iphone/22.0\r\n", media),
    ];
    for mpm in Mpm::ALL {
        let backend = Backend::start();
        let Some(server) = start(mpm, &backend) else {
            return;
        };
        let mut sent = Vec::new();
        for (name, headers, body) in cases {
            let answer = server.request(
                "POST",
                "/xmlrpc.php",
                &format!("{PROXIED}{headers}"),
                body.as_bytes(),
            );
            assert_eq!(
                answer.status,
                200,
                "{name}, {mpm:?}\n{}",
                server.error_log()
            );
            sent.push(body.clone().into_bytes());

            // A chunked body is one oddity, and one is not enough.
            let mut client = server.client();
            client.send("POST /xmlrpc.php HTTP/1.1\r\nHost: www.example.test\r\nTransfer-Encoding: chunked\r\n");
            client.send(format!("{PROXIED}{headers}\r\n"));
            client.send_chunked(body.as_bytes(), 16_001);
            assert_eq!(
                client.response().status,
                200,
                "{name}, chunked, {mpm:?}\n{}",
                server.error_log()
            );
            sent.push(body.clone().into_bytes());
        }
        if let Some(curl) = curl() {
            let file = server.root().join("ping.xml");
            std::fs::write(&file, ping(SOURCE, TARGET)).unwrap();
            let output = Command::new(curl)
                .args([
                    "-s",
                    "-o",
                    "/dev/null",
                    "-w",
                    "%{http_code}",
                    "--http2-prior-knowledge",
                    "--data-binary",
                ])
                .arg(format!("@{}", file.display()))
                .args([
                    "-H",
                    "Content-Type: text/xml",
                    "-A",
                    "The Incutio XML-RPC PHP Library -- WordPress/6.1.9",
                ])
                .args(["-H", PROXIED.trim(), "-H", "Host: www.example.test"])
                .arg(format!("http://127.0.0.1:{}/xmlrpc.php", server.port()))
                .output()
                .unwrap();
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                "200",
                "{}",
                server.error_log()
            );
            sent.push(ping(SOURCE, TARGET).into_bytes());
        }
        let received: Vec<_> = backend
            .requests(sent.len())
            .into_iter()
            .map(|request| request.body)
            .collect();
        assert!(received == sent, "bodies arrive as they were sent, {mpm:?}");
        assert!(
            !server.error_log().contains("Access denied"),
            "{}",
            server.error_log()
        );
    }
}
