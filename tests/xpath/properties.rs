//! Random expressions on random documents: nothing panics, and the budget holds.

use palisade::body::xml::xpath::{Expression, Limits, Selection};
use palisade::body::xml::{self, Document};

/// A sequence that is the same every time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn pick<'t>(&mut self, among: &[&'t str]) -> &'t str {
        among[self.roll(among.len())]
    }
}

const AXES: &[&str] = &[
    "ancestor",
    "ancestor-or-self",
    "attribute",
    "child",
    "descendant",
    "descendant-or-self",
    "following",
    "following-sibling",
    "namespace",
    "parent",
    "preceding",
    "preceding-sibling",
    "self",
];
const TESTS: &[&str] = &[
    "a",
    "b",
    "*",
    "p:a",
    "p:*",
    "node()",
    "text()",
    "comment()",
    "processing-instruction()",
    "processing-instruction('t')",
];
const OPERATORS: &[&str] = &[
    " + ", " - ", " * ", " div ", " mod ", " = ", " != ", " < ", " <= ", " > ", " >= ", " and ",
    " or ",
];
/// Each with the number of its arguments; `n` wants nodes.
const FUNCTIONS: &[(&str, &str)] = &[
    ("last", ""),
    ("position", ""),
    ("count", "n"),
    ("id", "e"),
    ("local-name", "n"),
    ("namespace-uri", "n"),
    ("name", ""),
    ("string", "e"),
    ("concat", "ee"),
    ("starts-with", "ee"),
    ("contains", "ee"),
    ("substring-before", "ee"),
    ("substring-after", "ee"),
    ("substring", "eee"),
    ("string-length", "e"),
    ("normalize-space", ""),
    ("translate", "eee"),
    ("boolean", "e"),
    ("not", "e"),
    ("true", ""),
    ("lang", "e"),
    ("number", "e"),
    ("sum", "n"),
    ("floor", "e"),
    ("ceiling", "e"),
    ("round", "e"),
];

fn path(dice: &mut Dice, depth: usize) -> String {
    let mut text = dice
        .pick(&["", "/", "//", "./", "../", ".//", "id('1')/"])
        .to_owned();
    for step in 0..=dice.roll(3) {
        if step > 0 {
            text += dice.pick(&["/", "//"]);
        }
        if dice.roll(3) > 0 {
            text += dice.pick(AXES);
            text += "::";
        } else if dice.roll(4) == 0 {
            text += "@";
        }
        text += dice.pick(TESTS);
        while depth > 0 && dice.roll(3) == 0 {
            text += &format!("[{}]", expression(dice, depth - 1));
        }
    }
    text
}

fn expression(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        return match dice.roll(4) {
            0 => dice.roll(5).to_string(),
            1 => dice.pick(&["'a'", "''", "\"x\"", "'1'", "'é'"]).to_owned(),
            _ => path(dice, 0),
        };
    }
    match dice.roll(8) {
        0 => format!("-{}", expression(dice, depth - 1)),
        1 => format!("({})", expression(dice, depth - 1)),
        2 | 3 => {
            let left = expression(dice, depth - 1);
            format!(
                "{left}{}{}",
                dice.pick(OPERATORS),
                expression(dice, depth - 1)
            )
        }
        4 | 5 => {
            let (name, arguments) = FUNCTIONS[dice.roll(FUNCTIONS.len())];
            let arguments = arguments.chars().map(|kind| match kind {
                'n' => path(dice, depth - 1),
                _ => expression(dice, depth - 1),
            });
            format!("{name}({})", arguments.collect::<Vec<_>>().join(", "))
        }
        6 => format!(
            "({} | {})[{}]",
            path(dice, depth - 1),
            path(dice, depth - 1),
            expression(dice, depth - 1)
        ),
        _ => path(dice, depth),
    }
}

