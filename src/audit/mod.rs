//! The audit log: one record a transaction, for people, parsers and courts.
//!
//! A [`Record`] borrows from the transaction; a renderer ([`render_native`], [`render_json`], [`render_ecs`]) turns it into one
//! buffer; a [`Sink`] writes that buffer with one `write(2)`. [`AuditLog`] is a place to write to, opened once while the
//! configuration is read; [`Storage`] is the directory tree of a concurrent log, whose index is an [`AuditLog`].
//!
//! Invariants:
//! * a record in the log is whole, or the failure was counted and reported to the caller ([`AuditLog::failures`]);
//! * nothing a client sends can forge a record, a part, a line of parts A, B, F, H or K, or drive the terminal of whoever reads
//!   the log ([`escape`]);
//! * what rules declared secret is legible in no part ([`Masks`]).
//!
//! Compat: formats, part letters, file names and index lines are mod_security2's. What differs is said at each renderer; most of
//! all: no lock shared by processes, boundaries that cannot be guessed, escaped bodies, JSON that is always valid.

mod boundary;
mod clock;
mod concurrent;
mod ecs;
pub mod escape;
mod json;
mod json_text;
mod mask;
mod native;
mod parts;
mod pipe;
mod read;
mod record;
mod serial;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use boundary::Boundary;
pub use clock::{Civil, Zone};
pub use concurrent::{Index, Storage};
pub use ecs::render_ecs;
pub use json::render_json;
pub use mask::{LONGEST_SECRET, MOST_SECRET_BYTES, MOST_SECRETS, SHORTEST_SECRET, TELLING_PREFIX};
pub use native::render_native;
pub use parts::{Part, Parts, UnknownPart};
pub use pipe::Pipe;
pub use read::{Entry, Heading, RECORD_LIMIT, Reader};
pub use record::{
    Body, Intercepted, Masks, MatchedChain, MatchedRule, Record, RequestSide, ResponseSide,
    Sanitised, Stopwatch, Upload, Uploads, WebApp,
};
pub use serial::AppendFile;

/// No more of a request or response body goes into a record, in bytes. A record is one buffer, so that it can be one write; a
/// 128 MiB upload in each of a process's threads must not become gigabytes. Eight times the default of
/// `SecRequestBodyNoFilesLimit`: only uploaded files are ever cut. What was cut is said in part H.
pub const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Lost records are reported at most this often by each process: a full disk must not be filled further with complaints.
pub const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// `SecAuditLogFormat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// Parts between boundaries.
    #[default]
    Native,
    /// mod_security2's JSON, one object a line.
    Json,
    /// JSON with the field names of the Elastic Common Schema, one object a line.
    ///
    /// Compat: mod_security2 has no such format.
    Ecs,
}

impl Format {
    /// `Native`, `JSON` or `ECS`, in any case.
    pub fn lookup(text: &str) -> Option<Format> {
        Some(match text.to_ascii_lowercase().as_str() {
            "native" => Format::Native,
            "json" => Format::Json,
            "ecs" => Format::Ecs,
            _ => return None,
        })
    }
}

/// A record in the given format, as a file of its own holds it.
pub fn render(record: &Record<'_>, parts: &Parts, format: Format) -> Vec<u8> {
    match format {
        Format::Native => render_native(record, parts, &Boundary::random()),
        Format::Json => render_json(record, parts),
        Format::Ecs => render_ecs(record, parts),
    }
}

/// Where finished records go.
pub trait Sink: Send + Sync + fmt::Debug {
    /// Writes one record whole, or fails.
    fn write(&self, record: &[u8]) -> io::Result<()>;
}

/// An open audit log: `SecAuditLog` or `SecAuditLog2`.
#[derive(Debug)]
pub struct AuditLog {
    name: String,
    sink: Box<dyn Sink>,
    longest_index_line: usize,
    failures: AtomicU64,
    complained: AtomicU64,
    complained_at: AtomicU64,
}

