//! What is fuzzed: each target takes any bytes, and panics if something does not hold that must.
//!
//! `fuzz_targets/` hands them to libFuzzer (`scripts/fuzz.sh`); `tests/fuzz.rs` runs them on their seeds and on what comes of
//! those when they are changed, in every test run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)] // a target that panics has found something

mod bodies;
#[path = "../../tests/support/draw.rs"]
mod draw;
mod records;
mod rules;
#[path = "../../tests/support/mod.rs"]
mod support;
mod values;

pub use bodies::{cookies, json, multipart, pingback, urlencoded, xml, xmlrpc};
pub use records::{audit, forwarding, links, request};
pub use rules::{configuration, prefilter, seclang};
pub use values::{arguments, operators, transformations};
