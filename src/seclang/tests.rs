use super::ast::{print_actions, print_operator, print_targets};
use super::*;

fn texts(raw: &str) -> Vec<String> {
    split(raw.as_bytes())
        .iter()
        .map(|word| word.lossy().into_owned())
        .collect()
}

#[test]
fn words_follow_httpd() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("  On  ", &["On"]),
        (
            r#"ARGS "@rx \"a\" \\d \d" 'id:1'"#,
            &["ARGS", r#"@rx "a" \d \d"#, "id:1"],
        ),
        (r"a\\b c\ d", &[r"a\b", r"c\", "d"]),
        (r#""open to the end"#, &["open to the end"]),
        (r#"'it\'s' "it's""#, &["it's", "it's"]),
        (r#""" x"#, &["", "x"]),
    ];
    for (raw, expected) in cases {
        assert_eq!(&texts(raw), expected, "{raw}");
    }
}

#[test]
fn targets_keep_flags_and_selectors() {
    let targets = parse_targets(br"ARGS|!ARGS:foo|&REQUEST_HEADERS:'/^(a|b)\\d/',TX:x").unwrap();
    assert_eq!(targets.len(), 4);
    assert!(targets[1].exclude && targets[2].count);
    assert_eq!(targets[2].selector.as_ref().unwrap().value, br"/^(a|b)\d/");
    assert_eq!(
        print_targets(&targets),
        br"ARGS|!ARGS:foo|&REQUEST_HEADERS:'/^(a|b)\\d/'|TX:x"
    );
}

#[test]
fn operators_default_to_rx() {
    let cases: &[(&str, bool, &str, &str)] = &[
        ("^a", false, "rx", "^a"),
        ("!^a", true, "rx", "^a"),
        ("@eq 0", false, "eq", "0"),
        ("! @eq  0 ", true, "eq", "0 "),
        ("@detectSQLi", false, "detectSQLi", ""),
        (" @eq 0", false, "rx", " @eq 0"),
    ];
    for (text, negated, name, argument) in cases {
        let operator = parse_operator(text.as_bytes()).unwrap();
        assert_eq!(
            (operator.negated, operator.name.value.as_str()),
            (*negated, *name),
            "{text}"
        );
        assert_eq!(operator.argument.value, argument.as_bytes(), "{text}");
    }
}

#[test]
fn actions_unquote() {
    let actions =
        parse_actions(br"id:1, deny,msg:'it\'s, fine' ,t:none,setvar:'tx.a=%{tx.b}'").unwrap();
    let names: Vec<_> = actions
        .iter()
        .map(|action| action.name.value.as_str())
        .collect();
    assert_eq!(names, ["id", "deny", "msg", "t", "setvar"]);
    assert_eq!(actions[2].argument.as_ref().unwrap().value, b"it's, fine");
}

#[test]
fn printing_and_parsing_agree() {
    for text in [
        "ARGS|!ARGS:'a b'|&TX:'x\\'y'",
        "XML:/*|REQUEST_COOKIES:/__utm/",
    ] {
        let tree = parse_targets(text.as_bytes()).unwrap();
        let again = parse_targets(&print_targets(&tree)).unwrap();
        assert_eq!(print_targets(&again), print_targets(&tree));
    }
    let actions = parse_actions(br"id:7,msg:'a \\ b',deny").unwrap();
    assert_eq!(print_actions(&actions), br"id:7,msg:'a \\ b',deny");
    assert_eq!(
        print_operator(&parse_operator(b"!@within a b").unwrap()),
        b"!@within a b"
    );
}

#[test]
fn mistakes_have_a_span() {
    let cases: &[(&str, &str, std::ops::Range<usize>)] = &[
        ("id:1,msg:'open", "Missing closing quote", 9..14),
        (r"msg:'a\d'", "Invalid quoted pair", 6..8),
        (
            "deny log x",
            "Unexpected character, a separator was expected",
            5..6,
        ),
    ];
    for (text, message, span) in cases {
        let error = parse_actions(text.as_bytes()).unwrap_err();
        assert_eq!(
            (error.message.as_str(), &error.span),
            (*message, span),
            "{text}"
        );
    }
}

#[test]
fn the_caret_stands_under_the_mistake() {
    let raw = br#"ARGS|FOO "@rx \"x\"" "id:1""#;
    let words = split(raw);
    let error = Error::new("Unknown variable: FOO", 5..8);
    let shown = error
        .locate("Error creating rule: ", "SecRule", raw, &words[0])
        .to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], "Error creating rule: Unknown variable: FOO");
    assert_eq!(lines[2].find('^'), lines[1].find("FOO"));
    assert!(lines[2].ends_with("^~~ column 14"), "{}", lines[2]);
}

#[test]
fn the_caret_survives_long_lines_and_escapes() {
    let raw = format!(r#"ARGS "@rx {}" "id:1,nonsense""#, r#"\"é"#.repeat(500));
    let words = split(raw.as_bytes());
    let error = Error::new("Unknown action: nonsense", 5..13);
    let shown = error
        .locate("", "SecRule", raw.as_bytes(), &words[2])
        .to_string();
    let lines: Vec<Vec<char>> = shown.lines().map(|line| line.chars().collect()).collect();
    let caret = lines[2].iter().position(|&c| c == '^').unwrap();
    assert_eq!(
        lines[1][caret..caret + 8].iter().collect::<String>(),
        "nonsense"
    );
}
