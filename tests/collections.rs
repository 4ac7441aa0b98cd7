//! Persistent collections: one suite for all stores, and each store under what it must survive.
//!
//! With `PALISADE_FULL=1` everything runs at the size that is promised, without it in small.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "collections/abuse.rs"]
mod abuse;
#[path = "support/at_end.rs"]
mod at_end;
#[path = "collections/crowd.rs"]
mod crowd;
#[path = "support/ports.rs"]
mod ports;
#[path = "support/random.rs"]
mod random;
#[path = "support/scratch.rs"]
mod scratch;
#[path = "support/redis_server.rs"]
mod server;
#[path = "collections/suite.rs"]
mod suite;
#[path = "collections/tool.rs"]
mod tool;
#[path = "collections/ways.rs"]
mod ways;
