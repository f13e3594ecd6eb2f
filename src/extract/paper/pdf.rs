//! PDF (ISO 32000): page by page, from its text layer or, where that is missing or rubbish, recognised.
//!
//! hayro gives text with places and renders pages; lopdf knows the file's structure and gives the files that
//! are embedded in it. Invariant: each page is decided for itself; what a scanner laid unseen behind its image
//! is believed only where the image says the same; no image past the bound is decoded.

use super::embedded::Embedded;
use super::filled;
use super::ocr::EngineError;
use super::page_image::turn;
use super::page_text::{BOX_DPI, PageText};
use super::pages::Paper;
use super::unseen;
use crate::extract::reading::{Content, Reading, called};
use crate::extract::sniff;
use crate::limits::{IMAGE_PIXELS_MAX, PAGES_MAX, TEXT_PAGES_MAX, UNPACKED_BYTES_MAX};
use crate::record::{Method, PageSize, Problem};
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use hayro_interpret::kurbo::{Affine, BezPath, Rect};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageData, ImageDrawProps,
    InterpreterCache, InterpreterSettings, SoftMask, TransformExt, font::GlyphRun, interpret_page,
};
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Letters from which a text layer is the page, even when an image lies behind it.
const LETTERS_MIN: usize = 200;

/// Resolution at which pages are rendered for recognition.
const RENDER_DPI: f32 = 300.0;

/// Pixels of a rendered page: A3 at 300 dpi has 17 million.
const RENDER_PIXELS_MAX: f32 = 24_000_000.0;

/// Reads a PDF, then the files embedded in it.
pub(in crate::extract) fn read(reading: &mut Reading<'_>, name: Option<&str>, bytes: &[u8], depth: usize) {
    let budget = reading.budget.clone();
    let opened = reading.container(
        name,
        "application/pdf",
        || {
            let pdf = Pdf::new(bytes.to_vec());
            let embedded = Embedded::of(pdf.as_ref().ok(), bytes, &budget);
            (pdf, embedded)
        },
        |reading, (pdf, embedded)| {
            let mut content = read_pages(reading, name, bytes, pdf);
            embedded.tell(&mut content, name);
            content
        },
    );
    let Some((_, embedded)) = opened else { return };
    for (name, bytes) in embedded.files {
        sniff::read_file(reading, Some(&name), &bytes, depth + 1);
    }
}

fn read_pages(
    reading: &mut Reading<'_>,
    name: Option<&str>,
    bytes: &[u8],
    pdf: &Result<Pdf, LoadPdfError>,
) -> Content {
    let pdf = match pdf {
        Ok(pdf) => pdf,
        Err(LoadPdfError::Decryption(DecryptionError::PasswordProtected)) => {
            return Content::unread(
                Problem::Encrypted,
                format!(
                    "{} is beveiligd met een wachtwoord; vraag om een versie zonder wachtwoord.",
                    called(name)
                ),
            );
        }
        Err(LoadPdfError::Decryption(_)) => {
            return Content::unread(
                Problem::Encrypted,
                format!("{} is beveiligd op een manier die niet kan worden gelezen.", called(name)),
            );
        }
        Err(LoadPdfError::Invalid) => return with_lopdf(name, bytes),
    };
    let pages = pdf.pages();
    let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    if count == 0 {
        return with_lopdf(name, bytes);
    }
    let mut paper = Paper::default();
    let behind = reading.pages_behind();
    let of = count.min(TEXT_PAGES_MAX);
    // Pages that need more than their text layer, of which fewer are read.
    let mut drawn = behind.min(PAGES_MAX);
    let mut left_out = count - of;
    reading.page_done(behind, of, None);
    let mut caches = Caches::new();
    for (number, page) in (1..=of).zip(pages.iter()).skip(behind as usize) {
        if let Some(leaf) = reading.page_of_other(number) {
            drawn += u32::from(leaf.recognised);
            paper.add(number, leaf);
            reading.page_done(number, of, Some(&paper.leaf()));
            continue;
        }
        // Too many pages to draw: whoever helps would draw them all the same.
        let sharing = (drawn < PAGES_MAX).then_some(Sharing { of, document: bytes });
        let how = Drawing { allowed: drawn < PAGES_MAX, sharing: sharing.as_ref() };
        let one = AssertUnwindSafe(|| read_page(reading, &mut paper, pdf, page, number, &caches, &how));
        match catch_unwind(one) {
            Ok(Ok(PageRead::Text)) => {}
            Ok(Ok(PageRead::Drawn)) => drawn += 1,
            Ok(Ok(PageRead::LeftOut)) => left_out += 1,
            Ok(Err(error)) => {
                reading.engine_failed(error);
                break;
            }
            Err(_) => {
                // Whatever was in the middle of something is not used again.
                reading.engine().forget();
                caches = Caches::new();
                paper.fail(Problem::Damaged);
            }
        }
        reading.page_done(number, of, Some(&paper.leaf()));
    }
    let mut content = paper.into_content(name, count);
    add_xfa(&mut content, pdf, name);
    if content.text.is_empty() && is_blanked(bytes) {
        return damaged(name);
    }
    if !is_whole(bytes) {
        if content.text.is_empty() {
            return damaged(name);
        }
        content.notes.push((
            Problem::Damaged,
            format!("{} is niet compleet; misschien is niet alles gelezen.", called(name)),
        ));
    }
    if left_out > 0 {
        content.notes.push((
            Problem::TooLarge,
            format!("{} heeft {count} bladzijden; de laatste {left_out} zijn niet gelezen.", called(name)),
        ));
    }
    content
}

