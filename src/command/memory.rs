//! How the C library's allocator keeps what was freed: in few heaps, and large pieces not at all.
//!
//! Without it each thread that waits for the disk gets a heap of its own (glibc: up to eight a core, mallopt(3)), what
//! was freed in one serves no other, and a table of argon2 (19 MB) that was freed once makes glibc keep all pieces of its
//! size. A daemon with twenty people at its desk then holds four times what it uses (`make bench-desk`). The reading
//! processes get the same by their environment (`extract/talk.rs`).

#![allow(unsafe_code, reason = "mallopt is a function of C; there is no other way to say it after the start")]

/// Threads share so many heaps: as many as work at the same time on a small machine.
#[cfg(target_env = "gnu")]
const HEAPS: libc::c_int = 2;
/// From so many bytes on a piece is mapped by itself, and goes back to the system when it is freed.
#[cfg(target_env = "gnu")]
const MAPPED_BYTES: libc::c_int = 256 * 1024;
/// What is free at the end of a heap beyond this goes back.
#[cfg(target_env = "gnu")]
const KEPT_BYTES: libc::c_int = 1024 * 1024;

/// To be called before the first thread is started. Other allocators than glibc's are left as they are.
pub(super) fn bound_heaps() {
    #[cfg(target_env = "gnu")]
    for (what, value) in [
        (libc::M_ARENA_MAX, HEAPS),
        (libc::M_MMAP_THRESHOLD, MAPPED_BYTES),
        (libc::M_TRIM_THRESHOLD, KEPT_BYTES),
    ] {
        // SAFETY: takes two numbers and keeps them; no other thread runs yet. A value it refuses changes nothing.
        unsafe { libc::mallopt(what, value) };
    }
}
