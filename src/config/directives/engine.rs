//! The engine as a whole.

use std::sync::Arc;
use std::time::Duration;

use super::{Arguments, Problem, Section};
use crate::collections::{Collections, Place};
use crate::config::PingbackResponse;
use crate::limits;
use crate::transformations::UnicodeMap;
use crate::types::EngineMode;

pub(super) fn rule_engine(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    section.stated.engine = Some(mode(arguments)?);
    Ok(())
}

pub(super) fn rule_prefilter(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    section.stated.prefilter = Some(arguments.flag());
    Ok(())
}

pub(super) fn request_time_budget(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    let milliseconds: u64 = arguments.number(section, 1)?;
    if milliseconds > limits::REQUEST_TIME_BUDGET_MAX {
        return Err(format!(
            "ModSecurity: Invalid value for SecRequestTimeBudget: {milliseconds}, the most is {}",
            limits::REQUEST_TIME_BUDGET_MAX
        )
        .into());
    }
    section.stated.time_budget = Some(Duration::from_millis(milliseconds));
    Ok(())
}

pub(super) fn pingback_engine(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    section.stated.pingback_engine = Some(mode(arguments)?);
    Ok(())
}

pub(super) fn pingback_response(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    section.stated.pingback_response =
        Some(match arguments.text(0).to_ascii_lowercase().as_str() {
            "status" => PingbackResponse::Status,
            "fault" => PingbackResponse::Fault,
            other => {
                return Err(format!(
                    "ModSecurity: SecPingbackResponse must be status or fault, not \"{other}\""
                )
                .into());
            }
        });
    Ok(())
}

pub(super) fn mode(arguments: &Arguments<'_>) -> Result<EngineMode, Problem> {
    let (name, text) = (arguments.directive.name, arguments.text(0));
    EngineMode::lookup(&text)
        .ok_or_else(|| format!("ModSecurity: Invalid value for {name}: {text}").into())
}

pub(super) fn intercept_on_error(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    section.stated.intercept_on_error = Some(arguments.flag());
    Ok(())
}

pub(super) fn rule_perf_time(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    section.stated.rule_perf_time = Some(arguments.number(section, 1)?);
    Ok(())
}

pub(super) fn component_signature(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    Arc::make_mut(section.stated.component_signatures.get_or_insert_default())
        .push(arguments.text(0));
    Ok(())
}

/// Control characters would end the header.
pub(super) fn server_signature(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    let signature = arguments.text(0);
    if signature.chars().any(char::is_control) {
        return Err("ModSecurity: SecServerSignature must not hold control characters".into());
    }
    section.stated.server_signature = Some(Some(signature.into()));
    Ok(())
}

/// Compat: mod_security2 finds out when it starts that there is no such directory.
pub(super) fn chroot(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    let directory = arguments.path(0);
    if !directory.is_dir() {
        return Err(format!(
            "ModSecurity: SecChrootDir: {} is no directory",
            directory.display()
        )
        .into());
    }
    section.stated.chroot = Some(Some(directory.into()));
    Ok(())
}

pub(super) fn web_app_id(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    if arguments.bytes(0).is_empty() {
        return Err("ModSecurity: Invalid value for SecWebAppId".into());
    }
    section.stated.web_app_id = Some(arguments.text(0).into());
    Ok(())
}

pub(super) fn sensor_id(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    section.stated.sensor_id = Some(arguments.text(0).into());
    Ok(())
}

pub(super) fn pcre_match_limit(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    section.stated.pcre_match_limit = Some(Some(arguments.number(section, 1)?));
    Ok(())
}

pub(super) fn pcre_match_limit_recursion(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    section.stated.pcre_match_limit_recursion = Some(Some(arguments.number(section, 1)?));
    Ok(())
}

pub(super) fn unicode_map_file(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    let path = arguments.sibling(0);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let path = path.display();
        let sentence = format!("ModSecurity: Failed to open unicode map file {path}: {error}");
        arguments.wrong(0, sentence)
    })?;
    let code_page = match arguments.optional(1) {
        Some(_) => arguments
            .text(1)
            .parse()
            .map_err(|_| arguments.wrong(1, format!("Invalid code page: {}", arguments.text(1))))?,
        None => 20127,
    };
    let map = UnicodeMap::parse(&text, code_page)?;
    section.stated.unicode_map = Some(Some(Arc::new(map)));
    Ok(())
}

pub(super) fn collection_timeout(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    let seconds: i64 = arguments.number(section, 0)?;
    if !(0..=limits::COLLECTION_TIMEOUT_MAXIMUM).contains(&seconds) {
        return Err(
            format!("ModSecurity: Invalid value for SecCollectionTimeout: {seconds}").into(),
        );
    }
    section.stated.collection_timeout = Some(seconds);
    Ok(())
}

pub(super) fn data_dir(section: &mut Section, arguments: &Arguments<'_>) -> Result<(), Problem> {
    collections(section).set_data_dir(arguments.path(0));
    Ok(())
}

pub(super) fn collection_store(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Result<(), Problem> {
    let options: Vec<String> = (1..arguments.words.len())
        .map(|at| arguments.text(at))
        .collect();
    let place = match Place::parse(&arguments.text(0), &options) {
        Ok(Place::File(directory, bytes)) => {
            Place::File(arguments.place.server_root.join(directory), bytes)
        }
        Ok(other) => other,
        Err(why) => return Err(format!("ModSecurity: SecCollectionStore: {why}").into()),
    };
    collections(section).set_place(place);
    Ok(())
}

/// The collections of the whole configuration: these directives stand at its top only.
fn collections(section: &mut Section) -> &Collections {
    section.stated.collections.get_or_insert_default()
}
