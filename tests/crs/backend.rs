//! The application behind the firewall: answers 200 to anything, and to `POST /reflect` what the request's JSON asks for,
//! as albedo does.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde::Deserialize;
use std::collections::BTreeMap;

use crate::request::base64;

/// No test's request is larger.
const BODY_LIMIT: u64 = 16 << 20;

/// A proxy that sends no more is gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// The response that a request asks for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    encoded_body: String,
}

fn ok() -> u16 {
    200
}

/// Starts it in a thread of its own, for as long as the process lives.
pub fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Nobody minds a connection that breaks: its test fails by itself.
            std::thread::spawn(move || answer(&stream));
        }
    });
    Ok(address)
}

fn answer(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let mut lines = Vec::new();
    while reader.read_line(&mut line)? > 0 && line != "\r\n" {
        lines.push(std::mem::take(&mut line));
    }
    let header = |name: &str| {
        lines.iter().skip(1).find_map(|line| {
            let (given, value) = line.split_once(':')?;
            given.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let body = if header("Transfer-Encoding").is_some() {
        chunks(&mut reader)?
    } else {
        let length = header("Content-Length").map_or(Ok(0), str::parse::<u64>);
        let length = length.map_err(io::Error::other)?.min(BODY_LIMIT);
        let mut body = Vec::new();
        reader.take(length).read_to_end(&mut body)?;
        body
    };

    let request_line = lines.first().map(String::as_str).unwrap_or_default();
    let wish = if request_line.starts_with("POST /reflect") {
        serde_json::from_slice(&body).unwrap_or_else(|_| Wish {
            status: 400,
            headers: BTreeMap::new(),
            body: "Invalid JSON in request body".into(),
            encoded_body: String::new(),
        })
    } else {
        Wish {
            status: 200,
            headers: BTreeMap::new(),
            body: String::new(),
            encoded_body: String::new(),
        }
    };
    let mut body = base64(&wish.encoded_body);
    if body.is_empty() {
        body = wish.body.into_bytes();
    }
    let mut head = format!("HTTP/1.1 {} Reflected\r\n", wish.status);
    let mut wishes_type = false;
    for (name, value) in &wish.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
        wishes_type |= name.eq_ignore_ascii_case("Content-Type");
    }
    if !wishes_type && !body.is_empty() {
        head.push_str("Content-Type: text/plain; charset=utf-8\r\n");
    }
    head.push_str(&format!(
        "Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    ));
    stream.write_all(head.as_bytes())?;
    if !request_line.starts_with("HEAD ") {
        stream.write_all(&body)?;
    }
    Ok(())
}

fn chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
        if size == 0 {
            return Ok(body);
        }
        reader.take(size.min(BODY_LIMIT)).read_to_end(&mut body)?;
        reader.read_line(&mut String::new())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_to(request: &str) -> String {
        let mut stream = TcpStream::connect(start().unwrap()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    #[test]
    fn anything_is_fine() {
        let response = answer_to("CONNECT /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nab");
        assert_eq!(
            response,
            "HTTP/1.1 200 Reflected\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn wishes_are_reflected() {
        let wish = r#"{"status":404,"headers":{"A":"b"},"encodedBody":"aGVsbG8="}"#;
        assert_eq!(
            answer_to(&format!(
                "POST /reflect HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{wish}\r\n0\r\n\r\n",
                wish.len()
            )),
            "HTTP/1.1 404 Reflected\r\nA: b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
        );
        assert!(
            answer_to("POST /reflect HTTP/1.1\r\nContent-Length: 1\r\n\r\n{")
                .starts_with("HTTP/1.1 400 ")
        );
    }
}
