use super::*;
use crate::limits::XML_DECLARATION_LIMIT;

mod bounds;

fn read(document: &[u8]) -> Document {
    parse(document, Options::default())
}

fn kind(document: &[u8]) -> Option<ErrorKind> {
    read(document).error().map(Error::kind)
}

/// All there is to see of a document, for comparisons.
fn describe(document: &Document) -> String {
    use std::fmt::Write as _;
    let mut out = format!(
        "error={:?} doctype={} text={:?}\n",
        document.error(),
        document.doctype(),
        document.root_text()
    );
    for element in document.elements() {
        let name = element.name().escape_ascii();
        let _ = write!(
            out,
            "{name}={:?}",
            element.text().escape_ascii().to_string()
        );
        for attribute in element.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            let _ = write!(
                out,
                " {}={:?}",
                name.escape_ascii(),
                value.escape_ascii().to_string()
            );
        }
        out.push('\n');
    }
    out + &outline(document)
}

/// Every node with its kind, parent, end, name and string value.
fn outline(document: &Document) -> String {
    let node = |index: usize| {
        let (at, node) = (index as u32, document.node(index as u32));
        let (name, content) = (document.name_of(at), document.content_of(at));
        format!(
            "{:?} {}-{} {}={}\n",
            node.kind,
            node.parent,
            node.end,
            name.escape_ascii(),
            content.escape_ascii()
        )
    };
    (0..document.nodes.len()).map(node).collect()
}

#[test]
fn text_of_one_element_is_joined() {
    let cases: &[(&[u8], &[u8])] = &[
        (b"<a>evil</a>", b"evil"),
        (b"<a>ev<![CDATA[il]]></a>", b"evil"),
        (b"<a>ev<!-- x -->il</a>", b"evil"),
        (b"<a>ev<?pi x?>il</a>", b"evil"),
        (b"<a>&#101;v&#x69;l</a>", b"evil"),
        (b"<a>&#0000000000101;vil</a>", b"evil"),
        (b"<a><b>ev</b><c>il</c></a>", b"evil"),
        (b"<a>&lt;&gt;&amp;&quot;&apos;</a>", b"<>&\"'"),
        (b"<a><![CDATA[a]]b]>c]]]]></a>", b"a]]b]>c]]"),
        (b"<a><![CDATA[]]></a>", b""),
        (b"<a><![CDATA[<&>]]></a>", b"<&>"),
        (b"<a>]] ]>]</a>", b"]] ]>]"),
        (b"<a>]]&gt;</a>", b"]]>"),
        (b"<a>]]<!---->></a>", b"]]>"),
        (b"<a>1\r\n2\r3\n4\r\r\n5</a>", b"1\n2\n3\n4\n\n5"),
        (b"<a>\r<!---->\n</a>", b"\n\n"),
        (b"<a><![CDATA[\r\n\r]]>\n</a>", b"\n\n\n"),
        (b"<a>&#13;&#10;</a>", b"\r\n"),
        (b"<a>\xE2\x82\xAC</a>", "€".as_bytes()),
        (b"<a>&#x20AC;</a>", "€".as_bytes()),
        (b" \n<!-- c --><?p?><a/>\n<!-- d -->\n<?q r?> ", b""),
        (b"<?xml version=\"1.0\"?><a>x</a>", b"x"),
        (
            b"<?xml version='1.1' encoding='utf-8' standalone='no' ?>\n<a>x</a>",
            b"x",
        ),
        (b"<?xml-stylesheet href='x'?><a>x</a>", b"x"),
        (b"\xEF\xBB\xBF<a>x</a>", b"x"),
        (
            b"\xEF\xBB\xBF<?xml version='1.0' encoding='UTF-8'?><a>x</a>",
            b"x",
        ),
        (b"<!DOCTYPE a><a>x</a>", b"x"),
        ("<é:ü ñ='1'>x</é:ü>".as_bytes(), b"x"),
        (b"<a\n>x</a\t>", b"x"),
    ];
    for (document, text) in cases {
        let read = read(document);
        assert_eq!(read.error(), None, "{}", document.escape_ascii());
        assert_eq!(read.root_text(), text, "{}", document.escape_ascii());
    }
}

