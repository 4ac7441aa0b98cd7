//! Where the record of one transaction goes: everything that the directives say about it.

use std::io;

use super::concurrent::{Index, Storage};
use super::parts::Parts;
use super::record::Record;
use super::syslog::Syslog;
use super::{Format, Target};

/// `SecAuditLogType`.
#[derive(Debug, Default)]
pub enum LogType {
    /// One record after the other in one log.
    #[default]
    Serial,
    /// A file for each record, and a line about it in an index.
    Concurrent,
    /// A message to the machine's log daemon.
    ///
    /// Compat: mod_security2 has no such type.
    Syslog(Syslog),
}

/// `SecAuditLogFailure`: what becomes of a request whose record cannot be written.
///
/// Compat: mod_security2 serves it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FailurePolicy {
    /// It is served, and the loss is counted.
    #[default]
    Open,
    /// It is answered 503. Records are written before the response leaves.
    Closed,
}

/// Records that a log does not have.
#[derive(Debug)]
pub struct Lost {
    /// How many logs it is that do not have the record.
    pub records: u64,
    /// The name of the last such log.
    pub log: String,
    /// Why.
    pub error: io::Error,
}

impl Lost {
    /// One record that did not come into a log.
    pub(super) fn one(log: impl Into<String>, error: io::Error) -> Lost {
        Lost {
            records: 1,
            log: log.into(),
            error,
        }
    }

    /// Two outcomes in one.
    pub(super) fn and(first: Result<(), Lost>, second: Result<(), Lost>) -> Result<(), Lost> {
        match (first, second) {
            (Err(first), Err(second)) => Err(Lost {
                records: first.records + second.records,
                ..second
            }),
            (first, second) => first.and(second),
        }
    }
}

/// Where the record of a transaction goes.
#[derive(Debug)]
pub struct Destination<'c> {
    /// `SecAuditLogType`
    pub kind: &'c LogType,
    /// `SecAuditLogFormat`
    pub format: Format,
    /// `SecAuditLog`
    pub primary: Option<&'c Target>,
    /// `SecAuditLog2`: a second index.
    ///
    /// Compat: like mod_security2's, it is for concurrent logs only.
    pub secondary: Option<&'c Target>,
    /// `SecAuditLogStorageDir` and what belongs to it.
    pub storage: Option<Storage>,
}

impl Destination<'_> {
    /// Whether records go anywhere at all.
    pub fn is_anywhere(&self) -> bool {
        match self.kind {
            LogType::Serial => self.primary.is_some(),
            LogType::Concurrent => self.primary.is_some() && self.storage.is_some(),
            LogType::Syslog(_) => true,
        }
    }

    /// Writes a record. Nothing is retried: the next record is.
    pub fn write(&self, record: &Record<'_>, parts: &Parts) -> Result<(), Lost> {
        match (self.kind, self.primary, &self.storage) {
            (LogType::Syslog(syslog), _, _) => syslog
                .write(record, parts, self.format)
                .map_err(|error| Lost::one(syslog.path().to_string_lossy(), error)),
            (LogType::Serial, Some(primary), _) => primary
                .log()
                .and_then(|log| log.write(record, parts, self.format))
                .map_err(|error| Lost::one(primary.name(), error)),
            (LogType::Concurrent, Some(primary), Some(storage)) => {
                let index = Index {
                    primary,
                    secondary: self.secondary,
                };
                storage.write(&index, record, parts, self.format)
            }
            _ => Ok(()),
        }
    }
}
