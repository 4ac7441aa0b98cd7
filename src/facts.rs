//! What the host tells the engine: plain data, pushed in before the phase that needs it.

use bytes::Bytes;
use std::net::IpAddr;
use std::time::SystemTime;

use crate::client::ClientAddress;

/// A header field as it was received: name and value, duplicates and order kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The field name, in the sender's spelling.
    pub name: Bytes,
    /// The field value.
    pub value: Bytes,
}

/// The connection a request came in on.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The client and the peer.
    pub client: ClientAddress,
    /// The address the server was reached at.
    pub local_ip: IpAddr,
    /// The port the server was reached at.
    pub local_port: u16,
}

/// The request line and headers (known from phase 1 on).
#[derive(Clone, Debug)]
pub struct Request {
    /// `UNIQUE_ID` of mod_unique_id, or one of our own where that module is absent.
    pub unique_id: Bytes,
    /// When the request was received.
    pub time: SystemTime,
    /// The request line as received (`r->the_request`); empty when there was none.
    pub line: Bytes,
    /// The method as received.
    pub method: Bytes,
    /// The request target as received (`r->unparsed_uri`).
    pub uri_raw: Bytes,
    /// The path of the target as httpd has it after its own decoding and merging (`r->uri`): empty where unknown.
    pub path: Bytes,
    /// The query string as received, without `?`; `None` when the target has no `?`.
    pub query: Option<Bytes>,
    /// `HTTP/1.1`, `HTTP/2.0`, …
    pub protocol: Bytes,
    /// The header fields in order of receipt.
    pub headers: Vec<Header>,
    /// The name the client asked for (`Host`, or the server's own name where it sent none, or does not believe clients).
    pub hostname: Bytes,
    /// The virtual host's `ServerName`.
    pub server_name: Bytes,
    /// The virtual host's port.
    pub server_port: u16,
}

/// The response line and headers (known from phase 3 on).
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The status line after the protocol, e.g. `403 Forbidden`.
    pub status_line: Bytes,
    /// `HTTP/1.1`, …
    pub protocol: Bytes,
    /// `Content-Type` with its parameters; `None` when there is none.
    pub content_type: Option<Bytes>,
    /// The encoding of its body that the server is going to name.
    pub content_encoding: Option<Bytes>,
    /// The header fields as they leave.
    pub headers: Vec<Header>,
    /// Bytes of body sent, as far as known when the record is written.
    pub bytes_sent: u64,
    /// The name of the handler that answered (`r->handler`).
    pub handler: Option<Bytes>,
    /// The path by now (`r->uri`), which the index of a directory changes; empty where it is that of the request.
    pub path: Bytes,
}

/// What the host does with a body, for the debug log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The body that was read will be served again.
    ServesRequest,
    /// So many bytes of it have been served.
    Served(u64),
    /// All of it has been served.
    ServedAll,
    /// The response will be looked at.
    WatchesResponse,
    /// An error's page will be looked at.
    WatchesError,
}
