//! Values and bodies that want to be slow or to take much memory, in any size.
#![allow(dead_code)] // each user has its part

#[path = "repeated.rs"]
mod repeated_texts;

use repeated_texts::{FRAGMENTS, REPEATED};

/// A value of any size: a beginning, something over and over, an end.
pub struct Value {
    pub label: String,
    begin: Vec<u8>,
    repeated: Repeated,
    end: Vec<u8>,
}

enum Repeated {
    /// The same each time.
    Same(Vec<u8>),
    /// With a number between the two, so that no two are alike.
    Numbered(Vec<u8>, Vec<u8>),
}

impl Value {
    pub fn new(begin: &[u8], repeated: &[u8], end: &[u8]) -> Value {
        let label = format!(
            "{}({})*{}",
            begin.escape_ascii(),
            repeated.escape_ascii(),
            end.escape_ascii()
        );
        Value {
            label,
            begin: begin.to_vec(),
            repeated: Repeated::Same(repeated.to_vec()),
            end: end.to_vec(),
        }
    }

    pub fn numbered(begin: &[u8], before: &[u8], behind: &[u8], end: &[u8]) -> Value {
        let label = format!(
            "{}({}…{})*{}",
            begin.escape_ascii(),
            before.escape_ascii(),
            behind.escape_ascii(),
            end.escape_ascii()
        );
        Value {
            label,
            begin: begin.to_vec(),
            repeated: Repeated::Numbered(before.to_vec(), behind.to_vec()),
            end: end.to_vec(),
        }
    }

    /// So many bytes of it, a few more or less.
    pub fn of_size(&self, size: usize) -> Vec<u8> {
        let room = size.saturating_sub(self.begin.len() + self.end.len());
        let mut value = self.begin.clone();
        match &self.repeated {
            Repeated::Same(part) => {
                value.extend(part.repeat(room / part.len().max(1)));
            }
            Repeated::Numbered(before, behind) => {
                let mut number = 0_u32;
                while value.len() < room + self.begin.len() {
                    value.extend_from_slice(before);
                    value.extend_from_slice(number.to_string().as_bytes());
                    value.extend_from_slice(behind);
                    number += 1;
                }
            }
        }
        value.extend_from_slice(&self.end);
        value
    }
}

/// One byte, one word, one escape, over and over.
pub fn repeated() -> Vec<Value> {
    let single = [0x00, 0x01, 0x0A, 0x80, 0xA0, 0xC3, 0xE2, 0xF0, 0xFF].map(|byte| vec![byte]);
    let texts = FRAGMENTS.iter().chain(REPEATED);
    let parts = single
        .into_iter()
        .chain(texts.map(|text| text.as_bytes().to_vec()));
    let mut values: Vec<Value> = parts.map(|part| Value::new(b"", &part, b"")).collect();
    // What begins and never ends, and what ends at last.
    for (begin, part, end) in [
        ("/*", "a", ""),
        ("/*", "*", "/"),
        ("<!--", "-", ">"),
        ("&#", "0", "65;"),
        ("&#x", "0", "41;"),
        ("&", "a", ";"),
        ("\\", "0", "1"),
        ("%", "%", "41"),
        ("/", "../", "a"),
        ("", "a/", "../.."),
        ("'", "a", "'"),
        ("'", "\\'", ""),
        ("<a ", "a=", ">"),
        ("<", "<", ">"),
        ("1 or ", "(", "1"),
        ("", "1 and ", "1"),
    ] {
        values.push(Value::new(
            begin.as_bytes(),
            part.as_bytes(),
            end.as_bytes(),
        ));
    }
    values
}

pub fn plain(rows: &[(&str, &str, &str)]) -> Vec<Value> {
    let rows = rows.iter();
    rows.map(|(begin, part, end)| Value::new(begin.as_bytes(), part.as_bytes(), end.as_bytes()))
        .collect()
}

pub fn numbered(rows: &[(&str, &str, &str, &str)]) -> Vec<Value> {
    let rows = rows
        .iter()
        .map(|row| [row.0, row.1, row.2, row.3].map(str::as_bytes));
    rows.map(|[begin, before, behind, end]| Value::numbered(begin, before, behind, end))
        .collect()
}

pub fn form_values() -> Vec<Value> {
    let mut values = plain(&[
        ("", "&", ""),
        ("", "=", ""),
        ("", "a=&", ""),
        ("", "a=1&", ""),
        ("", "&=", ""),
        ("a=", "%u0041", ""),
        ("a=", "%00", ""),
        ("a=", "+", ""),
        ("a=", "%2525", ""),
        ("", "a", "=1"),
        ("", "%41", "=1"),
    ]);
    values.extend(numbered(&[("", "a", "=1&", ""), ("", "a[", "]=%3Cb&", "")]));
    values
}

