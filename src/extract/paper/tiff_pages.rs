//! TIFF (revision 6.0, with BigTIFF): scans and faxes of one or many pages.
//!
//! Faxes (ITU-T T.4 and T.6) and the JPEG of the first edition are taken out of their strips here, the rest is
//! the `tiff` crate's. Invariant: no pixel is decoded before the declared size has been held against the bound; a
//! page that cannot be read costs that page.

use super::picture::{Shot, Unreadable, over_white, within_bound};
use super::raster::{self, cmyk, luma, turned};
use crate::limits::{IMAGE_PIXELS_MAX, PAGES_MAX, UNPACKED_BYTES_MAX};
use hayro_ccitt::{DecodeSettings, DecoderContext, EncodingMode};
use image::metadata::Orientation;
use image::{GrayImage, ImageFormat};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

type Pages<'a> = Decoder<Cursor<&'a [u8]>>;

/// Values of the tag Compression.
const FAX_HUFFMAN: u16 = 2;
const FAX_GROUP_3: u16 = 3;
const FAX_GROUP_4: u16 = 4;
const JPEG_OF_FIRST_EDITION: u16 = 6;

/// JPEGInterchangeFormat and its length, T4Options: where they stand is part of the format.
const TAG_JPEG: Tag = Tag::Unknown(0x201);
const TAG_JPEG_LENGTH: Tag = Tag::Unknown(0x202);
const TAG_T4_OPTIONS: Tag = Tag::Unknown(0x124);
const TAG_FILL_ORDER: Tag = Tag::Unknown(0x10a);

/// How many pages there are, up to one more than the bound.
pub(super) fn count(bytes: &[u8]) -> u32 {
    let Ok(mut decoder) = Decoder::new(Cursor::new(bytes)) else { return 1 };
    let mut count = 1;
    while count <= PAGES_MAX && decoder.more_images() {
        let _ = decoder.next_image();
        count += 1;
    }
    count
}

/// Gives each page behind `behind` others to `each`, until it says stop or the bound is reached.
pub(super) fn pages(bytes: &[u8], behind: u32, each: impl FnMut(Result<Shot, Unreadable>) -> bool) {
    pages_within(bytes, behind, PAGES_MAX, each);
}

/// The same, with another bound.
pub(super) fn pages_within(
    bytes: &[u8],
    behind: u32,
    most: u32,
    mut each: impl FnMut(Result<Shot, Unreadable>) -> bool,
) {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(IMAGE_PIXELS_MAX * 4).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = usize::try_from(UNPACKED_BYTES_MAX).unwrap_or(usize::MAX);
    let mut decoder = match Decoder::new(Cursor::new(bytes)) {
        Ok(decoder) => decoder.with_limits(limits),
        Err(_) => {
            each(Err(Unreadable::Damaged));
            return;
        }
    };
    let mut came = true;
    for number in 1..=most {
        if number > behind {
            let page = if came {
                // What a page makes the decoder panic over is that page's.
                catch_unwind(AssertUnwindSafe(|| page(&mut decoder, bytes)))
                    .unwrap_or(Err(Unreadable::Damaged))
            } else {
                Err(Unreadable::Damaged)
            };
            if !each(page) {
                return;
            }
        }
        if !decoder.more_images() {
            return;
        }
        came = decoder.next_image().is_ok();
    }
}

fn why(error: &TiffError) -> Unreadable {
    match error {
        TiffError::UnsupportedError(_) => Unreadable::Unsupported,
        TiffError::LimitsExceeded => Unreadable::TooLarge,
        _ => Unreadable::Damaged,
    }
}

/// Width and height of the first page as the file declares them.
pub(super) fn declared(bytes: &[u8]) -> Option<(u32, u32)> {
    Decoder::new(Cursor::new(bytes)).ok()?.dimensions().ok()
}

