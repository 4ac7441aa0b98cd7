//! XML bodies: XPath in targets, namespaces, limits.

use std::sync::Arc;

use palisade::config::{Config, DirConfig, read_text};

use super::support::{Answer, request};

const ON: &str = "SecRuleEngine On\nSecRequestBodyAccess On\n\
    SecRule REQUEST_HEADERS:Content-Type \"@rx xml\" \"id:9000,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\n";

/// The configuration with these lines, or what is wrong with them.
fn try_config(rules: &str) -> Result<Arc<Config>, String> {
    let section = DirConfig::new();
    read_text("test.conf", &format!("{ON}{rules}"), &section).map_err(|error| error.to_string())?;
    Ok(section.resolved())
}

fn post(rules: &str, body: &str) -> Answer {
    let config = try_config(rules).unwrap_or_else(|error| panic!("{error}"));
    request("POST /app HTTP/1.1\nContent-Type: text/xml")
        .body(body)
        .run(&config)
}

/// What a target gives: each value that a rule with it sees.
fn seen(target: &str, actions: &str, body: &str) -> Vec<String> {
    let rule = format!(
        "SecRule \"{target}\" \"@unconditionalMatch\" \"id:1,phase:2,t:none,pass,nolog,{actions}setvar:'tx.seen=%{{tx.seen}}%{{MATCHED_VAR_NAME}}=%{{MATCHED_VAR}};'\""
    );
    let answer = post(&rule, body);
    let text = answer.tx.get("seen").cloned().unwrap_or_default();
    text.split_terminator(';').map(str::to_owned).collect()
}

const EMPLOYEES: &str = "<?xml version=\"1.0\"?><employees><employee id='1'><name>Fred</name><salary>10</salary></employee>\
    <employee id='2'><name>Ann</name><salary>20</salary></employee></employees>";

#[test]
fn paths_select_values() {
    let cases: &[(&str, &[&str])] = &[
        ("XML", &["XML=[XML document tree]"]),
        ("&XML", &["XML=1"]),
        ("XML:/*", &["XML=Fred10Ann20"]),
        ("XML://@*", &["XML=1", "XML=2"]),
        (
            "XML:/employees/employee/name/text()",
            &["XML=Fred", "XML=Ann"],
        ),
        ("&XML:/employees/employee", &["XML=2"]),
        ("&XML:/employees/boss", &["XML=0"]),
        ("XML://employee[@id='2']/name", &["XML=Ann"]),
        (
            "XML:'//employee[salary > 10 and position() = last()]/@id'",
            &["XML=2"],
        ),
        (
            "XML:'//name|//salary'",
            &["XML=Fred", "XML=10", "XML=Ann", "XML=20"],
        ),
        ("XML:'concat(//name, //salary)'", &[]),
        ("XML:employees", &[]),
        ("XML:/employees/boss", &[]),
        (
            "XML://name|XML://salary",
            &["XML=Fred", "XML=Ann", "XML=10", "XML=20"],
        ),
        ("XML://name|XML://salary|!XML://name", &["XML=10", "XML=20"]),
        ("XML://name|!XML", &[]),
        ("XML:'//*[name()=\\'name\\'][1]'", &["XML=Fred", "XML=Ann"]),
    ];
    for (target, expected) in cases {
        assert_eq!(seen(target, "", EMPLOYEES), *expected, "{target}");
    }
}

#[test]
fn prefixes_come_from_the_rule() {
    let soap = "<soap:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'><soap:Body>\
        <getInput xmlns='urn:app'><id>12123</id></getInput></soap:Body></soap:Envelope>";
    let xmlns = "xmlns:s=http://schemas.xmlsoap.org/soap/envelope/,xmlns:'app = urn:app',";
    let path = "XML:/s:Envelope/s:Body/app:getInput/app:id/text()";
    assert_eq!(seen(path, xmlns, soap), ["XML=12123"]);
    assert!(seen("XML:/s:Envelope", "xmlns:s=urn:other,", soap).is_empty());
    assert!(seen("XML:/Envelope", "", soap).is_empty());

    let chain = |member: &str| {
        post(
            &format!(
                "SecRule XML:/s:Envelope \"@rx .\" \"id:1,phase:2,deny,chain,xmlns:s=http://schemas.xmlsoap.org/soap/envelope/\"\n\
             SecRule XML://a:id \"@streq 12123\" \"{member}\""
            ),
            soap,
        )
    };
    assert_eq!(chain("xmlns:a=urn:app").status, 403);

    let update = "SecRule ARGS:none \"@streq 12123\" \"id:1,phase:2,deny,xmlns:a=urn:app\"\nSecRuleUpdateTargetById 1 XML://a:id";
    assert_eq!(post(update, soap).status, 403);
    let action = "SecRule XML://a:id \"@streq 12123\" \"id:1,phase:2,deny,xmlns:a=urn:wrong\"\nSecRuleUpdateActionById 1 xmlns:a=urn:app";
    assert_eq!(post(action, soap).status, 403);
}

