//! httpd's and APR's C interface: the generated bindings, and by hand what C has only as macros. No logic.

pub(super) use bindings::*;

#[expect(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    non_camel_case_types,
    non_upper_case_globals,
    reason = "generated from C headers"
)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/httpd.rs"));
}

/// The end of a brigade's ring of buckets, as a bucket pointer.
///
/// `APR_BRIGADE_SENTINEL`: the ring's head lies in the brigade and is addressed as if it were the `link` of a bucket.
///
/// # Safety
/// `brigade` points to a brigade.
pub(super) unsafe fn sentinel(brigade: *mut apr_bucket_brigade) -> *mut apr_bucket {
    // SAFETY: the caller's brigade is valid for computing the address of its field. Nothing is read through the result:
    // `link` is at offset 0 of a bucket, and only `link` of a sentinel is ever touched.
    unsafe { (&raw mut (*brigade).list).cast() }
}

const _: () = assert!(std::mem::offset_of!(apr_bucket, link) == 0);
const _: () = assert!(
    size_of::<apr_bucket_brigade_apr_bucket_list>() == size_of::<apr_bucket__bindgen_ty_1>()
);

/// `APR_BUCKET_REMOVE`: takes a bucket out of the ring it is in.
///
/// # Safety
/// `bucket` points to a bucket that is in a ring.
pub(super) unsafe fn bucket_remove(bucket: *mut apr_bucket) {
    // SAFETY: in a ring, both neighbours of the caller's bucket are buckets or the sentinel, and have a `link`.
    unsafe {
        let (next, prev) = ((*bucket).link.next, (*bucket).link.prev);
        (*prev).link.next = next;
        (*next).link.prev = prev;
    }
}

/// `APR_BUCKET_INSERT_BEFORE`: puts a bucket before another one, or before the sentinel.
///
/// # Safety
/// `at` points to a bucket that is in the ring of a brigade, or to its sentinel; `bucket` points to a bucket that is in no
/// ring and whose memory comes from the brigade's allocator.
pub(super) unsafe fn bucket_insert_before(at: *mut apr_bucket, bucket: *mut apr_bucket) {
    // SAFETY: the caller's place and the one before it (a bucket, or the sentinel) have a `link`.
    unsafe {
        let before = (*at).link.prev;
        (*bucket).link.next = at;
        (*bucket).link.prev = before;
        (*before).link.next = bucket;
        (*at).link.prev = bucket;
    }
}

/// `APR_BRIGADE_INSERT_TAIL`: puts a bucket at the end of a brigade.
///
/// # Safety
/// `brigade` points to a brigade; `bucket` is as for [`bucket_insert_before`].
pub(super) unsafe fn brigade_insert_tail(
    brigade: *mut apr_bucket_brigade,
    bucket: *mut apr_bucket,
) {
    // SAFETY: the end of a brigade is before its sentinel.
    unsafe { bucket_insert_before(sentinel(brigade), bucket) };
}

/// `apr_bucket_delete`: takes a bucket out of its ring and frees it.
///
/// # Safety
/// `bucket` points to a bucket that is in a ring; it is not used afterwards.
pub(super) unsafe fn bucket_delete(bucket: *mut apr_bucket) {
    // SAFETY: the bucket is valid and in a ring (caller). A bucket has a type, and every type a destructor; `free` is
    // how the bucket's own memory is given back.
    unsafe {
        bucket_remove(bucket);
        if let Some(destroy) = (*(*bucket).type_).destroy {
            destroy((*bucket).data);
        }
        if let Some(free) = (*bucket).free {
            free(bucket.cast());
        }
    }
}