fn page(decoder: &mut Pages<'_>, bytes: &[u8]) -> Result<Shot, Unreadable> {
    let (width, height) = decoder.dimensions().map_err(|error| why(&error))?;
    within_bound(u64::from(width), u64::from(height))?;
    let dpi = dpi(decoder);
    let orientation = number(decoder, Tag::Orientation).and_then(|turn| u8::try_from(turn).ok());
    let (page, whole) = match number(decoder, Tag::Compression).unwrap_or(1) as u16 {
        compression @ (FAX_HUFFMAN | FAX_GROUP_3 | FAX_GROUP_4) => {
            fax(decoder, bytes, compression, width, height)?
        }
        JPEG_OF_FIRST_EDITION => {
            let shot = first_edition_jpeg(decoder, bytes)?;
            (shot.page, shot.whole)
        }
        _ => pixels(decoder, width, height)?,
    };
    let page =
        turned(page, orientation.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms));
    Ok(Shot { page, dpi, whole })
}

fn number(decoder: &mut Pages<'_>, tag: Tag) -> Option<u32> {
    decoder.find_tag_unsigned::<u32>(tag).ok().flatten()
}

fn dpi(decoder: &mut Pages<'_>) -> Option<u32> {
    let value = match decoder.find_tag(Tag::XResolution).ok().flatten()? {
        Value::Rational(above, below) if below > 0 => above / below,
        _ => return None,
    };
    // 2: inch, 3: centimetre.
    match number(decoder, Tag::ResolutionUnit) {
        Some(3) => Some(value.saturating_mul(254) / 100),
        Some(2) | None => Some(value),
        _ => None,
    }
}

/// A page whose strips are the lines of a fax, and whether all of its lines were there.
fn fax(
    decoder: &mut Pages<'_>,
    bytes: &[u8],
    compression: u16,
    width: u32,
    height: u32,
) -> Result<(GrayImage, bool), Unreadable> {
    let options = number(decoder, TAG_T4_OPTIONS).unwrap_or(0);
    let reversed = number(decoder, TAG_FILL_ORDER) == Some(2);
    // 0: white is zero, as a fax says it.
    let white = if number(decoder, Tag::PhotometricInterpretation) == Some(1) { 0 } else { 255 };
    let strip_rows = number(decoder, Tag::RowsPerStrip).unwrap_or(height).clamp(1, height.max(1));
    let list = |decoder: &mut Pages<'_>, tag| decoder.get_tag_u64_vec(tag).map_err(|error| why(&error));
    let starts = list(decoder, Tag::StripOffsets)?;
    let lengths = list(decoder, Tag::StripByteCounts)?;
    let mut rows = Rows { pixels: Vec::new(), width: width as usize, white };
    let mut whole = true;
    for (n, (&start, &length)) in starts.iter().zip(&lengths).enumerate() {
        let done = u32::try_from(n).unwrap_or(u32::MAX).saturating_mul(strip_rows);
        if done >= height {
            break;
        }
        let strip = part(bytes, start, length).ok_or(Unreadable::Damaged)?;
        let flipped: Vec<u8>;
        let strip = if reversed {
            flipped = strip.iter().map(|byte| byte.reverse_bits()).collect();
            &flipped
        } else {
            strip
        };
        let settings = DecodeSettings {
            columns: width,
            rows: strip_rows.min(height - done),
            end_of_block: false,
            end_of_line: compression == FAX_GROUP_3,
            rows_are_byte_aligned: compression == FAX_HUFFMAN || options & 4 != 0,
            encoding: match compression {
                FAX_GROUP_4 => EncodingMode::Group4,
                FAX_GROUP_3 if options & 1 != 0 => EncodingMode::Group3_2D,
                _ => EncodingMode::Group3_1D,
            },
            strict: false,
        };
        let read = hayro_ccitt::decode(strip, &mut rows, &mut DecoderContext::new(settings));
        let expected = (done + settings.rows) as usize * rows.width;
        whole &= read.is_ok() && rows.pixels.len() == expected;
        // The rest of a strip that is broken is paper.
        rows.pixels.resize(expected, 255);
    }
    if rows.pixels.is_empty() {
        return Err(Unreadable::Damaged);
    }
    let expected = rows.width * height as usize;
    whole &= rows.pixels.len() == expected;
    rows.pixels.resize(expected, 255);
    let page = GrayImage::from_raw(width, height, rows.pixels).ok_or(Unreadable::Damaged)?;
    Ok((page, whole))
}

