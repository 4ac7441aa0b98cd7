//! `SecLoginAuditLog`: where lines go.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::Application;
use crate::audit::{Facility, Severity, Syslog, Target, Zone};

/// Where lines go.
#[derive(Debug)]
pub enum Log {
    /// The machine's log daemon.
    Syslog(Syslog),
    /// A file or a program, which get what a log daemon would write into a file.
    Target(Arc<Target>),
}

impl Default for Log {
    /// syslog, facility `auth`.
    fn default() -> Log {
        Log::syslog(Facility::AUTH, None)
    }
}

/// Who speaks in a line.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s> {
    /// The application.
    pub application: &'s Application,
    /// `ServerName` of the virtual host: never what a client calls it.
    pub server: &'s str,
    /// The number of this process.
    pub process: u32,
}

impl Log {
    /// The machine's log daemon, or another that listens at a path.
    pub fn syslog(facility: Facility, path: Option<&Path>) -> Log {
        Log::Syslog(Syslog::of(facility, Severity::NOTICE, path))
    }

    /// Reads `syslog` or `syslog:FACILITY`; `None` for anything else. The error is a sentence for the administrator.
    pub fn parse_syslog(text: &str, path: Option<&Path>) -> Option<Result<Log, String>> {
        let (kind, facility) = text.split_once(':').unwrap_or((text, "auth"));
        kind.eq_ignore_ascii_case("syslog").then(|| {
            let known = Facility::lookup(facility);
            let known = known.ok_or_else(|| format!("there is no syslog facility {facility:?}"));
            known.map(|facility| Log::syslog(facility, path))
        })
    }

    /// The file or program.
    pub fn target(&self) -> Option<&Arc<Target>> {
        match self {
            Log::Syslog(_) => None,
            Log::Target(target) => Some(target),
        }
    }

    /// Its name, for messages.
    pub fn name(&self) -> String {
        match self {
            Log::Syslog(syslog) => syslog.path().display().to_string(),
            Log::Target(target) => target.name(),
        }
    }

    /// Writes a line, or fails without waiting.
    pub fn write(
        &self,
        source: &Source<'_>,
        time: SystemTime,
        (severity, text): (Severity, &str),
    ) -> io::Result<()> {
        let tag = format!(
            "{}({})[{}]",
            source.application.ident(),
            one_word(source.server),
            source.process
        );
        match self {
            Log::Syslog(syslog) => syslog.tell(severity, Zone::local().civil(time), &tag, text),
            Log::Target(target) => target.log()?.write_bytes(&file_line(time, &tag, text)),
        }
    }
}

/// `2026-11-22T11:38:00.123456+00:00 machine idno(www.example.org)[4711]: TEXT`, as rsyslog writes it.
fn file_line(time: SystemTime, tag: &str, text: &str) -> Vec<u8> {
    let mut line = Vec::with_capacity(96 + text.len());
    Zone::local().civil(time).write_iso_8601(&mut line);
    let machine = rustix::system::uname();
    let machine = machine.nodename().to_string_lossy();
    line.extend_from_slice(format!(" {} {tag}: {text}\n", one_word(&machine)).as_bytes());
    line
}

/// A name without what would end it in a line.
fn one_word(name: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !"()[]".contains(c);
    name.chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect()
}
