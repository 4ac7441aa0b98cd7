//! Logins in XML-RPC: the names in a call, and in its answer what became of them.

use quick_xml::Reader;
use quick_xml::events::Event as Xml;

use super::EVENTS_LIMIT;
use crate::body::xmlrpc::{Call, Type, ValueRef};
use crate::transformations::{Env, Transformation};

/// A call that takes credentials.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Guess {
    /// Its place in the bundle.
    pub(super) at: usize,
    /// The name that it gives, where it can be read.
    pub(super) user: Option<Vec<u8>>,
    /// Whether it is a login for sure, and not only where the answer says that one failed.
    pub(super) sure: bool,
}

/// What a request asks for.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Guesses {
    /// One call.
    One(Guess),
    /// A `system.multicall`.
    Many(Vec<Guess>),
    /// Nothing that needs a login.
    None,
    /// It cannot be read: the answer will tell.
    Unreadable,
}

/// Finds the names in a call.
pub(super) fn guesses(call: Option<&Call>) -> Guesses {
    let Some(call) = call else {
        return Guesses::Unreadable;
    };
    let calls = call.calls().enumerate().filter_map(|(at, call)| {
        let Ok(call) = call else {
            return Some(Guess {
                at,
                user: None,
                sure: false,
            });
        };
        let user = call.user()?.and_then(name);
        let sure = true;
        Some(Guess { at, user, sure })
    });
    let mut found: Vec<Guess> = calls.collect();
    match (**call.method() == *b"system.multicall", found.pop()) {
        (_, None) => Guesses::None,
        (false, Some(guess)) => Guesses::One(guess),
        (true, Some(last)) => {
            found.push(last);
            Guesses::Many(found)
        }
    }
}

/// WordPress takes a name of any scalar type for what it says.
fn name(value: ValueRef<'_>) -> Option<Vec<u8>> {
    match value.kind() {
        Type::Base64 => {
            let text = Transformation::Base64DecodeExt.apply(value.text(), &Env::default());
            Some(text.into_owned())
        }
        Type::Array | Type::Struct => None,
        _ => Some(value.text().to_vec()),
    }
}

/// The answer to a call.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    /// The code of a fault.
    pub(super) fault: Option<i32>,
    /// Whether there are results.
    pub(super) results: bool,
    /// For each call of a bundle the code of its fault, or `None` where it worked. No more than are told.
    pub(super) items: Vec<Option<i32>>,
}

/// Whether an answer, as far as it has come, tells already how it ends. `before`: how much of it was asked about before.
pub(super) fn is_complete(answer: &[u8], before: usize, bundle: bool) -> bool {
    const END: &[u8] = b"</methodResponse";
    let new = answer
        .get(before.saturating_sub(END.len())..)
        .unwrap_or_default();
    let has = |text: &[u8]| memchr::memmem::find(new, text).is_some();
    has(END) || !bundle && (has(b"</fault>") || has(b"<params>"))
}

/// Where the result of one call of a bundle stands.
const ITEM: [&str; 7] = [
    "methodResponse",
    "params",
    "param",
    "value",
    "array",
    "data",
    "value",
];

/// Deepest elements whose names are looked at: a fault in a bundle is at most twelve deep.
const DEPTH: usize = 16;

