//! Values for one pattern.

use palisade::operators::rx::Pattern;
use regex_syntax::hir::{Hir, HirKind};

use crate::draw::draw;
use crate::random::Random;
use crate::values::Value;

/// What is short of a match by a byte, or runs on where the pattern lets it.
pub fn near(pattern: &Pattern) -> Vec<Value> {
    let Some(tree) = pattern.necessary().and_then(|text| {
        let mut parser = regex_syntax::ParserBuilder::new();
        let parser = parser.unicode(false).utf8(false);
        let parser = parser.case_insensitive(pattern.options().case_insensitive);
        parser.nest_limit(1000).build().parse(text).ok()
    }) else {
        return Vec::new();
    };
    let mut random = Random(0x11_0ea7_5eed);
    let mut values = Vec::new();
    for _ in 0..DRAWS {
        let mut text = Vec::new();
        draw(&tree, &mut |bound| random.below(bound), &mut text);
        if text.is_empty() {
            continue;
        }
        values.push(Value::new(b"", &text, b""));
        text.pop();
        values.push(Value::new(b"", &text, b""));
        // The beginning only, as often as it goes.
        text.truncate(text.len().div_ceil(2));
        values.push(Value::new(b"", &text, b""));
    }
    for number in 0..STRETCHES {
        let mut stretch = Stretch {
            number,
            ..Stretch::default()
        };
        stretch.walk(&tree, &mut |bound| random.below(bound));
        let Some(repeated) = stretch.repeated.filter(|part| !part.is_empty()) else {
            break;
        };
        let short = stretch
            .behind
            .split_last()
            .map_or(&[][..], |(_, rest)| rest);
        values.push(Value::new(&stretch.before, &repeated, short));
        values.push(Value::new(&stretch.before, &repeated, b"\x01"));
        // The run without what is before it, and with each of its kin.
        values.push(Value::new(
            b"",
            &[&stretch.before[..], &repeated].concat(),
            b"",
        ));
    }
    values
}

/// Texts drawn from each pattern.
const DRAWS: usize = 3;
/// Repetitions of each pattern that are made to run on.
const STRETCHES: usize = 8;

/// A text that a pattern matches, of which the n-th part that may be repeated without end is set apart.
#[derive(Default)]
struct Stretch {
    number: usize,
    seen: usize,
    before: Vec<u8>,
    repeated: Option<Vec<u8>>,
    behind: Vec<u8>,
}

impl Stretch {
    fn walk(&mut self, tree: &Hir, below: &mut dyn FnMut(usize) -> usize) {
        match tree.kind() {
            HirKind::Repetition(repetition) => {
                let endless = repetition.max.is_none();
                if endless && self.seen == self.number && self.repeated.is_none() {
                    let mut part = Vec::new();
                    draw(&repetition.sub, &mut |bound| below(bound), &mut part);
                    self.repeated = Some(part);
                    return;
                }
                self.seen += usize::from(endless);
                for _ in 0..repetition.min.max(1).min(16) {
                    self.walk(&repetition.sub, below);
                }
            }
            HirKind::Capture(capture) => self.walk(&capture.sub, below),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part, below)),
            HirKind::Alternation(ways) => self.walk(&ways[below(ways.len())], below),
            HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(_) => {
                let text = match self.repeated {
                    None => &mut self.before,
                    Some(_) => &mut self.behind,
                };
                draw(tree, &mut |bound| below(bound), text);
            }
        }
    }
}
