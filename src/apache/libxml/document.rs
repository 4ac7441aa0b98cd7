//! A document in libxml2's own tree.

use std::ffi::c_int;
use std::ptr::NonNull;

use super::{QUIET, sys};

/// A tree of libxml2.
pub(super) struct Document(NonNull<sys::xmlDoc>);

impl Document {
    /// Parses a document.
    ///
    /// # Errors
    /// What libxml2 has against it.
    pub(super) fn parse(text: &[u8], more_options: c_int) -> Result<Document, String> {
        let length = c_int::try_from(text.len()).map_err(|_| "it is too large".to_owned())?;
        // SAFETY: a context is made, used for one document from memory of the given length, and freed on every way out;
        // the document is not the context's. The record of its last error is read before it is freed.
        unsafe {
            let context = sys::xmlNewParserCtxt();
            if context.is_null() {
                return Err("out of memory".to_owned());
            }
            let parsed = sys::xmlCtxtReadMemory(
                context,
                text.as_ptr().cast(),
                length,
                std::ptr::null(),
                c"UTF-8".as_ptr(),
                QUIET | more_options,
            );
            let error = sys::xmlCtxtGetLastError(context.cast());
            let error = error.as_ref().map(super::sentence);
            sys::xmlFreeParserCtxt(context);
            match NonNull::new(parsed) {
                Some(document) => Ok(Document(document)),
                None => Err(error.unwrap_or_else(|| "no reason given".to_owned())),
            }
        }
    }

    pub(super) fn as_ptr(&self) -> *mut sys::xmlDoc {
        self.0.as_ptr()
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        // SAFETY: the document is ours, and nobody has its pointer any more.
        unsafe { sys::xmlFreeDoc(self.0.as_ptr()) }
    }
}
