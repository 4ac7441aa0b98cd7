//! Persistent collections: one suite for all stores, and each store under what it must survive.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "collections/scratch.rs"]
mod scratch;
#[path = "collections/server.rs"]
mod server;
#[path = "collections/suite.rs"]
mod suite;
