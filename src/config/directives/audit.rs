//! Audit log and debug log.

use std::sync::Arc;

use super::{Arguments, Problem, Section};
use crate::actions::AuditEngine;
use crate::audit::{AuditLog, Format, Parts, Zone};
use crate::debug_log::DebugLog;
use crate::operators::rx::{Limits, Options, Pattern};

type Outcome = Result<(), Problem>;

pub(super) fn engine(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let found = AuditEngine::lookup(&arguments.text(0)).ok_or_else(|| {
        format!(
            "ModSecurity: Unrecognised parameter value for SecAuditEngine: {}",
            arguments.text(0)
        )
    })?;
    section.stated.audit_engine = Some(found);
    Ok(())
}

pub(super) fn log(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    if arguments.bytes(0).starts_with(b"|") {
        return Err(
            "ModSecurity: SecAuditLog to a program is not supported by this version of Palisade"
                .into(),
        );
    }
    // The time zone is read while its files are within reach.
    Zone::local();
    let path = arguments.path(0);
    let mode = section.stated.audit_file_mode.unwrap_or(0o640);
    let log = AuditLog::open(&path, mode).map_err(|error| error.to_string())?;
    section.stated.audit_log = Some(Some(Arc::new(log)));
    Ok(())
}

pub(super) fn parts(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let text = arguments.text(0);
    let parts = Parts::parse(&text).ok().filter(|_| !text.is_empty());
    let parts =
        parts.ok_or_else(|| format!("Invalid parts specification for SecAuditLogParts: {text}"))?;
    section.stated.audit_parts = Some(parts);
    Ok(())
}

pub(super) fn relevant_status(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let pattern = Pattern::compile(arguments.bytes(0), Options::operator(Limits::default()))
        .map_err(|error| format!("ModSecurity: Invalid regular expression: {error}"))?;
    section.stated.audit_relevant_status = Some(Some(Arc::new(pattern)));
    Ok(())
}

pub(super) fn log_type(_: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let text = arguments.text(0);
    match text.to_ascii_lowercase().as_str() {
        "serial" => Ok(()),
        "concurrent" => Err(
            "ModSecurity: SecAuditLogType Concurrent is not supported by this version of Palisade"
                .into(),
        ),
        _ => Err(
            format!("ModSecurity: Unrecognised parameter value for SecAuditLogType: {text}").into(),
        ),
    }
}

pub(super) fn format(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let text = arguments.text(0);
    let found = Format::lookup(&text).ok_or_else(|| {
        format!("ModSecurity: Unrecognised parameter value for SecAuditLogFormat: {text}")
    })?;
    section.stated.audit_format = Some(found);
    Ok(())
}

pub(super) fn file_mode(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.audit_file_mode = arguments.octal_mode()?;
    Ok(())
}

pub(super) fn debug_log(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let path = arguments.path(0);
    let log = DebugLog::open(&path).map_err(|error| {
        format!(
            "ModSecurity: Failed to open debug log file: {}: {error}",
            path.display()
        )
    })?;
    section.stated.debug_log = Some(Some(Arc::new(log)));
    Ok(())
}

pub(super) fn debug_level(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let level: u8 = arguments.number(section, 0)?;
    if level > 9 {
        return Err(format!("ModSecurity: Invalid value for SecDebugLogLevel: {level}").into());
    }
    section.stated.debug_level = Some(level);
    Ok(())
}
