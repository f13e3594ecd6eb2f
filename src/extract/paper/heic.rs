//! Photos of phones: HEIF with HEVC pictures (ISO 23008-12), single or cut into a grid.
//!
//! Invariant: no pixel is decoded before the declared size has been held against the bound; the fence allows no
//! thread, so the decoder works in this one.

use super::picture::{Shot, Unreadable, over_white};
use crate::limits::HEIC_PIXELS_MAX;
use heic_decoder::{DecodedImage, HeifError};
use image::GrayImage;
use std::sync::Once;

/// Width and height as the file declares them, upright.
pub(super) fn declared(bytes: &[u8]) -> Option<(u32, u32)> {
    let info = heic_decoder::probe(bytes).ok()?;
    Some((u32::try_from(info.width).ok()?, u32::try_from(info.height).ok()?))
}

/// The photo, upright as its camera meant it.
pub(super) fn page(bytes: &[u8]) -> Result<Shot, Unreadable> {
    let info = heic_decoder::probe(bytes).map_err(|error| why(&error))?;
    let pixels = info.coded_width.max(info.width) as u64 * info.coded_height.max(info.height) as u64;
    if pixels > HEIC_PIXELS_MAX {
        return Err(Unreadable::TooLarge);
    }
    one_thread();
    let image = heic_decoder::decode(bytes).map_err(|error| why(&error))?;
    let (width, height) = (image.width as u32, image.height as u32);
    let page = GrayImage::from_raw(width, height, light(&image)).ok_or(Unreadable::Damaged)?;
    Ok(Shot { page, dpi: None, whole: true })
}

fn why(error: &HeifError) -> Unreadable {
    match error {
        HeifError::Unsupported(_) => Unreadable::Unsupported,
        HeifError::LimitExceeded(_) => Unreadable::TooLarge,
        _ => Unreadable::Damaged,
    }
}

/// The decoder shares its work among a pool of threads; here the pool is this thread.
fn one_thread() {
    static POOL: Once = Once::new();
    POOL.call_once(|| {
        // It fails when there is a pool already, which then is this one.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    });
}

/// The light of each pixel: the first plane is nothing else. Video keeps it between 16 and 235 unless the file
/// says that it uses the whole range.
fn light(image: &DecodedImage) -> Vec<u8> {
    let eight = |sample: i32, depth: u32| match depth {
        0..=8 => sample << (8 - depth),
        _ => sample >> (depth - 8),
    };
    let full = image.color_info.is_some_and(|color| color.full_range);
    let shade = |sample: i32| {
        let value = eight(sample, image.bit_depth_luma);
        (if full { value } else { (value - 16) * 255 / 219 }).clamp(0, 255) as u8
    };
    match &image.alpha {
        None => image.y.iter().map(|&sample| shade(sample)).collect(),
        Some(alpha) => {
            let opacity = alpha.samples.iter().map(|&a| eight(a, alpha.bit_depth).clamp(0, 255) as u8);
            image.y.iter().zip(opacity).map(|(&sample, a)| over_white(shade(sample), a)).collect()
        }
    }
}
