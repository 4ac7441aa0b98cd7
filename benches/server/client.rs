//! A client that costs as little as it can: one buffer, one write a request, keep-alive.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The slowest request takes seconds where eight of them share two cores; a minute means that something is broken.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A connection that is opened when it is needed, again whenever the server has closed it.
pub struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Client {
        Client {
            address,
            stream: None,
            buffer: vec![0; 256 * 1024],
        }
    }

    /// Sends a request and reads its answer to the end; the status.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                stream
            }
        };
        stream.write_all(request)?;
        let answer = read(&mut stream, &mut self.buffer)?;
        if !answer.closes {
            self.stream = Some(stream);
        }
        Ok(answer.status)
    }
}

struct Answer {
    status: u16,
    closes: bool,
}

/// Reads one answer. All that the measured servers send states its length.
fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Answer> {
    let mut filled = 0;
    let head = loop {
        let length = stream.read(buffer.get_mut(filled..).unwrap_or_default())?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += length;
        if let Some(end) = memchr::memmem::find(&buffer[..filled], b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&buffer[..head]);
    let unclear = || io::Error::other(format!("an answer without a status or a length: {text}"));
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
    };
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok())
        .ok_or_else(unclear)?;
    let length: usize = field("Content-Length")
        .and_then(|word| word.parse().ok())
        .ok_or_else(unclear)?;
    let closes = field("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let mut left = (head + length).saturating_sub(filled);
    while left > 0 {
        let most = left.min(buffer.len());
        match stream.read(&mut buffer[..most])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => left -= read,
        }
    }
    Ok(Answer { status, closes })
}

/// What a load of requests came to.
pub struct Load {
    /// Of each request, in seconds, in ascending order.
    latencies: Vec<f64>,
    seconds: f64,
}

impl Load {
    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.seconds
    }

    pub fn requests(&self) -> usize {
        self.latencies.len()
    }

    /// The latency that this share of the requests did not exceed, in seconds.
    pub fn quantile(&self, share: f64) -> f64 {
        let rank = (self.latencies.len() as f64 * share).ceil() as usize;
        let last = self.latencies.len().saturating_sub(1);
        self.latencies
            .get(rank.saturating_sub(1).min(last))
            .copied()
            .unwrap_or(f64::NAN)
    }
}

/// Sends the request over and over, on this many connections side by side, until the time is up; each connection at
/// least once. Every answer must have the status.
pub fn load(
    address: SocketAddr,
    request: &[u8],
    status: u16,
    connections: usize,
    time: Duration,
) -> io::Result<Load> {
    let begin = Instant::now();
    let one = || -> io::Result<Vec<f64>> {
        let mut client = Client::new(address);
        let mut latencies = Vec::new();
        loop {
            let sent = Instant::now();
            expect(client.exchange(request)?, status)?;
            latencies.push(sent.elapsed().as_secs_f64());
            if begin.elapsed() >= time {
                return Ok(latencies);
            }
        }
    };
    let all: io::Result<Vec<Vec<f64>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended
            .map(|result| result.unwrap_or_else(|_| Err(io::Error::other("a thread panicked"))))
            .collect()
    });
    let mut latencies = all?.concat();
    latencies.sort_by(f64::total_cmp);
    Ok(Load {
        latencies,
        seconds: begin.elapsed().as_secs_f64(),
    })
}

/// A figure of requests that were answered otherwise would be a figure of something else.
pub fn expect(found: u16, expected: u16) -> io::Result<()> {
    match found == expected {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "answered with {found} instead of {expected}"
        ))),
    }
}
