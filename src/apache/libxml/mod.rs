//! libxml2, for what only it knows: whether a document is valid by a schema or a document type definition.
//!
//! It reads grammars, which are configuration, when the configuration is read, and documents that our own parser has
//! accepted and written anew: without a document type, without entities, without hints where schemas are. Nothing is
//! fetched: its loader is told so while a grammar is read, and nothing in a document makes it open anything.
//!
//! Compat: the answers are mod_security2's, which asks the same library; there the grammar is read again for every
//! request, and not at all where `SecXmlExternalEntity` is `Off`.

mod document;
mod dtd;
mod schema;

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, Once, PoisonError};

use crate::operators::{DocumentValidator, Grammar, GrammarLoader};

#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    non_camel_case_types,
    non_upper_case_globals,
    non_snake_case,
    reason = "generated from C headers"
)]
mod sys {
    include!(concat!(env!("OUT_DIR"), "/libxml2.rs"));
}

/// Reads grammars with libxml2.
pub(super) struct Libxml;

impl GrammarLoader for Libxml {
    fn load(&self, grammar: Grammar, path: &Path) -> Result<Arc<dyn DocumentValidator>, String> {
        let path = absolute(path)?;
        initialise();
        // The loader is the whole process's, and so is the time of its change: one grammar at a time.
        static LOADING: Mutex<()> = Mutex::new(());
        let _one = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        let _local = LocalOnly::new();
        match grammar {
            Grammar::Schema => Ok(Arc::new(schema::Schema::load(&path)?)),
            Grammar::Dtd => Ok(Arc::new(dtd::Dtd::load(&path)?)),
        }
    }
}

/// The library wants to be initialised before threads use it.
fn initialise() {
    static READY: Once = Once::new();
    // SAFETY: takes nothing, and may be called at any time; `Once` makes it one thread.
    READY.call_once(|| unsafe {
        sys::xmlInitParser();
        sys::xmlSchemaInitTypes();
    });
}

fn absolute(path: &Path) -> Result<CString, String> {
    let path = std::path::absolute(path).map_err(|error| error.to_string())?;
    CString::new(path.as_os_str().as_bytes()).map_err(|_| "the path has a zero byte".to_owned())
}

/// While this lives, nothing is fetched from the network.
struct LocalOnly(sys::xmlExternalEntityLoader);

impl LocalOnly {
    fn new() -> LocalOnly {
        // SAFETY: reads and writes one pointer; the function that it is set to is the library's own for this purpose. The
        // configuration is read by one thread, and the caller holds a lock against ourselves.
        unsafe {
            let before = sys::xmlGetExternalEntityLoader();
            sys::xmlSetExternalEntityLoader(Some(sys::xmlNoNetExternalEntityLoader));
            LocalOnly(before)
        }
    }
}

impl Drop for LocalOnly {
    fn drop(&mut self) {
        // SAFETY: what was there before, put back.
        unsafe { sys::xmlSetExternalEntityLoader(self.0) }
    }
}

/// What the library says, as it says it.
#[derive(Default)]
struct Complaints(Vec<String>);

/// More than this nobody reads.
const COMPLAINTS: usize = 8;

impl Complaints {
    /// What a function that takes an error handler is given besides [`collect`].
    fn context(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }

    fn first(&self) -> &str {
        self.0.first().map_or("no reason given", String::as_str)
    }
}

/// The handler of the library's errors. Its second argument is const in some versions of the library and not in others.
fn handler() -> sys::xmlStructuredErrorFunc {
    // SAFETY: the two types differ in the constness of a pointer only, which is nothing at run time.
    #[allow(clippy::useless_transmute, clippy::missing_transmute_annotations)]
    Some(unsafe {
        std::mem::transmute(collect as unsafe extern "C" fn(*mut c_void, *const sys::xmlError))
    })
}

/// # Safety
/// `context` is a [`Complaints`] that nobody else uses now; `error` is null or the library's record of an error.
unsafe extern "C" fn collect(context: *mut c_void, error: *const sys::xmlError) {
    // SAFETY: the caller's word.
    let (Some(complaints), Some(error)) =
        (unsafe { (context.cast::<Complaints>().as_mut(), error.as_ref()) })
    else {
        return;
    };
    if complaints.0.len() < COMPLAINTS {
        complaints.0.push(sentence(error));
    }
}

/// An error in one line, with its place where it has one.
fn sentence(error: &sys::xmlError) -> String {
    let text = text(error.message);
    let (text, file) = (text.trim_end(), text_or_none(error.file));
    match (file, error.line) {
        (Some(file), line) if line > 0 => format!("{text} ({file}:{line})"),
        _ => text.to_owned(),
    }
}

fn text_or_none(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: a string that the library's record of an error owns and that ends in zero.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned())
}

fn text(text: *const c_char) -> String {
    text_or_none(text).unwrap_or_default()
}

/// What is asked of the parser in any case: no network, no output.
const QUIET: c_int = (sys::xmlParserOption_XML_PARSE_NONET
    | sys::xmlParserOption_XML_PARSE_NOERROR
    | sys::xmlParserOption_XML_PARSE_NOWARNING) as c_int;
