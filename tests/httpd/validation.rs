//! `@validateSchema` and `@validateDTD`, which need libxml2 and so the module.

use crate::harness::{Mpm, Server, Setup};

const BASE: &str = "SecRuleEngine On\nSecRequestBodyAccess On\nSecDebugLog {ROOT}/debug.log\nSecDebugLogLevel 4\n\
    SecAction \"id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\n";

const SCHEMA: &str = r#"<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:order" targetNamespace="urn:order" elementFormDefault="qualified">
<xs:include schemaLocation="parts/types.xsd"/>
<xs:element name="order"><xs:complexType>
  <xs:sequence>
    <xs:element name="item" type="itemType" maxOccurs="3"/>
    <xs:element name="note" type="xs:string" minOccurs="0"/>
  </xs:sequence>
  <xs:attribute name="id" type="xs:positiveInteger" use="required"/>
</xs:complexType></xs:element>
</xs:schema>"#;

const TYPES: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:order" targetNamespace="urn:order">
<xs:simpleType name="itemType"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2}[0-9]+"/></xs:restriction></xs:simpleType>
</xs:schema>"#;

const DTD: &str = r#"<!ENTITY % parts SYSTEM "parts/note.ent">
%parts;
<!ELEMENT order (item+, note?)>
<!ELEMENT item (#PCDATA)>
<!ATTLIST order id ID #REQUIRED kind (large|small) "small">
"#;

fn setup(rule: &str) -> Option<Setup> {
    Some(
        Setup::new()?
            .file("index.html", "fine")
            .file("order.xsd", SCHEMA)
            .file("parts/types.xsd", TYPES)
            .file("order.dtd", DTD)
            .file("parts/note.ent", "<!ELEMENT note (#PCDATA)>")
            .conf(BASE)
            .conf(rule),
    )
}

fn post(server: &Server, body: &str) -> u16 {
    let headers = "Content-Type: text/xml\r\n";
    server
        .request("POST", "/index.html", headers, body.as_bytes())
        .status
}

const VALID: &str = "<?xml version='1.0'?><o:order xmlns:o='urn:order' id='7'><o:item>AB1</o:item><o:item><![CDATA[CD]]>23</o:item>\
    <!-- c --><?p i?><o:note>a&lt;b&#13;</o:note></o:order>";

#[test]
fn a_schema_judges_documents_on_every_mpm() {
    let cases = [
        (VALID, 200),
        (
            "<order xmlns='urn:order' id='1'><item>AB1</item></order>",
            200,
        ),
        (
            "<order xmlns='urn:order' id='0'><item>AB1</item></order>",
            403,
        ),
        ("<order xmlns='urn:order'><item>AB1</item></order>", 403),
        (
            "<order xmlns='urn:order' id='1'><item>x</item></order>",
            403,
        ),
        ("<order xmlns='urn:order' id='1'></order>", 403),
        (
            "<order xmlns='urn:order' id='1'><item>AB1</item><evil/></order>",
            403,
        ),
        ("<order id='1'><item>AB1</item></order>", 403),
        ("<order xmlns='urn:order' id='1'><item>AB1</item>", 403),
        // A document that says where its schema is gets no other, and none is opened for it.
        (
            "<any xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:noNamespaceSchemaLocation='{ROOT}/htdocs/any.xsd'/>",
            403,
        ),
        (
            "<order xmlns='urn:order' id='1' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' \
             xsi:schemaLocation='urn:order http://127.0.0.1:9/'><item>AB1</item></order>",
            200,
        ),
    ];
    for mpm in Mpm::ALL {
        let rule = "SecRule XML \"@validateSchema {ROOT}/htdocs/order.xsd\" \"id:2,phase:2,deny\"";
        let Some(setup) = setup(rule) else { return };
        let any = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='any'/></xs:schema>";
        let server = setup.file("any.xsd", any).mpm(mpm).start();
        let root = server.root().display().to_string();
        for (body, status) in cases {
            let body = body.replace("{ROOT}", &root);
            assert_eq!(post(&server, &body), status, "{mpm:?} {body}");
        }
        let denials = server
            .logged("Access denied with code 403 (phase 2). XML: Schema validation failed. [file");
        assert_eq!(denials.len(), 7, "{mpm:?}");
        let unsound =
            server.logged("XML: Schema validation failed because content is not well formed.");
        assert_eq!(unsound.len(), 1, "{mpm:?}");
        let debug = server.read("debug.log");
        assert!(
            debug.contains("XML: Parsing complete (well_formed 1)."),
            "{debug}"
        );
        assert!(
            debug.contains("XML: Successfully validated payload against Schema: "),
            "{debug}"
        );
        assert!(
            debug.contains("Element '{urn:order}evil': This element is not expected."),
            "{debug}"
        );
    }
}

#[test]
fn a_document_type_judges_documents_on_every_mpm() {
    let cases = [
        (
            "<order id='a'><item>1</item><item>2</item><note>n</note></order>",
            200,
        ),
        (
            "<!DOCTYPE order><order id='a' kind='large'><item/></order>",
            200,
        ),
        ("<order><item/></order>", 403),
        ("<order id='1'><item/></order>", 403),
        ("<order id='a' kind='huge'><item/></order>", 403),
        ("<order id='a' more='1'><item/></order>", 403),
        ("<order id='a'></order>", 403),
        ("<order id='a'><note/><item/></order>", 403),
        ("<order id='a'>text<item/></order>", 403),
        ("<order id='a'><item><b/></item></order>", 403),
        ("<other/>", 403),
    ];
    for mpm in Mpm::ALL {
        let rule = "SecRule XML \"@validateDTD {ROOT}/htdocs/order.dtd\" \"id:2,phase:2,deny\"";
        let Some(setup) = setup(rule) else { return };
        let server = setup.mpm(mpm).start();
        for (body, status) in cases {
            assert_eq!(post(&server, body), status, "{mpm:?} {body}");
        }
        let denials = server
            .logged("Access denied with code 403 (phase 2). XML: DTD validation failed. [file");
        assert_eq!(denials.len(), 9, "{mpm:?}");
        let debug = server.read("debug.log");
        assert!(
            debug.contains("XML: Successfully validated payload against DTD: "),
            "{debug}"
        );
    }
}

/// One grammar, many threads: every answer is that of its own document.
#[test]
fn threads_share_a_grammar() {
    let rules = "SecRule XML \"@validateSchema {ROOT}/htdocs/order.xsd\" \"id:2,phase:2,deny,status:402,chain\"\n\
        SecRule ARGS:schema \"@streq 1\"\n\
        SecRule XML \"@validateDTD {ROOT}/htdocs/order.dtd\" \"id:3,phase:2,deny,status:406,chain\"\n\
        SecRule ARGS:dtd \"@streq 1\"";
    let Some(setup) = setup(rules) else { return };
    let server = setup.mpm(Mpm::Event).start();
    let good = "<order xmlns='urn:order' id='1'><item>AB1</item></order>";
    let fine = "<order id='a'><item>AB1</item></order>";
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for _ in 0..40 {
                    for (target, body, status) in [
                        ("/index.html?schema=1", good, 200),
                        ("/index.html?schema=1", fine, 402),
                        ("/index.html?dtd=1", fine, 200),
                        ("/index.html?dtd=1", good, 406),
                    ] {
                        let headers = "Content-Type: text/xml\r\n";
                        let answer = server.request("POST", target, headers, body.as_bytes());
                        assert_eq!(answer.status, status, "thread {thread} {target} {body}");
                    }
                }
            });
        }
    });
}

