//! Ends what runs beside a test when the test does, however it ends: a scope waits for its threads even if its body has panicked.

use std::sync::atomic::{AtomicBool, Ordering};

/// Sets the flag when it goes out of scope.
pub struct AtEnd<'a>(pub &'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
