//! `palisade run` without a server and the module in a real httpd say the same of the same requests.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};

use palisade::config::Tree;
use palisade::trial::{curl, har};
use serde_json::{Value, json};

use crate::agreement_support::{Answer, address, difference, matched, send, try_out};
use crate::harness::{Backend, Server, Setup, eventually, tool};
use crate::random::Random;

/// Every phase, every kind of variable that the way of a request through httpd changes, sections, and the shipped rules.
const RULES: &str = r#"
Include "{PACKAGE}/apache-conf/recommended.conf"
Include "{PACKAGE}/apache-conf/rules/*.conf"
SecRuleEngine On
SecResponseBodyAccess On
SecResponseBodyMimeType text/html application/x-length
SecRequestBodyLimit 3000
SecRequestBodyNoFilesLimit 2000
SecRule REQUEST_LINE "@rx ^(\S+) (\S*)" "id:1,phase:1,pass,nolog,capture,setvar:tx.method=%{TX.1}"
SecRule REQUEST_URI_RAW "@contains //" "id:2,phase:1,pass,nolog"
SecRule REQUEST_FILENAME "@contains %" "id:3,phase:1,pass,nolog"
SecRule REQUEST_FILENAME "@contains %" "id:4,phase:2,pass,nolog"
SecRule REQUEST_FILENAME "@contains .." "id:5,phase:2,deny,status:406"
SecRule REQUEST_BASENAME "@streq b" "id:6,phase:2,pass,nolog"
SecRule ARGS "@rx attack" "id:7,phase:2,deny,status:403,msg:'attack'"
SecRule ARGS_GET:early "@streq 1" "id:8,phase:1,deny,status:401"
SecRule &REQUEST_HEADERS:Host "@eq 0" "id:9,phase:1,pass,nolog"
SecRule REQUEST_HEADERS:X-A "@rx , " "id:10,phase:1,pass,nolog"
SecRule REQUEST_HEADERS:X-A "@rx ^one$" "id:11,phase:1,pass,nolog"
SecRule REQUEST_HEADERS:Content-Length "@gt 0" "id:12,phase:1,pass,nolog"
SecRule REQUEST_HEADERS:Transfer-Encoding "@rx ." "id:13,phase:1,pass,nolog"
SecRule REQUEST_BODY "@rx ." "id:14,phase:2,pass,nolog"
SecRule REQUEST_PROTOCOL "!@streq HTTP/1.1" "id:15,phase:1,pass,nolog"
SecRule SERVER_NAME "@streq blog.example" "id:16,phase:1,pass,nolog"
SecRule QUERY_STRING "@rx ^$" "id:17,phase:1,pass,nolog"
SecRule REQUEST_METHOD "!@within GET POST HEAD PUT OPTIONS" "id:18,phase:1,deny,status:405"
SecRule RESPONSE_STATUS "@rx ^4" "id:19,phase:3,pass,nolog"
SecRule RESPONSE_STATUS "@streq 200" "id:20,phase:3,pass,nolog"
SecRule RESPONSE_BODY "@rx secret" "id:21,phase:4,deny,status:502"
SecRule ARGS:late "@streq 3" "id:22,phase:3,deny,status:410"
SecRule RESPONSE_STATUS "@rx ." "id:23,phase:5,pass,nolog"
SecRule ARGS:away "@streq 1" "id:24,phase:2,redirect:http://elsewhere.example/"
SecRule ARGS:cut "@streq 1" "id:25,phase:2,drop"
SecRule REQUEST_COOKIES:/^s/ "@rx ^x" "id:26,phase:1,pass,nolog"
SecRule FILES "@rx \.php$" "id:27,phase:2,deny"
SecRule ARGS:first "@streq 1" "id:28,phase:2,chain,deny,status:409"
  SecRule ARGS:second "@streq 2" "t:none"