/// What others need to help with the pages.
struct Sharing<'a> {
    of: u32,
    document: &'a [u8],
}

/// Reads pages for another worker, which keeps them in their places: `first`, then those that are asked for.
pub(in crate::extract) fn read_for_other(reading: &mut Reading<'_>, bytes: &[u8], first: u32) {
    let Ok(pdf) = Pdf::new(bytes.to_vec()) else { return };
    let pages = pdf.pages();
    let caches = Caches::new();
    let mut paper = Paper::default();
    let how = Drawing { allowed: true, sharing: None };
    let mut next = Some(first);
    while let Some(number) = next {
        let Some(page) = pages.get((number as usize).wrapping_sub(1)) else { return };
        if let Err(error) = read_page(reading, &mut paper, &pdf, page, number, &caches, &how) {
            reading.engine_failed(error);
            return;
        }
        reading.page_brought(number, pages.len() as u32, &paper.leaf());
        next = reading.page_for_other();
    }
}

/// Adds what was filled in on an XFA form, which its pages may not show.
fn add_xfa(content: &mut Content, pdf: &Pdf, name: Option<&str>) {
    let Some(lines) = filled::xfa(pdf, &content.text) else { return };
    // The page that programs show that do not know such forms, in whatever language.
    let shown_elsewhere = content.text.contains("Adobe Reader") && content.text.chars().count() < 1500;
    if shown_elsewhere {
        content.notes.push((
            Problem::Unsupported,
            format!(
                "{} is een formulier dat alleen met Adobe Reader is te zien: alleen wat is ingevuld, is gelezen.",
                called(name)
            ),
        ));
    }
    if !lines.is_empty() {
        let said = crate::extract::reading::tidy(&lines.join("\n"));
        content.text = if content.text.is_empty() { said } else { format!("{}\n\n{said}", content.text) };
        content.problem = content.problem.filter(|&problem| problem != Problem::Empty);
        content.notes.retain(|(problem, _)| *problem != Problem::Empty);
    }
}

/// Bytes of nothing but zeroes in a row that no whole file has: a copy that broke off, or a disk that did.
const BLANKED_BYTES: usize = 2048;

fn is_blanked(bytes: &[u8]) -> bool {
    bytes.chunk_by(|one, other| one == other).any(|run| run.len() >= BLANKED_BYTES && run[0] == 0)
}

/// How a page was read.
enum PageRead {
    Text,
    /// Its picture was looked at.
    Drawn,
    /// It would have had to be drawn, and too many were.
    LeftOut,
}

/// May a page be drawn, and who helps with the pages behind it?
struct Drawing<'a> {
    allowed: bool,
    sharing: Option<&'a Sharing<'a>>,
}

/// What one page leaves for the next: fonts and images that both use.
struct Caches<'a> {
    text: InterpreterCache<'a>,
    drawing: RenderCache<'a>,
}

impl Caches<'_> {
    fn new() -> Self {
        Self { text: InterpreterCache::new(), drawing: RenderCache::new() }
    }
}

