//! What httpd does for the engine while a phase runs.

use std::ffi::{CString, OsString};
use std::process::Command;

use super::host::process;
use super::host::request::{self, Request};
use super::host::server::{self, Server};
use super::state::State;
use super::{dirconf, logging, shared};
use crate::host::{Host, LogLevel};
use crate::linkback;
use crate::metrics::Metrics;
use crate::variables::Variable;

/// httpd, as the engine sees it: a request and the servers it is one of.
pub(super) struct HttpdHost<'r> {
    request: Request<'r>,
    state: &'r State,
}

impl<'r> HttpdHost<'r> {
    pub(super) fn new(request: Request<'r>, state: &'r State) -> HttpdHost<'r> {
        HttpdHost { request, state }
    }

    /// What is known of the file, in mod_security2's forms.
    fn script(&self, variable: Variable) -> Option<Vec<u8>> {
        let file = self.request.file();
        let pool = self.request.pool();
        Some(match variable {
            Variable::ScriptUid => file?.user.to_string().into_bytes(),
            Variable::ScriptGid => file?.group.to_string().into_bytes(),
            Variable::ScriptUsername => request::user_name(file?.user, pool)?,
            Variable::ScriptGroupname => request::group_name(file?.group, pool)?,
            // APR writes permissions as one hexadecimal digit for each of user, group and world.
            Variable::ScriptMode => format!("{:04x}", file?.permissions).into_bytes(),
            _ => return None,
        })
    }
}

impl Host for HttpdHost<'_> {
    fn env(&self, name: &[u8]) -> Option<Vec<u8>> {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};
        let tables = [self.request.notes(), self.request.environment()];
        let of_request = tables
            .into_iter()
            .find_map(|table| table.find(name))
            .map(<[u8]>::to_vec);
        of_request.or_else(|| {
            // A name with `=` or NUL is in no environment, and asking for one is an error.
            let possible = !name.is_empty() && !name.iter().any(|byte| matches!(byte, b'=' | 0));
            possible
                .then(|| std::env::var_os(std::ffi::OsStr::from_bytes(name)))?
                .map(OsStringExt::into_vec)
        })
    }

    fn set_env(&mut self, name: &[u8], value: Option<&[u8]>) {
        let Ok(name) = CString::new(name) else { return };
        match value {
            Some(value) => self.request.environment().set(&name, value),
            None => self.request.environment().unset(&name),
        }
    }

    fn server_variable(&self, variable: Variable) -> Option<Vec<u8>> {
        let request = self.request;
        let text = match variable {
            Variable::AuthType => request.auth_type(),
            Variable::RemoteUser => request.user(),
            Variable::RemoteHost => request.remote_host(),
            Variable::PathInfo => request.path_info(),
            Variable::ScriptFilename => request.filename(),
            Variable::ScriptBasename => request.filename().map(basename),
            _ => return self.script(variable),
        };
        text.map(<[u8]>::to_vec)
    }

    fn error_log(&mut self, level: LogLevel, line: &[u8]) {
        if let Some(entry) = logging::alert(self.request, level, line) {
            self.state.overhear(entry);
        }
    }

    fn server_banner(&self) -> Vec<u8> {
        // Part H has the name that httpd has for itself.
        let config = Server::main()
            .and_then(dirconf::of_server)
            .map(|config| config.resolved());
        match config.is_some_and(|config| config.server_signature.is_some()) {
            true => server::description().to_vec(),
            false => server::banner().to_vec(),
        }
    }

    fn process_user(&self) -> Vec<u8> {
        // Compat: mod_security2's word where the user has no name.
        request::own_user_name(self.request.pool()).unwrap_or_else(|| b"apache".to_vec())
    }

    fn metrics(&self) -> &Metrics {
        shared::metrics()
    }

    fn linkbacks(&self) -> Option<&linkback::Memory> {
        Some(shared::linkbacks())
    }

    fn program_environment(&self) -> Vec<(OsString, OsString)> {
        process::environment(self.request)
    }

    fn prepare_program(&self, program: &mut Command) {
        process::keep_descriptors(program);
    }

    fn banned(&self, network: &str) {
        shared::bans().announce(network);
    }

    fn serves(&self, host: &str) -> bool {
        is_served(host)
    }
}

/// Whether this is a `ServerName` or `ServerAlias` of any virtual host.
pub(super) fn is_served(host: &str) -> bool {
    let (Some(name), Some(main)) = (server::host_name(host), Server::main()) else {
        return false;
    };
    main.chain().any(|server| server.answers_to(&name))
}

/// What follows the last slash or backslash.
fn basename(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/' || byte == b'\\')
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basename_is_what_follows_the_last_slash() {
        assert_eq!(basename(b"/var/www/index.php"), b"index.php");
        assert_eq!(basename(b"/var/www/"), b"");
        assert_eq!(basename(b"index.php"), b"index.php");
    }
}
