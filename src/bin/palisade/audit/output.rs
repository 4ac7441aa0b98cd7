//! Records on their way out: logs hold what strangers sent, and a terminal must not be told what to do by them.

use std::io::{self, Write};

use palisade::audit::read::Event;

use crate::terminal::{is_harmless, printable};

/// A record on one line: time, who, what, the answer, and why.
pub fn line(out: &mut impl Write, event: &Event) -> io::Result<()> {
    let status = event
        .status
        .map_or("-".to_owned(), |status| status.to_string());
    let text = format!(
        "{} {} {status} {} {}{}",
        event.time,
        event.client,
        or_dash(&event.method),
        event.host,
        or_dash(&event.uri)
    );
    write!(out, "{}", printable(&text))?;
    if let Some(alert) = event.verdict().or(event.alerts.first()) {
        let verb = if event.refused { "refused by" } else { "alert" };
        let why = alert.msg.as_deref().unwrap_or(&alert.text);
        write!(
            out,
            " {verb} {} {}",
            alert.id.as_deref().map_or("-".to_owned(), printable),
            printable(why)
        )?;
    }
    writeln!(out)
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// A record as JSON on one line. What a terminal would obey is escaped, which changes nothing for a reader of JSON.
pub fn json(out: &mut impl Write, event: &Event) -> io::Result<()> {
    let text = serde_json::to_string(event)?;
    if text.chars().all(is_harmless) {
        return writeln!(out, "{text}");
    }
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            character if is_harmless(character) => safe.push(character),
            // All of them lie below U+10000.
            character => safe.push_str(&format!("\\u{:04x}", u32::from(character))),
        }
    }
    writeln!(out, "{safe}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_told_nothing() {
        let evil = "a\u{1b}[2J\n\r\u{9b}31m\u{202e}\u{7f}é";
        assert_eq!(
            printable(evil),
            "a\\u{1b}[2J\\u{a}\\u{d}\\u{9b}31m\\u{202e}\\u{7f}é"
        );
        let event = Event {
            uri: evil.to_owned(),
            ..Event::default()
        };
        let (mut line_out, mut json_out) = (Vec::new(), Vec::new());
        assert!(line(&mut line_out, &event).is_ok() && json(&mut json_out, &event).is_ok());
        for out in [line_out, json_out.clone()] {
            let text = String::from_utf8(out).unwrap_or_default();
            let (body, end) = text.split_at(text.len() - 1);
            assert!(body.chars().all(is_harmless), "{body:?}");
            assert_eq!(end, "\n");
        }
        let read: serde_json::Value = serde_json::from_slice(&json_out).unwrap_or_default();
        assert_eq!(read.get("uri").and_then(|uri| uri.as_str()), Some(evil));
    }
}
