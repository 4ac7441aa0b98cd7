//! Logins: from a request and what was answered to a line that readers of `auth.log` know.
//!
//! An [`Attempt`] is begun for a request in a section that audits logins ([`Application`]). It takes the body as the application
//! reads it, looks at the response, and answers with [`Event`]s, of which [`messages`] makes sentences and a [`Log`]
//! writes. What the application says itself (`cooperative`) counts before anything that is guessed.
//!
//! Invariants:
//! * an attempt answers once, whatever is asked of it afterwards;
//! * the response decides; the request only gives the name. A body that cannot be read hides the name and not the failure;
//! * no password is in an event: nothing but a user's name is taken out of a body;
//! * a name is escaped and cut before it stands in a line ([`LONGEST_NAME`]), and where the client cannot be blamed, the line is one that
//!   no ban filter takes for a failure;
//! * memory is bounded ([`BODY_LIMIT`], [`ANSWER_LIMIT`], [`EVENTS_LIMIT`]) and work is linear.
//!
//! The room knows no server: what it is told and asked is plain data.

mod application;
mod attempt;
mod conditions;
mod cooperative;
mod credentials;
mod fields;
mod line;
mod log;
mod presets;
mod recent;
mod response;
mod xmlrpc;

#[cfg(test)]
mod tests;

pub use application::Application;
pub use attempt::{Attempt, Progress, Request};
pub use cooperative::{HEADER, NOTES};
pub use line::{Format, LONGEST_NAME, escaped_name, messages};
pub use log::{Log, Source};
pub use recent::{REPEAT_INTERVAL, Recent};
pub use response::Response;

use std::net::IpAddr;
use std::sync::Arc;

/// Most bytes of a request body that are looked at for a name. Forms have some hundred; a bundle of five hundred XML-RPC calls
/// has 150 KiB. Beyond it the login is judged all the same, without a name.
pub const BODY_LIMIT: usize = 262_144;

/// Most bytes of a response that are looked at, where the response has to be read: answers to XML-RPC calls, and what a
/// condition `body:` asks for.
pub const ANSWER_LIMIT: usize = 262_144;

/// Most events of one request. Only a bundle of XML-RPC calls has more than one; five are enough for a ban.
pub const EVENTS_LIMIT: usize = 100;

/// What became of a login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The user is in.
    Success,
    /// The password was wrong, or nobody can tell what was.
    Failure,
    /// There is no such user. Only an application that says so knows.
    InvalidUser,
    /// The user has gone.
    Logout,
}

/// How the credentials came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// In a form.
    Form,
    /// In the header `Authorization`.
    Basic,
    /// In the parameters of an XML-RPC call.
    XmlRpc,
    /// In one of several calls in a `system.multicall`.
    Multicall,
    /// In the header `Authorization` of a call of WordPress's REST interface.
    Rest,
    /// As the signature of a call of an application's own interface.
    Api,
}

/// One login, or what was one.
#[derive(Clone, Debug)]
pub struct Event {
    /// The application.
    pub application: Arc<Application>,
    /// What became of it.
    pub outcome: Outcome,
    /// How it came.
    pub channel: Channel,
    /// The user's name as it was sent. `None`: it could not be read.
    pub user: Option<Vec<u8>>,
    /// A number for credentials that come with every request, by which a login that goes on is told from a new one; see
    /// [`Recent`].
    pub session: Option<u64>,
}

impl Event {
    /// A number for a login that comes again with every request: by whom, where, from where.
    pub fn session_of(&self, server: &str, client: IpAddr) -> Option<u64> {
        let client = client.to_string();
        let texts = [self.application.name(), server, client.as_str()].map(str::as_bytes);
        let credentials = self.session?.to_le_bytes();
        let [name, server, client] = texts;
        Some(credentials::number(&[name, server, client, &credentials]))
    }
}
