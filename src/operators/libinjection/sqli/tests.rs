use super::*;

/// The tokens of `input` as symbols and texts.
fn tokens(input: &[u8], quote: Option<u8>, dialect: Dialect) -> Vec<(char, String)> {
    Tokeniser::new(input, quote, dialect)
        .map(|token| {
            let text = String::from_utf8_lossy(token.value).into_owned();
            (char::from(token.kind.symbol()), text)
        })
        .collect()
}

fn assert_tokens(input: &str, expected: &[(char, &str)]) {
    let found = tokens(input.as_bytes(), None, Dialect::Ansi);
    let found: Vec<(char, &str)> = found
        .iter()
        .map(|(kind, text)| (*kind, &text[..]))
        .collect();
    assert_eq!(found, expected, "{input:?}");
}

/// The fingerprint of `input` after folding, attack or not.
fn folded(input: &str) -> String {
    let mut source = Tokeniser::new(input.as_bytes(), None, Dialect::Ansi);
    let folded = folding::fold(&mut source);
    folded
        .tokens()
        .iter()
        .map(|token| char::from(token.kind.symbol()))
        .collect()
}

#[test]
fn words() {
    assert_tokens(
        "foo select Like",
        &[('n', "foo"), ('E', "select"), ('o', "Like")],
    );
    assert_tokens("select.a", &[('E', "select"), ('.', "."), ('n', "a")]);
    assert_tokens("select`a`", &[('E', "select"), ('n', "a")]);
    assert_tokens("a.select", &[('n', "a.select")]);
    assert_tokens("sys.stragg", &[('f', "sys.stragg")]);
    assert_tokens("[a b]c", &[('n', "[a b]"), ('n', "c")]);
    assert_tokens("[a", &[('n', "[a")]);
    assert_tokens("`sleep` `a`", &[('f', "sleep"), ('n', "a")]);
    assert_tokens("\u{e4}b", &[('n', "\u{e4}b")]);
    assert_tokens(
        "@a @@b @ @`c` @'d'",
        &[('v', "a"), ('v', "b"), ('v', ""), ('v', "c"), ('v', "d")],
    );
}

#[test]
fn strings() {
    assert_tokens("'a' \"b\"", &[('s', "a"), ('s', "b")]);
    assert_tokens("'a''b\\'c'd", &[('s', "a''b\\'c"), ('n', "d")]);
    assert_tokens(r"'a\\'b", &[('s', r"a\\"), ('n', "b")]);
    assert_tokens("n'a' E'b'", &[('s', "a"), ('s', "b")]);
    assert_tokens("e'", &[('n', "e"), ('s', "")]);
    assert_tokens(
        "u&'a' u&a",
        &[('s', "a"), ('n', "u"), ('o', "&"), ('n', "a")],
    );
    assert_tokens("q'[a']'b", &[('s', "a'"), ('n', "b")]);
    assert_tokens("nq'(a)' Q'!a", &[('s', "a"), ('s', "a")]);
    assert_tokens("q' a'", &[('n', "q"), ('s', " a")]);
    assert_tokens("$$a$$ $b$c$d$b$", &[('s', "a"), ('s', "c$d")]);
    assert_tokens("$$a", &[('s', "a")]);
    assert_tokens("$b c", &[('n', "$"), ('n', "b"), ('n', "c")]);
}

