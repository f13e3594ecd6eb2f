//! TIFF (revision 6.0, with BigTIFF): scans and faxes of one or many pages.
//!
//! Faxes (ITU-T T.4 and T.6) and the JPEG of the first edition are taken out of their strips here, the rest is
//! the `tiff` crate's. Invariant: no pixel is decoded before the declared size has been held against the bound; a
//! page that cannot be read costs that page. KNOWN BUGS: pages in tiles with each colour apart (PlanarConfiguration 2)
//! are told as damaged, and Zstandard, LZMA and WebP within TIFF as not supported.

use super::picture::{Shot, Unreadable, over_white, within_bound};
use super::raster::{self, cmyk, luma, turned};
use crate::limits::{IMAGE_PIXELS_MAX, PAGES_MAX, UNPACKED_BYTES_MAX};
use hayro_ccitt::{DecodeSettings, DecoderContext, EncodingMode};
use image::metadata::Orientation;
use image::{GrayImage, ImageFormat};
use std::borrow::Cow;
use std::collections::BTreeMap;
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
const FAXES: [u16; 3] = [FAX_HUFFMAN, FAX_GROUP_3, FAX_GROUP_4];
const JPEG_OF_FIRST_EDITION: u16 = 6;

/// Values of the tag PhotometricInterpretation.
const PALETTE: u32 = 3;
const GREY: u16 = 1;

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
    pages_on_wish(bytes, behind, most, |_, decoded| each(decoded()));
}

/// The same with each page's number and what decodes it, for those whose page somebody else has read.
pub(super) fn pages_on_wish(
    bytes: &[u8],
    behind: u32,
    most: u32,
    mut each: impl FnMut(u32, &mut dyn FnMut() -> Result<Shot, Unreadable>) -> bool,
) {
    let bytes = in_order(bytes, most);
    let Some(mut decoder) = opened(&bytes) else {
        each(behind + 1, &mut || Err(Unreadable::Damaged));
        return;
    };
    let mut came = true;
    for number in 1..=most {
        if number > behind {
            let mut decoded = || if came { guarded(&mut decoder, &bytes) } else { Err(Unreadable::Damaged) };
            if !each(number, &mut decoded) {
                return;
            }
        }
        if !decoder.more_images() {
            return;
        }
        came = decoder.next_image().is_ok();
    }
}

/// Gives page `first` to `each`, then each page that it asks for.
pub(super) fn in_turn(
    bytes: &[u8],
    first: u32,
    mut each: impl FnMut(u32, Result<Shot, Unreadable>) -> Option<u32>,
) {
    let bytes = in_order(bytes, PAGES_MAX);
    let Some(mut decoder) = opened(&bytes) else { return };
    let mut next = Some(first);
    while let Some(number) = next {
        let came = decoder.seek_to_image((number as usize).saturating_sub(1)).is_ok();
        next = each(number, if came { guarded(&mut decoder, &bytes) } else { Err(Unreadable::Damaged) });
    }
}

fn opened(bytes: &[u8]) -> Option<Pages<'_>> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(IMAGE_PIXELS_MAX * 4).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = usize::try_from(UNPACKED_BYTES_MAX).unwrap_or(usize::MAX);
    Some(Decoder::new(Cursor::new(bytes)).ok()?.with_limits(limits))
}

/// The page that the decoder has come to: what it panics over is that page's.
fn guarded(decoder: &mut Pages<'_>, bytes: &[u8]) -> Result<Shot, Unreadable> {
    catch_unwind(AssertUnwindSafe(|| page(decoder, bytes))).unwrap_or(Err(Unreadable::Damaged))
}

/// The file as its decoder expects it. Scanners and fax programs that write the lowest bit of a byte first (FillOrder 2)
/// do so for whole strips, whatever the compression (those of faxes are turned as they are read). Pages with a palette,
/// which the decoder does not know, are called grey: `pixels` sees their ColorMap.
fn in_order(bytes: &[u8], most: u32) -> Cow<'_, [u8]> {
    let mut turned: BTreeMap<u64, u64> = BTreeMap::new();
    let mut coloured: Vec<u64> = Vec::new();
    if let Some(mut decoder) = opened(bytes) {
        for _ in 0..most {
            let compression = number(&mut decoder, Tag::Compression).unwrap_or(1) as u16;
            if number(&mut decoder, TAG_FILL_ORDER) == Some(2) && !FAXES.contains(&compression) {
                let (starts, lengths) = pieces(&mut decoder).unwrap_or_default();
                turned.extend(starts.into_iter().zip(lengths));
            }
            if number(&mut decoder, Tag::PhotometricInterpretation) == Some(PALETTE) {
                coloured.extend(decoder.ifd_pointer().map(|directory| directory.0));
            }
            if !decoder.more_images() || decoder.next_image().is_err() {
                break;
            }
        }
    }
    if turned.is_empty() && coloured.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut file = bytes.to_vec();
    let mut done = 0;
    for (start, length) in turned {
        let from = usize::try_from(start).unwrap_or(usize::MAX).max(done);
        let end = usize::try_from(start.saturating_add(length)).unwrap_or(usize::MAX).min(file.len());
        if let Some(piece) = file.get_mut(from..end) {
            piece.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
            done = end;
        }
    }
    let little = bytes.starts_with(b"II");
    for directory in coloured {
        if let Some(place) = photometric_place(bytes, directory)
            && let Some(value) = file.get_mut(place..place + 2)
        {
            value.copy_from_slice(&if little { GREY.to_le_bytes() } else { GREY.to_be_bytes() });
        }
    }
    Cow::Owned(file)
}

