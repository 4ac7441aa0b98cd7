//! Internal redirects, error documents and subrequests: one request, one transaction, one record.

use crate::harness::{Backend, Setup};

const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecAuditEngine On
SecAuditLog audit.log
SecAuditLogParts ABCFHZ
SecRule ARGS|REQUEST_BODY "@contains evilmarker" "id:1,phase:2,deny,status:403"
SecRule RESPONSE_BODY "@contains evilanswer" "id:2,phase:4,deny,status:403"
SecRule REQUEST_URI "@contains sorry" "id:3,phase:1,deny,status:402"
"#;

#[test]
fn an_error_document_of_our_own_denial_is_not_inspected() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf(ENGINE)
        .conf("ErrorDocument 403 /sorry.html")
        .file("index.html", "fine")
        .file("sorry.html", "an evilanswer, but it is our own")
        .start();
    let response = server.get("/index.html?a=evilmarker");
    assert_eq!(
        (response.status, response.text().as_str()),
        (403, "an evilanswer, but it is our own")
    );
    assert_eq!(response.header("Content-Type"), Some("text/html"));
    let records = server.audit_records(1);
    assert!(
        records[0].contains("HTTP/1.1 403 Forbidden"),
        "{}",
        records[0]
    );
    assert!(
        records[0].contains("GET /index.html?a=evilmarker"),
        "{}",
        records[0]
    );
}

#[test]
fn an_error_document_that_is_missing_leaves_one_answer_and_one_record() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .conf(ENGINE)
        .conf("ErrorDocument 403 /not-there.html")
        .file("index.html", "fine")
        .start();
    let mut client = server.client();
    client.send_request(
        "GET",
        "/index.html?a=evilmarker",
        "Connection: close\r\n",
        b"",
    );
    let answer = String::from_utf8_lossy(&client.rest()).into_owned();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1);
    server.audit_records(1);
}

#[test]
fn directory_indexes_rewrites_and_negotiation_make_one_record() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .modules(&["dir", "rewrite"])
        .conf(ENGINE)
        .conf("DirectoryIndex none.html index.html")
        .conf("<Directory {ROOT}/htdocs>\nRewriteEngine On\nRewriteRule ^pretty$ /index.html [L]")
        .conf("RewriteRule ^ugly$ /bad.html [L]\n</Directory>")
        .file("index.html", "fine")
        .file("bad.html", "an evilanswer")
        .start();
    assert_eq!(server.get("/").text(), "fine");
    assert_eq!(server.get("/pretty").text(), "fine");
    assert_eq!(
        server.get("/ugly").status,
        403,
        "the redirect's response is inspected"
    );
    assert_eq!(server.get("/pretty?a=evilmarker").status, 403);
    assert_eq!(server.get("/missing").status, 404);
    let records = server.audit_records(5);
    let denied = records
        .iter()
        .find(|record| record.contains("Action: Intercepted (phase 4)"));
    assert!(
        denied.is_some_and(|record| record.contains("GET /ugly")),
        "{records:?}"
    );
}

#[test]
fn a_redirected_request_takes_its_body_along() {
    let Some(setup) = Setup::new() else { return };
    let backend = Backend::start();
    let server = setup
        .modules(&["rewrite", "proxy", "proxy_http"])
        .conf(ENGINE)
        .conf(&format!("ProxyPass /b/ http://127.0.0.1:{}/", backend.port))
        .conf("<Directory {ROOT}/htdocs>\nRewriteEngine On\nRewriteRule ^pretty$ /b/target [L]\n</Directory>")
        .start();
    let body = b"field=value&more=".repeat(5000);
    let mut client = server.client();
    client.send_request("POST", "/pretty", "", &body);
    assert_eq!(client.response().text(), body.len().to_string());
    client.send("POST /pretty HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send_chunked(&body, 1000);
    assert_eq!(client.response().text(), body.len().to_string());
    assert!(
        backend
            .requests(2)
            .iter()
            .all(|request| request.body == body)
    );
    server.audit_records(2);
}

#[test]
fn included_pages_are_part_of_one_response() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .modules(&["include", "filter"])
        .conf(ENGINE)
        .conf("<Directory {ROOT}/htdocs>\nOptions +Includes\nAddOutputFilter INCLUDES .shtml\n</Directory>")
        .conf("AddType text/html .shtml")
        .file("page.shtml", "one <!--#include virtual=\"/part.html\" --> three")
        .file("part.html", "two")
        .file("bad.shtml", "one <!--#include virtual=\"/evil.html\" -->")
        .file("evil.html", "an evilanswer")
        .start();
    assert_eq!(server.get("/page.shtml").text(), "one two three");
    assert_eq!(server.get("/bad.shtml").status, 403);
    server.audit_records(2);
}
