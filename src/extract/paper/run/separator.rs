//! Is this page a separator sheet? Told by a QR code of ours, a Patch-T code, or a barcode with an agreed value.
//!
//! Invariants: a code that a citizen's letter may hold (a payment code on a bill, a parcel label) is no separator,
//! whatever its size; an ordinary page costs a few milliseconds, for the expensive readers are asked only where
//! the squares of a QR code or the bars of a barcode were seen on a small image.

use super::bars::{Bitmap, patch_t};
use super::grid;
use crate::record::SheetCode;
use image::GrayImage;
use rxing::common::{GlobalHistogramBinarizer, HybridBinarizer};
use rxing::oned::MultiFormatOneDReader;
use rxing::qrcode::QRCodeReader;
use rxing::{BarcodeFormat, BinaryBitmap, DecodeHints, Luma8LuminanceSource, RXingResult, Reader};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Pixels of the longer side of the small image: A4 at about 100 dpi.
pub(in crate::extract) const GLANCE_SIDE: u32 = 1170;

/// The least distance between two corner squares of a sheet's code, as a share of the page's longer side: 25 mm on
/// A4. Ours has 79 mm there; what is smaller was not laid there to divide letters.
const CODE_SHARE_MIN: f32 = 0.085;

/// What a separator is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::extract) enum Separator {
    /// A sheet that `bode sheets` printed.
    Sheet(SheetCode),
    /// Another separator: a Patch-T code, or a barcode with an agreed value. It has no number and no sides.
    Plain,
}

/// A small image of a page for a first look, made by averaging; the page itself when it is small already.
pub(in crate::extract) fn glance(page: &GrayImage) -> GrayImage {
    let factor = (page.width().max(page.height()) as f32 / GLANCE_SIDE as f32).round().max(1.0) as u32;
    reduced(page, factor)
}

/// The page with every square of `factor` pixels made one.
fn reduced(page: &GrayImage, factor: u32) -> GrayImage {
    if factor <= 1 {
        return page.clone();
    }
    let (wide, factor) = (page.width() as usize, factor as usize);
    let (width, height) = (wide / factor, page.height() as usize / factor);
    let mut small = Vec::with_capacity(width * height);
    let mut sums = vec![0_u32; width];
    let area = (factor * factor) as u32;
    for rows in page.as_raw().chunks_exact(wide * factor).take(height) {
        sums.fill(0);
        for row in rows.chunks_exact(wide) {
            for (sum, pixels) in sums.iter_mut().zip(row.chunks_exact(factor)) {
                *sum += pixels.iter().map(|&pixel| u32::from(pixel)).sum::<u32>();
            }
        }
        small.extend(sums.iter().map(|sum| (sum / area) as u8));
    }
    GrayImage::from_raw(width as u32, height as u32, small).unwrap_or_default()
}

/// Looks for a separator. `small` is the [`glance`] of the page; `page` gives the page itself, for barcodes whose bars are
/// too thin for it. `values` are the texts of barcodes that separate.
pub(in crate::extract) fn separator(
    small: &GrayImage,
    page: &GrayImage,
    values: &[String],
) -> Option<Separator> {
    // On a quarter of the pixels stripes, dots and noise are gone, and a sheet's code is large enough.
    let tiny = reduced(small, 2);
    let tiny_bitmap = Bitmap::of(&tiny);
    let large = tiny_bitmap.squares();
    if large.len() >= 3
        && let Some(code) = grid::read(&tiny, &large).and_then(|text| SheetCode::parse(&text))
    {
        return Some(Separator::Sheet(code));
    }
    if !large.is_empty()
        && let Some(code) =
            grid::read(&tiny, &tiny_bitmap.striped_squares()).and_then(|text| SheetCode::parse(&text))
    {
        return Some(Separator::Sheet(code));
    }
    let bitmap = Bitmap::of(small);
    let squares = bitmap.squares();
    if squares.len() >= 3
        && let Some(code) = grid::read(small, &squares).and_then(|text| SheetCode::parse(&text))
        && squares.iter().any(|square| is_large(square.size / 7.0 * 22.0, small))
    {
        return Some(Separator::Sheet(code));
    }
    if large.len().max(squares.len()) >= 2
        && let Some(separator) = by_qr(small, values)
    {
        return Some(separator);
    }
    if patch_t(&bitmap) {
        return Some(Separator::Plain);
    }
    if !values.is_empty() && bitmap.has_barcode() && by_barcode(small, page, values) {
        return Some(Separator::Plain);
    }
    None
}

