//! `conn_rec`: a connection, or the stand-in for one that mod_http2 gives every stream.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::ptr::NonNull;

use super::text;
use crate::apache::sys;

/// A connection that lives at least as long as `'c`.
#[derive(Clone, Copy)]
pub(in crate::apache) struct Connection<'c> {
    raw: NonNull<sys::conn_rec>,
    life: PhantomData<&'c sys::conn_rec>,
}

impl<'c> Connection<'c> {
    /// # Safety
    /// `raw` points to a connection that is not closed during `'c` and that only this thread works on.
    pub(in crate::apache) unsafe fn from_raw(raw: NonNull<sys::conn_rec>) -> Connection<'c> {
        Connection {
            raw,
            life: PhantomData,
        }
    }

    pub(in crate::apache) fn as_ptr(self) -> *mut sys::conn_rec {
        self.raw.as_ptr()
    }

    /// The other end's address and port. The unspecified address where httpd has none that can be read.
    pub(in crate::apache) fn peer(self) -> (IpAddr, u16) {
        // SAFETY: the connection is alive, and so are its strings and addresses.
        unsafe {
            let connection = self.raw.as_ptr();
            (
                text((*connection).client_ip)
                    .and_then(parse_address)
                    .unwrap_or(UNSPECIFIED),
                (*connection)
                    .client_addr
                    .as_ref()
                    .map_or(0, |address| address.port),
            )
        }
    }

    /// This end's address and port.
    pub(in crate::apache) fn local(self) -> (IpAddr, u16) {
        // SAFETY: as for `peer`.
        unsafe {
            let connection = self.raw.as_ptr();
            (
                text((*connection).local_ip)
                    .and_then(parse_address)
                    .unwrap_or(UNSPECIFIED),
                (*connection)
                    .local_addr
                    .as_ref()
                    .map_or(0, |address| address.port),
            )
        }
    }

    /// Whether it is the stand-in that mod_http2 gives a stream.
    pub(in crate::apache) fn is_stream(self) -> bool {
        // SAFETY: the connection is alive.
        unsafe { !(*self.raw.as_ptr()).master.is_null() }
    }

    /// Writes into the scoreboard that a request is being read from this connection.
    pub(in crate::apache) fn mark_as_reading(self) {
        // SAFETY: the connection is alive; without a handle of the scoreboard httpd does nothing.
        unsafe {
            let connection = self.raw.as_ptr();
            sys::ap_update_child_status_from_conn(
                (*connection).sbh.cast(),
                sys::SERVER_BUSY_READ,
                connection,
            );
        }
    }

    /// Ends the connection after this response: what is left of the request on the wire must not be taken for another.
    pub(in crate::apache) fn close_after_response(self) {
        // SAFETY: the connection is alive and only this thread works on it.
        unsafe { (*self.raw.as_ptr()).keepalive = sys::ap_conn_keepalive_e_AP_CONN_CLOSE };
    }

    /// Ends the connection without a response: httpd throws away what is still written to it.
    pub(in crate::apache) fn abort(self) {
        self.close_after_response();
        // SAFETY: as above.
        unsafe { (*self.raw.as_ptr()).aborted = 1 };
    }
}

const UNSPECIFIED: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// An address as APR writes it: IPv6 link-local ones carry their interface (`fe80::1%eth0`).
pub(in crate::apache) fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let address = text.split(|&byte| byte == b'%').next()?;
    std::str::from_utf8(address).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_interface() {
        assert_eq!(parse_address(b"192.0.2.1"), Some([192, 0, 2, 1].into()));
        assert_eq!(parse_address(b"fe80::1%eth0"), "fe80::1".parse().ok());
        assert_eq!(parse_address(b""), None);
        assert_eq!(parse_address(b"192.0.2.1:80"), None);
        assert_eq!(parse_address(b"\xff"), None);
    }
}
