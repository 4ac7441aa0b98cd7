//! A response from a file.

use bytes::Bytes;

use crate::facts::{Header, Response};

/// Reads status line, header and body. `None` where the first line is no status line.
pub fn read(bytes: &[u8]) -> Option<(Response, Bytes)> {
    let crlf = memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| (at, at + 4));
    let lf = memchr::memmem::find(bytes, b"\n\n").map(|at| (at, at + 2));
    let (end, body) = match (crlf, lf) {
        (Some(crlf), Some(lf)) => crlf.min(lf),
        (one, other) => one.or(other).unwrap_or((bytes.len(), bytes.len())),
    };
    let head = String::from_utf8_lossy(bytes.get(..end)?).into_owned();
    let mut lines = head.lines();
    let (protocol, rest) = lines.next()?.split_once(' ')?;
    let status = rest.split(' ').next()?.parse().ok()?;
    if !protocol.starts_with("HTTP/") {
        return None;
    }
    let headers: Vec<Header> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| Header {
            name: name.to_owned().into(),
            value: value.trim().to_owned().into(),
        })
        .collect();
    let named = |name: &[u8]| {
        let mut named = headers.iter();
        named
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.clone())
    };
    let body = Bytes::copy_from_slice(bytes.get(body..)?);
    let response = Response {
        status,
        status_line: rest.to_owned().into(),
        // What httpd sends, whatever its backend spoke.
        protocol: Bytes::from_static(b"HTTP/1.1"),
        content_type: named(b"Content-Type"),
        content_encoding: named(b"Content-Encoding"),
        headers: headers.clone(),
        bytes_sent: body.len() as u64,
        handler: None,
        path: Bytes::new(),
    };
    Some((response, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_taken_apart() {
        let (response, body) =
            read(b"HTTP/1.0 404 Not Found\r\nContent-type: text/html; charset=x\r\nA: b\r\n\r\nno\n\nthing").unwrap();
        assert_eq!(
            (response.status, &response.status_line[..]),
            (404, &b"404 Not Found"[..])
        );
        assert_eq!(
            response.content_type.as_deref(),
            Some(&b"text/html; charset=x"[..])
        );
        assert_eq!(response.headers.len(), 2);
        assert_eq!(body, "no\n\nthing");
        assert_eq!(read(b"HTTP/1.1 204 No Content\n\n").unwrap().1, "");
        assert!(read(b"<html>").is_none());
    }
}
