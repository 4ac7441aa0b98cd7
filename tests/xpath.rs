//! XPath through its public interface: other implementations' answers, mistakes with their places, limits, and what must
//! hold for any expression and any document.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use palisade::body::xml::xpath::{Expression, Limits};
use palisade::body::xml::{self, Document};
use palisade::limits;
use serde::Deserialize;

#[path = "xpath/properties.rs"]
mod properties;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    document: Vec<CorpusDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CorpusDocument {
    name: String,
    text: String,
    namespaces: Vec<(String, String)>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    path: String,
    values: Option<Vec<String>>,
    is: Option<String>,
}

fn parse(text: &str) -> Document {
    let document = xml::parse(text.as_bytes(), xml::Options::default());
    assert_eq!(document.error(), None, "{text}");
    document
}

fn compile(path: &str, namespaces: &[(String, String)]) -> Expression {
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = namespaces
        .iter()
        .map(|(prefix, uri)| (prefix.clone().into_bytes(), uri.clone().into_bytes()))
        .collect();
    let expression = Expression::compile(path.as_bytes());
    let expression = expression.unwrap_or_else(|error| panic!("{path}: {error:?}"));
    expression.bind(&pairs).expect("declared prefixes")
}

fn values(document: &Document, path: &str, namespaces: &[(String, String)]) -> Vec<String> {
    let expression = compile(path, namespaces);
    let selection = expression.select(document, &Limits::default());
    assert!(!selection.exceeded, "{path}");
    let text = |value: &&[u8]| String::from_utf8(value.to_vec()).expect("UTF-8");
    selection.values.iter().map(text).collect()
}

#[test]
fn the_answers_are_those_of_libxml2() {
    let text = std::fs::read_to_string("tests/data/xpath/corpus.toml").expect("the corpus");
    let corpus: Corpus = toml::from_str(&text).expect("a sound corpus");
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for document in &corpus.document {
        let tree = parse(&document.text);
        for case in &document.cases {
            asked += 1;
            let name = format!("{}: {}", document.name, case.path);
            match (&case.values, &case.is) {
                (Some(expected), None) => {
                    let found = values(&tree, &case.path, &document.namespaces);
                    if found != *expected {
                        wrong.push(format!(
                            "{name}\n  found    {found:?}\n  expected {expected:?}"
                        ));
                    }
                }
                (None, Some(expected)) => {
                    let quote = if expected.contains('\'') { '"' } else { '\'' };
                    let path = format!("/*[string({}) = {quote}{expected}{quote}]", case.path);
                    if values(&tree, &path, &document.namespaces).len() != 1 {
                        wrong.push(format!("{name}\n  is not {expected:?}"));
                    }
                }
                _ => panic!("{name}: one of `values` and `is`"),
            }
        }
    }
    assert!(asked > 450, "only {asked} cases");
    assert!(
        wrong.is_empty(),
        "{} of {asked}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn mistakes_have_a_place() {
    let cases: &[(&str, &str, &str)] = &[
        ("", "a name or another node test was expected", ""),
        ("/a[", "was expected", ""),
        ("/a]", "the end was expected", "]"),
        ("/a[1", "\"]\" was expected", ""),
        ("//", "was expected", ""),
        ("/a//", "was expected", ""),
        ("/a/", "was expected", ""),
        ("a b", "An operator was expected", "b"),
        ("/a/$x", "no variables", "$"),
        ("$x", "no variables", "$"),
        ("'open", "not closed", "'open"),
        ("/a[@b='c]", "not closed", "'c]"),
        ("foo(1)", "no function \"foo\"", "foo"),
        ("str:foo(1)", "no function \"str:foo\"", "str:foo"),
        ("count()", "too few arguments", "count"),
        ("count(1)", "takes a set of nodes", "count"),
        ("not(1, 2)", "too many arguments", "not"),
        ("concat('a')", "too few arguments", "concat"),
        ("bad-axis::a", "the name of an axis", "bad-axis"),
        ("/a::b", "the name of an axis", "a"),
        ("//a | 1", "sets of nodes can be united", "//a | 1"),
        ("'a'/b", "need a set of nodes", "'a'"),
        ("(1)[1]", "need a set of nodes", "(1)"),
        ("/a[#]", "Unexpected character", "#"),
        ("/a/@", "was expected", ""),
        ("/a:", "expected behind the prefix", "a"),
        ("1 +", "was expected", ""),
        ("processing-instruction(a)", "\")\" was expected", "a"),
        ("text(1)", "\")\" was expected", "1"),
        ("!", "Unexpected character", "!"),
    ];
    for (path, message, at) in cases {
        let error = Expression::compile(path.as_bytes())
            .map(|_| ())
            .expect_err(path);
        assert!(error.message.contains(message), "{path}: {}", error.message);
        assert_eq!(&path[error.span.clone()], *at, "{path}: {error:?}");
    }
    assert!(Expression::compile(b"/\xff").is_err());
}

#[test]
fn prefixes_must_be_declared() {
    let expression = Expression::compile(b"//a/soap:b/@xml:lang").expect("sound");
    let error = expression.bind(&[]).map(|_| ()).expect_err("undeclared");
    assert!(error.message.contains("xmlns:soap=URI"), "{error:?}");
    assert_eq!(error.span, 4..8);
    let declare = |uri: &str| (b"soap".to_vec(), uri.as_bytes().to_vec());
    assert!(expression.bind(&[declare("urn:1")]).is_ok());

    let document = parse("<a xmlns:p='urn:2'><p:b>x</p:b></a>");
    let path = Expression::compile(b"//soap:b").expect("sound");
    let select = |namespaces: &[(Vec<u8>, Vec<u8>)]| {
        let path = path.bind(namespaces).expect("declared");
        path.select(&document, &Limits::default()).values.len()
    };
    assert_eq!(select(&[declare("urn:1"), declare("urn:2")]), 1);
    assert_eq!(select(&[declare("urn:2"), declare("urn:1")]), 0);
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::compile(nested(limits::XPATH_NESTING_LIMIT - 1).as_bytes()).is_ok());
    assert!(Expression::compile(nested(limits::XPATH_NESTING_LIMIT).as_bytes()).is_err());
    // Length alone makes nothing deeper.
    let signs = format!("/*[{}1]", "-".repeat(100_000));
    let sums = format!("/*[1{}]", "+1".repeat(100_000));
    let document = parse("<a/>");
    assert!(values(&document, &signs, &[]).len() == 1);
    assert!(values(&document, &sums, &[]).is_empty());
}

