//! Images of one page: JPEG, PNG, WebP, BMP and the first frame of a GIF; JPEG 2000 (ISO 15444-1).
//!
//! Invariant: no pixel is decoded before the declared size has been held against the bound; what was decoded
//! before the data ended is kept. The turn that a camera noted (EXIF) is undone.

use super::picture::{Shot, Unreadable, over_white, within_bound};
use crate::limits::IMAGE_PIXELS_MAX;
use hayro_jpeg2000::{DecodeSettings, DecoderContext};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// Inches of the longer side between which a resolution is believed: cameras and screens write 72 or 96 whatever
/// the size of what they took.
const PAGE_INCHES: std::ops::RangeInclusive<f32> = 3.5..=24.0;

/// Width and height as the header of the file declares them.
pub(super) fn declared(bytes: &[u8], format: ImageFormat) -> Option<(u32, u32)> {
    ImageReader::with_format(Cursor::new(bytes), format).into_dimensions().ok()
}

/// The page of a file, upright as its camera meant it.
pub(super) fn page(bytes: &[u8], format: ImageFormat) -> Result<Shot, Unreadable> {
    let damaged = |_| Unreadable::Damaged;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(IMAGE_PIXELS_MAX * 4);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    within_bound(u64::from(width), u64::from(height))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let color = decoder.color_type();
    let length = usize::try_from(decoder.total_bytes()).map_err(|_| Unreadable::TooLarge)?;
    // White: what the data no longer reaches is paper.
    let mut pixels = vec![0xff; length];
    let whole = match decoder.read_image(&mut pixels) {
        Ok(()) => format != ImageFormat::Jpeg || has_end(bytes),
        Err(_) if pixels.iter().any(|&value| value != 0xff) => false,
        Err(_) => return Err(Unreadable::Damaged),
    };
    let page = grey(color, pixels).and_then(|grey| GrayImage::from_raw(width, height, grey));
    let page = turned(page.ok_or(Unreadable::Unsupported)?, orientation);
    let dpi = resolution(bytes, format).filter(|&dpi| is_believable(dpi, &page));
    Ok(Shot { page, dpi, whole })
}

/// A page turned or mirrored as EXIF numbers it.
pub(super) fn turned(page: GrayImage, orientation: Orientation) -> GrayImage {
    if orientation == Orientation::NoTransforms {
        return page;
    }
    let mut page = DynamicImage::ImageLuma8(page);
    page.apply_orientation(orientation);
    page.into_luma8()
}

/// Could a page of this resolution be a page of paper?
pub(super) fn is_believable(dpi: u32, page: &GrayImage) -> bool {
    PAGE_INCHES.contains(&(page.width().max(page.height()) as f32 / dpi.max(1) as f32))
}

/// Light as the eye weighs red, green and blue (ITU-R BT.601).
pub(super) fn luma(rgb: &[u8]) -> u8 {
    match rgb {
        [red, green, blue, ..] => {
            ((u32::from(*red) * 299 + u32::from(*green) * 587 + u32::from(*blue) * 114) / 1000) as u8
        }
        [grey, ..] => *grey,
        [] => 0xff,
    }
}

/// Does a JPEG end as one (ITU-T T.81, EOI), behind its last scan?
fn has_end(bytes: &[u8]) -> bool {
    let scan = bytes.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap_or(0);
    bytes[scan..].windows(2).any(|pair| pair == [0xff, 0xd9])
}

/// One grey byte a pixel; what is transparent is paper. Of samples of 16 bits the upper byte says enough.
fn grey(color: ColorType, pixels: Vec<u8>) -> Option<Vec<u8>> {
    let upper = |sample: &[u8]| match sample {
        &[one, other] => (u16::from_ne_bytes([one, other]) >> 8) as u8,
        _ => 0xff,
    };
    Some(match color {
        ColorType::L8 => pixels,
        ColorType::La8 => pixels.chunks_exact(2).map(|p| over_white(p[0], p[1])).collect(),
        ColorType::Rgb8 => pixels.chunks_exact(3).map(luma).collect(),
        ColorType::Rgba8 => pixels.chunks_exact(4).map(|p| over_white(luma(p), p[3])).collect(),
        ColorType::L16 => pixels.chunks_exact(2).map(upper).collect(),
        ColorType::La16 => {
            pixels.chunks_exact(4).map(|p| over_white(upper(&p[..2]), upper(&p[2..]))).collect()
        }
        ColorType::Rgb16 => {
            pixels.chunks_exact(6).map(|p| luma(&[upper(&p[..2]), upper(&p[2..4]), upper(&p[4..])])).collect()
        }
        ColorType::Rgba16 => pixels
            .chunks_exact(8)
            .map(|p| over_white(luma(&[upper(&p[..2]), upper(&p[2..4]), upper(&p[4..6])]), upper(&p[6..])))
            .collect(),
        _ => return None,
    })
}

