//! The little that the engine asks of its host while it runs.

use std::ffi::OsString;
use std::process::Command;

use crate::linkback;
use crate::metrics::Metrics;
use crate::variables::Variable;

/// What the server under the engine can do for it. Everything else is pushed in as facts.
pub trait Host {
    /// An environment variable as `ENV:name` sees it: request notes, subprocess environment, process environment.
    fn env(&self, name: &[u8]) -> Option<Vec<u8>>;

    /// `setenv`: visible to other modules and to CGI programs. `None` removes.
    fn set_env(&mut self, name: &[u8], value: Option<&[u8]>);

    /// A variable that only the server knows, and only late (REMOTE_USER, SCRIPT_FILENAME, …). `None`: no value.
    fn server_variable(&self, variable: Variable) -> Option<Vec<u8>>;

    /// One finished line for the server's error log, already escaped and without line ends.
    /// It starts with the client in brackets; the server adds its own time, module and process.
    fn error_log(&mut self, level: LogLevel, line: &[u8]);

    /// The server's banner, for the `Server:` line of part H.
    fn server_banner(&self) -> Vec<u8>;

    /// The name of the user this process runs as.
    fn process_user(&self) -> Vec<u8>;

    /// Where everything is counted, for the whole server.
    fn metrics(&self) -> &Metrics;

    /// What all processes of the server know of pages fetched for pings; none where nothing is to be fetched.
    fn linkbacks(&self) -> Option<&linkback::Memory>;

    /// The environment of a program that a rule starts: the variables of CGI.
    fn program_environment(&self) -> Vec<(OsString, OsString)>;

    /// The last touch to a program that is about to start: what the server has open is the server's.
    fn prepare_program(&self, program: &mut Command);

    /// Rules have banned this client (`ClientAddress::network`), and the collections have it: whoever remembers otherwise must forget.
    fn banned(&self, _network: &str) {}

    /// Whether this host name (lower case, no port) is served here: a `ServerName` or `ServerAlias` of any virtual host.
    fn serves(&self, host: &str) -> bool;
}

/// The level of an error log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogLevel {
    /// Denials and rule alerts.
    Error,
    /// Something is not as it should be, the request goes on.
    Warning,
    /// For the record.
    Notice,
}
