//! An hour of a weblog behind squid, replayed at speed: spam from many clients with forged headers, and a few genuine pings
//! among it.
//!
//! squid is the reverse proxy that many have in front. It appends the client's address to whatever `X-Forwarded-For` came in;
//! here all clients are on loopback, so the proxy in front of squid, which is trusted as well, has named them.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::harness::{Backend, Client, Server, Setup, eventually, missing};
use crate::ports;
use crate::scratch::Scratch;

const SPAMMERS: usize = 50;
const CALLS_OF_EACH: usize = 40;
const GENUINE: usize = 20;

/// Refusals after which a client is cut off.
const PATIENCE: usize = 3;

/// A running squid. It is stopped by its own number when this is dropped.
struct Squid {
    child: Child,
    port: u16,
    scratch: Scratch,
}

impl Squid {
    /// Starts one in front of a server. Says loudly where it is not installed.
    fn start(server: u16) -> Option<Squid> {
        let usual = ["/usr/sbin/squid", "/usr/bin/squid"].map(PathBuf::from);
        let Some(program) = usual.into_iter().find(|path| path.is_file()) else {
            missing("squid");
            return None;
        };
        let (scratch, port) = (Scratch::new("squid"), ports::free());
        let directory = scratch.path().display();
        // It gives up root's rights, and then writes to its directory.
        std::fs::set_permissions(
            scratch.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o777),
        )
        .unwrap();
        let configuration = format!(
            "http_port 127.0.0.1:{port} accel defaultsite=www.example.test vhost\n\
             cache_peer 127.0.0.1 parent {server} 0 no-query no-digest originserver\n\
             http_access allow all\ncache deny all\ncache_mem 8 MB\nvia on\nforwarded_for on\n\
             access_log none\ncache_log {directory}/cache.log\npid_filename {directory}/squid.pid\n\
             coredump_dir {directory}\nvisible_hostname squid.example.test\nshutdown_lifetime 0 seconds\n\
             pinger_enable off\nnetdb_filename none\nmax_filedescriptors 1024\n"
        );
        let file = scratch.path().join("squid.conf");
        std::fs::write(&file, configuration).unwrap();
        let child = Command::new(program)
            .args(["-N", "-f"])
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let squid = Squid {
            child,
            port,
            scratch,
        };
        let up = eventually(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        assert!(up, "squid does not start:\n{}", squid.log());
        Some(squid)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.scratch.path().join("cache.log")).unwrap_or_default()
    }

    /// What a client gets that sends this.
    fn ask(&self, method: &str, headers: &str, body: &[u8], chunked: bool) -> u16 {
        let mut client = Client::connect(self.port);
        let headers = format!("{headers}Connection: close\r\n");
        if chunked {
            client.send(format!(
                "{method} /xmlrpc.php HTTP/1.1\r\nHost: www.example.test\r\n"
            ));
            client.send(format!("{headers}Transfer-Encoding: chunked\r\n\r\n"));
            client.send_chunked(body, 61);
        } else {
            client.send_request(method, "/xmlrpc.php", &headers, body);
        }
        client.response().status
    }
}

impl Drop for Squid {
    fn drop(&mut self) {
        let number = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &number]).status();
        let _ = self.child.wait();
    }
}

fn site(backend: &Backend) -> Option<Server> {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/apache-conf");
    let setup = Setup::new()?
        .modules(&["proxy", "proxy_http"])
        .conf(&format!(
            "Include {shipped}/recommended.conf\nInclude {shipped}/rules/pingback.conf\nSecDataDir {{ROOT}}/data\n\
             SecAuditLog audit.log\nSecClientAddress header\nSecTrustedProxy 127.0.0.1\n\
             ProxyPass / http://127.0.0.1:{}/",
            backend.port
        ));
    Some(setup.start())
}

fn call(source: &str, target: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<methodCall>\n<methodName>pingback.ping</methodName>\n<params>\n\
         <param><value><string>{source}</string></value></param>\n\
         <param><value><string>{target}</string></value></param>\n</params></methodCall>"
    )
}

const POST: &str = "http://www.example.test/a-post/";

