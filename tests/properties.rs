//! What must hold for whatever comes, of the engine as a whole: values that look random, the same in every run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/random.rs"]
mod random;
mod support;

use hostile::Message;
use palisade::seclang::ast::{
    Action, Operator, Spanned, Target, print_actions, print_operator, print_targets,
};
use palisade::seclang::{parse_actions, parse_operator, parse_targets};
use random::Random;
use support::{Answer, config, request};

/// The recommended configuration, and a rule for whatever it makes of a body: verdict and values are told.
fn inspected() -> String {
    let recommended = concat!(env!("CARGO_MANIFEST_DIR"), "/apache-conf/recommended.conf");
    let mut rules =
        format!("Include {recommended}\nSecRuleEngine On\nSecTmpSaveUploadedFiles On\n");
    for (id, target) in (1..).zip([
        "ARGS",
        "ARGS_NAMES",
        "FILES",
        "FILES_NAMES",
        "FILES_TMP_CONTENT",
        "MULTIPART_PART_HEADERS",
        "XML:/*",
        "XML://@*",
        "REQUEST_BODY",
        "REQUEST_BODY_LENGTH",
        "REQBODY_ERROR_MSG",
    ]) {
        rules.push_str(&format!(
            "SecRule {target} \"@unconditionalMatch\" \"id:{id},phase:2,pass,nolog,setvar:'tx.v{id}=%{{tx.v{id}}}|%{{MATCHED_VAR_NAME}}=%{{MATCHED_VAR}}'\"\n\
             SecRule {target} \"@contains evilmarker\" \"id:{},phase:2,deny,status:403\"\n",
            100 + id
        ));
    }
    rules
}

/// Status, rules that matched, variables and messages.
type Told = (u16, Vec<u64>, Vec<(String, String)>, Vec<String>);

/// What rules saw and what came of it.
fn told(answer: Answer) -> Told {
    (
        answer.status,
        answer.matched,
        answer.tx.into_iter().collect(),
        answer.messages,
    )
}

#[test]
fn however_a_body_is_cut_the_verdict_is_the_same() {
    let config = config(&inspected());
    let mut random = Random(0xb0d1_e500);
    let (mut bodies, mut refused) = (0, 0);
    for vector in hostile::for_http1() {
        let Message::Parts(parts) = &vector.message else {
            continue;
        };
        // The longest are about limits, which is tried where they are.
        if parts.body.is_empty() || parts.body.len() > 4096 {
            continue;
        }
        let mut head = format!("{} /echo HTTP/1.1\nHost: www.example.test", parts.method);
        for header in &parts.headers {
            let Ok(line) = std::str::from_utf8(header) else {
                continue;
            };
            head.push('\n');
            head.push_str(line);
        }
        let sent = || request(&head).body(parts.body.clone());
        let whole = told(sent().run(&config));
        bodies += 1;
        refused += usize::from(whole.0 != 200);
        let length = parts.body.len();
        let some: Vec<usize> = (0..3).map(|_| random.below(length + 1)).collect();
        let single: Vec<usize> = (1..length).collect();
        for cuts in [single, some] {
            let cut = told(sent().cut(&cuts).run(&config));
            assert_eq!(cut, whole, "{} at {cuts:?}", vector.name);
        }
    }
    assert!(bodies > 150 && refused > 50, "{bodies} {refused}");
}

