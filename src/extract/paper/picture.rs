//! Image files → grey pages, each recognised.
//!
//! `raster`, `tiff_pages` and `heic` decode; this file knows what is worth decoding and what staff are told.
//! Invariant: no pixel is decoded before the declared size has been held against the bound; a page that cannot be
//! read costs that page, and is told.

use super::pages::Paper;
use super::{heic, raster, tiff_pages};
use crate::extract::reading::{Content, Reading, called};
use crate::extract::sniff::Kind;
use crate::limits::{IMAGE_PIXELS_MAX, PAGES_MAX};
use crate::record::Problem;
use image::{GrayImage, ImageFormat};

/// Sides in pixels under which an image within the text of a message is a logo, an icon or a trace of the
/// sender's, and holds nothing to read.
const READABLE_WIDTH_MIN: u32 = 400;
const READABLE_HEIGHT_MIN: u32 = 200;

/// One page as it was decoded, upright as its file says.
pub(super) struct Shot {
    pub page: GrayImage,
    /// Dots an inch, where the file says it.
    pub dpi: Option<u32>,
    /// False when the data ended, or broke off, before the page did.
    pub whole: bool,
}

/// Why an image gave no page.
#[derive(Debug)]
pub(super) enum Unreadable {
    TooLarge,
    Damaged,
    Unsupported,
}

impl Unreadable {
    fn problem(&self) -> Problem {
        match self {
            Unreadable::TooLarge => Problem::TooLarge,
            Unreadable::Damaged => Problem::Damaged,
            Unreadable::Unsupported => Problem::Unsupported,
        }
    }

    fn sentence(&self) -> &'static str {
        match self {
            Unreadable::TooLarge => "is een te grote afbeelding en is niet gelezen",
            Unreadable::Damaged => "is beschadigd of niet compleet en kan niet worden gelezen",
            Unreadable::Unsupported => {
                "is een afbeelding van een soort die niet kan worden gelezen: bekijk het zelf"
            }
        }
    }
}

/// Reads an image file: recognises its pages.
pub(in crate::extract) fn read(
    reading: &mut Reading<'_>,
    name: Option<&str>,
    kind: Kind,
    bytes: &[u8],
) -> Content {
    let mut paper = Paper::default();
    let count = if kind == Kind::Tiff { tiff_pages::count(bytes) } else { 1 };
    let of = count.min(PAGES_MAX);
    let behind = reading.pages_behind();
    reading.page_done(behind, of, None);
    let mut page = behind;
    let mut failed = None;
    let mut whole = true;
    let mut each = |decoded: &mut dyn FnMut() -> Result<Shot, Unreadable>| {
        page += 1;
        if let Some(leaf) = reading.page_of_other(page) {
            paper.add(page, leaf);
            reading.page_done(page, of, Some(&paper.leaf()));
            return true;
        }
        match decoded() {
            Ok(shot) => {
                whole &= shot.whole;
                reading.share(page, of, bytes);
                if let Err(error) = paper.recognise(reading, page, shot.page, shot.dpi, None) {
                    reading.engine_failed(error);
                    return false;
                }
            }
            Err(why) => {
                paper.fail(why.problem());
                failed = Some(why);
            }
        }
        reading.page_done(page, of, Some(&paper.leaf()));
        true
    };
    match kind {
        Kind::Tiff => tiff_pages::pages_on_wish(bytes, behind, PAGES_MAX, |_, decoded| each(decoded)),
        _ => {
            each(&mut || one_page(kind, bytes));
        }
    }
    if let Some(why) = failed
        && paper.is_empty()
    {
        return Content::unread(why.problem(), format!("{} {}.", called(name), why.sentence()));
    }
    let mut content = paper.into_content(name, count);
    if !whole {
        if content.text.is_empty() {
            content.problem = Some(Problem::Damaged);
        }
        content.notes.push((
            Problem::Damaged,
            format!("{} is niet compleet; misschien is niet alles gelezen.", called(name)),
        ));
    }
    if has_more_frames(kind, bytes) {
        content.notes.push((
            Problem::Unsupported,
            format!("{} is een bewegend plaatje: alleen het eerste beeld is gelezen.", called(name)),
        ));
    }
    if count > PAGES_MAX {
        content.notes.push((
            Problem::TooLarge,
            format!("{} heeft meer dan {PAGES_MAX} bladzijden; de rest is niet gelezen.", called(name)),
        ));
    }
    content
}

/// Reads pages of a TIFF for another worker, which keeps them in their places: `first`, then those that are asked for.
/// A page that is not whole is left to that worker, which tells so.
pub(in crate::extract) fn read_for_other(reading: &mut Reading<'_>, bytes: &[u8], first: u32) {
    let mut paper = Paper::default();
    let of = tiff_pages::count(bytes).min(PAGES_MAX);
    tiff_pages::in_turn(bytes, first, |number, shot| {
        let shot = shot.ok().filter(|shot| shot.whole)?;
        if let Err(error) = paper.recognise(reading, number, shot.page, shot.dpi, None) {
            reading.engine_failed(error);
            return None;
        }
        reading.page_brought(number, of, &paper.leaf());
        reading.page_for_other()
    });
}

