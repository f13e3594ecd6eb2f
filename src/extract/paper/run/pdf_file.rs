//! A run that is a PDF: a look at each of its pages, and its pages taken apart.
//!
//! Invariant: what a page is made of is copied as it stands, packed as it was; nothing is drawn or compressed anew.
//! A page takes along what it refers to, and never another page.

use super::plan::Sight;
use super::separator::{GLANCE_SIDE, glance, separator};
use crate::extract::paper::page_image::ink;
use crate::extract::paper::page_text::PageText;
use crate::extract::paper::pages::INK_MIN;
use crate::extract::paper::pdf::{drawn, look, scanned};
use crate::limits::{IMAGE_PIXELS_MAX, RUN_PAGES_MAX};
use hayro::RenderCache;
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::page::Page;
use hayro_interpret::InterpreterCache;
use image::GrayImage;
use lopdf::{Dictionary, Document, Object, ObjectId, dictionary};
use std::collections::HashMap;

/// Letters in a text layer above which a page is no sheet. Ours have about 250, and a scanner's reading of them may
/// have more.
const SHEET_LETTERS_MAX: usize = 700;

/// How far up the page tree what a page inherits is looked for (ISO 32000-1, 7.7.3.4).
const TREE_DEPTH_MAX: usize = 32;

/// What each page is. `None`: no PDF that can be opened, or more pages than a run may have.
pub(super) fn sights(bytes: &[u8], values: &[String], page_begins: &mut dyn FnMut()) -> Option<Vec<Sight>> {
    let pdf = Pdf::new(bytes.to_vec()).ok()?;
    let pages = pdf.pages();
    if pages.len() > RUN_PAGES_MAX {
        return None;
    }
    let (cache, render_cache) = (InterpreterCache::new(), RenderCache::new());
    let mut sights = Vec::with_capacity(pages.len());
    for page in pages.iter() {
        page_begins();
        let (width, height) = page.render_dimensions();
        let mut layer = PageText::new(f64::from(width), f64::from(height));
        look(page, &pdf, &cache, &mut layer);
        if layer.letters() > SHEET_LETTERS_MAX || layer.image_pixels > IMAGE_PIXELS_MAX {
            sights.push(Sight::Page);
            continue;
        }
        let image = match scanned(page, &pdf, &cache, &layer) {
            Some((scan, _)) => scan,
            None => drawn_small(page, &render_cache),
        };
        sights.push(sight(&image, values));
    }
    Some(sights)
}

/// What a page image is.
pub(super) fn sight(page: &GrayImage, values: &[String]) -> Sight {
    let small = glance(page);
    match separator(&small, page, values) {
        Some(sheet) => Sight::Sheet(sheet),
        None if ink(&small) < INK_MIN => Sight::Blank,
        None => Sight::Page,
    }
}

/// The page drawn as large as a glance.
fn drawn_small<'a>(page: &'a Page<'a>, cache: &RenderCache<'a>) -> GrayImage {
    let (width, height) = page.render_dimensions();
    drawn(page, cache, GLANCE_SIDE as f32 / width.max(height).max(1.0)).into_luma8()
}

/// A file for each letter, with these pages: (file, page from 0). `None` where the files cannot be taken apart.
pub(super) fn split(files: &[&[u8]], letters: &[Vec<(usize, usize)>], mark: &str) -> Option<Vec<Vec<u8>>> {
    let mut sources = Vec::new();
    for bytes in files {
        let document = Document::load_mem(bytes).ok()?;
        if document.is_encrypted() && document.encryption_state.is_none() {
            return None;
        }
        let pages: Vec<ObjectId> = document.get_pages().into_values().collect();
        sources.push((document, pages));
    }
    let mut split = Vec::with_capacity(letters.len());
    for (number, pages) in letters.iter().enumerate() {
        let mut letter = Letter::new(&sources);
        for &(file, page) in pages {
            letter.add(file, *sources.get(file)?.1.get(page)?)?;
        }
        split.push(letter.finish(&format!("{mark} {}", number + 1))?);
    }
    Some(split)
}

/// One letter's file in the making.
struct Letter<'a> {
    sources: &'a [(Document, Vec<ObjectId>)],
    document: Document,
    pages: ObjectId,
    kids: Vec<Object>,
    /// What was taken along, by its number in its source.
    copied: HashMap<(usize, ObjectId), ObjectId>,
    /// Taken along, not yet copied.
    todo: Vec<(usize, ObjectId, ObjectId)>,
}