/// The rows of a fax as they come: each a list of the places where the colour changes, from white.
struct Rows {
    pixels: Vec<u8>,
    width: usize,
    white: u8,
}

impl hayro_ccitt::Decoder for Rows {
    fn push_row(&mut self, changes: &[u32]) {
        let start = self.pixels.len();
        let mut shade = self.white;
        for &change in changes {
            self.pixels
                .resize(start + (change as usize).min(self.width).max(self.pixels.len() - start), shade);
            shade = 255 - shade;
        }
        self.pixels.resize(start + self.width, shade);
    }
}

/// A page that is one JPEG file, as scanners of the nineties wrote it.
fn first_edition_jpeg(decoder: &mut Pages<'_>, bytes: &[u8]) -> Result<Shot, Unreadable> {
    let start = number(decoder, TAG_JPEG);
    let length = number(decoder, TAG_JPEG_LENGTH);
    let (start, length) = match (start, length) {
        (Some(start), Some(length)) => (u64::from(start), u64::from(length)),
        (Some(start), None) => (u64::from(start), (bytes.len() as u64).saturating_sub(u64::from(start))),
        _ => {
            let first = |tag, decoder: &mut Pages<'_>| {
                decoder.get_tag_u64_vec(tag).ok().and_then(|values| values.first().copied())
            };
            match (first(Tag::StripOffsets, decoder), first(Tag::StripByteCounts, decoder)) {
                (Some(start), Some(length)) => (start, length),
                _ => return Err(Unreadable::Unsupported),
            }
        }
    };
    let file = part(bytes, start, length).filter(|file| file.starts_with(b"\xff\xd8"));
    raster::page(file.ok_or(Unreadable::Unsupported)?, ImageFormat::Jpeg)
}

fn part(bytes: &[u8], start: u64, length: u64) -> Option<&[u8]> {
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(length).ok()?)?.min(bytes.len());
    bytes.get(start..end)
}

/// A page of any other compression, and whether all of it was there.
fn pixels(decoder: &mut Pages<'_>, width: u32, height: u32) -> Result<(GrayImage, bool), Unreadable> {
    let color = decoder.colortype().map_err(|error| why(&error))?;
    let palette = match color {
        ColorType::Palette(_) => decoder.get_tag_u16_vec(Tag::ColorMap).unwrap_or_default(),
        _ => Vec::new(),
    };
    let layout = decoder.image_buffer_layout().map_err(|error| why(&error))?;
    let planes = layout.planes;
    let mut samples = DecodingResult::U8(Vec::new());
    let whole = match decoder.read_image_to_buffer(&mut samples) {
        Ok(_) => true,
        // What came before the damage is kept.
        Err(TiffError::UnsupportedError(_)) => return Err(Unreadable::Unsupported),
        Err(TiffError::LimitsExceeded) => return Err(Unreadable::TooLarge),
        Err(_) if samples.as_buffer(0).as_bytes().iter().any(|&value| value != 0) => false,
        Err(_) => return Err(Unreadable::Damaged),
    };
    let samples = match samples {
        DecodingResult::U8(samples) => samples,
        // The upper byte says enough.
        DecodingResult::U16(samples) => samples.into_iter().map(|value| (value >> 8) as u8).collect(),
        _ => return Err(Unreadable::Unsupported),
    };
    let samples = if planes > 1 { interleaved(&samples, planes) } else { samples };
    let mut grey = grey(&samples, color, &palette, width as usize).ok_or(Unreadable::Unsupported)?;
    grey.truncate(width as usize * height as usize);
    let page = GrayImage::from_raw(width, height, grey).ok_or(Unreadable::Damaged)?;
    Ok((page, whole))
}