/// The formats of one page that `raster` decodes.
pub(super) fn format(kind: Kind) -> Option<ImageFormat> {
    match kind {
        Kind::Jpeg => Some(ImageFormat::Jpeg),
        Kind::Png => Some(ImageFormat::Png),
        Kind::WebP => Some(ImageFormat::WebP),
        Kind::Gif => Some(ImageFormat::Gif),
        Kind::Bmp => Some(ImageFormat::Bmp),
        _ => None,
    }
}

pub(super) fn one_page(kind: Kind, bytes: &[u8]) -> Result<Shot, Unreadable> {
    match (kind, format(kind)) {
        (_, Some(format)) => raster::page(bytes, format),
        (Kind::Heic, None) => heic::page(bytes),
        (Kind::Jpeg2000, None) => raster::jpeg_2000(bytes),
        _ => Err(Unreadable::Unsupported),
    }
}

/// Is this a logo or an icon rather than something to read? Told by the size in its header.
pub(in crate::extract) fn is_decoration(kind: Kind, bytes: &[u8]) -> bool {
    let declared = match (kind, format(kind)) {
        (_, Some(format)) => raster::declared(bytes, format),
        (Kind::Heic, None) => heic::declared(bytes),
        (Kind::Tiff, None) => tiff_pages::declared(bytes),
        _ => None,
    };
    declared.is_some_and(|(width, height)| width < READABLE_WIDTH_MIN || height < READABLE_HEIGHT_MIN)
}

/// Does a picture move? Only its first frame is read. Told by GIF's second image, WebP's header, APNG's `acTL`.
fn has_more_frames(kind: Kind, bytes: &[u8]) -> bool {
    match kind {
        Kind::WebP => bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & 2 != 0),
        Kind::Png => bytes[..bytes.len().min(4096)].windows(4).any(|word| word == b"acTL"),
        Kind::Gif => gif_frames(bytes).is_some_and(|frames| frames > 1),
        _ => false,
    }
}

/// Images in a GIF (version 89a), up to two; `None` when it ends before its end.
fn gif_frames(bytes: &[u8]) -> Option<u32> {
    let table = |flags: u8| if flags & 0x80 != 0 { 3 << ((flags & 7) + 1) } else { 0 };
    let mut at = 13 + table(*bytes.get(10)?);
    let mut frames = 0;
    while frames < 2 {
        match bytes.get(at)? {
            0x2c => {
                frames += 1;
                // Place, size and flags, the colours, then the size of the codes.
                at += 10 + table(*bytes.get(at + 9)?) + 1;
            }
            0x21 => at += 2,
            _ => return Some(frames),
        }
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1 + length;
            if length == 0 {
                break;
            }
        }
    }
    Some(frames)
}

pub(super) fn within_bound(width: u64, height: u64) -> Result<(), Unreadable> {
    if width.saturating_mul(height) > IMAGE_PIXELS_MAX { Err(Unreadable::TooLarge) } else { Ok(()) }
}

/// A shade of which some shows, on white paper.
pub(super) fn over_white(luma: u8, alpha: u8) -> u8 {
    let (luma, alpha) = (u16::from(luma), u16::from(alpha));
    ((luma * alpha + 255 * (255 - alpha)) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_moves_is_known() {
        use image::codecs::gif::GifEncoder;
        let gif = |frames: usize| {
            let mut bytes = Vec::new();
            let mut encoder = GifEncoder::new(&mut bytes);
            for _ in 0..frames {
                encoder.encode_frame(image::Frame::new(image::RgbaImage::new(40, 30))).unwrap();
            }
            drop(encoder);
            bytes
        };
        assert!(!has_more_frames(Kind::Gif, &gif(1)));
        assert!(has_more_frames(Kind::Gif, &gif(2)) && has_more_frames(Kind::Gif, &gif(3)));
        assert!(!has_more_frames(Kind::Gif, b"GIF89a"));
        let webp = |flags: u8| [&b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0"[..], &[flags, 0, 0, 0]].concat();
        assert!(has_more_frames(Kind::WebP, &webp(2)) && !has_more_frames(Kind::WebP, &webp(0x10)));
    }

    #[test]
    fn small_images_are_decoration_and_unreadable_ones_are_not() {
        let mut gif = b"GIF89a".to_vec();
        gif.extend([
            1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1,
            0, 0x3b,
        ]);
        assert!(is_decoration(Kind::Gif, &gif));
        assert!(!is_decoration(Kind::Png, b"\x89PNG\r\n\x1a\nrubbish"));
        assert!(!is_decoration(Kind::Heic, b"\0\0\0\x18ftypheic"));
    }
}
