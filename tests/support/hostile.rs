//! Rows of `tests/data/hostile/*.toml` as requests.
#![allow(dead_code)]

use std::path::Path;

use serde::Deserialize;

/// A file of rows, with what they have in common.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    media_type: String,
    vectors: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    right: String,
    #[serde(default, rename = "why")]
    _why: String,
    raw: Option<String>,
    #[serde(rename = "type")]
    media_type: Option<String>,
    method: Option<String>,
    target: Option<String>,
    #[serde(default)]
    headers: String,
    #[serde(default)]
    body: String,
}

/// A request, and the answer that is right.
pub struct Vector {
    pub name: String,
    pub status: u16,
    /// A rule's id or a probe's name; `httpd` or `flag`; nothing where the request is served.
    pub by: String,
    pub message: Message,
}

/// What is sent.
pub enum Message {
    /// The bytes of an HTTP/1.1 connection.
    Raw(Vec<u8>),
    /// What has a meaning in every version of HTTP.
    Parts(Parts),
}

pub struct Parts {
    pub method: String,
    pub target: Vec<u8>,
    /// Lines without their ends.
    pub headers: Vec<Vec<u8>>,
    pub body: Vec<u8>,
}

impl Vector {
    /// The bytes on an HTTP/1.1 connection that ends behind them.
    pub fn wire(&self) -> Vec<u8> {
        let parts = match &self.message {
            Message::Raw(bytes) => return bytes.clone(),
            Message::Parts(parts) => parts,
        };
        let mut wire = format!("{} ", parts.method).into_bytes();
        wire.extend_from_slice(&parts.target);
        wire.extend_from_slice(b" HTTP/1.1\r\nHost: www.example.test\r\nConnection: close\r\n");
        for header in &parts.headers {
            wire.extend_from_slice(header);
            wire.extend_from_slice(b"\r\n");
        }
        if parts.method != "GET" {
            wire.extend_from_slice(format!("Content-Length: {}\r\n", parts.body.len()).as_bytes());
        }
        wire.extend_from_slice(b"\r\n");
        wire.extend_from_slice(&parts.body);
        wire
    }
}

/// All rows of all files.
pub fn all() -> Vec<Vector> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hostile");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .expect("the directory")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    files.sort();
    let mut vectors = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a file of rows");
        let file: File =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        vectors.extend(file.vectors.iter().map(|row| vector(row, &file.media_type)));
    }
    vectors
}

fn vector(row: &Row, media_type: &str) -> Vector {
    let (status, by) = row.right.split_once(' ').unwrap_or((&row.right, ""));
    let message = match &row.raw {
        Some(raw) => Message::Raw(bytes(raw)),
        None => {
            let method = row.method.clone().unwrap_or_else(|| "POST".to_owned());
            let mut headers: Vec<Vec<u8>> = Vec::new();
            let media_type = row.media_type.as_deref().unwrap_or(media_type);
            if method != "GET" && !media_type.is_empty() {
                headers.push([b"Content-Type: ", &bytes(media_type)[..]].concat());
            }
            let lines = bytes(&row.headers);
            let mut rest = &lines[..];
            while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
                headers.push(rest[..end].to_vec());
                rest = &rest[end + 2..];
            }
            Message::Parts(Parts {
                method,
                target: bytes(row.target.as_deref().unwrap_or("/echo")),
                headers,
                body: bytes(&row.body),
            })
        }
    };
    Vector {
        name: row.name.clone(),
        status: status
            .parse()
            .unwrap_or_else(|_| panic!("{}: {status:?} is no status", row.name)),
        by: by.to_owned(),
        message,
    }
}

/// A text of the files as bytes; their `README.md` says how it is written.
fn bytes(text: &str) -> Vec<u8> {
    let text = text
        .replace("{a}", "Content-Disposition: form-data; name=\"a\"")
        .replace(
            "{f}",
            "Content-Disposition: form-data; name=\"f\"; filename=\"f.txt\"",
        )
        .replace("{q}", "'")
        .replace(
            "{chunked}",
            "POST /echo HTTP/1.1↵Host: www.example.test↵Connection: close↵\
             Content-Type: application/x-www-form-urlencoded↵Transfer-Encoding: chunked↵",
        )
        .replace('↵', "\r\n");
    let mut bytes = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('«') {
        let (inside, after) = after.split_once('»').expect("an end of «");
        bytes.extend_from_slice(before.as_bytes());
        match inside.split_once('*') {
            Some((count, repeated)) => {
                let count = count.parse().expect("how often");
                bytes.extend_from_slice(repeated.repeat(count).as_bytes());
            }
            None => bytes.extend(
                inside
                    .split(' ')
                    .map(|digits| u8::from_str_radix(digits, 16).expect("two digits")),
            ),
        }
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
