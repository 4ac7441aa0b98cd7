//! A request and rules, without a server: what would match, and what would be answered.
//!
//! Requests are read as httpd reads them (`wire`, `path`), run through the phases as the module runs them (`run`), and nothing
//! outside is touched: no log is written, no persistent store opened, no program started unless that is asked for. What people
//! have in their hands becomes such requests: HAR files (`har`), curl's command lines (`curl`), lines of access logs
//! (`access_log`). `tests/httpd/agreement.rs` holds the answers against those of a real httpd.

pub mod access_log;
pub mod curl;
mod form;
pub mod har;
mod host;
mod outcome;
mod path;
mod payload;
mod response;
mod run;
mod shell;
mod target;
pub mod wire;

pub use outcome::{Action, Decision, Found, Outcome, Seen};
pub use response::read as read_response;
pub use run::{Options, Trial, plan};