SecRule ARGS:teapot "@streq 1" "id:29,phase:2,deny,status:418"
SecRule REMOTE_ADDR "@ipMatch 127.0.0.0/8" "id:30,phase:1,pass,nolog"
SecRule ARGS:jump "@streq 1" "id:31,phase:2,pass,nolog,skipAfter:END"
SecAction "id:32,phase:2,pass,nolog"
SecMarker END
<Location /open>
  SecRuleRemoveById 7
</Location>
<LocationMatch "\.(gif|png)$">
  SecRuleEngine DetectionOnly
</LocationMatch>
<Location "/admin/">
  SecAction "id:33,phase:2,deny,status:404"
</Location>
"#;

/// The same without the shipped rules, which count: trials in one process share what is counted in memory, and tests run side by side.
fn without_counters() -> String {
    let lines = RULES.lines();
    let own: Vec<&str> = lines
        .filter(|line| !line.contains("apache-conf/rules"))
        .collect();
    own.join("\n")
}

/// What only somebody sends who is up to something, or a broken program.
const ODD: &[&str] = &[
    "GET / HTTP/1.1\r\n\r\n",
    "GET /\r\n\r\n",
    "POST /\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
    "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
    "GET / http/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1x\r\nHost: a\r\n\r\n",
    "GET / HTTPS/1.1\r\nHost: a\r\n\r\n",
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
    " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "G\u{1}T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\u{1} HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /ä HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET ?x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://blog.example/x?y HTTP/1.1\r\nHost: other\r\n\r\n",
    "GET http://blog.example HTTP/1.1\r\nHost: other\r\n\r\n",
    "GET http://blog.example:99999/ HTTP/1.1\r\nHost: other\r\n\r\n",
    "GET /a#b?c HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /?a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /../b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a/%2e%2e/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /%2e/b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a% HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a%zz%2f HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /%25%32%66 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a//b/./c/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET //b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a/.. HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a/. HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /..a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a;b/../c HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a\\..\\b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a_b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a..b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: .a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a'b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: BLOG.Example\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX-A: one\r\nx-a: two\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX-A: one\r\n two\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX-A:one \t\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX-A : one\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n: one\r\n\r\n",
    "GET / HTTP/1.1\r\n X-A: one\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX(A: one\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX-A: o\u{1}ne\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX-A: ö\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\nX-A: one\n\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\nx",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx=1",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx=1",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nx=1\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nx=1\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nx",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nx=1\r\n0\r\nT: x\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
    "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: miracle\r\n\r\n",
    "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n",
    "get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "FOO / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /?x=attack HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX-A: one",
    "\u{16}\u{3}\u{1}\r\n\r\n",
];