#[test]
fn mistakes_are_refused_with_their_place() {
    let cases = [
        (
            "SecRule ARGS|XML:/a[ \"@rx x\" \"id:1,phase:2\"",
            "was expected",
        ),
        (
            "SecRule XML:/soap:Envelope \"@rx x\" \"id:1,phase:2\"",
            "xmlns:soap=URI",
        ),
        (
            "SecRule XML:'//a[foo()]' \"@rx x\" \"id:1,phase:2\"",
            "no function \"foo\"",
        ),
        (
            "SecRule XML:/* \"@rx x\" \"id:1,phase:2,xmlns:soap\"",
            "Missing xmlns href for prefix: soap",
        ),
        (
            "SecRule XML:/* \"@rx x\" \"id:1,phase:2,xmlns:=urn:x\"",
            "xmlns needs prefix=URI",
        ),
        (
            "SecRule XML:/* \"@rx x\" \"id:1,phase:2\"\nSecRuleUpdateTargetById 1 XML:/x:y",
            "xmlns:x=URI",
        ),
    ];
    for (rules, message) in cases {
        let error = try_config(rules).map(|_| ()).expect_err(rules);
        assert!(error.contains(message), "{rules}: {error}");
    }
    let error = try_config(cases[0].0).map(|_| ()).unwrap_err();
    assert!(
        error.contains("test.conf:4") || error.contains("line 4"),
        "{error}"
    );
}

#[test]
fn macros_and_exceptions_know_paths() {
    let rules = "SecAction \"id:1,phase:2,pass,nolog,setvar:'tx.name=%{XML.//name}',setvar:'tx.bad=%{XML.//name[}'\"";
    let tx = post(rules, EMPLOYEES).tx;
    assert_eq!(tx["name"], "Fred");
    assert_eq!(tx["bad"], "");

    let rules = "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveTargetById=2;XML:/*\"\n\
        SecRule XML:/*|XML://@* \"@rx .\" \"id:2,phase:2,pass,nolog,setvar:tx.n=+1\"";
    assert_eq!(post(rules, EMPLOYEES).tx["n"], "2");
}

#[test]
fn a_path_over_its_budget_is_flagged() {
    let body = format!("<r>{}</r>", "<a/>".repeat(20_000));
    let rules = "SecRule \"XML:'//a[count(//a) = 1]'\" \"@rx .\" \"id:1,phase:2,deny\"\n\
        SecRule TX:MSC_XPATH_LIMITS_EXCEEDED \"@streq 1\" \"id:2,phase:2,deny,status:400\"";
    let answer = post(rules, &body);
    assert_eq!(answer.status, 400);
    let alert = answer.messages.iter().find(|text| text.contains("XPath"));
    let alert = alert.expect("a message");
    assert!(
        alert.contains("Rule [id \"1\"]") && alert.contains("over its limits"),
        "{alert}"
    );
    assert_eq!(post(rules, "<r><a/><a/></r>").status, 200);
}

#[test]
fn no_document_no_values() {
    assert!(seen("XML|XML:/*|XML://@*", "", "").is_empty());
    let rules = "SecRule &XML \"@eq 0\" \"id:1,phase:2,deny\"";
    let config = try_config(rules).unwrap();
    let form = request("POST / HTTP/1.1\nContent-Type: text/plain")
        .body("<a/>")
        .run(&config);
    assert_eq!(form.status, 403);
}

