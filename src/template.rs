//! Text with `%{macros}`, compiled once and expanded per use.

use bytes::Bytes;

use crate::variables::{Shape, Variable};

/// A compiled text.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Template {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(Bytes),
    Macro(Macro),
}

/// `%{VARIABLE}` or `%{COLLECTION.key}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Macro {
    /// The variable; `None` when there is none of that name, which expands to nothing.
    pub variable: Option<Variable>,
    /// What stood behind the first dot.
    pub key: Option<Vec<u8>>,
    /// What stood between the brackets.
    pub written: Box<[u8]>,
}

impl Template {
    /// Compiles a text. Never fails: what is no macro is literal text, an unknown variable expands to nothing.
    ///
    /// Compat: only the first `.` splits; names are case-insensitive; an unterminated `%{` stays as it is.
    pub fn parse(text: &[u8]) -> Template {
        let mut segments = Vec::new();
        let mut literal = Vec::new();
        let mut rest = text;
        while let Some(at) = memchr::memmem::find(rest, b"%{") {
            let (before, opened) = rest.split_at(at);
            let Some(close) = memchr::memchr(b'}', opened) else {
                break;
            };
            let body = opened.get(2..close).unwrap_or_default();
            literal.extend_from_slice(before);
            if !literal.is_empty() {
                segments.push(Segment::Literal(std::mem::take(&mut literal).into()));
            }
            segments.push(Segment::Macro(Macro::parse(body)));
            rest = opened.get(close + 1..).unwrap_or_default();
        }
        literal.extend_from_slice(rest);
        if !literal.is_empty() {
            segments.push(Segment::Literal(literal.into()));
        }
        Template { segments }
    }

    /// The text when it holds no macro.
    pub fn constant(&self) -> Option<Bytes> {
        match self.segments.as_slice() {
            [] => Some(Bytes::new()),
            [Segment::Literal(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// What every text that it may become begins with, and whether that is the whole of it.
    pub fn beginning(&self) -> (&[u8], bool) {
        match self.segments.as_slice() {
            [] => (&[], true),
            [Segment::Literal(text)] => (text, true),
            [Segment::Literal(text), ..] => (text, false),
            [Segment::Macro(_), ..] => (&[], false),
        }
    }

    /// The text as written.
    pub fn source(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Literal(literal) => text.extend_from_slice(literal),
                Segment::Macro(found) => {
                    text.extend_from_slice(b"%{");
                    text.extend_from_slice(&found.written);
                    text.push(b'}');
                }
            }
        }
        text
    }

    /// The macros in the text.
    pub fn macros(&self) -> impl Iterator<Item = &Macro> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Macro(found) => Some(found),
            Segment::Literal(_) => None,
        })
    }

    /// About how long it becomes, in bytes.
    pub fn usual_length(&self) -> usize {
        const OF_A_MACRO: usize = 24;
        let length = |segment: &Segment| match segment {
            Segment::Literal(text) => text.len(),
            Segment::Macro(_) => OF_A_MACRO,
        };
        self.segments.iter().map(length).sum()
    }

    /// Writes the text, asking `lookup` to append what each macro stands for.
    pub fn expand(&self, out: &mut Vec<u8>, mut lookup: impl FnMut(&Macro, &mut Vec<u8>)) {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => out.extend_from_slice(text),
                Segment::Macro(found) => lookup(found, out),
            }
        }
    }
}

impl Macro {
    /// The variable, if the macro names its values as rules must.
    ///
    /// Compat: one that has no collection cannot be asked for a key, and some collections must be.
    pub fn sound_variable(&self) -> Option<Variable> {
        let sound = |variable: &Variable| match variable.shape() {
            Shape::Scalar => self.key.is_none() || *variable == Variable::RequestBody,
            Shape::Collection => true,
            Shape::KeyedCollection => self.key.is_some(),
        };
        self.variable.filter(sound)
    }

    /// Reads what stands between the brackets: a name, and behind the first dot a key.
    ///
    /// Compat: `&` is read, and does not count.
    pub fn parse(body: &[u8]) -> Macro {
        let written = body.into();
        let body = body.strip_prefix(b"&").unwrap_or(body);
        let (name, key) = match memchr::memchr(b'.', body) {
            Some(dot) => (
                body.get(..dot).unwrap_or_default(),
                body.get(dot + 1..).map(<[u8]>::to_vec),
            ),
            None => (body, None),
        };
        let name = std::str::from_utf8(name).unwrap_or_default();
        // Compat: HTTP_<Name> is an old spelling of REQUEST_HEADERS.<Name>.
        let header = name
            .get(..5)
            .filter(|prefix| prefix.eq_ignore_ascii_case("HTTP_"));
        match (Variable::lookup(name), header) {
            (None, Some(_)) => Macro {
                variable: Some(Variable::RequestHeaders),
                key: name.get(5..).map(|header| header.as_bytes().to_vec()),
                written,
            },
            (variable, _) => Macro {
                variable,
                key,
                written,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> String {
        let mut out = Vec::new();
        Template::parse(text.as_bytes()).expand(&mut out, |found, out| {
            let name = found.variable.map_or("?", Variable::name);
            let key = String::from_utf8_lossy(found.key.as_deref().unwrap_or(b"-"));
            out.extend_from_slice(format!("<{name} {key}>").as_bytes());
        });
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn macros_are_found() {
        let cases = [
            ("plain", "plain"),
            ("a%{tx.a.b}c", "a<TX a.b>c"),
            ("%{MATCHED_VAR}", "<MATCHED_VAR ->"),
            ("%{no.such} %{open", "<? such> %{open"),
            ("100% %{}", "100% <? ->"),
            ("%{&ARGS}", "<ARGS ->"),
        ];
        for (text, expected) in cases {
            assert_eq!(expand(text), expected, "{text}");
            assert_eq!(Template::parse(text.as_bytes()).source(), text.as_bytes());
        }
        assert_eq!(Template::parse(b"x").constant(), Some("x".into()));
        assert_eq!(Template::parse(b"").constant(), Some(Bytes::new()));
        assert_eq!(Template::parse(b"%{tx.a}").constant(), None);
    }
}
