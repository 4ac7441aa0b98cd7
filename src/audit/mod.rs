//! The audit log: one record a transaction, for people, parsers and courts.
//!
//! A [`Record`] borrows from the transaction; a renderer ([`render_native`], [`render_json`], [`render_ecs`]) turns it into one
//! buffer; a [`Sink`] writes that buffer with one `write(2)`. A [`Target`] is what a directive says about a log; [`AuditLog`] is
//! the same log open, one for each distinct file or program; [`Storage`] is the directory tree of a concurrent log, whose index
//! is an [`AuditLog`]. A [`Destination`] is all of that for one transaction. [`Guardian`] is a log of one line a
//! request besides. [`read`] reads logs back.
//!
//! Invariants:
//! * a record in the log is whole, or the caller is told of a [`Lost`] one and counts it in [`Losses`](crate::losses::Losses);
//! * nothing a client sends can forge a record, a part, a line of parts A, B, F, H or K, or drive the terminal of whoever reads
//!   the log ([`escape`]);
//! * what rules declared secret is legible in no part ([`Masks`]), and in the formats that are ours neither are credentials.
//!
//! Compat: formats, part letters, file names and index lines are mod_security2's. What differs is said at each renderer; most of
//! all: no lock shared by processes, boundaries that cannot be guessed, escaped bodies, JSON that is always valid.

mod boundary;
mod clock;
mod concurrent;
mod destination;
mod ecs;
pub mod escape;
mod guardian;
mod json;
mod json_text;
mod line;
mod log;
mod mask;
mod native;
mod parts;
mod pipe;
pub mod read;
mod record;
mod serial;
mod syslog;
mod target;
mod turns;

use std::fmt;
use std::io;

pub use boundary::Boundary;
pub use clock::{Civil, Zone};
pub use concurrent::{Index, Storage};
pub use destination::{Destination, FailurePolicy, LogType, Lost};
pub use ecs::render_ecs;
pub use guardian::{Condition, Guardian};
pub use json::render_json;
pub use json_text::Json;
pub use log::{AuditLog, OpenError};
pub use mask::{LONGEST_SECRET, MOST_SECRET_BYTES, MOST_SECRETS, SHORTEST_SECRET, TELLING_PREFIX};
pub use native::render_native;
pub use parts::{Part, Parts, UnknownPart};
pub use pipe::{PIPE_PATIENCE, Pipe};
pub use read::{Entry, Heading, RECORD_LIMIT, Reader};
pub use record::{
    Body, Intercepted, Masks, MatchedChain, MatchedRule, Record, RequestSide, ResponseSide,
    Sanitised, Stopwatch, Upload, Uploads, WebApp,
};
pub use serial::AppendFile;
pub use syslog::{Facility, SYSLOG_RECORD_LIMIT, Severity, Syslog};
pub use target::{Place, Target};

/// No more of a request or response body goes into a record, in bytes. A record is one buffer, so that it can be one write; a
/// 128 MiB upload in each of a process's threads must not become gigabytes. Eight times the default of
/// `SecRequestBodyNoFilesLimit`: only uploaded files are ever cut. What was cut is said in part H.
pub const BODY_LIMIT: usize = 8 * 1024 * 1024;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_name() {
        assert_eq!(Format::lookup("JSON"), Some(Format::Json));
        assert_eq!(Format::lookup("native"), Some(Format::Native));
        assert_eq!(Format::lookup("Ecs"), Some(Format::Ecs));
        assert_eq!(Format::lookup("xml"), None);
    }
}