/// Requests made of parts, the same in every run.
fn generated(number: usize) -> Vec<Vec<u8>> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let methods = [
        "GET", "POST", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH",
    ];
    let paths = [
        "/",
        "/a/b",
        "/a%20b",
        "/a//b",
        "/open/x",
        "/open",
        "/openx",
        "/x.gif",
        "/admin/",
        "/admin",
        "/admin/x",
        "/a/./b",
        "/%41/..%2f",
        "/xmlrpc.php",
        "/b%",
        "/html/secret",
        "/html/fine",
    ];
    let queries = [
        "",
        "?",
        "?x=1",
        "?x=attack",
        "?early=1",
        "?late=3",
        "?away=1",
        "?cut=1",
        "?first=1&second=2",
        "?first=1",
        "?teapot=1",
        "?jump=1",
        "?x=%61ttack",
        "?x=1&x=%zz",
        "?a=1;b=2",
    ];
    let headers = [
        "",
        "X-A: one\r\n",
        "X-A: one\r\nX-A: two\r\n",
        "Cookie: s=x1; t=2\r\n",
        "X-Forwarded-For: 198.51.100.7\r\n",
        "User-Agent: WordPress/6.0\r\n",
        "Referer: x\r\n",
    ];
    let bodies: [(&str, String); 12] = [
        ("application/x-www-form-urlencoded", "x=1&y=2".into()),
        ("application/x-www-form-urlencoded", "x=attack".into()),
        ("application/x-www-form-urlencoded", "x=%zz".into()),
        ("text/plain", "hello".into()),
        ("application/json", r#"{"x": "attack"}"#.into()),
        ("application/json", r#"{"x": "#.into()),
        ("text/xml", "<a><b>attack</b></a>".into()),
        ("text/xml", "<a><b>".into()),
        ("text/xml", "<?xml version=\"1.0\"?><methodCall><methodName>pingback.ping</methodName><params><param><value><string>http://spam.example/</string></value></param><param><value><string>http://blog.example/post</string></value></param></params></methodCall>".into()),
        ("multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"x\"; filename=\"a.php\"\r\n\r\nhi\r\n--B--\r\n".into()),
        ("multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=x\r\n\r\nattack\r\n".into()),
        ("text/plain", "y".repeat(3500)),
    ];
    (0..number)
        .map(|_| {
            let pick = |random: &mut Random, list: &[&str]| list[random.below(list.len())].to_owned();
            let method = pick(&mut random, &methods);
            let path = pick(&mut random, &paths);
            let query = pick(&mut random, &queries);
            let header = pick(&mut random, &headers);
            let mut request =
                format!("{method} {path}{query} HTTP/1.1\r\nHost: blog.example\r\n{header}");
            if matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
                let (kind, body) = &bodies[random.below(bodies.len())];
                let length = body.len();
                match random.below(3) {
                    0 => request.push_str(&format!(
                        "Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
                    )),
                    _ => request.push_str(&format!(
                        "Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
                    )),
                }
            } else {
                request.push_str("\r\n");
            }
            request.into_bytes()
        })
        .collect()
}

/// What the backend answers, as a trial is told it.
fn response(request: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(request).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default();
    let (kind, body) = match path.strip_prefix("/html/") {
        Some(text) => ("text/html", text.to_owned()),
        None => ("application/x-length", "0".to_owned()),
    };
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[test]
fn run_and_httpd_agree_on_five_hundred_requests() {
    let refused = compare(RULES);
    assert!(
        refused.is_none_or(|refused| (50..450).contains(&refused)),
        "{refused:?} are refused"
    );
}

/// Scores of the Core Rule Set up to here are compared.
const SCORES: u32 = 120;

#[test]
fn they_agree_with_the_core_rule_set() {
    let crs = crate::material::crs();
    if !crs.join("rules").is_dir() {
        eprintln!(
            "SKIPPED: no Core Rule Set at {} (set CRS_DIR)",
            crs.display()
        );
        return;
    }
    let crs = crs.canonicalize().expect("its path").display().to_string();
    // A rule for each score: the same rules match where the scores are the same.
    let scores: String = (1..=SCORES)
        .map(|score| {
            let id = 5000 + score;
            format!(
                "SecRule TX:BLOCKING_INBOUND_ANOMALY_SCORE \"@eq {score}\" \"id:{id},phase:5,pass,nolog\"\n"
            )
        })
        .collect();
    let rules = format!(
        // 905100 and 905110 take httpd's own requests out of the audit log, by which this compares.
        "{}\nInclude \"{crs}/crs-setup.conf.example\"\nInclude \"{crs}/rules/*.conf\"\nSecRuleRemoveById 905100 905110\n{scores}",
        without_counters()
    );
    let refused = compare(&rules);
    assert!(
        refused.is_none_or(|refused| refused > 50),
        "{refused:?} are refused"
    );
}

/// An httpd under rules before a backend, and the same rules for trials.
struct Pair {
    server: Server,
    tree: Tree,
    _backend: Backend,
}

impl Pair {
    /// `None` where there is no httpd.
    fn start(rules: &str) -> Option<Pair> {
        let setup = Setup::new()?;
        let backend = Backend::start();
        let rules = rules.replace("{PACKAGE}", env!("CARGO_MANIFEST_DIR"));
        let file = setup.root().join("rules.conf");
        std::fs::write(&file, &rules).unwrap();
        let server = setup
            .modules(&["proxy", "proxy_http"])
            .conf(&format!("ProxyPass / http://127.0.0.1:{}/ nocanon", backend.port))
            .conf("Include {ROOT}/rules.conf")
            .conf("SecAuditEngine On\nSecAuditLog audit.log\nSecAuditLogFormat JSON\nSecAuditLogParts ABHKZ")
            .start();
        let (tree, errors) = Tree::read(&[file], &[], None);
        assert!(errors.is_empty(), "{errors:#?}");
        Some(Pair {
            server,
            tree,
            _backend: backend,
        })
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.server.port()))
    }

    /// Holds answers of httpd against trials of what was tried in their place; how many were refused.
    fn compare(&self, answers: &[Answer], tried: &[Vec<u8>]) -> usize {
        assert_eq!(answers.len(), tried.len());
        // The last records follow their answers.
        let records = || self.server.read("audit.log").lines().count();
        assert!(eventually(|| records() >= answers.len()));
        let matched = matched(&self.server.root().join("audit.log"));
        let mut refused = 0;
        let mut differences = Vec::new();
        for (request, answer) in tried.iter().zip(answers) {
            let client = answer.client.expect("an address");
            let ends = (client, self.address());
            let outcome = try_out(
                &self.tree,
                "www.example.test",
                ends,
                request,
                &response(request),
            );
            refused += usize::from(outcome.decision.is_refused());
            if let Some(difference) = difference(answer, matched.get(&client), &outcome) {
                let request: String = String::from_utf8_lossy(request).chars().take(300).collect();
                differences.push(format!("{request:?}\n    {difference}"));
            }
        }
        assert!(
            differences.is_empty(),
            "{} of {} differ:\n{}",
            differences.len(),
            tried.len(),
            differences.join("\n")
        );
        refused
    }
}

