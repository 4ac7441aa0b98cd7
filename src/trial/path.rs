//! A path as httpd decodes it, with its default settings, before it looks for what is there.

/// The decoded path, or the status with which httpd refuses it.
///
/// Compat: segments `.` and `..` and doubled slashes are taken out first, then escapes are decoded. A slash or NUL that was
/// escaped is not found (404); a malformed escape, or a `..` that leads above the root, is a bad request (400).
pub fn decoded(path: &[u8]) -> Result<Vec<u8>, u16> {
    if !path.starts_with(b"/") {
        // `OPTIONS *` and CONNECT.
        return Ok(path.to_vec());
    }
    let normal = normalised(path)?;
    let mut out = Vec::with_capacity(normal.len());
    let (mut malformed, mut hidden) = (false, false);
    let mut rest = normal.as_slice();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            out.push(first);
            continue;
        }
        let escaped = match after {
            [high, low, after @ ..] => pair(*high, *low).map(|byte| (byte, after)),
            _ => None,
        };
        match escaped {
            Some((byte, after)) => {
                hidden |= matches!(byte, b'/' | 0);
                out.push(byte);
                rest = after;
            }
            None => {
                malformed = true;
                out.push(b'%');
            }
        }
    }
    match (malformed, hidden) {
        (true, _) => Err(400),
        (false, true) => Err(404),
        (false, false) => Ok(out),
    }
}

/// Without `.`, `..` and doubled slashes. Escaped letters, digits and `-._~` count as themselves.
fn normalised(path: &[u8]) -> Result<Vec<u8>, u16> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let plain = unreserved(path);
    let mut segments = plain.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"" if !last => {}
            b"." => {
                if last {
                    out.push(b'/');
                }
            }
            b".." => {
                let parent = out.iter().rposition(|byte| *byte == b'/').ok_or(400_u16)?;
                out.truncate(parent);
                if last {
                    out.push(b'/');
                }
            }
            segment => {
                out.push(b'/');
                out.extend_from_slice(segment);
            }
        }
    }
    Ok(out)
}

/// Decodes what needs no escape.
fn unreserved(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if let (b'%', [high, low, after @ ..]) = (first, after)
            && let Some(byte) = pair(*high, *low)
            && (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        {
            out.push(byte);
            rest = after;
            continue;
        }
        out.push(first);
    }
    out
}

/// The byte of two hexadecimal digits.
fn pair(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_or_refused() {
        for (path, expected) in [
            ("/", Ok("/")),
            ("/a/./b/../c//d", Ok("/a/c/d")),
            ("/a/%2e%2E/b", Ok("/b")),
            ("/a/..", Ok("/")),
            ("/a/.", Ok("/a/")),
            ("/a//", Ok("/a/")),
            ("/%41%20+", Ok("/A +")),
            ("/..", Err(400)),
            ("/a/../../b", Err(400)),
            ("/%", Err(400)),
            ("/%zz%2f", Err(400)),
            ("/a%2fb", Err(404)),
            ("/a%00", Err(404)),
            ("*", Ok("*")),
        ] {
            let found = decoded(path.as_bytes());
            let found = found.as_deref().map_err(|status| *status);
            assert_eq!(found, expected.map(str::as_bytes), "{path}");
        }
    }
}
