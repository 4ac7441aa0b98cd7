use super::rewrite::{Output, run};
use super::*;

#[test]
fn byte_sets_agree_with_a_plain_list() {
    let list: Vec<u8> = (0..=255)
        .filter(|byte| byte % 7 == 3 || *byte > 250)
        .collect();
    let set = ByteSet::of(&list);
    for byte in 0..=255 {
        assert_eq!(set.contains(byte), list.contains(&byte), "{byte}");
        assert_eq!(
            set.complement().contains(byte),
            !list.contains(&byte),
            "{byte}"
        );
        assert!(ByteSet::FULL.contains(byte) && !ByteSet::EMPTY.contains(byte));
    }
    for length in 0..9 {
        let value = &b"abcdabcz\xFF"[..length];
        let set = ByteSet::of(value);
        assert!(
            (0..=255).all(|byte| set.contains(byte) == value.contains(&byte)),
            "{length}"
        );
    }
}

#[test]
fn byte_set_algebra() {
    let digits = ByteSet::range(b'0', b'9');
    assert_eq!(digits, ByteSet::of(b"9876543210"));
    assert_eq!(ByteSet::range(0, 255), ByteSet::FULL);
    assert_eq!(ByteSet::range(2, 1), ByteSet::EMPTY);
    assert_eq!(ByteSet::range(200, 200), ByteSet::of(&[200]));
    assert_eq!(digits.union(digits.complement()), ByteSet::FULL);
    assert!(digits.intersects(&ByteSet::of(b"abc1")) && !digits.intersects(&ByteSet::of(b"abc")));
    assert!(!digits.intersects(&ByteSet::EMPTY) && ByteSet::EMPTY.is_empty() && !digits.is_empty());
    for word in 0..4 {
        let byte = ByteSet::of(&[word * 64 + 17]);
        assert!(byte.intersects(&byte) && byte.intersects(&ByteSet::FULL) && !byte.is_empty());
        assert!(!byte.intersects(&byte.complement()));
    }
}

#[test]
fn output_is_borrowed_as_long_as_it_equals_the_input() {
    let written = |bytes: &[u8]| {
        let mut out = Output::new(b"abc");
        out.extend(bytes);
        let out = out.finish();
        (matches!(out, Cow::Borrowed(_)), out.into_owned())
    };
    assert_eq!(written(b"abc"), (true, b"abc".to_vec()));
    for other in [
        &b""[..],
        b"a",
        b"ab",
        b"abcd",
        b"abd",
        b"xbc",
        b"xabc",
        b"ac",
    ] {
        assert_eq!(written(other), (false, other.to_vec()));
    }
}

#[test]
fn runs_end_where_they_should() {
    assert_eq!(run(b"aab", 9, |byte| byte == b'a'), (&b"aa"[..], &b"b"[..]));
    assert_eq!(run(b"aab", 1, |byte| byte == b'a'), (&b"a"[..], &b"ab"[..]));
    assert_eq!(run(b"aab", 0, |_| true), (&b""[..], &b"aab"[..]));
    assert_eq!(run(b"aa", 9, |_| true), (&b"aa"[..], &b""[..]));
    assert_eq!(run(b"", 9, |_| true), (&b""[..], &b""[..]));
}

#[test]
fn only_these_change_the_empty_value() {
    for transformation in Transformation::ALL {
        let changed = !transformation.apply(b"", &Env::default()).is_empty();
        assert_eq!(
            changed,
            transformation.changes_empty(),
            "{}",
            transformation.name()
        );
        assert_eq!(
            transformation.may_change(&ByteSet::EMPTY),
            changed,
            "{}",
            transformation.name()
        );
    }
}

#[test]
fn no_result_has_bytes_beyond_the_image_or_is_longer_than_can_be() {
    // Pieces that every transformation finds something to do in.
    let pieces: [&[u8]; 24] = [
        b"a",
        b"Z",
        b"%41",
        b"%u0042",
        b"+",
        b"&amp;",
        b"&#x43;",
        b"\\x44",
        b"\\u0045",
        b"/*",
        b"*/",
        b"--",
        b"#",
        b" \t",
        b"\0",
        b"../",
        b"./",
        b"//",
        b"\\",
        b"\"^'",
        b",;(",
        b"\xc3\xa4",
        b"0x46",
        b"R0g=",
    ];
    let mut state = 7_u64;
    let mut below = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % bound
    };
    let mut narrow = 0;
    for _ in 0..2_000 {
        let value: Vec<u8> = (0..below(7))
            .flat_map(|_| pieces[below(pieces.len())])
            .copied()
            .collect();
        let bytes = ByteSet::of(&value);
        for transformation in Transformation::ALL {
            let image = transformation.image(&bytes);
            let result = transformation.apply(&value, &Env::default());
            assert!(
                value.len() >= transformation.least_input(result.len())
                    && !ByteSet::of(&result).intersects(&image.complement()),
                "{} of {:?}",
                transformation.name(),
                value.escape_ascii().to_string()
            );
            narrow += usize::from(image != ByteSet::FULL);
        }
    }
    assert!(narrow > 10_000, "{narrow}");
}