fn read_page<'a>(
    reading: &mut Reading<'_>,
    paper: &mut Paper,
    pdf: &'a Pdf,
    page: &'a Page<'a>,
    number: u32,
    caches: &Caches<'a>,
    how: &Drawing<'_>,
) -> Result<PageRead, EngineError> {
    let (width, height) = page.render_dimensions();
    let mut layer = PageText::new(f64::from(width), f64::from(height));
    look(page, pdf, &caches.text, &mut layer);
    // Nothing is drawn on it; a comment may still lie there.
    if layer.is_bare() {
        paper.text_page(filled::written_on(page, "").join("\n"));
        return Ok(PageRead::Text);
    }
    if is_text(&layer) {
        let (mut text, words) = layer.into_text(number, reading.words);
        for line in filled::written_on(page, &text) {
            text.push_str("\n\n");
            text.push_str(&line);
        }
        paper.text_page(text);
        let pixels = |points: f32| (f64::from(points) * BOX_DPI / 72.0).round() as u32;
        let size = PageSize { page: number, width: pixels(width), height: pixels(height), turns: 0 };
        paper.keep_words(size, words);
        return Ok(PageRead::Text);
    }
    if layer.image_pixels > IMAGE_PIXELS_MAX {
        paper.fail(Problem::TooLarge);
        return Ok(PageRead::Drawn);
    }
    if !how.allowed {
        return Ok(PageRead::LeftOut);
    }
    let whole = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let ((image, dpi), area) = match scanned(page, pdf, &caches.text, &layer) {
        Some(scan) => (scan, layer.image_area),
        None => (rendered(page, &caches.drawing), whole),
    };
    if layer.has_unseen() && layer.letters() == 0 {
        let mut behind = PageText::behind_picture(whole.width(), whole.height());
        look(page, pdf, &caches.text, &mut behind);
        let picture = unseen::Picture { image: &image, area, dpi };
        if let Some((text, words)) = unseen::believed(reading, behind, number, &picture)? {
            let written = filled::written_on(page, &text);
            paper.text_page([vec![text], written].concat().join("\n\n"));
            if reading.words {
                let size = PageSize { page: number, width: image.width(), height: image.height(), turns: 0 };
                paper.keep_words(size, words);
            }
            return Ok(PageRead::Drawn);
        }
    }
    if let Some(sharing) = how.sharing {
        reading.share(number, sharing.of, sharing.document);
    }
    // Letters that mean nothing still show how the page lies, and what has no picture was not scanned.
    let lies = (layer.images == 0 || layer.image_share < 0.5 && layer.runs_across()).then_some(0);
    paper.recognise(reading, number, image, Some(dpi), lies)?;
    let written = filled::written_on(page, paper.last_text());
    paper.text_page(written.join("\n"));
    Ok(PageRead::Drawn)
}

/// Does the file end as a PDF ends? One that was cut off on the way does not.
fn is_whole(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(4096)..];
    tail.windows(5).any(|word| word == b"%%EOF") || tail.windows(9).any(|word| word == b"startxref")
}

fn damaged(name: Option<&str>) -> Content {
    Content::unread(
        Problem::Damaged,
        format!("{} is beschadigd of niet compleet en kan niet worden gelezen.", called(name)),
    )
}

/// Is the page's text layer what a reader sees?
pub(super) fn is_text(layer: &PageText) -> bool {
    if layer.letters() == 0 || layer.is_rubbish() {
        return false;
    }
    // A stamp or page number over a scan does not make the scan readable.
    layer.image_share < 0.5 || layer.letters() >= LETTERS_MIN
}

pub(super) fn look<'a>(
    page: &Page<'a>,
    pdf: &'a Pdf,
    cache: &InterpreterCache<'a>,
    device: &mut impl Device<'a>,
) {
    let (width, height) = page.render_dimensions();
    let transform = page.initial_transform(true).to_kurbo();
    let area = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let mut context = Context::new(transform, area, cache, pdf.xref(), InterpreterSettings::default());
    interpret_page(page, &mut context, device);
}

/// The one image that a scanner's page consists of, taken out as it is, with its resolution; `None` when the
/// page is more than that.
pub(super) fn scanned<'a>(
    page: &Page<'a>,
    pdf: &'a Pdf,
    cache: &InterpreterCache<'a>,
    layer: &PageText,
) -> Option<(GrayImage, u32)> {
    if layer.images != 1 || layer.image_share < 0.8 || layer.letters() > 0 {
        return None;
    }
    let mut taker = ImageTaker { image: None, other: false };
    look(page, pdf, cache, &mut taker);
    if taker.other {
        return None;
    }
    let (image, transform) = taker.image?;
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    let [a, b, c, d, _, _] = transform.as_coeffs();
    let flat = |one: f64, other: f64| one.abs() < other.abs() * 0.02;
    let (turned, wide) = if flat(b, a) && flat(c, d) && a > 0.0 && d > 0.0 {
        (image, a * width)
    } else if flat(b, a) && flat(c, d) && a < 0.0 && d < 0.0 {
        (turn(&image, 2)?, -a * width)
    } else if flat(a, b) && flat(d, c) && b > 0.0 && c < 0.0 {
        (turn(&image, 1)?, -c * height)
    } else if flat(a, b) && flat(d, c) && b < 0.0 && c > 0.0 {
        (turn(&image, 3)?, c * height)
    } else {
        return None;
    };
    let dpi = f64::from(turned.width()) * 72.0 / wide.max(1.0);
    (dpi > 90.0).then_some((turned, dpi.clamp(1.0, 2400.0) as u32))
}

