//! What is measured.

use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use palisade::body::cookies::{self, Format};
use palisade::body::{Kind as BodyKind, Parser, Settings, XmlArguments, urlencoded, xmlrpc};
use palisade::html;
use palisade::operators::rx::{Limits, Options, Pattern};
use palisade::operators::{CompileContext, Kind, UnreadGrammars, compile};
use palisade::transformations::{Env, Transformation};

use crate::near::near;
use crate::values::{
    Value, cookie_values, form_values, json_values, multipart_values, numbered, plain, repeated,
    xml_values,
};
use crate::{material, patterns, requests};

/// Something that takes values.
pub struct Subject {
    pub name: String,
    pub values: Rc<Vec<Value>>,
    pub run: Box<dyn Fn(&[u8])>,
    /// How much a byte may cost it in 1 MB, in nanoseconds.
    pub most: f64,
    /// What costs less a byte is not compared with what smaller values cost, in nanoseconds.
    pub cheap: f64,
    /// How many of the worst values are measured in 1 MB, by each of two measures.
    pub longest: usize,
}

impl Subject {
    pub fn new(name: &str, values: &Rc<Vec<Value>>, run: impl Fn(&[u8]) + 'static) -> Subject {
        Subject {
            name: name.to_owned(),
            values: Rc::clone(values),
            run: Box::new(run),
            most: crate::MOST,
            cheap: crate::CHEAP,
            longest: usize::MAX,
        }
    }
}

/// All of them, by family.
pub fn families() -> Vec<(&'static str, Vec<Subject>)> {
    let values = Rc::new(repeated());
    vec![
        ("transformation", transformations(&values)),
        ("parser", parsers(&values)),
        ("operator", operators(&values)),
        ("CRS pattern", core_rule_set()),
        ("captures of a CRS pattern", captures()),
        ("request", requests::subjects()),
    ]
}

fn transformations(values: &Rc<Vec<Value>>) -> Vec<Subject> {
    let all = Transformation::ALL.iter().copied();
    let subject = |transformation: Transformation| {
        Subject::new(transformation.name(), values, move |value| {
            std::hint::black_box(transformation.apply(value, &Env::default()).len());
        })
    };
    all.map(subject).collect()
}

/// Bodies of a kind, with their own values besides the common ones.
fn parsers(values: &Rc<Vec<Value>>) -> Vec<Subject> {
    let mut subjects = vec![Subject::new("query string", values, |value| {
        std::hint::black_box(urlencoded::parse(
            &Bytes::copy_from_slice(value),
            b'&',
            usize::MAX,
        ));
    })];
    for (name, format) in [
        ("cookies", Format::Netscape),
        ("cookies of version 1", Format::Rfc2109),
    ] {
        subjects.push(Subject::new(
            name,
            &Rc::new(cookie_values()),
            move |value| {
                std::hint::black_box(cookies::parse(&Bytes::copy_from_slice(value), format, None));
            },
        ));
    }
    let bodies: [(BodyKind, fn() -> Vec<Value>); 4] = [
        (BodyKind::Urlencoded, form_values),
        (BodyKind::Multipart, multipart_values),
        (BodyKind::Json, json_values),
        (BodyKind::Xml, xml_values),
    ];
    for (kind, own) in bodies {
        for (limit, arguments_limit) in [("", 1000), (" without a limit of arguments", 1 << 20)] {
            let values: Vec<Value> = repeated().into_iter().chain(own()).collect();
            let name = format!("{}{limit}", kind.name());
            let settings = Settings {
                arguments_limit,
                xml_arguments: XmlArguments::On,
                ..Settings::default()
            };
            subjects.push(Subject::new(&name, &Rc::new(values), move |value| {
                let mut parser = Parser::new(kind, b"multipart/form-data; boundary=b", &settings);
                value.chunks(8000).for_each(|chunk| parser.feed(chunk));
                std::hint::black_box(parser.finish());
            }));
        }
    }
    subjects.push(Subject::new("XML-RPC", &Rc::new(xml_values()), |value| {
        let document = palisade::body::xml::parse(value, palisade::body::xml::Options::default());
        let _ = std::hint::black_box(xmlrpc::Call::from_document(&document));
    }));
    subjects.push(Subject::new(
        "tags of a page",
        &Rc::new(html_values()),
        |value| {
            let mut scanner = html::Scanner::new(value);
            while let Some(tag) = scanner.next_tag() {
                std::hint::black_box(tag.attribute(value, b"href"));
            }
        },
    ));
    subjects
}

fn html_values() -> Vec<Value> {
    let mut values = repeated();
    values.extend(plain(&[
        ("", "<", ""),
        ("", "<a", ""),
        ("", "<a ", ">"),
        ("", "<a href=", ">"),
        ("", "<a href='", ""),
        ("", "<a href=\"x\">", ""),
        ("<a ", "b=c ", ">"),
        ("", "<!--", ""),
        ("", "<!--x-->", ""),
        ("", "<script>", ""),
        ("<script>", "</scrip", ""),
        ("", "<textarea></textarea>", ""),
    ]));
    values.extend(numbered(&[("<a ", " a", "=b", ">")]));
    values
}

