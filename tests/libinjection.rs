//! SQL injection and cross-site scripting: the answers of the C library, input by input.

#[path = "support/random.rs"]
mod random;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use palisade::operators::libinjection::{sqli, xss};
use random::Random;

/// Inputs with the C library's answers: the fingerprint if it is SQL injection, and whether it is scripting.
const ANSWERS: &[(&[u8], Option<&str>, bool)] = &[
    // Harmless.
    (b"", None, false),
    (b"a", None, false),
    (b"hello world", None, false),
    (b"It's five o'clock", None, false),
    (b"rock 'n' roll", None, false),
    (b"select a seat and wait", None, false),
    (b"1 + 1 = 2", None, false),
    (b"Tom & Jerry", None, false),
    (b"price: $1,000.00 (net)", None, false),
    (b"2024-05-06T07:08:09Z", None, false),
    (b"C# or F#?", None, false),
    (b"user@example.org", None, false),
    (b"O'Reilly & Sons -- publishers", None, false),
    (b"50% off, 3 for 2!", None, false),
    (b"\xff\xfe\0\x01", None, false),
    (b"union of workers", None, false),
    (b"drop me a line", None, false),
    (b"the table is set", None, false),
    // Harmless to a reader, not to the library.
    (b"if (a < b && b > c) return;", Some("f(n&n"), false),
    (b"1234-ABCDEFEhfhih--", Some("1c"), false),
    // SQL.
    (b"1' or '1'='1", Some("s&sos"), false),
    (b"1\" or 1=1 -- ", Some("s&1c"), false),
    (b"-1 union select 1,2,3", Some("1UE1"), false),
    (b"1 UNION ALL SELECT null,null--", Some("1UEvc"), false),
    (b"admin'--", Some("sc"), false),
    (b"admin'/*", Some("sc"), false),
    (b"1; drop table users", Some("1;Tnn"), false),
    (b"1 and sleep(5)", Some("1&f(1"), false),
    (b"x' and benchmark(1000,md5(1))#", Some("s&f(1"), false),
    (b"1/**/or/**/1=1", Some("1&1"), false),
    (b"1 /*!50000union*/ select 2", Some("X"), false),
    (b"/* a /* b */ c */", Some("X"), false),
    (b"' or 1=1 into outfile '/tmp/x", Some("s&1ks"), false),
    (b"1 into outfile 'a'", Some("1ks"), false),
    (b"1 INTO DUMPFILE 'a'", Some("1ks"), false),
    (b"1 into foo 'a'", None, false),
    (b"1 union", None, false),
    (b"1 union/* */", Some("1Uc"), false),
    (b"1--", Some("1c"), false),
    (b"1111111111111111111111111111111--", Some("1c"), false),
    (b"11111111111111111111111111111111--", None, false),
    (b"1\xff--", None, false),
    (b"foo' + 'bar", Some("sos"), false),
    (b"foo' + \"bar", None, false),
    (b"sexy and 17", None, false),
    (b"sexy and 17<18", Some("n&1"), false),
    (b"x' or q'[a]' = q'[a]'--", Some("s&sos"), false),
    (b"1 or 0X\0=1", Some("1&1"), false),
    (b"@@version union select 1", Some("vUE1"), false),
    (b"1;if(1=1)waitfor delay '0:0:5'", Some("1;T(1"), false),
    (b"x'; exec xp_cmdshell('dir')--", Some("s;Tn("), false),
    (b"1 or user() like 'a'", Some("1&f()"), false),
    (b"1 or user(1) like 'a'", None, false),
    (b"1 collate utf8_bin or 1=1", None, false),
    (b"{`` 1} or 1", Some("X"), false),
    (b"\\%1 or 1=1", Some("1&1"), false),
    (b"1 or -1,-1,-sin(1)", None, false),
    (b"$$a$$ or $tag$b$tag$=1", Some("s&so1"), false),
    (b"1 sp_password --", None, false),
    (b"a sp_password /* */", None, false),
    (b"n'a' or x'0F'=b'01'", Some("s&1"), false),
    (b"select.1 or `sleep`(1)", Some("E1&f("), false),
    (b"1.e or 1=1", Some("n&1"), false),
    (b"1e(2) or 3", None, false),
    (b"u&'a' or u&'a'=u&'a'", Some("s&sos"), false),
    // Harmless markup.
    (b"<b>bold</b>", None, false),
    (b"a < b and b > c", None, false),
    (b"<a href=\"https://example.org/\">x</a>", None, false),
    (b"<p class=x>data:</p>", None, false),
    (b"on=1&one=2", None, false),
    (b"<!-- plain -->", None, false),
    (b"src=picture.png", None, false),
    // Markup that runs script, and its neighbours.
    (b"</script", None, true),
    (b"<script>", None, true),
    (b"<ScRiPt src=x>", None, true),
    (b"<scr\0ipt>", None, true),
    (b"<svg/onload=x>", None, true),
    (b"<x onclick=y>", None, true),
    (b"<x onclickx=y>", None, true),
    (b"<x onrepeat=y>", None, false),
    (b"<x on\0click=y>", None, false),
    (b"x onmouseover=alert(1)", None, true),
    (b"' onfocus=alert(1) x='", None, true),
    (b"\" onfocus=alert(1) ", None, true),
    (b"` style=x", None, true),
    (b"<a href=javascript:x>", None, true),
    (b"<a href=' &#x6a;&#97va'>", None, true),
    (b"<a \xff href=javascript:x>", None, false),
    (b"<form action=data:x>", None, true),
    (b"<!doctype html>", None, true),
    (b"<!ENTITY x>", None, true),
    (b"<?import x>", None, true),
    (b"<!--[if IE]-->", None, true),
    (b"<!-- ` -->", None, true),
    (b"<% ` %>", None, true),
    (b"<![CDATA[<script>]]>", None, false),
    (b"<set attributename=onload>", None, true),
    (b"<x xmlns:y=z>", None, true),
    (b"</a b><script>", None, true),
    (b"</a b></c><script>", None, true),
];