fn document(dice: &mut Dice) -> Document {
    let mut text = "<a xmlns:p='urn:p'>".to_owned();
    let mut open = vec!["a"];
    for _ in 0..dice.roll(120) {
        match dice.roll(9) {
            0 | 1 => {
                let name = dice.pick(&["a", "b", "p:a", "q:b"]);
                let attributes = dice.pick(&[
                    "",
                    " a='1'",
                    " p:b='x' a=''",
                    " xmlns='urn:d'",
                    " xmlns:p='urn:o' xml:id='1'",
                ]);
                text += &format!("<{name}{attributes}>");
                open.push(name);
            }
            2 if open.len() > 1 => text += &format!("</{}>", open.pop().unwrap_or_default()),
            3 => text += "<![CDATA[1]]>",
            4 => text += "<!--c-->",
            5 => text += "<?t x?>",
            6 => text += "<b/>",
            _ => text += dice.pick(&["1", " ", "é", "x&amp;y", "2.5"]),
        }
    }
    while let Some(name) = open.pop() {
        text += &format!("</{name}>");
    }
    let document = xml::parse(text.as_bytes(), xml::Options::default());
    assert_eq!(document.error(), None, "{text}");
    document
}

fn select<'d>(expression: &Expression, document: &'d Document, steps: u64) -> Selection<'d> {
    expression.select(
        document,
        &Limits {
            steps,
            ..Limits::default()
        },
    )
}

#[test]
fn any_expression_on_any_document() {
    let mut dice = Dice(29);
    let namespaces = [(b"p".to_vec(), b"urn:p".to_vec())];
    let (mut some, mut exceeded) = (0, 0);
    for _ in 0..2_000 {
        let document = document(&mut dice);
        for _ in 0..10 {
            let text = match dice.roll(3) {
                0 => expression(&mut dice, 3),
                1 => format!("//node()[{}]", expression(&mut dice, 2)),
                _ => format!("//@*[{}] | /*", expression(&mut dice, 2)),
            };
            let expression = match Expression::compile(text.as_bytes()) {
                Ok(expression) => expression.bind(&namespaces).expect("only p"),
                // Only what grammar cannot tell: that something is no set of nodes.
                Err(error) => {
                    assert!(
                        error.message.contains("set of nodes")
                            || error.message.contains("sets of nodes"),
                        "{text}: {error:?}"
                    );
                    continue;
                }
            };
            let full = select(&expression, &document, 200_000);
            some += usize::from(!full.values.is_empty());
            exceeded += usize::from(full.exceeded);
            // A smaller budget gives the same, or says that it could not.
            let poor = select(&expression, &document, 50);
            assert!(poor.exceeded || poor == full, "{text}");
        }
    }
    assert!(some > 2_000, "{some} of 20,000 select something");
    assert!(exceeded < 200, "{exceeded} of 20,000 go over the budget");
}

/// Steps without positions visit no node twice, so they are what a naive evaluation of each node by itself gives.
#[test]
fn sets_are_what_each_node_gives() {
    let mut dice = Dice(31);
    for _ in 0..3_000 {
        let document = document(&mut dice);
        let axis = dice.pick(AXES);
        let from = dice.pick(&["//node()", "//@*", "//a", "//b|//@a", "//text()", "//a/.."]);
        let test = dice.pick(TESTS);
        let fast = format!("({from})/{axis}::{test}");
        // A predicate that asks for the position, and always holds, makes the evaluator go node by node.
        let slow = format!("({from})/{axis}::{test}[position() > 0]");
        let namespaces = [(b"p".to_vec(), b"urn:p".to_vec())];
        let [fast, slow] = [fast, slow].map(|text| {
            let expression = Expression::compile(text.as_bytes()).expect("sound");
            expression.bind(&namespaces).expect("only p")
        });
        let [quick, thorough] = [&fast, &slow].map(|path| select(path, &document, 10_000_000));
        assert!(!quick.exceeded && !thorough.exceeded);
        assert_eq!(
            quick,
            thorough,
            "{}",
            String::from_utf8_lossy(fast.source())
        );
    }
}

/// Any bytes are an expression or a mistake within them.
#[test]
fn any_bytes_as_an_expression() {
    let mut dice = Dice(37);
    let alphabet: Vec<char> = "/*@.[]()|'\":=<>!+-$,12ab é\u{1F600} nodetxdivm"
        .chars()
        .collect();
    for _ in 0..50_000 {
        let text: String = (0..dice.roll(24))
            .map(|_| alphabet[dice.roll(alphabet.len())])
            .collect();
        if let Err(error) = Expression::compile(text.as_bytes()) {
            assert!(
                text.get(error.span.clone()).is_some(),
                "{text:?}: {error:?}"
            );
        }
    }
}
