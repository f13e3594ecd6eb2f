//! The letters of a day as one PDF, to print in one go.
//!
//! Only letters of our own making come here. Printed on both sides, each letter begins on a front: behind one with an
//! odd number of pages comes an empty one, or the next citizen's letter would stand on its back. Invariant: the pages
//! are those of the letters, in their order; what belongs to no page (tags, outline, titles) is left out, for the
//! bundle goes to a printer and never to a reader.

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};

/// Is the bundle printed on both sides of the paper?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    One,
    Two,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("letter {number} of the bundle cannot be read")]
    Letter { number: usize, source: lopdf::Error },
    #[error("letter {number} of the bundle has no pages")]
    Empty { number: usize },
    #[error("the bundle cannot be written")]
    Write { source: std::io::Error },
}

/// What a page has from its page tree when it does not say so itself (ISO 32000-1, 7.7.3.4).
const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];
/// What ties a page to what is left out.
const LEFT_OUT: [&[u8]; 5] = [b"StructParents", b"Tabs", b"Annots", b"Thumb", b"B"];
/// A4 in points.
const MEDIA_BOX: [f32; 4] = [0.0, 0.0, 595.28, 841.89];

/// Puts letters into one PDF.
///
/// # Errors
/// When one of them is no PDF with pages.
pub fn bundle(letters: &[Vec<u8>], sides: Sides) -> Result<Vec<u8>, BundleError> {
    let mut whole = Document::with_version("1.7");
    let tree = whole.new_object_id();
    let mut pages: Vec<Object> = Vec::new();
    for (index, bytes) in letters.iter().enumerate() {
        let number = index + 1;
        let mut letter =
            Document::load_mem(bytes).map_err(|source| BundleError::Letter { number, source })?;
        letter.renumber_objects_with(whole.max_id + 1);
        let own: Vec<ObjectId> = letter.get_pages().into_values().collect();
        if own.is_empty() {
            return Err(BundleError::Empty { number });
        }
        for page in &own {
            let settled = settled(&letter, *page, tree);
            letter.objects.insert(*page, Object::Dictionary(settled));
        }
        whole.max_id = letter.max_id;
        whole.objects.extend(letter.objects);
        pages.extend(own.iter().map(|page| Object::Reference(*page)));
        if sides == Sides::Two && own.len() % 2 == 1 && number < letters.len() {
            pages.push(Object::Reference(empty_page(&mut whole, tree)));
        }
    }
    let count = i64::try_from(pages.len()).unwrap_or(i64::MAX);
    whole.objects.insert(tree, dictionary! { "Type" => "Pages", "Count" => count, "Kids" => pages }.into());
    let catalog = whole.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    whole.trailer.set("Root", catalog);
    // Catalogs, tags and outlines of the letters hang on nothing any more.
    whole.prune_objects();
    whole.renumber_objects();
    let mut bytes = Vec::new();
    whole.save_to(&mut bytes).map_err(|source| BundleError::Write { source })?;
    Ok(bytes)
}

/// The page with all that it had from above, under the new tree.
fn settled(letter: &Document, page: ObjectId, tree: ObjectId) -> Dictionary {
    let mut settled = letter.get_dictionary(page).cloned().unwrap_or_default();
    let mut above = settled.get(b"Parent").and_then(Object::as_reference).ok();
    // As deep as a page tree of ours can be.
    for _ in 0..16 {
        let Some(node) = above.and_then(|id| letter.get_dictionary(id).ok()) else { break };
        for key in INHERITED {
            if let (false, Ok(value)) = (settled.has(key), node.get(key)) {
                settled.set(key, value.clone());
            }
        }
        above = node.get(b"Parent").and_then(Object::as_reference).ok();
    }
    for key in LEFT_OUT {
        settled.remove(key);
    }
    settled.set("Parent", tree);
    settled
}

fn empty_page(whole: &mut Document, tree: ObjectId) -> ObjectId {
    let content = whole.add_object(Stream::new(Dictionary::new(), Vec::new()));
    let media_box: Vec<Object> = MEDIA_BOX.into_iter().map(Object::Real).collect();
    whole.add_object(dictionary! {
        "Type" => "Page",
        "Parent" => tree,
        "MediaBox" => media_box,
        "Resources" => Dictionary::new(),
        "Contents" => content,
    })
}
