//! What the directives of the audit log come to together.

use super::section::Config;
use crate::actions::AuditEngine;
use crate::audit::{Destination, LogType, Storage};

impl Config {
    /// Where the audit record of a transaction goes. `user` is whom the server's processes run as.
    pub fn audit_destination(&self, user: &[u8]) -> Destination<'_> {
        let directory = self.audit_storage_dir.as_deref();
        let concurrent = matches!(*self.audit_type, LogType::Concurrent);
        Destination {
            kind: &self.audit_type,
            format: self.audit_format,
            primary: self.audit_log.as_deref(),
            secondary: self.audit_log2.as_deref(),
            storage: directory.filter(|_| concurrent).map(|directory| Storage {
                directory: directory.to_owned(),
                user: String::from_utf8_lossy(user).into_owned(),
                directory_mode: self.audit_dir_mode,
                file_mode: self.audit_file_mode,
            }),
        }
    }

    /// What the audit log's directives do not do together.
    pub(super) fn audit_notice(&self) -> Option<&'static str> {
        if self.audit_engine == AuditEngine::Off {
            return None;
        }
        match &*self.audit_type {
            LogType::Syslog(_) => self
                .audit_log
                .as_ref()
                .map(|_| "SecAuditLogType is Syslog: SecAuditLog is not written."),
            _ if self.audit_log.is_none() => Some(
                "SecAuditEngine is on but SecAuditLog names no file: no audit record will be written.",
            ),
            LogType::Concurrent if self.audit_storage_dir.is_none() => Some(
                "SecAuditLogType is Concurrent but SecAuditLogStorageDir names no directory: no audit record will be written.",
            ),
            LogType::Serial if self.audit_log2.is_some() => Some(
                "SecAuditLogType is Serial: SecAuditLog2, a second index of a concurrent log, is not written.",
            ),
            _ => None,
        }
    }
}
