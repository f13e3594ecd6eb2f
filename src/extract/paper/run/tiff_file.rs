//! A run that is a TIFF (revision 6.0): its pages taken apart as they are.
//!
//! The tags and strips of a page are copied byte for byte; only the places where they stand are new. BigTIFF and the
//! JPEG of the first edition, whose data may stand anywhere, are not taken apart. Invariant: nothing is read outside of the
//! file, and no page is decoded.

use crate::limits::RUN_PAGES_MAX;

const STRIP_OFFSETS: u16 = 273;
const STRIP_BYTES: u16 = 279;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTES: u16 = 325;
const COMPRESSION: u16 = 259;
/// Tags that point to other lists of tags: what cameras write; the page is whole without.
const POINTERS: [u16; 4] = [330, 34665, 34853, 40965];
/// Where the JPEG of the first edition says its data are.
const FIRST_EDITION: [u16; 2] = [513, 514];
const LONG: u16 = 4;

/// One page: its tags, and its strips or tiles.
struct TiffPage<'a> {
    tags: Vec<(u16, u16, u32, &'a [u8])>,
    strips: Vec<&'a [u8]>,
    tiled: bool,
}

/// A TIFF in its own order of bytes.
struct Tiff<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl<'a> Tiff<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let little = match bytes.get(..4)? {
            [b'I', b'I', 42, 0] => true,
            [b'M', b'M', 0, 42] => false,
            _ => return None,
        };
        Some(Self { bytes, little })
    }

    fn part(&self, at: u32, length: usize) -> Option<&'a [u8]> {
        let at = usize::try_from(at).ok()?;
        self.bytes.get(at..at.checked_add(length)?)
    }

    fn short(&self, bytes: &[u8]) -> Option<u16> {
        let two = bytes.get(..2)?.try_into().ok()?;
        Some(if self.little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    }

    fn long(&self, bytes: &[u8]) -> Option<u32> {
        let four = bytes.get(..4)?.try_into().ok()?;
        Some(if self.little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }

    /// The pages in the order of the file.
    fn pages(&self) -> Option<Vec<TiffPage<'a>>> {
        let mut pages = Vec::new();
        let mut at = self.long(self.bytes.get(4..)?)?;
        while at != 0 {
            // A list that leads back to itself has no end.
            if pages.len() >= RUN_PAGES_MAX {
                return None;
            }
            let count = usize::from(self.short(self.part(at, 2)?)?);
            let list = self.part(at.checked_add(2)?, count * 12 + 4)?;
            pages.push(self.page(&list[..count * 12])?);
            at = self.long(&list[count * 12..])?;
        }
        Some(pages)
    }

    fn page(&self, list: &'a [u8]) -> Option<TiffPage<'a>> {
        let mut tags = Vec::new();
        for entry in list.chunks_exact(12) {
            let (tag, kind) = (self.short(entry)?, self.short(&entry[2..])?);
            let count = self.long(&entry[4..])?;
            let length = usize::try_from(count).ok()?.checked_mul(size_of(kind)?)?;
            let value =
                if length <= 4 { &entry[8..8 + length] } else { self.part(self.long(&entry[8..])?, length)? };
            if FIRST_EDITION.contains(&tag) || (tag == COMPRESSION && self.short(value)? == 6) {
                return None;
            }
            if !POINTERS.contains(&tag) {
                tags.push((tag, kind, count, value));
            }
        }
        let tiled = tags.iter().any(|(tag, ..)| *tag == TILE_OFFSETS);
        let (starts, lengths) = if tiled { (TILE_OFFSETS, TILE_BYTES) } else { (STRIP_OFFSETS, STRIP_BYTES) };
        let (starts, lengths) = (self.numbers(&tags, starts)?, self.numbers(&tags, lengths)?);
        if starts.len() != lengths.len() {
            return None;
        }
        let strips: Option<Vec<_>> = starts
            .into_iter()
            .zip(lengths)
            .map(|(start, length)| self.part(start, usize::try_from(length).ok()?))
            .collect();
        tags.retain(|(tag, ..)| ![STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES].contains(tag));
        Some(TiffPage { tags, strips: strips?, tiled })
    }

    fn numbers(&self, tags: &[(u16, u16, u32, &[u8])], wanted: u16) -> Option<Vec<u32>> {
        let (_, kind, _, value) = tags.iter().find(|(tag, ..)| *tag == wanted)?;
        match kind {
            3 => value.chunks_exact(2).map(|two| self.short(two).map(u32::from)).collect(),
            4 => value.chunks_exact(4).map(|four| self.long(four)).collect(),
            _ => None,
        }
    }
}

/// Bytes of one value of a field type.
fn size_of(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 => Some(8),
        _ => None,
    }
}

