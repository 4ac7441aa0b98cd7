//! `request_rec`.

use std::ffi::{CStr, c_char, c_int};
use std::net::IpAddr;
use std::ptr::NonNull;
use std::time::{Duration, SystemTime};

use super::connection::{Connection, parse_address};
use super::pool::Pool;
use super::server::Server;
use super::table::Table;
use super::text;
use crate::apache::sys;

/// A request that lives at least as long as `'r`: the hook or filter it was handed to.
#[derive(Clone, Copy)]
pub(in crate::apache) struct Request<'r> {
    raw: NonNull<sys::request_rec>,
    pool: Pool<'r>,
    connection: Connection<'r>,
    server: Server<'r>,
}

impl<'r> Request<'r> {
    /// `None` for a null pointer, and for a request that httpd has not furnished with a pool, connection and server.
    ///
    /// # Safety
    /// `raw` is null or points to a request that is not destroyed during `'r` and that only this thread works on. Its
    /// pool, connection and server outlive it.
    pub(in crate::apache) unsafe fn from_raw(raw: *mut sys::request_rec) -> Option<Request<'r>> {
        let raw = NonNull::new(raw)?;
        // SAFETY: the caller's request is alive, and these three live longer.
        unsafe {
            let request = raw.as_ptr();
            Some(Request {
                raw,
                pool: Pool::from_raw((*request).pool)?,
                connection: Connection::from_raw(NonNull::new((*request).connection)?),
                server: Server::from_raw((*request).server)?,
            })
        }
    }

    pub(in crate::apache) fn as_ptr(self) -> *mut sys::request_rec {
        self.raw.as_ptr()
    }

    pub(in crate::apache) fn pool(self) -> Pool<'r> {
        self.pool
    }

    pub(in crate::apache) fn connection(self) -> Connection<'r> {
        self.connection
    }

    pub(in crate::apache) fn server(self) -> Server<'r> {
        self.server
    }

    /// Whether it came from the network: neither a subrequest nor an internal redirect.
    pub(in crate::apache) fn is_initial(self) -> bool {
        !self.is_subrequest() && self.previous().is_none()
    }

    /// Whether it is a subrequest: its output is a part of another response.
    pub(in crate::apache) fn is_subrequest(self) -> bool {
        self.parent().is_some()
    }

    /// The request from the network that this one serves.
    pub(in crate::apache) fn initial(self) -> Request<'r> {
        let mut request = self;
        while let Some(outer) = request.parent().or_else(|| request.previous()) {
            request = outer;
        }
        request
    }

    /// The one whose response was sent: the last of a chain of internal redirects. One that was given up before it had
    /// headers (an `ErrorDocument` that does not exist) is passed over, as httpd does.
    pub(in crate::apache) fn last(self) -> Request<'r> {
        let mut request = self;
        while let Some(next) = request.next() {
            request = next;
        }
        while request.headers_out().iter().next().is_none()
            && let Some(previous) = request.previous()
        {
            request = previous;
        }
        request
    }

    fn parent(self) -> Option<Request<'r>> {
        // SAFETY: the request is alive; the one that a subrequest belongs to lives longer.
        unsafe { Request::from_raw((*self.as_ptr()).main) }
    }

    fn previous(self) -> Option<Request<'r>> {
        // SAFETY: the request is alive; those of one chain of internal redirects share a pool and so a life.
        unsafe { Request::from_raw((*self.as_ptr()).prev) }
    }

    fn next(self) -> Option<Request<'r>> {
        // SAFETY: as for `previous`.
        unsafe { Request::from_raw((*self.as_ptr()).next) }
    }

    /// When it was received.
    pub(in crate::apache) fn time(self) -> SystemTime {
        // SAFETY: the request is alive.
        let microseconds = unsafe { (*self.as_ptr()).request_time };
        SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
    }

    /// The address that httpd attributes the request to: the peer's, or mod_remoteip's answer.
    pub(in crate::apache) fn useragent(self) -> Option<IpAddr> {
        // SAFETY: the request is alive, and so are its strings.
        unsafe { text((*self.as_ptr()).useragent_ip) }.and_then(parse_address)
    }

    /// The path of the request target: as received until httpd decodes it in place, after the phase of headers.
    pub(in crate::apache) fn parsed_path(self) -> Option<&'r [u8]> {
        // SAFETY: the request is alive, and so are its strings.
        unsafe { text((*self.as_ptr()).parsed_uri.path) }
    }

    /// The HTTP version, times a thousand: 1001 is HTTP/1.1.
    pub(in crate::apache) fn protocol_number(self) -> i32 {
        // SAFETY: the request is alive.
        unsafe { (*self.as_ptr()).proto_num }
    }

    /// Whether the client asked for the headers only.
    pub(in crate::apache) fn wants_no_body(self) -> bool {
        // SAFETY: the request is alive.
        unsafe { (*self.as_ptr()).header_only != 0 }
    }

    pub(in crate::apache) fn is_connect(self) -> bool {
        // SAFETY: the request is alive.
        unsafe { (*self.as_ptr()).method_number == sys::M_CONNECT }
    }

    /// The status of the response, as far as it is known.
    pub(in crate::apache) fn status(self) -> u16 {
        // SAFETY: the request is alive.
        u16::try_from(unsafe { (*self.as_ptr()).status }).unwrap_or(0)
    }

    /// The status with its words: what the handler set, or httpd's for the number. A line that is about another status
    /// was for a response that this one has replaced.
    pub(in crate::apache) fn status_line(self) -> &'r [u8] {
        let number = self.status().to_string();
        // SAFETY: the request is alive, and so are its strings; httpd's own status lines are static.
        unsafe {
            let request = self.as_ptr();
            let set =
                text((*request).status_line).filter(|line| line.starts_with(number.as_bytes()));
            set.or_else(|| text(sys::ap_get_status_line((*request).status)))
                .unwrap_or_default()
        }
    }

    /// Makes httpd write its own words for whatever status it sends.
    pub(in crate::apache) fn forget_status_line(self) {
        // SAFETY: the request is alive; null is what httpd starts with.
        unsafe { (*self.as_ptr()).status_line = std::ptr::null() };
    }

    /// Begins a response of our own, in place of any other.
    pub(in crate::apache) fn begin_answer(
        self,
        status: u16,
        media_type: &'static CStr,
        length: usize,
    ) {
        self.forget_status_line();
        // SAFETY: the request is alive, and the type a static string, which httpd only reads.
        unsafe {
            (*self.as_ptr()).status = status.into();
            sys::ap_set_content_type(self.as_ptr(), media_type.as_ptr());
            sys::ap_set_content_length(
                self.as_ptr(),
                sys::apr_off_t::try_from(length).unwrap_or(0),
            );
        }
    }

    /// Bytes of body sent so far.
    pub(in crate::apache) fn bytes_sent(self) -> u64 {
        // SAFETY: the request is alive.
        u64::try_from(unsafe { (*self.as_ptr()).bytes_sent }).unwrap_or(0)
    }

    /// The name of the server that the client believes to talk to, as `UseCanonicalName` has it.
    pub(in crate::apache) fn server_name(self) -> &'r [u8] {
        // SAFETY: the request is alive. The name is a string of the request's, the connection's or the server's.
        let name = unsafe { text(sys::ap_get_server_name(self.as_ptr())) };
        name.unwrap_or_default()
    }

    /// The port that the client believes to talk to, as `UseCanonicalPhysicalPort` has it.
    pub(in crate::apache) fn server_port(self) -> u16 {
        // SAFETY: the request is alive.
        unsafe { sys::ap_get_server_port(self.as_ptr()) }
    }

    /// The name of the client's machine, looked up only where `HostnameLookups` is on; otherwise its address.
    pub(in crate::apache) fn remote_host(self) -> Option<&'r [u8]> {
        // SAFETY: the request is alive. The name is a string of the request's or the connection's.
        unsafe {
            text(sys::ap_get_useragent_host(
                self.as_ptr(),
                sys::REMOTE_NAME,
                std::ptr::null_mut(),
            ))
        }
    }

    /// What is known of the file that the request was mapped to; `None` where nothing is.
    ///
    /// Compat: of a file that does not exist it is what httpd found last, the directory.
    pub(in crate::apache) fn file(self) -> Option<FileFacts> {
        // SAFETY: the request is alive, and `finfo` is a part of it.
        unsafe {
            let info = &raw const (*self.as_ptr()).finfo;
            ((*info).valid != 0).then(|| FileFacts {
                user: (*info).user,
                group: (*info).group,
                permissions: (*info).protection,
            })
        }
    }

    /// The vector of configuration that holds for the request.
    pub(in crate::apache) fn per_dir_config(self) -> *mut sys::ap_conf_vector_t {
        // SAFETY: the request is alive.
        unsafe { (*self.as_ptr()).per_dir_config }
    }

    /// The vector in which modules keep what they know of the request.
    pub(in crate::apache) fn request_config(self) -> *mut sys::ap_conf_vector_t {
        // SAFETY: the request is alive.
        unsafe { (*self.as_ptr()).request_config }
    }

    /// Whether the method is GET or HEAD. Otherwise it is answered here: OPTIONS, and with 405 whatever else.
    pub(in crate::apache) fn is_reading(self) -> Result<(), c_int> {
        // SAFETY: the request is alive, and so is its list of methods, which is null or its own.
        unsafe {
            let request = self.as_ptr();
            if let Some(methods) = (*request).allowed_methods.as_mut() {
                methods.method_mask = 1 << sys::M_GET | 1 << sys::M_OPTIONS;
            }
            match (*request).method_number {
                sys::M_GET => Ok(()),
                sys::M_OPTIONS => Err(sys::ap_send_http_options(request)),
                _ => Err(sys::HTTP_METHOD_NOT_ALLOWED),
            }
        }
    }

    /// Whether the method is POST. If not, the answer names that one.
    pub(in crate::apache) fn allows_posting(self) -> bool {
        // SAFETY: the request is alive; the list of methods ends with -1.
        unsafe {
            let request = self.as_ptr();
            sys::ap_allow_standard_methods(request, sys::REPLACE_ALLOW, sys::M_POST, -1);
            (*request).method_number == sys::M_POST
        }
    }

    /// Whether it came over TLS.
    pub(in crate::apache) fn is_secure(self) -> bool {
        // SAFETY: a live request has a live connection.
        unsafe { sys::ap_ssl_conn_is_ssl(self.connection().as_ptr()) != 0 }
    }

    /// Answers with a text.
    pub(in crate::apache) fn answer(self, media_type: &'static CStr, text: &[u8]) {
        // SAFETY: the request is alive; httpd keeps the pointer to the type, which is static.
        unsafe {
            sys::ap_set_content_type(self.as_ptr(), media_type.as_ptr());
            sys::ap_set_content_length(
                self.as_ptr(),
                sys::apr_off_t::try_from(text.len()).unwrap_or(sys::apr_off_t::MAX),
            );
        }
        self.write(text);
    }

    /// Writes a part of an answer. A client that has gone away is no matter of whoever writes.
    pub(in crate::apache) fn write(self, text: &[u8]) {
        let length = c_int::try_from(text.len()).unwrap_or(c_int::MAX);
        // SAFETY: the request is alive, and the text is at least as long as is said.
        unsafe { sys::ap_rwrite(text.as_ptr().cast(), length, self.as_ptr()) };
    }

    /// Hands the request to mod_proxy.
    pub(in crate::apache) fn proxy_to(self, url: &[u8]) {
        let filename = self.pool.string(&[b"proxy:", url].concat());
        // SAFETY: the request is alive. The string is in its pool, the handler's name is static; httpd reads both only.
        unsafe {
            let request = self.as_ptr();
            (*request).filename = filename.cast_mut();
            (*request).proxyreq = sys::PROXYREQ_REVERSE;
            (*request).handler = c"proxy-server".as_ptr();
        }
    }
}

