//! XML-RPC calls as they come over the wire.

use super::*;

fn call(body: &[u8]) -> Result<Call, CallError> {
    Call::from_document(&parse(Kind::Xml, body).xml.expect("an XML body"))
}

#[test]
fn a_genuine_ping_is_read() {
    assert_eq!(PING.len(), 260);
    assert!(xml::looks_like_xml(PING));
    let call = call(PING).unwrap();
    assert_eq!(call.method(), "pingback.ping");
    let params: Vec<_> = call.params().map(|value| value.string()).collect();
    let expected = [
        &b"http://a.example/linker-47476/"[..],
        b"http://b.example/target-post/",
    ];
    assert_eq!(params, expected.map(Some));
}

/// The shape of most pingback spam: a declaration that lies about the encoding, CR LF and tabs.
#[test]
fn the_common_malformed_ping_is_told() {
    let ping = b"<?xml version=\"1.0\" encoding=\"utf-16\" standalone=\"yes\"?>\r\n<methodCall>\r\n\t<methodName>pingback.ping</methodName>\r\n\
        \t<params>\r\n\t\t<param>\r\n\t\t\t<value><string>http://spam.example/</string></value>\r\n\t\t</param>\r\n\t</params>\r\n</methodCall>";
    assert!(xml::looks_like_xml(ping));
    assert_eq!(xml_error(ping), Some(ErrorKind::Encoding));
    assert_eq!(call(ping).err(), Some(CallError::Malformed));
    let message = parse(Kind::Xml, ping).error.unwrap();
    assert!(
        message.starts_with("XML: Failed parsing document."),
        "{message}"
    );
    let two_roots = [PING, PING].concat();
    assert!(call(&two_roots).is_err());
    assert!(call(&PING[..PING.len() - 1]).is_err());
}

#[test]
fn a_multicall_of_many_logins_is_counted() {
    let login = "<value><struct><member><name>methodName</name><value><string>wp.getUsersBlogs</string></value></member>\
        <member><name>params</name><value><array><data><value>admin</value><value>guess</value></data></array></value>\
        </member></struct></value>";
    let body = format!(
        "<?xml version=\"1.0\"?><methodCall><methodName>system.multicall</methodName><params><param><value><array><data>{}\
         </data></array></value></param></params></methodCall>",
        login.repeat(500)
    );
    let call = call(body.as_bytes()).unwrap();
    let methods: Vec<_> = call.calls().map(|call| call.unwrap().method).collect();
    assert_eq!(methods.len(), 500);
    assert!(methods.iter().all(|method| method == "wp.getUsersBlogs"));
}
