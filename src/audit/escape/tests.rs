use super::*;

type Escape = fn(&mut Vec<u8>, &[u8]);

fn escaped(escape: Escape, bytes: &[u8]) -> String {
    let mut out = Vec::new();
    escape(&mut out, bytes);
    String::from_utf8(out).unwrap_or_else(|e| unreachable!("{e}"))
}

#[test]
fn mod_security2s_own_three() {
    let all = b"a\x00\x07\x08\t\n\x0b\x0c\r\x1b\x1f \"\\~\x7f\x80\xff\xc3\xa9'";
    for (escape, expected) in [
        (
            log_escape as Escape,
            r#"a\x00\x07\b\t\n\v\x0c\r\x1b\x1f \"\\~\x7f\x80\xff\xc3\xa9'"#,
        ),
        (
            log_escape_nq,
            r#"a\x00\x07\b\t\n\v\x0c\r\x1b\x1f "\\~\x7f\x80\xff\xc3\xa9'"#,
        ),
        (
            log_escape_hex,
            r#"a\x00\x07\x08\x09\x0a\x0b\x0c\x0d\x1b\x1f \x22\x5c~\x7f\x80\xff\xc3\xa9'"#,
        ),
    ] {
        assert_eq!(escaped(escape, all), expected);
    }
}

#[test]
fn every_byte_alone() {
    for byte in 0..=255u8 {
        let printable = (0x20..0x7f).contains(&byte);
        let one = escaped(log_escape_hex, &[byte]);
        assert_eq!(
            one.len(),
            if printable && byte != b'"' && byte != b'\\' {
                1
            } else {
                4
            },
            "{byte:#x}"
        );
        assert_eq!(
            escaped(token, &[byte]).len(),
            if printable && byte != b' ' && byte != b'\\' {
                1
            } else {
                4
            },
            "{byte:#x}"
        );
        assert_eq!(
            escaped(field, &[byte]).len(),
            if printable || byte == b'\t' { 1 } else { 4 },
            "{byte:#x}"
        );
        assert_eq!(
            escaped(body, &[byte]).len(),
            if printable || byte == b'\t' || byte == b'\n' {
                1
            } else {
                4
            },
            "{byte:#x}"
        );
    }
}

#[test]
fn framing() {
    let table: &[(Escape, &[u8], &str)] = &[
        (field, b"", ""),
        (token, b"", "-"),
        (token, b"YtJ3 -a-b\n", r"YtJ3\x20-a-b\x0a"),
        (
            field,
            b"GET /a\r\nX: y HTTP/1.1",
            r"GET /a\x0d\x0aX: y HTTP/1.1",
        ),
        (
            field,
            "caf\u{e9} \u{4e2d}\u{6587}".as_bytes(),
            "caf\u{e9} \u{4e2d}\u{6587}",
        ),
        (field, b"caf\xe9!", r"caf\xe9!"),
        (field, b"\xf0\x9f\x98\x80\xf0\x9f", "\u{1f600}\\xf0\\x9f"),
        (field, b"\x1b[2J", r"\x1b[2J"),
        (field, "\u{9b}2J".as_bytes(), r"\xc2\x9b2J"),
        (field, "\u{a0}".as_bytes(), "\u{a0}"),
        (
            field,
            "\u{2027}\u{2028}\u{202e}\u{202f}".as_bytes(),
            "\u{2027}\\xe2\\x80\\xa8\\xe2\\x80\\xae\u{202f}",
        ),
        (
            field,
            "\u{2065}\u{2066}\u{2069}\u{206a}".as_bytes(),
            "\u{2065}\\xe2\\x81\\xa6\\xe2\\x81\\xa9\u{206a}",
        ),
        (
            field,
            b"C:\\dir \\x4 \\xG0 \\X41 \\xAB",
            "C:\\dir \\x4 \\xG0 \\X41 \\xAB",
        ),
        (field, b"\\x41", r"\x5cx41"),
        (text, b"\\x41 \\n \n", r"\x41 \n \x0a"),
        (
            body,
            b"a\r\nb\nc\rd\r\r\ne\r",
            "a\r\nb\nc\\x0dd\\x0d\r\ne\\x0d",
        ),
        (body, b"x\n--0a1b2c3d-A--\n", "x\n\\x2d-0a1b2c3d-A--\n"),
        (body, b"x\n--0a1b2c3d-Z--", "x\n\\x2d-0a1b2c3d-Z--"),
        (body, b"x--0A1B2C3D-a--y", "x\\x2d-0A1B2C3D-a--y"),
        (body, b"---0a1b2c3d-A--", "-\\x2d-0a1b2c3d-A--"),
        (body, b"--abcdef-A--", "\\x2d-abcdef-A--"),
        (body, b"--abcde_789a-A--", "\\x2d-abcde_789a-A--"),
        (
            body,
            b"--abcde-A-- --0123456789a-A-- --abcdef-A- --abcdef-1--",
            "--abcde-A-- --0123456789a-A-- --abcdef-A- --abcdef-1--",
        ),
        (
            body,
            b"------WebKitFormBoundary7MA4YWxk\r\n",
            "------WebKitFormBoundary7MA4YWxk\r\n",
        ),
        (token, b"--0a1b2c3d-A--", "\\x2d-0a1b2c3d-A--"),
        (
            text,
            b"[data \"--0a1b2c3d-A--\"]",
            "[data \"\\x2d-0a1b2c3d-A--\"]",
        ),
    ];
    for (escape, bytes, expected) in table {
        assert_eq!(escaped(*escape, bytes), *expected, "{bytes:?}");
    }
}

/// A small generator: the same bytes every time.
fn noise(seed: u64, alphabet: &[u8]) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    (0..next() % 80)
        .filter_map(|_| alphabet.get(next() % alphabet.len()).copied())
        .collect()
}

#[test]
fn what_was_written_reads_back() {
    let every: Vec<u8> = (0..=255).collect();
    let alphabets: [&[u8]; 4] = [
        b"\\x0a5c-\n\r",
        b"-abcdef01AZ\n",
        b"\xc2\x9b\xe2\x80\xa8\xae\x81\xa6-\\",
        &every,
    ];
    for alphabet in alphabets {
        for seed in 0..5000 {
            let bytes = noise(seed, alphabet);
            for escape in [field as Escape, body] {
                let written = escaped(escape, &bytes);
                assert_eq!(unescape(written.as_bytes()), bytes, "{written}");
            }
        }
    }
}

#[test]
fn numbers() {
    for number in [0, 1, 9, 10, 99, 1_795_347_480_123_456, u64::MAX] {
        let mut out = Vec::new();
        decimal(&mut out, number);
        assert_eq!(out, number.to_string().into_bytes());
    }
}

#[test]
fn long_clean_runs_and_their_ends() {
    for length in 0..70 {
        let mut bytes = vec![b'a'; length];
        assert_eq!(escaped(log_escape, &bytes).len(), length);
        bytes.push(b'\n');
        bytes.extend_from_slice(&[b'b'; 20]);
        assert_eq!(
            escaped(log_escape, &bytes),
            format!("{}\\n{}", "a".repeat(length), "b".repeat(20))
        );
    }
}
