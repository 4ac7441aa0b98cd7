use super::*;

fn read_with(limits: Limits, pieces: &[&[u8]]) -> Parsed {
    let mut machine = Machine::new(limits);
    pieces.iter().for_each(|piece| machine.feed(piece));
    machine.finish()
}

fn read(document: &[u8]) -> Parsed {
    read_with(Limits::default(), &[document])
}

fn describe(parsed: &Parsed) -> String {
    let pairs = parsed
        .args
        .iter()
        .map(|a| format!("{}={}", a.name.escape_ascii(), a.value.escape_ascii()));
    pairs.collect::<Vec<_>>().join(" ")
}

fn error(document: &[u8]) -> String {
    read(document).error.unwrap_or_default()
}

#[test]
fn names_and_values_are_mod_security_s() {
    let cases: &[(&[u8], &str)] = &[
        (b"", ""),
        (b"{}", ""),
        (b" [ ] ", ""),
        (b"{\"a\":{}}", ""),
        (b"{\"a\":1}", "a=1"),
        (b"{\"a\":[1,2],\"b\":{\"c\":3}}", "a.a=1 a.a=2 b.c=3"),
        (b"{\"a\":[[1,2],[3]]}", "a.a.a=1 a.a.a=2 a.a.a=3"),
        (
            b"{\"a\":{\"b\":[{\"c\":1},{\"c\":2}]}}",
            "a.b.b.c=1 a.b.b.c=2",
        ),
        (b"{\"a\":[{\"b\":[1]}],\"c\":2}", "a.a.b.b=1 c=2"),
        (b"[1,2]", "array.array=1 array.array=2"),
        (b"[[1],[2]]", "array.array.array=1 array.array.array=2"),
        (b"[{\"a\":1},2]", "array.array.a=1 array.array=2"),
        (
            b"[1,[2,[3,{\"k\":4}],5],6]",
            "array.array=1 array.array.array=2 array.array.array.array=3 array.array.array.array.k=4 array.array.array=5 array.array=6",
        ),
        (b"1", "=1"),
        (b"-0.5e-3", "=-0.5e-3"),
        (b"\"x\"", "=x"),
        (b"null", "="),
        (b"{\"\":1}", "=1"),
        (b"{\"\":{\"\":2}}", ".=2"),
        (b"{\"a\":1,\"a\":2}", "a=1 a=2"),
        (b"{\"a.b\":1,\"a\":{\"b\":2}}", "a.b=1 a.b=2"),
        (b"{\"n\":null,\"t\":true,\"f\":false}", "n= t=true f=false"),
        (
            b"{\"a\":123456789012345678901234567890.10,\"b\":1E+2,\"c\":0}",
            "a=123456789012345678901234567890.10 b=1E+2 c=0",
        ),
        (b"{ \"a\" :\t1 ,\r\n\"b\" : [ 2 ] }", "a=1 b.b=2"),
        (
            b"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
            "a=\\\"\\\\/\\x08\\x0c\\n\\r\\t",
        ),
        (
            b"{\"a\":\"x\\u00e9\\u20AC\\u0000\"}",
            "a=x\\xc3\\xa9\\xe2\\x82\\xac\\x00",
        ),
        (b"{\"a\":\"\\ud83d\\ude00\"}", "a=\\xf0\\x9f\\x98\\x80"),
        (b"{\"a\":\"\\ud83d\"}", "a=\\xef\\xbf\\xbd"),
        (
            b"{\"a\":\"\\ud83dx\\ud83d\\n\\ude00\\ud83d\\ud83d\\ude00\"}",
            "a=\\xef\\xbf\\xbdx\\xef\\xbf\\xbd\\n\\xef\\xbf\\xbd\\xef\\xbf\\xbd\\xf0\\x9f\\x98\\x80",
        ),
        (b"{\"a\":\"\\ud83d\\u0041\"}", "a=\\xef\\xbf\\xbdA"),
        (b"{\"\\u0061\":1}", "a=1"),
        (b"{\"a\":\"\xC3\xA9\x7F\"}", "a=\\xc3\\xa9\\x7f"),
        (b"{\"<script>\":\"x\"}", "<script>=x"),
    ];
    for &(document, expected) in cases {
        let parsed = read(document);
        assert_eq!(parsed.error, None, "{}", document.escape_ascii());
        assert_eq!(describe(&parsed), expected, "{}", document.escape_ascii());
    }
}