/// Dots an inch as the file says: JFIF's density, PNG's pHYs.
fn resolution(bytes: &[u8], format: ImageFormat) -> Option<u32> {
    let number = |at: usize, length: usize| {
        let field = bytes.get(at..at + length)?;
        Some(field.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte)))
    };
    let dpi = match format {
        ImageFormat::Jpeg if bytes.get(6..11) == Some(b"JFIF\0") => match number(13, 1)? {
            1 => number(14, 2)?,
            2 => number(14, 2)? * 254 / 100,
            _ => return None,
        },
        ImageFormat::Png => {
            let lead = &bytes[..bytes.len().min(4096)];
            let at = lead.windows(4).position(|word| word == b"pHYs")? + 4;
            // 1: dots a metre.
            if number(at + 8, 1)? != 1 {
                return None;
            }
            (number(at, 4)? * 254 + 5000) / 10_000
        }
        _ => return None,
    };
    u32::try_from(dpi).ok()
}

/// The page of a JPEG 2000 file.
pub(super) fn jpeg_2000(bytes: &[u8]) -> Result<Shot, Unreadable> {
    let image =
        hayro_jpeg2000::Image::new(bytes, &DecodeSettings::default()).map_err(|_| Unreadable::Damaged)?;
    let (width, height) = (image.width(), image.height());
    within_bound(u64::from(width), u64::from(height))?;
    let (colors, alpha) = (usize::from(image.color_space().num_channels()), image.has_alpha());
    let mut context = DecoderContext::default();
    let samples = image.decode(&mut context).map_err(|_| Unreadable::Damaged)?.data_u8();
    let channels = colors + usize::from(alpha);
    let pixels = samples.chunks_exact(channels.max(1));
    let grey = pixels.map(|p| {
        let light = match p {
            [cyan, magenta, yellow, black, ..] if colors == 4 => cmyk([*cyan, *magenta, *yellow, *black]),
            p if colors == 3 => luma(p),
            p => p[0],
        };
        if alpha { over_white(light, p[channels - 1]) } else { light }
    });
    let page = GrayImage::from_raw(width, height, grey.collect()).ok_or(Unreadable::Unsupported)?;
    Ok(Shot { page, dpi: None, whole: true })
}

/// Light that four inks leave.
pub(super) fn cmyk([cyan, magenta, yellow, black]: [u8; 4]) -> u8 {
    let light = |ink: u8| (u16::from(255 - ink) * u16::from(255 - black) / 255) as u8;
    luma(&[light(cyan), light(magenta), light(yellow)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(image: &DynamicImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
        bytes
    }

    #[test]
    fn declared_size_is_held_against_the_bound() {
        // A PNG header that declares 60,000 × 60,000 pixels.
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend(60_000_u32.to_be_bytes());
        png.extend(60_000_u32.to_be_bytes());
        png.extend([8, 0, 0, 0, 0]);
        assert!(page(&png, ImageFormat::Png).is_err());
        assert!(within_bound(60_000, 60_000).is_err());
    }

    #[test]
    fn what_is_transparent_is_paper() {
        let image =
            image::RgbaImage::from_fn(2, 1, |x, _| image::Rgba([0, 0, 0, if x == 0 { 0 } else { 255 }]));
        let shot = page(&png(&DynamicImage::ImageRgba8(image)), ImageFormat::Png).unwrap();
        assert_eq!(shot.page.into_raw(), [255, 0]);
    }

    #[test]
    fn sixteen_bits_become_eight() {
        let image =
            image::ImageBuffer::from_fn(2, 1, |x, _| image::Luma([if x == 0 { 0x1234_u16 } else { 0xfedc }]));
        let shot = page(&png(&DynamicImage::ImageLuma16(image)), ImageFormat::Png).unwrap();
        assert_eq!(shot.page.into_raw(), [0x12, 0xfe]);
    }

    #[test]
    fn what_came_before_the_cut_is_kept() {
        let image = image::GrayImage::from_fn(64, 64, |x, y| image::Luma([(x * 31 + y * 17) as u8]));
        let bytes = png(&DynamicImage::ImageLuma8(image));
        let shot = page(&bytes[..bytes.len() / 2], ImageFormat::Png).unwrap();
        assert!(!shot.whole);
        assert!(page(&bytes, ImageFormat::Png).unwrap().whole);
        assert!(page(&bytes[..40], ImageFormat::Png).is_err());
    }

    #[test]
    fn a_resolution_is_believed_when_a_page_comes_of_it() {
        let page = GrayImage::new(2480, 3508);
        assert!(is_believable(300, &page) && is_believable(200, &page));
        assert!(!is_believable(72, &page) && !is_believable(1200, &page));
        let mut jfif = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\x02".to_vec();
        jfif.extend([0, 118, 0, 118]);
        assert_eq!(resolution(&jfif, ImageFormat::Jpeg), Some(299));
    }
}
