//! The body of a login: taken as it comes, read once.

use bytes::Bytes;

use super::BODY_LIMIT;
use crate::body::{Argument, Kind, Parser, Settings, xml, xmlrpc::Call};

/// What has come of a body. It may hold a password: it is dropped with the attempt, and only names leave it.
#[derive(Default)]
pub(super) struct Body {
    bytes: Vec<u8>,
    content_type: Vec<u8>,
    came: bool,
    cut: bool,
}

/// What is known of a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Field {
    /// Its value; of several the last, which is the one that PHP takes.
    Value(Vec<u8>),
    /// It is not there.
    Absent,
    /// It may be there: the body is too long or malformed.
    Unknown,
}

impl Body {
    pub(super) fn new(content_type: Vec<u8>) -> Body {
        Body {
            content_type,
            ..Body::default()
        }
    }

    /// Takes the next piece.
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.came |= !piece.is_empty();
        let room = BODY_LIMIT - self.bytes.len().min(BODY_LIMIT);
        self.cut |= piece.len() > room;
        self.bytes
            .extend_from_slice(piece.get(..room).unwrap_or(piece));
    }

    /// Whether more of it is of no use.
    pub(super) fn is_full(&self) -> bool {
        self.cut
    }

    /// Whether the application has asked for anything.
    pub(super) fn came(&self) -> bool {
        self.came
    }

    /// Reads it as a form or a JSON object.
    pub(super) fn fields(&self) -> Fields {
        let kind = match Kind::from_content_type(&self.content_type) {
            Some(kind) => kind,
            None if is_json(&self.content_type) => Kind::Json,
            None => Kind::Urlencoded,
        };
        let mut parser = Parser::new(kind, &self.content_type, &Settings::default());
        parser.feed(&self.bytes);
        let parsed = parser.finish();
        Fields {
            unsure: self.cut || parsed.error.is_some(),
            arguments: parsed.args,
            json: kind == Kind::Json,
        }
    }

    /// Reads it as an XML-RPC call. `None`: it cannot be read.
    pub(super) fn call(&self) -> Option<Call> {
        if self.cut {
            return None;
        }
        let document = xml::parse(&self.bytes, xml::Options::default());
        Call::from_document(&document).ok()
    }
}

fn is_json(content_type: &[u8]) -> bool {
    let end = content_type.iter().position(|byte| *byte == b';');
    let media_type = content_type.get(..end.unwrap_or(content_type.len()));
    let media_type = media_type.unwrap_or_default().trim_ascii();
    media_type.eq_ignore_ascii_case(b"application/json")
        || media_type.to_ascii_lowercase().ends_with(b"+json")
}

/// The fields of a form, or the members of a JSON object.
pub(super) struct Fields {
    arguments: Vec<Argument>,
    unsure: bool,
    json: bool,
}

impl Fields {
    /// Those of a query string.
    pub(super) fn of_query(query: &[u8]) -> Fields {
        let settings = Settings::default();
        let query = Bytes::copy_from_slice(query);
        let parsed = crate::body::urlencoded::parse(
            &query,
            settings.argument_separator,
            settings.arguments_limit,
        );
        Fields {
            unsure: parsed.limit_exceeded,
            arguments: parsed.args,
            json: false,
        }
    }

    pub(super) fn get(&self, name: &str) -> Field {
        let wanted = |argument: &&Argument| match self.json {
            // `json.email`, or deeper: the last part is the member's name.
            true => argument.name.rsplit(|byte| *byte == b'.').next() == Some(name.as_bytes()),
            false => same_field(&argument.name, name.as_bytes()),
        };
        match self.arguments.iter().rev().find(wanted) {
            Some(argument) => Field::Value(argument.value.to_vec()),
            None if self.unsure => Field::Unknown,
            None => Field::Absent,
        }
    }

    /// Whether a field is there and not empty, or may be.
    pub(super) fn may_have(&self, name: &str) -> bool {
        match self.get(name) {
            Field::Value(value) => !value.is_empty(),
            Field::Absent => false,
            Field::Unknown => true,
        }
    }

    /// A field's value where it is known.
    pub(super) fn value(&self, name: &str) -> Option<Vec<u8>> {
        match self.get(name) {
            Field::Value(value) => Some(value),
            _ => None,
        }
    }
}

/// Whether PHP takes a name for this one: it passes blanks at the start over, ends at a zero byte, and makes an underscore of
/// blanks and dots. Other readers do none of this, and then such a field is none for them.
fn same_field(name: &[u8], wanted: &[u8]) -> bool {
    let start = name.iter().position(|byte| *byte != b' ');
    let name = name.get(start.unwrap_or(name.len())..).unwrap_or_default();
    let end = memchr::memchr(0, name).unwrap_or(name.len());
    let plain = name.iter().take(end).map(|byte| match byte {
        b' ' | b'.' => b'_',
        other => *other,
    });
    name == wanted || plain.eq(wanted.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(content_type: &str, body: &str, name: &str) -> Field {
        let mut reader = Body::new(content_type.as_bytes().to_vec());
        for piece in body.as_bytes().chunks(3) {
            reader.take(piece);
        }
        reader.fields().get(name)
    }

    fn value(text: &str) -> Field {
        Field::Value(text.as_bytes().to_vec())
    }

    #[test]
    fn fields_of_forms_as_php_reads_them() {
        let form = "application/x-www-form-urlencoded; charset=UTF-8";
        for (body, field) in [
            ("log=bob&pwd=x", value("bob")),
            ("pwd=x&log=a&log=b%20c", value("b c")),
            ("%20+log=bob", value("bob")),
            ("log%00x=bob", value("bob")),
            ("Log=bob", Field::Absent),
            ("blog=bob", Field::Absent),
            ("log", value("")),
        ] {
            assert_eq!(get(form, body, "log"), field, "{body}");
            assert_eq!(get("", body, "log"), field, "{body}");
        }
        assert_eq!(
            get(form, "pma.username=root", "pma_username"),
            value("root")
        );
    }

    #[test]
    fn multipart_and_json_are_forms_too() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"log\"\r\n\r\nbob\r\n--b--\r\n";
        let multipart = "multipart/form-data; boundary=b";
        assert_eq!(get(multipart, body, "log"), value("bob"));
        assert_eq!(get(multipart, "--b\r\nx", "log"), Field::Unknown);
        let json = r#"{"user":{"name":"bob"},"pass":"x"}"#;
        assert_eq!(get("application/json", json, "name"), value("bob"));
        assert_eq!(get("application/ld+json;a=b", json, "nam"), Field::Absent);
        assert_eq!(get("application/json", "{\"a\":", "name"), Field::Unknown);
    }

    #[test]
    fn what_is_too_long_is_unknown_and_not_absent() {
        let form = |length: usize| format!("a={}&log=bob", "x".repeat(length));
        let fits = BODY_LIMIT - "a=&log=bob".len();
        assert_eq!(get("", &form(fits), "log"), value("bob"));
        assert_eq!(get("", &form(BODY_LIMIT), "log"), Field::Unknown);
        assert!(!Body::default().came());
    }
}