#[test]
fn errors_keep_what_was_read() {
    let cases: &[(&[u8], &str, &str)] = &[
        (b" ", PREMATURE_END, ""),
        (b"[", PREMATURE_END, ""),
        (b"{\"a\":1", PREMATURE_END, "a=1"),
        (b"{\"a\":12", PREMATURE_END, "a=12"),
        (b"{\"a\":\"evil", PREMATURE_END, "a=evil"),
        (
            b"{\"a\":\"evil\\ud83d",
            PREMATURE_END,
            "a=evil\\xef\\xbf\\xbd",
        ),
        (b"{\"a", PREMATURE_END, ""),
        (b"{\"a\"", PREMATURE_END, ""),
        (b"tru", PREMATURE_END, ""),
        (b"{\"a\":1}x", TRAILING, "a=1"),
        (b"{\"a\":1}{\"b\":2}", TRAILING, "a=1"),
        (b"1 2", TRAILING, "=1"),
        (b"{\"a\":1,}", INVALID_KEY, "a=1"),
        (b"{1:2}", INVALID_KEY, ""),
        (b"{,}", INVALID_KEY, ""),
        (b"[1,]", UNALLOWED, "array.array=1"),
        (b"[,1]", UNALLOWED, ""),
        (b"]", UNALLOWED, ""),
        (b"{\"a\":}", UNALLOWED, ""),
        (b"{\"a\" 1}", NO_COLON, ""),
        (b"{\"a\":1 \"b\":2}", AFTER_MEMBER, "a=1"),
        (b"{\"a\":1]", AFTER_MEMBER, "a=1"),
        (b"[1 2]", AFTER_ELEMENT, "array.array=1"),
        (b"[1}", AFTER_ELEMENT, "array.array=1"),
        (b"{'a':1}", INVALID_CHAR, ""),
        (b"{\"a\":'x'}", INVALID_CHAR, ""),
        (b"{a:1}", INVALID_CHAR, ""),
        (b"{\"a\":NaN}", INVALID_CHAR, ""),
        (b"{\"a\":+1}", INVALID_CHAR, ""),
        (b"{\"a\":.5}", INVALID_CHAR, ""),
        (b"{\"a\":1;}", INVALID_CHAR, "a=1"),
        (b"\xEF\xBB\xBF{\"a\":1}", INVALID_CHAR, ""),
        (b"\xFF\xFE{\0", INVALID_CHAR, ""),
        (b"{\"a\":\0}", INVALID_CHAR, ""),
        (b"{\"a\"\x0B:1}", INVALID_CHAR, ""),
        (b"{\"a\":/*c*/1}", COMMENT, ""),
        (b"// c\n{}", COMMENT, ""),
        (b"{\"a\":tru}", INVALID_LITERAL, ""),
        (b"{\"a\":True}", INVALID_CHAR, ""),
        (b"{\"a\":nul1}", INVALID_LITERAL, ""),
        (b"{\"a\":01}", AFTER_MEMBER, "a=0"),
        (b"[0x1]", INVALID_CHAR, "array.array=0"),
        (
            b"[-]",
            "lexical error: malformed number, a digit is required after the minus sign.",
            "",
        ),
        (
            b"[-x]",
            "lexical error: malformed number, a digit is required after the minus sign.",
            "",
        ),
        (
            b"[1.]",
            "lexical error: malformed number, a digit is required after the decimal point.",
            "",
        ),
        (
            b"[1e]",
            "lexical error: malformed number, a digit is required after the exponent.",
            "",
        ),
        (
            b"[1e+]",
            "lexical error: malformed number, a digit is required after the exponent.",
            "",
        ),
        (
            b"-",
            "lexical error: malformed number, a digit is required after the minus sign.",
            "",
        ),
        (
            b"{\"a\":\"x\x01y\"}",
            "lexical error: invalid character inside string.",
            "a=x",
        ),
        (
            b"{\"a\":\"x\ny\"}",
            "lexical error: invalid character inside string.",
            "a=x",
        ),
        (
            b"{\"a\":\"\\x\"}",
            "lexical error: inside a string, '\\' occurs before a character which it may not.",
            "a=",
        ),
        (
            b"{\"a\":\"\\u12g4\"}",
            "lexical error: invalid (non-hex) character occurs after '\\u' inside string.",
            "a=",
        ),
        (b"{\"a\":\"x\xFF\"}", INVALID_UTF8, "a=x\\xff"),
        (b"{\"a\":\"\xC0\xAF\"}", INVALID_UTF8, "a=\\xc0\\xaf"),
        (
            b"{\"a\":\"\xED\xA0\x80\"}",
            INVALID_UTF8,
            "a=\\xed\\xa0\\x80",
        ),
        (b"{\"\xFF\":1}", INVALID_UTF8, ""),
    ];
    for &(document, message, args) in cases {
        let parsed = read(document);
        assert_eq!(
            parsed.error.as_deref(),
            Some(message),
            "{}",
            document.escape_ascii()
        );
        assert_eq!(describe(&parsed), args, "{}", document.escape_ascii());
    }
}

