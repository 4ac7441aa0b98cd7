//! The same rules and requests through mod_security2 and through Palisade: both audit logs are read by one reader, which knows
//! only the documented format, and compared field by field.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{files, open_directory};
use crate::audit_parser::{self as parser, Read};
use crate::harness::{Server, Setup, eventually, httpd, missing, module, modules_directory};

const RULES: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecResponseBodyMimeType text/html
SecAuditEngine On
SecAuditLogParts ABCEFHIJKZ
SecAuditLogRelevantStatus "^(?:5|4(?!04))"
SecComponentSignature "local/2"
SecWebAppId blog
SecSensorId edge-1
SecDataDir data
FileETag None
SecAction "id:900,phase:1,nolog,pass,setuid:jane"
SecRule ARGS "@contains select" "id:100,phase:2,pass,log,auditlog,chain,msg:'SQL words',logdata:'%{MATCHED_VAR}',severity:CRITICAL,ver:'Ex/1',rev:'2',tag:'a',tag:'b',maturity:9,accuracy:8"
SecRule REQUEST_METHOD "@streq POST" "t:none"
SecRule ARGS:pw "@rx ." "id:101,phase:2,pass,nolog,auditlog,sanitiseArg:pw"
SecRule REQUEST_HEADERS:Authorization "@rx ." "id:102,phase:1,pass,nolog,sanitiseRequestHeader:Authorization"
SecRule ARGS:a "@streq evil" "id:103,phase:2,deny,status:403,log,msg:'refused'"
SecRule ARGS:a "@streq move" "id:104,phase:2,redirect:http://www.example.test/,log"
SecRule ARGS:a "@streq quiet" "id:105,phase:2,deny,status:406,nolog,noauditlog"
SecRule ARGS:a "@streq late" "id:106,phase:4,deny,status:403,log"
"#;

/// Method, target, headers, body.
type Request = (&'static str, &'static str, &'static str, &'static [u8]);

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

const REQUESTS: &[Request] = &[
    ("GET", "/index.html", "", b""),
    ("GET", "/index.html?a=evil", "User-Agent: curl/7.88.1\r\nAccept: */*\r\n", b""),
    ("GET", "/not-there", "Referer: http://www.example.test/x\r\n", b""),
    ("GET", "/index.html?pw=hunter2&x=1", "Authorization: Basic YWJj\r\nCookie: a=b; c=d\r\n", b""),
    ("POST", "/index.html", FORM, b"q=select&pw=hunter2&a=x"),
    ("POST", "/index.html", FORM, b"a=evil&q=select+it"),
    ("GET", "/index.html?a=move", "", b""),
    ("GET", "/index.html?a=quiet", "", b""),
    ("GET", "/index.html?a=late", "", b""),
    (
        "POST",
        "/index.html",
        "Content-Type: multipart/form-data; boundary=xx\r\n",
        b"--xx\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nselect\r\n--xx\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--xx--\r\n",
    ),
    ("POST", "/index.html", "Content-Type: text/plain\r\n", b"just text"),
];

fn reference() -> Option<PathBuf> {
    let path = modules_directory().join("mod_security2.so");
    if path.is_file() {
        return Some(path);
    }
    missing("mod_security2 to compare with");
    None
}

/// Both servers, ours first, after all requests.
fn both(conf: &str) -> Option<[Server; 2]> {
    let (httpd, ours, theirs) = (httpd()?, module()?, reference()?);
    Some([ours, theirs].map(|module| {
        let setup = Setup::with(httpd.clone(), module)
            .conf(RULES)
            .conf(conf)
            .file("index.html", "<html>a page</html>\n");
        open_directory(&setup, "store");
        open_directory(&setup, "data");
        let server = setup.start();
        for (number, (method, target, headers, body)) in (1..).zip(REQUESTS) {
            let mut client = server.client();
            client.send_request(
                method,
                target,
                &format!("{headers}Connection: close\r\n"),
                body,
            );
            client.response_to(method);
            // One after the other, so that the records are in the order of the requests.
            assert!(eventually(
                || server.read("access.log").lines().count() == number
            ));
        }
        server
    }))
}

/// What differs from one run to the next, made equal: where httpd's files lie, and its port.
fn settled(text: &str, server: &Server) -> String {
    text.replace(&server.root().display().to_string(), "ROOT")
        .replace(&format!(":{}", server.port()), ":1")
}

/// The lines of a part, by label where they have one.
fn labelled(part: &str) -> Vec<(String, String)> {
    let lines = part.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| match line.split_once(": ") {
            Some((label, text)) => (label.to_owned(), text.to_owned()),
            None => (line.to_owned(), String::new()),
        })
        .collect()
}

/// Part H without what is ours, and without what is different every time.
fn trailer(part: &str) -> Vec<(String, String)> {
    let ours = ["Client-Address"];
    let lines = labelled(part).into_iter();
    lines
        .filter(|(label, _)| !ours.contains(&label.as_str()))
        .map(|(label, text)| match label.as_str() {
            "Stopwatch" => (label, shape(&text)),
            "Stopwatch2" => (label, shape(&text)),
            // Who says it differs, and the file and line in which it was said.
            "Producer" => (
                label,
                text.split_once(';').map_or("", |(_, rest)| rest).to_owned(),
            ),
            "Apache-Error" => (label, about(&text)),
            _ => (label, text),
        })
        .collect()
}

