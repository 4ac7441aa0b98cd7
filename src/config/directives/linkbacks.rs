//! What follows from pings: verification, and webmentions.

use std::sync::Arc;

use super::{Arguments, Problem, Section};
use crate::linkback::{Endpoint, Options};

pub(super) fn verify(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    let words: Vec<String> = (0..arguments.words.len())
        .map(|at| arguments.text(at))
        .collect();
    let (switch, options) = words
        .split_first()
        .ok_or("SecPingbackVerify must be On or Off")?;
    let options = Options::parse(options.iter().map(String::as_str))
        .map_err(|why| format!("ModSecurity: SecPingbackVerify: {why}"))?;
    section.stated.pingback_verify = Some(match switch.to_ascii_lowercase().as_str() {
        "on" => Some(options),
        "off" => None,
        _ => return Err(format!("SecPingbackVerify must be On or Off: {switch}").into()),
    });
    Ok(())
}

pub(super) fn gateway(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    let text = arguments.text(0);
    section.stated.pingback_gateway = Some(match text.eq_ignore_ascii_case("off") {
        true => None,
        false => {
            let endpoint = Endpoint::parse(&text);
            let endpoint =
                endpoint.map_err(|why| format!("ModSecurity: SecPingbackGateway: {why}"))?;
            Some(Arc::new(endpoint))
        }
    });
    Ok(())
}

pub(super) fn advertise(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    let text = arguments.text(0);
    let is_url = ["http://", "https://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    section.stated.pingback_advertise = Some(match text.eq_ignore_ascii_case("off") {
        true => None,
        false if is_url => Some(text.into()),
        false => {
            let why = "it takes an absolute http or https URL, which senders can use as it is";
            return Err(format!("ModSecurity: SecPingbackAdvertise: {why}: {text}").into());
        }
    });
    Ok(())
}
