//! Images: JPEG, PNG and TIFF of one or many pages → grey pages.
//!
//! Invariant: no pixel is decoded before the declared size has been held against the bound; the turn that a
//! camera noted (EXIF) is undone.

use super::pages::Paper;
use crate::extract::reading::{Content, Reading, called};
use crate::extract::sniff::Kind;
use crate::limits::{IMAGE_PIXELS_MAX, PAGES_MAX, UNPACKED_BYTES_MAX};
use crate::record::Problem;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::io::Cursor;
use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

/// Sides in pixels under which an image within the text of a message is a logo, an icon or a trace of the
/// sender's, and holds nothing to read.
const READABLE_WIDTH_MIN: u32 = 400;
const READABLE_HEIGHT_MIN: u32 = 200;

/// Why an image gave no page.
enum Unreadable {
    TooLarge,
    Damaged,
}

/// Reads an image file: recognises its pages.
pub(in crate::extract) fn read(
    reading: &mut Reading<'_>,
    name: Option<&str>,
    kind: Kind,
    bytes: &[u8],
) -> Content {
    let mut paper = Paper::default();
    let mut pages = 0;
    let mut failed = None;
    let mut each = |reading: &mut Reading<'_>, page: Result<(GrayImage, Option<u32>), Unreadable>| {
        pages += 1;
        match page {
            Ok((page, dpi)) => match paper.recognise(reading, pages, page, dpi) {
                Ok(()) => true,
                Err(error) => {
                    reading.engine_failed(error);
                    false
                }
            },
            Err(why) => {
                failed = Some(why);
                true
            }
        }
    };
    let more = match kind {
        Kind::Tiff => tiff_pages(bytes, |page| each(reading, page)),
        Kind::Png => {
            each(reading, one_page(bytes, ImageFormat::Png));
            false
        }
        _ => {
            each(reading, one_page(bytes, ImageFormat::Jpeg));
            false
        }
    };
    if let Some(why) = failed {
        if paper.is_empty() {
            return unread(name, &why);
        }
        paper.fail(Problem::Damaged);
    }
    let mut content = paper.into_content(name, pages);
    if more {
        content.notes.push((
            Problem::TooLarge,
            format!("{} heeft meer dan {PAGES_MAX} bladzijden; de rest is niet gelezen.", called(name)),
        ));
    }
    content
}

fn unread(name: Option<&str>, why: &Unreadable) -> Content {
    match why {
        Unreadable::TooLarge => Content::unread(
            Problem::TooLarge,
            format!("{} is een te grote afbeelding en is niet gelezen.", called(name)),
        ),
        Unreadable::Damaged => Content::unread(
            Problem::Damaged,
            format!("{} is beschadigd of niet compleet en kan niet worden gelezen.", called(name)),
        ),
    }
}

/// Is this a logo or an icon rather than something to read? Told by the size in its header.
pub(in crate::extract) fn is_decoration(kind: Kind, bytes: &[u8]) -> bool {
    let format = match kind {
        Kind::Jpeg => ImageFormat::Jpeg,
        Kind::Png => ImageFormat::Png,
        // Animated or tiny, in mail.
        Kind::Other("image/gif", _) => return true,
        _ => return false,
    };
    let size = ImageReader::with_format(Cursor::new(bytes), format).into_dimensions();
    size.is_ok_and(|(width, height)| width < READABLE_WIDTH_MIN || height < READABLE_HEIGHT_MIN)
}

fn within_bound(width: u32, height: u32) -> Result<(), Unreadable> {
    if u64::from(width) * u64::from(height) > IMAGE_PIXELS_MAX { Err(Unreadable::TooLarge) } else { Ok(()) }
}

/// The page of a JPEG or PNG, upright as its camera meant it.
fn one_page(bytes: &[u8], format: ImageFormat) -> Result<(GrayImage, Option<u32>), Unreadable> {
    let damaged = |_| Unreadable::Damaged;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(IMAGE_PIXELS_MAX * 4);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    within_bound(width, height)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    image.apply_orientation(orientation);
    Ok((grey(image), None))
}