pub fn cookie_values() -> Vec<Value> {
    let mut values = repeated();
    values.extend(plain(&[
        ("", "; ", ""),
        ("", ";", ""),
        ("", "=;", ""),
        ("", "a=1; ", ""),
        ("a=", "\"", ""),
        ("$Version=1; a=\"", "\\\"", ""),
        (
            "$Version=1; aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=b; ",
            "$Path=/; ",
            "",
        ),
        ("", ",", ""),
        ("", "a=1, ", ""),
    ]));
    values.extend(numbered(&[
        ("", "c", "=v; ", ""),
        ("$Version=1; ", "c", "=\"v\", ", ""),
    ]));
    values
}

pub fn json_values() -> Vec<Value> {
    let mut values = plain(&[
        ("", "[", ""),
        ("", "[]", ""),
        ("[", "[],", "[]]"),
        ("[", "1,", "1]"),
        ("[", "\"\",", "1]"),
        ("[", "{},", "1]"),
        ("", "{\"a\":", ""),
        ("{", "\"a\":1,", "\"b\":1}"),
        ("{", "\"a\":{\"b\":[1]},", "\"b\":1}"),
        ("[\"", "\\u0041", "\"]"),
        ("[\"", "\\ud83d\\ude00", "\"]"),
        ("[\"", "\\\\", "\"]"),
        ("[\"", "a", "\"]"),
        ("[\"", "é", "\"]"),
        ("[", "1", "]"),
        ("[1.", "1", "e1]"),
        ("[", " ", "]"),
        ("{\"", "a", "\":1}"),
        ("[", "true,", "null]"),
    ]);
    values.extend(numbered(&[
        ("{", "\"k", "\":1,", "\"z\":1}"),
        ("[", "{\"k", "\":[1,2]},", "1]"),
    ]));
    // A long key around many values.
    let key = format!("{{\"{}\":[", "k".repeat(500));
    values.push(Value::new(key.as_bytes(), b"1,", b"1]}"));
    // As deep as it goes, again and again.
    let deep = format!("{}{},", "[".repeat(500), "]".repeat(500));
    values.push(Value::new(b"[", deep.as_bytes(), b"1]"));
    values
}