#[test]
fn depth_is_counted_without_an_outermost_object() {
    let nested = |open: &str, depth: usize, inner: &str, close: &str| {
        (open.repeat(depth) + inner + &close.repeat(depth)).into_bytes()
    };
    let limit = limits::JSON_DEPTH_LIMIT;
    for (depth, expected) in [(limit - 1, ""), (limit, ""), (limit + 1, TOO_DEEP)] {
        assert_eq!(error(&nested("[", depth, "", "]")), expected, "{depth}");
        assert_eq!(
            error(&nested("{\"a\":", depth + 1, "1", "}")),
            expected,
            "{depth}"
        );
        assert_eq!(
            error(&nested("[", depth, "1", "]")),
            expected,
            "{depth} with a value"
        );
    }
    assert_eq!(error(&nested("[", 1_000_000, "", "]")), TOO_DEEP);
}

#[test]
fn depth_after_the_argument_limit_is_no_danger() {
    let values = "1,".repeat(limits::ARGUMENTS_LIMIT + 1);
    let document = format!("[{values}{}", "[".repeat(1_000_000));
    assert_eq!(error(document.as_bytes()), "More than 1000 JSON keys");
}

#[test]
fn arguments_are_limited() {
    let document = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    let limit = limits::ARGUMENTS_LIMIT;
    for (count, expected) in [
        (limit - 1, ""),
        (limit, ""),
        (limit + 1, "More than 1000 JSON keys"),
    ] {
        let parsed = read(document(count).as_bytes());
        assert_eq!(
            parsed.error.as_deref().unwrap_or_default(),
            expected,
            "{count}"
        );
        assert_eq!(parsed.arguments_limit_exceeded, !expected.is_empty());
        assert_eq!(parsed.args.len(), count.min(limit));
    }
}

#[test]
fn names_are_limited_one_by_one_and_together() {
    let limits = Limits {
        name: 10,
        names: 20,
        ..Limits::default()
    };
    for (length, expected) in [(9, ""), (10, ""), (11, NAMES_TOO_LONG)] {
        let document = format!("{{\"{}\":1}}", "n".repeat(length));
        let parsed = read_with(limits, &[document.as_bytes()]);
        assert_eq!(parsed.error.unwrap_or_default(), expected, "{length}");
    }
    for (last, expected) in [(3, ""), (4, ""), (5, NAMES_TOO_LONG)] {
        let document = format!(
            "{{\"nnnnnnnn\":1,\"mm\":{{\"nnnnn\":2}},\"{}\":3}}",
            "n".repeat(last)
        );
        let parsed = read_with(limits, &[document.as_bytes()]);
        assert_eq!(parsed.error.unwrap_or_default(), expected, "{last}");
    }
}

#[test]
fn wide_documents_with_long_keys_cost_no_more_than_their_size() {
    let key = "k".repeat(100_000);
    let document = format!("{{\"{key}\":[{}[]]}}", "[],".repeat(300_000));
    assert_eq!(error(document.as_bytes()), "");
    let values = format!("{{\"{}\":[{}1]}}", "k".repeat(30_000), "1,".repeat(900));
    assert_eq!(error(values.as_bytes()), NAMES_TOO_LONG);
}

#[test]
fn sources_point_at_the_values() {
    let document = b"{\"a\":\"x\\ny\",\"b\":[12,null, true ],\"c\":3}";
    let parsed = read(document);
    let sources: Vec<_> = parsed
        .args
        .iter()
        .map(|a| &document[a.source.clone().unwrap()])
        .collect();
    assert_eq!(sources, [&b"x\\ny"[..], b"12", b"null", b"true", b"3"]);
}

#[test]
fn any_split_gives_the_same_result() {
    let documents: &[&[u8]] = &[
        b"{\"a\":[1.5e+2,true,null,{\"\\u00e9\\ud83d\\ude00\":\"x\\n\\ud83d\"}],\"b\":-0}",
        b" [ false , \"\xC3\xA9\" ] ",
        b"12.5",
        b"{\"a\":\"evil",
        b"{\"a\":\"x\x01",
        b"{\"a\":\"\xFF\"}",
        b"{\"a\":1,}",
        b"[1 2]",
        b"[tru]",
    ];
    for document in documents {
        let whole = format!("{:?}", read(document));
        for split in 0..=document.len() {
            for second in split..=document.len() {
                let pieces = [
                    &document[..split],
                    &document[split..second],
                    &document[second..],
                ];
                let pieces = format!("{:?}", read_with(Limits::default(), &pieces));
                assert_eq!(
                    pieces,
                    whole,
                    "{} {split} {second}",
                    document.escape_ascii()
                );
            }
        }
    }
}
