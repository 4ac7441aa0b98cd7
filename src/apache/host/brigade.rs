//! Bucket brigades: the pieces of a body on its way through the filters.

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::pool::Pool;
use super::request::Request;
use crate::apache::sys;

/// An error of APR's. Never `APR_SUCCESS`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::apache) struct Status(pub(in crate::apache) sys::apr_status_t);

/// `Err` unless it is `APR_SUCCESS`.
pub(in crate::apache) fn check(status: sys::apr_status_t) -> Result<(), Status> {
    if status == sys::APR_SUCCESS {
        Ok(())
    } else {
        Err(Status(status))
    }
}

/// What a bucket is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::apache) enum Kind {
    /// Bytes of the body.
    Data,
    /// The end of the body.
    EndOfStream,
    /// A status to answer with in place of this response.
    Error,
    /// Anything else that is not bytes: a flush, the end of a request.
    Metadata,
}

/// A brigade that lives at least as long as `'b`. The buckets in it are its own.
pub(in crate::apache) struct Brigade<'b> {
    raw: NonNull<sys::apr_bucket_brigade>,
    life: PhantomData<&'b mut sys::apr_bucket_brigade>,
}

impl<'b> Brigade<'b> {
    /// # Safety
    /// `raw` is null or points to a brigade that is not destroyed during `'b` and that nobody else uses meanwhile.
    pub(in crate::apache) unsafe fn from_raw(
        raw: *mut sys::apr_bucket_brigade,
    ) -> Option<Brigade<'b>> {
        NonNull::new(raw).map(|raw| Brigade {
            raw,
            life: PhantomData,
        })
    }

    /// An empty one. It lives as long as the request, on whose pool it is made.
    pub(in crate::apache) fn new(request: Request<'b>) -> Option<Brigade<'b>> {
        // SAFETY: the request's pool is alive, and its connection has an allocator for buckets.
        unsafe {
            let allocator = (*request.connection().as_ptr()).bucket_alloc;
            Brigade::from_raw(sys::apr_brigade_create(request.pool().as_ptr(), allocator))
        }
    }

    pub(in crate::apache) fn as_ptr(&self) -> *mut sys::apr_bucket_brigade {
        self.raw.as_ptr()
    }

    /// The first bucket.
    pub(in crate::apache) fn front(&mut self) -> Option<Front<'_>> {
        // SAFETY: the brigade is alive. Its first element is a bucket unless it is the sentinel.
        let first = unsafe { (*sys::sentinel(self.as_ptr())).link.next };
        // SAFETY: as above; only the sentinel's address is computed.
        let end = unsafe { sys::sentinel(self.as_ptr()) };
        if first == end {
            None
        } else {
            NonNull::new(first).map(|raw| Front {
                raw,
                life: PhantomData,
            })
        }
    }

    pub(in crate::apache) fn is_empty(&mut self) -> bool {
        self.front().is_none()
    }

    /// What its buckets are, in order.
    pub(in crate::apache) fn kinds(&mut self) -> impl Iterator<Item = Kind> {
        // SAFETY: the brigade is alive and borrowed as long as the iterator; its elements are buckets up to the sentinel.
        let (mut at, end) = unsafe {
            let end = sys::sentinel(self.as_ptr());
            ((*end).link.next, end)
        };
        std::iter::from_fn(move || {
            if at == end {
                return None;
            }
            // SAFETY: see above: not the sentinel, so a bucket in this ring.
            let kind = unsafe { kind_of(at) };
            // SAFETY: as above.
            at = unsafe { (*at).link.next };
            Some(kind)
        })
    }

    /// Shows the bytes in it, piece by piece; waits for those that are not there yet.
    pub(in crate::apache) fn each_piece(
        &mut self,
        mut look: impl FnMut(&[u8]),
    ) -> Result<(), Status> {
        // SAFETY: as for `kinds`: a walk along the ring of a brigade that is alive and borrowed. Reading a bucket may put others
        // behind it, which are met next.
        unsafe {
            let end = sys::sentinel(self.as_ptr());
            let mut at = (*end).link.next;
            while at != end {
                if let (Kind::Data, Some(raw)) = (kind_of(at), NonNull::new(at)) {
                    let life = PhantomData;
                    look(Front { raw, life }.read()?);
                }
                at = (*at).link.next;
            }
        }
        Ok(())
    }

    /// Frees all its buckets.
    pub(in crate::apache) fn clear(&mut self) {
        // SAFETY: the brigade is alive and its buckets are its own.
        unsafe { sys::apr_brigade_cleanup(self.as_ptr().cast()) };
    }

    /// Adds bytes at the end; they are copied.
    pub(in crate::apache) fn push_bytes(&mut self, bytes: &[u8]) {
        // SAFETY: the brigade is alive and has an allocator. Without a function to free them, `apr_bucket_heap_create`
        // copies the bytes it is given; the new bucket is in no ring yet.
        unsafe {
            let allocator = (*self.as_ptr()).bucket_alloc;
            let bucket =
                sys::apr_bucket_heap_create(bytes.as_ptr().cast(), bytes.len(), None, allocator);
            sys::brigade_insert_tail(self.as_ptr(), bucket);
        }
    }

    /// Adds bytes before everything else; they are copied.
    pub(in crate::apache) fn push_bytes_front(&mut self, bytes: &[u8]) {
        // SAFETY: as for `push_bytes`.
        unsafe {
            let allocator = (*self.as_ptr()).bucket_alloc;
            let bucket =
                sys::apr_bucket_heap_create(bytes.as_ptr().cast(), bytes.len(), None, allocator);
            let first = (*sys::sentinel(self.as_ptr())).link.next;
            sys::bucket_insert_before(first, bucket);
        }
    }

    /// Adds bytes at the end of the body; they are copied. False if the end has not come.
    pub(in crate::apache) fn push_bytes_before_end(&mut self, bytes: &[u8]) -> bool {
        // SAFETY: as for `kinds`: a walk along the ring of a brigade that is alive; the new bucket, in no ring yet, is put
        // before a bucket of it.
        unsafe {
            let end = sys::sentinel(self.as_ptr());
            let mut at = (*end).link.next;
            while at != end {
                if kind_of(at) == Kind::EndOfStream {
                    let allocator = (*self.as_ptr()).bucket_alloc;
                    let bucket = sys::apr_bucket_heap_create(
                        bytes.as_ptr().cast(),
                        bytes.len(),
                        None,
                        allocator,
                    );
                    sys::bucket_insert_before(at, bucket);
                    return true;
                }
                at = (*at).link.next;
            }
        }
        false
    }

    /// Adds the end of the body.
    pub(in crate::apache) fn push_end(&mut self) {
        // SAFETY: the brigade is alive and has an allocator; the new bucket is in no ring yet.
        unsafe {
            let bucket = sys::apr_bucket_eos_create((*self.as_ptr()).bucket_alloc);
            sys::brigade_insert_tail(self.as_ptr(), bucket);
        }
    }

    /// Adds the wish that what stands before it leaves at once.
    pub(in crate::apache) fn push_flush(&mut self) {
        // SAFETY: as for `push_end`.
        unsafe {
            let bucket = sys::apr_bucket_flush_create((*self.as_ptr()).bucket_alloc);
            sys::brigade_insert_tail(self.as_ptr(), bucket);
        }
    }

    /// Adds a bucket that makes httpd answer with `status` in place of this response.
    pub(in crate::apache) fn push_error(&mut self, status: u16, pool: Pool<'_>) {
        // SAFETY: as above; the pool is alive, and a null text stands for none.
        unsafe {
            let allocator = (*self.as_ptr()).bucket_alloc;
            let bucket = sys::ap_bucket_error_create(
                i32::from(status),
                std::ptr::null(),
                pool.as_ptr(),
                allocator,
            );
            sys::brigade_insert_tail(self.as_ptr(), bucket);
        }
    }

    /// Moves all buckets of another brigade to the end of this one. Both must use the same allocator, which is the
    /// connection's.
    pub(in crate::apache) fn append(&mut self, other: &mut Brigade<'_>) {
        while let Some(bucket) = other.front() {
            bucket.move_to(self);
        }
    }
}