/// Reads an answer, or as much of it as there is.
pub(super) fn answer(text: &[u8]) -> Answer {
    let mut answer = Answer::default();
    // Some answer in other encodings than they say; what matters here is ASCII.
    let text = String::from_utf8_lossy(text);
    let mut reader = Reader::from_str(&text);
    reader.config_mut().check_end_names = false;
    let mut path: Vec<String> = Vec::new();
    let mut deeper = 0usize;
    let mut member = String::new();
    let mut code = None;
    loop {
        match reader.read_event() {
            Ok(Xml::Start(element)) if path.len() < DEPTH => {
                path.push(element.local_name().as_ref().to_owned());
                opened(&path, &mut answer);
            }
            Ok(Xml::Start(_)) => deeper += 1,
            Ok(Xml::Empty(element)) if path.len() < DEPTH => {
                path.push(element.local_name().as_ref().to_owned());
                opened(&path, &mut answer);
                path.pop();
            }
            Ok(Xml::Text(text)) => match path.last().map(String::as_str) {
                Some("name") => member = text.trim().to_owned(),
                Some("int" | "i4" | "string" | "value") if member == "faultCode" => {
                    code = text.trim().parse().ok().or(code);
                }
                _ => {}
            },
            Ok(Xml::End(_)) if deeper > 0 => deeper -= 1,
            Ok(Xml::End(_)) => {
                if path.len() == 2 && path.last().is_some_and(|name| name == "fault") {
                    answer.fault = Some(code.take().unwrap_or(0));
                } else if is_item(&path)
                    && path.last().is_some_and(|name| name == "struct")
                    && let Some(last) = answer.items.last_mut()
                {
                    *last = Some(code.take().unwrap_or(0));
                } else if path.last().is_some_and(|name| name == "member") {
                    member.clear();
                }
                path.pop();
            }
            Ok(Xml::Eof) | Err(_) => return answer,
            Ok(_) => {}
        }
        if answer.items.len() > EVENTS_LIMIT * 10 {
            return answer;
        }
    }
}

/// Whether the innermost element is the result of one call of a bundle.
fn is_item(path: &[String]) -> bool {
    path.len() == ITEM.len() + 1 && path.iter().zip(ITEM).all(|(name, wanted)| name == wanted)
}

fn opened(path: &[String], answer: &mut Answer) {
    answer.results |= path.len() == 2 && path.last().is_some_and(|name| name == "params");
    if is_item(path) {
        // A result is an array of one value; a fault is a struct, whose code follows.
        answer.items.push(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULT: &str = "<value><struct><member><name>faultCode</name><value><int>403</int></value></member>\
        <member><name>faultString</name><value><string>Incorrect username or password.</string></value></member></struct></value>";

    #[test]
    fn answers_of_one_call() {
        let fault = format!(
            "<?xml version=\"1.0\"?>\n<methodResponse>\n <fault>{FAULT}</fault>\n</methodResponse>\n"
        );
        let expected = Answer {
            fault: Some(403),
            ..Answer::default()
        };
        assert_eq!(answer(fault.as_bytes()), expected);
        let fine = b"<methodResponse><params><param><value><string>x</string></value></param></params></methodResponse>";
        let expected = Answer {
            results: true,
            ..Answer::default()
        };
        assert_eq!(answer(fine), expected);
        assert!(is_complete(fault.as_bytes(), 0, false) && is_complete(fine, 0, false));
        assert!(!is_complete(b"<methodResponse><fault><value>", 0, false));
        assert_eq!(answer(b""), Answer::default());
        assert_eq!(answer(b"<html><body>Not here"), Answer::default());
        assert!(!answer(b"<methodResponse><params").results);
    }

    #[test]
    fn answers_of_a_bundle_one_by_one() {
        let fine =
            "<value><array><data><value><string>faultCode</string></value></data></array></value>";
        let bundle = |items: &str| {
            format!(
                "<methodResponse><params><param><value><array><data>{items}</data></array></value></param></params></methodResponse>"
            )
        };
        let text = bundle(&format!(
            "{fine}{FAULT}{fine}{}",
            FAULT.replace("403", "-32601")
        ));
        let items = answer(text.as_bytes()).items;
        assert_eq!(items, [None, Some(403), None, Some(-32601)]);
        assert!(is_complete(text.as_bytes(), text.len() - 1, true));
        let cut = text.replace("</methodResponse>", "");
        assert!(!is_complete(cut.as_bytes(), 0, true));
        // No number is as deep as an attacker likes.
        let deep = bundle(&"<value><array><data>".repeat(10_000));
        assert_eq!(answer(deep.as_bytes()).items, [None]);
    }
}
