//! Palisade: a web application firewall for Apache httpd.
//!
//! A drop-in replacement for mod_security2: the same directives, rule language and logs. See ARCHITECTURE.md for the
//! map and the life of a request.
//!
//! `unsafe` lives in [`apache`] alone; nothing else may use it, and nobody uses [`apache`].

#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

// Vocabulary.
pub mod byte_set;
pub mod facts;
pub mod html;
pub mod limits;
pub mod linkback;
pub mod lookups;
pub mod losses;
pub mod template;
pub mod types;
pub mod values;
pub mod variables;

// Pure rooms: bytes in, answers out.
pub mod bans;
pub mod body;
pub mod client;
pub mod collections;
pub mod links;
pub mod operators;
pub mod pingback;
pub mod scripts;
pub mod seclang;
pub mod transformations;

// Rules: what they say, and what they do.
pub mod actions;
pub mod config;
#[cfg(test)]
pub mod cpu_time;
pub mod ruleset;

// What is documented of them.
pub mod manual;

// One request.
pub mod engine;
pub mod host;
pub mod transaction;

// Logs and numbers.
pub mod audit;
pub mod debug_log;
pub mod login;
pub mod metrics;

// Without a server.
pub mod review;
pub mod trial;

// The server.
#[cfg(feature = "apache")]
#[allow(unsafe_code)]
pub mod apache;