#[test]
fn instances_of_a_header_keep_their_order() {
    let config = config(
        "SecRuleEngine On\nSecRule REQUEST_HEADERS \"@unconditionalMatch\" \
         \"id:1,phase:1,pass,nolog,setvar:'tx.all=%{tx.all}|%{MATCHED_VAR_NAME}=%{MATCHED_VAR}'\"\n\
         SecRule REQUEST_HEADERS:x-b \"@unconditionalMatch\" \"id:2,phase:1,pass,nolog,setvar:'tx.b=%{tx.b}|%{MATCHED_VAR}'\"\n\
         SecRule &REQUEST_HEADERS:X-B \"@ge 0\" \"id:3,phase:1,pass,nolog,setvar:tx.count=%{MATCHED_VAR}\"",
    );
    let names = ["X-A", "X-B", "x-b", "X-b", "Cookie", "Accept"];
    let mut random = Random(0x0bde_5eed);
    for _ in 0..500 {
        let fields: Vec<(&str, String)> = (0..random.below(9))
            .map(|number| (names[random.below(names.len())], format!("v{number}")))
            .collect();
        let lines: String = fields
            .iter()
            .map(|(name, value)| format!("\n{name}: {value}"))
            .collect();
        let answer = request(&format!("GET / HTTP/1.1{lines}")).run(&config);
        let all: String = fields
            .iter()
            .map(|(name, value)| format!("|REQUEST_HEADERS:{name}={value}"))
            .collect();
        let of_b = fields
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("x-b"));
        let b: String = of_b.clone().map(|(_, value)| format!("|{value}")).collect();
        let seen = |name: &str| answer.tx.get(name).cloned().unwrap_or_default();
        assert_eq!(seen("all"), all, "{lines}");
        assert_eq!(seen("b"), b, "{lines}");
        assert_eq!(seen("count"), of_b.count().to_string(), "{lines}");
    }
}

/// A text of a few bytes, more often than not of those that mean something.
fn text(random: &mut Random) -> Vec<u8> {
    let telling = b"'\\\"|,:!&@ \t%{}/a1\x0b\xff";
    (0..random.below(6))
        .map(|_| match random.below(4) {
            0 => u8::try_from(random.below(256)).unwrap(),
            _ => telling[random.below(telling.len())],
        })
        .collect()
}

/// A piece of a tree, whose place in a text is of no interest.
fn piece<T>(value: T) -> Spanned<T> {
    Spanned { value, span: 0..0 }
}

fn placeless<T: Clone>(piece: &Spanned<T>) -> Spanned<T> {
    self::piece(piece.value.clone())
}

#[test]
fn a_printed_tree_is_read_as_the_same_tree() {
    let mut random = Random(0x7ee5);
    let names = ["ARGS", "REQUEST_HEADERS", "TX", "deny", "setvar", "msg"];
    for _ in 0..20_000 {
        let name = |random: &mut Random| piece(names[random.below(names.len())].to_owned());
        let argument = |random: &mut Random| (random.below(3) > 0).then(|| piece(text(random)));
        let targets: Vec<Target> = (0..1 + random.below(3))
            .map(|_| {
                // One of the two, or neither.
                let mark = random.below(6);
                Target {
                    exclude: mark == 0,
                    count: mark == 1,
                    name: name(&mut random),
                    selector: argument(&mut random),
                }
            })
            .collect();
        let printed = print_targets(&targets);
        let mut read = parse_targets(&printed)
            .unwrap_or_else(|error| panic!("{}: {error:?}", printed.escape_ascii()));
        for target in &mut read {
            target.name = placeless(&target.name);
            target.selector = target.selector.as_ref().map(placeless);
        }
        assert_eq!(read, targets, "{}", printed.escape_ascii());

        let actions: Vec<Action> = (0..1 + random.below(3))
            .map(|_| Action {
                name: name(&mut random),
                argument: argument(&mut random),
            })
            .collect();
        let printed = print_actions(&actions);
        let mut read = parse_actions(&printed)
            .unwrap_or_else(|error| panic!("{}: {error:?}", printed.escape_ascii()));
        for action in &mut read {
            action.name = placeless(&action.name);
            action.argument = action.argument.as_ref().map(placeless);
        }
        assert_eq!(read, actions, "{}", printed.escape_ascii());

        let negated = random.below(2) == 0;
        let mut argument = text(&mut random);
        if negated {
            // Blanks behind the mark belong to nobody.
            let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
            let blanks = argument.iter().take_while(|byte| blank(byte)).count();
            argument.drain(..blanks);
        }
        let operator = Operator {
            negated,
            name: piece("rx".to_owned()),
            argument: piece(argument),
        };
        let printed = print_operator(&operator);
        let mut read = parse_operator(&printed)
            .unwrap_or_else(|error| panic!("{}: {error:?}", printed.escape_ascii()));
        read.name = placeless(&read.name);
        read.argument = placeless(&read.argument);
        assert_eq!(read, operator, "{}", printed.escape_ascii());
    }
}