/// Grey on white: what is transparent is paper.
fn grey(image: DynamicImage) -> GrayImage {
    if !image.color().has_alpha() {
        return image.into_luma8();
    }
    let image = image.into_luma_alpha8();
    GrayImage::from_fn(image.width(), image.height(), |x, y| {
        let [luma, alpha] = image.get_pixel(x, y).0;
        image::Luma([over_white(luma, alpha)])
    })
}

fn over_white(luma: u8, alpha: u8) -> u8 {
    let (luma, alpha) = (u16::from(luma), u16::from(alpha));
    ((luma * alpha + 255 * (255 - alpha)) / 255) as u8
}

/// Gives each page of a TIFF to `each` until it says stop; true when there are more than the bound.
fn tiff_pages(
    bytes: &[u8],
    mut each: impl FnMut(Result<(GrayImage, Option<u32>), Unreadable>) -> bool,
) -> bool {
    let mut limits = tiff::decoder::Limits::default();
    limits.decoding_buffer_size = usize::try_from(IMAGE_PIXELS_MAX * 4).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = usize::try_from(UNPACKED_BYTES_MAX).unwrap_or(usize::MAX);
    let opened = Decoder::new(Cursor::new(bytes)).map(|decoder| decoder.with_limits(limits));
    let Ok(mut decoder) = opened else {
        each(Err(Unreadable::Damaged));
        return false;
    };
    for _ in 0..PAGES_MAX {
        if !each(tiff_page(&mut decoder)) || !decoder.more_images() {
            return false;
        }
        if decoder.next_image().is_err() {
            each(Err(Unreadable::Damaged));
            return false;
        }
    }
    true
}

fn tiff_page(decoder: &mut Decoder<Cursor<&[u8]>>) -> Result<(GrayImage, Option<u32>), Unreadable> {
    let damaged = |_: TiffError| Unreadable::Damaged;
    let (width, height) = decoder.dimensions().map_err(damaged)?;
    within_bound(width, height)?;
    let dpi = tiff_dpi(decoder);
    let orientation = decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
    let color = decoder.colortype().map_err(damaged)?;
    let palette = match color {
        ColorType::Palette(_) => decoder.get_tag_u16_vec(Tag::ColorMap).unwrap_or_default(),
        _ => Vec::new(),
    };
    let pixels = match decoder.read_image().map_err(damaged)? {
        DecodingResult::U8(pixels) => pixels,
        // The upper byte says enough.
        DecodingResult::U16(pixels) => pixels.into_iter().map(|value| (value >> 8) as u8).collect(),
        _ => return Err(Unreadable::Damaged),
    };
    let grey = tiff_grey(&pixels, color, &palette, width as usize).ok_or(Unreadable::Damaged)?;
    let page = GrayImage::from_raw(width, height, grey).ok_or(Unreadable::Damaged)?;
    let mut page = DynamicImage::ImageLuma8(page);
    if let Some(orientation) = orientation.and_then(Orientation::from_exif) {
        page.apply_orientation(orientation);
    }
    Ok((page.into_luma8(), dpi))
}

fn tiff_dpi(decoder: &mut Decoder<Cursor<&[u8]>>) -> Option<u32> {
    let resolution = decoder.find_tag(Tag::XResolution).ok().flatten()?;
    let value = match resolution {
        tiff::decoder::ifd::Value::Rational(above, below) if below > 0 => above / below,
        _ => return None,
    };
    // 2: inch, 3: centimetre.
    match decoder.find_tag_unsigned::<u16>(Tag::ResolutionUnit).ok().flatten() {
        Some(3) => Some(value.saturating_mul(254) / 100),
        Some(2) | None => Some(value),
        _ => None,
    }
}

