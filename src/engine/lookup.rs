//! Operators that ask something other than the value: where an address is, who has it on a list.

use crate::audit::escape::log_escape;
use crate::config::Config;
use crate::lookups::{Location, rbl};
use crate::operators::{Operator, Outcome, rx::Failure};
use crate::transaction::Value;

/// What an operator says, and the place that it found.
pub(super) struct Answer {
    pub outcome: Outcome,
    /// For `@geoLookup`: what GEO becomes.
    pub location: Option<Box<Location>>,
}

/// Asks an operator about a value.
pub(super) fn ask(
    config: &Config,
    operator: &Operator,
    argument: &[u8],
    subject: &[u8],
    value: &Value<'_>,
    capture: bool,
) -> Answer {
    let (outcome, location) = match operator {
        Operator::GeoLookup => locate(config, subject, &value.name()),
        Operator::Rbl => (
            listed(config, argument, subject, &value.name(), capture),
            None,
        ),
        _ => (operator.evaluate(argument, subject, capture), None),
    };
    Answer { outcome, location }
}

/// Compat: mod_security2 resolves names, too; here only an address is looked up.
fn locate(config: &Config, subject: &[u8], name: &[u8]) -> (Outcome, Option<Box<Location>>) {
    let mut shown = Vec::new();
    log_escape(&mut shown, subject);
    let Some(database) = &config.geo else {
        let value = String::from_utf8_lossy(&shown);
        let text = format!(
            "Geo lookup for \"{value}\" attempted without a database.  Set SecGeoLookupDB."
        );
        return (Outcome::Error(Failure::other(text)), None);
    };
    let address = std::str::from_utf8(subject)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    match address.and_then(|address| database.locate(address)) {
        None => (Outcome::NoMatch, None),
        Some(location) => {
            let sentence = [
                b"Geo lookup for \"",
                &shown[..],
                b"\" succeeded at ",
                name,
                b".",
            ]
            .concat();
            (Outcome::of_lookup(sentence, None), Some(Box::new(location)))
        }
    }
}

fn listed(config: &Config, argument: &[u8], subject: &[u8], name: &[u8], capture: bool) -> Outcome {
    let (Ok(list), Ok(value)) = (std::str::from_utf8(argument), std::str::from_utf8(subject))
    else {
        return Outcome::NoMatch; // no name of a host
    };
    let failed = |text: String| Outcome::Error(Failure::other(text));
    let Ok(question) = rbl::Question::new(list.trim(), value.trim(), config.http_bl_key.as_deref())
    else {
        return failed("RBL httpBl called but no key defined: set SecHttpBlKey".into());
    };
    let answer = match config.resolver.address(&question.name) {
        Ok(None) => return Outcome::NoMatch,
        Ok(Some(answer)) => answer,
        Err(error) => {
            return failed(format!(
                "RBL lookup of {} failed: {error}",
                question.shown()
            ));
        }
    };
    let Some(sentence) = question.sentence(answer, &String::from_utf8_lossy(name)) else {
        return failed(format!(
            "RBL lookup of {} failed: bad response",
            question.shown()
        ));
    };
    let sentence = sentence.into_bytes();
    let captured = capture.then(|| sentence.clone());
    Outcome::of_lookup(sentence, captured)
}