/// A file for each letter, with these pages: (file, page from 0). `None` where the files cannot be taken apart.
pub(super) fn split(files: &[&[u8]], letters: &[Vec<(usize, usize)>], mark: &str) -> Option<Vec<Vec<u8>>> {
    let mut sources = Vec::new();
    let mut little = None;
    for bytes in files {
        let tiff = Tiff::open(bytes)?;
        // Values are copied as they stand: all in one order of bytes.
        if *little.get_or_insert(tiff.little) != tiff.little {
            return None;
        }
        sources.push(tiff.pages()?);
    }
    let little = little?;
    let mut split = Vec::with_capacity(letters.len());
    for (number, pages) in letters.iter().enumerate() {
        let mut out = Out::new(little);
        for &(file, page) in pages {
            out.page(sources.get(file)?.get(page)?)?;
        }
        // Behind the last page, where no reader looks: no two letters are the same bytes.
        out.bytes.extend(format!("{mark} {}", number + 1).bytes());
        split.push(out.bytes);
    }
    Some(split)
}

/// A TIFF in the making.
struct Out {
    bytes: Vec<u8>,
    little: bool,
    /// Where the place of the next page is to be written.
    link: usize,
}

impl Out {
    fn new(little: bool) -> Self {
        let start: &[u8; 8] = if little { b"II*\0\0\0\0\0" } else { b"MM\0*\0\0\0\0" };
        Self { bytes: start.to_vec(), little, link: 4 }
    }

    fn short(&self, value: u16) -> [u8; 2] {
        if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    fn long(&self, value: u32) -> [u8; 4] {
        if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    /// Writes bytes on a word boundary; where they stand.
    fn put(&mut self, bytes: &[u8]) -> Option<u32> {
        if self.bytes.len() % 2 == 1 {
            self.bytes.push(0);
        }
        let at = u32::try_from(self.bytes.len()).ok()?;
        self.bytes.extend(bytes);
        Some(at)
    }

    fn page(&mut self, page: &TiffPage<'_>) -> Option<()> {
        let (mut starts, mut lengths) = (Vec::new(), Vec::new());
        for strip in &page.strips {
            let at = self.put(strip)?;
            starts.extend(self.long(at));
            lengths.extend(self.long(u32::try_from(strip.len()).ok()?));
        }
        let (start_tag, length_tag) =
            if page.tiled { (TILE_OFFSETS, TILE_BYTES) } else { (STRIP_OFFSETS, STRIP_BYTES) };
        let count = u32::try_from(page.strips.len()).ok()?;
        let mut tags = page.tags.clone();
        tags.push((start_tag, LONG, count, &starts));
        tags.push((length_tag, LONG, count, &lengths));
        tags.sort_by_key(|(tag, ..)| *tag);
        let mut list = self.short(u16::try_from(tags.len()).ok()?).to_vec();
        for (tag, kind, count, value) in tags {
            list.extend(self.short(tag));
            list.extend(self.short(kind));
            list.extend(self.long(count));
            if value.len() <= 4 {
                list.extend(value);
                list.extend(&[0; 4][value.len()..]);
            } else {
                let at = self.put(value)?;
                list.extend(self.long(at));
            }
        }
        list.extend([0; 4]);
        let at = self.put(&list)?;
        let link = self.long(at);
        self.bytes.get_mut(self.link..self.link + 4)?.copy_from_slice(&link);
        self.link = self.bytes.len() - 4;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::paper::tiff_pages;
    use std::io::Cursor;
    use tiff::encoder::{TiffEncoder, colortype};

    fn three_pages() -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        for shade in [10, 20, 30] {
            encoder.write_image::<colortype::Gray8>(40, 30, &vec![shade; 1200]).unwrap();
        }
        bytes.into_inner()
    }

    fn shades(bytes: &[u8]) -> Vec<u8> {
        let mut shades = Vec::new();
        tiff_pages::pages(bytes, 0, |page| {
            shades.push(page.unwrap().page.as_raw()[0]);
            true
        });
        shades
    }

    #[test]
    fn pages_come_apart_and_stay_what_they_are() {
        let run = three_pages();
        let letters = split(&[&run], &[vec![(0, 0)], vec![(0, 2), (0, 1)]], "x").unwrap();
        assert_eq!(shades(&letters[0]), [10]);
        assert_eq!(shades(&letters[1]), [30, 20]);
        let two = split(&[&run, &run], &[vec![(0, 0), (1, 2)]], "x").unwrap();
        assert_eq!(shades(&two[0]), [10, 30]);
    }

    #[test]
    fn what_points_outside_or_in_circles_is_left_whole() {
        let run = three_pages();
        let first = u32::from_le_bytes(run[4..8].try_into().unwrap()) as usize;
        let next = first + 2 + usize::from(run[first]) * 12;
        let mut circle = run.clone();
        circle.copy_within(4..8, next);
        assert!(split(&[&circle], &[vec![(0, 0)]], "x").is_none());
        assert!(split(&[&run[..run.len() - 40]], &[vec![(0, 0)]], "x").is_none());
        for cut in 0..run.len().min(400) {
            let _ = split(&[&run[..cut]], &[vec![(0, 0)]], "x");
        }
    }
}
