//! What applications answer, and what becomes of it: a row for each answer in the table of the documentation.

use std::sync::Arc;

use super::*;
use crate::client::ClientAddress;

fn applications(directives: &[&str]) -> Arc<[Arc<Application>]> {
    let parse = |text: &&str| {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        Arc::new(Application::parse(&words).expect("a good directive"))
    };
    directives.iter().map(parse).collect()
}

/// A request: method, target, header lines and body. An answer: status, header lines and body.
struct Exchange<'e> {
    method: &'e str,
    target: &'e str,
    headers: &'e [(&'e str, &'e str)],
    body: &'e str,
    status: u16,
    answer_headers: &'e [(&'e str, &'e str)],
    answer: &'e str,
    said: &'e [&'e str],
    handled: bool,
}

const NOTHING: Exchange<'static> = Exchange {
    method: "POST",
    target: "/",
    headers: &[],
    body: "",
    status: 200,
    answer_headers: &[],
    answer: "",
    said: &[],
    handled: true,
};

/// What happens, in one line: `outcome channel user`.
fn events(directives: &[&str], exchange: &Exchange<'_>) -> Vec<String> {
    let (path, query) = exchange
        .target
        .split_once('?')
        .unwrap_or((exchange.target, ""));
    let header = |name: &str| {
        let mut headers = exchange.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_bytes().to_vec())
    };
    let request = Request {
        method: exchange.method.as_bytes(),
        paths: [path.as_bytes(); 2],
        query: query.as_bytes(),
        header: &header,
    };
    let mut attempt = Attempt::begin(&applications(directives), &request);
    if exchange.handled {
        for piece in exchange.body.as_bytes().chunks(7) {
            attempt.take_body(piece);
        }
    }
    let pair = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let response = Response {
        status: exchange.status,
        headers: exchange.answer_headers.iter().map(pair).collect(),
        said: exchange
            .said
            .iter()
            .map(|said| said.as_bytes().to_vec())
            .collect(),
    };
    let mut found = match attempt.respond(response, exchange.handled) {
        Progress::Decided(events) => events,
        Progress::ReadsAnswer => {
            assert!(attempt.may_read_answer(), "it must not be compressed");
            let pieces = exchange.answer.as_bytes().chunks(11);
            let mut pieces = pieces.map_while(|piece| Some(attempt.take_answer(piece)));
            pieces
                .find_map(|events| events)
                .unwrap_or_else(|| attempt.end())
        }
    };
    found.extend(attempt.end());
    let shown = |event: Event| {
        let user = event.user.map(|user| user.escape_ascii().to_string());
        format!(
            "{:?} {:?} {}",
            event.outcome,
            event.channel,
            user.as_deref().unwrap_or("?")
        )
    };
    found.into_iter().map(shown).collect()
}

/// A login page and its answers: a form, status, header lines, what that means.
type Row<'r> = (&'r str, u16, &'r [(&'r str, &'r str)], &'r str);