/// A brigade that waits in the state of a request. Its memory is in the pool of that request, and so is the state's.
pub(in crate::apache) struct Kept {
    raw: NonNull<sys::apr_bucket_brigade>,
    was_in_a_file: bool,
}

impl Kept {
    /// An empty one. `None` where httpd has no memory.
    pub(in crate::apache) fn new(request: Request<'_>) -> Option<Kept> {
        // On the request from the network, as the state: a redirected request shares its pool, a subrequest would not.
        Brigade::new(request.initial()).map(|brigade| Kept {
            raw: brigade.raw,
            was_in_a_file: false,
        })
    }

    pub(in crate::apache) fn brigade(&mut self) -> Brigade<'_> {
        Brigade {
            raw: self.raw,
            life: PhantomData,
        }
    }

    /// Looks at a bucket that is about to be read and kept.
    pub(in crate::apache) fn note(&mut self, bucket: &Front<'_>) {
        // SAFETY: the bucket is in the brigade that `bucket` borrows; types are told apart by their address.
        self.was_in_a_file |=
            unsafe { (*bucket.raw.as_ptr()).type_ == &raw const sys::apr_bucket_type_file };
    }

    /// Whether some of it came as a file. httpd sends files at once, but short answers in memory only when it has looked in
    /// vain for another request on the connection; reading has turned one into the other. The detour costs the event MPM a
    /// round through its listener, as much as the whole of a small request.
    pub(in crate::apache) fn was_in_a_file(&self) -> bool {
        self.was_in_a_file
    }

    /// Frees what waits in it.
    pub(in crate::apache) fn clear(&mut self) {
        self.brigade().clear();
    }
}

