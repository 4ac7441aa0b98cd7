//! Whether a page has a link to another.
//!
//! Links are what a reader can follow or a citation names: `href` of `a`, `area` and `link`, `cite` of quotations and
//! changes. What only looks like one, in comments, scripts, styles or text, is none.

use url::Url;

use crate::html::{Scanner, Value};
use crate::pingback::url::MAX_URL;

/// Where links stand: element and attribute.
const PLACES: [(&[u8], &[u8]); 7] = [
    (b"a", b"href"),
    (b"area", b"href"),
    (b"link", b"href"),
    (b"blockquote", b"cite"),
    (b"q", b"cite"),
    (b"ins", b"cite"),
    (b"del", b"cite"),
];

/// A page as links name it: without what makes no difference.
///
/// Scheme, the usual ports, the fragment, an empty query and slashes at the end make none, nor does the way in which
/// characters are escaped: weblogs move to https and add slashes, and each library escapes in its own way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Name(String);

impl Name {
    pub(super) fn of(url: &Url) -> Option<Name> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let mut name = url.host_str()?.trim_end_matches('.').to_owned();
        if let Some(port) = url.port().filter(|port| !matches!(port, 80 | 443)) {
            name.push_str(&format!(":{port}"));
        }
        let path = unescaped(url.path());
        name.push_str(path.trim_end_matches('/'));
        if let Some(query) = url.query().filter(|query| !query.is_empty()) {
            name.push('?');
            name.push_str(&unescaped(query));
        }
        Some(Name(name))
    }
}

/// Escapes in one form: what needs none has none, the others have capital letters.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| {
            let hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
            u8::from_str_radix(digits, 16).ok().filter(|_| hexadecimal)
        });
        match byte {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~!$'()*,:;@".contains(&byte) => {
                plain.push(char::from(byte));
            }
            Some(byte) => plain.push_str(&format!("%{byte:02X}")),
            None => {
                plain.push('%');
                plain.push_str(part);
                continue;
            }
        }
        plain.push_str(part.get(2..).unwrap_or_default());
    }
    plain
}

/// Whether the page at `location` links to `target`.
pub(super) fn links_to(html: &[u8], location: &Url, target: &Name) -> bool {
    let mut base = location.clone();
    let mut has_base = false;
    let mut scanner = Scanner::new(html);
    while let Some(tag) = scanner.next_tag() {
        let value = |attribute| {
            let span = tag.attribute(html, attribute)?;
            // Longer than any that leads somewhere; joined to every link, a long base would cost the square of the page.
            if span.len() > MAX_URL {
                return None;
            }
            Some(String::from_utf8_lossy(&Value::read(html, span).text).into_owned())
        };
        if !has_base && tag.is(html, b"base") {
            // Compat: browsers, too, take the first one that has an address, and none from another scheme.
            let stated = value(b"href").and_then(|href| location.join(&href).ok());
            has_base = stated.is_some();
            base = stated.unwrap_or(base);
            continue;
        }
        let place = PLACES.iter().find(|(element, _)| tag.is(html, element));
        let link = place.and_then(|(_, attribute)| base.join(&value(attribute)?).ok());
        if link.and_then(|link| Name::of(&link)).as_ref() == Some(target) {
            return true;
        }
    }
    false
}

#[cfg(test)]
#[path = "page/tests.rs"]
mod tests;
