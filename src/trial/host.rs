//! A host without a server.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Command;

use crate::host::{Host, LogLevel};
use crate::linkback;
use crate::metrics::Metrics;
use crate::variables::Variable;

/// What remembers what the engine says, and knows little.
#[derive(Default)]
pub(super) struct Bench {
    pub(super) log: Vec<String>,
    pub(super) environment: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) metrics: Box<Metrics>,
    /// Host names that are served here.
    pub(super) names: Vec<String>,
    /// Whether programs that rules name are started.
    pub(super) programs: bool,
}

impl Host for Bench {
    fn env(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.environment.get(name).cloned()
    }

    fn set_env(&mut self, name: &[u8], value: Option<&[u8]>) {
        match value {
            Some(value) => self.environment.insert(name.to_vec(), value.to_vec()),
            None => self.environment.remove(name),
        };
    }

    fn server_variable(&self, _: Variable) -> Option<Vec<u8>> {
        None
    }

    fn error_log(&mut self, _: LogLevel, line: &[u8]) {
        self.log.push(String::from_utf8_lossy(line).into_owned());
    }

    fn server_banner(&self) -> Vec<u8> {
        b"Apache".to_vec()
    }

    fn process_user(&self) -> Vec<u8> {
        Vec::new()
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// A trial asks nobody.
    fn linkbacks(&self) -> Option<&linkback::Memory> {
        None
    }

    fn program_environment(&self) -> Vec<(OsString, OsString)> {
        Vec::new()
    }

    fn prepare_program(&self, program: &mut Command) {
        if !self.programs {
            // It might ban somebody.
            *program = Command::new("true");
        }
    }

    fn serves(&self, host: &str) -> bool {
        self.names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
    }
}
