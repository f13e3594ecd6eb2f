//! Lines of text handed over as they are, not packed and unpacked again.
//!
//! Tesseract 5 hands each line of a page to its recogniser through Leptonica's `pixWriteMem`, as a PNG, and reads
//! it back at once with `pixReadMem`: a tenth of all its time goes to zlib. The program's own `pixWriteMem`
//! comes before Leptonica's when the two are linked, and writes Leptonica's raw form, which `pixReadMem` knows by
//! its first bytes. The pixels are the same ones. A version of Tesseract that does without only loses the gain.

#![allow(unsafe_code, reason = "one function of Leptonica's is called, and one stands in for another")]

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

/// Leptonica's number of the PNG format (`IFF_PNG` in its `imageio.h`).
const PNG: c_int = 3;

/// Pictures that were handed over unpacked since the start of this process.
static HANDED_OVER: AtomicU64 = AtomicU64::new(0);

unsafe extern "C" {
    fn pixWriteMemSpix(data: *mut *mut u8, size: *mut usize, picture: *mut c_void) -> c_int;
}

/// In place of Leptonica's function of that name, for Tesseract's only use of it. Other formats are refused
/// with its own sign of failure, 1.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "the name that Tesseract asks for")]
pub extern "C" fn pixWriteMem(
    data: *mut *mut u8,
    size: *mut usize,
    picture: *mut c_void,
    format: c_int,
) -> c_int {
    if format != PNG {
        return 1;
    }
    HANDED_OVER.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the caller's own pointers go on to a function with the same contract, which checks them for null.
    unsafe { pixWriteMemSpix(data, size, picture) }
}

/// How many pictures Tesseract handed over this way. Naming it also keeps the function above from being left out.
pub fn handed_over() -> u64 {
    std::hint::black_box(pixWriteMem as *const ());
    HANDED_OVER.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::super::ocr::{Engine, tessdata_dir};
    use super::*;

    #[test]
    fn tesseract_hands_its_lines_over_this_way() {
        let page = image::open("tests/fixtures/extract/scan-twee-naast-elkaar.jpg").unwrap().into_luma8();
        let before = handed_over();
        Engine::new(tessdata_dir()).read(&page, 300).unwrap();
        assert!(
            handed_over() > before,
            "Leptonica's own pixWriteMem is in use: recognition is a tenth slower"
        );
    }
}