/// Takes the image of a scanned page; notices when there is anything else to see.
struct ImageTaker {
    image: Option<(GrayImage, Affine)>,
    other: bool,
}

impl<'a> Device<'a> for ImageTaker {
    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let Image::Raster(raster) = image else {
            self.other = true;
            return;
        };
        let mut taken = None;
        let declared = (f64::from(raster.width()), f64::from(raster.height()));
        raster.with_rgba(|data, alpha| taken = alpha.is_none().then(|| grey(data)).flatten(), None);
        match taken {
            Some(grey) if self.image.is_none() => {
                // A file may declare another size than its image has.
                let (width, height) = (f64::from(grey.width()), f64::from(grey.height()));
                let fit =
                    Affine::scale_non_uniform(declared.0 / width.max(1.0), declared.1 / height.max(1.0));
                self.image = Some((grey, props.transform * fit));
            }
            _ => self.other = true,
        }
    }

    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, mode: &DrawMode) {
        self.other |= !matches!(mode, DrawMode::Invisible);
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {
        self.other = true;
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

fn grey(data: ImageData) -> Option<GrayImage> {
    match data {
        ImageData::Luma(luma) => GrayImage::from_raw(luma.width, luma.height, luma.data),
        ImageData::Rgb(rgb) => RgbImage::from_raw(rgb.width, rgb.height, rgb.data)
            .map(|image| DynamicImage::ImageRgb8(image).into_luma8()),
    }
}

/// The page drawn in grey on white, with its resolution.
fn rendered<'a>(page: &'a Page<'a>, cache: &RenderCache<'a>) -> (GrayImage, u32) {
    let (width, height) = page.render_dimensions();
    let (width, height) = (width.max(1.0), height.max(1.0));
    let mut scale = RENDER_DPI / 72.0;
    scale = scale.min((RENDER_PIXELS_MAX / (width * height)).sqrt());
    scale = scale.min(12_000.0 / width.max(height));
    (drawn(page, cache, scale).into_luma8(), (scale * 72.0) as u32)
}

/// The page drawn on white, so nothing is transparent; `scale` is pixels for each point (1/72 inch).
pub(in crate::extract) fn drawn<'a>(page: &'a Page<'a>, cache: &RenderCache<'a>, scale: f32) -> DynamicImage {
    let settings = PixmapSettings {
        x_scale: scale,
        y_scale: scale,
        bg_color: hayro::vello_cpu::color::palette::css::WHITE,
    };
    let pixmap =
        hayro::render(page, cache, &InterpreterSettings::default(), &RenderSettings::default(), &settings);
    let (width, height) = (u32::from(pixmap.width()), u32::from(pixmap.height()));
    let drawn = RgbaImage::from_raw(width, height, pixmap.data_as_u8_slice().to_vec()).unwrap_or_default();
    DynamicImage::ImageRgba8(drawn)
}

/// A file that hayro does not open: lopdf mends more kinds of damage, but knows less about text.
fn with_lopdf(name: Option<&str>, bytes: &[u8]) -> Content {
    let Ok(document) = lopdf::Document::load_mem(bytes) else { return damaged(name) };
    let pages: Vec<u32> = document.get_pages().into_keys().take(PAGES_MAX as usize).collect();
    let text = document.extract_text_with_limit(&pages, bound()).unwrap_or_default();
    let text = crate::extract::reading::tidy(&text);
    if text.chars().filter(|c| c.is_alphanumeric()).count() < 20 {
        return damaged(name);
    }
    let mut content = Content::of(Method::TextLayer, text);
    content.pages = u32::try_from(pages.len()).ok();
    content.notes.push((
        Problem::Damaged,
        format!("{} is beschadigd; misschien is niet alles gelezen.", called(name)),
    ));
    content
}

fn bound() -> usize {
    usize::try_from(UNPACKED_BYTES_MAX).unwrap_or(usize::MAX)
}
