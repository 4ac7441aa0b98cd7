//! Whoever answers a request (a backend, PHP) gets its body byte for byte, however it was sent, and rules see what they answer.

use std::fs;
use std::process::{Child, Command, Stdio};

use crate::harness::{Backend, Mpm, Server, Setup, eventually, missing};

const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyInMemoryLimit 65536
SecResponseBodyAccess On
SecResponseBodyMimeType text/html
SecResponseBodyLimitAction ProcessPartial
SecRule ARGS "@contains evilmarker" "id:1,phase:2,deny,status:403"
SecRule RESPONSE_BODY "@contains evilanswer" "id:2,phase:4,deny,status:403"
"#;

/// Bytes with all values and line ends in them.
fn noise(length: u32) -> Vec<u8> {
    (0..length)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

/// With its length stated, in chunks, and only when it is asked for.
const WAYS: [&str; 3] = ["length", "chunks", "asked"];

/// Sends a body in each of these ways; each answer must be the same body.
fn comes_back(server: &Server, target: &str, body: &[u8], ways: &[&str]) {
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: www.example.test\r\nConnection: close\r\nContent-Type: application/x-noise\r\n"
    );
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    for way in ways {
        let mut client = server.client();
        match *way {
            "length" => {
                client.send(format!("{head}{length}"));
                client.send(body);
            }
            "chunks" => {
                client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
                client.send_chunked(body, 4099);
            }
            _ => {
                client.send(format!("{head}Expect: 100-continue\r\n{length}"));
                assert_eq!(client.response().status, 100, "{target}");
                client.send(body);
            }
        }
        let response = client.response();
        assert_eq!(response.status, 200, "{target} {way}");
        assert!(
            response.body == body,
            "{target} {way}: {} bytes",
            response.body.len()
        );
    }
}

/// A PHP that listens at a socket. Stopped when dropped.
struct Php(Child);

impl Php {
    fn start(setup: &Setup) -> Option<Php> {
        let versions = fs::read_dir("/usr/sbin").ok()?.flatten();
        let mut found: Vec<_> = versions
            .map(|entry| entry.path())
            .filter(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("php-fpm"))
            })
            .collect();
        found.sort();
        let Some(php) = found.pop() else {
            missing("php-fpm");
            return None;
        };
        let root = setup.root().display();
        let conf = setup.root().join("php.conf");
        let text = format!(
            "[global]\nerror_log = {root}/php.log\ndaemonize = no\n[www]\nuser = www-data\ngroup = www-data\n\
             listen = {root}/php.sock\nlisten.mode = 0666\npm = static\npm.max_children = 2\n\
             php_admin_value[post_max_size] = 16M\n"
        );
        fs::write(&conf, text).expect("PHP's configuration");
        let child = Command::new(php)
            .arg("-n")
            .args(["-F", "-y"])
            .arg(&conf)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("php-fpm");
        let socket = setup.root().join("php.sock");
        assert!(eventually(|| socket.exists()), "php-fpm listens");
        Some(Php(child))
    }
}

impl Drop for Php {
    fn drop(&mut self) {
        let number = self.0.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &number]).status();
        let _ = self.0.wait();
    }
}

#[test]
fn php_gets_what_was_sent() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let Some(php) = Php::start(&setup) else {
            return;
        };
        let server = setup
            .mpm(mpm)
            .modules(&["proxy", "proxy_fcgi"])
            .conf(ENGINE)
            .conf("<FilesMatch \\.php$>\nSetHandler \"proxy:unix:{ROOT}/php.sock|fcgi://localhost\"\n</FilesMatch>")
            .file(
                "echo.php",
                "<?php header('Content-Type: application/x-echo'); echo file_get_contents('php://input');",
            )
            .file("say.php", "<?php echo $_POST['a'] ?? 'nothing', ' evil', 'answer';")
            .start();
        // Chunks have no length, and without one FastCGI hands PHP no body: httpd without a firewall does the same.
        comes_back(&server, "/echo.php", &noise(300_000), &["length", "asked"]);
        comes_back(&server, "/echo.php", b"x", &["length", "asked"]);
        assert_eq!(server.post("/echo.php", b"a=evilmarker").status, 403);
        assert_eq!(
            server.post("/echo.php/path/info", b"a=evilmarker").status,
            403
        );
        assert_eq!(server.post("/echo.php", b"a=b").body, b"a=b");
        assert_eq!(server.post("/say.php", b"a=b").status, 403, "{mpm:?}");
        drop(php);
    }
}

#[test]
fn a_backend_gets_what_was_sent() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let backend = Backend::start();
        let server = setup
            .mpm(mpm)
            .modules(&["proxy", "proxy_http"])
            .conf(ENGINE)
            .conf(&format!("ProxyPass / http://127.0.0.1:{}/", backend.port))
            .start();
        comes_back(&server, "/echo", &noise(300_000), &WAYS);
        comes_back(&server, "/echo", b"x", &WAYS);
        assert_eq!(server.get("/html/goodanswer").status, 200, "{mpm:?}");
        assert_eq!(server.get("/html/evilanswer").status, 403, "{mpm:?}");
    }
}
