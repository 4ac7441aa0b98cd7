//! APR tables: headers, notes, environments. Keys compare without case and may occur more than once.

use std::ffi::{CStr, CString};
use std::marker::PhantomData;

use super::text;
use crate::apache::sys;

/// A table that lives at least as long as `'t`. One that httpd has not made is empty, and ignores what is set in it.
#[derive(Clone, Copy)]
pub(in crate::apache) struct Table<'t> {
    raw: *mut sys::apr_table_t,
    life: PhantomData<&'t sys::apr_table_t>,
}

impl<'t> Table<'t> {
    /// # Safety
    /// `raw` is null or points to a table that is not freed during `'t` and that no other thread uses meanwhile.
    pub(in crate::apache) unsafe fn from_raw(raw: *mut sys::apr_table_t) -> Table<'t> {
        Table {
            raw,
            life: PhantomData,
        }
    }

    /// The first value of a key.
    pub(in crate::apache) fn get(self, key: &CStr) -> Option<&'t [u8]> {
        if self.raw.is_null() {
            return None;
        }
        // SAFETY: the table is alive, the key ends with a NUL. Values are strings in the table's pool, which lives as
        // long as the table; a value that is replaced stays where it was.
        unsafe { text(sys::apr_table_get(self.raw, key.as_ptr())) }
    }

    /// The first value of a key that comes from elsewhere: one with a NUL in it is in no table.
    pub(in crate::apache) fn find(self, key: &[u8]) -> Option<&'t [u8]> {
        self.get(&CString::new(key).ok()?)
    }

    /// Sets the only value of a key. Both are copied; what follows a NUL is left out.
    pub(in crate::apache) fn set(self, key: &CStr, value: &[u8]) {
        let value = value.split(|&byte| byte == 0).next().unwrap_or_default();
        let Ok(value) = CString::new(value) else {
            return;
        };
        if !self.raw.is_null() {
            // SAFETY: the table is alive, both strings end with a NUL, and `apr_table_set` copies them.
            unsafe { sys::apr_table_set(self.raw, key.as_ptr(), value.as_ptr()) };
        }
    }

    /// Removes a key with all its values.
    pub(in crate::apache) fn unset(self, key: &CStr) {
        if !self.raw.is_null() {
            // SAFETY: the table is alive and the key ends with a NUL.
            unsafe { sys::apr_table_unset(self.raw, key.as_ptr()) };
        }
    }

    /// All entries in order.
    ///
    /// The table must not be added to while they are read; every use in this room reads them in one go.
    pub(in crate::apache) fn iter(self) -> impl Iterator<Item = (&'t [u8], &'t [u8])> {
        let entries: &[sys::apr_table_entry_t] = if self.raw.is_null() {
            &[]
        } else {
            // SAFETY: `apr_table_elts` is a cast: a table begins with its array. The array holds `nelts` entries, and
            // its pointer is null only when there is none.
            unsafe {
                let array = self.raw.cast::<sys::apr_array_header_t>();
                slice_of(array)
            }
        };
        entries.iter().filter_map(|entry| {
            // SAFETY: keys and values of a table are strings in its pool.
            unsafe { Some((text(entry.key)?, text(entry.val)?)) }
        })
    }
}

/// The elements of an APR array.
///
/// # Safety
/// `array` is null or points to an array of `T`, which is not changed or freed during `'a`.
pub(in crate::apache) unsafe fn slice_of<'a, T>(array: *const sys::apr_array_header_t) -> &'a [T] {
    // SAFETY: not null when it is read, and for the rest the caller vouches. An array that never held anything may have a
    // null pointer to its elements; then there are none. (Alignment: APR allocates with the strictest there is.)
    unsafe {
        if array.is_null() || (*array).elts.is_null() {
            return &[];
        }
        let length = usize::try_from((*array).nelts).unwrap_or(0);
        std::slice::from_raw_parts((*array).elts.cast(), length)
    }
}