/// One of the calls that a spammer sends in turn: headers, body, and whether it comes in chunks.
fn spam(client: usize, number: usize) -> (String, String, bool) {
    let source = format!("http://pills{}.example/cheap-{number}", client % 7);
    let forged =
        format!("X-Forwarded-For: 192.0.2.66, 203.0.113.{client}\r\nContent-Type: text/xml\r\n");
    let php = format!("{forged}User-Agent: PHP/5.2.10\r\n");
    match (client + number) % 6 {
        0 => (php, call(&source, POST).replace("</params>", ""), true),
        1 => {
            let lies = "version=\"1.0\" encoding=\"utf-16\" standalone=\"yes\"";
            (
                php,
                call(&source, POST).replace("version=\"1.0\"", lies),
                true,
            )
        }
        // Well-formed, and about a real page. (squid makes one piece of chunks, so that it is no sign here.)
        2 => {
            let odd = php.replace("text/xml", "text/html");
            (odd, call("http://203.0.113.77/cheap", POST), true)
        }
        3 => (forged, call(&source, "http://www.example.test/"), false),
        4 => (
            forged,
            call("http://169.254.169.254/latest/meta-data/", POST),
            false,
        ),
        _ => (
            forged,
            call(&source, "http://elsewhere.example/a-post/"),
            false,
        ),
    }
}

/// A genuine call: headers and body.
fn genuine(number: usize) -> (String, String) {
    let client = format!("X-Forwarded-For: 198.51.100.{number}\r\n");
    let source = format!("http://blog{number}.example/linked/");
    let headers = match number % 3 {
        0 => format!("{client}Content-Type: application/xml\r\n"),
        1 => format!("{client}Content-Type: text/html\r\nUser-Agent: Serendipity/2.4\r\n"),
        _ => format!(
            "{client}Content-Type: text/xml\r\nUser-Agent: The Incutio XML-RPC PHP Library -- WordPress/6.1.9\r\n"
        ),
    };
    (headers, call(&source, POST))
}

#[test]
fn an_hour_of_spam_behind_squid() {
    let backend = Backend::start();
    let Some(server) = site(&backend) else { return };
    let Some(squid) = Squid::start(server.port()) else {
        return;
    };
    let delivered = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let (squid, delivered) = (&squid, &delivered);
        for worker in 0..10 {
            scope.spawn(move || {
                for number in 0..CALLS_OF_EACH {
                    for client in (worker..SPAMMERS).step_by(10) {
                        let (headers, body, chunked) = spam(client, number);
                        let status = squid.ask("POST", &headers, body.as_bytes(), chunked);
                        assert!(matches!(status, 400 | 403), "{client}, {number}: {status}");
                    }
                    let at = worker * CALLS_OF_EACH + number;
                    if at % CALLS_OF_EACH < GENUINE / 10 {
                        let (headers, body) = genuine(worker * (GENUINE / 10) + number);
                        assert_eq!(squid.ask("POST", &headers, body.as_bytes(), false), 200);
                        delivered.lock().unwrap().push(body);
                    }
                }
            });
        }
    });

    let mut delivered = delivered.into_inner().unwrap();
    let received = backend.requests(GENUINE).into_iter();
    let mut received: Vec<String> = received
        .map(|request| String::from_utf8(request.body).unwrap())
        .collect();
    delivered.sort();
    received.sort();
    assert_eq!(delivered.len(), GENUINE);
    assert_eq!(received, delivered, "every genuine call, and nothing else");

    // Every spammer has been refused with a record as often as it takes, and was cut off then.
    server.audit_records(SPAMMERS * PATIENCE);
    let told = server.logged("Client is cut off");
    for client in 0..SPAMMERS {
        let name = format!("[client 203.0.113.{client}] ModSecurity: Access denied");
        assert!(told.iter().any(|line| line.contains(&name)), "{client}");
    }
    // The proxy is never blamed, and whoever comes through it without a name is served.
    assert!(
        !server
            .error_log()
            .contains("[client 127.0.0.1] ModSecurity")
    );
    assert!(!server.error_log().contains("[client 192.0.2.66]"));
    assert_eq!(squid.ask("GET", "", b"", false), 200);
}
