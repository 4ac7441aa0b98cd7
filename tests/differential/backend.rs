//! A server behind httpd that answers what scenarios tell it to.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// What is answered where there is nothing else to say: the request that came.
const ECHO: &str = "echo";

/// It runs as long as the test does.
pub struct Backend {
    pub port: u16,
}

impl Backend {
    /// Starts it with answers by path: see `Scenario::answers`.
    pub fn start(answers: HashMap<String, Vec<u8>>) -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = Arc::new(answers);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answers = Arc::clone(&answers);
                // Two servers are tested at the same time.
                std::thread::spawn(move || answer(stream, &answers));
            }
        });
        Backend { port }
    }
}

/// One request a connection. A client that goes away has had enough.
fn answer(mut stream: TcpStream, answers: &HashMap<String, Vec<u8>>) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head).ok()? == 0 {
            return None;
        }
    }
    let text: String = head.iter().copied().map(char::from).collect();
    let body = read_body(&text, &mut reader);
    let path = text.split(' ').nth(1)?;
    let path = path.split('?').next()?;
    match answers.get(path).map(Vec::as_slice) {
        Some(answer) if answer != ECHO.as_bytes() => stream.write_all(answer).ok()?,
        Some(_) => {
            let echo = [head, body].concat();
            let length = echo.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(&[head.into_bytes(), echo].concat()).ok()?;
        }
        None => stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .ok()?,
    }
    Some(())
}

/// The bytes behind the head, as they came.
fn read_body(head: &str, reader: &mut impl BufRead) -> Vec<u8> {
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    let mut body = Vec::new();
    if field("Transfer-Encoding").is_some() {
        while !body.ends_with(b"0\r\n\r\n") {
            if reader.read_until(b'\n', &mut body).unwrap_or(0) == 0 {
                break;
            }
        }
    } else if let Some(length) = field("Content-Length").and_then(|text| text.parse().ok()) {
        let _ = reader.take(length).read_to_end(&mut body);
    }
    body
}
