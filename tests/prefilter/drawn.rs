//! Values drawn from each rule's own pattern: what a pattern matches must get past the scan that comes before it.

use regex_syntax::ParserBuilder;

use super::draw::draw;
use super::*;

/// How many values each pattern gives.
const DRAWS: usize = 2;
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
            draw(&parsed, &mut |bound| random.below(bound), &mut drawn);
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
