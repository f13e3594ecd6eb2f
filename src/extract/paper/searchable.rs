//! A searchable PDF: the pages as they came, with the words that were read laid unseen over them, each on its place
//! (ISO 32000-2, 9.3.6: render mode 3).
//!
//! A PDF keeps its pages as they are and gets one more content stream on each page that was recognised; a JPEG is laid
//! into its page as it is, other pictures without loss. A page that was read lying on its side gets `/Rotate`, so
//! that it is shown upright. Invariant: nothing that was to be seen on a page changes.

use super::glyphless::{self, packed};
use super::picture::{Shot, one_page};
use super::shown::{decoder, in_colour, layer};
use super::{pdf, tiff_pages};
use crate::extract::sniff::Kind;
use crate::limits::PAGES_MAX;
use crate::record::{Document, PageSize, Word};
use hayro::hayro_syntax::Pdf;
use hayro_interpret::kurbo::{Affine, Point, Rect};
use hayro_interpret::{InterpreterCache, TransformExt};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageFormat};
use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Object, ObjectId, dictionary};
use std::fmt::Write;

/// The name of our font on a page; no other program gives its own this one.
const FONT: &str = "BodeText";

/// The file of a scan as a searchable PDF. `document`: what was read of it, with its words. `None` when the file has no
/// pages, or cannot be opened.
pub(in crate::extract) fn pdf(kind: Kind, bytes: &[u8], document: &Document) -> Option<Vec<u8>> {
    match kind {
        Kind::Pdf => over_pdf(bytes, document),
        _ => around_images(images(kind, bytes)?, document),
    }
}

fn words_of(document: &Document, page: u32) -> impl Iterator<Item = &Word> {
    document.words.iter().filter(move |word| word.0 == page)
}

/// From the pixels of the upright page on which the words have their boxes to the page's own space. `area`: where the
/// page image lies on the page as it is displayed.
fn place(size: &PageSize, area: Rect, displayed_to_own: Affine) -> Affine {
    let unit =
        Affine::scale_non_uniform(1.0 / f64::from(size.width.max(1)), 1.0 / f64::from(size.height.max(1)));
    // Back from upright to how the page lay.
    let turned = match size.turns % 4 {
        1 => Affine::new([0.0, -1.0, 1.0, 0.0, 0.0, 1.0]),
        2 => Affine::new([-1.0, 0.0, 0.0, -1.0, 1.0, 1.0]),
        3 => Affine::new([0.0, 1.0, -1.0, 0.0, 1.0, 0.0]),
        _ => Affine::IDENTITY,
    };
    let on_page =
        Affine::translate((area.x0, area.y0)) * Affine::scale_non_uniform(area.width(), area.height());
    displayed_to_own * on_page * turned * unit
}

/// The unseen words of one page as content.
fn text_layer<'a>(words: impl Iterator<Item = &'a Word>, place: Affine) -> String {
    let mut content = format!("BT\n3 Tr\n/{FONT} 1 Tf\n");
    for Word(_, left, top, width, height, _, text) in words {
        let units: Vec<u16> =
            text.chars().filter(|c| !c.is_control()).flat_map(|c| u16::try_from(u32::from(c)).ok()).collect();
        if units.is_empty() || *width == 0 || *height == 0 {
            continue;
        }
        let (left, top) = (f64::from(*left), f64::from(*top));
        let (right, bottom) = (left + f64::from(*width), top + f64::from(*height));
        let origin = place * Point::new(left, bottom);
        // One unit of text space along the word and up from its foot.
        let advance = units.len() as f64 * f64::from(glyphless::WIDTH) / 1000.0;
        let along = ((place * Point::new(right, bottom)) - origin) / advance;
        let up = (place * Point::new(left, top)) - origin;
        let _ = write!(
            content,
            "{:.4} {:.4} {:.4} {:.4} {:.3} {:.3} Tm <",
            along.x, along.y, up.x, up.y, origin.x, origin.y
        );
        for unit in units {
            let _ = write!(content, "{unit:04X}");
        }
        content.push_str("> Tj\n");
    }
    content.push_str("ET\n");
    content
}

