//! An hour of a weblog behind squid, replayed at speed: spam from many clients with forged headers, and a few genuine pings
//! among it.
//!
//! squid is the reverse proxy that many have in front. It appends the client's address to whatever `X-Forwarded-For` came in;
//! here all clients are on loopback, so the proxy in front of squid, which is trusted as well, has named them.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::gateway::Known;
use crate::harness::{Backend, Client, Server, Setup, eventually, missing, ping};
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
    fn ask(&self, path: &str, headers: &str, body: &[u8], chunked: bool) -> u16 {
        let mut client = Client::connect(self.port);
        let headers = format!("{headers}Connection: close\r\n");
        if chunked {
            client.send(format!(
                "POST {path} HTTP/1.1\r\nHost: www.example.test\r\n"
            ));
            client.send(format!("{headers}Transfer-Encoding: chunked\r\n\r\n"));
            client.send_chunked(body, 61);
        } else {
            client.send_request("POST", path, &headers, body);
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

/// A weblog that takes pings itself, as WordPress does, and one that only knows webmentions, as Known does.
fn site(backend: &Backend, known: &Known) -> Option<Server> {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/apache-conf");
    let setup = Setup::new()?
        .modules(&["proxy", "proxy_http"])
        .conf(&format!(
            "Include {shipped}/recommended.conf\nInclude {shipped}/rules/pingback.conf\nSecDataDir {{ROOT}}/data\n\
             SecAuditLog audit.log\nSecClientAddress header\nSecTrustedProxy 127.0.0.1\n\
             <Location /pingback>\nSecPingbackGateway http://127.0.0.1:{}/webmention/\n</Location>\n\
             ProxyPass /pingback !\nProxyPass / http://127.0.0.1:{}/",
            known.port, backend.port
        ));
    Some(setup.start())
}

const POST: &str = "http://www.example.test/a-post/";

/// One of the calls that a spammer sends in turn: headers, body, and whether it comes in chunks.
fn spam(client: usize, number: usize) -> (String, String, bool) {
    let source = format!("http://pills{}.example/cheap-{number}", client % 7);
    let forged =
        format!("X-Forwarded-For: 192.0.2.66, 203.0.113.{client}\r\nContent-Type: text/xml\r\n");
    let php = format!("{forged}User-Agent: PHP/5.2.10\r\n");
    match (client + number) % 6 {
        0 => (php, ping(&source, POST).replace("</params>", ""), true),
        1 => {
            let lies = "version=\"1.0\" encoding=\"utf-16\" standalone=\"yes\"";
            (
                php,
                ping(&source, POST).replace("version=\"1.0\"", lies),
                true,
            )
        }
        // Well-formed, and about a real page. (squid makes one piece of chunks, so that it is no sign here.)
        2 => {
            let odd = php.replace("text/xml", "text/html");
            (odd, ping("http://203.0.113.77/cheap", POST), true)
        }
        3 => (forged, ping(&source, "http://www.example.test/"), false),
        4 => (
            forged,
            ping("http://169.254.169.254/latest/meta-data/", POST),
            false,
        ),
        _ => (
            forged,
            ping(&source, "http://elsewhere.example/a-post/"),
            false,
        ),
    }
}

/// The endpoint that a call is for.
fn endpoint(number: usize) -> &'static str {
    match number % 2 {
        0 => "/xmlrpc.php",
        _ => "/pingback",
    }
}

/// A genuine call: headers and body. Known's endpoint answers what the source says.
fn genuine(number: usize) -> (String, String) {
    let client = format!("X-Forwarded-For: 198.51.100.{number}\r\n");
    let source = format!("http://blog{number}.example/says/202");
    let headers = match number % 3 {
        0 => format!("{client}Content-Type: application/xml\r\n"),
        1 => format!("{client}Content-Type: text/html\r\nUser-Agent: Serendipity/2.4\r\n"),
        _ => format!(
            "{client}Content-Type: text/xml\r\nUser-Agent: The Incutio XML-RPC PHP Library -- WordPress/6.1.9\r\n"
        ),
    };
    (headers, ping(&source, POST))
}

#[test]
fn an_hour_of_spam_behind_squid() {
    let backend = Backend::start();
    let known = Known::start();
    let Some(server) = site(&backend, &known) else {
        return;
    };
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
                        let path = endpoint(client);
                        let status = squid.ask(path, &headers, body.as_bytes(), chunked);
                        assert!(matches!(status, 400 | 403), "{client}, {number}: {status}");
                    }
                    let at = worker * CALLS_OF_EACH + number;
                    if at % CALLS_OF_EACH < GENUINE / 10 {
                        let genuine_number = worker * (GENUINE / 10) + number;
                        let (headers, body) = genuine(genuine_number);
                        let path = endpoint(genuine_number);
                        assert_eq!(squid.ask(path, &headers, body.as_bytes(), false), 200);
                        if path == "/xmlrpc.php" {
                            delivered.lock().unwrap().push(body);
                        }
                    }
                }
            });
        }
    });

    let mut delivered = delivered.into_inner().unwrap();
    let received = backend.requests(GENUINE / 2).into_iter();
    let mut received: Vec<String> = received
        .map(|request| String::from_utf8(request.body).unwrap())
        .collect();
    delivered.sort();
    received.sort();
    assert_eq!(delivered.len(), GENUINE / 2);
    assert_eq!(received, delivered, "every genuine call, and nothing else");
    let told = known.told();
    assert_eq!(told.len(), GENUINE / 2);
    for number in (0..GENUINE).filter(|number| endpoint(*number) == "/pingback") {
        let source = format!("source=http%3A%2F%2Fblog{number}.example%2Fsays%2F202&");
        assert!(
            told.iter().any(|request| request.contains(&source)),
            "{number}"
        );
    }

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
    let (headers, body) = (String::new(), ping("http://blog.example/says/202", POST));
    assert_eq!(
        squid.ask("/xmlrpc.php", &headers, body.as_bytes(), false),
        200
    );
}