/// A text with every number as `0`.
fn shape(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '0'..='9' if out.ends_with('0') => {}
            '0'..='9' => out.push('0'),
            other => out.push(other),
        }
    }
    out
}

/// An entry of the error log from the words that are the same: whatever stands behind `ModSecurity: `, without the number.
fn about(text: &str) -> String {
    let said = text
        .split_once("ModSecurity: ")
        .map_or(text, |(_, said)| said);
    said.split(" [unique_id ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// A rule refuses it. Our record is written before the refusal leaves, so that it knows nothing yet of the answer's body
/// and of what httpd adds to its headers: there is no part E, and no byte was sent.
fn is_refused((_, target, _, body): &Request) -> bool {
    let refused = ["a=evil", "a=move", "a=quiet", "a=late"];
    let body = String::from_utf8_lossy(body);
    refused
        .iter()
        .any(|word| target.contains(word) || body.contains(word))
}

fn compare_native(ours: &Read, theirs: &Read, request: &Request) {
    let expected = match is_refused(request) {
        true => theirs.order.replace('E', ""),
        false => theirs.order.clone(),
    };
    assert_eq!(
        ours.order
            .replace(if is_refused(request) { "E" } else { "" }, ""),
        expected,
        "{request:?}"
    );
    for (letter, part) in theirs
        .parts
        .iter()
        .filter(|(letter, _)| expected.contains(**letter))
    {
        let (one, other) = (ours.parts[letter].as_str(), part.as_str());
        match letter {
            'A' => {
                let fields =
                    |part: &str| -> Vec<String> { part.split(' ').map(str::to_owned).collect() };
                let (one, other) = (fields(one), fields(other));
                assert_eq!(one.len(), 7);
                assert_eq!(shape(&one[0]), shape(&other[0]), "the time's form");
                assert_eq!(one[1], other[1], "the zone");
                assert_eq!(one[2].len(), other[2].len(), "the unique id");
                assert_eq!((&one[3], &one[5]), (&other[3], &other[5]), "the addresses");
            }
            'H' => {
                let lines = |part| {
                    let mut lines = trailer(part);
                    // What became of a body that is not sent.
                    let sent = |label: &str| label != "Response-Body-Transformed";
                    lines.retain(|(label, _)| !is_refused(request) || sent(label));
                    lines
                };
                assert_eq!(lines(one), lines(other), "{request:?}");
            }
            'B' | 'F' => {
                let later = is_refused(request) && *letter == 'F';
                assert_eq!(
                    headers(one, later),
                    headers(other, later),
                    "part {letter} of {request:?}"
                );
            }
            // It never says what type a file is said to be.
            'J' => {
                let said = |part: &str| part.replace("text/plain", "<Unknown ContentType>");
                assert_eq!(said(one), said(other), "part J of {request:?}");
            }
            _ => assert_eq!(one, other, "part {letter} of {request:?}"),
        }
    }
}

/// The first line, and the headers in the order of their names: httpd keeps some of its own in another table.
fn headers(part: &str, later: bool) -> (String, Vec<(String, String)>) {
    let (line, rest) = part.split_once('\n').unwrap_or((part, ""));
    let mut headers = labelled(rest);
    headers.retain(|(name, _)| !["Date", "Last-Modified"].contains(&name.as_str()));
    if later {
        headers.retain(|(name, _)| !["Connection", "Content-Length"].contains(&name.as_str()));
    }
    headers.sort();
    (line.to_owned(), headers)
}

#[test]
fn serial_native() {
    let Some(servers) = both("SecAuditLog audit.log") else {
        return;
    };
    let [ours, theirs] = servers
        .each_ref()
        .map(|server| parser::read(&settled(&server.read("audit.log"), server)));
    assert_eq!(ours.len(), REQUESTS.len());
    assert_eq!(theirs.len(), REQUESTS.len());
    for ((ours, theirs), request) in ours.iter().zip(&theirs).zip(REQUESTS) {
        compare_native(ours, theirs, request);
    }
}

/// What may differ in a JSON record, by the path to it.
fn volatile(path: &str) -> bool {
    let each_time = [
        "/transaction/time",
        "/response/headers/Last-Modified",
        "/response/headers/Date",
        "/transaction/transaction_id",
        "/transaction/remote_port",
        "/audit_data/stopwatch",
        "/audit_data/producer",
        "/audit_data/error_messages",
    ];
    each_time.iter().any(|volatile| path.starts_with(volatile))
}

/// Every value by its path.
fn flatten(path: String, value: &Value, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| flatten(format!("{path}/{name}"), value, out)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(at, value)| flatten(format!("{path}/{at}"), value, out)),
        other => {
            out.insert(path, other.to_string());
        }
    }
}

