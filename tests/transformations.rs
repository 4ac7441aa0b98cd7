//! Transformations: tables of values and results, the language test suite, and properties over generated values.

// A test that panics has failed, wherever in this file that is.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/repeated.rs"]
mod repeated;

use palisade::transformations::{
    ByteSet, CONSTANT_OUTPUT, Env, Transformation, UnicodeMap, apply_all,
};
use repeated::{FRAGMENTS, REPEATED};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(Debug)]
struct Row {
    transformation: Transformation,
    value: Vec<u8>,
    result: Vec<u8>,
}

/// The values that every property is checked on: each byte alone, all of them, and many made of [`FRAGMENTS`].
fn generated(count: usize, longest: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut below = move |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % bound
    };
    let random = (0..count).map(move |index| {
        let mut value = Vec::new();
        for _ in 0..below(longest) {
            if index % 3 == 0 {
                value.push(u8::try_from(below(256)).unwrap());
            } else {
                value.extend_from_slice(FRAGMENTS[below(FRAGMENTS.len())].as_bytes());
            }
        }
        value
    });
    let single = (0..=255).map(|byte| vec![byte]);
    [Vec::new(), (0..=255).collect()]
        .into_iter()
        .chain(single)
        .chain(random)
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/transformations")
        .join(name)
}

fn unhex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| *byte != b' ').collect();
    let (pairs, []) = digits.as_chunks::<2>() else {
        panic!("an odd count of digits: {digits:?}")
    };
    pairs
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Text in which `«HH HH»` stands for bytes.
fn bytes(text: &str) -> Vec<u8> {
    let mut pieces = text.split('«');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        let (digits, text) = piece
            .split_once('»')
            .unwrap_or_else(|| panic!("« without » in {text}"));
        bytes.extend(unhex(digits));
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

fn tables() -> Vec<Row> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(data("")).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("all_bytes.toml") {
            continue;
        }
        let table: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        for (name, cases) in table {
            let transformation =
                Transformation::lookup(&name).unwrap_or_else(|| panic!("{path:?}: {name}"));
            for case in cases.as_array().unwrap() {
                let texts: Vec<&str> = case
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|text| text.as_str().unwrap())
                    .collect();
                let ([value, result] | [value, result, _]) = texts[..] else {
                    panic!("{path:?}: {texts:?}")
                };
                rows.push(Row {
                    transformation,
                    value: bytes(value),
                    result: bytes(result),
                });
            }
        }
    }
    rows
}

/// What holds for every transformation of every value; returns the result.
fn checked(transformation: Transformation, value: &[u8]) -> Vec<u8> {
    let result = transformation.apply(value, &Env::default());
    let name = transformation.name();
    assert_eq!(
        matches!(result, Cow::Borrowed(_)),
        *result == *value,
        "{name} of {value:?} is {result:?}"
    );
    if !transformation.may_change(&ByteSet::of(value)) {
        assert_eq!(*result, *value, "{name}: no trigger, yet a change");
    }
    assert!(
        result.len() <= 3 * value.len() + CONSTANT_OUTPUT,
        "{name}: {} bytes from {}",
        result.len(),
        value.len()
    );
    result.into_owned()
}

#[test]
fn tables_of_values_and_results() {
    let rows = tables();
    for row in &rows {
        let result = checked(row.transformation, &row.value);
        assert!(
            result == row.result,
            "{} of {:?}\n   is {:?}\n  not {:?}",
            row.transformation.name(),
            String::from_utf8_lossy(&row.value),
            String::from_utf8_lossy(&result),
            String::from_utf8_lossy(&row.result)
        );
    }
    for transformation in Transformation::ALL {
        let own: Vec<&Row> = rows
            .iter()
            .filter(|row| row.transformation == *transformation)
            .collect();
        assert!(
            own.len() >= 4,
            "{} rows for {}",
            own.len(),
            transformation.name()
        );
        assert!(
            own.iter().any(|row| row.value.is_empty()),
            "no empty value for {}",
            transformation.name()
        );
    }
    println!("{} rows", rows.len());
}

#[test]
fn all_byte_values_in_a_row() {
    let all: Vec<u8> = (0..=255).collect();
    let table: toml::Table = fs::read_to_string(data("all_bytes.toml"))
        .unwrap()
        .parse()
        .unwrap();
    for transformation in Transformation::ALL
        .iter()
        .filter(|transformation| **transformation != Transformation::None)
    {
        let expected = unhex(table[transformation.name()].as_str().unwrap());
        assert_eq!(
            checked(*transformation, &all),
            expected,
            "{}",
            transformation.name()
        );
    }
}