/// Reads QR codes: first on a smaller image still, where noise and dots of ink are gone.
fn by_qr(small: &GrayImage, values: &[String]) -> Option<Separator> {
    for factor in [2, 1] {
        let image = reduced(small, factor);
        for result in qr_codes(&image) {
            let text = result.getText();
            if is_value(text, values) {
                return Some(Separator::Plain);
            }
            let points = result.getPoints();
            let apart = match points {
                [one, other, ..] => (one.x - other.x).hypot(one.y - other.y),
                _ => 0.0,
            };
            if let Some(code) = SheetCode::parse(text)
                && is_large(apart, &image)
            {
                return Some(Separator::Sheet(code));
            }
        }
    }
    None
}

/// Is a distance between two corner squares that of a sheet's code?
fn is_large(apart: f32, image: &GrayImage) -> bool {
    apart >= image.width().max(image.height()) as f32 * CODE_SHARE_MIN
}

fn qr_codes(image: &GrayImage) -> Vec<RXingResult> {
    let hints = DecodeHints { TryHarder: Some(true), ..DecodeHints::default() };
    let source = || Luma8LuminanceSource::new(image.as_raw().clone(), image.width(), image.height()).ok();
    let local = source().and_then(|source| {
        let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
        QRCodeReader.decode_with_hints(&mut bitmap, &hints).ok()
    });
    let found = local.or_else(|| {
        let mut bitmap = BinaryBitmap::new(GlobalHistogramBinarizer::new(source()?));
        QRCodeReader.decode_with_hints(&mut bitmap, &hints).ok()
    });
    found.into_iter().collect()
}

/// Reads barcodes of one row of bars, lying either way: on the small image, then with twice its detail.
fn by_barcode(small: &GrayImage, page: &GrayImage, values: &[String]) -> bool {
    let formats = HashSet::from([BarcodeFormat::CODE_128, BarcodeFormat::CODE_39]);
    let hints =
        DecodeHints { TryHarder: Some(true), PossibleFormats: Some(formats), ..DecodeHints::default() };
    let finer = (page.width() / small.width().max(1) / 2).max(1);
    let finer = (finer * 2 * small.width() <= page.width() + 2 * small.width()).then(|| reduced(page, finer));
    for image in std::iter::once(small).chain(&finer) {
        let turned = image::imageops::rotate90(image);
        for image in [image, &turned] {
            let source = Luma8LuminanceSource::new(image.as_raw().clone(), image.width(), image.height());
            let Ok(source) = source else { continue };
            let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
            let mut reader = MultiFormatOneDReader::new(&hints);
            if reader
                .decode_with_hints(&mut bitmap, &hints)
                .is_ok_and(|result| is_value(result.getText(), values))
            {
                return true;
            }
        }
    }
    false
}

fn is_value(text: &str, values: &[String]) -> bool {
    let text = text.trim().trim_matches('*');
    values.iter().any(|value| value.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;
    use rxing::Writer;

    /// A page of A4 at 100 dpi with this code in its middle.
    fn sheet(text: &str) -> GrayImage {
        let hints = rxing::EncodeHints {
            ErrorCorrection: Some("H".to_owned()),
            Margin: Some("0".to_owned()),
            ..rxing::EncodeHints::default()
        };
        let code = rxing::qrcode::QRCodeWriter
            .encode_with_hints(text, &BarcodeFormat::QR_CODE, 400, 400, &hints)
            .unwrap();
        let mut page = GrayImage::from_pixel(827, 1169, Luma([240]));
        for y in 0..code.height() {
            for x in (0..code.width()).filter(|x| code.get(*x, y)) {
                page.put_pixel(200 + x, 350 + y, Luma([40]));
            }
        }
        page
    }

    #[test]
    fn a_sheet_is_read_through_stripes_and_a_hole() {
        let text = "BODE1:K7QM-005:F:2026-11-20";
        let clean = sheet(text);
        let found = Some(Separator::Sheet(SheetCode::parse(text).unwrap()));
        assert_eq!(separator(&clean, &clean, &[]), found);
        let mut worn = clean;
        // A stripe through the two squares on the left, and a hole near the middle.
        for y in 0..1169 {
            worn.put_pixel(228, y, Luma([30]));
        }
        for (x, y) in (0..70).flat_map(|y| (0..70).map(move |x| (x, y))) {
            worn.put_pixel(400 + x, 560 + y, Luma([255]));
        }
        for worn in [worn.clone(), image::imageops::rotate90(&worn), image::imageops::rotate180(&worn)] {
            assert_eq!(separator(&worn, &worn, &[]), found);
        }
    }

    #[test]
    fn a_code_of_somebody_else_is_no_separator() {
        let bill = sheet("https://www.example.nl/betalen/1234567");
        assert_eq!(separator(&bill, &bill, &["PATCHT".to_owned()]), None);
        let agreed = sheet("PATCHT");
        assert_eq!(separator(&agreed, &agreed, &["PATCHT".to_owned()]), Some(Separator::Plain));
        assert_eq!(separator(&agreed, &agreed, &[]), None);
    }
}
