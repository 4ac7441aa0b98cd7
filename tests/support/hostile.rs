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
    /// What is right over HTTP/2, where that is something else.
    right2: Option<String>,
    #[serde(default, rename = "why")]
    _why: String,
    raw: Option<String>,
    /// A header block of HTTP/2.
    fields: Option<String>,
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
    /// The header block and the body of an HTTP/2 stream.
    Fields(Fields, Vec<u8>),
    /// What has a meaning in every version of HTTP.
    Parts(Parts),
}

/// Names and values.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

pub struct Parts {
    pub method: String,
    pub target: Vec<u8>,
    /// Lines without their ends.
    pub headers: Vec<Vec<u8>>,
    pub body: Vec<u8>,
}

impl Vector {
    /// What nobody refuses.
    pub fn everyday() -> Vector {
        Vector {
            name: "everyday".to_owned(),
            status: 200,
            by: String::new(),
            message: Message::Parts(Parts {
                method: "GET".to_owned(),
                target: b"/everyday".to_vec(),
                headers: Vec::new(),
                body: Vec::new(),
            }),
        }
    }

    /// The header block and the body of an HTTP/2 stream.
    pub fn stream(&self) -> (Fields, Option<Vec<u8>>) {
        let parts = match &self.message {
            Message::Raw(_) => panic!("{}: only HTTP/1.1 has such bytes", self.name),
            Message::Fields(fields, body) => {
                let body = (!body.is_empty()).then(|| body.clone());
                return (fields.clone(), body);
            }
            Message::Parts(parts) => parts,
        };
        let pseudo: [(&str, &[u8]); 4] = [
            (":method", parts.method.as_bytes()),
            (":scheme", b"http"),
            (":authority", b"www.example.test"),
            (":path", &parts.target),
        ];
        let mut fields: Fields = pseudo
            .map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()))
            .to_vec();
        fields.extend(parts.headers.iter().map(|line| {
            let (name, value) = field(line);
            (name.to_ascii_lowercase(), value)
        }));
        (fields, (parts.method != "GET").then(|| parts.body.clone()))
    }

    /// The bytes on an HTTP/1.1 connection that ends behind them.
    pub fn wire(&self) -> Vec<u8> {
        let parts = match &self.message {
            Message::Raw(bytes) => return bytes.clone(),
            Message::Fields(..) => panic!("{}: only HTTP/2 has such a block", self.name),
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

/// All that can be said in HTTP/1.1.
pub fn for_http1() -> Vec<Vector> {
    let said = |row: &Row| row.fields.is_none();
    read(said, |row| &row.right)
}

/// All that can be said in HTTP/2.
pub fn for_http2() -> Vec<Vector> {
    let said = |row: &Row| row.raw.is_none();
    read(said, |row| row.right2.as_ref().unwrap_or(&row.right))
}

fn read(said: impl Fn(&Row) -> bool, right: impl Fn(&Row) -> &String) -> Vec<Vector> {
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
        let rows = file.vectors.iter().filter(|row| said(row));
        vectors.extend(rows.map(|row| vector(row, right(row), &file.media_type)));
    }
    vectors
}

/// The lines of a text, without their ends.
fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        lines.push(rest[..end].to_vec());
        rest = &rest[end + 2..];
    }
    lines
}

/// Name and value of a line. A pseudo-header's name begins with a colon.
fn field(line: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let colon = (1..line.len())
        .find(|at| line[*at] == b':')
        .expect("a name and a value");
    let value = &line[colon + 1..];
    let value = value.strip_prefix(b" ").unwrap_or(value);
    (line[..colon].to_vec(), value.to_vec())
}

fn vector(row: &Row, right: &str, media_type: &str) -> Vector {
    let (status, by) = right.split_once(' ').unwrap_or((right, ""));
    let message = match (&row.raw, &row.fields) {
        (Some(raw), _) => Message::Raw(bytes(raw)),
        (None, Some(block)) => {
            let fields = lines(&bytes(block))
                .iter()
                .map(|line| field(line))
                .collect();
            Message::Fields(fields, bytes(&row.body))
        }
        (None, None) => {
            let method = row.method.clone().unwrap_or_else(|| "POST".to_owned());
            let mut headers: Vec<Vec<u8>> = Vec::new();
            let media_type = row.media_type.as_deref().unwrap_or(media_type);
            if method != "GET" && !media_type.is_empty() {
                headers.push([b"Content-Type: ", &bytes(media_type)[..]].concat());
            }
            headers.extend(lines(&bytes(&row.headers)));
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
