//! The module in a real httpd: every file is a theme.
//!
//! Needs an httpd (`HTTPD`, or one in the usual places), the built module (`PALISADE_MODULE`, or
//! `target/release/mod_palisade.so`, or `target/release/libpalisade.so`) and, for `panics`, one built with the feature
//! `planted-panic` (`PALISADE_PANIC_MODULE`, or the same under `target/panic/`). What is missing is said loudly and its
//! tests pass; with `PALISADE_REQUIRE_HTTPD=1` they fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agreement;
#[path = "../support/agreement.rs"]
mod agreement_support;
#[path = "../support/at_end.rs"]
mod at_end;
mod audit;
#[path = "../audit/parser.rs"]
mod audit_parser;
mod bans;
mod bodies;
#[path = "../support/changed.rs"]
mod changed;
mod clients;
mod collections;
mod connections;
mod cut_off;
mod debian;
mod denials;
mod gateway;
mod guardian;
mod handlers;
mod harness;
mod hostile;
mod http2;
mod io_faults;
mod links;
mod logins;
mod logs;
#[path = "../support/material.rs"]
mod material;
mod mutations;
#[path = "../support/network.rs"]
mod network;
mod panics;
mod pingbacks;
#[path = "../support/ports.rs"]
mod ports;
mod proxies;
#[path = "../support/random.rs"]
mod random;
mod redirects;
#[path = "../support/redis_server.rs"]
mod redis_server;
mod responses;
mod restarts;
mod rewriting;
#[path = "../support/scratch.rs"]
mod scratch;
mod scripts;
mod sections;
mod squid;
mod start;
mod status;
mod status_eyes;
mod surface;
mod unpacking;
mod uploads;
mod validation;
#[path = "../support/hostile.rs"]
mod vector;
mod verification;
