//! WordPress: its page, its two interfaces.

use super::*;

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
