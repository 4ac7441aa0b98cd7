//! XML schemas.

use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

use super::document::Document;
use super::{Complaints, handler, sys};
use crate::operators::{DocumentValidator, Validity};

/// A schema that was read.
#[derive(Debug)]
pub(super) struct Schema(NonNull<sys::xmlSchema>);

// SAFETY: a schema does not change once it is parsed; what changes in a validation is in the validation's own context. The
// one exception, a document that names further schemas, is excluded: those names are not written into what is validated.
unsafe impl Send for Schema {}
// SAFETY: as above.
unsafe impl Sync for Schema {}

impl Schema {
    /// Reads a schema and all that it includes. The error is what libxml2 says first.
    pub(super) fn load(path: &CStr) -> Result<Schema, String> {
        let mut complaints = Complaints::default();
        // SAFETY: the context is made for a path that ends in zero, used, and freed; the handler is given `complaints`,
        // which outlives it.
        let schema = unsafe {
            let context = sys::xmlSchemaNewParserCtxt(path.as_ptr());
            if context.is_null() {
                return Err("out of memory".to_owned());
            }
            sys::xmlSchemaSetParserStructuredErrors(context, handler(), complaints.context());
            let schema = sys::xmlSchemaParse(context);
            sys::xmlSchemaFreeParserCtxt(context);
            schema
        };
        match NonNull::new(schema) {
            Some(schema) => Ok(Schema(schema)),
            None => Err(complaints.first().to_owned()),
        }
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        // SAFETY: the schema is ours; every validation has freed its context.
        unsafe { sys::xmlSchemaFree(self.0.as_ptr()) }
    }
}

impl DocumentValidator for Schema {
    fn validate(&self, document: &[u8]) -> Result<Validity, String> {
        let huge = sys::xmlParserOption_XML_PARSE_HUGE as c_int;
        let document = Document::parse(document, huge)?;
        let mut complaints = Complaints::default();
        // SAFETY: the context is made for this validation alone, used in this thread, and freed; schema, document and
        // `complaints` outlive it.
        let code = unsafe {
            let context = sys::xmlSchemaNewValidCtxt(self.0.as_ptr());
            if context.is_null() {
                return Err("out of memory".to_owned());
            }
            sys::xmlSchemaSetValidStructuredErrors(context, handler(), complaints.context());
            let code = sys::xmlSchemaValidateDoc(context, document.as_ptr());
            sys::xmlSchemaFreeValidCtxt(context);
            code
        };
        Ok(match code {
            0 => Validity::Valid,
            _ => Validity::Invalid(complaints.0),
        })
    }
}
