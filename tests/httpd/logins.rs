//! Logins in a real httpd: stub applications answer as the real ones do, and each login is in the log once, with the right verdict,
//! user and client.

use std::os::unix::net::UnixDatagram;

use self::table::{RIGHT, TABLE, WRONG, expected};
use crate::harness::{Mpm, PATIENCE, Server, Setup, eventually};

mod table;

/// Applications in one: the password is `secret`.
const STUB: &str = r#"#!/bin/sh
body=$(if [ -n "$HTTP_TRANSFER_ENCODING" ]; then cat; else head -c "${CONTENT_LENGTH:-0}"; fi)
good=no
case "$body $HTTP_AUTHORIZATION $HTTP_X_KNOWN_SIGNATURE" in *secret*|*OnNlY3JldA*) good=yes ;; esac
answer() {
    status=$1; shift
    printf 'Status: %s x\r\nContent-Type: text/html\r\nX-Length: %s\r\n' "$status" "${#body}"
    for header in "$@"; do printf '%s\r\n' "$header"; done
    printf '\r\n'
}
fault='<struct><member><name>faultCode</name><value><int>403</int></value></member></struct>'
case "$good $REQUEST_URI" in
"yes /known/session/login") answer 302 'Location: http://x/session/login/?fwd=Lw==' 'Set-Cookie: known=new' ;;
"no /known/session/login") answer 302 'Location: http://x/session/login/?fwd=Lw==' ;;
"yes /known/"*) answer 200 ;;
"no /known/"*) answer 403 ;;
"yes /wp/wp-login.php") answer 302 'Location: http://x/wp-admin/' 'Set-Cookie: wordpress_logged_in_1=a%7C1; path=/' ;;
"no /wp/wp-login.php") answer 200 'Set-Cookie: wordpress_test_cookie=1'; echo '<div id="login_error">' ;;
"no /wp/wp-login.php?action=logout") answer 302 'Location: http://x/' 'Set-Cookie: wordpress_logged_in_1=+; Max-Age=0' ;;
*" /wp/xmlrpc.php")
    answer 200
    case "$body" in
    *system.multicall*) echo "<methodResponse><params><param><value><array><data><value>$fault</value><value>$fault</value></data></array></value></param></params></methodResponse>" ;;
    *secret*) echo '<methodResponse><params><param><value>x</value></param></params></methodResponse>' ;;
    *) echo "<methodResponse><fault><value>$fault</value></fault></methodResponse>" ;;
    esac ;;
"yes /wp/wp-json/"*) answer 200; echo '{}' ;;
"no /wp/wp-json/"*) answer 401; echo '{"code":"invalid_username"}' ;;
"yes /elgg/action/login") answer 302 'Location: http://x/' 'Set-Cookie: Elgg=new' ;;
"no /elgg/action/login") answer 302 'Location: http://x/login' ;;
"yes /nc/login") answer 303 'Location: http://x/apps/files/' 'Set-Cookie: nc_token=1' ;;
"no /nc/login") answer 303 'Location: http://x/login?user=b&direct=1' ;;
"yes /nc/"*) answer 207 ;;
"no /nc/"*) answer 401 'WWW-Authenticate: Basic realm="x"' ;;
"yes /drupal/user/login") answer 303 'Location: http://x/user/1?check_logged_in=1' 'Set-Cookie: SESS1=x' ;;
"no /drupal/user/login") answer 200 ;;
"yes /pma/index.php") answer 302 'Location: http://x/' 'Set-Cookie: pmaAuth-1=x' ;;
"no /pma/index.php") answer 200 ;;
"yes /shop/in") answer 200; echo welcome ;;
"no /shop/in") answer 200; echo 'wrong password' ;;
*" /own/"*) answer 200 "X-Auth-Event: $QUERY_STRING; user=\"o wn\"" ;;
*" /wp/wp-login.php?via")
    if [ -n "$REDIRECT_STATUS" ]; then answer 200; else printf 'Location: /elsewhere\r\n\r\n'; fi ;;
*) answer 404 ;;
esac
"#;

const SECTIONS: &str = r#"
ScriptAliasMatch ^/(?!plain|users|included) {ROOT}/htdocs/stub.sh
<Location />
  CGIPassAuth On
</Location>
<Directory {ROOT}/htdocs>
  Options +ExecCGI +Includes
</Directory>
SecClientAddress header
SecTrustedProxy 127.0.0.1
SecLoginAuditLog logins.log
<Location /known>
  SecLoginAudit known
</Location>
<Location /wp>
  SecLoginAudit wordpress
</Location>
<Location /elgg>
  SecLoginAudit elgg
</Location>
<Location /nc>
  SecLoginAudit nextcloud