/// Sends every request to httpd and through a trial; how many were refused. `None` where there is no httpd.
fn compare(rules: &str) -> Option<usize> {
    let pair = Pair::start(rules)?;
    let odd = ODD.iter().map(|text| text.as_bytes().to_vec());
    let requests: Vec<Vec<u8>> = odd.chain(generated(420)).collect();
    assert!(requests.len() >= 500);
    let sent = requests.iter().enumerate();
    let answers: Vec<_> = sent
        .map(|(number, request)| send(address(number), pair.address(), request))
        .collect();
    Some(pair.compare(&answers, &requests))
}

/// A request as a browser saves it; none for one that a browser would not send.
fn saved(request: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(request).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let field = |name: &str| {
        headers
            .iter()
            .find(|(found, _)| *found == name)
            .map(|(_, value)| *value)
    };
    if field("Transfer-Encoding").is_some() {
        return None;
    }
    let listed: Vec<Value> = headers
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let mut saved = json!({
        "method": method,
        "url": format!("http://{}{target}", field("Host")?),
        "httpVersion": "HTTP/1.1",
        "headers": listed,
    });
    if let Some(kind) = field("Content-Type") {
        saved["postData"] = json!({"mimeType": kind, "text": body});
    }
    Some(saved)
}

#[test]
fn what_a_browser_has_saved_is_the_request_that_it_sent() {
    let Some(pair) = Pair::start(&without_counters()) else {
        return;
    };
    let requests = generated(400);
    let (sent, entries): (Vec<&Vec<u8>>, Vec<Value>) = requests
        .iter()
        .filter_map(|request| Some((request, json!({"request": saved(request)?}))))
        .unzip();
    assert!(sent.len() > 200, "{}", sent.len());
    let file = json!({"log": {"version": "1.2", "entries": entries}}).to_string();
    let read = har::read(&file).expect("a HAR file").into_iter();
    let tried: Vec<Vec<u8>> = read.map(|exchange| exchange.request).collect();
    let sent = sent.into_iter().enumerate();
    let answers: Vec<_> = sent
        .map(|(number, request)| send(address(number), pair.address(), request))
        .collect();
    assert!(pair.compare(&answers, &tried) > 50);
}