/// A log that could not be opened. Its text is the sentence for the administrator.
#[derive(Debug)]
pub struct OpenError {
    name: String,
    source: io::Error,
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
        let opened = AppendFile::open(path, mode).and_then(|file| {
            if pipe::is_pipe(file.file()) {
                Ok(Box::new(Pipe::new(file.into_file())?) as Box<dyn Sink>)
            } else {
                Ok(Box::new(file) as Box<dyn Sink>)
            }
        });
        match opened {
            Ok(sink) => Ok(AuditLog::with_sink(name, sink)),
            Err(source) => Err(OpenError { name, source }),
        }
    }

    /// The writing end of a pipe to a program that the server started (`SecAuditLog "|program"`).
    pub fn piped(name: &str, pipe: File) -> Result<AuditLog, OpenError> {
        match Pipe::new(pipe) {
            Ok(pipe) => {
                let mut log = AuditLog::with_sink(name.to_owned(), Box::new(pipe));
                log.longest_index_line = concurrent::LONGEST_PIPED_LINE;
                Ok(log)
            }
            Err(source) => Err(OpenError {
                name: name.to_owned(),
                source,
            }),
        }
    }

    /// A log that goes elsewhere. `name` is for messages.
    pub fn with_sink(name: String, sink: Box<dyn Sink>) -> AuditLog {
        AuditLog {
            name,
            sink,
            longest_index_line: concurrent::LONGEST_LINE,
            failures: AtomicU64::new(0),
            complained: AtomicU64::new(0),
            complained_at: AtomicU64::new(0),
        }
    }

    /// The path or command it was opened with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Renders a record and writes it (`SecAuditLogType Serial`). A failure is counted; the next record is tried again.
    pub fn write(&self, record: &Record<'_>, parts: &Parts, format: Format) -> io::Result<()> {
        let mut rendered = render(record, parts, format);
        if format == Format::Native {
            rendered.push(b'\n');
        }
        self.write_bytes(&rendered)
    }

    /// Writes bytes that are a whole record already. A failure is counted.
    pub fn write_bytes(&self, rendered: &[u8]) -> io::Result<()> {
        self.counted(self.sink.write(rendered))
    }

    /// Records that this process could not write.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// How many records were lost since the last complaint, if it is time to complain: at most once every
    /// [`COMPLAINT_INTERVAL`], and never when none were lost.
    pub fn complaint(&self, now: SystemTime) -> Option<u64> {
        let failures = self.failures();
        if failures == self.complained.load(Ordering::Relaxed) {
            return None;
        }
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let last = self.complained_at.load(Ordering::Relaxed);
        if last != 0 && now.saturating_sub(last) < COMPLAINT_INTERVAL.as_secs() {
            return None;
        }
        self.complained_at
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
            .ok()?;
        let before = self.complained.swap(failures, Ordering::Relaxed);
        failures.checked_sub(before).filter(|lost| *lost > 0)
    }

    fn counted<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        if outcome.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Broken;

    impl Sink for Broken {
        fn write(&self, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn formats_by_name() {
        assert_eq!(Format::lookup("JSON"), Some(Format::Json));
        assert_eq!(Format::lookup("native"), Some(Format::Native));
        assert_eq!(Format::lookup("Ecs"), Some(Format::Ecs));
        assert_eq!(Format::lookup("xml"), None);
    }

    #[test]
    fn complaints_are_few_and_exact() {
        let log = AuditLog::with_sink("broken".to_owned(), Box::new(Broken));
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(1000 + seconds);
        assert_eq!(log.complaint(at(0)), None, "nothing lost yet");
        for _ in 0..3 {
            assert!(log.write_bytes(b"x").is_err());
        }
        assert_eq!(log.complaint(at(0)), Some(3));
        assert!(log.write_bytes(b"x").is_err());
        assert_eq!(log.complaint(at(59)), None, "too soon");
        assert!(log.write_bytes(b"x").is_err());
        assert_eq!(log.complaint(at(60)), Some(2));
        assert_eq!(log.complaint(at(600)), None, "all told");
        assert_eq!(log.failures(), 5);
    }

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