/// Attacks, as many as go into a form, JSON, XML and parts: what matches is kept until it is logged.
pub fn attacks() -> [(&'static str, Vec<Value>); 4] {
    let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
    [
        (
            "application/x-www-form-urlencoded",
            plain(&[
                ("", "a=<script>alert(1)</script>&", ""),
                ("", "a=1' or '1'='1' union select 1 from users--&", ""),
                ("", "a=../../etc/passwd&", ""),
                ("", "a=;cat+/etc/passwd&", ""),
                ("", "<script>alert(1)</script>=&", ""),
                ("a=", "<script>alert(1)</script>", ""),
            ]),
        ),
        (
            "application/json",
            plain(&[
                ("[", "\"<script>alert(1)</script>\",", "1]"),
                ("[", "\"1' or '1'='1' union select 1\",", "1]"),
            ]),
        ),
        (
            "text/xml",
            plain(&[
                ("<a>", "<b c=\"&lt;script>alert(1)&lt;/script>\"/>", "</a>"),
                ("<a>", "<b c=\"1' or '1'='1' union select\"/>", "</a>"),
                ("<a>", "<b c=\"' or 1=1--\"/>", "</a>"),
                ("<a>", "&lt;script>alert(1)&lt;/script>", "</a>"),
            ]),
        ),
        (
            "multipart/form-data; boundary=b",
            vec![Value::new(
                b"",
                format!("{part}<script>alert(1)</script>\r\n").as_bytes(),
                b"--b--\r\n",
            )],
        ),
    ]
}

/// One argument, of each of what decoders look for.
pub fn json_strings() -> Vec<Value> {
    let texts = FRAGMENTS.iter().chain(REPEATED);
    let written = texts.map(|text| serde_json::to_string(text).expect("text"));
    let inside = written.map(|written| written[1..written.len() - 1].to_owned());
    inside
        .map(|part| Value::new(b"[\"", part.as_bytes(), b"\"]"))
        .collect()
}

pub fn xml_values() -> Vec<Value> {
    let mut values = plain(&[
        ("", "<a>", ""),
        ("<a>", "<b/>", "</a>"),
        ("<a>", "<b></b>", "</a>"),
        ("<a>", "x<b/>", "</a>"),
        ("<a>", "<b c=\"1\" d='2' e=\"3\"/>", "</a>"),
        ("<a>", "&lt;", "</a>"),
        ("<a>", "&#65;", "</a>"),
        ("<a>", "&#x41;", "</a>"),
        ("<a>", "&amp", "</a>"),
        ("<a>", "<![CDATA[x]]>", "</a>"),
        ("<a><![CDATA[", "]", "]]></a>"),
        ("<a><![CDATA[", "]]", "></a>"),
        ("<a>", "<!-- - -->", "</a>"),
        ("<a><!--", "- ", "--></a>"),
        ("<a>", "<?p x?>", "</a>"),
        ("<a><?p ", "? ", "?></a>"),
        ("<a b=\"", "x", "\"/>"),
        ("<a b=\"", "&#65;", "\"/>"),
        ("<a ", " ", "/>"),
        ("<", "a", "/>"),
        ("<a>", "\r\n", "</a>"),
        (
            "<a xmlns:x=\"u\">",
            "<x:b xmlns:y=\"v\" y:c=\"1\"/>",
            "</a>",
        ),
        ("<!DOCTYPE a [", "<!ENTITY b \"c\">", "]><a/>"),
        ("<!DOCTYPE a ", "[", ""),
        (
            "<methodCall><methodName>m</methodName><params>",
            "<param><value>1</value></param>",
            "</params></methodCall>",
        ),
        (
            "<methodCall><methodName>m</methodName><params><param><value><array><data>",
            "<value><i4>1</i4></value>",
            "</data></array></value></param></params></methodCall>",
        ),
        (
            "<methodCall><methodName>m</methodName><params><param><value><base64>",
            "QUJD",
            "</base64></value></param></params></methodCall>",
        ),
    ]);
    values.extend(numbered(&[
        ("<a>", "<b", "/>", "</a>"),
        ("<a ", " b", "=\"1\"", "/>"),
        ("<a>", "<b c", "=\"1\" d=\"2\"/>", "</a>"),
    ]));
    let attributes: String = (0..900).map(|n| format!(" a{n}='1'")).collect();
    values.push(Value::new(
        b"<a>",
        format!("<b{attributes}/>").as_bytes(),
        b"</a>",
    ));
    let namespaces: String = (0..200)
        .map(|n| format!(" xmlns:n{n}='u{n}' n{n}:a='1'"))
        .collect();
    values.push(Value::new(
        b"<a>",
        format!("<b{namespaces}/>").as_bytes(),
        b"</a>",
    ));
    let deep = format!("{}{}", "<b>".repeat(250), "</b>".repeat(250));
    values.push(Value::new(b"<a>", deep.as_bytes(), b"</a>"));
    let texts = format!("{}{}", "<b>x".repeat(250), "</b>".repeat(250));
    values.push(Value::new(b"<a>", texts.as_bytes(), b"</a>"));
    values
}

pub fn multipart_values() -> Vec<Value> {
    let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
    let file = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.txt\"\r\n\r\n";
    let mut values = plain(&[
        ("", "--b\r\n", "--b--\r\n"),
        ("", "--b", "--b--\r\n"),
        (part, "\r\n", "--b--\r\n"),
        (part, "\r", "\r\n--b--\r\n"),
        (part, "\n", "\r\n--b--\r\n"),
        (part, "-", "\r\n--b--\r\n"),
        (part, "\r\n-", "\r\n--b--\r\n"),
        (part, "\r\n--", "\r\n--b--\r\n"),
        (part, "\r\n--a", "\r\n--b--\r\n"),
        (part, "\r\n--bb", "\r\n--b--\r\n"),
        (file, "\r\n--", "\r\n--b--\r\n"),
        (file, "x", "\r\n--b--\r\n"),
        (
            "--b\r\nContent-Disposition: form-data; name=\"",
            "a",
            "\"\r\n\r\n\r\n--b--\r\n",
        ),
        (
            "--b\r\nContent-Disposition: form-data; name=\"",
            "\\\"",
            "\"\r\n\r\n\r\n--b--\r\n",
        ),
        (
            "--b\r\nContent-Disposition: form-data",
            "; a=b",
            "\r\n\r\n\r\n--b--\r\n",
        ),
        ("--b\r\nX: ", "\r\n a", "\r\n\r\n--b--\r\n"),
        ("--b\r\n", "X: y\r\n", "\r\n--b--\r\n"),
        ("x", "\r\n", "--b--\r\n"),
        ("--b--\r\n", "x", ""),
    ]);
    values.push(Value::new(
        b"",
        format!("{part}x\r\n").as_bytes(),
        b"--b--\r\n",
    ));
    values.push(Value::new(
        b"",
        format!("{file}x\r\n").as_bytes(),
        b"--b--\r\n",
    ));
    values.extend(numbered(&[(
        "",
        "--b\r\nContent-Disposition: form-data; name=\"",
        "\"\r\n\r\nx\r\n",
        "--b--\r\n",
    )]));
    values
}