fn compare_json(ours: &str, theirs: &str, request: &Request) {
    let flat = |text: &str| {
        let value: Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let mut out = BTreeMap::new();
        flatten(String::new(), &value, &mut out);
        out
    };
    let (ours, theirs) = (flat(ours), flat(theirs));
    for (path, value) in &theirs {
        let later = [
            "/audit_data/response_body",
            "/response/body",
            "/response/headers/Connection",
            "/response/headers/Content-Length",
        ];
        // It never says what type a file is said to be.
        if path.starts_with("/uploads/info/") && value.contains("Unknown Content-Type") {
            continue;
        }
        if is_refused(request) && later.iter().any(|later| path.starts_with(later)) {
            continue;
        }
        if volatile(path) {
            let present = ours
                .keys()
                .any(|have| volatile(have) && have.split('/').nth(2) == path.split('/').nth(2));
            assert!(present, "{path} of {request:?}");
            continue;
        }
        // It masks a header with one `*` more than the value has bytes, in JSON only.
        let masked = |value: &str| value.trim_matches('"').chars().all(|c| c == '*');
        match ours.get(path) {
            Some(have) if masked(have) && masked(value) => {}
            have => assert_eq!(
                have,
                Some(value),
                "{path} of {request:?}\n{ours:#?}\n{theirs:#?}"
            ),
        }
    }
    let additions = [
        "/transaction/client_",
        "/transaction/peer_",
        "/matched_rules/",
    ];
    for path in ours
        .keys()
        .filter(|path| !theirs.contains_key(*path) && !volatile(path))
    {
        let known = additions.iter().any(|addition| path.starts_with(addition));
        let of_rule = !path.starts_with("/matched_rules/")
            || path.ends_with("/actionset/msg")
            || path.ends_with("/actionset/logdata");
        assert!(known && of_rule, "{path} of {request:?} is ours alone");
    }
}

#[test]
fn serial_json() {
    let Some(servers) = both("SecAuditLog audit.log\nSecAuditLogFormat JSON") else {
        return;
    };
    let [ours, theirs] = servers
        .each_ref()
        .map(|server| settled(&server.read("audit.log"), server));
    assert_eq!(ours.lines().count(), REQUESTS.len());
    assert_eq!(theirs.lines().count(), REQUESTS.len());
    for ((ours, theirs), request) in ours.lines().zip(theirs.lines()).zip(REQUESTS) {
        compare_json(ours, theirs, request);
    }
}

/// The words of an index line that are the same for both, and the file.
fn index_words(line: &str) -> (Vec<String>, PathBuf) {
    let pattern = regex::Regex::new(
        r#"^(\S+) (\S+) (\S+) (\S+) \[([^\]]+)\] "(.*)" (\d+) (\S+) "(.*)" "(.*)" (\S+) "(.*)" /?(\S+) (\d+) (\d+) (\S+)(.*)$"#,
    );
    let found = pattern
        .unwrap()
        .captures(line)
        .unwrap_or_else(|| panic!("{line}"));
    let mut words: Vec<String> = found
        .iter()
        .skip(1)
        .map(|word| word.unwrap().as_str().to_owned())
        .collect();
    let place = PathBuf::from(&words[12]);
    words[4] = shape(&words[4]);
    words[10] = words[10].len().to_string();
    // The directories and the form of the name; the length of the file and its hash are the record's own.
    let name = Path::new(&words[12]).file_name().unwrap().to_str().unwrap();
    words[12] = format!(
        "{}/{}",
        place.iter().next().unwrap().to_str().unwrap(),
        shape(&name[..15])
    );
    words[14].clear();
    words[15].truncate(4);
    (words, place)
}

#[test]
fn concurrent_native_and_json() {
    for format in ["Native", "JSON"] {
        let conf = format!(
            "SecAuditLogType Concurrent\nSecAuditLog index.log\nSecAuditLogStorageDir {{ROOT}}/store\nSecAuditLogFormat {format}"
        );
        let Some(servers) = both(&conf) else { return };
        let [ours, theirs] = servers
            .each_ref()
            .map(|server| -> Vec<(Vec<String>, String)> {
                let index = server.read("index.log");
                let records = index.lines().map(|line| {
                    let (words, place) = index_words(line);
                    let record = server.read(&format!("store/{}", place.display()));
                    assert!(!record.is_empty(), "{}", place.display());
                    (words, settled(&record, server))
                });
                records.collect()
            });
        assert_eq!(ours.len(), REQUESTS.len(), "{format}");
        assert_eq!(theirs.len(), REQUESTS.len(), "{format}");
        for server in &servers {
            assert_eq!(files(&server.root().join("store")).len(), REQUESTS.len());
        }
        for ((ours, theirs), request) in ours.iter().zip(&theirs).zip(REQUESTS) {
            let mut index = theirs.0.clone();
            if is_refused(request) {
                index[7].clone_from(&ours.0[7]);
            }
            assert_eq!(ours.0, index, "the index about {request:?}");
            match format {
                "JSON" => compare_json(&ours.1, &theirs.1, request),
                _ => compare_native(
                    &parser::read(&ours.1)[0],
                    &parser::read(&theirs.1)[0],
                    request,
                ),
            }
        }
    }
}
