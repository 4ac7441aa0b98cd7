//! `SecAuditLogType Syslog`: one datagram a record, to the machine's own log daemon.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::clock::Civil;
use super::parts::{Part, Parts};
use super::record::{Masks, Record};
use super::{Format, render};

/// Longest message in bytes, header included. rsyslog takes 8 KiB a message unless it is told otherwise, and cuts without a word.
pub const SYSLOG_RECORD_LIMIT: usize = 8192;

/// Where the log daemon listens.
const SOCKET: &str = "/dev/log";

/// What the daemon files messages under.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facility(u8);

/// How urgent messages are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Severity(u8);

const FACILITIES: [(&str, u8); 20] = [
    ("kern", 0),
    ("user", 1),
    ("mail", 2),
    ("daemon", 3),
    ("auth", 4),
    ("syslog", 5),
    ("lpr", 6),
    ("news", 7),
    ("uucp", 8),
    ("cron", 9),
    ("authpriv", 10),
    ("ftp", 11),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

const SEVERITIES: [(&str, u8); 10] = [
    ("emerg", 0),
    ("alert", 1),
    ("crit", 2),
    ("err", 3),
    ("error", 3),
    ("warning", 4),
    ("warn", 4),
    ("notice", 5),
    ("info", 6),
    ("debug", 7),
];

fn number(table: &[(&str, u8)], name: &str) -> Option<u8> {
    let mut rows = table.iter();
    rows.find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, number)| *number)
}

impl Facility {
    /// What is about logins.
    pub const AUTH: Facility = Facility(4);

    /// `auth`, `authpriv`, `daemon`, `local0` to `local7`, … in any case.
    pub fn lookup(name: &str) -> Option<Facility> {
        number(&FACILITIES, name).map(Facility)
    }
}

impl Severity {
    /// Normal, but worth a look.
    pub const NOTICE: Severity = Severity(5);
    /// For the record.
    pub const INFO: Severity = Severity(6);

    /// `emerg` to `debug`, in any case.
    pub fn lookup(name: &str) -> Option<Severity> {
        number(&SEVERITIES, name).map(Severity)
    }
}

impl Default for Facility {
    /// `local7`, which is also httpd's for `ErrorLog syslog`.
    fn default() -> Facility {
        Facility(23)
    }
}

impl Default for Severity {
    /// `notice`.
    fn default() -> Severity {
        Severity::NOTICE
    }
}

/// A log daemon.
///
/// A message is `<PRI>Nov 22 12:38:00 palisade[PID]: ` and one line of JSON: RFC 3164 as the C library's `syslog()` writes it to
/// a local socket, without a host name, which rsyslog, syslog-ng and journald all read.
///
/// A message that the daemon does not take at once is lost, and counted: a daemon that hangs must not stop the server.
#[derive(Debug)]
pub struct Syslog {
    facility: Facility,
    severity: Severity,
    path: PathBuf,
    socket: OnceLock<UnixDatagram>,
}

impl Default for Syslog {
    fn default() -> Syslog {
        Syslog::new(Facility::default(), Severity::default(), Path::new(SOCKET))
    }
}

impl Syslog {
    /// A daemon that listens at `path`.
    pub fn new(facility: Facility, severity: Severity, path: &Path) -> Syslog {
        Syslog {
            facility,
            severity,
            path: path.to_owned(),
            socket: OnceLock::new(),
        }
    }

    /// From the arguments of the directive: `FACILITY`, `FACILITY.SEVERITY` or nothing, and the socket's path or nothing. The
    /// error is a sentence for the administrator.
    pub fn parse(priority: Option<&str>, path: Option<&Path>) -> Result<Syslog, String> {
        let priority = priority.unwrap_or_default();
        let (facility, severity) = priority.split_once('.').unwrap_or((priority, ""));
        let unknown = |what, name| format!("there is no syslog {what} {name:?}");
        let facility = match facility {
            "" => Facility::default(),
            name => Facility::lookup(name).ok_or_else(|| unknown("facility", name))?,
        };
        let severity = match severity {
            "" => Severity::default(),
            name => Severity::lookup(name).ok_or_else(|| unknown("severity", name))?,
        };
        Ok(Syslog::of(facility, severity, path))
    }

