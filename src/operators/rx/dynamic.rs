//! `@rx` whose pattern contains macros and is known at evaluation only.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Failure, Options, Pattern};

/// How long an expanded pattern may be, in bytes.  Macros can put what a client
/// sends into it, and compiling costs a multiple of its length in time.
pub const MAX_PATTERN_BYTES: usize = 16 * 1024;

/// How many compiled patterns are kept.  Macros mostly expand to what the
/// configuration sets, so that few different patterns occur; those that contain
/// what a client sends push each other out.
pub(super) const KEPT_PATTERNS: usize = 8;

/// Compiles patterns when they are needed and keeps the last few.  The result
/// does not depend on what is kept.
///
/// Compat: mod_security2 compiles at each evaluation and says "no match" of a
/// pattern it cannot compile; here that is a failure.
#[derive(Debug)]
pub struct Dynamic {
    options: Options,
    /// The most recently used first.
    kept: Mutex<Vec<Arc<Pattern>>>,
}

/// An expanded text as a pattern, with those characters escaped that mod_security2 escapes.
pub(in crate::operators) fn escape(expanded: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(expanded.len());
    for &byte in expanded {
        match byte {
            b'\n' => pattern.extend_from_slice(b"\\n"),
            b'\r' => pattern.extend_from_slice(b"\\r"),
            b'\t' => pattern.extend_from_slice(b"\\t"),
            0..0x20 | 0x7f.. => pattern.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            _ if b"\"\\()+./:?[]".contains(&byte) => pattern.extend_from_slice(&[b'\\', byte]),
            _ => pattern.push(byte),
        }
    }
    pattern
}

impl Dynamic {
    pub(in crate::operators) fn new(options: Options) -> Dynamic {
        Dynamic {
            options,
            kept: Mutex::new(Vec::new()),
        }
    }

    /// The compiled form of an expanded pattern.
    ///
    /// # Errors
    /// The pattern is not valid or longer than [`MAX_PATTERN_BYTES`].
    pub fn pattern(&self, expanded: &[u8]) -> Result<Arc<Pattern>, Failure> {
        if expanded.len() > MAX_PATTERN_BYTES {
            let length = expanded.len();
            return Err(Failure::budget(format!(
                "Expanded pattern is too long: {length} of at most {MAX_PATTERN_BYTES} bytes"
            )));
        }
        {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = kept.iter().position(|p| p.as_bytes() == expanded)
                && let Some(recent) = kept.get_mut(..=at)
            {
                recent.rotate_right(1);
                if let Some(pattern) = recent.first() {
                    return Ok(Arc::clone(pattern));
                }
            }
        }
        // Compiled without the lock: other threads go on meanwhile.
        let pattern =
            Pattern::compile(expanded, self.options).map_err(|e| Failure::other(e.message))?;
        let pattern = Arc::new(pattern);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT_PATTERNS - 1);
        kept.insert(0, Arc::clone(&pattern));
        Ok(pattern)
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.kept.lock().unwrap().len()
    }
}
