//! The audit log as its readers see it: golden records, attempts at forgery, many writers, and the parsers in use.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that panics has failed, which is what a test is for

#[path = "audit/fixture.rs"]
mod fixture;
#[path = "audit/forgery.rs"]
mod forgery;
#[path = "audit/golden.rs"]
mod golden;
#[path = "audit/parser.rs"]
mod parser;
#[path = "audit/peer.rs"]
mod peer;
#[path = "audit/readers.rs"]
mod readers;
#[path = "audit/storage.rs"]
mod storage;
#[path = "audit/writers.rs"]
mod writers;
#[path = "audit/zones.rs"]
mod zones;