/// Lays the words over the pages of a PDF that have no text of their own.
fn over_pdf(bytes: &[u8], document: &Document) -> Option<Vec<u8>> {
    let seen = Pdf::new(bytes.to_vec()).ok()?;
    let mut file = lopdf::Document::load_mem(bytes).ok()?;
    // It was opened without a password: it is written without one.
    file.trailer.remove(b"Encrypt");
    let pages = file.get_pages();
    let font = glyphless::add(&mut file);
    for size in document.page_sizes.iter().filter(|size| (1..=PAGES_MAX).contains(&size.page)) {
        let (Some(page), Some(&id)) = (seen.pages().get(size.page as usize - 1), pages.get(&size.page))
        else {
            continue;
        };
        let layer = layer(&seen, page);
        if pdf::is_text(&layer) {
            continue;
        }
        let (width, height) = page.render_dimensions();
        let area = match pdf::scanned(page, &seen, &InterpreterCache::new(), &layer) {
            Some(_) => layer.image_area,
            None => Rect::new(0.0, 0.0, f64::from(width), f64::from(height)),
        };
        let own = page.initial_transform(true).to_kurbo().inverse();
        let text = text_layer(words_of(document, size.page), place(size, area, own));
        lay(&mut file, id, font, &text, size.turns)?;
    }
    written(file)
}

/// Adds our text to a page, after and apart from what is there.
fn lay(file: &mut lopdf::Document, id: ObjectId, font: ObjectId, text: &str, turns: u32) -> Option<()> {
    let theirs = without_unseen_text(file, id);
    let before = file.add_object(packed(Dictionary::new(), b"q\n".to_vec()));
    let ours = file.add_object(packed(Dictionary::new(), format!("\nQ\n{text}").into_bytes()));
    let theirs = match theirs {
        Some(content) => vec![file.add_object(packed(Dictionary::new(), content))],
        None => file.get_page_contents(id),
    };
    let mut contents = vec![Object::from(before)];
    contents.extend(theirs.into_iter().map(Object::from));
    contents.push(ours.into());
    let mut resources = inherited(file, id, b"Resources")
        .and_then(|found| file.dereference(&found).ok().and_then(|(_, found)| found.as_dict().ok().cloned()))
        .unwrap_or_default();
    let mut fonts = resources
        .get(b"Font")
        .and_then(|found| file.dereference(found))
        .and_then(|(_, found)| found.as_dict().cloned())
        .unwrap_or_default();
    fonts.set(FONT, font);
    resources.set("Font", fonts);
    let rotate = inherited(file, id, b"Rotate").and_then(|found| found.as_i64().ok()).unwrap_or(0);
    let page = file.get_dictionary_mut(id).ok()?;
    page.set("Contents", contents);
    page.set("Resources", resources);
    page.set("Rotate", (rotate + 90 * i64::from(turns)).rem_euclid(360));
    Some(())
}

/// An entry of a page, or of what it hangs under (ISO 32000-2, 7.7.3.4).
fn inherited(file: &lopdf::Document, id: ObjectId, key: &[u8]) -> Option<Object> {
    let mut node = file.get_dictionary(id).ok()?;
    for _ in 0..64 {
        if let Ok(found) = node.get(key) {
            return file.dereference(found).ok().map(|(_, found)| found.clone());
        }
        node = file.get_dictionary(node.get(b"Parent").ok()?.as_reference().ok()?).ok()?;
    }
    None
}

/// The content of a page without the text that a scanner laid unseen over it; `None` when it has none. Ours takes its
/// place: two layers would give every word twice.
fn without_unseen_text(file: &lopdf::Document, id: ObjectId) -> Option<Vec<u8>> {
    let content = file.get_page_content_with_limit(id, UNSEEN_BYTES_MAX).ok()?;
    if !content.windows(4).any(|word| word == b"3 Tr") {
        return None;
    }
    let mut content = Content::decode(&content).ok()?;
    let (mut mode, mut kept) = (0, Vec::new());
    content.operations.retain(|Operation { operator, operands }| {
        match operator.as_str() {
            "q" => kept.push(mode),
            "Q" => mode = kept.pop().unwrap_or(0),
            "Tr" => mode = operands.first().and_then(|mode| mode.as_i64().ok()).unwrap_or(0),
            "Tj" | "TJ" | "'" | "\"" => return mode != 3,
            _ => {}
        }
        true
    });
    content.encode().ok()
}

