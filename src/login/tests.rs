//! What applications answer, and what becomes of it: a row for each answer in the table of the documentation.

mod applications;
mod generic;
mod lines;
mod wordpress;

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
