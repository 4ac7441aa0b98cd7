//! The httpd module: hooks, filters and directives over httpd's C interface. The only room with `unsafe`, and nobody
//! imports it.
//!
//! What this layer promises:
//!
//! * **No panic leaves it.** Every function that httpd calls goes through `guard`; a request whose hook panics is
//!   answered 500, the child process lives.
//! * **Lifetimes are pool lifetimes.** `host` wraps httpd's records in types that cannot outlive the hook they were
//!   handed to. Configuration and transactions hang off httpd's pools, never off a `static`; the statics in this room
//!   are httpd's own handles, which it hands out anew at every start and restart.
//! * **It knows httpd and decides nothing.** Facts are pushed into the transaction, phases are run, and what the
//!   [`Verdict`](crate::transaction::Verdict) says is done (`intervene`).
//!
//! A request's way: `phases` has the hook bodies, `state` what is kept between them, `request_body` reads the body
//! and `filter_in` serves it again, `filter_out` runs the response phases. `hooks` is the order of it all, as data.
//!
//! Compat: one transaction per request from the network, as in mod_security2: subrequests and internal redirects find
//! the one of the request that they belong to. Unlike there, an internal redirect's response is inspected.

mod access_log;
mod advertise;
mod answer;
mod child;
mod connections;
mod cut_off;
mod dirconf;
mod directives;
mod edits;
mod engine_host;
mod facts;
mod filter_in;
mod filter_out;
mod gateway;
mod guard;
mod hooks;
mod host;
mod intervene;
#[cfg(feature = "libxml2")]
mod libxml;
mod logging;
mod login;
mod logs;
mod memory;
mod module;
mod phases;
mod request_body;
mod shared;
mod startup;
mod state;
mod status;
mod sys;
