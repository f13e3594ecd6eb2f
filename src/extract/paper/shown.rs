//! Page images for people: one page of a PDF, a scan or a picture as a JPEG, upright as it was read.
//!
//! Invariant: the picture shows exactly the page on which the words have their boxes: where a scanner's image was
//! taken out of a PDF to be read, that image is shown, and else the page drawn whole.

use super::page_text::PageText;
use super::picture::{format, one_page, within_bound};
use super::{pdf, tiff_pages};
use crate::extract::sniff::Kind;
use crate::limits::{IMAGE_PIXELS_MAX, PAGE_PICTURE_SIDE_MAX, PAGES_MAX};
use hayro::RenderCache;
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::page::Page;
use hayro_interpret::InterpreterCache;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbaImage};
use std::io::Cursor;

/// Of 100: text stays sharp, and a page takes 200 to 400 kB.
const JPEG_QUALITY: u8 = 80;

/// Page `number` (from 1) turned by quarter turns clockwise, as a JPEG; `None` when there is no such page or it
/// cannot be shown.
pub(in crate::extract) fn page(kind: Kind, bytes: &[u8], number: u32, turns: u32) -> Option<Vec<u8>> {
    if !(1..=PAGES_MAX).contains(&number) {
        return None;
    }
    let page = match kind {
        Kind::Pdf => of_pdf(bytes, number)?,
        Kind::Tiff => of_tiff(bytes, number)?,
        _ if number > 1 => return None,
        _ => in_colour(kind, bytes)
            .or_else(|| one_page(kind, bytes).ok().map(|shot| DynamicImage::ImageLuma8(shot.page)))?,
    };
    // First smaller, then turned: less to turn.
    let page = if page.width().max(page.height()) > PAGE_PICTURE_SIDE_MAX {
        page.resize(PAGE_PICTURE_SIDE_MAX, PAGE_PICTURE_SIDE_MAX, FilterType::Triangle)
    } else {
        page
    };
    let page = match turns % 4 {
        1 => page.rotate90(),
        2 => page.rotate180(),
        3 => page.rotate270(),
        _ => page,
    };
    let mut jpeg = Vec::new();
    page.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)).ok()?;
    Some(jpeg)
}

fn of_pdf(bytes: &[u8], number: u32) -> Option<DynamicImage> {
    let pdf = Pdf::new(bytes.to_vec()).ok()?;
    let page = pdf.pages().get(number as usize - 1)?;
    let layer = layer(&pdf, page);
    if layer.image_pixels > IMAGE_PIXELS_MAX {
        return None;
    }
    if !pdf::is_text(&layer)
        && let Some((image, _)) = pdf::scanned(page, &pdf, &InterpreterCache::new(), &layer)
    {
        return Some(DynamicImage::ImageLuma8(image));
    }
    Some(drawn(page))
}

/// What stands on a page of a PDF, and where.
pub(super) fn layer<'a>(pdf: &'a Pdf, page: &Page<'a>) -> PageText {
    let (width, height) = page.render_dimensions();
    let mut layer = PageText::new(f64::from(width), f64::from(height));
    pdf::look(page, pdf, &InterpreterCache::new(), &mut layer);
    layer
}

/// The page in colour on white, as large as it will be shown.
fn drawn<'a>(page: &'a Page<'a>) -> DynamicImage {
    let (width, height) = page.render_dimensions();
    let scale = (PAGE_PICTURE_SIDE_MAX as f32 / width.max(height).max(1.0)).min(4.0);
    DynamicImage::ImageRgb8(pdf::drawn(page, &RenderCache::new(), scale).into_rgb8())
}

fn of_tiff(bytes: &[u8], number: u32) -> Option<DynamicImage> {
    let mut found = None;
    tiff_pages::pages(bytes, number - 1, |shot| {
        found = shot.ok().map(|shot| DynamicImage::ImageLuma8(shot.page));
        false
    });
    found
}

/// A picture in its colours, upright as its camera meant it; `None` for the kinds that are only known in grey, and
/// for damaged ones.
pub(super) fn in_colour(kind: Kind, bytes: &[u8]) -> Option<DynamicImage> {
    let format = format(kind)?;
    let (decoder, orientation) = decoder(bytes, format)?;
    let mut image = DynamicImage::from_decoder(decoder).ok()?;
    image.apply_orientation(orientation);
    let shown = if image.color().has_alpha() {
        // What is transparent is paper.
        let mut paper = RgbaImage::from_pixel(image.width(), image.height(), image::Rgba([0xff; 4]));
        image::imageops::overlay(&mut paper, &image.into_rgba8(), 0, 0);
        DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(paper).into_rgb8())
    } else if image.color().has_color() {
        DynamicImage::ImageRgb8(image.into_rgb8())
    } else {
        DynamicImage::ImageLuma8(image.into_luma8())
    };
    Some(shown)
}

/// A decoder within bounds, and the turn that the camera noted.
pub(super) fn decoder(bytes: &[u8], format: ImageFormat) -> Option<(impl ImageDecoder + '_, Orientation)> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(IMAGE_PIXELS_MAX * 4);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    within_bound(u64::from(width), u64::from(height)).ok()?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Some((decoder, orientation))
}
