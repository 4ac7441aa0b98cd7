//! Bodies of requests, without their framing.

use bytes::Bytes;

/// A body without its framing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// Whether there is one at all.
    pub present: bool,
    /// What `Content-Length` says.
    pub announced: Option<u64>,
    /// The bytes.
    pub bytes: Bytes,
    /// How it ends.
    pub end: End,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// As it should.
    #[default]
    Complete,
    /// The connection ends before it does.
    Truncated,
    /// A chunk is malformed.
    Malformed,
}

/// A body with a length.
pub(super) fn counted(rest: &[u8], length: u64) -> Payload {
    let wanted = usize::try_from(length).unwrap_or(usize::MAX);
    let bytes = rest.get(..wanted).unwrap_or(rest);
    Payload {
        present: length > 0,
        announced: Some(length),
        end: match bytes.len() == wanted {
            true => End::Complete,
            false => End::Truncated,
        },
        bytes: Bytes::copy_from_slice(bytes),
    }
}

/// A body in chunks.
pub(super) fn dechunked(mut rest: &[u8]) -> Payload {
    let mut bytes = Vec::new();
    let mut end = End::Truncated;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(at);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit());
        let digits = line.get(..digits.count()).unwrap_or_default();
        let tail = line.get(digits.len()..).unwrap_or_default().trim_ascii();
        let size = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
            .filter(|_| tail.is_empty() || tail.starts_with(b";"));
        let Some(size) = size else {
            end = End::Malformed;
            break;
        };
        if size == 0 {
            end = End::Complete;
            break;
        }
        let data = after.get(1..).unwrap_or_default();
        let Some((chunk, next)) = data.split_at_checked(size) else {
            bytes.extend_from_slice(data);
            break;
        };
        bytes.extend_from_slice(chunk);
        let next = next.strip_prefix(b"\r").unwrap_or(next);
        match next.strip_prefix(b"\n") {
            Some(next) => rest = next,
            None => {
                end = match next.is_empty() {
                    true => End::Truncated,
                    false => End::Malformed,
                };
                break;
            }
        }
    }
    Payload {
        present: true,
        announced: None,
        bytes: bytes.into(),
        end,
    }
}