/// One grey byte a pixel; `None` for a kind of colour that no scanner makes.
fn tiff_grey(pixels: &[u8], color: ColorType, palette: &[u16], width: usize) -> Option<Vec<u8>> {
    let luma = |rgb: &[u8]| {
        ((u32::from(rgb[0]) * 299 + u32::from(rgb[1]) * 587 + u32::from(rgb[2]) * 114) / 1000) as u8
    };
    let grey = match color {
        ColorType::Gray(8 | 16) => pixels.to_vec(),
        ColorType::Gray(bits @ (1 | 2 | 4)) => unpacked(pixels, bits, width)
            .map(|value| (u32::from(value) * 255 / ((1 << bits) - 1)) as u8)
            .collect(),
        ColorType::Palette(bits @ (1 | 2 | 4 | 8)) => {
            let size = palette.len() / 3;
            let shade = |value: u8| {
                let at =
                    |channel: usize| palette.get(channel * size + usize::from(value)).map(|v| (v >> 8) as u8);
                Some(luma(&[at(0)?, at(1)?, at(2)?]))
            };
            unpacked(pixels, bits, width).map(|value| shade(value).unwrap_or(255)).collect()
        }
        ColorType::GrayA(8 | 16) => pixels.chunks_exact(2).map(|p| over_white(p[0], p[1])).collect(),
        ColorType::RGB(8 | 16) => pixels.chunks_exact(3).map(luma).collect(),
        ColorType::RGBA(8 | 16) => pixels.chunks_exact(4).map(|p| over_white(luma(p), p[3])).collect(),
        // The first component of YCbCr is the light itself.
        ColorType::YCbCr(8) => pixels.chunks_exact(3).map(|p| p[0]).collect(),
        ColorType::CMYK(8) => pixels
            .chunks_exact(4)
            .map(|p| {
                let light = |ink: u8| (u16::from(255 - ink) * u16::from(255 - p[3]) / 255) as u8;
                luma(&[light(p[0]), light(p[1]), light(p[2])])
            })
            .collect(),
        _ => return None,
    };
    Some(grey)
}

/// Values of fewer than eight bits; each row starts on a byte.
fn unpacked(pixels: &[u8], bits: u8, width: usize) -> impl Iterator<Item = u8> {
    let bits = usize::from(bits);
    let row = (width * bits).div_ceil(8).max(1);
    pixels.chunks_exact(row).flat_map(move |row| {
        (0..width)
            .map(move |x| (row[x * bits / 8] >> (8 - bits - x * bits % 8)) & ((1_u16 << bits) - 1) as u8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_values_come_apart() {
        assert_eq!(unpacked(&[0b1010_0000, 0b0100_0000], 1, 3).collect::<Vec<_>>(), [1, 0, 1, 0, 1, 0]);
        assert_eq!(unpacked(&[0x1f, 0x20], 4, 3).collect::<Vec<_>>(), [1, 15, 2]);
        assert_eq!(unpacked(&[7, 8], 8, 2).collect::<Vec<_>>(), [7, 8]);
    }

    #[test]
    fn declared_size_is_held_against_the_bound() {
        // A PNG header that declares 60,000 × 60,000 pixels.
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend(60_000_u32.to_be_bytes());
        png.extend(60_000_u32.to_be_bytes());
        png.extend([8, 0, 0, 0, 0]);
        assert!(!is_decoration(Kind::Png, &png));
        assert!(one_page(&png, ImageFormat::Png).is_err());
        assert!(within_bound(60_000, 60_000).is_err());
    }

    #[test]
    fn what_is_transparent_is_paper() {
        let image =
            image::RgbaImage::from_fn(2, 1, |x, _| image::Rgba([0, 0, 0, if x == 0 { 0 } else { 255 }]));
        assert_eq!(grey(DynamicImage::ImageRgba8(image)).into_raw(), [255, 0]);
    }
}
