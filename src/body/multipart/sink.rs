//! Where the content of uploaded files goes.

use std::io;
use std::path::PathBuf;

use bytes::{Bytes, BytesMut};

/// Takes the content of uploaded files, one file after the other.
///
/// The parser calls `open`, `write` any number of times and `close`, and opens the next file only then; so one
/// descriptor is enough for any number of files. If the body ends early, the file that is open is closed as it is.
pub trait FileSink: Send {
    /// Starts the next file.
    fn open(&mut self) -> io::Result<()>;

    /// Appends to the file.
    fn write(&mut self, data: &[u8]) -> io::Result<()>;

    /// Ends the file and tells where it is.
    fn close(&mut self) -> io::Result<Content>;
}

/// Where the content of a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nowhere: it was only counted.
    Discarded,
    /// In memory.
    Memory(Bytes),
    /// In a file of this name (`FILES_TMPNAMES`).
    File(PathBuf),
}

/// Keeps files in memory. For tests, and for callers that bound the body themselves.
#[derive(Debug, Default)]
pub struct MemorySink {
    current: BytesMut,
}

impl FileSink for MemorySink {
    fn open(&mut self) -> io::Result<()> {
        self.current.clear();
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.current.extend_from_slice(data);
        Ok(())
    }

    fn close(&mut self) -> io::Result<Content> {
        Ok(Content::Memory(self.current.split().freeze()))
    }
}
