//! Whole requests, with the Core Rule Set at its highest paranoia level: all rules look at everything, and what matches is
//! logged.

use std::rc::Rc;

use crate::material;
use crate::policy::Policy;
use crate::subjects::Subject;
use crate::support::{config, request};
use crate::values::{
    Value, cookie_values, form_values, json_values, multipart_values, repeated, xml_values,
};

/// How much a byte of a request may cost, in nanoseconds: some 700 rules look at it, with several transformations each.
const MOST: f64 = 5_000.0;

pub fn subjects() -> Vec<Subject> {
    if !material::crs().join("rules").is_dir() {
        return Vec::new();
    }
    let settings =
        "SecRuleEngine DetectionOnly\nSecRequestTimeBudget 3600000\nSecAuditLog /dev/null\n";
    let directives = Policy::CoreRuleSet(4).directives() + settings;
    let config = config(&directives);
    let bodies: [(&str, &str, Vec<Value>); 6] = [
        ("form", "application/x-www-form-urlencoded", form_values()),
        (
            "form with one argument",
            "application/x-www-form-urlencoded",
            one_argument(),
        ),
        ("JSON", "application/json", json_values()),
        ("XML", "text/xml", xml_values()),
        (
            "multipart",
            "multipart/form-data; boundary=b",
            multipart_values(),
        ),
        ("unknown", "application/octet-stream", repeated()),
    ];
    let mut subjects: Vec<Subject> = bodies
        .into_iter()
        .map(|(name, media_type, values)| {
            let config = std::sync::Arc::clone(&config);
            let head = format!("POST /p HTTP/1.1\nHost: blog.example\nContent-Type: {media_type}");
            Subject::new(name, &Rc::new(values), move |body| {
                std::hint::black_box(request(&head).body(body).run(&config).status);
            })
        })
        .collect();
    subjects.push(Subject::new("cookies", &Rc::new(cookie_values()), {
        let config = std::sync::Arc::clone(&config);
        move |value| {
            let value = String::from_utf8_lossy(value).replace(['\n', '\r'], "");
            let head = format!("GET /p HTTP/1.1\nHost: blog.example\nCookie: {value}");
            std::hint::black_box(request(&head).run(&config).status);
        }
    }));
    subjects.push(Subject::new(
        "target",
        &Rc::new(form_values()),
        move |value| {
            let value = String::from_utf8_lossy(value);
            let head = format!("GET /{value}?{value} HTTP/1.1\nHost: blog.example");
            std::hint::black_box(request(&head).run(&config).status);
        },
    ));
    for subject in &mut subjects {
        subject.most = MOST;
        subject.longest = 4;
    }
    subjects
}

fn one_argument() -> Vec<Value> {
    let parts = [
        "a",
        "%20",
        "%27",
        "%22",
        "(",
        "/",
        "../",
        "%3C",
        "%3Ca%20",
        "select%20",
        "union%20",
        "%24%7B",
        "1%20or%20",
        "%0A",
        "%00",
        "%25",
        "%5C",
        ".",
        "-",
        "%26",
        "http://a/",
        "QUJD",
    ];
    let value = |part: &&str| Value::new(b"a=", part.as_bytes(), b"");
    parts.iter().map(value).collect()
}
