//! Examples: one file a page, with the names that an example is for, what it matches and what it does not.
//!
//! ```text
//! ## beginsWith                     the names, parted by `, `
//! #= text                           what an operator's argument is
//! #+ /admin/users                   values that match, and
//! #- /public/admin                  values that do not
//! #> %3Cb                           values to transform; all three with escapes of C
//! SecRule …                         the example, comments included
//! ```

use std::borrow::Cow;

use super::Page;
use crate::transformations::{Env, Transformation};

/// An example of one or several names.
pub struct Example {
    /// The names that it is for.
    pub names: Vec<&'static str>,
    /// What the argument of an operator is; empty where it takes none.
    pub argument: &'static str,
    /// Values that the operator matches.
    pub matches: Vec<Vec<u8>>,
    /// Values that it does not match.
    pub passes: Vec<Vec<u8>>,
    /// Values to transform.
    pub inputs: Vec<Vec<u8>>,
    /// The configuration.
    pub text: String,
}

/// The examples of a page, in the order of its file.
pub fn examples(page: Page) -> Vec<Example> {
    let text = match page {
        Page::Directives => include_str!("examples/directives.conf"),
        Page::Variables => include_str!("examples/variables.conf"),
        Page::Operators => include_str!("examples/operators.conf"),
        Page::Transformations => include_str!("examples/transformations.conf"),
        Page::Actions => include_str!("examples/actions.conf"),
        Page::Ctl => include_str!("examples/ctl.conf"),
    };
    let mut found: Vec<Example> = Vec::new();
    for line in text.lines() {
        if let Some(names) = line.strip_prefix("## ") {
            found.push(Example {
                names: names.split(", ").collect(),
                argument: "",
                matches: Vec::new(),
                passes: Vec::new(),
                inputs: Vec::new(),
                text: String::new(),
            });
            continue;
        }
        let Some(example) = found.last_mut() else {
            continue;
        };
        if let Some(argument) = line.strip_prefix("#= ") {
            example.argument = argument;
        } else if let Some(value) = line.strip_prefix("#+ ") {
            example.matches.push(bytes(value));
        } else if let Some(value) = line.strip_prefix("#- ") {
            example.passes.push(bytes(value));
        } else if let Some(value) = line.strip_prefix("#> ") {
            example.inputs.push(bytes(value));
        } else if !line.is_empty() {
            example.text += line;
            example.text.push('\n');
        }
    }
    found
}

/// A value, written with escapes of C.
fn bytes(text: &str) -> Vec<u8> {
    let value = Transformation::EscapeSeqDecode.apply(text.as_bytes(), &Env::default());
    Cow::into_owned(value)
}
