//! Requests and responses from a HAR file, as browsers save them.

use serde::Deserialize;

use crate::transformations::{Env, Transformation};

/// A request as it would come over a connection, and its response, if the file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The bytes of the request.
    pub request: Vec<u8>,
    /// The bytes of the response.
    pub response: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct File {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: Request,
    response: Option<Response>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    http_version: String,
    #[serde(default)]
    headers: Vec<Pair>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    #[serde(default)]
    mime_type: String,
    text: Option<String>,
    #[serde(default)]
    params: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    status_text: String,
    #[serde(default)]
    headers: Vec<Pair>,
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    text: Option<String>,
    encoding: Option<String>,
}

/// The exchanges of a HAR file.
pub fn read(text: &str) -> Result<Vec<Exchange>, String> {
    let file: File =
        serde_json::from_str(text).map_err(|error| format!("this is no HAR file: {error}"))?;
    Ok(file.log.entries.iter().map(Entry::exchange).collect())
}

impl Entry {
    fn exchange(&self) -> Exchange {
        Exchange {
            request: self.request.bytes(),
            response: self
                .response
                .as_ref()
                .filter(|response| response.status >= 100)
                .map(Response::bytes),
        }
    }
}

impl Request {
    /// Compat: what HTTP/2 carries as pseudo-headers is request line and `Host`.
    fn bytes(&self) -> Vec<u8> {
        let target = self
            .url
            .split_once("://")
            .map_or(self.url.as_str(), |(_, rest)| rest);
        let (host, target) = match target.find(['/', '?']) {
            Some(at) => target.split_at(at),
            None => (target, "/"),
        };
        let target = target.split('#').next().unwrap_or(target);
        let slash = if target.starts_with('/') { "" } else { "/" };
        let version = match self.http_version.to_ascii_lowercase().as_str() {
            "http/1.0" => "HTTP/1.0",
            _ => "HTTP/1.1",
        };
        let mut text = format!("{} {slash}{target} {version}\r\n", self.method);
        let body = self
            .post_data
            .as_ref()
            .map(PostData::body)
            .unwrap_or_default();
        let has = |name: &str| {
            let mut headers = self.headers.iter();
            headers.any(|header| header.name.eq_ignore_ascii_case(name))
        };
        if !has("Host") {
            text.push_str(&format!("Host: {host}\r\n"));
        }
        for header in &self.headers {
            let name = header.name.to_ascii_lowercase();
            // The body stands there decoded.
            if !name.starts_with(':') && name != "content-length" && name != "transfer-encoding" {
                text.push_str(&format!("{}: {}\r\n", header.name, header.value));
            }
        }
        if let Some(data) = &self.post_data {
            if !has("Content-Type") && !data.mime_type.is_empty() {
                text.push_str(&format!("Content-Type: {}\r\n", data.mime_type));
            }
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        [text.as_bytes(), b"\r\n", body.as_bytes()].concat()
    }
}

impl PostData {
    fn body(&self) -> String {
        self.text.clone().unwrap_or_else(|| {
            let pairs = self.params.iter();
            let pairs: Vec<_> = pairs
                .map(|pair| format!("{}={}", pair.name, pair.value))
                .collect();
            pairs.join("&")
        })
    }
}

impl Response {
    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, self.status_text);
        for header in &self.headers {
            let name = header.name.to_ascii_lowercase();
            // The content stands there decoded.
            if !name.starts_with(':') && name != "content-encoding" && name != "transfer-encoding" {
                text.push_str(&format!("{}: {}\r\n", header.name, header.value));
            }
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        if let Some(Content {
            text: Some(content),
            encoding,
        }) = &self.content
        {
            let binary = encoding.as_deref() == Some("base64");
            let decoded = Transformation::lookup("base64Decode")
                .filter(|_| binary)
                .map(|decode| {
                    decode
                        .apply(content.as_bytes(), &Env::default())
                        .into_owned()
                });
            bytes.extend(decoded.unwrap_or_else(|| content.clone().into_bytes()));
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_become_requests_and_responses() {
        let text = r#"{"log": {"entries": [
            {"request": {"method": "POST", "url": "https://blog.example/a?b=c#d", "httpVersion": "h2",
                "headers": [{"name": ":path", "value": "/"}, {"name": "A", "value": "b"}, {"name": "content-length", "value": "99"}],
                "postData": {"mimeType": "text/plain", "text": "hello"}},
             "response": {"status": 200, "statusText": "OK", "headers": [{"name": "Content-Type", "value": "text/plain"}],
                "content": {"text": "aGk=", "encoding": "base64"}}},
            {"request": {"method": "GET", "url": "http://blog.example"}, "response": {"status": 0}}]}}"#;
        let found = read(text).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(
            text(&found[0].request),
            "POST /a?b=c HTTP/1.1\r\nHost: blog.example\r\nA: b\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
        );
        assert_eq!(
            text(found[0].response.as_deref().unwrap()),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhi"
        );
        assert_eq!(
            text(&found[1].request),
            "GET / HTTP/1.1\r\nHost: blog.example\r\n\r\n"
        );
        assert_eq!(found[1].response, None);
        assert!(read("[]").is_err());
    }
}