#[test]
fn violations_are_told_apart() {
    use ErrorKind::*;
    let cases: &[(&[u8], ErrorKind, u64)] = &[
        (b" ", NoRoot, 1),
        (b"<!-- -->", NoRoot, 8),
        (b"x", OutsideRoot, 0),
        (b" x<a/>", OutsideRoot, 1),
        (b"<a/>x", OutsideRoot, 4),
        (b"<a/>&amp;", OutsideRoot, 4),
        (b"<![CDATA[]]><a/>", OutsideRoot, 0),
        (b"<a/><b/>", SecondRoot, 4),
        (b"<a/></a>", MismatchedTag, 4),
        (b"<a><b></a></b>", MismatchedTag, 6),
        (b"<a></A>", MismatchedTag, 3),
        (b"<a></a b>", MismatchedTag, 3),
        (b"</a>", MismatchedTag, 0),
        (b"<a>", Truncated, 3),
        (b"<a>x", Truncated, 4),
        (b"<a", Truncated, 2),
        (b"<a></a", Truncated, 6),
        (b"<a x='>", Truncated, 7),
        (b"<a>&amp", Truncated, 7),
        (b"<a/><!-- ", Truncated, 9),
        (b"<a><![CDATA[x]]", Truncated, 15),
        (b"<a/><?pi", Truncated, 8),
        (b"<", Truncated, 1),
        (b"<?xml version='1.0'", Truncated, 0),
        (b"< a/>", Tag, 0),
        (b"<1/>", Tag, 0),
        (b"<a<b/>", Tag, 2),
        (b"<a b='<'/>", Tag, 6),
        (b"<a/ >", Tag, 0),
        (b"<a!/>", Tag, 0),
        (b"<a:b:c/>", Tag, 0),
        (b"<a b:c:d=''/>", Attribute, 0),
        (b"<!ELEMENT a ANY><a/>", Tag, 0),
        (b"<a><![cdata[x]]></a>", Tag, 3),
        (b"<a b/>", Attribute, 0),
        (b"<a b=c/>", Attribute, 0),
        (b"<a b='1'c='2'/>", Attribute, 0),
        (b"<a b='1'/ c='2'/>", Attribute, 0),
        (b"<a 1='1'/>", Attribute, 0),
        (b"<a b='1' b='2'/>", DuplicateAttribute, 0),
        (b"<a b='&lt'/>", Reference, 0),
        (b"<a b='&x;'/>", UndefinedEntity, 0),
        (b"<a>&;</a>", Reference, 3),
        (b"<a>& b</a>", Reference, 3),
        (b"<a>&#;</a>", Reference, 3),
        (b"<a>&#x;</a>", Reference, 3),
        (b"<a>&#X41;</a>", Reference, 3),
        (b"<a>&#+65;</a>", Reference, 3),
        (b"<a>&#0;</a>", Reference, 3),
        (b"<a>&#1;</a>", Reference, 3),
        (b"<a>&#xD800;</a>", Reference, 3),
        (b"<a>&#xFFFE;</a>", Reference, 3),
        (b"<a>&#x110000;</a>", Reference, 3),
        (b"<a>&#99999999999999999999;</a>", Reference, 3),
        (b"<a b='&#0;'/>", Reference, 0),
        (b"<a>&nbsp;</a>", UndefinedEntity, 3),
        (b"<a>]]></a>", CdataEnd, 5),
        (b"<a>]]]></a>", CdataEnd, 6),
        (b"<!-- -- --><a/>", Comment, 7),
        (b"<!-- ---><a/>", Comment, 7),
        (b"<a/><?xml version='1.0'?>", Instruction, 4),
        (b" <?xml version='1.0'?><a/>", Instruction, 1),
        (b"<?XML version='1.0'?><a/>", Instruction, 0),
        (b"<?xml?><a/>", Instruction, 0),
        (b"<?p?x?><a/>", Instruction, 0),
        (b"<? p?><a/>", Instruction, 0),
        (b"<?xml version='2.0'?><a/>", Declaration, 0),
        (b"<?xml version='1.'?><a/>", Declaration, 0),
        (b"<?xml encoding='utf-8'?><a/>", Declaration, 0),
        (
            b"<?xml encoding='utf-8' version='1.0'?><a/>",
            Declaration,
            0,
        ),
        (b"<?xml version='1.0'encoding='utf-8'?><a/>", Declaration, 0),
        (b"<?xml version='1.0' encoding=''?><a/>", Declaration, 0),
        (
            b"<?xml version='1.0' standalone='maybe'?><a/>",
            Declaration,
            0,
        ),
        (b"<?xml version='1.0' x='y'?><a/>", Declaration, 0),
        (b"<?xml version='\xC3\xA9'?><a/>", Declaration, 0),
        (b"<a>\x00</a>", Character, 3),
        (b"<a>x\x01</a>", Character, 4),
        (b"<a b='\x08'/>", Character, 6),
        (b"<a>\xEF\xBF\xBE</a>", Character, 3),
        (b"\x0C<a/>", Character, 0),
        (b"<a>\xFF</a>", Encoding, 3),
        (b"<a>\xC0\xBC</a>", Encoding, 3),
        (b"<a>\xED\xA0\x80</a>", Encoding, 3),
        (b"<a/>\xC3", Encoding, 4),
        (
            b"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
            InternalSubset,
            0,
        ),
        (b"<!DOCTYPE a []><a/>", InternalSubset, 0),
        (
            b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
            ExternalSubset,
            0,
        ),
        (
            b"<!DOCTYPE a PUBLIC '-//x' \"http://x/\"><a/>",
            ExternalSubset,
            0,
        ),
        (
            b"<!DOCTYPE a SYSTEM 'x' [<!ENTITY e 'x'>]><a/>",
            InternalSubset,
            0,
        ),
        (b"<!DOCTYPE><a/>", Doctype, 0),
        (b"<!DOCTYPEa><a/>", Doctype, 0),
        (b"<!DOCTYPE a b><a/>", Doctype, 0),
        (b"<!DOCTYPE a SYSTEM x><a/>", Doctype, 0),
        (b"<!DOCTYPE a SYSTEM'x'><a/>", Doctype, 0),
        (b"<!DOCTYPE a PUBLIC 'x'><a/>", Doctype, 0),
        (b"<!DOCTYPE a SYSTEM 'x' y><a/>", Doctype, 0),
        (b"<!DOCTYPE a><!DOCTYPE a><a/>", Doctype, 12),
        (b"<a/><!DOCTYPE a>", Doctype, 4),
        (b"<!doctype a><a/>", Tag, 0),
    ];
    for &(document, kind, offset) in cases {
        let read = read(document);
        let error = read.error().map(|error| (error.kind(), error.offset()));
        assert_eq!(error, Some((kind, offset)), "{}", document.escape_ascii());
    }
}