#[test]
fn answers_are_those_of_the_c_library() {
    for &(input, fingerprint, is_xss) in ANSWERS {
        let text = String::from_utf8_lossy(input);
        let found = sqli(input);
        assert_eq!(
            found.as_ref().map(|it| it.as_str()),
            fingerprint,
            "{text:?}"
        );
        assert_eq!(xss(input), is_xss, "{text:?}");
    }
}

#[test]
fn a_fingerprint_reads_the_same_in_every_form() {
    let fingerprint = sqli(b"1' or '1'='1").unwrap();
    assert_eq!(fingerprint.as_str(), "s&sos");
    assert_eq!(fingerprint.as_bytes(), b"s&sos");
    assert_eq!(fingerprint.to_string(), "s&sos");
    assert_eq!(format!("{fingerprint:?}"), "Fingerprint(\"s&sos\")");
    assert_eq!(Some(fingerprint), sqli(b"2' or '3'='4"));
}

#[test]
fn one_input_of_two_bytes_is_an_attack() {
    let mut attacks = Vec::new();
    for first in 0..=u8::MAX {
        assert!(sqli(&[first]).is_none() && !xss(&[first]));
        for second in 0..=u8::MAX {
            let input = [first, second];
            assert!(!xss(&input), "{input:?}");
            attacks.extend(sqli(&input).map(|found| (input, found.to_string())));
        }
    }
    // An open brace and an empty name: what MySQL makes of it nobody can tell.
    assert_eq!(attacks, [(*b"{`", "X".to_string())]);
}

#[test]
fn any_bytes_are_answered() {
    const SQL: &[u8] = b"'\"`-/*#()[]{}.,;:@$\\!|&=<>0123eExXbBqQnNuUaAfFdD \n\0\xa0\x80\xff";
    const HTML: &[u8] = b"<>/!-?%='\"` \0aonOclickjx&#;:[]\n\x80\xff";
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut attacks = 0;
    for round in 0..150_000 {
        let length = random.below(48);
        let input: Vec<u8> = (0..length)
            .map(|_| match round % 3 {
                0 => random.below(256) as u8,
                1 => SQL[random.below(SQL.len())],
                _ => HTML[random.below(HTML.len())],
            })
            .collect();
        if let Some(fingerprint) = sqli(&input) {
            attacks += 1;
            let symbols = fingerprint.as_str();
            assert!((1..=5).contains(&symbols.len()), "{input:?}");
            assert!(
                symbols
                    .bytes()
                    .all(|symbol| b"kUBEtfn1vso&cA(),:;TX".contains(&symbol)),
                "{symbols} {input:?}"
            );
        }
        attacks += usize::from(xss(&input));
    }
    // The inputs are of a sort that reaches the verdicts, too.
    assert!(attacks > 1000, "{attacks}");
}

#[test]
fn all_recorded_answers_agree() {
    let directory = std::env::var_os("CONFORMANCE_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"),
        PathBuf::from,
    );
    let path = directory.join("libinjection/verdicts.tsv.gz");
    let Ok(file) = File::open(&path) else {
        eprintln!("SKIPPED: no conformance data at {}", path.display());
        return;
    };
    let mut table = String::new();
    GzDecoder::new(file).read_to_string(&mut table).unwrap();

    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    let mut differences = Vec::new();
    for line in table.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let &[kind, is_sqli, fingerprint, is_xss, hex] = columns.as_slice() else {
            panic!("not a row: {line}");
        };
        let input = bytes_of_hex(hex).unwrap();
        let found = sqli(&input);
        let answer = (
            found.is_some(),
            found.as_ref().map_or("", |it| it.as_str()),
            xss(&input),
        );
        *rows.entry(kind).or_default() += 1;
        if answer != (is_sqli == "1", fingerprint, is_xss == "1") {
            differences.push(format!("{answer:?} for {line}"));
        }
    }
    let total: usize = rows.values().sum();
    println!(
        "libinjection: {total} answers compared {rows:?}, {} differ",
        differences.len()
    );
    assert!(total > 100_000, "only {total} answers");
    assert!(
        differences.is_empty(),
        "{} differ, the first ones:\n{}",
        differences.len(),
        differences
            .iter()
            .take(20)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}

fn bytes_of_hex(hex: &str) -> Option<Vec<u8>> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
