use super::*;
use crate::body::xml::{self, Options};

fn read(document: &str) -> Result<Call, CallError> {
    Call::from_document(&xml::parse(document.as_bytes(), Options::default()))
}

fn params(call: &Call) -> Vec<(Type, String)> {
    call.params()
        .map(|value| {
            (
                value.kind(),
                String::from_utf8_lossy(value.text()).into_owned(),
            )
        })
        .collect()
}

const WORDPRESS_PING: &str = "<?xml version=\"1.0\"?>\n<methodCall>\n<methodName>pingback.ping</methodName>\n<params>\n\
    <param><value><string>http://a.example/linker-47476/</string></value></param>\n\
    <param><value><string>http://b.example/target-post/</string></value></param>\n</params></methodCall>";

/// As indieweb/mention-client-php sends it: one line, no white space.
const MENTION_CLIENT_PING: &str = "<?xml version=\"1.0\"?><methodCall><methodName>pingback.ping</methodName><params>\
    <param><value><string>http://a.example/?a=1&amp;b=2</string></value></param>\
    <param><value><string>http://b.example/target-post/</string></value></param></params></methodCall>";

#[test]
fn genuine_pings_are_read() {
    let call = read(WORDPRESS_PING).unwrap();
    assert_eq!(call.method(), "pingback.ping");
    let expected = [
        (Type::String, "http://a.example/linker-47476/".to_string()),
        (Type::String, "http://b.example/target-post/".to_string()),
    ];
    assert_eq!(params(&call), expected);
    assert_eq!(call.params().len(), 2);

    let call = read(MENTION_CLIENT_PING).unwrap();
    assert_eq!(params(&call)[0].1, "http://a.example/?a=1&b=2");

    let bare = WORDPRESS_PING
        .replace("<string>", "")
        .replace("</string>", "");
    assert_eq!(params(&read(&bare).unwrap()), expected);
}

#[test]
fn every_type_is_read() {
    let value = |inner: &str| {
        let document = format!(
            "<methodCall><methodName>m</methodName><params><param><value>{inner}</value></param></params></methodCall>"
        );
        read(&document).map(|call| params(&call).remove(0))
    };
    let ok = |kind, text: &str| Ok((kind, text.to_string()));
    assert_eq!(value(""), ok(Type::String, ""));
    assert_eq!(value(" bare "), ok(Type::String, " bare "));
    assert_eq!(value("<string/>"), ok(Type::String, ""));
    assert_eq!(
        value("<string>a<![CDATA[<b>]]>c</string>"),
        ok(Type::String, "a<b>c")
    );
    assert_eq!(value("\n<i4>-7</i4>\n"), ok(Type::Integer, "-7"));
    for name in ["int", "i4", "i8", "ex:i8", "i1"] {
        assert_eq!(
            value(&format!("<{name}>1</{name}>")),
            ok(Type::Integer, "1")
        );
    }
    assert_eq!(value("<boolean>1</boolean>"), ok(Type::Boolean, "1"));
    assert_eq!(value("<double>1.5</double>"), ok(Type::Double, "1.5"));
    assert_eq!(
        value("<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>"),
        ok(Type::DateTime, "19980717T14:08:55")
    );
    assert_eq!(value("<base64>eW91</base64>"), ok(Type::Base64, "eW91"));
    assert_eq!(value("<nil/>"), ok(Type::Nil, ""));
    assert_eq!(value("<ex:nil/>"), ok(Type::Nil, ""));
    assert_eq!(value("<array><data/></array>"), ok(Type::Array, ""));
    assert_eq!(
        value("<array><data><value>a</value><value>b</value></data></array>"),
        ok(Type::Array, "ab")
    );
    assert_eq!(
        value("<struct><member><name>n</name><value>v</value></member></struct>"),
        ok(Type::Struct, "nv")
    );
    assert_eq!(value("<object/>"), Err(CallError::UnknownType));
}

#[test]
fn scalars_are_judged_on_demand() {
    let document = "<methodCall><methodName>m</methodName><params>\
        <param><value><int> 42 </int></value></param><param><value><int>x</int></value></param>\
        <param><value><boolean>1</boolean></value></param><param><value><boolean>yes</boolean></value></param>\
        <param><value><double>2.5</double></value></param><param><value>42</value></param></params></methodCall>";
    let call = read(document).unwrap();
    let values: Vec<_> = call.params().collect();
    assert_eq!(values[0].integer(), Some(42));
    assert_eq!(values[1].integer(), None);
    assert_eq!(values[2].boolean(), Some(true));
    assert_eq!(values[3].boolean(), None);
    assert_eq!(values[4].double(), Some(2.5));
    assert_eq!(values[5].integer(), None);
    assert_eq!(values[5].string(), Some(&b"42"[..]));
    assert_eq!(values[0].string(), None);
}