#[test]
fn an_encoding_label_must_agree_with_the_bytes() {
    let labelled = |label: &str, text: &[u8]| {
        let mut document = format!("<?xml version=\"1.0\" encoding=\"{label}\"?><a>").into_bytes();
        document.extend_from_slice(text);
        document.extend_from_slice(b"</a>");
        read(&document)
    };
    let text = |document: Document| match document.error() {
        None => Ok(document.root_text()),
        Some(error) => Err(error.kind()),
    };
    for label in ["utf-8", "UTF-8", "UTF8", "Utf-8"] {
        assert_eq!(text(labelled(label, "é".as_bytes())).unwrap(), "é");
        assert_eq!(text(labelled(label, b"\xE9")), Err(ErrorKind::Encoding));
    }
    for label in ["ISO-8859-1", "iso-8859-1", "latin1"] {
        assert_eq!(
            text(labelled(label, b"caf\xE9 \x80")).unwrap(),
            "café \u{80}"
        );
    }
    for label in ["windows-1252", "Windows-1252", "cp1252"] {
        assert_eq!(text(labelled(label, b"caf\xE9 \x80")).unwrap(), "café €");
        assert_eq!(text(labelled(label, b"\x81")), Err(ErrorKind::Encoding));
    }
    for label in ["us-ascii", "ASCII"] {
        assert_eq!(text(labelled(label, b"cafe")).unwrap(), "cafe");
        assert_eq!(text(labelled(label, b"caf\xE9")), Err(ErrorKind::Encoding));
    }
    for label in [
        "utf-16",
        "UTF-16LE",
        "UTF-16BE",
        "utf-7",
        "utf-32",
        "IBM037",
        "ebcdic-cp-us",
        "shift_jis",
        "windows-1251",
        "iso-8859-15",
        "nonsense",
    ] {
        assert_eq!(
            text(labelled(label, b"x")),
            Err(ErrorKind::Encoding),
            "{label}"
        );
    }
}

