//! The time taken is linear in the input: counted in steps, so that no busy machine can make the tests fail.

use super::{scan, sqli, xss};

/// What is repeated: beginnings that never end, and ends that may not be one. Each stands behind every prefix.
const PATTERNS: &[&[u8]] = &[
    b"a.",
    b"a`",
    b"/",
    b"<",
    b"<!--",
    b"a",
    b"1",
    b"1 ",
    b"1+",
    b"+",
    b"-",
    b"--",
    b"-- ",
    b"#",
    b"'",
    b"\"",
    b"`",
    b"\\",
    b"\\'",
    b"''",
    b"/*",
    b"*/",
    b"/**/",
    b"/*!*/",
    b"*/*",
    b"/*/",
    b"(",
    b")",
    b"()",
    b",",
    b";",
    b"{",
    b"{a",
    b"}",
    b"[",
    b"[]",
    b"@",
    b"@@",
    b"@a",
    b"$",
    b"$$",
    b"$a$",
    b"$a",
    b"$a$b",
    b"$1",
    b"$.",
    b"0x",
    b"0x1",
    b"1.",
    b"1.e",
    b"1e",
    b".",
    b"a ",
    b"a b ",
    b"select ",
    b"select.",
    b"div.",
    b"div`a`",
    b"div.a ",
    b"div ",
    b"div.$$",
    b"div.x'0",
    b"div.u&",
    b"div.nq'",
    b"mod.`",
    b"union ",
    b"and ",
    b"1,",
    b"1,-",
    b"n'",
    b"e'",
    b"x'",
    b"x'0",
    b"b'01",
    b"q'",
    b"q'a",
    b"q'['",
    b"nq'(",
    b"u&'",
    b"[a",
    b"in(",
    b"like(",
    b"user(",
    b"::int",
    b"collate a_",
    b"\0",
    b"\xa0",
    b" ",
    b"\n",
    b"<a",
    b"<a ",
    b"<a>",
    b"</",
    b"</a>",
    b"<?",
    b"<%",
    b"<%%",
    b"<!",
    b"<!-",
    b"<!-- -",
    b"-\0",
    b"<!--\0",
    b"<![CDATA[",
    b"]",
    b"]]",
    b"<a =",
    b"a=",
    b"a='",
    b"a=b ",
    b"onx ",
    b"onclic ",
    b"on\0",
    b"=",
    b"href=&#0;",
    b"&#0;",
    b"&#000",
    b"&#x",
    b"href='&#32;",
    b"attributename=o",
    b"\0a",
    b"a\0",
    b"<a/",
    b"<a b/",
    b"sp_passwor",
    b"$a\0",
];

const PREFIXES: &[&[u8]] = &[b"", b"'", b"\"", b"1", b"<a ", b"<a href="];

/// The most steps that each byte may cost, all readings and contexts together.
const STEPS_PER_BYTE: usize = 64;

fn repeated(prefix: &[u8], pattern: &[u8], length: usize) -> Vec<u8> {
    let repetitions = pattern.iter().cycle();
    prefix
        .iter()
        .chain(repetitions)
        .take(length)
        .copied()
        .collect()
}

fn assert_linear(name: &str, prefix: &[u8], pattern: &[u8], detect: impl Fn(&[u8])) {
    const SHORT: usize = 1 << 10;
    const LONG: usize = 1 << 14;
    let steps = |length| {
        let input = repeated(prefix, pattern, length);
        scan::work::of(|| detect(&input))
    };
    let (short, long) = (steps(SHORT), steps(LONG));
    let input = || String::from_utf8_lossy(&repeated(prefix, pattern, 40)).into_owned();
    assert!(
        long <= STEPS_PER_BYTE * LONG,
        "{name}: {long} steps for {:?}",
        input()
    );
    // Sixteen times the input; quadratic work would be 256 times as much.
    assert!(
        long <= 20 * short + LONG,
        "{name}: {short} and {long} steps for {:?}",
        input()
    );
}

#[test]
fn work_is_linear() {
    for pattern in PATTERNS {
        for prefix in PREFIXES {
            assert_linear("sqli", prefix, pattern, |input| {
                let _ = sqli(input);
            });
            assert_linear("xss", prefix, pattern, |input| {
                let _ = xss(input);
            });
        }
    }
}

#[test]
fn a_megabyte_is_answered() {
    for pattern in [
        &b"a."[..],
        b"a`",
        b"/",
        b"<",
        b"<!--",
        b"div.",
        b"select.",
        b"(",
    ] {
        let input = repeated(b"", pattern, 1 << 20);
        let steps = scan::work::of(|| {
            let _ = (sqli(&input), xss(&input));
        });
        assert!(steps <= STEPS_PER_BYTE * input.len(), "{steps} steps");
    }
}
