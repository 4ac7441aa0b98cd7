//! httpd's error log: the engine's alerts, what httpd and other modules say about a request, and the `log` facade.

use std::borrow::Cow;
use std::ffi::c_int;

use super::host::log::{self, Level};
use super::host::request::Request;
use super::host::server::Server;
use super::host::text;
use super::{module, sys};
use crate::host::LogLevel;

/// Writes an alert to the error log. Returns the entry for the transaction, unless httpd will hand it back by itself.
///
/// The line begins with the client twice (`[client A] [client A] ModSecurity: …`): that is the one form that unmodified
/// fail2ban and CrowdSec both read an address from. So httpd must not add its own `[client A:port]`, in which IPv6 is
/// ambiguous and which is `[remote …]` for HTTP/2: the line is written for the server, not for the request.
///
/// With an `ErrorLogFormat`, the line is the administrator's: then it is written for the request, so that `%a`, `%L` and
/// the like are filled, and the first client is left to the format.
pub(super) fn alert(request: Request<'_>, level: LogLevel, line: &[u8]) -> Option<String> {
    let level = match level {
        LogLevel::Error => Level::Error,
        LogLevel::Warning => Level::Warning,
        LogLevel::Notice => Level::Notice,
    };
    if !request.logs(level) {
        return None;
    }
    if request.server().has_error_log_format() {
        log::write_for(request, level, without_first_client(line));
        return None;
    }
    log::write(Some(request.server()), level, line);
    let entry = Entry {
        file: Some(file!().rsplit('/').next().unwrap_or_default().as_bytes()),
        line: line!(),
        level: level.number(),
        status: 0,
        message: without_first_client(line),
    };
    Some(entry.to_string())
}

/// `[client A] [client A] rest` without the first of the two; a line with only one stays as it is.
fn without_first_client(line: &[u8]) -> &[u8] {
    const START: &[u8] = b"[client ";
    let shorter = line
        .strip_prefix(START)
        .and_then(|rest| rest.get(memchr::memmem::find(rest, b"] ")? + 2..))
        .filter(|rest| rest.starts_with(START));
    shorter.unwrap_or(line)
}

/// An entry of the error log, as audit logs show it (`Apache-Error:`) and `WEBSERVER_ERROR_LOG` has it.
struct Entry<'e> {
    file: Option<&'e [u8]>,
    line: u32,
    level: c_int,
    status: c_int,
    message: &'e [u8],
}

impl std::fmt::Display for Entry<'_> {
    /// Compat: mod_security2's form. httpd has escaped the message already.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(file) = self.file {
            write!(f, "[file \"{}\"] ", printable(file))?;
        }
        if self.line > 0 {
            write!(f, "[line {}] ", self.line)?;
        }
        write!(f, "[level {}] ", self.level)?;
        if self.status != 0 {
            write!(f, "[status {}] ", self.status)?;
        }
        f.write_str(&printable(self.message))
    }
}

/// Bytes as text; what could end a line or is not ASCII as `\xHH`.
fn printable(bytes: &[u8]) -> Cow<'_, str> {
    let clean = bytes
        .iter()
        .fold(true, |so_far, byte| so_far & is_printable(byte));
    if let (true, Ok(text)) = (clean, std::str::from_utf8(bytes)) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for run in bytes.chunk_by(|a, b| is_printable(a) == is_printable(b)) {
        match std::str::from_utf8(run) {
            Ok(clean) if run.first().is_some_and(is_printable) => text.push_str(clean),
            _ => run
                .iter()
                .for_each(|byte| text.push_str(&format!("\\x{byte:02x}"))),
        }
    }
    Cow::Owned(text)
}

fn is_printable(byte: &u8) -> bool {
    (b' '..=b'~').contains(byte)
}

/// What httpd hands to the `error_log` hook, in the form for the transaction.
///
/// # Safety
/// The arguments of a call of that hook.
pub(super) unsafe fn overheard(
    info: &sys::ap_errorlog_info,
    message: *const std::ffi::c_char,
) -> String {
    // SAFETY: the caller's word: the strings live during the call.
    let (file, message) = unsafe { (text(info.file), text(message).unwrap_or_default()) };
    let entry = Entry {
        file: file.map(|path| path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()),
        line: u32::try_from(info.line).unwrap_or(0),
        level: info.level & sys::APLOG_LEVELMASK,
        status: info.status,
        message: message.strip_suffix(b"\n").unwrap_or(message),
    };
    entry.to_string()
}

/// The `log` facade's way to httpd's error log.
struct Backend;

impl ::log::Log for Backend {
    fn enabled(&self, metadata: &::log::Metadata<'_>) -> bool {
        Server::main()
            .is_none_or(|server| server.log_level() >= level_of(metadata.level()).number())
    }

    fn log(&self, record: &::log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("ModSecurity: {}", record.args());
            log::write(Server::main(), level_of(record.level()), line.as_bytes());
        }
    }

    fn flush(&self) {}
}

fn level_of(level: ::log::Level) -> Level {
    match level {
        ::log::Level::Error => Level::Error,
        ::log::Level::Warn => Level::Warning,
        ::log::Level::Info => Level::Info,
        ::log::Level::Debug => Level::Debug,
        ::log::Level::Trace => Level::Trace,
    }
}

/// Sends the `log` facade to httpd's error log. Once for the life of the process is enough.
pub(super) fn install() {
    if ::log::set_logger(&Backend).is_ok() {
        ::log::set_max_level(::log::LevelFilter::Info);
    }
}

/// Lets the `log` facade pass what the `LogLevel` of any server asks for, and no more.
pub(super) fn adopt_log_level(servers: impl Iterator<Item = i32>) {
    let most = servers.max().unwrap_or(sys::APLOG_WARNING);
    ::log::set_max_level(match most {
        ..=sys::APLOG_CRIT => ::log::LevelFilter::Off,
        sys::APLOG_ERR => ::log::LevelFilter::Error,
        sys::APLOG_WARNING | sys::APLOG_NOTICE => ::log::LevelFilter::Warn,
        sys::APLOG_INFO => ::log::LevelFilter::Info,
        sys::APLOG_DEBUG => ::log::LevelFilter::Debug,
        _ => ::log::LevelFilter::Trace,
    });
}

impl Request<'_> {
    /// Whether the `LogLevel` that holds for the request lets this module's entries of that level through.
    fn logs(self, level: Level) -> bool {
        // SAFETY: the request is alive.
        level.number()
            <= unsafe { sys::ap_get_request_module_loglevel(self.as_ptr(), module::index()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_clients_is_left_out() {
        let line = b"[client 192.0.2.1] [client 192.0.2.1] ModSecurity: x";
        assert_eq!(
            without_first_client(line),
            b"[client 192.0.2.1] ModSecurity: x"
        );
        let one = b"[client 192.0.2.1] ModSecurity: [client x] y";
        assert_eq!(without_first_client(one), one);
        assert_eq!(without_first_client(b"[client "), b"[client ");
        assert_eq!(without_first_client(b""), b"");
    }

    #[test]
    fn entries_have_mod_security2_s_form_and_stay_on_one_line() {
        let entry = Entry {
            file: Some(b"core.c"),
            line: 7,
            level: 3,
            status: 13,
            message: b"a\nb\xff \"c\"",
        };
        assert_eq!(
            entry.to_string(),
            "[file \"core.c\"] [line 7] [level 3] [status 13] a\\x0ab\\xff \"c\""
        );
        let entry = Entry {
            file: None,
            line: 0,
            level: 6,
            status: 0,
            message: b"m",
        };
        assert_eq!(entry.to_string(), "[level 6] m");
    }
}