fn check(preset: &str, target: &str, headers: &[(&str, &str)], rows: &[Row<'_>]) {
    for (body, status, answer_headers, expected) in rows {
        let exchange = Exchange {
            target,
            headers,
            body,
            status: *status,
            answer_headers,
            ..NOTHING
        };
        let expected: Vec<String> = match *expected {
            "" => Vec::new(),
            event => vec![event.to_owned()],
        };
        assert_eq!(
            events(&[preset], &exchange),
            expected,
            "{preset} {target} {body} {status} {answer_headers:?}"
        );
    }
}

#[test]
fn known() {
    let back = ("Location", "http://k.example/session/login/?fwd=Lw==");
    let form = "email=bob%40k.example&password=secret&__bTk=a&__bTs=1";
    let cookie: &[_] = &[("Cookie", "a=b; known=old")];
    check(
        "known",
        "/session/login",
        cookie,
        &[
            (
                form,
                302,
                &[back, ("Set-Cookie", "known=new; path=/; HttpOnly")],
                "Success Form bob@k.example",
            ),
            (form, 302, &[back], "Failure Form bob@k.example"),
            (
                form,
                302,
                &[back, ("Set-Cookie", "known=old; path=/")],
                "Failure Form bob@k.example",
            ),
            (
                form,
                302,
                &[back, ("Set-Cookie", "other=new")],
                "Failure Form bob@k.example",
            ),
            (form, 302, &[("Location", "http://k.example/")], ""),
            (form, 200, &[], ""),
            (form, 500, &[], ""),
            ("q=x", 302, &[back], ""),
        ],
    );
    // Without a session before, a new one says nothing.
    check(
        "known",
        "/blog/session/login/",
        &[],
        &[(
            form,
            302,
            &[back, ("Set-Cookie", "known=new")],
            "Failure Form bob@k.example",
        )],
    );
    let api: &[_] = &[("X-KNOWN-USERNAME", "bob"), ("X-KNOWN-SIGNATURE", "c2ln")];
    check(
        "known",
        "/status/edit",
        api,
        &[
            ("", 200, &[], "Success Api bob"),
            ("", 403, &[], "Failure Api bob"),
            ("", 404, &[], ""),
        ],
    );
    check(
        "known",
        "/session/logout",
        cookie,
        &[("", 302, &[back], "Logout Form ?"), ("", 403, &[], "")],
    );
    check("known", "/session/logout", &[], &[("", 302, &[back], "")]);
}

#[test]
fn wordpress() {
    let cookie = (
        "Set-Cookie",
        "wordpress_logged_in_0123=admin%7C17953%7Ct%7Ch; path=/; HttpOnly",
    );
    let test = (
        "Set-Cookie",
        "wordpress_test_cookie=WP%20Cookie%20check; path=/",
    );
    let form = "log=admin&pwd=secret&wp-submit=Log+In&testcookie=1";
    for target in [
        "/wp-login.php",
        "/blog/wp-login.php?redirect_to=x",
        "/wp-login.php/x",
        "/wp-login.php?action=nonsense",
    ] {
        check(
            "wordpress",
            target,
            &[],
            &[
                (
                    form,
                    302,
                    &[("Location", "http://a.example/wp-admin/"), test, cookie],
                    "Success Form admin",
                ),
                // Right, but no test cookie came: 200, and in all the same.
                (form, 200, &[cookie], "Success Form admin"),
                (form, 200, &[test], "Failure Form admin"),
                (form, 403, &[], "Failure Form admin"),
                (form, 429, &[], "Failure Form admin"),
                (form, 500, &[], ""),
                (
                    form,
                    302,
                    &[("Location", "https://a.example/wp-login.php")],
                    "",
                ),
                ("log=&pwd=x", 200, &[], "Failure Form "),
                ("log=&pwd=", 200, &[], ""),
                ("user_login=admin&action=lostpassword", 200, &[], ""),
                ("log=x&pwd=y&action=lostpassword", 200, &[], ""),
                ("", 200, &[], ""),
            ],
        );
    }
    check(
        "wordpress",
        "/wp-login.php?action=register",
        &[],
        &[(form, 200, &[], "")],
    );
    check("wordpress", "/wp-login.phpx", &[], &[(form, 200, &[], "")]);
    let gone = (
        "Set-Cookie",
        "wordpress_logged_in_0123=+; expires=Sat, 22-Nov-2025 10:00:00 GMT; Max-Age=0",
    );
    check(
        "wordpress",
        "/wp-login.php?action=logout&_wpnonce=1",
        &[("Cookie", "wordpress_logged_in_0123=ad%20min%7C1%7Ct%7Ch")],
        &[("", 302, &[gone], "Logout Form ad min"), ("", 403, &[], "")],
    );
}

#[test]
fn wordpress_rest() {
    let basic: &[_] = &[("Authorization", "Basic Ym9iOnNlY3JldA==")];
    let exchange = |target, status, answer_headers, answer| Exchange {
        method: "GET",
        target,
        headers: basic,
        status,
        answer_headers,
        answer,
        ..NOTHING
    };
    let api = (
        "Link",
        "<http://a.example/wp-json/>; rel=\"https://api.w.org/\"",
    );
    let not_kept = ("Cache-Control", "no-cache, must-revalidate, max-age=0");
    let rows: [(_, u16, &[_], _, &[&str]); 8] = [
        (
            "/wp-json/wp/v2/users/me",
            200,
            &[],
            "{}",
            &["Success Rest bob"],
        ),
        (
            "/wp-json/wp/v2/users/me",
            200,
            &[api, not_kept],
            "{}",
            &["Success Rest bob"],
        ),
        // Served to everybody: WordPress has not looked at the credentials.
        ("/wp-json/wp/v2/posts", 200, &[api], "[]", &[]),
        (
            "/?rest_route=/wp/v2/users/me",
            401,
            &[],
            "{\"code\":\"incorrect_password\"}",
            &["Failure Rest bob"],
        ),
        (
            "/wp-json/wp/v2/posts",
            401,
            &[("Content-Length", "27")],
            "{\"code\":\"invalid_username\"}",
            &["InvalidUser Rest bob"],
        ),
        ("/wp-json/wp/v2/posts", 401, &[], "", &["Failure Rest bob"]),
        ("/wp-json/wp/v2/posts", 403, &[], "", &[]),
        ("/about", 200, &[], "", &[]),
    ];
    for (target, status, headers, answer, expected) in rows {
        let found = events(&["wordpress"], &exchange(target, status, headers, answer));
        assert_eq!(found, expected, "{target} {status} {answer}");
    }
}

const FAULT: &str = "<struct><member><name>faultCode</name><value><int>403</int></value></member>\
    <member><name>faultString</name><value><string>Incorrect username or password.</string></value></member></struct>";

fn call(method: &str, params: &[&str]) -> String {
    let params: String = params
        .iter()
        .map(|value| format!("<param><value>{value}</value></param>"))
        .collect();
    format!(
        "<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>"
    )
}

fn bundle(calls: &[(&str, &str)]) -> String {
    let calls: String = calls
        .iter()
        .map(|(method, user)| format!(
            "<value><struct><member><name>methodName</name><value>{method}</value></member><member><name>params</name>\
             <value><array><data><value>{user}</value><value>guess</value></data></array></value></member></struct></value>"
        ))
        .collect();
    call(
        "system.multicall",
        &[&format!("<array><data>{calls}</data></array>")],
    )
}

fn answers(items: &str) -> String {
    format!(
        "<methodResponse><params><param><value>{items}</value></param></params></methodResponse>"
    )
}

#[test]
fn wordpress_xmlrpc() {
    let fine = answers("<string>x</string>");
    let wrong = format!("<methodResponse><fault><value>{FAULT}</value></fault></methodResponse>");
    let missing = wrong.replace("403", "-32601");
    let not_found = wrong.replace("403", "404");
    let users = call("wp.getUsersBlogs", &["<string>admin</string>", "x"]);
    let post = call(
        "metaWeblog.newPost",
        &["1", "admin", "x", "<struct></struct>"],
    );
    let blogger = call(
        "blogger.getPost",
        &["key", "1", "<base64>YWRtaW4=</base64>", "x"],
    );
    let ping = call(
        "pingback.ping",
        &["http://a.example/", "http://b.example/p"],
    );
    let success: &[_] = &["Success XmlRpc admin"];
    let failure: &[_] = &["Failure XmlRpc admin"];
    let rows: [(&str, u16, &str, &[&str]); 14] = [
        (&users, 200, &fine, success),
        (&users, 200, &wrong, failure),
        (&post, 200, &fine, success),
        (&post, 200, &wrong, failure),
        (&blogger, 200, &wrong, failure),
        (&post, 200, &not_found, success),
        (&users, 200, &missing, &[]),
        (&users, 403, "", failure),
        (&users, 500, "", &[]),
        (&users, 200, "<html>", &[]),
        (&ping, 200, &fine, &[]),
        (&ping, 200, &wrong, &[]),
        // What cannot be read hides the name, and not that it failed.
        ("<methodCall", 200, &wrong, &["Failure XmlRpc ?"]),
        ("<methodCall", 200, &fine, &[]),
    ];
    for (body, status, answer, expected) in rows {
        let exchange = Exchange {
            target: "/xmlrpc.php",
            body,
            status,
            answer,
            ..NOTHING
        };
        assert_eq!(
            events(&["wordpress"], &exchange),
            expected,
            "{body} {status} {answer}"
        );
    }
}

#[test]
fn guesses_in_a_bundle() {
    let request = bundle(&[
        ("wp.getUsersBlogs", "a"),
        ("system.listMethods", "b"),
        ("wp.getUsersBlogs", "c"),
        ("wp.getUsersBlogs", "d"),
    ]);
    let fine = "<value><array><data><value><string>x</string></value></data></array></value>";
    let wrong = format!("<value>{FAULT}</value>");
    let answer = answers(&format!(
        "<array><data>{wrong}{fine}{fine}{wrong}</data></array>"
    ));
    let exchange = |body, answer| {
        events(
            &["wordpress"],
            &Exchange {
                target: "/xmlrpc.php",
                body,
                answer,
                ..NOTHING
            },
        )
    };
    let expected = [
        "Failure Multicall a",
        "Success Multicall c",
        "Failure Multicall d",
    ];
    assert_eq!(exchange(&request, &answer), expected);
    let whole = format!("<methodResponse><fault>{wrong}</fault></methodResponse>");
    assert_eq!(exchange(&request, &whole).len(), 3);
    // As many as are told.
    let many = bundle(&vec![("wp.getUsersBlogs", "a"); 500]);
    let answer = answers(&format!(
        "<array><data>{}</data></array>",
        wrong.repeat(500)
    ));
    assert_eq!(
        exchange(&many, &answer),
        vec!["Failure Multicall a"; EVENTS_LIMIT]
    );
    // A bundle beyond what is read: the answer says how many failed, as far as it is read.
    let padded = format!("{}{many}", " ".repeat(BODY_LIMIT));
    assert_eq!(
        exchange(&padded, &answer),
        vec!["Failure Multicall ?"; EVENTS_LIMIT]
    );
}

#[test]
fn elgg() {
    let form = "username=bob&password=x&__elgg_token=t";
    let back = ("Location", "http://e.example/login");
    check(
        "elgg",
        "/action/login",
        &[("Cookie", "Elgg=old")],
        &[
            (
                form,
                302,
                &[
                    ("Location", "http://e.example/"),
                    ("Set-Cookie", "Elgg=new; path=/"),
                ],
                "Success Form bob",
            ),
            (form, 302, &[back], "Failure Form bob"),
            (form, 500, &[], ""),
        ],
    );
    check(
        "elgg",
        "/action/login",
        &[
            ("Cookie", "Elgg=old"),
            ("X-Requested-With", "XMLHttpRequest"),
        ],
        &[
            (form, 200, &[], "Success Form bob"),
            (form, 401, &[], "Failure Form bob"),
            ("username=&password=", 400, &[], ""),
        ],
    );
    check(
        "elgg",
        "/action/logout",
        &[("Cookie", "Elgg=old")],
        &[("", 302, &[back], "Logout Form ?")],
    );
}

#[test]
fn nextcloud() {
    let form = "user=bob&password=x&requesttoken=t";
    for target in ["/login", "/index.php/login", "/cloud/index.php/login"] {
        check(
            "nextcloud",
            target,
            &[],
            &[
                (
                    form,
                    303,
                    &[("Location", "https://c.example/index.php/apps/files/")],
                    "Success Form bob",
                ),
                (
                    form,
                    303,
                    &[
                        ("Location", "/index.php/apps/dashboard/"),
                        ("Set-Cookie", "nc_username=bob"),
                    ],
                    "Success Form bob",
                ),
                (
                    form,
                    303,
                    &[(
                        "Location",
                        "https://c.example/index.php/login?user=bob&direct=1",
                    )],
                    "Failure Form bob",
                ),
                (
                    form,
                    303,
                    &[("Location", "/login?user=bob")],
                    "Failure Form bob",
                ),
                (
                    form,
                    303,
                    &[("Location", "/login/challenge/totp")],
                    "Success Form bob",
                ),
                (form, 412, &[], ""),
            ],
        );
    }
    check(
        "nextcloud",
        "/remote.php/dav/files/bob/",
        &[("Authorization", "Basic Ym9iOnNlY3JldA==")],
        &[
            ("", 207, &[], "Success Basic bob"),
            ("", 401, &[], "Failure Basic bob"),
            ("", 503, &[], ""),
        ],
    );
    check(
        "nextcloud",
        "/logout?requesttoken=x",
        &[("Cookie", "nc_username=bob%40c.example; nc_token=x")],
        &[(
            "",
            303,
            &[("Location", "/login?clear=1")],
            "Logout Form bob@c.example",
        )],
    );
}

#[test]
fn drupal() {
    let form = "name=bob&pass=x&form_build_id=b&form_id=user_login_form&op=Log+in";
    let session = ("Set-Cookie", "SSESSabc=xyz; path=/; secure; HttpOnly");
    check(
        "drupal",
        "/de/user/login",
        &[],
        &[
            (
                form,
                303,
                &[
                    ("Location", "http://d.example/user/1?check_logged_in=1"),
                    session,
                ],
                "Success Form bob",
            ),
            (
                form,
                303,
                &[("Location", "http://d.example/"), session],
                "Success Form bob",
            ),
            (form, 303, &[("Location", "http://d.example/")], ""),
            (form, 200, &[], "Failure Form bob"),
            (form, 403, &[], "Failure Form bob"),
            ("name=bob&pass=x", 200, &[], "Failure Form bob"),
            (
                "name=bob&mail=x&pass=y&form_id=user_register_form",
                200,
                &[],
                "",
            ),
        ],
    );
    check(
        "drupal",
        "/node/1",
        &[],
        &[
            (form, 200, &[], "Failure Form bob"),
            ("name=bob&pass=x", 200, &[], ""),
        ],
    );
    check(
        "drupal",
        "/user/login?_format=json",
        &[("Content-Type", "application/json")],
        &[
            (
                r#"{"name":"bob","pass":"x"}"#,
                200,
                &[("Content-Type", "application/json")],
                "Success Form bob",
            ),
            (
                r#"{"name":"bob","pass":"x"}"#,
                400,
                &[("Content-Type", "application/json")],
                "Failure Form bob",
            ),
        ],
    );
    check(
        "drupal",
        "/user/logout",
        &[],
        &[
            (
                "",
                302,
                &[("Set-Cookie", "SESSabc=deleted; Max-Age=0")],
                "Logout Form ?",
            ),
            ("", 302, &[], ""),
        ],
    );
}

#[test]
fn phpmyadmin() {
    let form = "pma_username=root&pma_password=x&server=1&token=t";
    check(
        "phpmyadmin",
        "/phpmyadmin/index.php",
        &[],
        &[
            (
                form,
                302,
                &[("Set-Cookie", "pmaUser-1=x"), ("Set-Cookie", "pmaAuth-1=x")],
                "Success Form root",
            ),
            (
                form,
                200,
                &[("Set-Cookie", "pmaUser-1=x")],
                "Failure Form root",
            ),
            ("db=x", 200, &[], ""),
        ],
    );
    check(
        "phpmyadmin",
        "/index.php?route=/logout",
        &[],
        &[(
            "",
            302,
            &[("Set-Cookie", "pmaAuth-1=deleted; Max-Age=0")],
            "Logout Form ?",
        )],
    );
}

#[test]
fn basic_and_digest() {
    for (header, user) in [
        ("Basic Ym9iOnNlY3JldA==", "bob"),
        ("Digest username=\"bob\", realm=\"r\"", "bob"),
        ("Basic !!!", "?"),
    ] {
        let (success, failure) = (
            format!("Success Basic {user}"),
            format!("Failure Basic {user}"),
        );
        check(
            "basic",
            "/",
            &[("Authorization", header)],
            &[
                ("", 200, &[], &success),
                ("", 304, &[], &success),
                ("", 403, &[], &success),
                ("", 404, &[], &success),
                ("", 401, &[], &failure),
                ("", 500, &[], ""),
                ("", 400, &[], ""),
            ],
        );
    }
    // The first challenge is no failure.
    check("basic", "/", &[], &[("", 401, &[], ""), ("", 200, &[], "")]);
    check(
        "basic",
        "/",
        &[("Authorization", "Bearer x")],
        &[("", 401, &[], ""), ("", 200, &[], "")],
    );
}

#[test]
fn generic() {
    let page = r#"generic name=shop path=^/sign-in$ user=mail success="status:302 cookie:~^sess" invalid="status:200 body:~(?i)unknown.user" failure="status:200|401 !header:X-Maintenance" failure=location:~/sign-in\?wrong logout=^/sign-out$"#;
    let form = "mail=bob&secret=x";
    let session = ("Set-Cookie", "session=1");
    let rows: [(_, u16, &[_], _, &[&str]); 9] = [
        (form, 302, &[session], "", &["Success Form bob"]),
        (form, 302, &[], "", &[]),
        (
            form,
            302,
            &[("Location", "http://s.example/sign-in?wrong=1")],
            "",
            &["Failure Form bob"],
        ),
        (form, 302, &[("Set-Cookie", "session=; Max-Age=0")], "", &[]),
        (form, 200, &[], "<p>Wrong password", &["Failure Form bob"]),
        (
            form,
            200,
            &[],
            "<p>An Unknown User",
            &["InvalidUser Form bob"],
        ),
        (form, 401, &[], "", &["Failure Form bob"]),
        (form, 401, &[("X-Maintenance", "1")], "", &[]),
        ("other=1", 401, &[], "", &[]),
    ];
    for (body, status, answer_headers, answer, expected) in rows {
        let exchange = Exchange {
            target: "/sign-in",
            body,
            status,
            answer_headers,
            answer,
            ..NOTHING
        };
        assert_eq!(
            events(&[page], &exchange),
            expected,
            "{body} {status} {answer}"
        );
    }
    let out = Exchange {
        method: "GET",
        target: "/sign-out",
        ..NOTHING
    };
    assert_eq!(events(&[page], &out), ["Logout Form ?"]);
    let json = "generic path=/api/session method=PUT,POST user=login success=status:2xx failure=status:400-403";
    let exchange = |method, status| Exchange {
        method,
        target: "/api/session",
        headers: &[("Content-Type", "application/json")],
        body: r#"{"login":"bob"}"#,
        status,
        ..NOTHING
    };
    assert_eq!(events(&[json], &exchange("PUT", 201)), ["Success Form bob"]);
    assert_eq!(
        events(&[json], &exchange("POST", 402)),
        ["Failure Form bob"]
    );
    assert!(events(&[json], &exchange("GET", 200)).is_empty());
    let header =
        "generic path=^/in user=header:X-User success=header:X-In failure=header:X-In-Failed=~^wr";
    let exchange = |answer_headers| Exchange {
        target: "/in",
        headers: &[("X-User", "bob")],
        answer_headers,
        ..NOTHING
    };
    assert_eq!(
        events(&[header], &exchange(&[("x-in", "")])),
        ["Success Form bob"]
    );
    assert_eq!(
        events(&[header], &exchange(&[("X-In-Failed", "wrong")])),
        ["Failure Form bob"]
    );
    assert!(events(&[header], &exchange(&[("X-In-Failed", "no")])).is_empty());
}

#[test]
fn applications_speak_for_themselves() {
    let said = |said: &'static [&'static str]| Exchange { said, ..NOTHING };
    let one = events(&["cooperative"], &said(&["invalid-user; user=\"bob\""]));
    assert_eq!(one, ["InvalidUser Form bob"]);
    let two = events(
        &["cooperative"],
        &said(&["failure; user=a", "success; user=b"]),
    );
    assert_eq!(two, ["Failure Form a", "Success Form b"]);
    assert!(events(&["cooperative"], &said(&["something else"])).is_empty());
    // It counts before what the answer looks like, and what it does not say is taken from the request.
    let form = |said: &'static [&'static str]| Exchange {
        target: "/wp-login.php",
        body: "log=admin&pwd=x",
        said,
        ..NOTHING
    };
    assert_eq!(events(&["wordpress"], &form(&[])), ["Failure Form admin"]);
    assert_eq!(
        events(&["wordpress"], &form(&["success"])),
        ["Success Form admin"]
    );
    assert!(events(&["wordpress"], &form(&["none"])).is_empty());
    assert_eq!(
        events(&["wordpress"], &form(&["nonsense"])),
        ["Failure Form admin"]
    );
}

