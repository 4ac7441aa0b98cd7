//! Applications but WordPress.

use super::check;

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
