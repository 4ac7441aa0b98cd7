//! What is asked outside of the request: a database of places (`@geoLookup`), block lists in the DNS (`@rbl`), and the addresses
//! of the sources of pings (`SecPingbackVerify`).
//!
//! The database is read when the configuration is.  The DNS is asked while a request waits, which is what the operator
//! means; so an answer is waited for no longer than [`limits::DNS_TIMEOUT`](crate::limits::DNS_TIMEOUT), and nobody asks
//! who has no rule with `@rbl` and does not verify pings.

mod countries;
pub mod dns;
pub mod geo;
mod hosts;
pub mod rbl;

pub use dns::Resolver;
pub use geo::{Database, Location};
