//! Where the content of uploaded files goes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::Flags;

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
    /// In a file on disk.
    File(Arc<StoredFile>),
}

/// A file on disk that nobody needs any longer than this value: it is removed with it, whatever ends the request.
#[derive(Debug, PartialEq, Eq)]
pub struct StoredFile(PathBuf);

impl StoredFile {
    /// Takes charge of the file of this name.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Its name (`FILES_TMPNAMES`).
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for StoredFile {
    fn drop(&mut self) {
        // It may have been moved away, and nobody is left who could be told of an error.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The sink of a body, with the bounds on its use.
pub(super) struct Files {
    sink: Option<Box<dyn FileSink>>,
    /// The sink has failed; nothing more is written to it.
    has_failed: bool,
    /// A file is open.
    is_open: bool,
    count: usize,
    limit: usize,
}

impl Files {
    pub(super) fn new(sink: Option<Box<dyn FileSink>>, limit: usize) -> Self {
        Self {
            sink,
            has_failed: false,
            is_open: false,
            count: 0,
            limit,
        }
    }

    /// Appends to the current file, which begins with the first piece, be it empty. One over the limit is flagged instead.
    pub(super) fn write(&mut self, data: &[u8], flags: &mut Flags) -> Result<(), String> {
        let Some(sink) = self.sink.as_mut().filter(|_| !self.has_failed) else {
            return Ok(());
        };
        if !self.is_open {
            if self.count >= self.limit {
                flags.file_limit_exceeded = true;
                return Ok(());
            }
            if let Err(error) = sink.open() {
                self.has_failed = true;
                return Err(format!("Multipart: Failed to create file: {error}"));
            }
            self.count += 1;
            self.is_open = true;
        }
        if data.is_empty() {
            return Ok(());
        }
        sink.write(data).map_err(|error| {
            self.has_failed = true;
            format!("Multipart: writing to file failed: {error}")
        })
    }

    /// Ends the current file, if one is open.
    pub(super) fn end(&mut self) -> Result<Content, String> {
        match &mut self.sink {
            Some(sink) if std::mem::take(&mut self.is_open) => sink.close().map_err(|error| {
                self.has_failed = true;
                format!("Multipart: writing to file failed: {error}")
            }),
            _ => Ok(Content::Discarded),
        }
    }
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
