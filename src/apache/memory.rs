//! What a request took of a child's memory goes back to the system.
//!
//! glibc gives each thread, up to eight for each processor, an arena of its own, and lets each keep what was freed in it:
//! little at first, and several megabytes once a piece of some hundred kilobytes has been freed (`mallopt(3)`, on the
//! dynamic threshold). The texts of one form of a megabyte would stay with each of sixteen threads for good.

/// Most free bytes at the end of an arena that it keeps.
#[cfg(target_env = "gnu")]
const KEPT: libc::c_int = 256 * 1024;

/// Arenas for each processor: more threads than that do not wait for memory at once.
#[cfg(target_env = "gnu")]
const ARENAS: usize = 2;

/// Holds the allocator of a child to that, before it makes threads. Whoever has set one of `MALLOC_ARENA_MAX`,
/// `MALLOC_TRIM_THRESHOLD_` and `GLIBC_TUNABLES` knows better.
#[cfg(target_env = "gnu")]
pub(super) fn hold() {
    let set = |name| std::env::var_os(name).is_some();
    if [
        "MALLOC_ARENA_MAX",
        "MALLOC_TRIM_THRESHOLD_",
        "GLIBC_TUNABLES",
    ]
    .into_iter()
    .any(set)
    {
        return;
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let arenas = libc::c_int::try_from(processors * ARENAS).unwrap_or(libc::c_int::MAX);
    // SAFETY: settings of the allocator, made where there is one thread; they touch no memory.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_ARENA_MAX, arenas);
    }
}

/// Other allocators keep to their own rules.
#[cfg(not(target_env = "gnu"))]
pub(super) fn hold() {}