#[test]
fn whatever_was_refused_before_an_application_saw_it_is_no_login() {
    let form = Exchange {
        target: "/wp-login.php",
        body: "log=a&pwd=b",
        status: 403,
        handled: false,
        ..NOTHING
    };
    assert!(events(&["wordpress"], &form).is_empty());
    let basic = |status| Exchange {
        headers: &[("Authorization", "Basic Ym9iOnNlY3JldA==")],
        status,
        handled: false,
        ..NOTHING
    };
    assert!(events(&["basic"], &basic(403)).is_empty());
    assert_eq!(
        events(&["basic"], &basic(401)),
        ["Failure Basic bob"],
        "httpd itself has looked"
    );
}

#[test]
fn of_several_applications_the_first_that_knows_answers() {
    let both = ["wordpress", "basic"];
    let form = Exchange {
        target: "/wp-login.php",
        headers: &[("Authorization", "Basic Ym9iOnNlY3JldA==")],
        body: "log=admin&pwd=x",
        ..NOTHING
    };
    assert_eq!(events(&both, &form), ["Failure Form admin"]);
    let page = Exchange {
        target: "/",
        method: "GET",
        ..form
    };
    assert_eq!(events(&both, &page), ["Success Basic bob"]);
}

#[test]
fn a_name_out_of_reach_does_not_hide_a_failure() {
    let long = format!("a={}&log=admin&pwd=x", "x".repeat(BODY_LIMIT));
    let form = Exchange {
        target: "/wp-login.php",
        body: &long,
        ..NOTHING
    };
    assert_eq!(events(&["wordpress"], &form), ["Failure Form ?"]);
    let broken = Exchange {
        target: "/wp-login.php",
        headers: &[("Content-Type", "multipart/form-data; boundary=x")],
        body: "--x\r\nContent-Disposition: nonsense",
        ..NOTHING
    };
    assert_eq!(events(&["wordpress"], &broken), ["Failure Form ?"]);
}

