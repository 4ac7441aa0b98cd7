//! What a directive says about a log, from reading the configuration to the open log.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::{AuditLog, Lost};
use crate::types::Origin;

/// Where a log goes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Place {
    /// A file.
    File(PathBuf),
    /// The standard input of a program that the server keeps running: a command line as `CustomLog` takes it, without its
    /// first `|`.
    Program(String),
}

/// A log that a directive names. Sections that inherit it share it.
///
/// Reading a configuration opens nothing and starts nothing: `httpd -t` and `palisade check` leave no traces. The server opens
/// all logs once it has read everything, as root. A file that nobody has opened by the time of the first record is opened then.
#[derive(Debug)]
pub struct Target {
    /// Where it goes.
    pub place: Place,
    /// `SecAuditLogFileMode` at that place of the configuration, less the umask.
    pub mode: u32,
    /// Where the directive stands.
    pub origin: Origin,
    /// What kind of log it is, for messages: `audit` or `guardian`.
    pub kind: &'static str,
    log: OnceLock<Arc<AuditLog>>,
}

impl Target {
    /// A log that is not open yet.
    pub fn new(place: Place, mode: u32, origin: Origin) -> Target {
        Target {
            place,
            mode,
            origin,
            kind: "audit",
            log: OnceLock::new(),
        }
    }

    /// The same as a log of another kind.
    pub fn of_kind(self, kind: &'static str) -> Target {
        Target { kind, ..self }
    }

    /// The sentence about a log that cannot be opened.
    pub fn problem(&self, reason: &dyn fmt::Display) -> String {
        let (kind, name) = (self.kind, self.name());
        let what = match self.place {
            Place::File(_) => "file",
            Place::Program(_) => "pipe",
        };
        format!("ModSecurity: Failed to open the {kind} log {what}: {name}: {reason}")
    }

    /// Writes a line that is whole.
    pub(super) fn write_line(&self, line: &[u8]) -> Result<(), Lost> {
        let written = self.log().and_then(|log| log.write_bytes(line));
        written.map_err(|error| Lost::one(self.name(), error))
    }

    /// The path, or the program with a `|` before it.
    pub fn name(&self) -> String {
        match &self.place {
            Place::File(path) => path.display().to_string(),
            Place::Program(command) => format!("|{command}"),
        }
    }

    /// Whether the log can be there: the sentence says why not. Looks, and touches nothing.
    pub fn check(&self) -> Result<(), String> {
        let Place::File(path) = &self.place else {
            return Ok(());
        };
        let reason = match (fs::metadata(path), path.parent()) {
            (Ok(found), _) if found.is_dir() => io::ErrorKind::IsADirectory.to_string(),
            (Err(_), Some(directory)) if directory != Path::new("") => {
                match fs::metadata(directory) {
                    Ok(found) if found.is_dir() => return Ok(()),
                    Ok(_) => io::ErrorKind::NotADirectory.to_string(),
                    Err(error) => error.to_string(),
                }
            }
            _ => return Ok(()),
        };
        Err(self.problem(&reason))
    }

    /// Takes the log that was opened for it. Only the first one counts.
    pub fn set(&self, log: Arc<AuditLog>) {
        let _ = self.log.set(log);
    }

    /// The open log.
    pub fn log(&self) -> io::Result<&AuditLog> {
        if let Some(log) = self.log.get() {
            return Ok(log);
        }
        match &self.place {
            Place::File(path) => {
                let log = AuditLog::open(path, self.mode)
                    .map_err(|error| io::Error::other(error.to_string()))?;
                Ok(self.log.get_or_init(|| Arc::new(log)))
            }
            Place::Program(_) => Err(io::Error::other("the program is not running")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &Path) -> Target {
        Target::new(Place::File(path.to_owned()), 0o640, Origin::default())
    }

    #[test]
    fn a_check_touches_nothing() {
        let directory =
            std::env::temp_dir().join(format!("palisade-target-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let file = directory.join("audit.log");
        let good = target(&file);
        assert_eq!(good.check(), Ok(()));
        assert!(!file.exists());
        assert!(good.log().is_ok(), "opened when it is needed");
        assert!(file.exists());
        assert_eq!(good.check(), Ok(()));
        for (path, reason) in [
            (directory.clone(), "is a directory"),
            (directory.join("no/audit.log"), "No such file"),
            (file.join("audit.log"), "not a directory"),
        ] {
            let error = target(&path).check().expect_err("it cannot be there");
            assert!(error.contains(reason), "{error}");
        }
        fs::remove_dir_all(&directory).expect("removed");
        let program = Target::new(Place::Program("x".to_owned()), 0, Origin::default());
        assert_eq!((program.check(), program.name()), (Ok(()), "|x".to_owned()));
        assert!(program.log().is_err(), "programs are the server's to start");
    }
}