/// The first bucket of a brigade.
pub(in crate::apache) struct Front<'f> {
    raw: NonNull<sys::apr_bucket>,
    life: PhantomData<&'f mut sys::apr_bucket>,
}

impl Front<'_> {
    pub(in crate::apache) fn kind(&self) -> Kind {
        // SAFETY: the bucket is in the brigade that this borrows.
        unsafe { kind_of(self.raw.as_ptr()) }
    }

    /// Its bytes; waits for them where they are not there yet. A bucket of unknown length becomes a short one with the
    /// rest behind it.
    pub(in crate::apache) fn read(&mut self) -> Result<&[u8], Status> {
        let (mut bytes, mut length) = (std::ptr::null(), 0);
        // SAFETY: the bucket is in the brigade that this borrows; every type of bucket has a function to read it.
        unsafe {
            let bucket = self.raw.as_ptr();
            let read = (*(*bucket).type_).read.ok_or(Status(sys::APR_EGENERAL))?;
            check(read(
                bucket,
                &raw mut bytes,
                &raw mut length,
                sys::apr_read_type_e_APR_BLOCK_READ,
            ))?;
            if length == 0 || bytes.is_null() {
                return Ok(&[]);
            }
            // The bytes stay until the bucket is changed or freed, for which `self` would have to be borrowed anew.
            Ok(std::slice::from_raw_parts(bytes.cast(), length))
        }
    }

    /// Makes its bytes last as long as the pool.
    pub(in crate::apache) fn set_aside(&mut self, pool: Pool<'_>) -> Result<(), Status> {
        // SAFETY: the bucket is in the brigade that this borrows, and the pool is alive.
        unsafe {
            let bucket = self.raw.as_ptr();
            match (*(*bucket).type_).setaside {
                Some(setaside) => check(setaside(bucket, pool.as_ptr())),
                None => Ok(()),
            }
        }
    }

    /// Frees it.
    pub(in crate::apache) fn discard(self) {
        // SAFETY: the bucket is in the brigade that this borrows, and `self` is used up.
        unsafe { sys::bucket_delete(self.raw.as_ptr()) };
    }

    /// Moves it to the end of another brigade.
    pub(in crate::apache) fn move_to(self, brigade: &mut Brigade<'_>) {
        // SAFETY: the bucket is in a ring until it is removed from it, and then in none; the other brigade is alive.
        unsafe {
            sys::bucket_remove(self.raw.as_ptr());
            sys::brigade_insert_tail(brigade.as_ptr(), self.raw.as_ptr());
        }
    }
}

/// # Safety
/// `bucket` points to a bucket.
unsafe fn kind_of(bucket: *const sys::apr_bucket) -> Kind {
    // SAFETY: a bucket has a type; types are told apart by their address.
    unsafe {
        let kind = (*bucket).type_;
        if kind == &raw const sys::apr_bucket_type_eos {
            Kind::EndOfStream
        } else if kind == &raw const sys::ap_bucket_type_error {
            Kind::Error
        } else if (*kind).is_metadata == sys::apr_bucket_type_t_APR_BUCKET_METADATA {
            Kind::Metadata
        } else {
            Kind::Data
        }
    }
}
