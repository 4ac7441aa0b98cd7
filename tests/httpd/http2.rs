//! HTTP/2 in clear text, with curl as the client.

use std::process::Command;

use crate::harness::http2::{Http2, Message};
use crate::harness::{Backend, Mpm, Server, Setup, curl};

const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecAuditEngine RelevantOnly
SecAuditLog audit.log
SecAuditLogParts ABCFHZ
SecRule ARGS:one "@streq 1" "id:1,phase:1,deny,status:401"
SecRule ARGS:two "@streq 1" "id:2,phase:2,deny,status:402"
SecRule ARGS:three "@streq 1" "id:3,phase:3,deny,status:406"
SecRule RESPONSE_BODY "@contains evilanswer" "id:4,phase:4,deny,status:403"
SecRule ARGS:none "@streq 1" "id:7,phase:2,deny,status:404"
SecRule RESPONSE_BODY "@contains worse" "id:8,phase:4,deny,status:400"
SecRule ARGS:drop "@streq 1" "id:5,phase:1,drop"
SecRule ARGS:drop "@streq 3" "id:6,phase:3,drop"
"#;

fn start(mpm: Mpm, backend: &Backend) -> Option<Server> {
    let setup = Setup::new()?;
    let server = setup
        .mpm(mpm)
        .modules(&["http2", "proxy", "proxy_http"])
        .conf("Protocols h2c http/1.1")
        .conf(&format!("ProxyPass /b/ http://127.0.0.1:{}/", backend.port))
        .conf(ENGINE)
        .file("index.html", "fine")
        .file("bad.html", "an evilanswer")
        .file("worse.html", "a worse answer")
        .start();
    Some(server)
}

/// Asks over HTTP/2; the status and the body. Status 0: there was no answer.
fn ask(server: &Server, target: &str, arguments: &[&str]) -> Option<(u16, Vec<u8>)> {
    let output = Command::new(curl()?)
        .args([
            "-s",
            "--max-time",
            "20",
            "--http2-prior-knowledge",
            "-w",
            "\n%{http_version} %{http_code}",
        ])
        .args(arguments)
        .arg(format!("http://127.0.0.1:{}{target}", server.port()))
        .output()
        .expect("curl");
    assert_ne!(
        output.status.code(),
        Some(28),
        "{target}: no end of the answer in 20 s"
    );
    let end = output
        .stdout
        .iter()
        .rposition(|&byte| byte == b'\n')
        .expect("a last line");
    let (body, last) = output.stdout.split_at(end);
    let last = String::from_utf8_lossy(last).trim().to_owned();
    let (version, status) = last.split_once(' ').expect("version and status");
    let status = status.parse().expect("a status");
    assert!(
        status == 0 || version == "2",
        "{target}: spoke HTTP/{version}"
    );
    Some((status, body.to_vec()))
}

#[test]
fn denials_in_every_phase() {
    for mpm in [Mpm::Event, Mpm::Worker] {
        let backend = Backend::start();
        let Some(server) = start(mpm, &backend) else {
            return;
        };
        for (target, status) in [
            ("/index.html", 200),
            ("/index.html?one=1", 401),
            ("/index.html?two=1", 402),
            ("/index.html?three=1", 406),
            ("/bad.html", 403),
        ] {
            let Some(answer) = ask(&server, target, &[]) else {
                return;
            };
            assert_eq!(answer.0, status, "{target} {mpm:?}");
        }
        server.audit_records(4);
    }
}

#[test]
fn bodies_with_and_without_a_length() {
    let backend = Backend::start();
    let Some(server) = start(Mpm::Event, &backend) else {
        return;
    };
    let file = server.root().join("body");
    let body: Vec<u8> = (0..3_000_000_u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    std::fs::write(&file, &body).expect("a file to send");
    let data = format!("@{}", file.display());
    let form = "Content-Type: application/x-noise";
    let Some(answer) = ask(&server, "/b/one", &["-H", form, "--data-binary", &data]) else {
        return;
    };
    assert_eq!(answer, (200, body.len().to_string().into_bytes()));
    // From a pipe, curl does not know the length and states none.
    let arguments = ["-H", form, "-X", "POST", "-T", "-"];
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!(
            "cat {} | curl -s --max-time 20 --http2-prior-knowledge {} http://127.0.0.1:{}/b/two",
            file.display(),
            arguments.map(|argument| format!("'{argument}'")).join(" "),
            server.port()
        ))
        .output()
        .expect("sh");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        body.len().to_string()
    );
    assert!(
        backend
            .requests(2)
            .iter()
            .all(|request| request.body == body)
    );
    let Some(answer) = ask(&server, "/index.html", &["-d", "two=1"]) else {
        return;
    };
    assert_eq!(answer.0, 402);
}

#[test]
fn drops_end_the_stream_and_nothing_else() {
    let backend = Backend::start();
    let Some(server) = start(Mpm::Event, &backend) else {
        return;
    };
    for phase in ["1", "3"] {
        let Some(answer) = ask(&server, &format!("/index.html?drop={phase}"), &[]) else {
            return;
        };
        assert_eq!(answer.0, 0, "dropped in phase {phase}");
    }
    let Some(answer) = ask(&server, "/index.html", &[]) else {
        return;
    };
    assert_eq!(answer, (200, b"fine".to_vec()));
    assert_eq!(
        server.logged("Access denied with connection close").len(),
        2
    );
}

#[test]
fn a_hundred_streams_at_once() {
    for mpm in [Mpm::Event, Mpm::Worker] {
        let backend = Backend::start();
        let Some(server) = start(mpm, &backend) else {
            return;
        };
        let targets: Vec<String> = (0..100)
            .map(|number| match number % 4 {
                0 => format!("/index.html?n={number}"),
                1 => format!("/index.html?none=1&n={number}"),
                2 => format!("/worse.html?n={number}"),
                _ => format!("/b/html/good{number}"),
            })
            .collect();
        // curl, in clear text, uses a connection for one request after the other.
        let requests = targets.iter().map(|target| Message::get(target)).collect();
        let answers = Http2::connect(server.port()).ask(requests);
        for (target, answer) in targets.iter().zip(&answers) {
            let expected = match target {
                target if target.contains("none") => 404,
                target if target.contains("worse") => 400,
                _ => 200,
            };
            assert_eq!(answer.status, expected, "{target} {mpm:?}");
        }
        server.audit_records(50);
    }
}