</Location>
<Location /drupal>
  SecLoginAudit drupal
</Location>
<Location /pma>
  SecLoginAudit phpmyadmin
</Location>
<Location /shop>
  SecLoginAudit generic name=shop ident=shop path=/in$ user=mail success=body:welcome failure=body:~wrong.password
</Location>
<Location /own>
  SecLoginAudit cooperative ident=own
</Location>
"#;

fn setup(mpm: Mpm, engine: &str) -> Option<Setup> {
    let cgi = if mpm == Mpm::Prefork { "cgi" } else { "cgid" };
    let setup = Setup::new()?
        .mpm(mpm)
        .modules(&["alias", "setenvif", "env", cgi])
        .conf(if mpm == Mpm::Prefork {
            ""
        } else {
            "ScriptSock {ROOT}/cgisock"
        })
        .conf(SECTIONS)
        .conf(engine)
        .program("stub.sh", STUB);
    Some(setup)
}

/// The lines of the log from the application's name on, without the process: `idno(www.example.test): TEXT`.
fn lines(server: &Server, expected: usize) -> Vec<String> {
    let lines = || -> Vec<String> {
        let log = server.read("logins.log");
        log.lines().map(shortened).collect()
    };
    eventually(|| lines().len() >= expected);
    lines()
}

fn shortened(line: &str) -> String {
    let mut words = line.splitn(4, ' ');
    let (time, host) = (words.next().unwrap(), words.next().unwrap());
    assert!(time.starts_with("20") && !host.is_empty(), "{line}");
    let tag = words.next().unwrap();
    let (name, process) = tag.split_once('[').unwrap();
    let process = process.strip_suffix("]:").unwrap();
    assert!(process.parse::<u32>().is_ok(), "{line}");
    format!("{name}: {}", words.next().unwrap())
}

#[test]
fn each_login_is_seen_once() {
    let off = "SecRuleEngine Off";
    let on =
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\nSecPingbackEngine On";
    for (mpm, engine) in [(Mpm::Event, off), (Mpm::Event, on), (Mpm::Prefork, on)] {
        let Some(setup) = setup(mpm, engine) else {
            return;
        };
        let server = setup.start();
        let mut client = server.client();
        for (request, headers, body, _) in TABLE {
            let (method, target) = request.split_once(' ').unwrap();
            let form = match headers.contains("Content-Type") || body.is_empty() {
                true => "",
                false => "Content-Type: application/x-www-form-urlencoded\r\n",
            };
            let headers = format!("X-Forwarded-For: 192.0.2.66, 2001:db8::66\r\n{form}{headers}");
            client.send_request(method, target, &headers, body.as_bytes());
            let response = client.response();
            assert!(response.status > 0, "{request} {body}");
            assert_eq!(response.header("X-Auth-Event"), None, "{request}");
            // A program that is redirected to gets no body.
            let length = response.header("X-Length");
            if let Some(length) = length.filter(|_| !request.ends_with("?via")) {
                assert_eq!(
                    length,
                    body.len().to_string(),
                    "{request}: the application got it all"
                );
            }
        }
        let expected = expected(TABLE, "2001:db8::66");
        assert_eq!(lines(&server, expected.len()), expected, "{mpm:?} {engine}");
        assert!(!server.read("logins.log").contains("secret"));
    }
}

#[test]
fn a_login_is_in_the_log_before_the_client_hears_of_it() {
    let Some(setup) = setup(Mpm::Event, "") else {
        return;
    };
    let server = setup.start();
    for number in 1..=20 {
        server.post("/wp/wp-login.php", b"log=admin&pwd=x");
        assert_eq!(server.read("logins.log").lines().count(), number);
    }
}

#[test]
fn who_cannot_be_blamed_is_not_named() {
    let Some(setup) = setup(Mpm::Event, "") else {
        return;
    };
    let server = setup.conf("ErrorDocument 404 /plain/none").start();
    let post = |header: &str, user: &str| {
        let headers = format!("{header}Content-Type: application/x-www-form-urlencoded\r\n");
        let body = format!("log={user}&pwd=x");
        server.request("POST", "/wp/wp-login.php", &headers, body.as_bytes());
    };
    post("", "a");
    post("X-Forwarded-For: 203.0.113.9, unknown\r\n", "b");
    post("X-Forwarded-For: 127.0.0.1\r\n", "c");
    post("", "x+from+203.0.113.9");
    post(
        "X-Forwarded-For: 203.0.113.9, 198.51.100.7\r\n",
        "d%0d%0aAuthentication failure for e from 203.0.113.9%1b%c3",
    );
    let found = lines(&server, 5);
    let unattributed = |name: &str| {
        format!(
            "wordpress(www.example.test): Unattributed login failure: user {name}, peer 127.0.0.1 (no ban)"
        )
    };
    assert_eq!(
        found[..4],
        ["a", "b", "c", "x\\x20from\\x20203.0.113.9"].map(unattributed)
    );
    assert_eq!(
        found[4],
        "wordpress(www.example.test): Authentication failure for d\\x0d\\x0aAuthentication failure for e from 203.0.113.9\\x1b\\xc3 from 198.51.100.7"
    );
}

