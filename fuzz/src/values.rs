//! What happens to values: transformations and operators.

use std::borrow::Cow;
use std::sync::LazyLock;

use palisade::operators::needs::Needs;
use palisade::operators::{CompileContext, Kind, Operator, Outcome, UnreadGrammars, compile};
use palisade::transformations::{ByteSet, CONSTANT_OUTPUT, Env, Transformation};

use super::draw::draw;

/// Each transformation keeps its promises about borrowing, triggers and length.
pub fn transformations(data: &[u8]) {
    let bytes = ByteSet::of(data);
    for transformation in Transformation::ALL {
        let name = transformation.name();
        let result = transformation.apply(data, &Env::default());
        let unchanged = *result == *data;
        assert_eq!(matches!(result, Cow::Borrowed(_)), unchanged, "{name}");
        assert!(unchanged || transformation.may_change(&bytes), "{name}");
        assert!(result.len() <= 3 * data.len() + CONSTANT_OUTPUT, "{name}");
        let image = transformation.image(&bytes);
        assert!(result.iter().all(|byte| image.contains(*byte)), "{name}");
    }
}

/// What rules have as an argument; several for operators that do different things with different ones.
fn usual(kind: Kind) -> &'static [&'static [u8]] {
    match kind {
        Kind::Rx => &[
            br"(?i)union[\s/*]+(?:all|distinct)?[\s(]*select",
            br"(?i)<[^>]*?\bon(?:load|error|click)\s*=",
            br"(?<!a)b(?=c)|([xyz])\1",
            br"^[\w ]*$",
        ],
        Kind::Pm | Kind::PmFromFile => &[b"nikto sqlmap |3c|script"],
        Kind::ValidateByteRange => &[b"32-126,9,10,13"],
        Kind::IpMatch | Kind::IpMatchFromFile => &[b"10.0.0.0/8,2001:db8::/32"],
        Kind::VerifyCc => &[br"\d{13,16}"],
        Kind::VerifyCpf => &[br"\d{3}\.?\d{3}\.?\d{3}-?\d{2}"],
        Kind::VerifySsn => &[br"\d{3}-?\d{2}-?\d{4}"],
        Kind::Rsub => &[b"s/(a+)[^b]*b/<$1>/i"],
        Kind::FuzzyHash => &[b"hashes 20"],
        Kind::Eq | Kind::Ge | Kind::Gt | Kind::Le | Kind::Lt => &[b"42"],
        Kind::ValidateHash => &[b"/private"],
        _ => &[b"", b"word"],
    }
}

struct Compiled {
    kind: Kind,
    argument: &'static [u8],
    operator: Operator,
    needs: Needs,
}

/// What a file says that an operator reads.
const FILE: &[u8] = b"3:AXGBicFlgVNhBGcL6wCrFQEv:AXGHsNhxLsr2C,\"a\"\nnikto\n10.0.0.0/8\n";

fn context<'c>(
    file: &'c dyn Fn(&std::path::Path) -> std::io::Result<Vec<u8>>,
) -> CompileContext<'c> {
    CompileContext {
        grammars: &UnreadGrammars,
        config_dir: None,
        pcre_match_limit: Some(1000),
        pcre_match_limit_recursion: Some(1000),
        file,
    }
}

static OPERATORS: LazyLock<Vec<Compiled>> = LazyLock::new(|| {
    let file = |_: &std::path::Path| Ok(FILE.to_vec());
    let mut all = Vec::new();
    for kind in Kind::ALL {
        for argument in usual(kind) {
            if let Ok(operator) = compile(kind, argument, &context(&file)) {
                let needs = operator.needs(argument);
                all.push(Compiled {
                    kind,
                    argument,
                    operator,
                    needs,
                });
            }
        }
    }
    all
});

/// A value through every operator: what matches was admitted by the scan, and can be told in the log.
pub fn operators(data: &[u8]) {
    let folded = data.to_ascii_lowercase();
    for compiled in OPERATORS.iter() {
        if let Outcome::Match(found) = compiled.operator.evaluate(compiled.argument, data, true) {
            assert!(compiled.needs.admit(&folded), "{:?}", compiled.kind);
            let message = compiled
                .operator
                .message(compiled.argument, &found, b"ARGS");
            assert!(!message.is_empty(), "{:?}", compiled.kind);
        }
    }
}

/// An operator, chosen by the first byte; then a line with its argument, and the rest is the value. A pattern draws a value of
/// its own, too.
pub fn arguments(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else {
        return;
    };
    let kind = Kind::ALL[usize::from(*choice) % Kind::ALL.len()];
    let split = rest.iter().position(|byte| *byte == b'\n');
    let (argument, value) = match split {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, rest),
    };
    let file = |_: &std::path::Path| Ok(value.to_vec());
    let Ok(operator) = compile(kind, argument, &context(&file)) else {
        return;
    };
    let needs = operator.needs(argument);
    let ask = |value: &[u8]| {
        if let Outcome::Match(found) = operator.evaluate(argument, value, true) {
            assert!(needs.admit(&value.to_ascii_lowercase()), "{needs:?}");
            assert!(!operator.message(argument, &found, b"ARGS").is_empty());
        }
    };
    ask(value);
    if let Operator::Rx(pattern) = &operator {
        let parsed = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .build()
            .parse(pattern.necessary().unwrap_or_default());
        if let Ok(parsed) = parsed {
            let mut numbers = value.iter().cycle();
            let mut below = |bound: usize| usize::from(*numbers.next().unwrap_or(&0)) % bound;
            let mut drawn = Vec::new();
            draw(&parsed, &mut below, &mut drawn);
            ask(&drawn);
        }
    }
}