    /// The machine's own daemon, or one that listens at `path`.
    pub fn of(facility: Facility, severity: Severity, path: Option<&Path>) -> Syslog {
        Syslog::new(facility, severity, path.unwrap_or(Path::new(SOCKET)))
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sends a record, or as much of it as fits.
    pub fn write(&self, record: &Record<'_>, parts: &Parts, format: Format) -> io::Result<()> {
        self.send(&self.message(record, parts, format))
    }

    /// Sends a line of another log than the audit log: `tag` says who speaks, as in `name[4711]`. Neither holds a line end.
    pub fn tell(&self, severity: Severity, time: Civil, tag: &str, text: &str) -> io::Result<()> {
        let mut message = self.header(severity, time, tag);
        message.extend_from_slice(text.as_bytes());
        self.send(&message)
    }

    /// Sends a message that is whole already. Never waits.
    fn send(&self, message: &[u8]) -> io::Result<()> {
        let socket = match self.socket.get() {
            Some(socket) => socket,
            None => {
                let socket = UnixDatagram::unbound()?;
                socket.set_nonblocking(true)?;
                self.socket.get_or_init(|| socket)
            }
        };
        // The path is looked up every time: a daemon that was started anew has another socket there.
        socket.send_to(message, &self.path).map(|_| ())
    }

    /// The message: never longer than [`SYSLOG_RECORD_LIMIT`]. What does not fit is left out part by part, bodies first, and the
    /// record says which (`parts_omitted`); should even its heading be too long, it is cut off, and says that.
    fn message(&self, record: &Record<'_>, parts: &Parts, format: Format) -> Vec<u8> {
        // Native records are many lines; a message is one.
        let format = match format {
            Format::Native => Format::Ecs,
            other => other,
        };
        let time = record.zone.civil(record.time);
        let tag = format!("palisade[{}]", std::process::id());
        let header = self.header(self.severity, time, &tag);
        let room = SYSLOG_RECORD_LIMIT - header.len();
        let mut record = *record;
        record.masks = Masks {
            credentials: true,
            ..record.masks
        };
        let mut kept = *parts;
        let mut omitted = Vec::new();
        let mut line = rendered(&record, &kept, format);
        for step in OMITTED {
            if line.len() <= room {
                break;
            }
            for part in step.iter().copied() {
                if kept.contains(part) {
                    omitted.push(part.letter());
                    kept = kept.without(part);
                }
            }
            let shorter = Record {
                parts_omitted: &omitted,
                ..record
            };
            line = rendered(&shorter, &kept, format);
        }
        let mut message = header;
        match line.len() {
            length if length <= room => message.extend_from_slice(&line),
            length => {
                let mark = format!(" [cut: the record has {length} bytes]");
                let end = boundary(&line, room.saturating_sub(mark.len()));
                message.extend_from_slice(line.get(..end).unwrap_or_default());
                message.extend_from_slice(mark.as_bytes());
            }
        }
        message
    }

    fn header(&self, severity: Severity, time: Civil, tag: &str) -> Vec<u8> {
        let mut header = Vec::with_capacity(64);
        let priority = u16::from(self.facility.0) * 8 + u16::from(severity.0);
        // Writing into a vector cannot fail.
        let _ = write!(header, "<{priority}>");
        time.write_rfc_3164(&mut header);
        let _ = write!(header, " {tag}: ");
        header
    }
}

/// What is left out of a record that is too long, in this order.
const OMITTED: [&[Part]; 4] = [
    &[
        Part::RequestBody,
        Part::ResponseBody,
        Part::CompactRequestBody,
    ],
    &[Part::Uploads, Part::MatchedRules],
    &[Part::RequestHeaders, Part::ResponseHeaders],
    &[Part::Trailer],
];

fn rendered(record: &Record<'_>, parts: &Parts, format: Format) -> Vec<u8> {
    let mut line = render(record, parts, format);
    line.pop_if(|last| *last == b'\n');
    line
}

/// The last place up to `longest` at which UTF-8 can be cut.
fn boundary(text: &[u8], longest: usize) -> usize {
    let is_inside = |at: &usize| text.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let mut end = longest.min(text.len());
    while end > 0 && is_inside(&end) {
        end -= 1;
    }
    end
}
