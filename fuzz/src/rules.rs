//! What rules are written in, and the scan that tells which of them to ask.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use palisade::config::{Config, DirConfig, read_text};
use palisade::seclang::ast::{
    Action, Operator, Target, print_actions, print_operator, print_targets,
};
use palisade::seclang::{parse_actions, parse_operator, parse_targets, split};
use regex_syntax::hir::Hir;

use super::draw::draw;
use super::support::{TestHost, config, request};

/// A configuration: it is taken, or refused with a place.
pub fn configuration(data: &[u8]) {
    // Files and programs of the machine are none of a fuzzer's business.
    let text: String = String::from_utf8_lossy(data)
        .replace('/', "_")
        .split_inclusive('\n')
        .filter(|line| !line.to_ascii_lowercase().contains("debuglog"))
        .collect();
    if let Err(error) = read_text("fuzz.conf", &text, &DirConfig::new()) {
        assert!(error.to_string().contains("fuzz.conf"), "{error}");
    }
}

/// A tree without the places in its text.
type Word = (String, Option<Vec<u8>>);

fn target(target: &Target) -> (bool, bool, Word) {
    let selector = target.selector.as_ref().map(|text| text.value.clone());
    (
        target.exclude,
        target.count,
        (target.name.value.clone(), selector),
    )
}

fn action(action: &Action) -> Word {
    let argument = action.argument.as_ref().map(|text| text.value.clone());
    (action.name.value.clone(), argument)
}

fn operator(operator: &Operator) -> (bool, String, Vec<u8>) {
    let name = operator.name.value.clone();
    (operator.negated, name, operator.argument.value.clone())
}

/// The words of a directive: a tree that is printed and read again is the same tree. (What has no name is in the tree, too, and
/// refused when the rule is compiled.)
pub fn seclang(data: &[u8]) {
    for word in split(data) {
        assert!(word.text.len() <= data.len());
    }
    let named = |name: &String| !name.is_empty();
    if let Some(tree) = parse_targets(data)
        .ok()
        .filter(|tree| tree.iter().all(|one| named(&one.name.value)))
    {
        let again = parse_targets(&print_targets(&tree)).unwrap();
        assert!(tree.iter().map(target).eq(again.iter().map(target)));
    }
    if let Some(tree) = parse_actions(data)
        .ok()
        .filter(|tree| tree.iter().all(|one| named(&one.name.value)))
    {
        let again = parse_actions(&print_actions(&tree)).unwrap();
        assert!(tree.iter().map(action).eq(again.iter().map(action)));
    }
    if let Ok(tree) = parse_operator(data) {
        let again = parse_operator(&print_operator(&tree)).unwrap();
        assert_eq!(operator(&tree), operator(&again));
    }
}

const RULES: &str = include_str!("../../tests/data/prefilter.conf");

static CONFIGS: LazyLock<[Arc<Config>; 2]> = LazyLock::new(|| {
    ["On", "Off"].map(|switch| config(&format!("{RULES}\nSecRulePrefilter {switch}\n")))
});

/// The patterns of the rules.
static PATTERNS: LazyLock<Vec<Hir>> = LazyLock::new(|| {
    let mut builder = regex_syntax::ParserBuilder::new();
    let mut parser = builder.utf8(false).unicode(false).build();
    let texts = RULES
        .split("@rx ")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    texts.filter_map(|text| parser.parse(text).ok()).collect()
});

/// More bytes than a value has that is looked at without a plan.
const LONG: usize = 300;

thread_local! {
    /// Its counters alone take longer to make than a request.
    static HOST: RefCell<TestHost> = RefCell::default();
}

/// The first byte chooses a pattern and where in a request the value stands; what is drawn from the pattern stands in the midst of
/// the rest. Verdict and alerts are those of the same rules without the scan.
pub fn prefilter(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    let choice = usize::from(*choice);
    let pattern = &PATTERNS[choice % PATTERNS.len()];
    let mut numbers = rest.iter().cycle();
    let mut below = |bound: usize| usize::from(*numbers.next().unwrap_or(&0)) % bound;
    let mut drawn = Vec::new();
    draw(pattern, &mut below, &mut drawn);
    let (before, behind) = rest.split_at(rest.len() / 2);
    // Of long values more is found out before they are asked about.
    let filling = match choice / PATTERNS.len() / 4 % 2 {
        0 => Vec::new(),
        _ => [before, b" a"]
            .concat()
            .repeat(LONG / (before.len() + 2) + 1),
    };
    let value = [&filling, before, &drawn, behind].concat();
    let scenario = match choice / PATTERNS.len() % 4 {
        0 | 1 => request(&format!("GET /p?q={} HTTP/1.1\nHost: a", encoded(&value))),
        2 => {
            let head = "POST / HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded";
            request(head).body([b"user=x&name=", &value[..]].concat())
        }
        _ => {
            let plain: String = value
                .iter()
                .map(|byte| char::from(byte & 0x7f))
                .filter(|character| !character.is_control())
                .collect();
            let head = format!("GET / HTTP/1.1\nHost: a\nUser-Agent: {plain}\nCookie: k={plain}");
            request(&head)
        }
    };
    let run = |config| HOST.with_borrow_mut(|host| scenario.run_on(host, config));
    let [with, without] = CONFIGS.each_ref().map(run);
    assert_eq!(with.matched, without.matched);
    assert_eq!(with.tx, without.tx);
    assert_eq!(with.log, without.log);
    assert_eq!(with.status, without.status);
}

/// Each byte as a `%hh` of its own.
fn encoded(value: &[u8]) -> String {
    let digit = |number: u8| char::from(b"0123456789abcdef"[usize::from(number)]);
    let escaped = |byte: &u8| ['%', digit(byte >> 4), digit(byte & 15)];
    value.iter().flat_map(escaped).collect()
}