fn told(
    outcome: Outcome,
    channel: Channel,
    user: Option<&[u8]>,
    format: Format,
    client: &ClientAddress,
) -> String {
    let event = Event {
        application: Arc::clone(&applications(&["known"])[0]),
        outcome,
        channel,
        user: user.map(<[u8]>::to_vec),
        session: None,
    };
    messages(&[event], format, client).remove(0).2
}

fn from(address: &str) -> ClientAddress {
    ClientAddress::direct(address.parse().expect("an address"), 4711)
}

#[test]
fn the_sentences_are_those_that_filters_read() {
    use Channel::*;
    use Outcome::*;
    for (outcome, channel, login_syslog, wp_fail2ban) in [
        (
            Success,
            Form,
            "Accepted login for bob",
            "Accepted password for bob",
        ),
        (
            Failure,
            Form,
            "Authentication failure for bob",
            "Authentication failure for bob",
        ),
        (
            Failure,
            Basic,
            "Authentication failure for bob",
            "Authentication failure for bob",
        ),
        (
            Failure,
            Api,
            "Authentication failure for API User",
            "Authentication failure for bob",
        ),
        (
            Failure,
            XmlRpc,
            "Authentication failure for bob",
            "XML-RPC authentication failure for bob",
        ),
        (
            Failure,
            Rest,
            "Authentication failure for bob",
            "REST authentication failure for bob",
        ),
        (
            Failure,
            Multicall,
            "Authentication failure for bob",
            "XML-RPC multicall authentication failure",
        ),
        (
            InvalidUser,
            Form,
            "Invalid user bob",
            "Authentication attempt for unknown user bob",
        ),
        (Logout, Form, "User logged out bob", "User logged out bob"),
    ] {
        for address in ["198.51.100.7", "2001:db8::66"] {
            let client = from(address);
            for (format, expected) in [
                (Format::LoginSyslog, login_syslog),
                (Format::WpFail2ban, wp_fail2ban),
            ] {
                let line = told(outcome, channel, Some(b"bob"), format, &client);
                assert_eq!(line, format!("{expected} from {address}"));
            }
        }
    }
    let empty = told(
        Failure,
        Form,
        Some(b""),
        Format::WpFail2ban,
        &from("198.51.100.7"),
    );
    assert_eq!(empty, "Empty username from 198.51.100.7");
    let unknown = told(
        Failure,
        Form,
        None,
        Format::LoginSyslog,
        &from("198.51.100.7"),
    );
    assert_eq!(unknown, "Authentication failure for - from 198.51.100.7");
}

