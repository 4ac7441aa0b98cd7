//! An open audit log.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use super::pipe::{self, Pipe};
use super::record::Record;
use super::serial::AppendFile;
use super::{Format, Parts, Sink, render};

/// An open audit log: `SecAuditLog` or `SecAuditLog2`.
#[derive(Debug)]
pub struct AuditLog {
    name: String,
    sink: Box<dyn Sink>,
}

/// A log that could not be opened. Its text is the sentence for the administrator.
#[derive(Debug)]
pub struct OpenError {
    name: String,
    source: io::Error,
}

impl OpenError {
    /// Why not.
    pub fn reason(&self) -> &io::Error {
        &self.source
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ModSecurity: Failed to open the audit log file: {}: {}",
            self.name, self.source
        )
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl AuditLog {
    /// Opens a file for appending; a new one gets `mode` (less the umask). A path that leads to a pipe (`/dev/stdout` in a
    /// container) is treated as one.
    pub fn open(path: &Path, mode: u32) -> Result<AuditLog, OpenError> {
        let name = path.display().to_string();
        let opened = AppendFile::open(path, mode).map(|file| {
            if pipe::is_pipe(file.file()) {
                Box::new(Pipe::new(file.into_file())) as Box<dyn Sink>
            } else {
                Box::new(file)
            }
        });
        match opened {
            Ok(sink) => Ok(AuditLog::with_sink(name, sink)),
            Err(source) => Err(OpenError { name, source }),
        }
    }

    /// The writing end of a pipe to a program that the server started (`SecAuditLog "|program"`).
    pub fn piped(name: &str, pipe: File) -> AuditLog {
        AuditLog::with_sink(name.to_owned(), Box::new(Pipe::new(pipe)))
    }

    /// A log that goes elsewhere. `name` is for messages.
    pub fn with_sink(name: String, sink: Box<dyn Sink>) -> AuditLog {
        AuditLog { name, sink }
    }

    /// The path or command it was opened with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Renders a record and writes it (`SecAuditLogType Serial`). After a failure the next record is tried again.
    pub fn write(&self, record: &Record<'_>, parts: &Parts, format: Format) -> io::Result<()> {
        let mut rendered = render(record, parts, format);
        if format == Format::Native {
            rendered.push(b'\n');
        }
        self.write_bytes(&rendered)
    }

    /// Writes bytes that are a whole record already.
    pub fn write_bytes(&self, rendered: &[u8]) -> io::Result<()> {
        self.sink.write(rendered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_cannot_be_written_is_a_clear_error() {
        let error = AuditLog::open(Path::new("/nonexistent/audit.log"), 0o640)
            .map_or_else(|e| e.to_string(), |log| log.name().to_owned());
        assert_eq!(
            error,
            "ModSecurity: Failed to open the audit log file: /nonexistent/audit.log: No such file or directory (os error 2)"
        );
    }
}
