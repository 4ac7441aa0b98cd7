//! Logins: which application answers, and where its logins are written.

use std::sync::Arc;

use super::{Arguments, Problem, Section, audit};
use crate::login::{Application, Format, Log};

type Outcome = Result<(), Problem>;

/// Several in one section add up; those of an inner section take the place of the outer one's.
pub(super) fn audit(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let words: Vec<String> = (0..arguments.words.len())
        .map(|at| arguments.text(at))
        .collect();
    let stated = &mut section.stated.login_audit;
    if matches!(words.as_slice(), [off] if off.eq_ignore_ascii_case("off")) {
        *stated = Some(Arc::default());
        return Ok(());
    }
    let application =
        Application::parse(&words).map_err(|why| format!("ModSecurity: SecLoginAudit: {why}"))?;
    let known = stated.as_deref().unwrap_or_default();
    let all = known.iter().cloned().chain([Arc::new(application)]);
    *stated = Some(all.collect());
    Ok(())
}

pub(super) fn log(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let socket = arguments.optional(1).map(|_| arguments.path(1));
    let log = match Log::parse_syslog(&arguments.text(0), socket.as_deref()) {
        Some(log) => log.map_err(|why| format!("ModSecurity: SecLoginAuditLog: {why}"))?,
        None if socket.is_some() => {
            return Err(
                "ModSecurity: SecLoginAuditLog: only syslog takes a second argument".into(),
            );
        }
        None => Log::Target(audit::target(section, arguments, "login")?),
    };
    section.stated.login_log = Some(Arc::new(log));
    Ok(())
}

pub(super) fn format(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let text = arguments.text(0);
    let found = Format::lookup(&text).ok_or_else(|| {
        format!("ModSecurity: SecLoginAuditFormat must be LoginSyslog or wp-fail2ban, not {text:?}")
    })?;
    section.stated.login_format = Some(found);
    Ok(())
}
