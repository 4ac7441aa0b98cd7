//! A test's input as the bytes of a request, by go-ftw's rules.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::ftw::Input;

const FORM: &str = "application/x-www-form-urlencoded";

/// The bytes to send.
pub fn bytes(input: &Input) -> Vec<u8> {
    if let Some(encoded) = &input.encoded_request {
        return base64(encoded);
    }
    let mut headers = input.headers.clone();
    let mut data = expanded(input.data.as_deref().unwrap_or_default());
    // The names' letters may be of either case; one of a kind is the rule.
    let value = |headers: &std::collections::BTreeMap<String, String>, name: &str| {
        headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone())
    };
    if input.autocomplete_headers {
        if !data.is_empty() {
            let kind = value(&headers, "Content-Type");
            if kind.as_deref().is_none_or(|kind| kind == FORM) {
                data = form_encoded(data);
            }
            if kind.is_none() {
                headers.insert("Content-Type".into(), FORM.into());
            }
        }
        if value(&headers, "Connection").is_none() {
            headers.insert("Connection".into(), "close".into());
        }
    }
    if value(&headers, "Content-Type").is_some_and(|kind| kind.contains("multipart/form-data;")) {
        data = data.replace('\n', "\r\n");
    }
    if input.autocomplete_headers
        && (!data.is_empty() || has_length(&input.method))
        && value(&headers, "Content-Length").is_none()
    {
        headers.insert("Content-Length".into(), data.len().to_string());
    }

    let mut request = format!("{} {} {}\r\n", input.method, input.uri, input.version);
    for (name, value) in &headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(&data);
    request.into_bytes()
}

/// go-ftw asks `^POST|PUT|PATCH|DELETE$`, which binds as it is written here.
fn has_length(method: &str) -> bool {
    method.starts_with("POST")
        || method.contains("PUT")
        || method.contains("PATCH")
        || method.ends_with("DELETE")
}

/// Data are a template in Go's language. The suite uses one expression of it.
fn expanded(data: &str) -> String {
    static REPEAT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"\{\{ *"([^"]*)" *\| *repeat +([0-9]+) *\}\}"#).unwrap());
    REPEAT
        .replace_all(data, |found: &Captures| {
            found[1].repeat(found[2].parse().unwrap())
        })
        .into_owned()
}

/// A form's data, encoded and sorted by name, unless something in them is encoded already.
fn form_encoded(data: String) -> String {
    if data.contains(['%', '+']) {
        return data;
    }
    let mut pairs: Vec<(&str, &str)> = data
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    pairs.sort_by_key(|(name, _)| *name);
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
        .collect();
    pairs.join("&")
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// Decodes base64, with line ends in it.
pub fn base64(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' | b'\n' | b'\r' => continue,
            other => panic!("not base64: {:?}", char::from(other)),
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(yaml: &str) -> String {
        String::from_utf8(bytes(&serde_norway::from_str(yaml).unwrap())).unwrap()
    }

    #[test]
    fn headers_are_completed_and_sorted() {
        assert_eq!(
            sent("{method: POST, uri: /x, headers: {Host: a, Accept: b}}"),
            "POST /x HTTP/1.1\r\nAccept: b\r\nConnection: close\r\nContent-Length: 0\r\nHost: a\r\n\r\n"
        );
        assert_eq!(
            sent("{headers: {Host: a}, data: 'q=1'}"),
            "GET / HTTP/1.1\r\nConnection: close\r\nContent-Length: 3\r\nContent-Type: application/x-www-form-urlencoded\r\nHost: a\r\n\r\nq=1"
        );
        assert_eq!(
            sent("{method: POST, headers: {Host: a}, data: 'q=<', autocomplete_headers: false}"),
            "POST / HTTP/1.1\r\nHost: a\r\n\r\nq=<"
        );
        assert_eq!(
            sent("{headers: {content-length: 7, connection: x}, data: 'q=1&'}"),
            "GET / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nconnection: x\r\ncontent-length: 7\r\n\r\nq=1"
        );
    }

    #[test]
    fn forms_are_encoded_unless_they_are() {
        assert_eq!(
            form_encoded("b=<ä>;x&a c=1=2&&d".into()),
            "a+c=1%3D2&b=%3C%C3%A4%3E%3Bx&d="
        );
        assert_eq!(form_encoded("b=<+".into()), "b=<+");
        assert_eq!(form_encoded("b=<%20".into()), "b=<%20");
    }

    #[test]
    fn multipart_lines_end_in_crlf() {
        let request = sent(
            "{method: POST, autocomplete_headers: false, headers: {Content-Type: multipart/form-data; boundary=x}, data: \"--x\\n\\n--x--\\n\"}",
        );
        assert!(request.ends_with("\r\n\r\n--x\r\n\r\n--x--\r\n"));
    }

    #[test]
    fn templates() {
        assert_eq!(expanded(r#"a{{ "1" | repeat 3 }}b{{c}}"#), "a111b{{c}}");
    }

    #[test]
    fn base64_decodes() {
        assert_eq!(base64("aGVs\nbG8="), b"hello");
        assert_eq!(base64("rO0ABQ=="), [0xac, 0xed, 0, 5]);
        assert_eq!(base64(""), b"");
    }
}