#[test]
fn utf_16_is_read_by_its_byte_order_mark_only() {
    let encode = |text: &str, mark: bool, unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let mark = mark.then_some(0xFEFF);
        mark.into_iter()
            .chain(text.encode_utf16())
            .flat_map(unit)
            .collect()
    };
    for unit in [u16::to_le_bytes, u16::to_be_bytes] {
        for head in [
            "",
            "<?xml version='1.0'?>",
            "<?xml version='1.0' encoding='utf-16'?>",
        ] {
            let text = format!("{head}<a b='1'>é€😀</a>");
            let document = read(&encode(&text, true, unit));
            assert_eq!(document.error(), None, "{head}");
            assert_eq!(document.root_text(), "é€😀");
            assert!(
                kind(&encode(&text, false, unit)).is_some(),
                "without mark: {head}"
            );
        }
        let lying = encode("<?xml version='1.0' encoding='utf-8'?><a/>", true, unit);
        assert_eq!(kind(&lying), Some(ErrorKind::Encoding));
        let mut odd = encode("<a/>", true, unit);
        odd.push(b' ');
        assert_eq!(kind(&odd), Some(ErrorKind::Encoding));
        let lone: Vec<u8> = [0xFEFF, 0x3C, 0x61, 0x3E, 0xD83D, 0x3C, 0x2F, 0x61, 0x3E]
            .into_iter()
            .flat_map(unit)
            .collect();
        assert_eq!(kind(&lone), Some(ErrorKind::Encoding));
    }
    let swapped = encode(
        "<?xml version='1.0' encoding='utf-16be'?><a/>",
        true,
        u16::to_le_bytes,
    );
    assert_eq!(kind(&swapped), Some(ErrorKind::Encoding));
    assert_eq!(kind(b"\x4C\x6F\xA7\x94\x93\x40"), Some(ErrorKind::Encoding));
    assert_eq!(kind(b"\xFF\xFE\0\0<\0\0\0"), Some(ErrorKind::Encoding));
}

#[test]
fn a_long_declaration_is_refused() {
    let document = |length: usize| {
        let fixed = "<?xml version='1.0'?>".len();
        format!("<?xml version='1.0'{}?><a/>", " ".repeat(length - fixed)).into_bytes()
    };
    assert_eq!(kind(&document(XML_DECLARATION_LIMIT - 1)), None);
    assert_eq!(kind(&document(XML_DECLARATION_LIMIT)), None);
    assert_eq!(
        kind(&document(XML_DECLARATION_LIMIT + 1)),
        Some(ErrorKind::Declaration)
    );
}

#[test]
fn attributes_are_normalised_and_listed_without_namespace_declarations() {
    let document = read(
        b"<a xmlns='urn:x' xmlns:p='urn:y' p:b='1\t2\r\n3&#10;4' c=\"'&lt;&quot;\"><d e = '' \n xmlnsx='z'/></a>",
    );
    assert_eq!(document.error(), None);
    let listed: Vec<_> = document
        .attributes()
        .map(|a| (a.name(), a.value()))
        .collect();
    let expected: [(&[u8], &[u8]); 4] = [
        (b"p:b", b"1 2 3\n4"),
        (b"c", b"'<\""),
        (b"e", b""),
        (b"xmlnsx", b"z"),
    ];
    assert_eq!(listed, expected);
    let root = document.root().unwrap();
    assert_eq!(root.attributes().count(), 4);
    assert_eq!(root.attributes().next().unwrap().shared_value(), "urn:x");
    assert_eq!(root.local_name(), b"a");
}

