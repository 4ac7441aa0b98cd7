//! The XML declaration `<?xml version="1.0" encoding="…" standalone="…"?>`.

use super::ErrorKind;
use super::tag;

/// The encoding that a declaration names; `content` is what stands between `<?xml` and `?>`.
///
/// The declaration must be exactly as the grammar has it: version first, then encoding and standalone, if any.
pub(super) fn encoding_label(content: &[u8]) -> Result<Option<&[u8]>, ErrorKind> {
    parse(content).ok_or(ErrorKind::Declaration)
}

fn parse(content: &[u8]) -> Option<Option<&[u8]>> {
    let text = std::str::from_utf8(content).ok()?;
    let fields = tag::attributes(text, 0).ok()?;
    let mut fields = fields.iter().peekable();

    let version = fields.next_if(|field| field.name == "version")?;
    let minor = version.value.strip_prefix("1.")?;
    if minor.is_empty() || !minor.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let encoding = fields.next_if(|field| field.name == "encoding");
    if encoding.is_some_and(|field| !is_encoding_name(field.value)) {
        return None;
    }
    let standalone = fields.next_if(|field| field.name == "standalone");
    if standalone.is_some_and(|field| !matches!(field.value, "yes" | "no")) {
        return None;
    }
    match fields.next() {
        None => Some(encoding.map(|field| field.value.as_bytes())),
        Some(_) => None,
    }
}

/// Production `EncName`.
fn is_encoding_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