#[test]
fn numbers() {
    assert_tokens(
        "1 1.5 .5 1e2 1.5E-3",
        &[
            ('1', "1"),
            ('1', "1.5"),
            ('1', ".5"),
            ('1', "1e2"),
            ('1', "1.5E-3"),
        ],
    );
    assert_tokens("1.e 1e+ .", &[('n', "1.e"), ('n', "1e+"), ('.', ".")]);
    assert_tokens("1d 2f;", &[('1', "1d"), ('1', "2f"), (';', ";")]);
    assert_tokens(
        "1fUNION 1from",
        &[('1', "1f"), ('U', "UNION"), ('1', "1"), ('k', "from")],
    );
    assert_tokens(
        "0x1F 0b01 0xg",
        &[('1', "0x1F"), ('1', "0b01"), ('n', "0x"), ('n', "g")],
    );
    assert_tokens("0x\0\0", &[('1', "0x\0\0")]);
    assert_tokens(
        "x'0F' b'01' b'2'",
        &[('1', "x'0F'"), ('1', "b'01'"), ('n', "b"), ('s', "2")],
    );
    assert_tokens(
        "$1,000.00 $ $.a",
        &[('1', "$1,000.00"), ('n', "$"), ('n', "$.a")],
    );
    assert_tokens(r"\N \n", &[('1', r"\N"), ('\\', r"\"), ('n', "n")]);
}

#[test]
fn operators_and_comments() {
    assert_tokens(
        "<=> <= := : || ^ :",
        &[
            ('o', "<=>"),
            ('o', "<="),
            ('o', ":="),
            (':', ":"),
            ('&', "||"),
            ('o', "^"),
            ('o', ":"),
        ],
    );
    assert_tokens(
        "a/*b*/c/",
        &[('n', "a"), ('c', "/*b*/"), ('n', "c"), ('o', "/")],
    );
    assert_tokens("/*a", &[('c', "/*a")]);
    assert_tokens("/*!a*/ /*/*/", &[('X', "/*!a*/"), ('X', "/*/*/")]);
    assert_tokens("a--b\nc", &[('n', "a"), ('c', "--b"), ('n', "c")]);
    assert_tokens("a-b", &[('n', "a"), ('o', "-"), ('n', "b")]);
    assert_tokens("a#b", &[('n', "a"), ('o', "#"), ('n', "b")]);
}

#[test]
fn dialects_differ_in_comments() {
    let symbols = |input: &str, dialect| {
        let mut source = Tokeniser::new(input.as_bytes(), None, dialect);
        let symbols: String = source
            .by_ref()
            .map(|it| char::from(it.kind.symbol()))
            .collect();
        (symbols, source.is_ambiguous)
    };
    assert_eq!(symbols("a--b", Dialect::Ansi), ("nc".into(), true));
    assert_eq!(symbols("a--b", Dialect::MySql), ("noon".into(), false));
    assert_eq!(symbols("a-- b", Dialect::Ansi), ("nc".into(), false));
    assert_eq!(symbols("a-- b", Dialect::MySql), ("nc".into(), false));
    assert_eq!(symbols("a--", Dialect::MySql), ("nc".into(), false));
    assert_eq!(symbols("a#b", Dialect::Ansi), ("non".into(), true));
    assert_eq!(symbols("a#b", Dialect::MySql), ("nc".into(), true));
}

#[test]
fn input_may_begin_inside_a_string() {
    let inside = |quote| tokens(b"a' \"b", Some(quote), Dialect::Ansi);
    assert_eq!(inside(b'\''), [('s', "a".into()), ('s', "b".into())]);
    assert_eq!(inside(b'"'), [('s', "a' ".into()), ('n', "b".into())]);
    let unclosed = Tokeniser::new(b"a", Some(b'\''), Dialect::Ansi)
        .next()
        .unwrap();
    assert_eq!((unclosed.open, unclosed.close), (None, None));
}

#[test]
fn a_token_keeps_31_bytes() {
    for (length, kept) in [(30, 30), (31, 31), (32, 31), (100, 31)] {
        let input = "a".repeat(length) + " b";
        assert_tokens(&input, &[('n', &"a".repeat(kept)), ('n', "b")]);
    }
}

#[test]
fn folding_of_two_tokens() {
    for (input, expected) in [
        ("'a' 'b'", "s"),
        ("a;;b", "n;n"),
        ("a = -b", "n"),
        ("union all", "U"),
        ("UNION ALL DISTINCT", "U"),
        ("at time zone", "k"),
        (";if(", ";T("),
        (";ifnull(", ";T("),
        ("user(", "f("),
        ("x not in (1)", "n"),
        ("@a not in (b)", "vo(n)"),
        ("x in 1", "nn1"),
        ("x like ('a')", "nf(s)"),
        ("x = int 1", "n"),
        ("a collate utf8_bin", "nAt"),
        ("a collate utf8", "nAn"),
        (r"\%1", "1"),
        (r"\1", "1"),
        ("a((1", "n(1"),
        ("a(1))", "n(1)"),
        ("{a 1}", "1"),
        ("{``", "{X"),
    ] {
        assert_eq!(folded(input), expected, "{input:?}");
    }
}

#[test]
fn folding_of_three_tokens_and_more() {
    for (input, expected) in [
        ("1+2*3", "1"),
        ("a = 1", "n"),
        ("@a + b", "v"),
        ("1 and b or 2", "1&1"),
        ("'a'::int", "s"),
        ("1,2,'a',b", "1"),
        ("1,-1,-1", "1"),
        ("1,-sin(1)", "1,f(1"),
        ("select -1", "E1"),
        ("select -(1)", "E(1)"),
        ("a . b", "n"),
        ("select . `a`", "En"),
        ("user(1)", "n(1)"),
        ("user()", "f()"),
        ("1+(2)", "1"),
        ("a+(b) or 1", "n&1"),
        ("a /* b */", "nc"),
        ("a /* b */ c", "nn"),
        ("/* a */", ""),
        ("(-+~a", "n"),
        ("a b c d e f", "nnnnn"),
    ] {
        assert_eq!(folded(input), expected, "{input:?}");
    }
}

#[test]
fn short_fingerprints_need_more_than_their_look() {
    let found = |input: &str| detect(input.as_bytes()).map(|it| it.to_string());
    // Two tokens.
    assert_eq!(found("1 union"), None);
    assert_eq!(found("1 + 1 union").as_deref(), Some("1U"));
    assert_eq!(found("a--"), None);
    assert_eq!(found("a/*").as_deref(), Some("nc"));
    assert_eq!(found("a#"), None);
    assert_eq!(found("1--").as_deref(), Some("1c"));
    assert_eq!(found("1 -- b").as_deref(), Some("1c"));
    assert_eq!(found("a'--").as_deref(), Some("sc"));
    assert_eq!(found("a'-- b"), None);
    assert_eq!(found("a'-- sp_password").as_deref(), Some("sc"));
    assert_eq!(found("a'-- SP_PASSWORD"), None);
    // Three tokens.
    assert_eq!(found("a' + 'b").as_deref(), Some("sos"));
    assert_eq!(found("a' + \"b"), None);
    assert_eq!(found("a and 1"), None);
    assert_eq!(found("a and 1<2").as_deref(), Some("n&1"));
    assert_eq!(found("1 into outfile 'a'").as_deref(), Some("1ks"));
    assert_eq!(found("1 into x"), None);
}
