//! One request on a connection of its own.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

/// Longer than httpd waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a client sees.
#[derive(Debug)]
pub struct Exchange {
    /// The client's port, by which the log knows it.
    pub port: u16,
    /// The response's status; `None` if what came is no response.
    pub status: Option<u16>,
    /// How much came, in bytes.
    pub length: usize,
}

/// Sends a request and reads until the server closes. `ports` are those used so far: none is used twice.
pub fn exchange(
    server: SocketAddr,
    request: &[u8],
    ports: &Mutex<HashSet<u16>>,
) -> io::Result<Exchange> {
    // A connection on a used port is kept until there is another one, or the kernel would offer the port again.
    let mut used = Vec::new();
    let (mut stream, port) = loop {
        let stream = TcpStream::connect(server)?;
        let port = stream.local_addr()?.port();
        if ports.lock().is_ok_and(|mut ports| ports.insert(port)) {
            break (stream, port);
        }
        used.push(stream);
    };
    drop(used);
    stream.set_read_timeout(Some(PATIENCE))?;
    // A server may answer and close before it has read everything: not an error.
    let _ = stream.write_all(request);

    let mut response = Vec::new();
    let mut buffer = [0; 16 << 10];
    // The connection may also be reset, with the same meaning.
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 {
            break;
        }
        if response.is_empty() {
            // Nothing more will come from here: a connection that could be kept alive ends with this response.
            let _ = stream.shutdown(Shutdown::Write);
        }
        response.extend_from_slice(&buffer[..count]);
    }
    Ok(Exchange {
        port,
        status: status(&response),
        length: response.len(),
    })
}

/// The status of a response with a complete head.
fn status(response: &[u8]) -> Option<u16> {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(response.get(..end)?).ok()?;
    let mut words = head.lines().next()?.split(' ');
    let version = words.next()?.strip_prefix("HTTP/")?;
    let code = words.next()?;
    (version.len() == 3 && code.len() == 3)
        .then(|| code.parse().ok())
        .flatten()
}

#[test]
fn a_response_has_a_status_line_and_a_head() {
    assert_eq!(
        status(b"HTTP/1.1 403 Forbidden\r\nA: b\r\n\r\nx"),
        Some(403)
    );
    assert_eq!(status(b"HTTP/1.1 200\r\n\r\n"), Some(200));
    assert_eq!(status(b"<html>\r\n\r\nHTTP/1.1 200 OK"), None);
    assert_eq!(status(b"HTTP/1.1 200 OK\r\nA: b\r\n"), None);
    assert_eq!(status(b""), None);
}