/// Facts about the file that a request was mapped to.
#[derive(Clone, Copy, Debug)]
pub(in crate::apache) struct FileFacts {
    /// The owner's number.
    pub user: u32,
    /// The group's number.
    pub group: u32,
    /// APR's permission bits: `0x644` is what chmod calls 644.
    pub permissions: i32,
}

/// The name of a user on this machine.
pub(in crate::apache) fn user_name(user: u32, pool: Pool<'_>) -> Option<Vec<u8>> {
    let mut name: *mut c_char = std::ptr::null_mut();
    // SAFETY: the pool is alive; APR sets the name on success, to a string in the pool.
    unsafe {
        let status = sys::apr_uid_name_get(&raw mut name, user, pool.as_ptr());
        if status == sys::APR_SUCCESS {
            text(name).map(<[u8]>::to_vec)
        } else {
            None
        }
    }
}

/// The name of the user that this process runs as.
pub(in crate::apache) fn own_user_name(pool: Pool<'_>) -> Option<Vec<u8>> {
    let (mut user, mut group) = (0, 0);
    // SAFETY: the pool is alive; APR sets both numbers on success.
    let status = unsafe { sys::apr_uid_current(&raw mut user, &raw mut group, pool.as_ptr()) };
    (status == sys::APR_SUCCESS).then(|| user_name(user, pool))?
}