/// Bytes of one page's content in which a scanner's text is looked for.
const UNSEEN_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One page of our own making.
struct ImagePage {
    width: u32,
    height: u32,
    dpi: Option<u32>,
    /// Quarter turns clockwise that the file itself asks for, beyond which the words count theirs.
    turns: u32,
    colours: &'static str,
    bits: i64,
    /// With the filter that is on it already.
    data: (Option<&'static str>, Vec<u8>),
}

/// The pages of an image file.
fn images(kind: Kind, bytes: &[u8]) -> Option<Vec<ImagePage>> {
    if kind == Kind::Tiff {
        let mut pages = Vec::new();
        tiff_pages::pages(bytes, 0, |shot| {
            // A page that cannot be read keeps its place, so that the words of the next stay on theirs.
            pages.push(
                shot.map_or_else(|_| in_grey(GrayImage::from_pixel(1, 1, image::Luma([255])), None), of_shot),
            );
            true
        });
        return Some(pages);
    }
    let page = match (as_it_is(kind, bytes), in_colour(kind, bytes)) {
        (Some(page), _) => page,
        (None, Some(DynamicImage::ImageRgb8(image))) => ImagePage {
            width: image.width(),
            height: image.height(),
            dpi: one_page(kind, bytes).ok().and_then(|shot| shot.dpi),
            turns: 0,
            colours: "DeviceRGB",
            bits: 8,
            data: (None, image.into_raw()),
        },
        _ => of_shot(one_page(kind, bytes).ok()?),
    };
    Some(vec![page])
}

/// A JPEG of a kind that PDF knows goes in as it is.
fn as_it_is(kind: Kind, bytes: &[u8]) -> Option<ImagePage> {
    if kind != Kind::Jpeg {
        return None;
    }
    let shot = one_page(kind, bytes).ok().filter(|shot| shot.whole)?;
    let (_, orientation) = decoder(bytes, ImageFormat::Jpeg)?;
    let turns = match orientation {
        Orientation::NoTransforms => 0,
        Orientation::Rotate90 => 1,
        Orientation::Rotate180 => 2,
        Orientation::Rotate270 => 3,
        _ => return None,
    };
    let colours = match jpeg_components(bytes)? {
        1 => "DeviceGray",
        3 => "DeviceRGB",
        _ => return None,
    };
    let (width, height) = shot.page.dimensions();
    let (width, height) = if turns % 2 == 0 { (width, height) } else { (height, width) };
    let data = (Some("DCTDecode"), bytes.to_vec());
    Some(ImagePage { width, height, dpi: shot.dpi, turns, colours, bits: 8, data })
}

/// How many colours a JPEG has (ITU-T T.81, B.2.2: the frame header).
fn jpeg_components(bytes: &[u8]) -> Option<u8> {
    let mut at = 2;
    while let [0xff, marker, high, low, ..] = bytes.get(at..)? {
        match marker {
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(marker) => return bytes.get(at + 9).copied(),
            0xff => at += 1,
            _ => at += 2 + usize::from(u16::from_be_bytes([*high, *low])),
        }
    }
    None
}

fn of_shot(shot: Shot) -> ImagePage {
    in_grey(shot.page, shot.dpi)
}

/// A page in grey; in black and white where it is no more than that.
fn in_grey(page: GrayImage, dpi: Option<u32>) -> ImagePage {
    let (width, height) = page.dimensions();
    let two_shades = page.as_raw().iter().all(|value| matches!(value, 0 | 0xff));
    let (bits, data) = if two_shades {
        let row = |row: &[u8]| {
            row.chunks(8)
                .map(|eight| {
                    eight.iter().enumerate().fold(0, |byte, (n, value)| byte | (value & 1) << (7 - n))
                })
                .collect::<Vec<u8>>()
        };
        (1, page.as_raw().chunks(width.max(1) as usize).flat_map(row).collect())
    } else {
        (8, page.into_raw())
    };
    ImagePage { width, height, dpi, turns: 0, colours: "DeviceGray", bits, data: (None, data) }
}

/// A new PDF of these pages, with the words on them.
fn around_images(images: Vec<ImagePage>, document: &Document) -> Option<Vec<u8>> {
    let mut file = lopdf::Document::with_version("1.7");
    let font = glyphless::add(&mut file);
    let tree = file.new_object_id();
    let mut pages = Vec::new();
    for (number, image) in (1..).zip(images) {
        let size = document.page_sizes.iter().find(|size| size.page == number);
        let turns = image.turns + size.map_or(0, |size| size.turns);
        let dpi = f64::from(image.dpi.unwrap_or_else(|| (image.width.max(image.height) * 10 / 117).max(70)));
        let points = |pixels: u32| (f64::from(pixels) * 72.0 / dpi * 100.0).round() / 100.0;
        let (width, height) = (points(image.width), points(image.height));
        let mut about = dictionary! {
            "Type" => "XObject", "Subtype" => "Image", "Width" => i64::from(image.width),
            "Height" => i64::from(image.height), "ColorSpace" => image.colours, "BitsPerComponent" => image.bits,
        };
        let image = match image.data {
            (Some(filter), data) => {
                about.set("Filter", filter);
                lopdf::Stream::new(about, data).with_compression(false)
            }
            (None, data) => packed(about, data),
        };
        let image = file.add_object(image);
        let mut content = format!("q {width} 0 0 {height} 0 0 cm /Scan Do Q\n");
        if let Some(size) = size {
            let area = Rect::new(0.0, 0.0, width, height);
            let upward = Affine::new([1.0, 0.0, 0.0, -1.0, 0.0, height]);
            let place = place(&PageSize { turns, ..*size }, area, upward);
            content += &text_layer(words_of(document, number), place);
        }
        let content = file.add_object(packed(Dictionary::new(), content.into_bytes()));
        let page = dictionary! {
            "Type" => "Page", "Parent" => tree, "Contents" => content, "Rotate" => 90 * i64::from(turns % 4),
            "MediaBox" => vec![0.into(), 0.into(), width.into(), height.into()],
            "Resources" => dictionary! {
                "Font" => dictionary! { FONT => font }, "XObject" => dictionary! { "Scan" => image },
            },
        };
        pages.push(Object::from(file.add_object(page)));
    }
    let count = pages.len() as i64;
    file.objects.insert(tree, dictionary! { "Type" => "Pages", "Kids" => pages, "Count" => count }.into());
    let catalog = file.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    file.trailer.set("Root", catalog);
    written(file)
}

fn written(mut file: lopdf::Document) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.save_to(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word in the upper left corner of the upright page lies there on the page as it is shown, however it came.
    #[test]
    fn boxes_turn_with_their_page() {
        // A displayed page of 200 by 100 points; upward: to a space that has its origin below.
        let (area, upward) =
            (Rect::new(0.0, 0.0, 200.0, 100.0), Affine::new([1.0, 0.0, 0.0, -1.0, 0.0, 100.0]));
        for (turns, size, corner) in [
            (0, (400, 200), (0.0, 100.0)),
            // Turned clockwise to be read: its upper left was lower left.
            (1, (200, 400), (0.0, 0.0)),
            (2, (400, 200), (200.0, 0.0)),
            (3, (200, 400), (200.0, 100.0)),
        ] {
            let size = PageSize { page: 1, width: size.0, height: size.1, turns };
            let at = place(&size, area, upward) * Point::ZERO;
            assert!((at - Point::from(corner)).hypot() < 1e-9, "{turns}: {at:?}");
        }
    }

    #[test]
    fn words_are_written_in_utf_16() {
        let word = Word(1, 10, 20, 100, 30, 90.0, "€1 één\u{7}".to_owned());
        let text = text_layer([&word].into_iter(), Affine::IDENTITY);
        assert!(text.contains("<20AC0031002000E900E9006E> Tj"), "{text}");
        assert!(text.contains("33.3333 0.0000 0.0000 -30.0000 10.000 50.000 Tm"), "{text}");
    }
}