/// Compat: mod_security2 starts, and has the rule fail for each request.
#[test]
fn a_grammar_that_cannot_be_read_is_told_and_matches_nothing() {
    let cases = [
        ("@validateSchema none.xsd", "Could not open Schema file"),
        ("@validateDTD none.dtd", "Could not open DTD file"),
        (
            "@validateSchema index.html",
            "Failed to load Schema from file",
        ),
        ("@validateSchema bad.xsd", "Failed to load Schema from file"),
        ("@validateSchema net.xsd", "Failed to load Schema from file"),
        ("@validateDTD bad.dtd", "Failed to load DTD from file"),
    ];
    let rules = cases.iter().zip(2..).map(|((operator, _), id)| {
        let operator = operator.replace(' ', " {ROOT}/htdocs/");
        format!("SecRule XML \"{operator}\" \"id:{id},phase:2,deny\"\n")
    });
    let Some(setup) = setup(&rules.collect::<String>()) else {
        return;
    };
    let net = SCHEMA.replace("parts/types.xsd", "http://127.0.0.1:9/types.xsd");
    let bad = SCHEMA.replace("xs:positiveInteger", "xs:nothing");
    let server = setup
        .file("bad.xsd", bad)
        .file("net.xsd", net)
        .file("bad.dtd", "<!ELEMENT order (item+,>")
        .start();
    let told = server.error_log();
    let notices = told.matches("the rule fails for every document, and matches none");
    assert_eq!(notices.count(), cases.len(), "{told}");
    for (_, problem) in cases {
        assert!(told.contains(problem), "{problem}: {told}");
    }
    assert_eq!(post(&server, VALID), 200);
    assert_eq!(post(&server, "<x/>"), 200);
    server.logged("XML: Failed to load Schema from file");
    server.logged("Rule processing failed (id=2, msg=).");
}

#[test]
fn a_grammar_without_a_file_stops_the_start() {
    for (operator, message) in [
        ("@validateSchema", "Missing parameter"),
        ("@validateSchema http://127.0.0.1/x.xsd", "is not fetched"),
    ] {
        let Some(setup) = setup(&format!("SecRule XML \"{operator}\" \"id:2,phase:2,deny\""))
        else {
            return;
        };
        let (good, text) = setup.check();
        assert!(!good, "{operator}");
        assert!(text.contains(message), "{operator}: {text}");
    }
}

#[test]
fn a_grammar_beside_its_rules_and_a_restart() {
    let Some(setup) = setup("Include {ROOT}/htdocs/rules.conf") else {
        return;
    };
    let rules = "SecRule XML \"@validateSchema order.xsd\" \"id:2,phase:2,deny\"";
    let server = setup.file("rules.conf", rules).start();
    assert_eq!(post(&server, VALID), 200);
    assert_eq!(post(&server, "<x/>"), 403);
    server.signal("USR1");
    assert!(crate::harness::eventually(|| server
        .error_log()
        .matches("resuming normal operations")
        .count()
        == 2));
    assert_eq!(post(&server, VALID), 200);
    assert_eq!(post(&server, "<x/>"), 403);
}