/// The name of a group on this machine.
pub(in crate::apache) fn group_name(group: u32, pool: Pool<'_>) -> Option<Vec<u8>> {
    let mut name: *mut c_char = std::ptr::null_mut();
    // SAFETY: as for `user_name`.
    unsafe {
        let status = sys::apr_gid_name_get(&raw mut name, group, pool.as_ptr());
        if status == sys::APR_SUCCESS {
            text(name).map(<[u8]>::to_vec)
        } else {
            None
        }
    }
}

/// Declares the accessors of fields that are all alike.
macro_rules! fields {
    (strings { $($(#[$string_doc:meta])* $string:ident = $string_field:ident;)* }
     tables { $($(#[$table_doc:meta])* $table:ident = $table_field:ident;)* }) => {
        impl<'r> Request<'r> {
            $($(#[$string_doc])*
            pub(in crate::apache) fn $string(self) -> Option<&'r [u8]> {
                // SAFETY: the request is alive, and so are its strings. httpd changes one in place only between hooks.
                unsafe { text((*self.as_ptr()).$string_field) }
            })*

            $($(#[$table_doc])*
            pub(in crate::apache) fn $table(self) -> Table<'r> {
                // SAFETY: the request is alive, and so are its tables; only this thread works on it.
                unsafe { Table::from_raw((*self.as_ptr()).$table_field) }
            })*
        }
    };
}

fields! {
    strings {
    /// The request line as received.
    line = the_request;
    /// The method.
    method = method;
    /// The request target as received.
    target = unparsed_uri;
    /// The path of the request target, as far as httpd has decoded it.
    path = uri;
    /// The query string.
    query = args;
    /// `HTTP/1.1` and so on.
    protocol = protocol;
    /// The user, once authenticated.
    user = user;
    /// How the user was authenticated.
    auth_type = ap_auth_type;
    /// The file that the request was mapped to.
    filename = filename;
    /// What follows the file in the path.
    path_info = path_info;
    /// The media type of the response.
    content_type = content_type;
    /// The encoding of the response's body.
    content_encoding = content_encoding;
    /// The name of the handler.
    handler = handler;
    }
    tables {
    /// The request's headers.
    headers_in = headers_in;
    /// The response's headers, unless it is an error.
    headers_out = headers_out;
    /// The response's headers, also if it is an error.
    error_headers_out = err_headers_out;
    /// What modules tell each other.
    notes = notes;
    /// What CGI programs are told.
    environment = subprocess_env;
    }
}
