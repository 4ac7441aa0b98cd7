//! Audit log and debug log.

use std::sync::Arc;

use super::{Arguments, Problem, Section};
use crate::actions::AuditEngine;
use crate::audit::{
    Condition, FailurePolicy, Format, Guardian, LogType, Parts, Place, Syslog, Target, Zone,
};
use crate::debug_log::DebugLog;
use crate::operators::rx::{Limits, Options, Pattern};

type Outcome = Result<(), Problem>;

/// Modes where nothing is said. Compat: mod_security2's.
const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o750;

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
    section.stated.audit_log = Some(Some(target(section, arguments, "audit")?));
    Ok(())
}

/// Compat: like mod_security2, there is a second one only where there is a first one.
pub(super) fn log2(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    if section.stated.audit_log.is_none() {
        return Err("ModSecurity: Cannot configure a secondary audit log without a primary defined: SecAuditLog must come first".into());
    }
    section.stated.audit_log2 = Some(Some(target(section, arguments, "audit")?));
    Ok(())
}

/// `SecGuardianLog FILE|"|program" [env=[!]NAME]`.
pub(super) fn guardian(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let condition = arguments.optional(1).map(|_| arguments.text(1));
    let condition = condition.map(|text| -> Result<Condition, Problem> {
        let name = text.strip_prefix("env=");
        let name =
            name.ok_or_else(|| arguments.wrong(1, "ModSecurity: Error in condition clause"))?;
        let bare = name.strip_prefix('!');
        let condition = Condition {
            name: bare.unwrap_or(name).to_owned(),
            set: bare.is_none(),
        };
        match condition.name.as_str() {
            "" => Err(arguments.wrong(1, "ModSecurity: Missing variable name")),
            _ => Ok(condition),
        }
    });
    let condition = condition.transpose()?;
    let target = target(section, arguments, "guardian")?;
    section.stated.guardian = Some(Some(Arc::new(Guardian { target, condition })));
    Ok(())
}

/// What the directive names. It is opened when the whole configuration has been read.
pub(super) fn target(
    section: &Section,
    arguments: &Arguments<'_>,
    kind: &'static str,
) -> Result<Arc<Target>, Problem> {
    // The time zone is read while its files are within reach.
    Zone::local();
    let place = match arguments.bytes(0).strip_prefix(b"|") {
        Some(b"") => return Err("ModSecurity: there is no program after the |".into()),
        Some(command) => Place::Program(String::from_utf8_lossy(command).into_owned()),
        None => Place::File(arguments.path(0)),
    };
    let mode = section.stated.audit_file_mode.unwrap_or(FILE_MODE);
    let target = Target::new(place, mode, arguments.place.origin.clone()).of_kind(kind);
    if !arguments.place.at_restart {
        target.check()?;
    }
    Ok(Arc::new(target))
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

pub(super) fn log_type(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let text = arguments.text(0);
    let kind = match text.to_ascii_lowercase().as_str() {
        "serial" => LogType::Serial,
        "concurrent" => LogType::Concurrent,
        "syslog" => {
            let priority = arguments.optional(1).map(String::from_utf8_lossy);
            let socket = arguments.optional(2).map(|_| arguments.path(2));
            let syslog = Syslog::parse(priority.as_deref(), socket.as_deref())
                .map_err(|error| format!("ModSecurity: SecAuditLogType: {error}"))?;
            LogType::Syslog(syslog)
        }
        _ => {
            let what = "Unrecognised parameter value for SecAuditLogType";
            return Err(arguments.wrong(0, format!("ModSecurity: {what}: {text}")));
        }
    };
    if !matches!(kind, LogType::Syslog(_)) && arguments.optional(1).is_some() {
        let sentence = format!("ModSecurity: SecAuditLogType {text} takes no further argument");
        return Err(arguments.wrong(1, sentence));
    }
    section.stated.audit_type = Some(Arc::new(kind));
    Ok(())
}

pub(super) fn storage_dir(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.audit_storage_dir = Some(Some(Arc::from(arguments.path(0))));
    Ok(())
}

pub(super) fn failure(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let text = arguments.text(0);
    section.stated.audit_failure = Some(match text.to_ascii_lowercase().as_str() {
        "open" => FailurePolicy::Open,
        "closed" => FailurePolicy::Closed,
        _ => {
            let what = "SecAuditLogFailure must be open or closed";
            return Err(format!("ModSecurity: {what}, not {text:?}").into());
        }
    });
    Ok(())
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
    section.stated.audit_file_mode = Some(arguments.octal_mode()?.unwrap_or(FILE_MODE));
    Ok(())
}

pub(super) fn dir_mode(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.audit_dir_mode = Some(arguments.octal_mode()?.unwrap_or(DIRECTORY_MODE));
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