#[test]
fn the_tree_can_be_walked() {
    let document = read(b"<p:a>1<b>2<c/>3</b>4<b/>5</p:a>");
    let root = document.root().unwrap();
    assert_eq!((root.name(), root.local_name()), (&b"p:a"[..], &b"a"[..]));
    assert_eq!(root.text(), b"12345");
    assert_eq!(root.shared_text(), "12345");
    let own: Vec<_> = root.own_text().collect();
    assert_eq!(own, [b"1", b"4", b"5"]);
    let children: Vec<_> = root.children().map(|e| (e.name(), e.text())).collect();
    assert_eq!(children, [(&b"b"[..], &b"23"[..]), (b"b", b"")]);
    let names: Vec<_> = document.elements().map(Element::name).collect();
    assert_eq!(names, [&b"p:a"[..], b"b", b"c", b"b"]);
}

#[test]
fn what_precedes_an_error_is_kept() {
    let document = read(b"<a x='1'>evil<b>marker</b><c>more</d></a>");
    assert_eq!(document.error().unwrap().kind(), ErrorKind::MismatchedTag);
    assert_eq!(document.root_text(), "evilmarkermore");
    assert_eq!(document.attributes().next().unwrap().value(), b"1");
    let spam = read(b"<a>x<b>y]]></b></a>");
    assert_eq!(spam.root_text(), "xy]]");
    let message = document.error().unwrap().to_string();
    assert_eq!(
        message,
        "XML: Failed parsing document. End tag without matching start tag (offset 33)."
    );
}

#[test]
fn nothing_at_all_is_an_empty_document() {
    let document = read(b"");
    assert!(document.error().is_none());
    assert!(document.root().is_none());
    assert_eq!(document.root_text(), "");
}

#[test]
fn an_external_subset_is_tolerated_on_request_and_never_an_internal_one() {
    let options = Options {
        external_subset: true,
        ..Options::default()
    };
    let accepted = parse(
        b"<!DOCTYPE svg PUBLIC \"-//W3C\" 'http://w3.org/x.dtd' ><svg>y</svg>",
        options,
    );
    assert_eq!(accepted.error(), None);
    assert!(accepted.doctype());
    assert_eq!(accepted.root_text(), "y");
    let internal = parse(b"<!DOCTYPE a SYSTEM 'x' []><a/>", options);
    assert_eq!(internal.error().unwrap().kind(), ErrorKind::InternalSubset);
    assert!(!read(b"<a/>").doctype());
}

#[test]
fn any_split_gives_the_same_document() {
    let documents: &[&[u8]] = &[
        b"\xEF\xBB\xBF<?xml version='1.0'?>\r\n<a b='1\r\n2' c=\"&lt;\">]]x<![CDATA[]]]]>\r\n&#xE9;\xC3\xA9<!-- - --><?p q?></a>\n",
        b"<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><a>\xE9</a>",
        b"\xFF\xFE<\0a\0>\0=\xD8\0\xDE<\0/\0a\0>\0",
        b"<!DOCTYPE a SYSTEM \"x\"><a/>",
        b"<a>text]]]></a>",
        b"<a>text\x01</a>",
        b"<a>\xC3\xA9\xC3(</a>",
        b"<a><b></a>",
        b"<a>x<b c='<'/></a>",
        b"<?xml version='1.0' \xC3\xA9?><a/>",
        b"<a b='1' b='2'/>",
        b"<a>x&nbsp;</a>",
        b"<a>x</a><!-- -- -->",
        b"<?p  q?r ?><!-- a-b\r\n--><a>x<![CDATA[]]><![CDATA[y\r\n]]>z<!---->\r\n<?q?><b/>\r</a><!-- \xC3\xA9- -->",
    ];
    for document in documents {
        let whole = describe(&read(document));
        for split in 0..=document.len() {
            for second in split..=document.len() {
                let mut parser = Parser::new(Options::default());
                parser.feed(&document[..split]);
                parser.feed(&document[split..second]);
                parser.feed(&document[second..]);
                let pieces = describe(&parser.finish());
                assert_eq!(
                    pieces,
                    whole,
                    "{} at {split}, {second}",
                    document.escape_ascii()
                );
            }
        }
        let mut parser = Parser::new(Options::default());
        document.chunks(1).for_each(|byte| parser.feed(byte));
        assert_eq!(
            describe(&parser.finish()),
            whole,
            "{}",
            document.escape_ascii()
        );
    }
}