#[test]
fn steps_have_a_limit_on_either_side() {
    let document = parse(&format!("<r>{}</r>", "<a/>".repeat(1000)));
    let path = Expression::compile(b"//a").expect("sound");
    let select = |steps: u64| {
        let limits = Limits {
            steps,
            ..Limits::default()
        };
        path.select(&document, &limits)
    };
    let enough = (1..)
        .find(|&steps| !select(steps).exceeded)
        .expect("a number");
    assert_eq!(select(enough).values.len(), 1000);
    assert!(select(enough - 1).values.is_empty());
    assert!((1000..1100).contains(&enough), "{enough}");
}

#[test]
fn values_have_a_limit_on_either_side() {
    let document = parse("<r><a>12345</a><a>67890</a></r>");
    let path = Expression::compile(b"//a").expect("sound");
    let select = |text: usize| {
        let selection = path.select(
            &document,
            &Limits {
                text,
                ..Limits::default()
            },
        );
        (selection.values.len(), selection.exceeded)
    };
    assert_eq!(select(10), (2, false));
    assert_eq!(select(9), (1, true));
}

/// Paths that make other evaluators quadratic or worse, on the documents that make them so: what needs no positions is
/// answered within the budget, the rest says that it was not.
#[test]
fn no_document_makes_it_slow() {
    let depth = limits::XML_DEPTH_LIMIT;
    let deep = format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let wide = format!("<r>{}</r>", "x<a b='1'/>".repeat(90_000));
    let comb = format!(
        "<r>{}</r>",
        format!("{}{}", "<a>".repeat(200), "</a>".repeat(200)).repeat(700)
    );
    let linear = [
        "//*//*//*",
        "//*//*//*//*//*//*//*//*",
        "//a/ancestor::*/descendant::*",
        "//a/following::a/preceding::a",
        "//a/following-sibling::a/preceding-sibling::a",
        "//*/..//*/..//*",
        "//*[.//a]/@b",
        "//a[ancestor::a]",
        "(//a|//a|//a)[last()]",
        "//text()/following::*/ancestor::*",
        "//@*/..//@*",
        "//a = //a",
        "//a[last()]",
    ];
    let quadratic = [
        "//a[count(//a) > count(//a[//a])]",
        "//*[count(.//*) > 3][count(preceding::*) > 3]",
        "//a/preceding-sibling::a[1]",
        "//a/following::a[1]/preceding::a[1]",
        "//a[. = //a]",
        "//a[//a[//a[//a]]]",
    ];
    for text in [&deep, &wide, &comb] {
        let document = parse(text);
        for path in linear.iter().chain(&quadratic) {
            let selection = compile(path, &[]).select(&document, &Limits::default());
            if text == &deep && linear.contains(path) {
                assert!(!selection.exceeded, "{path}");
            }
        }
    }
    let document = parse(&wide);
    for path in [
        "//*//*//*",
        "//a/following-sibling::a/preceding-sibling::a",
        "//@*/..//@*",
        "(//a|//a)[last()]",
    ] {
        assert!(
            !compile(path, &[])
                .select(&document, &Limits::default())
                .exceeded,
            "{path}"
        );
    }
    assert!(
        compile(quadratic[0], &[])
            .select(&document, &Limits::default())
            .exceeded
    );
}
