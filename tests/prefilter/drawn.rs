//! Values drawn from each rule's own pattern: what a pattern matches must get past the scan that comes before it.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::*;

/// How many values each pattern gives.
const DRAWS: usize = 2;
/// How often at most something is repeated that may come any number of times.
const REPEATS: u32 = 3;

/// A value that the pattern matches, but for what it wants to see around it.
fn draw(pattern: &Hir, random: &mut Random, value: &mut Vec<u8>) {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => value.extend_from_slice(&literal.0),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = class.ranges();
            if !ranges.is_empty() {
                let range = ranges[random.below(ranges.len())];
                let width = range.end() as usize - range.start() as usize + 1;
                let number = range.start() as usize + random.below(width);
                let character =
                    char::from_u32(u32::try_from(number).unwrap()).unwrap_or(range.start());
                value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        HirKind::Class(Class::Bytes(class)) => {
            let ranges = class.ranges();
            if !ranges.is_empty() {
                let range = ranges[random.below(ranges.len())];
                let width = usize::from(range.end() - range.start()) + 1;
                value.push(range.start() + u8::try_from(random.below(width)).unwrap());
            }
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            let most = most.min(repetition.min.saturating_add(REPEATS));
            let span = usize::try_from(most - repetition.min).unwrap() + 1;
            for _ in 0..repetition.min as usize + random.below(span) {
                draw(&repetition.sub, random, value);
            }
        }
        HirKind::Capture(capture) => draw(&capture.sub, random, value),
        HirKind::Concat(parts) => parts.iter().for_each(|part| draw(part, random, value)),
        HirKind::Alternation(ways) => draw(&ways[random.below(ways.len())], random, value),
    }
}

/// Sends values drawn from the patterns through both configurations; how many requests, and how many rules matched.
fn compare_drawn(configs: &[Arc<Config>; 2], patterns: &[Vec<u8>]) -> (usize, usize) {
    let mut random = Random(0xd1a3_0000_5eed);
    let (mut requests, mut matched) = (0, 0);
    for pattern in patterns {
        // Look-around and its kin are not drawn from.
        let text = String::from_utf8_lossy(pattern);
        let parsed = ParserBuilder::new()
            .utf8(false)
            .unicode(false)
            .build()
            .parse(&text);
        let Ok(parsed) = parsed else { continue };
        for _ in 0..DRAWS {
            let mut drawn = Vec::new();
            draw(&parsed, &mut random, &mut drawn);
            let value = encoded(&drawn);
            // Headers cannot hold everything.
            let plain: String = drawn
                .iter()
                .map(|byte| char::from(byte & 0x7f))
                .filter(|c| !c.is_control())
                .collect();
            let head = format!(
                "POST /p?q={value} HTTP/1.1\nHost: blog.example\nUser-Agent: {plain}\nReferer: {plain}\nCookie: c={plain}\n\
                 Content-Type: application/x-www-form-urlencoded\nAccept: */*"
            );
            let body = format!("{value}=1&b=x{value}");
            matched += compare(configs, &request(&head).body(body), &head);
            requests += 1;
        }
    }
    (requests, matched)
}

#[test]
fn values_drawn_from_the_patterns_of_the_core_rule_set() {
    let Some(configs) = core_rules() else { return };
    let patterns = patterns::of_rules(&material::crs().join("rules"));
    let (requests, matched) = compare_drawn(&configs, &patterns);
    println!(
        "{requests} requests drawn from {} patterns, {matched} rules matched",
        patterns.len()
    );
    assert!(
        requests > patterns.len() && matched > requests,
        "{requests} {matched}"
    );
}