#[test]
fn properties_over_generated_values() {
    let mut changed: BTreeSet<&str> = BTreeSet::new();
    let mut count = 0;
    for value in generated(40_000, 24) {
        for transformation in Transformation::ALL {
            if checked(*transformation, &value) != value {
                changed.insert(transformation.name());
            }
            count += 1;
        }
    }
    println!("{count} applications");
    let all: BTreeSet<&str> = Transformation::ALL
        .iter()
        .map(|transformation| transformation.name())
        .collect();
    let never: Vec<_> = all.difference(&changed).collect();
    assert_eq!(
        never,
        [&"none"],
        "the values are to give every transformation something to do"
    );
}

#[test]
fn triggers_hold_no_byte_in_vain() {
    // A byte belongs to the triggers only if some value without any other trigger is changed because of it.
    let around: [(&[u8], &[u8]); 7] = [
        (b"", b""),
        (b"", b"41"),
        (b"", b"lt"),
        (b"0", b"41"),
        (b"/", b"a"),
        (b"", b"\xA9\x90\x90"),
        (b"", b"\x90\x90\x90"),
    ];
    for transformation in Transformation::ALL {
        let triggers = transformation.triggers();
        for byte in (0..=255_u8).filter(|byte| triggers.contains(*byte)) {
            let useful = around
                .iter()
                .filter(|(before, behind)| {
                    !triggers.intersects(&ByteSet::of(&[*before, *behind].concat()))
                })
                .flat_map(|(before, behind)| {
                    [1, 2].map(|count| [*before, &[byte; 2][..count], *behind].concat())
                })
                .any(|value| checked(*transformation, &value) != value);
            assert!(
                useful,
                "{}: byte {byte:#04x} changes nothing",
                transformation.name()
            );
        }
    }
}

#[test]
fn one_megabyte_of_anything_takes_no_time() {
    // Quadratic work on a megabyte takes minutes at best; linear work some milliseconds, also unoptimised and on a busy
    // machine far less than this.
    const LIMIT: Duration = Duration::from_secs(2);
    let mut worst = (Duration::ZERO, "", Vec::new());
    let single = [0xA0, 0xC3, 0xF0, 0xFF].map(|byte| vec![byte]);
    let texts = FRAGMENTS
        .iter()
        .chain(REPEATED)
        .map(|text| text.as_bytes().to_vec());
    for pattern in single.into_iter().chain(texts) {
        let value: Vec<u8> = pattern.iter().copied().cycle().take(1 << 20).collect();
        for transformation in Transformation::ALL {
            let start = Instant::now();
            let result = transformation.apply(&value, &Env::default());
            let time = start.elapsed();
            assert!(result.len() <= 3 * value.len() + CONSTANT_OUTPUT);
            assert!(
                time < LIMIT,
                "{} of 1 MB of {pattern:?} took {time:?}",
                transformation.name()
            );
            if time > worst.0 {
                worst = (time, transformation.name(), pattern.clone());
            }
        }
    }
    println!("worst: {worst:?}");
}

#[test]
fn names() {
    let known: Vec<_> = Transformation::names().collect();
    assert_eq!(known.len(), 37);
    for (name, transformation) in &known {
        assert_eq!(Transformation::lookup(name), Some(*transformation));
        assert_eq!(
            Transformation::lookup(&name.to_ascii_uppercase()),
            Some(*transformation)
        );
        assert_eq!(
            Transformation::lookup(&name.to_ascii_lowercase()),
            Some(*transformation)
        );
    }
    let distinct: BTreeSet<String> = known
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    assert_eq!(distinct.len(), known.len());
    assert_eq!(
        Transformation::lookup("normalisePath"),
        Some(Transformation::NormalizePath)
    );
    assert_eq!(
        Transformation::lookup("NormalisePathWin"),
        Some(Transformation::NormalizePathWin)
    );
    for unknown in [
        "",
        "uppercase",
        "phpArgsNames",
        "lowercas",
        "lowercasee",
        " lowercase",
        "ſha1",
        "removeCommentsChars",
    ] {
        assert_eq!(Transformation::lookup(unknown), None, "{unknown}");
    }
}

#[test]
fn chains() {
    use Transformation::{Base64Decode, HexEncode, Lowercase, None, RemoveNulls, UrlDecode};
    let env = Env::default();
    assert!(matches!(apply_all(&[], b"A", &env), Cow::Borrowed(b"A")));
    assert!(matches!(
        apply_all(&[None, UrlDecode, RemoveNulls], b"A", &env),
        Cow::Borrowed(b"A")
    ));
    assert_eq!(*apply_all(&[UrlDecode, Lowercase], b"%41", &env), *b"a");
    assert_eq!(
        *apply_all(&[Lowercase, UrlDecode], b"%41", &env),
        *b"A",
        "in the order that is written"
    );
    assert_eq!(
        *apply_all(&[UrlDecode, UrlDecode, UrlDecode], b"%252541", &env),
        *b"A"
    );
    assert_eq!(
        *apply_all(&[UrlDecode, None, RemoveNulls, HexEncode], b"a%00b", &env),
        *b"6162"
    );
    assert_eq!(*apply_all(&[Base64Decode, RemoveNulls], b"", &env), *b"");
}

