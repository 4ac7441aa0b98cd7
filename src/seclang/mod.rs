//! Text to tree: the syntax of rules, and nothing of their meaning.
//!
//! A directive's arguments are split into words as httpd splits them ([`split`]); a word is parsed into the types of
//! [`ast`], every part of which carries the span it was read from. Whether a variable, operator or action exists is not
//! decided here but when the tree is compiled (`ruleset`). All errors are an [`Error`]: a sentence and a span, which
//! in its line becomes a [`Diagnostic`], with a column and a caret.

pub mod ast;
mod error;
mod parse;
mod words;

pub use error::{Diagnostic, Error};
pub use parse::{parse_actions, parse_operator, parse_targets};
pub use words::{Word, split};

#[cfg(test)]
mod tests;
