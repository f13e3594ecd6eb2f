//! What memory the process keeps: freed pieces in few heaps, large ones not at all, and at rest only the pages that rest needs.
//!
//! Without bounds each thread that waits for the disk gets a heap of its own (glibc: up to eight a core, mallopt(3)), what
//! was freed in one serves no other, and a table of argon2 (19 MB) that was freed once makes glibc keep all pieces of its
//! size. A daemon with twenty people at its desk then holds four times what it uses (`make bench-desk`). The reading
//! processes get the same by their environment (`extract/talk.rs`).
//!
//! A daemon that rests needs little of its program and libraries; the start and the last message needed more. Those pages are
//! given back to the system, which has them in its cache still; so is what is free in the heaps. A reading process gives back
//! what binding fifty libraries needed, of which most only OCR calls.
//!
//! Invariant: only pages that nobody ever wrote to are given back; what is asked for again is read from its file.

#![allow(unsafe_code, reason = "mallopt, malloc_trim, dl_iterate_phdr and madvise are functions of C")]

use crate::limits::{REST_LOOK_TIME, REST_WORK_TIME_MAX};
use std::ffi::{c_int, c_void};
use std::time::Duration;

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

/// Gives back what the start needed; then looks each minute whether the daemon rests, and gives back what it does not need
/// then. Never returns.
pub(super) async fn give_back_at_rest() {
    // It cannot fail; a runtime that ends meanwhile ends this too.
    let give_back = async || drop(tokio::task::spawn_blocking(give_back).await);
    give_back().await;
    let mut before = worked();
    loop {
        tokio::time::sleep(REST_LOOK_TIME).await;
        let now = worked();
        if now.saturating_sub(before) < REST_WORK_TIME_MAX {
            give_back().await;
        }
        before = now;
    }
}

/// Processor time of all threads so far.
fn worked() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(spent).unwrap_or_default()
}

/// What is free in the heaps, and the pages of the program and its libraries.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number; each heap is locked while it is looked at.
    unsafe {
        libc::malloc_trim(0)
    };
    // SAFETY: `let_go` keeps to what the loader tells it, and the loader unloads nothing meanwhile.
    unsafe { libc::dl_iterate_phdr(Some(let_go), std::ptr::null_mut()) };
}

/// An entry of an object's dynamic section (elf(5)).
#[repr(C)]
struct Dynamic {
    tag: isize,
    value: usize,
}

/// Tags of entries: the last one; code was written to when it was loaded, told in two ways.
const DT_NULL: isize = 0;
const DT_TEXTREL: isize = 22;
const DT_FLAGS: isize = 30;
const DF_TEXTREL: usize = 4;

/// Lets the system have the pages of one object that may not be written to.
unsafe extern "C" fn let_go(object: *mut libc::dl_phdr_info, _: usize, _: *mut c_void) -> c_int {
    // SAFETY: the loader hands out objects that are loaded, with as many headers as it says, and keeps them until we return.
    let (base, parts) = unsafe {
        let object = &*object;
        (
            object.dlpi_addr as usize,
            std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)),
        )
    };
    let dynamic = parts.iter().find(|part| part.p_type == libc::PT_DYNAMIC);
    // The kernel's own object, and what was linked without the loader, have no file or none that we know.
    let Some(dynamic) = dynamic else { return 0 };
    let mut entry = (base + dynamic.p_vaddr as usize) as *const Dynamic;
    // SAFETY: a dynamic section ends with an entry of this tag.
    while let Dynamic { tag, value } = unsafe { &*entry }
        && *tag != DT_NULL
    {
        if *tag == DT_TEXTREL || *tag == DT_FLAGS && value & DF_TEXTREL != 0 {
            return 0;
        }
        // SAFETY: it was not the last one.
        entry = unsafe { entry.add(1) };
    }
    let page = rustix::param::page_size();
    for part in parts.iter().filter(|part| part.p_type == libc::PT_LOAD && part.p_flags & libc::PF_W == 0) {
        let start = base + part.p_vaddr as usize;
        let (first, end) = (start.next_multiple_of(page), (start + part.p_memsz as usize) / page * page);
        if first < end {
            // SAFETY: pages of a file, whole, that nobody may write to and the loader did not: the next read finds the same.
            unsafe { libc::madvise(first as *mut c_void, end - first, libc::MADV_DONTNEED) };
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kilobytes of files that are resident.
    fn of_files() -> u64 {
        let all = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
        let of = |name: &str| {
            let line = all.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
        };
        of("Rss:") - of("Anonymous:")
    }

    #[test]
    fn what_was_given_back_is_there_again_when_it_is_needed() {
        let pattern = || regex::Regex::new(r"(?i)klacht\w*").unwrap();
        assert!(pattern().is_match("een Klachtbrief"));
        let before = of_files();
        give_back();
        let after = of_files();
        assert!(after < before, "{after} of {before} kB");
        assert!(pattern().is_match("een Klachtbrief"));
    }
}