/// Compat: the nodes that libxml2 makes.
#[test]
fn text_is_cut_where_markup_stands() {
    let document = read(
        b"<?p  q?r ?><a>x&amp;y<![CDATA[]]><![CDATA[1\r\n]]>z<b>t</b>u<!-- c-d\r-->v<?q?></a><!--e-->",
    );
    let expected = "\
Document 0-13 =x&y1\\nztuv
Instruction 0-2 p=q?r\x20
Element 0-12 a=x&y1\\nztuv
Text 2-4 =x&y
Cdata 2-5 =1\\n
Text 2-6 =z
Element 2-8 b=t
Text 6-8 =t
Text 2-9 =u
Comment 2-10 = c-d\\n
Text 2-11 =v
Instruction 2-12 q=
Comment 0-13 =e
";
    assert_eq!(outline(&document), expected);
}

/// What is written reads as the same tree, so another parser sees what this one saw.
#[test]
fn what_is_written_is_what_was_read() {
    let documents: &[&[u8]] = &[
        b"<?p  q?r ?><a>x&amp;y<![CDATA[]]><![CDATA[1\r\n]]>z<b>t</b>u<!-- c-d\r-->v<?q?></a><!--e-->",
        b"<a b='1&#10;&#9;&#13; \"&lt;>&apos;' c=''>&#13;&#10;\t \"'&gt;]]&gt;</a>",
        b"<a><![CDATA[]]]]><![CDATA[>]]><b/><b></b><b> </b></a>",
        b"<p:a xmlns:p='urn:p' xmlns='urn:d' p:b='\xC3\xA9' xml:lang='de'><c xmlns=''/></p:a>",
    ];
    for document in documents {
        let first = read(document);
        assert_eq!(first.error(), None);
        let written = first.to_xml(Omit::Nothing);
        let second = read(&written);
        assert_eq!(
            describe(&second),
            describe(&first),
            "{}",
            written.escape_ascii()
        );
    }
}

#[test]
fn schema_locations_are_left_out_by_their_meaning() {
    let document = read(
        b"<a xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:schemaLocation='u f' i:type='t' schemaLocation='x'>\
        <b i:noNamespaceSchemaLocation='f' xmlns:x='urn:x' x:schemaLocation='y'/></a>",
    );
    let written = String::from_utf8(document.to_xml(Omit::SchemaLocations)).unwrap();
    assert_eq!(
        written,
        "<a xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" i:type=\"t\" schemaLocation=\"x\">\
        <b xmlns:x=\"urn:x\" x:schemaLocation=\"y\"></b></a>"
    );
}

#[test]
fn sniffing_sees_through_what_may_precede_a_document() {
    let xml: &[&[u8]] = &[
        b"<?xml version='1.0'?>",
        b" \r\n\t<?XML",
        b"<methodCall>",
        b"<methodcall >",
        b"\xEF\xBB\xBF <methodCall/>",
        b"<!-- c -->",
        b"<!DOCTYPE x>",
        b"\xFF\xFE<\0?\0x\0m\0l\0",
        b"\xFE\xFF\0<\0?\0x\0m\0l",
    ];
    let other: &[&[u8]] = &[
        b"",
        b"<",
        b"<a>",
        b"a=<?xml",
        b"{\"<?xml\":1}",
        b"<method",
        b"\xFF\xFE",
        b"--x",
    ];
    assert!(xml.iter().all(|first| looks_like_xml(first)));
    assert!(!other.iter().any(|first| looks_like_xml(first)));
}