#[test]
fn unicode_map_decides_before_the_low_byte_does() {
    const FILE: &str = "(MAC - Roman)\r\n\r\n\
        437 (OEM - United States)\r\n0141:4c 1252:21 \r\n\r\n\
        1252 (ANSI - Latin I)\r\n0107:63 0141:4c ff1c:3c\r\n  2039:3c\r\n\r\n\
        28591 (ISO 8859-1 Latin I)\r\n0107:64\r\n";
    let decoded = |page: Option<u32>, value: &str| {
        let map = page.map(|page| UnicodeMap::parse(FILE, page).unwrap());
        let env = Env {
            unicode_map: map.as_ref(),
        };
        Transformation::UrlDecodeUni
            .apply(value.as_bytes(), &env)
            .into_owned()
    };
    assert_eq!(
        decoded(None, "%u0107%u0141%uff1c%u2039%u3002"),
        b"\x07A<9\x02"
    );
    assert_eq!(
        decoded(Some(1252), "%u0107%u0141%uff1c%u2039%u3002"),
        b"cL<<."
    );
    assert_eq!(
        decoded(Some(1252), "%u0041%uff41"),
        b"Aa",
        "what the page does not have"
    );
    assert_eq!(
        decoded(Some(1252), "%u002e%uff0e%uff61"),
        b"...",
        "RFC 3490"
    );
    assert_eq!(decoded(Some(437), "%u0107%u1252"), b"\x07!");
    assert_eq!(decoded(Some(28591), "%u0107%u0141"), b"dA");

    let error = |text: &str, page| UnicodeMap::parse(text, page).unwrap_err();
    assert_eq!(error(FILE, 1251), "code page 1251 is not in this map");
    assert_eq!(error("", 1), "code page 1 is not in this map");
    assert_eq!(
        error("1252 (ANSI)\n\n", 1252),
        "code page 1252 is empty in this map"
    );
    for word in [
        "0107:", ":63", "0107:163", "10107:63", "01g7:63", "0107:6:3",
    ] {
        let expected =
            format!("line 2: `{word}` is not a pair of hexadecimal numbers like 00e9:65");
        assert_eq!(error(&format!("1252\n0100:41 {word}\n"), 1252), expected);
        assert!(
            UnicodeMap::parse(&format!("1251 {word}\n1252 0100:41\n"), 1252).is_ok(),
            "not this page's concern"
        );
    }
}

// -- The language test suite -----------------------------------------------------------------------------------------

/// Undoes the suite's own escaping, `\xHH` and `\uHHHH`, as the program it was written for does: any two or four letters
/// or digits are taken, and what is not hexadecimal ends the number.
///
/// One case of `cssDecode` was damaged when the suite was made from that of mod_security2: the two characters `\0` became
/// a backslash and a zero byte, while the result still is that of `\0`. The original is restored.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let width = match rest {
            [b'\\', 0, tail @ ..] => {
                out.extend(b"\\0");
                rest = tail;
                continue;
            }
            [b'\\', b'x', ..] => 2,
            [b'\\', b'u', ..] => 4,
            _ => 0,
        };
        let digits = rest.get(2..2 + width).unwrap_or_default();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_alphanumeric) {
            out.push(*byte);
            rest = tail;
            continue;
        }
        let number = digits
            .iter()
            .map_while(|digit| char::from(*digit).to_digit(16))
            .fold(0, |n, digit| n << 4 | digit);
        out.push(u8::try_from(number & 0xFF).unwrap());
        rest = &rest[2 + width..];
    }
    out
}

#[test]
fn language_test_suite() {
    let directory = std::env::var_os("CONFORMANCE_DIR")
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"),
            PathBuf::from,
        )
        .join("secrules/transformations");
    let Ok(entries) = fs::read_dir(&directory) else {
        eprintln!("SKIPPED: no conformance data at {}", directory.display());
        return;
    };
    let (mut passed, mut failed, mut unknown) = (0, 0, BTreeSet::new());
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        // One case file spells its transformation `cmd_line`; the file names are right.
        let Some(transformation) = Transformation::lookup(name) else {
            unknown.insert(name.to_owned());
            continue;
        };
        let cases: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for case in cases.as_array().unwrap() {
            let [value, expected] =
                ["input", "output"].map(|field| unescaped(case[field].as_str().unwrap()));
            let result = checked(transformation, &value);
            if result == expected {
                passed += 1;
            } else {
                failed += 1;
                println!("{name} of {value:?}\n   is {result:?}\n  not {expected:?}");
            }
        }
    }
    println!("{passed} passed, {failed} failed, not in 2.9: {unknown:?}");
    assert_eq!(failed, 0);
    assert!(passed > 0, "no cases in {}", directory.display());
    assert!(
        unknown
            .iter()
            .all(|name| ["phpArgsNames", "uppercase"].contains(&name.as_str())),
        "{unknown:?}"
    );
}