#[test]
fn httpds_own_passwords_are_audited_too() {
    const USERS: &str = r#"
Alias /users {ROOT}/htdocs/users
<Location /users>
  AuthType Basic
  AuthName users
  AuthUserFile {ROOT}/htdocs/passwords
  Require user bob
  SecLoginAudit basic
</Location>
ErrorDocument 401 /plain/login.html
"#;
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = setup(mpm, "") else { return };
        let server = setup
            .modules(&["auth_basic", "authn_core", "authn_file", "authz_user"])
            .conf(USERS)
            .file(
                "passwords",
                "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nada:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n",
            )
            .file("users/page.html", "fine")
            .file("plain/login.html", "who are you?")
            .start();
        let ask = |header: &str| {
            let headers = format!("X-Forwarded-For: 198.51.100.7\r\n{header}");
            server
                .request("GET", "/users/page.html", &headers, b"")
                .status
        };
        assert_eq!(ask(""), 401, "a challenge is no failure");
        assert_eq!(ask(WRONG), 401);
        assert_eq!(ask(RIGHT), 200);
        assert_eq!(ask(RIGHT), 200, "the same login goes on");
        assert_eq!(ask("Authorization: Basic bm9ib2R5Ong=\r\n"), 401);
        let line = |text: &str| format!("httpd(www.example.test): {text} from 198.51.100.7");
        let expected = [
            "Authentication failure for bob",
            "Accepted login for bob",
            "Authentication failure for nobody",
        ];
        assert_eq!(lines(&server, 3), expected.map(line), "{mpm:?}");
    }
}

#[test]
fn whatever_is_refused_here_was_no_login() {
    let rules = "SecRuleEngine On\nSecRequestBodyAccess On\nSecRule ARGS:pwd \"@streq evil\" \"id:1,phase:2,deny,status:403\"";
    let Some(setup) = setup(Mpm::Event, rules) else {
        return;
    };
    let server = setup.start();
    assert_eq!(
        server.post("/wp/wp-login.php", b"log=a&pwd=evil").status,
        403
    );
    assert_eq!(server.post("/wp/wp-login.php", b"log=a&pwd=x").status, 200);
    assert_eq!(lines(&server, 1).len(), 1);
}

#[test]
fn audit_records_show_no_password() {
    let audit = "SecRuleEngine On\nSecRequestBodyAccess On\nSecAuditEngine On\nSecAuditLog audit.log\nSecAuditLogParts ABCHZ";
    let Some(setup) = setup(Mpm::Event, audit) else {
        return;
    };
    let server = setup.start();
    server.post("/wp/wp-login.php", b"log=admin&pwd=secret");
    server.request("GET", "/wp/wp-json/", RIGHT, b"");
    let records = server.audit_records(2);
    assert!(
        records[0].contains("log=admin&pwd=******"),
        "{}",
        records[0]
    );
    assert!(records[1].contains("Authorization: ****"), "{}", records[1]);
    assert!(!records.concat().contains("Ym9iOnNlY3JldA") && !records.concat().contains("secret"));
}