/// Compat: 2.9.9 and later.
#[test]
fn a_document_becomes_arguments() {
    let body = "<?xml version='1.0'?><a:root xmlns:a='urn:a' id='0'>text<level1>x<leaf n='1'>v&amp;<![CDATA[w]]><!-- c -->z</leaf>\
        <leaf/> <a:b> </a:b></level1><foo></foo></a:root>";
    let directive = |how: &str, target: &str| {
        let rules = format!(
            "SecParseXmlIntoArgs {how}\nSecRule {target} \"@unconditionalMatch\" \"id:1,phase:2,t:none,pass,nolog,setvar:'tx.seen=%{{tx.seen}}%{{MATCHED_VAR_NAME}}=%{{MATCHED_VAR}};'\""
        );
        post(&rules, body)
            .tx
            .get("seen")
            .cloned()
            .unwrap_or_default()
    };
    let args = "ARGS:xml.root.level1.leaf=v&wz;ARGS:xml.root.level1.leaf=;ARGS:xml.root.level1.b= ;ARGS:xml.root.foo=;";
    assert_eq!(directive("Off", "ARGS|XML:/*/foo"), "XML=;");
    assert_eq!(directive("On", "ARGS|XML:/*/foo"), format!("{args}XML=;"));
    assert_eq!(directive("OnlyArgs", "ARGS|XML:/*|XML|XML://@*"), args);
    assert_eq!(
        directive("onlyargs", "ARGS:xml.root.foo|&ARGS_POST|&ARGS_NAMES"),
        "ARGS:xml.root.foo=;ARGS_POST=0;ARGS_NAMES=4;"
    );

    let ctl = "SecParseXmlIntoArgs Off\n\
        SecAction \"id:1,phase:1,pass,nolog,ctl:parseXmlIntoArgs=OnlyArgs\"\n\
        SecRule ARGS:xml.root.level1.leaf \"@streq v&wz\" \"id:2,phase:2,deny\"\n\
        SecRule &XML \"!@eq 0\" \"id:3,phase:2,deny,status:500\"";
    assert_eq!(post(ctl, body).status, 403);
    for wrong in [
        "SecParseXmlIntoArgs Maybe",
        "SecAction \"id:1,phase:1,pass,ctl:parseXmlIntoArgs=Yes\"",
    ] {
        let error = try_config(wrong).map(|_| ()).expect_err(wrong);
        assert!(error.contains("arseXmlIntoArgs: "), "{error}");
    }
}

#[test]
fn arguments_of_a_document_are_limited() {
    let rules = "SecParseXmlIntoArgs On\nSecArgumentsLimit 3\n\
        SecRule REQBODY_ERROR \"!@eq 0\" \"id:1,phase:2,pass,nolog,setvar:'tx.error=%{REQBODY_ERROR_MSG}'\"\n\
        SecRule &ARGS \"@ge 0\" \"id:2,phase:2,pass,nolog,setvar:'tx.count=%{MATCHED_VAR}'\"";
    let tx = |count: usize| post(rules, &format!("<r>{}</r>", "<a/>".repeat(count))).tx;
    assert_eq!(tx(3)["count"], "3");
    assert!(!tx(3).contains_key("error"));
    assert_eq!(tx(4)["count"], "3");
    assert!(
        tx(4)["error"].contains("SecArgumentsLimit exceeded"),
        "{:?}",
        tx(4)
    );

    // Names of a thousand elements below a long one: 1,048,576 bytes, and one more.
    let long = |more: usize| {
        let name = "n".repeat(1048 - "xml..a".len());
        let leaves = "<a/>".repeat(999);
        // The last name fills what is left: 1,048,576 - 999 * 1048 = 1624 bytes.
        let last = "z".repeat(1624 - "xml..".len() - name.len() + more);
        let rules = "SecParseXmlIntoArgs On\nSecRule REQBODY_ERROR_MSG \"@contains names of the arguments\" \"id:1,phase:2,t:lowercase,deny\"";
        post(rules, &format!("<{name}>{leaves}<{last}/></{name}>")).status
    };
    assert_eq!(long(0), 200);
    assert_eq!(long(1), 403);
}

/// Without httpd nobody can look into a grammar, and whoever checks a configuration is told so.
#[test]
fn grammars_that_nobody_read_are_told_and_never_pass() {
    let schema = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/differential/order.xsd"
    );
    let rule = format!("SecRule XML \"@validateSchema {schema}\" \"id:1,phase:2,deny\"");
    let notices = try_config(&rule).unwrap().notices();
    assert!(
        notices.iter().any(|text| text.contains("not looked into")),
        "{notices:?}"
    );
    let order = "<order xmlns='urn:order' id='1'><item>AB1</item></order>";
    assert_eq!(post(&rule, order).status, 403);
    // Compat: a file that is not there is told, and its rule matches nothing.
    let rule = "SecRule XML \"@validateSchema /no/such.xsd\" \"id:1,phase:2,deny\"";
    let notices = try_config(rule).unwrap().notices();
    let is_told = |text: &String| text.contains("Could not open") && text.contains("matches none");
    assert!(notices.iter().any(is_told), "{notices:?}");
    assert_eq!(post(rule, order).status, 200);
}

#[test]
fn external_subsets_are_never_fetched_and_the_administrator_is_told() {
    let notices = |value: &str| {
        let config = try_config(&format!("SecXmlExternalEntity {value}")).unwrap();
        config
            .notices()
            .iter()
            .filter(|text| text.contains("fetches nothing"))
            .count()
    };
    assert_eq!((notices("Off"), notices("On")), (0, 1));
    let body = "<!DOCTYPE a SYSTEM 'http://192.0.2.1/a.dtd'><a>b</a>";
    let rule = "SecRule REQBODY_ERROR \"@eq 1\" \"id:1,phase:2,deny\"";
    assert_eq!(post(rule, body).status, 403);
    assert_eq!(
        post(&format!("SecXmlExternalEntity On\n{rule}"), body).status,
        200
    );
}
