//! What the administrator or the application says, and what cannot be known.

use super::*;

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