#[test]
fn who_cannot_be_blamed_is_not_named_where_a_filter_looks() {
    let name = b"x\nAuthentication failure for y from 203.0.113.9";
    let line = told(
        Outcome::Failure,
        Channel::Form,
        Some(name),
        Format::LoginSyslog,
        &from("127.0.0.1"),
    );
    assert_eq!(
        line,
        "Unattributed login failure: user x\\x0aAuthentication\\x20failure\\x20for\\x20y\\x20from\\x20203.0.113.9, peer 127.0.0.1 (no ban)"
    );
    let success = told(
        Outcome::Success,
        Channel::Form,
        Some(b"bob"),
        Format::LoginSyslog,
        &from("127.0.0.1"),
    );
    assert_eq!(success, "Accepted login for bob from 127.0.0.1");
}

#[test]
fn names_stay_names() {
    for (name, shown) in [
        ("bob smith", "bob smith"),
        ("Jørn 日本", "Jørn 日本"),
        ("a\r\nb\tc\x1b[31m\0", "a\\x0d\\x0ab\\x09c\\x1b[31m\\x00"),
        ("DOM\\bob", "DOM\\x5cbob"),
        (
            "a\u{85}b\u{2028}c\u{202e}d\u{200b}",
            "a\\xc2\\x85b\\xe2\\x80\\xa8c\\xe2\\x80\\xaed\\xe2\\x80\\x8b",
        ),
        ("", "-"),
        ("  ", "-"),
    ] {
        assert_eq!(escaped_name(name.as_bytes()), shown);
    }
    assert_eq!(escaped_name(b"a\xff\xc3"), "a\\xff\\xc3");
    let long = |piece: &str| escaped_name(piece.repeat(1000).as_bytes());
    assert_eq!(long("a"), "a".repeat(LONGEST_NAME));
    assert_eq!(long("\u{1}"), "\\x01".repeat(LONGEST_NAME / 4));
    assert_eq!(long("日"), "日".repeat(LONGEST_NAME / 3));
    assert_eq!(
        escaped_name("a".repeat(LONGEST_NAME).as_bytes()).len(),
        LONGEST_NAME
    );
}

