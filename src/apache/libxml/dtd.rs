//! Document type definitions.

use std::ffi::{CStr, c_int, c_void};
use std::sync::{Mutex, PoisonError};

use super::document::Document;
use super::{Complaints, handler, sys};
use crate::operators::{DocumentValidator, Validity};

/// A definition that was read, as the external subset of a document that has nothing else.
///
/// The library makes the automatons of content models when an element is first validated, so one validation at a time.
pub(super) struct Dtd(Mutex<Document>);

// SAFETY: the document is only touched under the lock, and belongs to no thread.
unsafe impl Send for Dtd {}
// SAFETY: as above.
unsafe impl Sync for Dtd {}

impl std::fmt::Debug for Dtd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dtd")
    }
}

impl Dtd {
    /// Reads a definition and the external entities in it. The error is what libxml2 says last.
    pub(super) fn load(path: &CStr) -> Result<Dtd, String> {
        // SAFETY: the path ends in zero; the URI is the library's to free, and copied before.
        let uri = unsafe {
            let uri = sys::xmlPathToURI(path.as_ptr().cast());
            if uri.is_null() {
                return Err("out of memory".to_owned());
            }
            let copy = CStr::from_ptr(uri.cast()).to_string_lossy().into_owned();
            if let Some(free) = sys::xmlFree {
                free(uri.cast());
            }
            copy.replace('"', "%22")
        };
        let text = format!("<!DOCTYPE root SYSTEM \"{uri}\"><root/>");
        let load = sys::xmlParserOption_XML_PARSE_DTDLOAD as c_int;
        let document = Document::parse(text.as_bytes(), load)?;
        // SAFETY: the document is alive.
        match unsafe { (*document.as_ptr()).extSubset.is_null() } {
            true => Err("it cannot be opened".to_owned()),
            false => Ok(Dtd(Mutex::new(document))),
        }
    }
}

/// While this lives, what the library says in this thread is collected. Validation by a definition has no handler of its own
/// that Rust could be.
struct Heard(sys::xmlStructuredErrorFunc, *mut c_void);

impl Heard {
    /// # Safety
    /// `complaints` is not touched otherwise until the result is dropped, in this thread.
    unsafe fn by(complaints: &mut Complaints) -> Heard {
        // SAFETY: reads and writes the thread's own pointers; the caller keeps `complaints` for the handler alone.
        unsafe {
            let before = Heard(
                *sys::__xmlStructuredError(),
                *sys::__xmlStructuredErrorContext(),
            );
            sys::xmlSetStructuredErrorFunc(complaints.context(), handler());
            before
        }
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        // SAFETY: what was there before, put back in the same thread: the type is not `Send`.
        unsafe { sys::xmlSetStructuredErrorFunc(self.1, self.0) }
    }
}

impl DocumentValidator for Dtd {
    fn validate(&self, document: &[u8]) -> Result<Validity, String> {
        let huge = sys::xmlParserOption_XML_PARSE_HUGE as c_int;
        let document = Document::parse(document, huge)?;
        let definition = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut complaints = Complaints::default();
        // SAFETY: the context is made for this validation alone and freed. The definition is used under its lock and only
        // lent to the document: the library takes it away again.
        let valid = unsafe {
            let _heard = Heard::by(&mut complaints);
            let context = sys::xmlNewValidCtxt();
            if context.is_null() {
                return Err("out of memory".to_owned());
            }
            let subset = (*definition.as_ptr()).extSubset;
            let valid = sys::xmlValidateDtd(context, document.as_ptr(), subset);
            sys::xmlFreeValidCtxt(context);
            valid
        };
        Ok(match valid {
            1 => Validity::Valid,
            _ => Validity::Invalid(complaints.0),
        })
    }
}
