//! What rules ask outside of the request: a database of places (`@geoLookup`) and block lists in the DNS (`@rbl`).
//!
//! The database is read when the configuration is.  The DNS is asked while a request waits, which is what the operator
//! means; so an answer is waited for no longer than [`limits::DNS_TIMEOUT`](crate::limits::DNS_TIMEOUT), and nobody asks
//! who has no rule with `@rbl`.

mod countries;
pub mod dns;
pub mod geo;
pub mod rbl;

pub use dns::Resolver;
pub use geo::{Database, Location};