#[test]
fn a_long_body_passes_untouched() {
    let Some(setup) = setup(Mpm::Event, "") else {
        return;
    };
    let server = setup.start();
    let body = format!("a={}&log=admin&pwd=x", "x".repeat(1_000_000));
    let mut client = server.client();
    client.send("POST /wp/wp-login.php HTTP/1.1\r\nHost: www.example.test\r\nX-Forwarded-For: 198.51.100.7\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send_chunked(body.as_bytes(), 5000);
    let response = client.response();
    let length = body.len().to_string();
    assert_eq!(
        (response.status, response.header("X-Length")),
        (200, Some(length.as_str()))
    );
    let long = server.request(
        "POST",
        "/wp/wp-login.php",
        "X-Forwarded-For: 198.51.100.7\r\n",
        body.as_bytes(),
    );
    assert_eq!(long.header("X-Length"), Some(length.as_str()));
    let line = "wordpress(www.example.test): Authentication failure for - from 198.51.100.7";
    assert_eq!(lines(&server, 2), [line, line]);
}

#[test]
fn lines_go_to_syslog_in_either_wording() {
    let Some(setup) = setup(Mpm::Event, "") else {
        return;
    };
    let socket = setup.root().join("log.sock");
    let listener = UnixDatagram::bind(&socket).expect("a socket");
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&socket, permissions).unwrap();
    listener.set_read_timeout(Some(PATIENCE)).unwrap();
    let server = setup
        .conf("SecLoginAuditLog syslog:AUTH log.sock")
        .conf("<Location /wp>\nSecLoginAudit wordpress ident=blog\nSecLoginAuditLog syslog:authpriv log.sock\nSecLoginAuditFormat wp-fail2ban\n</Location>")
        .start();
    let receive = || {
        let mut bytes = [0; 1024];
        let length = listener.recv(&mut bytes).expect("a message");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let post = |target: &str, cookie: &str, body: &[u8]| {
        let headers = format!(
            "X-Forwarded-For: 198.51.100.7\r\n{cookie}Content-Type: application/x-www-form-urlencoded\r\n"
        );
        server.request("POST", target, &headers, body);
    };
    post(
        "/known/session/login",
        "Cookie: known=old\r\n",
        b"email=bob&password=x",
    );
    let message = receive();
    assert!(message.starts_with("<37>"), "auth.notice: {message}");
    let (head, text) = message.split_once("]: ").unwrap();
    assert!(head.contains(" idno(www.example.test)["), "{message}");
    assert_eq!(text, "Authentication failure for bob from 198.51.100.7");
    post(
        "/known/session/login",
        "Cookie: known=old\r\n",
        b"email=bob&password=secret",
    );
    let message = receive();
    assert!(
        message.starts_with("<38>")
            && message.ends_with("]: Accepted login for bob from 198.51.100.7"),
        "auth.info: {message}"
    );
    post("/wp/wp-login.php", "", b"log=admin&pwd=secret");
    let message = receive();
    assert!(
        message.starts_with("<86>") && message.contains(" blog(www.example.test)["),
        "authpriv.info, the inner section's name: {message}"
    );
    assert!(
        message.ends_with("]: Accepted password for admin from 198.51.100.7"),
        "{message}"
    );
    let call = |value: &str| {
        format!(
            "<value><struct><member><name>methodName</name><value>wp.getUsersBlogs</value></member><member><name>params</name><value><array><data><value>{value}</value><value>x</value></data></array></value></member></struct></value>"
        )
    };
    let bundle = format!(
        "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>{}{}</data></array></value></param></params></methodCall>",
        call("a"),
        call("b")
    );
    post("/wp/xmlrpc.php", "", bundle.as_bytes());
    let message = receive();
    assert!(message.starts_with("<85>"), "authpriv.notice: {message}");
    assert!(
        message.ends_with("]: XML-RPC multicall authentication failure from 198.51.100.7"),
        "{message}"
    );
}

#[test]
fn a_log_that_is_gone_is_told_and_a_program_gets_lines() {
    let Some(setup) = setup(Mpm::Event, "") else {
        return;
    };
    let server = setup
        .conf("SecLoginAuditLog \"|$cat >> {ROOT}/piped.log\"")
        .conf("<Location /nc>\nSecLoginAuditLog syslog /nowhere/log\n</Location>")
        .start();
    server.post("/wp/wp-login.php", b"log=admin&pwd=x");
    assert!(eventually(|| server
        .read("piped.log")
        .ends_with("peer 127.0.0.1 (no ban)\n")));
    server.post("/nc/login", b"user=a&password=x");
    let line = server
        .logged("ModSecurity: Login audit: 1 records lost (1 since the start): /nowhere/log:")
        .remove(0);
    assert!(line.contains(":error]"), "{line}");
}

#[test]
fn mistakes_are_refused_at_configtest() {
    for (directive, part) in [
        (
            "SecLoginAudit nosuch",
            "ModSecurity: SecLoginAudit: there is no preset \"nosuch\"",
        ),
        ("SecLoginAudit generic user=x", "generic wants path="),
        (
            "SecLoginAuditLog syslog:nosuch",
            "there is no syslog facility \"nosuch\"",
        ),
        (
            "SecLoginAuditLog a.log b",
            "only syslog takes a second argument",
        ),
        (
            "SecLoginAuditLog nowhere/a.log",
            "Failed to open the login log file",
        ),
        (
            "SecLoginAuditFormat plain",
            "must be LoginSyslog or wp-fail2ban",
        ),
    ] {
        let Some(setup) = Setup::new() else { return };
        let (good, said) = setup.conf(directive).check();
        assert!(!good && said.contains(part), "{directive}: {said}");
    }
    let Some(setup) = Setup::new() else { return };
    let (good, said) = setup
        .conf("<Location /a>\nSecLoginAudit Off\n</Location>")
        .check();
    assert!(good, "{said}");
}