/// Where the value of PhotometricInterpretation stands in the file.
fn photometric_place(bytes: &[u8], directory: u64) -> Option<usize> {
    let little = bytes.starts_with(b"II");
    let number = |at: usize, length: usize| {
        let field = bytes.get(at..at.checked_add(length)?)?;
        let add = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
        Some(if little { field.iter().rev().fold(0, add) } else { field.iter().fold(0, add) })
    };
    // BigTIFF is 43: longer counts and entries.
    let (count, entry, value) = if number(2, 2)? == 43 { (8, 20, 12) } else { (2, 12, 8) };
    let directory = usize::try_from(directory).ok()?;
    let tag = u64::from(Tag::PhotometricInterpretation.to_u16());
    let entries = usize::try_from(number(directory, count)?).ok()?.min(bytes.len() / entry);
    let places = (0..entries).map(|nth| directory + count + nth * entry);
    places.into_iter().find(|&place| number(place, 2) == Some(tag)).map(|place| place + value)
}

/// Starts and lengths of the strips or tiles of a page.
fn pieces(decoder: &mut Pages<'_>) -> Result<(Vec<u64>, Vec<u64>), Unreadable> {
    let mut list = |tag| decoder.get_tag_u64_vec(tag).map_err(|error| why(&error));
    match list(Tag::TileOffsets) {
        Ok(starts) => Ok((starts, list(Tag::TileByteCounts)?)),
        Err(_) => Ok((list(Tag::StripOffsets)?, list(Tag::StripByteCounts)?)),
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
        compression if FAXES.contains(&compression) => fax(decoder, bytes, compression, width, height)?,
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

/// A page whose strips, or tiles, are the lines of a fax, and whether all of its lines were there.
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
    let (starts, lengths) = pieces(decoder)?;
    let side = |decoder: &mut Pages<'_>, tag, whole: u32| number(decoder, tag).unwrap_or(whole).max(1);
    // Tiles are whole also where they stand out over the page; the last strip ends with it.
    let tiled = number(decoder, Tag::TileWidth).is_some();
    let (wide, high) = if tiled {
        (side(decoder, Tag::TileWidth, width), side(decoder, Tag::TileLength, height))
    } else {
        (width, side(decoder, Tag::RowsPerStrip, height).min(height.max(1)))
    };
    within_bound(u64::from(wide), u64::from(high))?;
    let across = width.div_ceil(wide).max(1) as usize;
    let mut page = GrayImage::from_pixel(width, height, image::Luma([255]));
    let mut whole = starts.len().min(lengths.len()) >= across * height.div_ceil(high) as usize;
    for (n, (&start, &length)) in starts.iter().zip(&lengths).enumerate() {
        let left = (n % across) as u32 * wide;
        let top = u32::try_from(n / across).unwrap_or(u32::MAX).saturating_mul(high);
        if top >= height {
            break;
        }
        let piece = part(bytes, start, length).ok_or(Unreadable::Damaged)?;
        let flipped: Vec<u8>;
        let piece = if reversed {
            flipped = piece.iter().map(|byte| byte.reverse_bits()).collect();
            &flipped
        } else {
            piece
        };
        let settings = DecodeSettings {
            columns: wide,
            rows: if tiled { high } else { high.min(height - top) },
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
        let mut rows = Rows { pixels: Vec::new(), width: wide as usize, white };
        let read = hayro_ccitt::decode(piece, &mut rows, &mut DecoderContext::new(settings));
        whole &= read.is_ok() && rows.pixels.len() == settings.rows as usize * rows.width;
        // The rest of a piece that is broken is paper.
        let shown = wide.min(width - left) as usize;
        for (row, y) in rows.pixels.chunks_exact(rows.width).zip(top..height) {
            let at = y as usize * width as usize + left as usize;
            if let Some(line) = page.as_mut().get_mut(at..at + shown) {
                line.copy_from_slice(&row[..shown]);
            }
        }
    }
    if starts.is_empty() {
        return Err(Unreadable::Damaged);
    }
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
    let palette = decoder.get_tag_u16_vec(Tag::ColorMap).unwrap_or_default();
    let color = match color {
        ColorType::Gray(bits @ (1 | 2 | 4 | 8)) if palette.len() == 3 << bits => ColorType::Palette(bits),
        other => other,
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
    fn a_page_is_the_same_in_whatever_way_it_is_written() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiff");
        let as_it_is = image::open(format!("{dir}/page.png")).unwrap().into_luma8();
        let (mut seen, mut wrong) = (0, Vec::new());
        for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !name.ends_with(".tiff") {
                continue;
            }
            seen += 1;
            let bytes = std::fs::read(&path).unwrap();
            let mut told = |shot: Result<Shot, Unreadable>| match shot {
                Ok(shot) if shot.page.dimensions() == as_it_is.dimensions() => {
                    let far = shot.page.iter().zip(as_it_is.iter()).map(|(one, other)| one.abs_diff(*other));
                    let mean = far.map(f64::from).sum::<f64>() / as_it_is.len() as f64;
                    if !shot.whole || mean > if name.starts_with("jpeg") { 4.0 } else { 0.0 } {
                        wrong.push(format!("{name}: whole {}, {mean}", shot.whole));
                    }
                }
                Ok(shot) => wrong.push(format!("{name}: {:?}", shot.page.dimensions())),
                Err(why) => wrong.push(format!("{name}: {why:?}")),
            };
            pages(&bytes, 0, |shot| {
                told(shot);
                true
            });
            // As a helper takes it.
            in_turn(&bytes, 1, |_, shot| {
                told(shot);
                None
            });
        }
        assert!(seen >= 32 && wrong.is_empty(), "{seen}: {wrong:#?}");
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