#[test]
fn mistakes_in_directives_are_sentences() {
    for (directive, part) in [
        (
            "nosuch",
            "there is no preset \"nosuch\", only known, wordpress,",
        ),
        ("wordpress path=/x", "takes name= and ident=, not path="),
        ("wordpress nonsense", "\"nonsense\" is not key=value"),
        ("wordpress ident=a/b", "ident= must have"),
        ("wordpress name=", "name= must have"),
        ("generic user=x", "generic wants path="),
        ("generic path=/x", "generic wants success= or failure="),
        (
            "generic path=( success=status:200",
            "is no regular expression",
        ),
        ("generic path=/x success=status:999", "is no status"),
        ("generic path=/x success=status:2", "is no status"),
        ("generic path=/x success=nonsense", "is no condition"),
        ("generic path=/x success=status:", "is no condition"),
        ("generic path=/x success=\"\"", "there is no condition"),
        ("generic path=/x color=red", "not color"),
    ] {
        let words: Vec<String> = directive.split(' ').map(str::to_owned).collect();
        let error = Application::parse(&words).expect_err(directive);
        assert!(error.contains(part), "{directive}: {error}");
    }
}

#[test]
fn a_login_that_goes_on_is_told_from_a_new_one() {
    let event = |credentials, name: &str| Event {
        application: Arc::clone(&applications(&[&format!("basic name={name}")])[0]),
        outcome: Outcome::Success,
        channel: Channel::Basic,
        user: None,
        session: Some(credentials),
    };
    let (a, b) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
    let one = event(1, "x").session_of("www", a);
    assert!(one.is_some());
    assert_eq!(one, event(1, "x").session_of("www", a));
    for other in [
        event(2, "x").session_of("www", a),
        event(1, "y").session_of("www", a),
        event(1, "x").session_of("ww", a),
        event(1, "x").session_of("www", b),
    ] {
        assert_ne!(one, other);
    }
}