/// Operators with arguments that are hard on them, one row each.
const OPERATORS: &[(&str, &str)] = &[
    ("rx", "^(a+)+$"),
    ("rx", "(x+x+)+y"),
    ("rx", "(.*)=(.*);(.*)"),
    ("rx", ".*(?:.*=.*)"),
    ("rx", "(?i)(?:a|aa)+$"),
    ("rx", "([a-z0-9]+)*@"),
    ("rx", "(?:a|b|ab)*c"),
    ("rx", "[^\\]]*\\][^\\]]*\\[x"),
    ("rx", "(a|a)*b"),
    ("rx", "(?:\\.\\./)+etc"),
    ("rx", ".{0,100}x.{0,100}y"),
    ("rx", "\\b\\w+\\b\\s+\\b\\w+\\b!"),
    ("rx", "(?s)/\\*.*?\\*/"),
    (
        "pm",
        "select union insert delete drop script iframe onload onerror passwd aaaa aaaaaaaaab",
    ),
    ("pmFromFile", "phrases-1.data"),
    ("within", "GET HEAD POST OPTIONS"),
    ("contains", "aaaaaaaaaaaaaaaaaaaaaaaaab"),
    ("contains", "a/a/a/a/a/b"),
    ("containsWord", "aaaa"),
    ("containsWord", "../.."),
    ("beginsWith", "aaaa"),
    ("endsWith", "aaaa"),
    ("streq", "a"),
    ("strmatch", "aaaaaaaaaaaaaaab"),
    ("eq", "1"),
    ("gt", "1"),
    ("ipMatch", "10.0.0.0/8,2001:db8::/32"),
    ("ipMatchFromFile", "addresses.data"),
    ("validateByteRange", "32-126"),
    ("validateUrlEncoding", ""),
    ("validateUtf8Encoding", ""),
    ("verifyCC", "\\d{13,16}"),
    (
        "verifyCC",
        "(?:^|[^\\d])(?<!google_ad_client = \\\"pub-)(\\d{4}\\-?\\d{4}\\-?\\d{2}\\-?\\d{2}\\-?\\d{1,4})(?:[^\\d]|$)",
    ),
    ("verifyCPF", "([0-9]{3}\\.){2}[0-9]{3}-[0-9]{2}"),
    ("verifyCPF", "\\d{3}\\.?\\d{3}\\.?\\d{3}-?\\d{2}"),
    ("verifySSN", "\\d{3}-?\\d{2}-?\\d{4}"),
    ("detectSQLi", ""),
    ("detectXSS", ""),
    ("rsub", "s/a/bb/"),
    ("rsub", "s/(a+)[^b]*b/<$1>/i"),
    ("fuzzyHash", "hashes.data 60"),
    ("validateHash", "a+b"),
    ("unconditionalMatch", ""),
    ("noMatch", ""),
];

fn operators(values: &Rc<Vec<Value>>) -> Vec<Subject> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/operators");
    let context = CompileContext {
        config_dir: Some(&directory),
        pcre_match_limit: Some(100_000),
        pcre_match_limit_recursion: Some(100_000),
        file: &|path| std::fs::read(path),
        grammars: &UnreadGrammars,
    };
    let rows = OPERATORS.iter();
    rows.map(|(name, argument)| {
        let kind = Kind::lookup(name).expect("an operator");
        let operator = compile(kind, argument.as_bytes(), &context).expect(name);
        let near = operator.pattern().map(near).unwrap_or_default();
        let values = match near.is_empty() {
            true => Rc::clone(values),
            false => Rc::new(near.into_iter().chain(repeated()).collect()),
        };
        Subject::new(&format!("@{name} {argument}"), &values, move |value| {
            std::hint::black_box(operator.evaluate(argument.as_bytes(), value, false));
        })
    })
    .collect()
}

/// Single bytes and words that many patterns have.
const COMMON: &[&str] = &[
    "a", " ", "1", "/", "(", "'", "\"", "<", ".", "%", "=", "\n", "x=", "select ", "union ", "../",
    "() ", "${", "a.", ";",
];

/// The patterns of the Core Rule Set.
fn core_rules() -> impl Iterator<Item = Pattern> {
    let rules = material::crs().join("rules");
    let found = match rules.is_dir() {
        true => patterns::of_rules(&rules),
        false => {
            println!(
                "SKIPPED: no Core Rule Set at {} (set CRS_DIR)",
                rules.display()
            );
            Vec::new()
        }
    };
    let compiled =
        |source: Vec<u8>| Pattern::compile(&source, Options::operator(Limits::default())).unwrap();
    found.into_iter().map(compiled)
}

fn core_rule_set() -> Vec<Subject> {
    let subject = |pattern: Pattern| {
        let common = COMMON
            .iter()
            .map(|part| Value::new(b"", part.as_bytes(), b""));
        let values = near(&pattern).into_iter().chain(common).collect();
        let name = pattern.as_bytes().escape_ascii().to_string();
        Subject::new(&name, &Rc::new(values), move |value| {
            let _ = std::hint::black_box(pattern.is_match(value));
        })
    };
    core_rules().map(subject).collect()
}

/// What a byte may cost of a match of which groups are wanted: a machine follows all of them, slower the more there are.
/// Short matches have a faster one, with which nothing is compared.
const CHEAP_CAPTURES: f64 = 250.0;
const MOST_CAPTURES: f64 = 1000.0;

fn captures() -> Vec<Subject> {
    let subject = |pattern: Pattern| {
        let name = pattern.as_bytes().escape_ascii().to_string();
        let values = Rc::new(near(&pattern));
        let subject = Subject::new(&name, &values, move |value| {
            let _ = std::hint::black_box(pattern.captures(value));
        });
        Subject {
            most: MOST_CAPTURES,
            cheap: CHEAP_CAPTURES,
            longest: 1,
            ..subject
        }
    };
    core_rules().map(subject).collect()
}