/// Samples that come plane after plane, pixel by pixel.
fn interleaved(samples: &[u8], planes: usize) -> Vec<u8> {
    let length = samples.len() / planes;
    (0..length).flat_map(|at| (0..planes).map(move |plane| samples[plane * length + at])).collect()
}

/// One grey byte a pixel; `None` for a kind of colour that no scanner makes.
fn grey(samples: &[u8], color: ColorType, palette: &[u16], width: usize) -> Option<Vec<u8>> {
    Some(match color {
        ColorType::Gray(8 | 16) => samples.to_vec(),
        ColorType::Gray(bits @ (1 | 2 | 4)) => unpacked(samples, bits, width)
            .map(|value| (u32::from(value) * 255 / ((1 << bits) - 1)) as u8)
            .collect(),
        ColorType::Palette(bits @ (1 | 2 | 4 | 8)) => {
            let size = palette.len() / 3;
            // Some writers count the shades to 255 only.
            let narrow = palette.iter().all(|&shade| shade < 256);
            let shade = |value: u8| {
                let at = |channel: usize| {
                    let shade = palette.get(channel * size + usize::from(value))?;
                    Some(if narrow { *shade as u8 } else { (shade >> 8) as u8 })
                };
                Some(luma(&[at(0)?, at(1)?, at(2)?]))
            };
            unpacked(samples, bits, width).map(|value| shade(value).unwrap_or(255)).collect()
        }
        ColorType::GrayA(8 | 16) => samples.chunks_exact(2).map(|p| over_white(p[0], p[1])).collect(),
        ColorType::RGB(8 | 16) => samples.chunks_exact(3).map(luma).collect(),
        ColorType::RGBA(8 | 16) => samples.chunks_exact(4).map(|p| over_white(luma(p), p[3])).collect(),
        // The first component of YCbCr and of CIE L*a*b* is the light itself.
        ColorType::YCbCr(8 | 16) | ColorType::Lab(8 | 16) => samples.chunks_exact(3).map(|p| p[0]).collect(),
        ColorType::CMYK(8 | 16) => samples.chunks_exact(4).map(|p| cmyk([p[0], p[1], p[2], p[3]])).collect(),
        ColorType::CMYKA(8 | 16) => samples.chunks_exact(5).map(|p| cmyk([p[0], p[1], p[2], p[3]])).collect(),
        ColorType::Multiband { bit_depth: 8 | 16, num_samples } if num_samples > 0 => {
            samples.chunks_exact(usize::from(num_samples)).map(luma).collect()
        }
        _ => return None,
    })
}

/// Values of fewer than eight bits; each row starts on a byte.
fn unpacked(samples: &[u8], bits: u8, width: usize) -> impl Iterator<Item = u8> {
    let bits = usize::from(bits);
    let row = (width * bits).div_ceil(8).max(1);
    samples.chunks_exact(row).flat_map(move |row| {
        (0..width)
            .map(move |x| (row[x * bits / 8] >> (8 - bits - x * bits % 8)) & ((1_u16 << bits) - 1) as u8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hayro_ccitt::Decoder as _;

    #[test]
    fn packed_values_come_apart() {
        assert_eq!(unpacked(&[0b1010_0000, 0b0100_0000], 1, 3).collect::<Vec<_>>(), [1, 0, 1, 0, 1, 0]);
        assert_eq!(unpacked(&[0x1f, 0x20], 4, 3).collect::<Vec<_>>(), [1, 15, 2]);
        assert_eq!(unpacked(&[7, 8], 8, 2).collect::<Vec<_>>(), [7, 8]);
    }

    #[test]
    fn planes_become_pixels() {
        assert_eq!(interleaved(&[1, 2, 10, 20, 100, 200], 3), [1, 10, 100, 2, 20, 200]);
    }

    #[test]
    fn a_row_of_a_fax_is_its_changes() {
        let mut rows = Rows { pixels: Vec::new(), width: 5, white: 255 };
        rows.push_row(&[1, 3]);
        rows.push_row(&[]);
        rows.push_row(&[0, 9]);
        assert_eq!(rows.pixels, [255, 0, 0, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0]);
    }
}
