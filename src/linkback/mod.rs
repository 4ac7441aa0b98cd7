//! What follows from a ping in the web: is the link there, and who is told of it.
//!
//! ```text
//! source ─ verify ─▶ fetch ─▶ page ─▶ Outcome        may one more be asked? ─▶ memory
//! ping ─ gateway ─▶ fetch ─▶ Fault, or none
//! ```
//!
//! The one room that talks to web servers. Webmentions go where the administrator or a page of this server says ([`Gateway`]). But
//! whose link is verified is what a ping says, so that the rest is about what its sender must not get from that:
//!
//! * Nothing inside: a name is resolved once, every address of it must be public, and the connection goes to the address that
//!   was looked at. Ports 80 and 443; redirections are looked at like sources ([`verify`]).
//! * Nobody is flooded through us: so many pages a minute and so many of one host, for all processes together; results are
//!   remembered; the request says on whose behalf it is made ([`memory`]).
//! * No worker is lost: an overall deadline, so many bytes, so many workers of the whole server at once.
//! * No news: whatever the reason why a link was not found, the answer is the same; the log has the difference.
//!
//! No thread, no connection that is kept. mod_security2 has nothing like it.

mod fetch;
mod gateway;
pub mod memory;
mod options;
mod page;
pub mod verify;

pub use gateway::{Endpoint, Gateway, Own};
pub use memory::Memory;
pub use options::Options;
pub use verify::{Outcome, Verified, Verifier};