impl<'a> Letter<'a> {
    fn new(sources: &'a [(Document, Vec<ObjectId>)]) -> Self {
        let mut document = Document::with_version("1.7");
        let pages = document.new_object_id();
        Self { sources, document, pages, kids: Vec::new(), copied: HashMap::new(), todo: Vec::new() }
    }

    fn add(&mut self, file: usize, page: ObjectId) -> Option<()> {
        let source = &self.sources.get(file)?.0;
        let mut dictionary = source.get_dictionary(page).ok()?.clone();
        let mut above = dictionary.clone();
        for _ in 0..TREE_DEPTH_MAX {
            let Ok(parent) = above.get(b"Parent").and_then(Object::as_reference) else { break };
            let Ok(parent) = source.get_dictionary(parent) else { break };
            above = parent.clone();
            for key in [b"Resources".as_slice(), b"MediaBox", b"CropBox", b"Rotate"] {
                if let (false, Ok(inherited)) = (dictionary.has(key), above.get(key)) {
                    dictionary.set(key, inherited.clone());
                }
            }
        }
        // What ties a page to others: its place in the tree, threads of articles, and the structure of the whole.
        for key in [b"Parent".as_slice(), b"B", b"StructParents"] {
            dictionary.remove(key);
        }
        let id = self.document.new_object_id();
        self.copied.insert((file, page), id);
        let mut object = Object::Dictionary(dictionary);
        self.adopt(file, &mut object);
        if let Object::Dictionary(dictionary) = &mut object {
            dictionary.set("Parent", Object::Reference(self.pages));
        }
        self.document.objects.insert(id, object);
        self.kids.push(Object::Reference(id));
        while let Some((file, from, to)) = self.todo.pop() {
            let mut object = self.sources.get(file)?.0.objects.get(&from).cloned().unwrap_or(Object::Null);
            self.adopt(file, &mut object);
            self.document.objects.insert(to, object);
        }
        Some(())
    }

    /// Turns the references within an object of a source into ours.
    fn adopt(&mut self, file: usize, object: &mut Object) {
        match object {
            Object::Reference(id) => {
                let from = *id;
                if let Some(known) = self.copied.get(&(file, from)) {
                    *object = Object::Reference(*known);
                } else if self.is_of_the_tree(file, from) {
                    *object = Object::Null;
                } else {
                    let to = self.document.new_object_id();
                    self.copied.insert((file, from), to);
                    self.todo.push((file, from, to));
                    *object = Object::Reference(to);
                }
            }
            Object::Array(items) => items.iter_mut().for_each(|item| self.adopt(file, item)),
            Object::Dictionary(dictionary) => self.adopt_all(file, dictionary),
            Object::Stream(stream) => self.adopt_all(file, &mut stream.dict),
            _ => {}
        }
    }

    fn adopt_all(&mut self, file: usize, dictionary: &mut Dictionary) {
        dictionary.iter_mut().for_each(|(_, value)| self.adopt(file, value));
    }

    /// Another page, or the tree that holds them all.
    fn is_of_the_tree(&self, file: usize, id: ObjectId) -> bool {
        let object = self.sources.get(file).and_then(|(source, _)| source.objects.get(&id));
        let kind = object.and_then(|object| object.as_dict().ok()).and_then(|one| one.get_type().ok());
        matches!(kind, Some(b"Page" | b"Pages" | b"Catalog"))
    }

    fn finish(mut self, title: &str) -> Option<Vec<u8>> {
        let count = i64::try_from(self.kids.len()).ok()?;
        let tree = dictionary! { "Type" => "Pages", "Kids" => self.kids, "Count" => count };
        self.document.objects.insert(self.pages, tree.into());
        let catalog = self.document.add_object(dictionary! { "Type" => "Catalog", "Pages" => self.pages });
        let about = self.document.add_object(dictionary! {
            "Title" => Object::string_literal(title),
            "Creator" => Object::string_literal("bode"),
        });
        self.document.trailer.set("Root", catalog);
        self.document.trailer.set("Info", about);
        let mut bytes = Vec::new();
        self.document.save_to(&mut bytes).ok()?;
        Some(bytes)
    }
}