#[test]
fn compounds_can_be_walked() {
    let document = "<methodCall><methodName>m</methodName><params><param><value><struct>\n\
        <member><name>a</name><value><array><data><value>1</value><value><array><data><value>2</value></data></array>\
        </value><value>3</value></data></array></value></member>\n\
        <member><value>x</value><name>b</name></member></struct></value></param><param><value>last</value></param>\
        </params></methodCall>";
    let call = read(document).unwrap();
    let root = call.params().next().unwrap();
    let members: Vec<_> = root
        .items()
        .map(|m| (m.name().unwrap(), m.kind()))
        .collect();
    assert_eq!(members, [(&b"a"[..], Type::Array), (b"b", Type::String)]);
    let items: Vec<_> = root
        .items()
        .next()
        .unwrap()
        .items()
        .map(ValueRef::text)
        .collect();
    assert_eq!(items, [b"1", b"2", b"3"]);
    assert_eq!(call.params().nth(1).unwrap().shared_text(), "last");
    assert_eq!(call.params().nth(1).unwrap().items().count(), 0);
}

#[test]
fn what_servers_may_read_differently_is_an_error() {
    use CallError::*;
    let cases = [
        ("<methodResponse/>", WrongRoot),
        ("<MethodCall/>", WrongRoot),
        ("<methodCall/>", MethodNameMissing),
        ("<methodCall><params/></methodCall>", MethodNameMissing),
        ("<methodCall>", Malformed),
        ("", Malformed),
        ("<methodCall><methodName/></methodCall>", InvalidMethodName),
        (
            "<methodCall><methodName>a b</methodName></methodCall>",
            InvalidMethodName,
        ),
        (
            "<methodCall><methodName>a&#0;</methodName></methodCall>",
            Malformed,
        ),
        (
            "<methodCall><methodName><b>x</b></methodName></methodCall>",
            UnexpectedElement,
        ),
        (
            "<methodCall><methodName>a</methodName><methodName>b</methodName></methodCall>",
            SeveralMethodNames,
        ),
        (
            "<methodCall><methodName>a</methodName><x/></methodCall>",
            UnexpectedElement,
        ),
        (
            "<methodCall>x<methodName>a</methodName></methodCall>",
            UnexpectedText,
        ),
        (
            "<methodCall><methodName>a</methodName><params/><params/></methodCall>",
            SeveralParams,
        ),
        (
            "<methodCall><methodName>a</methodName><params>x</params></methodCall>",
            UnexpectedText,
        ),
        (
            "<methodCall><methodName>a</methodName><params><value/></params></methodCall>",
            UnexpectedElement,
        ),
    ];
    for (document, error) in cases {
        assert_eq!(read(document).err(), Some(error), "{document}");
    }
    let params = [
        ("<param/>", MissingValue),
        ("<param>x<value/></param>", UnexpectedText),
        ("<param><string/></param>", UnexpectedElement),
        ("<param><value/><value/></param>", SeveralValues),
        ("<param><value><int/><int/></value></param>", SeveralValues),
        ("<param><value>x<int/></value></param>", UnexpectedText),
        (
            "<param><value><string><b/></string></value></param>",
            UnexpectedElement,
        ),
        ("<param><value><String/></value></param>", UnknownType),
        ("<param><value><array/></value></param>", MissingValue),
        (
            "<param><value><array><value/></array></value></param>",
            UnexpectedElement,
        ),
        (
            "<param><value><array><data/><data/></array></value></param>",
            SeveralValues,
        ),
        (
            "<param><value><array><data>x</data></array></value></param>",
            UnexpectedText,
        ),
        (
            "<param><value><array><data><int/></data></array></value></param>",
            UnexpectedElement,
        ),
        (
            "<param><value><struct><value/></struct></value></param>",
            UnexpectedElement,
        ),
        (
            "<param><value><struct><member/></struct></value></param>",
            MissingValue,
        ),
        (
            "<param><value><struct><member><name/></member></struct></value></param>",
            MissingValue,
        ),
        (
            "<param><value><struct><member><value/></member></struct></value></param>",
            MissingValue,
        ),
        (
            "<param><value><struct><member><name/><name/><value/></member></struct></value></param>",
            SeveralValues,
        ),
        (
            "<param><value><struct><member><name/><x/><value/></member></struct></value></param>",
            UnexpectedElement,
        ),
        (
            "<param><value><struct><member><name><b/></name><value/></member></struct></value></param>",
            UnexpectedElement,
        ),
    ];
    for (params, error) in params {
        let document =
            format!("<methodCall><methodName>a</methodName><params>{params}</params></methodCall>");
        assert_eq!(read(&document).err(), Some(error), "{params}");
    }
}

#[test]
fn white_space_is_no_matter() {
    let call = read(
        "\n<methodCall >\n<methodName>\n m.x \n</methodName>\n<params>\n<param>\n<value>\n<int>1</int>\n</value>\n</param>\n</params>\n</methodCall>\n",
    );
    let call = call.unwrap();
    assert_eq!(call.method(), "m.x");
    assert_eq!(params(&call), [(Type::Integer, "1".to_string())]);
}

