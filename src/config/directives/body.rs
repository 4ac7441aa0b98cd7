//! Request and response bodies.

use std::sync::Arc;

use super::{Arguments, Problem, Section};
use crate::body::{XmlArguments, cookies};
use crate::config::{KeepFiles, LimitAction};
use crate::limits;

type Outcome = Result<(), Problem>;

pub(super) fn request_access(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.request_body_access = Some(arguments.flag());
    Ok(())
}

pub(super) fn request_limit(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.request_body_limit = Some(arguments.number(section, 1)?);
    Ok(())
}

pub(super) fn request_no_files_limit(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.request_body_no_files_limit = Some(arguments.number(section, 1)?);
    Ok(())
}

pub(super) fn request_in_memory_limit(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.request_body_in_memory_limit = Some(arguments.number(section, 1)?);
    Ok(())
}

pub(super) fn request_limit_action(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.request_body_limit_action = Some(limit_action(arguments)?);
    Ok(())
}

pub(super) fn json_depth_limit(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.json_depth_limit = Some(arguments.number(section, 1)?);
    Ok(())
}

pub(super) fn arguments_limit(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.arguments_limit = Some(arguments.number(section, 1)?);
    Ok(())
}

pub(super) fn argument_separator(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.argument_separator = Some(one_character("argument separator", arguments)?);
    Ok(())
}

pub(super) fn cookie_format(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.cookie_format = Some(match arguments.bytes(0) {
        b"0" => cookies::Format::Netscape,
        b"1" => cookies::Format::Rfc2109,
        _ => {
            return Err(
                format!("ModSecurity: Invalid cookie format: {}", arguments.text(0)).into(),
            );
        }
    });
    Ok(())
}

pub(super) fn cookie_v0_separator(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.cookie_v0_separator =
        Some(Some(one_character("cookie v0 separator", arguments)?));
    Ok(())
}

pub(super) fn xml_external_entity(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.xml_external_entity = Some(arguments.flag());
    if arguments.flag() {
        section.note(
            "SecXmlExternalEntity On fetches nothing: it only lets a document name an external subset."
                .to_owned(),
        );
    }
    Ok(())
}

pub(super) fn xml_arguments(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let text = arguments.text(0);
    let how = XmlArguments::lookup(&text);
    section.stated.xml_arguments =
        Some(how.ok_or_else(|| {
            format!("ModSecurity: Invalid value for SecParseXmlIntoArgs: {text}")
        })?);
    Ok(())
}

pub(super) fn tmp_dir(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.tmp_dir = match arguments.bytes(0).eq_ignore_ascii_case(b"none") {
        true => None,
        false => Some(arguments.path(0).to_string_lossy().into()),
    };
    Ok(())
}

pub(super) fn upload_dir(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.upload_dir = Some(match arguments.bytes(0).eq_ignore_ascii_case(b"none") {
        true => None,
        false => Some(arguments.path(0).to_string_lossy().into()),
    });
    Ok(())
}

pub(super) fn upload_file_mode(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.upload_file_mode = arguments.octal_mode()?;
    Ok(())
}

pub(super) fn upload_keep_files(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.upload_keep_files =
        Some(match arguments.text(0).to_ascii_lowercase().as_str() {
            "on" => KeepFiles::On,
            "off" => KeepFiles::Off,
            "relevantonly" => KeepFiles::RelevantOnly,
            other => {
                return Err(format!(
                    "ModSecurity: Invalid setting for SecUploadKeepFiles: {other}"
                )
                .into());
            }
        });
    Ok(())
}

pub(super) fn tmp_save_uploaded_files(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.tmp_save_uploaded_files = Some(arguments.flag());
    Ok(())
}

pub(super) fn upload_file_limit(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.upload_file_limit = match arguments.bytes(0).eq_ignore_ascii_case(b"default") {
        true => None,
        // Compat: -1 is what mod_security2 writes for "not said".
        false => match arguments.number::<i64>(section, -1)? {
            -1 => None,
            limit => usize::try_from(limit).ok(),
        },
    };
    Ok(())
}

pub(super) fn response_access(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.response_body_access = Some(arguments.flag());
    Ok(())
}

pub(super) fn response_limit(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let limit: u64 = arguments.number(section, 1)?;
    if limit > limits::BODY_LIMIT_MAXIMUM {
        let most = limits::BODY_LIMIT_MAXIMUM;
        return Err(format!(
            "ModSecurity: Response size limit can not exceed the hard limit: {most}"
        )
        .into());
    }
    section.stated.response_body_limit = Some(limit);
    Ok(())
}

pub(super) fn response_limit_action(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.response_body_limit_action = Some(limit_action(arguments)?);
    Ok(())
}

pub(super) fn stream_in(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.stream_in_body_inspection = Some(arguments.flag());
    Ok(())
}

pub(super) fn stream_out(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.stream_out_body_inspection = Some(arguments.flag());
    Ok(())
}

pub(super) fn content_injection(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.content_injection = Some(arguments.flag());
    Ok(())
}

pub(super) fn disable_backend_compression(
    section: &mut Section,
    arguments: &Arguments<'_>,
) -> Outcome {
    section.stated.disable_backend_compression = Some(arguments.flag());
    Ok(())
}

/// Compat: in mod_security2 the first use of the directive in a section replaces the built-in list, later ones add.
pub(super) fn mime_types(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let types = Arc::make_mut(
        section
            .stated
            .response_body_mime_types
            .get_or_insert_default(),
    );
    types.extend((0..arguments.words.len()).map(|at| arguments.text(at).to_ascii_lowercase()));
    Ok(())
}

pub(super) fn mime_types_clear(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    if !arguments.words.is_empty() {
        arguments.note(
            section,
            "SecResponseBodyMimeTypesClear clears all types, whatever it names",
        );
    }
    section.stated.response_body_mime_types = Some(Arc::default());
    Ok(())
}

fn limit_action(arguments: &Arguments<'_>) -> Result<LimitAction, Problem> {
    match arguments.text(0).to_ascii_lowercase().as_str() {
        "reject" => Ok(LimitAction::Reject),
        "processpartial" => Ok(LimitAction::ProcessPartial),
        other => Err(format!(
            "ModSecurity: Invalid value for {}: {other}",
            arguments.directive.name
        )
        .into()),
    }
}

fn one_character(what: &str, arguments: &Arguments<'_>) -> Result<u8, Problem> {
    match arguments.bytes(0) {
        [separator] => Ok(*separator),
        _ => Err(format!("ModSecurity: Invalid {what}: {}", arguments.text(0)).into()),
    }
}
