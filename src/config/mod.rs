//! One directive table for httpd, the command line and the documentation; settings that merge; the resolved
//! configuration that a transaction runs under.
//!
//! httpd hands every directive's raw arguments to [`Directive::apply`], and so does the command line tool: there is one
//! reading of every directive. A [`DirConfig`] is one configuration section. Merging two is cheap (settings are options,
//! rules are shared layers), remembered, and never copies a rule; [`DirConfig::resolved`] is what requests use.

mod audit_log;
mod connections;
mod directive;
mod directives;
mod file;
mod help;
mod lines;
mod notices;
mod section;
mod settings;
mod tree;

pub use connections::ConnectionLimits;
pub use directive::{Arity, Directive, Place, Scope, Support};
pub use directives::DIRECTIVES;
pub use file::{FileError, read_file, read_text};
pub use section::{Config, DirConfig};
pub use settings::{KeepFiles, LimitAction, PingbackResponse, Settings};
pub use tree::{Node, Plan, Statement, Tree};

pub use crate::seclang::Diagnostic;

#[cfg(test)]
mod tests;
