//! What is too long, too deep or too many.

use super::*;
use crate::limits;

#[test]
fn limits_hold_on_both_sides() {
    let limits = Limits {
        depth: 3,
        elements: 6,
        nodes: 8,
        attributes: 3,
        tag: 20,
        text: 30,
    };
    let read = |document: &str| {
        let options = Options {
            external_subset: false,
            limits,
        };
        parse(document.as_bytes(), options).error().map(Error::kind)
    };
    for (depth, expected) in [(2, None), (3, None), (4, Some(ErrorKind::TooDeep))] {
        let document = "<a>".repeat(depth + 1) + &"</a>".repeat(depth + 1);
        assert_eq!(read(&document), expected, "depth {depth}");
    }
    for (count, expected) in [(5, None), (6, None), (7, Some(ErrorKind::TooManyElements))] {
        let document = format!("<a>{}</a>", "<b/>".repeat(count - 1));
        assert_eq!(read(&document), expected, "{count} elements");
    }
    for (count, expected) in [(6, None), (7, None), (8, Some(ErrorKind::TooManyNodes))] {
        for node in ["<!---->", "<?p?>"] {
            let document = format!("<a>{}</a>", node.repeat(count));
            assert_eq!(
                read(&document),
                expected,
                "{count} times {node} in an element"
            );
        }
        let texts = format!("<a>{}</a>", "x<!---->".repeat(count / 2));
        let expected = expected.filter(|_| count / 2 * 2 + 1 > 8);
        assert_eq!(read(&texts), expected, "{} texts", count / 2);
    }
    for (count, expected) in [
        (2, None),
        (3, None),
        (4, Some(ErrorKind::TooManyAttributes)),
    ] {
        let document = format!("<a>{}</a>", "<b c=''/>".repeat(count));
        assert_eq!(read(&document), expected, "{count} attributes");
    }
    for (length, expected) in [(19, None), (20, None), (21, Some(ErrorKind::TagTooLong))] {
        let document = format!("<a b='{}'/>", "x".repeat(length - "a b=''/".len()));
        assert_eq!(read(&document), expected, "tag of {length}");
    }
    for (length, expected) in [(29, None), (30, None), (31, Some(ErrorKind::TooMuchText))] {
        let document = format!("<a>{}</a>", "x".repeat(length - 1));
        assert_eq!(read(&document), expected, "text of {length}");
        let document = format!("<a>{}<b/></a>", "x".repeat(length - 2));
        assert_eq!(read(&document), expected, "text and names of {length}");
    }
}

#[test]
fn default_limits_hold_on_both_sides() {
    for (depth, expected) in [(255, None), (256, None), (257, Some(ErrorKind::TooDeep))] {
        let document = "<a>".repeat(depth + 1) + &"</a>".repeat(depth + 1);
        assert_eq!(kind(document.as_bytes()), expected, "depth {depth}");
    }
    for (count, expected) in [
        (1023, None),
        (1024, None),
        (1025, Some(ErrorKind::TooManyAttributes)),
    ] {
        let attributes: String = (0..count).map(|i| format!(" a{i}=''")).collect();
        assert_eq!(
            kind(format!("<a{attributes}/>").as_bytes()),
            expected,
            "{count}"
        );
    }
    for (length, expected) in [
        (49_999, None),
        (50_000, None),
        (50_001, Some(ErrorKind::NameTooLong)),
    ] {
        let name = "n".repeat(length);
        assert_eq!(
            kind(format!("<{name}/>").as_bytes()),
            expected,
            "element name of {length}"
        );
        assert_eq!(
            kind(format!("<a {name}=''/>").as_bytes()),
            expected,
            "attribute name of {length}"
        );
        assert_eq!(
            kind(format!("<?{name}?><a/>").as_bytes()),
            expected,
            "target of {length}"
        );
    }
    for (zeroes, expected) in [(60, None), (61, None), (62, Some(ErrorKind::Reference))] {
        let document = format!("<a>&#{}65;</a>", "0".repeat(zeroes));
        assert_eq!(kind(document.as_bytes()), expected, "{zeroes} zeroes");
    }
    for (count, expected) in [
        (limits::XML_ELEMENT_LIMIT, None),
        (
            limits::XML_ELEMENT_LIMIT + 1,
            Some(ErrorKind::TooManyElements),
        ),
    ] {
        let document = format!("<a>{}</a>", "<b/>".repeat(count - 1));
        assert_eq!(kind(document.as_bytes()), expected, "{count} elements");
    }
}

#[test]
fn deep_documents_drop_without_recursion() {
    let options = Options {
        limits: Limits {
            depth: usize::MAX,
            ..Limits::default()
        },
        ..Options::default()
    };
    let document = parse("<a>".repeat(200_000).as_bytes(), options);
    assert_eq!(document.error().unwrap().kind(), ErrorKind::Truncated);
    assert_eq!(document.elements().count(), 200_000);
    drop(document);
}