fn multicall(calls: &str) -> String {
    format!(
        "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>{calls}</data>\
         </array></value></param></params></methodCall>"
    )
}

fn bundled(method: &str, params: &str) -> String {
    format!(
        "<value><struct><member><name>methodName</name><value>{method}</value></member><member><name>params</name>\
         <value><array><data>{params}</data></array></value></member></struct></value>"
    )
}

#[test]
fn each_call_of_a_multicall_is_told() {
    let calls = bundled(
        "wp.getUsersBlogs",
        "<value>admin</value><value>123456</value>",
    ) + &bundled("pingback.ping", "");
    let call = read(&multicall(&calls)).unwrap();
    let calls: Vec<_> = call.calls().map(Result::unwrap).collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].method, "wp.getUsersBlogs");
    let texts: Vec<_> = calls[0].params.iter().map(|p| p.text()).collect();
    assert_eq!(texts, [&b"admin"[..], b"123456"]);
    assert_eq!(calls[1].method, "pingback.ping");
    assert!(calls[1].params.is_empty());

    let plain = read(WORDPRESS_PING).unwrap();
    let calls: Vec<_> = plain.calls().map(Result::unwrap).collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].params.len(), 2);
}

#[test]
fn a_malformed_multicall_is_told() {
    let calls = |document: &str| -> Vec<_> {
        let call = read(document).unwrap();
        call.calls()
            .map(|call| call.map(|c| c.method).map_err(CallError::name))
            .collect()
    };
    let invalid = || Err("invalid-multicall");
    assert_eq!(calls(&multicall("")), []);
    assert_eq!(calls(&multicall("<value>x</value>")), [invalid()]);
    let mixed = bundled("a.b", "") + "<value>x</value>" + &bundled("c", "");
    assert_eq!(
        calls(&multicall(&mixed)),
        [Ok("a.b".into()), invalid(), Ok("c".into())]
    );
    let no_name = "<value><struct><member><name>params</name><value><array><data/></array></value></member></struct></value>";
    assert_eq!(calls(&multicall(no_name)), [invalid()]);
    let twice = bundled("a", "").replace(
        "</struct>",
        "<member><name>methodName</name><value>b</value></member></struct>",
    );
    assert_eq!(calls(&multicall(&twice)), [invalid()]);
    assert_eq!(
        calls("<methodCall><methodName>system.multicall</methodName></methodCall>"),
        [invalid()]
    );
    let not_array = "<methodCall><methodName>system.multicall</methodName><params><param><value>x</value></param></params></methodCall>";
    assert_eq!(calls(not_array), [invalid()]);
}

#[test]
fn the_number_of_values_is_limited() {
    let document = |items: usize| multicall(&"<value/>".repeat(items));
    let limit = XMLRPC_VALUE_LIMIT;
    for (values, expected) in [
        (limit - 1, None),
        (limit, None),
        (limit + 1, Some(CallError::TooManyValues)),
    ] {
        assert_eq!(read(&document(values - 1)).err(), expected, "{values}");
    }
    let params = |count: usize| {
        let params = "<param><value/></param>".repeat(count);
        format!("<methodCall><methodName>m</methodName><params>{params}</params></methodCall>")
    };
    for (values, expected) in [(limit, None), (limit + 1, Some(CallError::TooManyValues))] {
        assert_eq!(read(&params(values)).err(), expected, "{values}");
    }
}

#[test]
fn a_large_file_shares_the_document() {
    let base64 = "QUJD".repeat(750_000);
    let document = format!(
        "<methodCall><methodName>wp.uploadFile</methodName><params><param><value><base64>{base64}</base64></value></param></params></methodCall>"
    );
    let document = xml::parse(document.as_bytes(), Options::default());
    let call = Call::from_document(&document).unwrap();
    let value = call.params().next().unwrap();
    assert_eq!(value.text().len(), 3_000_000);
    assert_eq!(
        value.text().as_ptr(),
        document.root_text()["wp.uploadFile".len()..].as_ptr()
    );
}

#[test]
fn nesting_as_deep_as_documents_may_be_is_read() {
    // Below methodCall, params and param, each array takes three elements: value, array and data.
    let depth = (crate::limits::XML_DEPTH_LIMIT - 4) / 3;
    let open = "<value><array><data>".repeat(depth);
    let close = "</data></array></value>".repeat(depth);
    let document = format!(
        "<methodCall><methodName>m</methodName><params><param>{open}<value/>{close}</param></params></methodCall>"
    );
    let call = read(&document).unwrap();
    let mut value = call.params().next().unwrap();
    let mut seen = 0;
    while let Some(inner) = value.items().next() {
        value = inner;
        seen += 1;
    }
    assert_eq!(seen, depth);
}
