//! A client that sends exactly what it is told, and reads answers as HTTP/1.1 frames them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::PATIENCE;

/// One connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug, Default)]
pub struct Response {
    /// 0 where the connection was closed without one.
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the server said that the connection ends here.
    pub fn closes(&self) -> bool {
        self.header("Connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl Client {
    pub fn connect(port: u16) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a read timeout");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a write timeout");
        Client {
            stream: BufReader::new(stream),
        }
    }

    /// Sends bytes as they are. A server that has heard enough may have closed: that is no failure here.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.get_mut().write_all(bytes.as_ref());
    }

    /// Sends a request; with a body, its length is stated.
    pub fn send_request(&mut self, method: &str, target: &str, headers: &str, body: &[u8]) {
        let length = if body.is_empty() && method == "GET" {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        self.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: www.example.test\r\n{headers}{length}\r\n"
        ));
        self.send(body);
    }

    /// Sends a body in chunks of this size, and its end.
    pub fn send_chunked(&mut self, body: &[u8], size: usize) {
        let mut wire = Vec::with_capacity(body.len() + body.len() / size * 8);
        for chunk in body.chunks(size) {
            wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"0\r\n\r\n");
        self.send(wire);
    }

    /// No more bytes will be sent.
    pub fn finish(&self) {
        let _ = self.stream.get_ref().shutdown(Shutdown::Write);
    }

    /// The next answer. Status 0: the connection ended without one.
    pub fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    /// The next answer, to a request with this method: one to HEAD has no body.
    pub fn response_to(&mut self, method: &str) -> Response {
        let mut response = Response::default();
        let Some(status_line) = self.line() else {
            return response;
        };
        let number = status_line
            .split(' ')
            .nth(1)
            .and_then(|number| number.parse().ok());
        response.status = number.unwrap_or_else(|| panic!("{status_line:?} is no status line"));
        while let Some(line) = self.line().filter(|line| !line.is_empty()) {
            let (name, value) = line
                .split_once(':')
                .unwrap_or_else(|| panic!("{line:?} is no header"));
            response
                .headers
                .push((name.to_owned(), value.trim().to_owned()));
        }
        let bodyless = method == "HEAD" || matches!(response.status, 100..=199 | 204 | 304);
        if !bodyless {
            response.body = self.body(&response);
        }
        response
    }

    fn body(&mut self, response: &Response) -> Vec<u8> {
        let mut body = Vec::new();
        if response.header("Transfer-Encoding").is_some() {
            while let Some(size) = self.line() {
                let size = usize::from_str_radix(size.split(';').next().unwrap_or("").trim(), 16);
                let mut chunk = vec![0; size.expect("a chunk size")];
                self.stream.read_exact(&mut chunk).expect("a chunk");
                self.line();
                if chunk.is_empty() {
                    break;
                }
                body.extend_from_slice(&chunk);
            }
        } else if let Some(length) = response.header("Content-Length") {
            body.resize(length.parse().expect("a length"), 0);
            self.stream.read_exact(&mut body).expect("the whole body");
        } else {
            let _ = self.stream.read_to_end(&mut body);
        }
        body
    }

    /// One line without its end; `None` at the end of the connection.
    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let read = self.stream.read_until(b'\n', &mut line).unwrap_or(0);
        let text = String::from_utf8_lossy(&line)
            .trim_end_matches(['\r', '\n'])
            .to_owned();
        (read > 0).then_some(text)
    }

    /// The first bytes that come, at most this many: for answers that must come before their end.
    pub fn some(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; most];
        let length = self.stream.read(&mut bytes).unwrap_or(0);
        bytes.truncate(length);
        bytes
    }

    /// All that is left on the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest);
        rest
    }
}
