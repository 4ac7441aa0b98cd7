//! `ap_filter_t`: our place in a request's chain of filters.

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::brigade::{Brigade, Status, check};
use super::request::Request;
use crate::apache::sys;

/// A filter of ours, called for a request.
pub(in crate::apache) struct Filter<'f> {
    raw: NonNull<sys::ap_filter_t>,
    request: Request<'f>,
    life: PhantomData<&'f mut sys::ap_filter_t>,
}

/// How bytes are asked for.
#[derive(Clone, Copy)]
pub(in crate::apache) struct Wish {
    /// `AP_MODE_*`
    pub mode: sys::ap_input_mode_t,
    /// Whether to wait.
    pub block: sys::apr_read_type_e,
    /// How many bytes at most, in the modes that count them.
    pub bytes: sys::apr_off_t,
}

impl<'f> Filter<'f> {
    /// `None` for a filter that was not added for a request.
    ///
    /// # Safety
    /// `raw` is the filter that httpd calls us for; the call does not end during `'f`.
    pub(in crate::apache) unsafe fn from_raw(raw: *mut sys::ap_filter_t) -> Option<Filter<'f>> {
        let raw = NonNull::new(raw)?;
        // SAFETY: a filter that is being called is alive, and so is the request it was added for.
        let request = unsafe { Request::from_raw((*raw.as_ptr()).r)? };
        Some(Filter {
            raw,
            request,
            life: PhantomData,
        })
    }

    pub(in crate::apache) fn request(&self) -> Request<'f> {
        self.request
    }

    /// Takes this output filter out of the chain and hands the brigade on: nothing more is to be done here.
    pub(in crate::apache) fn leave(self, brigade: Brigade<'_>) -> Result<(), Status> {
        // SAFETY: the filter is in its request's chain. Its record stays readable after removal: it is in the request's
        // pool, and httpd's own filters do the same.
        unsafe { sys::ap_remove_output_filter(self.raw.as_ptr()) };
        self.pass(brigade)
    }

    /// Hands the brigade to the next output filter.
    pub(in crate::apache) fn pass(&self, brigade: Brigade<'_>) -> Result<(), Status> {
        // SAFETY: the chain of a live request ends in httpd's own filters, so `next` is valid; the brigade is ours.
        check(unsafe { sys::ap_pass_brigade((*self.raw.as_ptr()).next, brigade.as_ptr()) })
    }

    /// Takes this input filter out of the chain.
    pub(in crate::apache) fn remove_input(&self) {
        // SAFETY: as for `leave`.
        unsafe { sys::ap_remove_input_filter(self.raw.as_ptr()) };
    }

    /// Asks the next input filter.
    pub(in crate::apache) fn ask_next(
        &self,
        brigade: &mut Brigade<'_>,
        wish: Wish,
    ) -> Result<(), Status> {
        // SAFETY: as for `pass`.
        check(unsafe {
            let next = (*self.raw.as_ptr()).next;
            sys::ap_get_brigade(next, brigade.as_ptr(), wish.mode, wish.block, wish.bytes)
        })
    }
}

impl Request<'_> {
    /// Hands a piece of the response to the request's output filters.
    pub(in crate::apache) fn send_piece(self, brigade: &mut Brigade<'_>) -> Result<(), Status> {
        // SAFETY: the request is alive, and the chain of its output filters ends in httpd's own; the brigade is ours.
        check(unsafe { sys::ap_pass_brigade((*self.as_ptr()).output_filters, brigade.as_ptr()) })
    }

    /// Waits for up to `bytes` bytes of the request body.
    pub(in crate::apache) fn read_body(
        self,
        brigade: &mut Brigade<'_>,
        bytes: usize,
    ) -> Result<(), Status> {
        // SAFETY: the request is alive; its chain of input filters is complete once it has been read. The brigade is ours.
        check(unsafe {
            sys::ap_get_brigade(
                (*self.as_ptr()).input_filters,
                brigade.as_ptr(),
                sys::ap_input_mode_t_AP_MODE_READBYTES,
                sys::apr_read_type_e_APR_BLOCK_READ,
                sys::apr_off_t::try_from(bytes).unwrap_or(sys::apr_off_t::MAX),
            )
        })
    }
}
