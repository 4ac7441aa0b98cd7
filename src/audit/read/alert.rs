//! The text of an alert (`Message:` in part H), taken apart.

use serde::Serialize;

/// What an alert says. Texts are as written, with their escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// Whether it tells of a refusal.
    pub denied: bool,
    /// What happened, and what the operator found: all that stands before the first `[bracket]`.
    pub text: String,
    /// The rule's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `msg`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg: Option<String>,
    /// `logdata`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// `severity`, as a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// `ver`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Where the rule stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line it stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// `tag`s.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl Alert {
    /// Takes a text apart. Fields are ` [name "value"]`; quotation marks in a value are escaped.
    pub fn parse(text: &str) -> Alert {
        let mut alert = Alert {
            denied: text.starts_with("Access denied"),
            ..Alert::default()
        };
        let mut rest = text;
        let mut before = None;
        while let Some((start, name, value, after)) = next_field(rest) {
            let offset = text.len() - rest.len() + start;
            before.get_or_insert(offset);
            alert.set(name, value);
            rest = after;
        }
        alert.text = text
            .get(..before.unwrap_or(text.len()))
            .unwrap_or(text)
            .to_owned();
        alert
    }

    fn set(&mut self, name: &str, value: &str) {
        let field = match name {
            "id" => &mut self.id,
            "msg" => &mut self.msg,
            "data" => &mut self.data,
            "severity" => &mut self.severity,
            "ver" => &mut self.version,
            "file" => &mut self.file,
            "line" => &mut self.line,
            "tag" => return self.tags.push(value.to_owned()),
            _ => return,
        };
        // What an operator matched may look like a field; the real ones come last.
        *field = Some(value.to_owned());
    }
}

/// The next ` [name "value"]`: where it begins, what it says, and what follows.
fn next_field(text: &str) -> Option<(usize, &str, &str, &str)> {
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find(" [")?;
        from = start + 2;
        let inside = text.get(from..)?;
        let length = inside.bytes().take_while(u8::is_ascii_lowercase).count();
        let (name, quoted) = inside.split_at_checked(length)?;
        let Some(quoted) = quoted.strip_prefix(" \"").filter(|_| length > 0) else {
            continue;
        };
        if let Some(end) = end_of_value(quoted) {
            let (value, after) = quoted.split_at_checked(end)?;
            return Some((start, name, value, after.get(2..)?));
        }
    }
}

/// Where a value ends: at `"]` that no backslash escapes.
fn end_of_value(quoted: &str) -> Option<usize> {
    let bytes = quoted.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' if bytes.get(at + 1) == Some(&b']') => return Some(at),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_of_the_core_rule_set() {
        let alert = Alert::parse(
            "Access denied with code 403 (phase 2). Pattern match \"(?i)a [b]\" at ARGS:x. [file \"/etc/crs/R 942.conf\"] [line \"17\"] [id \"942100\"] [rev \"1\"] [msg \"SQL \\\"quoted\\\"] x\"] [data \"found [id \\x22666\\x22]\"] [severity \"CRITICAL\"] [ver \"OWASP_CRS/4.28.0\"] [tag \"attack-sqli\"] [tag \"paranoia-level/1\"]",
        );
        assert!(alert.denied);
        assert_eq!(
            alert.text,
            "Access denied with code 403 (phase 2). Pattern match \"(?i)a [b]\" at ARGS:x."
        );
        assert_eq!(alert.id.as_deref(), Some("942100"));
        assert_eq!(alert.msg.as_deref(), Some("SQL \\\"quoted\\\"] x"));
        assert_eq!(alert.data.as_deref(), Some("found [id \\x22666\\x22]"));
        assert_eq!(alert.severity.as_deref(), Some("CRITICAL"));
        assert_eq!(alert.file.as_deref(), Some("/etc/crs/R 942.conf"));
        assert_eq!(alert.tags, ["attack-sqli", "paranoia-level/1"]);
    }

    #[test]
    fn texts_of_all_kinds() {
        for text in [
            "",
            "Warning.",
            " [",
            "x [id \"",
            "x [id \"1\"",
            "x [Id \"1\"]",
            "x [id 1]",
            "x [ \"1\"]",
            "\\",
            "x [id \"\\",
        ] {
            let alert = Alert::parse(text);
            assert_eq!((alert.id, alert.text.as_str()), (None, text));
        }
        let real = Alert::parse("Warning. Pattern match \"x\" at ARGS: [id \"666\"]. [id \"7\"]");
        assert_eq!(real.id.as_deref(), Some("7"), "the last one is the rule's");
    }
}
