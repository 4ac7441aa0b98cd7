//! A web server behind httpd's proxy: it remembers every request byte for byte, and answers as its path says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{PATIENCE, eventually};

/// A request as the backend got it.
#[derive(Clone, Debug)]
pub struct Received {
    pub line: String,
    pub headers: Vec<(String, String)>,
    /// Decoded, where it came in chunks.
    pub body: Vec<u8>,
    /// Whether it came to its end.
    pub complete: bool,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// The backend. Its threads end with the test process.
pub struct Backend {
    pub port: u16,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Backend {
    /// Paths it knows: `/upgrade` changes the protocol and sends every byte back; `/slow` sends `first` at once and `second` a second later; `/echo` sends the request's body back;
    /// `/html/TEXT` sends TEXT as HTML; everything else is answered with the length of the body.
    pub fn start() -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let port = listener.local_addr().expect("its address").port();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let seen = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || serve(stream, &seen));
            }
        });
        Backend { port, received }
    }

    /// Waits for that many requests, and returns all that came.
    pub fn requests(&self, expected: usize) -> Vec<Received> {
        eventually(|| self.received.lock().unwrap().len() >= expected);
        self.received.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Received>>) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let path = request.line.split(' ').nth(1).unwrap_or("/").to_owned();
        let body = request.body.clone();
        let complete = request.complete;
        seen.lock().unwrap().push(request);
        let stream = reader.get_mut();
        let answered = match path.as_str() {
            "/slow" => slow(stream),
            "/upgrade" => return upgrade(reader),
            "/echo" => answer(stream, "application/octet-stream", &body),
            _ => match path.strip_prefix("/html/") {
                Some(text) => answer(stream, "text/html", text.as_bytes()),
                None => answer(
                    stream,
                    "application/x-length",
                    body.len().to_string().as_bytes(),
                ),
            },
        };
        if answered.is_err() || !complete {
            return;
        }
    }
}

fn answer(stream: &mut TcpStream, media_type: &str, body: &[u8]) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat())
}

fn upgrade(mut reader: BufReader<TcpStream>) {
    let head =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut bytes = [0; 1024];
    if reader.get_mut().write_all(head).is_err() {
        return;
    }
    while let Ok(length) = reader.read(&mut bytes)
        && length > 0
        && reader.get_mut().write_all(&bytes[..length]).is_ok()
    {}
}

fn slow(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    )?;
    stream.write_all(b"5\r\nfirst\r\n")?;
    std::thread::sleep(Duration::from_secs(1));
    stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n")
}

fn read_line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    let length = reader.read_until(b'\n', &mut line).ok()?;
    let text = String::from_utf8_lossy(&line);
    (length > 0).then(|| text.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let line = read_line(reader)?;
    let mut request = Received {
        line,
        headers: Vec::new(),
        body: Vec::new(),
        complete: true,
    };
    while let Some(line) = read_line(reader).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        request
            .headers
            .push((name.to_owned(), value.trim().to_owned()));
    }
    if request.header("Expect").is_some() {
        let _ = reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    if request.header("Transfer-Encoding").is_some() {
        loop {
            let size = read_line(reader).and_then(|line| usize::from_str_radix(&line, 16).ok());
            let Some(size) = size else {
                request.complete = false;
                break;
            };
            let mut chunk = vec![0; size + 2];
            if reader.read_exact(&mut chunk).is_err() {
                request.complete = false;
                break;
            }
            if size == 0 {
                break;
            }
            request.body.extend_from_slice(&chunk[..size]);
        }
    } else if let Some(length) = request
        .header("Content-Length")
        .and_then(|length| length.parse().ok())
    {
        let mut body = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match reader.read(&mut body[filled..]) {
                Ok(read) if read > 0 => filled += read,
                _ => break,
            }
        }
        body.truncate(filled);
        request.complete = filled == length;
        request.body = body;
    }
    Some(request)
}
