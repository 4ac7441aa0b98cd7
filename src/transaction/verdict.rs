//! What the engine answers after a phase.

use bytes::Bytes;

/// The engine's answer: go on, or interrupt the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing stands against the request.
    Pass,
    /// The request is to be interrupted.
    Interrupt(Interruption),
}

/// How a request is interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// What to do.
    pub kind: InterruptionKind,
    /// The status that the log states. For [`InterruptionKind::Redirect`] one of 301, 302, 303, 307.
    pub status: u16,
}

/// The disruptive ways out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterruptionKind {
    /// Answer with the status.
    Deny,
    /// Close the connection without an answer.
    Drop,
    /// Answer with a redirection to this URL.
    Redirect(Bytes),
    /// Hand the request to mod_proxy (phases 1 and 2 only).
    Proxy {
        /// The URL.
        url: Bytes,
        /// Whether mod_proxy is to leave it as it is.
        verbatim: bool,
    },
}
