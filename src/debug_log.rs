//! The debug log: what the engine does, step by step, for those who write rules.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// An open debug log (`SecDebugLog`). Opened with the server's rights when the configuration is read.
#[derive(Debug)]
pub struct DebugLog {
    file: File,
}

impl DebugLog {
    /// Opens or creates the file, to append.
    pub fn open(path: &Path) -> io::Result<DebugLog> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
        Ok(DebugLog {
            file: options.open(path)?,
        })
    }

    /// Writes one line in one call. A line that cannot be written is lost: a debug log never disturbs a request.
    pub fn line(&self, text: &[u8]) {
        let mut line = Vec::with_capacity(text.len() + 1);
        line.extend_from_slice(text);
        line.push(b'\n');
        let _ = (&self.file).write_all(&line);
    }
}
