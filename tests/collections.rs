//! Persistent collections: one suite for all stores, and each store under what it must survive.
//!
//! With `PALISADE_FULL=1` everything runs at the size that is promised, without it in small.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "collections/abuse.rs"]
mod abuse;
#[path = "collections/crowd.rs"]
mod crowd;
#[path = "collections/scratch.rs"]
mod scratch;
#[path = "collections/server.rs"]
mod server;
#[path = "collections/suite.rs"]
mod suite;
