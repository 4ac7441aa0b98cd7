//! What can be said of a configuration without a request: rules in words, and what an administrator should know before a
//! request comes.
//!
//! Nothing here is a verdict: a mistake that keeps httpd from starting is found where the directive is read. These are
//! [findings](findings::Finding) about configurations that start and do less, or something else, than they seem to.

mod changes;
mod explain;
pub mod findings;
pub mod migrate;
mod reach;
mod settings;
pub mod tune;

pub use explain::{Definitions, explain};