/// Command lines as people paste them; the address of the server comes in the place of HOST.
const PASTED: &[&str] = &[
    "curl HOST/",
    "curl 'HOST/?x=attack'",
    "curl 'HOST/?x=%61ttack&y=1' --compressed",
    "curl -I 'HOST/?x=attack'",
    "curl -G HOST/ -d x=attack -d y=2",
    "curl -G HOST/ --data-urlencode 'x=att ack' --data-urlencode 'y=ä&b'",
    "curl HOST/ -d x=attack",
    "curl HOST/ -d x=1 -d y=attack",
    "curl -X PUT HOST/ -d x=1",
    "curl -X DELETE HOST/a",
    "curl --request FOO HOST/a",
    "curl HOST/ --data-raw $'x=1\\n2' -H 'Content-Type: text/plain'",
    "curl HOST/ -H 'Content-Type: application/json' -d '{\"x\": \"attack\"}'",
    "curl HOST/ --json '{\"x\": '",
    "curl HOST/ -H 'Content-Type: text/xml' --data-binary '<a><b>attack</b>'",
    "curl HOST/ -F x=1 -F y=attack",
    "curl HOST/ -F 'x=<FILE' -F 'y=attack;type=text/plain'",
    "curl HOST/ -F 'x=@FILE;filename=a.php'",
    "curl HOST/ -F 'x=@FILE'",
    "curl HOST/ -H 'X-A: one' -H 'X-A: two'",
    "curl HOST/ -H 'Host: blog.example' -H 'Accept:'",
    "curl HOST/ -b 's=x1; t=2' -A me -e http://elsewhere.example/",
    "curl HOST/ -u someone:secret",
    "curl --http1.0 HOST/",
    "curl 'HOST/a/../../etc/./passwd'",
    "curl --path-as-is 'HOST/a/../../etc/./passwd'",
    "curl 'HOST/a%2fb//c'",
    "curl 'HOST?x=attack#y'",
    "curl 'HOST/?early=1' -sS -k",
    "curl 'HOST/?away=1'",
    "curl 'HOST/?cut=1'",
    "curl HOST/xmlrpc.php -H 'Content-Type: text/xml' -d '<methodCall><methodName>pingback.ping<methodName></methodCall>'",
];

/// The real curl's answer to a command line.
fn pasted(line: &str, client: Ipv4Addr) -> Answer {
    let output = Command::new("bash")
        .arg("-c")
        .arg(format!(
            "{line} -s -o /dev/null -w '%{{http_code}}' --interface {client} --max-time 20"
        ))
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    let said = String::from_utf8_lossy(&output.stdout);
    Answer {
        client: Some(client),
        status: said
            .parse()
            .unwrap_or_else(|_| panic!("{line}: {output:?}")),
    }
}

#[test]
fn a_command_line_of_curls_is_the_request_that_curl_sends() {
    if !tool("curl") {
        return;
    }
    let Some(pair) = Pair::start(&without_counters()) else {
        return;
    };
    let file = pair.server.root().join("up.txt");
    std::fs::write(&file, "attack?\n").unwrap();
    let lines: Vec<String> = PASTED
        .iter()
        .map(|line| {
            line.replace("HOST", &pair.address().to_string())
                .replace("FILE", &file.display().to_string())
        })
        .collect();
    let answers: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(number, line)| pasted(line, address(number)))
        .collect();
    let tried: Vec<Vec<u8>> = lines
        .iter()
        .map(|line| {
            curl::read(line, Path::new("/")).unwrap_or_else(|error| panic!("{line}: {error}"))
        })
        .collect();
    let refused = pair.compare(&answers, &tried);
    assert!(
        (10..PASTED.len()).contains(&refused),
        "{refused} are refused"
    );
}
